public import SagaCodec

/// The stored form of events that one commit appended to one run: one row, one blob.
///
/// ```
/// format version (1 byte) · count (varint) · base timestamp (zigzag) · event …
/// event = type (varint) · version (varint) · flags (byte) · timestamp − base (zigzag)
///       · [parent event id] · [task queue] · [trace id] · attributes (length, bytes)
/// ```
/// Event ids follow from the row's key, times are kept relative, and the length in front of the attributes lets a reader
/// skip what it does not want, such as events of a type that it does not know and that are marked as ignorable.
public enum PackedEvents {
    /// The version of this form, in front of every blob.
    public static let formatVersion: UInt8 = 1

    /// Most events that one blob may hold.
    public static let maximumCount: UInt64 = 65_536

    enum Flag {
        static let resetPoint: UInt8 = 1
        static let retry: UInt8 = 2
        static let parent: UInt8 = 4
        static let queue: UInt8 = 8
        static let trace: UInt8 = 16
        /// A reader that does not know the type may go on.
        static let ignorable: UInt8 = 32
        /// Beyond all flags.
        static let end: UInt8 = 64
    }

    /// Encodes consecutive events of one run.
    public static func encode(_ events: ArraySlice<HistoryEvent>, into writer: inout PostcardWriter) {
        let base = events.first?.timestamp.microseconds ?? 0
        writer.write(formatVersion)
        writer.write(UInt64(events.count))
        writer.write(base)
        // In place: iteration would copy each event.
        events.withUnsafeBufferPointer { events in
            for index in events.indices { encodeOne(events[index], base: base, into: &writer) }
        }
    }

    private static func encodeOne(_ event: borrowing HistoryEvent, base: Int64, into writer: inout PostcardWriter) {
        var flags: UInt8 = 0
        if event.isResetPoint { flags |= Flag.resetPoint }
        if event.isRetry { flags |= Flag.retry }
        if event.parentEventID != nil { flags |= Flag.parent }
        if event.taskQueue != nil { flags |= Flag.queue }
        if event.traceID != nil { flags |= Flag.trace }
        var ignored: DomainEvent?
        if case .domainEvent(let value) = event.attributes, let code = IgnoredEvent.code(of: value) {
            flags |= Flag.ignorable
            ignored = value
            writer.write(code)
            writer.write(value.typeVersion)
        } else {
            writer.write(event.attributes.eventType.rawValue)
            writer.write(event.eventVersion)
        }
        writer.write(flags)
        writer.write(event.timestamp.microseconds &- base)
        if let parent = event.parentEventID { writer.write(parent) }
        if let queue = event.taskQueue { writer.write(queue) }
        if let trace = event.traceID { writer.write(trace) }
        if let ignored {
            writer.write(ignored.payload.data)
        } else {
            writer.writeLengthPrefixed { (writer) in event.attributes.encode(into: &writer) }
        }
    }

    /// Encodes consecutive events of one run.
    public static func encode(_ events: [HistoryEvent]) -> [UInt8] {
        var writer = PostcardWriter(capacity: 256 * max(1, events.count))
        encode(events[...], into: &writer)
        return writer.array()
    }

    /// Decodes a blob; throws on anything that `encode` would not have written.
    /// - Parameters:
    ///   - bytes: The blob.
    ///   - sagaID: The run, from the row's key.
    ///   - firstEventID: The id of the first event, from the row's key.
    ///   - events: Where the events are added.
    ///   - catalog: The forms that may be read; older ones are brought up to today's.
    public static func decode(
        _ bytes: UnsafeRawBufferPointer, sagaID: SagaID, firstEventID: EventID, into events: inout [HistoryEvent],
        catalog: EventCatalog = .current
    ) throws(CodecError) {
        var reader = PostcardReader(bytes, strict: true)
        let (count, base) = try readPreamble(&reader)
        for index in 0..<count {
            let eventID = firstEventID &+ index
            try decodeOne(&reader, bytes, sagaID: sagaID, eventID: eventID, base: base, catalog, into: &events)
        }
        try reader.requireEnd()
    }

