import SagaCore
import SagaEngine
import Testing

/// Steps as far as undoing needs them: attempts, time-outs, reports (semantics, sections 2, 4 and 5).
@Suite struct ActivityTests {
    private static let retry = RetryPolicy(
        maximumAttempts: 3, initialIntervalMicros: 1_000_000, backoffCoefficient: 2, jitter: 0)
    private static let down = ActivityResult.failed(
        SagaError(kind: .activityExecution, message: "down"), outcome: .unknown)
    private static let done = ActivityResult.completed(output: .json("1"), undoData: nil)

    /// A run of one step; it completes when the step is closed.
    private func world(
        retry: RetryPolicy = ActivityTests.retry, timeouts: ActivityTimeouts = .standard,
        _ configure: (inout ShardConfig) -> Void = { _ in }
    ) -> ShardWorld {
        let world = ShardWorld(configure)
        world.start { events in
            var commands = [WorkflowCommand.step("a", retry: retry, timeouts: timeouts)]
            if events.isClosed("a") { commands.append(.complete(.empty)) }
            return commands
        }
        return world
    }

    private func take(_ world: ShardWorld) throws -> ActivityTask {
        try #require(world.tasks.isEmpty ? nil : world.tasks.removeFirst())
    }

    @Test func attemptsFollowWithBackoffUnderOneKey() throws {
        let world = world()
        var keys: Set<String> = []
        var pauses: [Int64] = []
        for attempt in 1...3 {
            let task = try take(world)
            #expect(task.reference.attempt == UInt32(attempt))
            keys.insert(task.idempotencyKey)
            let failedAt = world.time.wall
            world.report(task, Self.down)
            world.settle()
            if attempt == 3 { break }
            #expect(world.tasks.isEmpty, "the next attempt is not out before its time")
            while world.tasks.isEmpty { world.advanceToNextWake() }
            pauses.append(world.time.wall.microseconds(since: failedAt))
        }
        #expect(keys == ["\(try #require(world.sagaID))/1"])
        #expect(pauses == [1_000_000, 2_000_000])
        #expect(world.types.filter { $0 == .activityTaskRetryScheduled }.count == 2)
        let outcome = world.history.firstMatch { attributes -> StepOutcome? in
            if case .activityTaskFailed(let value) = attributes { value.outcome } else { nil }
        }
        #expect(outcome == .unknown)
        #expect(world.status == .completed)
    }

    /// The server reads its state anew while workers stay connected (composed seed 93768: they were told to stop).
    @Test func aSignOfLifeDuringARecoveryStopsNobodyAndIsKept() throws {
        let world = world(timeouts: ActivityTimeouts(startToCloseMicros: 60_000_000, heartbeatMicros: 10_000_000))
        let task = try take(world)
        var recoveries = 0
        world.onRecover = {
            recoveries += 1
            world.give(.heartbeat(world.worker, task.reference, .json("7")))
        }
        world.losesNextAppend = true
        world.call(
            .signal(SignalCall(target: world.target, name: "s", payload: .empty, signalID: "1")))
        world.settle()
        #expect(recoveries == 1)
        #expect(world.cancelled.isEmpty)
        world.report(task, Self.down)
        world.settle()
        while world.tasks.isEmpty { world.advanceToNextWake() }
        #expect(try take(world).heartbeatDetails == .json("7"))
    }

    @Test func oneUnknownAttemptMakesTheStepUnknown() throws {
        let world = world()
        world.report(try take(world), Self.down)
        world.settle()
        while world.tasks.isEmpty { world.advanceToNextWake() }
        world.report(try take(world), .failed(SagaError(kind: .domain, message: "no"), outcome: .noEffect))
        world.settle()
        let outcome = world.history.firstMatch { attributes -> StepOutcome? in
            if case .activityTaskFailed(let value) = attributes { value.outcome } else { nil }
        }
        #expect(outcome == .unknown)
    }

    @Test func aKindThatThePolicyNamesIsNotRetried() throws {
        var retry = Self.retry
        retry.nonRetryableKinds = [.activityExecution]
        let world = world(retry: retry)
        world.report(try take(world), Self.down)
        world.settle()
        #expect(!world.types.contains(.activityTaskRetryScheduled))
        #expect(world.types.contains(.activityTaskFailed))
    }

    @Test func anErrorThatSaysSoIsNotRetried() throws {
        let world = world()
        let error = SagaError(kind: .timeout, message: "never again", isNonRetryable: true)
        world.report(try take(world), .failed(error, outcome: .unknown))
        world.settle()
        #expect(!world.types.contains(.activityTaskRetryScheduled))
    }

