public import SagaCodec

// Unwinding: events 150 to 160. Field order is the stored form: add fields at the end, with a new event version.

/// Unwinding began. No forward step is scheduled after it. Event 150.
public struct CompensationStarted: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.compensationStarted

    /// Why.
    public var cause: UnwindCause
    /// The original error, if there is one.
    public var error: SagaError?
    /// The nested saga scope that unwinds; 0 is the run itself.
    public var scope: UInt32
    /// The command that caused it; nil if the server closed the run by itself.
    public var commandNumber: CommandNumber?
    /// Why, in the words of whoever asked for it.
    public var reason: String
    /// Who asked for it; empty if the code or a time-out did.
    public var identity: String
    /// The id of the request that caused it, for exactly-once answers; empty if none.
    public var requestID: String
    /// The run is being reset to this event: what was begun up to it moves to the new run and is not undone.
    public var resetToEventID: EventID?

    public init(
        cause: UnwindCause, error: SagaError? = nil, scope: UInt32 = 0, commandNumber: CommandNumber? = nil,
        reason: String = "", identity: String = "", requestID: String = "", resetToEventID: EventID? = nil
    ) {
        self.cause = cause
        self.error = error
        self.scope = scope
        self.commandNumber = commandNumber
        self.reason = reason
        self.identity = identity
        self.requestID = requestID
        self.resetToEventID = resetToEventID
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        cause = try reader.read()
        error = try reader.read()
        scope = try reader.read()
        commandNumber = try reader.read()
        reason = try reader.read()
        identity = try reader.read()
        requestID = try reader.read()
        resetToEventID = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(cause)
        writer.write(error)
        writer.write(scope)
        writer.write(commandNumber)
        writer.write(reason)
        writer.write(identity)
        writer.write(requestID)
        writer.write(resetToEventID)
    }
}

/// An undo is due. Durable before any worker sees it. Event 151.
public struct CompensationStepStarted: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.compensationStepStarted

    /// The undo entry: the event that scheduled or tracked the step.
    public var stepEventID: EventID
    /// The activity that undoes.
    public var activityType: String
    /// Queue whose workers run it.
    public var taskQueue: String
    /// What is known about the step.
    public var outcome: StepOutcome
    /// `<step key>/undo`.
    public var idempotencyKey: String
    /// Input edited by an operator.
    public var editedInput: Payload?

    public init(
        stepEventID: EventID, activityType: String, taskQueue: String, outcome: StepOutcome, idempotencyKey: String,
        editedInput: Payload? = nil
    ) {
        self.stepEventID = stepEventID
        self.activityType = activityType
        self.taskQueue = taskQueue
        self.outcome = outcome
        self.idempotencyKey = idempotencyKey
        self.editedInput = editedInput
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        stepEventID = try reader.read()
        activityType = try reader.read()
        taskQueue = try reader.read()
        outcome = try reader.read()
        idempotencyKey = try reader.read()
        editedInput = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(stepEventID)
        writer.write(activityType)
        writer.write(taskQueue)
        writer.write(outcome)
        writer.write(idempotencyKey)
        writer.write(editedInput)
    }
}

/// The step is undone. Event 152.
public struct CompensationStepCompleted: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.compensationStepCompleted

    /// The undo entry: the event that scheduled or tracked the step.
    public var stepEventID: EventID
    /// The attempt, from 1.
    public var attempt: UInt32
    /// What the undo returned.
    public var output: Payload

    public init(stepEventID: EventID, attempt: UInt32, output: Payload) {
        self.stepEventID = stepEventID
        self.attempt = attempt
        self.output = output
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        stepEventID = try reader.read()
        attempt = try reader.read()
        output = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(stepEventID)
        writer.write(attempt)
        writer.write(output)
    }
}

/// The undo failed for good. Event 153.
public struct CompensationStepFailed: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.compensationStepFailed

    /// The undo entry: the event that scheduled or tracked the step.
    public var stepEventID: EventID
    /// The attempt, from 1.
    public var attempt: UInt32
    /// The error of the last attempt.
    public var error: SagaError

    public init(stepEventID: EventID, attempt: UInt32, error: SagaError) {
        self.stepEventID = stepEventID
        self.attempt = attempt
        self.error = error
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        stepEventID = try reader.read()
        attempt = try reader.read()
        error = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(stepEventID)
        writer.write(attempt)
        writer.write(error)
    }
}

