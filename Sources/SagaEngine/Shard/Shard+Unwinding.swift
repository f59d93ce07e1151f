internal import SagaCore

/// Ends of a run, and the unwinding before a bad one (semantics, sections 3 and 4).
extension Shard {
    /// A cancel request was recorded. The code sees it; code that is gone, blocked or absent is unwound by the server.
    func requestCancel(_ execution: Execution, _ reason: String) {
        switch execution.state.status {
        case .running, .paused:
            let request = execution.state.cancelRequest
            let due = (request?.at ?? now(execution)).adding(microseconds: execution.state.cancelGraceMicros)
            arm(Deadline(at: due.microseconds, kind: .cancelGrace, sagaID: execution.sagaID), execution)
            activate(execution)
        case .blocked
        where execution.state.unwinding == nil
            // Code that cannot run does not see the cancel, also not when it asked for an unwinding before.
            || (execution.state.unwinding?.cause == .requested && execution.state.block?.cause != .undoFailed):
            beginUnwinding(execution, .canceled, error: nil, reason: reason, command: nil)
        default:
            // During an unwinding it is recorded and has no effect.
            break
        }
    }

    /// Starts to unwind, or closes at once if nothing may have to be undone.
    func beginUnwinding(
        _ execution: Execution, _ cause: UnwindCause, error: SagaError?, reason: String, command: CommandNumber?,
        identity: String = "", requestID: String = ""
    ) {
        guard !execution.state.isClosed,
            execution.state.unwinding == nil || execution.state.unwinding?.cause == .requested
        else { return }
        dropCode(execution)
        abortUpdates(execution)
        execution.needsActivation = false
        dropHistoryLoad(execution)
        let mayNeedUndo =
            execution.state.autoCompensate && !(planted(.undoLostOnCancel) && cause == .canceled)
            && (execution.state.undoLog.hasOpen || !execution.state.localSteps.isEmpty
                || !execution.state.openChildren(in: 0).isEmpty
                || execution.state.steps.eventIDs.contains { execution.state.steps[$0]?.scheduled.undo != nil })
        guard mayNeedUndo else {
            return closeNow(execution, closing(execution, cause, error, reason, command))
        }
        emit(
            execution,
            .compensationStarted(
                CompensationStarted(
                    cause: cause, error: error, scope: 0, commandNumber: command, reason: reason, identity: identity,
                    requestID: requestID)))
        stopSteps(execution, in: 0)
        stopLocalSteps(execution)
        stopChildren(execution, in: 0)
        advanceUnwinding(execution)
    }

    /// Siblings in flight: those that no worker has are ended, the others are asked to stop and waited for.
    func stopSteps(_ execution: Execution, in scope: UInt32) {
        for eventID in execution.state.openSteps(in: scope) where !execution.state.movesWithReset(eventID) {
            guard let step = execution.state.steps[eventID] else { continue }
            switch execution.tasks[eventID]?.phase {
            case .out?, .maybeOut?, .later?:
                guard !step.isCancelRequested else { break }
                emit(
                    execution,
                    .activityTaskCancelRequested(
                        ActivityTaskCancelRequested(commandNumber: nil, scheduledEventID: eventID)))
            default: break
            }
            stopStep(execution, eventID)
        }
    }

