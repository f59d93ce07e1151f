import SagaCore
import SagaEngine
import Testing

/// Activities that run in the worker of the code: a worker can only speak for its own attempts.
@Suite struct LocalStepTests {
    enum Loss: CaseIterable {
        case none
        case server
        case worker
        case parking
    }

    /// The code had the step in hand when it was lost. Whether it ran it nobody knows, so what the next worker says of its own
    /// attempt does not mean that nothing happened, and the step is undone.
    @Test(arguments: Loss.allCases)
    func anAttemptThatMayHaveBeenIsNotForgotten(_ loss: Loss) throws {
        let world = ShardWorld { $0.maxLiveRuns = loss == .parking ? 0 : 100 }
        var isAnswered = false
        world.start { events in
            let step = LocalActivityCommand(
                stepID: "l", activityType: "a", input: .json("1"), undo: UndoSpec(activityType: "undo"))
            var commands = [WorkflowCommand.scheduleLocalActivity(step)]
            guard isAnswered, let scheduled = events.first(where: { $0.eventType == .localActivityScheduled }) else {
                return commands
            }
            let error = SagaError(kind: .activityExecution, message: "no")
            commands.append(
                .recordLocalActivity(
                    LocalActivityRecord(
                        activityType: "a", scheduledEventID: scheduled.eventID, end: .failed(error, .noEffect))))
            if events.contains(where: { $0.eventType == .localActivityFailed }) { commands.append(.fail(error)) }
            return commands
        }
        #expect(world.types.last == .localActivityScheduled)
        isAnswered = true
        switch loss {
        case .none, .parking: break
        case .server: world.crash()
        case .worker:
            world.closeWorker()
            world.openWorker()
            world.advance(by: 3_000_000)
        }
        if loss == .none || loss == .parking {
            // Something else for the code, so that it answers.
            world.call(
                .signal(
                    SignalCall(
                        target: RunTarget(namespace: "default", workflowID: "w"), name: "s", payload: .empty,
                        requestID: "s")))
        }
        world.settle()
        let outcome = world.history.firstMatch {
            if case .localActivityFailed(let failed) = $0 { failed.outcome } else { nil }
        }
        #expect(outcome == (loss == .none ? .noEffect : .unknown))
        #expect(world.tasks.map(\.activityType) == (loss == .none ? [] : ["undo"]))
        if loss == .none { #expect(world.status == .failed) }
    }
}
