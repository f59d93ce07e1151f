/// The formats a user can choose for what is stored and sent. The raw values are stored: never reused.
public enum Codec: UInt8, Sendable, CaseIterable, Codable {
    /// Rust's postcard 1.x: small and fast, the default in production.
    case postcard = 1
    /// Rust's bincode 1.3 with fixed integers: faster to write and a third larger.
    case bincode = 2
    /// Rust's bincode 1.3 with varints (`DefaultOptions`).
    case bincodeVarint = 3
    /// Text that people can read: for development, and for what other languages must read without a schema.
    case json = 4

    public static let production = Codec.postcard
    public static let development = Codec.json

    /// The name in configuration files.
    public var name: String {
        switch self {
        case .postcard: "postcard"
        case .bincode: "bincode"
        case .bincodeVarint: "bincode-varint"
        case .json: "json"
        }
    }

    public init?(name: String) {
        guard let found = Codec.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
    }

    /// Any `Codable` value in this format.
    /// - Throws: ``CodecError``, or what the value's own `encode(to:)` throws.
    public func encode<T: Encodable>(_ value: T) throws -> [UInt8] {
        switch self {
        case .postcard: try PostcardCoding.encode(value)
        case .bincode: try BincodeCoding.encode(value, .fixed)
        case .bincodeVarint: try BincodeCoding.encode(value, .varint)
        case .json: try JSONCoding.encode(value)
        }
    }

    /// Strictly: one value, in the form that ``encode(_:)`` gives it, and nothing behind it. (JSON may have spaces.)
    /// - Throws: ``CodecError``, `DecodingError` (JSON), or what the type's own `init(from:)` throws.
    public func decode<T: Decodable>(_ type: T.Type = T.self, from bytes: [UInt8]) throws -> T {
        switch self {
        case .postcard: try PostcardCoding.decodeStrict(type, from: bytes)
        case .bincode: try BincodeCoding.decodeStrict(type, from: bytes, .fixed)
        case .bincodeVarint: try BincodeCoding.decodeStrict(type, from: bytes, .varint)
        case .json: try JSONCoding.decode(type, from: bytes)
        }
    }
}

/// What stands in front of stored bytes: the codec's id, and the version of the schema they were written with. So a store
/// can be read after the default codec changed, and old versions can be brought up.
public struct StoredBlob: Sendable, Equatable {
    public var codec: Codec
    /// The version of the type's schema, by the type's owner; 1 to 255.
    public var schemaVersion: UInt8
    public var payload: [UInt8]

    /// Bytes in front of the payload.
    public static let headerSize = 2

    public init(codec: Codec, schemaVersion: UInt8, payload: [UInt8]) {
        self.codec = codec
        self.schemaVersion = schemaVersion
        self.payload = payload
    }

    /// The codec id, the schema version, the payload.
    public var bytes: [UInt8] { [codec.rawValue, schemaVersion] + payload }

    /// - Throws: ``CodecError/Reason/unexpectedEnd``, ``CodecError/Reason/unknownFormat`` for a codec this program does
    ///   not know, ``CodecError/Reason/unsupportedVersion`` for version 0, which nobody writes.
    public init(_ bytes: [UInt8]) throws(CodecError) {
        guard bytes.count >= Self.headerSize else { throw CodecError(.unexpectedEnd, at: bytes.count) }
        guard let codec = Codec(rawValue: bytes[0]) else { throw CodecError(.unknownFormat, at: 0) }
        guard bytes[1] > 0 else { throw CodecError(.unsupportedVersion, at: 1) }
        self.init(codec: codec, schemaVersion: bytes[1], payload: Array(bytes[Self.headerSize...]))
    }

    /// Encodes a value and says how.
    public static func encode<T: Encodable>(_ value: T, codec: Codec, schemaVersion: UInt8) throws -> [UInt8] {
        StoredBlob(codec: codec, schemaVersion: schemaVersion, payload: try codec.encode(value)).bytes
    }
}

/// How one type's old stored forms become today's: a step from each version to the next, chained.
///
/// A step decodes the old form (a type that is kept for this) and returns the next version's value; the last gives `Value`.
public struct SchemaHistory<Value: Decodable & SendableMetatype>: Sendable {
    /// Decodes a payload of one old version and brings it up to today's value.
    public typealias Reader = @Sendable (Codec, [UInt8]) throws -> Value

    public let currentVersion: UInt8
    private var readers: [UInt8: Reader] = [:]

    /// A type that has had one form so far.
    public init() {
        currentVersion = 1
        readers[1] = { codec, payload in try codec.decode(Value.self, from: payload) }
    }

    private init(currentVersion: UInt8, readers: [UInt8: Reader]) {
        self.currentVersion = currentVersion
        self.readers = readers
    }

    /// The history after one more change of schema: what was today's form is now the old one, and `upcast` makes the
    /// new form from it.
    public func upcast<Next: Decodable & SendableMetatype>(
        to next: Next.Type = Next.self, _ upcast: @escaping @Sendable (Value) throws -> Next
    ) -> SchemaHistory<Next> {
        var chained: [UInt8: SchemaHistory<Next>.Reader] = [:]
        for (version, reader) in readers {
            chained[version] = { codec, payload in try upcast(reader(codec, payload)) }
        }
        let version = currentVersion &+ 1
        chained[version] = { codec, payload in try codec.decode(Next.self, from: payload) }
        return SchemaHistory<Next>(currentVersion: version, readers: chained)
    }

    /// Today's value of stored bytes of any version so far.
    /// - Throws: ``CodecError/Reason/unsupportedVersion`` for a version from the future.
    public func decode(_ bytes: [UInt8]) throws -> Value {
        let blob = try StoredBlob(bytes)
        guard let reader = readers[blob.schemaVersion] else { throw CodecError(.unsupportedVersion, at: 1) }
        return try reader(blob.codec, blob.payload)
    }
}

extension SchemaHistory where Value: Encodable {
    /// Bytes of today's version.
    public func encode(_ value: Value, codec: Codec) throws -> [UInt8] {
        try StoredBlob.encode(value, codec: codec, schemaVersion: currentVersion)
    }
}