    /// Takes the next step of the unwinding: waits for the steps in flight, then undoes one by one, last first, then closes.
    func advanceUnwinding(_ execution: Execution) {
        guard let unwinding = execution.state.unwinding else { return advanceReopened(execution) }
        // The tables are empty mostly; a question about a scope is a call, and would copy the whole state.
        guard case .compensating = execution.state.status,
            execution.state.steps.isEmpty || planted(.siblingsNotAwaited)
                || execution.state.openSteps(in: unwinding.scope).allSatisfy({ execution.state.movesWithReset($0) }),
            execution.state.children.isEmpty
                || execution.state.openChildren(in: unwinding.scope).allSatisfy({ execution.state.movesWithReset($0) })
        else { return }
        let next = execution.state.undoLog.next(in: unwinding.scope)
        if next.isEmpty { return finishUnwinding(execution, unwinding) }
        for entry in next where entry.status == .open && execution.state.undoLog.mayBegin(entry) {
            if entry.outcome == .unknown && !entry.undo.probeActivityType.isEmpty
                && !execution.probed.contains(entry.stepEventID)
            {
                startProbe(execution, entry)
            } else if execution.undoTasks[entry.stepEventID] == nil {
                startUndo(execution, entry)
            }
        }
        // Blocked before this unwinding began, or beside another that a person has decided about: it still needs one.
        if let blocked = next.last(where: { $0.status == .blocked }), execution.state.block == nil {
            let error = blocked.lastError ?? SagaError(kind: .compensation, message: "the undo failed")
            block(execution, error, "the undo of step \(blocked.stepID) failed before (\(error.message))")
        }
    }

    /// Undos that a late report put back when their unwinding was over: a scope that the code had unwound, while the run
    /// goes on. The effect is certain now and nobody else will take it back, so they run at once, one by one, last first.
    private func advanceReopened(_ execution: Execution) {
        if execution.state.status == .running, let blocked = execution.state.undoLog.blockedReopened {
            // It failed while the run was blocked by something else.
            let error = blocked.lastError ?? SagaError(kind: .compensation, message: "the undo failed")
            return block(execution, error, "the undo of step \(blocked.stepID) failed before (\(error.message))")
        }
        guard execution.state.status == .running, let entry = execution.state.undoLog.nextReopened,
            execution.state.undoLog.mayBegin(entry), execution.undoTasks[entry.stepEventID] == nil
        else { return }
        startUndo(execution, entry)
    }

    /// The unwinding waits for a person.
    private func block(_ execution: Execution, _ error: SagaError, _ what: String) {
        guard execution.state.block == nil else { return }
        let message =
            "\(what); earlier undos wait: retry it, skip it, resolve it by hand, or give up"
        log(.error, "run \(execution.sagaID) of \(execution.state.workflowID) is blocked: \(message)", execution)
        emit(
            execution,
            .workflowExecutionBlocked(
                WorkflowExecutionBlocked(cause: .undoFailed, message: message, error: error)))
        callAPerson(execution)
    }

    private func startUndo(_ execution: Execution, _ entry: UndoEntry) {
        emit(
            execution,
            .compensationStepStarted(
                CompensationStepStarted(
                    stepEventID: entry.stepEventID, activityType: entry.undo.activityType, taskQueue: entry.taskQueue,
                    outcome: entry.outcome, idempotencyKey: entry.idempotencyKey)), queue: entry.taskQueue)
        execution.undoTasks[entry.stepEventID] = LiveTask(phase: .waitingForCommit)
        holdUndo(entry.stepEventID, execution)
    }

