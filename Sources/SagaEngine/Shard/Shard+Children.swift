internal import SagaCore

/// Children: started, watched, asked to end and undone by calls from the parent's run to theirs. The parent's history says
/// what it asked for; the child's run is found again by the request id, which names that event (semantics, section 4).
extension Shard {
    func startChild(_ number: CommandNumber, _ child: StartChildCommand, _ execution: Execution) {
        let queue = child.taskQueue.isEmpty ? execution.state.taskQueue : child.taskQueue
        let eventID = emit(
            execution,
            .startChildWorkflowExecutionInitiated(
                StartChildWorkflowExecutionInitiated(
                    commandNumber: number, workflowID: child.workflowID, workflowType: child.workflowType,
                    taskQueue: queue, input: child.input, parentClosePolicy: child.parentClosePolicy,
                    scope: child.scope, executionTimeoutMicros: child.executionTimeoutMicros)), queue: queue)
        hold(.deliver(eventID), execution)
    }

    func requestCancel(ofChild started: CommandNumber, _ number: CommandNumber?, _ execution: Execution) {
        let eventID = execution.state.openEvent(ofCommand: started) ?? 0
        requestCancel(ofChildAt: eventID, number, execution)
    }

    private func requestCancel(ofChildAt eventID: EventID, _ number: CommandNumber?, _ execution: Execution) {
        emit(
            execution,
            .childWorkflowExecutionCancelRequested(
                ChildWorkflowExecutionCancelRequested(commandNumber: number, initiatedEventID: eventID)))
        if execution.state.children[eventID] != nil { hold(.deliver(eventID), execution) }
    }

    /// Does for a child what its parent's history asks for and what may not have happened. Everything is repeatable.
    func deliver(toChildAt eventID: EventID, _ child: ChildState, _ execution: Execution) {
        guard let sagaID = child.sagaID else {
            return callInternally(
                .start(startCall(forChildAt: eventID, child, execution)), .childStart, eventID, of: execution)
        }
        let target = RunTarget(
            namespace: execution.state.namespace, workflowID: child.initiated.workflowID, sagaID: sagaID)
        if child.isCancelRequested {
            let reason = execution.state.cancelRequest?.reason ?? "its parent asked for it"
            callInternally(.cancel(control(target, eventID, reason, execution)), .childEnd, eventID, of: execution)
        } else if execution.state.unwinding != nil, child.initiated.parentClosePolicy == .terminate,
            !execution.state.movesWithReset(eventID)
        {
            callInternally(
                .terminate(control(target, eventID, "its parent ends", execution), compensate: false), .childEnd,
                eventID, of: execution)
        }
    }

    private func startCall(forChildAt eventID: EventID, _ child: ChildState, _ execution: Execution) -> StartCall {
        StartCall(
            namespace: execution.state.namespace, workflowID: child.initiated.workflowID,
            workflowType: child.initiated.workflowType, taskQueue: child.initiated.taskQueue,
            // As it was first asked for: a run that was reset may find its child there.
            input: child.initiated.input, requestID: "\(execution.state.origin(of: eventID))/\(eventID)",
            identity: "saga \(execution.state.workflowID)",
            // An id below the parent's own may be that of a child of an earlier run of it.
            reusePolicy: isOwn(child.initiated.workflowID, execution) ? .allow : .allowIfFailed,
            executionTimeoutMicros: child.initiated.executionTimeoutMicros,
            parent: ParentLink(sagaID: execution.sagaID, eventID: eventID))
    }

    /// A child of an earlier run of this saga, which has the workflow id still and was told to end.
    func earlierChild(withIDOf child: ChildState, _ execution: Execution) -> Execution? {
        guard isOwn(child.initiated.workflowID, execution) else { return nil }
        let key = WorkflowKey(namespace: execution.state.namespace, workflowID: child.initiated.workflowID)
        guard let earlier = openRuns[key].flatMap({ executions[$0] }), earlier.state.isEnding else { return nil }
        return earlier
    }

