public import SagaCodec

/// User data: bytes and the name of their encoding. The server never needs to look inside (semantics, section 1).
public struct Payload: Hashable, Sendable {
    /// Name of the encoding: `json`, `protobuf`, `postcard`, `bytes`, or the user's own; empty for no data.
    public var encoding: String
    /// The encoded data.
    public var data: [UInt8]
    /// Further facts about the data, such as the key of an encryption.
    public var metadata: [MetadataEntry]

    public init(encoding: String, data: [UInt8], metadata: [MetadataEntry] = []) {
        self.encoding = encoding
        self.data = data
        self.metadata = metadata
    }

    /// No data.
    public static let empty = Payload(encoding: "", data: [])

    /// JSON text.
    public static func json(_ text: String) -> Payload { Payload(encoding: "json", data: Array(text.utf8)) }

    /// Whether there is no data.
    public var isEmpty: Bool { encoding.isEmpty && data.isEmpty }
}

/// A key and a value that go with a payload.
public struct MetadataEntry: Hashable, Sendable {
    /// What the entry is called.
    public var key: String
    /// What it says.
    public var value: String

    public init(key: String, value: String) {
        self.key = key
        self.value = value
    }
}

/// A payload with a name: memo entries and search attributes.
public struct NamedPayload: Hashable, Sendable {
    /// The name.
    public var name: String
    /// The data.
    public var payload: Payload

    public init(name: String, payload: Payload) {
        self.name = name
        self.payload = payload
    }
}

/// A payload can stand where a value is wanted: converters pass it through as it is, so that its receiver sees any encoding.
extension Payload: Codable {}
extension MetadataEntry: Codable {}

extension Payload: PostcardCodable {
    @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) {
        encoding = try reader.read()
        data = try reader.read()
        metadata = try reader.read()
    }

    @inline(__always)
    public func encode(into writer: inout PostcardWriter) {
        writer.write(encoding)
        writer.write(data)
        writer.write(metadata)
    }
}

extension MetadataEntry: PostcardCodable {
    public init(from reader: inout PostcardReader) throws(CodecError) {
        key = try reader.read()
        value = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(key)
        writer.write(value)
    }
}

extension NamedPayload: PostcardCodable {
    public init(from reader: inout PostcardReader) throws(CodecError) {
        name = try reader.read()
        payload = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(name)
        writer.write(payload)
    }
}
