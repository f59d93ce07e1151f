import SagaCore
import SagaEngine
import Testing

/// A run that a reset made is reset once more, further back.
@Suite struct SecondResetTests {
    private static func reset(_ world: ShardWorld, to eventID: EventID, _ name: String) -> Result<
        CallReply, CallFailure
    >? {
        let id = world.call(
            .reset(ResetCall(target: world.target, eventID: eventID, undo: .keep, requestID: name)))
        world.settle()
        return world.replies[id]
    }

    /// The child goes by the name of the run that began it, and that name would be lost.
    @Test func aChildThatIsOpenIsNotLost() throws {
        let world = ShardWorld()
        world.start { events in
            guard case .workflowExecutionStarted(let started)? = events.first?.attributes else { return [] }
            if started.workflowID != "w" { return [.step("b")] }
            let child = WorkflowCommand.startChild(
                StartChildCommand(workflowID: "w/1", workflowType: "script", input: .empty))
            return [.step("a")] + (events.isClosed("a") ? [child] : [])
        }
        world.report(world.tasks.removeFirst(), .completed(output: .empty, undoData: nil))
        world.settle()
        let first = try #require(world.openRun)
        let events = try #require(world.log[first])
        let started = try #require(events.first { $0.eventType == .childWorkflowExecutionStarted }).eventID
        let done = try #require(events.first { $0.eventType == .activityTaskCompleted }).eventID

        guard case .success(.started(let second, _))? = Self.reset(world, to: started, "one") else {
            Issue.record("the first reset is refused")
            return
        }
        #expect(world.openRun == second && second != first)
        guard case .failure(let failure)? = Self.reset(world, to: started, "two") else {
            Issue.record("the second reset forgets whose the child is")
            return
        }
        #expect(failure.code == .failedPrecondition)
        #expect(failure.message.contains("made by a reset to event \(started) of run \(first)"), "\(failure.message)")
        #expect(world.openRun == second)
        #expect(world.openRun("w/1") != nil, "the child is left alone")
        guard case .success(.started(let third, _))? = Self.reset(world, to: done, "three") else {
            Issue.record("a reset to an event before the child is refused")
            return
        }
        #expect(world.openRun == third)
    }
}
