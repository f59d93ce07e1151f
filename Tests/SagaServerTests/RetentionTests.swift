import SagaClient
import SagaCore
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
}
