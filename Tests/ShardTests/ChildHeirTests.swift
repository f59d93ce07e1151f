import SagaCore
import SagaEngine
import Testing

/// Undoing a child whose undo log is not, or no longer, that of its own run alone: children of children, runs that went on from
/// it, and others that have had its workflow id since.
@Suite struct ChildHeirTests {
    private static let done = ActivityResult.completed(output: .json("7"), undoData: nil)
    private static let broken = ActivityResult.failed(
        SagaError(kind: .activityExecution, message: "broken"), outcome: .unknown)
    private static let no = SagaError(kind: .domain, message: "no")
    private static let undo = UndoSpec(activityType: "undo", retry: .never)

    private static func isTold(_ events: [HistoryEvent], _ word: String) -> Bool {
        events.contains { event in
            if case .signalReceived(let signal) = event.attributes { signal.name == word } else { false }
        }
    }

    private static func start(_ workflowID: String) -> WorkflowCommand {
        .startChild(StartChildCommand(workflowID: workflowID, workflowType: "script", input: .empty))
    }

    private static func target(_ workflowID: String) -> RunTarget {
        RunTarget(namespace: "default", workflowID: workflowID)
    }

    /// Gives the same answer to every task that is out, and to those that follow; the keys of the undos, in order.
    private static func finish(_ world: ShardWorld, _ result: ActivityResult = done) -> [String] {
        var undone: [String] = []
        while let task = world.tasks.first {
            if task.reference.isUndo { undone.append(task.idempotencyKey) }
            world.report(world.tasks.removeFirst(), task.reference.isUndo ? result : done)
            world.settle()
        }
        return undone
    }

    private static func operate(_ world: ShardWorld, _ workflowID: String, _ verb: OperatorVerb, _ name: String) {
        world.call(
            .operate(OperatorCall(target: target(workflowID), verb: verb, reason: "test", requestID: name)))
        world.settle()
    }

    private static func end(of world: ShardWorld, _ sagaID: SagaID) -> CompensationSummary? {
        guard case .workflowExecutionFailed(let end)? = world.log[sagaID]?.last?.attributes else { return nil }
        return end.compensation
    }

    /// A saga, its child, and its child's child, which has the only step. The undo of that step fails for good, and each of the
    /// runs that undo is passed over; then a person has the saga try again.
    @Test(arguments: [false, true]) func aRetryReachesTheChildOfAChild(_ crashes: Bool) throws {
        let world = ShardWorld()
        world.start { events in
            guard case .workflowExecutionStarted(let started)? = events.first?.attributes else { return [] }
            let isOver = events.contains { $0.eventType == .childWorkflowExecutionCompleted }
            switch started.workflowID {
            case "w": return [Self.start("w/1")] + (isOver ? [.fail(Self.no)] : [])
            case "w/1": return [Self.start("w/1/1")] + (isOver ? [.complete(.empty)] : [])
            default: return [.step("a", undo: Self.undo)] + (events.isClosed("a") ? [.complete(.empty)] : [])
            }
        }
        let parent = try #require(world.openRun)
        let failed = Self.finish(world, Self.broken)
        #expect(failed.count == 1)
        for id in ["w/1/1", "w/1"] {
            #expect(world.openRun(id) != nil)
            Self.operate(world, id, .skip, "skip \(id)")
            #expect(world.openRun(id) == nil)
        }
        #expect(world.shard.state(of: parent)?.block?.cause == .undoFailed)
        Self.operate(world, "w", .retry, "retry")
        #expect(world.tasks.map(\.idempotencyKey) == failed)
        if crashes {
            world.crash()
            world.settle()
        }
        #expect(Self.finish(world).count == 1)
        // After a restart those that ask do so anew when their grace is over.
        for _ in 0..<(crashes ? 3 : 0) { world.advance(by: 3_000_000) }
        #expect(world.openRun == nil && world.openRun("w/1") == nil && world.openRun("w/1/1") == nil)
        #expect(Self.end(of: world, parent)?.state == .complete)
        #expect(world.tasks.isEmpty)
    }

