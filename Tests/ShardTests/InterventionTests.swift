import SagaCore
import SagaEngine
import Testing

/// Pauses and resets that meet restarts, time-outs and steps in flight. Each was found by the simulator (docs/simulation.md).
@Suite struct InterventionTests {
    private static let done = ActivityResult.completed(output: .json("7"), undoData: nil)

    /// A run of one step that is out; then it is paused.
    private func pausedWorld(executionTimeout: Int64 = 0) throws -> ShardWorld {
        let world = ShardWorld { $0.cancelGraceMicros = 5_000_000 }
        world.start(executionTimeout: executionTimeout) { _ in [.step("a")] }
        try #require(world.tasks.count == 1)
        world.call(.pause(ControlCall(target: world.target, requestID: "pause")))
        world.settle()
        #expect(world.status == .paused)
        return world
    }

    /// Ends what is to be undone, and says what was.
    private func undo(_ world: ShardWorld) -> [String] {
        var undone: [String] = []
        while let index = world.tasks.firstIndex(where: \.reference.isUndo) {
            let task = world.tasks.remove(at: index)
            undone.append(task.stepID)
            world.report(task, Self.done)
            world.settle()
        }
        return undone
    }

    @Test func aPausedRunTimesOutAfterARestart() throws {
        let world = try pausedWorld(executionTimeout: 20_000_000)
        // Its worker is gone, too: nobody claims the step.
        world.tasks = []
        world.crash()
        world.settle()
        world.advance(by: 10_000_000)
        #expect(world.status == .paused)
        world.advance(by: 10_000_000)
        #expect(world.status == .compensating)
        world.advance(by: 5_000_000)
        #expect(undo(world) == ["a"])
        #expect(world.status == .timedOut)
    }

    @Test func aCancelEndsAPausedRun() throws {
        let world = try pausedWorld()
        world.call(.cancel(ControlCall(target: world.target, requestID: "cancel")))
        world.settle()
        world.advance(by: 4_000_000)
        #expect(world.status == .paused)
        world.advance(by: 1_000_000)
        #expect(world.status == .compensating)
        world.report(world.tasks.removeFirst(), Self.done)
        world.settle()
        #expect(undo(world) == ["a"])
        #expect(world.status == .canceled)
    }

    @Test func aResetLeavesAStepInFlightAlone() throws {
        let world = ShardWorld()
        world.start { _ in [.step("a"), .step("b")] }
        let old = try #require(world.sagaID)
        let first = try #require(world.history.scheduled("a"))
        let second = try #require(world.tasks.firstIndex { $0.stepID == "b" })
        world.report(world.tasks.remove(at: second), Self.done)
        world.settle()
        let call = world.call(.reset(ResetCall(target: world.target, eventID: first, requestID: "reset")))
        world.settle()
        // What comes after the event is undone; the step before it is the new run's, under its old key.
        #expect(undo(world) == ["b"])
        guard case .success(.started(let new, _))? = world.replies[call] else {
            Issue.record("the reset is not answered")
            return
        }
        let again = try #require(world.tasks.first { $0.reference.sagaID == new && $0.stepID == "a" })
        #expect(again.idempotencyKey == "\(old)/\(first)")
        let undone = (world.log[old] ?? []).compactMap { event -> EventID? in
            if case .compensationStepStarted(let value) = event.attributes { value.stepEventID } else { nil }
        }
        #expect(!undone.contains(first))
    }

    @Test func aResetThatIsRepeatedAndNamesTheOldRunHasTheSameAnswer() throws {
        let world = ShardWorld()
        world.start { _ in [.step("a")] }
        var target = world.target
        let old = try #require(world.sagaID)
        target.sagaID = old
        let scheduled = try #require(world.history.scheduled("a"))
        let request = ResetCall(target: target, eventID: scheduled, requestID: "reset")
        let calls = (0..<2).map { _ in
            let call = world.call(.reset(request))
            world.settle()
            return call
        }
        let runs = calls.map { call -> SagaID? in
            if case .success(.started(let new, alreadyStarted: false))? = world.replies[call] { new } else { nil }
        }
        #expect(runs[0] != nil && runs[0] != old)
        #expect(runs[1] == runs[0])
        // Another request for a run that is closed is refused as before.
        let other = world.call(.reset(ResetCall(target: target, eventID: scheduled, requestID: "other")))
        world.settle()
        guard case .failure(let failure)? = world.replies[other] else {
            Issue.record("the closed run is reset")
            return
        }
        #expect(failure.code == .failedPrecondition)
    }
}