    /// Waits for its end, however long it unwinds. A virtual clock moves on meanwhile: the unwinding may need that.
    private func startChildAfterEarlier(_ eventID: EventID, _ child: ChildState, _ execution: Execution) {
        guard let earlier = earlierChild(withIDOf: child, execution) else { return }
        let call = Call.start(startCall(forChildAt: eventID, child, execution))
        let id = registerInternally(call, .childStart, eventID, of: execution)
        internalCalls[id]?.isWait = true
        earlier.callsAfterClose.append((id, call))
    }

    /// Waits for the end of a child that runs.
    func watchChild(at eventID: EventID, _ sagaID: SagaID, _ execution: Execution) {
        guard let child = execution.state.children[eventID] else { return }
        let target = RunTarget(
            namespace: execution.state.namespace, workflowID: child.initiated.workflowID, sagaID: sagaID)
        callInternally(.result(target), .childResult, eventID, of: execution)
    }

    private func control(_ target: RunTarget, _ eventID: EventID, _ reason: String, _ execution: Execution)
        -> ControlCall
    {
        ControlCall(
            target: target, reason: reason, requestID: "\(execution.sagaID)/\(eventID)/end",
            identity: "saga \(execution.state.workflowID)")
    }

    // MARK: Answers

    func childStartAnswered(_ result: Result<CallReply, CallFailure>, _ eventID: EventID, _ execution: Execution) {
        guard let child = execution.state.children[eventID], child.sagaID == nil else { return }
        switch result {
        case .success(.started(let sagaID, alreadyStarted: false)):
            emit(
                execution,
                .childWorkflowExecutionStarted(
                    ChildWorkflowExecutionStarted(initiatedEventID: eventID, childSagaID: sagaID)))
            watchChild(at: eventID, sagaID, execution)
            // It may have been asked to end before it was known to run.
            if let child = execution.state.children[eventID] { deliver(toChildAt: eventID, child, execution) }
        case .success(.started) where earlierChild(withIDOf: child, execution) != nil:
            // It was told to end; the start is repeated when it has.
            return startChildAfterEarlier(eventID, child, execution)
        case .success:
            childNotStarted(
                eventID,
                SagaError(
                    kind: .concurrency,
                    message: "workflow id \(child.initiated.workflowID) is in use by another run", isNonRetryable: true),
                execution)
        case .failure(let failure): childNotStarted(eventID, failure.sagaError, execution)
        }
        childChanged(execution)
    }

    /// Whether a child's id is one below the parent's, as those are that the parent's code does not name.
    private func isOwn(_ workflowID: String, _ execution: Execution) -> Bool {
        workflowID.hasPrefix(execution.state.workflowID + "/")
    }

    private func childNotStarted(_ eventID: EventID, _ error: SagaError, _ execution: Execution) {
        emit(
            execution,
            .startChildWorkflowExecutionFailed(
                StartChildWorkflowExecutionFailed(initiatedEventID: eventID, error: error)))
    }

    func childClosed(_ result: Result<CallReply, CallFailure>, _ eventID: EventID, _ execution: Execution) {
        guard let child = execution.state.children[eventID] else { return }
        guard case .success(.closed(let closed)) = result else {
            // The child is gone from the store: nothing is known of it any more.
            emit(
                execution,
                .childWorkflowExecutionTerminated(ChildWorkflowExecutionTerminated(initiatedEventID: eventID)))
            return childChanged(execution)
        }
        // A run of the chain that the parent has heard of before.
        guard closed.sagaID == child.sagaID else { return }
        switch closed.closing {
        case .workflowExecutionCompleted(let event):
            emit(
                execution,
                .childWorkflowExecutionCompleted(
                    ChildWorkflowExecutionCompleted(
                        initiatedEventID: eventID, output: event.output,
                        hasUndo: closed.hasUndo && !planted(.childUndoForgotten))))
        case .workflowExecutionFailed(let event):
            emit(
                execution,
                .childWorkflowExecutionFailed(
                    ChildWorkflowExecutionFailed(initiatedEventID: eventID, error: event.error)))
        case .workflowExecutionCanceled:
            emit(
                execution,
                .childWorkflowExecutionCanceled(ChildWorkflowExecutionCanceled(initiatedEventID: eventID)))
        case .workflowExecutionTimedOut:
            emit(
                execution,
                .childWorkflowExecutionTimedOut(ChildWorkflowExecutionTimedOut(initiatedEventID: eventID)))
        case .workflowExecutionContinuedAsNew(let event):
            emit(
                execution,
                .childWorkflowExecutionContinuedAsNew(
                    ChildWorkflowExecutionContinuedAsNew(initiatedEventID: eventID, newSagaID: event.newSagaID)))
            watchChild(at: eventID, event.newSagaID, execution)
            if let child = execution.state.children[eventID] { deliver(toChildAt: eventID, child, execution) }
        default:
            emit(
                execution,
                .childWorkflowExecutionTerminated(ChildWorkflowExecutionTerminated(initiatedEventID: eventID)))
        }
        childChanged(execution)
    }

