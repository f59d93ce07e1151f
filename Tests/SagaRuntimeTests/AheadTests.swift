import SagaCore
import SagaRuntime
import Testing

private struct TwoSteps: DurableWorkflow {
    static let typeID = "two-steps"
    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        let first = try await context.executeActivity(named: "one", input, as: Int.self)
        return try await context.executeActivity(named: "two", first, as: Int.self)
    }
}

private struct LooksAtTheClock: DurableWorkflow {
    static let typeID = "looks-at-the-clock"
    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int64 {
        _ = try await context.executeActivity(named: "one", input, as: Int.self)
        return context.now.microseconds
    }
}

private struct Parallel: DurableWorkflow {
    static let typeID = "parallel"
    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        async let first = context.executeActivity(named: "one", input, as: Int.self)
        async let second = context.executeActivity(named: "two", input, as: Int.self)
        return try await first + second
    }
}

extension WorkflowInstance.Ahead {
    fileprivate var advance: StepAdvance? { if case .advanced(let advance) = self { advance } else { nil } }
}

/// Live code that is told of its step's end before the history has it.
@Suite struct AheadTests {
    @Test func codeGoesOnAndItsHistoryCatchesUp() throws {
        let run = try #require(TestRun(TwoSteps.self, input: .json("1")))
        run.advance()
        let first = try #require(run.scheduled("one"))
        let advance = try #require(run.instance.goAhead(over: first, .json("5")).advance)
        #expect(advance.command == 0)
        guard case .scheduleActivity(let step)? = advance.commands.first?.command else {
            Issue.record("no second step")
            return
        }
        #expect(advance.commands.map(\.number) == [1])
        #expect(step.input == .json("5"))
        run.history.complete(first, .json("5"))
        run.history.record(advance.commands)
        // The owner of the history has taken it: events go on after what the code was told.
        var task = run.history.task(from: first + 2)
        run.history.complete(first + 2, .json("7"))
        task = run.history.task(from: first + 2)
        #expect(run.instance.activate(task)?.commands?.map(\.command) == [.complete(.json("7"))])
        // The history is one that the code can be run over.
        #expect(run.replay()?.commands?.map(\.command) == [.complete(.json("7"))])
    }

    @Test func twiceInARow() throws {
        let run = try #require(TestRun(TwoSteps.self, input: .json("1")))
        run.advance()
        let first = try #require(run.scheduled("one"))
        _ = try #require(run.instance.goAhead(over: first, .json("5")).advance)
        // The task for the second step comes only if the first advance was taken.
        let last = try #require(run.instance.goAhead(over: first + 3, .json("7")).advance)
        #expect(last.command == 1)
        #expect(last.commands.map(\.command) == [.complete(.json("7"))])
        #expect(!run.instance.awaitsStep)
    }

    @Test func eventsThatTheCodeWasToldOtherwiseMakeItAskForItsHistory() throws {
        let run = try #require(TestRun(TwoSteps.self, input: .json("1")))
        run.advance()
        let first = try #require(run.scheduled("one"))
        _ = try #require(run.instance.goAhead(over: first, .json("5")).advance)
        run.history.signal("s", .empty)
        guard case .needHistory(from: 0)? = run.instance.activate(run.history.task(from: first)) else {
            Issue.record("the code takes events that it was told otherwise")
            return
        }
        #expect(!run.instance.stands(at: first))
    }

    @Test func onlyTheStepThatTheCodeHasNotSeenScheduled() throws {
        let run = try #require(TestRun(TwoSteps.self, input: .json("1")))
        run.advance()
        let first = try #require(run.scheduled("one"))
        #expect(run.instance.goAhead(over: first - 1, .json("5")).advance == nil)
        // Once it has seen that, another event may stand between it and the end.
        run.history.signal("s", .empty)
        run.advance()
        #expect(!run.instance.awaitsStep)
        #expect(run.instance.goAhead(over: first, .json("5")).advance == nil)
        run.history.complete(first, .json("5"))
        #expect(run.advance()?.commands?.count == 1)
    }

    @Test func codeThatLooksAtTheClockIsSpoiled() throws {
        let run = try #require(TestRun(LooksAtTheClock.self, input: .json("1")))
        run.advance()
        let first = try #require(run.scheduled("one"))
        guard case .spoiled = run.instance.goAhead(over: first, .json("5")) else {
            Issue.record("the code was given a time that replay does not repeat")
            return
        }
    }

    @Test func oneOfSeveralStepsIsNoReasonToGoAhead() throws {
        let run = try #require(TestRun(Parallel.self, input: .json("1")))
        run.advance()
        #expect(!run.instance.awaitsStep)
        let first = try #require(run.scheduled("one"))
        #expect(run.instance.goAhead(over: first, .json("5")).advance == nil)
    }
}
