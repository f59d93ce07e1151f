import SagaClient
import SagaCore
import SagaEngine
import SagaMemory
import SagaSQLite
import SagaServer
import Testing

@Suite(.timeLimit(.minutes(1))) struct RetentionTests {
    private static let stores: [@Sendable () throws -> any EventStore] = [
        { MemoryEventStore() }, { try SQLiteEventStore(path: TestFiles.path("retention.db")) },
    ]

    @Test(arguments: stores.indices) func closedSagasGoWhenTheirTimeHasCome(_ index: Int) async throws {
        let server = try await TestServer.start(store: try Self.stores[index]()) { configuration in
            configuration.retention = ["default": .milliseconds(50)]
            configuration.retentionInterval = .milliseconds(10)
        }
        let client = try await server.client()
        let other = try await server.client(namespace: "other")
        for caller in [client, other] {
            for id in ["closed", "open"] { _ = try await caller.start(Counter.self, id: id, input: 1) }
            try await caller.terminate("closed", reason: "done", compensate: false)
        }
        while try await client.count() > 1 { await Task.yield() }
        // What is open stays, and so does everything in a namespace without a limit.
        #expect(try await client.describe("open").summary.workflowID == "open")
        #expect(try await other.count() == 2)
        await #expect(throws: SagaClientError.self) { try await client.describe("closed") }
        await client.close()
        await other.close()
        await server.stop()
    }

    /// What a schedule leaves behind goes by the clock of its namespace, wherever that stands beside the one on the wall.
    @Test func whatSchedulesLeaveBehindGoesByTheirNamespacesClock() async throws {
        let store = MemoryEventStore()
        var engine = SagaEngineConfig()
        let year: Int64 = 31_557_600_000_000
        let ahead = Timestamp(microseconds: 130 * year)
        engine.namespaces["ahead"] = NamespaceOptions(virtualClock: VirtualClock(start: ahead))
        engine.namespaces["behind"] = NamespaceOptions(
            virtualClock: VirtualClock(start: Timestamp(microseconds: 30 * year)))
        let server = try await TestServer.start(store: store, engine: engine) { configuration in
            configuration.retentionInterval = .milliseconds(10)
        }
        func left() async throws -> [String] {
            try await store.list(ExecutionQuery(namespace: "saga:schedules")).map(\.workflowID)
        }
        for namespace in ["ahead", "behind"] {
            let client = try await server.client(namespace: namespace)
            _ = try await client.createSchedule(Schedule(id: "s", cron: "@every 1h", workflowType: "counter"))
            #expect(try await client.deleteSchedule("s"))
            await client.close()
        }
        #expect(try await left().count == 2)
        let client = try await server.client(namespace: "ahead")
        _ = try await client.setVirtualClock(advanceTo: ahead.adding(microseconds: 2 * 86_400_000_000))
        while try await left().count > 1 { await Task.yield() }
        #expect(try await left() == ["6:behind:s"])
        await client.close()
        await server.stop()
    }
}
