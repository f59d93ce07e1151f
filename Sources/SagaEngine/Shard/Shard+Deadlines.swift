internal import SagaCore

/// What is due, and what becomes due after a recovery. A deadline is checked against the run when it comes up.
extension Shard {
    func runDeadlines() {
        guard isReady else { return }
        while dirty.count < config.maxDueRuns, let due = wallDeadlines.popDue(time.wall.microseconds) {
            // What goes by a virtual clock has been armed there; such runs are never parked.
            if !clocks.isEmpty, executions.live(due.sagaID)?.clock != nil { continue }
            run(due)
        }
        runVirtualDeadlines()
        while let due = monotonicDeadlines.popDue(time.monotonic) { run(due) }
    }

    func run(_ due: Deadline) {
        if due.kind == .storeRetry { return repeatCommit(due.generation) }
        if due.kind == .lateReport { return lateReadPaused() }
        if due.kind == .orphan { return lookForParent(of: due.sagaID) }
        if due.kind == .query { return queryTimedOut(due.generation) }
        if due.kind == .queueLimit {
            isQueueLookArmed = false
            return dispatchLimited()
        }
        if planted(.parkedRunNeverWoken), executions.live(due.sagaID) == nil { return }
        guard let execution = run(of: due), !execution.state.isClosed else { return }
        stir(execution)
        switch due.kind {
        case .timer:
            guard let timer = execution.state.timers[due.eventID],
                timer.dueAt <= now(execution) || planted(.timerEarly)
            else { return }
            emit(execution, .timerFired(TimerFired(createdEventID: due.eventID)))
            activate(execution)
        case .stepRetry:
            guard let step = execution.state.steps[due.eventID], UInt64(step.attempt) == due.generation,
                execution.tasks[due.eventID]?.phase == .waitingForRetry
            else { return }
            hold(.queueStep(due.eventID, attempt: step.attempt), execution)
        case .undoRetry:
            guard let entry = execution.state.undoLog.entry(due.eventID), UInt64(entry.attempt) == due.generation,
                execution.undoTasks[due.eventID]?.phase == .waitingForRetry
            else { return }
            hold(.queueUndo(due.eventID, attempt: entry.attempt), execution)
        case .executionTimeout:
            beginUnwinding(execution, .timedOut, error: nil, reason: "", command: nil)
        case .cancelGrace:
            // A paused run's code does not see the cancel.
            guard execution.state.codeMayAct || execution.state.status == .paused else { return }
            let reason = execution.state.cancelRequest?.reason ?? ""
            beginUnwinding(execution, .canceled, error: nil, reason: reason, command: nil)
        case .scheduleToStart:
            switch execution.tasks[due.eventID]?.phase {
            case .out?, .maybeOut?, .later?, nil: return
            default: attemptTimedOut(execution, due.eventID, .scheduleToStart)
            }
        case .scheduleToClose: attemptTimedOut(execution, due.eventID, .scheduleToClose)
        case .startToClose, .heartbeat: attemptDue(execution, due)
        case .undoStartToClose:
            guard let task = execution.undoTasks[due.eventID], case .out = task.phase,
                UInt64(task.attempt) == due.generation, task.closeBy <= time.monotonic,
                let entry = execution.state.undoLog.entry(due.eventID)
            else { return }
            let error = SagaError(kind: .timeout, message: "the undo did not report within its start-to-close time-out")
            if task.attempt == TaskReference.probeAttempt {
                probeEnded(due.eventID, .failed(error, outcome: .unknown), execution)
            } else {
                undoFailed(execution, entry, error)
            }
            advanceUnwinding(execution)
            undoSettled(execution)
        case .workflowTask:
            guard execution.activation?.generation == due.generation else { return }
            log(.warning, "a worker did not advance run \(execution.sagaID) in time; another one gets it", execution)
            dropCode(execution)
            execution.holdUntil = nil
            execution.needsActivation = true
            activate(execution)
        case .codeRetry:
            execution.isCodeRetryArmed = false
            if execution.state.resetTo != nil { return advanceUnwinding(execution) }
            activate(execution)
        case .reclaim: reclaim(execution, due.eventID, isUndo: false)
        case .undoReclaim: reclaim(execution, due.eventID, isUndo: true)
        case .redeliver: deliver(execution, due.eventID)
        case .watch:
            if let sagaID = execution.state.children[due.eventID]?.sagaID {
                watchChild(at: due.eventID, sagaID, execution)
            }
        case .storeRetry, .lateReport, .query, .queueLimit, .orphan: break
        }
    }

