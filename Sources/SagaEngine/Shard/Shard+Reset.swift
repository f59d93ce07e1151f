internal import SagaCore

/// Reset: the run ends as terminated, and a new run of its workflow id has its history up to an event and goes on from there
/// (semantics, section 4, "One owner for every entry").
///
/// Steps that were scheduled up to that event keep their keys, so that what they did is found, not done twice. What was done
/// by later steps is undone first, or moves to the new run, or is forgotten, as the request says.
extension Shard {
    func reset(_ id: CallID, _ call: Call, _ reset: ResetCall, _ execution: Execution) {
        if let seen = execution.state.event(ofRequest: reset.requestID) {
            // The new run, or one between it and this, or the old one, which unwinds first.
            if execution.state.isMadeByReset(upTo: seen) || execution.state.resetTo == nil, seen > 0 {
                let made = execution.state.origin(of: seen)
                return hold(reply: .started(made, alreadyStarted: false), to: id, call, execution)
            }
            return execution.resetWaiters.append((id, call))
        }
        if let made = execution.state.earlierRun(with: .request, reset.requestID), !planted(.resetRequestForgotten) {
            return hold(reply: .started(made, alreadyStarted: false), to: id, call, execution)
        }
        if isLookedFor(id, reset, from: execution.sagaID) { return }
        if let problem = problem(with: reset, execution.state) {
            return fail(id, problem.code, problem.message, execution)
        }
        guard execution.state.unwinding == nil else {
            return fail(
                id, .failedPrecondition, "run \(execution.sagaID) unwinds; it can be reset when it is closed", execution
            )
        }
        if let other = execution.reset, other.requestID != reset.requestID {
            return fail(
                id, .unavailable, "run \(execution.sagaID) is just being reset to event \(other.eventID); ask again",
                execution)
        }
        execution.resetWaiters.append((id, call))
        execution.reset = reset
        // Nothing is undone before it is known that a run can begin there (composed seed 67860).
        loadForReset(execution)
    }

    private func unwindForReset(_ execution: Execution, _ reset: ResetCall) {
        dropCode(execution)
        abortUpdates(execution)
        execution.needsActivation = false
        dropHistoryLoad(execution)
        emit(
            execution,
            .compensationStarted(
                CompensationStarted(
                    cause: .terminated, reason: reset.reason, identity: reset.identity, requestID: reset.requestID,
                    resetToEventID: reset.eventID)))
        stopSteps(execution, in: 0)
        stopLocalSteps(execution)
        stopChildren(execution, in: 0)
        advanceUnwinding(execution)
    }

    private func problem(
        with reset: ResetCall, _ state: ExecutionState
    ) -> (code: CallFailure.Code, message: String)? {
        guard reset.eventID < state.nextEventID else {
            return (.invalidArgument, "run \(state.sagaID) has no event \(reset.eventID)")
        }
        guard reset.eventID < EventID(PackedEvents.maximumCount) - 1_024 else {
            return (.invalidArgument, "event \(reset.eventID) is too far: a new run begins with at most 64,000 events")
        }
        guard state.origins.count < RunOrigin.maximumCount else {
            return (
                .failedPrecondition,
                "run \(state.sagaID) was made by \(state.origins.count) resets, one after the other, which is the limit: start"
                    + " a new run"
            )
        }
        if let undone = state.undoLog.firstBegun(where: { state.isBefore($0, reset.eventID) }) {
            return (
                .failedPrecondition,
                "the undo of step \(undone.stepID), which event \(reset.eventID) still has, has begun: reset to an event"
                    + " before that step"
            )
        }
        return nil
    }

    /// Whether anything that was begun after the event may have had an effect.
    private func hasToUndo(after eventID: EventID, _ execution: Execution) -> Bool {
        let state = execution.state
        return state.undoLog.hasOpen { !state.isBefore($0, eventID) }
            || state.steps.eventIDs.contains { $0 > eventID && state.steps[$0]?.scheduled.undo != nil }
            || state.localSteps.eventIDs.contains { $0 > eventID }
            || state.openChildren(in: 0).contains { $0 > eventID }
    }

