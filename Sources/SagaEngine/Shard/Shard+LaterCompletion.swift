internal import SagaCore

/// Attempts that go on outside of their worker, and are completed by their token (semantics, section 5).
///
/// The worker's word is made durable by a second `ActivityTaskStarted` of the attempt, so that a restart does not hand the
/// attempt out again: what goes on outside may take days. From then on only its time-outs and reports by its token end it.
extension Shard {
    /// The worker says that its attempt will be completed later.
    /// - Returns: False if the attempt does not run as far as is known.
    func goesOnOutside(_ execution: Execution, _ eventID: EventID, _ step: StepState) -> Bool {
        guard let task = execution.tasks[eventID], task.attempt == step.attempt else { return false }
        // After a restart it may stand anywhere, also before its time if the clock was set back: the worker that spoke has it
        // all the same.
        if task.phase == .later { return true }
        let startedAt = task.handedOutAt.microseconds == 0 ? now(execution) : task.handedOutAt
        var identity = task.unrecordedStart ?? ""
        if identity.isEmpty, case .out(let worker) = task.phase {
            identity = dispatcher.workers[worker]?.identity ?? ""
        }
        let timeouts = step.timeouts
        var closeBy = task.closeBy
        var heartbeatBy = task.heartbeatBy
        if !task.isOut {
            // Its clock was lost with the restart.
            closeBy = due(timeouts.startToCloseMicros)
            heartbeatBy = due(timeouts.heartbeatMicros)
            armAttempt(execution, reference(execution, eventID, step), closeBy: closeBy, heartbeatBy: heartbeatBy)
        }
        _ = execution.tasks.update(eventID) { task in
            task.phase = .later
            task.unrecordedStart = nil
            task.handedOutAt = startedAt
            task.closeBy = closeBy
            task.heartbeatBy = heartbeatBy
        }
        emit(
            execution,
            .activityTaskStarted(
                ActivityTaskStarted(
                    scheduledEventID: eventID, attempt: step.attempt, identity: identity, startedAt: startedAt,
                    completesLater: true)))
        return true
    }

    /// After a restart: its start-to-close time goes on from when it was handed out.
    func rearmLater(_ execution: Execution, _ eventID: EventID, _ step: StepState) {
        let startedAt = step.laterSince ?? step.scheduledAt
        let limit = step.timeouts.startToCloseMicros
        let passed = max(0, now(execution).microseconds(since: startedAt))
        let closeBy = limit > 0 ? due(max(1, limit.subtractingSaturating(passed))) : .max
        let heartbeatBy = due(step.timeouts.heartbeatMicros)
        execution.tasks[eventID] = LiveTask(
            phase: .later, attempt: step.attempt, handedOutAt: startedAt, closeBy: closeBy, heartbeatBy: heartbeatBy,
            mayHaveRun: true)
        armAttempt(execution, reference(execution, eventID, step), closeBy: closeBy, heartbeatBy: heartbeatBy)
    }

    /// A sign of life from outside.
    func heartbeat(_ id: CallID, _ sign: ActivityHeartbeatCall, _ execution: Execution) {
        let eventID = sign.reference.eventID
        if isAhead(sign.reference, of: execution) { return failAsBehind(id, execution) }
        guard !sign.reference.isUndo, let step = execution.state.steps[eventID],
            step.attempt == sign.reference.attempt, let task = execution.tasks[eventID], task.isOut
        else { return answer(id, .success(.alive(isCurrent: false, isCancelRequested: false))) }
        let interval = step.timeouts.heartbeatMicros
        _ = execution.tasks.update(eventID) { task in
            task.lastHeartbeatAt = time.wall
            if let details = sign.details { task.heartbeatDetails = details }
            if interval > 0 { task.heartbeatBy = time.monotonic.addingSaturating(interval) }
        }
        answer(id, .success(.alive(isCurrent: true, isCancelRequested: step.isCancelRequested)))
    }

    /// Whether somebody else must have handed the attempt out: this server was replaced and does not know it yet. It must not
    /// say that such an attempt counts no longer.
    func isAhead(_ reference: TaskReference, of execution: Execution) -> Bool {
        reference.eventID >= execution.state.nextEventID
            || execution.state.steps[reference.eventID].map { reference.attempt > $0.attempt } ?? false
    }

    func failAsBehind(_ id: CallID, _ execution: Execution) {
        fail(id, .unavailable, "run \(execution.sagaID) is served by another server", execution)
    }

    private func due(_ micros: Int64) -> Int64 { micros > 0 ? time.monotonic.addingSaturating(micros) : .max }

    private func reference(_ execution: Execution, _ eventID: EventID, _ step: StepState) -> TaskReference {
        TaskReference(sagaID: execution.sagaID, eventID: eventID, attempt: step.attempt, isUndo: false)
    }
}
