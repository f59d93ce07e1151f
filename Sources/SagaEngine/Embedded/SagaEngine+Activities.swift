public import SagaCore

/// Attempts that go on outside of the engine's own activities, by the token that their activity kept
/// (`ActivityCompletesLater`). The token is good for an engine over the same store.
extension SagaEngine {
    /// Reports that an attempt succeeded, with what the activity would have returned.
    /// - Throws: `CallFailure` if the token is none, or the store fails; whatever encoding the output throws.
    @discardableResult
    public func completeActivity<Output: Encodable>(
        token: [UInt8], returning output: Output
    ) async throws -> ReportVerdict {
        try await report(token, .completed(output: try encode(output), undoData: nil))
    }

    /// Reports that an attempt failed.
    /// - Parameter outcome: Whether it may have had an effect. Default: what the error's kind implies.
    @discardableResult
    public func failActivity(
        token: [UInt8], error: SagaError, outcome: StepOutcome? = nil
    ) async throws(CallFailure) -> ReportVerdict {
        try await report(token, .failed(error, outcome: outcome ?? error.impliedOutcome))
    }

    /// Reports that an attempt has stopped because it was asked to.
    @discardableResult
    public func stopActivity(token: [UInt8], hadNoEffect: Bool = false) async throws(CallFailure) -> ReportVerdict {
        try await report(token, .canceled(outcome: hadNoEffect ? .noEffect : .unknown, details: nil))
    }

    /// Says that an attempt is alive.
    /// - Returns: Whether it still counts, and whether it should stop.
    @discardableResult
    public func heartbeatActivity(
        token: [UInt8], details: Payload? = nil
    ) async throws(CallFailure) -> (isCurrent: Bool, isCancelRequested: Bool) {
        let sign = ActivityHeartbeatCall(
            namespace: Self.namespace, reference: try reference(token), details: details)
        guard case .alive(let isCurrent, let isCancelRequested) = try await call(.heartbeatActivity(sign)) else {
            throw CallFailure(.internalError, "the engine gave another answer than was asked for")
        }
        return (isCurrent, isCancelRequested)
    }

    private func report(_ token: [UInt8], _ result: ActivityResult) async throws(CallFailure) -> ReportVerdict {
        let report = ActivityReportCall(namespace: Self.namespace, reference: try reference(token), result: result)
        guard case .reported(let verdict) = try await call(.reportActivity(report)) else {
            throw CallFailure(.internalError, "the engine gave another answer than was asked for")
        }
        return verdict
    }

    private func reference(_ token: [UInt8]) throws(CallFailure) -> TaskReference {
        guard let reference = TaskReference(bytes: token) else {
            throw CallFailure(.invalidArgument, "this is no task token of an embedded engine")
        }
        return reference
    }
}
