import SagaClient
import SagaCore
import SagaEngine
import SagaMemory
import SagaTransport
import Testing

private struct Held: Codable {
    var sum = 0
    var words = 0
}

/// Adds up what signals say, with a checkpoint after each. Its first pass leaves a note.
private struct Old: DurableWorkflow {
    static let typeID = "tally"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        var held = try context.lastCheckpoint(as: Held.self) ?? Held()
        if held.words == 0 { try context.recordMarker("old", 1) }
        held.sum += try await context.waitForSignal("add", as: Int.self)
        held.words += 1
        try await context.checkpoint(held)
    }
}

/// The code that is left when no run is in its first pass any more: it does not fit what was before the first checkpoint.
private struct New: DurableWorkflow {
    static let typeID = "tally"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        guard var held = try context.lastCheckpoint(as: Held.self) else {
            throw SagaError(kind: .domain, message: "a run in its first pass")
        }
        let sum = held.sum
        try context.setQueryHandler("sum") { sum }
        let next = try await context.waitForSignal("add", as: Int.self)
        if next == 0 { return held.sum }
        held.sum += next
        held.words += 1
        try await context.checkpoint(held)
    }
}

/// Over the wire: a worker that does not hold the run is given its start and what is behind the last checkpoint.
@Suite(.timeLimit(.minutes(2))) struct CheckpointTests {
    private func checkpoints(_ client: SagaClient, _ id: String) async throws -> Int {
        var count = 0
        for try await event in client.history(id) {
            if case .markerRecorded(let marker) = event.attributes, marker.kind == .checkpoint { count += 1 }
        }
        return count
    }

    @Test(arguments: TestStore.all) func anotherWorkerNeedsNothingFromBefore(_ kind: TestStore) async throws {
        let server = try await TestServer.start(store: try await kind.open())
        let client = try await server.client()
        var (old, new) = (WorkflowRegistry(), WorkflowRegistry())
        old.register(Old.self)
        new.register(New.self)
        let first = try RunningWorker(server.options(), workflows: old)
        let run = try await client.start(New.self, id: "t", input: 0)
        for value in 1...30 { try await run.signal("add", value) }
        while try await checkpoints(client, "t") < 30 { await Task.yield() }
        try await first.stop()
        let second = try RunningWorker(server.options(), workflows: new)
        try await run.signal("add", 5)
        while try await checkpoints(client, "t") < 31 { await Task.yield() }
        #expect(try await run.query("sum", as: Int.self) == 470)
        // And on another server.
        let other = try await TestServer.start(store: MemoryEventStore())
        let there = try await other.client()
        _ = try await there.importHistory(client.exportHistory("t"))
        let third = try RunningWorker(other.options(), workflows: new)
        let moved = there.handle(New.self, id: "t")
        try await moved.signal("add", 30)
        try await moved.signal("add", 0)
        #expect(try await moved.result() == 500)
        for worker in [second, third] { try await worker.stop() }
        await there.close()
        await other.stop()
        await client.close()
        await server.stop()
    }
}
