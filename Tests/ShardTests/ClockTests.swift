import SagaCore
import SagaEngine
import Testing

/// A virtual clock, moved step by step: when it jumps, when not, and what a crash between a jump and what it was for leaves.
@Suite struct ClockTests {
    private static let hour: Int64 = 3_600_000_000
    private static let sleep = WorkflowCommand.startTimer(timerID: "t", durationMicros: hour, callback: nil)

    private func world(_ change: (inout ShardConfig) -> Void = { _ in }) -> ShardWorld {
        ShardWorld { config in
            config.namespaces["default"] = NamespaceOptions(virtualClock: VirtualClock())
            change(&config)
        }
    }

    private func clock(_ world: ShardWorld) -> Timestamp? { world.shard.clockReadings.first?.time }

    private func isFired(_ history: [HistoryEvent]) -> Bool { history.contains { $0.eventType == .timerFired } }

    @Test func itJumpsOnlyWhenNothingIsUnderWay() {
        let world = world()
        let start = world.time.wall
        world.start { history in
            isFired(history) && history.isClosed("a")
                ? [.step("a"), Self.sleep, .complete(.empty)] : [.step("a"), Self.sleep]
        }
        #expect(world.tasks.count == 1, "the step is with the worker")
        #expect(clock(world) == start && !isFired(world.history))
        // Real time passes, and moves nothing.
        world.advance(by: 60_000_000)
        #expect(clock(world) == start && !isFired(world.history))
        world.report(world.tasks.removeFirst(), .completed(output: .empty, undoData: nil))
        world.settle()
        #expect(clock(world) == start.adding(microseconds: Self.hour))
        #expect(world.status == .completed)
        let times = world.history.map { $0.timestamp.microseconds(since: start) }
        #expect(Set(times) == [0, Self.hour], "nothing happens at any other time")
    }

    @Test func aTaskThatWaitsForAWorkerHoldsIt() {
        let world = world()
        let start = world.time.wall
        world.closeWorker()
        world.start { history in isFired(history) ? [Self.sleep, .complete(.empty)] : [Self.sleep] }
        #expect(clock(world) == start, "years must not pass before the worker comes")
        world.openWorker()
        world.settle()
        #expect(clock(world) == start.adding(microseconds: Self.hour))
    }

    @Test func byHandTimePassesWithoutAWorker() {
        let world = world()
        let start = world.time.wall
        var timeouts = ActivityTimeouts.standard
        timeouts.scheduleToStartMicros = Self.hour
        world.start { history in
            history.isClosed("s")
                ? [.step("s", type: "nobody", timeouts: timeouts), .complete(.empty)]
                : [.step("s", type: "nobody", timeouts: timeouts)]
        }
        #expect(clock(world) == start && world.status == .running)
        let id = world.call(
            .clock(ClockCall(namespace: "default", advanceTo: start.adding(microseconds: 2 * Self.hour))))
        world.settle()
        #expect(world.history.contains { $0.eventType == .activityTaskTimedOut })
        #expect(world.status == .completed)
        guard case .success(.clock(let reading))? = world.replies[id] else { return _ = Issue.record("no answer") }
        #expect(reading.time == start.adding(microseconds: 2 * Self.hour))
    }

    @Test func whatNobodyWaitsForMovesNothing() {
        let world = world()
        let start = world.time.wall
        // It ends at once; its execution time-out would be due in an hour.
        world.start(executionTimeout: Self.hour) { _ in [.complete(.empty)] }
        #expect(world.status == .completed && clock(world) == start)
    }

    @Test func anUndoIsTriedAgainWhenItsTimeHasComeByTheClock() {
        let world = world()
        let start = world.time.wall
        let undo = UndoSpec(
            activityType: "undo",
            retry: RetryPolicy(
                maximumAttempts: 2, initialIntervalMicros: Self.hour, maximumIntervalMicros: Self.hour, jitter: 0))
        world.start { history in
            history.isClosed("a")
                ? [.step("a", undo: undo), .fail(SagaError(kind: .domain, message: "no"))] : [.step("a", undo: undo)]
        }
        world.report(world.tasks.removeFirst(), .completed(output: .empty, undoData: nil))
        world.settle()
        world.report(
            world.tasks.removeFirst(),
            .failed(SagaError(kind: .activityExecution, message: "later"), outcome: .noEffect))
        world.settle()
        #expect(clock(world) == start.adding(microseconds: Self.hour))
        world.report(world.tasks.removeFirst(), .completed(output: .empty, undoData: nil))
        world.settle()
        #expect(world.status == .failed)
    }

    /// The process dies before or after each append in turn: the clock never goes back, nothing fires before the jump is durable,
    /// and the saga comes to its end at the same times.
    @Test(arguments: 0..<24) func aCrashAnywhereLosesNoTime(_ point: Int) {
        let world = world()
        let start = world.time.wall
        var appends = 0
        var shown: [Timestamp] = []
        world.onAppend = { batch, isApplied in
            let keepers = batch.transactions.flatMap(\.entries).filter {
                $0.events.contains { $0.eventType == .domainEvent }
            }
            if isApplied {
                // What is durable now: the jump, or what happened after it.
                let all = world.log.filter { $0.value.first.map { isKeeper($0) } ?? false }.values.flatMap { $0 }
                if let last = all.last?.timestamp { shown.append(last) }
                for event in batch.transactions.flatMap(\.entries).flatMap(\.events) where keepers.isEmpty {
                    if let now = shown.last {
                        #expect(event.timestamp <= now, "it happened before its time was durable")
                    }
                }
            }
            appends += 1
            return appends == point + 1
        }
        world.start { history in
            let fired = history.count { $0.eventType == .timerFired }
            return [Self.sleep] + (fired > 0 ? [Self.sleep] : []) + (fired > 1 ? [.complete(.empty)] : [])
        }
        world.settle()
        // After the crash its code is given to the worker that came back.
        if world.sagaID == nil || world.runs.isEmpty { world.start(script: world.script) }
        for _ in 0..<5 where world.runs.first.map({ !$0.isClosed }) ?? false { world.advance(by: 3_000_000) }
        #expect(shown == shown.sorted(), "the clock went back")
        let run = world.runs.first
        #expect(run?.isClosed == true)
        let fired = world.firedTimes
        #expect(fired == [start.adding(microseconds: Self.hour), start.adding(microseconds: 2 * Self.hour)])
    }
}

private func isKeeper(_ event: HistoryEvent) -> Bool {
    if case .workflowExecutionStarted(let started) = event.attributes {
        started.namespace == Shard.clockNamespace
    } else {
        false
    }
}

extension ShardWorld {
    /// The runs that are no clocks.
    fileprivate var runs: [(sagaID: SagaID, isClosed: Bool)] {
        log.keys.sorted().compactMap { sagaID in
            guard let events = log[sagaID], let first = events.first, !isKeeper(first) else { return nil }
            return (sagaID, events.last?.eventType == .workflowExecutionCompleted)
        }
    }

    fileprivate var firedTimes: [Timestamp] {
        guard let run = runs.first else { return [] }
        return (log[run.sagaID] ?? []).filter { $0.eventType == .timerFired }.map(\.timestamp)
    }
}
