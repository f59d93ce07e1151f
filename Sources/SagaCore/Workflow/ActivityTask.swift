/// A side effect to perform: a step, or the undo of one.
///
/// One object behind a value: a task goes through many hands, and a copy of all its fields costs a count for each of them.
public struct ActivityTask: Sendable {
    private final class Storage: Sendable {
        let fields: Fields

        init(_ fields: consuming Fields) { self.fields = fields }
    }

    private struct Fields: Sendable {
        var reference: TaskReference
        var namespace: String
        var workflowID: String
        var workflowType: String
        var stepID: String
        var activityType: String
        var taskQueue: String
        var input: Payload
        var idempotencyKey: String
        var timeouts: ActivityTimeouts
        var undo: UndoTaskInput?
        var heartbeatDetails: Payload?
        var taskToken: [UInt8]?
        var scheduledAt: Timestamp?
        var traceID: String?
    }

    private var storage: Storage

    public init(
        reference: TaskReference, namespace: String, workflowID: String, workflowType: String, stepID: String,
        activityType: String, taskQueue: String, input: Payload, idempotencyKey: String, timeouts: ActivityTimeouts,
        undo: UndoTaskInput? = nil, heartbeatDetails: Payload? = nil, taskToken: [UInt8]? = nil,
        scheduledAt: Timestamp? = nil, traceID: String? = nil
    ) {
        storage = Storage(
            Fields(
                reference: reference, namespace: namespace, workflowID: workflowID, workflowType: workflowType,
                stepID: stepID, activityType: activityType, taskQueue: taskQueue, input: input,
                idempotencyKey: idempotencyKey, timeouts: timeouts, undo: undo, heartbeatDetails: heartbeatDetails,
                taskToken: taskToken, scheduledAt: scheduledAt, traceID: traceID))
    }

    private mutating func change(_ body: (inout Fields) -> Void) {
        var fields = storage.fields
        body(&fields)
        storage = Storage(fields)
    }

    /// Which step or undo and which attempt it is.
    public var reference: TaskReference { storage.fields.reference }

    /// The namespace that the workflow id belongs to.
    public var namespace: String { storage.fields.namespace }

    /// The caller's name for the saga.
    public var workflowID: String { storage.fields.workflowID }

    /// Which workflow code runs.
    public var workflowType: String { storage.fields.workflowType }

    /// The step's name in the code.
    public var stepID: String { storage.fields.stepID }

    /// Which activity runs.
    public var activityType: String { storage.fields.activityType }

    /// Queue whose workers take it.
    public var taskQueue: String { storage.fields.taskQueue }

    /// What the activity receives; for an undo the step's own input.
    public var input: Payload {
        get { storage.fields.input }
        set { change { $0.input = newValue } }
    }

    /// The same over all attempts.
    public var idempotencyKey: String { storage.fields.idempotencyKey }

    /// Its time-outs.
    public var timeouts: ActivityTimeouts { storage.fields.timeouts }

    /// What an undo is told beside the input; nil for a forward step.
    public var undo: UndoTaskInput? {
        get { storage.fields.undo }
        set { change { $0.undo = newValue } }
    }

    /// Details of the last heartbeat of an earlier attempt.
    public var heartbeatDetails: Payload? { storage.fields.heartbeatDetails }

    /// Names the attempt to whoever completes it from outside of the worker. Where none was given it is made of the
    /// reference, which is all that an engine in the same process needs; empty for a local activity.
    public var taskToken: [UInt8] { storage.fields.taskToken ?? storage.fields.reference.bytes }

    /// When the step was scheduled; nil for an undo.
    public var scheduledAt: Timestamp? { storage.fields.scheduledAt }

    /// The W3C `traceparent` of the call that started the run; nil if it had none, or the engine was started since.
    public var traceID: String? { storage.fields.traceID }
}

/// What an undo knows about its step (semantics, section 4, "Undo input").
public struct UndoTaskInput: Hashable, Sendable {
    /// What the step returned; nil if it never reported.
    public var output: Payload?
    /// What the activity prepared for its undo, or an operator's edited input.
    public var data: Payload?
    /// What is known about the step's effect.
    public var outcome: StepOutcome
    /// The idempotency key of the step itself.
    public var stepKey: String

    public init(output: Payload?, data: Payload?, outcome: StepOutcome, stepKey: String) {
        self.output = output
        self.data = data
        self.outcome = outcome
        self.stepKey = stepKey
    }
}
