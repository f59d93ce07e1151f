public import SagaCore

// The feed's order is that of `history.seq`: there is one writer, so rows get it in the order of their commits. `Appender.delete`
// sees to it that no number is used twice.
extension Reader {
    /// Joined from the outside in: the order of the feed, whatever else there is an index of.
    static let feedRows = """
        SELECT h.seq, h.next_event_id, h.event_count, h.checksum, h.events, e.saga_id, e.namespace, e.workflow_id,
            e.workflow_type
        FROM history h LEFT JOIN executions e ON e.run = h.run WHERE h.seq >= ?1 ORDER BY h.seq LIMIT ?2
        """

    func feedRows(from place: FeedPlace, _ filter: FeedFilter, limit: Int) throws(StoreError) -> FeedRows {
        guard let first = Int64(exactly: place.commit), place <= (try feedEnd()) else {
            throw StoreError(
                .invalid, "\(connection.path): feed: place \(place.commit) lies beyond the end of this store")
        }
        let limit = max(1, limit)
        try selectFeed.bind(first, at: 1)
        try selectFeed.bind(Int64(limit), at: 2)
        defer { selectFeed.reset() }
        var found = FeedRows(from: place)
        var seen = 0
        while try selectFeed.step() {
            seen += 1
            // A place that is only kept: its run was removed.
            if !selectFeed.isNull(5), let row = try feedRow(filter) {
                if found.isFull(before: row.events.count) { return found }
                found.append(row)
            }
            found.next = FeedPlace(commit: UInt64(clamping: selectFeed.int64(0)) + 1)
        }
        found.isAtEnd = seen < limit
        return found
    }

    /// The row that the statement stands at; nil if it is not wanted.
    private func feedRow(_ filter: FeedFilter) throws(StoreError) -> FeedRows.Row? {
        let seq = selectFeed.int64(0)
        guard let sagaID = selectFeed.sagaID(5), let namespace = selectFeed.text(6),
            let workflowID = selectFeed.text(7), let type = selectFeed.text(8)
        else { throw StoreError(.corrupt, "\(connection.path): the run of row \(seq) of history is damaged") }
        guard filter.matches(namespace: namespace, workflowType: type) else { return nil }
        let next = EventID(clamping: selectFeed.int64(1))
        let count = Int(clamping: selectFeed.int64(2))
        guard count > 0, EventID(count) <= next else {
            throw damaged(sagaID, next, "the row ending there says it has \(count) events")
        }
        let first = next - EventID(count)
        let bytes = selectFeed.bytes(4)
        try check(bytes, selectFeed.int64(3), sagaID, first: first, count: count)
        return FeedRows.Row(
            commit: UInt64(clamping: seq), sagaID: sagaID, firstEventID: first, count: count, namespace: namespace,
            workflowID: workflowID, workflowType: type, events: Array(bytes))
    }

    func feedEnd() throws(StoreError) -> FeedPlace {
        defer { selectFeedEnd.reset() }
        let last = try selectFeedEnd.step() ? selectFeedEnd.int64(0) : 0
        return FeedPlace(commit: UInt64(clamping: last) + 1)
    }
}

extension SQLiteEventStore: EventFeed {
    public func feedRows(
        from place: FeedPlace, _ filter: FeedFilter, limit: Int
    ) async throws(StoreError) -> FeedRows {
        try await reads.run { reader throws(StoreError) in
            try reader.feedRows(from: place, filter, limit: limit)
        }
    }

    public func feedEnd() async throws(StoreError) -> FeedPlace {
        try await reads.run { reader throws(StoreError) in try reader.feedEnd() }
    }
}
