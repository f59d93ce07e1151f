public import SagaCodec

// Signals in and out: events 50 to 53. Field order is the stored form: add fields at the end, with a new event version.

/// A signal came in; durable before it is acknowledged. Event 50.
public struct SignalReceived: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.signalReceived

    /// The name that the code waits for.
    public var name: String
    /// Its data.
    public var payload: Payload
    /// The same id twice is one signal.
    public var signalID: String
    /// The id of the request that caused it, for exactly-once answers; empty if none.
    public var requestID: String
    /// Who sent it.
    public var identity: String
    /// True if the run was already unwinding: nobody will take it.
    public var codeGone: Bool
}

// In an extension, see `HistoryEvent`.
extension SignalReceived {
    @_disfavoredOverload
    public init(
        name: String, payload: borrowing Payload, signalID: String, requestID: String = "", identity: String = "",
        codeGone: Bool = false
    ) {
        self.init(
            name: name, payload: copy payload, signalID: signalID, requestID: requestID, identity: identity,
            codeGone: codeGone)
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        self.init(
            name: try reader.read(), payload: try reader.read(), signalID: try reader.read(),
            requestID: try reader.read(), identity: try reader.read(), codeGone: try reader.read())
    }

    @_effects(releasenone)
    public func encode(into writer: inout PostcardWriter) {
        writer.write(name)
        writer.write(payload)
        writer.write(signalID)
        writer.write(requestID)
        writer.write(identity)
        writer.write(codeGone)
    }
}

/// The code wants to signal another saga. Event 51.
public struct ExternalSignalRequested: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.externalSignalRequested

    /// The command of the code that caused it, in the order the code issued them.
    public var commandNumber: CommandNumber
    /// Namespace of the target.
    public var targetNamespace: String
    /// Workflow id of the target.
    public var targetWorkflowID: String
    /// One run of it; nil means the open one.
    public var targetSagaID: SagaID?
    /// The name of the signal.
    public var name: String
    /// Its data.
    public var payload: Payload

    public init(
        commandNumber: CommandNumber, targetNamespace: String, targetWorkflowID: String, targetSagaID: SagaID? = nil,
        name: String, payload: Payload
    ) {
        self.commandNumber = commandNumber
        self.targetNamespace = targetNamespace
        self.targetWorkflowID = targetWorkflowID
        self.targetSagaID = targetSagaID
        self.name = name
        self.payload = payload
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        commandNumber = try reader.read()
        targetNamespace = try reader.read()
        targetWorkflowID = try reader.read()
        targetSagaID = try reader.read()
        name = try reader.read()
        payload = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(commandNumber)
        writer.write(targetNamespace)
        writer.write(targetWorkflowID)
        writer.write(targetSagaID)
        writer.write(name)
        writer.write(payload)
    }
}

/// The other saga recorded the signal. Event 52.
public struct ExternalSignalDelivered: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.externalSignalDelivered

    /// The request it answers.
    public var requestedEventID: EventID

    public init(requestedEventID: EventID) {
        self.requestedEventID = requestedEventID
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        requestedEventID = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(requestedEventID)
    }
}

/// The other saga could not take the signal. Event 53.
public struct ExternalSignalFailed: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.externalSignalFailed

    /// The request it answers.
    public var requestedEventID: EventID
    /// Why.
    public var error: SagaError

    public init(requestedEventID: EventID, error: SagaError) {
        self.requestedEventID = requestedEventID
        self.error = error
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        requestedEventID = try reader.read()
        error = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(requestedEventID)
        writer.write(error)
    }
}