    private func childChanged(_ execution: Execution) {
        if execution.state.unwinding != nil { advanceUnwinding(execution) }
        activate(execution)
    }

    // MARK: The parent's end

    /// The unwinding of a scope begins: open children are ended as their policy says, and waited for.
    func stopChildren(_ execution: Execution, in scope: UInt32) {
        for eventID in execution.state.openChildren(in: scope) where !execution.state.movesWithReset(eventID) {
            guard let child = execution.state.children[eventID], !child.isCancelRequested else { continue }
            switch child.initiated.parentClosePolicy {
            case .cancel: requestCancel(ofChildAt: eventID, nil, execution)
            case .terminate: hold(.deliver(eventID), execution)
            case .abandon: break
            }
        }
    }

    /// What becomes of the open children of a run that closes; done once its closing is durable.
    func callsForOpenChildren(_ execution: Execution, _ wanted: [EventID]?) -> [(child: EventID, call: Call)] {
        if planted(.childEndForgotten) { return [] }
        return (wanted ?? execution.state.children.eventIDs).compactMap { eventID in
            guard let child = execution.state.children[eventID], let sagaID = child.sagaID,
                let call = endCall(
                    child.initiated, eventID, of: execution.sagaID,
                    RunTarget(
                        namespace: execution.state.namespace, workflowID: child.initiated.workflowID, sagaID: sagaID))
            else { return nil }
            return (eventID, call)
        }
    }

    /// Ends a child, now that its parent is closed: the run that it has gone on as by now, whether the parent had heard of that
    /// one or not (composed seeds 44939 and 53541).
    func endChild(_ eventID: EventID, _ call: Call, _ execution: Execution) {
        var call = call
        let key = WorkflowKey(namespace: call.target.namespace, workflowID: call.target.workflowID)
        if let newest = openRuns[key], newest != call.target.sagaID, let link = executions[newest]?.state.parent,
            link.eventID == eventID, execution.state.isLineage(link.sagaID, with: eventID)
        {
            switch call {
            case .cancel(var control):
                control.target.sagaID = newest
                call = .cancel(control)
            case .terminate(var control, let compensate):
                control.target.sagaID = newest
                call = .terminate(control, compensate: compensate)
            default: break
            }
        }
        callInternally(call, .childEnd, 0, of: execution)
    }

    private func endCall(
        _ initiated: StartChildWorkflowExecutionInitiated, _ eventID: EventID, of parent: SagaID, _ target: RunTarget
    ) -> Call? {
        let control = ControlCall(
            target: target, reason: "its parent has closed", requestID: "\(parent)/\(eventID)/closed",
            identity: "saga \(parent)")
        switch initiated.parentClosePolicy {
        case .cancel: return .cancel(control)
        case .terminate: return .terminate(control, compensate: false)
        case .abandon: return nil
        }
    }

    /// After a recovery: children whose parents have closed, perhaps without a word to them.
    /// - Parameter children: All runs that have a parent, in order. Told, because to look at a parked run is to make it whole.
    func findOrphans(among children: [SagaID]) {
        for sagaID in children {
            lookForParent(of: sagaID)
            park()
        }
    }

