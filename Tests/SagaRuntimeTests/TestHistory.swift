import SagaCore

/// The history of one run, written by hand: what the engine would record for the code's commands, and what happens to them.
struct TestHistory {
    let sagaID: SagaID
    private(set) var events: [HistoryEvent] = []
    var workflowType: String
    private var clock: Int64 = 1_700_000_000_000_000
    /// Event ids by the command they record.
    private(set) var recorded: [CommandNumber: EventID] = [:]

    init(_ workflowType: String, input: Payload = .empty, seed: UInt64 = 1) {
        sagaID = SagaID(time: Timestamp(microseconds: 1_700_000_000_000_000), random: (seed, seed &* 0x9E37_79B9))
        self.workflowType = workflowType
        add(
            .workflowExecutionStarted(
                WorkflowExecutionStarted(
                    namespace: "test", workflowID: "w", workflowType: workflowType, workflowVersion: 0,
                    taskQueue: "default", input: input, executionTimeoutMicros: 0, cancelGraceMicros: 60_000_000)))
    }

    @discardableResult
    mutating func add(_ attributes: EventAttributes) -> EventID {
        let eventID = EventID(events.count)
        clock += 1_000
        events.append(
            HistoryEvent(
                eventID: eventID, sagaID: sagaID, timestamp: Timestamp(microseconds: clock), attributes: attributes))
        if let number = attributes.commandNumber { recorded[number] = eventID }
        return eventID
    }

    /// Records commands as the engine does.
    mutating func record(_ commands: [NumberedCommand]) {
        for command in commands {
            if let attributes = attributes(for: command) { add(attributes) }
        }
    }

    private func attributes(for numbered: NumberedCommand) -> EventAttributes? {
        let number = numbered.number
        switch numbered.command {
        case .scheduleActivity(let step):
            return .activityTaskScheduled(
                ActivityTaskScheduled(
                    commandNumber: number, stepID: step.stepID, activityType: step.activityType,
                    taskQueue: step.taskQueue, input: step.input, retry: step.retry, timeouts: step.timeouts,
                    undo: step.undo, idempotencyKey: "\(sagaID)/\(events.count)", priority: step.priority,
                    pivot: step.pivot, scope: step.scope, undoGroup: step.undoGroup))
        case .requestCancelActivity(let target):
            return .activityTaskCancelRequested(
                ActivityTaskCancelRequested(commandNumber: number, scheduledEventID: recorded[target] ?? 0))
        case .startTimer(let timerID, let duration, let callback):
            return .timerCreated(
                TimerCreated(
                    commandNumber: number, timerID: timerID, dueAt: Timestamp(microseconds: clock + duration),
                    callback: callback))
        case .cancelTimer(let target):
            return .timerCanceled(TimerCanceled(commandNumber: number, createdEventID: recorded[target] ?? 0))
        case .recordMarker(let marker):
            return .markerRecorded(
                MarkerRecorded(
                    commandNumber: number, kind: marker.kind, name: marker.name, details: marker.details,
                    output: marker.output, undo: marker.undo, scope: marker.scope))
        case .recordSideEffect(let value):
            return .sideEffectRecorded(SideEffectRecorded(commandNumber: number, value: value))
        case .recordVersion(let changeID, let version):
            return .versionMarkerRecorded(
                VersionMarkerRecorded(commandNumber: number, changeID: changeID, version: version))
        case .complete(let output):
            return .workflowExecutionCompleted(
                WorkflowExecutionCompleted(commandNumber: number, output: output, compensation: .none))
        case .fail(let error):
            return .workflowExecutionFailed(
                WorkflowExecutionFailed(commandNumber: number, error: error, compensation: .none))
        case .cancel(let reason):
            return .workflowExecutionCanceled(
                WorkflowExecutionCanceled(commandNumber: number, reason: reason, compensation: .none))
        default: return nil
        }
    }

    /// A task that gives the events from an id on.
    func task(from first: EventID = 0, generation: UInt64 = 1) -> WorkflowTask {
        var task = WorkflowTask(
            sagaID: sagaID, generation: generation, namespace: "test", workflowID: "w", workflowType: workflowType,
            workflowVersion: 0, taskQueue: "default", firstEventID: first,
            events: Array(events[Int(clamping: first)...]))
        task.mayGoAhead = true
        return task
    }

    mutating func complete(_ scheduled: EventID, _ output: Payload) {
        add(
            .activityTaskCompleted(
                ActivityTaskCompleted(scheduledEventID: scheduled, attempt: 1, output: output, undoData: nil)))
    }

    mutating func dropLast() { events.removeLast() }

    mutating func signal(_ name: String, _ payload: Payload) {
        add(.signalReceived(SignalReceived(name: name, payload: payload, signalID: "")))
    }
}

extension WorkflowTaskAnswer {
    /// The commands; nil if the answer is not a completion.
    var commands: [NumberedCommand]? {
        if case .completed(_, let commands, _, _) = self { commands } else { nil }
    }

    /// The error; nil if the answer is not a failure.
    var error: SagaError? {
        if case .failed(_, let error) = self { error } else { nil }
    }
}

/// Live code with its history.
final class TestRun {
    var history: TestHistory
    let registry: WorkflowRegistry
    private(set) var instance: WorkflowInstance
    private(set) var seen: EventID = 0
    /// Every command the code ever asked for, in order.
    private(set) var issued: [NumberedCommand] = []

    init?<W: DurableWorkflow>(_ type: W.Type, input: Payload = .empty, seed: UInt64 = 1) {
        var registry = WorkflowRegistry()
        registry.register(type)
        self.registry = registry
        history = TestHistory(W.typeID, input: input, seed: seed)
        guard let definition = registry.definition(W.typeID, version: 0) else { return nil }
        instance = WorkflowInstance(task: history.task(), definition: definition, converter: .json)
    }

    /// Gives the code what it has not seen, and records what it asks for.
    @discardableResult
    func advance() -> WorkflowTaskAnswer? {
        let answer = instance.activate(history.task(from: seen))
        seen = EventID(history.events.count)
        if let commands = answer?.commands {
            issued += commands
            history.record(commands)
        }
        return answer
    }

    /// Gives the whole history to new code; each time it comes to the end of what was recorded at once.
    func replay() -> WorkflowTaskAnswer? {
        guard let definition = registry.definition(history.workflowType, version: 0) else { return nil }
        let task = history.task()
        return WorkflowInstance(task: task, definition: definition, converter: .json).activate(task)
    }

    /// The last recorded event of that step.
    func scheduled(_ stepID: String) -> EventID? {
        history.events.last {
            if case .activityTaskScheduled(let step) = $0.attributes { step.stepID == stepID } else { false }
        }?.eventID
    }
}
