import SagaCore
import SagaEngine
import SagaMemory
import SagaSQLite
import Testing

/// Three steps, with a signal before the last.
private struct Tour: DurableWorkflow {
    static let typeID = "tour"

    func run(_ context: WorkflowContext, _ input: Order) async throws -> [String] {
        let flight = try await context.executeActivity(Flight.self, input)
        let hotel = try await context.executeActivity(Hotel.self, input)
        let word: String = try await context.waitForSignal("word")
        if word == "fail" { throw Refusal.refused("the tour") }
        return [flight.number, hotel.number, word]
    }
}

@Suite(.timeLimit(.minutes(1))) struct ResetTests {
    private func engine(_ world: World, store: any EventStore = MemoryEventStore()) async throws -> SagaEngine {
        var (workflows, activities) = bookingTypes(world)
        workflows.register(Tour.self)
        return try await SagaEngine(store: store, workflows: workflows, activities: activities)
    }

    /// A run that waits for its word, and the event that completed its flight.
    private func tour(_ engine: SagaEngine, _ world: World) async throws -> (SagaHandle<Tour>, EventID) {
        let handle = try await engine.startWorkflow(Tour.self, id: "t", input: Order(id: "1"))
        while world.log.contains("hotel 1") == false { await Task.yield() }
        while true {
            let history = try await handle.history()
            let done = history.filter { $0.eventType == .activityTaskCompleted }
            if done.count == 2 { return (handle, done[0].eventID) }
            await Task.yield()
        }
    }

    @Test func laterStepsAreUndoneFirst() async throws {
        let stores: [any EventStore] = [
            MemoryEventStore(), try SQLiteEventStore(path: TemporaryFile.path("reset.db")),
        ]
        for store in stores {
            let world = World()
            let engine = try await engine(world, store: store)
            let (handle, flight) = try await tour(engine, world)
            let next = try await handle.reset(to: flight, reason: "another hotel")
            #expect(try await handle.closing().status == .terminated)
            while world.log.count < 4 { await Task.yield() }
            #expect(world.log == ["flight 1", "hotel 1", "undo hotel-1 completed", "hotel 1"])
            try await next.signal("word", "home")
            #expect(try await next.result() == ["flight-1", "hotel-1", "home"])
            // The new run has the history of the old one, then says where it comes from.
            let old = try await handle.history()
            let new = try await next.history()
            #expect(new.prefix(Int(flight) + 1).map(\.attributes) == old.prefix(Int(flight) + 1).map(\.attributes))
            #expect(new[Int(flight) + 1].eventType == .workflowExecutionReset)
            await engine.shutDown()
        }
    }

    @Test func whatIsKeptIsUndoneByTheNewRun() async throws {
        let world = World()
        let engine = try await engine(world)
        let (handle, flight) = try await tour(engine, world)
        let next = try await handle.reset(to: flight, undo: .keep)
        while world.log.count < 3 { await Task.yield() }
        try await next.signal("word", "fail")
        let failure = await #expect(throws: SagaFailure.self) { try await next.result() }
        #expect(failure?.compensation.state == .complete)
        // Both hotels, and the flight that both runs share once.
        #expect(world.log.filter { $0 == "undo hotel-1 completed" }.count == 2)
        #expect(world.log.filter { $0 == "undo flight-1 completed" }.count == 1)
        await engine.shutDown()
    }

    @Test func whatIsDroppedStands() async throws {
        let world = World()
        let engine = try await engine(world)
        let (handle, flight) = try await tour(engine, world)
        let next = try await handle.reset(to: flight, undo: .drop)
        while world.log.count < 3 { await Task.yield() }
        try await next.signal("word", "fail")
        _ = await #expect(throws: SagaFailure.self) { try await next.result() }
        #expect(world.log.filter { $0 == "undo hotel-1 completed" }.count == 1)
        await engine.shutDown()
    }

    @Test func signalsComeAlongAndClosedRunsCanBeReset() async throws {
        let world = World()
        let engine = try await engine(world)
        let (handle, flight) = try await tour(engine, world)
        try await handle.signal("word", "done")
        #expect(try await handle.result() == ["flight-1", "hotel-1", "done"])
        // Its steps after the event stand, and a closed run is not unwound.
        let newest = engine.handle(Tour.self, id: "t")
        let refused = await #expect(throws: CallFailure.self) { try await newest.reset(to: flight) }
        #expect(refused?.code == .failedPrecondition)
        let next = try await newest.reset(to: flight, undo: .drop)
        #expect(try await next.result() == ["flight-1", "hotel-1", "done"])
        #expect(try await handle.describe().status == .completed)
        await engine.shutDown()
    }

    @Test func whatWasUndoneCannotBeReset() async throws {
        let world = World()
        let engine = try await engine(world)
        let (handle, flight) = try await tour(engine, world)
        try await handle.signal("word", "fail")
        _ = await #expect(throws: SagaFailure.self) { try await handle.result() }
        let newest = engine.handle(Tour.self, id: "t")
        let refused = await #expect(throws: CallFailure.self) { try await newest.reset(to: flight, undo: .drop) }
        #expect(refused?.message.contains("has begun") == true)
        let unknown = await #expect(throws: CallFailure.self) { try await newest.reset(to: 1_000) }
        #expect(unknown?.code == .invalidArgument)
        // Before the first step there is nothing that was undone.
        let next = try await newest.reset(to: 0)
        try await next.signal("word", "home")
        #expect(try await next.closing().status == .failed)
        await engine.shutDown()
    }
}
