internal import SagaCore

/// Workflow code: when it is given events, by whom it is run, and what becomes of its commands (semantics, section 6).
extension Shard {
    /// Gives the code its new events, if it may act, a worker is there and no task is out.
    func activate(_ execution: Execution) {
        if execution.isDeclared { return activateDeclared(execution) }
        guard execution.needsActivation, execution.activation == nil, execution.historyLoad == nil,
            !execution.isCodeRetryArmed, execution.state.codeMayAct
        else { return }
        if let barrier = execution.localBarrier, barrier >= execution.durableNext { return }
        if let holder = execution.codeHolder, let worker = dispatcher.workers[holder], !worker.isDraining,
            let events = execution.recentEvents(from: execution.codeNext)
        {
            if execution.advance?.worker == holder { return takeAdvance(execution, events) }
            guard worker.hasCodeSlot(of: execution.state.taskQueue) else {
                return awaitCodeSlot(execution, holder: holder)
            }
            return send(execution, to: holder, Array(events), from: execution.codeNext)
        }
        dropCode(execution)
        guard
            let worker = dispatcher.workerForCode(
                namespace: execution.state.namespace, queue: execution.state.taskQueue,
                type: execution.state.workflowType, version: execution.state.workflowVersion)
        else {
            if dispatcher.servesCode(
                namespace: execution.state.namespace, queue: execution.state.taskQueue,
                type: execution.state.workflowType, version: execution.state.workflowVersion)
            {
                return awaitCodeSlot(execution, holder: nil)
            }
            return awaitWorker(execution)
        }
        if let events = execution.recentEvents(from: 0) {
            send(execution, to: worker, execution.forNewCode(events), from: 0)
        } else {
            startHistoryLoad(execution, worker)
        }
    }

    /// The run's code waits until a worker comes that serves it.
    func awaitWorker(_ execution: Execution) {
        guard !execution.isWaitingForWorker else { return }
        execution.isWaitingForWorker = true
        execution.waitsForWorkerSince = now(execution)
        waitingForWorker.append(execution.sagaID)
    }

    private func send(_ execution: Execution, to worker: WorkerID, _ events: [HistoryEvent], from: EventID) {
        execution.needsActivation = false
        execution.isWaitingForWorker = false
        execution.codeHolder = worker
        execution.codeNext = execution.state.nextEventID
        let generation = nextGeneration
        nextGeneration += 1
        dispatcher.takeCodeSlot(worker, generation, queue: execution.state.taskQueue)
        execution.activation = Activation(worker: worker, generation: generation, isFull: from == 0)
        var task = task(execution, generation, from: from, events, more: false)
        task.updates = takeUpdates(execution)
        effects.append(.worker(worker, .workflowTask(task)))
        monotonicDeadlines.push(
            Deadline(
                at: time.monotonic.addingSaturating(config.workflowTaskTimeoutMicros), kind: .workflowTask,
                sagaID: execution.sagaID, generation: generation))
        holdCommit(execution)
    }

    private func task(
        _ execution: Execution, _ generation: UInt64, from: EventID, _ events: [HistoryEvent], more: Bool
    ) -> WorkflowTask {
        var task = WorkflowTask(
            sagaID: execution.sagaID, generation: generation, namespace: execution.state.namespace,
            workflowID: execution.state.workflowID, workflowType: execution.state.workflowType,
            workflowVersion: execution.state.workflowVersion, taskQueue: execution.state.taskQueue,
            firstEventID: from, events: events, more: more)
        task.mayGoAhead = true
        task.firstRun = execution.state.firstRun
        return task
    }

    /// Lets the commit wait a moment for live code, so that what happened and what the code makes of it are one append.
    private func holdCommit(_ execution: Execution) {
        guard execution.isDirty, execution.holdUntil == nil, config.activationHoldMicros > 0 else { return }
        execution.holdUntil = time.monotonic.addingSaturating(config.activationHoldMicros)
    }

    // MARK: Workers that do not hold the code

    private func startHistoryLoad(_ execution: Execution, _ worker: WorkerID) {
        execution.needsActivation = false
        execution.isWaitingForWorker = false
        dispatcher.takeCodeSlot(worker, nextGeneration, queue: execution.state.taskQueue)
        let load = nextLoadID
        nextLoadID += 1
        execution.historyLoad = HistoryLoad(load: load, worker: worker, generation: nextGeneration, next: 0)
        nextGeneration += 1
        pendingLoads[load] = .history(execution.sagaID)
        // Behind a checkpoint the code needs of what was before only how it was started.
        let limit = execution.state.checkpoint == nil ? config.historyPageEvents : 1
        effects.append(.loadHistory(load, execution.sagaID, from: 0, limit: limit))
    }

