public import SagaCodec

// Events of users' own aggregates: event 200. Field order is the stored form: add fields at the end, with a new event version.

/// A fact of a user-defined aggregate. Event 200.
public struct DomainEvent: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.domainEvent

    /// The user's name of the event type.
    public var typeName: String
    /// The user's version of it.
    public var typeVersion: UInt32
    /// Its data.
    public var payload: Payload

    public init(typeName: String, typeVersion: UInt32, payload: Payload) {
        self.typeName = typeName
        self.typeVersion = typeVersion
        self.payload = payload
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        typeName = try reader.read()
        typeVersion = try reader.read()
        payload = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(typeName)
        writer.write(typeVersion)
        writer.write(payload)
    }
}
