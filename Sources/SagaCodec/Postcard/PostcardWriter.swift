/// Writes the wire format of Rust's postcard 1.x into one growing buffer that it keeps.
///
/// Reuse a writer with ``reset()``: after the first values it allocates nothing. Every `write…` makes its own room;
/// groups of small fields may call ``reserve(_:)`` once in front, which makes the later checks fall through.
@frozen
public struct PostcardWriter: ~Copyable {
    @usableFromInline package var base: UnsafeMutableRawPointer
    @usableFromInline package var cursor: UnsafeMutableRawPointer
    @usableFromInline package var limit: UnsafeMutableRawPointer

    /// - Parameter capacity: bytes of room at the start; at least 16 are taken.
    @inlinable
    public init(capacity: Int = 256) {
        let size = max(capacity, 16)
        base = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
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

    @usableFromInline @inline(never)
    mutating func grow(_ bytes: Int) {
        let used = count
        let size = max((limit - base) * 2, used + bytes)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        larger.copyMemory(from: base, byteCount: used)
        base.deallocate()
        base = larger
        cursor = larger + used
        limit = larger + size
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
        reserve(1)
        put(byte)
    }

    /// An unsigned integer, seven bits a byte, least significant first: 1 to 10 bytes.
    @inlinable @inline(__always)
    public mutating func writeVarint(_ value: UInt64) {
        reserve(16)
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
        reserve(bytes.count &+ 16)
        putVarint(UInt64(truncatingIfNeeded: bytes.count))
        putBytes(bytes)
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
        reserve(16)
        cursor.storeBytes(of: first.littleEndian, as: UInt64.self)
        cursor.storeBytes(of: second.littleEndian, toByteOffset: 8, as: UInt64.self)
        cursor += 16
    }

    /// Four raw bytes, least significant first.
    @inlinable @inline(__always)
    public mutating func writeRaw4(_ value: UInt32) {
        reserve(4)
        cursor.storeBytes(of: value.littleEndian, as: UInt32.self)
        cursor += 4
    }

    /// Eight raw bytes, least significant first.
    @inlinable @inline(__always)
    public mutating func writeRaw8(_ value: UInt64) {
        reserve(8)
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
        let done: Void? = value.utf8.withContiguousStorageIfAvailable { writeBytes(UnsafeRawBufferPointer($0)) }
        if done == nil { writeBridgedString(value) }
    }

    /// Strings whose storage is not UTF-8 in one piece (only those of other platforms' runtimes).
    @usableFromInline @inline(never)
    mutating func writeBridgedString(_ value: String) {
        [UInt8](value.utf8).withUnsafeBytes { writeBytes($0) }
    }

    // MARK: Places that are filled later

    /// Overwrites four raw bytes that were written before.
    package mutating func patchRaw4(_ value: UInt32, at position: Int) {
        precondition(position >= 0 && position + 4 <= count)
        base.storeBytes(of: value.littleEndian, toByteOffset: position, as: UInt32.self)
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

    @inlinable @inline(__always)
    mutating func putVarint(_ value: UInt64) {
        if _fastPath(value < 0x80) {
            put(UInt8(truncatingIfNeeded: value))
        } else {
            putLongVarint(value)
        }
    }

    @inlinable @inline(__always)
    mutating func putLongVarint(_ value: UInt64) {
        var rest = value
        repeat {
            put(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        } while rest >= 0x80
        put(UInt8(truncatingIfNeeded: rest))
    }

    @inlinable @inline(__always)
    mutating func putBytes(_ bytes: UnsafeRawBufferPointer) {
        if let start = bytes.baseAddress {
            cursor.copyMemory(from: start, byteCount: bytes.count)
            cursor += bytes.count
        }
    }
}
