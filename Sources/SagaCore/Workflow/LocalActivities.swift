/// A local activity with an undo, as the code asks for it: its intent to undo is durable before it runs.
public struct LocalActivityCommand: Hashable, Sendable {
    /// The step's name in the code.
    public var stepID: String
    /// Which activity runs.
    public var activityType: String
    /// What it receives.
    public var input: Payload
    /// How it is undone.
    public var undo: UndoSpec
    /// The nested saga scope it belongs to; 0 is the run itself.
    public var scope: UInt32

    public init(stepID: String, activityType: String, input: Payload, undo: UndoSpec, scope: UInt32 = 0) {
        self.stepID = stepID
        self.activityType = activityType
        self.input = input
        self.undo = undo
        self.scope = scope
    }
}

/// How a local activity ended.
public enum LocalActivityEnd: Hashable, Sendable {
    /// It has not; such a command is not sent.
    case running
    case completed(Payload)
    case failed(SagaError, StepOutcome)
    case timedOut(StepOutcome)
    case canceled(StepOutcome)
}

/// A local activity that ran in the worker; one event records all of it.
public struct LocalActivityRecord: Hashable, Sendable {
    /// Which activity ran.
    public var activityType: String
    /// Its `LocalActivityScheduled`, if it has an undo.
    public var scheduledEventID: EventID?
    /// How it ended.
    public var end: LocalActivityEnd

    public init(activityType: String, scheduledEventID: EventID? = nil, end: LocalActivityEnd) {
        self.activityType = activityType
        self.scheduledEventID = scheduledEventID
        self.end = end
    }
}

/// A local activity that the worker has to run.
package struct LocalActivityWork: Sendable {
    package var number: CommandNumber
    package var stepID: String
    package var activityType: String
    package var input: Payload
    package var idempotencyKey: String
    package var options: LocalActivityOptions
    /// For the activity's context.
    package var scheduledEventID: EventID?
}

/// How a local activity runs, where it differs from the defaults.
public struct LocalActivityOptions: Sendable {
    /// Its name in the history. Default: the activity's type.
    public var stepID: String?
    /// How long all of its attempts may take together; at most 5 s, because the worker's answer waits for it. Default 5 s.
    public var timeout: Duration
    /// Attempts. Default 3.
    public var maximumAttempts: UInt32
    /// Wait between two attempts. Default 50 ms.
    public var pause: Duration
    /// How it is undone, if the activity does not say so itself.
    public var undo: UndoSpec?

    public init(
        stepID: String? = nil, timeout: Duration = .seconds(5), maximumAttempts: UInt32 = 3,
        pause: Duration = .milliseconds(50), undo: UndoSpec? = nil
    ) {
        self.stepID = stepID
        self.timeout = min(timeout, .seconds(5))
        self.maximumAttempts = max(1, maximumAttempts)
        self.pause = pause
        self.undo = undo
    }
}

extension WorkflowContext {
    /// Runs a quick step in the worker itself, without a queue: one event records it, and on replay it is not run again.
    /// It runs at least once, like any step. Commands that the code issues meanwhile leave the worker with its outcome.
    /// - Throws: `SagaError` if it failed for good, or took too long.
    public func executeLocalActivity<A: Activity>(
        _ activity: A.Type, _ input: A.Input, options: LocalActivityOptions = .init(), file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> A.Output {
        try await executeLocally(A.typeID, input, as: A.Output.self, options.undo, options, CallSite(file, line))
    }

    /// Runs a quick step that can be undone; what undoes it is durable before it runs.
    public func executeLocalActivity<A: CompensatableActivity>(
        _ activity: A.Type, _ input: A.Input, options: LocalActivityOptions = .init(), file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> A.Output {
        try await executeLocally(
            A.typeID, input, as: A.Output.self, options.undo ?? A.undoSpec, options, CallSite(file, line))
    }

    private func executeLocally<Input: Encodable, Output: Decodable>(
        _ activityType: String, _ input: Input, as type: Output.Type, _ undo: UndoSpec?,
        _ options: LocalActivityOptions, _ site: CallSite
    ) async throws -> Output {
        let payload = try converter.encode(input)
        let stepID = options.stepID ?? activityType
        var scheduled: (eventID: EventID, key: String)?
        if let undo {
            let command = LocalActivityCommand(
                stepID: stepID, activityType: activityType, input: payload, undo: undo, scope: WorkflowScope.number)
            let number = try issue(.scheduleLocalActivity(command), site: site)
            _ = try await wait(for: .command(number)).payload()
            scheduled = scheduledLocally(number)
        }
        let record = LocalActivityRecord(
            activityType: activityType, scheduledEventID: scheduled?.eventID, end: .running)
        let number = try issue(.recordLocalActivity(record), site: site)
        runLocally(
            LocalActivityWork(
                number: number, stepID: stepID, activityType: activityType, input: payload,
                // As it was at birth: a run that was reset has the events of another.
                idempotencyKey: scheduled?.key ?? "\(sagaID)/local/\(number)", options: options,
                scheduledEventID: scheduled?.eventID))
        return try converter.decode(type, from: try await wait(for: .command(number)).payload())
    }

    /// Events 110 to 115, as far as the code is concerned.
    func deliverLocal(_ event: UnsafePointer<HistoryEvent>) -> SagaError? {
        switch event.pointee.attributes {
        case .localActivityScheduled(let scheduled):
            keepScheduledLocally(scheduled.commandNumber, event.pointee.eventID, scheduled.idempotencyKey)
            return resolve(event.pointee.eventID, .payload(.empty), by: event)
        case .localActivityCompleted(let done): resume(done.commandNumber, .payload(done.output))
        case .localActivityFailed(let failed): resume(failed.commandNumber, .failure(failed.error))
        case .localActivityTimedOut(let late):
            resume(
                late.commandNumber,
                .failure(
                    SagaError(
                        kind: .timeout, message: "local activity \(late.activityType) took too long",
                        timestamp: event.pointee.timestamp)))
        case .localActivityCanceled(let canceled):
            resume(
                canceled.commandNumber,
                .failure(
                    SagaError(
                        kind: .cancelled, message: "local activity \(canceled.activityType) was cancelled",
                        timestamp: event.pointee.timestamp)))
        default: break
        }
        return nil
    }
}
