package import SagaCore

// Events 131 to 134 between the core and the wire, field by field.

extension Wire.WorkflowUpdateAccepted {
    package init(_ event: WorkflowUpdateAccepted) {
        self.init(
            updateID: event.updateID, name: event.name, input: Wire.Payload(event.input), requestID: event.requestID,
            identity: event.identity)
    }
}

extension WorkflowUpdateAccepted {
    package init(_ wire: Wire.WorkflowUpdateAccepted) throws(WireError) {
        self.init(
            updateID: wire.updateID, name: wire.name, input: Payload(orEmpty: wire.input), requestID: wire.requestID,
            identity: wire.identity)
    }
}

extension Wire.WorkflowUpdateRejected {
    package init(_ event: WorkflowUpdateRejected) {
        self.init(updateID: event.updateID, name: event.name, error: Wire.SagaError(event.error))
    }
}

extension WorkflowUpdateRejected {
    package init(_ wire: Wire.WorkflowUpdateRejected) throws(WireError) {
        self.init(updateID: wire.updateID, name: wire.name, error: SagaError(try required(wire.error, "error")))
    }
}

extension Wire.WorkflowUpdateCompleted {
    package init(_ event: WorkflowUpdateCompleted) {
        self.init(
            acceptedEventID: event.acceptedEventID, output: Wire.Payload(event.output),
            commandNumber: event.commandNumber)
    }
}

extension WorkflowUpdateCompleted {
    package init(_ wire: Wire.WorkflowUpdateCompleted) throws(WireError) {
        self.init(
            acceptedEventID: wire.acceptedEventID, output: Payload(orEmpty: wire.output),
            commandNumber: wire.commandNumber)
    }
}

extension Wire.WorkflowUpdateRolledBack {
    package init(_ event: WorkflowUpdateRolledBack) {
        self.init(
            acceptedEventID: event.acceptedEventID, error: Wire.SagaError(event.error),
            commandNumber: event.commandNumber)
    }
}

extension WorkflowUpdateRolledBack {
    package init(_ wire: Wire.WorkflowUpdateRolledBack) throws(WireError) {
        self.init(
            acceptedEventID: wire.acceptedEventID, error: SagaError(try required(wire.error, "error")),
            commandNumber: wire.commandNumber)
    }
}
