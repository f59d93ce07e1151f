import Foundation
import SagaCore
import SagaPostgres
import Testing

/// A real server, and what happens to it. Whatever it is: nothing acknowledged is lost, nothing is there twice, and appends
/// go on when the fault is over.
@Suite(.enabled(if: PrivateCluster.isWanted), .serialized) struct FaultTests {
    private func open(
        _ cluster: PrivateCluster, timeout: Duration = .seconds(10), writers: Int = 1, address: String? = nil
    ) async throws -> PostgresEventStore {
        var options = PostgresOptions(connection: address ?? cluster.address)
        options.statementTimeout = timeout
        options.writers = writers
        return try await PostgresEventStore.open(options)
    }

    private func failure(of load: Load, _ entries: [AppendEntry]) async -> StoreError? {
        do {
            try await load.append(entries)
            return nil
        } catch let error as StoreError {
            return error
        } catch {
            Issue.record(error)
            return nil
        }
    }

    @Test func aSessionThatIsEndedUnderAnAppendLeavesItsOutcomeOpen() async throws {
        try await PrivateCluster.with { cluster in
            let store = try await open(cluster)
            let load = try await Load(store)
            let id = try await load.newRun()
            let side = try SideSession(cluster.address)
            // The append waits for this lock, and holds the fence.
            side.run("BEGIN; SELECT FROM executions FOR UPDATE")
            async let failed = failure(of: load, [await load.entry(id)])
            let other = try SideSession(cluster.address)
            try await other.until(
                "SELECT 1 FROM pg_stat_activity WHERE application_name = 'saga' AND wait_event_type = 'Lock'")
            other.run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'saga' AND wait_event_type = 'Lock'"
            )
            let error = try #require(await failed)
            #expect(error.reason == .unavailable)
            #expect(error.outcomeUnknown)
            side.run("ROLLBACK")
            try await load.settle()
            try await load.append([await load.entry(id)])
            #expect(try await load.differences().isEmpty)
            await store.close()
        }
    }

    @Test(arguments: [true, false]) func cancelledAndTimedOutStatementsDidNotHappen(isCancelled: Bool) async throws {
        try await PrivateCluster.with { cluster in
            // One that is to be cancelled must be seen first, however busy the machine is.
            let store = try await open(cluster, timeout: isCancelled ? .seconds(120) : .milliseconds(400))
            let load = try await Load(store)
            let id = try await load.newRun()
            let side = try SideSession(cluster.address)
            side.run("BEGIN; SELECT FROM executions FOR UPDATE")
            async let failed = failure(of: load, [await load.entry(id)])
            if isCancelled {
                let other = try SideSession(cluster.address)
                let waiting = "FROM pg_stat_activity WHERE application_name = 'saga' AND wait_event_type = 'Lock'"
                try await other.until("SELECT 1 \(waiting)")
                other.run("SELECT pg_cancel_backend(pid) \(waiting)")
            }
            let error = try #require(await failed)
            #expect(error.reason == .unavailable, "\(error)")
            #expect(!error.outcomeUnknown, "\(error)")
            side.run("ROLLBACK")
            try await load.append([await load.entry(id)])
            #expect(try await load.differences().isEmpty)
            await store.close()
        }
    }

    /// The session is frozen while it holds the fence: a new owner must wait for it, since it may still commit.
    @Test(arguments: [false, true]) func aFrozenSessionIsWaitedForIfItMayStillCommit(holdsTheFence: Bool) async throws {
        try await PrivateCluster.with { cluster in
            let store = try await open(cluster, timeout: .seconds(5))
            let load = try await Load(store)
            let id = try await load.newRun()
            let side = try SideSession(cluster.address)
            let other = try SideSession(cluster.address)
            let writer = try #require(other.writerPIDs().first)
            if holdsTheFence {
                side.run("BEGIN; SELECT FROM executions FOR UPDATE")
            } else {
                kill(writer, SIGSTOP)
            }
            async let failed = failure(of: load, [await load.entry(id)])
            if holdsTheFence {
                try await other.until(
                    "SELECT 1 FROM pg_stat_activity WHERE application_name = 'saga' AND wait_event_type = 'Lock'")
                kill(writer, SIGSTOP)
                side.run("ROLLBACK")
            }
            let error = try #require(await failed)
            #expect(error.outcomeUnknown, "\(error)")
            if holdsTheFence {
                // It waits, and gives up after its time-out.
                let early = await #expect(throws: StoreError.self) { try await store.takeOver() }
                #expect(early?.reason == .unavailable)
                #expect(try await load.store.events(of: id, from: 2, limit: 10).isEmpty)
                kill(writer, SIGCONT)
                try await load.settle()
            } else {
                // It has begun nothing: its statement will find a newer epoch.
                try await load.settle()
                kill(writer, SIGCONT)
            }
            try await other.until("SELECT 1 WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = \(writer))")
            #expect(try await load.differences().isEmpty)
            try await load.append([await load.entry(id)])
            #expect(try await load.differences().isEmpty)
            await store.close()
        }
    }

    @Test(arguments: ["immediate", "fast"]) func aServerThatStopsAndStartsUnderLoadLosesNothing(mode: String)
        async throws
    {
        try await PrivateCluster.with { cluster in
            let store = try await open(cluster, writers: 2)
            let load = try await Load(store)
            var ids: [SagaID] = []
            for _ in 0..<200 { ids.append(try await load.newRun()) }
            for round in 0..<4 {
                async let stopped: Void = {
                    try? await Task.sleep(for: .milliseconds(20 + 37 * round))
                    cluster.stop(mode)
                    try? cluster.start()
                }()
                // As the engine does: one batch at a time, again after a definite failure, a look after an open one.
                var failed = 0
                var after = 0
                while after < 20 {
                    let entries = await withTaskGroup(of: AppendEntry.self) { group in
                        for id in ids { group.addTask { await load.entry(id) } }
                        return await group.reduce(into: []) { $0.append($1) }
                    }
                    if let error = await failure(of: load, entries) {
                        #expect(error.reason == .unavailable || error.outcomeUnknown, "\(error)")
                        failed += 1
                        if error.outcomeUnknown {
                            try await load.settle()
                        } else {
                            try await Task.sleep(for: .milliseconds(20))
                        }
                    } else if failed > 0 {
                        after += 1
                    }
                }
                await stopped
                #expect(try await load.differences().isEmpty)
            }
            await store.close()
        }
    }

    @Test func aStandbyIsRefusedAndUsedOnceItIsPromoted() async throws {
        try await PrivateCluster.with { cluster in
            let standby = cluster.standby(in: cluster.directory + "-standby")
            defer { standby.remove() }
            let alone = await #expect(throws: StoreError.self) { try await open(standby) }
            #expect(alone?.reason == .unavailable)
            #expect(alone?.message.contains("read-only") == true, "\(alone?.message ?? "")")
            // Both addresses: the one that writes is found.
            let both = "host=\(standby.directory)/socket,\(cluster.directory)/socket user=postgres dbname=postgres"
            let store = try await open(cluster, address: both)
            let load = try await Load(store)
            let id = try await load.newRun()
            try SideSession(standby.address).run("SET search_path = public")
            let side = try SideSession(standby.address)
            try await side.until("SELECT 1 FROM pg_stat_wal_receiver WHERE status = 'streaming'")
            let lsn = try SideSession(cluster.address).value("SELECT pg_current_wal_flush_lsn()")
            try await side.until("SELECT 1 WHERE pg_last_wal_replay_lsn() >= '\(lsn)'")
            cluster.stop("immediate")
            let error = try #require(await failure(of: load, [await load.entry(id)]))
            #expect(error.reason == .unavailable)
            side.run("SELECT pg_promote()")
            try await load.settle()
            try await load.append([await load.entry(id)])
            #expect(try await load.differences().isEmpty)
            await store.close()
        }
    }

    /// A limit on the size of files, set from outside on the session's process, is what a full disk is: a write fails.
    @Test func aDiskThatIsFullIsUnavailableUntilThereIsRoom() async throws {
        try await PrivateCluster.with { cluster in
            let store = try await open(cluster)
            let load = try await Load(store)
            let id = try await load.newRun()
            let side = try SideSession(cluster.address)
            let writer = try #require(side.writerPIDs().first)
            // Large payloads are stored compressed: these cannot be.
            var noise: UInt32 = 1
            let bytes = (0..<4 << 20).map { _ in
                noise = noise &* 1_664_525 &+ 1_013_904_223
                return UInt8(truncatingIfNeeded: noise >> 24)
            }
            let big = { (first: Int) in
                AppendEntry(
                    sagaID: id, expectedNextEventID: EventID(first),
                    events: [
                        HistoryEvent(
                            eventID: EventID(first), sagaID: id, timestamp: id.time,
                            attributes: .domainEvent(
                                DomainEvent(
                                    typeName: "Big", typeVersion: 1,
                                    payload: Payload(encoding: "bytes", data: bytes))))
                    ])
            }
            cluster.limitFiles(of: writer, toBytes: 18 << 20)
            var count = 2
            var error: StoreError?
            while error == nil && count < 20 {
                error = await failure(of: load, [big(count)])
                count += 1
            }
            #expect(error?.reason == .unavailable, "\(String(describing: error))")
            #expect(error?.outcomeUnknown == false)
            // A new session, without the limit.
            try await load.append([big(count - 1)])
            #expect(try await load.differences().isEmpty)
            await store.close()
        }
    }

    @Test func aServerThatDoesNotSyncIsRefusedUnlessAllowed() async throws {
        for setting in ["fsync", "full_page_writes"] {
            try await PrivateCluster.with(["\(setting)=off"]) { cluster in
                let refused = await #expect(throws: StoreError.self) { try await open(cluster) }
                #expect(refused?.reason == .misconfigured)
                #expect(refused?.message.contains("\(setting) = off") == true)
                var options = PostgresOptions(connection: cluster.address)
                options.allowsUnsafeDurability = true
                let store = try await PostgresEventStore.open(options)
                await store.close()
            }
        }
    }

    /// A session that cannot be made ready is closed once: closing it twice ended the process, now and then.
    @Test func aSessionThatCannotBeMadeReadyIsAnError() async throws {
        try await PrivateCluster.with { cluster in
            for _ in 0..<50 {
                // More milliseconds than the server's setting can hold.
                let error = await #expect(throws: StoreError.self) {
                    try await open(cluster, timeout: .seconds(10_000_000))
                }
                #expect(error?.message.contains("statement_timeout") == true)
            }
        }
    }

    /// Take-overs between appends that wait for the same connection: everybody is answered, once.
    @Test(.timeLimit(.minutes(1))) func takeOversBetweenWaitingAppendsAreAnswered() async throws {
        try await PrivateCluster.with { cluster in
            let store = try await open(cluster)
            let load = try await Load(store)
            var ids: [SagaID] = []
            for _ in 0..<60 { ids.append(try await load.newRun()) }
            let side = try SideSession(cluster.address)
            side.run("BEGIN; SELECT FROM executions FOR UPDATE")
            let answers = try await withThrowingTaskGroup(of: Int.self) { group in
                for (number, id) in ids.enumerated() {
                    group.addTask {
                        if let error = await failure(of: load, [await load.entry(id)]) {
                            #expect(error.reason == .fenced, "\(error)")
                        }
                        return 1
                    }
                    if number % 6 == 3 {
                        group.addTask {
                            _ = try await store.takeOver()
                            return 1
                        }
                    }
                }
                try await Task.sleep(for: .milliseconds(200))
                side.run("ROLLBACK")
                return try await group.reduce(0, +)
            }
            #expect(answers == 70)
            #expect(try await load.differences().isEmpty)
            await store.close()
        }
    }

    @Test func appendsBeyondWhatMayWaitAreRefused() async throws {
        try await PrivateCluster.with { cluster in
            var options = PostgresOptions(connection: cluster.address)
            options.writers = 1
            options.maximumWaitingEvents = 40
            let store = try await PostgresEventStore.open(options)
            let load = try await Load(store)
            var ids: [SagaID] = []
            for _ in 0..<60 { ids.append(try await load.newRun()) }
            let side = try SideSession(cluster.address)
            side.run("BEGIN; SELECT FROM executions FOR UPDATE")
            let refused = await withTaskGroup(of: StoreError?.self) { group in
                for id in ids { group.addTask { await failure(of: load, [await load.entry(id)]) } }
                var refused = 0
                // 20 wait, and at most as many are in the commit that is under way: the others come back at once, while
                // the database stands still.
                for await error in group {
                    if let error {
                        #expect(error.reason == .unavailable && !error.outcomeUnknown, "\(error)")
                        refused += 1
                    }
                    if error != nil, refused == 20 { side.run("ROLLBACK") }
                }
                return refused
            }
            #expect((20...40).contains(refused))
            #expect(try await load.differences().isEmpty)
            await store.close()
        }
    }
}
