/// Writes the wire format of Rust's postcard 1.x into one growing buffer that it keeps.
///
/// Reuse a writer with ``reset()``: after the first values it allocates nothing. Every `write…` makes its own room: a small
/// field needs one comparison, because there is always some slack behind ``limit``.
@frozen
public struct PostcardWriter: ~Copyable {
    @usableFromInline package var base: UnsafeMutableRawPointer
    @usableFromInline package var cursor: UnsafeMutableRawPointer
    /// Up to here, ``slack`` bytes may be stored without a further look.
    @usableFromInline package var limit: UnsafeMutableRawPointer

    /// Bytes of memory behind ``limit``: more than any number takes, and than a copy of 32 bytes may reach.
    @usableFromInline
    static var slack: Int { 64 }

    /// - Parameter capacity: bytes of room at the start; a few more are taken.
    @inlinable
    public init(capacity: Int = 256) {
        let size = max(capacity, 16)
        base = UnsafeMutableRawPointer.allocate(byteCount: size + Self.slack, alignment: 16)
        cursor = base
        limit = base + size
    }

    @inlinable
    deinit { base.deallocate() }

    /// Bytes written since the start or the last ``reset()``.
    @inlinable @inline(__always)
    public var count: Int { cursor - base }

    /// Forgets what was written and keeps the memory.
    @inlinable @inline(__always)
    public mutating func reset() { cursor = base }

    /// Makes room for `bytes` more bytes.
    @inlinable @inline(__always)
    public mutating func reserve(_ bytes: Int) {
        if _slowPath(limit - cursor < bytes) { grow(bytes) }
    }

    /// Makes room for a number or two: what fits into the slack.
    @inlinable @inline(__always)
    mutating func reserveSmall() {
        if _slowPath(cursor > limit) { grow(0) }
    }

    @inlinable @inline(__always)
    mutating func grow(_ bytes: Int) {
        let larger = Self.grown(base: base, used: count, size: limit - base, by: bytes)
        cursor = larger.base + count
        base = larger.base
        limit = larger.limit
    }

