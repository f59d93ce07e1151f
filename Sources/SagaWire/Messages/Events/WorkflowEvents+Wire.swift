package import SagaCore

// Events 0 to 12 between the core and the wire, field by field.

extension Wire.WorkflowExecutionStarted {
    package init(_ event: WorkflowExecutionStarted) {
        self.init(
            namespace: event.namespace, workflowID: event.workflowID, workflowType: event.workflowType,
            workflowVersion: event.workflowVersion, taskQueue: event.taskQueue, input: Wire.Payload(event.input),
            requestID: event.requestID, executionTimeoutMicros: event.executionTimeoutMicros,
            cancelGraceMicros: event.cancelGraceMicros, autoCompensate: event.autoCompensate,
            continueOnUndoError: event.continueOnUndoError, identity: event.identity,
            continuedFromSagaID: event.continuedFrom, parentSagaID: event.parentSagaID,
            parentInitiatedEventID: event.parentInitiatedEventID,
            carriedUndo: event.carriedUndo.map { Wire.CarriedUndo($0) },
            memo: event.memo.map { Wire.NamedPayload($0) },
            searchAttributes: event.searchAttributes.map { Wire.NamedPayload($0) },
            carriedMessages: event.carriedMessages.map { Wire.CarriedMessage($0) })
    }
}

extension WorkflowExecutionStarted {
    package init(_ wire: Wire.WorkflowExecutionStarted) throws(WireError) {
        self.init(
            namespace: wire.namespace, workflowID: wire.workflowID, workflowType: wire.workflowType,
            workflowVersion: wire.workflowVersion, taskQueue: wire.taskQueue, input: Payload(orEmpty: wire.input),
            requestID: wire.requestID, executionTimeoutMicros: wire.executionTimeoutMicros,
            cancelGraceMicros: wire.cancelGraceMicros, autoCompensate: wire.autoCompensate,
            continueOnUndoError: wire.continueOnUndoError, identity: wire.identity,
            continuedFrom: wire.continuedFromSagaID, parentSagaID: wire.parentSagaID,
            parentInitiatedEventID: wire.parentInitiatedEventID,
            carriedUndo: try CarriedUndo.list(wire.carriedUndo, "carried_undo"),
            memo: wire.memo.map { NamedPayload($0) },
            searchAttributes: wire.searchAttributes.map { NamedPayload($0) },
            carriedMessages: try CarriedMessage.list(wire.carriedMessages, "carried_messages"))
    }
}

extension Wire.WorkflowExecutionCompleted {
    package init(_ event: WorkflowExecutionCompleted) {
        self.init(
            commandNumber: event.commandNumber, output: Wire.Payload(event.output),
            compensation: Wire.CompensationSummary(event.compensation), unconsumedSignals: event.unconsumedSignals)
    }
}

extension WorkflowExecutionCompleted {
    package init(_ wire: Wire.WorkflowExecutionCompleted) throws(WireError) {
        self.init(
            commandNumber: wire.commandNumber, output: Payload(orEmpty: wire.output),
            compensation: try CompensationSummary(wire.compensation, "compensation"),
            unconsumedSignals: wire.unconsumedSignals)
    }
}

extension Wire.WorkflowExecutionFailed {
    package init(_ event: WorkflowExecutionFailed) {
        self.init(
            commandNumber: event.commandNumber, error: Wire.SagaError(event.error),
            compensation: Wire.CompensationSummary(event.compensation), unconsumedSignals: event.unconsumedSignals)
    }
}

extension WorkflowExecutionFailed {
    package init(_ wire: Wire.WorkflowExecutionFailed) throws(WireError) {
        self.init(
            commandNumber: wire.commandNumber, error: SagaError(try required(wire.error, "error")),
            compensation: try CompensationSummary(wire.compensation, "compensation"),
            unconsumedSignals: wire.unconsumedSignals)
    }
}

extension Wire.WorkflowExecutionTimedOut {
    package init(_ event: WorkflowExecutionTimedOut) {
        self.init(
            compensation: Wire.CompensationSummary(event.compensation), unconsumedSignals: event.unconsumedSignals)
    }
}

extension WorkflowExecutionTimedOut {
    package init(_ wire: Wire.WorkflowExecutionTimedOut) throws(WireError) {
        self.init(
            compensation: try CompensationSummary(wire.compensation, "compensation"),
            unconsumedSignals: wire.unconsumedSignals)
    }
}

extension Wire.WorkflowExecutionCanceled {
    package init(_ event: WorkflowExecutionCanceled) {
        self.init(
            commandNumber: event.commandNumber, reason: event.reason,
            compensation: Wire.CompensationSummary(event.compensation), unconsumedSignals: event.unconsumedSignals)
    }
}

extension WorkflowExecutionCanceled {
    package init(_ wire: Wire.WorkflowExecutionCanceled) throws(WireError) {
        self.init(
            commandNumber: wire.commandNumber, reason: wire.reason,
            compensation: try CompensationSummary(wire.compensation, "compensation"),
            unconsumedSignals: wire.unconsumedSignals)
    }
}

