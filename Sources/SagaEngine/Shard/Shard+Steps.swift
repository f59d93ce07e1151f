internal import SagaCore

/// Forward steps: scheduled, handed out, reported, repeated (semantics, section 5).
extension Shard {
    func schedule(_ number: CommandNumber, _ step: ScheduleActivity, _ execution: Execution) {
        let queue = step.taskQueue.isEmpty ? execution.state.taskQueue : step.taskQueue
        var timeouts = step.timeouts
        // Every step ends: an unwinding waits for it at most so long.
        if timeouts.startToCloseMicros <= 0 { timeouts.startToCloseMicros = config.activityTimeoutMicros }
        let eventID = execution.nextEventIDAfterStarts
        let scheduled = ActivityTaskScheduled(
            commandNumber: number, stepID: step.stepID, activityType: step.activityType, taskQueue: queue,
            input: step.input, retry: step.retry, timeouts: timeouts, undo: step.undo,
            idempotencyKey: "\(execution.sagaID)/\(eventID)", priority: step.priority, pivot: step.pivot,
            scope: step.scope, undoGroup: step.undoGroup)
        let emitted = emit(execution, .activityTaskScheduled(scheduled), queue: queue)
        execution.tasks[emitted] = LiveTask(phase: .waitingForCommit)
        armStep(execution, emitted, timeouts, at: execution.state.lastTimestamp)
        hold(.queueStep(emitted, attempt: 1), execution)
    }

    /// The cause is durable: any worker may have it now.
    func queueStep(_ execution: Execution, _ eventID: EventID, _ attempt: UInt32) {
        if let resumed = execution.resumedAt, resumed >= execution.durableNext {
            // Should the resume be lost, the run is paused.
            return hold(.queueStep(eventID, attempt: attempt), execution)
        }
        guard let step = execution.state.steps[eventID], step.attempt == attempt, !step.isCancelRequested,
            execution.state.status != .paused || planted(.pauseIgnored), execution.state.resetTo == nil,
            let task = execution.tasks[eventID],
            task.phase == .waitingForCommit || task.phase == .waitingForRetry || task.phase == .maybeOut
        else { return }
        let queuedAt = now(execution)
        _ = execution.tasks.update(eventID) { task in
            task.phase = .queued
            task.queuedAt = queuedAt
            task.attempt = step.attempt
        }
        let reference = TaskReference(
            sagaID: execution.sagaID, eventID: eventID, attempt: step.attempt, isUndo: false)
        let lane = TaskDispatcher.Lane(
            namespace: execution.state.namespace, queue: step.taskQueue, type: step.activityType)
        if limiter.isEmpty, let worker = dispatcher.workerIfNothingWaits(lane) {
            return handOutStep(execution, reference, worker, lane)
        }
        dispatcher.enqueue(reference, in: lane, priority: step.priority)
        dispatch(lane)
    }

    /// Hands out the tasks of a lane while there are free slots.
    func dispatch(_ lane: TaskDispatcher.Lane) { while handOutNext(lane) {} }

    /// The same for several lanes, whose tasks may share the slots of a worker or the rate of a queue: by priority and in the
    /// order in which they came, whatever their types.
    func dispatch(_ lanes: [TaskDispatcher.Lane]) {
        if lanes.count == 1 { return dispatch(lanes[0]) }
        var lanes = lanes
        while let place = dispatcher.next(of: lanes) {
            // No slot or no rate is left for it; others may go to other workers.
            if !handOutNext(lanes[place]) { lanes.remove(at: place) }
        }
    }

    /// - Returns: Whether there was a task, and a place for it.
    private func handOutNext(_ lane: TaskDispatcher.Lane) -> Bool {
        guard mayHandOut(lane), let (reference, worker) = dispatcher.match(lane) else { return false }
        limiter.take(lane, now: time.monotonic)
        guard let execution = executions[reference.sagaID] else { return true }
        if reference.isUndo {
            handOutUndo(execution, reference, worker, lane)
        } else {
            handOutStep(execution, reference, worker, lane)
        }
        return true
    }

