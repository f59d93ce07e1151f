/// The attempt that an activity runs in.
public struct ActivityContext: Sendable {
    /// The task as it was handed out: run, attempt, keys, time-outs.
    public let task: ActivityTask
    private let reporter: any HeartbeatReporter

    package init(task: ActivityTask, reporter: any HeartbeatReporter) {
        self.task = task
        self.reporter = reporter
    }

    /// The same over all attempts of the step: give it to the service you call, so that a repeat does nothing twice.
    public var idempotencyKey: String { task.idempotencyKey }

    /// The attempt, from 1.
    public var attempt: UInt32 { task.reference.attempt }

    /// The run.
    public var sagaID: SagaID { task.reference.sagaID }

    /// The caller's name for the saga.
    public var workflowID: String { task.workflowID }

    /// Whether the run wants the step to stop. Swift's own task cancellation is set at the same time.
    public var isCancelRequested: Bool { reporter.isCancelRequested }

    /// Says that the attempt is alive; `details` reach the next attempt. Costs nothing if called often.
    public func heartbeat(_ details: Payload? = nil) { reporter.heartbeat(details) }

    /// Gives the undo of this step `data` as its input, in place of input and output; counts if the attempt completes.
    public func setUndoData(_ data: Payload) { reporter.setUndoData(data) }
}

/// Where heartbeats go.
package protocol HeartbeatReporter: Sendable {
    var isCancelRequested: Bool { get }
    func heartbeat(_ details: Payload?)
    func setUndoData(_ data: Payload)
}
