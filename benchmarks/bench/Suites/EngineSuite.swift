import Foundation
import SagaCore
import SagaEngine
import SagaMemory
import SagaSQLite

/// Whole sagas through the embedded engine: three steps, each with an undo, real workflow code, on each store.
struct EngineSuite: BenchSuite {
    let name = "engine"
    let summary = "three-step sagas per second through the embedded engine; one step costs one commit"

    func run(_ context: BenchContext) async throws {
        for store in EngineStore.allCases {
            let inFlight = context.quick ? [1, 64] : [1, 16, 256, 1_024]
            for width in inFlight where context.wants("\(store.rawValue) \(width) in flight") {
                try await measure(context, store, width, refused: false)
            }
            if context.wants("\(store.rawValue) unwinding") {
                try await measure(context, store, 256, refused: true)
            }
        }
        try await measureDeclared(context)
        try await measureScale(context)
        try await measureParked(context)
        try await measureTimers(context)
    }

    private func measure(_ context: BenchContext, _ store: EngineStore, _ width: Int, refused: Bool) async throws {
        let total = max(width, context.quick ? 400 : (width == 1 ? 2_000 : 20_000))
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("bench-engine-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let engine = try await SagaEngine(
            store: try store.open(folder), workflows: BenchTrip.workflows, activities: BenchTrip.activities)
        // Warm-up: the first sagas pay for lazy set-up.
        _ = try await sagas(engine, count: min(total, 200), width: width, refused: refused, prefix: "warm")
        let start = Date()
        let (latencies, checksum) = try await sagas(engine, count: total, width: width, refused: refused, prefix: "run")
        let seconds = Date().timeIntervalSince(start)
        await engine.shutDown()
        let expected = refused ? total : total * 6
        guard checksum == expected else {
            throw BenchFailure("engine: the sagas gave \(checksum), expected \(expected)")
        }
        let label = refused ? "\(store.rawValue) unwinding" : "\(store.rawValue) \(width) in flight"
        var rate = context.result(label, unit: "sagas/s", value: Double(total) / seconds, better: .higher)
        rate.operationsPerSecond = Double(total) / seconds
        rate.checksum = String(checksum, radix: 16)
        rate.samples = total
        context.record(rate)
        let sorted = latencies.sorted()
        for (percentile, part) in [("p50", 0.5), ("p99", 0.99)] {
            let value = sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]
            context.record(
                context.result("\(label), \(percentile)", unit: "us/saga", value: value * 1e6, better: .lower))
        }
    }

    /// Runs sagas, so many at a time; gives their latencies in seconds and the sum of what they returned.
    private func sagas(
        _ engine: SagaEngine, count: Int, width: Int, refused: Bool, prefix: String
    ) async throws -> ([Double], Int) {
        try await withThrowingTaskGroup(of: ([Double], Int).self) { group in
            for lane in 0..<width {
                group.addTask {
                    var latencies: [Double] = []
                    var sum = 0
                    for number in stride(from: lane, to: count, by: width) {
                        let start = Date()
                        let handle = try await engine.startWorkflow(
                            BenchTrip.self, id: "\(prefix)-\(width)-\(refused)-\(number)",
                            input: BenchOrder(number: number, isRefused: refused))
                        let closed = try await handle.closing()
                        switch closed.closing {
                        case .workflowExecutionCompleted: sum += try await handle.result()
                        case .workflowExecutionFailed(let event) where event.compensation.state == .complete: sum += 1
                        default: throw BenchFailure("engine: saga \(number) ended as \(closed.status.name)")
                        }
                        latencies.append(Date().timeIntervalSince(start))
                    }
                    return (latencies, sum)
                }
            }
            var latencies: [Double] = []
            var sum = 0
            for try await part in group {
                latencies += part.0
                sum += part.1
            }
            return (latencies, sum)
        }
    }
}

enum EngineStore: String, CaseIterable {
    case memory, sqlite

    func open(_ folder: URL) throws -> any EventStore {
        switch self {
        case .memory: MemoryEventStore()
        case .sqlite: try SQLiteEventStore(path: folder.appendingPathComponent("bench.db").path)
        }
    }
}
