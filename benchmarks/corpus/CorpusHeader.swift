public import SagaCodec

/// An event of which only the header is decoded: the attributes are walked (their lengths must fit) and not looked at.
@frozen
public struct CorpusHeader: PostcardDecodable, BitwiseCopyable, Sendable {
    public var eventID: UInt64
    public var sagaID: CorpusSagaID
    public var type: CorpusEventType
    public var category: CorpusCategory
    public var timestampMicros: Int64
    /// Where the attributes lie, tag included; ``CorpusView/Attributes`` decodes them.
    public var attributes: FrameRange
    public var version: UInt32
    public var isResetPoint: Bool
    public var traceID: OptionalFrameRange

    @inlinable @inline(__always)
    public init(from reader: inout PostcardReader) throws(CodecError) {
        eventID = try reader.readVarint64()
        sagaID = CorpusSagaID(try reader.readRaw16())
        type = try CorpusEventType(from: &reader)
        category = try CorpusCategory(from: &reader)
        timestampMicros = try reader.readZigzag()
        let start = reader.offset
        try Self.skipAttributes(&reader)
        attributes = FrameRange(
            offset: UInt32(truncatingIfNeeded: start), count: UInt32(truncatingIfNeeded: reader.offset - start))
        version = try reader.readVarint32()
        isResetPoint = try reader.readBool()
        traceID = try reader.readOptionalBytesRange()
    }

    @inlinable @inline(__always)
    static func skipAttributes(_ reader: inout PostcardReader) throws(CodecError) {
        switch try reader.readTag() {
        case 0:
            try reader.skipBytes()
            try reader.skipBytes()
            try reader.skipBytes()
            try reader.skipBytes()
            try reader.skipVarint()
            try reader.skipVarint()
            try reader.skipOptionalBytes()
        case 1:
            try reader.skipBytes()
            try reader.skipVarint()
        case 2:
            try reader.skipBytes()
            try reader.skipBytes()
            try reader.skipRaw(1)
            try reader.skipSequence(2)
            try reader.skipOptionalBytes()
        case 3:
            try reader.skipVarint()
            try reader.skipBytes()
            try reader.skipBytes()
            try reader.skipBytes()
            try reader.skipVarint()
            try reader.skipVarint()
            if try reader.readOptionTag() { try reader.skipVarint() }
            try reader.skipVarint()
            try reader.skipRaw(8)
            try reader.skipVarint()
            try reader.skipVarint()
            try reader.skipSequence(1)
        case 4:
            try reader.skipVarint()
            try reader.skipBytes()
            try reader.skipVarint()
        case 5:
            try reader.skipVarint()
            try reader.skipVarint()
            try reader.skipBytes()
        case 6:
            try reader.skipVarint()
            try reader.skipVarint()
            try reader.skipBytes()
            try reader.skipBytes()
            try reader.skipRaw(1)
            try reader.skipSequence(2)
            try reader.skipOptionalBytes()
            try reader.skipVarint()
        case 7:
            try reader.skipBytes()
            try reader.skipVarint()
        case 8:
            try reader.skipBytes()
            try reader.skipVarint()
        case 9:
            try reader.skipBytes()
            try reader.skipOptionalBytes()
            try reader.skipBytes()
        case 10:
            try reader.skipBytes()
            try reader.skipVarint()
            try reader.skipBytes()
        case 11:
            try reader.skipBytes()
            try reader.skipVarint()
            try reader.skipOptionalBytes()
            try reader.skipRaw(1)
        case 12:
            try reader.skipBytes()
            try reader.skipSequence(2)
        case 13:
            try reader.skipVarint()
            try reader.skipBytes()
            try reader.skipVarint()
        default: throw reader.failure(.badTag)
        }
    }
}

extension PostcardReader {
    /// A sequence whose elements are `parts` texts each.
    @inlinable @inline(__always)
    mutating func skipSequence(_ parts: Int) throws(CodecError) {
        let count = try readCount()
        var index = 0
        while index < count {
            for _ in 0..<parts { try skipBytes() }
            index &+= 1
        }
    }
}