    private func finishUnwinding(_ execution: Execution, _ unwinding: Unwinding) {
        // The new run begins in the same append.
        if execution.state.resetTo != nil { return loadForReset(execution) }
        let summary = execution.state.compensationSummary(of: unwinding.scope)
        emit(
            execution,
            .compensationCompleted(CompensationCompleted(summary: summary, scope: unwinding.scope)))
        if unwinding.cause == .requested {
            // Another scope may wait for its turn.
            advanceUnwinding(execution)
            return activate(execution)
        }
        closeNow(
            execution, closing(execution, unwinding.cause, unwinding.error, unwinding.reason, unwinding.commandNumber))
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
    /// - Parameter children: Open children that the end concerns; nil for all.
    func closeNow(_ execution: Execution, _ attributes: EventAttributes, children: [EventID]? = nil) {
        for eventID in execution.tasks.eventIDs { sendCancel(execution, eventID) }
        let calls = callsForOpenChildren(execution, children)
        emit(execution, attributes)
        for (child, call) in calls { hold(.endChild(child, call), execution) }
        abortUpdates(execution)
        execution.tasks = EventTable()
        execution.undoTasks = EventTable()
        execution.needsActivation = false
        execution.holdUntil = nil
    }

    /// Ends a run that has unwound for a reset that cannot be.
    func closeUnwound(_ execution: Execution) {
        guard let unwinding = execution.state.unwinding else { return }
        closeNow(
            execution,
            closing(execution, unwinding.cause, unwinding.error, unwinding.reason, unwinding.commandNumber))
    }

    // MARK: Undos

    /// Lets the undo's attempt out once what started it is durable.
    func holdUndo(_ eventID: EventID, _ execution: Execution) {
        guard let entry = execution.state.undoLog.entry(eventID) else { return }
        hold(.queueUndo(eventID, attempt: entry.attempt), execution)
    }

    func queueUndo(_ execution: Execution, _ eventID: EventID, _ attempt: UInt32) {
        guard let entry = execution.state.undoLog.entry(eventID), entry.attempt == attempt,
            let task = execution.undoTasks[eventID],
            task.phase == .waitingForCommit || task.phase == .waitingForRetry || task.phase == .maybeOut
        else { return }
        let queuedAt = now(execution)
        _ = execution.undoTasks.update(eventID) { task in
            task.phase = .queued
            task.queuedAt = queuedAt
            task.attempt = entry.attempt
        }
        if let child = entry.child { return undoChild(child, entry, execution) }
        let reference = TaskReference(sagaID: execution.sagaID, eventID: eventID, attempt: entry.attempt, isUndo: true)
        dispatchUndo(execution, entry, reference)
    }

    func dispatchUndo(_ execution: Execution, _ entry: UndoEntry, _ reference: TaskReference) {
        let type = reference.isProbe ? entry.undo.probeActivityType : entry.undo.activityType
        let lane = TaskDispatcher.Lane(namespace: execution.state.namespace, queue: entry.taskQueue, type: type)
        // Undos go before forward steps: they give things back.
        dispatcher.enqueue(reference, in: lane, priority: .max)
        dispatch(lane)
    }

    func handOutUndo(
        _ execution: Execution, _ reference: TaskReference, _ worker: WorkerID, _ lane: TaskDispatcher.Lane
    ) {
        guard let entry = execution.state.undoLog.entry(reference.eventID),
            reference.isProbe || entry.attempt == reference.attempt,
            let live = execution.undoTasks[reference.eventID], live.phase == .queued, live.attempt == reference.attempt
        else { return }
        var data = entry.data
        // What the undo receives may hang on data that is still in the store: then whoever brings it fills the template.
        let isBoundLater = entry.output?.isApart ?? false && data == nil && !reference.isProbe && execution.isDeclared
        if data == nil, !isBoundLater, !reference.isProbe, execution.isDeclared {
            do throws(SagaError) { data = try UndoBinding.input(of: entry) } catch {
                return undoFailed(execution, entry, error)
            }
        }
        let closeBy = time.monotonic.addingSaturating(entry.undo.timeouts.effectiveStartToClose)
        let handedOutAt = now(execution)
        _ = execution.undoTasks.update(reference.eventID) { task in
            task.phase = .out(worker)
            task.handedOutAt = handedOutAt
            task.closeBy = closeBy
        }
        dispatcher.update(worker) { $0.take(reference, from: lane.queue) }
        armUndoAttempt(execution, reference, closeBy: closeBy)
        let task = ActivityTask(
            reference: reference, namespace: execution.state.namespace, workflowID: execution.state.workflowID,
            workflowType: execution.state.workflowType, stepID: entry.stepID, activityType: lane.type,
            taskQueue: lane.queue,
            input: execution.isDeclared && !isBoundLater ? UndoBinding.stripped(entry.input) : entry.input,
            idempotencyKey: reference.isProbe ? entry.stepKey + "/probe" : entry.idempotencyKey,
            timeouts: entry.undo.timeouts,
            undo: UndoTaskInput(output: entry.output, data: data, outcome: entry.outcome, stepKey: entry.stepKey),
            traceID: execution.traceID)
        // A probe asks about the step; what was prepared for the undo is not for it.
        effects.append(.worker(worker, .activityTask(task)))
    }

    func undoEnded(
        _ reporter: Reporter, _ reference: TaskReference, _ result: ActivityResult, _ execution: Execution
    ) {
        guard let entry = execution.state.undoLog.entry(reference.eventID),
            !entry.status.isSettled || planted(.duplicateUndoReportAccepted), entry.status != .blocked,
            entry.status != .open || reference.isProbe,
            reference.isProbe
                || (entry.firstAttempt...max(entry.firstAttempt, entry.attempt)).contains(reference.attempt)
        else { return hold(.acknowledge(reporter, reference, result, .alreadyRecorded), execution) }
        if reference.isProbe {
            // A late answer must not stand in for the attempt that runs by now.
            guard entry.status == .open, execution.undoTasks[reference.eventID]?.attempt == reference.attempt else {
                return hold(.acknowledge(reporter, reference, result, .alreadyRecorded), execution)
            }
            probeEnded(reference.eventID, result, execution)
            hold(.acknowledge(reporter, reference, result, .recorded), execution)
            return advanceUnwinding(execution)
        }
        let isCurrent = reference.attempt == entry.attempt
        var verdict = ReportVerdict.recorded
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
            if isCurrent { undoFailed(execution, entry, error) } else { verdict = .alreadyRecorded }
        case .canceled(_, let details):
            let error = SagaError(kind: .cancelled, message: "the undo was cancelled by its worker", details: details)
            if isCurrent { undoFailed(execution, entry, error) } else { verdict = .alreadyRecorded }
        case .completesLater:
            let error = SagaError(
                kind: .configuration, message: "an undo cannot complete later", isNonRetryable: true)
            if isCurrent { undoFailed(execution, entry, error) } else { verdict = .alreadyRecorded }
        }
        hold(.acknowledge(reporter, reference, result, verdict), execution)
        advanceUnwinding(execution)
        undoSettled(execution)
    }