    func historyLoaded(_ load: LoadID, _ result: Result<[HistoryEvent], StoreError>) {
        if case .query(let queryID)? = pendingLoads[load] {
            pendingLoads[load] = nil
            return queryHistoryLoaded(queryID, result)
        }
        if case .definition(let sagaID)? = pendingLoads[load] {
            pendingLoads[load] = nil
            return definitionLoaded(sagaID, result)
        }
        if case .program(let sagaID)? = pendingLoads[load] {
            pendingLoads[load] = nil
            return programHistoryLoaded(load, sagaID, result)
        }
        guard case .history(let sagaID)? = pendingLoads.removeValue(forKey: load),
            let execution = executions[sagaID], var history = execution.historyLoad, history.load == load
        else { return }
        let isWorkerHere = dispatcher.workers[history.worker].map { !$0.isDraining } ?? false
        guard case .success(var page) = result, isWorkerHere, execution.state.codeMayAct,
            page.isEmpty || page[0].eventID == history.next
        else {
            dispatcher.giveBackCodeSlot(history.worker, history.generation)
            execution.historyLoad = nil
            execution.needsActivation = true
            return armCodeRetry(execution, 100_000)
        }
        var next = history.next + EventID(page.count)
        var isStart = false
        if history.next == 0, let checkpoint = execution.state.checkpoint {
            // Goes with the next page, whose first event is the checkpoint. A store gives whole rows, however many were asked for.
            page = Array(page.prefix(1))
            next = checkpoint
            isStart = true
        }
        if next < execution.recentBase && !page.isEmpty {
            if isStart {
                history.start = page
            } else {
                let from = history.start.isEmpty ? history.next : 0
                let part = task(execution, history.generation, from: from, history.start + page, more: true)
                effects.append(.worker(history.worker, .workflowTask(part)))
                history.start = []
            }
            history.next = next
            history.load = nextLoadID
            nextLoadID += 1
            pendingLoads[history.load] = .history(sagaID)
            execution.historyLoad = history
            effects.append(.loadHistory(history.load, sagaID, from: next, limit: config.historyPageEvents))
            return
        }
        // The rest is in memory: everything from the last durable read on has been kept while the load was out.
        guard let rest = execution.recentEvents(from: max(next, execution.recentBase)), next >= execution.recentBase
        else {
            dispatcher.giveBackCodeSlot(history.worker, history.generation)
            execution.historyLoad = nil
            execution.needsActivation = true
            return armCodeRetry(execution, 100_000)
        }
        // The pages were one task: the last has its own generation.
        dispatcher.giveBackCodeSlot(history.worker, history.generation)
        execution.historyLoad = nil
        let from = history.start.isEmpty ? history.next : 0
        send(execution, to: history.worker, history.start + page + rest, from: from)
        // The worker got all of it, in several tasks perhaps.
        execution.activation?.isFull = true
    }

    /// The worker that holds the code is not used any more.
    func dropCode(_ execution: Execution) {
        if let holder = execution.codeHolder, dispatcher.workers[holder] != nil {
            effects.append(.worker(holder, .evict(execution.sagaID)))
        }
        if let activation = execution.activation, !planted(.codeSlotLost) {
            dispatcher.giveBackCodeSlot(activation.worker, activation.generation)
        }
        execution.forgetCode()
        execution.activation = nil
        execution.program = nil
    }

    /// The code is not to be run by the worker that its history is read for.
    func dropHistoryLoad(_ execution: Execution) {
        guard let load = execution.historyLoad else { return }
        execution.historyLoad = nil
        if !planted(.codeSlotLost) { dispatcher.giveBackCodeSlot(load.worker, load.generation) }
        // It may keep pages that it was given.
        if load.next > 0, dispatcher.workers[load.worker] != nil {
            effects.append(.worker(load.worker, .evict(execution.sagaID)))
        }
    }

    // MARK: Answers

    /// The answer that comes next is the last that the worker knows of the code.
    func codeReleased(_ worker: WorkerID, _ sagaID: SagaID, _ generation: UInt64) {
        guard let execution = executions.live(sagaID), execution.activation?.worker == worker,
            execution.activation?.generation == generation
        else { return }
        execution.releasedBy = generation
    }

