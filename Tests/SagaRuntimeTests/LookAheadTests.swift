import SagaCore
import Synchronization
import Testing

private struct Reply: Activity {
    static let typeID = "reply"
    func execute(_ input: Int, _ context: ActivityContext) async throws -> Int { input }
}

/// Notes all that it sees, in its order: what comes while it waits, beside what, and at which time.
private struct Observer: DurableWorkflow {
    static let typeID = "observer"
    static let notes = Mutex<[SagaID: [String]]>([:])

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        func note(_ what: String) {
            Self.notes.withLock { $0[context.sagaID, default: []].append("\(context.now.microseconds) \(what)") }
        }
        try context.setTimerCallback("tick") { timerID in
            note("callback \(timerID)")
            _ = try await context.executeActivity(Reply.self, 100, options: .init(stepID: "in callback"))
            note("callback ends")
        }
        try context.setSignalHandler("news") { (value: Int) in note("news \(value)") }
        for step in 0..<12 {
            switch context.randomNumber() % 6 {
            case 0: try context.startTimer("beside \(step)", .seconds(1), callback: "tick")
            case 1: try await context.createTimer("own \(step)", .seconds(1), callback: "tick")
            case 2:
                async let side = context.executeActivity(Reply.self, step, options: .init(stepID: "side"))
                let main = try await context.executeActivity(Reply.self, -step, options: .init(stepID: "main"))
                note("both \(main) \(try await side)")
            case 3:
                do {
                    let value = try await context.executeActivity(
                        Reply.self, step, options: .init(stepID: "may fail"))
                    note("did not fail \(value)")
                } catch let error as SagaError {
                    note("failed \(error.message)")
                }
            default: note("step \(try await context.executeActivity(Reply.self, step))")
            }
            note("\(step) done")
        }
        return 0
    }
}

@Suite struct LookAheadTests {
    /// Code that takes its results from the events at hand sees what code sees that is given one event after the other.
    @Test(arguments: 0..<100 as Range<UInt64>) func codeSeesTheSameInOnePieceAndOneByOne(_ seed: UInt64) throws {
        let run = try #require(TestRun(Observer.self, input: .json("0"), seed: seed))
        var chance = SplitMix64(seed: seed &+ 77)
        run.advance()
        for _ in 0..<200 where run.issued.last?.command.isClosing != true {
            var open: [EventAttributes] = []
            var closed: Set<EventID> = []
            for event in run.history.events {
                switch event.attributes {
                case .activityTaskCompleted(let done): closed.insert(done.scheduledEventID)
                case .activityTaskFailed(let failed): closed.insert(failed.scheduledEventID)
                case .timerFired(let fired): closed.insert(fired.createdEventID)
                default: break
                }
            }
            for event in run.history.events where !closed.contains(event.eventID) {
                switch event.attributes {
                case .activityTaskScheduled(let step):
                    let error = SagaError(kind: .activityExecution, message: "no")
                    open.append(
                        step.stepID == "may fail" && chance.next() % 2 == 0
                            ? .activityTaskFailed(
                                ActivityTaskFailed(
                                    scheduledEventID: event.eventID, attempt: 1, error: error, outcome: .noEffect))
                            : .activityTaskCompleted(
                                ActivityTaskCompleted(
                                    scheduledEventID: event.eventID, attempt: 1, output: .json("7"), undoData: nil)))
                case .timerCreated: open.append(.timerFired(TimerFired(createdEventID: event.eventID)))
                default: break
                }
            }
            open.append(.signalReceived(SignalReceived(name: "news", payload: .json("3"), signalID: "")))
            if let next = open.randomElement(using: &chance) { run.history.add(next) }
            if chance.next() % 3 != 0 { run.advance() }
        }
        run.advance()
        let id = run.history.sagaID
        let live = Observer.notes.withLock { $0.removeValue(forKey: id) }
        #expect((live ?? []).count > 12)

        let whole = try #require(run.replay())
        #expect(whole.error == nil && whole.commands == [])
        #expect(Observer.notes.withLock { $0.removeValue(forKey: id) } == live)

        let definition = try #require(run.registry.definition(Observer.typeID, version: 0))
        for size in [1, 3] {
            let code = WorkflowInstance(task: run.history.task(), definition: definition, converter: .json)
            var first = 0
            while first < run.history.events.count {
                var task = run.history.task()
                task.firstEventID = EventID(first)
                task.events = Array(run.history.events[first..<min(first + size, run.history.events.count)])
                first += task.events.count
                #expect(code.activate(task)?.error == nil)
            }
            #expect(Observer.notes.withLock { $0.removeValue(forKey: id) } == live)
        }
    }

    /// A step that does not fit is found by code that looks ahead as by code that is suspended.
    @Test func aMismatchAheadIsNamed() throws {
        let run = try #require(TestRun(Line.self, input: .json("0")))
        for _ in 0..<3 {
            run.advance()
            run.history.complete(try #require(run.scheduled(Reply.typeID)), .json("7"))
        }
        run.advance()
        var history = run.history
        #expect(run.replay()?.error == nil)
        history.add(.timerFired(TimerFired(createdEventID: 1)))
        let definition = try #require(run.registry.definition(Line.typeID, version: 0))
        let task = history.task()
        let answer = WorkflowInstance(task: task, definition: definition, converter: .json).activate(task)
        #expect(answer?.error?.message.contains("closes event 1, which the code never asked for") == true)
    }
}

private struct Line: DurableWorkflow {
    static let typeID = "line"
    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        var sum = 0
        for step in 0..<9 { sum += try await context.executeActivity(Reply.self, step) }
        return sum
    }
}
