import SagaCore
import SagaPostgres
import Testing

@Suite(.enabled(if: PrivateCluster.isWanted), .serialized) struct MigrationTests {
    @Test func everyEarlierVersionIsBroughtUpToDateWithWhatItHolds() async throws {
        try await PrivateCluster.with { cluster in
            for version in 1..<PostgresEventStore.schemaVersion {
                var options = PostgresOptions(connection: cluster.address)
                options.schema = "from_\(version)"
                #expect(try await PostgresEventStore.migrate(options, to: version) == (0, version))
                options.migratesAtOpen = false
                let refused = await #expect(throws: StoreError.self) { try await PostgresEventStore.open(options) }
                #expect(refused?.message.contains("saga migrate") == true)
                // A run as that version stored it: its form has not changed since version 1.
                let side = try SideSession(cluster.address)
                side.run("SET search_path = from_\(version)")
                side.run("INSERT INTO executions VALUES ('01a00000-0000-7000-8000-000000000001', 1, 5, 0)")
                side.run(
                    """
                    INSERT INTO visibility (saga_id, namespace, workflow_id, workflow_type, status, started_at, part)
                    VALUES ('01a00000-0000-7000-8000-000000000001', 'n', 'w', 't', 0, '2026-01-02', 5)
                    """)
                let key = side.run("SELECT task_token_key FROM meta")
                options.migratesAtOpen = true
                let store = try await PostgresEventStore.open(options)
                #expect(try await store.metadata().schemaVersion == UInt32(PostgresEventStore.schemaVersion))
                #expect(try await store.latestExecution(namespace: "n", workflowID: "w")?.partition == 5)
                #expect(side.run("SELECT task_token_key FROM meta") == key)
                await store.close()
            }
        }
    }

    @Test func programsThatMigrateAtTheSameTimeWaitForEachOther() async throws {
        try await PrivateCluster.with { cluster in
            let options = PostgresOptions(connection: cluster.address)
            let versions = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<6 { group.addTask { try await PostgresEventStore.migrate(options).from } }
                return try await group.reduce(into: [Int]()) { $0.append($1) }
            }
            // Each step by one of them; who came between two steps found what the first had made.
            #expect(versions.filter { $0 == 0 }.count == 1)
            let steps = try SideSession(cluster.address).run("SELECT version FROM schema_versions ORDER BY 1")
            #expect(steps == (1...PostgresEventStore.schemaVersion).map { [String($0)] })
        }
    }

    @Test func aSchemaOfTheFutureIsLeftAlone() async throws {
        try await PrivateCluster.with { cluster in
            let options = PostgresOptions(connection: cluster.address)
            _ = try await PostgresEventStore.migrate(options)
            try SideSession(cluster.address).run("INSERT INTO schema_versions (version) VALUES (99)")
            let refused = await #expect(throws: StoreError.self) { try await PostgresEventStore.open(options) }
            #expect(refused?.reason == .misconfigured)
            #expect(refused?.message.contains("99") == true)
        }
    }

    @Test func everyTableAndFunctionHasAComment() async throws {
        try await PrivateCluster.with { cluster in
            _ = try await PostgresEventStore.migrate(PostgresOptions(connection: cluster.address))
            let side = try SideSession(cluster.address)
            let bare = side.run(
                """
                SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
                WHERE nspname = 'saga' AND relkind IN ('r', 'p', 'v') AND NOT relispartition
                    AND obj_description(c.oid, 'pg_class') IS NULL
                UNION ALL SELECT proname FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
                WHERE nspname = 'saga' AND obj_description(p.oid, 'pg_proc') IS NULL
                """)
            #expect(bare.isEmpty, "\(bare)")
            // A role that owns nothing can serve, with the rights that docs/postgresql.md names.
            side.run("CREATE ROLE server LOGIN; GRANT USAGE ON SCHEMA saga TO server")
            side.run("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA saga TO server")
            let address = cluster.address.replacing("user=postgres", with: "user=server")
            let store = try await PostgresEventStore.open(PostgresOptions(connection: address))
            let load = try await Load(store)
            _ = try await load.newRun()
            #expect(try await load.differences().isEmpty)
            await store.close()
        }
    }
}
