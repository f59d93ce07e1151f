public import SagaCore

/// The feed. Its order is (transaction, run, event). A transaction's number is given out when it begins to write, and it may
/// commit long after later ones, so that only what lies below the oldest running transaction is read: nothing can come
/// there any more.
extension PostgresReader {
    /// The first number that is not readable yet.
    private static let bound = "commit_base + pg_snapshot_xmin(pg_current_snapshot())::text::bigint"

    private static let selectEnd = PgStatement(name: "feed_end", sql: "SELECT \(bound) FROM meta")

    private static let selectRows = PgStatement(
        name: "feed_rows",
        sql: rows(
            """
            h.commit_no >= $1 AND h.commit_no < (SELECT \(bound) FROM meta)
                AND (h.commit_no > $1 OR h.saga_id > $2
                    OR (h.saga_id = $2 AND h.first_event_id + h.event_count > $3))
            ORDER BY h.commit_no, h.saga_id, h.first_event_id
            """))

    /// Rows of earlier versions, which have no number.
    private static let selectUnnumbered = PgStatement(
        name: "feed_unnumbered",
        sql: rows(
            """
            h.commit_no IS NULL AND $1::int8 = 0 AND h.saga_id >= $2
                AND (h.saga_id > $2 OR h.first_event_id + h.event_count > $3)
            ORDER BY h.saga_id, h.first_event_id
            """))

    /// Rows that are looked at, each with its run, and with its events as far as they are wanted and not too many.
    private static func rows(_ condition: String) -> String {
        """
        WITH p AS (
            SELECT h.commit_no, h.saga_id, h.first_event_id, h.event_count, h.events
            FROM history h WHERE \(condition) LIMIT $4
        ),
        w AS (
            SELECT p.*, v.namespace, v.workflow_id, v.workflow_type,
                v.namespace = ANY ($5::text[]) AND (cardinality($6::text[]) = 0 OR v.workflow_type = ANY ($6::text[]))
                    AS wanted
            FROM p LEFT JOIN visibility v USING (saga_id)
        ),
        s AS (
            SELECT w.*, sum(CASE WHEN wanted THEN octet_length(events) ELSE 0 END) OVER (
                    ORDER BY commit_no, saga_id, first_event_id ROWS UNBOUNDED PRECEDING) AS bytes,
                row_number() OVER (ORDER BY commit_no, saga_id, first_event_id) AS place, count(*) OVER () AS looked
            FROM w
        )
        SELECT commit_no, saga_id, first_event_id, event_count, namespace, workflow_id, workflow_type,
            CASE WHEN wanted THEN events END, looked
        FROM s WHERE bytes <= \(FeedRows.maximumBytes) OR place = 1 ORDER BY commit_no, saga_id, first_event_id
        """
    }

    func feedEnd() throws(ReadFailure) -> FeedPlace {
        guard let end = try run(Self.selectEnd, PgParameters()).int64(0, 0), end > 0 else {
            throw .store(StoreError(.corrupt, "PostgreSQL: the meta row is missing or damaged"))
        }
        return FeedPlace(commit: UInt64(end))
    }

    func feedRows(from place: FeedPlace, _ filter: FeedFilter, limit: Int) throws(ReadFailure) -> FeedRows {
        if place.commit == 0 {
            let found = try read(Self.selectUnnumbered, from: place, filter, limit)
            // That nothing without a number is left does not mean that nothing is left.
            if found.next != place { return found }
        }
        let place = place.commit == 0 ? FeedPlace(commit: 1) : place
        var found = try read(Self.selectRows, from: place, filter, limit)
        guard found.next == place else { return found }
        found.isAtEnd = true
        let end = try feedEnd()
        guard place <= end else {
            throw .store(
                StoreError(
                    .invalid, "PostgreSQL: feed: place \(place.commit) lies beyond \(end.commit), the end of this store"
                ))
        }
        return found
    }

    private func read(
        _ statement: PgStatement, from place: FeedPlace, _ filter: FeedFilter, _ limit: Int
    ) throws(ReadFailure) -> FeedRows {
        guard let commit = Int64(exactly: place.commit), let eventID = Int64(exactly: place.eventID) else {
            throw .store(StoreError(.invalid, "PostgreSQL: feed: place \(place.commit) is beyond every commit"))
        }
        let result = try run(
            statement,
            PgParameters().int64(commit).id(place.sagaID).int64(eventID).int64(Int64(max(1, limit)))
                .textArray(filter.namespaces).textArray(filter.workflowTypes))
        var found = FeedRows(from: place)
        found.isAtEnd = commit > 0 && result.count < max(1, limit) && result.int64(0, 8).map { Int($0) } == result.count
        for index in 0..<result.count {
            // Null in rows of earlier versions.
            let commit = result.int64(index, 0) ?? 0
            guard commit >= 0, let sagaID = result.sagaID(index, 1), let first = result.int64(index, 2), first >= 0,
                let count = result.int32(index, 3), count > 0
            else { throw .store(StoreError(.corrupt, "PostgreSQL: a row of history has no place or no events")) }
            if !result.isNull(index, 7) {
                guard let namespace = result.text(index, 4), let workflowID = result.text(index, 5),
                    let type = result.text(index, 6)
                else { throw .store(StoreError(.corrupt, "PostgreSQL: the row of run \(sagaID) is damaged")) }
                let bytes: UnsafeRawBufferPointer
                do throws(StoreError) {
                    bytes = try RowChecksum.checked(
                        result.bytes(index, 7), of: sagaID, first: EventID(first), count: Int(count))
                } catch {
                    throw .store(error)
                }
                found.append(
                    FeedRows.Row(
                        commit: UInt64(commit), sagaID: sagaID, firstEventID: EventID(first), count: Int(count),
                        namespace: namespace, workflowID: workflowID, workflowType: type, events: Array(bytes)))
            }
            found.next = FeedPlace(
                commit: UInt64(commit), sagaID: sagaID, eventID: EventID(first) + EventID(count))
        }
        return found
    }
}

extension PostgresEventStore: EventFeed {
    public func feedRows(
        from place: FeedPlace, _ filter: FeedFilter, limit: Int
    ) async throws(StoreError) -> FeedRows {
        try await reads.run("read the feed") { (reader) throws(ReadFailure) in
            try reader.feedRows(from: place, filter, limit: limit)
        }
    }

    public func feedEnd() async throws(StoreError) -> FeedPlace {
        try await reads.run("read the end of the feed") { (reader) throws(ReadFailure) in try reader.feedEnd() }
    }
}
