internal import SagaCore

/// The batch whose outcome is awaited.
struct BatchInFlight {
    var id: BatchID
    /// The runs, in the order of the batch's transactions, and the next event id each will have reached.
    var runs: [(execution: Execution, next: EventID, transaction: Int)]
    var batch: AppendBatch
    /// Reports about closed runs whose effects are in the batch.
    var late: [LateReport] = []
    /// Failed attempts so far.
    var attempts: UInt32 = 0
}

extension Shard {
    /// Starts the commits that are due. One goes out at once if none is in flight, so an idle engine does not wait. Beside it
    /// goes another, of other runs, when enough has gathered to be worth one: the store and the engine then work at the same
    /// time. Everything else waits and grows the next batch.
    func startCommits() {
        while mayStartCommit, startCommit() {}
        commitHeldUntil = inFlight.isEmpty ? nextHeld : nil
    }

    /// The earliest moment at which a run waits for its live code no longer; nil if none does now.
    private var nextHeld: Int64? {
        var next: Int64?
        for execution in dirty {
            guard let until = heldUntil(execution), until > time.monotonic else { continue }
            next = min(next ?? until, until)
        }
        return next
    }

    private var mayStartCommit: Bool {
        guard isReady, inFlight.count < config.maxBatchesInFlight else { return false }
        // Whatever comes in meanwhile, runs that are held are looked at, and nothing is made ready in vain.
        if inFlight.isEmpty { return !lateToRecord.isEmpty || dirty.contains(where: isCommittable) }
        guard dirty.count >= config.minRunsBeside else { return false }
        var ready = 0
        for execution in dirty where isCommittable(execution) {
            ready += 1
            if ready >= config.minRunsBeside { return true }
        }
        return false
    }

    /// Whether a commit may take the run now.
    private func isCommittable(_ execution: Execution) -> Bool {
        // The first events of a successor go with the end of the run before it; and no run is in two batches at once, so
        // that batches may come to be durable in any order.
        guard execution.isDirty, execution.predecessor == nil, !execution.isInFlight else { return false }
        // Nothing of a namespace is durable before the time at which it happened is.
        if let clock = execution.clock, clock.isJumping, !execution.isClockKeeper { return false }
        return heldUntil(execution).map { $0 <= time.monotonic } ?? true
    }

    /// Until when the run waits for its live code; nil if it does not. Under load the code's answer takes longer than an idle
    /// engine's commit should wait; a commit that goes without it makes two of one, for the code, the store and the disk.
    private func heldUntil(_ execution: Execution) -> Int64? {
        guard let until = execution.holdUntil, dirty.count >= config.minRunsOfLoad else { return execution.holdUntil }
        return until.addingSaturating(min(config.activationHoldMicros, 1_000_000_000) * 9)
    }

    /// Gathers what happened into one commit.
    /// - Returns: Whether there was anything to commit.
    private func startCommit() -> Bool {
        var runs: [(execution: Execution, next: EventID, transaction: Int)] = []
        var transactions: [AppendTransaction] = []
        var rest: [Execution] = []
        var eventCount = 0
        let late = lateToRecord.prefix(AppendBatch.maximumLateEffects / 2)
        lateToRecord.removeFirst(late.count)
        var effects = late.map(\.effect)
        for execution in dirty where execution.isDirty {
            if runs.count >= config.maxBatchRuns || eventCount >= config.maxBatchEvents || !isCommittable(execution)
                || effects.count + execution.lateEffects.count > AppendBatch.maximumLateEffects
            {
                rest.append(execution)
                continue
            }
            var entries: [AppendEntry] = []
            var next: Execution? = execution
            while let part = next {
                next = part === execution ? execution.successor : nil
                let entry = makeEntry(part)
                eventCount += entry.events.count
                entries.append(entry)
                runs.append((part, part.state.nextEventID, transactions.count))
                part.isDirty = false
                part.isInFlight = true
                part.holdUntil = nil
                part.batchedNext = part.state.nextEventID
                part.heldInFlight = part.held
                part.held = []
                part.isRowChanged = false
                captureSnapshot(part)
                effects += part.lateEffects
                part.lateEffects = []
            }
            transactions.append(AppendTransaction(entries))
        }
        dirty = rest.filter(\.isDirty)
        guard !runs.isEmpty || !late.isEmpty else { return false }
        let batch = AppendBatch(epoch: epoch, transactions: transactions, lateEffects: effects)
        inFlight.append(BatchInFlight(id: nextBatchID, runs: runs, batch: batch, late: late.map(\.report)))
        lateEffectCount += UInt64(effects.count)
        self.effects.append(.append(nextBatchID, batch))
        nextBatchID += 1
        return true
    }

    private func makeEntry(_ execution: Execution) -> AppendEntry {
        let events = execution.recentEvents(from: execution.batchedNext).map(Array.init) ?? []
        let row = execution.isRowChanged ? makeRow(execution) : nil
        return AppendEntry(
            sagaID: execution.sagaID, expectedNextEventID: execution.batchedNext, events: events, row: row,
            start: execution.batchedNext == 0 ? execution.startCondition : nil)
    }

