// The common types by name. The generic forms do the same, but in another module they go through a witness that is not inlined
// there, and takes the address of the reader or writer: its fields leave their registers at each value.

extension PostcardWriter {
    @inlinable @inline(__always)
    public mutating func write(_ value: Bool) { value.encode(into: &self) }

    @inlinable @inline(__always)
    public mutating func write(_ value: UInt8) { value.encode(into: &self) }

    @inlinable @inline(__always)
    public mutating func write(_ value: UInt16) { value.encode(into: &self) }

    @inlinable @inline(__always)
    public mutating func write(_ value: UInt32) { value.encode(into: &self) }

    @inlinable @inline(__always)
    public mutating func write(_ value: UInt64) { value.encode(into: &self) }

    @inlinable @inline(__always)
    public mutating func write(_ value: Int8) { value.encode(into: &self) }

    @inlinable @inline(__always)
    public mutating func write(_ value: Int16) { value.encode(into: &self) }

    @inlinable @inline(__always)
    public mutating func write(_ value: Int32) { value.encode(into: &self) }

    @inlinable @inline(__always)
    public mutating func write(_ value: Int64) { value.encode(into: &self) }

    @inlinable @inline(__always)
    public mutating func write(_ value: Int) { value.encode(into: &self) }

    @inlinable @inline(__always)
    public mutating func write(_ value: UInt) { value.encode(into: &self) }

    @inlinable @inline(__always)
    public mutating func write(_ value: Float) { value.encode(into: &self) }

    @inlinable @inline(__always)
    public mutating func write(_ value: Double) { value.encode(into: &self) }

    @inlinable @inline(__always)
    public mutating func write(_ value: String) { value.encode(into: &self) }

    @inlinable @inline(__always)
    public mutating func write(_ value: [UInt8]) {
        value.withUnsafeBytes { writeBytes($0) }
    }

    @inlinable @inline(__always)
    public mutating func write(_ value: String?) {
        writeRawByte(value == nil ? 0 : 1)
        if let value { writeString(value) }
    }

    @inlinable @inline(__always)
    public mutating func write<T: PostcardEncodable>(_ value: T?) {
        value.encode(into: &self)
    }

    @inlinable @inline(__always)
    public mutating func write<T: PostcardEncodable>(_ values: [T]) {
        values.encode(into: &self)
    }
}

extension PostcardReader {
    @inlinable @inline(__always)
    public mutating func read(_ type: Bool.Type = Bool.self) throws(CodecError) -> Bool { try Bool(from: &self) }

    @inlinable @inline(__always)
    public mutating func read(_ type: UInt8.Type = UInt8.self) throws(CodecError) -> UInt8 { try UInt8(from: &self) }

    @inlinable @inline(__always)
    public mutating func read(_ type: UInt16.Type = UInt16.self) throws(CodecError) -> UInt16 {
        try UInt16(from: &self)
    }

    @inlinable @inline(__always)
    public mutating func read(_ type: UInt32.Type = UInt32.self) throws(CodecError) -> UInt32 {
        try UInt32(from: &self)
    }

    @inlinable @inline(__always)
    public mutating func read(_ type: UInt64.Type = UInt64.self) throws(CodecError) -> UInt64 {
        try UInt64(from: &self)
    }

    @inlinable @inline(__always)
    public mutating func read(_ type: Int8.Type = Int8.self) throws(CodecError) -> Int8 { try Int8(from: &self) }

    @inlinable @inline(__always)
    public mutating func read(_ type: Int16.Type = Int16.self) throws(CodecError) -> Int16 { try Int16(from: &self) }

    @inlinable @inline(__always)
    public mutating func read(_ type: Int32.Type = Int32.self) throws(CodecError) -> Int32 { try Int32(from: &self) }

    @inlinable @inline(__always)
    public mutating func read(_ type: Int64.Type = Int64.self) throws(CodecError) -> Int64 { try Int64(from: &self) }

    @inlinable @inline(__always)
    public mutating func read(_ type: Int.Type = Int.self) throws(CodecError) -> Int { try Int(from: &self) }

    @inlinable @inline(__always)
    public mutating func read(_ type: UInt.Type = UInt.self) throws(CodecError) -> UInt { try UInt(from: &self) }

    @inlinable @inline(__always)
    public mutating func read(_ type: Float.Type = Float.self) throws(CodecError) -> Float { try Float(from: &self) }

    @inlinable @inline(__always)
    public mutating func read(_ type: Double.Type = Double.self) throws(CodecError) -> Double {
        try Double(from: &self)
    }

    @inlinable @inline(__always)
    public mutating func read(_ type: String.Type = String.self) throws(CodecError) -> String {
        try String(from: &self)
    }

    @inlinable @inline(__always)
    public mutating func read(_ type: [UInt8].Type = [UInt8].self) throws(CodecError) -> [UInt8] { try readBytes() }

    @inlinable @inline(__always)
    public mutating func read(_ type: String?.Type = String?.self) throws(CodecError) -> String? {
        try readOptionTag() ? try readString() : nil
    }

    @inlinable @inline(__always)
    public mutating func read<T: PostcardDecodable>(_ type: T?.Type = T?.self) throws(CodecError) -> T? {
        try T?(from: &self)
    }

    @inlinable @inline(__always)
    public mutating func read<T: PostcardDecodable>(_ type: [T].Type = [T].self) throws(CodecError) -> [T] {
        try [T](from: &self)
    }
}
