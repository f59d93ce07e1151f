import SagaCore
import SagaEngine
import Testing

/// Successes that come when nobody waits for them any more (semantics, section 4, "Undo input").
@Suite struct LateReportTests {
    private static let done = ActivityResult.completed(output: .json("\"late\""), undoData: nil)
    private static let short = ActivityTimeouts(startToCloseMicros: 1_000_000)

    private func take(_ world: ShardWorld, _ stepID: String, undo: Bool) throws -> ActivityTask {
        let index = try #require(
            world.tasks.firstIndex { $0.stepID == stepID && $0.reference.isUndo == undo }, "no task of \(stepID)")
        return world.tasks.remove(at: index)
    }

    private func finish(_ world: ShardWorld, _ task: ActivityTask) {
        world.report(task, Self.done)
        world.settle()
    }

    /// Opens scope 1 as command 0, runs `a` and `b` in it; `b` is given up as unknown; the scope is unwound, and the run
    /// goes on with a step outside.
    private func nested() throws -> (world: ShardWorld, late: ActivityTask) {
        let world = ShardWorld()
        world.start { events in
            var commands: [WorkflowCommand] = [
                .recordMarker(MarkerCommand(kind: .scopeOpened, name: "saga", details: .empty, scope: 0)),
                .step("a", scope: 1), .step("b", timeouts: Self.short, scope: 1),
            ]
            guard events.isClosed("a"), events.isClosed("b") else { return commands }
            commands.append(.compensate(scope: 1))
            guard events.contains(where: { $0.eventType == .compensationCompleted }) else { return commands }
            commands.append(.step("c", type: "a"))
            if events.isClosed("c") { commands.append(.complete(.empty)) }
            return commands
        }
        finish(world, try take(world, "a", undo: false))
        let late = try take(world, "b", undo: false)
        while !world.tasks.contains(where: { $0.reference.isUndo }) { world.advanceToNextWake() }
        finish(world, try take(world, "b", undo: true))
        finish(world, try take(world, "a", undo: true))
        #expect(world.types.last != .workflowExecutionCompleted)
        return (world, late)
    }

    @Test func anUndoOfAScopeThatWasUnwoundRunsAtOnceAndOnlyThat() throws {
        let (world, late) = try nested()
        finish(world, late)
        let undo = try take(world, "b", undo: true)
        #expect(undo.reference.attempt == 2)
        #expect(undo.undo?.outcome == .completed)
        #expect(world.acknowledged.last?.verdict == .lateEffect)
        #expect(world.lateEffects.map(\.isUndoneAgain) == [true])
        finish(world, undo)
        #expect(!world.tasks.contains { $0.reference.isUndo }, "what lies outside the scope is left alone")
        finish(world, try take(world, "c", undo: false))
        #expect(world.status == .completed)
    }

    @Test func aGoodEndWaitsForIt() throws {
        let (world, late) = try nested()
        let c = try take(world, "c", undo: false)
        finish(world, late)
        finish(world, c)
        #expect(world.status == .running)
        // Also over a restart.
        let undo = try #require(world.tasks.first { $0.reference.isUndo })
        world.crash()
        world.settle()
        #expect(world.status == .running)
        world.tasks.removeAll { $0.reference == undo.reference }
        finish(world, undo)
        #expect(world.status == .completed)
        let summary = world.history.firstMatch { attributes -> CompensationSummary? in
            if case .workflowExecutionCompleted(let value) = attributes { value.compensation } else { nil }
        }
        #expect(summary == CompensationSummary(.complete))
    }

    @Test func aBadEndUnwindsItWithTheRest() throws {
        let (world, late) = try nested()
        finish(world, late)
        let again = try take(world, "b", undo: true)
        world.call(.terminate(ControlCall(target: world.target), compensate: true))
        world.settle()
        #expect(world.status == .compensating)
        // `c` is out: the unwinding waits for it, the undo of `b` goes on meanwhile.
        finish(world, again)
        finish(world, try take(world, "c", undo: false))
        finish(world, try take(world, "c", undo: true))
        #expect(world.status == .terminated)
    }

    @Test func anUndoThatFailsForGoodBlocksTheRunAndCanBeSkippedAlone() throws {
        let (world, late) = try nested()
        finish(world, late)
        for _ in 1...3 {
            while !world.tasks.contains(where: { $0.reference.isUndo }) { world.advanceToNextWake() }
            world.report(
                try take(world, "b", undo: true),
                .failed(SagaError(kind: .activityExecution, message: "down"), outcome: .unknown))
            world.settle()
        }
        #expect(world.status == .blocked)
        #expect(world.alerts.count == 1)
        world.call(
            .operate(OperatorCall(target: world.target, verb: .giveUp, reason: "enough", identity: "ann")))
        world.settle()
        #expect(world.status == .running)
        // Only what was being undone is given up; the run goes on, and its own step is not touched.
        finish(world, try take(world, "c", undo: false))
        #expect(world.status == .completed)
        #expect(world.types.filter { $0 == .compensationStepSkipped }.count == 1)
    }

    /// `a`, `b`, `c` in a row; `c` is given up as unknown; while `b` is being undone, `c` reports.
    @Test func aReopenedUndoWaitsForItsTurnAndComesBeforeOlderOnes() throws {
        let world = ShardWorld()
        world.start { events in
            var commands: [WorkflowCommand] = [.step("a")]
            if events.isClosed("a") { commands.append(.step("b")) }
            if events.isClosed("b") { commands.append(.step("c", type: "a", timeouts: Self.short)) }
            if events.isClosed("c") { commands.append(.fail(SagaError(kind: .domain, message: "no"))) }
            return commands
        }
        finish(world, try take(world, "a", undo: false))
        finish(world, try take(world, "b", undo: false))
        let late = try take(world, "c", undo: false)
        while !world.tasks.contains(where: { $0.reference.isUndo }) { world.advanceToNextWake() }
        finish(world, try take(world, "c", undo: true))
        let b = try take(world, "b", undo: true)
        finish(world, late)
        #expect(!world.tasks.contains { $0.reference.isUndo }, "one by one: the undo of b is still out")
        finish(world, b)
        #expect(world.tasks.map(\.stepID) == ["c"], "the youngest first")
        finish(world, try take(world, "c", undo: true))
        finish(world, try take(world, "a", undo: true))
        #expect(world.status == .failed)
    }

    @Test func aReportAboutAClosedRunIsKeptWhateverCrashes() throws {
        for crash in [false, true] {
            let world = ShardWorld()
            world.start { _ in [.step("a")] }
            let task = try take(world, "a", undo: false)
            world.call(.terminate(ControlCall(target: world.target), compensate: false))
            world.settle()
            #expect(world.status == .terminated)
            if crash {
                // Durable, and the process dies before the worker is told.
                var left = 1
                world.onAppend = { batch, isApplied in
                    guard isApplied, !batch.lateEffects.isEmpty, left > 0 else { return false }
                    left -= 1
                    return true
                }
            }
            finish(world, task)
            if crash {
                #expect(world.acknowledged.isEmpty)
                finish(world, task)
            }
            #expect(world.acknowledged.map(\.verdict) == [.lateEffect])
            #expect(world.lateEffects.map(\.idempotencyKey) == [task.idempotencyKey])
            #expect(world.lateEffects.first?.isUndoneAgain == false)
        }
    }

    @Test func aReportThatComesWhileTheRunClosesIsJudgedAfterwards() throws {
        let world = ShardWorld()
        world.start { _ in [.step("a")] }
        let task = try take(world, "a", undo: false)
        world.call(.terminate(ControlCall(target: world.target), compensate: false))
        // The closing event is on its way to the store.
        world.report(task, Self.done)
        world.settle()
        #expect(world.lateEffects.count == 1)
        #expect(world.acknowledged.map(\.verdict) == [.lateEffect])
    }

    @Test func aBlockedRunIsToldOnceAndAgainAfterARestart() throws {
        let world = ShardWorld()
        world.start { events in
            [.step("a", undo: UndoSpec(activityType: "undo", retry: .never))]
                + (events.isClosed("a") ? [.fail(SagaError(kind: .domain, message: "no"))] : [])
        }
        finish(world, try take(world, "a", undo: false))
        // Not before it is durable.
        var isTold: [Bool] = []
        world.onAppend = { [unowned world] batch, isApplied in
            let events = batch.transactions.flatMap(\.entries).flatMap(\.events)
            if events.contains(where: { $0.eventType == .workflowExecutionBlocked }) {
                isTold.append(!world.alerts.isEmpty)
            }
            return false
        }
        world.report(
            try take(world, "a", undo: true),
            .failed(SagaError(kind: .activityExecution, message: "down"), outcome: .unknown))
        world.settle()
        #expect(isTold == [false, false])
        #expect(world.alerts.map(\.isRepeated) == [false])
        world.crash()
        world.settle()
        #expect(world.alerts.map(\.isRepeated) == [false, true])
        #expect(Set(world.alerts.map(\.block.eventID)).count == 1)
        #expect(world.shard.status.blockedRuns == 1)
    }
}
