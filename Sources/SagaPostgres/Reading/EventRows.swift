package import SagaCore

/// An event as a row for people.
package struct EventRow: Sendable {
    var sagaID: SagaID
    var eventID: EventID
    var type: String
    var time: Timestamp
    /// The whole event; JSON without NUL characters, which `jsonb` does not take.
    var json: [UInt8]

    package init(_ event: HistoryEvent, json: [UInt8]) {
        sagaID = event.sagaID
        eventID = event.eventID
        type = event.eventType.name
        time = event.timestamp
        self.json = json
    }
}

/// The table `events`: filled on demand, never read by the engine.
extension PostgresReader {
    private static let selectFilled = PgStatement(
        name: "events_filled", sql: "SELECT coalesce(max(event_id) + 1, 0) FROM events WHERE saga_id = $1")

    private static let insertRows = PgStatement(
        name: "events_fill",
        sql: """
            INSERT INTO events (saga_id, event_id, event_type, at, event)
            SELECT id, number, type, at, json::jsonb
            FROM unnest($1::uuid[], $2::int8[], $3::text[], $4::timestamptz[], $5::text[])
                AS n (id, number, type, at, json)
            ON CONFLICT DO NOTHING
            """)

    func firstEventToFill(of sagaID: SagaID) throws(ReadFailure) -> EventID {
        let next = try run(Self.selectFilled, PgParameters().id(sagaID)).int64(0, 0)
        return EventID(clamping: next ?? 0)
    }

    func fill(_ rows: [EventRow]) throws(ReadFailure) {
        let ids = PgArray(.uuid)
        let numbers = PgArray(.int8)
        let types = PgArray(.text)
        let times = PgArray(.timestamp)
        let texts = PgArray(.text)
        for row in rows {
            ids.add(row.sagaID)
            numbers.add(Int64(clamping: row.eventID))
            types.add(row.type)
            if let time = PgTime.stored(row.time) { times.add(time) } else { times.addNull() }
            texts.add(bytes: row.json)
        }
        do throws(PgFailure) {
            _ = try connection.run(Self.insertRows, [ids, numbers, types, times, texts].map(\.buffer))
        } catch {
            throw .server(error)
        }
    }
}

extension PostgresEventStore {
    /// The first event of a run that the table `events` does not have.
    package func firstEventToFill(of sagaID: SagaID) async throws(StoreError) -> EventID {
        try await reads.run("read the events table") { (reader) throws(ReadFailure) in
            try reader.firstEventToFill(of: sagaID)
        }
    }

    /// Puts events into the table `events`; those that are there already are left alone.
    package func fill(_ rows: [EventRow]) async throws(StoreError) {
        try await reads.run("fill the events table") { (reader) throws(ReadFailure) in try reader.fill(rows) }
    }
}
