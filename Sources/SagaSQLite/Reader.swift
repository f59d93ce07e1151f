import SagaCodec
import SagaCore

/// The queries, on a connection of their own. Used on the readers' queue only.
final class Reader {
    let connection: Connection
    private let selectEvents: Statement
    private let selectExecution: Statement
    private let selectLatest: Statement
    private let selectOpen: Statement
    private let selectMeta: Statement
    private let selectLate: Statement
    private let selectLateOfRun: Statement
    private let selectSnapshot: Statement
    private let selectBlobs: Statement
    let selectFeed: Statement
    let selectFeedEnd: Statement
    /// Prepared forms of List, by their SQL.
    private var lists: [String: Statement] = [:]

    init(_ connection: Connection) throws(StoreError) {
        self.connection = connection
        selectEvents = try Statement(
            """
            SELECT next_event_id, event_count, checksum, events FROM history
            WHERE run = (SELECT run FROM executions WHERE saga_id = ?1) AND next_event_id > ?2 ORDER BY next_event_id
            """, on: connection)
        selectExecution = try Statement(RunQueries.one, on: connection)
        selectLatest = try Statement(RunQueries.latest, on: connection)
        selectOpen = try Statement(RunQueries.open, on: connection)
        selectLate = try Statement(
            "SELECT place, effect FROM late_effects WHERE namespace = ?1 AND place > ?2 ORDER BY place LIMIT ?3",
            on: connection)
        selectLateOfRun = try Statement(
            """
            SELECT place, effect FROM late_effects WHERE namespace = ?1 AND place > ?2 AND saga_id = ?4
            ORDER BY place LIMIT ?3
            """, on: connection)
        selectSnapshot = try Statement(
            """
            SELECT next_event_id, snapshot FROM snapshots
            WHERE run = (SELECT run FROM executions WHERE saga_id = ?1) AND next_event_id <= ?2
            ORDER BY next_event_id DESC LIMIT 1
            """, on: connection)
        selectBlobs = try Statement(
            """
            SELECT blob_no, data FROM blobs
            WHERE run = (SELECT run FROM executions WHERE saga_id = ?1) AND blob_no BETWEEN ?2 AND ?3
            """, on: connection)
        selectFeed = try Statement(Self.feedRows, on: connection)
        selectFeedEnd = try Statement("SELECT max(seq) FROM history", on: connection)
        selectMeta = try Statement("SELECT partition_count, task_token_key, epoch FROM meta", on: connection)
    }

    // MARK: Events

    func events(of sagaID: SagaID, from: EventID, limit: Int) throws(StoreError) -> [HistoryEvent] {
        var events: [HistoryEvent] = []
        var hasBlobs = false
        try forEachRow(of: sagaID, from: from) { (bytes, first, count) throws(StoreError) in
            let skipped = from > first ? Int(from - first) : 0
            if !events.isEmpty && events.count + count - skipped > limit { return false }
            try check(bytes, selectEvents.int64(2), sagaID, first: first, count: count)
            hasBlobs = hasBlobs || PackedEvents.hasBlobs(bytes)
            try decode(bytes, sagaID, first: first, count: count, skipped: skipped, into: &events)
            return true
        }
        if hasBlobs {
            try BlobPages.complete(&events, of: sagaID) { (numbers) throws(StoreError) in
                try blobs(of: sagaID, numbers)
            }
        }
        return events
    }

    func blobs(of sagaID: SagaID, _ numbers: ClosedRange<UInt64>) throws(StoreError) -> [PayloadBlob] {
        try selectBlobs.bind(sagaID, at: 1)
        try selectBlobs.bind(Int64(clamping: numbers.lowerBound), at: 2)
        try selectBlobs.bind(Int64(clamping: numbers.upperBound), at: 3)
        defer { selectBlobs.reset() }
        var found: [PayloadBlob] = []
        while try selectBlobs.step() {
            found.append(
                PayloadBlob(
                    sagaID: sagaID, number: UInt64(clamping: selectBlobs.int64(0)), bytes: Array(selectBlobs.bytes(1))))
        }
        return found
    }

    func packedEvents(of sagaID: SagaID, from: EventID, limit: Int) throws(StoreError) -> PackedHistory {
        var page = PackedHistory(sagaID: sagaID)
        try forEachRow(of: sagaID, from: from) { (bytes, first, count) throws(StoreError) in
            if !page.isEmpty && page.count + count > limit || page.isFull(before: bytes.count) { return false }
            try check(bytes, selectEvents.int64(2), sagaID, first: first, count: count)
            do throws(CodecError) { try page.append(bytes, firstEventID: first, count: count) } catch {
                throw damaged(sagaID, first, "its row is too long: \(error)")
            }
            return true
        }
        return page
    }

