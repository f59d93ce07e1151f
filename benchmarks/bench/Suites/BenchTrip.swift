import SagaCore
import Synchronization

/// The saga that the suites run: three steps, each with an undo.
struct BenchOrder: Codable, Sendable {
    var number: Int
    var isRefused: Bool
}

struct BenchRefusal: ClassifiedError {
    var sagaErrorKind: ErrorKind { .domain }
}

struct BenchTrip: DurableWorkflow {
    static let typeID = "bench.trip"

    func run(_ context: WorkflowContext, _ input: BenchOrder) async throws -> Int {
        let first = try await context.executeActivity(BenchStep.self, 1)
        let second = try await context.executeActivity(BenchStep.self, 2)
        let third = try await context.executeActivity(BenchStep.self, input.isRefused ? -1 : 3)
        return first + second + third
    }

    static var workflows: WorkflowRegistry {
        var registry = WorkflowRegistry()
        registry.register(BenchTrip.self)
        registry.register(BenchThereAndBack.self)
        return registry
    }

    static var activities: ActivityRegistry {
        var registry = ActivityRegistry()
        registry.register(BenchStep())
        registry.register(BenchUndo())
        return registry
    }
}

struct BenchStep: CompensatableActivity {
    static let typeID = "bench.step"
    typealias Compensation = BenchUndo
    /// The input of a saga's last step, which notes when it ran.
    static let last = 7

    func execute(_ input: Int, _ context: ActivityContext) async throws -> Int {
        if input == Self.last { BenchTurn.time.withLock { $0 = .now() } }
        if input < 0 { throw BenchRefusal() }
        return input
    }
}

struct BenchUndo: Activity {
    static let typeID = "bench.undo"

    func execute(_ input: UndoInput<Int, Int>, _ context: ActivityContext) async throws -> Int { input.output ?? 0 }
}