    private func handOutStep(
        _ execution: Execution, _ reference: TaskReference, _ worker: WorkerID, _ lane: TaskDispatcher.Lane
    ) {
        // A paused run keeps its task for its resume.
        guard let step = execution.state.steps[reference.eventID], step.attempt == reference.attempt,
            execution.state.status != .paused || planted(.pauseIgnored), execution.state.resetTo == nil,
            let live = execution.tasks[reference.eventID], live.phase == .queued
        else { return }
        let timeouts = step.timeouts
        let closeBy =
            timeouts.startToCloseMicros > 0
            ? time.monotonic.addingSaturating(timeouts.startToCloseMicros) : Int64.max
        let heartbeatBy =
            timeouts.heartbeatMicros > 0
            ? time.monotonic.addingSaturating(timeouts.heartbeatMicros) : Int64.max
        let identity = dispatcher.workers[worker]?.identity ?? ""
        let handedOutAt = now(execution)
        _ = execution.tasks.update(reference.eventID) { task in
            task.phase = .out(worker)
            task.handedOutAt = handedOutAt
            task.unrecordedStart = identity
            task.closeBy = closeBy
            task.heartbeatBy = heartbeatBy
            task.lastHeartbeatAt = nil
            task.isCancelSent = false
        }
        execution.unrecordedStarts.append(reference.eventID)
        dispatcher.update(worker) { $0.take(reference, from: lane.queue) }
        armAttempt(execution, reference, closeBy: closeBy, heartbeatBy: heartbeatBy)
        // Field by field: the state as a value is large to copy.
        let task = ActivityTask(
            reference: reference, namespace: execution.state.namespace, workflowID: execution.state.workflowID,
            workflowType: execution.state.workflowType, stepID: step.stepID,
            activityType: step.activityType, taskQueue: lane.queue,
            input: execution.isDeclared ? UndoBinding.stripped(step.input) : step.input,
            idempotencyKey: planted(.idempotencyKeyUnstable)
                ? "\(step.idempotencyKey)/\(step.attempt)" : step.idempotencyKey,
            timeouts: timeouts, heartbeatDetails: planted(.heartbeatDetailsLost) ? nil : live.heartbeatDetails,
            scheduledAt: step.scheduledAt, traceID: execution.traceID)
        effects.append(.worker(worker, .activityTask(task)))
    }

    // MARK: Reports

    func activityEnded(_ reporter: Reporter, _ reference: TaskReference, _ result: ActivityResult) {
        // While the state is read anew the run may be unknown only for now.
        guard isReady else { return waitingReports.append((reporter, reference, result)) }
        guard let execution = executions[reference.sagaID] else {
            return reportAfterEnd(LateReport(reporter: reporter, reference: reference, result: result))
        }
        if execution.state.isClosed {
            // The end is not durable yet; until it is, the report may still be needed.
            return execution.reportsAfterClose.append(
                LateReport(reporter: reporter, reference: reference, result: result))
        }
        if reference.isUndo {
            undoEnded(reporter, reference, result, execution)
        } else {
            stepEnded(reporter, reference, result, execution)
        }
    }

