import SagaCore
import SagaEngine
import SagaMemory
import SagaTestKit
import Testing

/// Recorded histories against code that is the same, and code that is not.
@Suite(.timeLimit(.minutes(2))) struct ReplayTests {
    private struct Echo: Activity {
        static let typeID = "replay.echo"
        func execute(_ input: String, _ context: ActivityContext) async throws -> String { input }
    }

    /// The code that wrote the histories.
    private struct Before: DurableWorkflow {
        static let typeID = "replay.order"
        func run(_ context: WorkflowContext, _ input: String) async throws -> String {
            let first = try await context.executeActivity(Echo.self, input, options: ActivityOptions(stepID: "first"))
            return try await context.executeActivity(Echo.self, first, options: ActivityOptions(stepID: "second"))
        }
    }

    private struct OtherStep: DurableWorkflow {
        static let typeID = "replay.order"
        func run(_ context: WorkflowContext, _ input: String) async throws -> String {
            let first = try await context.executeActivity(Echo.self, input, options: ActivityOptions(stepID: "first"))
            try await context.sleep(.seconds(1))
            return first
        }
    }

    private struct Fewer: DurableWorkflow {
        static let typeID = "replay.order"
        func run(_ context: WorkflowContext, _ input: String) async throws -> String {
            try await context.executeActivity(Echo.self, input, options: ActivityOptions(stepID: "first"))
        }
    }

    private struct More: DurableWorkflow {
        static let typeID = "replay.order"
        func run(_ context: WorkflowContext, _ input: String) async throws -> String {
            let output = try await Before().run(context, input)
            try await context.sleep(.seconds(1))
            return output
        }
    }

    private func record() async throws -> [HistoryEvent] {
        var workflows = WorkflowRegistry()
        workflows.register(Before.self)
        var activities = ActivityRegistry()
        activities.register(Echo())
        let engine = try await SagaEngine(store: MemoryEventStore(), workflows: workflows, activities: activities)
        let handle = try await engine.startWorkflow(Before.self, id: "order-1", input: "x")
        #expect(try await handle.result() == "x")
        let events = try await handle.history()
        await engine.shutDown()
        return events
    }

    private func replay<W: DurableWorkflow>(_ events: [HistoryEvent], _ workflow: W.Type) throws -> ReplayVerdict {
        var workflows = WorkflowRegistry()
        workflows.register(W.self)
        return try #require(WorkflowReplayer.replay(events, workflows))
    }

    @Test func theSameCodeFitsAsAWholeAndInPages() async throws {
        let events = try await record()
        let verdict = try replay(events, Before.self)
        #expect(verdict.fits, "\(verdict.text)")
        #expect(verdict.events == UInt64(events.count))
        #expect(verdict.workflowID == "order-1")
        var workflows = WorkflowRegistry()
        workflows.register(Before.self)
        for size in 1...events.count {
            var replayer = WorkflowReplayer(workflows)
            var rest = events[...]
            while !rest.isEmpty {
                #expect(replayer.add(Array(rest.prefix(size))).isEmpty)
                rest = rest.dropFirst(size)
            }
            #expect(replayer.finish()?.fits == true, "pages of \(size)")
        }
        for length in 1..<events.count {
            #expect(try replay(Array(events.prefix(length)), Before.self).fits, "an open run of \(length) events")
        }
    }

    @Test func eachMismatchIsNamed() async throws {
        let events = try await record()
        let scheduled = events.filter { $0.eventType == .activityTaskScheduled }.map(\.eventID)
        let other = try replay(events, OtherStep.self)
        let problem = try #require(other.problem)
        #expect(problem.eventID == scheduled[1])
        #expect(problem.recorded == "ActivityTaskScheduled")
        #expect(problem.asked.contains("timer"), "\(problem)")
        #expect(problem.callSite.contains("ReplayTests.swift:"), "\(problem)")
        #expect(other.text.contains("asked for:"))
        #expect(other.json.contains("\"fits\":false"))
        let fewer = try #require(try replay(events, Fewer.self).problem)
        #expect(fewer.eventID == scheduled[1])
        let more = try #require(try replay(events, More.self).problem)
        #expect(more.recorded == "WorkflowExecutionCompleted")
        #expect(more.asked.contains("timer"))
    }

    @Test func codeThatIsNotThereIsNamed() async throws {
        let events = try await record()
        let verdict = try #require(WorkflowReplayer.replay(events, WorkflowRegistry()))
        #expect(verdict.problem?.message.contains("replay.order") == true)
        let headless = try #require(WorkflowReplayer.replay(Array(events.dropFirst()), WorkflowRegistry()))
        #expect(headless.problem?.message.contains("begins with") == true)
    }

    @Test func wrongArgumentsAndFilesAreTold() {
        #expect(ReplayCommandLine.run(WorkflowRegistry(), ["replay"]).status == 2)
        #expect(ReplayCommandLine.run(WorkflowRegistry(), ["replay", "--colour"]).status == 2)
        #expect(ReplayCommandLine.run(WorkflowRegistry(), ["replay", "/nonexistent/file"]).status == 8)
        #expect(ReplayCommandLine.run(WorkflowRegistry(), ["replay", "/dev/null"]).status == 8)
    }
}
