// The bincode forms of Swift's scalar types, optionals, sequences and maps.

extension Bool: BincodeCodable {
    @inlinable @inline(__always)
    public func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) {
        writer.buffer.writeBool(self)
    }

    @inlinable @inline(__always)
    public init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
        self = try reader.input.readBool()
    }
}

extension UInt8: BincodeCodable {
    @inlinable @inline(__always)
    public func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) {
        writer.buffer.writeRawByte(self)
    }

    @inlinable @inline(__always)
    public init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
        self = try reader.input.readByte()
    }
}

extension Int8: BincodeCodable {
    @inlinable @inline(__always)
    public func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) {
        writer.buffer.writeRawByte(UInt8(bitPattern: self))
    }

    @inlinable @inline(__always)
    public init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
        self = Int8(bitPattern: try reader.input.readByte())
    }
}

extension UInt16: BincodeCodable {
    @inlinable @inline(__always)
    public func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) {
        Integers.put(self, into: &writer.buffer)
    }

    @inlinable @inline(__always)
    public init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
        self = try reader.take16()
    }
}

extension UInt32: BincodeCodable {
    @inlinable @inline(__always)
    public func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) {
        Integers.put(self, into: &writer.buffer)
    }

    @inlinable @inline(__always)
    public init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
        self = try reader.take32()
    }
}

extension UInt64: BincodeCodable {
    @inlinable @inline(__always)
    public func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) {
        Integers.put(self, into: &writer.buffer)
    }

    @inlinable @inline(__always)
    public init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
        self = try reader.take64()
    }
}

extension UInt128: BincodeCodable {
    @inlinable @inline(__always)
    public func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) {
        Integers.put(self, into: &writer.buffer)
    }

    @inlinable @inline(__always)
    public init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
        self = try Integers.take128(from: &reader.input)
    }
}

extension UInt: BincodeCodable {
    @inlinable @inline(__always)
    public func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) {
        Integers.put(UInt64(self), into: &writer.buffer)
    }

    @inlinable @inline(__always)
    public init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
        self = UInt(truncatingIfNeeded: try reader.take64())
    }
}

extension Int16: BincodeCodable {
    @inlinable @inline(__always)
    public func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) {
        Integers.put(UInt16(bitPattern: Integers.isZigzag ? (self << 1) ^ (self >> 15) : self), into: &writer.buffer)
    }

    @inlinable @inline(__always)
    public init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
        let raw = try reader.take16()
        self = Int16(bitPattern: Integers.isZigzag ? (raw >> 1) ^ (0 &- (raw & 1)) : raw)
    }
}

extension Int32: BincodeCodable {
    @inlinable @inline(__always)
    public func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) {
        Integers.put(UInt32(bitPattern: Integers.isZigzag ? (self << 1) ^ (self >> 31) : self), into: &writer.buffer)
    }

    @inlinable @inline(__always)
    public init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
        let raw = try reader.take32()
        self = Int32(bitPattern: Integers.isZigzag ? (raw >> 1) ^ (0 &- (raw & 1)) : raw)
    }
}

extension Int64: BincodeCodable {
    @inlinable @inline(__always)
    public func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) {
        Integers.put(UInt64(bitPattern: Integers.isZigzag ? (self << 1) ^ (self >> 63) : self), into: &writer.buffer)
    }

    @inlinable @inline(__always)
    public init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
        let raw = try reader.take64()
        self = Int64(bitPattern: Integers.isZigzag ? (raw >> 1) ^ (0 &- (raw & 1)) : raw)
    }
}

extension Int128: BincodeCodable {
    @inlinable @inline(__always)
    public func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) {
        Integers.put(UInt128(bitPattern: Integers.isZigzag ? (self << 1) ^ (self >> 127) : self), into: &writer.buffer)
    }

    @inlinable @inline(__always)
    public init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
        let raw = try Integers.take128(from: &reader.input)
        self = Int128(bitPattern: Integers.isZigzag ? (raw >> 1) ^ (0 &- (raw & 1)) : raw)
    }
}

extension Int: BincodeCodable {
    @inlinable @inline(__always)
    public func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) {
        Int64(self).encode(into: &writer)
    }

    @inlinable @inline(__always)
    public init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
        self = Int(truncatingIfNeeded: try Int64(from: &reader))
    }
}

