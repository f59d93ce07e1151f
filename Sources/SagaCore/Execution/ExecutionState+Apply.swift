internal import SagaCodec

extension ExecutionState {
    /// Applies the next event.
    /// - Throws: `SagaError` of kind replay if the event does not fit; the state must not be used further then.
    public mutating func apply(_ event: HistoryEvent) throws(SagaError) {
        guard event.sagaID == sagaID else { throw misfit(event, "it belongs to run \(event.sagaID)") }
        guard event.eventID == nextEventID else { throw misfit(event, "event \(nextEventID) was expected") }
        guard !isClosed else { throw misfit(event, "the run is closed") }
        guard event.eventID == 0 || event.timestamp >= lastTimestamp else { throw misfit(event, "its time goes back") }
        try applyAttributes(of: event)
        if let number = event.attributes.commandNumber { nextCommandNumber = max(nextCommandNumber, number &+ 1) }
        nextEventID += 1
        lastTimestamp = event.timestamp
    }

    private mutating func applyAttributes(of event: HistoryEvent) throws(SagaError) {
        switch event.attributes {
        case .workflowExecutionStarted(let value):
            guard event.eventID == 0 else { throw misfit(event, "it must be event 0") }
            start(value, at: event.timestamp)
        case .workflowExecutionCompleted: close(.completed, event)
        case .workflowExecutionFailed: close(.failed, event)
        case .workflowExecutionTimedOut: close(.timedOut, event)
        case .workflowExecutionCanceled: close(.canceled, event)
        case .workflowExecutionContinuedAsNew: close(.continuedAsNew, event)
        case .workflowExecutionTerminated(let value):
            remember(value.requestID, event.eventID)
            close(.terminated, event)
        case .workflowExecutionCancelRequested(let value):
            remember(value.requestID, event.eventID)
            if cancelRequest == nil { cancelRequest = CancelRequest(reason: value.reason, at: event.timestamp) }
        case .workflowExecutionReset(let value):
            remember(value.requestID, event.eventID)
            carriedMessages += value.carriedMessages
            takeOver(value)
            // Apart from those that the first event, or a reset before this one, may have brought.
            let top = EventID.max - (EventID(value.origins.count) + 1) << 32
            carry(value.carriedUndo, taskQueue: taskQueue, below: top, at: event.eventID)
            // Whoever completes an attempt of the other run has its token, which is of no use here.
            for eventID in steps.eventIDs {
                _ = steps.update(eventID) { step in
                    step.laterAttempt = 0
                    step.laterSince = nil
                }
            }
        case .workflowExecutionBlocked(let value):
            status = .blocked
            block = Block(cause: value.cause, message: value.message, since: event.timestamp, eventID: event.eventID)
        case .workflowExecutionUnblocked:
            block = nil
            status = unwinding == nil ? .running : .compensating
        case .workflowExecutionPaused(let value):
            remember(value.requestID, event.eventID)
            status = .paused
        case .workflowExecutionResumed(let value):
            remember(value.requestID, event.eventID)
            status = .running
        case .signalReceived(let value):
            remember(value.requestID, event.eventID)
            signalReceived(value.signalID, codeGone: value.codeGone, event.eventID)
        case .timerCreated(let value): begin(timer: event.eventID, value)
        case .timerFired(let value): try endTimer(value.createdEventID, event)
        case .timerCanceled(let value): if value.createdEventID != 0 { try endTimer(value.createdEventID, event) }
        case .markerRecorded(let value): applyMarker(value, event)
        case .activityTaskScheduled, .activityTaskStarted, .activityTaskCompleted, .activityTaskFailed,
            .activityTaskTimedOut, .activityTaskCanceled, .activityTaskCancelRequested, .activityTaskRetryScheduled:
            try applyStep(event)
        case .compensationStarted, .compensationStepStarted, .compensationStepCompleted, .compensationStepFailed,
            .compensationStepRetryScheduled, .compensationStepSkipped, .compensationStepProbed, .compensationBlocked,
            .compensationResolved, .compensationCompleted, .compensationOperatorAction:
            try applyCompensation(event)
        case .externalSignalRequested, .externalSignalDelivered, .externalSignalFailed, .workflowUpdateAccepted,
            .workflowUpdateRejected, .workflowUpdateCompleted, .workflowUpdateRolledBack:
            try applyMessage(event)
        case .startChildWorkflowExecutionInitiated, .childWorkflowExecutionStarted, .childWorkflowExecutionCompleted,
            .childWorkflowExecutionFailed, .childWorkflowExecutionCanceled, .childWorkflowExecutionTimedOut,
            .childWorkflowExecutionTerminated, .childWorkflowExecutionContinuedAsNew,
            .childWorkflowExecutionCancelRequested, .startChildWorkflowExecutionFailed:
            try applyChild(event)
        case .localActivityScheduled, .localActivityCompleted, .localActivityFailed, .localActivityTimedOut,
            .localActivityCanceled:
            try applyLocal(event)
        case .upsertSearchAttributes(let value): searchAttributes = searchAttributes.merging(value.attributes)
        default: break
        }
    }

