package import SagaCore

/// The engine as a pure state machine: inputs and the time go in, effects come out (architecture: "A shard is a state
/// machine"). The same code runs in the server, embedded in a program, and in the simulator.
///
/// Two rules hold everywhere here. A run changes only by `emit`, which applies the event to its state *and* puts it into
/// the next batch. And what promises something or causes something (an answer, a task) is *held* until the events behind
/// it are durable; only workflow code may advance before that, because it has no effects of its own.
///
/// What each input looks at goes without the check for overlapping accesses: it is changed by statements that call nothing
/// of the shard meanwhile.
package final class Shard {
    let config: ShardConfig
    var random: SplitMix64
    @exclusivity(unchecked) var time = ShardTime(wall: Timestamp(microseconds: 0), monotonic: 0)
    @exclusivity(unchecked) var effects: [ShardEffect] = []

    /// Open runs, and those that are closing.
    @exclusivity(unchecked) var executions = RunTable()
    /// Runs that are being recovered and have more to do than to wait, so that they are looked at once all of them are there.
    var toRearm: [SagaID] = []
    /// Runs whose code is to be given to a worker again, after a start or when a worker came: a few at a time. From
    /// `revivedUpTo` on.
    var toRevive: [SagaID] = []
    var revivedUpTo = 0
    /// Those that are at it.
    var reviving: [SagaID] = []
    var recentlyClosed = RecentlyClosed()
    /// The open run of each workflow id.
    var openRuns: [WorkflowKey: SagaID] = [:]
    /// Runs with something to append, in the order in which they became so.
    @exclusivity(unchecked) var dirty: [Execution] = []
    /// Commits whose outcome is awaited, of different runs each.
    @exclusivity(unchecked) var inFlight: [BatchInFlight] = []
    /// When a commit is due that waits for live code only; nil if none does.
    @exclusivity(unchecked) var commitHeldUntil: Int64?
    @exclusivity(unchecked) var undurableEvents = 0
    var epoch: UInt64 = 0
    /// False until every open run has been recovered; calls wait until then.
    @exclusivity(unchecked) package private(set) var isReady = false
    var waitingCalls: [(CallID, Call)] = []
    /// Reports that came, or were not made durable, before a recovery; judged after it.
    var waitingReports: [(Reporter, TaskReference, ActivityResult)] = []
    /// The last signs of life that came during a recovery, of attempts that their workers have.
    var waitingSigns: [TaskReference: (worker: WorkerID, details: Payload?)] = [:]

    /// Reports about closed runs that are to be judged, reads for them that are out, and their effects to record.
    var lateReports: [LateReport] = []
    var lateReads = 0
    @exclusivity(unchecked) var lateToRecord: [(report: LateReport, effect: LateEffect)] = []
    /// Runs that wait for a person now.
    var blockedRunCount = 0
    /// Since the shard began: late effects, and times that a run became blocked.
    var lateEffectCount: UInt64 = 0
    var blockCount: UInt64 = 0
    var snapshotCount: UInt64 = 0

    /// Definitions of declarative sagas.
    var definitions = DefinitionCatalogue()
    /// Definitions that are being read after a take-over; the shard is ready when all are there.
    var definitionLoads: Set<SagaID> = []
    var areDefinitionsLost = false
    private var deferredEpoch: UInt64?
    /// The clocks of namespaces whose time is virtual.
    @exclusivity(unchecked) var clocks: [String: NamespaceClock] = [:]
    /// Changes with what they show.
    package internal(set) var clockVersion: UInt64 = 0
    var dispatcher = TaskDispatcher()
    var limiter: QueueLimiter
    var quotas: NamespaceQuotas
    /// Whether queues with a limit are looked at again at a time.
    var isQueueLookArmed = false
    /// Runs whose code waits for a worker, in order.
    var waitingForWorker: [SagaID] = []
    /// The run that each waiting call waits on.
    var waiters: [CallID: SagaID] = [:]
    @exclusivity(unchecked) var wallDeadlines = DeadlineHeap()
    @exclusivity(unchecked) var monotonicDeadlines = DeadlineHeap()
    /// How many of them there must be before stale ones are looked for again.
    var deadlinesToSweep = 0
    var pendingLoads: [LoadID: PendingLoad] = [:]
    var nextLoadID: LoadID = 1
    var nextBatchID: BatchID = 1
    var nextGeneration: UInt64 = 1
    /// Calls of runs to each other: those that wait for an answer, those to be made, and answers to be given.
    var internalCalls: [CallID: InternalCall] = [:]
    @exclusivity(unchecked) var internalRequests: [(CallID, Call)] = []
    @exclusivity(unchecked) var internalAnswers: [(CallID, Result<CallReply, CallFailure>)] = []
    var nextInternalCall: UInt64 = 1
    /// Questions that are with workers.
    var queries: [UInt64: LiveQuery] = [:]
    var nextQueryID: UInt64 = 1

    /// A shard that has recovered nothing yet.
    /// - Parameters:
    ///   - config: Its limits and defaults.
    ///   - seed: Seed of its chances: saga ids and the jitter of retries.
    package init(config: ShardConfig, seed: UInt64) {
        self.config = config
        deadlinesToSweep = config.minDeadlinesToSweep
        limiter = QueueLimiter(config.taskQueueLimits, config.namespaces)
        quotas = NamespaceQuotas(config.namespaces)
        random = SplitMix64(seed: seed)
    }

    /// Takes one input. Call `flush` after the last input at hand, then take the effects.
    package func handle(_ input: ShardInput, now: ShardTime) {
        advance(to: now)
        switch input {
        case .call(let id, let call): handleCall(id, call)
        case .callAbandoned(let id): abandonCall(id)
        case .workerOpened(let id, let offer): workerOpened(id, offer)
        case .workerSlots(let id, let queue, let add): workerSlots(id, queue, add)
        case .workerCodeSlots(let id, let queue, let add): dispatcher.addCodeSlots(id, queue, add)
        case .codeReleased(let id, let sagaID, let generation): codeReleased(id, sagaID, generation)
        case .workerDraining(let id): dispatcher.update(id) { $0.isDraining = true }
        case .workerClosed(let id): workerClosed(id)
        case .workflowTaskAnswered(let id, let sagaID, let generation, let answer):
            workflowTaskAnswered(id, sagaID, generation, answer)
        case .queryAnswered(let id, let queryID, let answer): queryAnswered(id, queryID, answer)
        case .activityEnded(let id, let reference, let result): activityEnded(.worker(id), reference, result)
        case .stepAdvanced(let id, let reference, let result, let advance): stepAdvanced(id, reference, result, advance)
        case .heartbeat(let id, let reference, let details): heartbeat(id, reference, details)
        case .appended(let id, let result): appended(id, result)
        case .historyLoaded(let id, let result): historyLoaded(id, result)
        case .runLoaded(let id, let result): runLoaded(id, result)
        case .snapshotKept(let sagaID, let created): snapshotKept(sagaID, created)
        case .recovered(let run): recovered(run)
        case .imported(let run, let epoch): imported(run, epoch)
        case .recoveryFinished(let epoch): recoveryFinished(epoch)
        case .tick: break
        }
        exchangeInternally()
        runDeadlines()
        useFreedCodeSlots()
        exchangeInternally()
    }

    /// Starts the commits that are due, and gives the effects of everything so far, in order.
    package func flush(now: ShardTime) -> [ShardEffect] {
        advance(to: now)
        if executions.isDamaged { startRecovery("the record of a parked run could not be read") }
        revive()
        moveClocks()
        startCommits()
        park()
        defer { effects = [] }
        return effects
    }

    /// When the shard wants the next `tick`, on the monotonic clock; nil if it waits for nothing.
    package var nextWake: Int64? {
        // What is due and may not be done yet is done when a commit comes back, or when all runs are recovered.
        let wall =
            !isReady || dirty.count >= config.maxDueRuns
            ? nil
            : wallDeadlines.earliest.map { due in
                // Late by the rounding of a microsecond rather than early.
                time.monotonic.addingSaturating(due.subtractingSaturating(time.wall.microseconds))
            }
        return earlier(wall, earlier(monotonicDeadlines.earliest, commitHeldUntil))
    }

    /// How many runs are in memory.
    package var openRunCount: Int { executions.count - definitions.count - clocks.count }

    /// How many of them are there as a whole, and not as a small record.
    package var liveRunCount: Int { executions.liveCount - definitions.count - clocks.count }

    /// Whether anything is gathered or in flight that is not durable.
    package var isIdle: Bool {
        dirty.isEmpty && inFlight.isEmpty && lateToRecord.isEmpty && lateReports.isEmpty && lateReads == 0
    }

    /// How the shard stands, in numbers.
    package var status: ShardStatus {
        ShardStatus(
            isReady: isReady, runs: openRunCount, liveRuns: liveRunCount, runsToRevive: toRevive.count - revivedUpTo,
            blockedRuns: blockedRunCount, undurableEvents: undurableEvents,
            lateEffects: lateEffectCount, blocks: blockCount, snapshots: snapshotCount)
    }

    /// The state of a run in memory, for tests and the simulator.
    package func state(of sagaID: SagaID) -> ExecutionState? { executions[sagaID]?.state }

    /// The run is in the store no longer.
    package func deleted(_ sagaID: SagaID) { recentlyClosed.remove(sagaID) }

    private func advance(to now: ShardTime) {
        // The monotonic clock cannot go back; the wall clock may, and saga time copes with that in `emit`.
        time = ShardTime(wall: now.wall, monotonic: max(time.monotonic, now.monotonic))
    }

    // MARK: Recovery

    private func recovered(_ run: RecoveredRun) {
        guard !isReady, let execution = enter(run) else { return }
        if execution.isDefinition { loadDefinition(execution, from: 0) }
        if onlyWaits(execution) {
            armDeadlines(execution)
            parkCode(execution)
        } else {
            toRearm.append(execution.sagaID)
        }
    }

    /// Makes a run of the store one of the shard's; nil if it is one already, or none.
    func enter(_ run: RecoveredRun) -> Execution? {
        guard run.state.nextEventID > 0, !executions.has(run.state.sagaID), !run.state.isClosed else { return nil }
        let execution = Execution(sagaID: run.state.sagaID)
        execution.state = run.state
        execution.snapshotAt = run.snapshotAt
        execution.recoveredProgram = run.program
        execution.snapshotTime = time.monotonic
        #if SAGA_MUTANTS
            execution.state.forgetOnRestart()
        #endif
        execution.recentBase = execution.state.nextEventID
        execution.durableNext = execution.state.nextEventID
        execution.batchedNext = execution.state.nextEventID
        executions[execution.sagaID] = execution
        openRuns[key(of: execution)] = execution.sagaID
        execution.needsActivation = execution.state.codeMayAct
        execution.doubtLocalSteps()
        execution.awaitsRevival = true
        if execution.state.status == .blocked { blockedRunCount += 1 }
        quotas.began(execution.state.namespace)
        return execution
    }

    private func recoveryFinished(_ epoch: UInt64) {
        guard !isReady else { return }
        guard definitionLoads.isEmpty else { return deferredEpoch = epoch }
        if areDefinitionsLost { return startRecovery("a definition could not be read") }
        self.epoch = epoch
        isReady = true
        openClocks()
        // Which runs go by a clock is known only now: then nothing was armed in time, and all of it is armed here.
        if !clocks.isEmpty { wallDeadlines.removeAll() }
        // In the order of the saga ids: recovery must not depend on a hash.
        var children: [SagaID] = []
        for sagaID in clocks.isEmpty ? toRearm.sorted() : executions.keys.sorted() {
            guard let execution = executions[sagaID] else { continue }
            if execution.state.parent != nil { children.append(sagaID) }
            // Whether anybody was told before the restart is not known.
            if let blocked = blockedRun(execution, isRepeated: true) { effects.append(.alert(blocked)) }
            rearm(execution)
            park()
        }
        toRearm = []
        findOrphans(among: children)
        reclaimFromWorkers()
        let signs = waitingSigns
        waitingSigns = [:]
        for reference in signs.keys.sorted() {
            guard let sign = signs[reference], dispatcher.workers[sign.worker]?.inFlight[reference] != nil else {
                continue
            }
            heartbeat(sign.worker, reference, sign.details)
        }
        let reports = waitingReports
        waitingReports = []
        for (reporter, reference, result) in reports { activityEnded(reporter, reference, result) }
        reviveAll()
        let calls = waitingCalls
        waitingCalls = []
        for (id, call) in calls { handleCall(id, call) }
    }

    /// A definition was read, or could not be: the shard may be ready now.
    func definitionLoadEnded() {
        guard definitionLoads.isEmpty, let epoch = deferredEpoch else { return }
        deferredEpoch = nil
        recoveryFinished(epoch)
    }

    /// Forgets everything that is not durable and asks for what is; the same road as after a crash.
    func startRecovery(_ why: String) {
        isReady = false
        log(.error, "the engine reads its state anew: \(why)")
        for sagaID in executions.keys.sorted() {
            guard let execution = executions[sagaID] else { continue }
            dropHeldEffects(execution, "the store lost the connection while the request was written: \(why)")
            waitingCalls += execution.resultWaiters.map {
                (
                    $0,
                    .result(
                        RunTarget(
                            namespace: execution.state.namespace, workflowID: execution.state.workflowID,
                            sagaID: sagaID))
                )
            }
            waitingCalls += execution.eventWaiters.map {
                (
                    $0.call,
                    .awaitEvents(
                        RunTarget(
                            namespace: execution.state.namespace,
                            workflowID: execution.state.workflowID, sagaID: sagaID), from: $0.from)
                )
            }
            waitingCalls += execution.callsAfterClose + execution.updateCalls
            if let holder = execution.codeHolder { effects.append(.worker(holder, .evict(sagaID))) }
            park()
        }
        for load in pendingLoads.keys.sorted() {
            switch pendingLoads[load] {
            case .call(let id, let call)?: waitingCalls.append((id, call))
            case .report(let report)?: lateReports.append(report)
            case .declaredQuery(let id, let query)?: waitingCalls.append((id, .query(query)))
            case .history?, .query?, .orphan?, .orphanOfReset?, .reset?, .program?, .definition?, nil: break
            }
        }
        lateReports += inFlight.flatMap(\.late) + lateToRecord.map(\.report)
        waitingReports += lateReports.map { ($0.reporter, $0.reference, $0.result) }
        lateReports = []
        lateToRecord = []
        lateReads = 0
        blockedRunCount = 0
        for queryID in queries.keys.sorted() {
            if let query = queries[queryID] { waitingCalls.append((query.call, .query(query.query))) }
        }
        queries = [:]
        forgetInternalCalls()
        executions.removeAll()
        toRearm = []
        toRevive = []
        revivedUpTo = 0
        reviving = []
        forgetClocks()
        quotas.forgetRuns()
        openRuns = [:]
        definitions.removeAll()
        definitionLoads = []
        areDefinitionsLost = false
        deferredEpoch = nil
        dirty = []
        inFlight = []
        commitHeldUntil = nil
        recentlyClosed.removeAll()
        undurableEvents = 0
        waitingForWorker = []
        waiters = [:]
        pendingLoads = [:]
        dispatcher.forgetWaiting()
        wallDeadlines.removeAll()
        monotonicDeadlines.removeAll()
        isQueueLookArmed = false
        effects.append(.recover)
    }

    // MARK: Events

    /// Appends an event to a run: applies it to the state and puts it into the next batch.
    @discardableResult
    func emit(
        _ execution: Execution, _ attributes: EventAttributes, isRetry: Bool = false, parent: EventID? = nil,
        queue: String? = nil, traceID: String? = nil
    ) -> EventID {
        recordStarts(execution)
        recordSnapshot(execution)
        return append(execution, attributes, isRetry: isRetry, parent: parent, queue: queue, traceID: traceID)
    }

    /// Hand-outs are recorded with the next append of their run, never by a commit of their own (semantics, section 5).
    private func recordStarts(_ execution: Execution) {
        guard !execution.unrecordedStarts.isEmpty else { return }
        // Mostly there is one.
        if execution.unrecordedStarts.count == 1 {
            recordStart(execution.unrecordedStarts.removeLast(), execution)
        } else {
            let eventIDs = execution.unrecordedStarts.sorted()
            execution.unrecordedStarts.removeAll(keepingCapacity: true)
            for eventID in eventIDs { recordStart(eventID, execution) }
        }
    }

    private func recordStart(_ eventID: EventID, _ execution: Execution) {
        guard let task = execution.tasks[eventID], let identity = task.unrecordedStart,
            execution.state.steps[eventID] != nil
        else { return }
        _ = execution.tasks.update(eventID) { $0.unrecordedStart = nil }
        append(
            execution,
            .activityTaskStarted(
                ActivityTaskStarted(
                    scheduledEventID: eventID, attempt: task.attempt, identity: identity,
                    startedAt: task.handedOutAt)))
    }

    /// So are snapshots. What was begun before stands in one, so a reset to it is cheap.
    private func recordSnapshot(_ execution: Execution) {
        guard let created = execution.unrecordedSnapshot else { return }
        execution.unrecordedSnapshot = nil
        append(execution, .snapshotCreated(created), isResetPoint: execution.state.status == .running)
    }

    @discardableResult
    private func append(
        _ execution: Execution, _ attributes: EventAttributes, isResetPoint: Bool = false, isRetry: Bool = false,
        parent: EventID? = nil, queue: String? = nil, traceID: String? = nil
    ) -> EventID {
        let eventID = execution.state.nextEventID
        if eventID == 0, !clocks.isEmpty { execution.clock = clock(ofRunThatBegins: attributes) }
        let event = HistoryEvent(
            eventID: eventID, sagaID: execution.sagaID, timestamp: max(now(execution), execution.state.lastTimestamp),
            attributes: attributes, isResetPoint: isResetPoint, isRetry: isRetry, parentEventID: parent,
            taskQueue: queue, traceID: traceID)
        let before = execution.state.status
        do throws(SagaError) {
            try execution.state.apply(event)
        } catch {
            // The engine's own mistake. Nothing is written; the run goes on from what is durable.
            log(.error, "an event was refused by the run's own state and dropped: \(error.message)", execution)
            return eventID
        }
        execution.recent.append(consume event)
        undurableEvents += 1
        stir(execution)
        if config.snapshots.bytes > 0 { execution.bytesSinceSnapshot += attributes.payloadBytes }
        if before != execution.state.status || eventID == 0 {
            execution.isRowChanged = true
            if eventID == 0 { quotas.began(execution.state.namespace) }
            if before == .blocked { blockedRunCount -= 1 }
            if execution.state.status == .blocked { blockedRunCount += 1 }
        }
        if case .upsertSearchAttributes = attributes { execution.isRowChanged = true }
        if execution.state.isClosed { execution.closing = attributes }
        if attributes.concernsCode { execution.needsActivation = true }
        markDirty(execution)
        return eventID
    }

    func markDirty(_ execution: Execution) {
        guard !execution.isDirty else { return }
        execution.isDirty = true
        dirty.append(execution)
    }

    // MARK: Small things

    func key(of execution: Execution) -> WorkflowKey {
        WorkflowKey(namespace: execution.state.namespace, workflowID: execution.state.workflowID)
    }

    func log(_ level: ShardLog.Level, _ message: String, _ execution: Execution? = nil) {
        effects.append(
            .log(
                ShardLog(
                    level, message, sagaID: execution?.sagaID, workflowID: execution?.state.workflowID ?? "")))
    }

    /// An id for a run of a namespace, which holds its beginning by the clock of the namespace.
    func newSagaID(in namespace: String, workflowID: String = "") -> SagaID {
        SagaID(
            time: clock(of: namespace, workflowID)?.now ?? time.wall, random: (random.next(), random.next()))
    }

    func jitter() -> Double { Double(random.next() >> 11) / 9_007_199_254_740_992 }
}

