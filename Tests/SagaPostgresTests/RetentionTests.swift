import SagaCore
import SagaPostgres
import SagaSamples
import Testing

@Suite(.enabled(if: PrivateCluster.isWanted), .serialized) struct RetentionTests {
    /// Old months go as whole partitions; open runs and those that closed later stay, whole and writable.
    @Test func monthsWithoutOpenRunsGoAndStragglersStay() async throws {
        try await PrivateCluster.with { cluster in
            let store = try await PostgresEventStore.open(PostgresOptions(connection: cluster.address))
            let side = try SideSession(cluster.address)
            // A month of the past, as it was made when it was to come.
            side.run(
                """
                CREATE TABLE history_2026_03 PARTITION OF history
                FOR VALUES FROM (saga.month_bound('2026-03-01')) TO (saga.month_bound('2026-04-01'))
                """)
            let epoch = try await store.takeOver()
            var maker = SampleMaker(seed: 5)
            let march: Int64 = 1_773_000_000_000_000
            var histories: [SagaID: [HistoryEvent]] = [:]
            var ids: [SagaID] = []
            for number in 0..<90 {
                // A third each: closed in March, closed in May, open.
                let id = SagaID(
                    time: Timestamp(microseconds: march + Int64(number) * 1_000),
                    random: (maker.random.next(), maker.random.next()))
                let events = maker.events(2, from: 0, of: id)
                let closes = [march + 5_000_000, march + 61 * 86_400_000_000, nil][number % 3]
                let row = ExecutionRow(
                    sagaID: id, namespace: "default", workflowID: "w\(number)", workflowType: "T",
                    status: closes == nil ? .running : .completed, startedAt: id.time,
                    closedAt: closes.map { Timestamp(microseconds: $0) }, nextEventID: 2,
                    partition: Partition.of(namespace: "default", workflowID: "w\(number)"))
                let entry = AppendEntry(sagaID: id, expectedNextEventID: 0, events: events, row: row, start: .unused)
                let batch = AppendBatch(epoch: epoch, transactions: [AppendTransaction([entry])])
                #expect(try await store.append(batch) == [.appended])
                ids.append(id)
                histories[id] = events
            }
            #expect(side.run("SELECT count(*) FROM history_2026_03") == [["90"]])
            // Who reads a straggler meanwhile, a long page as well, waits, and finds it where it was moved to.
            side.run("BEGIN")
            #expect(side.run("SELECT saga.retire('2026-04-15')") == [["30"]])
            let straggler = ids[1]
            async let page = store.events(of: straggler, from: 0, limit: 10_000)
            try await SideSession(cluster.address).until(
                "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'saga.history'::regclass")
            side.run("COMMIT")
            #expect(try await page == histories[straggler])
            #expect(side.run("SELECT to_regclass('saga.history_2026_03') IS NULL") == [["t"]])
            for (number, id) in ids.enumerated() {
                let found = try await store.events(of: id, from: 0, limit: 10)
                #expect(found == (number % 3 == 0 ? [] : histories[id]))
                #expect((try await store.execution(id) == nil) == (number % 3 == 0))
            }
            let open = ids[2]
            let more = AppendEntry(sagaID: open, expectedNextEventID: 2, events: maker.events(1, from: 2, of: open))
            #expect(
                try await store.append(AppendBatch(epoch: epoch, transactions: [AppendTransaction([more])])) == [
                    .appended
                ])
            // What stayed behind goes when its time has come.
            #expect(side.run("SELECT saga.retire('2026-06-15')") == [["30"]])
            #expect(
                side.run("SELECT count(*), count(*) FILTER (WHERE closed_at IS NULL) FROM visibility") == [
                    ["30", "30"]
                ])
            #expect(side.run("SELECT count(DISTINCT saga_id) FROM history") == [["30"]])
            #expect(side.run("SELECT count(*) FROM executions") == [["30"]])
            await store.close()
        }
    }

    private static func bound(_ milliseconds: UInt64) -> SagaID { SagaID(high: milliseconds << 16, low: 0) }

    @Test func monthsToComeHavePartitions() async throws {
        try await PrivateCluster.with { cluster in
            let store = try await PostgresEventStore.open(PostgresOptions(connection: cluster.address))
            let side = try SideSession(cluster.address)
            let names = side.run(
                "SELECT count(*) FROM pg_class WHERE relname ~ '^history_\\d{4}_\\d{2}$' AND relkind = 'r'")
            #expect(names == [["4"]])
            #expect(side.run("SELECT saga.month_bound('2026-11-01')") == [["\(Self.bound(1_793_491_200_000))"]])
            #expect(side.run("SELECT saga.make_partitions()") == [["0"]], "made once")
            await store.close()
        }
    }
}
