/// Just enough protobuf for the three bodies that a session writes by itself (see ``WireStatus``).
struct ProtoFields {
    private(set) var bytes: [UInt8] = []

    /// A varint field; zero is the default and is left out.
    mutating func add(_ number: UInt8, _ value: UInt64) {
        guard value != 0 else { return }
        bytes.append(number << 3)
        addVarint(value)
    }

    /// A string field; empty is the default and is left out.
    mutating func add(_ number: UInt8, _ text: String) {
        guard !text.isEmpty else { return }
        bytes.append(number << 3 | 2)
        addVarint(UInt64(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    private mutating func addVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}

/// Walks the top-level fields of a protobuf message; stops at the first damage.
struct ProtoFieldReader {
    enum Value {
        case varint(UInt64)
        case bytes(UnsafeRawBufferPointer)
        case fixed
    }

    private var rest: Slice<UnsafeRawBufferPointer>

    init(_ body: UnsafeRawBufferPointer) { rest = body[...] }

    mutating func next() -> (number: UInt64, value: Value)? {
        guard let key = varint() else { return nil }
        let number = key >> 3
        switch key & 7 {
        case 0:
            guard let value = varint() else { return nil }
            return (number, .varint(value))
        case 2:
            guard let count = varint().flatMap(Int.init(exactly:)), count <= rest.count else { return nil }
            let body = UnsafeRawBufferPointer(rebasing: rest.prefix(count))
            rest = rest.dropFirst(count)
            return (number, .bytes(body))
        case 1, 5:
            let count = key & 7 == 1 ? 8 : 4
            guard rest.count >= count else { return nil }
            rest = rest.dropFirst(count)
            return (number, .fixed)
        default:
            return nil
        }
    }

    private mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while shift < 64, let byte = rest.first {
            rest = rest.dropFirst()
            value |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return value }
            shift += 7
        }
        return nil
    }
}
