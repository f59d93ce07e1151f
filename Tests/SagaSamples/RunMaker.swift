public import SagaCore

/// Makes histories that are possible, from a seed: steps with and without undo, pivots, retries, timers, signals, markers,
/// updates, children, unwindings. What an event refers to is open at that time.
public struct RunMaker: Sendable {
    public private(set) var events: [HistoryEvent] = []
    private var samples: SampleMaker
    private let sagaID: SagaID
    private var time: Int64 = 1_769_599_680_000_000
    private var commands: CommandNumber = 0
    private var steps: [EventID] = []
    private var timers: [EventID] = []
    private var children: [EventID] = []
    private var updates: [EventID] = []
    private var localSteps: [EventID] = []

    public init(seed: UInt64, sagaID: SagaID) {
        samples = SampleMaker(seed: seed)
        self.sagaID = sagaID
    }

    /// Adds so many events.
    public mutating func make(_ count: Int) {
        for _ in 0..<count { add(next()) }
    }

    /// Adds an event that may say anything.
    public mutating func addAny(_ type: EventType) {
        add(samples.attributes(type))
    }

    private mutating func add(_ attributes: EventAttributes) {
        time += Int64.random(in: 0...3_000, using: &samples.random)
        events.append(
            HistoryEvent(
                eventID: nextID, sagaID: sagaID, timestamp: Timestamp(microseconds: time), attributes: attributes,
                isResetPoint: samples.bool(), isRetry: samples.bool(), parentEventID: samples.maybe { $0.eventID() },
                taskQueue: samples.maybe { $0.text() }, traceID: samples.maybe { $0.text() }))
    }

    private var nextID: EventID { EventID(events.count) }

    private mutating func command() -> CommandNumber {
        commands += CommandNumber.random(in: 1...2, using: &samples.random)
        return commands
    }

    /// One of the open ones, mostly the oldest; it is open no longer.
    private mutating func take(_ open: WritableKeyPath<RunMaker, [EventID]>) -> EventID? {
        guard let index = pick(open) else { return nil }
        return self[keyPath: open].remove(at: index)
    }

    private mutating func pick(_ open: WritableKeyPath<RunMaker, [EventID]>) -> Int? {
        let count = self[keyPath: open].count
        guard count > 0 else { return nil }
        return samples.bool() ? 0 : Int.random(in: 0..<count, using: &samples.random)
    }

    private mutating func next() -> EventAttributes {
        guard !events.isEmpty else {
            guard case .workflowExecutionStarted(let started) = samples.attributes(.workflowExecutionStarted) else {
                return samples.attributes(.workflowExecutionStarted)
            }
            return .workflowExecutionStarted(started)
        }
        switch UInt8.random(in: 0..<24, using: &samples.random) {
        case 0...3: return scheduled()
        case 4, 5:
            guard let index = pick(\.steps) else { return scheduled() }
            return .activityTaskStarted(
                ActivityTaskStarted(
                    scheduledEventID: steps[index], attempt: samples.number(), identity: samples.text(),
                    startedAt: samples.time()))
        case 6...10: return stepEnd()
        case 11:
            guard let index = pick(\.steps) else { return scheduled() }
            if samples.bool() {
                return .activityTaskCancelRequested(ActivityTaskCancelRequested(scheduledEventID: steps[index]))
            }
            return .activityTaskRetryScheduled(
                ActivityTaskRetryScheduled(
                    scheduledEventID: steps[index], attempt: 1, error: samples.error(), outcome: samples.pick(),
                    dueAt: samples.time()))
        case 12, 13: return timer()
        case 14, 15: return timerEnd()
        case 16, 17: return samples.attributes(.signalReceived)
        case 18:
            guard case .markerRecorded(var marker) = samples.attributes(.markerRecorded) else { return scheduled() }
            marker.commandNumber = command()
            return .markerRecorded(marker)
        case 19:
            return .sideEffectRecorded(SideEffectRecorded(commandNumber: command(), value: samples.payload()))
        case 20: return samples.bool() ? samples.attributes(.domainEvent) : samples.attributes(.snapshotCreated)
        case 21: return child()
        case 22: return localStep()
        default: return rare()
        }
    }

