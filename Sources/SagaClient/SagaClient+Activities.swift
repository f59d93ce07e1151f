public import SagaCore
internal import SagaWire

/// What became of a report about an attempt.
public enum ActivityReportResult: Hashable, Sendable {
    /// It is recorded.
    case recorded
    /// The attempt had ended before, or counts no longer; nothing changed.
    case alreadyRecorded
    /// The step's undo had begun, or its saga was closed: the effect is kept as a late effect.
    case lateEffect
}

/// What a sign of life is answered.
public struct ActivityHeartbeat: Hashable, Sendable {
    /// False: the attempt counts no longer; stop.
    public var isCurrent: Bool
    /// Somebody wants the attempt to stop: stop, and say so with `stopActivity`.
    public var isCancelRequested: Bool
}

/// Attempts that go on outside of their worker, by the token that their activity kept (`ActivityCompletesLater`). Each call may be
/// repeated: an attempt ends once.
extension SagaClient {
    /// Reports that an attempt succeeded.
    /// - Parameters:
    ///   - undoData: What the step's undo needs beside input and output, if it takes that.
    /// - Throws: `.permissionDenied` for a token that is not the server's, of another namespace, or expired.
    @discardableResult
    public func completeActivity(
        token: [UInt8], output: Payload, undoData: Payload? = nil
    ) async throws(SagaClientError) -> ActivityReportResult {
        let response = try await call(Wire.Workers.CompleteActivity.self) { header in
            Wire.CompleteActivityRequest(
                header: header,
                report: Wire.ActivityCompleted(
                    taskToken: token, output: Wire.Payload(output), undoData: undoData.map { Wire.Payload($0) }))
        }
        return ActivityReportResult(response.result)
    }

    /// Reports that an attempt succeeded, with what the activity would have returned.
    @discardableResult
    public func completeActivity<Output: Encodable>(
        token: [UInt8], returning output: Output
    ) async throws(SagaClientError) -> ActivityReportResult {
        try await completeActivity(token: token, output: try encode(output))
    }

    /// Reports that an attempt failed.
    /// - Parameter outcome: Whether it may have had an effect. Default: what the error's kind implies.
    @discardableResult
    public func failActivity(
        token: [UInt8], error: SagaError, outcome: StepOutcome? = nil
    ) async throws(SagaClientError) -> ActivityReportResult {
        let effect: Wire.Effect =
            switch outcome {
            case nil: .unspecified
            case .noEffect?: .none
            case .unknown?, .completed?: .unknown
            }
        let response = try await call(Wire.Workers.FailActivity.self) { header in
            Wire.FailActivityRequest(
                header: header,
                report: Wire.ActivityFailed(taskToken: token, error: Wire.SagaError(error), effect: effect))
        }
        return ActivityReportResult(response.result)
    }

    /// Reports that an attempt has stopped because it was asked to.
    /// - Parameter hadNoEffect: Whether nothing has happened. Default: not known.
    @discardableResult
    public func stopActivity(
        token: [UInt8], hadNoEffect: Bool = false, details: Payload? = nil
    ) async throws(SagaClientError) -> ActivityReportResult {
        let response = try await call(Wire.Workers.StopActivity.self) { header in
            Wire.StopActivityRequest(
                header: header,
                report: Wire.ActivityCanceled(
                    taskToken: token, details: details.map { Wire.Payload($0) },
                    effect: hadNoEffect ? .none : .unknown))
        }
        return ActivityReportResult(response.result)
    }

    /// Says that an attempt is alive; the next attempt gets the last details.
    @discardableResult
    public func heartbeatActivity(
        token: [UInt8], details: Payload? = nil
    ) async throws(SagaClientError) -> ActivityHeartbeat {
        let response = try await call(Wire.Workers.HeartbeatActivity.self) { header in
            Wire.HeartbeatActivityRequest(
                header: header,
                heartbeat: Wire.Heartbeat(taskToken: token, details: details.map { Wire.Payload($0) }))
        }
        return ActivityHeartbeat(isCurrent: response.current, isCancelRequested: response.cancelRequested)
    }
}

extension ActivityReportResult {
    init(_ wire: Wire.AckResult) {
        switch wire {
        case .recorded: self = .recorded
        case .lateEffect: self = .lateEffect
        case .unspecified, .alreadyRecorded, .refused, .unrecognized: self = .alreadyRecorded
        }
    }
}
