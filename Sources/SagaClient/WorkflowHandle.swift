public import SagaCore

/// A run of a workflow whose type is known.
public struct WorkflowHandle<W: DurableWorkflow>: Sendable {
    let client: SagaClient
    public let workflowID: String
    /// The run; nil means the open one, or the newest.
    public let sagaID: SagaID?
    /// Whether the run was open before the start that made this handle.
    public let alreadyStarted: Bool

    init(client: SagaClient, workflowID: String, sagaID: SagaID?, alreadyStarted: Bool) {
        self.client = client
        self.workflowID = workflowID
        self.sagaID = sagaID
        self.alreadyStarted = alreadyStarted
    }

    /// Waits until the run is closed and gives what it returned.
    /// - Parameter timeout: How long to wait; nil waits as long as it takes.
    /// - Throws: `WorkflowFailure` if it ended otherwise, with the error and what was undone; `SagaClientError`.
    public func result(timeout: Duration? = nil) async throws -> W.Output {
        let payload = try await client.result(workflowID, sagaID: sagaID, timeout: timeout)
        return try client.decode(W.Output.self, from: payload)
    }

    /// Gives the run a signal; durable when it returns.
    public func signal<Value: Encodable>(
        _ name: String, _ value: Value, signalID: String = ""
    ) async throws(SagaClientError) {
        try await client.signal(workflowID, sagaID: sagaID, name, value, signalID: signalID)
    }

    /// Asks the run to end; its code sees it as `WorkflowCancelled`, and what it did is undone.
    public func cancel(reason: String = "") async throws(SagaClientError) {
        try await client.cancel(workflowID, sagaID: sagaID, reason: reason)
    }

    /// Stops the run: at once, or after it was unwound.
    public func terminate(reason: String, compensate: Bool) async throws(SagaClientError) {
        try await client.terminate(workflowID, sagaID: sagaID, reason: reason, compensate: compensate)
    }

    /// How the run stands.
    public func describe() async throws(SagaClientError) -> WorkflowDescription {
        try await client.describe(workflowID, sagaID: sagaID)
    }

    /// The events so far.
    public func history() -> HistoryEvents { client.history(workflowID, sagaID: sagaID) }

    /// The events as they come, until the run closes.
    public func followHistory(from: EventID = 0) -> HistoryEvents {
        client.followHistory(workflowID, sagaID: sagaID, from: from)
    }
}