/// A workflow id in its namespace.
struct WorkflowKey: Hashable {
    var namespace: String
    var workflowID: String
}

/// What a shard is given of the engine's configuration, in microseconds.
package struct ShardConfig: Sendable {
    package var defaultTaskQueue: String
    package var activityTimeoutMicros: Int64
    package var cancelGraceMicros: Int64
    package var reclaimGraceMicros: Int64
    package var workflowTaskTimeoutMicros: Int64
    package var activationHoldMicros: Int64
    package var maxBatchEvents: Int
    package var maxBatchRuns: Int
    /// Commits in flight at a time: as many as the store writes at the same time.
    package var maxBatchesInFlight = 1
    /// Runs that must have gathered before a commit goes out beside another one.
    package var minRunsBeside = 128
    /// Runs with something to append from which on the engine counts as loaded: commits then wait longer for live code, whose
    /// answers are on their way behind many others.
    package var minRunsOfLoad = 32
    package var partitionCount: UInt32
    /// Undurable events beyond which calls that would add more are refused. Bounds the memory when the store is slow.
    package var maxUndurableEvents = 65_536
    /// Runs that are kept as a whole; of others that wait only a small record is.
    package var maxLiveRuns = 8_192
    /// Runs whose code is given to workers at a time after a start.
    package var maxRevivals = 256
    /// Deadlines of live workers below which stale ones are left to come up.
    package var minDeadlinesToSweep = 65_536
    /// Runs with something to append beyond which timers that are due wait: a million of them at once are no more work at a time
    /// than the store takes.
    package var maxDueRuns = 1_024
    /// Events in one workflow task; a longer history goes out in several.
    package var historyPageEvents = 1_000
    package var taskQueueLimits: [String: TaskQueueLimit] = [:]
    package var namespaces: [String: NamespaceOptions] = [:]
    package var allowsVirtualClocks = false
    var snapshots: ShardSnapshotPolicy
    /// Events between two snapshots of a run; 0 for none.
    package var snapshotEvents: UInt64 {
        get { snapshots.events }
        set { snapshots.events = newValue }
    }

    package init(_ config: SagaEngineConfig = .init(), partitionCount: UInt32 = Partition.defaultCount) {
        defaultTaskQueue = config.workflowTaskQueue
        activityTimeoutMicros = max(1, config.defaultActivityTimeout.wholeMicroseconds)
        cancelGraceMicros = config.cancelGrace.wholeMicroseconds
        reclaimGraceMicros = config.reclaimGrace.wholeMicroseconds
        workflowTaskTimeoutMicros = config.workflowTaskTimeout.wholeMicroseconds
        activationHoldMicros = config.activationHold.wholeMicroseconds
        maxBatchEvents = max(1, config.maxBatchEvents)
        maxBatchRuns = max(1, config.maxBatchRuns)
        taskQueueLimits = config.taskQueueLimits
        maxLiveRuns = max(0, config.maxLiveRuns)
        namespaces = config.namespaces
        allowsVirtualClocks = config.allowsVirtualClocks
        snapshots = ShardSnapshotPolicy(config.snapshots)
        self.partitionCount = partitionCount
    }
}

