import SagaCore
import SagaEngine
import Synchronization
import Testing

/// How a saga ends (semantics, section 3).
enum WayOut: String, CaseIterable, Sendable {
    case returns
    case `throws`
    case cancelSeenByTheCode
    case cancelGracePasses
    case executionTimeout
    case terminateWithUndo
    case terminateAtOnce
    case codeBlockedThenCancelled

    /// Whether what was done is undone.
    var unwinds: Bool { self != .returns && self != .terminateAtOnce }

    var status: ExecutionStatus {
        switch self {
        case .returns: .completed
        case .throws: .failed
        case .cancelSeenByTheCode, .cancelGracePasses, .codeBlockedThenCancelled: .canceled
        case .executionTimeout: .timedOut
        case .terminateWithUndo, .terminateAtOnce: .terminated
        }
    }
}

/// Where the server's process dies, once.
enum CrashPoint: String, CaseIterable, Sendable {
    case never
    case startNotDurable
    case startDurable
    case stepNotDurable
    case stepDurable
    case stepHandedOut
    case outcomeNotDurable
    case outcomeDurable
    case unwindingNotDurable
    case unwindingDurable
    case undoHandedOut
    case undoneNotDurable
    case undoneDurable
    case closingNotDurable
    case closingDurable

    /// Whether the point lies on the way.
    func isOnTheWay(_ wayOut: WayOut) -> Bool {
        switch self {
        case .unwindingNotDurable, .unwindingDurable, .undoHandedOut, .undoneNotDurable, .undoneDurable: wayOut.unwinds
        default: true
        }
    }
}

/// One cell of the table: a way out, a crash point, and what is known of the second step.
struct Cell: Sendable, CustomTestStringConvertible {
    var wayOut: WayOut
    var crash: CrashPoint
    var outcome: StepOutcome

    /// What is recorded of `b`. A server that died while `b` was open does not know who else may have had it: what one
    /// worker says of its own attempt no longer proves that nothing happened (semantics, section 5, "may have started").
    var recorded: StepOutcome {
        switch crash {
        case .stepDurable, .stepHandedOut, .outcomeNotDurable: outcome == .noEffect ? .unknown : outcome
        default: outcome
        }
    }

    var testDescription: String { "\(wayOut.rawValue) × \(crash.rawValue) × \(outcome.name)" }

    static let all = WayOut.allCases.flatMap { wayOut in
        CrashPoint.allCases.filter { $0.isOnTheWay(wayOut) }.flatMap { crash in
            StepOutcome.allCases.map { Cell(wayOut: wayOut, crash: crash, outcome: $0) }
        }
    }
}

/// (way out × crash point × outcome): each cell is a case of its own. The real shard runs two steps, `a` and `b`; it is
/// killed at the cell's point and started again; and the history and the world are judged by rules that share nothing with
/// the engine's own fold.
@Suite struct CellTests {
    private static let counter = Mutex((finished: 0, covered: 0))

    @Test(arguments: Cell.all)
    func everyWayOutIsUndoneWhateverCrashes(_ cell: Cell) {
        let run = CellRun(cell)
        run.go()
        let problems = run.problems()
        for problem in problems { Issue.record("\(cell.testDescription): \(problem)\n\(run.story)") }
        let done = Self.counter.withLock { counter in
            counter.finished += 1
            if problems.isEmpty { counter.covered += 1 }
            return counter
        }
        if done.finished == Cell.all.count {
            print("compensation cells: \(done.covered) of \(Cell.all.count) covered")
        }
    }
}

/// What really stands in the world.
private struct Effects {
    var done: [String: Int] = [:]
    var undone: [String: Int] = [:]
    /// Undos, in the order in which they ran for the first time.
    var order: [String] = []
    var undoKeys: [String: Set<String>] = [:]
}

private final class CellRun {
    let cell: Cell
    let world: ShardWorld
    private var effects = Effects()
    private var isCrashed = false
    private var isWayOutAsked = false

    init(_ cell: Cell) {
        self.cell = cell
        world = ShardWorld { $0.cancelGraceMicros = 3_000_000 }
        world.onAppend = { [unowned self] batch, isApplied in dies(batch, isApplied) }
        world.onTask = { [unowned self] task in dies(task) }
    }

    var story: String { world.types.map(\.name).joined(separator: " ") }

    // MARK: The crash

    private func dies(_ isHere: Bool) -> Bool {
        guard isHere, !isCrashed else { return false }
        isCrashed = true
        return true
    }

