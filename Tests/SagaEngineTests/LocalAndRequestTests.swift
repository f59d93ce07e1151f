import SagaCore
import SagaEngine
import SagaMemory
import SagaSQLite
import Testing

/// Runs its steps in the worker; one of them fails if it is told to.
private struct Locally: DurableWorkflow {
    static let typeID = "locally"

    func run(_ context: WorkflowContext, _ input: Order) async throws -> [String] {
        let flight = try await context.executeLocalActivity(Flight.self, Order(id: input.id))
        async let hotel = context.executeLocalActivity(Hotel.self, Order(id: input.id))
        async let payment = context.executeActivity(Payment.self, Order(id: input.id))
        let numbers = try await [flight.number, hotel.number, payment.number]
        _ = try await context.waitForSignal("go", as: Int.self)
        if input.refusedStep != nil {
            _ = try await context.executeLocalActivity(Flight.self, Order(id: "x", refusedStep: "flight"))
        }
        return numbers
    }
}

@Suite(.timeLimit(.minutes(1))) struct LocalActivityTests {
    private func engine(_ world: World, store: any EventStore = MemoryEventStore()) async throws -> SagaEngine {
        var (workflows, activities) = bookingTypes(world)
        workflows.register(Locally.self)
        return try await SagaEngine(store: store, workflows: workflows, activities: activities)
    }

    @Test func theyRunOnceAndAreNotRunAgainOnReplay() async throws {
        let world = World()
        let path = TemporaryFile.path("local.db")
        var engine = try await engine(world, store: try SQLiteEventStore(path: path))
        _ = try await engine.startWorkflow(Locally.self, id: "l-1", input: Order(id: "1"))
        while world.log.count < 3 { await Task.yield() }
        await engine.shutDown()
        engine = try await self.engine(world, store: try SQLiteEventStore(path: path))
        let handle = engine.handle(Locally.self, id: "l-1")
        try await handle.signal("go", 1)
        #expect(try await handle.result() == ["flight-1", "hotel-1", "payment-1"])
        #expect(world.log.filter { $0 == "flight 1" }.count == 1)
        let types = try await handle.history().map(\.eventType)
        #expect(types.filter { $0 == .localActivityScheduled }.count == 2)
        #expect(types.filter { $0 == .localActivityCompleted }.count == 2)
        await engine.shutDown()
    }

    @Test func theyAreUndoneLikeAnyStep() async throws {
        let world = World()
        let engine = try await engine(world)
        let handle = try await engine.startWorkflow(Locally.self, id: "l-2", input: Order(id: "2", refusedStep: "end"))
        try await handle.signal("go", 1)
        let failure = await #expect(throws: SagaFailure.self) { try await handle.result() }
        #expect(failure?.compensation.state == .complete)
        #expect(
            Set(world.log.suffix(3)) == [
                "undo flight-2 completed", "undo hotel-2 completed", "undo payment-2 completed",
            ])
        #expect(world.log.last == "undo flight-2 completed")
        await engine.shutDown()
    }
}

@Suite(.timeLimit(.minutes(1))) struct StartRequestTests {
    @Test func aRequestIsRememberedBeyondTheNewestRun() async throws {
        let stores: [any EventStore] = [
            MemoryEventStore(), try SQLiteEventStore(path: TemporaryFile.path("requests.db")),
        ]
        for store in stores {
            let (workflows, activities) = bookingTypes(World())
            let engine = try await SagaEngine(store: store, workflows: workflows, activities: activities)
            func start(_ request: String, _ order: Order) async throws -> SagaHandle<Booking> {
                var options = StartOptions()
                options.requestID = request
                options.reusePolicy = .allow
                return try await engine.startWorkflow(Booking.self, id: "r-1", input: order, options: options)
            }
            let first = try await start("a", Order(id: "1"))
            _ = try await first.result()
            let second = try await start("b", Order(id: "2"))
            _ = try await second.result()
            #expect(second.target.sagaID != first.target.sagaID)
            let open = try await engine.startWorkflow(
                Approval.self, id: "r-1", input: Order(id: "3"), options: .reusing)
            // The run is not the newest, and another one is open.
            #expect(try await start("a", Order(id: "1")).target.sagaID == first.target.sagaID)
            #expect(try await start("b", Order(id: "2")).target.sagaID == second.target.sagaID)
            let other = await #expect(throws: CallFailure.self) { try await start("a", Order(id: "other")) }
            #expect(other?.code == .alreadyExists)
            let fresh = try await start("c", Order(id: "4"))
            #expect(fresh.alreadyStarted && fresh.target.sagaID == open.target.sagaID)
            try await open.terminate(reason: "done", compensate: false)
            #expect(try await start("a", Order(id: "1")).target.sagaID == first.target.sagaID)
            await engine.shutDown()
        }
    }
}

extension StartOptions {
    fileprivate static var reusing: StartOptions {
        var options = StartOptions()
        options.reusePolicy = .allow
        return options
    }
}