    /// Rows from the one on that has an event, checked by their places, until `body` has enough.
    private func forEachRow(
        of sagaID: SagaID, from: EventID,
        _ body: (UnsafeRawBufferPointer, _ first: EventID, _ count: Int) throws(StoreError) -> Bool
    ) throws(StoreError) {
        guard let after = Int64(exactly: from) else { return }
        try selectEvents.bind(sagaID, at: 1)
        try selectEvents.bind(after, at: 2)
        defer { selectEvents.reset() }
        var expected: EventID?
        while try selectEvents.step() {
            let next = EventID(clamping: selectEvents.int64(0))
            let count = Int(clamping: selectEvents.int64(1))
            guard count > 0, EventID(count) <= next else {
                throw damaged(sagaID, next, "the row ending there says it has \(count) events")
            }
            let first = next - EventID(count)
            if let expected, first != expected {
                throw damaged(sagaID, expected, "the next row begins with event \(first)")
            }
            if expected == nil && first > from {
                throw damaged(sagaID, from, "the first row begins with event \(first)")
            }
            expected = next
            guard try body(selectEvents.bytes(3), first, count) else { return }
        }
    }

    func check(
        _ bytes: UnsafeRawBufferPointer, _ stored: Int64, _ sagaID: SagaID, first: EventID, count: Int
    ) throws(StoreError) {
        let checksum = Checksum.of(bytes, sagaID: sagaID, firstEventID: first, count: count)
        guard Int64(checksum) == stored else {
            throw damaged(sagaID, first, "the checksum of its row is wrong")
        }
    }

    private func decode(
        _ bytes: UnsafeRawBufferPointer, _ sagaID: SagaID, first: EventID, count: Int, skipped: Int,
        into events: inout [HistoryEvent]
    ) throws(StoreError) {
        let before = events.count
        do throws(CodecError) {
            try PackedEvents.decode(bytes, sagaID: sagaID, firstEventID: first, into: &events)
        } catch {
            throw damaged(sagaID, first, "its row does not decode: \(error)")
        }
        guard events.count - before == count else {
            throw damaged(sagaID, first, "its row has \(events.count - before) events instead of \(count)")
        }
        if skipped > 0 { events.removeSubrange(before..<before + skipped) }
    }

    func damaged(_ sagaID: SagaID, _ event: EventID, _ what: String) -> StoreError {
        StoreError(
            .corrupt,
            "\(connection.path): history of \(sagaID) is damaged at event \(event): \(what); restore it from a backup")
    }

    // MARK: Runs

    func execution(_ sagaID: SagaID) throws(StoreError) -> ExecutionRow? {
        try selectExecution.bind(sagaID, at: 1)
        return try rows(selectExecution).first
    }

    func latestExecution(namespace: String, workflowID: String) throws(StoreError) -> ExecutionRow? {
        try selectLatest.bind(namespace, at: 1)
        try selectLatest.bind(workflowID, at: 2)
        return try rows(selectLatest).first
    }

    func openExecutions(after: SagaID?, limit: Int) throws(StoreError) -> [ExecutionRow] {
        // Every id is greater than an empty text: SQLite sorts blobs after texts.
        if let after { try selectOpen.bind(after, at: 1) } else { try selectOpen.bind("", at: 1) }
        try selectOpen.bind(Int64(max(0, limit)), at: 2)
        return try rows(selectOpen)
    }

    func list(_ query: ExecutionQuery) throws(StoreError) -> [ExecutionRow] {
        let statement = try prepared(RunQueries.list(query))
        try statement.bind(query.namespace, at: 1)
        if !query.workflowType.isEmpty { try statement.bind(query.workflowType, at: 2) }
        if !query.workflowID.isEmpty { try statement.bind(query.workflowID, at: 3) }
        if let before = query.before { try statement.bind(before, at: 4) }
        // Attributes are looked at row by row, so the page ends here and not in SQL: a negative limit is none.
        try statement.bind(query.attributes.isEmpty ? Int64(max(0, query.limit)) : -1, at: 5)
        return query.attributes.isEmpty ? try rows(statement) : try rows(statement, query)
    }

    private func prepared(_ sql: String) throws(StoreError) -> Statement {
        if let statement = lists[sql] { return statement }
        // 2^13 combinations are possible; people use a handful.
        if lists.count >= 64 { lists.removeAll() }
        let statement = try Statement(sql, on: connection)
        lists[sql] = statement
        return statement
    }

