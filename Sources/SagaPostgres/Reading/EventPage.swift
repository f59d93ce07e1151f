import SagaCodec
import SagaCore

/// Events of one run, as they are read row by row. A gap, a wrong checksum or a row that does not decode is an error, never
/// a shorter history.
struct EventPage {
    let sagaID: SagaID
    let from: EventID
    let limit: Int
    private(set) var events: [HistoryEvent] = []
    /// Where the rows go if they are wanted as they are; nil to decode them.
    private(set) var packed: PackedHistory?
    /// Whether data of payloads has still to be read.
    private(set) var hasBlobs = false
    private var expected: EventID?

    init(sagaID: SagaID, from: EventID, limit: Int, packed: PackedHistory? = nil) {
        self.sagaID = sagaID
        self.packed = packed
        self.from = from
        self.limit = limit
    }

    /// Adds the rows of a whole result, as far as they are wanted; gives what is wrong with them.
    mutating func addAll(_ rows: PgResult) -> StoreError? {
        // The memory grows once.
        if packed?.isEmpty ?? false {
            let byteCount = (0..<rows.count).reduce(0) { $0 + rows.bytes($1, 2).count }
            packed?.reserve(rowCount: rows.count, byteCount: byteCount)
        }
        do throws(StoreError) {
            for index in 0..<rows.count { guard try add(rows, index) else { break } }
            return nil
        } catch {
            return error
        }
    }

    /// - Returns: Whether more is wanted.
    mutating func add(_ row: PgResult, _ index: Int) throws(StoreError) -> Bool {
        guard let firstID = row.int64(index, 0), firstID >= 0, let rowCount = row.int32(index, 1), rowCount > 0 else {
            throw damaged(from, "a row has no place or no events")
        }
        let first = EventID(firstID)
        let count = Int(rowCount)
        if let expected, first != expected { throw damaged(expected, "the next row begins with event \(first)") }
        if expected == nil {
            if first > from { throw damaged(from, "the first row begins with event \(first)") }
            // The last row of the run, and it ends before.
            if first + EventID(count) <= from {
                expected = first + EventID(count)
                return true
            }
        }
        expected = first + EventID(count)
        let skipped = from > first ? Int(from - first) : 0
        let stored = row.bytes(index, 2)
        let isFirst = events.isEmpty && packed?.isEmpty ?? true
        let before = packed?.count ?? events.count
        if !isFirst && before + count - (packed == nil ? skipped : 0) > limit { return false }
        let blob = try RowChecksum.checked(stored, of: sagaID, first: first, count: count)
        if packed == nil {
            hasBlobs = hasBlobs || PackedEvents.hasBlobs(blob)
            try decode(blob, first: first, count: count, skipped: skipped)
            return true
        }
        if packed?.isFull(before: blob.count) ?? false { return false }
        do throws(CodecError) { try packed?.append(blob, firstEventID: first, count: count) } catch {
            throw damaged(first, "its row is too long: \(error)")
        }
        return true
    }

    private mutating func decode(
        _ packed: UnsafeRawBufferPointer, first: EventID, count: Int, skipped: Int
    ) throws(StoreError) {
        let before = events.count
        do throws(CodecError) {
            try PackedEvents.decode(packed, sagaID: sagaID, firstEventID: first, into: &events)
        } catch {
            throw damaged(first, "its row does not decode: \(error)")
        }
        guard events.count - before == count else {
            throw damaged(first, "its row has \(events.count - before) events instead of \(count)")
        }
        if skipped > 0 { events.removeSubrange(before..<before + skipped) }
    }

    /// Puts the data of large payloads in.
    mutating func complete(
        _ read: (ClosedRange<UInt64>) throws(StoreError) -> [PayloadBlob]
    ) throws(StoreError) {
        try BlobPages.complete(&events, of: sagaID, read)
    }

    private func damaged(_ event: EventID, _ what: String) -> StoreError {
        RowChecksum.damaged(sagaID, event, what)
    }
}

extension RowChecksum {
    /// A stored row without its checksum, which is right.
    static func checked(
        _ stored: UnsafeRawBufferPointer, of sagaID: SagaID, first: EventID, count: Int
    ) throws(StoreError) -> UnsafeRawBufferPointer {
        guard stored.count > 4 else { throw damaged(sagaID, first, "its row is cut off") }
        let packed = UnsafeRawBufferPointer(rebasing: stored[..<(stored.count - 4)])
        let checksum = UInt32(bigEndian: stored.loadUnaligned(fromByteOffset: packed.count, as: UInt32.self))
        guard of(packed, sagaID: sagaID, firstEventID: first, count: count) == checksum else {
            throw damaged(sagaID, first, "the checksum of its row is wrong")
        }
        return packed
    }

    static func damaged(_ sagaID: SagaID, _ event: EventID, _ what: String) -> StoreError {
        StoreError(
            .corrupt, "PostgreSQL: history of \(sagaID) is damaged at event \(event): \(what); restore it from a backup"
        )
    }
}
