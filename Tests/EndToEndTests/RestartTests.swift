import Foundation
import Logging
import SagaClient
import SagaCore
import SagaSQLite
import SagaServer
import SagaTransport
import SagaWorker
import Synchronization
import Testing

private struct Step: CompensatableActivity {
    typealias Compensation = UndoStep
    static let typeID = "step"
    let effects: Effects
    func execute(_ input: Int, _ context: ActivityContext) async throws -> Int {
        effects.count(context.idempotencyKey)
        return input + 1
    }
}

private struct UndoStep: Activity {
    static let typeID = "undo-step"
    func execute(_ input: UndoInput<Int, Int>, _ context: ActivityContext) async throws -> Bool { true }
}

/// Effects by idempotency key.
private final class Effects: Sendable {
    private let counts = Mutex<[String: Int]>([:])
    func count(_ key: String) { counts.withLock { $0[key, default: 0] += 1 } }
    var all: [String: Int] { counts.withLock { $0 } }
}

/// Ten steps one after the other.
private struct Chain: DurableWorkflow {
    static let typeID = "chain"
    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        var value = input
        for number in 0..<10 {
            value = try await context.executeActivity(
                Step.self, value,
                options: ActivityOptions(
                    stepID: "step \(number)",
                    retry: RetryPolicy(maximumAttempts: 0, initialIntervalMicros: 10_000),
                    timeouts: ActivityTimeouts(startToCloseMicros: 2_000_000)))
        }
        return value
    }
}

/// A server process in miniature: over one file, at one port, again and again.
private struct Site {
    let folder: String
    let certificates: DevCertificates
    var port = 0

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("saga-e2e-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        folder = url.path
        certificates = try DevCertificates.ensure(in: folder + "/certificates")
    }

    static let logger: Logger = {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }()

    mutating func start() async throws -> SagaServer {
        // Between two lives of the server its port is free. One of the range for outgoing connections could be taken then.
        if port == 0 { port = Int.random(in: 20_000..<32_000) }
        var configuration = ServerConfiguration(
            listener: ListenerConfiguration(
                address: .tcp(host: "127.0.0.1", port: port), security: .tls(TLSServerConfiguration(certificates))))
        configuration.threads = 1
        var engine = SagaEngineConfig()
        engine.reclaimGrace = .milliseconds(500)
        return try await SagaServer.start(
            configuration, store: try SQLiteEventStore(path: folder + "/sagas.db"), engine: engine, logger: Self.logger)
    }

    var options: ConnectionOptions {
        var options = ConnectionOptions(host: "127.0.0.1", port: port, security: .tls(ca: certificates.caPath))
        options.deadline = .seconds(60)
        options.backoff = .milliseconds(20)...(.milliseconds(200))
        return options
    }
}

@Suite(.timeLimit(.minutes(2))) struct RestartTests {
    @Test func sagasSurviveRestartsOfTheServer() async throws {
        var site = try Site()
        var server = try await site.start()
        let effects = Effects()
        var workflows = WorkflowRegistry()
        workflows.register(Chain.self)
        var activities = ActivityRegistry()
        activities.register(Step(effects: effects))
        activities.register(UndoStep())
        let worker = try SagaWorker(
            connection: site.options, workflows: workflows, activities: activities, logger: Site.logger)
        let serving = Task { try await worker.run() }
        let client = try await SagaClient.connect(site.options, logger: Site.logger)

        // Callers and the worker know nothing of the restarts; they only see calls that take longer.
        let results = Task {
            try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<60 {
                    group.addTask {
                        // The starts are spread over the restarts.
                        try await Task.sleep(for: .milliseconds(number * 25))
                        let handle = try await client.start(Chain.self, id: "chain-\(number)", input: number)
                        return try await handle.result()
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
        }
        for round in 0..<3 {
            try await Task.sleep(for: .milliseconds(400))
            // Once without time for anybody to finish.
            await server.shutDown(grace: round == 1 ? .zero : .seconds(1))
            server = try await site.start()
        }
        let sums = try await results.value
        #expect(sums.sorted() == (0..<60).map { $0 + 10 })
        // Each step ran at least once under a key of its own.
        #expect(effects.all.count == 600)

        // The history of each run is whole, and tells of each step once.
        for number in [0, 17, 59] {
            var completed = 0
            var next: EventID = 0
            for try await event in client.history("chain-\(number)") {
                #expect(event.eventID == next)
                next += 1
                if case .activityTaskCompleted = event.attributes { completed += 1 }
            }
            #expect(completed == 10)
        }
        serving.cancel()
        try await serving.value
        await client.close()
        await server.shutDown(grace: .seconds(1))
        try FileManager.default.removeItem(atPath: site.folder)
    }
}