    private func stepEnded(
        _ reporter: Reporter, _ reference: TaskReference, _ result: ActivityResult, _ execution: Execution
    ) {
        let oldest = planted(.resultMatchedByCount) ? execution.state.steps.eventIDs.first : nil
        let eventID = oldest ?? reference.eventID
        guard let step = execution.state.steps[eventID], reference.attempt <= step.attempt else {
            if case .caller(let id) = reporter, isAhead(reference, of: execution) {
                return failAsBehind(id, execution)
            }
            // Recorded before: answered so, and nothing changes (semantics, section 2, promise 3) …
            var verdict = ReportVerdict.alreadyRecorded
            if case .completed(let output, let data) = result {
                verdict = reportedLate(execution, reference, output, data)
            }
            return hold(.acknowledge(reporter, reference, result, verdict), execution)
        }
        let isCurrent = reference.attempt == step.attempt
        var verdict = ReportVerdict.recorded
        switch result {
        case .completed(let output, let undoData):
            // A success of any attempt closes the step.
            emit(
                execution,
                .activityTaskCompleted(
                    ActivityTaskCompleted(
                        scheduledEventID: eventID, attempt: reference.attempt, output: output, undoData: undoData)),
                queue: step.taskQueue)
            execution.tasks[eventID] = nil
        case .failed(let error, let outcome):
            // A failure counts only for the current attempt.
            if isCurrent || planted(.failureOfOldAttemptCounts) {
                attemptFailed(execution, eventID, step, error, outcome)
            } else {
                verdict = .alreadyRecorded
            }
        case .canceled(let outcome, let details):
            if isCurrent {
                emit(
                    execution,
                    .activityTaskCanceled(
                        ActivityTaskCanceled(
                            scheduledEventID: eventID, outcome: knownOutcome(execution, eventID, step, outcome),
                            details: details)))
                execution.tasks[eventID] = nil
            } else {
                verdict = .alreadyRecorded
            }
        case .completesLater:
            if !isCurrent || !goesOnOutside(execution, eventID, step) { verdict = .alreadyRecorded }
            // Nothing is closed: neither the code nor an unwinding has anything to do.
            return hold(.acknowledge(reporter, reference, result, verdict), execution)
        }
        hold(.acknowledge(reporter, reference, result, verdict), execution)
        stepChanged(execution)
    }

    /// … unless the step was closed as unknown: now it is certain that it happened, and if its undo has begun already it
    /// must run once more (semantics, section 4, "Undo input").
    private func reportedLate(
        _ execution: Execution, _ reference: TaskReference, _ output: Payload, _ data: Payload?
    ) -> ReportVerdict {
        let eventID = reference.eventID
        guard let entry = execution.state.undoLog.entry(eventID),
            entry.outcome != .completed || planted(.lateCompletionOverwrites)
        else { return .alreadyRecorded }
        let isLate = entry.status != .open && execution.state.undoLog.isOwed(entry)
        if isLate { execution.lateEffects.append(lateEffect(reference, entry, output, data, execution)) }
        execution.undoTasks[eventID] = nil
        emit(
            execution,
            .compensationStepProbed(
                CompensationStepProbed(stepEventID: eventID, happened: true, output: output, undoData: data)))
        advanceUnwinding(execution)
        return isLate ? .lateEffect : .recorded
    }

    /// The policy of a step: beyond the pivot there is only forward, so a step that says nothing else is repeated without
    /// limit (semantics, section 4, "Pivot").
    private func retryPolicy(of step: StepState, _ execution: Execution) -> RetryPolicy {
        var policy = step.scheduled.retry
        if execution.state.isPastPivot && policy == .standard || planted(.retryLimitIgnored) {
            policy.maximumAttempts = 0
        }
        return policy
    }

    /// What is known of a step whose last attempt ended like this, counting attempts of which nothing is known.
    private func knownOutcome(
        _ execution: Execution, _ eventID: EventID, _ step: StepState, _ last: StepOutcome
    ) -> StepOutcome {
        let mayHaveRun = execution.tasks[eventID]?.mayHaveRun ?? false
        if planted(.unknownTakenForNoEffect), last != .completed { return .noEffect }
        return mayHaveRun && last != .completed ? .unknown : step.outcome(of: last)
    }

    private func attemptFailed(
        _ execution: Execution, _ eventID: EventID, _ step: StepState, _ error: SagaError, _ outcome: StepOutcome
    ) {
        let outcome = knownOutcome(execution, eventID, step, outcome)
        if mayRepeat(execution, step), retryPolicy(of: step, execution).allowsRetry(after: step.attempt, error: error) {
            return repeatStep(execution, eventID, step, error, outcome)
        }
        emit(
            execution,
            .activityTaskFailed(
                ActivityTaskFailed(scheduledEventID: eventID, attempt: step.attempt, error: error, outcome: outcome)))
        execution.tasks[eventID] = nil
    }

