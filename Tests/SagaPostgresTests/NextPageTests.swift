import SagaCore
import SagaPostgres
import SagaSamples
import Testing

/// A long history page by page, of which the next is read ahead.
@Suite(.enabled(if: PrivateCluster.isWanted), .serialized) struct NextPageTests {
    /// A run of 3,000 events in rows of a hundred: pages of 1,024 have ten rows, and the third is the last, and short.
    private static func withRun(
        isClosed: Bool = false,
        _ body: (PostgresEventStore, SideSession, SagaID, [HistoryEvent], UInt64) async throws -> Void
    ) async throws {
        try await PrivateCluster.with { cluster in
            let store = try await PostgresEventStore.open(PostgresOptions(connection: cluster.address))
            let epoch = try await store.takeOver()
            var maker = SampleMaker(seed: 11)
            let id = SagaID(
                time: Timestamp(microseconds: 1_793_000_000_000_000), random: (maker.random.next(), maker.random.next())
            )
            let events = maker.events(3_024, from: 0, of: id)
            for first in stride(from: 0, to: 3_000, by: 100) {
                #expect(
                    try await store.append(
                        batch(id, events, first..<first + 100, epoch, closes: isClosed && first == 2_900)) == [
                            .appended
                        ])
            }
            // The statement is known to the connection from the first page on that is not a run's first.
            #expect(try await all(store, id, 1_024) == Array(events[..<3_000]))
            try await body(store, SideSession(cluster.address), id, events, epoch)
            await store.close()
        }
    }

    private static func batch(
        _ id: SagaID, _ events: [HistoryEvent], _ range: Range<Int>, _ epoch: UInt64, closes: Bool = false
    ) -> AppendBatch {
        let row = ExecutionRow(
            sagaID: id, namespace: "default", workflowID: "w", workflowType: "T",
            status: closes ? .completed : .running,
            startedAt: id.time,
            closedAt: closes ? id.time : nil, nextEventID: EventID(range.upperBound),
            partition: Partition.of(namespace: "default", workflowID: "w"))
        return AppendBatch(
            epoch: epoch,
            transactions: [
                AppendTransaction([
                    AppendEntry(
                        sagaID: id, expectedNextEventID: EventID(range.lowerBound), events: Array(events[range]),
                        row: range.lowerBound == 0 || closes ? row : nil, start: range.lowerBound == 0 ? .unused : nil)
                ])
            ])
    }

    private static func all(_ store: PostgresEventStore, _ id: SagaID, _ limit: Int) async throws -> [HistoryEvent] {
        var events: [HistoryEvent] = []
        while true {
            let page = try await store.events(of: id, from: EventID(events.count), limit: limit)
            if page.isEmpty { return events }
            events += page
        }
    }

    private static func allPacked(_ store: PostgresEventStore, _ id: SagaID, _ limit: Int) async throws -> Int {
        var count = 0
        while true {
            let page = try await store.packedEvents(of: id, from: EventID(count), limit: limit)
            if page.isEmpty { return count }
            #expect(page.rows.first?.firstEventID == EventID(count))
            count += page.count
        }
    }

    @Test(arguments: [1_024, 1_100, 1_500, 2_999, 3_000, 3_001]) func pagesAreTheHistory(limit: Int) async throws {
        try await Self.withRun { store, _, id, events, _ in
            for _ in 0..<2 {
                let all = try await Self.all(store, id, limit)
                #expect(all == Array(events[..<3_000]))
                let count = try await Self.allPacked(store, id, limit)
                #expect(count == 3_000)
            }
            // From within a row, and back.
            for from in [1_050, 2_010, 30, 1_000, 2_000, 1_000] {
                let page = try await store.events(of: id, from: EventID(from), limit: limit)
                #expect(!page.isEmpty && page == Array(events[from..<from + page.count]))
            }
        }
    }

    @Test func whatIsAppendedAfterAPageWasReadAheadIsInIt() async throws {
        try await Self.withRun { store, _, id, events, epoch in
            _ = try await store.packedEvents(of: id, from: 0, limit: 1_024)
            let page = try await store.packedEvents(of: id, from: 1_000, limit: 1_024)
            #expect(page.count == 1_000)
            // Behind this the next page, the last thousand, has been read.
            let row = try await store.execution(id)
            #expect(row != nil)
            let outcome = try await store.append(Self.batch(id, events, 3_000..<3_024, epoch))
            #expect(outcome == [.appended])
            let next = try await store.packedEvents(of: id, from: 2_000, limit: 1_024)
            #expect(next.count == 1_024)
        }
    }

    @Test func whatIsReadBetweenTwoPagesDoesNoHarm() async throws {
        try await Self.withRun { store, side, id, events, _ in
            let first = try await store.events(of: id, from: 0, limit: 1_024)
            #expect(first == Array(events[..<1_000]))
            let row = try await store.latestExecution(namespace: "default", workflowID: "w")
            #expect(row?.sagaID == id)
            let second = try await store.events(of: id, from: 1_000, limit: 1_024)
            #expect(second == Array(events[1_000..<2_000]))
            // The connection breaks with a page read ahead.
            side.run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'saga' AND pid <> pg_backend_pid()"
            )
            let third = try await store.events(of: id, from: 2_000, limit: 1_024)
            #expect(third == Array(events[2_000..<3_000]))
            let again = try await Self.all(store, id, 1_024)
            #expect(again == Array(events[..<3_000]))
        }
    }

    @Test func aRunThatIsDeletedBetweenTwoPagesIsGone() async throws {
        try await Self.withRun(isClosed: true) { store, _, id, _, _ in
            let first = try await store.packedEvents(of: id, from: 0, limit: 1_024)
            #expect(first.count == 1_000)
            let isDeleted = try await store.delete(id)
            #expect(isDeleted)
            let second = try await store.packedEvents(of: id, from: 1_000, limit: 1_024)
            #expect(second.isEmpty)
        }
    }

    @Test func aRowThatIsMissingIsDamageAlsoAtTheBorderOfPages() async throws {
        try await Self.withRun { store, side, id, _, _ in
            side.run("DELETE FROM history WHERE saga_id = '\(id)' AND first_event_id IN (1000, 2500)")
            for from in [EventID(1_000), 2_000] {
                await #expect(throws: StoreError.self) {
                    _ = try await store.packedEvents(of: id, from: from, limit: 1_024)
                }
            }
        }
    }
}
