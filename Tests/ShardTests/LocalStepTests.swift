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

    private static let schedule = WorkflowCommand.scheduleLocalActivity(
        LocalActivityCommand(
            stepID: "l", activityType: "a", input: .json("1"), undo: UndoSpec(activityType: "undo")))

    /// The step's only attempt had no effect, and the code gives up.
    private static func failsWithoutEffect(_ events: [HistoryEvent]) -> [WorkflowCommand] {
        var commands = [schedule]
        guard let scheduled = events.first(where: { $0.eventType == .localActivityScheduled }) else { return commands }
        let error = SagaError(kind: .activityExecution, message: "no")
        commands.append(
            .recordLocalActivity(
                LocalActivityRecord(
                    activityType: "a", scheduledEventID: scheduled.eventID, end: .failed(error, .noEffect))))
        if events.contains(where: { $0.eventType == .localActivityFailed }) { commands.append(.fail(error)) }
        return commands
    }

    private func outcome(_ world: ShardWorld) -> StepOutcome? {
        world.history.firstMatch { if case .localActivityFailed(let failed) = $0 { failed.outcome } else { nil } }
    }

    /// A worker whose memory of the code is gone has not run the step that it was just given.
    @Test func whoeverAsksForTheHistoryHasRunNothing() throws {
        let world = ShardWorld { $0.maxLiveRuns = 100 }
        world.answers = [
            .completed(
                seenEventID: 0, commands: [NumberedCommand(number: 0, command: Self.schedule)], unconsumedSignals: 0),
            .needHistory(from: 0),
        ]
        world.start(script: Self.failsWithoutEffect)
        #expect(outcome(world) == .noEffect)
        #expect(world.tasks.isEmpty)
        #expect(world.status == .failed)
    }

    /// The code had the step in hand when it was lost. Whether it ran it nobody knows, so what the next worker says of its own
    /// attempt does not mean that nothing happened, and the step is undone.
    @Test(arguments: Loss.allCases)
    func anAttemptThatMayHaveBeenIsNotForgotten(_ loss: Loss) throws {
        let world = ShardWorld { $0.maxLiveRuns = loss == .parking ? 0 : 100 }
        var isAnswered = false
        world.start { isAnswered ? Self.failsWithoutEffect($0) : [Self.schedule] }
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
        let isLost = loss == .server || loss == .worker
        #expect(outcome(world) == (isLost ? .unknown : .noEffect))
        #expect(world.tasks.map(\.activityType) == (isLost ? ["undo"] : []))
        if !isLost { #expect(world.status == .failed) }
    }
}
