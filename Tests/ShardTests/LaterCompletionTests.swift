import SagaCore
import SagaEngine
import Testing

/// Attempts that go on outside of their worker and are completed by their token (semantics, section 5).
@Suite struct LaterCompletionTests {
    private static let retry = RetryPolicy(maximumAttempts: 3, initialIntervalMicros: 1_000_000, jitter: 0)
    private static let day: Int64 = 86_400_000_000
    private static let done = ActivityResult.completed(output: .json("7"), undoData: nil)

    /// A run of one step that may take three days; it completes when the step is closed.
    private func world(
        timeouts: ActivityTimeouts = ActivityTimeouts(startToCloseMicros: 3 * day), slots: Int32 = 10
    ) throws -> (ShardWorld, ActivityTask) {
        let world = ShardWorld()
        world.start { events in
            var commands = [WorkflowCommand.step("a", retry: Self.retry, timeouts: timeouts)]
            if events.isClosed("a") { commands.append(.complete(.empty)) }
            return commands
        }
        let task = try #require(world.tasks.isEmpty ? nil : world.tasks.removeFirst())
        return (world, task)
    }

    private func call(_ world: ShardWorld, _ task: ActivityTask, _ result: ActivityResult) -> ReportVerdict? {
        let id = world.call(
            .reportActivity(ActivityReportCall(namespace: "default", reference: task.reference, result: result)))
        world.settle()
        guard case .success(.reported(let verdict))? = world.replies[id] else { return nil }
        return verdict
    }

    private func sign(_ world: ShardWorld, _ task: ActivityTask) -> (isCurrent: Bool, isCancelRequested: Bool)? {
        let id = world.call(
            .heartbeatActivity(ActivityHeartbeatCall(namespace: "default", reference: task.reference)))
        world.settle()
        guard case .success(.alive(let isCurrent, let isCancelRequested))? = world.replies[id] else { return nil }
        return (isCurrent, isCancelRequested)
    }

    @Test func theTokenCompletesWhatTheWorkerGaveAway() throws {
        let (world, task) = try world()
        world.report(task, .completesLater)
        world.settle()
        #expect(world.acknowledged.map(\.verdict) == [.recorded])
        #expect(world.status == .running)
        world.advance(by: 2 * Self.day)
        #expect(call(world, task, Self.done) == .recorded)
        #expect(world.status == .completed)
        #expect(call(world, task, Self.done) == .alreadyRecorded, "an attempt ends once")
        let starts = world.history.compactMap { event -> Bool? in
            if case .activityTaskStarted(let value) = event.attributes { value.completesLater } else { nil }
        }
        #expect(starts.last == true && starts.count(where: { $0 }) == 1)
    }

    @Test func aRestartDoesNotHandItOutAgain() throws {
        let (world, task) = try world()
        world.report(task, .completesLater)
        world.settle()
        world.crash()
        world.settle()
        world.advance(by: 60_000_000)
        #expect(world.tasks.isEmpty)
        #expect(call(world, task, Self.done) == .recorded)
        #expect(world.status == .completed)
    }

    @Test func theTimeOutGoesOnOverARestart() throws {
        let (world, task) = try world()
        world.report(task, .completesLater)
        world.settle()
        world.advance(by: 2 * Self.day)
        world.crash()
        world.settle()
        world.advance(by: Self.day - 1_000_000)
        #expect(!world.types.contains(.activityTaskRetryScheduled))
        world.advance(by: 2_000_000)
        #expect(
            world.types.contains(.activityTaskRetryScheduled), "three days after the hand-out, not after the restart")
        while world.tasks.isEmpty { world.advanceToNextWake() }
        // A success of any attempt closes the step, also of one that had timed out.
        #expect(call(world, task, Self.done) == .recorded)
        #expect(world.status == .completed)
    }

    @Test func signsOfLifeKeepItAlive() throws {
        let (world, task) = try world(
            timeouts: ActivityTimeouts(startToCloseMicros: Self.day, heartbeatMicros: 10_000_000))
        world.report(task, .completesLater)
        world.settle()
        for _ in 0..<5 {
            world.advance(by: 8_000_000)
            let answer = try #require(sign(world, task))
            #expect(answer.isCurrent && !answer.isCancelRequested)
        }
        world.advance(by: 11_000_000)
        #expect(world.types.contains(.activityTaskRetryScheduled))
        #expect(try #require(sign(world, task)).isCurrent == false)
    }

    @Test func aFailureIsRepeatedLikeAnyOther() throws {
        let (world, task) = try world()
        world.report(task, .completesLater)
        world.settle()
        let down = SagaError(kind: .activityExecution, message: "down")
        #expect(call(world, task, .failed(down, outcome: .unknown)) == .recorded)
        while world.tasks.isEmpty { world.advanceToNextWake() }
        #expect(world.tasks.first?.reference.attempt == 2)
        #expect(call(world, task, .failed(down, outcome: .unknown)) == .alreadyRecorded)
    }

    @Test func anUnwindingWaitsForItAndTellsIt() throws {
        let (world, task) = try world()
        world.report(task, .completesLater)
        world.settle()
        world.call(
            .terminate(ControlCall(target: world.target, reason: "no more", requestID: "t"), compensate: true))
        world.settle()
        #expect(world.types.contains(.activityTaskCancelRequested))
        let answer = try #require(sign(world, task))
        #expect(answer.isCurrent && answer.isCancelRequested)
        #expect(world.tasks.isEmpty, "nothing is undone while it may still happen")
        #expect(call(world, task, Self.done) == .recorded)
        let undo = try #require(world.tasks.isEmpty ? nil : world.tasks.removeFirst())
        #expect(undo.reference.isUndo && undo.undo?.outcome == .completed)
        world.report(undo, Self.done)
        world.settle()
        #expect(world.status == .terminated)
    }

    @Test func aSuccessAfterTheEndIsKept() throws {
        let (world, task) = try world()
        world.report(task, .completesLater)
        world.settle()
        world.call(
            .terminate(ControlCall(target: world.target, reason: "no more", requestID: "t"), compensate: false))
        world.settle()
        #expect(world.status == .terminated)
        #expect(call(world, task, Self.done) == .lateEffect)
        #expect(world.lateEffects.map(\.scheduledEventID) == [task.reference.eventID])
    }

    /// The work may be done before the worker has said that it goes on.
    @Test func theTokenMayBeFasterThanTheWorker() throws {
        let (world, task) = try world()
        #expect(call(world, task, Self.done) == .recorded)
        world.report(task, .completesLater)
        world.settle()
        #expect(world.acknowledged.map(\.verdict) == [.alreadyRecorded])
        #expect(world.status == .completed)
    }

    /// A crash at every append: the attempt is handed out again only while nobody has said that it goes on.
    @Test(arguments: [false, true]) func aCrashAroundTheWord(_ isApplied: Bool) throws {
        let (world, task) = try world()
        world.tasks = [task]
        var hasCrashed = false
        world.onAppend = { _, applied in
            guard applied == isApplied, !hasCrashed else { return false }
            hasCrashed = true
            return true
        }
        world.report(task, .completesLater)
        world.settle()
        #expect(hasCrashed)
        // Its worker was not told, so it says so again.
        world.tasks = []
        world.report(task, .completesLater)
        world.settle()
        #expect(world.acknowledged.last?.verdict == .recorded)
        world.advance(by: 60_000_000)
        #expect(world.tasks.isEmpty)
        #expect(call(world, task, Self.done) == .recorded)
        #expect(world.status == .completed)
    }
}
