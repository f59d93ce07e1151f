import SagaCodec
import SagaCore

/// The queries. Made for one call, on the reader's queue.
struct PostgresReader {
    let connection: PgConnection
    let nextPage: NextPage

    init(_ connection: PgConnection, _ nextPage: NextPage) {
        self.connection = connection
        self.nextPage = nextPage
    }

    // MARK: Events

    /// Ids go on without gaps, so the rows of the events from ... to are those whose first event lies before `to`, from the
    /// row on that has the first one.
    private static let selectEvents = PgStatement(
        name: "events",
        sql: """
            SELECT first_event_id, event_count, events FROM history
            WHERE saga_id = $1 AND first_event_id < $3 AND first_event_id >= coalesce(
                (SELECT first_event_id FROM history WHERE saga_id = $1 AND first_event_id <= $2
                    ORDER BY first_event_id DESC LIMIT 1), 0)
            ORDER BY first_event_id
            """)

    /// The same from the first event on: nothing to look for before.
    private static let selectFirstEvents = PgStatement(
        name: "first_events",
        sql: """
            SELECT first_event_id, event_count, events FROM history WHERE saga_id = $1 AND first_event_id < $2
            ORDER BY first_event_id
            """)

    /// Pages up to this many events come as one result: libpq then does less for each row.
    private static let wholePage = 4_096

    func events(of sagaID: SagaID, from: EventID, limit: Int) throws(ReadFailure) -> [HistoryEvent] {
        var page = try page(EventPage(sagaID: sagaID, from: from, limit: limit))
        guard page.hasBlobs else { return page.events }
        do throws(StoreError) {
            try page.complete { (numbers) throws(StoreError) in
                do throws(ReadFailure) { return try blobs(of: sagaID, numbers) } catch {
                    switch error {
                    case .store(let error): throw error
                    case .server(let failure): throw failure.storeError("read payloads")
                    }
                }
            }
        } catch {
            throw .store(error)
        }
        return page.events
    }

    private static let selectBlobs = PgStatement(
        name: "payload_blobs",
        sql: "SELECT blob_no, data FROM payload_blobs WHERE saga_id = $1 AND blob_no BETWEEN $2 AND $3")

    func blobs(of sagaID: SagaID, _ numbers: ClosedRange<UInt64>) throws(ReadFailure) -> [PayloadBlob] {
        let result = try run(
            Self.selectBlobs,
            PgParameters().id(sagaID).int64(Int64(clamping: numbers.lowerBound))
                .int64(Int64(clamping: numbers.upperBound)))
        return (0..<result.count).compactMap { index in
            result.int64(index, 0).map {
                PayloadBlob(sagaID: sagaID, number: UInt64(clamping: $0), bytes: Array(result.bytes(index, 1)))
            }
        }
    }

    func packedEvents(of sagaID: SagaID, from: EventID, limit: Int) throws(ReadFailure) -> PackedHistory {
        let packed = PackedHistory(sagaID: sagaID)
        return try page(EventPage(sagaID: sagaID, from: from, limit: limit, packed: packed)).packed ?? packed
    }

    private static let selectEnd = PgStatement(
        name: "end_of_history", sql: "SELECT next_event_id FROM executions WHERE saga_id = $1")

    /// The rows of a page that was read ahead, if they are all that a reader would find now.
    private func rowsAhead(_ place: NextPage.Place) throws(PgFailure) -> PgResult? {
        nextPage.settle(connection)
        guard let rows = nextPage.take(place) else { return nil }
        if NextPage.isFull(rows, place) { return rows }
        // More may have been appended behind them since.
        let next = try connection.run(Self.selectEnd, PgParameters().id(place.sagaID)).int64(0, 0)
        return next == NextPage.end(of: rows) ? rows : nil
    }

