package import SagaCore

// Events 110 to 115 between the core and the wire, field by field.

extension Wire.LocalActivityScheduled {
    package init(_ event: LocalActivityScheduled) {
        self.init(
            commandNumber: event.commandNumber, stepID: event.stepID, activityType: event.activityType,
            input: Wire.Payload(event.input), undo: event.undo.map { Wire.UndoSpec($0) },
            idempotencyKey: event.idempotencyKey, scope: event.scope)
    }
}

extension LocalActivityScheduled {
    package init(_ wire: Wire.LocalActivityScheduled) throws(WireError) {
        self.init(
            commandNumber: wire.commandNumber, stepID: wire.stepID, activityType: wire.activityType,
            input: Payload(orEmpty: wire.input), undo: try UndoSpec.optional(wire.undo, "undo"),
            idempotencyKey: wire.idempotencyKey, scope: wire.scope)
    }
}

extension Wire.LocalActivityCompleted {
    package init(_ event: LocalActivityCompleted) {
        self.init(
            commandNumber: event.commandNumber, scheduledEventID: event.scheduledEventID,
            activityType: event.activityType, output: Wire.Payload(event.output))
    }
}

extension LocalActivityCompleted {
    package init(_ wire: Wire.LocalActivityCompleted) throws(WireError) {
        self.init(
            commandNumber: wire.commandNumber, scheduledEventID: wire.scheduledEventID,
            activityType: wire.activityType, output: Payload(orEmpty: wire.output))
    }
}

extension Wire.LocalActivityFailed {
    package init(_ event: LocalActivityFailed) {
        self.init(
            commandNumber: event.commandNumber, scheduledEventID: event.scheduledEventID,
            activityType: event.activityType, error: Wire.SagaError(event.error),
            outcome: Wire.StepOutcome(event.outcome))
    }
}

extension LocalActivityFailed {
    package init(_ wire: Wire.LocalActivityFailed) throws(WireError) {
        self.init(
            commandNumber: wire.commandNumber, scheduledEventID: wire.scheduledEventID,
            activityType: wire.activityType, error: SagaError(try required(wire.error, "error")),
            outcome: try StepOutcome(wire.outcome, "outcome"))
    }
}

extension Wire.LocalActivityTimedOut {
    package init(_ event: LocalActivityTimedOut) {
        self.init(
            commandNumber: event.commandNumber, scheduledEventID: event.scheduledEventID,
            activityType: event.activityType, outcome: Wire.StepOutcome(event.outcome))
    }
}

extension LocalActivityTimedOut {
    package init(_ wire: Wire.LocalActivityTimedOut) throws(WireError) {
        self.init(
            commandNumber: wire.commandNumber, scheduledEventID: wire.scheduledEventID,
            activityType: wire.activityType, outcome: try StepOutcome(wire.outcome, "outcome"))
    }
}

extension Wire.LocalActivityCanceled {
    package init(_ event: LocalActivityCanceled) {
        self.init(
            commandNumber: event.commandNumber, scheduledEventID: event.scheduledEventID,
            activityType: event.activityType, outcome: Wire.StepOutcome(event.outcome))
    }
}

extension LocalActivityCanceled {
    package init(_ wire: Wire.LocalActivityCanceled) throws(WireError) {
        self.init(
            commandNumber: wire.commandNumber, scheduledEventID: wire.scheduledEventID,
            activityType: wire.activityType, outcome: try StepOutcome(wire.outcome, "outcome"))
    }
}