    /// Whoever has the workflow id of a child between two rounds of its undoing changes nothing about what is left.
    @Test func anotherRunOfTheIDBetweenTwoRoundsChangesNothing() throws {
        let world = ShardWorld()
        world.start { events in
            guard case .workflowExecutionStarted(let started)? = events.first?.attributes else { return [] }
            if started.requestID == "other" { return [.complete(.empty)] }
            if started.workflowID == "w" {
                let isOver = events.contains { $0.eventType == .childWorkflowExecutionCompleted }
                return [Self.start("w/1")] + (isOver ? [.fail(Self.no)] : [])
            }
            let steps: [WorkflowCommand] = [.step("a", undo: Self.undo), .step("b", undo: Self.undo)]
            return steps + (events.isClosed("a") && events.isClosed("b") ? [.complete(.empty)] : [])
        }
        let parent = try #require(world.openRun)
        while let task = world.tasks.first, !task.reference.isUndo {
            world.report(world.tasks.removeFirst(), Self.done)
            world.settle()
        }
        let failed = world.tasks.removeFirst()
        world.report(failed, Self.broken)
        world.settle()
        Self.operate(world, "w/1", .skip, "skip")
        #expect(Self.finish(world).count == 1)
        #expect(world.openRun("w/1") == nil)
        world.call(
            .start(
                StartCall(
                    namespace: "default", workflowID: "w/1", workflowType: "script", input: .empty,
                    requestID: "other", reusePolicy: .allow)))
        world.settle()
        #expect(world.openRun("w/1") == nil)
        #expect(world.log.values.contains { $0.count == 2 && $0.last?.eventType == .workflowExecutionCompleted })
        Self.operate(world, "w", .retry, "retry")
        #expect(Self.finish(world) == [failed.idempotencyKey])
        #expect(world.openRun == nil)
        #expect(Self.end(of: world, parent)?.state == .complete)
    }

    /// A child that has completed is reset by a person; the new run goes on as yet another, and perhaps somebody has the id after
    /// that. Each step is undone once.
    @Test(arguments: [false, true], [false, true])
    func aChildThatWasResetAndWentOnIsUndoneByItsLastRun(_ carries: Bool, _ isUsedSince: Bool) throws {
        let world = ShardWorld()
        world.start { events in
            guard case .workflowExecutionStarted(let started)? = events.first?.attributes else { return [] }
            if started.workflowID == "w" {
                return [Self.start("w/1")] + (Self.isTold(events, "end") ? [.fail(Self.no)] : [])
            }
            if started.requestID == "other" { return [.complete(.empty)] }
            if started.continuedFrom != nil { return [.complete(.empty)] }
            let steps: [WorkflowCommand] = [.step("a", undo: Self.undo), .step("b", undo: Self.undo)]
            guard events.isClosed("a"), events.isClosed("b") else { return steps }
            let isReset = events.contains { $0.eventType == .workflowExecutionReset }
            return steps + [isReset ? .continueAsNew(input: .empty, carryUndo: carries) : .complete(.empty)]
        }
        let parent = try #require(world.openRun)
        let child = try #require(world.openRun("w/1"))
        #expect(Self.finish(world).isEmpty)
        let first = try #require(world.log[child]?.first { $0.eventType == .activityTaskCompleted }?.eventID)
        world.call(.reset(ResetCall(target: Self.target("w/1"), eventID: first, undo: .keep, requestID: "reset")))
        world.settle()
        #expect(Self.finish(world).isEmpty)
        #expect(world.openRun("w/1") == nil)
        if isUsedSince {
            world.call(
                .start(
                    StartCall(
                        namespace: "default", workflowID: "w/1", workflowType: "script", input: .empty,
                        requestID: "other", reusePolicy: .allow)))
            world.settle()
        }
        // The child, the run that the reset made, the one that it went on as, and perhaps the other.
        #expect(world.log.count == (isUsedSince ? 5 : 4))
        world.call(.signal(SignalCall(target: world.target, name: "end", payload: .empty, signalID: "end")))
        world.settle()
        let undone = Self.finish(world)
        #expect(world.openRun == nil && world.openRun("w/1") == nil)
        // Code that drops its undos as it goes on has nothing undone.
        #expect(undone.count == (carries ? 2 : 0) && Set(undone).count == undone.count)
        #expect(Self.end(of: world, parent)?.state == .complete)
    }
}