    /// An attempt ended without a report.
    func attemptTimedOut(_ execution: Execution, _ eventID: EventID, _ kind: TimeoutKind) {
        guard let step = execution.state.steps[eventID] else { return }
        let error = SagaError(
            kind: .timeout,
            message: "attempt \(step.attempt) of step \(step.stepID) \(kind.whatDidNotHappen)")
        let neverOut: Bool
        switch execution.tasks[eventID]?.phase {
        case .out?, .maybeOut?, .later?: neverOut = false
        default: neverOut = true
        }
        let outcome = knownOutcome(execution, eventID, step, neverOut ? .noEffect : .unknown)
        let isFinal = kind == .scheduleToClose || kind == .scheduleToStart
        if !isFinal, mayRepeat(execution, step),
            retryPolicy(of: step, execution).allowsRetry(after: step.attempt, error: error)
        {
            repeatStep(execution, eventID, step, error, outcome)
        } else {
            sendCancelIfOut(execution, eventID, step)
            emit(
                execution,
                .activityTaskTimedOut(
                    ActivityTaskTimedOut(
                        scheduledEventID: eventID, attempt: step.attempt, timeout: kind, outcome: outcome)))
            execution.tasks[eventID] = nil
        }
        stepChanged(execution)
    }

    private func mayRepeat(_ execution: Execution, _ step: StepState) -> Bool {
        // A paused run goes on later, and so does its step.
        !step.isCancelRequested && (execution.state.codeMayAct || execution.state.status == .paused)
    }

    private func repeatStep(
        _ execution: Execution, _ eventID: EventID, _ step: StepState, _ error: SagaError, _ outcome: StepOutcome
    ) {
        let wait = step.scheduled.retry.interval(after: step.attempt, random: jitter())
        let due = max(now(execution), execution.state.lastTimestamp).adding(microseconds: wait)
        sendCancelIfOut(execution, eventID, step)
        emit(
            execution,
            .activityTaskRetryScheduled(
                ActivityTaskRetryScheduled(
                    scheduledEventID: eventID, attempt: step.attempt, error: error, outcome: outcome, dueAt: due)),
            isRetry: true)
        _ = execution.tasks.update(eventID) { task in
            task.phase = .waitingForRetry
            task.closeBy = .max
            task.heartbeatBy = .max
            task.mayHaveRun = task.mayHaveRun || outcome == .unknown
        }
        armStepRetry(execution, eventID, attempt: step.attempt &+ 1, planted(.backoffIgnored) ? now(execution) : due)
    }

    /// Something about the steps changed: the code goes on, or the unwinding does.
    private func stepChanged(_ execution: Execution) {
        if execution.state.unwinding != nil { advanceUnwinding(execution) }
        activate(execution)
    }

    // MARK: Cancel

    func requestCancel(ofStep scheduled: CommandNumber, _ number: CommandNumber?, _ execution: Execution) {
        let eventID = execution.state.openEvent(ofCommand: scheduled) ?? 0
        emit(
            execution,
            .activityTaskCancelRequested(
                ActivityTaskCancelRequested(commandNumber: number, scheduledEventID: eventID)))
        guard eventID != 0 else { return }
        stopStep(execution, eventID)
    }

    /// Ends a step that no worker has; asks the worker of one that is out.
    func stopStep(_ execution: Execution, _ eventID: EventID) {
        guard let step = execution.state.steps[eventID] else { return }
        switch execution.tasks[eventID]?.phase {
        case .out?: hold(.cancelStep(eventID), execution)
        case .maybeOut?:
            // Nobody has claimed it, and the look whether anybody does may be over: while the run was paused, say.
            monotonicDeadlines.push(
                Deadline(
                    at: time.monotonic.addingSaturating(config.reclaimGraceMicros), kind: .reclaim,
                    sagaID: execution.sagaID, eventID: eventID))
        // Nobody can be told: whoever has the token hears of it with the next heartbeat.
        case .later?: break
        case .waitingForCommit?, .queued?, .waitingForRetry?, nil:
            emit(
                execution,
                .activityTaskCanceled(
                    ActivityTaskCanceled(
                        scheduledEventID: eventID, outcome: knownOutcome(execution, eventID, step, .noEffect))))
            execution.tasks[eventID] = nil
        }
    }

