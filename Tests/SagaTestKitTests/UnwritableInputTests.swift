import SagaCore
import SagaEngine
import SagaMemory
import SagaTestKit
import Testing

/// Asks for a step with what cannot be written, goes on, and asks for the same step with what can.
private struct Halves: DurableWorkflow {
    static let typeID = "halves"

    func run(_ context: WorkflowContext, _ input: [Double]) async throws -> [Double] {
        var halves: [Double] = []
        for divisor in input {
            do {
                halves.append(try await context.executeActivity(Halve.self, 1 / divisor))
            } catch let error as SagaError where error.kind == .codec {
                halves.append(-1)
            }
        }
        return halves
    }
}

private struct Halve: Activity {
    static let typeID = "halve"
    func execute(_ input: Double, _ context: ActivityContext) async throws -> Double { input / 2 }
}

/// A step that was never asked for, because its input cannot be written, does not take the recorded step of another call.
@Suite(.timeLimit(.minutes(1))) struct UnwritableInputTests {
    @Test func stepsStayWithTheirCalls() async throws {
        var workflows = WorkflowRegistry()
        workflows.register(Halves.self)
        var activities = ActivityRegistry()
        activities.register(Halve())
        let engine = try await SagaEngine(store: MemoryEventStore(), workflows: workflows, activities: activities)
        let handle = try await engine.startWorkflow(Halves.self, id: "h", input: [0, 1, 0, 0.5])
        #expect(try await handle.result() == [-1, 0.5, -1, 1])
        let history = try await handle.history()
        #expect(history.count { $0.eventType == .activityTaskScheduled } == 2)
        let verdict = try #require(WorkflowReplayer.replay(history, workflows))
        #expect(verdict.fits, "\(verdict.text)")
        await engine.shutDown()
    }
}
