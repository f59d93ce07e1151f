internal import SagaCore

/// Namespaces with a virtual clock: time stands still in them while anything is under way, and jumps to what is due next when
/// nothing is. The jump is an append of its own; only when it is durable does anything fire.
extension Shard {
    /// The namespace of the clocks' keepers.
    package static let clockNamespace = "saga:clocks"
    /// The type of a keeper, and of the event that a jump is.
    static let clockType = "saga.clock"
    /// Jumps in one keeper; then another goes on, so that a restart reads little.
    static let jumpsPerKeeper: EventID = 10_000
    /// The last time that a clock can be moved to by hand: the end of the year 9999.
    static let endOfTime = Timestamp(microseconds: 253_402_300_799_999_999)

    // MARK: What time it is

    /// The time of a run.
    @inline(__always)
    func now(_ execution: Execution) -> Timestamp { execution.clock?.now ?? time.wall }

    /// The virtual clock by which a run goes: what the engine keeps for a namespace goes by that namespace's.
    func clock(of namespace: String, _ workflowID: String) -> NamespaceClock? {
        clocks.isEmpty ? nil : clocks[namespace] ?? clocks[owner(of: namespace, workflowID)]
    }

    /// The callers' namespace that a run belongs to.
    private func owner(of namespace: String, _ workflowID: String) -> String {
        if namespace == ScheduleDesk.namespace { return ScheduleDesk.owner(ofKey: workflowID) }
        if namespace == Self.clockNamespace { return workflowID }
        guard namespace.hasPrefix(Self.definitionNamespace) else { return namespace }
        return String(namespace.dropFirst(Self.definitionNamespace.count))
    }

    func clock(ofRunThatBegins attributes: EventAttributes) -> NamespaceClock? {
        guard case .workflowExecutionStarted(let started) = attributes else { return nil }
        return clock(of: started.namespace, started.workflowID)
    }

    /// What the virtual clocks show, by namespace. A jump that is not durable yet does not count.
    package var clockReadings: [ClockReading] { clocks.keys.sorted().compactMap { clocks[$0]?.reading } }

    // MARK: Beginning

    /// After a recovery: the clocks that the store has, and those that it is to have.
    func openClocks() {
        for sagaID in runs(where: { $0.namespace == Self.clockNamespace }) {
            guard let execution = executions[sagaID], execution.isClockKeeper else { continue }
            let clock = NamespaceClock(
                namespace: execution.state.workflowID, keeper: sagaID,
                now: planted(.clockSetBackOnRestart) ? execution.state.startedAt : execution.state.lastTimestamp)
            clock.isHeld = execution.state.status == .paused
            clocks[clock.namespace] = clock
        }
        for namespace in config.namespaces.keys.sorted()
        where clocks[namespace] == nil && namespace != [String: NamespaceOptions].others {
            guard let clock = config.namespaces[namespace]?.virtualClock else { continue }
            beginClock(namespace, at: clock.start ?? time.wall, identity: "configuration")
        }
        clockVersion &+= 1
        if !clocks.isEmpty { placeRuns() }
    }

    /// Runs in order of their ids, found by their names: most are parked, and looking at one would make it whole.
    private func runs(where isWanted: (WorkflowKey) -> Bool) -> [SagaID] {
        openRuns.filter { isWanted($0.key) }.values.sorted()
    }

    private func placeRuns() {
        for sagaID in runs(where: { clock(of: $0.namespace, $0.workflowID) != nil }) {
            guard let execution = executions[sagaID] else { continue }
            execution.clock = clock(of: execution.state.namespace, execution.state.workflowID)
            stir(execution)
        }
    }

    private func beginClock(_ namespace: String, at start: Timestamp, identity: String) {
        let keeper = Execution(
            sagaID: SagaID(time: start, random: (random.next(), random.next())))
        keeper.startCondition = .unused
        executions[keeper.sagaID] = keeper
        let clock = NamespaceClock(namespace: namespace, keeper: keeper.sagaID, now: start)
        // Nothing of the namespace is durable before its clock is.
        clock.isJumping = true
        clocks[namespace] = clock
        let started = WorkflowExecutionStarted(
            namespace: Self.clockNamespace, workflowID: namespace, workflowType: Self.clockType, workflowVersion: 1,
            taskQueue: EngineQueue.name, input: .empty, executionTimeoutMicros: 0, cancelGraceMicros: 0,
            identity: identity)
        emit(keeper, .workflowExecutionStarted(started), queue: EngineQueue.name)
        openRuns[key(of: keeper)] = keeper.sagaID
        hold(.clockMoved, keeper)
        log(.info, "time in namespace \(namespace) is virtual from now on, and begins at \(start)")
    }

