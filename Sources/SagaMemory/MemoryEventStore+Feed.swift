public import SagaCore

/// The order of all rows: numbers that go up and are never used again.
struct MemoryFeed {
    struct Entry {
        var commit: UInt64
        var sagaID: SagaID
        var firstEventID: EventID
    }

    private(set) var entries: [Entry] = []
    /// What the next row gets.
    private(set) var next: UInt64 = 1

    mutating func append(_ sagaID: SagaID, firstEventID: EventID) {
        entries.append(Entry(commit: next, sagaID: sagaID, firstEventID: firstEventID))
        next += 1
    }

    mutating func remove(_ sagaID: SagaID) { entries.removeAll { $0.sagaID == sagaID } }

    /// The entries from a number on.
    func from(_ commit: UInt64) -> ArraySlice<Entry> {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].commit < commit { low = middle + 1 } else { high = middle }
        }
        return entries[low...]
    }
}

extension MemoryState {
    func feedRows(from place: FeedPlace, _ filter: FeedFilter, limit: Int) throws(StoreError) -> FeedRows {
        guard place.commit <= feed.next else {
            throw StoreError(.invalid, "feed: place \(place.commit) lies beyond \(feed.next), the end of this store")
        }
        var found = FeedRows(from: place)
        let entries = feed.from(place.commit)
        for entry in entries.prefix(max(1, limit)) {
            if let run = runs[entry.sagaID],
                filter.matches(namespace: run.row.namespace, workflowType: run.row.workflowType)
            {
                let index = firstRow(in: run.rows, endingAfter: entry.firstEventID)
                guard run.rows.indices.contains(index) else {
                    throw StoreError(.corrupt, "feed: run \(entry.sagaID) has no event \(entry.firstEventID)")
                }
                let row = run.rows[index]
                if found.isFull(before: row.blob.count) { return found }
                found.append(
                    FeedRows.Row(
                        commit: entry.commit, sagaID: entry.sagaID, firstEventID: row.firstEventID, count: row.count,
                        namespace: run.row.namespace, workflowID: run.row.workflowID,
                        workflowType: run.row.workflowType, events: row.blob))
            }
            found.next = FeedPlace(commit: entry.commit + 1)
        }
        found.isAtEnd = entries.count <= max(1, limit)
        return found
    }
}

extension MemoryEventStore: EventFeed {
    public func feedRows(
        from place: FeedPlace, _ filter: FeedFilter, limit: Int
    ) async throws(StoreError) -> FeedRows {
        try access { state throws(StoreError) in try state.feedRows(from: place, filter, limit: limit) }
    }

    public func feedEnd() async throws(StoreError) -> FeedPlace {
        try access { state in FeedPlace(commit: state.feed.next) }
    }
}
