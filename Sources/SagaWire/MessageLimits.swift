/// What one message of a peer may cost (wire.md, "What bad input gets").
package struct MessageLimits: Hashable, Sendable {
    /// Encoded size in bytes. Default 4 MiB.
    package var messageBytes: Int
    /// Fields in the whole message, nested ones included, each element of a repeated field counted. Default 262,144.
    package var fields: Int
    /// Elements of one repeated field. Default 65,536.
    package var elements: Int
    /// Fields that the schema does not know, in the whole message. Default 1,024.
    package var unknownFields: Int
    /// Memory that unpacking may take, in bytes. Default 32 MiB.
    package var memoryBytes: Int
    /// Whether an enum value without a name is refused: yes in requests, no in responses of a newer server.
    package var refusesUnknownEnumValues: Bool

    package init(
        messageBytes: Int = 4 << 20, fields: Int = 1 << 18, elements: Int = 1 << 16, unknownFields: Int = 1_024,
        memoryBytes: Int = 32 << 20, refusesUnknownEnumValues: Bool = true
    ) {
        self.messageBytes = messageBytes
        self.fields = fields
        self.elements = elements
        self.unknownFields = unknownFields
        self.memoryBytes = memoryBytes
        self.refusesUnknownEnumValues = refusesUnknownEnumValues
    }

    /// For what a server receives.
    package static let request = MessageLimits()
    /// For what a client receives: newer enum values are kept as `unrecognized`.
    package static let response = MessageLimits(refusesUnknownEnumValues: false)
}