    private mutating func scheduled() -> EventAttributes {
        steps.append(nextID)
        return .activityTaskScheduled(
            ActivityTaskScheduled(
                commandNumber: command(), stepID: samples.text(), activityType: samples.text(),
                taskQueue: samples.text(), input: samples.payload(), retry: samples.retry(),
                timeouts: samples.timeouts(), undo: samples.bool() && samples.bool() ? samples.undo() : nil,
                idempotencyKey: samples.text(), priority: 3,
                pivot: UInt8.random(in: 0..<16, using: &samples.random) == 0,
                scope: 0, undoGroup: samples.number()))
    }

    private mutating func stepEnd() -> EventAttributes {
        guard let step = take(\.steps) else { return scheduled() }
        switch UInt8.random(in: 0..<6, using: &samples.random) {
        case 0:
            return .activityTaskFailed(
                ActivityTaskFailed(
                    scheduledEventID: step, attempt: 1, error: samples.error(), outcome: samples.pick()))
        case 1:
            return .activityTaskTimedOut(
                ActivityTaskTimedOut(
                    scheduledEventID: step, attempt: 2, timeout: samples.pick(), outcome: samples.pick()))
        case 2:
            return .activityTaskCanceled(ActivityTaskCanceled(scheduledEventID: step, outcome: samples.pick()))
        default:
            return .activityTaskCompleted(
                ActivityTaskCompleted(
                    scheduledEventID: step, attempt: 1, output: samples.payload(),
                    undoData: samples.maybe { $0.payload() }))
        }
    }

    private mutating func timer() -> EventAttributes {
        timers.append(nextID)
        return .timerCreated(
            TimerCreated(commandNumber: command(), timerID: samples.text(), dueAt: samples.time()))
    }

    private mutating func timerEnd() -> EventAttributes {
        guard let timer = take(\.timers) else { return self.timer() }
        if samples.bool() { return .timerFired(TimerFired(createdEventID: timer)) }
        return .timerCanceled(TimerCanceled(commandNumber: command(), createdEventID: timer))
    }

    private mutating func child() -> EventAttributes {
        if let child = samples.bool() ? take(\.children) : nil {
            return .childWorkflowExecutionCompleted(
                ChildWorkflowExecutionCompleted(initiatedEventID: child, output: samples.payload(), hasUndo: true))
        }
        children.append(nextID)
        return .startChildWorkflowExecutionInitiated(
            StartChildWorkflowExecutionInitiated(
                commandNumber: command(), workflowID: samples.text(), workflowType: samples.text(),
                taskQueue: samples.text(), input: samples.payload(), parentClosePolicy: samples.pick()))
    }

    private mutating func localStep() -> EventAttributes {
        if let step = samples.bool() ? take(\.localSteps) : nil {
            guard case .localActivityCompleted(var ended) = samples.attributes(.localActivityCompleted) else {
                return scheduled()
            }
            ended.scheduledEventID = step
            ended.commandNumber = command()
            return .localActivityCompleted(ended)
        }
        guard case .localActivityScheduled(var begun) = samples.attributes(.localActivityScheduled) else {
            return scheduled()
        }
        begun.commandNumber = command()
        localSteps.append(nextID)
        return .localActivityScheduled(begun)
    }

    private mutating func rare() -> EventAttributes {
        switch UInt8.random(in: 0..<5, using: &samples.random) {
        case 0: return samples.attributes(.workflowExecutionPaused)
        case 1: return samples.attributes(.workflowExecutionResumed)
        case 2: return samples.attributes(.workflowExecutionCancelRequested)
        case 3:
            guard let update = samples.bool() ? take(\.updates) : nil else {
                updates.append(nextID)
                return samples.attributes(.workflowUpdateAccepted)
            }
            return .workflowUpdateCompleted(
                WorkflowUpdateCompleted(
                    acceptedEventID: update, output: samples.payload(), commandNumber: command()))
        default: return samples.attributes(.versionMarkerRecorded)
        }
    }
}
