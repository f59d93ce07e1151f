import SagaCore
import SagaEngine
import Testing

/// Undoing a child that its own run could not finish.
@Suite struct ChildUndoTests {
    private static let done = ActivityResult.completed(output: .json("7"), undoData: nil)
    private static let broken = ActivityResult.failed(
        SagaError(kind: .activityExecution, message: "broken"), outcome: .unknown)

    /// The parent fails when its child has completed two steps.
    private static func script(_ events: [HistoryEvent]) -> [WorkflowCommand] {
        guard case .workflowExecutionStarted(let started)? = events.first?.attributes else { return [] }
        if started.workflowID == "w" {
            let child = WorkflowCommand.startChild(
                StartChildCommand(workflowID: "w/1", workflowType: "script", input: .empty))
            let isOver = events.contains { $0.eventType == .childWorkflowExecutionCompleted }
            return isOver ? [child, .fail(SagaError(kind: .domain, message: "no"))] : [child]
        }
        let undo = UndoSpec(activityType: "undo", retry: .never)
        let steps: [WorkflowCommand] = [.step("a", undo: undo), .step("b", undo: undo)]
        return events.isClosed("a") && events.isClosed("b") ? steps + [.complete(.empty)] : steps
    }

    /// A child that has completed is reset by a person; then its parent fails. Whoever took an entry over has it undone, once:
    /// also if the new run has done so itself.
    @Test(arguments: [false, true]) func aChildThatWasResetIsUndoneByItsNewOwner(_ fails: Bool) throws {
        func isTold(_ events: [HistoryEvent], _ word: String) -> Bool {
            events.contains { event in
                if case .signalReceived(let signal) = event.attributes { signal.name == word } else { false }
            }
        }
        let error = SagaError(kind: .domain, message: "no")
        let world = ShardWorld()
        world.start { events in
            guard case .workflowExecutionStarted(let started)? = events.first?.attributes, started.workflowID == "w"
            else {
                let commands = Self.script(events)
                return isTold(events, "fail") && commands.count == 3
                    ? Array(commands.dropLast()) + [.fail(error)] : commands
            }
            let child = WorkflowCommand.startChild(
                StartChildCommand(workflowID: "w/1", workflowType: "script", input: .empty))
            return isTold(events, "end") ? [child, .fail(error)] : [child]
        }
        var undone: [String] = []
        func finish() {
            while let task = world.tasks.first {
                if task.reference.isUndo { undone.append(task.idempotencyKey) }
                world.report(world.tasks.removeFirst(), Self.done)
                world.settle()
            }
        }
        let child = try #require(world.openRun("w/1"))
        finish()
        #expect(world.openRun("w/1") == nil)
        let id = RunTarget(namespace: "default", workflowID: "w/1")
        let history = try #require(world.log[child])
        let first = try #require(history.first { $0.eventType == .activityTaskCompleted }?.eventID)
        world.call(.reset(ResetCall(target: id, eventID: first, undo: .keep, requestID: "reset")))
        world.settle()
        let next = try #require(world.openRun("w/1"))
        if fails {
            world.call(.signal(SignalCall(target: id, name: "fail", payload: .empty, signalID: "fail")))
            world.settle()
        }
        finish()
        #expect(world.openRun("w/1") == nil && next != child)
        #expect(undone.count == (fails ? 2 : 0))
        world.call(.signal(SignalCall(target: world.target, name: "end", payload: .empty, signalID: "end")))
        world.settle()
        finish()
        #expect(world.openRun == nil && world.openRun("w/1") == nil)
        #expect(undone.count == 2 && Set(undone).count == 2)
        let undoing = world.log.values.compactMap { events -> SagaID? in
            guard case .workflowExecutionStarted(let started)? = events.first?.attributes else { return nil }
            return started.continuedFrom
        }
        #expect(undoing == [next])
    }

    @Test(arguments: [false, true]) func aRetryUndoesWhatIsLeft(_ crashes: Bool) throws {
        let world = ShardWorld()
        world.start(script: Self.script)
        while let task = world.tasks.first, !task.reference.isUndo {
            world.report(world.tasks.removeFirst(), Self.done)
            world.settle()
        }
        let parent = try #require(world.openRun)
        let undoing = try #require(world.openRun("w/1"))
        // The first undo fails for good, and is passed over by a person; the other is done.
        let failed = try #require(world.tasks.first)
        #expect(failed.reference.sagaID == undoing)
        world.report(world.tasks.removeFirst(), Self.broken)
        world.settle()
        let target = RunTarget(namespace: "default", workflowID: "w/1", sagaID: undoing)
        world.call(.operate(OperatorCall(target: target, verb: .skip, reason: "later", requestID: "skip")))
        world.settle()
        let other = world.tasks.removeFirst()
        world.report(other, Self.done)
        world.settle()
        #expect(world.openRun("w/1") == nil)
        #expect(world.shard.state(of: parent)?.block?.cause == .undoFailed)
        if crashes { world.crash() }
        world.settle()
        // A person retries it in the parent: only what is left is undone, under the same key.
        world.call(.operate(OperatorCall(target: world.target, verb: .retry, reason: "now", requestID: "retry")))
        world.settle()
        let again = try #require(world.tasks.first)
        #expect(world.tasks.count == 1)
        #expect(again.reference.sagaID != undoing && again.idempotencyKey == failed.idempotencyKey)
        if crashes {
            world.crash()
            world.settle()
        }
        world.report(world.tasks.removeFirst(), Self.done)
        world.settle()
        // After a restart the parent asks anew when its grace is over.
        if crashes { world.advance(by: 3_000_000) }
        #expect(world.openRun == nil)
        guard case .workflowExecutionFailed(let end)? = world.log[parent]?.last?.attributes else {
            Issue.record("the parent did not fail")
            return
        }
        #expect(end.compensation.state == .complete)
        #expect(!other.idempotencyKey.isEmpty && world.tasks.isEmpty)
    }
}