    /// Everything is read anew: so are the clocks.
    func forgetClocks() {
        for namespace in clocks.keys.sorted() {
            waitingCalls += clocks[namespace]?.waiters.map { ($0.call, .clock($0.request)) } ?? []
        }
        clocks = [:]
    }

    // MARK: Whether anything is under way

    /// Something happens at a run.
    @inline(__always)
    func stir(_ execution: Execution) {
        if let clock = execution.clock { clock.stirred[execution.sagaID] = execution }
    }

    private func isQuiet(_ clock: NamespaceClock) -> Bool {
        // Runs at rest are looked at again when something happens at them.
        let atRest = clock.stirred.filter { business(of: $0.value, counting: .everything) == nil }
        if atRest.count == clock.stirred.count {
            clock.stirred.removeAll(keepingCapacity: true)
        } else {
            for sagaID in atRest.keys { clock.stirred[sagaID] = nil }
        }
        // By hand, time passes for tasks that wait for a worker that is not there: else their time-outs would never come.
        if !clock.stirred.isEmpty {
            guard clock.limit != nil else { return false }
            if clock.stirred.values.contains(where: { business(of: $0, counting: .whatIsServed) != nil }) {
                return false
            }
        }
        return !isAsked(clock)
    }

    /// Why a clock does not move by itself, for people and for the simulator: each run that is busy, and with what.
    package func holders(ofClock namespace: String) -> [String] {
        guard let clock = clocks[namespace] else { return [] }
        var lines = clock.stirred.keys.sorted().compactMap { sagaID -> String? in
            guard let execution = clock.stirred[sagaID] else { return nil }
            return business(of: execution, counting: .everything).map { "\(execution.state.workflowID): \($0)" }
        }
        if clock.isJumping { lines.append("a jump that is not durable") }
        if isAsked(clock) { lines.append("a request") }
        return lines
    }

    /// Which tasks count.
    private enum Counted {
        case everything
        /// Not those that wait for a worker that is not there.
        case whatIsServed
    }

    /// What a run is busy with. Looked for at every turn of the shard, so it becomes words only where people read it.
    private enum Business: CustomStringConvertible {
        case append, code, workerForCode, request, localActivity, signal, childStart
        case step(String, LiveTask.Phase)
        case undo(String, LiveTask.Phase)

        var description: String {
            switch self {
            case .append: "an append"
            case .code: "its code"
            case .workerForCode: "a worker for its code"
            case .request: "a request"
            case .localActivity: "a local activity"
            case .signal: "a signal on its way"
            case .childStart: "the start of a child"
            case .step(let stepID, let phase): "step \(stepID), \(phase)"
            case .undo(let stepID, let phase): "the undo of step \(stepID), \(phase)"
            }
        }
    }

