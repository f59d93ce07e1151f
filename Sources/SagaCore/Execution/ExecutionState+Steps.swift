extension ExecutionState {
    /// Events 20 to 27: a step from scheduled to closed, and into the undo log.
    mutating func applyStep(_ event: HistoryEvent) throws(SagaError) {
        switch event.attributes {
        case .activityTaskScheduled(let value):
            begin(step: event.eventID, value, at: event.timestamp)
        case .activityTaskStarted(let value):
            try updateStep(value.scheduledEventID, event) { step in
                step.startedAttempt = max(step.startedAttempt, value.attempt)
                if value.completesLater {
                    step.laterAttempt = value.attempt
                    step.laterSince = value.startedAt
                } else if step.laterAttempt == value.attempt {
                    // After a reset the same attempt is handed out anew.
                    step.laterAttempt = 0
                    step.laterSince = nil
                }
            }
        case .activityTaskRetryScheduled(let value):
            try updateStep(value.scheduledEventID, event) { step in
                step.attempt = value.attempt &+ 1
                step.hasUnknownAttempt = step.hasUnknownAttempt || value.outcome == .unknown
                step.retryDueAt = value.dueAt
                step.lastError = value.error
            }
        case .activityTaskCancelRequested(let value):
            // 0 stands for a step that had closed before the code's request came.
            if value.scheduledEventID != 0 {
                try updateStep(value.scheduledEventID, event) { $0.isCancelRequested = true }
            }
        case .activityTaskCompleted(let value):
            let step = try endStep(value.scheduledEventID, event)
            // A pivot's own undo stays: what cannot be undone any more is what came before it.
            if step.scheduled.pivot && !planted(.pivotIgnored) {
                undoLog.commit()
                isPastPivot = true
            }
            addUndo(of: step, value.scheduledEventID, event, .completed, output: value.output, data: value.undoData)
        case .activityTaskFailed(let value):
            let step = try endStep(value.scheduledEventID, event)
            addUndo(of: step, value.scheduledEventID, event, value.outcome)
        case .activityTaskTimedOut(let value):
            let step = try endStep(value.scheduledEventID, event)
            addUndo(of: step, value.scheduledEventID, event, value.outcome)
        case .activityTaskCanceled(let value):
            let step = try endStep(value.scheduledEventID, event)
            addUndo(of: step, value.scheduledEventID, event, value.outcome)
        default: break
        }
    }

    /// A step is open from here on.
    mutating func begin(
        step eventID: EventID, _ scheduled: consuming ActivityTaskScheduled, at time: Timestamp,
        startedAttempt: UInt32 = 0
    ) {
        eventOfCommand[EventID(scheduled.commandNumber)] = eventID
        var step = StepState(scheduled, at: time)
        step.startedAttempt = startedAttempt
        steps[eventID] = step
    }

    private mutating func updateStep(
        _ eventID: EventID, _ event: HistoryEvent, _ change: (inout StepState) -> Void
    ) throws(SagaError) {
        guard steps.update(eventID, change) else { throw misfit(event, "step \(eventID) is not open") }
    }

    private mutating func endStep(_ eventID: EventID, _ event: HistoryEvent) throws(SagaError) -> StepState {
        guard let step = steps.remove(eventID) else { throw misfit(event, "step \(eventID) is not open") }
        _ = eventOfCommand.remove(EventID(step.scheduled.commandNumber))
        return step
    }

    private mutating func addUndo(
        of step: StepState, _ stepEventID: EventID, _ event: HistoryEvent, _ outcome: StepOutcome,
        output: Payload? = nil, data: Payload? = nil
    ) {
        // Field by field: the event as a value is large to copy.
        guard let undo = step.scheduled.undo else { return }
        let isUndone = undo.undoFailedStep.undoes(outcome)
        // An unknown step that is not undone may still turn out to have happened.
        guard isUndone || outcome == .unknown else { return }
        undoLog.append(
            UndoEntry(
                stepEventID: stepEventID, closingEventID: event.eventID, stepID: step.scheduled.stepID, undo: undo,
                taskQueue: undo.taskQueue.isEmpty ? step.scheduled.taskQueue : undo.taskQueue,
                input: step.scheduled.input, output: output, data: data, outcome: outcome,
                stepKey: step.scheduled.idempotencyKey, idempotencyKey: step.scheduled.idempotencyKey + "/undo",
                scope: step.scheduled.scope, group: step.scheduled.undoGroup,
                status: isUndone && !movesWithReset(stepEventID) ? .open : .dormant))
    }
}
