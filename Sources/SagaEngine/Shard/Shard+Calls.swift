internal import SagaCore

/// A read of the store that something waits for.
enum PendingLoad {
    /// The call is judged by the run that is found.
    case call(CallID, Call)
    /// The history for a worker.
    case history(SagaID)
    /// A report about a run that is not in memory is judged by what was.
    case report(LateReport)
    /// The parent of that run, to see whether it has closed.
    case orphan(SagaID)
    /// The run that a reset made of the parent of a run, which `call` ends if that parent is closed.
    indirect case orphanOfReset(SagaID, Call)
    /// The history of a run that is being reset.
    case reset(SagaID)
    /// The history for a question.
    case query(UInt64)
    /// The history for a run of a definition.
    case program(SagaID)
    /// The versions of a definition, after a take-over.
    case definition(SagaID)
    /// The history of a declared run, for a question about it.
    case declaredQuery(CallID, QueryCall)
}

extension Shard {
    func handleCall(_ id: CallID, _ call: Call) {
        guard isReady else { return waitingCalls.append((id, call)) }
        if let problem = call.problem ?? quotas.problem(call) { return fail(id, .invalidArgument, problem) }
        if call.addsEvents && undurableEvents > config.maxUndurableEvents {
            let failure = CallFailure(
                .resourceExhausted, "the store is slower than the load; try again", retryAfterMicros: 100_000)
            return answer(id, .failure(failure))
        }
        switch call {
        case .start(let start), .signalWithStart(let start, _):
            if let problem = definitionProblem(start) { return fail(id, problem.code, problem.message) }
        case .define(let request): return define(id, call, request)
        case .definition(let namespace, let name, let version):
            return readDefinition(id, namespace, name, version)
        case .definitions(let namespace, let after, let limit):
            return listDefinitions(id, namespace, after: after, limit: limit)
        case .clock(let request): return askClock(id, call, request)
        default: break
        }
        let target = call.target
        let key = WorkflowKey(namespace: target.namespace, workflowID: target.workflowID)
        let sagaID = target.sagaID ?? openRuns[key]
        if planted(.signalToParkedRunLost), case .signal = call, let sagaID, executions.has(sagaID),
            executions.live(sagaID) == nil
        {
            return answer(id, .success(.done(sagaID)))
        }
        guard let sagaID, let execution = executions[sagaID], isNamed(execution, by: target) else {
            return handleWithoutRun(id, call)
        }
        if execution.state.isClosed {
            // Closing, but not durable yet: the next run of the id, or the answer about this one, must wait for that.
            return execution.callsAfterClose.append((id, call))
        }
        handle(id, call, execution)
    }

    private func isNamed(_ execution: Execution, by target: RunTarget) -> Bool {
        execution.state.namespace == target.namespace
            && (target.workflowID.isEmpty || execution.state.workflowID == target.workflowID)
    }

    /// No such run is open: the store knows whether there was one.
    private func handleWithoutRun(_ id: CallID, _ call: Call) {
        switch call {
        case .start(let start):
            if refuse(id, start) { return }
            // A fresh workflow id costs no read: the commit itself says if it was used before.
            startRun(id, call, start, .unused)
        case .signalWithStart(let start, let signal):
            if refuse(id, start) { return }
            let execution = startRun(id, call, start, .unused, replies: false)
            self.signal(
                id, call, signal, execution, isStart: true, reply: { .started($0, alreadyStarted: false) })
        case .signal, .cancel, .terminate, .pause, .resume, .reset, .result, .describe, .awaitEvents, .operate, .update,
            .query, .undoRun, .define, .definition, .definitions, .heartbeatActivity, .clock:
            // A parent wants to know what its child left.
            let isInternal = id >= Self.firstInternalCall
            if case .result(let target) = call, !isInternal, let closed = recentlyClosed.run(target) {
                return answer(id, .success(.closed(closed)))
            }
            loadRun(call.target, isInternal ? .all : call.wantedEvents, .call(id, call))
        case .reportActivity(let report):
            reportAfterEnd(LateReport(reporter: .caller(id), reference: report.reference, result: report.result))
        }
    }

