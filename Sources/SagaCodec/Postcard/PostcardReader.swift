/// Reads the wire format of Rust's postcard 1.x from borrowed memory.
///
/// Total: whatever the bytes are, each `read…` returns a value or throws a ``CodecError`` with offset and reason, and
/// never allocates more than the input's own size justifies. After an error the position is undefined.
///
/// The reader holds pointers into the input, which must outlive it: get one through ``Postcard`` where that will do.
@frozen
public struct PostcardReader {
    /// Nesting allowed by ``enter()``.
    @inlinable
    public static var depthLimit: Int { 128 }

    /// The most elements of a sequence whose elements take no bytes (`[()]` in Rust): nothing else bounds their count.
    @inlinable
    public static var emptyElementLimit: Int { 65_536 }

    @usableFromInline package let base: UnsafeRawPointer
    @usableFromInline package var cursor: UnsafeRawPointer
    @usableFromInline package var end: UnsafeRawPointer
    @usableFromInline package var depth: Int
    /// Whether varints with a shorter form are refused, as stores, wire and snapshots do.
    public let strict: Bool

    /// - Parameter bytes: the input; must stay valid and unchanged as long as the reader is used.
    @inlinable @inline(__always)
    public init(_ bytes: UnsafeRawBufferPointer, strict: Bool = false) {
        base = bytes.baseAddress ?? emptyInput
        cursor = base
        end = base + bytes.count
        depth = 0
        self.strict = strict
    }

    /// Bytes read so far.
    @inlinable @inline(__always)
    public var offset: Int { cursor - base }

    /// Bytes left.
    @inlinable @inline(__always)
    public var remaining: Int { end - cursor }

    @inlinable @inline(__always)
    public var isAtEnd: Bool { cursor == end }

    @inlinable @inline(__always)
    public func failure(_ reason: CodecError.Reason) -> CodecError { CodecError(reason, at: offset) }

    /// Throws ``CodecError/Reason/trailingBytes`` unless everything was read.
    @inlinable @inline(__always)
    public func requireEnd() throws(CodecError) {
        if _slowPath(cursor != end) { throw failure(.trailingBytes) }
    }

    /// Call before decoding a value that may contain itself, and ``leave()`` after: input must not choose the depth of
    /// the stack.
    @inlinable @inline(__always)
    public mutating func enter() throws(CodecError) {
        depth &+= 1
        if _slowPath(depth > Self.depthLimit) { throw failure(.depthExceeded) }
    }

    @inlinable @inline(__always)
    public mutating func leave() { depth &-= 1 }

    // MARK: Values

    @inlinable @inline(__always)
    public mutating func read<T: PostcardDecodable & ~Copyable>(_ type: T.Type = T.self) throws(CodecError) -> T {
        try T(from: &self)
    }

    @inlinable @inline(__always)
    public mutating func readByte() throws(CodecError) -> UInt8 {
        if _slowPath(cursor == end) { throw failure(.unexpectedEnd) }
        let byte = cursor.load(as: UInt8.self)
        cursor += 1
        return byte
    }

    @inlinable @inline(__always)
    public mutating func readBool() throws(CodecError) -> Bool {
        let byte = try readByte()
        if _slowPath(byte > 1) { throw CodecError(.badBool, at: offset &- 1) }
        return byte == 1
    }

    /// The tag of an option: true if a value follows.
    @inlinable @inline(__always)
    public mutating func readOptionTag() throws(CodecError) -> Bool {
        let byte = try readByte()
        if _slowPath(byte > 1) { throw CodecError(.badOption, at: offset &- 1) }
        return byte == 1
    }

    @inlinable @inline(__always)
    public mutating func readVarint64() throws(CodecError) -> UInt64 {
        if _fastPath(cursor != end) {
            let byte = cursor.load(as: UInt8.self)
            if byte < 0x80 {
                cursor += 1
                return UInt64(truncatingIfNeeded: byte)
            }
        }
        return try readLongVarint(.max, maxBytes: 10)
    }