    func sendCancel(_ execution: Execution, _ eventID: EventID) {
        guard let step = execution.state.steps[eventID] else { return }
        sendCancelIfOut(execution, eventID, step)
    }

    private func sendCancelIfOut(_ execution: Execution, _ eventID: EventID, _ step: StepState) {
        guard let task = execution.tasks[eventID], case .out(let worker) = task.phase, !task.isCancelSent else {
            return
        }
        _ = execution.tasks.update(eventID) { $0.isCancelSent = true }
        let reference = TaskReference(
            sagaID: execution.sagaID, eventID: eventID, attempt: step.attempt, isUndo: false)
        effects.append(.worker(worker, .cancel(reference)))
    }

    // MARK: Workers

    func heartbeat(_ worker: WorkerID, _ reference: TaskReference, _ details: Payload?) {
        // An undo has no heartbeat time-out: its start-to-close is what bounds it.
        if reference.isUndo { return }
        guard isReady else {
            // Nobody is to stop because the state is being read anew: what was said counts when it is there.
            if dispatcher.workers[worker]?.inFlight[reference] != nil {
                waitingSigns[reference] = (worker, details ?? waitingSigns[reference]?.details)
            }
            return
        }
        guard let execution = executions[reference.sagaID],
            let step = execution.state.steps[reference.eventID], step.attempt == reference.attempt,
            let task = execution.tasks[reference.eventID], task.phase == .out(worker)
        else {
            // The attempt no longer counts: the worker had better stop.
            return effects.append(.worker(worker, .cancel(reference)))
        }
        let interval = step.timeouts.heartbeatMicros
        _ = execution.tasks.update(reference.eventID) { task in
            task.lastHeartbeatAt = time.wall
            if let details { task.heartbeatDetails = details }
            if interval > 0 { task.heartbeatBy = time.monotonic.addingSaturating(interval) }
        }
    }

    /// Tells whoever reported that the report is safe.
    func acknowledge(_ reporter: Reporter, _ reference: TaskReference, _ verdict: ReportVerdict) {
        switch reporter {
        case .worker(let worker): acknowledge(worker, reference, verdict)
        case .caller(let id): answer(id, .success(.reported(verdict)))
        }
    }

    /// Tells the worker that its report is safe, and gives the slot back.
    private func acknowledge(_ worker: WorkerID, _ reference: TaskReference, _ verdict: ReportVerdict) {
        guard dispatcher.workers[worker] != nil else { return }
        effects.append(.worker(worker, .acknowledge(reference, verdict)))
        var hadSlot = false
        dispatcher.update(worker) { hadSlot = $0.giveBack(reference) }
        if planted(.slotNeverGivenBack) { return dispatcher.update(worker) { $0.addSlots(-1, to: "default") } }
        if hadSlot {
            offerTasks(to: worker)
            dispatchLimited()
        }
    }

    func offerTasks(to worker: WorkerID) {
        guard dispatcher.isAnythingWaiting else { return }
        dispatch(dispatcher.lanes(of: worker))
    }
}

extension Execution {
    /// The id that the next emitted event will get, counting the hand-outs and the snapshot that are recorded before it.
    var nextEventIDAfterStarts: EventID {
        var next = unrecordedSnapshot == nil ? state.nextEventID : state.nextEventID + 1
        // Mostly there is none or one; a hand-out that was repeated stands there twice and is recorded once.
        for eventID in unrecordedStarts.count > 1 ? Array(Set(unrecordedStarts)) : unrecordedStarts
        where tasks[eventID]?.unrecordedStart != nil && state.steps[eventID] != nil {
            next += 1
        }
        return next
    }
}