    private func handle(_ id: CallID, _ call: Call, _ execution: Execution) {
        switch call {
        case .start(let start): startAgain(id, call, start, execution)
        case .signal(let signal): self.signal(id, call, signal, execution)
        case .signalWithStart(_, let signal):
            // The request that started the run, with this signal: the same request gets the same answer, also when the run has
            // gone on as another since.
            let isSameRequest = execution.state.event(ofRequest: signal.requestID) == 0
            let started = isSameRequest ? nil : execution.state.earlierRun(with: .request, signal.requestID)
            self.signal(id, call, signal, execution) { sagaID in
                .started(started ?? sagaID, alreadyStarted: !isSameRequest && started == nil)
            }
        case .cancel(let control): cancel(id, call, control, execution)
        case .terminate(let control, let compensate): terminate(id, call, control, compensate, execution)
        case .pause(let control): pause(id, call, control, execution)
        case .resume(let control): resume(id, call, control, execution)
        case .reset(let reset): self.reset(id, call, reset, execution)
        case .result:
            execution.resultWaiters.append(id)
            waiters[id] = execution.sagaID
        case .describe: hold(reply: .description(describe(execution)), to: id, call, execution)
        case .awaitEvents(_, let from):
            if execution.durableNext > from {
                answerEvents(id, execution)
            } else {
                execution.eventWaiters.append((id, from))
                waiters[id] = execution.sagaID
            }
        case .operate(let action): operate(id, call, action, execution)
        case .update(let update): self.update(id, call, update, execution)
        case .query(let query): self.query(id, query, execution)
        case .undoRun(let undo):
            // Open: the undoing itself, or another run that must close first.
            if execution.state.event(ofRequest: undo.requestID) == 0 {
                hold(reply: .started(execution.sagaID, alreadyStarted: false), to: id, call, execution)
            } else {
                fail(id, .unavailable, "another run of workflow id \(undo.target.workflowID) is open", execution)
            }
        case .define, .definition, .definitions, .clock: handleCall(id, call)
        case .reportActivity(let report): activityEnded(.caller(id), report.reference, report.result)
        case .heartbeatActivity(let sign): heartbeat(id, sign, execution)
        }
    }

    func abandonCall(_ id: CallID) {
        waitingCalls.removeAll { $0.0 == id }
        // A reset whose run is still being read is not begun: its caller may have repeated it, been answered, and started the
        // workflow id anew since, so that no run of that line knows of it any more (composed seed 202219).
        for (load, pending) in pendingLoads {
            if case .call(id, .reset) = pending { pendingLoads[load] = nil }
        }
        abandonQuery(id)
        guard let sagaID = waiters.removeValue(forKey: id), let execution = executions[sagaID] else { return }
        execution.resultWaiters.removeAll { $0 == id }
        execution.eventWaiters.removeAll { $0.call == id }
    }

    // MARK: Start

    @discardableResult
    private func startRun(
        _ id: CallID, _ call: Call, _ start: StartCall, _ condition: StartCondition, replies: Bool = true
    ) -> Execution {
        let execution = Execution(sagaID: newSagaID(in: start.namespace, workflowID: start.workflowID))
        execution.startCondition = condition
        executions[execution.sagaID] = execution
        let definition = definition(for: start)
        let asked = start.taskQueue.isEmpty ? config.defaultTaskQueue : start.taskQueue
        // A definition needs no worker for its code, and the run keeps the version that it begins with.
        let queue = definition == nil ? asked : EngineQueue.name
        let timeout =
            start.executionTimeoutMicros > 0 ? start.executionTimeoutMicros : definition?.executionTimeoutMicros
        let started = WorkflowExecutionStarted(
            namespace: start.namespace, workflowID: start.workflowID, workflowType: start.workflowType,
            workflowVersion: definition?.version ?? start.workflowVersion, taskQueue: queue, input: start.input,
            requestID: start.requestID, executionTimeoutMicros: max(0, timeout ?? 0),
            cancelGraceMicros: start.cancelGraceMicros > 0 ? start.cancelGraceMicros : config.cancelGraceMicros,
            autoCompensate: start.autoCompensate,
            continueOnUndoError: start.continueOnUndoError || definition?.continueOnUndoError == true,
            identity: start.identity, parentSagaID: start.parent?.sagaID,
            parentInitiatedEventID: start.parent?.eventID, memo: start.memo, searchAttributes: start.searchAttributes)
        execution.traceID = start.traceID
        emit(execution, .workflowExecutionStarted(started), queue: queue, traceID: start.traceID)
        openRuns[key(of: execution)] = execution.sagaID
        if replies {
            hold(reply: .started(execution.sagaID, alreadyStarted: false), to: id, call, execution)
        }
        armRun(execution)
        activate(execution)
        return execution
    }