    @inlinable @inline(__always)
    public mutating func readVarint32() throws(CodecError) -> UInt32 {
        if _fastPath(cursor != end) {
            let byte = cursor.load(as: UInt8.self)
            if byte < 0x80 {
                cursor += 1
                return UInt32(truncatingIfNeeded: byte)
            }
        }
        return UInt32(truncatingIfNeeded: try readLongVarint(UInt64(UInt32.max), maxBytes: 5))
    }

    @inlinable @inline(__always)
    public mutating func readVarint16() throws(CodecError) -> UInt16 {
        if _fastPath(cursor != end) {
            let byte = cursor.load(as: UInt8.self)
            if byte < 0x80 {
                cursor += 1
                return UInt16(truncatingIfNeeded: byte)
            }
        }
        return UInt16(truncatingIfNeeded: try readLongVarint(UInt64(UInt16.max), maxBytes: 3))
    }

    /// A signed 64-bit integer.
    @inlinable @inline(__always)
    public mutating func readZigzag() throws(CodecError) -> Int64 {
        let raw = try readVarint64()
        return Int64(bitPattern: (raw >> 1) ^ (0 &- (raw & 1)))
    }

    /// Varints of two bytes and more: all of one with a single load where eight bytes are left, else byte by byte.
    @inlinable @inline(__always)
    mutating func readLongVarint(_ max: UInt64, maxBytes: Int) throws(CodecError) -> UInt64 {
        if _fastPath(end - cursor >= 8) {
            let word = UInt64(littleEndian: cursor.loadUnaligned(as: UInt64.self))
            let stops = ~word & 0x8080_8080_8080_8080
            if _fastPath(stops != 0) {
                let bits = stops.trailingZeroBitCount
                let value = Self.gather(word & (stops ^ (stops &- 1)))
                let count = (bits &+ 1) >> 3
                // A last byte of zero adds nothing: the shorter form exists.
                let lastIsZero = (word >> UInt64(truncatingIfNeeded: bits &- 7)) & 0x7F == 0
                if _fastPath(count <= maxBytes && value <= max && !lastIsZero) {
                    cursor += count
                    return value
                }
            }
        }
        return try readVarintByBytes(max, maxBytes: maxBytes)
    }

    /// Joins the seven value bits of each byte.
    @inlinable @inline(__always)
    static func gather(_ word: UInt64) -> UInt64 {
        let pairs = (word & 0x007F_007F_007F_007F) | ((word & 0x7F00_7F00_7F00_7F00) >> 1)
        let quads = (pairs & 0x0000_3FFF_0000_3FFF) | ((pairs & 0x3FFF_0000_3FFF_0000) >> 2)
        return (quads & 0x0FFF_FFFF) | ((quads & 0x0FFF_FFFF_0000_0000) >> 4)
    }

    /// The crate's own rule, byte by byte: at most `maxBytes`, the last one without the bits beyond the type.
    @usableFromInline @inline(never)
    mutating func readVarintByBytes(_ max: UInt64, maxBytes: Int) throws(CodecError) -> UInt64 {
        let start = offset
        var value: UInt64 = 0
        var index = 0
        while index < maxBytes {
            let byte = try readByte()
            let bits = UInt64(byte & 0x7F)
            let shift = UInt64(7 * index)
            let shifted = bits << shift
            if byte < 0x80 {
                if shifted >> shift != bits || shifted > max { throw CodecError(.badVarint, at: start) }
                if strict && byte == 0 && index > 0 { throw CodecError(.nonCanonical, at: start) }
                return value | shifted
            }
            value |= shifted
            index += 1
        }
        throw CodecError(.badVarint, at: start)
    }

    /// The count in front of bytes or text, checked against what is left.
    @inlinable @inline(__always)
    mutating func readLength() throws(CodecError) -> Int {
        let raw = try readVarint64()
        if _slowPath(raw > UInt64(truncatingIfNeeded: end - cursor)) { throw failure(.unexpectedEnd) }
        return Int(truncatingIfNeeded: raw)
    }

    /// Bytes with their count in front, left where they are: valid as long as the input is.
    @inlinable @inline(__always)
    public mutating func readBorrowedBytes() throws(CodecError) -> UnsafeRawBufferPointer {
        let count = try readLength()
        let start = cursor
        cursor += count
        return UnsafeRawBufferPointer(start: start, count: count)
    }