    @Test(arguments: [TimeoutKind.startToClose, .heartbeat, .scheduleToClose, .scheduleToStart])
    func eachTimeoutClosesTheStep(_ kind: TimeoutKind) throws {
        var timeouts = ActivityTimeouts(startToCloseMicros: 600_000_000)
        switch kind {
        case .startToClose: timeouts.startToCloseMicros = 5_000_000
        case .heartbeat: timeouts.heartbeatMicros = 5_000_000
        case .scheduleToClose: timeouts.scheduleToCloseMicros = 5_000_000
        case .scheduleToStart: timeouts.scheduleToStartMicros = 5_000_000
        }
        let world = ShardWorld()
        if kind == .scheduleToStart {
            // Nobody serves it.
            world.closeWorker()
            world.openWorker(activities: ["undo"])
        }
        world.start { events in
            [.step("a", timeouts: timeouts)] + (events.isClosed("a") ? [.complete(.empty)] : [])
        }
        world.advance(by: 4_000_000)
        #expect(!world.types.contains(.activityTaskTimedOut))
        world.advance(by: 1_000_000)
        let event = world.history.firstMatch { attributes -> ActivityTaskTimedOut? in
            if case .activityTaskTimedOut(let value) = attributes { value } else { nil }
        }
        #expect(event?.timeout == kind)
        // What no worker ever had cannot have had an effect.
        #expect(event?.outcome == (kind == .scheduleToStart ? .noEffect : .unknown))
        #expect(world.status == .completed)
    }

    @Test func aHeartbeatKeepsTheAttemptAndItsDetailsReachTheNext() throws {
        let world = world(timeouts: ActivityTimeouts(startToCloseMicros: 600_000_000, heartbeatMicros: 5_000_000))
        let task = try take(world)
        for _ in 1...4 {
            world.advance(by: 4_000_000)
            world.give(.heartbeat(world.worker, task.reference, .json("42")))
            world.settle()
        }
        #expect(!world.types.contains(.activityTaskRetryScheduled))
        while world.tasks.isEmpty { world.advanceToNextWake() }
        let next = try take(world)
        #expect(next.reference.attempt == 2)
        #expect(next.heartbeatDetails == .json("42"))
        // The first attempt is alive after all: it is told to stop.
        world.give(.heartbeat(world.worker, task.reference, nil))
        world.settle()
        #expect(world.cancelled.contains(task.reference))
    }

    @Test func aSuccessOfAnyAttemptClosesTheStepAndAFailureCountsForTheCurrentOne() throws {
        let world = world(timeouts: ActivityTimeouts(startToCloseMicros: 5_000_000))
        let first = try take(world)
        while world.tasks.isEmpty { world.advanceToNextWake() }
        let second = try take(world)
        #expect(second.reference.attempt == 2)
        world.report(first, Self.down)
        world.settle()
        #expect(world.acknowledged.map(\.verdict) == [.alreadyRecorded])
        world.report(first, Self.done)
        world.settle()
        #expect(world.acknowledged.map(\.verdict) == [.alreadyRecorded, .recorded])
        let completed = world.history.firstMatch { attributes -> ActivityTaskCompleted? in
            if case .activityTaskCompleted(let value) = attributes { value } else { nil }
        }
        #expect(completed?.attempt == 1)
        let length = world.history.count
        world.report(second, Self.done)
        world.settle()
        #expect(world.acknowledged.last?.verdict == .alreadyRecorded)
        #expect(world.history.count == length)
    }

    @Test func aCancelReachesTheWorkerAndIsWaitedFor() throws {
        let world = ShardWorld()
        world.start { events in
            let isAsked = events.contains { $0.eventType == .workflowExecutionCancelRequested }
            return [.step("a"), .step("b")] + (isAsked ? [.cancel(reason: "asked")] : [])
        }
        let (a, b) = (try take(world), try take(world))
        world.report(a, Self.done)
        world.settle()
        world.call(.cancel(ControlCall(target: world.target)))
        world.settle()
        #expect(world.cancelled == [b.reference])
        #expect(!world.types.contains(.compensationStepStarted), "the undoing waits for what is out")
        world.report(b, .canceled(outcome: .noEffect, details: nil))
        world.settle()
        let undo = try take(world)
        #expect(undo.stepID == "a")
        #expect(undo.idempotencyKey == a.idempotencyKey + "/undo")
        world.report(undo, Self.done)
        world.settle()
        #expect(world.status == .canceled)
    }

    @Test func afterAStartNothingIsHandedOutTwiceBeforeTheGracePasses() throws {
        let world = world { $0.reclaimGraceMicros = 10_000_000 }
        let task = try take(world)
        // The worker that has it is gone with the server; another one comes.
        world.crash()
        world.settle()
        #expect(world.tasks.isEmpty)
        world.advance(by: 9_000_000)
        #expect(world.tasks.isEmpty)
        world.advance(by: 1_500_000)
        let again = try take(world)
        #expect(again.reference == task.reference)
        #expect(again.idempotencyKey == task.idempotencyKey)
    }

    @Test func aTaskThatItsWorkerClaimsIsNotHandedOutAgain() throws {
        let world = world { $0.reclaimGraceMicros = 10_000_000 }
        // It stays among the worker's tasks, so the new stream names it.
        let task = try #require(world.tasks.first)
        world.crash()
        world.settle()
        world.advance(by: 30_000_000)
        #expect(world.tasks.map(\.reference) == [task.reference])
        world.report(world.tasks.removeFirst(), Self.done)
        world.settle()
        #expect(world.status == .completed)
    }
}