    /// The workflow id is open: the same request gets the same answer, any other gets that run.
    private func startAgain(_ id: CallID, _ call: Call, _ start: StartCall, _ execution: Execution) {
        // An earlier run of the id may be what this request started; the first run of an id has none before it.
        if !start.requestID.isEmpty, execution.startCondition != .unused,
            execution.state.event(ofRequest: start.requestID) != 0
        {
            return loadRun(call.target, .startedBy(start.requestID), .call(id, call))
        }
        answerStartAgain(id, call, start, execution)
    }

    private func answerStartAgain(_ id: CallID, _ call: Call, _ start: StartCall, _ execution: Execution) {
        let isSameRequest = execution.state.event(ofRequest: start.requestID) == 0
        if isSameRequest, !isSameMeaning(start, execution) {
            return fail(
                id, .alreadyExists,
                "request id \(start.requestID) was used for another start of \(start.workflowID)", execution)
        }
        hold(
            reply: .started(execution.sagaID, alreadyStarted: !isSameRequest), to: id, call, execution)
    }

    private func isSameMeaning(_ start: StartCall, _ execution: Execution) -> Bool {
        guard execution.state.workflowType == start.workflowType else { return false }
        if let program = execution.program, program.nextEventID > 0 { return program.state.input == start.input }
        // The input is compared only while it is in memory: keeping it for ever would double every run's size.
        guard let first = execution.recentEvents(from: 0)?.first,
            case .workflowExecutionStarted(let started) = first.attributes
        else { return true }
        return started.input == start.input
    }

    // MARK: Messages

    /// - Parameters:
    ///   - isStart: The run was started by the same request, which stands in its first event and is not a repeat.
    ///   - reply: What is answered, given the run that has the signal.
    private func signal(
        _ id: CallID, _ call: Call, _ signal: SignalCall, _ execution: Execution, isStart: Bool = false,
        reply: (SagaID) -> CallReply = { .done($0) }
    ) {
        // The state is not copied: a copy that is alive while an event is applied would copy all its tables.
        let signalID = signal.signalID.isEmpty ? signal.requestID : signal.signalID
        let known =
            execution.state.run(withSignal: signalID)
            ?? (isStart ? nil : execution.state.run(withRequest: signal.requestID))
        if let known, !planted(.signalRecordedTwice) {
            return hold(reply: reply(known), to: id, call, execution)
        }
        let isCodeGone = execution.state.unwinding != nil && execution.state.unwinding?.cause != .requested
        emit(
            execution,
            .signalReceived(
                SignalReceived(
                    name: signal.name, payload: signal.payload, signalID: signalID, requestID: signal.requestID,
                    identity: signal.identity, codeGone: isCodeGone)))
        hold(reply: reply(execution.sagaID), to: id, call, execution)
        activate(execution)
    }

    private func cancel(_ id: CallID, _ call: Call, _ control: ControlCall, _ execution: Execution) {
        if let known = execution.state.run(withRequest: control.requestID) {
            return hold(reply: .done(known), to: id, call, execution)
        }
        if planted(.cancelRequestLost) { return hold(reply: .done(execution.sagaID), to: id, call, execution) }
        emit(
            execution,
            .workflowExecutionCancelRequested(
                WorkflowExecutionCancelRequested(
                    reason: control.reason, identity: control.identity, requestID: control.requestID)))
        hold(reply: .done(execution.sagaID), to: id, call, execution)
        requestCancel(execution, control.reason)
    }

    private func terminate(
        _ id: CallID, _ call: Call, _ control: ControlCall, _ compensate: Bool, _ execution: Execution
    ) {
        if let known = execution.state.run(withRequest: control.requestID) {
            return hold(reply: .done(known), to: id, call, execution)
        }
        if compensate {
            beginUnwinding(
                execution, .terminated, error: nil, reason: control.reason, command: nil, identity: control.identity,
                requestID: control.requestID)
        } else {
            closeNow(
                execution,
                .workflowExecutionTerminated(
                    WorkflowExecutionTerminated(
                        reason: control.reason, identity: control.identity, requestID: control.requestID,
                        compensation: execution.state.compensationSummary)))
        }
        hold(reply: .done(execution.sagaID), to: id, call, execution)
    }

