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
    /// The same with payloads whose data is in blobs (``PayloadBlob``).
    static let formatVersionWithBlobs: UInt8 = 2

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
    /// - Parameter hasBlobs: Whether data of their payloads is in blobs.
    public static func encode(
        _ events: ArraySlice<HistoryEvent>, into writer: inout PostcardWriter, hasBlobs: Bool = false
    ) {
        let base = events.first?.timestamp.microseconds ?? 0
        writer.write(hasBlobs ? formatVersionWithBlobs : formatVersion)
        writer.write(UInt64(events.count))
        writer.write(base)
        // In place: iteration would copy each place.pointee.
        events.withUnsafeBufferPointer { events in
            guard let first = events.baseAddress else { return }
            for index in events.indices { encodeOne(first + index, base: base, into: &writer) }
        }
    }

    @_effects(releasenone)
    fileprivate static func encodeOne(
        _ place: UnsafePointer<HistoryEvent>, base: Int64, into writer: inout PostcardWriter
    ) {
        var flags: UInt8 = 0
        if place.pointee.isResetPoint { flags |= Flag.resetPoint }
        if place.pointee.isRetry { flags |= Flag.retry }
        if place.pointee.parentEventID != nil { flags |= Flag.parent }
        if place.pointee.taskQueue != nil { flags |= Flag.queue }
        if place.pointee.traceID != nil { flags |= Flag.trace }
        let type = place.pointee.attributes.eventType
        var ignored: DomainEvent?
        if case .domainEvent(let value) = place.pointee.attributes, let code = IgnoredEvent.code(of: value) {
            flags |= Flag.ignorable
            ignored = value
            writer.write(code)
            writer.write(value.typeVersion)
        } else {
            writer.write(type.rawValue)
            writer.write(place.pointee.eventVersion)
        }
        writer.write(flags)
        writer.write(place.pointee.timestamp.microseconds &- base)
        if let parent = place.pointee.parentEventID { writer.write(parent) }
        if let queue = place.pointee.taskQueue { writer.write(queue) }
        if let trace = place.pointee.traceID { writer.write(trace) }
        if let ignored {
            writer.write(ignored.payload.data)
        } else {
            // A guess by the type alone: a look at the attributes would be one more jump that no predictor knows.
            let isLong = type == .activityTaskScheduled || type == .activityTaskCompleted
            let width = isLong || type == .workflowExecutionStarted ? 2 : 1
            let start = writer.beginLengthPrefixed(width: width)
            place.pointee.attributes.encode(into: &writer)
            writer.endLengthPrefixed(at: start, width: width)
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
        let changed = catalog.changed
        // In their places in the array, or each event would be copied. An event takes five bytes at least, so the count asks for no
        // more memory than the bytes justify, and there are never more events than places.
        try events.append(addingCapacity: min(Int(count), reader.remaining / 5)) { (places) throws(CodecError) in
            for index in 0..<count {
                places.append(
                    try decodeOne(
                        &reader, sagaID: sagaID, eventID: firstEventID &+ index, base: base, catalog, changed: changed))
            }
        }
        try reader.requireEnd()
    }

    /// Decodes a blob and gives away each event as soon as it is there: for long histories of which nothing is to be kept.
    /// - Parameters:
    ///   - bytes: The blob.
    ///   - sagaID: The run, from the row's key.
    ///   - firstEventID: The id of the first event, from the row's key.
    ///   - catalog: The forms that may be read; older ones are brought up to today's.
    ///   - body: Called for each event, in order, before the next one is looked at.
    public static func forEach(
        in bytes: UnsafeRawBufferPointer, sagaID: SagaID, firstEventID: EventID, catalog: EventCatalog = .current,
        _ body: (borrowing HistoryEvent) throws(CodecError) -> Void
    ) throws(CodecError) {
        var reader = PostcardReader(bytes, strict: true)
        let (count, base) = try readPreamble(&reader)
        let changed = catalog.changed
        for index in 0..<count {
            try body(
                try decodeOne(
                    &reader, sagaID: sagaID, eventID: firstEventID &+ index, base: base, catalog, changed: changed))
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

    /// Whether data of a blob's payloads is elsewhere.
    package static func hasBlobs(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.first == formatVersionWithBlobs }

    /// The number of events and the time that the others count from.
    static func readPreamble(_ reader: inout PostcardReader) throws(CodecError) -> (count: UInt64, base: Int64) {
        let format: UInt8 = try reader.read()
        guard format == formatVersion || format == formatVersionWithBlobs else {
            throw CodecError(.unsupportedVersion, at: 0)
        }
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
        guard isIgnorable == (EventType.known(code) == nil) else { throw CodecError(.badTag, at: typeOffset) }
        let delta = try reader.readZigzag()
        return EventHeader(
            eventID: eventID, timestamp: Timestamp(microseconds: base &+ delta), typeCode: code, eventVersion: version,
            isResetPoint: flags & Flag.resetPoint != 0, isRetry: flags & Flag.retry != 0, isIgnorable: isIgnorable,
            parentEventID: flags & Flag.parent != 0 ? try reader.readVarint64() : nil,
            taskQueue: flags & Flag.queue != 0 ? try reader.readTextRange() : nil,
            traceID: flags & Flag.trace != 0 ? try reader.readTextRange() : nil, attributes: FrameRange())
    }

    /// The next event of a blob.
    /// - Parameter changed: The types of the catalog that have other forms than the first, which is looked up once for all events.
    @inline(__always)
    static func decodeOne(
        _ reader: inout PostcardReader, sagaID: SagaID, eventID: EventID, base: Int64,
        _ catalog: borrowing EventCatalog, changed: EventCatalog.Types
    ) throws(CodecError) -> HistoryEvent {
        let typeOffset = reader.offset
        let code = try reader.readVarint16()
        var version = try reader.readVarint32()
        let flags = try reader.readByte()
        guard flags < Flag.end else { throw CodecError(.badTag, at: reader.offset - 1) }
        let type = EventType.known(code)
        // As in `readHeader`.
        guard (flags & Flag.ignorable != 0) == (type == nil) else { throw CodecError(.badTag, at: typeOffset) }
        let delta = try reader.readZigzag()
        let parent = flags & Flag.parent != 0 ? try reader.readVarint64() : nil
        let queue = flags & Flag.queue != 0 ? try reader.readString() : nil
        let trace = flags & Flag.trace != 0 ? try reader.readString() : nil
        let attributes: EventAttributes
        if let type {
            let length = try reader.readVarint64()
            let start = reader.offset
            if version == 1 && !changed.contains(type) {
                attributes = try EventAttributes(type, from: &reader)
            } else {
                attributes = try catalog.decode(type, version: version, from: &reader)
                version = catalog.version(of: type)
            }
            guard UInt64(truncatingIfNeeded: reader.offset - start) == length else {
                throw CodecError(.limitExceeded, at: start)
            }
        } else {
            attributes = .domainEvent(
                IgnoredEvent.carrying(code: code, version: version, data: try reader.readBytes()))
            version = catalog.version(of: .domainEvent)
        }
        return HistoryEvent(
            eventID: eventID, sagaID: sagaID, timestamp: Timestamp(microseconds: base &+ delta), attributes: attributes,
            eventVersion: version, isResetPoint: flags & Flag.resetPoint != 0, isRetry: flags & Flag.retry != 0,
            parentEventID: parent, taskQueue: queue, traceID: trace)
    }
}

extension HistoryEvent {
    /// About how many bytes the event takes where it is stored and on the wire, payloads in it included; data that lies in blobs is
    /// not.
    package var storedBytes: Int {
        var writer = PostcardWriter()
        withUnsafePointer(to: self) { PackedEvents.encodeOne($0, base: timestamp.microseconds, into: &writer) }
        return writer.count
    }
}
