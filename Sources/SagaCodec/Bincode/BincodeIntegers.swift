/// How bincode 1.3 writes integers: the two configurations differ in nothing else.
public protocol BincodeIntegers {
    static func put(_ value: UInt16, into writer: inout PostcardWriter)
    static func put(_ value: UInt32, into writer: inout PostcardWriter)
    static func put(_ value: UInt64, into writer: inout PostcardWriter)
    static func put(_ value: UInt128, into writer: inout PostcardWriter)
    static func take16(from reader: inout PostcardReader) throws(CodecError) -> UInt16
    static func take32(from reader: inout PostcardReader) throws(CodecError) -> UInt32
    static func take64(from reader: inout PostcardReader) throws(CodecError) -> UInt64
    static func take128(from reader: inout PostcardReader) throws(CodecError) -> UInt128
    /// Whether signed integers are folded (0, -1, 1, -2 …) before they are written.
    static var isZigzag: Bool { get }
    /// Whether the crate's entry point lets bytes follow the value.
    static var allowsTrailingBytes: Bool { get }
}

/// `bincode::serialize`: every integer in its full width, least significant byte first; lengths have eight bytes.
public enum BincodeFixed: BincodeIntegers {
    @inlinable @inline(__always)
    public static var isZigzag: Bool { false }
    @inlinable @inline(__always)
    public static var allowsTrailingBytes: Bool { true }

    @inlinable @inline(__always)
    public static func put(_ value: UInt16, into writer: inout PostcardWriter) { writer.writeRaw2(value) }
    @inlinable @inline(__always)
    public static func put(_ value: UInt32, into writer: inout PostcardWriter) { writer.writeRaw4(value) }
    @inlinable @inline(__always)
    public static func put(_ value: UInt64, into writer: inout PostcardWriter) { writer.writeRaw8(value) }
    @inlinable @inline(__always)
    public static func put(_ value: UInt128, into writer: inout PostcardWriter) {
        writer.writeRaw16(UInt64(truncatingIfNeeded: value), UInt64(truncatingIfNeeded: value >> 64))
    }

    @inlinable @inline(__always)
    public static func take16(from reader: inout PostcardReader) throws(CodecError) -> UInt16 { try reader.readRaw2() }
    @inlinable @inline(__always)
    public static func take32(from reader: inout PostcardReader) throws(CodecError) -> UInt32 { try reader.readRaw4() }
    @inlinable @inline(__always)
    public static func take64(from reader: inout PostcardReader) throws(CodecError) -> UInt64 { try reader.readRaw8() }
    @inlinable @inline(__always)
    public static func take128(from reader: inout PostcardReader) throws(CodecError) -> UInt128 {
        let (low, high) = try reader.readRaw16()
        return UInt128(low) | UInt128(high) << 64
    }
}

/// `bincode::DefaultOptions`: one byte up to 250, else a byte that names the width (251 to 254), and the value.
public enum BincodeVarint: BincodeIntegers {
    @inlinable @inline(__always)
    public static var isZigzag: Bool { true }
    @inlinable @inline(__always)
    public static var allowsTrailingBytes: Bool { false }

    @inlinable @inline(__always)
    public static func put(_ value: UInt16, into writer: inout PostcardWriter) { put(UInt64(value), into: &writer) }
    @inlinable @inline(__always)
    public static func put(_ value: UInt32, into writer: inout PostcardWriter) { put(UInt64(value), into: &writer) }

    @inlinable @inline(__always)
    public static func put(_ value: UInt64, into writer: inout PostcardWriter) {
        writer.reserveSmall()
        if _fastPath(value < 251) {
            writer.put(UInt8(truncatingIfNeeded: value))
        } else if value <= 0xFFFF {
            writer.put(251)
            writer.writeRaw2(UInt16(truncatingIfNeeded: value))
        } else if value <= 0xFFFF_FFFF {
            writer.put(252)
            writer.writeRaw4(UInt32(truncatingIfNeeded: value))
        } else {
            writer.put(253)
            writer.writeRaw8(value)
        }
    }

