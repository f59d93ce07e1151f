extension ExecutionState {
    /// Events 150 to 160: the unwinding.
    mutating func applyCompensation(_ event: HistoryEvent) throws(SagaError) {
        switch event.attributes {
        case .compensationStarted(let value):
            let started = Unwinding(
                cause: value.cause, error: value.error, scope: value.scope, commandNumber: value.commandNumber,
                reason: value.reason)
            remember(value.requestID, event.eventID)
            undoLog.beginUnwinding(value.scope, at: event.eventID)
            if value.cause == .requested, unwinding != nil {
                queuedUnwindings.append(started)
            } else {
                // The run itself unwinds everything, whatever its scopes were about to.
                unwinding = started
                queuedUnwindings = []
            }
            if status == .running || status == .paused || status == .blocked { status = .compensating }
            if let kept = value.resetToEventID {
                resetTo = kept
                // What was begun before moves to the new run.
                for entry in undoLog.open
                where min(entry.stepEventID, entry.closingEventID) <= kept
                    && (entry.stepEventID <= kept || entry.stepEventID > EventID(Int64.max))
                {
                    _ = undoLog.update(entry.stepEventID) { $0.status = .dormant }
                }
            }
            block = nil
        case .compensationStepStarted(let value):
            try updateEntry(value.stepEventID, event) { entry in
                entry.status = .running
                if entry.firstAttempt != 0 { entry.attempt &+= 1 }
                entry.firstAttempt = entry.attempt
                entry.idempotencyKey = value.idempotencyKey
                if let edited = value.editedInput { entry.data = edited }
            }
        case .compensationStepCompleted(let value):
            try updateEntry(value.stepEventID, event) { $0.status = .undone }
        case .compensationStepRetryScheduled(let value):
            try updateEntry(value.stepEventID, event) { entry in
                entry.status = .waiting(until: value.dueAt)
                entry.attempt = value.attempt &+ 1
                entry.lastError = value.error
            }
        case .compensationStepFailed(let value):
            try updateEntry(value.stepEventID, event) { entry in
                entry.status = .failed
                entry.lastError = value.error
            }
        case .compensationBlocked(let value):
            try updateEntry(value.stepEventID, event) { entry in
                entry.status = .blocked
                entry.lastError = value.error
            }
        case .compensationStepSkipped(let value):
            try updateEntry(value.stepEventID, event) { $0.status = .skipped }
        case .compensationResolved(let value):
            try updateEntry(value.stepEventID, event) { $0.status = .resolved }
        case .compensationStepProbed(let value):
            try updateEntry(value.stepEventID, event) { entry in
                entry.outcome = value.happened ? .completed : .noEffect
                if let output = value.output { entry.output = output }
                if let data = value.undoData { entry.data = data }
                if !value.happened, !entry.undo.undoFailedStep.undoes(.noEffect) {
                    entry.status = .dormant
                }
            }
            // What a reset moves is undone by the run that it moves to, if at all.
            if value.happened, !movesWithReset(value.stepEventID) { undoLog.happened(value.stepEventID) }
        case .compensationOperatorAction(let value):
            remember(value.requestID, event.eventID)
            if value.verb == .giveUp { isGivenUp = true }
        case .compensationCompleted:
            // An unwinding that the code asked for gives the run back to the code.
            if unwinding?.cause == .requested {
                unwinding = queuedUnwindings.isEmpty ? nil : queuedUnwindings.removeFirst()
                if status == .compensating, unwinding == nil { status = .running }
            }
        default: break
        }
    }

    private mutating func updateEntry(
        _ stepEventID: EventID, _ event: HistoryEvent, _ change: (inout UndoEntry) -> Void
    ) throws(SagaError) {
        guard undoLog.update(stepEventID, change) else {
            throw misfit(event, "step \(stepEventID) has no undo entry")
        }
    }
}
