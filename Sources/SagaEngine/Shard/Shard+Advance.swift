internal import SagaCore

/// What live code has made of a report before it was reported (semantics, section 6).
struct PendingAdvance {
    var worker: WorkerID
    /// The step that was reported.
    var scheduled: EventID
    var advance: StepAdvance
}

/// Live code that has gone on with the end of its step where both ran. What it wants counts if the events that it has not been given say
/// what it was told and nothing else; then report and commands are one append, and nothing is sent to the code. Otherwise it
/// has seen what did not happen so, and is made anew from its history.
extension Shard {
    func stepAdvanced(
        _ worker: WorkerID, _ reference: TaskReference, _ result: ActivityResult, _ advance: StepAdvance
    ) {
        guard let execution = executions[reference.sagaID], execution.codeHolder == worker else {
            // Sent again on another stream, say: the code of the one before is gone.
            return activityEnded(.worker(worker), reference, result)
        }
        guard !execution.isCodeBeyond(reference.eventID) else {
            return activityEnded(.worker(worker), reference, result)
        }
        if planted(.advanceTakenBlindly) { execution.activation = nil }
        execution.advance = PendingAdvance(worker: worker, scheduled: reference.eventID, advance: advance)
        activityEnded(.worker(worker), reference, result)
        guard execution.advance != nil else { return }
        execution.advance = nil
        guard execution.codeHolder == worker, executions[reference.sagaID] === execution else { return }
        dropCode(execution)
        execution.needsActivation = true
        // It may have waited for a slot of the worker that had its code.
        execution.isWaitingForWorker = false
        activate(execution)
    }

    /// Does what the code wants, if it knows of all that happened up to now; if not, nothing, and the code will be dropped.
    /// - Parameter events: What it was not given.
    func takeAdvance(_ execution: Execution, _ events: ArraySlice<HistoryEvent>) {
        guard let pending = execution.advance, execution.pendingUpdates.isEmpty,
            pending.isWhat(events) || planted(.advanceTakenBlindly)
        else { return }
        execution.advance = nil
        execution.needsActivation = false
        execution.isWaitingForWorker = false
        execution.codeNext = execution.state.nextEventID
        execution.codeFailures = 0
        execution.historyFailures = 0
        perform(
            pending.advance.commands, seen: execution.state.nextEventID - 1,
            unconsumed: pending.advance.unconsumedSignals, execution)
        activate(execution)
    }
}

extension Execution {
    /// Whether the code that its worker has live was given the schedule of a step by its history, and so has not gone ahead of it:
    /// a report that says so is sent again, of code that is gone, or was taken before. What is on the way to live code counts as
    /// not given: it may have gone ahead before it came.
    fileprivate func isCodeBeyond(_ eventID: EventID) -> Bool {
        eventID < codeNext && activation?.isFull ?? true
    }
}

extension PendingAdvance {
    /// Whether the events are the schedule of the step, as the code asked for it, and its success, beside what no code is told of.
    fileprivate func isWhat(_ events: ArraySlice<HistoryEvent>) -> Bool {
        var isScheduled = false
        var isEnded = false
        for event in events {
            switch event.attributes {
            case .activityTaskStarted, .activityTaskRetryScheduled, .snapshotCreated: continue
            case .activityTaskScheduled(let step)
            where event.eventID == scheduled && step.commandNumber == advance.command && !isScheduled:
                isScheduled = true
            case .activityTaskCompleted(let done) where done.scheduledEventID == scheduled && isScheduled && !isEnded:
                isEnded = true
            default: return false
            }
        }
        return isEnded
    }
}
