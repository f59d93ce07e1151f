/// A place in a peer's bytes. Every step is checked against the end of the message it is in.
struct Cursor {
    /// How a field's value is written.
    enum WireType: UInt8 {
        case varint = 0
        case fixed64 = 1
        case length = 2
        case fixed32 = 5
    }

    /// First byte of the outermost message.
    let start: UnsafeRawPointer
    /// Offset of the next byte. Never beyond `end`.
    var at: Int
    /// Offset behind the last byte of the current message.
    var end: Int
    /// Offset of the tag that was read last.
    var fieldStart = 0

    init(start: UnsafeRawPointer, at: Int, end: Int) {
        self.start = start
        self.at = at
        self.end = end
    }

    /// Reads a tag: at most five bytes, field number 1 to 2^29 - 1, no group.
    @inline(__always)
    mutating func tag() throws(WireError) -> (number: UInt32, type: WireType) {
        fieldStart = at
        let value = try varint()
        if at &- fieldStart > 5 { throw WireError(field: "", reason: .varint) }
        guard value >> 3 != 0, value <= UInt64(UInt32.max) else { throw WireError(field: "", reason: .fieldNumber) }
        guard let type = WireType(rawValue: UInt8(truncatingIfNeeded: value & 7)) else {
            throw WireError(field: "", reason: .wireType)
        }
        return (UInt32(truncatingIfNeeded: value >> 3), type)
    }

    /// Reads a varint of at most ten bytes and 64 bits. Most are one byte long.
    @inline(__always)
    mutating func varint() throws(WireError) -> UInt64 {
        if at < end, case let byte = start.load(fromByteOffset: at, as: UInt8.self), byte < 0x80 {
            at &+= 1
            return UInt64(byte)
        }
        return try longVarint()
    }

    @inline(never)
    private mutating func longVarint() throws(WireError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while at < end {
            let byte = start.load(fromByteOffset: at, as: UInt8.self)
            at += 1
            if shift == 63 && byte > 1 { throw WireError(field: "", reason: .varint) }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw WireError(field: "", reason: .truncated)
    }

    /// Reads a length that lies inside the current message: at most five bytes, as protobuf-c takes no more.
    @inline(__always)
    mutating func length() throws(WireError) -> Int {
        let before = at
        let value = try varint()
        if at &- before > 5 { throw WireError(field: "", reason: .varint) }
        guard value <= UInt64(bitPattern: Int64(end &- at)) else { throw WireError(field: "", reason: .truncated) }
        return Int(truncatingIfNeeded: value)
    }

    /// Steps over bytes.
    @inline(__always)
    mutating func advance(_ count: Int) throws(WireError) {
        guard count <= end - at else { throw WireError(field: "", reason: .truncated) }
        at += count
    }

    /// Steps over the value of a field that nobody knows.
    mutating func skip(_ type: WireType) throws(WireError) {
        switch type {
        case .varint: _ = try varint()
        case .fixed64: try advance(8)
        case .fixed32: try advance(4)
        case .length: try advance(try length())
        }
    }

    /// How often a field number occurs before an offset: the index of an element, wanted only for an error's path.
    func count(of number: UInt32, before offset: Int) -> Int {
        var walker = self
        var count = 0
        while walker.at < offset, let tag = try? walker.tag() {
            if tag.number == number { count += 1 }
            guard (try? walker.skip(tag.type)) != nil else { break }
        }
        return count
    }
}
