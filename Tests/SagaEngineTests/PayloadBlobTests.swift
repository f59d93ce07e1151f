import SagaCore
import SagaEngine
import SagaSQLite
import Testing

/// Large payloads through restarts: recovery does not read them, and whoever needs them gets them whole.
@Suite(.timeLimit(.minutes(2))) struct PayloadBlobTests {
    private struct Cargo: Codable, Sendable, Equatable {
        var text: String
        var round = 0

        static let large = Cargo(text: String(repeating: "cargo ", count: 20_000))
    }

    private struct Load: CompensatableActivity {
        typealias Compensation = Unload
        static let typeID = "load"
        let world: World

        func execute(_ input: Cargo, _ context: ActivityContext) async throws -> Cargo {
            world.note("load \(input == .large)")
            return Cargo(text: input.text + "!", round: 7)
        }
    }

    private struct Unload: Activity {
        static let typeID = "unload"
        let world: World

        func execute(_ input: UndoInput<Cargo, Cargo>, _ context: ActivityContext) async throws -> Bool {
            world.note("unload \(input.input == .large) \(input.output?.text == Cargo.large.text + "!")")
            return true
        }
    }

    /// Loads, then does what a signal says: end well, fail, or go on as a new run that fails with the next signal.
    private struct Voyage: DurableWorkflow {
        static let typeID = "voyage"

        func run(_ context: WorkflowContext, _ input: Cargo) async throws -> Cargo {
            try context.setUpdateHandler("manifest") { (line: String) async throws -> Cargo in
                Cargo(text: line + input.text)
            }
            var loaded = input
            if input.round == 0 { loaded = try await context.executeActivity(Load.self, input) }
            switch try await context.waitForSignal("order", as: String.self) {
            case "fail": throw Refusal.refused("the voyage")
            case "again": try context.continueAsNew(Cargo(text: "second", round: 1))
            default: return loaded
            }
        }
    }

    private func engine(_ path: String, _ world: World, serves: Bool = true) async throws -> SagaEngine {
        var workflows = WorkflowRegistry()
        workflows.register(Voyage.self)
        var activities = ActivityRegistry()
        if serves {
            activities.register(Load(world: world))
            activities.register(Unload(world: world))
        }
        return try await SagaEngine(
            store: try SQLiteEventStore(path: path, blobThreshold: 1_000), workflows: workflows, activities: activities)
    }

    @Test func aStepOfBeforeTheRestartGetsItsInput() async throws {
        let (path, world) = (TemporaryFile.path("blob.db"), World())
        let first = try await engine(path, world, serves: false)
        let started = try await first.startWorkflow(Voyage.self, id: "v", input: .large)
        while !(try await started.history().contains { $0.eventType == .activityTaskScheduled }) { await Task.yield() }
        await first.shutDown()
        let second = try await engine(path, world)
        let voyage = second.handle(Voyage.self, id: "v")
        try await voyage.signal("order", "end")
        #expect(try await voyage.result() == Cargo(text: Cargo.large.text + "!", round: 7))
        #expect(world.log == ["load true"])
        await second.shutDown()
        // A result that nobody has in memory.
        let third = try await engine(path, world)
        #expect(
            try await third.handle(Voyage.self, id: "v").result() == Cargo(text: Cargo.large.text + "!", round: 7))
        await third.shutDown()
    }

    @Test func anUndoOfBeforeTheRestartGetsInputAndOutput() async throws {
        let (path, world) = (TemporaryFile.path("blob.db"), World())
        let first = try await engine(path, world)
        let started = try await first.startWorkflow(Voyage.self, id: "v", input: .large)
        while !(try await started.history().contains { $0.eventType == .activityTaskCompleted }) { await Task.yield() }
        await first.shutDown()
        let second = try await engine(path, world)
        let voyage = second.handle(Voyage.self, id: "v")
        try await voyage.signal("order", "fail")
        await #expect(throws: SagaFailure.self) { try await voyage.result() }
        #expect(world.log == ["load true", "unload true true"])
        await second.shutDown()
    }

    @Test func aRunThatGoesOnAsANewOneTakesTheDataAlong() async throws {
        let (path, world) = (TemporaryFile.path("blob.db"), World())
        let first = try await engine(path, world)
        let started = try await first.startWorkflow(Voyage.self, id: "v", input: .large)
        let firstRun = try #require(started.target.sagaID)
        while !(try await started.history().contains { $0.eventType == .activityTaskCompleted }) { await Task.yield() }
        await first.shutDown()
        let second = try await engine(path, world)
        let voyage = second.handle(Voyage.self, id: "v")
        try await voyage.signal("order", "again")
        while try await voyage.describe().sagaID == firstRun { await Task.yield() }
        // The run whose data it was is gone.
        try await second.deleteWorkflow(id: "v", sagaID: firstRun)
        await second.shutDown()
        let third = try await engine(path, world)
        let next = third.handle(Voyage.self, id: "v")
        try await next.signal("order", "fail")
        await #expect(throws: SagaFailure.self) { try await next.result() }
        #expect(world.log == ["load true", "unload true true"])
        await third.shutDown()
    }

    @Test func theResultOfAnUpdateOfBeforeTheRestartIsWhole() async throws {
        let (path, world) = (TemporaryFile.path("blob.db"), World())
        let first = try await engine(path, world)
        let started = try await first.startWorkflow(Voyage.self, id: "v", input: .large)
        let answer = try await started.update("manifest", "x", as: Cargo.self, updateID: "u")
        #expect(answer.text == "x" + Cargo.large.text)
        await first.shutDown()
        let second = try await engine(path, world)
        let voyage = second.handle(Voyage.self, id: "v")
        #expect(try await voyage.update("manifest", "y", as: Cargo.self, updateID: "u") == answer)
        try await voyage.signal("order", "end")
        _ = try await voyage.result()
        await second.shutDown()
    }

    /// Data that is lost: the undo is not run without it, and a person is called.
    @Test func anUndoWhoseDataIsLostIsBlocked() async throws {
        let (path, world) = (TemporaryFile.path("blob.db"), World())
        let first = try await engine(path, world)
        let started = try await first.startWorkflow(Voyage.self, id: "v", input: .large)
        let sagaID = try #require(started.target.sagaID)
        while !(try await started.history().contains { $0.eventType == .activityTaskCompleted }) { await Task.yield() }
        await first.shutDown()
        let store = LosingStore(try SQLiteEventStore(path: path, blobThreshold: 1_000))
        var workflows = WorkflowRegistry()
        workflows.register(Voyage.self)
        var activities = ActivityRegistry()
        activities.register(Load(world: world))
        activities.register(Unload(world: world))
        let second = try await SagaEngine(store: store, workflows: workflows, activities: activities)
        let voyage = second.handle(Voyage.self, id: "v")
        try await voyage.signal("order", "fail")
        while try await voyage.describe().status != .blocked { await Task.yield() }
        let block = try #require(try await voyage.describe().block)
        #expect(block.message.contains("payload") && block.message.contains("\(sagaID)"), "\(block.message)")
        #expect(world.log == ["load true"])
        await second.shutDown()
    }
}

/// A store that has lost the data of all large payloads that are asked for one by one.
private final class LosingStore: BlobStore {
    private let store: SQLiteEventStore

    init(_ store: SQLiteEventStore) { self.store = store }

    func blobs(of sagaID: SagaID, _ numbers: [UInt64]) async throws(StoreError) -> [PayloadBlob] { [] }

    func append(_ batch: AppendBatch) async throws(StoreError) -> [AppendOutcome] { try await store.append(batch) }
    func events(of sagaID: SagaID, from: EventID, limit: Int) async throws(StoreError) -> [HistoryEvent] {
        try await store.events(of: sagaID, from: from, limit: limit)
    }
    func packedEvents(of sagaID: SagaID, from: EventID, limit: Int) async throws(StoreError) -> PackedHistory {
        try await store.packedEvents(of: sagaID, from: from, limit: limit)
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
    func close() async { await store.close() }
}
