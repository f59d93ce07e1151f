import Foundation
import Logging
import SagaCore
import SagaEngine
import SagaRuntime

/// An engine with a worker in the same process, as `SagaEngine` puts them together, that can be stopped without its store.
struct EngineWorld: Sendable {
    static let namespace = "default"
    let driver: ShardDriver
    private let host: WorkerHost
    private let worker: WorkerID

    /// Opens the engine over a store: calls are served when it returns.
    /// - Parameter maxLiveRuns: Runs that are kept whole, and whose code is kept live; nil for the defaults.
    init(
        _ store: any EventStore, _ workflows: WorkflowRegistry, _ activities: ActivityRegistry, maxLiveRuns: Int? = nil
    ) async throws {
        var logger = Logger(label: "bench")
        logger.logLevel = .error
        var config = SagaEngineConfig()
        if let maxLiveRuns { config.maxLiveRuns = maxLiveRuns }
        driver = try await ShardDriver(store: store, config: config, logger: logger)
        await driver.start()
        let limits = maxLiveRuns.map { WorkerLimits(maxCachedRuns: $0) } ?? WorkerLimits()
        host = WorkerHost(workflows: workflows, activities: activities, identity: "bench", limits: limits)
        let offer = WorkerOffer(
            namespace: Self.namespace, identity: "bench", queues: [(name: "default", slots: 1_000)],
            activityTypes: activities.types, workflowTypes: workflows.types)
        worker = driver.openWorker(offer, deliveringTo: host)
        host.attach(HostedWorkerSink(driver: driver, worker: worker))
    }

    func stop() async {
        host.shutDown()
        driver.post(.workerClosed(worker))
        await driver.shutDown()
    }

    /// Starts so many sagas, many at a time; each is durable when this returns.
    func start<Input: Encodable & Sendable>(
        _ type: String, _ range: Range<Int>, width: Int = 512, input: @escaping @Sendable (Int) -> Input
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 0..<width {
                group.addTask {
                    for number in stride(from: range.lowerBound + lane, to: range.upperBound, by: width) {
                        let payload = try JSONPayloadConverter().encode(input(number))
                        let call = StartCall(
                            namespace: Self.namespace, workflowID: "\(type)-\(number)", workflowType: type,
                            input: payload)
                        _ = try await driver.call(.start(call)).get()
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Waits until the engine stands as it should.
    func wait(_ what: String, seconds: Double = 3_600, until condition: (ShardStatus) -> Bool) async throws {
        let start = Date()
        while case let status = await driver.status(), !condition(status) {
            guard Date().timeIntervalSince(start) < seconds else {
                throw BenchFailure("engine: \(what) after \(Int(seconds)) s: \(status)")
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}
