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

    /// The longest input, which is what a ``FrameRange`` reaches, less the place that stands for none; of a longer one nothing is read.
    @inlinable
    public static var inputLimit: Int { Int(UInt32.max) - 1 }

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
        end = base + (bytes.count <= Self.inputLimit ? bytes.count : 0)
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

    // The long forms are static and take the position by value: a reader whose address is never taken stays in registers.

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

    /// The index of an enum's variant, or a count that is small as a rule: one byte inline, the rest out of line.
    @inlinable @inline(__always)
    public mutating func readTag() throws(CodecError) -> UInt32 {
        if _fastPath(cursor != end) {
            let byte = cursor.load(as: UInt8.self)
            if _fastPath(byte < 0x80) {
                cursor += 1
                return UInt32(truncatingIfNeeded: byte)
            }
        }
        return UInt32(truncatingIfNeeded: try readVarintByBytes(UInt64(UInt32.max), maxBytes: 5))
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
                // All bits up to the stop bit of the last byte.
                let mask = stops ^ (stops &- 1)
                let value = Self.gather(word & mask)
                let count = (stops.trailingZeroBitCount &+ 1) >> 3
                // A last byte of zero adds nothing, so the shorter form exists.
                let last = cursor.load(fromByteOffset: count &- 1, as: UInt8.self)
                if _fastPath(count <= maxBytes && value <= max && last != 0) {
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

    @inlinable @inline(__always)
    mutating func readVarintByBytes(_ max: UInt64, maxBytes: Int) throws(CodecError) -> UInt64 {
        let found = try Self.varintByBytes(
            base: base, cursor: cursor, end: end, max: max, maxBytes: strict ? -maxBytes : maxBytes)
        cursor = found.next
        return found.value
    }

    /// The crate's own rule, byte by byte: at most `maxBytes`, the last one without the bits beyond the type.
    /// - Parameter maxBytes: negative to refuse padded forms.
    @usableFromInline @inline(never)
    static func varintByBytes(
        base: UnsafeRawPointer, cursor: UnsafeRawPointer, end: UnsafeRawPointer, max: UInt64, maxBytes: Int
    ) throws(CodecError) -> (value: UInt64, next: UnsafeRawPointer) {
        var next = cursor
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while next - cursor < abs(maxBytes) {
            if next == end { throw CodecError(.unexpectedEnd, at: next - base) }
            let byte = next.load(as: UInt8.self)
            next += 1
            let bits = UInt64(byte & 0x7F)
            let shifted = bits << shift
            if byte < 0x80 {
                if shifted >> shift != bits || shifted > max { throw CodecError(.badVarint, at: cursor - base) }
                if maxBytes < 0 && byte == 0 && shift > 0 { throw CodecError(.nonCanonical, at: cursor - base) }
                return (value | shifted, next)
            }
            value |= shifted
            shift += 7
        }
        throw CodecError(.badVarint, at: cursor - base)
    }

    /// Lengths of two bytes and more: at a text or byte array, whose bytes follow, so that no site needs the code inline.
    @usableFromInline @inline(never)
    static func longLength(
        base: UnsafeRawPointer, cursor: UnsafeRawPointer, end: UnsafeRawPointer, maxBytes: Int
    ) throws(CodecError) -> (value: UInt64, next: UnsafeRawPointer) {
        // Two bytes, which are nearly all of them.
        if end - cursor >= 2 {
            let low = cursor.load(as: UInt8.self)
            let high = cursor.load(fromByteOffset: 1, as: UInt8.self)
            if low >= 0x80 && high < 0x80 && high > 0 {
                return (UInt64(low & 0x7F) | UInt64(high) << 7, cursor + 2)
            }
        }
        return try varintByBytes(base: base, cursor: cursor, end: end, max: .max, maxBytes: maxBytes)
    }

    /// The count in front of bytes or text, checked against what is left.
    @inlinable @inline(__always)
    mutating func readLength() throws(CodecError) -> Int {
        if _fastPath(cursor != end) {
            let byte = Int(truncatingIfNeeded: cursor.load(as: UInt8.self))
            if byte < 0x80 {
                cursor += 1
                if _slowPath(byte > end - cursor) { throw failure(.unexpectedEnd) }
                return byte
            }
        }
        let found = try Self.longLength(base: base, cursor: cursor, end: end, maxBytes: strict ? -10 : 10)
        cursor = found.next
        if _slowPath(found.value > UInt64(truncatingIfNeeded: end - cursor)) { throw failure(.unexpectedEnd) }
        return Int(truncatingIfNeeded: found.value)
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
        if _slowPath(!isText(cursor, count)) { throw failure(.badUTF8) }
        cursor = start + count
        return UnsafeRawBufferPointer(start: start, count: count)
    }

    /// Whether `count` bytes from `start`, which are there, are UTF-8.
    @inlinable @inline(__always)
    func isText(_ start: UnsafeRawPointer, _ count: Int) -> Bool {
        _fastPath(isShortText(start, count)) || UTF8Validation.isValid(start, count)
    }

    /// Whether they are up to 32 bytes of ASCII. Those are looked at with the ones before them, which are masked out: no branch
    /// depends on the length, and nothing behind the text needs to be there.
    @inlinable @inline(__always)
    func isShortText(_ start: UnsafeRawPointer, _ count: Int) -> Bool {
        let last = start + count
        return count <= 32 && last - base >= 32 && UTF8Validation.isShortASCII(endingAt: last, count)
    }

    /// The tag of an option and, if there is a value, the count in front of its bytes: where they begin, and how many.
    ///
    /// A tag of 0 is its own count, so no branch depends on whether there is a value, which no predictor knows. Nil where the
    /// long way must say what it is.
    @inlinable @inline(__always)
    func shortOption() -> (isSome: Bool, start: UnsafeRawPointer, count: Int)? {
        guard _fastPath(cursor != end) else { return nil }
        let tag = Int(truncatingIfNeeded: cursor.load(as: UInt8.self))
        guard _fastPath(tag <= 1 && cursor + tag != end) else { return nil }
        let count = Int(truncatingIfNeeded: cursor.load(fromByteOffset: tag, as: UInt8.self))
        let start = cursor + (tag &+ 1)
        guard _fastPath(count < 0x80 && count <= end - start) else { return nil }
        return (tag == 1, start, count)
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
        // Most texts are short: those are made where they are read. The others are out of line.
        if _fastPath(end - cursor > 16) {
            let count = Int(truncatingIfNeeded: cursor.load(as: UInt8.self))
            if _fastPath(count < 16), let text = TextStorage.shortASCII(cursor + 1, count) {
                cursor += count &+ 1
                return text
            }
        }
        let found = try Self.text(base: base, cursor: cursor, end: end, maxBytes: strict ? -10 : 10)
        cursor = found.next
        return found.text
    }

    /// Text of any length and script.
    @usableFromInline @inline(never)
    static func text(
        base: UnsafeRawPointer, cursor: UnsafeRawPointer, end: UnsafeRawPointer, maxBytes: Int
    ) throws(CodecError) -> (text: String, next: UnsafeRawPointer) {
        guard cursor != end else { throw CodecError(.unexpectedEnd, at: cursor - base) }
        var start = cursor + 1
        var count = UInt64(truncatingIfNeeded: cursor.load(as: UInt8.self))
        if count >= 0x80 {
            (count, start) = try longLength(base: base, cursor: cursor, end: end, maxBytes: maxBytes)
        }
        guard count <= UInt64(truncatingIfNeeded: end - start) else {
            throw CodecError(.unexpectedEnd, at: start - base)
        }
        let bytes = UnsafeRawBufferPointer(start: start, count: Int(truncatingIfNeeded: count))
        guard let text = TextStorage.string(bytes) else { throw CodecError(.badUTF8, at: start - base) }
        return (text, start + bytes.count)
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

    /// An integer of up to 64 bits; whether its form is the shortest is not looked at.
    @inlinable @inline(__always)
    public mutating func skipVarint() throws(CodecError) {
        if _fastPath(cursor != end) && cursor.load(as: UInt8.self) < 0x80 {
            cursor += 1
            return
        }
        if _fastPath(end - cursor >= 8) {
            let word = UInt64(littleEndian: cursor.loadUnaligned(as: UInt64.self))
            let stops = ~word & 0x8080_8080_8080_8080
            if _fastPath(stops != 0) {
                cursor += (stops.trailingZeroBitCount &+ 1) >> 3
                return
            }
        }
        _ = try readVarintByBytes(.max, maxBytes: 10)
    }

    /// Bytes or text with a count in front.
    @inlinable @inline(__always)
    public mutating func skipBytes() throws(CodecError) { _ = try readBorrowedBytes() }

    /// Bytes or text with a count in front, if they are there; no branch depends on whether they are.
    @inlinable @inline(__always)
    package mutating func skipBytes(ifThere isThere: Bool) throws(CodecError) {
        if _fastPath(cursor != end) {
            let part = isThere ? 1 : 0
            let count = Int(truncatingIfNeeded: cursor.load(as: UInt8.self)) & (0 &- part)
            if _fastPath(count < 0x80 && count &+ part <= end - cursor) {
                cursor += count &+ part
                return
            }
        }
        if isThere { try skipBytes() }
    }

    /// An option of bytes or text.
    @inlinable @inline(__always)
    public mutating func skipOptionalBytes() throws(CodecError) {
        if let option = shortOption() {
            cursor = option.start + option.count
        } else if try readOptionTag() {
            try skipBytes()
        }
    }

    @inlinable @inline(__always)
    public mutating func skipRaw(_ count: Int) throws(CodecError) { _ = try readBorrowedRaw(count) }
}

/// Stands in for the missing address of an empty buffer.
@usableFromInline
nonisolated(unsafe) let emptyInput = UnsafeRawPointer(UnsafeMutableRawPointer.allocate(byteCount: 16, alignment: 16))
