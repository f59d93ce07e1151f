public import SagaCore
internal import SagaWire

/// A person's decisions over an undo that is blocked. An undo is named by the event that scheduled its step, as `describe` and
/// ``SagaClient/listBlocked(limit:after:)`` give it. Each is durable when it returns, and stands in the history with its reason.
extension SagaClient {
    /// Has an undo tried once more.
    public func retryUndo(
        _ id: String, sagaID: SagaID? = nil, of step: EventID, reason: String = ""
    ) async throws(SagaClientError) {
        _ = try await call(Wire.Compensation.Retry.self) { header in
            Wire.RetryUndoRequest(header: header, undo: Self.undo(id, sagaID, step), reason: reason)
        }
    }

    /// Has an undo tried once more with another input, under a new key.
    public func retryUndo<Input: Encodable>(
        _ id: String, sagaID: SagaID? = nil, of step: EventID, with input: Input, reason: String = ""
    ) async throws(SagaClientError) {
        let payload = Wire.Payload(try encode(input))
        _ = try await call(Wire.Compensation.RetryWithInput.self) { header in
            Wire.RetryUndoWithInputRequest(
                header: header, undo: Self.undo(id, sagaID, step), input: payload, reason: reason)
        }
    }

    /// Leaves an undo out: its step's effect stands.
    public func skipUndo(
        _ id: String, sagaID: SagaID? = nil, of step: EventID, reason: String
    ) async throws(SagaClientError) {
        _ = try await call(Wire.Compensation.Skip.self) { header in
            Wire.SkipUndoRequest(header: header, undo: Self.undo(id, sagaID, step), reason: reason)
        }
    }

    /// Says that a person has undone the step by hand.
    public func resolveUndo(
        _ id: String, sagaID: SagaID? = nil, of step: EventID, note: String
    ) async throws(SagaClientError) {
        _ = try await call(Wire.Compensation.Resolve.self) { header in
            Wire.ResolveUndoRequest(header: header, undo: Self.undo(id, sagaID, step), note: note)
        }
    }

    /// Gives the whole unwinding up: what is not undone stays.
    public func giveUp(_ id: String, sagaID: SagaID? = nil, reason: String) async throws(SagaClientError) {
        _ = try await call(Wire.Compensation.GiveUp.self) { header in
            Wire.GiveUpRequest(
                header: header, workflow: Wire.WorkflowRef(workflowID: id, sagaID: sagaID), reason: reason)
        }
    }

    private static func undo(_ id: String, _ sagaID: SagaID?, _ step: EventID) -> Wire.UndoRef {
        Wire.UndoRef(workflow: Wire.WorkflowRef(workflowID: id, sagaID: sagaID), stepEventID: step)
    }
}