    /// Reads the history that the new run begins with.
    func loadForReset(_ execution: Execution) {
        guard !execution.isLoadingForReset else { return }
        execution.isLoadingForReset = true
        let target = RunTarget(
            namespace: execution.state.namespace, workflowID: execution.state.workflowID, sagaID: execution.sagaID)
        loadRun(target, .all, .reset(execution.sagaID))
    }

    func resetLoaded(_ sagaID: SagaID, _ result: Result<LoadedRun?, StoreError>) {
        guard let execution = executions[sagaID], !execution.state.isClosed else { return }
        execution.isLoadingForReset = false
        guard case .success(let run?) = result else {
            return failReset(execution, .unavailable, "the history cannot be read")
        }
        // Events that are not durable yet are in memory.
        let rest = execution.recentEvents(from: EventID(run.events.count)) ?? []
        let events = run.events + rest
        let state = execution.state
        guard state.unwinding == nil || state.resetTo != nil else {
            // It failed, say, while the history was read.
            return failReset(
                execution, .failedPrecondition, "run \(sagaID) unwinds; it can be reset when it is closed")
        }
        if let unwinding = state.unwinding, !state.undoLog.next(in: unwinding.scope).isEmpty {
            // A late success has put an undo back while the history was read (composed seed 48364): it is read again after that.
            return advanceUnwinding(execution)
        }
        guard let reset = execution.reset ?? events.lazy.compactMap({ self.reset($0, state) }).first else {
            return failReset(execution, .internalError, "the run does not say to which event it is reset")
        }
        guard events.count == Int(clamping: state.nextEventID) else {
            return failReset(execution, .unavailable, "the history cannot be read as a whole; try again")
        }
        if state.resetTo == nil, let problem = problem(with: reset, state) {
            // The code went on while the history was read.
            return failReset(execution, problem.code, problem.message)
        }
        var prefix = ExecutionState(sagaID: sagaID)
        do throws(SagaError) {
            for event in events.prefix(while: { $0.eventID <= reset.eventID }) { try prefix.apply(event) }
        } catch {
            return failReset(execution, .internalError, error.message)
        }
        guard prefix.unwinding == nil, prefix.status == .running || prefix.status == .paused else {
            return failReset(
                execution, .failedPrecondition,
                "at event \(reset.eventID) the run was \(prefix.status.name): reset to an event before that")
        }
        if reset.undo == .undo, !planted(.resetUndoesNothing), state.unwinding == nil,
            hasToUndo(after: reset.eventID, execution)
        {
            return unwindForReset(execution, reset)
        }
        if state.unwinding != nil {
            emit(
                execution,
                .compensationCompleted(
                    CompensationCompleted(summary: state.compensationSummary(of: 0), scope: 0)))
        }
        let waiters = execution.resetWaiters
        execution.resetWaiters = []
        let next = open(after: execution, events, reset)
        for (id, call) in waiters {
            hold(reply: .started(next.sagaID, alreadyStarted: false), to: id, call, next)
        }
    }

    /// The request behind an unwinding, after a restart.
    private func reset(_ event: HistoryEvent, _ state: ExecutionState) -> ResetCall? {
        guard case .compensationStarted(let started) = event.attributes, let kept = started.resetToEventID else {
            return nil
        }
        return ResetCall(
            target: RunTarget(namespace: state.namespace, workflowID: state.workflowID), eventID: kept,
            reason: started.reason, requestID: started.requestID, identity: started.identity)
    }