    private func makeRow(_ execution: Execution) -> ExecutionRow {
        // Field by field: the state as a value is large to copy.
        return ExecutionRow(
            sagaID: execution.state.sagaID, namespace: execution.state.namespace,
            workflowID: execution.state.workflowID,
            workflowType: execution.state.workflowType, status: execution.state.status,
            startedAt: execution.state.startedAt,
            closedAt: execution.state.closedAt, nextEventID: execution.state.nextEventID,
            partition: Partition.of(
                namespace: execution.state.namespace, workflowID: execution.state.workflowID,
                count: config.partitionCount),
            searchAttributes: execution.state.searchAttributes)
    }

    func appended(_ id: BatchID, _ result: Result<[AppendOutcome], StoreError>) {
        guard let place = inFlight.firstIndex(where: { $0.id == id }) else { return }
        let batch = inFlight[place]
        switch result {
        case .success(let outcomes):
            inFlight.remove(at: place)
            // A missing outcome is a broken store; a conflict sends the run back to what is durable.
            var conflicts: [Execution] = []
            for run in batch.runs {
                let isAppended = run.transaction < outcomes.count && outcomes[run.transaction] == .appended
                if isAppended || planted(.conflictIgnored) {
                    madeDurable(run.execution, upTo: run.next)
                } else {
                    conflicts.append(run.execution)
                }
            }
            for report in batch.late { acknowledge(report.reporter, report.reference, .lateEffect) }
            // After the others, because a conflict may end in a recovery, which forgets everything.
            for execution in conflicts where isReady { conflicted(execution) }
        case .failure(let error) where error.reason == .unavailable && !error.outcomeUnknown:
            retryCommit(place, error)
        case .failure(let error) where planted(.fenceIgnored) && error.reason == .fenced:
            goOnFenced(place)
        case .failure where planted(.lostAppendTakenForDone):
            inFlight.remove(at: place)
            for run in batch.runs { madeDurable(run.execution, upTo: run.next) }
        case .failure(let error):
            startRecovery(error.message)
        }
    }

    /// The store said that nothing was written: the same batch again, later.
    private func retryCommit(_ place: Int, _ error: StoreError) {
        let policy = RetryPolicy(
            maximumAttempts: 0, initialIntervalMicros: 50_000, maximumIntervalMicros: 5_000_000, jitter: 0.2)
        inFlight[place].attempts &+= 1
        let batch = inFlight[place]
        let wait = policy.interval(after: batch.attempts, random: jitter())
        log(.warning, "the store cannot write, attempt \(batch.attempts), next in \(wait / 1_000) ms: \(error.message)")
        monotonicDeadlines.push(
            Deadline(
                at: time.monotonic.addingSaturating(wait), kind: .storeRetry, sagaID: SagaID(high: 0, low: 0),
                generation: batch.id))
    }

    func repeatCommit(_ id: BatchID) {
        if planted(.appendNotRepeated) { return }
        guard let batch = inFlight.first(where: { $0.id == id }) else { return }
        effects.append(.append(id, batch.batch))
    }

    private func madeDurable(_ execution: Execution, upTo next: EventID) {
        undurableEvents -= Int(next - execution.durableNext)
        execution.durableNext = next
        execution.isInFlight = false
        releaseSnapshot(execution)
        let released = execution.heldInFlight
        execution.heldInFlight = []
        for effect in released { release(effect, of: execution) }
        for waiter in execution.eventWaiters where waiter.from < next { answerEvents(waiter.call, execution) }
        execution.eventWaiters.removeAll { $0.from < next }
        if execution.state.isClosed && !execution.hasUndurableEvents { retire(execution) }
        execution.trimRecent()
    }

    private func release(_ effect: HeldEffect, of execution: Execution) {
        switch effect {
        case .reply(let id, let reply, _): answer(id, .success(reply))
        case .acknowledge(let reporter, let reference, _, let verdict): acknowledge(reporter, reference, verdict)
        case .queueStep(let eventID, let attempt): queueStep(execution, eventID, attempt)
        case .queueUndo(let eventID, let attempt): queueUndo(execution, eventID, attempt)
        case .queueProbe(let reference): queueProbe(execution, reference)
        case .cancelStep(let eventID): sendCancel(execution, eventID)
        case .alert(let run): effects.append(.alert(run))
        case .deliver(let eventID): deliver(execution, eventID)
        case .activateCode: activate(execution)
        case .clockMoved: clockMoved(execution)
        case .endChild(let eventID, let call): endChild(eventID, call, execution)
        }
    }

    /// Does it now if everything is durable, else when it is.
    func hold(_ effect: HeldEffect, _ execution: Execution) {
        if effect.isReleasedEarly { return release(effect, of: execution) }
        if execution.isDirty {
            execution.held.append(effect)
        } else if execution.hasUndurableEvents {
            execution.heldInFlight.append(effect)
        } else {
            release(effect, of: execution)
        }
    }