    /// Looks whether a child's parent has closed, and does then what the parent would have done. A parent that is open sees to
    /// its children itself.
    func lookForParent(of sagaID: SagaID, after delay: Int64 = 0) {
        guard let execution = executions[sagaID], !execution.state.isClosed, let parent = execution.state.parent else {
            return
        }
        let isClosing = executions[parent.sagaID].map(\.state.isClosed)
        if isClosing == false, delay == 0 { return }
        guard delay == 0, isClosing == nil else {
            // Its end is not durable yet, or somebody has to wait for another reason.
            let at = time.monotonic.addingSaturating(max(delay, 100_000))
            return monotonicDeadlines.push(Deadline(at: at, kind: .orphan, sagaID: sagaID))
        }
        let target = RunTarget(namespace: execution.state.namespace, workflowID: "", sagaID: parent.sagaID)
        // Not its whole history: a child that outlives its parent asks at the start of each new run.
        loadRun(target, .event(parent.eventID), .orphan(sagaID))
    }

    func parentLoaded(_ sagaID: SagaID, _ result: Result<LoadedRun?, StoreError>) {
        if case .failure = result { return lookForParent(of: sagaID, after: 1_000_000) }
        guard let execution = executions[sagaID], let link = execution.state.parent,
            case .success(let run?) = result, run.row.status.isClosed,
            let event = run.events.first(where: { $0.eventID == link.eventID }),
            case .startChildWorkflowExecutionInitiated(let initiated) = event.attributes,
            let call = endCall(
                initiated, link.eventID, of: link.sagaID,
                RunTarget(namespace: execution.state.namespace, workflowID: initiated.workflowID, sagaID: sagaID))
        else { return }
        if let resetTo = run.resetTo, link.eventID <= resetTo {
            // The run that the reset made has the child now; it may be closed, too.
            let key = WorkflowKey(namespace: execution.state.namespace, workflowID: run.row.workflowID)
            if let newest = openRuns[key].flatMap({ executions[$0] }), newest.has(execution, asChildAt: link.eventID) {
                return
            }
            let target = RunTarget(
                namespace: execution.state.namespace, workflowID: run.row.workflowID, sagaID: link.sagaID)
            return loadRun(target, .heir, .orphanOfReset(sagaID, call))
        }
        callInternally(call, .childEnd, link.eventID, of: execution)
    }

    func parentOfResetLoaded(_ sagaID: SagaID, _ call: Call, _ result: Result<LoadedRun?, StoreError>) {
        if case .failure(let error) = result {
            guard error.reason == .invalid else { return lookForParent(of: sagaID, after: 1_000_000) }
            // Its parent's id has had too many runs to be looked through each second.
            if let execution = executions[sagaID] {
                log(.error, "its parent is not found: \(error.message)", execution)
            }
            return lookForParent(of: sagaID, after: 600_000_000)
        }
        guard let execution = executions[sagaID], !execution.state.isClosed, let link = execution.state.parent,
            case .success(let heir?) = result, heir.row.sagaID != link.sagaID
        else { return }
        if let parent = executions[heir.row.sagaID] {
            // Its end is not durable yet, or it sees to its children itself.
            if parent.state.isClosed { return lookForParent(of: sagaID, after: 100_000) }
            if parent.has(execution, asChildAt: link.eventID) { return }
        } else {
            // Open, and not here: it cannot be recovered, or is being imported. It has gone on meanwhile: once more.
            guard heir.row.status.isClosed else { return }
            if let resetTo = heir.resetTo, link.eventID <= resetTo { return lookForParent(of: sagaID, after: 100_000) }
        }
        callInternally(call, .childEnd, link.eventID, of: execution)
    }

    // MARK: Undoing a child that closed well

    /// Asks for a new run of the child's workflow id that does nothing but unwind the child's undo log. Each round asks for one
    /// of its own, which goes on where that of the round before had to stop.
    func undoChild(_ child: ChildUndo, _ entry: UndoEntry, _ execution: Execution) {
        let target = RunTarget(namespace: execution.state.namespace, workflowID: child.workflowID)
        let call = UndoRunCall(
            target: target, closedRun: child.sagaID, requestID: nameOfRound(entry, execution),
            key: "\(entry.stepKey)/undo", identity: "saga \(execution.state.workflowID)")
        callInternally(.undoRun(call), .childUndo, entry.stepEventID, of: execution)
    }

