package import SagaCore

// Events 20 to 27 between the core and the wire, field by field.

extension Wire.ActivityTaskScheduled {
    package init(_ event: ActivityTaskScheduled) {
        self.init(
            commandNumber: event.commandNumber, stepID: event.stepID, activityType: event.activityType,
            taskQueue: event.taskQueue, input: Wire.Payload(event.input), retry: Wire.RetryPolicy(event.retry),
            timeouts: Wire.ActivityTimeouts(event.timeouts), undo: event.undo.map { Wire.UndoSpec($0) },
            idempotencyKey: event.idempotencyKey, priority: event.priority, pivot: event.pivot, scope: event.scope,
            undoGroup: event.undoGroup)
    }
}

extension ActivityTaskScheduled {
    package init(_ wire: Wire.ActivityTaskScheduled) throws(WireError) {
        self.init(
            commandNumber: wire.commandNumber, stepID: wire.stepID, activityType: wire.activityType,
            taskQueue: wire.taskQueue, input: Payload(orEmpty: wire.input),
            retry: try RetryPolicy(wire.retry, "retry", default: .standard),
            timeouts: try ActivityTimeouts(wire.timeouts, "timeouts"), undo: try UndoSpec.optional(wire.undo, "undo"),
            idempotencyKey: wire.idempotencyKey, priority: wire.priority, pivot: wire.pivot, scope: wire.scope,
            undoGroup: wire.undoGroup)
    }
}

extension Wire.ActivityTaskStarted {
    package init(_ event: ActivityTaskStarted) {
        self.init(
            scheduledEventID: event.scheduledEventID, attempt: event.attempt, identity: event.identity,
            startedAtMicros: event.startedAt.microseconds, completesLater: event.completesLater)
    }
}

extension ActivityTaskStarted {
    package init(_ wire: Wire.ActivityTaskStarted) throws(WireError) {
        self.init(
            scheduledEventID: wire.scheduledEventID, attempt: wire.attempt, identity: wire.identity,
            startedAt: Timestamp(microseconds: wire.startedAtMicros), completesLater: wire.completesLater)
    }
}

extension Wire.ActivityTaskCompleted {
    package init(_ event: ActivityTaskCompleted) {
        self.init(
            scheduledEventID: event.scheduledEventID, attempt: event.attempt, output: Wire.Payload(event.output),
            undoData: event.undoData.map { Wire.Payload($0) })
    }
}

extension ActivityTaskCompleted {
    package init(_ wire: Wire.ActivityTaskCompleted) throws(WireError) {
        self.init(
            scheduledEventID: wire.scheduledEventID, attempt: wire.attempt, output: Payload(orEmpty: wire.output),
            undoData: wire.undoData.map { Payload($0) })
    }
}

extension Wire.ActivityTaskFailed {
    package init(_ event: ActivityTaskFailed) {
        self.init(
            scheduledEventID: event.scheduledEventID, attempt: event.attempt, error: Wire.SagaError(event.error),
            outcome: Wire.StepOutcome(event.outcome))
    }
}

extension ActivityTaskFailed {
    package init(_ wire: Wire.ActivityTaskFailed) throws(WireError) {
        self.init(
            scheduledEventID: wire.scheduledEventID, attempt: wire.attempt,
            error: SagaError(try required(wire.error, "error")), outcome: try StepOutcome(wire.outcome, "outcome"))
    }
}

extension Wire.ActivityTaskTimedOut {
    package init(_ event: ActivityTaskTimedOut) {
        self.init(
            scheduledEventID: event.scheduledEventID, attempt: event.attempt,
            timeout: Wire.TimeoutKind(event.timeout), outcome: Wire.StepOutcome(event.outcome))
    }
}

extension ActivityTaskTimedOut {
    package init(_ wire: Wire.ActivityTaskTimedOut) throws(WireError) {
        self.init(
            scheduledEventID: wire.scheduledEventID, attempt: wire.attempt,
            timeout: try TimeoutKind(wire.timeout, "timeout"), outcome: try StepOutcome(wire.outcome, "outcome"))
    }
}

extension Wire.ActivityTaskCanceled {
    package init(_ event: ActivityTaskCanceled) {
        self.init(
            scheduledEventID: event.scheduledEventID, outcome: Wire.StepOutcome(event.outcome),
            details: event.details.map { Wire.Payload($0) })
    }
}

extension ActivityTaskCanceled {
    package init(_ wire: Wire.ActivityTaskCanceled) throws(WireError) {
        self.init(
            scheduledEventID: wire.scheduledEventID, outcome: try StepOutcome(wire.outcome, "outcome"),
            details: wire.details.map { Payload($0) })
    }
}

extension Wire.ActivityTaskCancelRequested {
    package init(_ event: ActivityTaskCancelRequested) {
        self.init(commandNumber: event.commandNumber, scheduledEventID: event.scheduledEventID)
    }
}

extension ActivityTaskCancelRequested {
    package init(_ wire: Wire.ActivityTaskCancelRequested) throws(WireError) {
        self.init(commandNumber: wire.commandNumber, scheduledEventID: wire.scheduledEventID)
    }
}

extension Wire.ActivityTaskRetryScheduled {
    package init(_ event: ActivityTaskRetryScheduled) {
        self.init(
            scheduledEventID: event.scheduledEventID, attempt: event.attempt, error: Wire.SagaError(event.error),
            outcome: Wire.StepOutcome(event.outcome), dueAtMicros: event.dueAt.microseconds)
    }
}

extension ActivityTaskRetryScheduled {
    package init(_ wire: Wire.ActivityTaskRetryScheduled) throws(WireError) {
        self.init(
            scheduledEventID: wire.scheduledEventID, attempt: wire.attempt,
            error: SagaError(try required(wire.error, "error")), outcome: try StepOutcome(wire.outcome, "outcome"),
            dueAt: Timestamp(microseconds: wire.dueAtMicros))
    }
}