extension Wire.WorkflowExecutionContinuedAsNew {
    package init(_ event: WorkflowExecutionContinuedAsNew) {
        self.init(
            commandNumber: event.commandNumber, newSagaID: event.newSagaID, input: Wire.Payload(event.input),
            undoCarried: event.undoCarried)
    }
}

extension WorkflowExecutionContinuedAsNew {
    package init(_ wire: Wire.WorkflowExecutionContinuedAsNew) throws(WireError) {
        self.init(
            commandNumber: wire.commandNumber, newSagaID: try required(wire.newSagaID, "new_saga_id"),
            input: Payload(orEmpty: wire.input), undoCarried: wire.undoCarried)
    }
}

extension Wire.WorkflowExecutionTerminated {
    package init(_ event: WorkflowExecutionTerminated) {
        self.init(
            reason: event.reason, identity: event.identity, requestID: event.requestID,
            compensation: Wire.CompensationSummary(event.compensation), resetEventID: event.resetEventID)
    }
}

extension WorkflowExecutionTerminated {
    package init(_ wire: Wire.WorkflowExecutionTerminated) throws(WireError) {
        self.init(
            reason: wire.reason, identity: wire.identity, requestID: wire.requestID,
            compensation: try CompensationSummary(wire.compensation, "compensation"),
            resetEventID: wire.resetEventID)
    }
}

extension Wire.WorkflowExecutionCancelRequested {
    package init(_ event: WorkflowExecutionCancelRequested) {
        self.init(reason: event.reason, identity: event.identity, requestID: event.requestID)
    }
}

extension WorkflowExecutionCancelRequested {
    package init(_ wire: Wire.WorkflowExecutionCancelRequested) throws(WireError) {
        self.init(reason: wire.reason, identity: wire.identity, requestID: wire.requestID)
    }
}

extension Wire.WorkflowExecutionReset {
    package init(_ event: WorkflowExecutionReset) {
        self.init(
            baseSagaID: event.baseSagaID, baseEventID: event.baseEventID, reason: event.reason,
            identity: event.identity, requestID: event.requestID,
            carriedUndo: event.carriedUndo.map { Wire.CarriedUndo($0) },
            carriedMessages: event.carriedMessages.map { Wire.CarriedMessage($0) },
            origins: event.origins.map { Wire.RunOrigin($0) })
    }
}

extension WorkflowExecutionReset {
    package init(_ wire: Wire.WorkflowExecutionReset) throws(WireError) {
        self.init(
            baseSagaID: try required(wire.baseSagaID, "base_saga_id"), baseEventID: wire.baseEventID,
            reason: wire.reason, identity: wire.identity, requestID: wire.requestID,
            carriedUndo: try CarriedUndo.list(wire.carriedUndo, "carried_undo"),
            carriedMessages: try CarriedMessage.list(wire.carriedMessages, "carried_messages"),
            origins: try RunOrigin.list(wire.origins, "origins"))
    }
}

extension Wire.WorkflowExecutionBlocked {
    package init(_ event: WorkflowExecutionBlocked) {
        self.init(
            cause: Wire.BlockCause(event.cause), message: event.message, error: event.error.map { Wire.SagaError($0) })
    }
}

extension WorkflowExecutionBlocked {
    package init(_ wire: Wire.WorkflowExecutionBlocked) throws(WireError) {
        self.init(
            cause: try BlockCause(wire.cause, "cause"), message: wire.message, error: wire.error.map { SagaError($0) })
    }
}

extension Wire.WorkflowExecutionUnblocked {
    package init(_ event: WorkflowExecutionUnblocked) {
        self.init(cause: Wire.BlockCause(event.cause), identity: event.identity)
    }
}

extension WorkflowExecutionUnblocked {
    package init(_ wire: Wire.WorkflowExecutionUnblocked) throws(WireError) {
        self.init(cause: try BlockCause(wire.cause, "cause"), identity: wire.identity)
    }
}

extension Wire.WorkflowExecutionPaused {
    package init(_ event: WorkflowExecutionPaused) {
        self.init(reason: event.reason, identity: event.identity, requestID: event.requestID)
    }
}

extension WorkflowExecutionPaused {
    package init(_ wire: Wire.WorkflowExecutionPaused) throws(WireError) {
        self.init(reason: wire.reason, identity: wire.identity, requestID: wire.requestID)
    }
}

extension Wire.WorkflowExecutionResumed {
    package init(_ event: WorkflowExecutionResumed) {
        self.init(reason: event.reason, identity: event.identity, requestID: event.requestID)
    }
}

extension WorkflowExecutionResumed {
    package init(_ wire: Wire.WorkflowExecutionResumed) throws(WireError) {
        self.init(reason: wire.reason, identity: wire.identity, requestID: wire.requestID)
    }
}
