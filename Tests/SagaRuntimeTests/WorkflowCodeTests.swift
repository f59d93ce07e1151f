import SagaCore
import Synchronization
import Testing

private struct Echo: Activity {
    static let typeID = "echo"
    func execute(_ input: Int, _ context: ActivityContext) async throws -> Int { input }
}

private struct Parallel: DurableWorkflow {
    static let typeID = "parallel"
    func run(_ context: WorkflowContext, _ input: Int?) async throws -> Int {
        async let first = context.executeActivity(Echo.self, 1, options: .init(stepID: "first"))
        async let second = context.executeActivity(Echo.self, 2, options: .init(stepID: "second"))
        let grouped = try await withThrowingTaskGroup(of: Int.self) { group in
            for index in 0..<4 {
                group.addTask {
                    try await context.executeActivity(Echo.self, index, options: .init(stepID: "group \(index)"))
                }
            }
            return try await group.reduce(0, +)
        }
        return try await first + second + grouped
    }
}

/// Asks for things as its own random numbers say.
private struct Wanderer: DurableWorkflow {
    static let typeID = "wanderer"
    func run(_ context: WorkflowContext, _ input: Int?) async throws -> [Int] {
        var results: [Int] = []
        for step in 0..<6 {
            switch context.randomNumber() % 6 {
            case 0: results.append(try await context.executeActivity(Echo.self, step))
            case 1: try await context.sleep(.seconds(1))
            case 2:
                async let left = context.executeActivity(Echo.self, step, options: .init(stepID: "left"))
                async let right = context.executeActivity(Echo.self, -step, options: .init(stepID: "right"))
                results.append(try await left + right)
            case 3: results.append(try await context.waitForSignal("go", as: Int.self))
            case 4: try context.recordMarker("note", step)
            default:
                let winner = try await withThrowingTaskGroup(of: Int.self) { group in
                    group.addTask { try await context.executeActivity(Echo.self, step) }
                    group.addTask {
                        try await context.sleep(.seconds(9))
                        return -1
                    }
                    let winner = try await group.next() ?? 0
                    group.cancelAll()
                    return winner
                }
                results.append(winner)
            }
        }
        return results
    }
}

