import SagaCore
import SagaEngine
import Testing

/// Section 8 of the contract, kind by kind: what an error of it makes the engine do, wherever it comes up. The table here is
/// written down a second time on purpose.
@Suite struct ErrorTableTests {
    /// What the contract says of a kind.
    private enum Meaning {
        /// Something is down, or it will pass: again with backoff, then the code decides.
        case again
        /// It is wrong and will stay so: no second attempt; `noEffect` if nothing can have happened.
        case final(noEffect: Bool)
        /// Nobody knows: a person must look.
        case person

        init(_ kind: ErrorKind) {
            switch kind {
            case .eventStore, .timerStore, .signalDispatcher, .taskQueue, .snapshot: self = .again
            case .timeout, .concurrency, .activityExecution, .stepExecution, .unknown: self = .again
            case .validation, .domain: self = .final(noEffect: true)
            case .configuration, .codec, .cancelled, .workflowExecution: self = .final(noEffect: false)
            case .replay, .compensation: self = .person
            }
        }

        var attempts: Int {
            if case .again = self { 3 } else { 1 }
        }

        var outcome: StepOutcome {
            if case .final(noEffect: true) = self { .noEffect } else { .unknown }
        }
    }

    private static let retry = RetryPolicy(maximumAttempts: 3, initialIntervalMicros: 1_000, jitter: 0)
    private static let done = ActivityResult.completed(output: .json("1"), undoData: nil)

    private func next(_ world: ShardWorld) throws -> ActivityTask {
        for _ in 0..<10 where world.tasks.isEmpty { world.advanceToNextWake() }
        return try #require(world.tasks.isEmpty ? nil : world.tasks.removeFirst())
    }

    private func finish(_ world: ShardWorld, _ result: ActivityResult) throws -> ActivityTask {
        let task = try next(world)
        world.report(task, result)
        world.settle()
        return task
    }

    @Test func theTableHasEveryKindInItsPlace() {
        #expect(ErrorKind.table.map(\.kind) == ErrorKind.allCases.sorted { $0.rawValue < $1.rawValue })
        #expect(Set(ErrorKind.table.map(\.name)).count == ErrorKind.allCases.count)
        #expect(ErrorKind.table.map { Int($0.kind.rawValue) } == Array(ErrorKind.table.indices))
        #expect(Set(ErrorKind.table.map(\.category)) == Set(ErrorCategory.allCases))
    }

    @Test(arguments: ErrorKind.allCases)
    func aStepThatFailsLikeThis(_ kind: ErrorKind) throws {
        let meaning = Meaning(kind)
        let error = SagaError(kind: kind, message: "it is so", code: "E1").with("where", "there")
        let world = ShardWorld()
        world.start { events in
            var commands: [WorkflowCommand] = [.step("a")]
            if events.isClosed("a") { commands.append(.step("b", retry: Self.retry)) }
            if events.isClosed("b") { commands.append(.fail(error)) }
            return commands
        }
        _ = try finish(world, Self.done)
        // What an activity that throws this reports: the worker derives the outcome from the error.
        for _ in 1...meaning.attempts {
            let task = try finish(world, .failed(error, outcome: error.impliedOutcome))
            #expect(task.stepID == "b" && !task.reference.isUndo)
        }
        let failed = world.history.firstMatch { attributes -> ActivityTaskFailed? in
            if case .activityTaskFailed(let value) = attributes { value } else { nil }
        }
        #expect(failed?.attempt == UInt32(meaning.attempts))
        #expect(failed?.outcome == meaning.outcome)
        #expect(failed?.error == error)

        if case .person = meaning {
            #expect(world.status == .blocked)
            #expect(world.alerts.map(\.block.cause) == [.codeFailure])
            #expect(!world.types.contains(.compensationStarted))
            world.call(.cancel(ControlCall(target: world.target)))
            world.settle()
        }
        let owed = meaning.outcome == .noEffect ? ["a"] : ["b", "a"]
        for step in owed { #expect(try finish(world, Self.done).stepID == step) }
        if case .person = meaning {
            #expect(world.status == .canceled)
        } else {
            #expect(world.status == .failed)
            let closing = world.history.firstMatch { attributes -> SagaError? in
                if case .workflowExecutionFailed(let value) = attributes { value.error } else { nil }
            }
            #expect(closing == error)
        }
    }

    @Test(arguments: ErrorKind.allCases)
    func anUndoThatFailsLikeThisIsNeverGivenUpInSilence(_ kind: ErrorKind) throws {
        let error = SagaError(kind: kind, message: "it is so")
        let world = ShardWorld()
        world.start { events in
            [.step("a", undo: UndoSpec(activityType: "undo", retry: Self.retry))]
                + (events.isClosed("a") ? [.fail(SagaError(kind: .domain, message: "no"))] : [])
        }
        _ = try finish(world, Self.done)
        for _ in 1...Meaning(kind).attempts {
            #expect(world.status != .blocked)
            _ = try finish(world, .failed(error, outcome: error.impliedOutcome))
        }
        #expect(world.status == .blocked)
        #expect(world.alerts.map(\.block.cause) == [.undoFailed])
        let blocked = world.history.firstMatch { attributes -> CompensationBlocked? in
            if case .compensationBlocked(let value) = attributes { value } else { nil }
        }
        #expect(blocked?.error == error)
    }
}
