// The postcard forms of optionals, sequences and maps.

extension Optional: PostcardEncodable where Wrapped: PostcardEncodable {
    @inlinable @inline(__always)
    public func encode(into writer: inout PostcardWriter) {
        switch self {
        case .none: writer.writeRawByte(0)
        case .some(let value):
            writer.writeRawByte(1)
            value.encode(into: &writer)
        }
    }
}

extension Optional: PostcardDecodable where Wrapped: PostcardDecodable {
    @inlinable @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) {
        self = try reader.readOptionTag() ? try Wrapped(from: &reader) : nil
    }
}

extension Array: PostcardEncodable where Element: PostcardEncodable {
    @inlinable @inline(__always)
    public func encode(into writer: inout PostcardWriter) {
        if Element.self == UInt8.self {
            // The same bytes as element by element, in one copy.
            withUnsafeBytes { writer.writeBytes($0) }
            return
        }
        writer.writeVarint(UInt64(truncatingIfNeeded: count))
        // In place: iteration would retain each element.
        withUnsafeBufferPointer { elements in
            for index in elements.indices { elements[index].encode(into: &writer) }
        }
    }
}

extension Array: PostcardDecodable where Element: PostcardDecodable {
    @inlinable @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) {
        if Element.self == UInt8.self {
            let bytes = try reader.readBorrowedBytes()
            self = [Element](bytes.bindMemory(to: Element.self))
            return
        }
        let count = try reader.readCount()
        if count == 0 {
            self = []
            return
        }
        // A copy, so that nobody has the address of the reader itself, which can stay in registers.
        var elements = reader
        self = try Self.elements(count, from: &elements)
        reader = elements
    }

    @inlinable @inline(never)
    static func elements(_ count: Int, from reader: inout PostcardReader) throws(CodecError) -> [Element] {
        var values: [Element] = []
        values.reserveCapacity(reader.capacity(for: count, stride: MemoryLayout<Element>.stride))
        var index = 0
        while index < count {
            let before = reader.offset
            values.append(try Element(from: &reader))
            index &+= 1
            if _slowPath(reader.offset == before && count > PostcardReader.emptyElementLimit) {
                throw reader.failure(.limitExceeded)
            }
        }
        return values
    }
}

/// Rust's `BTreeMap`: pairs in the order of their keys (text in the order of its bytes), so equal maps have equal bytes.
extension Dictionary: PostcardEncodable where Key: PostcardEncodable & Comparable, Value: PostcardEncodable {
    @inlinable
    public func encode(into writer: inout PostcardWriter) {
        writer.writeVarint(UInt64(truncatingIfNeeded: count))
        for (key, value) in sortedForEncoding() {
            key.encode(into: &writer)
            value.encode(into: &writer)
        }
    }
}

extension Dictionary where Key: Comparable {
    /// Pairs in Rust's order of keys: Swift compares text by canonical equivalence, Rust by bytes.
    @inlinable
    package func sortedForEncoding() -> [(key: Key, value: Value)] {
        if count < 2 { return Array(self) }
        return sorted { left, right in
            if let left = left.key as? String, let right = right.key as? String {
                return left.utf8.lexicographicallyPrecedes(right.utf8)
            }
            return left.key < right.key
        }
    }
}

extension Dictionary: PostcardDecodable where Key: PostcardDecodable, Value: PostcardDecodable {
    /// Of two equal keys the last one counts, as in the crate.
    @inlinable
    public init(from reader: inout PostcardReader) throws(CodecError) {
        let count = try reader.readCount()
        self = [:]
        var index = 0
        while index < count {
            let before = reader.offset
            let key = try Key(from: &reader)
            self[key] = try Value(from: &reader)
            index &+= 1
            if reader.offset == before && count > PostcardReader.emptyElementLimit {
                throw reader.failure(.limitExceeded)
            }
        }
    }
}
