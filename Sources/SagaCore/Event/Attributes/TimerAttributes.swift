public import SagaCodec

// Durable timers: events 40 to 42. Field order is the stored form: add fields at the end, with a new event version.

/// A timer was set. Event 40.
public struct TimerCreated: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.timerCreated

    /// The command of the code that caused it, in the order the code issued them.
    public var commandNumber: CommandNumber
    /// The timer's name in the code.
    public var timerID: String
    /// When it fires, never earlier.
    public var dueAt: Timestamp
    /// Named callback that runs when it fires.
    public var callback: String?

    public init(commandNumber: CommandNumber, timerID: String, dueAt: Timestamp, callback: String? = nil) {
        self.commandNumber = commandNumber
        self.timerID = timerID
        self.dueAt = dueAt
        self.callback = callback
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        commandNumber = try reader.read()
        timerID = try reader.read()
        dueAt = try reader.read()
        callback = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(commandNumber)
        writer.write(timerID)
        writer.write(dueAt)
        writer.write(callback)
    }
}

/// The timer was due. Event 41.
public struct TimerFired: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.timerFired

    /// The `TimerCreated` it belongs to.
    public var createdEventID: EventID

    public init(createdEventID: EventID) {
        self.createdEventID = createdEventID
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        createdEventID = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(createdEventID)
    }
}

/// The code no longer waits for the timer. Event 42.
public struct TimerCanceled: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.timerCanceled

    /// The command of the code that caused it, in the order the code issued them.
    public var commandNumber: CommandNumber
    /// The `TimerCreated` it belongs to.
    public var createdEventID: EventID

    public init(commandNumber: CommandNumber, createdEventID: EventID) {
        self.commandNumber = commandNumber
        self.createdEventID = createdEventID
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        commandNumber = try reader.read()
        createdEventID = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(commandNumber)
        writer.write(createdEventID)
    }
}
