internal import SagaCore

/// Activities that run in the worker of the code. Only what can be undone is known before it has run (semantics, section 5).
extension Shard {
    func scheduleLocally(_ number: CommandNumber, _ activity: LocalActivityCommand, _ execution: Execution) {
        let eventID = execution.nextEventIDAfterStarts
        let emitted = emit(
            execution,
            .localActivityScheduled(
                LocalActivityScheduled(
                    commandNumber: number, stepID: activity.stepID, activityType: activity.activityType,
                    input: activity.input, undo: activity.undo, idempotencyKey: "\(execution.sagaID)/\(eventID)",
                    scope: activity.scope)))
        // The code runs it when it is given the event, so not before the event is durable.
        if !planted(.localStepBeforeDurable) { execution.localBarrier = emitted }
        hold(.activateCode, execution)
    }

    func recordLocally(_ number: CommandNumber, _ record: LocalActivityRecord, _ execution: Execution) {
        let type = record.activityType
        let scheduled = record.scheduledEventID
        let isDoubted = scheduled.map { execution.doubtedLocalSteps.remove($0) != nil } ?? false
        /// A worker knows of its own attempts only.
        func known(_ outcome: StepOutcome) -> StepOutcome {
            isDoubted && outcome == .noEffect ? .unknown : outcome
        }
        switch record.end {
        case .running: log(.error, "the worker recorded local activity \(type) before it had ended", execution)
        case .completed(let output):
            emit(
                execution,
                .localActivityCompleted(
                    LocalActivityCompleted(
                        commandNumber: number, scheduledEventID: scheduled, activityType: type, output: output)))
        case .failed(let error, let outcome):
            emit(
                execution,
                .localActivityFailed(
                    LocalActivityFailed(
                        commandNumber: number, scheduledEventID: scheduled, activityType: type, error: error,
                        outcome: known(outcome))))
        case .timedOut(let outcome):
            emit(
                execution,
                .localActivityTimedOut(
                    LocalActivityTimedOut(
                        commandNumber: number, scheduledEventID: scheduled, activityType: type,
                        outcome: known(outcome))))
        case .canceled(let outcome):
            emit(
                execution,
                .localActivityCanceled(
                    LocalActivityCanceled(
                        commandNumber: number, scheduledEventID: scheduled, activityType: type,
                        outcome: known(outcome))))
        }
    }

    /// The run is unwound without its code: what runs in the worker may have happened, and nobody will say so.
    func stopLocalSteps(_ execution: Execution) {
        for eventID in execution.state.localSteps.eventIDs where !execution.state.movesWithReset(eventID) {
            guard let step = execution.state.localSteps[eventID] else { continue }
            emit(
                execution,
                .localActivityCanceled(
                    LocalActivityCanceled(
                        commandNumber: step.commandNumber, scheduledEventID: eventID, activityType: step.activityType,
                        outcome: .unknown)))
        }
    }
}

extension Execution {
    /// The code is live nowhere any more. What it was given and has not answered for, it may have run.
    func forgetCode() {
        doubtLocalSteps(before: codeNext)
        codeHolder = nil
        codeNext = 0
    }

    /// Code which is gone may have run those that are open.
    /// - Parameter next: The event from which on it was given none. Default: that is not known, so all of them.
    func doubtLocalSteps(before next: EventID = .max) {
        for eventID in state.localSteps.eventIDs where eventID < next { doubtedLocalSteps.insert(eventID) }
    }
}
