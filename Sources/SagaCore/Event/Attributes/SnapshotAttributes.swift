public import SagaCodec

// Snapshots: event 70. Field order is the stored form: add fields at the end, with a new event version.

/// The state up to an event was stored. Event 70.
public struct SnapshotCreated: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.snapshotCreated

    /// Last event that the snapshot covers.
    public var uptoEventID: EventID
    /// Stored size.
    public var sizeBytes: UInt64
    /// Checksum of what is stored.
    public var checksum: UInt32

    public init(uptoEventID: EventID, sizeBytes: UInt64, checksum: UInt32) {
        self.uptoEventID = uptoEventID
        self.sizeBytes = sizeBytes
        self.checksum = checksum
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        uptoEventID = try reader.read()
        sizeBytes = try reader.read()
        checksum = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(uptoEventID)
        writer.write(sizeBytes)
        writer.write(checksum)
    }
}
