internal import SagaCore

/// Ends of a run, and the unwinding before a bad one (semantics, sections 3 and 4).
extension Shard {
    /// A cancel request was recorded. The code sees it; code that is gone, blocked or absent is unwound by the server.
    func requestCancel(_ execution: Execution, _ reason: String) {
        switch execution.state.status {
        case .running, .paused:
            let request = execution.state.cancelRequest
            let due = (request?.at ?? time.wall).adding(microseconds: execution.state.cancelGraceMicros)
            wallDeadlines.push(Deadline(at: due.microseconds, kind: .cancelGrace, sagaID: execution.sagaID))
            activate(execution)
        case .blocked where execution.state.unwinding == nil:
            beginUnwinding(execution, .canceled, error: nil, reason: reason, command: nil)
        default:
            // During an unwinding it is recorded and has no effect.
            break
        }
    }

    /// Starts to unwind, or closes at once if nothing may have to be undone.
    func beginUnwinding(
        _ execution: Execution, _ cause: UnwindCause, error: SagaError?, reason: String, command: CommandNumber?
    ) {
        guard !execution.state.isClosed,
            execution.state.unwinding == nil || execution.state.unwinding?.cause == .requested
        else { return }
        dropCode(execution)
        execution.needsActivation = false
        execution.historyLoad = nil
        let mayNeedUndo =
            execution.state.autoCompensate
            && (!execution.state.undoLog.open.isEmpty
                || execution.state.steps.eventIDs.contains { execution.state.steps[$0]?.scheduled.undo != nil })
        guard mayNeedUndo else {
            return closeNow(execution, closing(execution, cause, error, reason, command))
        }
        emit(
            execution,
            .compensationStarted(
                CompensationStarted(cause: cause, error: error, scope: 0, commandNumber: command)))
        stopSteps(execution)
        advanceUnwinding(execution)
    }

    /// Siblings in flight: those that no worker has are ended, the others are asked to stop and waited for.
    private func stopSteps(_ execution: Execution) {
        for eventID in execution.state.steps.eventIDs {
            guard let step = execution.state.steps[eventID] else { continue }
            if case .out? = execution.tasks[eventID]?.phase, !step.isCancelRequested {
                emit(
                    execution,
                    .activityTaskCancelRequested(
                        ActivityTaskCancelRequested(commandNumber: nil, scheduledEventID: eventID)))
            }
            stopStep(execution, eventID)
        }
    }

    /// Takes the next step of the unwinding: waits for the steps in flight, then undoes one by one, last first, then closes.
    func advanceUnwinding(_ execution: Execution) {
        guard let unwinding = execution.state.unwinding, execution.state.status == .compensating,
            execution.state.steps.isEmpty
        else { return }
        guard let entry = execution.state.undoLog.next(in: unwinding.scope) else {
            return finishUnwinding(execution, unwinding)
        }
        guard entry.status == .open else { return }
        emit(
            execution,
            .compensationStepStarted(
                CompensationStepStarted(
                    stepEventID: entry.stepEventID, activityType: entry.undo.activityType, taskQueue: entry.taskQueue,
                    outcome: entry.outcome, idempotencyKey: entry.idempotencyKey)), queue: entry.taskQueue)
        execution.undoTasks[entry.stepEventID] = LiveTask(phase: .waitingForCommit)
        hold(.queueUndo(entry.stepEventID), execution)
    }

    private func finishUnwinding(_ execution: Execution, _ unwinding: Unwinding) {
        let summary = execution.state.compensationSummary
        emit(
            execution,
            .compensationCompleted(CompensationCompleted(summary: summary, scope: unwinding.scope)))
        if unwinding.cause == .requested { return activate(execution) }
        let reason = execution.state.cancelRequest?.reason ?? ""
        closeNow(execution, closing(execution, unwinding.cause, unwinding.error, reason, unwinding.commandNumber))
    }

    private func closing(
        _ execution: Execution, _ cause: UnwindCause, _ error: SagaError?, _ reason: String, _ command: CommandNumber?
    ) -> EventAttributes {
        let summary = execution.state.compensationSummary
        switch cause {
        case .failed, .requested:
            let error = error ?? SagaError(kind: .unknown, message: "the workflow failed without an error")
            return .workflowExecutionFailed(
                WorkflowExecutionFailed(commandNumber: command, error: error, compensation: summary))
        case .canceled:
            return .workflowExecutionCanceled(
                WorkflowExecutionCanceled(commandNumber: command, reason: reason, compensation: summary))
        case .timedOut: return .workflowExecutionTimedOut(WorkflowExecutionTimedOut(compensation: summary))
        case .terminated:
            return .workflowExecutionTerminated(
                WorkflowExecutionTerminated(reason: reason, compensation: summary))
        }
    }

    /// Closes the run. Workers that still have its steps are asked to stop; what they report is answered, not recorded.
    func closeNow(_ execution: Execution, _ attributes: EventAttributes) {
        for eventID in execution.tasks.eventIDs { sendCancel(execution, eventID) }
        emit(execution, attributes)
        execution.tasks = EventTable()
        execution.undoTasks = EventTable()
        execution.needsActivation = false
        execution.holdUntil = nil
    }

