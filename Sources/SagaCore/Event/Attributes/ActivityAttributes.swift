public import SagaCodec

// Steps: events 20 to 27. Field order is the stored form: add fields at the end, with a new event version.

/// The code wants a step. Durable before any worker sees it, with the intent to undo it. Event 20.
public struct ActivityTaskScheduled: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.activityTaskScheduled

    /// The command of the code that caused it, in the order the code issued them.
    public var commandNumber: CommandNumber
    /// The step's name in the code, for people and for the determinism check.
    public var stepID: String
    /// Which activity runs.
    public var activityType: String
    /// Queue whose workers run it.
    public var taskQueue: String
    /// What it receives.
    public var input: Payload
    /// How failed attempts are repeated.
    public var retry: RetryPolicy
    /// Its time-outs.
    public var timeouts: ActivityTimeouts
    /// How it is undone; nil if it has no undo.
    public var undo: UndoSpec?
    /// The same over all attempts and when history is copied.
    public var idempotencyKey: String
    /// Higher is handed out first.
    public var priority: Int32
    /// When it completes, earlier undo entries are dropped.
    public var pivot: Bool
    /// The nested saga scope it was issued in; 0 is the run itself.
    public var scope: UInt32
    /// Steps of the same group (not 0) may be undone together.
    public var undoGroup: UInt32
}

// In an extension, see `HistoryEvent`.
extension ActivityTaskScheduled {
    @_disfavoredOverload
    public init(
        commandNumber: CommandNumber, stepID: String, activityType: String, taskQueue: String, input: borrowing Payload,
        retry: RetryPolicy, timeouts: ActivityTimeouts, undo: UndoSpec? = nil, idempotencyKey: String,
        priority: Int32 = 0, pivot: Bool = false, scope: UInt32 = 0, undoGroup: UInt32 = 0
    ) {
        self.init(
            commandNumber: commandNumber, stepID: stepID, activityType: activityType, taskQueue: taskQueue,
            input: copy input, retry: retry, timeouts: timeouts, undo: undo, idempotencyKey: idempotencyKey,
            priority: priority, pivot: pivot, scope: scope, undoGroup: undoGroup)
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        self.init(
            commandNumber: try reader.read(), stepID: try reader.read(), activityType: try reader.read(),
            taskQueue: try reader.read(), input: try reader.read(), retry: try reader.read(),
            timeouts: try reader.read(), undo: try reader.read(), idempotencyKey: try reader.read(),
            priority: try reader.read(), pivot: try reader.read(), scope: try reader.read(),
            undoGroup: try reader.read())
    }

    @_effects(releasenone)
    public func encode(into writer: inout PostcardWriter) {
        writer.write(commandNumber)
        writer.write(stepID)
        writer.write(activityType)
        writer.write(taskQueue)
        writer.write(input)
        writer.write(retry)
        writer.write(timeouts)
        writer.write(undo)
        writer.write(idempotencyKey)
        writer.write(priority)
        writer.write(pivot)
        writer.write(scope)
        writer.write(undoGroup)
    }
}

/// An attempt was handed out. Rides in the next append of the run. Event 21.
public struct ActivityTaskStarted: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.activityTaskStarted

    /// The `ActivityTaskScheduled` it belongs to.
    public var scheduledEventID: EventID
    /// The attempt, from 1.
    public var attempt: UInt32
    /// The worker that got it.
    public var identity: String
    /// When it was handed out.
    public var startedAt: Timestamp
    /// Whether the worker said that the attempt goes on outside of it, and is completed by its token.
    public var completesLater: Bool

    public init(
        scheduledEventID: EventID, attempt: UInt32, identity: String = "", startedAt: Timestamp,
        completesLater: Bool = false
    ) {
        self.scheduledEventID = scheduledEventID
        self.attempt = attempt
        self.identity = identity
        self.startedAt = startedAt
        self.completesLater = completesLater
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        scheduledEventID = try reader.read()
        attempt = try reader.read()
        identity = try reader.read()
        startedAt = try reader.read()
        completesLater = try reader.read()
    }

    @_effects(releasenone)
    public func encode(into writer: inout PostcardWriter) {
        writer.write(scheduledEventID)
        writer.write(attempt)
        writer.write(identity)
        writer.write(startedAt)
        writer.write(completesLater)
    }
}

/// The step succeeded. Event 22.
public struct ActivityTaskCompleted: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.activityTaskCompleted

    /// The `ActivityTaskScheduled` it belongs to.
    public var scheduledEventID: EventID
    /// The attempt, from 1.
    public var attempt: UInt32
    /// What it returned.
    public var output: Payload
    /// What its undo needs, if the activity prepared that itself.
    public var undoData: Payload?
}

