public import SagaCodec

/// What a stored event says of itself without its attributes, which stay where they are. Trivial to copy, and without an
/// allocation: for filters, indexes and statistics over long histories.
public struct EventHeader: Hashable, Sendable {
    /// Position in the run.
    public var eventID: EventID
    /// When it happened.
    public var timestamp: Timestamp
    /// The code of its type, which may be unknown here.
    public var typeCode: UInt16
    /// Version of the attributes' form.
    public var eventVersion: UInt32
    /// Whether a reset may go back to it.
    public var isResetPoint: Bool
    /// Whether it repeats an earlier attempt.
    public var isRetry: Bool
    /// Whether a reader that does not know its type may go on.
    public var isIgnorable: Bool
    /// The event that caused it.
    public var parentEventID: EventID?
    /// Where its task queue lies in the blob.
    public var taskQueue: FrameRange?
    /// Where its trace id lies in the blob.
    public var traceID: FrameRange?
    /// Where its attributes lie in the blob.
    public var attributes: FrameRange

    /// Its type; nil if this program does not know it.
    public var eventType: EventType? { EventType.known(typeCode) }
}

extension EventType {
    private static let byCode: [EventType?] = (0..<256 as Range<UInt16>).map { EventType(rawValue: $0) }

    /// The type of a code, by one load: `init(rawValue:)` jumps by the code, where no branch predictor can follow.
    @inline(__always)
    package static func known(_ code: UInt16) -> EventType? {
        let table = byCode
        return Int(code) < table.count ? table[Int(code)] : nil
    }
}

extension PackedEvents {
    /// Walks over the headers of a blob, in order.
    /// - Parameters:
    ///   - bytes: The blob.
    ///   - firstEventID: The id of the first event, from the row's key.
    ///   - body: Called for each header; its ranges are those of `bytes`.
    /// - Throws: ``CodecError`` if the blob's structure is damaged. The attributes are not looked at, only their lengths.
    public static func forEachHeader(
        in bytes: UnsafeRawBufferPointer, firstEventID: EventID, _ body: (EventHeader) throws(CodecError) -> Void
    ) throws(CodecError) {
        var reader = PostcardReader(bytes, strict: true)
        let (count, base) = try readPreamble(&reader)
        for index in 0..<count {
            var header = try readHeader(&reader, eventID: firstEventID &+ index, base: base)
            header.attributes = try reader.readBytesRange()
            try body(header)
        }
        try reader.requireEnd()
    }

    /// Decodes the attributes that a header left out.
    /// - Parameters:
    ///   - header: From ``forEachHeader(in:firstEventID:_:)`` over the same bytes.
    ///   - bytes: The blob.
    ///   - catalog: The forms that may be read.
    public static func attributes(
        of header: EventHeader, in bytes: UnsafeRawBufferPointer, catalog: EventCatalog = .current
    ) throws(CodecError) -> EventAttributes {
        let start = Int(header.attributes.offset)
        let end = start + Int(header.attributes.count)
        guard end <= bytes.count else { throw CodecError(.unexpectedEnd, at: bytes.count) }
        let slice = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
        guard let type = header.eventType else {
            guard header.isIgnorable else { throw CodecError(.badTag, at: 0) }
            return .domainEvent(
                IgnoredEvent.carrying(code: header.typeCode, version: header.eventVersion, data: [UInt8](slice)))
        }
        var reader = PostcardReader(slice, strict: true)
        let attributes = try catalog.decode(type, version: header.eventVersion, from: &reader)
        try reader.requireEnd()
        return attributes
    }
}
