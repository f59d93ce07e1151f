public import SagaCodec

/// The stored form of events that one commit appended to one run: one row, one blob.
///
/// ```
/// format version (1 byte) · count (varint) · base timestamp (zigzag) · event …
/// event = type (varint) · version (varint) · flags (byte) · timestamp − base (zigzag)
///       · [parent event id] · [task queue] · [trace id] · attributes (length, bytes)
/// ```
/// Event ids follow from the row's key, times are kept relative, and the length in front of the attributes lets a reader
/// skip what it does not want.
public enum PackedEvents {
    /// The version of this form, in front of every blob.
    public static let formatVersion: UInt8 = 1

    /// Most events that one blob may hold.
    public static let maximumCount: UInt64 = 65_536

    private enum Flag {
        static let resetPoint: UInt8 = 1
        static let retry: UInt8 = 2
        static let parent: UInt8 = 4
        static let queue: UInt8 = 8
        static let trace: UInt8 = 16
    }

    /// Encodes consecutive events of one run.
    public static func encode(_ events: ArraySlice<HistoryEvent>, into writer: inout PostcardWriter) {
        let base = events.first?.timestamp.microseconds ?? 0
        writer.write(formatVersion)
        writer.write(UInt64(events.count))
        writer.write(base)
        var scratch = PostcardWriter(capacity: 512)
        for event in events {
            var flags: UInt8 = 0
            if event.isResetPoint { flags |= Flag.resetPoint }
            if event.isRetry { flags |= Flag.retry }
            if event.parentEventID != nil { flags |= Flag.parent }
            if event.taskQueue != nil { flags |= Flag.queue }
            if event.traceID != nil { flags |= Flag.trace }
            writer.write(event.eventType.rawValue)
            writer.write(event.eventVersion)
            writer.write(flags)
            writer.write(event.timestamp.microseconds &- base)
            if let parent = event.parentEventID { writer.write(parent) }
            if let queue = event.taskQueue { writer.write(queue) }
            if let trace = event.traceID { writer.write(trace) }
            scratch.reset()
            event.attributes.encode(into: &scratch)
            scratch.withBytes { writer.writeBytes($0) }
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
    public static func decode(
        _ bytes: UnsafeRawBufferPointer, sagaID: SagaID, firstEventID: EventID, into events: inout [HistoryEvent]
    ) throws(CodecError) {
        var reader = PostcardReader(bytes, strict: true)
        let format: UInt8 = try reader.read()
        guard format == formatVersion else { throw CodecError(.unsupportedVersion, at: 0) }
        let countOffset = reader.offset
        let count: UInt64 = try reader.read()
        guard count <= maximumCount else { throw CodecError(.limitExceeded, at: countOffset) }
        let base: Int64 = try reader.read()
        for index in 0..<count {
            events.append(try decodeOne(&reader, sagaID: sagaID, eventID: firstEventID &+ index, base: base))
        }
        guard reader.isAtEnd else { throw CodecError(.trailingBytes, at: reader.offset) }
    }

    /// Decodes a blob given as an array.
    public static func decode(_ bytes: [UInt8], sagaID: SagaID, firstEventID: EventID) throws(CodecError)
        -> [HistoryEvent]
    {
        var events: [HistoryEvent] = []
        var failure: CodecError?
        bytes.withUnsafeBytes { buffer in
            do throws(CodecError) {
                try decode(buffer, sagaID: sagaID, firstEventID: firstEventID, into: &events)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return events
    }

    private static func decodeOne(
        _ reader: inout PostcardReader, sagaID: SagaID, eventID: EventID, base: Int64
    ) throws(CodecError) -> HistoryEvent {
        let typeOffset = reader.offset
        let code: UInt16 = try reader.read()
        guard let type = EventType(rawValue: code) else { throw CodecError(.badTag, at: typeOffset) }
        let version: UInt32 = try reader.read()
        let flagsOffset = reader.offset
        let flags: UInt8 = try reader.read()
        guard flags < 32 else { throw CodecError(.badTag, at: flagsOffset) }
        let delta: Int64 = try reader.read()
        let parent: UInt64? = flags & Flag.parent != 0 ? try reader.read(UInt64.self) : nil
        let queue: String? = flags & Flag.queue != 0 ? try reader.read(String.self) : nil
        let trace: String? = flags & Flag.trace != 0 ? try reader.read(String.self) : nil
        let length = try reader.readVarint64()
        let start = reader.offset
        let attributes = try EventAttributes(type, from: &reader)
        guard UInt64(reader.offset - start) == length else { throw CodecError(.limitExceeded, at: start) }
        return HistoryEvent(
            eventID: eventID, sagaID: sagaID, timestamp: Timestamp(microseconds: base &+ delta), attributes: attributes,
            eventVersion: version, isResetPoint: flags & Flag.resetPoint != 0, isRetry: flags & Flag.retry != 0,
            parentEventID: parent, taskQueue: queue, traceID: trace)
    }
}
