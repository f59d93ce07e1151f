public import SagaCore

/// Writes a history by hand, for replay tests: what the engine would record for the code's commands, and what happens to them.
///
/// ```swift
/// var history = try HistoryBuilder(PlaceOrder.self, order)
/// let reserve = try history.schedule(ReserveStock.self, order)
/// try history.complete(reserve, returning: "R-1")
/// #expect(WorkflowReplayer.replay(history.events, workflows)?.fits == true)
/// ```
/// Each event is checked against those before it, so that a history that could not be does not come about.
public struct HistoryBuilder: Sendable {
    /// The events so far.
    public private(set) var events: [HistoryEvent] = []
    /// How much later each event is than the one before. Default 1 ms.
    public var pace: Duration = .milliseconds(1)
    private var state: ExecutionState
    private var time: Timestamp
    private let converter: any PayloadConverter

    /// A history of a run that has just begun.
    /// - Parameters:
    ///   - workflow: Its code.
    ///   - input: What it received.
    ///   - id: Its workflow id. Default `test`.
    ///   - startedAt: When it began. Default the first of January 2026.
    ///   - converter: How values become payloads. Default JSON.
    public init<W: DurableWorkflow>(
        _ workflow: W.Type, _ input: W.Input, id: String = "test",
        startedAt: Timestamp = Timestamp(microseconds: 1_767_225_600_000_000), converter: any PayloadConverter = .json
    ) throws {
        self.converter = converter
        time = startedAt
        state = ExecutionState(sagaID: SagaID(time: startedAt, random: (1, 1)))
        try add(
            .workflowExecutionStarted(
                WorkflowExecutionStarted(
                    namespace: "default", workflowID: id, workflowType: W.typeID, workflowVersion: W.version,
                    taskQueue: "default", input: try converter.encode(input), executionTimeoutMicros: 0,
                    cancelGraceMicros: 60_000_000)))
    }

    /// Adds any event.
    /// - Returns: Its id.
    /// - Throws: `SagaError` if it cannot come after those before it.
    @discardableResult
    public mutating func add(_ attributes: EventAttributes) throws -> EventID {
        let event = HistoryEvent(
            eventID: EventID(events.count), sagaID: state.sagaID, timestamp: time, attributes: attributes)
        try state.apply(event)
        time = time.adding(microseconds: max(0, pace.wholeMicroseconds))
        events.append(event)
        return event.eventID
    }

    /// Lets time pass before the next event.
    public mutating func wait(_ duration: Duration) {
        time = time.adding(microseconds: max(0, duration.wholeMicroseconds))
    }

    private var number: CommandNumber { state.nextCommandNumber }

    // MARK: Steps

    /// The code asked for a step.
    @discardableResult
    public mutating func schedule<A: Activity>(
        _ activity: A.Type, _ input: A.Input, stepID: String? = nil
    ) throws -> EventID {
        let undo = (activity as? any CompensatableActivity.Type)?.undoSpec
        return try schedule(A.typeID, try converter.encode(input), stepID: stepID ?? A.typeID, undo: undo)
    }

    /// The code asked for a step by name.
    @discardableResult
    public mutating func schedule<Input: Encodable>(
        named activityType: String, _ input: Input, stepID: String? = nil, undo: UndoSpec? = nil
    ) throws -> EventID {
        try schedule(activityType, try converter.encode(input), stepID: stepID ?? activityType, undo: undo)
    }

    private mutating func schedule(
        _ type: String, _ input: Payload, stepID: String, undo: UndoSpec?
    ) throws -> EventID {
        try add(
            .activityTaskScheduled(
                ActivityTaskScheduled(
                    commandNumber: number, stepID: stepID, activityType: type, taskQueue: "", input: input,
                    retry: .standard, timeouts: .standard, undo: undo,
                    idempotencyKey: "\(state.sagaID)/\(events.count)")))
    }

    /// The step returned something.
    @discardableResult
    public mutating func complete<Output: Encodable>(_ step: EventID, returning output: Output) throws -> EventID {
        try add(
            .activityTaskCompleted(
                ActivityTaskCompleted(scheduledEventID: step, attempt: 1, output: try converter.encode(output))))
    }

    /// The step failed for good.
    @discardableResult
    public mutating func fail(_ step: EventID, _ error: any Error) throws -> EventID {
        let described = SagaError(describing: error, kind: .activityExecution)
        return try add(
            .activityTaskFailed(
                ActivityTaskFailed(
                    scheduledEventID: step, attempt: 1, error: described, outcome: described.impliedOutcome)))
    }

    /// The last attempt of the step did not report in time.
    @discardableResult
    public mutating func timeOut(_ step: EventID, _ timeout: TimeoutKind = .startToClose) throws -> EventID {
        try add(
            .activityTaskTimedOut(
                ActivityTaskTimedOut(scheduledEventID: step, attempt: 1, timeout: timeout, outcome: .unknown)))
    }

    // MARK: Time and messages

    /// The code set a timer. `sleep` sets one that is called `sleep`.
    @discardableResult
    public mutating func timer(_ timerID: String = "sleep", _ duration: Duration) throws -> EventID {
        try add(
            .timerCreated(
                TimerCreated(
                    commandNumber: number, timerID: timerID,
                    dueAt: time.adding(microseconds: max(0, duration.wholeMicroseconds)))))
    }

    /// The timer fired, when it was due.
    @discardableResult
    public mutating func fire(_ timer: EventID) throws -> EventID {
        if let due = state.timers[timer]?.dueAt { time = max(time, due) }
        return try add(.timerFired(TimerFired(createdEventID: timer)))
    }

    /// A signal came.
    @discardableResult
    public mutating func signal<Value: Encodable>(_ name: String, _ value: Value) throws -> EventID {
        try add(.signalReceived(SignalReceived(name: name, payload: try converter.encode(value), signalID: "")))
    }

    /// Somebody asked the run to end.
    @discardableResult
    public mutating func cancel(reason: String = "") throws -> EventID {
        try add(.workflowExecutionCancelRequested(WorkflowExecutionCancelRequested(reason: reason)))
    }

    /// The code recorded a value of `sideEffect`.
    @discardableResult
    public mutating func sideEffect<Value: Encodable>(_ value: Value) throws -> EventID {
        try add(.sideEffectRecorded(SideEffectRecorded(commandNumber: number, value: try converter.encode(value))))
    }

    /// The code took the new side of a patch.
    @discardableResult
    public mutating func patch(_ changeID: String) throws -> EventID {
        try add(.versionMarkerRecorded(VersionMarkerRecorded(commandNumber: number, changeID: changeID, version: 1)))
    }

    // MARK: The end

    /// The code returned.
    @discardableResult
    public mutating func complete<Output: Encodable>(returning output: Output) throws -> EventID {
        try add(
            .workflowExecutionCompleted(
                WorkflowExecutionCompleted(
                    commandNumber: number, output: try converter.encode(output),
                    compensation: state.completedCompensationSummary)))
    }
}
