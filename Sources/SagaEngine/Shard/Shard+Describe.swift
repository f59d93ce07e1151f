internal import SagaCore

extension Shard {
    func describe(_ execution: Execution) -> ExecutionDescription {
        let state = execution.state
        var description = ExecutionDescription(state, closing: execution.closing)
        description.steps = state.steps.eventIDs.compactMap { eventID in
            guard let step = state.steps[eventID] else { return nil }
            var worker: String?
            if case .out(let id)? = execution.tasks[eventID]?.phase { worker = dispatcher.workers[id]?.identity }
            return StepDescription(eventID: eventID, step: step, worker: worker)
        }
        description.waitingFor = waitingFor(execution)
        return description
    }

    /// What has to happen for the run to go on (semantics, section 2, promise 12).
    private func waitingFor(_ execution: Execution) -> [String] {
        let state = execution.state
        if let block = state.block { return ["blocked: \(block.message)"] }
        var reasons: [String] = []
        for eventID in state.steps.eventIDs {
            guard let step = state.steps[eventID] else { continue }
            reasons.append(waitingFor(step, execution.tasks[eventID], state.namespace))
        }
        for entry in state.undoLog.open where execution.undoTasks[entry.stepEventID] != nil {
            reasons.append(waitingFor(entry, execution.undoTasks[entry.stepEventID], state.namespace))
        }
        for eventID in state.externalSignals.eventIDs {
            guard let signal = state.externalSignals[eventID] else { continue }
            reasons.append("signal \(signal.name) on its way to \(signal.targetWorkflowID)")
        }
        for eventID in state.timers.eventIDs {
            if let timer = state.timers[eventID] { reasons.append("timer \(timer.timerID) at \(timer.dueAt)") }
        }
        if execution.activation != nil || execution.historyLoad != nil {
            reasons.append("a worker that advances its code")
        } else if execution.needsActivation && state.codeMayAct {
            reasons.append(
                "a worker for workflow type \(state.workflowType) on queue \(state.taskQueue): none is connected")
        } else if reasons.isEmpty && !state.isClosed {
            reasons.append("a signal")
        }
        return reasons
    }

    private func waitingFor(_ step: StepState, _ task: LiveTask?, _ namespace: String) -> String {
        let name = "step \(step.scheduled.stepID)"
        switch task?.phase {
        case .out(let id)?:
            return "\(name), attempt \(step.attempt), with worker \(dispatcher.workers[id]?.identity ?? "that is gone")"
        case .waitingForRetry?: return "\(name), next attempt at \(step.retryDueAt?.description ?? "once")"
        case .maybeOut?: return "\(name), which may still run since before the restart"
        case .waitingForCommit?, nil: return "\(name), being written"
        case .queued?:
            let lane = TaskDispatcher.Lane(
                namespace: namespace, queue: step.scheduled.taskQueue, type: step.scheduled.activityType)
            return dispatcher.isServed(lane)
                ? "\(name), for a free slot on queue \(lane.queue)"
                : "\(name): no worker serves activity \(lane.type) on queue \(lane.queue)"
        }
    }

    private func waitingFor(_ entry: UndoEntry, _ task: LiveTask?, _ namespace: String) -> String {
        let name = "undo of step \(entry.stepID)"
        switch task?.phase {
        case .out(let id)?:
            return
                "\(name), attempt \(entry.attempt), with worker \(dispatcher.workers[id]?.identity ?? "that is gone")"
        case .waitingForRetry?:
            if case .waiting(let due) = entry.status { return "\(name), next attempt at \(due)" }
            return "\(name), next attempt"
        case .maybeOut?: return "\(name), which may still run since before the restart"
        case .waitingForCommit?, nil: return "\(name), being written"
        case .queued?:
            let lane = TaskDispatcher.Lane(namespace: namespace, queue: entry.taskQueue, type: entry.undo.activityType)
            return dispatcher.isServed(lane)
                ? "\(name), for a free slot on queue \(lane.queue)"
                : "\(name): no worker serves activity \(lane.type) on queue \(lane.queue)"
        }
    }
}