    private func nameOfRound(_ entry: UndoEntry, _ execution: Execution) -> String {
        let round = planted(.childUndoNotRepeated) ? 1 : max(1, entry.firstAttempt)
        if entry.isCarried, !planted(.grandchildUndoNotRepeated) {
            // The run that the entry came from may have had rounds of its own, which are others.
            return "\(entry.idempotencyKey)#\(execution.sagaID)/\(round)"
        }
        return round == 1 ? entry.idempotencyKey : "\(entry.idempotencyKey)#\(round)"
    }

    /// The newest run of the child's workflow id is known, and then the one that has what the child left: is it the undoing
    /// already, a round of it that had to stop, or what must be undone?
    func undoRunAfter(_ id: CallID, _ call: UndoRunCall, _ run: LoadedRun) {
        var isRound = false
        if case .workflowExecutionStarted(let started)? = run.events.first?.attributes {
            if started.requestID == call.requestID {
                return answer(id, .success(.started(run.row.sagaID, alreadyStarted: false)))
            }
            isRound = call.isEarlierRound(started.requestID)
        }
        if isRound || call.newest != nil || run.row.sagaID == call.closedRun {
            return startUndoRun(id, call, after: call.newest ?? run.row.sagaID, run, onlyWhatIsLeft: isRound)
        }
        // Others have had the workflow id since. Each entry has one owner: the last of the runs that went on from the child.
        var call = call
        call.newest = run.row.sagaID
        call.target.sagaID = call.closedRun
        loadRun(call.target, .heir, .call(id, .undoRun(call)))
    }

    /// - Parameter onlyWhatIsLeft: The run is that of an earlier round, and its end says what is not undone.
    private func startUndoRun(
        _ id: CallID, _ call: UndoRunCall, after newest: SagaID, _ run: LoadedRun, onlyWhatIsLeft: Bool
    ) {
        var closed = ExecutionState(sagaID: run.row.sagaID)
        do throws(SagaError) {
            for event in run.events { try closed.apply(event) }
        } catch {
            return fail(id, .internalError, error.message, sagaID: run.row.sagaID)
        }
        let left = onlyWhatIsLeft ? run.events.last?.attributes.compensation?.openEntries : nil
        let execution = Execution(sagaID: newSagaID(in: closed.namespace))
        execution.startCondition = .after(newest)
        executions[execution.sagaID] = execution
        let started = WorkflowExecutionStarted(
            namespace: closed.namespace, workflowID: closed.workflowID, workflowType: closed.workflowType,
            workflowVersion: closed.workflowVersion, taskQueue: closed.taskQueue, input: .empty,
            requestID: call.requestID, executionTimeoutMicros: 0, cancelGraceMicros: closed.cancelGraceMicros,
            continueOnUndoError: closed.continueOnUndoError, identity: call.identity, continuedFrom: closed.sagaID,
            carriedUndo: left.map { closed.undoLog.carried(from: closed.sagaID, only: Set($0)) }
                ?? closed.undoLog.carried(from: closed.sagaID), memo: closed.memo,
            searchAttributes: closed.searchAttributes)
        emit(execution, .workflowExecutionStarted(started), queue: closed.taskQueue)
        openRuns[key(of: execution)] = execution.sagaID
        // Should another writer be first, everything is looked at anew.
        var original = call
        original.newest = nil
        original.target.sagaID = nil
        hold(
            reply: .started(execution.sagaID, alreadyStarted: false), to: id, .undoRun(original), execution)
        beginUnwinding(
            execution, .canceled, error: nil, reason: "undone with its parent", command: nil, identity: call.identity)
    }

