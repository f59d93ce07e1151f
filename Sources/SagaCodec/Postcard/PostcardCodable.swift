/// A value with a postcard form. Implementations write their fields in order; an enum writes its tag as a varint first.
public protocol PostcardEncodable: ~Copyable {
    func encode(into writer: inout PostcardWriter)
}

/// A value that can be read from its postcard form. Implementations read what ``PostcardEncodable/encode(into:)`` wrote,
/// and throw `reader.failure(.badTag)` for a tag they do not know.
public protocol PostcardDecodable: ~Copyable {
    init(from reader: inout PostcardReader) throws(CodecError)
}

public typealias PostcardCodable = PostcardEncodable & PostcardDecodable

/// The entry points of the statically specialised road.
public enum Postcard {
    @inlinable
    public static func encode<T: PostcardEncodable & ~Copyable>(_ value: borrowing T) -> [UInt8] {
        var writer = PostcardWriter()
        value.encode(into: &writer)
        return writer.array()
    }

    /// Appends to a writer that the caller reuses.
    @inlinable @inline(__always)
    public static func encode<T: PostcardEncodable & ~Copyable>(
        _ value: borrowing T, into writer: inout PostcardWriter
    ) {
        value.encode(into: &writer)
    }

    /// Accepts exactly what the Rust crate's `from_bytes` accepts: varints may be padded, bytes may follow.
    @inlinable
    public static func decode<T: PostcardDecodable & ~Copyable>(
        _ type: T.Type = T.self, from bytes: UnsafeRawBufferPointer
    ) throws(CodecError) -> T {
        guard bytes.count <= PostcardReader.inputLimit else { throw CodecError(.limitExceeded, at: 0) }
        var reader = PostcardReader(bytes)
        return try T(from: &reader)
    }

    @inlinable
    public static func decode<T: PostcardDecodable>(
        _ type: T.Type = T.self, from bytes: [UInt8]
    ) throws(CodecError) -> T {
        try bytes.withUnsafeBufferPointer { (buffer) throws(CodecError) -> T in
            try decode(type, from: UnsafeRawBufferPointer(buffer))
        }
    }

    /// Refuses padded varints and trailing bytes too: one value has one form. For stores, wire and snapshots.
    @inlinable
    public static func decodeStrict<T: PostcardDecodable & ~Copyable>(
        _ type: T.Type = T.self, from bytes: UnsafeRawBufferPointer
    ) throws(CodecError) -> T {
        guard bytes.count <= PostcardReader.inputLimit else { throw CodecError(.limitExceeded, at: 0) }
        var reader = PostcardReader(bytes, strict: true)
        let value = try T(from: &reader)
        try reader.requireEnd()
        return value
    }

    @inlinable
    public static func decodeStrict<T: PostcardDecodable>(
        _ type: T.Type = T.self, from bytes: [UInt8]
    ) throws(CodecError) -> T {
        try bytes.withUnsafeBufferPointer { (buffer) throws(CodecError) -> T in
            try decodeStrict(type, from: UnsafeRawBufferPointer(buffer))
        }
    }
}
