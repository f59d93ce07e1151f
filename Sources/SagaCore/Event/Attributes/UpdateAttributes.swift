public import SagaCodec

// Updates: events 131 to 134. Field order is the stored form: add fields at the end, with a new event version.

/// The code accepted the update. Event 131.
public struct WorkflowUpdateAccepted: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.workflowUpdateAccepted

    /// The same id twice is one update.
    public var updateID: String
    /// Its handler.
    public var name: String
    /// Its data.
    public var input: Payload
    /// The id of the request that caused it, for exactly-once answers; empty if none.
    public var requestID: String
    /// Who sent it.
    public var identity: String

    public init(updateID: String, name: String, input: Payload, requestID: String = "", identity: String = "") {
        self.updateID = updateID
        self.name = name
        self.input = input
        self.requestID = requestID
        self.identity = identity
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        updateID = try reader.read()
        name = try reader.read()
        input = try reader.read()
        requestID = try reader.read()
        identity = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(updateID)
        writer.write(name)
        writer.write(input)
        writer.write(requestID)
        writer.write(identity)
    }
}

/// The validator refused it. Event 132.
public struct WorkflowUpdateRejected: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.workflowUpdateRejected

    /// Its id.
    public var updateID: String
    /// Its handler.
    public var name: String
    /// Why.
    public var error: SagaError

    public init(updateID: String, name: String, error: SagaError) {
        self.updateID = updateID
        self.name = name
        self.error = error
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        updateID = try reader.read()
        name = try reader.read()
        error = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(updateID)
        writer.write(name)
        writer.write(error)
    }
}

/// The handler returned. Event 133.
public struct WorkflowUpdateCompleted: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.workflowUpdateCompleted

    /// The `WorkflowUpdateAccepted` it belongs to.
    public var acceptedEventID: EventID
    /// What it returned.
    public var output: Payload
    /// The command of the code that caused it, in the order the code issued them.
    public var commandNumber: CommandNumber

    public init(acceptedEventID: EventID, output: Payload, commandNumber: CommandNumber) {
        self.acceptedEventID = acceptedEventID
        self.output = output
        self.commandNumber = commandNumber
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        acceptedEventID = try reader.read()
        output = try reader.read()
        commandNumber = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(acceptedEventID)
        writer.write(output)
        writer.write(commandNumber)
    }
}

/// The handler threw and its own steps were undone. Event 134.
public struct WorkflowUpdateRolledBack: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.workflowUpdateRolledBack

    /// The `WorkflowUpdateAccepted` it belongs to.
    public var acceptedEventID: EventID
    /// Why.
    public var error: SagaError
    /// The command of the code that caused it, in the order the code issued them.
    public var commandNumber: CommandNumber

    public init(acceptedEventID: EventID, error: SagaError, commandNumber: CommandNumber) {
        self.acceptedEventID = acceptedEventID
        self.error = error
        self.commandNumber = commandNumber
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        acceptedEventID = try reader.read()
        error = try reader.read()
        commandNumber = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(acceptedEventID)
        writer.write(error)
        writer.write(commandNumber)
    }
}
