import SagaCore
import SagaEngine
import SagaMemory
import SagaSQLite
import Synchronization
import Testing

/// A basket that is changed by updates, read by queries, and checked out by a signal.
private struct Basket: DurableWorkflow {
    static let typeID = "basket"

    /// What the handlers and `run` share. Everything of a run happens on one thread at a time.
    private final class Contents {
        var items: [String] = []
        var isCheckedOut = false
    }

    func run(_ context: WorkflowContext, _ input: Order) async throws -> [String] {
        let contents = Contents()
        try context.setQueryHandler("items") { contents.items }
        try context.setQueryHandler("has") { (item: String) in contents.items.contains(item) }
        try context.setQueryHandler("cheat") { () throws -> Int in
            try context.setStepOutput("cheat", 1)
            return 1
        }
        try context.setUpdateHandler(
            "add", validate: { (item: String) in if item.isEmpty { throw Refusal.refused("empty") } },
            { (item: String) async throws -> Int in
                let order = Order(id: item, refusedStep: item == "broken" ? "hotel" : nil)
                _ = try await context.executeActivity(Flight.self, order)
                _ = try await context.executeActivity(Hotel.self, order)
                contents.items.append(item)
                return contents.items.count
            })
        try context.setSignalHandler("check-out") { (_: String) in contents.isCheckedOut = true }
        try await context.waitUntil { contents.isCheckedOut }
        try await context.waitForUpdateHandlers()
        return contents.items
    }
}

/// Waits for a signal, but not for ever.
private struct Patient: DurableWorkflow {
    static let typeID = "patient"

    func run(_ context: WorkflowContext, _ milliseconds: Int) async throws -> String {
        let answer: String? = try await context.waitForSignal("answer", within: .milliseconds(milliseconds))
        return answer ?? "nobody came"
    }
}

/// Gives another saga a signal.
private struct Sender: DurableWorkflow {
    static let typeID = "sender"

    func run(_ context: WorkflowContext, _ target: String) async throws -> String {
        do {
            try await context.signalExternal(target, "answer", "from \(context.workflowID)")
            return "delivered"
        } catch let error as SagaError {
            return error.message.contains("no run") ? "unknown" : "closed"
        }
    }
}

/// Ends when the update that it has begun is dealt with.
private struct Attentive: DurableWorkflow {
    static let typeID = "attentive"

    private final class State { var hasBegun = false }

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        let state = State()
        try context.setUpdateHandler("wait") { (_: Int) async throws -> Int in
            state.hasBegun = true
            return try await context.waitForSignal("go", as: Int.self)
        }
        try await context.waitUntil { state.hasBegun }
        try await context.waitForUpdateHandlers()
        return input
    }
}