@Suite struct DeterminismTests {
    @Test func parallelStepsComeInOneOrder() throws {
        var reference: [NumberedCommand] = []
        for round in 0..<1_000 {
            let run = try #require(TestRun(Parallel.self, input: .json("0")))
            run.advance()
            #expect(run.issued.count == 6)
            // Complete them back to front: the order of resumption must be that of the events.
            for event in run.history.events.reversed() {
                if case .activityTaskScheduled = event.attributes { run.history.complete(event.eventID, .json("1")) }
            }
            run.advance()
            #expect(run.issued.last?.command == .complete(.json("6")))
            if round == 0 { reference = run.issued } else { #expect(run.issued == reference) }
        }
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func liveAndReplayedCodeAgree(seed: UInt64) throws {
        let run = try #require(TestRun(Wanderer.self, input: .json("0"), seed: seed))
        var chance = SplitMix64(seed: seed)
        run.advance()
        for _ in 0..<60 where run.issued.last?.command.isClosing != true {
            var open: [EventAttributes] = []
            var closed: Set<EventID> = []
            for event in run.history.events {
                switch event.attributes {
                case .activityTaskCompleted(let done): closed.insert(done.scheduledEventID)
                case .timerFired(let fired): closed.insert(fired.createdEventID)
                case .timerCanceled(let canceled): closed.insert(canceled.createdEventID)
                default: break
                }
            }
            for event in run.history.events where !closed.contains(event.eventID) {
                switch event.attributes {
                case .activityTaskScheduled:
                    open.append(
                        .activityTaskCompleted(
                            ActivityTaskCompleted(
                                scheduledEventID: event.eventID, attempt: 1, output: .json("7"), undoData: nil)))
                case .timerCreated: open.append(.timerFired(TimerFired(createdEventID: event.eventID)))
                default: break
                }
            }
            open.append(.signalReceived(SignalReceived(name: "go", payload: .json("3"), signalID: "")))
            if let next = open.randomElement(using: &chance) { run.history.add(next) }
            // Some code sees several events at once.
            if chance.next() % 3 != 0 { run.advance() }
        }
        run.advance()
        // The recorded commands were compared one by one; nothing new may be wanted.
        let answer = try #require(run.replay())
        #expect(answer.error == nil)
        #expect(answer.commands == [])
    }

    @Test func anotherBatchingOfTheSameEventsChangesNothing() throws {
        let run = try #require(TestRun(Parallel.self, input: .json("0")))
        run.advance()
        for step in ["second", "group 2", "first", "group 0", "group 3", "group 1"] {
            run.history.complete(try #require(run.scheduled(step)), .json("1"))
        }
        run.advance()
        let definition = try #require(run.registry.definition("parallel", version: 0))
        let instance = WorkflowInstance(task: run.history.task(), definition: definition, converter: .json)
        var task = run.history.task()
        for (index, event) in run.history.events.enumerated() {
            task.firstEventID = EventID(index)
            task.events = [event]
            task.more = index < run.history.events.count - 1
            let answer = instance.activate(task)
            #expect((answer == nil) == task.more)
            #expect(answer?.error == nil)
        }
    }
}

private struct TwoSteps: DurableWorkflow {
    static let typeID = "two-steps"
    static let afterFirst = Mutex<[String]>([])
    func run(_ context: WorkflowContext, _ input: Int?) async throws -> Int {
        do {
            let first = try await context.executeActivity(Echo.self, 1, options: .init(stepID: "first"))
            return first + (try await context.executeActivity(Echo.self, 2, options: .init(stepID: "second")))
        } catch {
            // Code that cleans up in a catch must not reach anything when it is only evicted.
            let what = "\(type(of: error))"
            Self.afterFirst.withLock { $0.append(what) }
            try context.recordMarker("cleanup", what)
            _ = try await context.executeActivity(Echo.self, 3, options: .init(stepID: "cleanup"))
            throw error
        }
    }
}

private struct OneStep: DurableWorkflow {
    static let typeID = "one-step"
    func run(_ context: WorkflowContext, _ input: Int?) async throws -> Int {
        try await context.executeActivity(Echo.self, 1, options: .init(stepID: "first"))
    }
}

private struct OtherSteps: DurableWorkflow {
    static let typeID = "one-step"
    static let line: UInt = #line + 2
    func run(_ context: WorkflowContext, _ input: Int?) async throws -> Int {
        try await context.executeActivity(Echo.self, 1, options: .init(stepID: "renamed"))
    }
}

@Suite(.serialized) struct EvictionTests {
    @Test func evictedCodeAsksForNothing() throws {
        let run = try #require(TestRun(TwoSteps.self, input: .json("0")))
        #expect(run.advance()?.commands?.count == 1)
        TwoSteps.afterFirst.withLock { $0 = [] }
        run.instance.evict()
        #expect(TwoSteps.afterFirst.withLock { $0 } == ["Evicted"])
        // It is dead: a task is answered with a wish for the history, never with commands.
        run.history.complete(1, .json("1"))
        guard case .needHistory(from: 0) = run.instance.activate(run.history.task(from: 2)) else {
            Issue.record("an evicted run answered")
            return
        }
        // New code goes on as if nothing had been.
        #expect(run.replay()?.commands?.map(\.command.summary) == ["activity echo (step second)"])
    }

    @Test func droppedCodeIsEndedToo() throws {
        var run = TestRun(TwoSteps.self, input: .json("0"))
        run?.advance()
        TwoSteps.afterFirst.withLock { $0 = [] }
        run = nil
        #expect(TwoSteps.afterFirst.withLock { $0 } == ["Evicted"])
    }
}

@Suite struct MismatchTests {
    @Test func namesEventRecordAskedAndCallSite() throws {
        let run = try #require(TestRun(OneStep.self, input: .json("0")))
        run.advance()
        var registry = WorkflowRegistry()
        registry.register(OtherSteps.self)
        let definition = try #require(registry.definition("one-step", version: 0))
        let instance = WorkflowInstance(task: run.history.task(), definition: definition, converter: .json)
        let answer = try #require(instance.activate(run.history.task()))
        guard case .failed(.nondeterminism, let error) = answer else {
            Issue.record("the mismatch was not noticed")
            return
        }
        #expect(error.code == "SE0100")
        #expect(error.message.contains("event 1"))
        #expect(error.message.contains("step renamed"))
        let site = error.context.first { $0.key == "call_site" }?.value
        #expect(site == "SagaRuntimeTests/WorkflowCodeTests.swift:\(OtherSteps.line)")
    }
}

private struct Cancellable: DurableWorkflow {
    static let typeID = "cancellable"
    func run(_ context: WorkflowContext, _ input: Int?) async throws -> String {
        do {
            _ = try await context.executeActivity(Echo.self, 1, options: .init(stepID: "work"))
            return "done"
        } catch let cancelled as WorkflowCancelled {
            let undone = try await context.withoutCancellation {
                try await context.executeActivity(Echo.self, 2, options: .init(stepID: "release"))
            }
            return "cancelled: \(cancelled.reason), released \(undone)"
        }
    }
}

private struct Stubborn: DurableWorkflow {
    static let typeID = "stubborn"
    func run(_ context: WorkflowContext, _ input: Int?) async throws -> Int {
        try await context.sleep(.seconds(60))
        return 0
    }
}

@Suite struct CancellationTests {
    @Test func cancelIsDataOfTheSaga() throws {
        let run = try #require(TestRun(Cancellable.self, input: .json("0")))
        run.advance()
        run.history.add(.workflowExecutionCancelRequested(WorkflowExecutionCancelRequested(reason: "changed my mind")))
        #expect(
            run.advance()?.commands?.map(\.command.summary) == [
                "cancel of the activity of command 0", "activity echo (step release)",
            ])
        run.history.complete(try #require(run.scheduled("release")), .json("5"))
        #expect(
            run.advance()?.commands?.map(\.command) == [
                .complete(.json(#""cancelled: changed my mind, released 5""#))
            ])
        #expect(run.replay()?.error == nil)
    }

    @Test func cancelThatIsNotCaughtEndsTheRunAsCancelled() throws {
        let run = try #require(TestRun(Stubborn.self, input: .json("0")))
        run.advance()
        run.history.add(.workflowExecutionCancelRequested(WorkflowExecutionCancelRequested(reason: "stop")))
        #expect(run.advance()?.commands?.map(\.command) == [.cancelTimer(0), .cancel(reason: "stop")])
    }
}

private struct Deadline: DurableWorkflow {
    static let typeID = "deadline"
    func run(_ context: WorkflowContext, _ input: Int?) async throws -> String {
        try await withThrowingTaskGroup(of: String.self) { group in
            group.addTask { try await context.waitForSignal("paid", as: String.self) }
            group.addTask {
                try await context.sleep(.seconds(30))
                return "late"
            }
            defer { group.cancelAll() }
            return try await group.next() ?? ""
        }
    }
}

@Suite struct RaceTests {
    @Test func aSignalBeatsTheTimerWhichIsDropped() throws {
        let run = try #require(TestRun(Deadline.self, input: .json("0")))
        run.advance()
        run.history.signal("paid", .json(#""card""#))
        #expect(run.advance()?.commands?.map(\.command) == [.cancelTimer(0), .complete(.json(#""card""#))])
        #expect(run.replay()?.commands == [])
    }

    @Test func theTimerBeatsTheSignal() throws {
        let run = try #require(TestRun(Deadline.self, input: .json("0")))
        run.advance()
        run.history.add(.timerFired(TimerFired(createdEventID: 1)))
        #expect(run.advance()?.commands?.map(\.command) == [.complete(.json(#""late""#))])
    }

    @Test func aFailedStepCancelsItsSibling() throws {
        let run = try #require(TestRun(Parallel.self, input: .json("0")))
        run.advance()
        let error = SagaError(kind: .domain, message: "no")
        run.history.add(
            .activityTaskFailed(
                ActivityTaskFailed(
                    scheduledEventID: try #require(run.scheduled("group 1")), attempt: 1, error: error,
                    outcome: .noEffect)))
        let commands = try #require(run.advance()?.commands)
        #expect(commands.count == 6)
        #expect(commands.last?.command == .fail(error))
        #expect(commands.dropLast().allSatisfy { if case .requestCancelActivity = $0.command { true } else { false } })
        #expect(run.replay()?.error == nil)
    }
}

private struct Collector: DurableWorkflow {
    static let typeID = "collector"
    func run(_ context: WorkflowContext, _ input: Int?) async throws -> [Int] {
        var values: [Int] = []
        _ = try await context.executeActivity(Echo.self, 0)
        for _ in 0..<3 { values.append(try await context.waitForSignal("value", as: Int.self)) }
        return values
    }
}

@Suite struct SignalTests {
    @Test func signalsBeforeAndAfterTheWaitKeepTheirOrder() throws {
        let run = try #require(TestRun(Collector.self, input: .json("0")))
        run.history.signal("value", .json("1"))
        run.advance()
        run.history.signal("other", .json("9"))
        run.history.signal("value", .json("2"))
        run.history.complete(try #require(run.scheduled("echo")), .json("0"))
        #expect(run.advance()?.commands == [])
        run.history.signal("value", .json("3"))
        #expect(run.advance()?.commands?.map(\.command) == [.complete(.json("[1,2,3]"))])
    }
}

private struct Escapes: DurableWorkflow {
    static let typeID = "escapes"
    func run(_ context: WorkflowContext, _ input: Int?) async throws -> Int {
        try await Task { try await context.executeActivity(Echo.self, 1) }.value
    }
}

private struct Sleeps: DurableWorkflow {
    static let typeID = "sleeps"
    func run(_ context: WorkflowContext, _ input: Int?) async throws -> Int {
        try await Task.sleep(for: .milliseconds(1))
        return 1
    }
}

@Suite struct MisuseTests {
    @Test func workOutsideTheExecutorIsReported() throws {
        try check(Escapes.self)
        try check(Sleeps.self)
    }

    private func check<W: DurableWorkflow>(_ type: W.Type) throws {
        let run = try #require(TestRun(type, input: .json("0")))
        guard case .failed(.nondeterminism, let error)? = run.advance() else {
            Issue.record("\(type): the misuse was not noticed")
            return
        }
        #expect(error.code == "SE0101")
        #expect(error.message.contains("Task {}"))
    }
}
