package import SagaCore

// Events 150 to 160 between the core and the wire, field by field.

extension Wire.CompensationStarted {
    package init(_ event: CompensationStarted) {
        self.init(
            cause: Wire.UnwindCause(event.cause), error: event.error.map { Wire.SagaError($0) }, scope: event.scope,
            commandNumber: event.commandNumber, reason: event.reason, identity: event.identity,
            requestID: event.requestID, resetToEventID: event.resetToEventID)
    }
}

extension CompensationStarted {
    package init(_ wire: Wire.CompensationStarted) throws(WireError) {
        self.init(
            cause: try UnwindCause(wire.cause, "cause"), error: wire.error.map { SagaError($0) }, scope: wire.scope,
            commandNumber: wire.commandNumber, reason: wire.reason, identity: wire.identity,
            requestID: wire.requestID, resetToEventID: wire.resetToEventID)
    }
}

extension Wire.CompensationStepStarted {
    package init(_ event: CompensationStepStarted) {
        self.init(
            stepEventID: event.stepEventID, activityType: event.activityType, taskQueue: event.taskQueue,
            outcome: Wire.StepOutcome(event.outcome), idempotencyKey: event.idempotencyKey,
            editedInput: event.editedInput.map { Wire.Payload($0) })
    }
}

extension CompensationStepStarted {
    package init(_ wire: Wire.CompensationStepStarted) throws(WireError) {
        self.init(
            stepEventID: wire.stepEventID, activityType: wire.activityType, taskQueue: wire.taskQueue,
            outcome: try StepOutcome(wire.outcome, "outcome"), idempotencyKey: wire.idempotencyKey,
            editedInput: wire.editedInput.map { Payload($0) })
    }
}

extension Wire.CompensationStepCompleted {
    package init(_ event: CompensationStepCompleted) {
        self.init(stepEventID: event.stepEventID, attempt: event.attempt, output: Wire.Payload(event.output))
    }
}

extension CompensationStepCompleted {
    package init(_ wire: Wire.CompensationStepCompleted) throws(WireError) {
        self.init(stepEventID: wire.stepEventID, attempt: wire.attempt, output: Payload(orEmpty: wire.output))
    }
}

extension Wire.CompensationStepFailed {
    package init(_ event: CompensationStepFailed) {
        self.init(stepEventID: event.stepEventID, attempt: event.attempt, error: Wire.SagaError(event.error))
    }
}

extension CompensationStepFailed {
    package init(_ wire: Wire.CompensationStepFailed) throws(WireError) {
        self.init(
            stepEventID: wire.stepEventID, attempt: wire.attempt, error: SagaError(try required(wire.error, "error")))
    }
}

extension Wire.CompensationStepRetryScheduled {
    package init(_ event: CompensationStepRetryScheduled) {
        self.init(
            stepEventID: event.stepEventID, attempt: event.attempt, error: Wire.SagaError(event.error),
            dueAtMicros: event.dueAt.microseconds)
    }
}

extension CompensationStepRetryScheduled {
    package init(_ wire: Wire.CompensationStepRetryScheduled) throws(WireError) {
        self.init(
            stepEventID: wire.stepEventID, attempt: wire.attempt, error: SagaError(try required(wire.error, "error")),
            dueAt: Timestamp(microseconds: wire.dueAtMicros))
    }
}

extension Wire.CompensationStepSkipped {
    package init(_ event: CompensationStepSkipped) {
        self.init(stepEventID: event.stepEventID, reason: event.reason, identity: event.identity)
    }
}

extension CompensationStepSkipped {
    package init(_ wire: Wire.CompensationStepSkipped) throws(WireError) {
        self.init(stepEventID: wire.stepEventID, reason: wire.reason, identity: wire.identity)
    }
}

extension Wire.CompensationStepProbed {
    package init(_ event: CompensationStepProbed) {
        self.init(
            stepEventID: event.stepEventID, happened: event.happened, output: event.output.map { Wire.Payload($0) },
            undoData: event.undoData.map { Wire.Payload($0) })
    }
}

extension CompensationStepProbed {
    package init(_ wire: Wire.CompensationStepProbed) throws(WireError) {
        self.init(
            stepEventID: wire.stepEventID, happened: wire.happened, output: wire.output.map { Payload($0) },
            undoData: wire.undoData.map { Payload($0) })
    }
}

extension Wire.CompensationBlocked {
    package init(_ event: CompensationBlocked) {
        self.init(stepEventID: event.stepEventID, error: Wire.SagaError(event.error))
    }
}

extension CompensationBlocked {
    package init(_ wire: Wire.CompensationBlocked) throws(WireError) {
        self.init(stepEventID: wire.stepEventID, error: SagaError(try required(wire.error, "error")))
    }
}

extension Wire.CompensationResolved {
    package init(_ event: CompensationResolved) {
        self.init(stepEventID: event.stepEventID, note: event.note, identity: event.identity)
    }
}

extension CompensationResolved {
    package init(_ wire: Wire.CompensationResolved) throws(WireError) {
        self.init(stepEventID: wire.stepEventID, note: wire.note, identity: wire.identity)
    }
}

extension Wire.CompensationCompleted {
    package init(_ event: CompensationCompleted) {
        self.init(summary: Wire.CompensationSummary(event.summary), scope: event.scope)
    }
}

extension CompensationCompleted {
    package init(_ wire: Wire.CompensationCompleted) throws(WireError) {
        self.init(summary: try CompensationSummary(wire.summary, "summary"), scope: wire.scope)
    }
}

extension Wire.CompensationOperatorAction {
    package init(_ event: CompensationOperatorAction) {
        self.init(
            verb: Wire.OperatorVerb(event.verb), stepEventID: event.stepEventID, reason: event.reason,
            identity: event.identity, requestID: event.requestID, input: event.input.map { Wire.Payload($0) })
    }
}

extension CompensationOperatorAction {
    package init(_ wire: Wire.CompensationOperatorAction) throws(WireError) {
        self.init(
            verb: try OperatorVerb(wire.verb, "verb"), stepEventID: wire.stepEventID, reason: wire.reason,
            identity: wire.identity, requestID: wire.requestID, input: wire.input.map { Payload($0) })
    }
}