    func hold(reply: CallReply, to id: CallID, _ call: Call, _ execution: Execution) {
        hold(.reply(id, reply, original: call), execution)
    }

    /// Another writer was first. What was not durable never happened; the calls behind it are judged anew.
    private func conflicted(_ execution: Execution) {
        let calls = forget(execution)
        if execution.durableNext == 0, let (id, call) = calls.first {
            // A new run whose workflow id was taken: the newest run decides.
            loadRun(call.target, call.wantedEvents, .call(id, call))
            for (id, call) in calls.dropFirst() { resubmit(id, call) }
        } else {
            startRecovery("run \(execution.sagaID) was changed by another writer")
            // What runs ask of each other they ask anew.
            waitingCalls += calls.filter { $0.0 < Self.firstInternalCall }
        }
    }

    private func resubmit(_ id: CallID, _ call: Call) { loadRun(call.target, call.wantedEvents, .call(id, call)) }

    /// Takes a run out of memory without a trace; gives the calls that waited for it.
    private func forget(_ execution: Execution) -> [(CallID, Call)] {
        var calls: [(CallID, Call)] = []
        for effect in execution.heldInFlight + execution.held {
            switch effect {
            case .reply(let id, _, let call): calls.append((id, call))
            case .acknowledge(let reporter, let reference, let result, _):
                waitingReports.append((reporter, reference, result))
            case .queueStep, .queueUndo, .queueProbe, .cancelStep, .alert, .deliver, .endChild, .activateCode,
                .clockMoved:
                break
            }
        }
        waitingReports += execution.reportsAfterClose.map { ($0.reporter, $0.reference, $0.result) }
        let target = RunTarget(namespace: execution.state.namespace, workflowID: execution.state.workflowID)
        calls += execution.resultWaiters.map { ($0, .result(target)) }
        calls += execution.eventWaiters.map { ($0.call, .awaitEvents(target, from: $0.from)) }
        calls += execution.callsAfterClose + execution.updateCalls
        undurableEvents -= Int(execution.state.nextEventID - execution.durableNext)
        if let holder = execution.codeHolder { effects.append(.worker(holder, .evict(execution.sagaID))) }
        remove(execution)
        return calls
    }

    /// A closed run leaves the memory once its last event is durable.
    private func retire(_ execution: Execution) {
        let successor = execution.successor
        successor?.predecessor = nil
        execution.successor = nil
        if let closing = execution.closing {
            let closed = ClosedRun(
                sagaID: execution.sagaID, status: execution.state.status, closing: closing,
                hasUndo: execution.state.undoLog.hasOpen)
            recentlyClosed.add(
                closed, namespace: execution.state.namespace, workflowID: execution.state.workflowID)
            for waiter in execution.resultWaiters {
                waiters[waiter] = nil
                answer(waiter, .success(.closed(closed)))
            }
        }
        for waiter in execution.eventWaiters { answerEvents(waiter.call, execution) }
        if let holder = execution.codeHolder { effects.append(.worker(holder, .evict(execution.sagaID))) }
        let calls = execution.callsAfterClose + execution.resetWaiters
        let reports = execution.reportsAfterClose
        remove(execution)
        for (id, call) in calls {
            // Nobody waits for that child any more.
            if let origin = internalCalls[id], executions[origin.sagaID]?.state.isClosed != false {
                internalCalls[id] = nil
            } else {
                handleCall(id, call)
            }
        }
        for report in reports { reportAfterEnd(report) }
        // What its parent had to say when it closed came to the run before, which was closing.
        if let successor { lookForParent(of: successor.sagaID) }
    }

    private func remove(_ execution: Execution) {
        if executions.has(execution.sagaID) {
            executions[execution.sagaID] = nil
            quotas.ended(execution.state.namespace)
        }
        if let activation = execution.activation {
            dispatcher.giveBackCodeSlot(activation.worker, activation.generation)
        }
        if let load = execution.historyLoad { dispatcher.giveBackCodeSlot(load.worker, load.generation) }
        if let key = definitionKey(of: execution) { definitions.remove(key) }
        if execution.state.status == .blocked { blockedRunCount -= 1 }
        if openRuns[key(of: execution)] == execution.sagaID { openRuns[key(of: execution)] = nil }
        if execution.isDirty { dirty.removeAll { $0 === execution } }
        execution.isDirty = false
    }

    func dropHeldEffects(_ execution: Execution, _ message: String) {
        for effect in execution.heldInFlight + execution.held {
            switch effect {
            case .reply(let id, _, _):
                answer(id, .failure(CallFailure(.unavailable, message, outcomeUnknown: true)))
            case .acknowledge(let reporter, let reference, let result, _):
                // Its worker does not send it again while its stream lasts.
                waitingReports.append((reporter, reference, result))
            case .queueStep, .queueUndo, .queueProbe, .cancelStep, .alert, .deliver, .endChild, .activateCode,
                .clockMoved:
                break
            }
        }
        waitingReports += execution.reportsAfterClose.map { ($0.reporter, $0.reference, $0.result) }
    }
}
