import SagaCore

/// Histories written by hand: the input of golden tests.
struct SampleHistory {
    static let sagaID = SagaID(high: 0x0193_9F0E_1C00_7000, low: 0x8000_0000_0000_0001)
    private(set) var events: [HistoryEvent] = []
    /// Milliseconds since the run began.
    private var clock: Int64 = 0

    /// Appends an event that many milliseconds after the one before; returns its id.
    @discardableResult
    mutating func add(_ attributes: EventAttributes, after millis: Int64 = 0) -> EventID {
        clock += millis
        let id = EventID(events.count)
        let start = Timestamp(microseconds: 1_790_000_000_000_000)
        events.append(
            HistoryEvent(
                eventID: id, sagaID: Self.sagaID, timestamp: start.adding(microseconds: clock * 1_000),
                attributes: attributes))
        return id
    }

    mutating func start(_ id: String = "trip-1", input: String = #"{"traveller":"Ada"}"#) {
        add(
            .workflowExecutionStarted(
                WorkflowExecutionStarted(
                    namespace: "default", workflowID: id, workflowType: "travel.booking", workflowVersion: 1,
                    taskQueue: "default", input: .json(input), requestID: "", executionTimeoutMicros: 0,
                    cancelGraceMicros: 60_000_000, autoCompensate: true, continueOnUndoError: false,
                    identity: "demo")))
    }

    mutating func schedule(_ step: String, _ number: CommandNumber, undo: Bool = true, after millis: Int64) -> EventID {
        add(
            .activityTaskScheduled(
                ActivityTaskScheduled(
                    commandNumber: number, stepID: step, activityType: "travel.\(step).book", taskQueue: "default",
                    input: .json("{}"), retry: .standard, timeouts: .standard,
                    undo: undo ? UndoSpec(activityType: "travel.\(step).cancel") : nil, idempotencyKey: "k/\(number)")),
            after: millis)
    }

    mutating func complete(_ step: EventID, attempt: UInt32 = 1, after millis: Int64) {
        add(started(step, attempt), after: millis)
        add(
            .activityTaskCompleted(
                ActivityTaskCompleted(
                    scheduledEventID: step, attempt: attempt, output: .json(#"{"reference":"F-1"}"#))))
    }

    /// Handed out when the last event before it happened.
    private func started(_ step: EventID, _ attempt: UInt32) -> EventAttributes {
        let at = events.last?.timestamp ?? Timestamp(microseconds: 0)
        return .activityTaskStarted(
            ActivityTaskStarted(scheduledEventID: step, attempt: attempt, identity: "w", startedAt: at))
    }

    mutating func fail(_ step: EventID, attempt: UInt32 = 1, _ error: SagaError, after millis: Int64) {
        add(started(step, attempt), after: millis)
        add(
            .activityTaskFailed(
                ActivityTaskFailed(
                    scheduledEventID: step, attempt: attempt, error: error, outcome: error.impliedOutcome)))
    }

    mutating func undo(_ step: EventID, _ name: String, outcome: StepOutcome = .completed, took millis: Int64) {
        beginUndo(step, name, outcome: outcome)
        add(
            .compensationStepCompleted(
                CompensationStepCompleted(stepEventID: step, attempt: 1, output: .empty)), after: millis)
    }

    mutating func beginUndo(_ step: EventID, _ name: String, outcome: StepOutcome = .completed) {
        add(
            .compensationStepStarted(
                CompensationStepStarted(
                    stepEventID: step, activityType: "travel.\(name).cancel", taskQueue: "default", outcome: outcome,
                    idempotencyKey: "k/\(step)/undo")))
    }

    mutating func fail(_ error: SagaError, _ summary: CompensationSummary) {
        add(
            .compensationCompleted(CompensationCompleted(summary: summary, scope: 0)))
        add(
            .workflowExecutionFailed(
                WorkflowExecutionFailed(commandNumber: 9, error: error, compensation: summary, unconsumedSignals: 0)))
    }

    /// Flight and car booked, the payment refused, both undone.
    static func refused() -> SampleHistory {
        var history = SampleHistory()
        let refusal = SagaError(kind: .domain, message: "the card was refused", code: "PaymentRefused")
        history.start()
        let flight = history.schedule("flight", 0, after: 4)
        history.complete(flight, after: 112)
        let car = history.schedule("car", 1, after: 0)
        history.complete(car, after: 98)
        let payment = history.schedule("payment", 2, after: 0)
        history.fail(payment, refusal, after: 50)
        history.add(.compensationStarted(CompensationStarted(cause: .failed, error: refusal)))
        history.undo(car, "car", took: 8)
        history.undo(flight, "flight", took: 1_270)
        history.fail(refusal, CompensationSummary(.complete))
        return history
    }
}
