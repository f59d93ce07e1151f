import SagaCore
import SagaEngine
import SagaMemory
import SagaTestKit
import Testing

/// Its steps receive what it makes of chance.
private struct Fortune: DurableWorkflow {
    static let typeID = "fortune"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> [String] {
        var thrown: [String] = []
        try context.setQueryHandler("thrown") { thrown }
        for _ in 0..<3 {
            let throwing = "\(context.randomNumber()) \(context.uuid())"
            thrown.append(try await context.executeActivity(Throw.self, throwing))
        }
        let _: String = try await context.waitForSignal("word")
        thrown.append(try await context.executeActivity(Throw.self, "\(context.randomNumber())"))
        return thrown
    }
}

private struct Throw: Activity {
    static let typeID = "throw"
    func execute(_ input: String, _ context: ActivityContext) async throws -> String { input }
}

/// A run that a reset made comes to the random numbers of the run that was reset: its code is run again over the steps that
/// it took over, and those were asked for with what chance said then.
@Suite(.timeLimit(.minutes(1))) struct ResetChanceTests {
    @Test func chanceIsTheSameAfterResets() async throws {
        var workflows = WorkflowRegistry()
        workflows.register(Fortune.self)
        var activities = ActivityRegistry()
        activities.register(Throw())
        let engine = try await SagaEngine(store: MemoryEventStore(), workflows: workflows, activities: activities)
        let first = try await engine.startWorkflow(Fortune.self, id: "d", input: 1)
        let steps = try await steps(first, 3)
        // To the last step, then of that run to the first one, then to the second of what is new there.
        let second = try await first.reset(to: steps[2], undo: .drop)
        _ = try await self.steps(second, 3)
        let third = try await second.reset(to: steps[0], undo: .drop)
        let last = try await self.steps(third, 3)
        let fourth = try await third.reset(to: last[1], undo: .drop)
        _ = try await self.steps(fourth, 3)
        try await fourth.signal("word", "on")
        let thrown = try await fourth.result()
        #expect(thrown.count == 4 && Set(thrown).count == 4)
        // Code that is made anew for a question, over a history that has closed.
        #expect(try await fourth.query("thrown", as: [String].self) == thrown)
        let original = try await first.history().compactMap { event -> String? in
            guard case .activityTaskScheduled(let step) = event.attributes else { return nil }
            return try JSONPayloadConverter().decode(String.self, from: step.input)
        }
        #expect(original.prefix(2) == thrown.prefix(2))
        let history = try await fourth.history()
        #expect(WorkflowReplayer.replay(history, workflows)?.fits == true)
        for size in 1..<history.count {
            var replayer = WorkflowReplayer(workflows)
            replayer.lookAhead(history)
            var rest = history[...]
            while !rest.isEmpty {
                _ = replayer.add(Array(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            let last = replayer.finish()
            let verdict = try #require(last)
            #expect(verdict.fits, "pages of \(size): \(verdict.text)")
        }
        await engine.shutDown()
    }

    /// The events that completed so many steps, once they are there.
    private func steps(_ handle: SagaHandle<Fortune>, _ count: Int) async throws -> [EventID] {
        while true {
            let history = try await handle.history()
            let done = history.filter { $0.eventType == .activityTaskCompleted }.map(\.eventID)
            if done.count >= count { return done }
            #expect(!history.contains { $0.eventType == .workflowExecutionBlocked }, "its code fits no more")
            await Task.yield()
        }
    }
}