    private func failReset(_ execution: Execution, _ code: CallFailure.Code, _ message: String) {
        for (id, _) in execution.resetWaiters { fail(id, code, message, execution) }
        execution.resetWaiters = []
        execution.reset = nil
        // One that has unwound already must come to its end: it closes, and no run follows.
        if execution.state.resetTo != nil, code != .unavailable { closeUnwound(execution) }
        if execution.state.resetTo != nil, code == .unavailable { armCodeRetry(execution, 1_000_000) }
    }

    /// Closes the old run and opens the new one, in one append.
    private func open(after execution: Execution, _ events: [HistoryEvent], _ reset: ResetCall) -> Execution {
        let kept = events.prefix { $0.eventID <= reset.eventID }
        let entries = execution.state.undoLog.carried(from: execution.sagaID) + unknownSteps(execution)
        let later = entries.filter { !execution.state.isBefore($0.sourceEventID, reset.eventID) }
        let messages = execution.state.messagesToCarry(after: reset.eventID)
        let children = execution.state.children.eventIDs.filter { $0 > reset.eventID }
        closeNow(
            execution,
            .workflowExecutionTerminated(
                WorkflowExecutionTerminated(
                    reason: "reset to event \(reset.eventID)" + (reset.reason.isEmpty ? "" : ": \(reset.reason)"),
                    identity: reset.identity, requestID: execution.state.resetTo == nil ? reset.requestID : "",
                    compensation: execution.state.compensationSummaryAtReset, resetEventID: reset.eventID)),
            children: children)
        let next = Execution(sagaID: newSagaID(in: execution.state.namespace))
        executions[next.sagaID] = next
        next.startCondition = .after(execution.sagaID)
        next.predecessor = execution.sagaID
        execution.successor = next
        fill(
            next, kept, execution.state, reset, carried: reset.undo == .keep ? later : [], messages, rest: events)
        return next
    }

    private func fill(
        _ next: Execution, _ kept: some Sequence<HistoryEvent>, _ base: ExecutionState, _ reset: ResetCall,
        carried: [CarriedUndo], _ messages: [CarriedMessage], rest: [HistoryEvent]
    ) {
        for event in kept {
            var copy = event
            copy.sagaID = next.sagaID
            adopt(copy, next)
        }
        // Those that the first event tells of, and those that the run has itself, it knows.
        let news =
            planted(.messagesForgottenOnContinue)
            ? []
            : messages.filter { message in
                !next.state.carriedMessages.contains(message)
                    && (message.kind != .request || message.id != reset.requestID)
            }
        emit(
            next,
            .workflowExecutionReset(
                WorkflowExecutionReset(
                    baseSagaID: base.sagaID, baseEventID: reset.eventID, reason: reset.reason,
                    identity: reset.identity, requestID: reset.requestID, carriedUndo: carried, carriedMessages: news,
                    origins: planted(.resetOriginsForgotten) ? [] : base.originsToCarry(upTo: reset.eventID))))
        // Signals were acknowledged: they come to the new run, too.
        for event in rest where event.eventID > reset.eventID {
            if case .signalReceived(var signal) = event.attributes {
                signal.codeGone = false
                emit(next, .signalReceived(signal))
            }
        }
        openRuns[key(of: next)] = next.sagaID
        next.needsActivation = next.state.codeMayAct
        if !next.state.localSteps.isEmpty {
            // The code runs them anew, so not before the new run is durable.
            next.localBarrier = next.state.nextEventID - 1
            next.doubtLocalSteps()
            hold(.activateCode, next)
        }
        rearm(next)
        // What was scheduled and had not ended is handed out anew, under its old key.
        for eventID in next.tasks.eventIDs
        where next.tasks[eventID]?.phase == .maybeOut || next.tasks[eventID]?.phase == .later {
            guard let step = next.state.steps[eventID] else { continue }
            _ = next.tasks.update(eventID) { $0.phase = .waitingForCommit }
            hold(.queueStep(eventID, attempt: step.attempt), next)
        }
        activate(next)
    }

