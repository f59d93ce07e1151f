internal import Logging
public import SagaCore
internal import SagaEngine
internal import SagaMemory

/// Every event type that the engine emits, each by a scenario that runs through the real engine (semantics, section 9).
public struct Catalogue: Sendable {
    /// The scenarios that emitted each event type, in the order in which they ran.
    public private(set) var emitters: [EventType: [String]] = [:]
    /// The histories of each scenario: users' runs, oldest first, then what is kept beside them.
    public private(set) var histories: [(scenario: String, runs: [[HistoryEvent]])] = []

    /// Runs every scenario.
    /// - Parameter open: Opens a fresh store for each.
    /// - Throws: What a scenario threw, with its name.
    public init(_ open: () async throws -> any EventStore) async throws {
        for scenario in Scenario.all {
            let store = try await open()
            let engine = try await Self.engine(store)
            do {
                try await scenario.run(engine)
                var rows = try await engine.list().sorted { $0.sagaID < $1.sagaID }
                // What is kept beside users' runs: registered definitions, aggregates.
                var beside = try await store.list(ExecutionQuery(namespace: "saga.definitions/default"))
                beside += try await store.list(ExecutionQuery(namespace: AggregateStore.namespacePrefix + "default"))
                rows += beside
                var runs: [[HistoryEvent]] = []
                for row in rows {
                    let events = try await store.events(of: row.sagaID, from: 0, limit: 10_000)
                    for event in events { note(event.eventType, scenario.name) }
                    runs.append(events)
                }
                histories.append((scenario.name, runs))
            } catch {
                await engine.shutDown()
                throw ScenarioFailure(scenario: scenario.name, reason: "\(error)")
            }
            await engine.shutDown()
        }
    }

    /// The code of the scenarios. Histories of released versions are replayed against it for ever, so it changes by patches
    /// only (`context.patched`), like the code of anybody with open sagas.
    public static var workflows: WorkflowRegistry { catalogueWorkflows }

    /// The activities of the scenarios.
    public static var activities: ActivityRegistry { catalogueActivities }
    /// Runs every scenario in memory.
    public init() async throws { try await self.init { MemoryEventStore() } }

    private mutating func note(_ type: EventType, _ name: String) {
        guard emitters[type, default: []].last != name else { return }
        emitters[type, default: []].append(name)
    }

    private static func engine(_ store: any EventStore) async throws -> SagaEngine {
        var logger = Logger(label: "catalogue")
        logger.logLevel = .critical
        var config = SagaEngineConfig()
        config.cancelGrace = .milliseconds(200)
        return try await SagaEngine(
            config: config, store: store, workflows: catalogueWorkflows, activities: catalogueActivities,
            logger: logger)
    }

    /// Types that no scenario emits, in the order of their codes.
    public var missing: [EventType] { EventType.allCases.filter { emitters[$0] == nil } }

    /// One line for each type, and the sum.
    public var report: String {
        var lines = EventType.allCases.map { type in
            "\(type.rawValue) \(type.name): \(emitters[type]?.first ?? "-")"
        }
        let emitted = EventType.allCases.count - missing.count
        lines.append("catalogue: \(emitted) of \(EventType.allCases.count) event types emitted")
        return lines.joined(separator: "\n")
    }
}

/// A scenario that did not go as it should.
public struct ScenarioFailure: Error, CustomStringConvertible {
    /// Its name.
    public var scenario: String
    /// What happened.
    public var reason: String

    public var description: String { "scenario \(scenario): \(reason)" }
}