@Suite(.timeLimit(.minutes(1))) struct MessageTests {
    private func engine(
        _ world: World = World(), store: any EventStore = MemoryEventStore(), config: SagaEngineConfig = .init()
    ) async throws -> SagaEngine {
        var (workflows, activities) = bookingTypes(world)
        workflows.register(Basket.self)
        workflows.register(Patient.self)
        workflows.register(Sender.self)
        workflows.register(Attentive.self)
        return try await SagaEngine(config: config, store: store, workflows: workflows, activities: activities)
    }

    @Test func updatesChangeAndQueriesRead() async throws {
        let engine = try await engine()
        let basket = try await engine.startWorkflow(Basket.self, id: "b-1", input: Order(id: "b-1"))
        #expect(try await basket.update("add", "milk", as: Int.self) == 1)
        #expect(try await basket.query("items", as: [String].self) == ["milk"])
        #expect(try await basket.query("has", "milk", as: Bool.self))
        #expect(try await basket.update("add", "bread", as: Int.self) == 2)
        try await basket.signal("check-out", "now")
        #expect(try await basket.result() == ["milk", "bread"])
        // A closed run still answers, from its history alone.
        #expect(try await basket.query("items", as: [String].self) == ["milk", "bread"])
        await engine.shutDown()
    }

    @Test func codeWaitsForTheUpdatesThatItHasBegun() async throws {
        let engine = try await engine()
        let handle = try await engine.startWorkflow(Attentive.self, id: "w-1", input: 3)
        async let answer: Int = handle.update("wait", 1)
        while !(try await handle.history().contains { $0.eventType == .workflowUpdateAccepted }) { await Task.yield() }
        try await handle.signal("go", 7)
        #expect(try await answer == 7)
        #expect(try await handle.result() == 3)
        await engine.shutDown()
    }

    @Test func aRefusedUpdateIsRecordedAndChangesNothing() async throws {
        let world = World()
        let engine = try await engine(world)
        let basket = try await engine.startWorkflow(Basket.self, id: "b-2", input: Order(id: "b-2"))
        let refused = await #expect(throws: UpdateFailure.self) { try await basket.update("add", "", as: Int.self) }
        #expect(refused?.wasAccepted == false)
        let unknown = await #expect(throws: UpdateFailure.self) { try await basket.update("steal", 1, as: Int.self) }
        #expect(unknown?.error.message.contains("add") == true)
        #expect(try await basket.query("items", as: [String].self) == [])
        #expect(world.log == [])
        #expect(try await basket.history().filter { $0.eventType == .workflowUpdateRejected }.count == 2)
        await engine.shutDown()
    }

    @Test func aFailedUpdateIsRolledBackByItself() async throws {
        let world = World()
        let engine = try await engine(world)
        let basket = try await engine.startWorkflow(Basket.self, id: "b-3", input: Order(id: "b-3"))
        #expect(try await basket.update("add", "milk", as: Int.self) == 1)
        let failure = await #expect(throws: UpdateFailure.self) {
            try await basket.update("add", "broken", as: Int.self)
        }
        #expect(failure?.wasAccepted == true)
        #expect(failure?.error.kind == .domain)
        // Its own step is undone, the other update's steps stand.
        #expect(world.log == ["flight milk", "hotel milk", "flight broken", "undo flight-broken completed"])
        try await basket.signal("check-out", "now")
        #expect(try await basket.result() == ["milk"])
        let types = try await basket.history().map(\.eventType)
        #expect(types.contains(.workflowUpdateRolledBack) && types.contains(.workflowUpdateCompleted))
        await engine.shutDown()
    }

    @Test func theSameUpdateTwiceIsOne() async throws {
        let world = World()
        let engine = try await engine(world)
        let basket = try await engine.startWorkflow(Basket.self, id: "b-4", input: Order(id: "b-4"))
        async let first = basket.update("add", "milk", as: Int.self, updateID: "u-1")
        async let second = basket.update("add", "milk", as: Int.self, updateID: "u-1")
        #expect(try await [first, second] == [1, 1])
        #expect(try await basket.update("add", "milk", as: Int.self, updateID: "u-1") == 1)
        try await basket.signal("check-out", "now")
        _ = try await basket.result()
        // Also after the end.
        #expect(try await basket.update("add", "milk", as: Int.self, updateID: "u-1") == 1)
        let late = await #expect(throws: CallFailure.self) { try await basket.update("add", "eggs", as: Int.self) }
        #expect(late?.code == .failedPrecondition)
        #expect(world.log == ["flight milk", "hotel milk"])
        await engine.shutDown()
    }

    @Test func queriesThatCannotBeAnsweredSayWhy() async throws {
        let engine = try await engine()
        let basket = try await engine.startWorkflow(Basket.self, id: "b-5", input: Order(id: "b-5"))
        let unknown = await #expect(throws: CallFailure.self) { try await basket.query("price", as: Int.self) }
        #expect(unknown?.code == .invalidArgument)
        #expect(unknown?.message.contains("items") == true)
        let cheating = await #expect(throws: CallFailure.self) { try await basket.query("cheat", as: Int.self) }
        #expect(cheating?.message.contains("only read") == true)
        // The run is none the worse for it.
        #expect(try await basket.update("add", "milk", as: Int.self) == 1)
        await engine.shutDown()
    }

    @Test func messagesSurviveARestart() async throws {
        let path = TemporaryFile.path("messages.db")
        var engine = try await engine(store: try SQLiteEventStore(path: path))
        var basket = try await engine.startWorkflow(Basket.self, id: "b-6", input: Order(id: "b-6"))
        #expect(try await basket.update("add", "milk", as: Int.self, updateID: "u-1") == 1)
        await engine.shutDown()

        engine = try await self.engine(store: try SQLiteEventStore(path: path))
        basket = engine.handle(Basket.self, id: "b-6")
        #expect(try await basket.query("items", as: [String].self) == ["milk"])
        #expect(try await basket.update("add", "other", as: Int.self, updateID: "u-1") == 1)
        #expect(try await basket.update("add", "bread", as: Int.self) == 2)
        try await basket.signal("check-out", "now")
        #expect(try await basket.result() == ["milk", "bread"])
        await engine.shutDown()
    }

    @Test func waitingHasADeadline() async throws {
        let engine = try await engine()
        let late = try await engine.startWorkflow(Patient.self, id: "p-1", input: 20)
        #expect(try await late.result() == "nobody came")
        let early = try await engine.startWorkflow(Patient.self, id: "p-2", input: 60_000)
        try await early.signal("answer", "anna")
        #expect(try await early.result() == "anna")
        #expect(try await early.history().contains { $0.eventType == .timerCanceled })
        await engine.shutDown()
    }

    @Test func sagasSignalEachOther() async throws {
        let engine = try await engine()
        let patient = try await engine.startWorkflow(Patient.self, id: "p-3", input: 60_000)
        #expect(try await engine.executeWorkflow(Sender.self, id: "s-1", input: "p-3") == "delivered")
        #expect(try await patient.result() == "from s-1")
        #expect(try await engine.executeWorkflow(Sender.self, id: "s-2", input: "p-3") == "closed")
        #expect(try await engine.executeWorkflow(Sender.self, id: "s-3", input: "p-99") == "unknown")
        let types = try await engine.handle(Sender.self, id: "s-1").history().map(\.eventType)
        #expect(types.contains(.externalSignalRequested) && types.contains(.externalSignalDelivered))
        let failed = try await engine.handle(Sender.self, id: "s-2").history().map(\.eventType)
        #expect(failed.contains(.externalSignalFailed))
        await engine.shutDown()
    }
}