    /// What is done for a run, or could be done if a worker came; nil if nothing is.
    private func business(of execution: Execution, counting: Counted) -> Business? {
        guard executions.live(execution.sagaID) === execution else { return nil }
        if execution.isDirty || execution.isInFlight || execution.hasUndurableEvents { return .append }
        if execution.activation != nil || execution.historyLoad != nil || execution.isCodeRetryArmed { return .code }
        // The state is not copied: it is large.
        let isPaused = execution.state.status == .paused
        if execution.isClockKeeper || execution.isDefinition { return nil }
        if execution.needsActivation, execution.state.codeMayAct,
            execution.isWaitingForWorker || execution.awaitsRevival
        {
            return .workerForCode
        }
        if execution.isLoadingForReset || execution.pendingUpdates.contains(where: \.isOut) { return .request }
        if !execution.state.localSteps.isEmpty { return .localActivity }
        if !execution.state.externalSignals.isEmpty { return .signal }
        for eventID in execution.state.children.eventIDs {
            guard let child = execution.state.children[eventID], child.sagaID == nil else { continue }
            // What an earlier child of that id still does, it does for itself.
            if earlierChild(withIDOf: child, execution) == nil { return .childStart }
        }
        for eventID in execution.tasks.eventIDs {
            guard let task = execution.tasks[eventID], let step = execution.state.steps[eventID] else { continue }
            switch task.phase {
            case .waitingForRetry: break
            case .queued where isPaused: break
            case .queued:
                let lane = TaskDispatcher.Lane(
                    namespace: execution.state.namespace, queue: step.taskQueue,
                    type: step.activityType)
                if counting == .everything || dispatcher.isServed(lane) {
                    return .step(step.stepID, task.phase)
                }
            case .waitingForCommit, .maybeOut: if !isPaused { return .step(step.stepID, task.phase) }
            case .out, .later: return .step(step.stepID, task.phase)
            }
        }
        for eventID in execution.undoTasks.eventIDs {
            guard let task = execution.undoTasks[eventID], let entry = execution.state.undoLog.entry(eventID),
                !entry.status.isSettled, entry.status != .blocked
            else { continue }
            // The undoing of a child is a run of its own, and stirs for itself.
            if task.phase == .waitingForRetry || entry.child != nil && task.phase == .queued { continue }
            return .undo(entry.stepID, task.phase)
        }
        return nil
    }

    /// Whether a request is on its way in the namespace. Whoever only waits for the end of a run does not count.
    private func isAsked(_ clock: NamespaceClock) -> Bool {
        for load in pendingLoads.values {
            switch load {
            case .call(_, let call):
                if self.clock(of: call.target.namespace, call.target.workflowID) === clock { return true }
            case .declaredQuery(_, let query):
                if self.clock(of: query.target.namespace, query.target.workflowID) === clock { return true }
            case .orphan(let sagaID), .orphanOfReset(let sagaID, _):
                if executions[sagaID]?.clock === clock { return true }
            case .history, .report, .reset, .query, .program, .definition: break
            }
        }
        if queries.values.contains(where: { self.clock(of: $0.run.namespace, $0.run.workflowID) === clock }) {
            return true
        }
        return internalCalls.values.contains { !$0.isWait && executions[$0.sagaID]?.clock === clock }
    }

    // MARK: Moving

    /// Lets the clocks jump whose namespaces are at rest.
    func moveClocks() {
        if clocks.isEmpty || !isReady { return }
        for namespace in clocks.keys.sorted() {
            if let clock = clocks[namespace], !clock.isJumping, isQuiet(clock) { move(clock) }
        }
    }

    private func move(_ clock: NamespaceClock) {
        if let limit = clock.limit, limit <= clock.now { clock.limit = nil }
        let arrived = clock.waiters.filter { ($0.request.advanceTo ?? clock.now) <= clock.now }
        if !arrived.isEmpty {
            clock.waiters.removeAll { ($0.request.advanceTo ?? clock.now) <= clock.now }
            for waiter in arrived { answer(waiter.call, .success(.clock(clock.reading))) }
        }
        let next = clock.next(isWanted)
        let due = [next.saga, next.schedule].compactMap(\.self).min()
        let target: Timestamp
        if let limit = clock.limit {
            target = min(limit, due ?? limit)
        } else {
            guard !clock.isHeld, next.saga != nil, let due else { return }
            target = due
        }
        guard target > clock.now, var keeper = executions[clock.keeper] else { return }
        clock.now = target
        clock.isJumping = true
        if keeper.state.nextEventID >= Self.jumpsPerKeeper { keeper = replace(keeper, of: clock) }
        emit(
            keeper,
            .domainEvent(DomainEvent(typeName: Self.clockType, typeVersion: 1, payload: .empty)))
        hold(.clockMoved, keeper)
    }

    private func replace(_ keeper: Execution, of clock: NamespaceClock) -> Execution {
        continueAsNew(keeper.state.nextCommandNumber, input: .empty, carryUndo: false, signals: [], keeper)
        guard let next = keeper.successor else { return keeper }
        clock.keeper = next.sagaID
        if clock.isHeld { emit(next, .workflowExecutionPaused(WorkflowExecutionPaused(reason: "held before"))) }
        return next
    }