    // Static and by value: a writer whose address is never taken stays in registers. What is out of line says that it releases
    // no reference, which the compiler cannot see from another module: or else whoever writes a value would first retain all
    // that it holds.
    @usableFromInline @inline(never) @_effects(releasenone)
    static func grown(
        base: UnsafeMutableRawPointer, used: Int, size: Int, by bytes: Int
    ) -> (base: UnsafeMutableRawPointer, limit: UnsafeMutableRawPointer) {
        let size = max(size * 2, used + bytes)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: size + slack, alignment: 16)
        larger.copyMemory(from: base, byteCount: used)
        base.deallocate()
        return (larger, larger + size)
    }

    /// The bytes written so far; the pointer is valid only inside `body`.
    @inlinable @inline(__always)
    public func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try body(UnsafeRawBufferPointer(start: base, count: cursor - base))
    }

    /// A copy of the bytes written so far.
    @inlinable
    public func array() -> [UInt8] {
        withBytes { [UInt8]($0) }
    }

    // MARK: Values

    @inlinable @inline(__always)
    public mutating func write<T: PostcardEncodable & ~Copyable>(_ value: borrowing T) {
        value.encode(into: &self)
    }

    /// One byte as it is.
    @inlinable @inline(__always)
    public mutating func writeRawByte(_ byte: UInt8) {
        reserveSmall()
        put(byte)
    }

    /// An unsigned integer, seven bits a byte, least significant first: 1 to 10 bytes.
    @inlinable @inline(__always)
    public mutating func writeVarint(_ value: UInt64) {
        reserveSmall()
        putVarint(value)
    }

    /// A signed integer of 16 to 64 bits: zigzag, then varint.
    @inlinable @inline(__always)
    public mutating func writeZigzag(_ value: Int64) {
        writeVarint(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    /// Bytes with their count in front.
    @inlinable @inline(__always)
    public mutating func writeBytes(_ bytes: UnsafeRawBufferPointer) {
        // The count goes into the slack.
        reserve(bytes.count)
        cursor = Self.putCounted(bytes.count, from: bytes.baseAddress, at: cursor)
    }

    /// Bytes as they are, without a count.
    @inlinable @inline(__always)
    public mutating func writeRaw(_ bytes: UnsafeRawBufferPointer) {
        reserve(bytes.count)
        putBytes(bytes)
    }

    /// Sixteen raw bytes: those of `first`, then those of `second`, each least significant byte first.
    @inlinable @inline(__always)
    public mutating func writeRaw16(_ first: UInt64, _ second: UInt64) {
        reserveSmall()
        cursor.storeBytes(of: first.littleEndian, as: UInt64.self)
        cursor.storeBytes(of: second.littleEndian, toByteOffset: 8, as: UInt64.self)
        cursor += 16
    }

    /// Four raw bytes, least significant first.
    @inlinable @inline(__always)
    public mutating func writeRaw4(_ value: UInt32) {
        reserveSmall()
        cursor.storeBytes(of: value.littleEndian, as: UInt32.self)
        cursor += 4
    }

    /// Eight raw bytes, least significant first.
    @inlinable @inline(__always)
    public mutating func writeRaw8(_ value: UInt64) {
        reserveSmall()
        cursor.storeBytes(of: value.littleEndian, as: UInt64.self)
        cursor += 8
    }

    /// The tag of an option: 0 for none, 1 for some (the value follows).
    @inlinable @inline(__always)
    public mutating func writeOptionTag(_ isSome: Bool) { writeRawByte(isSome ? 1 : 0) }

    @inlinable @inline(__always)
    public mutating func writeBool(_ value: Bool) { writeRawByte(value ? 1 : 0) }

    /// UTF-8 text with its byte count in front.
    @inlinable @inline(__always)
    public mutating func writeString(_ value: String) {
        if let short = TextStorage.shortBytes(value) {
            writeRawByte(UInt8(truncatingIfNeeded: short.count))
            putShort(short)
        } else {
            TextStorage.withUTF8(value) { writeBytes($0) }
        }
    }

    /// Takes back what was written last.
    package mutating func truncate(to count: Int) {
        precondition(count >= 0 && count <= self.count)
        cursor = base + count
    }

    // MARK: Places that are filled later

    /// Overwrites four raw bytes that were written before.
    package mutating func patchRaw4(_ value: UInt32, at position: Int) {
        precondition(position >= 0 && position + 4 <= count)
        base.storeBytes(of: value.littleEndian, toByteOffset: position, as: UInt32.self)
    }

    /// Keeps `width` bytes for the length of what is written next, see ``endLengthPrefixed(at:width:)``.
    /// - Parameter width: 1 for a length up to 127, 2 up to 16,383: where the guess is wrong, what was written is moved.
    /// - Returns: the position of the length.
    @inlinable @inline(__always)
    package mutating func beginLengthPrefixed(width: Int) -> Int {
        reserveSmall()
        let position = cursor - base
        cursor += width & 3
        return position
    }

    /// Puts the length of what was written since ``beginLengthPrefixed(width:)`` in front of it.
    @inlinable @inline(__always)
    package mutating func endLengthPrefixed(at position: Int, width: Int) {
        let length = cursor - base &- position &- width
        if _fastPath(width == 1 && length >= 0 && length < 0x80) {
            base.storeBytes(of: UInt8(truncatingIfNeeded: length), toByteOffset: position, as: UInt8.self)
        } else if _fastPath(width == 2 && length >= 0x80 && length < 0x4000) {
            let bytes = UInt16(truncatingIfNeeded: length & 0x7F | 0x80 | (length >> 7) << 8)
            base.storeBytes(of: bytes.littleEndian, toByteOffset: position, as: UInt16.self)
        } else {
            reserve(16)
            cursor = Self.movedLength(base: base, position: position, width: width, cursor: cursor)
        }
    }

    /// The end of what was written once its length, which takes another width than was kept for it, stands in front of it.
    @usableFromInline @inline(never) @_effects(releasenone)
    static func movedLength(
        base: UnsafeMutableRawPointer, position: Int, width: Int, cursor: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        let length = cursor - base - position - width
        precondition(position >= 0 && length >= 0)
        let start = base + position
        var bytes = 1
        while length >> (7 * bytes) > 0 { bytes += 1 }
        (start + bytes).copyMemory(from: start + width, byteCount: length)
        var rest = length
        for index in 0..<bytes {
            let mark: UInt8 = index == bytes - 1 ? 0 : 0x80
            start.storeBytes(of: UInt8(truncatingIfNeeded: rest & 0x7F) | mark, toByteOffset: index, as: UInt8.self)
            rest >>= 7
        }
        return start + bytes + length
    }

    /// Writes what `body` writes, with its length in bytes in front.
    @inlinable @inline(__always)
    public mutating func writeLengthPrefixed(_ body: (inout PostcardWriter) -> Void) {
        let position = beginLengthPrefixed(width: 1)
        body(&self)
        endLengthPrefixed(at: position, width: 1)
    }

    /// Takes the bytes from `start` to the end out and puts them in the place of `width` bytes at `position`.
    package mutating func moveTail(from start: Int, to position: Int, replacing width: Int) {
        precondition(position >= 0 && position + width <= start && start <= count)
        let size = count - start
        // Where they replace more or fewer bytes, what lies between moves.
        reserve(size)
        let tail = base + start
        if size != width {
            let kept = base + count
            kept.copyMemory(from: tail, byteCount: size)
            let between = start - position - width
            (base + position + size).copyMemory(from: base + position + width, byteCount: between)
            (base + position).copyMemory(from: kept, byteCount: size)
        } else {
            (base + position).copyMemory(from: tail, byteCount: size)
        }
        cursor = base + start + size - width
    }

    // MARK: Stores without a check; the caller has reserved

    @inlinable @inline(__always)
    mutating func put(_ byte: UInt8) {
        cursor.storeBytes(of: byte, as: UInt8.self)
        cursor += 1
    }

    /// Up to 15 bytes, directly behind a number: sixteen are stored, which go into the slack that the number left.
    @inlinable @inline(__always)
    mutating func putShort(_ text: (low: UInt64, high: UInt64, count: Int)) {
        cursor.storeBytes(of: text.low.littleEndian, as: UInt64.self)
        cursor.storeBytes(of: text.high.littleEndian, toByteOffset: 8, as: UInt64.self)
        cursor += text.count
    }

    @inlinable @inline(__always)
    mutating func putVarint(_ value: UInt64) {
        if _fastPath(value < 0x80) {
            put(UInt8(truncatingIfNeeded: value))
        } else {
            cursor = Self.putLongVarint(value, at: cursor)
        }
    }

    /// A count and so many bytes. Out of line, or a type of many texts would be too much code to be optimised as one.
    @usableFromInline @inline(never) @_effects(releasenone)
    static func putCounted(
        _ count: Int, from source: UnsafeRawPointer?, at cursor: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        var cursor = cursor
        if _fastPath(count < 0x80) {
            cursor.storeBytes(of: UInt8(truncatingIfNeeded: count), as: UInt8.self)
            cursor += 1
        } else {
            cursor = putLongVarint(UInt64(truncatingIfNeeded: count), at: cursor)
        }
        guard let source else { return cursor }
        copy(count, from: source, to: cursor)
        return cursor + count
    }

    /// Varints of two bytes and more: seven bits into each byte of one word, which is stored whole.
    @inlinable @inline(__always)
    static func putLongVarint(_ value: UInt64, at cursor: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        if _slowPath(value >= 1 << 56) {
            // Nine or ten bytes: eight with their marks, the rest by itself.
            cursor.storeBytes(of: (spread(value) | 0x8080_8080_8080_8080).littleEndian, as: UInt64.self)
            let rest = value >> 56
            if rest < 0x80 {
                cursor.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: 8, as: UInt8.self)
                return cursor + 9
            }
            cursor.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: 8, as: UInt8.self)
            cursor.storeBytes(of: UInt8(truncatingIfNeeded: rest >> 7), toByteOffset: 9, as: UInt8.self)
            return cursor + 10
        }
        // ceil(bits / 7) for 8 to 56 bits.
        let bits = 64 &- value.leadingZeroBitCount
        let bytes = (bits &* 9 &+ 64) >> 6
        let marks = (0x0080_8080_8080_8080 as UInt64) >> UInt64(truncatingIfNeeded: (8 &- bytes) &* 8)
        cursor.storeBytes(of: (spread(value) | marks).littleEndian, as: UInt64.self)
        return cursor + bytes
    }

    /// The low 56 bits, seven to a byte.
    @inlinable @inline(__always)
    static func spread(_ value: UInt64) -> UInt64 {
        let halves = (value & 0x0FFF_FFFF) | ((value & 0x00FF_FFFF_F000_0000) << 4)
        let pairs = (halves & 0x0000_3FFF_0000_3FFF) | ((halves & 0x0FFF_C000_0FFF_C000) << 2)
        return (pairs & 0x007F_007F_007F_007F) | ((pairs & 0x3F80_3F80_3F80_3F80) << 1)
    }

    @inlinable @inline(__always)
    mutating func putBytes(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        Self.copy(bytes.count, from: start, to: cursor)
        cursor += bytes.count
    }

    /// A copy that needs no call up to 32 bytes: loads and stores that overlap, within both ranges.
    @usableFromInline @inline(never) @_effects(releasenone)
    static func copy(_ count: Int, from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer) {
        if count > 32 {
            target.copyMemory(from: source, byteCount: count)
        } else if count >= 16 {
            copyEnds(SIMD2<UInt64>.self, count, source, target)
        } else if count >= 8 {
            copyEnds(UInt64.self, count, source, target)
        } else if count >= 4 {
            copyEnds(UInt32.self, count, source, target)
        } else if count > 0 {
            let middle = source.load(fromByteOffset: count >> 1, as: UInt8.self)
            target.storeBytes(of: middle, toByteOffset: count >> 1, as: UInt8.self)
            copyEnds(UInt8.self, count, source, target)
        }
    }

    @inline(__always)
    private static func copyEnds<Word: BitwiseCopyable>(
        _ word: Word.Type, _ count: Int, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer
    ) {
        let last = count &- MemoryLayout<Word>.size
        let low = source.loadUnaligned(as: word)
        let high = source.loadUnaligned(fromByteOffset: last, as: word)
        target.storeBytes(of: low, as: word)
        target.storeBytes(of: high, toByteOffset: last, as: word)
    }
}