    func answerEvents(_ id: CallID, _ execution: Execution) {
        waiters[id] = nil
        let isClosed = execution.state.isClosed && !execution.hasUndurableEvents
        answer(id, .success(.events(execution.sagaID, nextEventID: execution.durableNext, isClosed: isClosed)))
    }

    // MARK: Runs that are not in memory

    func loadRun(_ target: RunTarget, _ events: LoadedEvents, _ pending: PendingLoad) {
        let load = nextLoadID
        nextLoadID += 1
        pendingLoads[load] = pending
        effects.append(.loadRun(load, target, events))
    }

    func runLoaded(_ load: LoadID, _ result: Result<LoadedRun?, StoreError>) {
        let pending = pendingLoads.removeValue(forKey: load)
        if case .report(let report)? = pending { return lateRunLoaded(report, result) }
        if case .orphan(let sagaID)? = pending { return parentLoaded(sagaID, result) }
        if case .orphanOfReset(let sagaID, let call)? = pending { return parentOfResetLoaded(sagaID, call, result) }
        if case .reset(let sagaID)? = pending { return resetLoaded(sagaID, result) }
        if case .declaredQuery(let id, let query)? = pending { return declaredQueryLoaded(id, query, result) }
        guard case .call(let id, let call)? = pending else { return }
        if case .success(let run) = result, case .reset(let reset) = call, let search = reset.search,
            !search.isOver
        {
            return lookedForReset(id, reset, search, run)
        }
        switch result {
        case .failure(let error):
            // What cannot be read will not be read by asking again: a person is needed.
            let isFinal = error.reason == .corrupt || error.reason == .invalid
            answer(id, .failure(CallFailure(isFinal ? .internalError : .unavailable, error.message)))
        case .success(nil):
            if call.isRepeatable {
                // The id was free after all (a conflict that has passed): once more.
                handleCall(id, call)
            } else if case .update(let update) = call, update.isRepeat, let earlier = update.target.sagaID {
                // Not "not found": the saga is there, and the update is not to be sent anew under another id.
                fail(
                    id, .failedPrecondition,
                    "run \(earlier) of \(update.target.workflowID) has dealt with that update and was deleted since: its answer is gone,"
                        + " and the update is not carried out again; ask the saga for what you need", sagaID: earlier)
            } else {
                fail(id, .notFound, "there is no run of workflow id \(call.target.workflowID)")
            }
        case .success(let run?):
            if executions.has(run.row.sagaID) || !run.row.status.isClosed {
                answerAboutOpenRun(id, call, run)
            } else {
                answerAboutClosedRun(id, call, run)
            }
        }
    }

    private func answerAboutOpenRun(_ id: CallID, _ call: Call, _ run: LoadedRun) {
        if let execution = executions[run.row.sagaID] {
            // It was opened meanwhile.
            if execution.state.isClosed { return execution.callsAfterClose.append((id, call)) }
            if case .start(let start) = call { return answerStartAgain(id, call, start, execution) }
            return handle(id, call, execution)
        }
        fail(
            id, .unavailable, "run \(run.row.sagaID) is open but not served here; see the log for why",
            sagaID: run.row.sagaID, status: run.row.status)
    }

    private func answerAboutClosedRun(_ id: CallID, _ call: Call, _ run: LoadedRun) {
        let row = run.row
        switch call {
        case .start(let start): startAfter(id, call, start, nil, run)
        case .signalWithStart(let start, let signal): startAfter(id, call, start, signal, run)
        case .result:
            guard let closing = run.events.last?.attributes else {
                return fail(id, .internalError, "run \(row.sagaID) is closed but has no events", sagaID: row.sagaID)
            }
            let closed = ClosedRun(
                sagaID: row.sagaID, status: row.status, closing: closing, hasUndo: run.leavesUndo)
            answer(id, .success(.closed(closed)))
        case .describe: describeClosed(id, run)
        case .awaitEvents:
            answer(id, .success(.events(row.sagaID, nextEventID: row.nextEventID, isClosed: true)))
        case .query(let query): queryClosed(id, query, run)
        case .signal(let signal) where run.events.contains { $0.attributes.isSignal(signal) }:
            // It came in before the run closed; the sender has not heard of it.
            answer(id, .success(.done(row.sagaID)))
        case .update(let update): updateOfClosed(id, update, run)
        case .undoRun(let undo): undoRunAfter(id, undo, run)
        case .reset(let reset): resetClosed(id, call, reset, run)
        case .heartbeatActivity: answer(id, .success(.alive(isCurrent: false, isCancelRequested: false)))
        case .signal, .cancel, .terminate, .pause, .resume, .operate, .reportActivity:
            fail(
                id, .failedPrecondition, "run \(row.sagaID) of \(row.workflowID) is closed: \(row.status.name)",
                sagaID: row.sagaID, status: row.status)
        case .define, .definition, .definitions, .clock: handleCall(id, call)
        }
    }