    /// The run that a deadline is about. What is about tasks and about code that is out cannot concern a parked one.
    private func run(of due: Deadline) -> Execution? {
        due.kind.concernsParked ? executions[due.sagaID] : executions.live(due.sagaID)
    }

    private func attemptDue(_ execution: Execution, _ due: Deadline) {
        guard let task = execution.tasks[due.eventID], task.isOut, UInt64(task.attempt) == due.generation
        else { return }
        if task.closeBy <= time.monotonic {
            attemptTimedOut(execution, due.eventID, .startToClose)
        } else if task.heartbeatBy <= time.monotonic {
            attemptTimedOut(execution, due.eventID, .heartbeat)
        } else if due.kind == .heartbeat && task.heartbeatBy != .max {
            // A sign of life came meanwhile; look again when the next one is due.
            monotonicDeadlines.push(
                Deadline(
                    at: task.heartbeatBy, kind: .heartbeat, sagaID: execution.sagaID, eventID: due.eventID,
                    generation: due.generation))
        }
    }

    // MARK: Arming

    /// Something is due by the clock of the run.
    func arm(_ deadline: Deadline, _ execution: Execution) {
        if let clock = execution.clock { clock.arm(deadline, execution) } else { wallDeadlines.push(deadline) }
    }

    func armRun(_ execution: Execution) {
        guard execution.state.executionTimeoutMicros > 0 else { return }
        let due = execution.state.startedAt.adding(microseconds: execution.state.executionTimeoutMicros)
        arm(Deadline(at: due.microseconds, kind: .executionTimeout, sagaID: execution.sagaID), execution)
    }

    func armTimer(_ execution: Execution, _ eventID: EventID, _ due: Timestamp) {
        arm(
            Deadline(
                at: due.microseconds.subtractingSaturating(planted(.timerEarly) ? 1_000 : 0), kind: .timer,
                sagaID: execution.sagaID, eventID: eventID), execution)
    }

    func armStep(_ execution: Execution, _ eventID: EventID, _ timeouts: ActivityTimeouts, at: Timestamp) {
        func arm(_ micros: Int64, _ kind: Deadline.Kind) {
            guard micros > 0 else { return }
            let due = at.adding(microseconds: micros).microseconds
            self.arm(Deadline(at: due, kind: kind, sagaID: execution.sagaID, eventID: eventID), execution)
        }
        arm(timeouts.scheduleToStartMicros, .scheduleToStart)
        arm(timeouts.scheduleToCloseMicros, .scheduleToClose)
    }

    func armStepRetry(_ execution: Execution, _ eventID: EventID, attempt: UInt32, _ due: Timestamp) {
        arm(
            Deadline(
                at: due.microseconds, kind: .stepRetry, sagaID: execution.sagaID, eventID: eventID,
                generation: UInt64(attempt)), execution)
    }

    func armUndoRetry(_ execution: Execution, _ eventID: EventID, attempt: UInt32, _ due: Timestamp) {
        arm(
            Deadline(
                at: due.microseconds, kind: .undoRetry, sagaID: execution.sagaID, eventID: eventID,
                generation: UInt64(attempt)), execution)
    }

    func armAttempt(_ execution: Execution, _ reference: TaskReference, closeBy: Int64, heartbeatBy: Int64) {
        let heartbeatBy = planted(.heartbeatTimeoutNeverFires) ? .max : heartbeatBy
        func arm(_ at: Int64, _ kind: Deadline.Kind) {
            guard at != .max else { return }
            monotonicDeadlines.push(
                Deadline(
                    at: at, kind: kind, sagaID: execution.sagaID, eventID: reference.eventID,
                    generation: UInt64(reference.attempt)))
        }
        arm(closeBy, .startToClose)
        arm(heartbeatBy, .heartbeat)
    }