/// An attempt of the undo failed and another follows. Event 154.
public struct CompensationStepRetryScheduled: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.compensationStepRetryScheduled

    /// The undo entry: the event that scheduled or tracked the step.
    public var stepEventID: EventID
    /// The attempt, from 1.
    public var attempt: UInt32
    /// Why.
    public var error: SagaError
    /// When the next attempt may be handed out.
    public var dueAt: Timestamp

    public init(stepEventID: EventID, attempt: UInt32, error: SagaError, dueAt: Timestamp) {
        self.stepEventID = stepEventID
        self.attempt = attempt
        self.error = error
        self.dueAt = dueAt
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        stepEventID = try reader.read()
        attempt = try reader.read()
        error = try reader.read()
        dueAt = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(stepEventID)
        writer.write(attempt)
        writer.write(error)
        writer.write(dueAt)
    }
}

/// The undo is left out. Event 155.
public struct CompensationStepSkipped: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.compensationStepSkipped

    /// The undo entry: the event that scheduled or tracked the step.
    public var stepEventID: EventID
    /// Why.
    public var reason: String
    /// Who decided it; empty if the engine did.
    public var identity: String

    public init(stepEventID: EventID, reason: String = "", identity: String = "") {
        self.stepEventID = stepEventID
        self.reason = reason
        self.identity = identity
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        stepEventID = try reader.read()
        reason = try reader.read()
        identity = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(stepEventID)
        writer.write(reason)
        writer.write(identity)
    }
}

/// An unknown outcome is known: a probe settled it, or the step reported late. Event 156.
public struct CompensationStepProbed: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.compensationStepProbed

    /// The undo entry: the event that scheduled or tracked the step.
    public var stepEventID: EventID
    /// Whether the step had its effect.
    public var happened: Bool
    /// What a late report said the step returned.
    public var output: Payload?
    /// What a late report prepared for the undo.
    public var undoData: Payload?

    public init(stepEventID: EventID, happened: Bool, output: Payload? = nil, undoData: Payload? = nil) {
        self.stepEventID = stepEventID
        self.happened = happened
        self.output = output
        self.undoData = undoData
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        stepEventID = try reader.read()
        happened = try reader.read()
        output = try reader.read()
        undoData = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(stepEventID)
        writer.write(happened)
        writer.write(output)
        writer.write(undoData)
    }
}

/// The undo needs a person; earlier undos wait. Event 157.
public struct CompensationBlocked: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.compensationBlocked

    /// The undo entry: the event that scheduled or tracked the step.
    public var stepEventID: EventID
    /// The error of the last attempt.
    public var error: SagaError

    public init(stepEventID: EventID, error: SagaError) {
        self.stepEventID = stepEventID
        self.error = error
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        stepEventID = try reader.read()
        error = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(stepEventID)
        writer.write(error)
    }
}

/// A person did the undo by hand. Event 158.
public struct CompensationResolved: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.compensationResolved

    /// The undo entry: the event that scheduled or tracked the step.
    public var stepEventID: EventID
    /// What was done.
    public var note: String
    /// Who.
    public var identity: String

    public init(stepEventID: EventID, note: String, identity: String = "") {
        self.stepEventID = stepEventID
        self.note = note
        self.identity = identity
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        stepEventID = try reader.read()
        note = try reader.read()
        identity = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(stepEventID)
        writer.write(note)
        writer.write(identity)
    }
}

/// The unwinding is over. Event 159.
public struct CompensationCompleted: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.compensationCompleted

    /// What it reached.
    public var summary: CompensationSummary
    /// The nested saga scope that was unwound.
    public var scope: UInt32

    public init(summary: CompensationSummary, scope: UInt32 = 0) {
        self.summary = summary
        self.scope = scope
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        summary = try reader.read()
        scope = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(summary)
        writer.write(scope)
    }
}

/// An operator used a verb. Event 160.
public struct CompensationOperatorAction: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.compensationOperatorAction

    /// Which.
    public var verb: OperatorVerb
    /// On which undo entry.
    public var stepEventID: EventID?
    /// Why.
    public var reason: String
    /// Who.
    public var identity: String
    /// The id of the request that caused it, for exactly-once answers; empty if none.
    public var requestID: String
    /// Edited input, if any.
    public var input: Payload?

    public init(
        verb: OperatorVerb, stepEventID: EventID? = nil, reason: String = "", identity: String = "",
        requestID: String = "", input: Payload? = nil
    ) {
        self.verb = verb
        self.stepEventID = stepEventID
        self.reason = reason
        self.identity = identity
        self.requestID = requestID
        self.input = input
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        verb = try reader.read()
        stepEventID = try reader.read()
        reason = try reader.read()
        identity = try reader.read()
        requestID = try reader.read()
        input = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(verb)
        writer.write(stepEventID)
        writer.write(reason)
        writer.write(identity)
        writer.write(requestID)
        writer.write(input)
    }
}