    func workflowTaskAnswered(
        _ worker: WorkerID, _ sagaID: SagaID, _ generation: UInt64, _ answer: WorkflowTaskAnswer
    ) {
        dispatcher.giveBackCodeSlot(worker, generation)
        if let execution = executions[sagaID], let load = execution.historyLoad, load.worker == worker,
            load.generation == generation, case .failed(let cause, let error) = answer
        {
            // The code does not fit the part of its history that it has: the rest would not help.
            execution.historyLoad = nil
            dropCode(execution)
            codeFailed(execution, cause, error)
            return activate(execution)
        }
        guard let execution = executions[sagaID], let activation = execution.activation,
            activation.worker == worker, activation.generation == generation
        else { return }
        execution.activation = nil
        execution.holdUntil = nil
        guard execution.state.codeMayAct else { return dropCode(execution) }
        switch answer {
        case .completed(let seen, let commands, let unconsumed, let verdicts):
            execution.codeFailures = 0
            execution.historyFailures = 0
            let given = execution.codeNext
            let isReleased = execution.releasedBy == generation
            if isReleased {
                // What comes next goes to any worker, with all of the history.
                execution.codeHolder = nil
                execution.codeNext = 0
            }
            let hasSeenAll = seen &+ 1 == execution.state.nextEventID
            judged(verdicts, execution)
            perform(commands, seen: seen, hasSeenAll: hasSeenAll && verdicts.isEmpty, unconsumed: unconsumed, execution)
            if isReleased { execution.doubtLocalSteps(before: given) }
            if !execution.needsActivation { failUnjudged(execution) }
        case .needHistory:
            // It has run nothing of what it was given now.
            execution.codeNext = 0
            dropCode(execution)
            execution.needsActivation = true
            if activation.isFull {
                // It has no room for the run just now. Not the code's fault, so it never blocks the run.
                execution.historyFailures = min(execution.historyFailures + 1, 9)
                armCodeRetry(execution, min(30_000_000, 100_000 << Int64(execution.historyFailures)))
            }
        case .failed(let cause, let error):
            dropCode(execution)
            codeFailed(execution, cause, error)
        }
        activate(execution)
    }

    /// Code that cannot be run is tried again, then the run waits for a person: never a hot loop (semantics, section 3).
    func codeFailed(_ execution: Execution, _ cause: BlockCause, _ error: SagaError) {
        execution.codeFailures += 1
        execution.needsActivation = true
        guard execution.codeFailures >= 3 else {
            return armCodeRetry(execution, Int64(execution.codeFailures) * 500_000)
        }
        park(execution, cause, error)
    }

    /// The run waits for a person: its code does not fit, cannot be run, or ended with an error that is nobody's to handle.
    private func park(_ execution: Execution, _ cause: BlockCause, _ error: SagaError) {
        dropCode(execution)
        execution.needsActivation = false
        log(.error, "run \(execution.sagaID) of \(execution.state.workflowID) is blocked: \(error.message)", execution)
        emit(
            execution,
            .workflowExecutionBlocked(
                WorkflowExecutionBlocked(
                    cause: cause, message: "\(error.message); cancel it to unwind, or retry it with fixed code",
                    error: error)))
        callAPerson(execution)
    }

    func armCodeRetry(_ execution: Execution, _ micros: Int64) {
        execution.isCodeRetryArmed = true
        monotonicDeadlines.push(
            Deadline(at: time.monotonic.addingSaturating(micros), kind: .codeRetry, sagaID: execution.sagaID))
    }

    // MARK: Commands

    /// Does what the code wants, in the order in which it wants it.
    func perform(
        _ commands: [NumberedCommand], seen: EventID, hasSeenAll: Bool = true, unconsumed: UInt32,
        _ execution: Execution
    ) {
        for numbered in commands {
            guard numbered.number == execution.state.nextCommandNumber else {
                // Not the next one: the worker's code and the history have parted.
                dropCode(execution)
                execution.needsActivation = true
                return codeFailed(
                    execution, .codeFailure,
                    SagaError(
                        kind: .workflowExecution,
                        message: "the worker sent command \(numbered.number), command"
                            + " \(execution.state.nextCommandNumber) was expected"))
            }
            if numbered.command.isClosing {
                // A message that the code has not seen must be given to it first (semantics, section 6).
                if let last = execution.state.lastMessageEventID, last > seen, !planted(.unseenSignalIgnored) {
                    execution.needsActivation = true
                    return
                }
                if case .fail(let error) = numbered.command, error.kind.category.parksTheRun {
                    return park(execution, .codeFailure, error)
                }
                if mustWaitForUndos(numbered.command, execution) {
                    execution.isEndHeld = true
                    return
                }
                return close(numbered, unconsumed, execution)
            }
            if case .recordMarker(let marker) = numbered.command, marker.kind == .checkpoint {
                return checkpoint(numbered.number, marker, hasSeenAll: hasSeenAll, execution)
            }
            perform(numbered.number, numbered.command, execution)
        }
    }

