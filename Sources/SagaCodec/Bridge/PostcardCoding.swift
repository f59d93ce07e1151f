/// Postcard for any `Codable` type: what serde and the Rust crate write for the same type, as far as `Codable` tells.
///
/// Slower than the static road of ``Postcard`` (``PostcardCodable``) and faster than any text. The format has no field
/// names: encoder and decoder must agree on the type, fields included. Hand-written implementations must decode fields in
/// the order in which they encode them, and write optionals through `encodeIfPresent` or as `Optional` values.
public enum PostcardCoding {
    /// - Throws: ``CodecError``, or what the value's `encode(to:)` throws.
    public static func encode<T: Encodable>(_ value: T) throws -> [UInt8] {
        try Bridge.encode(value, .postcard)
    }

    /// Padded varints and bytes behind the value are accepted.
    /// - Throws: ``CodecError``, or what the type's `init(from:)` throws.
    public static func decode<T: Decodable>(_ type: T.Type = T.self, from bytes: [UInt8]) throws -> T {
        try Bridge.decode(type, from: bytes, .postcard, strict: false)
    }

    /// One value has one form: for stores, wire and snapshots.
    public static func decodeStrict<T: Decodable>(_ type: T.Type = T.self, from bytes: [UInt8]) throws -> T {
        try Bridge.decode(type, from: bytes, .postcard, strict: true)
    }
}

/// Bincode 1.3 for any `Codable` type, with fixed integers (`bincode::serialize`) or varints (`DefaultOptions`).
public enum BincodeCoding {
    public enum Integers: Sendable {
        case fixed, varint
    }

    public static func encode<T: Encodable>(_ value: T, _ integers: Integers) throws -> [UInt8] {
        switch integers {
        case .fixed: try Bridge.encode(value, .fixed)
        case .varint: try Bridge.encode(value, .varint)
        }
    }

    public static func decode<T: Decodable>(
        _ type: T.Type = T.self, from bytes: [UInt8], _ integers: Integers
    ) throws -> T {
        switch integers {
        case .fixed: try Bridge.decode(type, from: bytes, .fixed, strict: false)
        case .varint: try Bridge.decode(type, from: bytes, .varint, strict: false)
        }
    }

    public static func decodeStrict<T: Decodable>(
        _ type: T.Type = T.self, from bytes: [UInt8], _ integers: Integers
    ) throws -> T {
        switch integers {
        case .fixed: try Bridge.decode(type, from: bytes, .fixed, strict: true)
        case .varint: try Bridge.decode(type, from: bytes, .varint, strict: true)
        }
    }
}

enum Bridge {
    static func encode<T: Encodable>(_ value: T, _ format: BridgeFormat) throws -> [UInt8] {
        let encoder = BridgeEncoder.take(format)
        defer { encoder.release() }
        try encoder.put(value)
        return encoder.buffer.array()
    }

    static func decode<T: Decodable>(
        _ type: T.Type, from bytes: [UInt8], _ format: BridgeFormat, strict: Bool
    ) throws -> T {
        try bytes.withUnsafeBytes { bytes in
            let decoder = BridgeDecoder.take(format, PostcardReader(bytes, strict: strict))
            defer { decoder.release() }
            let value = try decoder.get(type)
            if strict || format == .varint { try decoder.input.requireEnd() }
            return value
        }
    }
}
