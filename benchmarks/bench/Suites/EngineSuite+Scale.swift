import Foundation
import SagaCore
import SagaEngine
import Synchronization

/// One saga of many steps: what a step costs must not grow with the steps before it, and undoing must not cost more than
/// going forward. Ratios are of processor time, which other programs on the machine disturb less.
extension EngineSuite {
    func measureScale(_ context: BenchContext) async throws {
        let lengths = context.quick ? [10, 1_000, 10_000] : [10, 1_000, 10_000, 100_000]
        for store in EngineStore.allCases {
            var base: Double?
            for steps in lengths where context.wants("\(store.rawValue) steps in one saga") {
                let cost = try await longSagas(store, steps)
                if steps == 1_000 { base = cost.forward.processor }
                var forward = context.result(
                    "\(store.rawValue) steps in one saga: \(steps)", unit: "us/step", value: cost.forward.wall * 1e6,
                    better: .lower)
                // Shorter sagas pay for their start and their end, too: a thousand steps are what the others are held to.
                if let base, steps > 1_000 {
                    forward.reference = "1000 steps"
                    forward.referenceKind = "measured"
                    forward.ratio = cost.forward.processor / base
                }
                context.record(forward)
                var back = context.result(
                    "\(store.rawValue) steps in one saga: \(steps), unwinding", unit: "us/undo",
                    value: cost.back.wall * 1e6, better: .lower)
                back.reference = "forward"
                back.referenceKind = "measured"
                back.ratio = cost.back.processor / cost.forward.processor
                context.record(back)
            }
        }
    }

    /// What one step costs on the way forward and back, in seconds.
    private func longSagas(_ store: EngineStore, _ steps: Int) async throws -> (forward: BenchTime, back: BenchTime) {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("bench-engine-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let engine = try await SagaEngine(
            store: try store.open(folder), workflows: BenchTrip.workflows, activities: BenchTrip.activities)
        _ = try await turn(engine, steps: 200, id: "warm")
        var forward = BenchTime()
        var back = BenchTime()
        let sagas = max(1, 2_000 / steps)
        for number in 0..<sagas {
            let start = BenchTime.now()
            let turned = try await turn(engine, steps: steps, id: "long-\(number)")
            forward += turned - start
            back += BenchTime.now() - turned
        }
        await engine.shutDown()
        return (forward / Double(sagas * steps), back / Double(sagas * steps))
    }

    /// Runs a saga to its last step and back.
    /// - Returns: When it turned round.
    private func turn(_ engine: SagaEngine, steps: Int, id: String) async throws -> BenchTime {
        let handle = try await engine.startWorkflow(BenchThereAndBack.self, id: id, input: steps)
        let closed = try await handle.closing()
        guard case .workflowExecutionFailed(let event) = closed.closing, event.compensation.state == .complete else {
            throw BenchFailure("engine: the saga of \(steps) steps ended as \(closed.status.name)")
        }
        return BenchTurn.time.withLock { $0 }
    }
}

/// Elapsed time and processor time, in seconds.
struct BenchTime: Sendable {
    var wall = 0.0
    var processor = 0.0

    static func now() -> BenchTime {
        BenchTime(wall: Date().timeIntervalSince1970, processor: Double(clock()) / Double(CLOCKS_PER_SEC))
    }

    static func - (left: BenchTime, right: BenchTime) -> BenchTime {
        BenchTime(wall: left.wall - right.wall, processor: left.processor - right.processor)
    }

    static func += (left: inout BenchTime, right: BenchTime) {
        left.wall += right.wall
        left.processor += right.processor
    }

    static func / (left: BenchTime, right: Double) -> BenchTime {
        BenchTime(wall: left.wall / right, processor: left.processor / right)
    }
}

/// When the last step of the saga ran.
enum BenchTurn {
    static let time = Mutex(BenchTime())
}

/// So many steps, and all of them undone.
struct BenchThereAndBack: DurableWorkflow {
    static let typeID = "bench.there-and-back"

    func run(_ context: WorkflowContext, _ steps: Int) async throws -> Int {
        for step in 1...max(1, steps) {
            _ = try await context.executeActivity(BenchStep.self, step == steps ? BenchStep.last : 1)
        }
        throw BenchRefusal()
    }
}
