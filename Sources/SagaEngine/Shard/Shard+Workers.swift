internal import SagaCore

/// Workers that come and go.
extension Shard {
    func workerOpened(_ id: WorkerID, _ offer: WorkerOffer) {
        dispatcher.open(id, offer)
        for reference in offer.running {
            // Before recovery has ended the run is not here yet; `reclaimFromWorkers` comes back to it.
            dispatcher.update(id) { $0.inFlight[reference] = offer.queues.first?.name ?? "" }
            if isReady { claim(reference, id, offer.identity) }
        }
        let waiting = waitingForWorker
        waitingForWorker = []
        toRevive += waiting
        revive()
        offerTasks(to: id)
    }

    func workerSlots(_ id: WorkerID, _ queue: String, _ add: Int32) {
        dispatcher.update(id) { $0.addSlots(add, to: queue) }
        if add > 0 { offerTasks(to: id) }
    }

    /// The stream is gone: its code must be run elsewhere; its tasks come back when their time-outs pass, because they may
    /// well still run (wire, "Workers").
    func workerClosed(_ id: WorkerID) {
        guard dispatcher.close(id) != nil else { return }
        askOthers(insteadOf: id)
        dispatchLimited()
        let waiting = dispatcher.takeWaiting(for: id)
        for sagaID in waiting {
            // Live again if it was parked, so that the loop below finds it.
            executions[sagaID]?.isWaitingForWorker = false
        }
        // A parked run has given its code all there was, and the code has answered: it goes to another worker when something
        // comes.
        for sagaID in executions.liveIDs {
            guard let execution = executions.live(sagaID),
                execution.codeHolder == id || execution.historyLoad?.worker == id
            else { continue }
            execution.forgetCode()
            execution.activation = nil
            execution.holdUntil = nil
            execution.historyLoad = nil
            execution.needsActivation = execution.state.codeMayAct
            stir(execution)
            activate(execution)
        }
        // One may have waited for a worker that holds its code no more (it drained, or the run was paused): it waits elsewhere now.
        for sagaID in waiting {
            guard let execution = executions[sagaID] else { continue }
            stir(execution)
            activate(execution)
        }
    }

    /// A task still runs from an earlier stream: it is that worker's, and nobody else gets it.
    private func claim(_ reference: TaskReference, _ worker: WorkerID, _ identity: String) {
        guard let execution = executions[reference.sagaID], !execution.state.isClosed else { return }
        let now = time.monotonic
        if reference.isUndo {
            guard let entry = execution.state.undoLog.entry(reference.eventID), !entry.status.isSettled,
                entry.attempt == reference.attempt, let task = execution.undoTasks[reference.eventID],
                task.phase != .waitingForRetry, task.phase != .waitingForCommit
            else { return }
            let closeBy = now.addingSaturating(entry.undo.timeouts.effectiveStartToClose)
            _ = execution.undoTasks.update(reference.eventID) { task in
                task.phase = .out(worker)
                task.closeBy = closeBy
            }
            armUndoAttempt(execution, reference, closeBy: closeBy)
            dispatcher.update(worker) { $0.inFlight[reference] = entry.taskQueue }
        } else {
            guard let step = execution.state.steps[reference.eventID], step.attempt == reference.attempt,
                let task = execution.tasks[reference.eventID], task.phase != .waitingForRetry,
                task.phase != .waitingForCommit, task.phase != .later
            else { return }
            let timeouts = step.timeouts
            let closeBy =
                timeouts.startToCloseMicros > 0 ? now.addingSaturating(timeouts.startToCloseMicros) : Int64.max
            let heartbeatBy = timeouts.heartbeatMicros > 0 ? now.addingSaturating(timeouts.heartbeatMicros) : Int64.max
            let handedOutAt = self.now(execution)
            _ = execution.tasks.update(reference.eventID) { task in
                task.phase = .out(worker)
                task.closeBy = closeBy
                task.heartbeatBy = heartbeatBy
                if step.startedAttempt < step.attempt { task.unrecordedStart = identity }
                task.handedOutAt = handedOutAt
            }
            execution.unrecordedStarts.append(reference.eventID)
            armAttempt(execution, reference, closeBy: closeBy, heartbeatBy: heartbeatBy)
            dispatcher.update(worker) { $0.inFlight[reference] = step.taskQueue }
            if step.isCancelRequested { sendCancel(execution, reference.eventID) }
        }
    }

    /// After a recovery the workers that are still here keep what they run.
    func reclaimFromWorkers() {
        for id in dispatcher.workers.keys.sorted() {
            guard let worker = dispatcher.workers[id] else { continue }
            for reference in worker.inFlight.keys.sorted() { claim(reference, id, worker.identity) }
        }
    }

    /// No worker claimed a task that may have been out before the restart.
    func reclaim(_ execution: Execution, _ eventID: EventID, isUndo: Bool) {
        if isUndo {
            guard execution.undoTasks[eventID]?.phase == .maybeOut,
                let entry = execution.state.undoLog.entry(eventID)
            else { return }
            return hold(.queueUndo(eventID, attempt: entry.attempt), execution)
        }
        guard let step = execution.state.steps[eventID], execution.tasks[eventID]?.phase == .maybeOut else { return }
        guard !step.isCancelRequested else {
            // It is not handed out again while the run or its scope ends, and nothing is known of it.
            emit(
                execution,
                .activityTaskCanceled(ActivityTaskCanceled(scheduledEventID: eventID, outcome: .unknown)))
            execution.tasks[eventID] = nil
            if execution.state.unwinding != nil { advanceUnwinding(execution) }
            return activate(execution)
        }
        _ = execution.tasks.update(eventID) { $0.mayHaveRun = true }
        // What let it go on, a resume say, may not be durable yet.
        hold(.queueStep(eventID, attempt: step.attempt), execution)
    }
}

extension ActivityTimeouts {
    /// The start-to-close time-out of an undo, which is never without one.
    var effectiveStartToClose: Int64 { startToCloseMicros > 0 ? startToCloseMicros : 300_000_000 }
}
