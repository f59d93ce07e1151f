import SagaCore
import SagaEngine

/// The resume of a declared saga of 100,000 events: 900 steps, each repeated many times, and a snapshot with ten events behind it.
struct DeclaredLine {
    let program: SagaProgram
    let events: [HistoryEvent]
    private static let repeats = 55
    private static let stepCount = 900

    init() throws {
        let definition = SagaDefinition(
            name: "bench.line",
            steps: (0..<Self.stepCount).map { index in
                StepDefinition(
                    id: "s\(index)",
                    kind: .activity(ActivityStep(activityType: BenchStep.typeID, input: .template("1"))))
            })
        program = try SagaProgram(definition)
        var events: [HistoryEvent] = []
        func add(_ attributes: EventAttributes) {
            events.append(
                HistoryEvent(
                    eventID: EventID(events.count), sagaID: RunOfSteps.id,
                    timestamp: RunOfSteps.id.time.adding(microseconds: Int64(events.count)), attributes: attributes))
        }
        let one = Payload(encoding: "json", data: Array("1".utf8))
        add(
            .workflowExecutionStarted(
                WorkflowExecutionStarted(
                    namespace: "default", workflowID: "line", workflowType: "bench.line", workflowVersion: 1,
                    taskQueue: "default", input: one, executionTimeoutMicros: 0, cancelGraceMicros: 0)))
        for step in 0..<Self.stepCount - 1 {
            let scheduled = EventID(events.count)
            add(
                .activityTaskScheduled(
                    ActivityTaskScheduled(
                        commandNumber: CommandNumber(step), stepID: "s\(step)", activityType: BenchStep.typeID,
                        taskQueue: "default", input: one, retry: RetryPolicy(), timeouts: .standard, undo: nil,
                        idempotencyKey: "\(RunOfSteps.id)/\(scheduled)")))
            for attempt in 1...UInt32(Self.repeats) {
                add(.activityTaskStarted(started(scheduled, attempt)))
                add(
                    .activityTaskRetryScheduled(
                        ActivityTaskRetryScheduled(
                            scheduledEventID: scheduled, attempt: attempt,
                            error: SagaError(kind: .domain, message: "not yet"), outcome: .noEffect,
                            dueAt: RunOfSteps.id.time)))
            }
            add(.activityTaskStarted(started(scheduled, UInt32(Self.repeats + 1))))
            add(
                .activityTaskCompleted(
                    ActivityTaskCompleted(
                        scheduledEventID: scheduled, attempt: UInt32(Self.repeats + 1), output: one)))
        }
        self.events = events
        func started(_ scheduled: EventID, _ attempt: UInt32) -> ActivityTaskStarted {
            ActivityTaskStarted(
                scheduledEventID: scheduled, attempt: attempt, identity: "bench", startedAt: RunOfSteps.id.time)
        }
    }

    func run(upTo end: Int) throws -> DefinitionRun {
        let run = DefinitionRun(program, workflowID: "line")
        for event in events.prefix(end) {
            if let mismatch = run.take(event) { throw BenchFailure("recovery: \(mismatch.message)") }
        }
        return run
    }
}

extension RecoverySuite {
    func declaredResume(_ context: BenchContext, _ kind: RecoveryStore) async throws {
        guard context.wants("\(kind.name) declared resume") else { return }
        let line = try DeclaredLine()
        let end = line.events.count
        // Where nothing is asked for: after the end of a step's last attempt but one.
        let snapshotAt = end - 10
        try await kind.use { store in
            let sagaID = try await RunOfSteps(events: line.events).write(to: store)
            guard let keeper = store as? any SnapshotStore, let row = try await store.execution(sagaID) else { return }
            var state = ExecutionState(sagaID: sagaID)
            for event in line.events.prefix(snapshotAt) { try state.apply(event) }
            let before = try line.run(upTo: snapshotAt)
            guard before.commands.isEmpty else { throw BenchFailure("recovery: the snapshot is at a wrong place") }
            try await keeper.keep([try Snapshot.encode(state, before.state, at: sagaID.time)], newest: 2)
            let expected = try line.run(upTo: end).state
            let replayer = HistoryReplayer(store: store) { print("  snapshot skipped: \($0.problem)") }
            let readAlone = "\(kind.name) read for a declared resume"
            try await context.measure(
                BenchCase(name: readAlone, operations: 1, operation: "run")
            ) {
                let stored = try await keeper.snapshot(of: sagaID, upTo: .max)
                let tail = try await store.events(of: sagaID, from: (stored?.nextEventID ?? 1) - 1, limit: 4_096)
                return UInt64(stored?.bytes.count ?? 0) &+ UInt64(tail.count)
            }
            try await context.measure(
                BenchCase(
                    name: "\(kind.name) declared resume of \(end) events", operations: 1, operation: "run",
                    reference: .measured(name: "read alone", case: readAlone))
            ) {
                guard let found = try await replayer.recover(row), let program = found.program,
                    let run = DefinitionRun(line.program, resuming: program)
                else { throw BenchFailure("recovery: the program was not in the snapshot") }
                for event in try await store.events(of: sagaID, from: run.nextEventID, limit: 1_000) {
                    if let mismatch = run.take(event) { throw BenchFailure("recovery: \(mismatch.message)") }
                }
                guard run.state == expected else { throw BenchFailure("recovery: the program stands elsewhere") }
                return run.nextEventID
            }
        }
    }
}
