extension ExecutionState {
    /// Events 110 to 115: activities that ran in the worker of the code.
    mutating func applyLocal(_ event: HistoryEvent) throws(SagaError) {
        switch event.attributes {
        case .localActivityScheduled(let value): localSteps[event.eventID] = value
        case .localActivityCompleted(let value):
            try endLocal(value.scheduledEventID, event, .completed, output: value.output)
        case .localActivityFailed(let value): try endLocal(value.scheduledEventID, event, value.outcome)
        case .localActivityTimedOut(let value): try endLocal(value.scheduledEventID, event, value.outcome)
        case .localActivityCanceled(let value): try endLocal(value.scheduledEventID, event, value.outcome)
        default: break
        }
    }

    private mutating func endLocal(
        _ scheduled: EventID?, _ event: HistoryEvent, _ outcome: StepOutcome, output: Payload? = nil
    ) throws(SagaError) {
        // Without an undo there is nothing to keep of it.
        guard let scheduled else { return }
        guard let step = localSteps.remove(scheduled) else {
            throw misfit(event, "local activity \(scheduled) is not open")
        }
        guard let undo = step.undo else { return }
        let isUndone = undo.undoFailedStep.undoes(outcome)
        guard isUndone || outcome == .unknown else { return }
        undoLog.append(
            UndoEntry(
                stepEventID: scheduled, closingEventID: event.eventID, stepID: step.stepID, undo: undo,
                taskQueue: undo.taskQueue.isEmpty ? taskQueue : undo.taskQueue, input: step.input, output: output,
                data: nil, outcome: outcome, stepKey: step.idempotencyKey,
                idempotencyKey: step.idempotencyKey + "/undo", scope: step.scope, group: 0,
                status: isUndone && !movesWithReset(scheduled) ? .open : .dormant))
    }
}