    private func dies(_ batch: AppendBatch, _ isApplied: Bool) -> Bool {
        let events = batch.transactions.flatMap(\.entries).flatMap(\.events)
        func has(_ types: EventType...) -> Bool { events.contains { types.contains($0.eventType) } }
        let closesB = has(.activityTaskCompleted, .activityTaskFailed, .activityTaskTimedOut) && isOfB(events)
        let isHere =
            switch (cell.crash, isApplied) {
            case (.startNotDurable, false), (.startDurable, true): has(.workflowExecutionStarted)
            case (.stepNotDurable, false), (.stepDurable, true): events.scheduled("b") != nil
            case (.outcomeNotDurable, false), (.outcomeDurable, true): closesB
            case (.unwindingNotDurable, false), (.unwindingDurable, true): has(.compensationStarted)
            case (.undoneNotDurable, false), (.undoneDurable, true): has(.compensationStepCompleted)
            case (.closingNotDurable, false), (.closingDurable, true):
                has(
                    .workflowExecutionCompleted, .workflowExecutionFailed, .workflowExecutionCanceled,
                    .workflowExecutionTimedOut, .workflowExecutionTerminated)
            default: false
            }
        return dies(isHere)
    }

    private func isOfB(_ events: [HistoryEvent]) -> Bool {
        guard let b = (world.history + events).scheduled("b") else { return false }
        return events.contains { event in
            switch event.attributes {
            case .activityTaskCompleted(let value): value.scheduledEventID == b
            case .activityTaskFailed(let value): value.scheduledEventID == b
            case .activityTaskTimedOut(let value): value.scheduledEventID == b
            default: false
            }
        }
    }

    private func dies(_ task: ActivityTask) -> Bool {
        switch cell.crash {
        case .stepHandedOut: dies(task.stepID == "b" && !task.reference.isUndo)
        case .undoHandedOut: dies(task.reference.isUndo)
        default: false
        }
    }

    // MARK: The saga

    private func script(_ events: [HistoryEvent]) -> [WorkflowCommand] {
        var commands = [WorkflowCommand.step("a")]
        guard events.isClosed("a") else { return commands }
        commands.append(.step("b", timeouts: ActivityTimeouts(startToCloseMicros: 1_000_000)))
        guard events.isClosed("b") else { return commands }
        switch cell.wayOut {
        case .returns: commands.append(.complete(.empty))
        case .throws: commands.append(.fail(SagaError(kind: .domain, message: "no")))
        case .cancelSeenByTheCode:
            if events.contains(where: { $0.eventType == .workflowExecutionCancelRequested }) {
                commands.append(.cancel(reason: "asked"))
            }
        default: break
        }
        return commands
    }

    func go() {
        let timeout: Int64 = cell.wayOut == .executionTimeout ? 60_000_000 : 0
        let start = { [world] in
            world.start(executionTimeout: timeout) { [unowned self] events in script(events) }
        }
        start()
        for _ in 0..<200 {
            if world.status?.isClosed == true { break }
            // A caller without an answer asks again, with the same request id.
            if world.sagaID == nil { start() }
            if work() { continue }
            if askForWayOut() { continue }
            world.advanceToNextWake()
        }
        world.settle()
    }

    /// Does one task that the worker has; false if it has none that it would do.
    private func work() -> Bool {
        // An unknown outcome is a worker that never says anything.
        guard let index = world.tasks.firstIndex(where: { !($0.stepID == "b" && hangs && !$0.reference.isUndo) }) else {
            if let index = world.tasks.firstIndex(where: { effects.done[$0.idempotencyKey] == nil }) {
                effects.done[world.tasks[index].idempotencyKey, default: 0] += 1
                return true
            }
            return false
        }
        let task = world.tasks.remove(at: index)
        if task.reference.isUndo, let undo = task.undo {
            if effects.undone[undo.stepKey] == nil { effects.order.append(task.stepID) }
            effects.undone[undo.stepKey, default: 0] += 1
            effects.undoKeys[undo.stepKey, default: []].insert(task.idempotencyKey)
            world.report(task, .completed(output: .json("true"), undoData: nil))
        } else if task.stepID == "b", cell.outcome == .noEffect {
            world.report(task, .failed(SagaError(kind: .domain, message: "declined"), outcome: .noEffect))
        } else {
            effects.done[task.idempotencyKey, default: 0] += 1
            world.report(task, .completed(output: .json("\"done\""), undoData: nil))
        }
        // A report that is not acknowledged is sent again on the next stream.
        let stream = world.worker
        world.settle()
        if world.worker != stream {
            world.tasks.removeAll { $0.reference == task.reference }
            resend(task)
        }
        return true
    }

    private var hangs: Bool { cell.outcome == .unknown }

    private func resend(_ task: ActivityTask) {
        if task.reference.isUndo || task.stepID == "a" || cell.outcome == .completed {
            world.report(task, .completed(output: .json("\"done\""), undoData: nil))
        } else {
            world.report(task, .failed(SagaError(kind: .domain, message: "declined"), outcome: .noEffect))
        }
        world.settle()
    }

