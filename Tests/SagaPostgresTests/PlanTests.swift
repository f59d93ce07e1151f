import SagaCore
import SagaPostgres
import SagaSamples
import Testing

/// Appends look runs up by key, whatever the tables held when the server looked at them last.
@Suite(.enabled(if: PrivateCluster.isWanted), .serialized) struct PlanTests {
    private static let batches = 150
    private static let runsPerBatch = 20

    /// Starts runs, and then moves each on by one event, in batches that are judged by one statement.
    private func fill(_ store: PostgresEventStore, seed: UInt64, closing: Bool) async throws {
        let epoch = try await store.takeOver()
        var maker = SampleMaker(seed: seed)
        var started: [AppendEntry] = []
        for batch in 0..<Self.batches {
            let entries = (0..<Self.runsPerBatch).map { number in
                let time = Timestamp(microseconds: 1_790_000_000_000_000 + Int64(batch * 1_000 + number) * 1_000)
                let name = "w\(seed)-\(batch)-\(number)"
                let id = SagaID(time: time, random: (maker.random.next(), maker.random.next()))
                let row = ExecutionRow(
                    sagaID: id, namespace: "default", workflowID: name, workflowType: "T", status: .running,
                    startedAt: time, nextEventID: 1, partition: Partition.of(namespace: "default", workflowID: name))
                return AppendEntry(
                    sagaID: id, expectedNextEventID: 0, events: maker.events(1, from: 0, of: id), row: row,
                    start: .unused)
            }
            try await append(entries, store, epoch)
            started += entries
        }
        for batch in 0..<Self.batches {
            let entries = started[batch * Self.runsPerBatch..<(batch + 1) * Self.runsPerBatch].map { start in
                var row = closing ? start.row : nil
                row?.status = .completed
                row?.closedAt = start.row?.startedAt.adding(microseconds: 9)
                row?.nextEventID = 2
                return AppendEntry(
                    sagaID: start.sagaID, expectedNextEventID: 1, events: maker.events(1, from: 1, of: start.sagaID),
                    row: row)
            }
            try await append(entries, store, epoch)
        }
    }

    private func append(_ entries: [AppendEntry], _ store: PostgresEventStore, _ epoch: UInt64) async throws {
        let batch = AppendBatch(epoch: epoch, transactions: entries.map { AppendTransaction([$0]) })
        #expect(try await store.append(batch).allSatisfy { $0 == .appended })
    }

    private func fillAndCount(_ cluster: PrivateCluster, seed: UInt64, closing: Bool) async throws -> Int {
        let side = try SideSession(cluster.address)
        // Who has looked: the planner, which believes it.
        side.run("VACUUM (ANALYZE) saga.executions, saga.visibility")
        side.run("SELECT pg_stat_reset()")
        let store = try await PostgresEventStore.open(PostgresOptions(connection: cluster.address))
        try await fill(store, seed: seed, closing: closing)
        await store.close()
        // A session reports when it ends.
        try await side.until("SELECT 1 WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'saga')")
        let read = side.value(
            "SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname IN ('executions', 'visibility')")
        return try #require(Int(read))
    }

    @Test func noAppendReadsAWholeIndex() async throws {
        // Nothing looks at the tables behind the test's back.
        try await PrivateCluster.with(["autovacuum=off"]) { cluster in
            _ = try await PostgresEventStore.migrate(PostgresOptions(connection: cluster.address))
            let runs = Self.batches * Self.runsPerBatch
            // An empty store; each of the first few hundred starts may read all earlier ones.
            let fresh = try await fillAndCount(cluster, seed: 1, closing: true)
            #expect(fresh < runs * 100)
            // No run is open. Whoever read all open runs for each batch would read a hundred rows for each that it moves.
            let quiet = try await fillAndCount(cluster, seed: 2, closing: false)
            #expect(quiet < runs * 20)
        }
    }
}
