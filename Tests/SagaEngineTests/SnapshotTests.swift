import Logging
import SagaCore
import SagaEngine
import SagaSQLite
import Synchronization
import Testing

/// Snapshots through the whole engine: taken, recorded, used at the next start, and not missed when they are bad.
@Suite(.timeLimit(.minutes(2))) struct SnapshotTests {
    private func engine(
        _ store: any EventStore, every events: UInt64 = 10, logger: Logger = Logger(label: "test")
    ) async throws -> SagaEngine {
        let (workflows, activities) = bookingTypes(World())
        var config = SagaEngineConfig()
        config.snapshots = .every(events: events)
        return try await SagaEngine(
            config: config, store: store, workflows: workflows, activities: activities, logger: logger)
    }

    /// A run that waits, with more than a hundred signals and at least two recorded snapshots.
    private func prepare(_ store: any EventStore) async throws -> SagaID {
        let engine = try await engine(store)
        let handle = try await engine.startWorkflow(Approval.self, id: "long", input: Order(id: "1"))
        var events: [HistoryEvent] = []
        while events.count < 200 || events.count(where: { $0.eventType == .snapshotCreated }) < 2 {
            try await handle.signal("other", "x")
            if events.count < 200 || events.count % 20 == 0 { events = try await handle.history() }
        }
        for event in events {
            guard case .snapshotCreated(let created) = event.attributes else { continue }
            #expect(created.uptoEventID < event.eventID)
            #expect(created.sizeBytes > 0)
            #expect(event.isResetPoint)
        }
        await engine.shutDown()
        return try #require(handle.target.sagaID)
    }

    @Test func aRunGoesOnFromItsSnapshot() async throws {
        let path = TemporaryFile.path("long.db")
        let sagaID = try await prepare(try SQLiteEventStore(path: path))
        let store = try SQLiteEventStore(path: path)
        let replayer = HistoryReplayer(store: store)
        let whole = try #require(try await replayer.state(of: sagaID, from: .beginning))
        let quick = try #require(try await replayer.state(of: sagaID))
        #expect(quick.snapshotAt > 0)
        #expect(quick.eventsApplied < whole.eventsApplied)
        #expect(quick.state == whole.state)
        let engine = try await engine(store)
        let handle = engine.handle(Approval.self, id: "long")
        try await handle.signal("approved", "anna")
        #expect(try await handle.result() == "anna")
        await engine.shutDown()
    }

    @Test func aDamagedOneIsReportedAndTheHistoryServes() async throws {
        let path = TemporaryFile.path("long.db")
        let sagaID = try await prepare(try SQLiteEventStore(path: path))
        let store = try SQLiteEventStore(path: path)
        var limit = EventID.max
        while let stored = try await store.snapshot(of: sagaID, upTo: limit) {
            var bad = stored
            bad.bytes[20] ^= 1
            try await store.keep([bad], newest: 9)
            limit = stored.nextEventID - 1
        }
        let lines = LogLines()
        let engine = try await engine(store, logger: lines.logger)
        #expect(lines.all.contains { $0.contains("a snapshot is not used") && $0.contains("checksum") }, "\(lines.all)")
        let handle = engine.handle(Approval.self, id: "long")
        try await handle.signal("approved", "ben")
        #expect(try await handle.result() == "ben")
        await engine.shutDown()
    }

    @Test func noneIsTakenWhenTheyAreOff() async throws {
        let path = TemporaryFile.path("off.db")
        let engine = try await engine(try SQLiteEventStore(path: path), every: 0)
        let handle = try await engine.startWorkflow(Approval.self, id: "long", input: Order(id: "1"))
        for _ in 0..<150 { try await handle.signal("other", "x") }
        try await handle.signal("approved", "carl")
        #expect(try await handle.result() == "carl")
        let sagaID = try #require(handle.target.sagaID)
        await engine.shutDown()
        let store = try SQLiteEventStore(path: path)
        #expect(try await store.snapshot(of: sagaID, upTo: .max) == nil)
        await store.close()
    }
}

/// What a logger was told.
private final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }

    var logger: Logger { Logger(label: "lines") { _ in Handler(lines: self) } }

    private struct Handler: LogHandler {
        let lines: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            lines.lines.withLock { $0.append("\(event.message) \(event.metadata ?? [:])") }
        }
    }
}
