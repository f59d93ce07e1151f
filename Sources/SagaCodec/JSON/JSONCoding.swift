/// JSON for any `Codable` type, without Foundation.
///
/// Text is RFC 8259 in UTF-8, without spaces and with sorted keys, so the same value always has the same bytes. Numbers
/// keep every digit of 64- and 128-bit integers. Foundation's own types go through their `Codable` form here: a `Data` is
/// an array of numbers and a `Date` the seconds since 2001, where `JSONEncoder` has a form of its own for the first.
public enum JSONCoding {
    /// - Throws: ``CodecError/Reason/badNumber`` for NaN and infinity, ``CodecError/Reason/depthExceeded`` beyond 128
    ///   levels, ``CodecError/Reason/unsupported`` if the value's own `encode(to:)` throws or encodes nothing.
    public static func encode<T: Encodable>(_ value: T) throws(CodecError) -> [UInt8] {
        if let value = reinterpret(value, as: Int.self) { return JSONScalars.digits(Int64(value)) }
        if let value = reinterpret(value, as: Int64.self) { return JSONScalars.digits(value) }
        return try encodeTree(value)
    }

    // Out of line: a generic function that makes an optional of its parameter anywhere looks that type up at every call.
    @inline(never)
    private static func encodeTree<T: Encodable>(_ value: T) throws(CodecError) -> [UInt8] {
        if let value = reinterpret(value, as: JSONValue.self) { return try serialize(value) }
        let encoded: JSONEncoded
        do {
            encoded = try JSONTreeEncoder.encode(value, depth: 0)
        } catch let error as CodecError {
            throw error
        } catch {
            throw CodecError(.unsupported, at: 0)
        }
        var serializer = JSONSerializer()
        try encoded.write(into: &serializer)
        return serializer.bytes
    }

    /// - Throws: ``CodecError`` if the bytes are not JSON, `DecodingError` if the JSON is not what the type wants (with
    ///   the path), and what the type's own `init(from:)` throws.
    public static func decode<T: Decodable>(_ type: T.Type = T.self, from bytes: [UInt8]) throws -> T {
        if T.self == Int.self, let value = JSONScalars.integer(bytes), let exact = Int(exactly: value) {
            return same(exact, as: type)
        }
        if T.self == Int64.self, let value = JSONScalars.integer(bytes) { return same(value, as: type) }
        if T.self == String.self, let value = JSONScalars.string(bytes) { return same(value, as: type) }
        return try decodeTree(type, from: bytes)
    }

    @inline(never)
    private static func decodeTree<T: Decodable>(_ type: T.Type, from bytes: [UInt8]) throws -> T {
        let document = try JSONDocument(bytes)
        return try JSONTreeDecoder(document: document, token: JSONDocument.root, parent: nil).decode(type)
    }

    /// Reads any JSON.
    public static func parse(_ bytes: [UInt8]) throws(CodecError) -> JSONValue {
        try JSONDocument(bytes).value(at: JSONDocument.root)
    }

    /// Writes any JSON.
    public static func serialize(_ value: JSONValue) throws(CodecError) -> [UInt8] {
        var serializer = JSONSerializer()
        try serializer.value(value)
        return serializer.bytes
    }
}

/// `value` itself if its static type is `U`: the cast of a generic value without the runtime's slow road.
@inlinable @inline(__always)
func reinterpret<T, U>(_ value: T, as type: U.Type) -> U? {
    // Equal metatypes have equal layout, and a copy through a typed pointer keeps the reference counts right.
    guard T.self == U.self else { return nil }
    return withUnsafePointer(to: value) { $0.withMemoryRebound(to: U.self, capacity: 1) { $0.pointee } }
}

/// `value` itself; `U` must be its type. Without an optional, whose type a generic caller would look up each time.
@inline(__always)
private func same<T, U>(_ value: T, as type: U.Type) -> U {
    withUnsafePointer(to: value) { UnsafeRawPointer($0).load(as: U.self) }
}
