/// Writes the wire format of Rust's bincode 1.3 into one growing buffer that it keeps.
@frozen
public struct BincodeWriter<Integers: BincodeIntegers>: ~Copyable {
    /// The bytes so far, and the raw writes that both formats share.
    public var buffer: PostcardWriter

    /// - Parameter capacity: bytes of room at the start.
    @inlinable
    public init(capacity: Int = 256) { buffer = PostcardWriter(capacity: capacity) }

    /// Goes on where another buffer stands, and leaves an empty one in its place.
    package init(taking other: inout PostcardWriter) {
        buffer = PostcardWriter(capacity: 0)
        swap(&buffer, &other)
    }

    /// Forgets what was written and keeps the memory.
    @inlinable @inline(__always)
    public mutating func reset() { buffer.reset() }

    @inlinable @inline(__always)
    public mutating func write<T: BincodeEncodable & ~Copyable>(_ value: borrowing T) { value.encode(into: &self) }

    /// The count of a sequence, map, text or byte array.
    @inlinable @inline(__always)
    public mutating func writeCount(_ count: Int) { Integers.put(UInt64(truncatingIfNeeded: count), into: &buffer) }

    /// The index of an enum's variant.
    @inlinable @inline(__always)
    public mutating func writeTag(_ index: UInt32) { Integers.put(index, into: &buffer) }

    /// Bytes with their count in front.
    @inlinable @inline(__always)
    public mutating func writeBytes(_ bytes: UnsafeRawBufferPointer) {
        writeCount(bytes.count)
        buffer.writeRaw(bytes)
    }

    @inlinable @inline(__always)
    public mutating func writeString(_ value: String) {
        if let short = TextStorage.shortBytes(value) {
            writeCount(short.count)
            buffer.putShort(short)
        } else {
            TextStorage.withUTF8(value) { writeBytes($0) }
        }
    }
}

/// Reads the wire format of Rust's bincode 1.3 from borrowed memory; as total as ``PostcardReader``.
@frozen
public struct BincodeReader<Integers: BincodeIntegers> {
    /// The input, and the raw reads that both formats share.
    public var input: PostcardReader

    /// - Parameter bytes: the input; must stay valid and unchanged as long as the reader is used.
    @inlinable @inline(__always)
    public init(_ bytes: UnsafeRawBufferPointer, strict: Bool = false) {
        input = PostcardReader(bytes, strict: strict)
    }

    /// Goes on where another reader stands.
    package init(_ input: PostcardReader) { self.input = input }

    @inlinable @inline(__always)
    public mutating func read<T: BincodeDecodable & ~Copyable>(_ type: T.Type = T.self) throws(CodecError) -> T {
        try T(from: &self)
    }

    /// The count of a sequence or map; see ``PostcardReader/capacity(for:stride:)`` before allocating.
    @inlinable @inline(__always)
    public mutating func readCount() throws(CodecError) -> Int {
        let raw = try take64()
        if _slowPath(raw > UInt64(Int.max)) { throw input.failure(.unexpectedEnd) }
        return Int(truncatingIfNeeded: raw)
    }

    /// The index of an enum's variant.
    @inlinable @inline(__always)
    public mutating func readTag() throws(CodecError) -> UInt32 { try take32() }

    // The two configurations by name: as a witness of the protocol, the same functions are not inlined in another module, and the
    // reader, whose address they then take, has to leave its registers at each value.

    @inlinable @inline(__always)
    mutating func take16() throws(CodecError) -> UInt16 {
        if Integers.self == BincodeFixed.self { return try BincodeFixed.take16(from: &input) }
        if Integers.self == BincodeVarint.self { return try BincodeVarint.take16(from: &input) }
        return try Integers.take16(from: &input)
    }

    @inlinable @inline(__always)
    mutating func take32() throws(CodecError) -> UInt32 {
        if Integers.self == BincodeFixed.self { return try BincodeFixed.take32(from: &input) }
        if Integers.self == BincodeVarint.self { return try BincodeVarint.take32(from: &input) }
        return try Integers.take32(from: &input)
    }

    @inlinable @inline(__always)
    mutating func take64() throws(CodecError) -> UInt64 {
        if Integers.self == BincodeFixed.self { return try BincodeFixed.take64(from: &input) }
        if Integers.self == BincodeVarint.self { return try BincodeVarint.take64(from: &input) }
        return try Integers.take64(from: &input)
    }

    /// Bytes with their count in front, left where they are.
    @inlinable @inline(__always)
    public mutating func readBorrowedBytes() throws(CodecError) -> UnsafeRawBufferPointer {
        let count = try readCount()
        return try input.readBorrowedRaw(count)
    }

    @inlinable @inline(__always)
    public mutating func readString() throws(CodecError) -> String {
        let text = try readBorrowedBytes()
        if _fastPath(text.count < 16 && input.remaining &+ text.count >= 16), let start = text.baseAddress,
            let short = TextStorage.shortASCII(start, text.count)
        {
            return short
        }
        guard let string = TextStorage.long(text) else {
            throw CodecError(.badUTF8, at: input.offset &- text.count)
        }
        return string
    }
}

/// A value with a bincode form, the same code for both configurations.
public protocol BincodeEncodable: ~Copyable {
    func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>)
}

/// A value that can be read from its bincode form.
public protocol BincodeDecodable: ~Copyable {
    init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError)
}

public typealias BincodeCodable = BincodeEncodable & BincodeDecodable

/// The entry points of bincode's statically specialised road: `Bincode<BincodeFixed>` is Rust's `bincode::serialize`,
/// `Bincode<BincodeVarint>` its `DefaultOptions::new()`.
public enum Bincode<Integers: BincodeIntegers> {
    @inlinable
    public static func encode<T: BincodeEncodable & ~Copyable>(_ value: borrowing T) -> [UInt8] {
        var writer = BincodeWriter<Integers>()
        value.encode(into: &writer)
        return writer.buffer.array()
    }

    /// Accepts exactly what the crate's entry point accepts: bytes may follow with fixed integers, not with varints.
    @inlinable
    public static func decode<T: BincodeDecodable>(
        _ type: T.Type = T.self, from bytes: [UInt8]
    ) throws(CodecError) -> T {
        try decode(type, from: bytes, strict: false)
    }

    /// Refuses padded varints and trailing bytes too.
    @inlinable
    public static func decodeStrict<T: BincodeDecodable>(
        _ type: T.Type = T.self, from bytes: [UInt8]
    ) throws(CodecError) -> T {
        try decode(type, from: bytes, strict: true)
    }

    @inlinable
    static func decode<T: BincodeDecodable>(
        _ type: T.Type, from bytes: [UInt8], strict: Bool
    ) throws(CodecError) -> T {
        guard bytes.count <= PostcardReader.inputLimit else { throw CodecError(.limitExceeded, at: 0) }
        return try bytes.withUnsafeBufferPointer { (buffer) throws(CodecError) -> T in
            var reader = BincodeReader<Integers>(UnsafeRawBufferPointer(buffer), strict: strict)
            let value = try T(from: &reader)
            if strict || !Integers.allowsTrailingBytes { try reader.input.requireEnd() }
            return value
        }
    }
}
