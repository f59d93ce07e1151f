// The postcard forms of Swift's scalar types.

extension Bool: PostcardCodable {
    @inlinable @inline(__always)
    public func encode(into writer: inout PostcardWriter) { writer.writeBool(self) }

    @inlinable @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) { self = try reader.readBool() }
}

extension UInt8: PostcardCodable {
    @inlinable @inline(__always)
    public func encode(into writer: inout PostcardWriter) { writer.writeRawByte(self) }

    @inlinable @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) { self = try reader.readByte() }
}

extension UInt16: PostcardCodable {
    @inlinable @inline(__always)
    public func encode(into writer: inout PostcardWriter) { writer.writeVarint(UInt64(self)) }

    @inlinable @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) { self = try reader.readVarint16() }
}

extension UInt32: PostcardCodable {
    @inlinable @inline(__always)
    public func encode(into writer: inout PostcardWriter) { writer.writeVarint(UInt64(self)) }

    @inlinable @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) { self = try reader.readVarint32() }
}

extension UInt64: PostcardCodable {
    @inlinable @inline(__always)
    public func encode(into writer: inout PostcardWriter) { writer.writeVarint(self) }

    @inlinable @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) { self = try reader.readVarint64() }
}

extension UInt: PostcardCodable {
    @inlinable @inline(__always)
    public func encode(into writer: inout PostcardWriter) { writer.writeVarint(UInt64(self)) }

    @inlinable @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) {
        self = UInt(truncatingIfNeeded: try reader.readVarint64())
    }
}

extension Int8: PostcardCodable {
    @inlinable @inline(__always)
    public func encode(into writer: inout PostcardWriter) { writer.writeRawByte(UInt8(bitPattern: self)) }

    @inlinable @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) { self = Int8(bitPattern: try reader.readByte()) }
}

extension Int16: PostcardCodable {
    @inlinable @inline(__always)
    public func encode(into writer: inout PostcardWriter) { writer.writeZigzag(Int64(self)) }

    @inlinable @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) {
        let raw = try reader.readVarint16()
        self = Int16(bitPattern: (raw >> 1) ^ (0 &- (raw & 1)))
    }
}

extension Int32: PostcardCodable {
    @inlinable @inline(__always)
    public func encode(into writer: inout PostcardWriter) { writer.writeZigzag(Int64(self)) }

    @inlinable @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) {
        let raw = try reader.readVarint32()
        self = Int32(bitPattern: (raw >> 1) ^ (0 &- (raw & 1)))
    }
}

extension Int64: PostcardCodable {
    @inlinable @inline(__always)
    public func encode(into writer: inout PostcardWriter) { writer.writeZigzag(self) }

    @inlinable @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) { self = try reader.readZigzag() }
}

extension Int: PostcardCodable {
    @inlinable @inline(__always)
    public func encode(into writer: inout PostcardWriter) { writer.writeZigzag(Int64(self)) }

    @inlinable @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) {
        self = Int(truncatingIfNeeded: try reader.readZigzag())
    }
}

extension Float: PostcardCodable {
    @inlinable @inline(__always)
    public func encode(into writer: inout PostcardWriter) { writer.writeRaw4(bitPattern) }

    @inlinable @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) {
        self = Float(bitPattern: try reader.readRaw4())
    }
}

extension Double: PostcardCodable {
    @inlinable @inline(__always)
    public func encode(into writer: inout PostcardWriter) { writer.writeRaw8(bitPattern) }

    @inlinable @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) {
        self = Double(bitPattern: try reader.readRaw8())
    }
}

extension String: PostcardCodable {
    @inlinable @inline(__always)
    public func encode(into writer: inout PostcardWriter) { writer.writeString(self) }

    @inlinable @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) { self = try reader.readString() }
}

extension UInt128: PostcardCodable {
    @inlinable
    public func encode(into writer: inout PostcardWriter) { writer.writeVarint128(self) }

    @inlinable
    public init(from reader: inout PostcardReader) throws(CodecError) { self = try reader.readVarint128() }
}

extension Int128: PostcardCodable {
    @inlinable
    public func encode(into writer: inout PostcardWriter) {
        writer.writeVarint128(UInt128(bitPattern: (self << 1) ^ (self >> 127)))
    }

    @inlinable
    public init(from reader: inout PostcardReader) throws(CodecError) {
        let raw = try reader.readVarint128()
        self = Int128(bitPattern: (raw >> 1) ^ (0 &- (raw & 1)))
    }
}

extension PostcardWriter {
    @inlinable
    public mutating func writeVarint128(_ value: UInt128) {
        reserve(32)
        var rest = value
        while rest >= 0x80 {
            put(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        put(UInt8(truncatingIfNeeded: rest))
    }
}

extension PostcardReader {
    @inlinable
    public mutating func readVarint128() throws(CodecError) -> UInt128 {
        let start = offset
        var value: UInt128 = 0
        var shift: UInt128 = 0
        while shift < 133 {
            let byte = try readByte()
            let bits = UInt128(byte & 0x7F)
            let shifted = bits << shift
            if byte < 0x80 {
                if shifted >> shift != bits { throw CodecError(.badVarint, at: start) }
                if strict && byte == 0 && shift > 0 { throw CodecError(.nonCanonical, at: start) }
                return value | shifted
            }
            value |= shifted
            shift += 7
        }
        throw CodecError(.badVarint, at: start)
    }
}

/// Rust's `char`: a string of one scalar. The crate takes the first scalar of up to four bytes; strict decoding wants
/// exactly one.
extension Unicode.Scalar: PostcardCodable {
    @inlinable
    public func encode(into writer: inout PostcardWriter) {
        let bytes = UTF8.encode(self)
        writer.reserve(8)
        writer.put(UInt8(truncatingIfNeeded: UTF8.width(self)))
        if let bytes {
            for byte in bytes { writer.put(byte) }
        }
    }

    @inlinable
    public init(from reader: inout PostcardReader) throws(CodecError) {
        let start = reader.offset
        let count = try reader.readVarint64()
        if count > 4 { throw CodecError(.badCharacter, at: start) }
        let text = try reader.readBorrowedRaw(Int(truncatingIfNeeded: count))
        guard let base = text.baseAddress, UTF8Validation.isValid(base, text.count),
            let first = String(decoding: text, as: UTF8.self).unicodeScalars.first
        else { throw CodecError(.badCharacter, at: start) }
        if reader.strict && UTF8.width(first) != text.count { throw CodecError(.nonCanonical, at: start) }
        self = first
    }
}