    func armUndoAttempt(_ execution: Execution, _ reference: TaskReference, closeBy: Int64) {
        monotonicDeadlines.push(
            Deadline(
                at: closeBy, kind: .undoStartToClose, sagaID: execution.sagaID, eventID: reference.eventID,
                generation: UInt64(reference.attempt)))
    }

    /// Of a recovered run: what is due at a time and concerns neither steps nor undos.
    func armDeadlines(_ execution: Execution) {
        armRun(execution)
        if let request = execution.state.cancelRequest,
            execution.state.codeMayAct || execution.state.status == .paused
        {
            arm(
                Deadline(
                    at: request.at.adding(microseconds: execution.state.cancelGraceMicros).microseconds,
                    kind: .cancelGrace, sagaID: execution.sagaID), execution)
        }
        for eventID in execution.state.timers.eventIDs where !planted(.timerLostOnRestart) {
            if let timer = execution.state.timers[eventID] { armTimer(execution, eventID, timer.dueAt) }
        }
    }

    /// Whether a run that is being recovered has nothing to do before its code gets something: `armDeadlines` is all of `rearm`
    /// then, and the run can be parked at once. Most are so, and each look at a parked run makes it whole.
    func onlyWaits(_ execution: Execution) -> Bool {
        // In place: the state as a value is large to copy.
        execution.state.status == .running && execution.state.unwinding == nil && execution.state.resetTo == nil
            && execution.state.parent == nil && !execution.isDeclared && execution.state.steps.isEmpty
            && execution.state.externalSignals.isEmpty && execution.state.children.isEmpty
            && execution.state.undoLog.onlyStands
            && execution.state.undoLog.nextReopened == nil && execution.state.undoLog.blockedReopened == nil
            && !planted(.undoRunTwiceAfterRestart)
    }

    /// Everything that a recovered run waits for, from its state.
    func rearm(_ execution: Execution) {
        armDeadlines(execution)
        let state = execution.state
        let reclaimAt = time.monotonic.addingSaturating(config.reclaimGraceMicros)
        for eventID in state.steps.eventIDs {
            guard let step = state.steps[eventID] else { continue }
            armStep(execution, eventID, step.timeouts, at: step.scheduledAt)
            if let due = step.retryDueAt, step.startedAttempt < step.attempt, due > now(execution),
                !step.isCancelRequested
            {
                // Not due yet; but the wall clock may have been set back since, so the attempt may have run all the same.
                execution.tasks[eventID] = LiveTask(phase: .waitingForRetry, attempt: step.attempt, mayHaveRun: true)
                if !planted(.retryLostOnRestart) { armStepRetry(execution, eventID, attempt: step.attempt, due) }
            } else if step.laterAttempt == step.attempt {
                rearmLater(execution, eventID, step)
            } else {
                execution.tasks[eventID] = LiveTask(phase: .maybeOut, attempt: step.attempt, mayHaveRun: true)
                monotonicDeadlines.push(
                    Deadline(at: reclaimAt, kind: .reclaim, sagaID: execution.sagaID, eventID: eventID))
            }
        }
        for entry in state.undoLog.begun {
            switch entry.status {
            case .running:
                execution.undoTasks[entry.stepEventID] = LiveTask(phase: .maybeOut, attempt: entry.attempt)
                monotonicDeadlines.push(
                    Deadline(at: reclaimAt, kind: .undoReclaim, sagaID: execution.sagaID, eventID: entry.stepEventID))
            case .waiting(let due):
                execution.undoTasks[entry.stepEventID] = LiveTask(phase: .waitingForRetry, attempt: entry.attempt)
                armUndoRetry(execution, entry.stepEventID, attempt: entry.attempt, due)
            default: break
            }
        }
        deliverAll(execution)
        if planted(.undoRunTwiceAfterRestart), let done = state.undoLog.entries.last(where: \.status.isUndone) {
            execution.undoTasks[done.stepEventID] = LiveTask(phase: .maybeOut, attempt: done.attempt)
            queueUndo(execution, done.stepEventID, done.attempt)
        }
        advanceUnwinding(execution)
    }
}
