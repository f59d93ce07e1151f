import SagaCore
import SagaEngine
import SagaSQLite
import Synchronization
import Testing

/// Declared runs and restarts: where the definition stands is in the snapshot, and data that recovery did not read is brought for
/// the templates of undos.
@Suite(.timeLimit(.minutes(2))) struct DeclaredSnapshotTests {
    private static func step(_ id: String, undoInput: String = "") -> StepDefinition {
        StepDefinition(
            id: id,
            kind: .activity(
                ActivityStep(
                    activityType: id,
                    undo: UndoSpec(activityType: undoInput.isEmpty ? "undo" : "told"), undoInput: undoInput)))
    }

    private static let waiting = SagaDefinition(
        name: "declared.waiting",
        steps: [
            step("flight", undoInput: #"{"number":"${output.number ?? none}","id":"${input.id}"}"#),
            StepDefinition(id: "ok", kind: .signal(SignalStep(name: "ok"))), step("payment"),
        ],
        output: .template(#"["${steps.flight.output.number}","${steps.payment.output.number}"]"#))

    private func engine(_ world: World, _ store: any EventStore) async throws -> SagaEngine {
        var activities = bookingTypes(world).1
        activities.register(Told(world: world))
        var config = SagaEngineConfig()
        config.snapshots = .every(events: 10)
        return try await SagaEngine(
            config: config, store: store, workflows: WorkflowRegistry(), activities: activities)
    }

    @Test func aStartReadsOnlyWhatCameAfterTheSnapshot() async throws {
        let (path, world) = (TemporaryFile.path("declared.db"), World())
        let first = try await engine(world, try SQLiteEventStore(path: path))
        try await first.register(Self.waiting)
        let handle = try await first.startDefinition(
            "declared.waiting", id: "d", input: Order(id: "1"), as: [String].self)
        let sagaID = try #require(handle.target.sagaID)
        var events: [HistoryEvent] = []
        while events.count < 150 || events.count(where: { $0.eventType == .snapshotCreated }) < 2 {
            try await handle.signal("other", "x")
            if events.count < 150 || events.count % 20 == 0 { events = try await handle.history() }
        }
        await first.shutDown()
        let store = WatchedStore(try SQLiteEventStore(path: path))
        let second = try await engine(world, store)
        let again = second.handle(DeclaredWorkflow<Order, [String]>.self, id: "d")
        try await again.signal("ok", true)
        #expect(try await again.result() == ["flight-1", "payment-1"])
        // Its first event alone may be looked at.
        let reads = store.reads.filter { $0.sagaID == sagaID && $0.limit > 1 }
        #expect(!reads.isEmpty && reads.allSatisfy { $0.from > 0 }, "\(reads)")
        #expect(world.log == ["flight 1", "payment 1"])
        await second.shutDown()
    }

    @Test func theTemplateOfAnUndoGetsDataThatRecoveryDidNotRead() async throws {
        let (path, world) = (TemporaryFile.path("declared.db"), World())
        let order = Order(id: String(repeating: "7", count: 5_000), refusedStep: "payment")
        let first = try await engine(world, try SQLiteEventStore(path: path, blobThreshold: 1_000))
        try await first.register(Self.waiting)
        let handle = try await first.startDefinition("declared.waiting", id: "d", input: order, as: [String].self)
        while !(try await handle.history().contains { $0.eventType == .activityTaskCompleted }) { await Task.yield() }
        await first.shutDown()
        let second = try await engine(world, try SQLiteEventStore(path: path, blobThreshold: 1_000))
        let again = second.handle(DeclaredWorkflow<Order, [String]>.self, id: "d")
        try await again.signal("ok", true)
        await #expect(throws: SagaFailure.self) { try await again.result() }
        #expect(world.log == ["flight \(order.id)", "told flight-\(order.id) of \(order.id)"])
        await second.shutDown()
    }
}

/// A store that remembers what was read of which history.
private final class WatchedStore: BlobStore, SnapshotStore {
    struct Read: Sendable {
        var sagaID: SagaID
        var from: EventID
        var limit: Int
    }

    private let store: SQLiteEventStore
    private let log = Mutex<[Read]>([])

    init(_ store: SQLiteEventStore) { self.store = store }

    var reads: [Read] { log.withLock { $0 } }

    func events(of sagaID: SagaID, from: EventID, limit: Int) async throws(StoreError) -> [HistoryEvent] {
        log.withLock { $0.append(Read(sagaID: sagaID, from: from, limit: limit)) }
        return try await store.events(of: sagaID, from: from, limit: limit)
    }
    func packedEvents(of sagaID: SagaID, from: EventID, limit: Int) async throws(StoreError) -> PackedHistory {
        log.withLock { $0.append(Read(sagaID: sagaID, from: from, limit: limit)) }
        return try await store.packedEvents(of: sagaID, from: from, limit: limit)
    }
    func blobs(of sagaID: SagaID, _ numbers: [UInt64]) async throws(StoreError) -> [PayloadBlob] {
        try await store.blobs(of: sagaID, numbers)
    }
    func keep(_ snapshots: [StoredSnapshot], newest: Int) async throws(StoreError) {
        try await store.keep(snapshots, newest: newest)
    }
    func snapshot(of sagaID: SagaID, upTo limit: EventID) async throws(StoreError) -> StoredSnapshot? {
        try await store.snapshot(of: sagaID, upTo: limit)
    }
    func append(_ batch: AppendBatch) async throws(StoreError) -> [AppendOutcome] { try await store.append(batch) }
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