    private mutating func start(_ value: WorkflowExecutionStarted, at time: Timestamp) {
        namespace = value.namespace
        workflowID = value.workflowID
        workflowType = value.workflowType
        workflowVersion = value.workflowVersion
        taskQueue = value.taskQueue
        startedAt = time
        executionTimeoutMicros = value.executionTimeoutMicros
        cancelGraceMicros = value.cancelGraceMicros
        autoCompensate = value.autoCompensate
        continueOnUndoError = value.continueOnUndoError
        remember(value.requestID, 0)
        memo = value.memo
        searchAttributes = value.searchAttributes
        carriedMessages = value.carriedMessages
        if let sagaID = value.parentSagaID, let eventID = value.parentInitiatedEventID {
            parent = ParentLink(sagaID: sagaID, eventID: eventID)
        }
        carry(value.carriedUndo, taskQueue: value.taskQueue, below: EventID.max, at: 0)
    }

    /// Takes over undo entries of another run. They have no step event here; they are found by ids beyond any real event.
    private mutating func carry(
        _ entries: [CarriedUndo], taskQueue: String, below top: EventID, at closing: EventID
    ) {
        for (index, carried) in entries.enumerated() {
            undoLog.append(
                UndoEntry(
                    stepEventID: top - EventID(index), closingEventID: closing, stepID: carried.stepID,
                    undo: carried.undo,
                    taskQueue: carried.undo.taskQueue.isEmpty ? taskQueue : carried.undo.taskQueue,
                    input: carried.input, output: carried.output, data: carried.data, outcome: carried.outcome,
                    stepKey: carried.idempotencyKey, idempotencyKey: carried.idempotencyKey + "/undo", scope: 0,
                    group: carried.undoGroup, child: carried.child))
        }
    }

    private mutating func close(_ closing: ExecutionStatus, _ event: HistoryEvent) {
        status = closing
        closedAt = event.timestamp
        steps = EventTable()
        timers = EventTable()
        externalSignals = EventTable()
        children = EventTable()
        localSteps = EventTable()
        eventOfCommand = EventTable()
    }

    /// A timer is open from here on.
    mutating func begin(timer eventID: EventID, _ created: TimerCreated) {
        timers[eventID] = TimerState(
            timerID: created.timerID, dueAt: created.dueAt, commandNumber: created.commandNumber)
        eventOfCommand[EventID(created.commandNumber)] = eventID
    }

    mutating func signalReceived(_ signalID: String, codeGone: Bool, _ eventID: EventID) {
        if !signalID.isEmpty { signalIDs.add(signalID, eventID) }
        signalCount &+= 1
        if !codeGone { lastMessageEventID = eventID }
    }

    private mutating func endTimer(_ createdEventID: EventID, _ event: HistoryEvent) throws(SagaError) {
        guard let timer = timers.remove(createdEventID) else {
            throw misfit(event, "timer \(createdEventID) is not open")
        }
        _ = eventOfCommand.remove(EventID(timer.commandNumber))
    }

    private mutating func applyMarker(_ value: MarkerRecorded, _ event: HistoryEvent) {
        switch value.kind {
        case .undoTracked:
            guard let undo = value.undo else { return }
            let key = "\(sagaID)/\(event.eventID)"
            undoLog.append(
                UndoEntry(
                    stepEventID: event.eventID, closingEventID: event.eventID, stepID: value.name, undo: undo,
                    taskQueue: undo.taskQueue.isEmpty ? taskQueue : undo.taskQueue, input: value.details,
                    output: value.output, data: nil, outcome: .completed, stepKey: key, idempotencyKey: key + "/undo",
                    scope: value.scope, group: 0))
        case .undoCommitted:
            undoLog.commit()
            isPastPivot = true
        case .scopeOpened: undoLog.openScope(value.commandNumber &+ 1, in: value.scope, at: event.eventID)
        case .checkpoint: checkpoint = event.eventID
        case .note, .stepOutput: break
        }
    }

    mutating func remember(_ requestID: String, _ eventID: EventID) {
        // The first event counts: a start that brings a signal along gives both its id.
        if !requestID.isEmpty { requests.add(requestID, eventID) }
    }

    func undecodable(_ error: CodecError) -> SagaError {
        SagaError(
            kind: .codec, message: "stored events of run \(sagaID) do not decode: \(error)", isNonRetryable: true)
    }

    func misfit(_ event: HistoryEvent, _ why: String) -> SagaError {
        SagaError(
            kind: .replay,
            message: "event \(event.eventID) (\(event.eventType.name)) of run \(sagaID) does not fit: \(why)",
            isNonRetryable: true)
    }
}
