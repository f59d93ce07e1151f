import SagaCore
import SagaEngine
import SagaMemory
import SagaSQLite
import Testing

/// Says where it is, and waits.
private struct Stages: DurableWorkflow {
    static let typeID = "stages"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        try context.upsertSearchAttributes([
            NamedPayload(name: "stage", payload: .json("\"begun\"")),
            NamedPayload(name: "amount", payload: .json("\(input)")),
        ])
        _ = try await context.executeActivity(Flight.self, Order(id: "\(input)"))
        try context.setSearchAttribute("stage", "waiting")
        _ = try await context.waitForSignal("go", as: Int.self)
        _ = try await context.executeActivity(Hotel.self, Order(id: "\(input)"))
        return input
    }
}

@Suite(.timeLimit(.minutes(1))) struct OperationTests {
    private func engine(_ world: World, store: any EventStore) async throws -> SagaEngine {
        var (workflows, activities) = bookingTypes(world)
        workflows.register(Stages.self)
        return try await SagaEngine(store: store, workflows: workflows, activities: activities)
    }

    private func stores() throws -> [any EventStore] {
        [MemoryEventStore(), try SQLiteEventStore(path: TemporaryFile.path("operations.db"))]
    }

    @Test func listingsFilterBySearchAttributes() async throws {
        for store in try stores() {
            let world = World()
            let engine = try await engine(world, store: store)
            for number in 1...6 {
                _ = try await engine.startWorkflow(Stages.self, id: "s-\(number)", input: number)
            }
            while try await engine.count(where: AttributeCondition("stage", .equal, .text("waiting"))) < 6 {
                await Task.yield()
            }
            let big = AttributeCondition("amount", .greaterOrEqual, .number(5))
            #expect(try await engine.count(where: big) == 2)
            try await engine.handle(Stages.self, id: "s-6").signal("go", 1)
            _ = try await engine.handle(Stages.self, id: "s-6").result()
            var query = ExecutionQuery(namespace: "default", statuses: [.running], attributes: [big])
            #expect(try await engine.list(query).map(\.workflowID) == ["s-5"])
            query.attributes = [
                AttributeCondition("stage", .prefix, .text("wait")), AttributeCondition("amount", .less, .number(3)),
            ]
            query.statuses = []
            #expect(try await engine.list(query).map(\.workflowID) == ["s-2", "s-1"])
            query.attributes = [AttributeCondition("colour", .equal, .text("red"))]
            #expect(try await engine.list(query).isEmpty)
            await engine.shutDown()
        }
    }

    @Test func aPausedRunHandsOutNothing() async throws {
        for store in try stores() {
            let world = World()
            let engine = try await engine(world, store: store)
            let handle = try await engine.startWorkflow(Stages.self, id: "p-1", input: 1)
            while world.log.isEmpty { await Task.yield() }
            try await handle.pause(reason: "inventory")
            #expect(try await handle.describe().status == .paused)
            try await handle.signal("go", 1)
            // Others go on meanwhile.
            let other = try await engine.startWorkflow(Stages.self, id: "p-2", input: 2)
            try await other.signal("go", 1)
            #expect(try await other.result() == 2)
            #expect(world.log.contains("hotel 1") == false)
            try await handle.resume()
            #expect(try await handle.result() == 1)
            #expect(world.log.contains("hotel 1"))
            let types = try await handle.history().map(\.eventType)
            #expect(types.contains(.workflowExecutionPaused) && types.contains(.workflowExecutionResumed))
            await engine.shutDown()
        }
    }

    @Test func aPauseSurvivesARestartAndACancelEndsIt() async throws {
        let path = TemporaryFile.path("paused.db")
        let world = World()
        var engine = try await engine(world, store: try SQLiteEventStore(path: path))
        var handle = try await engine.startWorkflow(Stages.self, id: "p-3", input: 3)
        while world.log.isEmpty { await Task.yield() }
        try await handle.pause()
        await engine.shutDown()
        engine = try await self.engine(world, store: try SQLiteEventStore(path: path))
        handle = engine.handle(Stages.self, id: "p-3")
        #expect(try await handle.describe().waitingFor.map(\.kind) == [.paused])
        try await handle.terminate(reason: "enough", compensate: true)
        #expect(try await handle.closing().status == .terminated)
        #expect(world.log == ["flight 3", "undo flight-3 completed"])
        await engine.shutDown()
    }

    @Test func closedRunsCanBeRemoved() async throws {
        for store in try stores() {
            let world = World()
            let engine = try await engine(world, store: store)
            let handle = try await engine.startWorkflow(Booking.self, id: "d-1", input: Order(id: "1"))
            _ = try await handle.result()
            let again = try await engine.startWorkflow(Booking.self, id: "d-1", input: Order(id: "1"), options: .again)
            _ = try await again.result()
            let open = try await engine.startWorkflow(Stages.self, id: "d-2", input: 1)
            let refused = await #expect(throws: CallFailure.self) { try await engine.deleteWorkflow(id: "d-2") }
            #expect(refused?.code == .failedPrecondition)
            #expect(try await engine.deleteWorkflow(id: "d-1") == again.target.sagaID)
            // The run before is the newest again, and the id can be used after it.
            #expect(try await engine.handle(Booking.self, id: "d-1").describe().sagaID == handle.target.sagaID)
            #expect(try await engine.removeRuns(closedLongerAgoThan: .seconds(3_600)) == 0)
            #expect(try await engine.removeRuns(closedLongerAgoThan: .zero) == 1)
            let gone = await #expect(throws: CallFailure.self) {
                try await engine.handle(Booking.self, id: "d-1").describe()
            }
            #expect(gone?.code == .notFound)
            let fresh = try await engine.startWorkflow(Booking.self, id: "d-1", input: Order(id: "2"))
            #expect(fresh.alreadyStarted == false)
            _ = try await fresh.result()
            #expect(try await engine.count() == 2)
            try await open.terminate(reason: "done", compensate: false)
            await engine.shutDown()
        }
    }
}

extension StartOptions {
    fileprivate static var again: StartOptions {
        var options = StartOptions()
        options.reusePolicy = .allow
        return options
    }
}

extension SagaEngine {
    fileprivate func count(where condition: AttributeCondition) async throws -> Int {
        try await count(ExecutionQuery(namespace: "default", attributes: [condition]))
    }
}
