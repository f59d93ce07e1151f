public import SagaCodec

// Steps that the server itself executes: events 80 to 82. Field order is the stored form: add fields at the end, with a new event version.

/// A step for the server itself. Event 80.
public struct CommandIssued: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.commandIssued

    /// The command of the code that caused it, in the order the code issued them.
    public var commandNumber: CommandNumber
    /// What the server does.
    public var kind: String
    /// With what.
    public var input: Payload

    public init(commandNumber: CommandNumber, kind: String, input: Payload) {
        self.commandNumber = commandNumber
        self.kind = kind
        self.input = input
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        commandNumber = try reader.read()
        kind = try reader.read()
        input = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(commandNumber)
        writer.write(kind)
        writer.write(input)
    }
}

/// It succeeded. Event 81.
public struct CommandCompleted: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.commandCompleted

    /// The `CommandIssued` it belongs to.
    public var issuedEventID: EventID
    /// Its result.
    public var output: Payload

    public init(issuedEventID: EventID, output: Payload) {
        self.issuedEventID = issuedEventID
        self.output = output
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        issuedEventID = try reader.read()
        output = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(issuedEventID)
        writer.write(output)
    }
}

/// It failed. Event 82.
public struct CommandFailed: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.commandFailed

    /// The `CommandIssued` it belongs to.
    public var issuedEventID: EventID
    /// Why.
    public var error: SagaError

    public init(issuedEventID: EventID, error: SagaError) {
        self.issuedEventID = issuedEventID
        self.error = error
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        issuedEventID = try reader.read()
        error = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(issuedEventID)
        writer.write(error)
    }
}