    /// The end of a run may have waited for the last undo that a late report had put back.
    func undoSettled(_ execution: Execution) {
        guard execution.isEndHeld, !execution.state.undoLog.hasReopened else { return }
        execution.isEndHeld = false
        execution.needsActivation = true
        activate(execution)
    }

    /// An attempt of an undo failed: again, or a person must help; it is never given up in silence.
    func undoFailed(_ execution: Execution, _ entry: UndoEntry, _ error: SagaError) {
        let eventID = entry.stepEventID
        let round = entry.attempt &- entry.firstAttempt &+ 1
        if entry.undo.retry.allowsRetry(after: round, error: error) {
            let wait = entry.undo.retry.interval(after: round, random: jitter())
            let due = max(now(execution), execution.state.lastTimestamp).adding(microseconds: wait)
            emit(
                execution,
                .compensationStepRetryScheduled(
                    CompensationStepRetryScheduled(
                        stepEventID: eventID, attempt: entry.attempt, error: error, dueAt: due)), isRetry: true)
            _ = execution.undoTasks.update(eventID) { $0.phase = .waitingForRetry }
            return armUndoRetry(execution, eventID, attempt: entry.attempt &+ 1, due)
        }
        execution.undoTasks[eventID] = nil
        if planted(.undoErrorSwallowed) {
            let done = CompensationStepCompleted(stepEventID: eventID, attempt: entry.attempt, output: .empty)
            emit(execution, .compensationStepCompleted(done))
            return advanceUnwinding(execution)
        }
        emit(
            execution,
            .compensationStepFailed(
                CompensationStepFailed(stepEventID: eventID, attempt: entry.attempt, error: error)))
        if execution.state.continueOnUndoError || planted(.failedUndoPassedOver) { return advanceUnwinding(execution) }
        emit(execution, .compensationBlocked(CompensationBlocked(stepEventID: eventID, error: error)))
        block(execution, error, "the undo of step \(entry.stepID) failed \(round) times (\(error.message))")
    }
}