    /// The workflow id was used before: its newest run and the caller's policy decide.
    private func startAfter(_ id: CallID, _ call: Call, _ start: StartCall, _ signal: SignalCall?, _ run: LoadedRun) {
        let row = run.row
        if !start.requestID.isEmpty, case .workflowExecutionStarted(let started)? = run.events.first?.attributes,
            started.requestID == start.requestID, !planted(.startRequestForgotten)
        {
            guard started.workflowType == start.workflowType, started.input == start.input else {
                return fail(
                    id, .alreadyExists,
                    "request id \(start.requestID) was used for another start of \(start.workflowID)",
                    sagaID: row.sagaID, status: row.status)
            }
            return answer(id, .success(.started(row.sagaID, alreadyStarted: false)))
        }
        let open = openRuns[WorkflowKey(namespace: start.namespace, workflowID: start.workflowID)]
        if signal == nil, let open, let execution = executions[open], !execution.state.isClosed {
            // Opened meanwhile, and none of the earlier ones is what the request started.
            return answerStartAgain(id, call, start, execution)
        }
        let endedBadly = row.status != .completed && row.status != .continuedAsNew
        guard start.reusePolicy == .allow || (start.reusePolicy == .allowIfFailed && endedBadly) else {
            return fail(
                id, .alreadyExists,
                "workflow id \(start.workflowID) was used by run \(row.sagaID), which is \(row.status.name); start it with"
                    + " another id or another reuse policy", sagaID: row.sagaID, status: row.status)
        }
        let key = WorkflowKey(namespace: start.namespace, workflowID: start.workflowID)
        if let open = openRuns[key], executions.has(open) { return handleCall(id, call) }
        let execution = startRun(id, call, start, .after(row.sagaID), replies: signal == nil)
        if let signal {
            self.signal(
                id, call, signal, execution, isStart: true, reply: { .started($0, alreadyStarted: false) })
        }
    }

    /// An update that was dealt with before the run closed is answered again; any other comes too late.
    private func updateOfClosed(_ id: CallID, _ update: UpdateCall, _ run: LoadedRun) {
        var state = ExecutionState(sagaID: run.row.sagaID)
        for event in run.events { do throws(SagaError) { try state.apply(event) } catch { break } }
        let updateID = update.updateID.isEmpty ? update.requestID : update.updateID
        if let known = state.update(updateID) {
            guard known.outcome == .open else {
                return answer(id, .success(.updated(UpdateReply(run.row.sagaID, known))))
            }
            return fail(
                id, .aborted, "run \(run.row.sagaID) ended before the update did", sagaID: run.row.sagaID,
                status: run.row.status)
        }
        fail(
            id, .failedPrecondition, "run \(run.row.sagaID) of \(run.row.workflowID) is closed: \(run.row.status.name)",
            sagaID: run.row.sagaID, status: run.row.status)
    }

    private func describeClosed(_ id: CallID, _ run: LoadedRun) {
        var state = ExecutionState(sagaID: run.row.sagaID)
        do throws(SagaError) {
            for event in run.events { try state.apply(event) }
        } catch {
            return fail(id, .internalError, error.message, sagaID: run.row.sagaID)
        }
        let description = ExecutionDescription(state, closing: run.events.last?.attributes)
        answer(id, .success(.description(description)))
    }

    // MARK: Failures

    func fail(
        _ id: CallID, _ code: CallFailure.Code, _ message: String, sagaID: SagaID? = nil,
        status: ExecutionStatus? = nil
    ) {
        answer(id, .failure(CallFailure(code, message, sagaID: sagaID, status: status)))
    }

    func fail(_ id: CallID, _ code: CallFailure.Code, _ message: String, _ execution: Execution) {
        fail(id, code, message, sagaID: execution.sagaID, status: execution.state.status)
    }
}

