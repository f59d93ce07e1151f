public import SagaCodec

// Activities that run inside the workflow worker: events 110 to 115. Field order is the stored form: add fields at the end, with a new event version.

/// A local activity with an undo is about to run. Event 110.
public struct LocalActivityScheduled: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.localActivityScheduled

    /// The command of the code that caused it, in the order the code issued them.
    public var commandNumber: CommandNumber
    /// The step's name.
    public var stepID: String
    /// Which activity runs.
    public var activityType: String
    /// What it receives.
    public var input: Payload
    /// How it is undone.
    public var undo: UndoSpec?
    /// Its key.
    public var idempotencyKey: String
    /// The nested saga scope it was issued in.
    public var scope: UInt32

    public init(
        commandNumber: CommandNumber, stepID: String, activityType: String, input: Payload, undo: UndoSpec? = nil,
        idempotencyKey: String, scope: UInt32 = 0
    ) {
        self.commandNumber = commandNumber
        self.stepID = stepID
        self.activityType = activityType
        self.input = input
        self.undo = undo
        self.idempotencyKey = idempotencyKey
        self.scope = scope
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        commandNumber = try reader.read()
        stepID = try reader.read()
        activityType = try reader.read()
        input = try reader.read()
        undo = try reader.read()
        idempotencyKey = try reader.read()
        scope = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(commandNumber)
        writer.write(stepID)
        writer.write(activityType)
        writer.write(input)
        writer.write(undo)
        writer.write(idempotencyKey)
        writer.write(scope)
    }
}

/// It succeeded. Event 112.
public struct LocalActivityCompleted: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.localActivityCompleted

    /// The command of the code.
    public var commandNumber: CommandNumber
    /// Its `LocalActivityScheduled`, if it has an undo.
    public var scheduledEventID: EventID?
    /// Which activity ran.
    public var activityType: String
    /// What it returned.
    public var output: Payload

    public init(commandNumber: CommandNumber, scheduledEventID: EventID? = nil, activityType: String, output: Payload) {
        self.commandNumber = commandNumber
        self.scheduledEventID = scheduledEventID
        self.activityType = activityType
        self.output = output
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        commandNumber = try reader.read()
        scheduledEventID = try reader.read()
        activityType = try reader.read()
        output = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(commandNumber)
        writer.write(scheduledEventID)
        writer.write(activityType)
        writer.write(output)
    }
}

/// It failed for good. Event 113.
public struct LocalActivityFailed: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.localActivityFailed

    /// The command of the code.
    public var commandNumber: CommandNumber
    /// Its `LocalActivityScheduled`, if it has an undo.
    public var scheduledEventID: EventID?
    /// Which activity ran.
    public var activityType: String
    /// Why.
    public var error: SagaError
    /// Whether it may have had an effect.
    public var outcome: StepOutcome

    public init(
        commandNumber: CommandNumber, scheduledEventID: EventID? = nil, activityType: String, error: SagaError,
        outcome: StepOutcome
    ) {
        self.commandNumber = commandNumber
        self.scheduledEventID = scheduledEventID
        self.activityType = activityType
        self.error = error
        self.outcome = outcome
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        commandNumber = try reader.read()
        scheduledEventID = try reader.read()
        activityType = try reader.read()
        error = try reader.read()
        outcome = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(commandNumber)
        writer.write(scheduledEventID)
        writer.write(activityType)
        writer.write(error)
        writer.write(outcome)
    }
}

/// It timed out. Event 114.
public struct LocalActivityTimedOut: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.localActivityTimedOut

    /// The command of the code.
    public var commandNumber: CommandNumber
    /// Its `LocalActivityScheduled`, if it has an undo.
    public var scheduledEventID: EventID?
    /// Which activity ran.
    public var activityType: String
    /// Whether it may have had an effect.
    public var outcome: StepOutcome

    public init(
        commandNumber: CommandNumber, scheduledEventID: EventID? = nil, activityType: String, outcome: StepOutcome
    ) {
        self.commandNumber = commandNumber
        self.scheduledEventID = scheduledEventID
        self.activityType = activityType
        self.outcome = outcome
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        commandNumber = try reader.read()
        scheduledEventID = try reader.read()
        activityType = try reader.read()
        outcome = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(commandNumber)
        writer.write(scheduledEventID)
        writer.write(activityType)
        writer.write(outcome)
    }
}

/// It was cancelled. Event 115.
public struct LocalActivityCanceled: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.localActivityCanceled

    /// The command of the code.
    public var commandNumber: CommandNumber
    /// Its `LocalActivityScheduled`, if it has an undo.
    public var scheduledEventID: EventID?
    /// Which activity ran.
    public var activityType: String
    /// Whether it may have had an effect.
    public var outcome: StepOutcome

    public init(
        commandNumber: CommandNumber, scheduledEventID: EventID? = nil, activityType: String, outcome: StepOutcome
    ) {
        self.commandNumber = commandNumber
        self.scheduledEventID = scheduledEventID
        self.activityType = activityType
        self.outcome = outcome
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        commandNumber = try reader.read()
        scheduledEventID = try reader.read()
        activityType = try reader.read()
        outcome = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(commandNumber)
        writer.write(scheduledEventID)
        writer.write(activityType)
        writer.write(outcome)
    }
}