    /// Text with its byte count in front, checked to be UTF-8 and left where it is.
    @inlinable @inline(__always)
    public mutating func readBorrowedUTF8() throws(CodecError) -> UnsafeRawBufferPointer {
        let count = try readLength()
        let start = cursor
        if _slowPath(!UTF8Validation.isValid(start, count)) { throw failure(.badUTF8) }
        cursor += count
        return UnsafeRawBufferPointer(start: start, count: count)
    }

    /// Bytes with their count in front.
    @inlinable @inline(__always)
    public mutating func readBytes() throws(CodecError) -> [UInt8] {
        let bytes = try readBorrowedBytes()
        // A typed buffer: its copy is one block copy.
        return [UInt8](bytes.bindMemory(to: UInt8.self))
    }

    /// Text with its byte count in front.
    @inlinable @inline(__always)
    public mutating func readString() throws(CodecError) -> String {
        let text = try readBorrowedUTF8()
        return String(decoding: text, as: UTF8.self)
    }

    /// Raw bytes without a count, left where they are.
    @inlinable @inline(__always)
    public mutating func readBorrowedRaw(_ count: Int) throws(CodecError) -> UnsafeRawBufferPointer {
        if _slowPath(count < 0 || end - cursor < count) { throw failure(.unexpectedEnd) }
        let start = cursor
        cursor += count
        return UnsafeRawBufferPointer(start: start, count: count)
    }

    /// Sixteen raw bytes as two words, each least significant byte first.
    @inlinable @inline(__always)
    public mutating func readRaw16() throws(CodecError) -> (UInt64, UInt64) {
        if _slowPath(end - cursor < 16) { throw failure(.unexpectedEnd) }
        let first = UInt64(littleEndian: cursor.loadUnaligned(as: UInt64.self))
        let second = UInt64(littleEndian: cursor.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        cursor += 16
        return (first, second)
    }

    /// Four raw bytes, least significant first.
    @inlinable @inline(__always)
    public mutating func readRaw4() throws(CodecError) -> UInt32 {
        if _slowPath(end - cursor < 4) { throw failure(.unexpectedEnd) }
        let value = UInt32(littleEndian: cursor.loadUnaligned(as: UInt32.self))
        cursor += 4
        return value
    }

    /// Eight raw bytes, least significant first.
    @inlinable @inline(__always)
    public mutating func readRaw8() throws(CodecError) -> UInt64 {
        if _slowPath(end - cursor < 8) { throw failure(.unexpectedEnd) }
        let value = UInt64(littleEndian: cursor.loadUnaligned(as: UInt64.self))
        cursor += 8
        return value
    }

    /// The number of elements of a sequence or map. Not to be used for an allocation as it is: see
    /// ``capacity(for:stride:)``.
    @inlinable @inline(__always)
    public mutating func readCount() throws(CodecError) -> Int {
        let raw = try readVarint64()
        if _slowPath(raw > UInt64(Int.max)) { throw failure(.unexpectedEnd) }
        return Int(truncatingIfNeeded: raw)
    }

    /// How many elements of `stride` bytes may be reserved for a count that the input claims: never more memory than
    /// the input has bytes left.
    @inlinable @inline(__always)
    public func capacity(for count: Int, stride: Int) -> Int { min(count, remaining / max(stride, 1)) }

    // MARK: Skipping (structure checked, text not)

    @inlinable @inline(__always)
    public mutating func skipVarint() throws(CodecError) { _ = try readVarint64() }

    /// Bytes or text with a count in front.
    @inlinable @inline(__always)
    public mutating func skipBytes() throws(CodecError) { _ = try readBorrowedBytes() }

    @inlinable @inline(__always)
    public mutating func skipRaw(_ count: Int) throws(CodecError) { _ = try readBorrowedRaw(count) }
}

/// Stands in for the missing address of an empty buffer.
@usableFromInline
nonisolated(unsafe) let emptyInput = UnsafeRawPointer(UnsafeMutableRawPointer.allocate(byteCount: 16, alignment: 16))
