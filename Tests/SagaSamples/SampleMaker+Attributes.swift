public import SagaCore

extension SampleMaker {
    /// Attributes of the given type, with every field drawn at random. A new event type does not compile until it has a
    /// line here.
    public mutating func attributes(_ type: EventType) -> EventAttributes {
        switch type {
        case .workflowExecutionStarted:
            .workflowExecutionStarted(
                WorkflowExecutionStarted(
                    namespace: text(), workflowID: text(), workflowType: text(), workflowVersion: number(),
                    taskQueue: text(), input: payload(), requestID: text(), executionTimeoutMicros: micros(),
                    cancelGraceMicros: micros(), autoCompensate: bool(), continueOnUndoError: bool(), identity: text(),
                    continuedFrom: maybe { $0.sagaID() }, parentSagaID: maybe { $0.sagaID() },
                    parentInitiatedEventID: maybe { $0.eventID() }, carriedUndo: list { $0.carried() },
                    memo: list { $0.named() }, searchAttributes: list { $0.named() },
                    carriedMessages: list { $0.carriedMessage() }))
        case .workflowExecutionCompleted:
            .workflowExecutionCompleted(
                WorkflowExecutionCompleted(
                    commandNumber: number(), output: payload(), compensation: compensation(),
                    unconsumedSignals: number()))
        case .workflowExecutionFailed:
            .workflowExecutionFailed(
                WorkflowExecutionFailed(
                    commandNumber: maybe { $0.number() }, error: error(), compensation: compensation(),
                    unconsumedSignals: number()))
        case .workflowExecutionTimedOut:
            .workflowExecutionTimedOut(
                WorkflowExecutionTimedOut(compensation: compensation(), unconsumedSignals: number()))
        case .workflowExecutionCanceled:
            .workflowExecutionCanceled(
                WorkflowExecutionCanceled(
                    commandNumber: maybe { $0.number() }, reason: text(), compensation: compensation(),
                    unconsumedSignals: number()))
        case .workflowExecutionContinuedAsNew:
            .workflowExecutionContinuedAsNew(
                WorkflowExecutionContinuedAsNew(
                    commandNumber: number(), newSagaID: sagaID(), input: payload(), undoCarried: bool()))
        case .workflowExecutionTerminated:
            .workflowExecutionTerminated(
                WorkflowExecutionTerminated(
                    reason: text(), identity: text(), requestID: text(), compensation: compensation(),
                    resetEventID: maybe { $0.eventID() }))
        case .workflowExecutionCancelRequested:
            .workflowExecutionCancelRequested(
                WorkflowExecutionCancelRequested(reason: text(), identity: text(), requestID: text()))
        case .workflowExecutionReset:
            .workflowExecutionReset(
                WorkflowExecutionReset(
                    baseSagaID: sagaID(), baseEventID: eventID(), reason: text(), identity: text(), requestID: text(),
                    carriedUndo: list { $0.carried() }, carriedMessages: list { $0.carriedMessage() },
                    origins: list { RunOrigin(sagaID: $0.sagaID(), upTo: $0.eventID()) }))
        case .workflowExecutionBlocked:
            .workflowExecutionBlocked(
                WorkflowExecutionBlocked(cause: pick(), message: text(), error: maybe { $0.error() }))
        case .workflowExecutionUnblocked:
            .workflowExecutionUnblocked(WorkflowExecutionUnblocked(cause: pick(), identity: text()))
        case .workflowExecutionPaused:
            .workflowExecutionPaused(WorkflowExecutionPaused(reason: text(), identity: text(), requestID: text()))
        case .workflowExecutionResumed:
            .workflowExecutionResumed(WorkflowExecutionResumed(reason: text(), identity: text(), requestID: text()))
        case .activityTaskScheduled:
            .activityTaskScheduled(
                ActivityTaskScheduled(
                    commandNumber: number(), stepID: text(), activityType: text(), taskQueue: text(), input: payload(),
                    retry: retry(), timeouts: timeouts(), undo: maybe { $0.undo() }, idempotencyKey: text(),
                    priority: Int32(bitPattern: number()), pivot: bool(), scope: number(), undoGroup: number()))
        case .activityTaskStarted:
            .activityTaskStarted(
                ActivityTaskStarted(
                    scheduledEventID: eventID(), attempt: number(), identity: text(), startedAt: time(),
                    completesLater: bool()))
        case .activityTaskCompleted:
            .activityTaskCompleted(
                ActivityTaskCompleted(
                    scheduledEventID: eventID(), attempt: number(), output: payload(), undoData: maybe { $0.payload() })
            )
        case .activityTaskFailed:
            .activityTaskFailed(
                ActivityTaskFailed(scheduledEventID: eventID(), attempt: number(), error: error(), outcome: pick()))
        case .activityTaskTimedOut:
            .activityTaskTimedOut(
                ActivityTaskTimedOut(scheduledEventID: eventID(), attempt: number(), timeout: pick(), outcome: pick()))
        case .activityTaskCanceled:
            .activityTaskCanceled(
                ActivityTaskCanceled(scheduledEventID: eventID(), outcome: pick(), details: maybe { $0.payload() }))
        case .activityTaskCancelRequested:
            .activityTaskCancelRequested(
                ActivityTaskCancelRequested(commandNumber: maybe { $0.number() }, scheduledEventID: eventID()))
        case .activityTaskRetryScheduled:
            .activityTaskRetryScheduled(
                ActivityTaskRetryScheduled(
                    scheduledEventID: eventID(), attempt: number(), error: error(), outcome: pick(), dueAt: time()))
        case .timerCreated:
            .timerCreated(
                TimerCreated(commandNumber: number(), timerID: text(), dueAt: time(), callback: maybe { $0.text() }))
        case .timerFired:
            .timerFired(TimerFired(createdEventID: eventID()))
        case .timerCanceled:
            .timerCanceled(TimerCanceled(commandNumber: number(), createdEventID: eventID()))
        case .signalReceived:
            .signalReceived(
                SignalReceived(
                    name: text(), payload: payload(), signalID: text(), requestID: text(), identity: text(),
                    codeGone: bool()))
        case .externalSignalRequested:
            .externalSignalRequested(
                ExternalSignalRequested(
                    commandNumber: number(), targetNamespace: text(), targetWorkflowID: text(),
                    targetSagaID: maybe { $0.sagaID() }, name: text(), payload: payload()))
        case .externalSignalDelivered:
            .externalSignalDelivered(ExternalSignalDelivered(requestedEventID: eventID()))
        case .externalSignalFailed:
            .externalSignalFailed(ExternalSignalFailed(requestedEventID: eventID(), error: error()))
        case .markerRecorded:
            .markerRecorded(
                MarkerRecorded(
                    commandNumber: number(), kind: pick(), name: text(), details: payload(),
                    output: maybe { $0.payload() }, undo: maybe { $0.undo() }, scope: number()))
        case .versionMarkerRecorded:
            .versionMarkerRecorded(VersionMarkerRecorded(commandNumber: number(), changeID: text(), version: number()))
        case .snapshotCreated:
            .snapshotCreated(SnapshotCreated(uptoEventID: eventID(), sizeBytes: eventID(), checksum: number()))
        case .commandIssued:
            .commandIssued(CommandIssued(commandNumber: number(), kind: text(), input: payload()))
        case .commandCompleted:
            .commandCompleted(CommandCompleted(issuedEventID: eventID(), output: payload()))
        case .commandFailed:
            .commandFailed(CommandFailed(issuedEventID: eventID(), error: error()))
        case .startChildWorkflowExecutionInitiated:
            .startChildWorkflowExecutionInitiated(
                StartChildWorkflowExecutionInitiated(
                    commandNumber: number(), workflowID: text(), workflowType: text(), taskQueue: text(),
                    input: payload(), parentClosePolicy: pick(), scope: number(), executionTimeoutMicros: micros()))
        case .childWorkflowExecutionStarted:
            .childWorkflowExecutionStarted(
                ChildWorkflowExecutionStarted(initiatedEventID: eventID(), childSagaID: sagaID()))
        case .childWorkflowExecutionCompleted:
            .childWorkflowExecutionCompleted(
                ChildWorkflowExecutionCompleted(initiatedEventID: eventID(), output: payload()))
        case .childWorkflowExecutionFailed:
            .childWorkflowExecutionFailed(ChildWorkflowExecutionFailed(initiatedEventID: eventID(), error: error()))
        case .childWorkflowExecutionCanceled:
            .childWorkflowExecutionCanceled(ChildWorkflowExecutionCanceled(initiatedEventID: eventID()))
        case .childWorkflowExecutionTimedOut:
            .childWorkflowExecutionTimedOut(ChildWorkflowExecutionTimedOut(initiatedEventID: eventID()))
        case .childWorkflowExecutionTerminated:
            .childWorkflowExecutionTerminated(ChildWorkflowExecutionTerminated(initiatedEventID: eventID()))
        case .childWorkflowExecutionContinuedAsNew:
            .childWorkflowExecutionContinuedAsNew(
                ChildWorkflowExecutionContinuedAsNew(initiatedEventID: eventID(), newSagaID: sagaID()))
        case .childWorkflowExecutionCancelRequested:
            .childWorkflowExecutionCancelRequested(
                ChildWorkflowExecutionCancelRequested(commandNumber: maybe { $0.number() }, initiatedEventID: eventID())
            )
        case .startChildWorkflowExecutionFailed:
            .startChildWorkflowExecutionFailed(
                StartChildWorkflowExecutionFailed(initiatedEventID: eventID(), error: error()))
        case .localActivityScheduled:
            .localActivityScheduled(
                LocalActivityScheduled(
                    commandNumber: number(), stepID: text(), activityType: text(), input: payload(),
                    undo: maybe { $0.undo() }, idempotencyKey: text(), scope: number()))
        case .localActivityCompleted:
            .localActivityCompleted(
                LocalActivityCompleted(
                    commandNumber: number(), scheduledEventID: maybe { $0.eventID() }, activityType: text(),
                    output: payload()))
        case .localActivityFailed:
            .localActivityFailed(
                LocalActivityFailed(
                    commandNumber: number(), scheduledEventID: maybe { $0.eventID() }, activityType: text(),
                    error: error(), outcome: pick()))
        case .localActivityTimedOut:
            .localActivityTimedOut(
                LocalActivityTimedOut(
                    commandNumber: number(), scheduledEventID: maybe { $0.eventID() }, activityType: text(),
                    outcome: pick()))
        case .localActivityCanceled:
            .localActivityCanceled(
                LocalActivityCanceled(
                    commandNumber: number(), scheduledEventID: maybe { $0.eventID() }, activityType: text(),
                    outcome: pick()))
        case .sideEffectRecorded:
            .sideEffectRecorded(SideEffectRecorded(commandNumber: number(), value: payload()))
        case .workflowUpdateAccepted:
            .workflowUpdateAccepted(
                WorkflowUpdateAccepted(
                    updateID: text(), name: text(), input: payload(), requestID: text(), identity: text()))
        case .workflowUpdateRejected:
            .workflowUpdateRejected(WorkflowUpdateRejected(updateID: text(), name: text(), error: error()))
        case .workflowUpdateCompleted:
            .workflowUpdateCompleted(
                WorkflowUpdateCompleted(acceptedEventID: eventID(), output: payload(), commandNumber: number()))
        case .workflowUpdateRolledBack:
            .workflowUpdateRolledBack(
                WorkflowUpdateRolledBack(acceptedEventID: eventID(), error: error(), commandNumber: number()))
        case .upsertSearchAttributes:
            .upsertSearchAttributes(UpsertSearchAttributes(commandNumber: number(), attributes: list { $0.named() }))
        case .compensationStarted:
            .compensationStarted(
                CompensationStarted(
                    cause: pick(), error: maybe { $0.error() }, scope: number(), commandNumber: maybe { $0.number() },
                    resetToEventID: maybe { $0.eventID() }))
        case .compensationStepStarted:
            .compensationStepStarted(
                CompensationStepStarted(
                    stepEventID: eventID(), activityType: text(), taskQueue: text(), outcome: pick(),
                    idempotencyKey: text(), editedInput: maybe { $0.payload() }))
        case .compensationStepCompleted:
            .compensationStepCompleted(
                CompensationStepCompleted(stepEventID: eventID(), attempt: number(), output: payload()))
        case .compensationStepFailed:
            .compensationStepFailed(CompensationStepFailed(stepEventID: eventID(), attempt: number(), error: error()))
        case .compensationStepRetryScheduled:
            .compensationStepRetryScheduled(
                CompensationStepRetryScheduled(stepEventID: eventID(), attempt: number(), error: error(), dueAt: time())
            )
        case .compensationStepSkipped:
            .compensationStepSkipped(CompensationStepSkipped(stepEventID: eventID(), reason: text(), identity: text()))
        case .compensationStepProbed:
            .compensationStepProbed(CompensationStepProbed(stepEventID: eventID(), happened: bool()))
        case .compensationBlocked:
            .compensationBlocked(CompensationBlocked(stepEventID: eventID(), error: error()))
        case .compensationResolved:
            .compensationResolved(CompensationResolved(stepEventID: eventID(), note: text(), identity: text()))
        case .compensationCompleted:
            .compensationCompleted(CompensationCompleted(summary: compensation(), scope: number()))
        case .compensationOperatorAction:
            .compensationOperatorAction(
                CompensationOperatorAction(
                    verb: pick(), stepEventID: maybe { $0.eventID() }, reason: text(), identity: text(),
                    requestID: text(), input: maybe { $0.payload() }))
        case .domainEvent:
            .domainEvent(DomainEvent(typeName: text(), typeVersion: number(), payload: payload()))
        }
    }
}