extension EventAttributes {
    /// Whether workflow code is given something by the event.
    var concernsCode: Bool {
        switch self {
        case .workflowExecutionStarted, .workflowExecutionCancelRequested, .activityTaskCompleted, .activityTaskFailed,
            .activityTaskTimedOut, .activityTaskCanceled, .timerFired, .signalReceived, .compensationCompleted,
            .workflowExecutionUnblocked, .workflowUpdateAccepted, .externalSignalDelivered, .externalSignalFailed,
            .localActivityScheduled, .localActivityCompleted, .localActivityFailed, .localActivityTimedOut,
            .localActivityCanceled, .childWorkflowExecutionStarted, .childWorkflowExecutionCompleted,
            .childWorkflowExecutionFailed,
            .childWorkflowExecutionCanceled, .childWorkflowExecutionTimedOut, .childWorkflowExecutionTerminated,
            .startChildWorkflowExecutionFailed:
            true
        default: false
        }
    }
}

/// The earlier of two moments, of which each may be never.
private func earlier(_ one: Int64?, _ other: Int64?) -> Int64? {
    guard let one else { return other }
    return other.map { min(one, $0) } ?? one
}

extension Int64 {
    func addingSaturating(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other > 0 ? .max : .min) : sum
    }

    func subtractingSaturating(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }
}