    /// Takes over an event of another run's history.
    private func adopt(_ event: HistoryEvent, _ execution: Execution) {
        do throws(SagaError) { try execution.state.apply(event) } catch {
            return log(.error, "an event of the reset run was refused: \(error.message)", execution)
        }
        if event.eventID == 0 {
            execution.clock = clock(of: execution.state.namespace, execution.state.workflowID)
            quotas.began(execution.state.namespace)
        }
        stir(execution)
        execution.recent.append(event)
        execution.isRowChanged = true
        undurableEvents += 1
        markDirty(execution)
    }

    // MARK: Closed runs

    /// The newest run of a workflow id, which is closed: nothing is appended to it, a new run begins with its history.
    func resetClosed(_ id: CallID, _ call: Call, _ reset: ResetCall, _ run: LoadedRun) {
        let row = run.row
        guard reset.target.sagaID == nil else {
            // Perhaps it was closed by this very request.
            if run.resetTo != nil, isLookedFor(id, reset, from: row.sagaID, newestOf: row.workflowID) { return }
            return fail(
                id, .failedPrecondition,
                "run \(row.sagaID) is closed; of closed runs only the newest can be reset: name the workflow id alone",
                sagaID: row.sagaID, status: row.status)
        }
        var state = ExecutionState(sagaID: row.sagaID)
        var prefix = ExecutionState(sagaID: row.sagaID)
        do throws(SagaError) {
            for event in run.events {
                try state.apply(event)
                if event.eventID <= reset.eventID { try prefix.apply(event) }
            }
        } catch {
            return fail(id, .internalError, error.message, sagaID: row.sagaID)
        }
        if let made = run.events.first(where: { $0.attributes.isReset(by: reset.requestID) }) {
            // The same request: the run that it made has closed meanwhile.
            return answer(id, .success(.started(state.origin(of: made.eventID), alreadyStarted: false)))
        }
        if isLookedFor(id, reset, from: row.sagaID) { return }
        if let problem = problem(with: reset, state) {
            return fail(id, problem.code, problem.message, sagaID: row.sagaID, status: row.status)
        }
        guard prefix.unwinding == nil, !prefix.isClosed, prefix.status != .blocked, prefix.status != .compensating
        else {
            return fail(
                id, .failedPrecondition,
                "at event \(reset.eventID) the run was \(prefix.status.name): reset to an event before that",
                sagaID: row.sagaID, status: row.status)
        }
        let later = state.undoLog.carried(from: row.sagaID).filter { !state.isBefore($0.sourceEventID, reset.eventID) }
        guard reset.undo != .undo || later.isEmpty else {
            return fail(
                id, .failedPrecondition,
                "run \(row.sagaID) is closed and has \(later.count) steps after event \(reset.eventID) that are not undone:"
                    + " say keep or drop", sagaID: row.sagaID, status: row.status)
        }
        let next = Execution(sagaID: newSagaID(in: row.namespace))
        executions[next.sagaID] = next
        next.startCondition = .after(row.sagaID)
        let kept = run.events.prefix { $0.eventID <= reset.eventID }
        fill(
            next, kept, state, reset, carried: reset.undo == .keep ? later : [],
            state.messagesToCarry(after: reset.eventID), rest: run.events)
        hold(reply: .started(next.sagaID, alreadyStarted: false), to: id, call, next)
    }
}

extension ExecutionState {
    /// Whether a step began up to an event. Entries that were carried into the run stand before all of its events, or where
    /// the reset stands that brought them.
    func isBefore(_ stepEventID: EventID, _ eventID: EventID) -> Bool {
        guard stepEventID > EventID(Int64.max) else { return stepEventID <= eventID }
        return (undoLog.entry(stepEventID)?.closingEventID ?? 0) <= eventID
    }

    /// What a run that is reset says of its compensation: of what it was to undo; the rest has moved.
    fileprivate var compensationSummaryAtReset: CompensationSummary {
        resetTo == nil ? .none : compensationSummary
    }
}
