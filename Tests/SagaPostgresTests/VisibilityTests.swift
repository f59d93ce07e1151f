import SagaCore
import SagaPostgres
import SagaSamples
import Testing

/// What `visibility`, its indexes and the table `events` are for.
@Suite(.enabled(if: PrivateCluster.isWanted), .serialized) struct VisibilityTests {
    private func rows(_ maker: inout SampleMaker, _ count: Int, from: Int64) -> [AppendEntry] {
        (0..<count).map { number in
            let time = Timestamp(microseconds: (from + Int64(number)) * 1_000)
            let id = SagaID(time: time, random: (maker.random.next(), maker.random.next()))
            let row = ExecutionRow(
                sagaID: id, namespace: "default", workflowID: "w\(from)-\(number)", workflowType: "T",
                status: .running, startedAt: time, nextEventID: 2,
                partition: Partition.of(namespace: "default", workflowID: "w\(from)-\(number)"),
                searchAttributes: [
                    NamedPayload(
                        name: "customer", payload: Payload(encoding: "json", data: Array("\"c\(number % 100)\"".utf8)))
                ])
            return AppendEntry(
                sagaID: id, expectedNextEventID: 0, events: maker.events(2, from: 0, of: id), row: row, start: .unused)
        }
    }

    private func close(_ entry: AppendEntry, _ maker: inout SampleMaker) -> AppendEntry {
        var row = entry.row
        row?.status = .completed
        row?.closedAt = entry.row?.startedAt.adding(microseconds: 9)
        row?.nextEventID = 3
        return AppendEntry(
            sagaID: entry.sagaID, expectedNextEventID: 2, events: maker.events(1, from: 2, of: entry.sagaID), row: row)
    }

    /// The end of a run touches no index of `visibility`: that is what makes it cheap.
    @Test func runsCloseWithinTheirPage() async throws {
        try await PrivateCluster.with { cluster in
            let store = try await PostgresEventStore.open(PostgresOptions(connection: cluster.address))
            let epoch = try await store.takeOver()
            var maker = SampleMaker(seed: 3)
            let time: Int64 = 1_790_000_000_000
            for round in 0..<10 {
                let starts = rows(&maker, 40, from: time + Int64(round) * 100)
                let ends = starts.map { close($0, &maker) }
                for entries in [starts, ends] {
                    let batch = AppendBatch(epoch: epoch, transactions: entries.map { AppendTransaction([$0]) })
                    #expect(try await store.append(batch).allSatisfy { $0 == .appended })
                }
            }
            await store.close()
            let side = try SideSession(cluster.address)
            try await side.until(
                """
                SELECT 1 FROM pg_stat_user_tables WHERE relname = 'visibility' AND n_tup_upd = 400
                    AND n_tup_hot_upd > 300
                """)
        }
    }

    @Test func countsAreExactToALimitAndThenEstimates() async throws {
        try await PrivateCluster.with { cluster in
            let store = try await PostgresEventStore.open(PostgresOptions(connection: cluster.address))
            let epoch = try await store.takeOver()
            var maker = SampleMaker(seed: 4)
            let starts = rows(&maker, 3_000, from: 1_790_000_000_000)
            _ = try await store.append(
                AppendBatch(epoch: epoch, transactions: starts.map { AppendTransaction([$0]) }))
            let side = try SideSession(cluster.address)
            side.run("ANALYZE visibility")
            let all = ExecutionQuery(namespace: "default")
            #expect(try await store.count(all, exactUpTo: 3_000) == RunCount(count: 3_000, isEstimate: false))
            let estimate = try await store.count(all, exactUpTo: 1_000)
            #expect(estimate.isEstimate)
            #expect((2_000...4_000).contains(estimate.count), "\(estimate)")
            let few = ExecutionQuery(
                namespace: "default", attributes: [AttributeCondition("customer", .equal, .text("c7"))])
            #expect(try await store.count(few, exactUpTo: 1_000) == RunCount(count: 30, isEstimate: false))
            #expect(try await store.count(few, exactUpTo: 0).isEstimate)
            await store.close()
            // People use the index, too.
            side.run("SET enable_seqscan = off")
            let plan = side.run(
                "EXPLAIN SELECT * FROM visibility WHERE search @> '{\"customer\": \"c7\"}'"
            ).joined().joined()
            #expect(plan.contains("visibility_search"), "\(plan)")
        }
    }

    @Test func eventsAreRowsOfJSONOnDemand() async throws {
        try await PrivateCluster.with { cluster in
            let store = try await PostgresEventStore.open(PostgresOptions(connection: cluster.address))
            let epoch = try await store.takeOver()
            var maker = SampleMaker(seed: 5)
            let start = rows(&maker, 1, from: 1_790_000_000_000)[0]
            _ = try await store.append(AppendBatch(epoch: epoch, transactions: [AppendTransaction([start])]))
            #expect(try await store.firstEventToFill(of: start.sagaID) == 0)
            let rows = start.events.map { EventRow($0, json: Array("{\"number\": \($0.eventID)}".utf8)) }
            try await store.fill(rows)
            try await store.fill(rows)
            #expect(try await store.firstEventToFill(of: start.sagaID) == 2)
            let side = try SideSession(cluster.address)
            #expect(side.run("SELECT event ->> 'number' FROM events ORDER BY event_id") == [["0"], ["1"]])
            let end = close(start, &maker)
            _ = try await store.append(AppendBatch(epoch: epoch, transactions: [AppendTransaction([end])]))
            // They go with their run.
            #expect(try await store.delete(start.sagaID))
            #expect(side.run("SELECT count(*) FROM events") == [["0"]])
            await store.close()
        }
    }
}
