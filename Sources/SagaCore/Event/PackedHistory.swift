public import SagaCodec

/// Rows of one run as a store has them: blobs of ``PackedEvents``, one behind the other, whose checksums were compared and which
/// nobody has decoded. What ``HistoryFold`` makes the state of a run of.
public struct PackedHistory: Sendable {
    /// One stored row.
    public struct Row: Hashable, Sendable {
        /// The id of its first event.
        public var firstEventID: EventID
        /// How many events it has.
        public var count: Int
        /// Where its blob lies in ``PackedHistory/bytes``.
        public var blob: FrameRange
    }

    /// Bytes beyond which a page takes no further row: 64 MiB.
    public static let maximumBytes = 64 << 20

    /// The run.
    public let sagaID: SagaID
    /// All blobs.
    public private(set) var bytes: [UInt8] = []
    /// The rows, oldest first, without a gap between them.
    public private(set) var rows: [Row] = []
    /// How many events the rows have.
    public private(set) var count = 0

    public init(sagaID: SagaID) { self.sagaID = sagaID }

    /// Whether there are no rows.
    public var isEmpty: Bool { rows.isEmpty }

    /// The id after the last event; nil if there are no rows.
    public var nextEventID: EventID? { rows.last.map { $0.firstEventID &+ EventID($0.count) } }

    /// Whether a further row of so many bytes would make the page too long. The first row always fits.
    public func isFull(before byteCount: Int) -> Bool {
        !rows.isEmpty && bytes.count + byteCount > Self.maximumBytes
    }

    /// Makes room for so many rows and bytes, up to what a page may have.
    package mutating func reserve(rowCount: Int, byteCount: Int) {
        rows.reserveCapacity(rows.count + rowCount)
        bytes.reserveCapacity(min(bytes.count + byteCount, Self.maximumBytes))
    }

    /// Adds the next row.
    /// - Throws: ``CodecError/Reason/limitExceeded`` beyond 4 GiB.
    public mutating func append(
        _ blob: UnsafeRawBufferPointer, firstEventID: EventID, count: Int
    ) throws(CodecError) {
        guard bytes.count + blob.count <= PostcardReader.inputLimit else { throw CodecError(.limitExceeded, at: 0) }
        let range = FrameRange(offset: UInt32(bytes.count), count: UInt32(blob.count))
        bytes.append(contentsOf: blob)
        rows.append(Row(firstEventID: firstEventID, count: count, blob: range))
        self.count += count
    }

    /// Adds the next row.
    /// - Throws: ``CodecError/Reason/limitExceeded`` beyond 4 GiB.
    public mutating func append(_ blob: [UInt8], firstEventID: EventID, count: Int) throws(CodecError) {
        try blob.withUnsafeBufferPointer { (blob) throws(CodecError) in
            try append(UnsafeRawBufferPointer(blob), firstEventID: firstEventID, count: count)
        }
    }

    /// All events, decoded in full.
    /// - Parameter catalog: The forms that may be read; older ones are brought up to today's.
    public func events(catalog: EventCatalog = .current) throws(CodecError) -> [HistoryEvent] {
        var events: [HistoryEvent] = []
        try bytes.withUnsafeBufferPointer { (bytes) throws(CodecError) in
            for row in rows {
                let start = Int(row.blob.offset)
                let blob = UnsafeRawBufferPointer(
                    rebasing: UnsafeRawBufferPointer(bytes)[start...].prefix(Int(row.blob.count)))
                try PackedEvents.decode(
                    blob, sagaID: sagaID, firstEventID: row.firstEventID, into: &events, catalog: catalog)
            }
        }
        return events
    }

    /// Rows of events that are at hand.
    public init(of sagaID: SagaID, _ rows: [[HistoryEvent]]) throws(CodecError) {
        self.init(sagaID: sagaID)
        for row in rows {
            guard let first = row.first else { continue }
            try append(PackedEvents.encode(row), firstEventID: first.eventID, count: row.count)
        }
    }
}

/// Pages of many runs, up to about as many bytes as one page of one run may have.
package struct PackedPages: Sendable {
    package private(set) var all: [PackedHistory] = []
    private var byteCount = 0

    package init() {}

    /// Adds the next page; false if it does not fit any more. The first one always does.
    package mutating func add(_ page: PackedHistory) -> Bool {
        byteCount += page.bytes.count
        guard all.isEmpty || byteCount <= PackedHistory.maximumBytes else { return false }
        all.append(page)
        return true
    }
}
