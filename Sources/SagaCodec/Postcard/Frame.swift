/// A run of bytes inside a frame or input: where text or a byte array lies that was not copied.
///
/// Two small integers without a pointer: it may outlive the bytes, and whoever resolves it checks the bounds.
@frozen
public struct FrameRange: Sendable, Hashable, BitwiseCopyable {
    public let offset: UInt32
    public let count: UInt32

    @inlinable @inline(__always)
    public init(offset: UInt32, count: UInt32) {
        self.offset = offset
        self.count = count
    }

    @inlinable @inline(__always)
    public init() { self.init(offset: 0, count: 0) }
}

/// A ``FrameRange`` that may be absent. Unlike an `Optional` it is made without a branch, and whether a field is there is just
/// what a processor cannot foresee.
@frozen
public struct OptionalFrameRange: Sendable, Hashable, BitwiseCopyable {
    /// No range begins at 4 GiB - 1, because no input is longer.
    @usableFromInline let raw: FrameRange

    @inlinable @inline(__always)
    public init(_ range: FrameRange?) { raw = range ?? FrameRange(offset: .max, count: 0) }

    /// - Parameter count: 0 if there is none.
    @inlinable @inline(__always)
    init(_ isSome: Bool, at offset: Int, count: Int) {
        let absent = 0 &- UInt32(truncatingIfNeeded: isSome ? 0 : 1)
        raw = FrameRange(
            offset: UInt32(truncatingIfNeeded: offset) | absent, count: UInt32(truncatingIfNeeded: count))
    }

    @inlinable @inline(__always)
    public var range: FrameRange? { raw.offset == .max ? nil : raw }
}

/// Immutable bytes that many decoded values share: one read of a page of events is one allocation, whose parts are
/// named by ``FrameRange``.
///
/// A value that keeps its frame and ranges owns its text and bytes at the price of one reference.
public final class Frame: Sendable {
    @usableFromInline nonisolated(unsafe) let start: UnsafeMutableRawPointer
    public let count: Int

    /// Copies the bytes. At most 4 GiB - 1, which is what a ``FrameRange`` reaches.
    public init(copying bytes: UnsafeRawBufferPointer) throws(CodecError) {
        guard bytes.count <= Int(UInt32.max) else { throw CodecError(.limitExceeded, at: 0) }
        count = bytes.count
        start = .allocate(byteCount: max(bytes.count, 1), alignment: 16)
        if let base = bytes.baseAddress { start.copyMemory(from: base, byteCount: bytes.count) }
    }

    public convenience init(_ bytes: [UInt8]) throws(CodecError) {
        // A copy of its own: an array's storage cannot be borrowed for longer than a call.
        guard bytes.count <= Int(UInt32.max) else { throw CodecError(.limitExceeded, at: 0) }
        self.init(count: bytes.count) { memory in
            bytes.withUnsafeBytes { memory.copyBytes(from: $0) }
        }
    }

    private init(count: Int, fill: (UnsafeMutableRawBufferPointer) -> Void) {
        self.count = count
        start = .allocate(byteCount: max(count, 1), alignment: 16)
        fill(UnsafeMutableRawBufferPointer(start: start, count: count))
    }

    deinit { start.deallocate() }

    /// All bytes; valid as long as the frame is.
    @inlinable @inline(__always)
    public func withBytes<R: ~Copyable, E: Error>(
        _ body: (UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        try body(UnsafeRawBufferPointer(start: start, count: count))
    }

    /// Text of a range; what lies outside of the frame is not there, what is not UTF-8 becomes U+FFFD.
    public func text(_ range: FrameRange) -> String {
        String(decoding: slice(range), as: UTF8.self)
    }

    /// A copy of the bytes of a range; what lies outside of the frame is not there.
    public func bytes(_ range: FrameRange) -> [UInt8] { [UInt8](slice(range)) }

    @inlinable
    func slice(_ range: FrameRange) -> UnsafeRawBufferPointer {
        let first = min(Int(range.offset), count)
        return UnsafeRawBufferPointer(start: start + first, count: min(Int(range.count), count - first))
    }
}

extension PostcardReader {
    /// Bytes with their count in front, left where they are, as a range of the input.
    @inlinable @inline(__always)
    public mutating func readBytesRange() throws(CodecError) -> FrameRange {
        let count = try readLength()
        let at = offset
        cursor += count
        return FrameRange(offset: UInt32(truncatingIfNeeded: at), count: UInt32(truncatingIfNeeded: count))
    }

    /// Text with its byte count in front, checked to be UTF-8, left where it is, as a range of the input.
    @inlinable @inline(__always)
    public mutating func readTextRange() throws(CodecError) -> FrameRange {
        let count = try readLength()
        let at = offset
        if _slowPath(!isText(cursor, count)) { throw failure(.badUTF8) }
        cursor += count
        return FrameRange(offset: UInt32(truncatingIfNeeded: at), count: UInt32(truncatingIfNeeded: count))
    }

    /// An option of bytes, left where they are.
    @inlinable @inline(__always)
    public mutating func readOptionalBytesRange() throws(CodecError) -> OptionalFrameRange {
        if let option = shortOption() {
            cursor = option.start + option.count
            return OptionalFrameRange(option.isSome, at: option.start - base, count: option.count)
        }
        return OptionalFrameRange(try readOptionTag() ? try readBytesRange() : nil)
    }

    /// An option of text, checked to be UTF-8, left where it is.
    @inlinable @inline(__always)
    public mutating func readOptionalTextRange() throws(CodecError) -> OptionalFrameRange {
        if let option = shortOption(), _fastPath(isShortText(option.start, option.count)) {
            cursor = option.start + option.count
            return OptionalFrameRange(option.isSome, at: option.start - base, count: option.count)
        }
        let found = try Self.optionalText(self)
        cursor = found.next
        return found.range
    }

    @usableFromInline @inline(never)
    static func optionalText(
        _ reader: PostcardReader
    ) throws(CodecError) -> (range: OptionalFrameRange, next: UnsafeRawPointer) {
        var reader = reader
        let range = OptionalFrameRange(try reader.readOptionTag() ? try reader.readTextRange() : nil)
        return (range, reader.cursor)
    }
}

extension PostcardWriter {
    /// The option of bytes or text of `source`.
    @inlinable @inline(__always)
    public mutating func writeRange(_ range: OptionalFrameRange, of source: UnsafeRawBufferPointer) {
        let range = range.range
        writeOptionTag(range != nil)
        if let range { writeRange(range, of: source) }
    }

    /// Bytes or text of `source` with their count in front; a range outside of the source writes an empty one.
    @inlinable @inline(__always)
    public mutating func writeRange(_ range: FrameRange, of source: UnsafeRawBufferPointer) {
        let end = Int(range.offset) &+ Int(range.count)
        guard _fastPath(end <= source.count), let start = source.baseAddress else {
            writeRawByte(0)
            return
        }
        writeBytes(UnsafeRawBufferPointer(start: start + Int(range.offset), count: Int(range.count)))
    }
}
