package import SagaCodec

/// A registered version of a definition as its event holds it.
package struct StoredDefinition: Hashable, Sendable, PostcardCodable {
    package var definition: SagaDefinition
    /// The request that registered it; the same one gets the same answer.
    package var requestID: String
    /// Who asked for it.
    package var identity: String

    package init(definition: SagaDefinition, requestID: String, identity: String) {
        self.definition = definition
        self.requestID = requestID
        self.identity = identity
    }

    package init(from reader: inout PostcardReader) throws(CodecError) {
        definition = try reader.read()
        requestID = try reader.read()
        identity = try reader.read()
    }

    package func encode(into writer: inout PostcardWriter) {
        writer.write(definition)
        writer.write(requestID)
        writer.write(identity)
    }

    /// Its stored form.
    package var encoded: [UInt8] { Postcard.encode(self) }

    /// - Throws: `CodecError` for bytes that are no such form.
    package static func decode(_ bytes: [UInt8]) throws(CodecError) -> StoredDefinition {
        try Postcard.decodeStrict(StoredDefinition.self, from: bytes)
    }
}
