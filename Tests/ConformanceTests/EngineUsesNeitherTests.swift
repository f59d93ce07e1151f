import SagaCore
import SagaEngine
import Testing

/// The engine's tasks and timers follow from the histories: it puts nothing into the queue or the timers of any store.
@Suite struct EngineUsesNeitherTests {
    private struct Reserve: CompensatableActivity {
        typealias Compensation = Release
        static let typeID = "reserve"
        func execute(_ input: Int, _ context: ActivityContext) async throws -> Int { input }
    }

    private struct Release: Activity {
        static let typeID = "release"
        func execute(_ input: UndoInput<Int, Int>, _ context: ActivityContext) async throws -> Bool { true }
    }

    private enum Refusal: ClassifiedError {
        case refused
        var sagaErrorKind: ErrorKind { .domain }
    }

    /// Refused, so that the first step is undone.
    private struct Pay: Activity {
        static let typeID = "pay"
        func execute(_ input: Int, _ context: ActivityContext) async throws -> Int { throw Refusal.refused }
    }

    private struct Shop: DurableWorkflow {
        static let typeID = "shop"
        func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
            let reserved = try await context.executeActivity(Reserve.self, input)
            try await context.sleep(.milliseconds(5))
            let signal = try await context.waitForSignal("go", as: Int.self)
            return signal == 0 ? try await context.executeActivity(Pay.self, reserved) : reserved
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func aSagaWithStepsTimersSignalsAndUndos(_ kind: StoreUnderTest) async throws {
        try await TemporaryDirectory.with { directory in
            let store = try await kind.open(directory)
            var workflows = WorkflowRegistry()
            workflows.register(Shop.self)
            var activities = ActivityRegistry()
            activities.register(Reserve())
            activities.register(Release())
            activities.register(Pay())
            let engine = try await SagaEngine(store: store, workflows: workflows, activities: activities)
            for (id, signal) in [("well", 1), ("badly", 0)] {
                let handle = try await engine.startWorkflow(Shop.self, id: id, input: 7)
                try await handle.signal("go", signal)
                let outcome = await Task { try await handle.result() }.result
                #expect((try? outcome.get()) == (signal == 1 ? 7 : nil))
                let types = Set(try await handle.history().map(\.eventType))
                #expect(types.isSuperset(of: [.activityTaskScheduled, .timerFired, .signalReceived]))
                #expect(types.contains(.compensationStepCompleted) == (signal == 0))
            }
            // Places are counted up and never used again: the first of each is still free.
            let queue = try #require(store as? any TaskQueue)
            let timers = try #require(store as? any TimerStore)
            #expect(try await queue.enqueue([QueuedTask(key: "first")], on: "q") == 1)
            #expect(try await queue.lease(from: "q", limit: 1, for: .seconds(60)).map(\.lease.place) == [1])
            let now = Timestamp(microseconds: 1_790_000_000_000_000)
            try await timers.schedule([StoredTimer(key: "first", due: now)], in: "g")
            #expect(
                try await timers.claimDue(in: "g", now: now, limit: 1, for: .seconds(60)).map(\.claim.place) == [1])
            await engine.shutDown()
            await store.close()
        }
    }
}