    /// Rows whose attributes match: read one after the other, because attributes have no index here.
    private func rows(_ statement: Statement, _ query: ExecutionQuery) throws(StoreError) -> [ExecutionRow] {
        defer { statement.reset() }
        var rows: [ExecutionRow] = []
        while rows.count < query.limit, try statement.step() {
            let row = try row(statement)
            if query.attributes.allSatisfy({ $0.holds(row.searchAttributes) }) { rows.append(row) }
        }
        return rows
    }

    private func rows(_ statement: Statement) throws(StoreError) -> [ExecutionRow] {
        defer { statement.reset() }
        var rows: [ExecutionRow] = []
        while try statement.step() { rows.append(try row(statement)) }
        return rows
    }

    private func row(_ statement: Statement) throws(StoreError) -> ExecutionRow {
        guard let sagaID = statement.sagaID(0) else {
            throw StoreError(.corrupt, "\(connection.path): a run's saga id is damaged")
        }
        guard let namespace = statement.text(1), let workflowID = statement.text(2), let type = statement.text(3),
            let status = UInt8(exactly: statement.int64(4)).flatMap(ExecutionStatus.init(rawValue:)),
            status.isClosed != statement.isNull(6), !statement.isNull(7),
            let partition = UInt32(exactly: statement.int64(8))
        else { throw StoreError(.corrupt, "\(connection.path): the row of run \(sagaID) is damaged") }
        return ExecutionRow(
            sagaID: sagaID, namespace: namespace, workflowID: workflowID, workflowType: type, status: status,
            startedAt: Timestamp(microseconds: statement.int64(5)),
            closedAt: statement.isNull(6) ? nil : Timestamp(microseconds: statement.int64(6)),
            nextEventID: EventID(clamping: statement.int64(7)), partition: partition,
            searchAttributes: try attributes(statement, sagaID))
    }

    private func attributes(_ statement: Statement, _ sagaID: SagaID) throws(StoreError) -> [NamedPayload] {
        guard !statement.isNull(9) else { return [] }
        do throws(CodecError) {
            var reader = PostcardReader(statement.bytes(9))
            return try reader.read()
        } catch {
            throw StoreError(
                .corrupt, "\(connection.path): the search attributes of run \(sagaID) are damaged: \(error)")
        }
    }

    // MARK: Late effects

    func lateEffects(_ query: LateEffectQuery) throws(StoreError) -> [StoredLateEffect] {
        let statement = query.sagaID == nil ? selectLate : selectLateOfRun
        defer { statement.reset() }
        try statement.bind(query.namespace, at: 1)
        try statement.bind(Int64(clamping: query.after), at: 2)
        try statement.bind(Int64(max(0, query.limit)), at: 3)
        if let sagaID = query.sagaID { try statement.bind(sagaID, at: 4) }
        var found: [StoredLateEffect] = []
        while try statement.step() {
            let place = UInt64(clamping: statement.int64(0))
            do throws(CodecError) {
                let effect = try Postcard.decodeStrict(LateEffect.self, from: Array(statement.bytes(1)))
                found.append(StoredLateEffect(place: place, effect: effect))
            } catch {
                throw StoreError(.corrupt, "\(connection.path): late effect \(place) does not decode: \(error)")
            }
        }
        return found
    }

    // MARK: Snapshots

    func snapshot(of sagaID: SagaID, upTo limit: EventID) throws(StoreError) -> StoredSnapshot? {
        try selectSnapshot.bind(sagaID, at: 1)
        try selectSnapshot.bind(Int64(clamping: limit), at: 2)
        defer { selectSnapshot.reset() }
        guard try selectSnapshot.step() else { return nil }
        return StoredSnapshot(
            sagaID: sagaID, nextEventID: EventID(clamping: selectSnapshot.int64(0)),
            bytes: Array(selectSnapshot.bytes(1)))
    }

    // MARK: The store itself

    func metadata() throws(StoreError) -> StoreMetadata {
        let version = try connection.number("PRAGMA user_version") ?? 0
        defer { selectMeta.reset() }
        guard try selectMeta.step(), let partitions = UInt32(exactly: selectMeta.int64(0)), partitions > 0,
            selectMeta.bytes(1).count == 32
        else { throw StoreError(.corrupt, "\(connection.path): the meta row is missing or damaged") }
        return StoreMetadata(
            schemaVersion: UInt32(clamping: version), partitionCount: partitions,
            taskTokenKey: Array(selectMeta.bytes(1)), epoch: UInt64(clamping: selectMeta.int64(2)))
    }
}