    // MARK: Undos

    func queueUndo(_ execution: Execution, _ eventID: EventID) {
        guard let entry = execution.state.undoLog.entry(eventID), let task = execution.undoTasks[eventID],
            task.phase == .waitingForCommit || task.phase == .waitingForRetry || task.phase == .maybeOut
        else { return }
        _ = execution.undoTasks.update(eventID) { task in
            task.phase = .queued
            task.attempt = entry.attempt
        }
        let reference = TaskReference(sagaID: execution.sagaID, eventID: eventID, attempt: entry.attempt, isUndo: true)
        let lane = TaskDispatcher.Lane(
            namespace: execution.state.namespace, queue: entry.taskQueue, type: entry.undo.activityType)
        // Undos go before forward steps: they give things back.
        dispatcher.enqueue(reference, in: lane, priority: .max)
        dispatch(lane)
    }

    func handOutUndo(
        _ execution: Execution, _ reference: TaskReference, _ worker: WorkerID, _ lane: TaskDispatcher.Lane
    ) {
        guard let entry = execution.state.undoLog.entry(reference.eventID), entry.attempt == reference.attempt,
            execution.undoTasks[reference.eventID]?.phase == .queued
        else { return }
        let closeBy = time.monotonic.addingSaturating(entry.undo.timeouts.effectiveStartToClose)
        _ = execution.undoTasks.update(reference.eventID) { task in
            task.phase = .out(worker)
            task.handedOutAt = time.wall
            task.closeBy = closeBy
        }
        dispatcher.update(worker) { $0.take(reference, from: lane.queue) }
        armUndoAttempt(execution, reference, closeBy: closeBy)
        let state = execution.state
        let task = ActivityTask(
            reference: reference, namespace: state.namespace, workflowID: state.workflowID,
            workflowType: state.workflowType, stepID: entry.stepID, activityType: entry.undo.activityType,
            taskQueue: lane.queue, input: entry.input, idempotencyKey: entry.idempotencyKey,
            timeouts: entry.undo.timeouts,
            undo: UndoTaskInput(output: entry.output, data: entry.data, outcome: entry.outcome, stepKey: entry.stepKey))
        effects.append(.worker(worker, .activityTask(task)))
    }

    func undoEnded(
        _ worker: WorkerID, _ reference: TaskReference, _ result: ActivityResult, _ execution: Execution
    ) {
        guard let entry = execution.state.undoLog.entry(reference.eventID), !entry.status.isSettled,
            entry.status != .blocked, reference.attempt <= entry.attempt
        else { return hold(.acknowledge(worker, reference), execution) }
        switch result {
        case .completed(let output, _):
            emit(
                execution,
                .compensationStepCompleted(
                    CompensationStepCompleted(
                        stepEventID: reference.eventID, attempt: reference.attempt, output: output)),
                queue: entry.taskQueue)
            execution.undoTasks[reference.eventID] = nil
        case .failed(let error, _):
            if reference.attempt == entry.attempt { undoFailed(execution, entry, error) }
        case .canceled(_, let details):
            if reference.attempt == entry.attempt {
                undoFailed(
                    execution, entry,
                    SagaError(kind: .cancelled, message: "the undo was cancelled by its worker", details: details))
            }
        }
        hold(.acknowledge(worker, reference), execution)
        advanceUnwinding(execution)
    }

    /// An attempt of an undo failed: again, or a person must help; it is never given up in silence.
    func undoFailed(_ execution: Execution, _ entry: UndoEntry, _ error: SagaError) {
        let eventID = entry.stepEventID
        if entry.undo.retry.allowsRetry(after: entry.attempt, error: error) {
            let wait = entry.undo.retry.interval(after: entry.attempt, random: jitter())
            let due = max(time.wall, execution.state.lastTimestamp).adding(microseconds: wait)
            emit(
                execution,
                .compensationStepRetryScheduled(
                    CompensationStepRetryScheduled(
                        stepEventID: eventID, attempt: entry.attempt, error: error, dueAt: due)), isRetry: true)
            _ = execution.undoTasks.update(eventID) { $0.phase = .waitingForRetry }
            return armUndoRetry(execution, eventID, attempt: entry.attempt &+ 1, due)
        }
        execution.undoTasks[eventID] = nil
        emit(
            execution,
            .compensationStepFailed(
                CompensationStepFailed(stepEventID: eventID, attempt: entry.attempt, error: error)))
        if execution.state.continueOnUndoError { return advanceUnwinding(execution) }
        emit(execution, .compensationBlocked(CompensationBlocked(stepEventID: eventID, error: error)))
        let message =
            "the undo of step \(entry.stepID) failed \(entry.attempt) times (\(error.message)); earlier undos wait:"
            + " retry it, skip it, resolve it by hand, or give up"
        log(.error, "run \(execution.sagaID) of \(execution.state.workflowID) is blocked: \(message)", execution)
        emit(
            execution,
            .workflowExecutionBlocked(
                WorkflowExecutionBlocked(cause: .undoFailed, message: message, error: error)))
    }
}
