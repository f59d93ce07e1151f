internal import SagaCore

extension Shard {
    func describe(_ execution: Execution) -> ExecutionDescription {
        let state = execution.state
        var description = ExecutionDescription(state, closing: execution.closing)
        description.steps = state.steps.eventIDs.compactMap { eventID in
            guard let step = state.steps[eventID] else { return nil }
            var worker: String?
            if case .out(let id)? = execution.tasks[eventID]?.phase { worker = dispatcher.workers[id]?.identity }
            return StepDescription(
                eventID: eventID, step: step, worker: worker,
                lastHeartbeatAt: execution.tasks[eventID]?.lastHeartbeatAt)
        }
        description.waitingFor = waitingFor(execution)
        return description
    }

    /// What has to happen for the run to go on (semantics, section 2, promise 12).
    private func waitingFor(_ execution: Execution) -> [WaitReason] {
        let state = execution.state
        if state.isClosed { return [] }
        if let block = state.block {
            return [WaitReason(.blocked, "blocked: \(block.message)", since: block.since, eventID: block.eventID)]
        }
        if state.status == .paused { return [WaitReason(.paused, "a resume: it is paused")] }
        var reasons: [WaitReason] = []
        for eventID in state.steps.eventIDs {
            guard let step = state.steps[eventID] else { continue }
            let waiting = WaitingTask(
                name: "step \(step.stepID)", attempt: step.attempt, eventID: eventID,
                queue: step.taskQueue, type: step.activityType, next: step.retryDueAt)
            reasons.append(waitingFor(waiting, execution.tasks[eventID], state.namespace))
        }
        for entry in state.undoLog.open(where: { execution.undoTasks[$0] != nil }) {
            let task = execution.undoTasks[entry.stepEventID]
            let isProbe = task?.attempt == TaskReference.probeAttempt && entry.status == .open
            var next: Timestamp?
            if case .waiting(let due) = entry.status { next = due }
            let waiting = WaitingTask(
                name: "\(isProbe ? "probe" : "undo") of step \(entry.stepID)", attempt: entry.attempt,
                eventID: entry.stepEventID, queue: entry.taskQueue,
                type: isProbe ? entry.undo.probeActivityType : entry.undo.activityType, next: next)
            reasons.append(waitingFor(waiting, task, state.namespace))
        }
        for eventID in state.localSteps.eventIDs {
            guard let step = state.localSteps[eventID] else { continue }
            reasons.append(WaitReason(.activity, "local activity \(step.stepID)", eventID: eventID))
        }
        for eventID in state.children.eventIDs {
            guard let child = state.children[eventID] else { continue }
            reasons.append(WaitReason(.child, "child \(child.initiated.workflowID)", eventID: eventID))
        }
        for eventID in state.externalSignals.eventIDs {
            guard let signal = state.externalSignals[eventID] else { continue }
            reasons.append(
                WaitReason(
                    .externalSignal, "signal \(signal.name) on its way to \(signal.targetWorkflowID)",
                    eventID: eventID))
        }
        for eventID in state.timers.eventIDs {
            guard let timer = state.timers[eventID] else { continue }
            reasons.append(
                WaitReason(
                    .timer, "timer \(timer.timerID) at \(timer.dueAt)", until: timer.dueAt, eventID: eventID))
        }
        for name in execution.program?.awaitedSignals ?? [] {
            reasons.append(WaitReason(.signal, "signal \(name)"))
        }
        if execution.activation != nil || execution.historyLoad != nil {
            reasons.append(WaitReason(.workflowTask, "a worker that advances its code"))
        } else if execution.needsActivation && state.codeMayAct {
            reasons.append(
                WaitReason(
                    .noWorker,
                    "a worker for workflow type \(state.workflowType) on queue \(state.taskQueue): none is connected",
                    since: execution.waitsForWorkerSince))
        } else if reasons.isEmpty {
            reasons.append(WaitReason(.signal, "a signal"))
        }
        return reasons
    }

    /// A step, undo or probe that is not over.
    private struct WaitingTask {
        var name: String
        var attempt: UInt32
        var eventID: EventID
        var queue: String
        var type: String
        /// When the next attempt is due.
        var next: Timestamp?
    }

    private func waitingFor(_ waiting: WaitingTask, _ task: LiveTask?, _ namespace: String) -> WaitReason {
        let (name, eventID) = (waiting.name, waiting.eventID)
        switch task?.phase {
        case .out(let id)?:
            let worker = dispatcher.workers[id]?.identity ?? "that is gone"
            return WaitReason(
                .activity, "\(name), attempt \(waiting.attempt), with worker \(worker)", since: task?.handedOutAt,
                eventID: eventID)
        case .waitingForRetry?:
            return WaitReason(
                .retry, "\(name), next attempt at \(waiting.next?.description ?? "once")", until: waiting.next,
                eventID: eventID)
        case .later?:
            return WaitReason(
                .activity, "\(name), attempt \(waiting.attempt), for somebody to complete it by its token",
                since: task?.handedOutAt, eventID: eventID)
        case .maybeOut?:
            return WaitReason(.activity, "\(name), which may still run since before the restart", eventID: eventID)
        case .waitingForCommit?, nil: return WaitReason(.activity, "\(name), being written", eventID: eventID)
        case .queued?:
            let lane = TaskDispatcher.Lane(namespace: namespace, queue: waiting.queue, type: waiting.type)
            return dispatcher.isServed(lane)
                ? WaitReason(
                    .activity, "\(name), for a free slot on queue \(lane.queue)", since: task?.queuedAt,
                    eventID: eventID)
                : WaitReason(
                    .noWorker, "\(name): no worker serves activity \(lane.type) on queue \(lane.queue)",
                    since: task?.queuedAt, eventID: eventID)
        }
    }
}
