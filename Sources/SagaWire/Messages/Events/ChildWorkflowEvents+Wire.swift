package import SagaCore

// Events 90 to 99 between the core and the wire, field by field.

extension Wire.StartChildWorkflowExecutionInitiated {
    package init(_ event: StartChildWorkflowExecutionInitiated) {
        self.init(
            commandNumber: event.commandNumber, workflowID: event.workflowID, workflowType: event.workflowType,
            taskQueue: event.taskQueue, input: Wire.Payload(event.input),
            parentClosePolicy: Wire.ParentClosePolicy(event.parentClosePolicy), scope: event.scope,
            executionTimeoutMicros: event.executionTimeoutMicros)
    }
}

extension StartChildWorkflowExecutionInitiated {
    package init(_ wire: Wire.StartChildWorkflowExecutionInitiated) throws(WireError) {
        self.init(
            commandNumber: wire.commandNumber, workflowID: wire.workflowID, workflowType: wire.workflowType,
            taskQueue: wire.taskQueue, input: Payload(orEmpty: wire.input),
            parentClosePolicy: try ParentClosePolicy(wire.parentClosePolicy, "parent_close_policy"),
            scope: wire.scope, executionTimeoutMicros: wire.executionTimeoutMicros)
    }
}

extension Wire.ChildWorkflowExecutionStarted {
    package init(_ event: ChildWorkflowExecutionStarted) {
        self.init(initiatedEventID: event.initiatedEventID, childSagaID: event.childSagaID)
    }
}

extension ChildWorkflowExecutionStarted {
    package init(_ wire: Wire.ChildWorkflowExecutionStarted) throws(WireError) {
        self.init(initiatedEventID: wire.initiatedEventID, childSagaID: try required(wire.childSagaID, "child_saga_id"))
    }
}

extension Wire.ChildWorkflowExecutionCompleted {
    package init(_ event: ChildWorkflowExecutionCompleted) {
        self.init(
            initiatedEventID: event.initiatedEventID, output: Wire.Payload(event.output), hasUndo: event.hasUndo)
    }
}

extension ChildWorkflowExecutionCompleted {
    package init(_ wire: Wire.ChildWorkflowExecutionCompleted) throws(WireError) {
        self.init(
            initiatedEventID: wire.initiatedEventID, output: Payload(orEmpty: wire.output), hasUndo: wire.hasUndo)
    }
}

extension Wire.ChildWorkflowExecutionFailed {
    package init(_ event: ChildWorkflowExecutionFailed) {
        self.init(initiatedEventID: event.initiatedEventID, error: Wire.SagaError(event.error))
    }
}

extension ChildWorkflowExecutionFailed {
    package init(_ wire: Wire.ChildWorkflowExecutionFailed) throws(WireError) {
        self.init(initiatedEventID: wire.initiatedEventID, error: SagaError(try required(wire.error, "error")))
    }
}

extension Wire.ChildWorkflowExecutionCanceled {
    package init(_ event: ChildWorkflowExecutionCanceled) {
        self.init(initiatedEventID: event.initiatedEventID)
    }
}

extension ChildWorkflowExecutionCanceled {
    package init(_ wire: Wire.ChildWorkflowExecutionCanceled) throws(WireError) {
        self.init(initiatedEventID: wire.initiatedEventID)
    }
}

extension Wire.ChildWorkflowExecutionTimedOut {
    package init(_ event: ChildWorkflowExecutionTimedOut) {
        self.init(initiatedEventID: event.initiatedEventID)
    }
}

extension ChildWorkflowExecutionTimedOut {
    package init(_ wire: Wire.ChildWorkflowExecutionTimedOut) throws(WireError) {
        self.init(initiatedEventID: wire.initiatedEventID)
    }
}

extension Wire.ChildWorkflowExecutionTerminated {
    package init(_ event: ChildWorkflowExecutionTerminated) {
        self.init(initiatedEventID: event.initiatedEventID)
    }
}

extension ChildWorkflowExecutionTerminated {
    package init(_ wire: Wire.ChildWorkflowExecutionTerminated) throws(WireError) {
        self.init(initiatedEventID: wire.initiatedEventID)
    }
}

extension Wire.ChildWorkflowExecutionContinuedAsNew {
    package init(_ event: ChildWorkflowExecutionContinuedAsNew) {
        self.init(initiatedEventID: event.initiatedEventID, newSagaID: event.newSagaID)
    }
}

extension ChildWorkflowExecutionContinuedAsNew {
    package init(_ wire: Wire.ChildWorkflowExecutionContinuedAsNew) throws(WireError) {
        self.init(initiatedEventID: wire.initiatedEventID, newSagaID: try required(wire.newSagaID, "new_saga_id"))
    }
}

extension Wire.ChildWorkflowExecutionCancelRequested {
    package init(_ event: ChildWorkflowExecutionCancelRequested) {
        self.init(commandNumber: event.commandNumber, initiatedEventID: event.initiatedEventID)
    }
}

extension ChildWorkflowExecutionCancelRequested {
    package init(_ wire: Wire.ChildWorkflowExecutionCancelRequested) throws(WireError) {
        self.init(commandNumber: wire.commandNumber, initiatedEventID: wire.initiatedEventID)
    }
}

extension Wire.StartChildWorkflowExecutionFailed {
    package init(_ event: StartChildWorkflowExecutionFailed) {
        self.init(initiatedEventID: event.initiatedEventID, error: Wire.SagaError(event.error))
    }
}

extension StartChildWorkflowExecutionFailed {
    package init(_ wire: Wire.StartChildWorkflowExecutionFailed) throws(WireError) {
        self.init(initiatedEventID: wire.initiatedEventID, error: SagaError(try required(wire.error, "error")))
    }
}
