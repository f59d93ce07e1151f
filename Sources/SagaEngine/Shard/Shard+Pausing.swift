internal import SagaCore

/// Pause and resume: while a run is paused its code gets no events and its steps no workers; what is out goes on, signals,
/// timers and reports are recorded, and a cancel or a time-out still ends it (semantics, section 3).
///
/// To pause what is paused, or to resume what runs, changes nothing and is recorded all the same: an answer that needs no append
/// might come from a server that was replaced, and be of yesterday (composed seed 65182).
extension Shard {
    func pause(_ id: CallID, _ call: Call, _ control: ControlCall, _ execution: Execution) {
        if let known = execution.state.run(withRequest: control.requestID) {
            return hold(reply: .done(known), to: id, call, execution)
        }
        guard execution.state.status == .running || execution.state.status == .paused else {
            return fail(
                id, .failedPrecondition,
                "run \(execution.sagaID) is \(execution.state.status.name); only a running one can be paused", execution
            )
        }
        emit(
            execution,
            .workflowExecutionPaused(
                WorkflowExecutionPaused(
                    reason: control.reason, identity: control.identity, requestID: control.requestID)))
        dropCode(execution)
        dropHistoryLoad(execution)
        execution.holdUntil = nil
        hold(reply: .done(execution.sagaID), to: id, call, execution)
    }

    func resume(_ id: CallID, _ call: Call, _ control: ControlCall, _ execution: Execution) {
        if let known = execution.state.run(withRequest: control.requestID) {
            return hold(reply: .done(known), to: id, call, execution)
        }
        let wasPaused = execution.state.status == .paused
        guard wasPaused || execution.state.status == .running else {
            return fail(id, .failedPrecondition, "run \(execution.sagaID) is not paused", execution)
        }
        let resumedAt = emit(
            execution,
            .workflowExecutionResumed(
                WorkflowExecutionResumed(
                    reason: control.reason, identity: control.identity, requestID: control.requestID)))
        guard wasPaused else { return hold(reply: .done(execution.sagaID), to: id, call, execution) }
        execution.resumedAt = resumedAt
        execution.needsActivation = true
        // What was ready or became due meanwhile is handed out now; what waits for its time goes on waiting.
        for eventID in execution.tasks.eventIDs {
            guard let task = execution.tasks[eventID], let step = execution.state.steps[eventID] else { continue }
            switch task.phase {
            case .queued, .waitingForCommit: break
            case .waitingForRetry where step.retryDueAt.map({ $0 <= now(execution) }) ?? true: break
            case .maybeOut:
                // Nobody claimed it while the run was paused; from now on the grace counts anew.
                monotonicDeadlines.push(
                    Deadline(
                        at: time.monotonic.addingSaturating(config.reclaimGraceMicros), kind: .reclaim,
                        sagaID: execution.sagaID, eventID: eventID))
                continue
            case .waitingForRetry:
                // It may have come up meanwhile, in vain, before the clock was set back: nothing else would call it again.
                if let due = step.retryDueAt { armStepRetry(execution, eventID, attempt: step.attempt, due) }
                continue
            case .out, .later: continue
            }
            _ = execution.tasks.update(eventID) { $0.phase = .waitingForCommit }
            hold(.queueStep(eventID, attempt: step.attempt), execution)
        }
        if let request = execution.state.cancelRequest { requestCancel(execution, request.reason) }
        hold(reply: .done(execution.sagaID), to: id, call, execution)
        activate(execution)
    }
}
