import SagaCore

/// What recovery asks: of many runs at once.
extension PostgresReader {
    /// The runs come in the order of the array, and their rows in order, because each run's rows are sorted by themselves.
    private static func selectMany(_ name: String, from start: String) -> PgStatement {
        PgStatement(
            name: name,
            sql: """
                SELECT h.first_event_id, h.event_count, h.events, n.place
                FROM unnest($1::uuid[], $2::int8[]) WITH ORDINALITY AS n (saga_id, first, place)
                CROSS JOIN LATERAL (
                    SELECT first_event_id, event_count, events FROM history
                    WHERE saga_id = n.saga_id AND first_event_id >= \(start) AND first_event_id < n.first + $3::int8
                    ORDER BY first_event_id) h
                """)
    }

    private static let selectWhole = selectMany("events_of_many", from: "0")

    private static let selectTails = selectMany(
        "tails_of_many",
        from: """
            coalesce((SELECT o.first_event_id FROM history o WHERE o.saga_id = n.saga_id
                AND o.first_event_id <= n.first ORDER BY o.first_event_id DESC LIMIT 1), 0)
            """)

    func packedEvents(of places: [HistoryPlace], limit: Int) throws(ReadFailure) -> [PackedHistory] {
        let ids = PgArray(.uuid)
        let starts = PgArray(.int8)
        let limit = max(1, min(limit, Int(Int32.max)))
        for place in places {
            ids.add(place.sagaID)
            // Beyond all events, and the sum with the limit is still a number.
            starts.add(Int64(clamping: min(place.from, EventID(Int64.max / 2))))
        }
        var pages = ManyPages(places, limit: limit)
        let problem: StoreError?
        do throws(PgFailure) {
            let statement = places.allSatisfy { $0.from == 0 } ? Self.selectWhole : Self.selectTails
            let most = Int64(limit).bigEndian
            problem = try withUnsafeBytes(of: most) { (most) throws(PgFailure) in
                try connection.stream(statement, [ids.buffer, starts.buffer, most]) { (row) throws(StoreError) in
                    try pages.add(row)
                }
            }
        } catch {
            throw .server(error)
        }
        if let problem { throw .store(problem) }
        return pages.finished()
    }

    private static let selectSnapshots = PgStatement(
        name: "snapshots_of_many",
        sql: """
            SELECT n.saga_id, s.next_event_id, s.snapshot FROM unnest($1::uuid[]) AS n (saga_id)
            CROSS JOIN LATERAL (
                SELECT next_event_id, snapshot FROM snapshots WHERE saga_id = n.saga_id
                ORDER BY next_event_id DESC LIMIT 1) s
            """)

    func newestSnapshots(of sagaIDs: [SagaID]) throws(ReadFailure) -> [StoredSnapshot] {
        let ids = PgArray(.uuid)
        for sagaID in sagaIDs { ids.add(sagaID) }
        var found: [StoredSnapshot] = []
        var bytes = 0
        do throws(PgFailure) {
            _ = try connection.stream(Self.selectSnapshots, [ids.buffer]) { row in
                guard let sagaID = row.sagaID(0, 0), let next = row.int64(0, 1), next >= 0 else { return true }
                let stored = Array(row.bytes(0, 2))
                bytes += stored.count
                found.append(StoredSnapshot(sagaID: sagaID, nextEventID: EventID(next), bytes: stored))
                return bytes < PackedHistory.maximumBytes
            }
        } catch {
            throw .server(error)
        }
        return found
    }
}

/// Pages of several runs, as their rows come.
private struct ManyPages {
    private let places: [HistoryPlace]
    private let limit: Int
    private var pages = PackedPages()
    private var current: EventPage?
    /// The current run has enough.
    private var isFull = false
    /// All runs have: what comes is not looked at.
    private var isOver = false

    init(_ places: [HistoryPlace], limit: Int) {
        self.places = places
        self.limit = limit
        current = page(of: 0)
    }

    private func page(of index: Int) -> EventPage? {
        guard index < places.count else { return nil }
        let place = places[index]
        return EventPage(
            sagaID: place.sagaID, from: place.from, limit: limit, packed: PackedHistory(sagaID: place.sagaID))
    }

    /// - Returns: Whether more is wanted.
    mutating func add(_ row: PgResult) throws(StoreError) -> Bool {
        guard let place = row.int64(0, 3), place > pages.all.count, place <= places.count else {
            throw StoreError(.corrupt, "PostgreSQL: rows of several runs came out of order")
        }
        while pages.all.count < place - 1 { guard close() else { return false } }
        if isFull { return true }
        isFull = try !(current?.add(row, 0) ?? false)
        return true
    }

    /// Ends the current run and begins the next one.
    private mutating func close() -> Bool {
        guard let packed = current?.packed, pages.add(packed) else {
            isOver = true
            return false
        }
        current = page(of: pages.all.count)
        isFull = false
        return true
    }

    mutating func finished() -> [PackedHistory] {
        while !isOver, current != nil { _ = close() }
        return pages.all
    }
}
