import SagaCore
import SagaPostgres
import Synchronization
import Testing

/// Queues, timers and wake-ups where several programs share a database: what the conformance suite, with one store, cannot show.
@Suite(.enabled(if: PrivateCluster.isWanted), .serialized) struct QueueTests {
    @Test func programsShareAQueueWithoutWaitingForEachOther() async throws {
        try await PrivateCluster.with { cluster in
            let options = PostgresOptions(connection: cluster.address)
            let stores = [
                try await PostgresEventStore.open(options), try await PostgresEventStore.open(options),
                try await PostgresEventStore.open(options),
            ]
            let count = 600
            for start in stride(from: 0, to: count, by: 200) {
                let tasks = (start..<start + 200).map { QueuedTask(key: "t\($0)", priority: Int32($0 % 5)) }
                _ = try await stores[0].enqueue(tasks, on: "q")
            }
            // One that somebody has locked is passed over, not waited for.
            let side = try SideSession(cluster.address)
            side.run("BEGIN")
            let locked = side.value("SELECT key FROM queue_tasks WHERE priority = 4 ORDER BY place LIMIT 1 FOR UPDATE")
            let taken = Names()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, store) in (stores + stores).enumerated() {
                    group.addTask {
                        while true {
                            let leased = try await store.lease(from: "q", limit: 1 + index, for: .seconds(600))
                            if leased.isEmpty { return }
                            taken.add(leased.map(\.key))
                            let other = index % 2 == 0 ? store : stores[(index + 1) % 3]
                            #expect(try await other.acknowledge(leased.map(\.lease)).count == leased.count)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(taken.all.count == count - 1)
            #expect(Set(taken.all).count == count - 1)
            #expect(!taken.all.contains(locked))
            side.run("ROLLBACK")
            #expect(try await stores[1].lease(from: "q", limit: 9, for: .seconds(60)).map(\.key) == [locked])

            let now = Timestamp(microseconds: 1_790_000_000_000_000)
            try await stores[0].schedule((0..<300).map { StoredTimer(key: "t\($0)", due: now) }, in: "g")
            let fired = Names()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for store in stores {
                    group.addTask {
                        while true {
                            let due = try await store.claimDue(in: "g", now: now, limit: 7, for: .seconds(60))
                            if due.isEmpty { return }
                            fired.add(due.map(\.timer.key))
                            #expect(try await store.complete(due.map(\.claim)).count == due.count)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(fired.all.count == 300)
            #expect(Set(fired.all).count == 300)
            for store in stores { await store.close() }
        }
    }

    /// Two that add the same keys in different orders would wait for each other for ever; the database ends one, who tries again.
    @Test func theSameKeysInAnotherOrder() async throws {
        try await PrivateCluster.with { cluster in
            let one = try await PostgresEventStore.open(PostgresOptions(connection: cluster.address))
            let two = try await PostgresEventStore.open(PostgresOptions(connection: cluster.address))
            for round in 0..<20 {
                let tasks = (0..<200).map { QueuedTask(key: "\(round)-\($0)") }
                async let first = one.enqueue(tasks, on: "q")
                async let second = two.enqueue(tasks.reversed(), on: "q")
                #expect(try await first + second == 200)
            }
            await one.close()
            await two.close()
        }
    }

    @Test func wakeUpsReachOtherProgramsAndOutliveTheConnection() async throws {
        try await PrivateCluster.with { cluster in
            let one = try await PostgresEventStore.open(PostgresOptions(connection: cluster.address))
            let two = try await PostgresEventStore.open(PostgresOptions(connection: cluster.address))
            var wakeUps = try await one.wakeUps(on: "c").makeAsyncIterator()
            try await two.notify("elsewhere")
            try await two.notify("c")
            #expect(await wakeUps.next() != nil)
            // From SQL, too.
            let side = try SideSession(cluster.address)
            side.run("NOTIFY saga_signals, 'c'")
            #expect(await wakeUps.next() != nil)
            // The connection breaks: the listener is woken, because something may have been missed, and hears again.
            side.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%signals'")
            #expect(await wakeUps.next() != nil)
            try await two.notify("c")
            #expect(await wakeUps.next() != nil)
            // The whole server goes and comes back.
            cluster.stop("immediate")
            try cluster.start()
            #expect(await wakeUps.next() != nil)
            // The connections of queues find out for themselves.
            #expect(try await two.enqueue([QueuedTask(key: "a")], on: "q") == 1)
            #expect(try await one.lease(from: "q", limit: 1, for: .seconds(60)).count == 1)
            await two.close()
            await one.close()
            #expect(await wakeUps.next() == nil)
        }
    }
}

/// What several tasks have met.
private final class Names: Sendable {
    private let names = Mutex<[String]>([])

    var all: [String] { names.withLock { $0 } }
    func add(_ more: [String]) { names.withLock { $0 += more } }
}
