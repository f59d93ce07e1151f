import SagaCore
import SagaEngine
import SagaMemory
import Testing

@Suite struct EmbeddedEngineTests {
    private func engine(_ world: World, store: any EventStore = MemoryEventStore()) async throws -> SagaEngine {
        let (workflows, activities) = bookingTypes(world)
        return try await SagaEngine(store: store, workflows: workflows, activities: activities)
    }

    @Test func aSagaRunsToItsEnd() async throws {
        let world = World()
        let engine = try await engine(world)
        let output = try await engine.executeWorkflow(Booking.self, id: "trip-1", input: Order(id: "1"))
        #expect(output.map(\.number) == ["flight-1", "hotel-1", "payment-1"])
        #expect(world.log == ["flight 1", "hotel 1", "payment 1"])
        await engine.shutDown()
    }

    @Test func aRefusedPaymentUndoesLastFirst() async throws {
        let world = World()
        let engine = try await engine(world)
        let handle = try await engine.startWorkflow(
            Booking.self, id: "trip-2", input: Order(id: "2", refusedStep: "payment"))
        let failure = await #expect(throws: SagaFailure.self) { try await handle.result() }
        #expect(failure?.status == .failed)
        #expect(failure?.compensation.state == .complete)
        #expect(failure?.error?.kind == .domain)
        #expect(
            world.log == ["flight 2", "hotel 2", "undo hotel-2 completed", "undo flight-2 completed"])
        let types = try await handle.history().map(\.eventType)
        #expect(types.last == .workflowExecutionFailed)
        #expect(types.filter { $0 == .compensationStepCompleted }.count == 2)
        await engine.shutDown()
    }

    @Test func aSignalThatComesEarlyIsTaken() async throws {
        let world = World()
        let engine = try await engine(world)
        let handle = try await engine.startWorkflow(Approval.self, id: "a-1", input: Order(id: "1"))
        try await handle.signal("approved", "anna")
        #expect(try await handle.result() == "anna")
        await engine.shutDown()
    }

    @Test func aCancelUndoesWhatWasDone() async throws {
        let world = World()
        let engine = try await engine(world)
        let handle = try await engine.startWorkflow(Approval.self, id: "a-2", input: Order(id: "2"))
        // The flight must be booked before the cancel, so that there is something to undo.
        while world.log.isEmpty { await Task.yield() }
        try await handle.cancel(reason: "changed my mind")
        let failure = await #expect(throws: SagaFailure.self) { try await handle.result() }
        #expect(failure?.status == .canceled)
        await engine.shutDown()
        #expect(world.log.first == "flight 2")
        #expect(world.log.last == "undo flight-2 completed" || world.log.last == "undo ? unknown")
    }

    @Test func anotherEngineOverTheStoreGoesOn() async throws {
        let world = World()
        let store = MemoryEventStore()
        let first = try await engine(world, store: KeptOpen(store))
        _ = try await first.startWorkflow(Approval.self, id: "a-3", input: Order(id: "3"))
        while world.log.isEmpty { await Task.yield() }
        await first.shutDown()
        let second = try await engine(world, store: store)
        let handle = second.handle(Approval.self, id: "a-3")
        try await handle.signal("approved", "ben")
        #expect(try await handle.result() == "ben")
        await second.shutDown()
    }
}

/// A store that outlives the engine that closes it.
struct KeptOpen: EventStore {
    let store: MemoryEventStore

    init(_ store: MemoryEventStore) { self.store = store }

    func append(_ batch: AppendBatch) async throws(StoreError) -> [AppendOutcome] { try await store.append(batch) }
    func events(of sagaID: SagaID, from: EventID, limit: Int) async throws(StoreError) -> [HistoryEvent] {
        try await store.events(of: sagaID, from: from, limit: limit)
    }
    func execution(_ sagaID: SagaID) async throws(StoreError) -> ExecutionRow? { try await store.execution(sagaID) }
    func latestExecution(namespace: String, workflowID: String) async throws(StoreError) -> ExecutionRow? {
        try await store.latestExecution(namespace: namespace, workflowID: workflowID)
    }
    func openExecutions(after: SagaID?, limit: Int) async throws(StoreError) -> [ExecutionRow] {
        try await store.openExecutions(after: after, limit: limit)
    }
    func list(_ query: ExecutionQuery) async throws(StoreError) -> [ExecutionRow] { try await store.list(query) }
    func lateEffects(_ query: LateEffectQuery) async throws(StoreError) -> [StoredLateEffect] {
        try await store.lateEffects(query)
    }
    func takeOver() async throws(StoreError) -> UInt64 { try await store.takeOver() }
    func metadata() async throws(StoreError) -> StoreMetadata { try await store.metadata() }
    func close() async {}
}