    private func page(_ empty: EventPage) throws(ReadFailure) -> EventPage {
        guard let start = Int64(exactly: empty.from) else { return empty }
        let (sum, overflow) = start.addingReportingOverflow(Int64(clamping: max(1, empty.limit)))
        let end = overflow ? .max : sum
        let run = PgParameters().id(empty.sagaID)
        let statement = start == 0 ? Self.selectFirstEvents : Self.selectEvents
        let parameters = start == 0 ? run.int64(end) : run.int64(start).int64(end)
        var page = empty
        let problem: StoreError?
        do throws(PgFailure) {
            // One statement, whatever it gives: it waits for a retirement that moves rows before it looks at any, which a transaction
            // of several would not.
            if empty.limit <= Self.wholePage {
                let place = NextPage.Place(sagaID: empty.sagaID, from: start, limit: empty.limit)
                let ahead = try rowsAhead(place)
                let rows = if let ahead { ahead } else { try connection.run(statement, parameters) }
                nextPage.ask(behind: rows, of: place, connection, Self.selectEvents)
                problem = page.addAll(rows)
            } else {
                // Row by row: the decoding of one runs beside the sending of the next, and no page is in memory twice.
                problem = try connection.stream(statement, parameters) { (row) throws(StoreError) in
                    try page.add(row, 0)
                }
            }
        } catch {
            throw .server(error)
        }
        if let problem { throw .store(problem) }
        return page
    }

    // MARK: Late effects

    private static let selectLate = PgStatement(
        name: "late_effects",
        sql: "SELECT place, effect FROM late_effects WHERE namespace = $1 AND place > $2 ORDER BY place LIMIT $3")

    private static let selectLateOfRun = PgStatement(
        name: "late_effects_of_run",
        sql: """
            SELECT place, effect FROM late_effects WHERE namespace = $1 AND place > $2 AND saga_id = $4
            ORDER BY place LIMIT $3
            """)

    func lateEffects(_ query: LateEffectQuery) throws(ReadFailure) -> [StoredLateEffect] {
        var parameters = PgParameters().text(query.namespace).int64(Int64(clamping: query.after))
            .int64(Int64(max(0, query.limit)))
        if let sagaID = query.sagaID { parameters = parameters.id(sagaID) }
        let result = try run(query.sagaID == nil ? Self.selectLate : Self.selectLateOfRun, parameters)
        var found: [StoredLateEffect] = []
        for index in 0..<result.count {
            let place = result.int64(index, 0).map { UInt64(clamping: $0) } ?? 0
            do throws(CodecError) {
                let effect = try Postcard.decodeStrict(LateEffect.self, from: result.bytes(index, 1))
                found.append(StoredLateEffect(place: place, effect: effect))
            } catch {
                throw .store(StoreError(.corrupt, "PostgreSQL: late effect \(place) does not decode: \(error)"))
            }
        }
        return found
    }

    // MARK: Snapshots

    private static let selectSnapshot = PgStatement(
        name: "snapshot",
        sql: """
            SELECT next_event_id, snapshot FROM snapshots WHERE saga_id = $1 AND next_event_id <= $2
            ORDER BY next_event_id DESC LIMIT 1
            """)

    func snapshot(of sagaID: SagaID, upTo limit: EventID) throws(ReadFailure) -> StoredSnapshot? {
        let result = try run(Self.selectSnapshot, PgParameters().id(sagaID).int64(Int64(clamping: limit)))
        guard result.count > 0, let next = result.int64(0, 0), next >= 0 else { return nil }
        return StoredSnapshot(sagaID: sagaID, nextEventID: EventID(next), bytes: Array(result.bytes(0, 1)))
    }

    // MARK: The store itself

    private static let selectMeta = PgStatement(
        name: "meta",
        sql: """
            SELECT (SELECT max(version) FROM schema_versions), partition_count, task_token_key,
                (SELECT epoch FROM fence WHERE shard = 0)
            FROM meta
            """)

    func metadata() throws(ReadFailure) -> StoreMetadata {
        let result = try run(Self.selectMeta, PgParameters())
        guard result.count == 1, let version = result.int32(0, 0), let partitions = result.int32(0, 1), partitions > 0,
            result.bytes(0, 2).count == 32, let epoch = result.int64(0, 3), epoch >= 0
        else { throw .store(StoreError(.corrupt, "PostgreSQL: the meta row is missing or damaged")) }
        return StoreMetadata(
            schemaVersion: UInt32(clamping: version), partitionCount: UInt32(partitions),
            taskTokenKey: Array(result.bytes(0, 2)), epoch: UInt64(epoch))
    }

    func run(_ statement: PgStatement, _ parameters: PgParameters) throws(ReadFailure) -> PgResult {
        nextPage.settle(connection)
        do throws(PgFailure) { return try connection.run(statement, parameters) } catch { throw .server(error) }
    }

    /// A statement that is planned for these very parameters.
    func once(_ sql: String, _ parameters: PgParameters) throws(ReadFailure) -> PgResult {
        nextPage.settle(connection)
        do throws(PgFailure) { return try connection.runOnce(sql, parameters) } catch { throw .server(error) }
    }
}