    /// Decodes a blob given as an array.
    public static func decode(
        _ bytes: [UInt8], sagaID: SagaID, firstEventID: EventID, catalog: EventCatalog = .current
    ) throws(CodecError) -> [HistoryEvent] {
        var events: [HistoryEvent] = []
        try bytes.withUnsafeBufferPointer { (buffer) throws(CodecError) in
            try decode(
                UnsafeRawBufferPointer(buffer), sagaID: sagaID, firstEventID: firstEventID, into: &events,
                catalog: catalog)
        }
        return events
    }

    /// The number of events and the time that the others count from.
    static func readPreamble(_ reader: inout PostcardReader) throws(CodecError) -> (count: UInt64, base: Int64) {
        let format: UInt8 = try reader.read()
        guard format == formatVersion else { throw CodecError(.unsupportedVersion, at: 0) }
        let countOffset = reader.offset
        let count: UInt64 = try reader.read()
        guard count <= maximumCount else { throw CodecError(.limitExceeded, at: countOffset) }
        return (count, try reader.read())
    }

    /// What stands in front of the attributes' length; their range is still empty.
    static func readHeader(
        _ reader: inout PostcardReader, eventID: EventID, base: Int64
    ) throws(CodecError) -> EventHeader {
        let typeOffset = reader.offset
        let code = try reader.readVarint16()
        let version = try reader.readVarint32()
        let flagsOffset = reader.offset
        let flags = try reader.readByte()
        guard flags < Flag.end else { throw CodecError(.badTag, at: flagsOffset) }
        let isIgnorable = flags & Flag.ignorable != 0
        // No type of today's is ignorable, so the mark says that the type is not known, and an unknown one needs it.
        guard isIgnorable == (EventType(rawValue: code) == nil) else { throw CodecError(.badTag, at: typeOffset) }
        let delta = try reader.readZigzag()
        return EventHeader(
            eventID: eventID, timestamp: Timestamp(microseconds: base &+ delta), typeCode: code, eventVersion: version,
            isResetPoint: flags & Flag.resetPoint != 0, isRetry: flags & Flag.retry != 0, isIgnorable: isIgnorable,
            parentEventID: flags & Flag.parent != 0 ? try reader.readVarint64() : nil,
            taskQueue: flags & Flag.queue != 0 ? try reader.readTextRange() : nil,
            traceID: flags & Flag.trace != 0 ? try reader.readTextRange() : nil, attributes: FrameRange())
    }

    static func decodeOne(
        _ reader: inout PostcardReader, _ bytes: UnsafeRawBufferPointer, sagaID: SagaID, eventID: EventID, base: Int64,
        _ catalog: EventCatalog, into events: inout [HistoryEvent]
    ) throws(CodecError) {
        let header = try readHeader(&reader, eventID: eventID, base: base)
        let attributes: EventAttributes
        var version = header.eventVersion
        if let type = header.eventType {
            let length = try reader.readVarint64()
            let start = reader.offset
            attributes = try catalog.decode(type, version: version, from: &reader)
            guard UInt64(reader.offset - start) == length else { throw CodecError(.limitExceeded, at: start) }
            version = catalog.version(of: type)
        } else {
            attributes = .domainEvent(
                IgnoredEvent.carrying(code: header.typeCode, version: version, data: try reader.readBytes()))
            version = catalog.version(of: .domainEvent)
        }
        // Made in its place in the array: an event that is returned is copied once more.
        events.append(
            HistoryEvent(
                eventID: eventID, sagaID: sagaID, timestamp: header.timestamp, attributes: attributes,
                eventVersion: version, isResetPoint: header.isResetPoint, isRetry: header.isRetry,
                parentEventID: header.parentEventID, taskQueue: header.taskQueue.map { text($0, bytes) },
                traceID: header.traceID.map { text($0, bytes) }))
    }

    /// Text that was checked when its range was read.
    private static func text(_ range: FrameRange, _ bytes: UnsafeRawBufferPointer) -> String {
        let start = Int(range.offset)
        return TextStorage.string(UnsafeRawBufferPointer(rebasing: bytes[start..<start + Int(range.count)])) ?? ""
    }
}
