import SagaCore
import SagaEngine
import SagaMemory
import Synchronization
import Testing

/// Counts how many of it run at the same time.
private struct Counted: Activity {
    static let typeID = "counted"
    static let running = Mutex((now: 0, most: 0))

    func execute(_ input: Int, _ context: ActivityContext) async throws -> Int {
        Self.running.withLock { count in
            count.now += 1
            count.most = max(count.most, count.now)
        }
        // Gives others the chance to run beside it.
        for _ in 0..<50 { await Task.yield() }
        Self.running.withLock { $0.now -= 1 }
        return input
    }
}

/// Many steps at once.
private struct Crowd: DurableWorkflow {
    static let typeID = "crowd"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<input {
                group.addTask { try await context.executeActivity(Counted.self, number) }
            }
            return try await group.reduce(0) { sum, _ in sum + 1 }
        }
    }
}

@Suite(.timeLimit(.minutes(1)), .serialized) struct QueueLimitTests {
    private func engine(_ limit: TaskQueueLimit) async throws -> SagaEngine {
        var workflows = WorkflowRegistry()
        workflows.register(Crowd.self)
        var activities = ActivityRegistry()
        activities.register(Counted())
        var config = SagaEngineConfig()
        config.taskQueueLimits = ["default": limit]
        Counted.running.withLock { $0 = (0, 0) }
        return try await SagaEngine(
            config: config, store: MemoryEventStore(), workflows: workflows, activities: activities)
    }

    @Test func noMoreThanTheLimitRunAtOnce() async throws {
        let engine = try await engine(TaskQueueLimit(maximumConcurrent: 3))
        #expect(try await engine.executeWorkflow(Crowd.self, id: "c", input: 40) == 40)
        #expect(Counted.running.withLock { $0.most } <= 3)
        await engine.shutDown()
    }

    @Test func noMoreThanTheRateAreHandedOut() async throws {
        let engine = try await engine(TaskQueueLimit(perSecond: 100, burst: 5))
        let began = ContinuousClock.now
        #expect(try await engine.executeWorkflow(Crowd.self, id: "c", input: 25) == 25)
        let time = began.duration(to: .now)
        // Five at once, the other twenty at a hundred a second; more is no error on a busy machine.
        #expect(time >= .milliseconds(195))
        await engine.shutDown()
    }
}
