public import SagaCodec

/// Sixteen raw bytes in the binary forms, 32 hex digits in text.
@frozen
public struct CorpusSagaID: Equatable, Sendable, BitwiseCopyable {
    public var first: UInt64
    public var second: UInt64

    @inlinable
    public init(_ words: (UInt64, UInt64)) { (first, second) = words }

    init(_ bytes: [UInt8]) {
        func word(_ part: ArraySlice<UInt8>) -> UInt64 { part.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
        self.init((word(bytes.prefix(8)), word(bytes.dropFirst(8).prefix(8))))
    }

    public var hex: String {
        func text(_ word: UInt64) -> String {
            let digits = String(word.byteSwapped, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        return text(first) + text(second)
    }
}

extension CorpusSagaID: Codable, PostcardCodable, BincodeCodable {
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(hex)
    }

    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard text.utf8.count == 32, let first = UInt64(text.prefix(16), radix: 16),
            let second = UInt64(text.suffix(16), radix: 16)
        else { throw CodecError(.badTag, at: 0) }
        self.init((first.byteSwapped, second.byteSwapped))
    }

    public func encode(into writer: inout PostcardWriter) { writer.writeRaw16(first, second) }
    public init(from reader: inout PostcardReader) throws(CodecError) { self.init(try reader.readRaw16()) }

    @inlinable
    public func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) {
        writer.buffer.writeRaw16(first, second)
    }
    @inlinable
    public init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
        self.init(try reader.input.readRaw16())
    }
}

/// Bytes that are JSON text: a byte array in the binary forms, a string in text.
@frozen
public struct CorpusPayload: Equatable, Sendable {
    public var bytes: [UInt8]

    @inlinable
    public init(bytes: [UInt8]) { self.bytes = bytes }
}

extension CorpusPayload: Codable, PostcardCodable, BincodeCodable {
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(String(decoding: bytes, as: UTF8.self))
    }

    public init(from decoder: any Decoder) throws {
        bytes = Array(try decoder.singleValueContainer().decode(String.self).utf8)
    }

    @inlinable @inline(__always)
    public func encode(into writer: inout PostcardWriter) { bytes.withUnsafeBytes { writer.writeBytes($0) } }
    @inlinable @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) { bytes = try reader.readBytes() }

    @inlinable @inline(__always)
    public func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) { writer.write(bytes) }
    @inlinable @inline(__always)
    public init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
        bytes = try reader.read()
    }
}

/// A map as its pairs in the order of the keys; a dictionary in `Codable` forms.
@frozen
public struct CorpusMap: Equatable, Sendable {
    @frozen
    public struct Pair: Equatable, Sendable {
        public var key: String
        public var value: String

        @inlinable
        public init(key: String, value: String) {
            self.key = key
            self.value = value
        }
    }

    public var pairs: [Pair]

    @inlinable
    public init(pairs: [Pair]) { self.pairs = pairs }
}

extension CorpusMap: Codable {
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(Dictionary(pairs.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 }))
    }

    public init(from decoder: any Decoder) throws {
        let map = try decoder.singleValueContainer().decode([String: String].self)
        pairs = map.map { Pair(key: $0.key, value: $0.value) }.sorted { $0.key < $1.key }
    }
}

extension CorpusMap.Pair: PostcardCodable, BincodeCodable {
    @inlinable @inline(__always)
    public func encode(into writer: inout PostcardWriter) {
        writer.writeString(key)
        writer.writeString(value)
    }
    @inlinable @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) {
        key = try reader.readString()
        value = try reader.readString()
    }

    @inlinable @inline(__always)
    public func encode<Integers: BincodeIntegers>(into writer: inout BincodeWriter<Integers>) {
        writer.writeString(key)
        writer.writeString(value)
    }
    @inlinable @inline(__always)
    public init<Integers: BincodeIntegers>(from reader: inout BincodeReader<Integers>) throws(CodecError) {
        key = try reader.readString()
        value = try reader.readString()
    }
}