    @inlinable
    public static func put(_ value: UInt128, into writer: inout PostcardWriter) {
        if let small = UInt64(exactly: value) {
            put(small, into: &writer)
        } else {
            writer.writeRawByte(254)
            BincodeFixed.put(value, into: &writer)
        }
    }

    @inlinable @inline(__always)
    public static func take16(from reader: inout PostcardReader) throws(CodecError) -> UInt16 {
        let start = reader.offset
        guard let value = UInt16(exactly: try take64(from: &reader)) else { throw CodecError(.badVarint, at: start) }
        return value
    }

    @inlinable @inline(__always)
    public static func take32(from reader: inout PostcardReader) throws(CodecError) -> UInt32 {
        let start = reader.offset
        guard let value = UInt32(exactly: try take64(from: &reader)) else { throw CodecError(.badVarint, at: start) }
        return value
    }

    @inlinable @inline(__always)
    public static func take64(from reader: inout PostcardReader) throws(CodecError) -> UInt64 {
        let first = try reader.readByte()
        if _fastPath(first < 251) { return UInt64(first) }
        return try takeLong(first, from: &reader)
    }

    @inlinable @inline(__always)
    static func takeLong(_ first: UInt8, from reader: inout PostcardReader) throws(CodecError) -> UInt64 {
        let found = try long(
            first, base: reader.base, cursor: reader.cursor, end: reader.end, strict: reader.strict)
        reader.cursor = found.next
        return found.value
    }

    /// Static and by value, so that the reader stays in registers.
    /// - Parameter cursor: behind the byte that names the width.
    @usableFromInline @inline(never)
    static func long(
        _ first: UInt8, base: UnsafeRawPointer, cursor: UnsafeRawPointer, end: UnsafeRawPointer, strict: Bool
    ) throws(CodecError) -> (value: UInt64, next: UnsafeRawPointer) {
        let width: Int
        let least: UInt64
        switch first {
        case 251: (width, least) = (2, 251)
        case 252: (width, least) = (4, 0x1_0000)
        case 253: (width, least) = (8, 0x1_0000_0000)
        default: throw CodecError(.badVarint, at: cursor - base - 1)
        }
        if end - cursor < width { throw CodecError(.unexpectedEnd, at: cursor - base) }
        let value: UInt64
        switch width {
        case 2: value = UInt64(UInt16(littleEndian: cursor.loadUnaligned(as: UInt16.self)))
        case 4: value = UInt64(UInt32(littleEndian: cursor.loadUnaligned(as: UInt32.self)))
        default: value = UInt64(littleEndian: cursor.loadUnaligned(as: UInt64.self))
        }
        if strict && value < least { throw CodecError(.nonCanonical, at: cursor - base - 1) }
        return (value, cursor + width)
    }

    @inlinable
    public static func take128(from reader: inout PostcardReader) throws(CodecError) -> UInt128 {
        let start = reader.offset
        let first = try reader.readByte()
        if first < 251 { return UInt128(first) }
        if first != 254 { return UInt128(try takeLong(first, from: &reader)) }
        let value = try BincodeFixed.take128(from: &reader)
        if reader.strict && value <= UInt128(UInt64.max) { throw CodecError(.nonCanonical, at: start) }
        return value
    }
}

extension PostcardWriter {
    /// Two raw bytes, least significant first.
    @inlinable @inline(__always)
    public mutating func writeRaw2(_ value: UInt16) {
        reserveSmall()
        cursor.storeBytes(of: value.littleEndian, as: UInt16.self)
        cursor += 2
    }
}

extension PostcardReader {
    /// Two raw bytes, least significant first.
    @inlinable @inline(__always)
    public mutating func readRaw2() throws(CodecError) -> UInt16 {
        if _slowPath(end - cursor < 2) { throw failure(.unexpectedEnd) }
        let value = UInt16(littleEndian: cursor.loadUnaligned(as: UInt16.self))
        cursor += 2
        return value
    }
}