    func undoRunAnswered(_ result: Result<CallReply, CallFailure>, _ eventID: EventID, _ execution: Execution) {
        guard let entry = execution.state.undoLog.entry(eventID), let child = entry.child, !entry.status.isSettled,
            entry.status != .blocked
        else { return }
        switch result {
        case .success(.started(let sagaID, _)):
            let target = RunTarget(
                namespace: execution.state.namespace, workflowID: child.workflowID, sagaID: sagaID)
            return callInternally(.result(target), .childUndo, eventID, of: execution)
        case .success(.closed(let closed)):
            let summary = closed.closing.compensation ?? .none
            guard summary.state == .complete || summary.state == .none else {
                undoFailed(
                    execution, entry,
                    SagaError(
                        kind: .compensation, message: "run \(closed.sagaID), which undid the child, left something",
                        isNonRetryable: true))
                break
            }
            emit(
                execution,
                .compensationStepCompleted(
                    CompensationStepCompleted(stepEventID: eventID, attempt: entry.attempt, output: .empty)))
            execution.undoTasks[eventID] = nil
        case .success(let reply):
            undoFailed(execution, entry, SagaError(kind: .unknown, message: "an unexpected answer: \(reply)"))
        case .failure(let failure): undoFailed(execution, entry, failure.sagaError)
        }
        advanceUnwinding(execution)
    }
}

extension LoadedRun {
    /// The event to which the run was reset: another run has taken over the children that it had by then.
    var resetTo: EventID? {
        guard case .workflowExecutionTerminated(let event)? = events.last?.attributes else { return nil }
        return event.resetEventID
    }
}

extension ExecutionState {
    /// Whether a child was asked to end, or ends.
    fileprivate var isEnding: Bool { parent != nil && (cancelRequest != nil || unwinding != nil) }
}

extension UndoLog {
    /// What another run takes over: entries that are not settled, as they were before anything was done about them.
    func carried(from sagaID: SagaID) -> [CarriedUndo] { carried(from: sagaID, open) }

    /// What another run takes over of what an unwinding has left.
    func carried(from sagaID: SagaID, only steps: Set<EventID>) -> [CarriedUndo] {
        carried(from: sagaID, entries(of: steps))
    }

    private func carried(from sagaID: SagaID, _ entries: [UndoEntry]) -> [CarriedUndo] {
        entries.map { entry in
            var undo = entry.undo
            // The other run may have another queue.
            undo.taskQueue = entry.taskQueue
            return CarriedUndo(
                sourceSagaID: sagaID, sourceEventID: entry.stepEventID, stepID: entry.stepID, undo: undo,
                input: entry.input, output: entry.output, outcome: entry.outcome, idempotencyKey: entry.stepKey,
                data: entry.data,
                // Apart from the groups that the other run's own code will make.
                undoGroup: entry.group == 0 ? 0 : entry.group | 0x8000_0000, child: entry.child)
        }
    }
}

extension EventAttributes {
    /// What a closing event says of the compensation; nil for other events.
    fileprivate var compensation: CompensationSummary? {
        switch self {
        case .workflowExecutionCompleted(let event): event.compensation
        case .workflowExecutionFailed(let event): event.compensation
        case .workflowExecutionCanceled(let event): event.compensation
        case .workflowExecutionTimedOut(let event): event.compensation
        case .workflowExecutionTerminated(let event): event.compensation
        default: nil
        }
    }
}

extension UndoEntry {
    /// Whether it came from an earlier run. Such entries stand before all events of the run itself.
    fileprivate var isCarried: Bool { stepEventID > EventID(Int64.max) }
}

extension UndoRunCall {
    /// Whether a run was asked for by a round before this one.
    fileprivate func isEarlierRound(_ requestID: String) -> Bool {
        requestID == key || requestID.hasPrefix(key + "#") || requestID.hasPrefix(key + "/")
    }
}

extension Execution {
    /// Whether the run is open and waits for that child: it sees to it itself.
    fileprivate func has(_ child: Execution, asChildAt eventID: EventID) -> Bool {
        // Its own event of that number may have begun another child of that name.
        guard let parent = child.state.parent, state.isLineage(parent.sagaID, with: eventID) else { return false }
        return !state.isClosed && state.children[eventID]?.initiated.workflowID == child.state.workflowID
    }
}
