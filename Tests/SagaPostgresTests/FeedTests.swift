import SagaCore
import SagaPostgres
import Testing

/// What is special about the feed of a server whose transactions commit in another order than they began.
@Suite(.enabled(if: PrivateCluster.isWanted), .serialized) struct FeedTests {
    private let everything = EventFeedReader.Query(namespaces: ["default"])

    /// Everything from a reader's place on.
    private func read(_ reader: inout EventFeedReader, limit: Int = 1_000) async throws -> [EventFeedReader.Item] {
        var items: [EventFeedReader.Item] = []
        while true {
            let page = try await reader.next(limit: limit)
            items += page.items
            if page.isAtEnd { return items }
        }
    }

    @Test func aTransactionThatCommitsLateIsNotPassedOver() async throws {
        // A table that is analysed meanwhile is a transaction that holds the feed back.
        try await PrivateCluster.with(["autovacuum=off"]) { cluster in
            var options = PostgresOptions(connection: cluster.address)
            options.writers = 2
            let store = try await PostgresEventStore.open(options)
            let load = try await Load(store)
            let (slow, fast) = (try await load.newRun(), try await load.newRun())
            var reader = try await EventFeedReader(store, everything, from: .beginning)
            #expect(try await read(&reader).map(\.sagaID) == [slow, fast])
            // An append that has its number, and waits for a lock.
            let side = try SideSession(cluster.address)
            side.run("BEGIN; SELECT FROM executions WHERE saga_id = '\(slow)' FOR UPDATE")
            let first = await load.entry(slow)
            async let late: Void = load.append([first])
            while side.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == "0" {
                side.run("SELECT pg_sleep(0.01)")
            }
            // A later one that commits first, of the other connection.
            let second = await load.entry(fast)
            try await load.append([second])
            #expect(side.value("SELECT count(*) FROM history WHERE saga_id = '\(fast)'") == "2")
            let page = try await reader.next()
            #expect(page.items.isEmpty && page.isAtEnd, "not yet: what is older may still come")
            side.run("COMMIT")
            try await late
            var found = try await read(&reader)
            #expect(found.map(\.events) == [first.events, second.events])
            // The same for those who come later.
            var again = try await EventFeedReader(store, everything, from: .beginning)
            found = try await read(&again, limit: 1)
            #expect(found.flatMap(\.events).map(\.sagaID) == [slow, slow, fast, fast, slow, slow, fast, fast])
            await store.close()
        }
    }

    @Test func rowsOfEarlierVersionsComeFirst() async throws {
        try await PrivateCluster.with(["autovacuum=off"]) { cluster in
            // Runs as they are stored, to be put into schemas of earlier versions.
            let original = try await PostgresEventStore.open(PostgresOptions(connection: cluster.address))
            let load = try await Load(original)
            let ids = [try await load.newRun(), try await load.newRun(), try await load.newRun()]
            for id in ids.reversed() { try await load.append([load.entry(id, events: 3)]) }
            let histories = await load.acknowledged
            await original.close()
            for version in 1..<PostgresEventStore.schemaVersion {
                var options = PostgresOptions(connection: cluster.address)
                options.schema = "from_\(version)"
                #expect(try await PostgresEventStore.migrate(options, to: version) == (0, version))
                let side = try SideSession(cluster.address)
                side.run(
                    """
                    INSERT INTO from_\(version).executions SELECT * FROM saga.executions;
                    INSERT INTO from_\(version).history SELECT saga_id, first_event_id, event_count, events FROM saga.history;
                    INSERT INTO from_\(version).visibility (
                        saga_id, namespace, workflow_id, workflow_type, status, started_at, part)
                    SELECT saga_id, namespace, workflow_id, workflow_type, status, started_at, part FROM saga.visibility
                    """)
                let store = try await PostgresEventStore.open(options)
                let newer = try await Load(store)
                await newer.skipTo(1_800_000_000_000)
                let id = try await newer.newRun()
                var expected: [HistoryEvent] = ids.flatMap { histories[$0] ?? [] }
                expected += await newer.acknowledged[id] ?? []
                for limit in [1, 4, 1_000] {
                    var reader = try await EventFeedReader(store, everything, from: .beginning)
                    let items = try await read(&reader, limit: limit)
                    #expect(items.flatMap(\.events) == expected, "version \(version), limit \(limit)")
                    for (index, item) in items.enumerated() where limit == 4 {
                        var rest = try await EventFeedReader(store, everything, from: .after(item.position))
                        let tail = items[(index + 1)...].flatMap(\.events)
                        #expect(try await read(&rest).flatMap(\.events) == tail, "version \(version), item \(index)")
                    }
                }
                await store.close()
            }
        }
    }

    /// A dump that is loaded into a server whose transactions have smaller numbers.
    @Test func numbersGoOnInAnotherServer() async throws {
        try await PrivateCluster.with(["autovacuum=off"]) { cluster in
            let options = PostgresOptions(connection: cluster.address)
            var store = try await PostgresEventStore.open(options)
            var load = try await Load(store)
            let first = try await load.newRun()
            let before = await load.acknowledged[first] ?? []
            await store.close()
            let side = try SideSession(cluster.address)
            side.run("UPDATE history SET commit_no = commit_no + 1000000")
            side.run("CREATE ROLE server LOGIN; GRANT USAGE ON SCHEMA saga TO server")
            side.run("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA saga TO server")
            let address = cluster.address.replacing("user=postgres", with: "user=server")
            let refused = await #expect(throws: StoreError.self) {
                try await PostgresEventStore.open(PostgresOptions(connection: address))
            }
            #expect(refused?.reason == .misconfigured && refused?.message.contains("saga migrate") == true)
            #expect(refused?.message.contains("pg_upgrade") == true)
            // As pg_dump has it. Who wants to read or append meanwhile is not held up for as long.
            side.run("BEGIN; LOCK TABLE history IN ACCESS SHARE MODE")
            var hasty = options
            hasty.statementTimeout = .milliseconds(500)
            let held = await #expect(throws: StoreError.self) { try await PostgresEventStore.migrate(hasty) }
            #expect(
                held?.reason == .unavailable && held?.message.contains("postgres side") == true,
                "\(String(describing: held))")
            async let migrated = PostgresEventStore.migrate(options)
            let other = try SideSession(cluster.address)
            while other.value("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND NOT granted") == "0"
            {
                other.run("SELECT pg_sleep(0.01)")
            }
            other.run("SET statement_timeout = '8s'")
            #expect(other.value("SELECT count(*) FROM history") == "1")
            #expect(side.value("SELECT commit_base FROM meta") == "0", "still held")
            side.run("COMMIT")
            _ = try await migrated
            store = try await PostgresEventStore.open(PostgresOptions(connection: address))
            var reader = try await EventFeedReader(store, everything, from: .beginning)
            #expect(try await read(&reader).flatMap(\.events) == before)
            load = try await Load(store)
            await load.skipTo(1_800_000_000_000)
            let second = try await load.newRun()
            let after = await load.acknowledged[second] ?? []
            #expect(try await read(&reader).flatMap(\.events) == after)
            await store.close()
            // Once: the numbers stand where they were put.
            let base = side.value("SELECT commit_base FROM meta")
            store = try await PostgresEventStore.open(options)
            #expect(side.value("SELECT commit_base FROM meta") == base && base != "0")
            var rest = try await EventFeedReader(store, everything, from: .after(reader.position))
            #expect(try await read(&rest).isEmpty)
            await store.close()
        }
    }

    /// The same, and what the copy was taken of had its newest runs removed: the rows do not tell any more how far a reader is.
    @Test(arguments: [false, true]) func numbersGoOnBeyondWhatRetentionRemoved(_ isOfBefore: Bool) async throws {
        try await PrivateCluster.with(["autovacuum=off"]) { cluster in
            let options = PostgresOptions(connection: cluster.address)
            var store = try await PostgresEventStore.open(options)
            var load = try await Load(store)
            let (kept, removed) = (try await load.newRun(), try await load.newRun())
            let side = try SideSession(cluster.address)
            let server = side.value("SELECT server_id FROM meta")
            #expect(server == side.value("SELECT system_identifier FROM pg_control_system()"))
            // The other server has counted further.
            side.run("UPDATE history SET commit_no = commit_no + 1000000 WHERE saga_id = '\(removed)'")
            side.run("UPDATE meta SET commit_base = 1000000")
            var reader = try await EventFeedReader(store, everything, from: .beginning)
            #expect(try await read(&reader).map(\.sagaID) == [kept, removed])
            await store.close()
            side.run("UPDATE meta SET commit_base = 0, server_id = \(isOfBefore ? "NULL" : "'1'")")
            side.run("DELETE FROM history WHERE saga_id = '\(removed)'")
            store = try await PostgresEventStore.open(options)
            load = try await Load(store)
            await load.skipTo(1_800_000_000_000)
            let next = try await load.newRun()
            var rest = try await EventFeedReader(store, everything, from: .after(reader.position))
            #expect(try await read(&rest).map(\.sagaID) == [next])
            var all = try await EventFeedReader(store, everything, from: .beginning)
            #expect(try await read(&all).map(\.sagaID) == [kept, next])
            await store.close()
            // Once.
            let base = side.value("SELECT commit_base FROM meta")
            try await PostgresEventStore.open(options).close()
            #expect(side.value("SELECT commit_base FROM meta") == base)
            #expect(side.value("SELECT server_id FROM meta") == server)
        }
    }

    @Test func positionsOutliveRetention() async throws {
        try await PrivateCluster.with(["autovacuum=off"]) { cluster in
            let store = try await PostgresEventStore.open(PostgresOptions(connection: cluster.address))
            let side = try SideSession(cluster.address)
            side.run(
                """
                CREATE TABLE history_2026_09 PARTITION OF history
                FOR VALUES FROM (month_bound('2026-09-01')) TO (month_bound('2026-10-01'))
                """)
            let load = try await Load(store)
            let ids = [try await load.newRun(), try await load.newRun()]
            var reader = try await EventFeedReader(store, everything, from: .beginning)
            #expect(try await reader.next(limit: 1).items.count == 1)
            side.run(
                """
                UPDATE executions SET status = 3 WHERE saga_id = '\(ids[0])';
                UPDATE visibility SET status = 3, closed_at = '2026-09-25' WHERE saga_id = '\(ids[0])'
                """)
            #expect(side.value("SELECT retire('2026-10-02')") == "1")
            #expect(try await read(&reader).map(\.sagaID) == [ids[1]])
            // What retention moves keeps its number.
            let numbers = side.run("SELECT commit_no FROM history_rest")
            #expect(numbers.count == 1 && numbers != [[""]])
            try await load.append([load.entry(ids[1])])
            #expect(try await read(&reader).map(\.sagaID) == [ids[1]])
            await store.close()
        }
    }
}