    /// A good end waits until what a late report put back is undone, and until what the code itself has asked to be unwound
    /// is (an update that it did not wait for is being rolled back); a bad one unwinds it with the rest, if it unwinds.
    private func mustWaitForUndos(_ command: WorkflowCommand, _ execution: Execution) -> Bool {
        guard execution.state.undoLog.hasReopened || execution.state.unwinding != nil else { return false }
        switch command {
        case .complete, .continueAsNew: return true
        default: return !execution.state.autoCompensate
        }
    }

    private func perform(_ number: CommandNumber, _ command: WorkflowCommand, _ execution: Execution) {
        switch command {
        case .scheduleActivity(let step): schedule(number, step, execution)
        case .requestCancelActivity(let scheduled): requestCancel(ofStep: scheduled, number, execution)
        case .startTimer(let timerID, let micros, let callback):
            let now = max(self.now(execution), execution.state.lastTimestamp)
            let due = now.adding(microseconds: max(0, micros))
            let eventID = emit(
                execution,
                .timerCreated(
                    TimerCreated(commandNumber: number, timerID: timerID, dueAt: due, callback: callback)))
            armTimer(execution, eventID, due)
        case .cancelTimer(let created):
            let eventID = execution.state.openEvent(ofCommand: created) ?? 0
            emit(execution, .timerCanceled(TimerCanceled(commandNumber: number, createdEventID: eventID)))
        case .recordMarker(let marker):
            emit(
                execution,
                .markerRecorded(
                    MarkerRecorded(
                        commandNumber: number, kind: marker.kind, name: marker.name, details: marker.details,
                        output: marker.output, undo: marker.undo, scope: marker.scope)))
        case .recordSideEffect(let value):
            emit(execution, .sideEffectRecorded(SideEffectRecorded(commandNumber: number, value: value)))
        case .recordVersion(let changeID, let version):
            emit(
                execution,
                .versionMarkerRecorded(
                    VersionMarkerRecorded(commandNumber: number, changeID: changeID, version: version)))
        case .upsertSearchAttributes(let attributes):
            emit(
                execution,
                .upsertSearchAttributes(UpsertSearchAttributes(commandNumber: number, attributes: attributes)))
        case .compensate(let scope):
            emit(
                execution,
                .compensationStarted(
                    CompensationStarted(cause: .requested, error: nil, scope: scope, commandNumber: number)))
            stopSteps(execution, in: scope)
            stopChildren(execution, in: scope)
            advanceUnwinding(execution)
        case .scheduleLocalActivity(let activity): scheduleLocally(number, activity, execution)
        case .recordLocalActivity(let record): recordLocally(number, record, execution)
        case .startChild(let child): startChild(number, child, execution)
        case .requestCancelChild(let started): requestCancel(ofChild: started, number, execution)
        case .signalExternal(let signal): signalExternal(number, signal, execution)
        case .completeUpdate(let eventID, let output):
            updateEnded(
                eventID,
                .workflowUpdateCompleted(
                    WorkflowUpdateCompleted(acceptedEventID: eventID, output: output, commandNumber: number)),
                execution)
        case .rollBackUpdate(let eventID, let error):
            updateEnded(
                eventID,
                .workflowUpdateRolledBack(
                    WorkflowUpdateRolledBack(acceptedEventID: eventID, error: error, commandNumber: number)),
                execution)
        case .complete, .fail, .cancel, .continueAsNew: break
        }
    }

    private func close(_ numbered: NumberedCommand, _ unconsumed: UInt32, _ execution: Execution) {
        switch numbered.command {
        case .complete(let output):
            // Not by the state's own property: the state as a value is large to copy.
            closeNow(
                execution,
                .workflowExecutionCompleted(
                    WorkflowExecutionCompleted(
                        commandNumber: numbered.number, output: output,
                        compensation: execution.state.undoLog.summaryOfBegun(isGivenUp: execution.state.isGivenUp),
                        unconsumedSignals: unconsumed)))
        case .fail(let error):
            beginUnwinding(execution, .failed, error: error, reason: "", command: numbered.number)
        case .cancel(let reason):
            beginUnwinding(execution, .canceled, error: nil, reason: reason, command: numbered.number)
        case .continueAsNew(let input, let carryUndo, let signals):
            continueAsNew(numbered.number, input: input, carryUndo: carryUndo, signals: signals, execution)
        default: break
        }
    }
}