extension Float: BincodeCodable {
    @inlinable @inline(__always)
    public func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) {
        writer.buffer.writeRaw4(bitPattern)
    }

    @inlinable @inline(__always)
    public init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
        self = Float(bitPattern: try reader.input.readRaw4())
    }
}

extension Double: BincodeCodable {
    @inlinable @inline(__always)
    public func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) {
        writer.buffer.writeRaw8(bitPattern)
    }

    @inlinable @inline(__always)
    public init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
        self = Double(bitPattern: try reader.input.readRaw8())
    }
}

extension String: BincodeCodable {
    @inlinable @inline(__always)
    public func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) {
        writer.writeString(self)
    }

    @inlinable @inline(__always)
    public init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
        self = try reader.readString()
    }
}

/// Rust's `char`: its UTF-8 bytes without a count.
extension Unicode.Scalar: BincodeCodable {
    @inlinable
    public func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) {
        if let bytes = UTF8.encode(self) {
            for byte in bytes { writer.buffer.writeRawByte(byte) }
        }
    }

    @inlinable
    public init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
        let start = reader.input.offset
        let lead = try reader.input.readByte()
        let width: Int
        switch lead {
        case 0..<0x80: width = 1
        case 0xC2...0xDF: width = 2
        case 0xE0...0xEF: width = 3
        case 0xF0...0xF4: width = 4
        default: throw CodecError(.badCharacter, at: start)
        }
        let rest = try reader.input.readBorrowedRaw(width - 1)
        let text = [lead] + rest
        let isValid = text.withUnsafeBytes { $0.baseAddress.map { UTF8Validation.isValid($0, width) } ?? false }
        guard isValid, let scalar = String(decoding: text, as: UTF8.self).unicodeScalars.first else {
            throw CodecError(.badCharacter, at: start)
        }
        self = scalar
    }
}

extension Optional: BincodeEncodable where Wrapped: BincodeEncodable {
    @inlinable @inline(__always)
    public func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) {
        switch self {
        case .none: writer.buffer.writeRawByte(0)
        case .some(let value):
            writer.buffer.writeRawByte(1)
            value.encode(into: &writer)
        }
    }
}

extension Optional: BincodeDecodable where Wrapped: BincodeDecodable {
    @inlinable @inline(__always)
    public init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
        self = try reader.input.readOptionTag() ? try Wrapped(from: &reader) : nil
    }
}

extension Array: BincodeEncodable where Element: BincodeEncodable {
    @inlinable @inline(__always)
    public func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) {
        if Element.self == UInt8.self {
            withUnsafeBytes { writer.writeBytes($0) }
            return
        }
        writer.writeCount(count)
        // In place: iteration would retain each element.
        withUnsafeBufferPointer { elements in
            for index in elements.indices { elements[index].encode(into: &writer) }
        }
    }
}

extension Array: BincodeDecodable where Element: BincodeDecodable {
    @inlinable @inline(__always)
    public init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
        if Element.self == UInt8.self {
            let bytes = try reader.readBorrowedBytes()
            self = [Element](bytes.bindMemory(to: Element.self))
            return
        }
        let count = try reader.readCount()
        self = []
        reserveCapacity(reader.input.capacity(for: count, stride: MemoryLayout<Element>.stride))
        var index = 0
        while index < count {
            let before = reader.input.offset
            append(try Element(from: &reader))
            index &+= 1
            if _slowPath(reader.input.offset == before && count > PostcardReader.emptyElementLimit) {
                throw reader.input.failure(.limitExceeded)
            }
        }
    }
}

/// Rust's `BTreeMap`: pairs in the order of their keys.
extension Dictionary: BincodeEncodable where Key: BincodeEncodable & Comparable, Value: BincodeEncodable {
    public func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) {
        writer.writeCount(count)
        for (key, value) in sortedForEncoding() {
            key.encode(into: &writer)
            value.encode(into: &writer)
        }
    }
}

extension Dictionary: BincodeDecodable where Key: BincodeDecodable, Value: BincodeDecodable {
    /// Of two equal keys the last one counts, as in the crate.
    public init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
        let count = try reader.readCount()
        self = [:]
        var index = 0
        while index < count {
            let before = reader.input.offset
            let key = try Key(from: &reader)
            self[key] = try Value(from: &reader)
            index &+= 1
            if reader.input.offset == before && count > PostcardReader.emptyElementLimit {
                throw reader.input.failure(.limitExceeded)
            }
        }
    }
}