// In an extension, see `HistoryEvent`.
extension ActivityTaskCompleted {
    @_disfavoredOverload
    public init(scheduledEventID: EventID, attempt: UInt32, output: borrowing Payload, undoData: Payload? = nil) {
        self.init(
            scheduledEventID: scheduledEventID, attempt: attempt, output: copy output, undoData: undoData)
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        self.init(
            scheduledEventID: try reader.read(), attempt: try reader.read(), output: try reader.read(),
            undoData: try reader.read())
    }

    @_effects(releasenone)
    public func encode(into writer: inout PostcardWriter) {
        writer.write(scheduledEventID)
        writer.write(attempt)
        writer.write(output)
        writer.write(undoData)
    }
}

/// The step failed for good. Event 23.
public struct ActivityTaskFailed: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.activityTaskFailed

    /// The `ActivityTaskScheduled` it belongs to.
    public var scheduledEventID: EventID
    /// The attempt, from 1.
    public var attempt: UInt32
    /// The error of the last attempt.
    public var error: SagaError
    /// Whether it may have had an effect.
    public var outcome: StepOutcome
}

// In an extension, see `HistoryEvent`.
extension ActivityTaskFailed {
    @_disfavoredOverload
    public init(scheduledEventID: EventID, attempt: UInt32, error: borrowing SagaError, outcome: StepOutcome) {
        self.init(
            scheduledEventID: scheduledEventID, attempt: attempt, error: copy error, outcome: outcome)
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        self.init(
            scheduledEventID: try reader.read(), attempt: try reader.read(), error: try reader.read(),
            outcome: try reader.read())
    }

    @_effects(releasenone)
    public func encode(into writer: inout PostcardWriter) {
        writer.write(scheduledEventID)
        writer.write(attempt)
        writer.write(error)
        writer.write(outcome)
    }
}

/// The step timed out for good. Event 24.
public struct ActivityTaskTimedOut: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.activityTaskTimedOut

    /// The `ActivityTaskScheduled` it belongs to.
    public var scheduledEventID: EventID
    /// The attempt, from 1.
    public var attempt: UInt32
    /// Which time-out.
    public var timeout: TimeoutKind
    /// Whether it may have had an effect.
    public var outcome: StepOutcome

    public init(scheduledEventID: EventID, attempt: UInt32, timeout: TimeoutKind, outcome: StepOutcome) {
        self.scheduledEventID = scheduledEventID
        self.attempt = attempt
        self.timeout = timeout
        self.outcome = outcome
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        scheduledEventID = try reader.read()
        attempt = try reader.read()
        timeout = try reader.read()
        outcome = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(scheduledEventID)
        writer.write(attempt)
        writer.write(timeout)
        writer.write(outcome)
    }
}

/// The step ended because it was cancelled. Event 25.
public struct ActivityTaskCanceled: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.activityTaskCanceled

    /// The `ActivityTaskScheduled` it belongs to.
    public var scheduledEventID: EventID
    /// Whether it may have had an effect.
    public var outcome: StepOutcome
    /// What the activity said about it.
    public var details: Payload?

    public init(scheduledEventID: EventID, outcome: StepOutcome, details: Payload? = nil) {
        self.scheduledEventID = scheduledEventID
        self.outcome = outcome
        self.details = details
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        scheduledEventID = try reader.read()
        outcome = try reader.read()
        details = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(scheduledEventID)
        writer.write(outcome)
        writer.write(details)
    }
}

/// Somebody wants the step to stop. Event 26.
public struct ActivityTaskCancelRequested: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.activityTaskCancelRequested

    /// The command that caused it; nil if the server closed the run by itself.
    public var commandNumber: CommandNumber?
    /// The `ActivityTaskScheduled` it belongs to.
    public var scheduledEventID: EventID

    public init(commandNumber: CommandNumber? = nil, scheduledEventID: EventID) {
        self.commandNumber = commandNumber
        self.scheduledEventID = scheduledEventID
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        commandNumber = try reader.read()
        scheduledEventID = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(commandNumber)
        writer.write(scheduledEventID)
    }
}

/// An attempt failed and another follows. Event 27.
public struct ActivityTaskRetryScheduled: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.activityTaskRetryScheduled

    /// The `ActivityTaskScheduled` it belongs to.
    public var scheduledEventID: EventID
    /// The attempt, from 1.
    public var attempt: UInt32
    /// Why the attempt failed.
    public var error: SagaError
    /// Whether the attempt may have had an effect.
    public var outcome: StepOutcome
    /// When the next attempt may be handed out.
    public var dueAt: Timestamp

    public init(scheduledEventID: EventID, attempt: UInt32, error: SagaError, outcome: StepOutcome, dueAt: Timestamp) {
        self.scheduledEventID = scheduledEventID
        self.attempt = attempt
        self.error = error
        self.outcome = outcome
        self.dueAt = dueAt
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        scheduledEventID = try reader.read()
        attempt = try reader.read()
        error = try reader.read()
        outcome = try reader.read()
        dueAt = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(scheduledEventID)
        writer.write(attempt)
        writer.write(error)
        writer.write(outcome)
        writer.write(dueAt)
    }
}
