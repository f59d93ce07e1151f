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

    /// The details of the last sign of life that an earlier attempt gave; nil if there were none.
    public var heartbeatDetails: Payload? { task.heartbeatDetails }

    /// Names this attempt to whoever completes it from outside; see ``ActivityCompletesLater``.
    public var taskToken: [UInt8] { task.taskToken }

    /// The same as hexadecimal digits, as `saga activity` takes it.
    public var taskTokenText: String {
        task.taskToken.reduce(into: "") { text, byte in
            text += String(byte >> 4, radix: 16)
            text += String(byte & 15, radix: 16)
        }
    }

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

/// Thrown by an activity whose work goes on elsewhere: at a person's desk, in a batch job, with a partner.
///
/// Keep ``ActivityContext/taskToken`` first. The place at the worker is free again; the step stays open until somebody
/// completes, fails or stops the attempt by its token, or one of its time-outs ends it (semantics, section 5). Give such a step
/// a start-to-close time-out that is long enough. Undos, probes and local activities cannot complete later.
public struct ActivityCompletesLater: Error, Hashable, Sendable {
    public init() {}
}