extension EventAttributes {
    /// Whether this is the record of that signal.
    fileprivate func isSignal(_ call: SignalCall) -> Bool {
        guard case .signalReceived(let signal) = self else { return false }
        return (!call.signalID.isEmpty && signal.signalID == call.signalID)
            || (!call.requestID.isEmpty && signal.requestID == call.requestID)
    }
}

extension LoadedRun {
    /// Whether the run left something that can be undone; false if not all of its events are here.
    fileprivate var leavesUndo: Bool {
        var state = ExecutionState(sagaID: row.sagaID)
        for event in events { do throws(SagaError) { try state.apply(event) } catch { return false } }
        return state.undoLog.hasOpen
    }
}

extension Call {
    /// The run that the call is about.
    var target: RunTarget {
        switch self {
        case .start(let start), .signalWithStart(let start, _):
            RunTarget(namespace: start.namespace, workflowID: start.workflowID)
        case .signal(let signal): signal.target
        case .cancel(let control), .terminate(let control, _), .pause(let control), .resume(let control): control.target
        case .result(let target), .describe(let target), .awaitEvents(let target, _): target
        case .operate(let action): action.target
        case .update(let update): update.target
        case .query(let query): query.target
        case .undoRun(let undo): undo.target
        case .reset(let reset): reset.target
        case .define(let request): Shard.definitionTarget(request.namespace, request.definition.name)
        case .definition(let namespace, let name, _): Shard.definitionTarget(namespace, name)
        case .definitions(let namespace, _, _): Shard.definitionTarget(namespace, "all")
        case .reportActivity(let report):
            RunTarget(namespace: report.namespace, workflowID: "", sagaID: report.reference.sagaID)
        case .heartbeatActivity(let sign):
            RunTarget(namespace: sign.namespace, workflowID: "", sagaID: sign.reference.sagaID)
        case .clock(let request): RunTarget(namespace: request.namespace, workflowID: request.namespace)
        }
    }

    /// Whether the call may be made again as if it were new.
    fileprivate var isRepeatable: Bool {
        switch self {
        case .start, .define: true
        default: false
        }
    }

    /// The namespace that the caller named.
    fileprivate var namespace: String {
        switch self {
        case .define(let request): request.namespace
        case .definition(let namespace, _, _), .definitions(let namespace, _, _): namespace
        default: target.namespace
        }
    }

    fileprivate var addsEvents: Bool {
        switch self {
        case .start, .signal, .signalWithStart, .cancel, .update, .undoRun, .define: true
        // What ends a run or helps it end makes room, so it is always let in.
        case .terminate, .pause, .resume, .reset, .operate, .result, .describe, .awaitEvents, .query, .definition,
            .definitions, .reportActivity, .heartbeatActivity, .clock:
            false
        }
    }

    /// What must be known of a run to answer the call if the run is not in memory.
    var wantedEvents: LoadedEvents {
        switch self {
        case .describe, .update, .undoRun, .reset: .all
        // Whether a signal came in before the run closed.
        case .signal(let signal): signal.signalID.isEmpty && signal.requestID.isEmpty ? .ends : .all
        case .start(let start), .signalWithStart(let start, _):
            start.requestID.isEmpty ? .ends : .startedBy(start.requestID)
        case .query: .queried
        default: .ends
        }
    }

    /// What is wrong with the names in the call.
    fileprivate var problem: String? {
        if let problem = Name.problem(with: namespace, what: "namespace") { return problem }
        if namespace.hasPrefix(Shard.definitionNamespace) { return "namespace \(namespace) is the engine's own" }
        if target.sagaID == nil || !target.workflowID.isEmpty,
            let problem = Name.problem(with: target.workflowID, what: "workflow id")
        {
            return problem
        }
        switch self {
        case .start(let start), .signalWithStart(let start, _):
            if let problem = Name.problem(with: start.workflowType, what: "workflow type") { return problem }
            if !start.taskQueue.isEmpty { return Name.problem(with: start.taskQueue, what: "task queue") }
        case .signal(let signal): return Name.problem(with: signal.name, what: "signal name")
        case .update(let update): return Name.problem(with: update.name, what: "update name")
        case .query(let query): return Name.problem(with: query.name, what: "query name")
        default: break
        }
        return nil
    }
}