    /// The jump is durable.
    func clockMoved(_ keeper: Execution) {
        guard let clock = clocks[keeper.state.workflowID], clock.keeper == keeper.sagaID else { return }
        clock.isJumping = false
        clock.shown = clock.now
        clockVersion &+= 1
        runVirtualDeadlines()
    }

    func runVirtualDeadlines() {
        if clocks.isEmpty { return }
        for namespace in clocks.keys.sorted() {
            while let clock = clocks[namespace], !clock.isJumping, let due = clock.popDue() { run(due) }
        }
    }

    /// Whether anybody still waits for it.
    private func isWanted(_ due: Deadline) -> Bool {
        guard let execution = executions[due.sagaID], !execution.state.isClosed else { return false }
        switch due.kind {
        case .timer: return execution.state.timers[due.eventID] != nil
        case .stepRetry:
            return execution.state.steps[due.eventID].map { UInt64($0.attempt) } == due.generation
                && execution.tasks[due.eventID]?.phase == .waitingForRetry
        case .undoRetry:
            return execution.state.undoLog.entry(due.eventID).map { UInt64($0.attempt) } == due.generation
                && execution.undoTasks[due.eventID]?.phase == .waitingForRetry
        case .executionTimeout:
            return execution.state.unwinding == nil || execution.state.unwinding?.cause == .requested
        case .cancelGrace: return execution.state.codeMayAct
        case .scheduleToStart:
            switch execution.tasks[due.eventID]?.phase {
            case .out?, .maybeOut?, .later?, nil: return false
            default: return true
            }
        case .scheduleToClose: return execution.state.steps[due.eventID] != nil
        default: return true
        }
    }

    // MARK: By hand

    func askClock(_ id: CallID, _ call: Call, _ request: ClockCall) {
        guard let clock = clocks[request.namespace], let keeper = executions[clock.keeper] else {
            guard request.begins || request.advanceTo != nil || request.isHeld != nil else {
                let reading = ClockReading(
                    namespace: request.namespace, time: time.wall, isVirtual: false, isHeld: false)
                return answer(id, .success(.clock(reading)))
            }
            guard request.begins, config.allowsVirtualClocks else {
                return fail(
                    id, .failedPrecondition,
                    "time in namespace \(request.namespace) is real; start the server with --virtual-clock"
                        + " \(request.namespace) to make it virtual, for good")
            }
            let open = runs { key in
                !key.namespace.hasPrefix(Self.definitionNamespace) && key.namespace != Self.clockNamespace
                    && owner(of: key.namespace, key.workflowID) == request.namespace
            }
            if let open = open.first.flatMap({ executions[$0] }) {
                return fail(
                    id, .failedPrecondition,
                    "namespace \(request.namespace) has open sagas, which wait by the clock on the wall; start the server"
                        + " with --virtual-clock \(request.namespace), or let them end", open)
            }
            beginClock(request.namespace, at: time.wall, identity: request.identity)
            clockVersion &+= 1
            placeRuns()
            return askClock(id, call, request)
        }
        if let target = request.advanceTo {
            guard target <= Self.endOfTime else {
                return fail(id, .invalidArgument, "a clock moves to the end of the year 9999 at most")
            }
            clock.limit = max(clock.limit ?? target, target)
        }
        if let isHeld = request.isHeld, isHeld != clock.isHeld {
            clock.isHeld = isHeld
            clockVersion &+= 1
            emit(
                keeper,
                isHeld
                    ? .workflowExecutionPaused(WorkflowExecutionPaused(identity: request.identity))
                    : .workflowExecutionResumed(WorkflowExecutionResumed(identity: request.identity)))
        }
        if request.advanceTo != nil {
            clock.waiters.append((id, request))
        } else {
            hold(.reply(id, .clock(clock.reading), original: call), keeper)
        }
    }
}

extension Execution {
    /// Whether it keeps a clock, and runs nothing.
    var isClockKeeper: Bool { isDeclared && state.namespace == Shard.clockNamespace }
}
