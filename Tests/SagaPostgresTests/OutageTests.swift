import Foundation
import Logging
import SagaCore
import SagaEngine
import SagaPostgres
import Synchronization
import Testing

/// What the engine said.
private final class Said: Sendable {
    private let lines = Mutex<[String]>([])

    func add(_ line: String) { lines.withLock { $0.append(line) } }

    /// The waits that it announced, in milliseconds: between two tries to write, or to read everything anew.
    func waits() -> [Int] {
        lines.withLock { $0 }.compactMap { line in
            for word in ["next in ", "wait_ms: "] {
                guard let at = line.range(of: word) else { continue }
                return Int(line[at.upperBound...].prefix { $0.isNumber })
            }
            return nil
        }
    }

    var all: [String] { lines.withLock { $0 } }
}

private struct SaidHandler: LogHandler {
    let said: Said
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        said.add(
            "\(event.message) " + (event.metadata ?? [:]).map { "\($0.key): \($0.value)" }.joined(separator: ", "))
    }
}

private struct Steps: DurableWorkflow {
    static let typeID = "steps"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        var sum = 0
        for step in 1...3 { sum += try await context.executeActivity(Note.self, 10 * input + step) }
        return sum
    }
}

/// Notes that it ran, under its idempotency key: what a side effect in the world would be.
private struct Note: Activity {
    static let typeID = "note"
    static let effects = Mutex<[String: Int]>([:])

    func execute(_ input: Int, _ context: ActivityContext) async throws -> Int {
        Self.effects.withLock { $0[context.idempotencyKey, default: 0] += 1 }
        return input
    }
}

/// The database goes away under the whole engine, and comes back.
@Suite(.enabled(if: PrivateCluster.isWanted), .serialized) struct OutageTests {
    @Test func theEngineWaitsSaysSoAndLosesNothing() async throws {
        try await PrivateCluster.with { cluster in
            let said = Said()
            var workflows = WorkflowRegistry()
            workflows.register(Steps.self)
            var activities = ActivityRegistry()
            activities.register(Note())
            let store = try await PostgresEventStore.open(PostgresOptions(connection: cluster.address))
            let logger = Logger(label: "test") { _ in SaidHandler(said: said) }
            let engine = try await SagaEngine(
                store: store, workflows: workflows, activities: activities, logger: logger)
            #expect(try await engine.executeWorkflow(Steps.self, id: "first", input: 1) == 36)
            cluster.stop("immediate")
            // Begun while nothing can be written: each is acknowledged only when it is durable, or told to be open.
            async let sums = withTaskGroup(of: (Int, Int).self) { group in
                for number in 0..<40 {
                    group.addTask { (number, await Self.insist(engine, "saga-\(number)", number)) }
                }
                return await group.reduce(into: [Int: Int]()) { $0[$1.0] = $1.1 }
            }
            let deadline = ContinuousClock.now + .seconds(60)
            while said.waits().count < 4 && ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(5))
            }
            let waits = said.waits()
            #expect(waits.count >= 4 && waits == waits.sorted() && waits[0] < waits[3], "backoff: \(waits)")
            #expect(said.all.contains { $0.contains("PostgreSQL: ") }, "it says what is wrong")
            try cluster.start()
            let results = await sums
            for number in 0..<40 { #expect(results[number] == 30 * number + 6) }
            // Every step once in the histories, and once in the world: nobody died, so nothing ran twice.
            let listed = try await engine.list(ExecutionQuery(namespace: "default", limit: 100))
            #expect(listed.count == 41)
            for row in listed {
                #expect(row.status == .completed)
                let events = try await store.events(of: row.sagaID, from: 0, limit: 1_000)
                #expect(events.map(\.eventID) == (0..<row.nextEventID).map { $0 })
                let ends = events.count { if case .activityTaskCompleted = $0.attributes { true } else { false } }
                #expect(ends == 3)
            }
            let effects = Note.effects.withLock { $0 }
            #expect(effects.count == 41 * 3)
            #expect(effects.values.allSatisfy { $0 == 1 })
            await engine.shutDown()
        }
    }

    /// Asks until there is an answer: an open outcome is repeated under the same workflow id, which is one saga.
    private static func insist(_ engine: SagaEngine, _ id: String, _ input: Int) async -> Int {
        var options = StartOptions()
        options.requestID = id
        while true {
            do { return try await engine.executeWorkflow(Steps.self, id: id, input: input, options: options) } catch {
                try? await Task.sleep(for: .milliseconds(20))
            }
        }
    }
}