    /// When both steps are closed, what ends the saga comes from outside; false if nothing has to be done.
    private func askForWayOut() -> Bool {
        guard world.history.isClosed("b") else { return false }
        let control = ControlCall(target: world.target, reason: "asked", requestID: "out", identity: "ann")
        let isAsked = world.history.contains { event in
            switch event.attributes {
            case .workflowExecutionCancelRequested(let value): value.requestID == "out"
            case .compensationStarted(let value): value.requestID == "out"
            default: false
            }
        }
        if isAsked { return false }
        switch cell.wayOut {
        case .cancelSeenByTheCode, .cancelGracePasses: world.call(.cancel(control))
        case .terminateWithUndo: world.call(.terminate(control, compensate: true))
        case .terminateAtOnce: world.call(.terminate(control, compensate: false))
        case .codeBlockedThenCancelled:
            if world.status == .blocked {
                world.call(.cancel(control))
            } else {
                guard world.answers.isEmpty else { return false }
                let mismatch = SagaError(kind: .replay, message: "other code")
                world.answers = Array(repeating: .failed(.nondeterminism, mismatch), count: 3)
                // Something to activate the code for.
                world.call(
                    .signal(SignalCall(target: world.target, name: "s", payload: .empty, requestID: "wake")))
            }
        case .returns, .throws, .executionTimeout: return false
        }
        world.settle()
        return true
    }

    // MARK: Judgement

    /// What is wrong; empty if the cell holds.
    func problems() -> [String] {
        var problems: [String] = []
        func expect(_ holds: Bool, _ what: String) { if !holds { problems.append(what) } }
        expect(cell.crash == .never || isCrashed, "the crash point was never reached")
        expect(world.status == cell.wayOut.status, "it ended as \(world.status?.name ?? "nothing")")
        let history = world.history
        expect(history.map(\.eventID) == (0..<EventID(history.count)).map { $0 }, "event ids have gaps")
        let closings = history.filter { $0.category == .workflow && isClosing($0.eventType) }
        expect(closings.count == 1 && history.last?.eventID == closings.first?.eventID, "it did not close once, last")

        let isOutcome = outcomeOfB(history)
        expect(isOutcome == cell.recorded, "the outcome of b is \(isOutcome.map(\.name) ?? "open")")
        let undoesB = cell.recorded != .noEffect
        let owed = undoesB ? ["b", "a"] : ["a"]
        expect(effects.order == (cell.wayOut.unwinds ? owed : []), "undone were \(effects.order)")
        for keys in effects.undoKeys.values { expect(keys.count == 1, "an undo ran under several keys: \(keys)") }
        let completed = history.compactMap { event -> EventID? in
            if case .compensationStepCompleted(let value) = event.attributes { value.stepEventID } else { nil }
        }
        expect(Set(completed).count == completed.count, "an undo is recorded twice")
        expect(completed.count == (cell.wayOut.unwinds ? owed.count : 0), "\(completed.count) undos are recorded")
        let closing: HistoryEvent? = closings.first
        let summary = closing.flatMap { summaryOf($0.attributes) }
        switch cell.wayOut {
        case .returns: expect(summary?.state == CompensationState.none, "it says \(String(describing: summary))")
        case .terminateAtOnce:
            let left = owed.reversed().compactMap { history.scheduled($0) }
            expect(
                summary == CompensationSummary(.partial, openEntries: left), "it says \(String(describing: summary))")
        default: expect(summary == CompensationSummary(.complete), "it says \(String(describing: summary))")
        }
        return problems
    }

    private func isClosing(_ type: EventType) -> Bool {
        switch type {
        case .workflowExecutionCompleted, .workflowExecutionFailed, .workflowExecutionTimedOut,
            .workflowExecutionCanceled, .workflowExecutionTerminated:
            true
        default: false
        }
    }

    private func outcomeOfB(_ history: [HistoryEvent]) -> StepOutcome? {
        guard let b = history.scheduled("b") else { return nil }
        return history.firstMatch { attributes in
            switch attributes {
            case .activityTaskCompleted(let value): value.scheduledEventID == b ? .completed : nil
            case .activityTaskFailed(let value): value.scheduledEventID == b ? value.outcome : nil
            case .activityTaskTimedOut(let value): value.scheduledEventID == b ? value.outcome : nil
            case .activityTaskCanceled(let value): value.scheduledEventID == b ? value.outcome : nil
            default: nil
            }
        }
    }

    private func summaryOf(_ closing: EventAttributes) -> CompensationSummary? {
        switch closing {
        case .workflowExecutionCompleted(let value): value.compensation
        case .workflowExecutionFailed(let value): value.compensation
        case .workflowExecutionCanceled(let value): value.compensation
        case .workflowExecutionTimedOut(let value): value.compensation
        case .workflowExecutionTerminated(let value): value.compensation
        default: nil
        }
    }
}
