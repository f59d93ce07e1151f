internal import SagaCore
internal import SagaEngine

/// Watches one simulation from outside: what became durable, what was promised to whom, what really happened.
struct Checker {
    var ledger = Ledger()
    var runs: [SagaID: RunModel] = [:]
    /// In the order in which they began.
    private(set) var order: [SagaID] = []
    /// The runs of each workflow id, the newest last.
    private(set) var runsOfID: [String: [SagaID]] = [:]
    /// Durable events, as the store was given them.
    private(set) var histories: [SagaID: [HistoryEvent]] = [:]
    /// Replays of the durable histories, each as far as it was last compared.
    private(set) var replays: [SagaID: ExecutionState] = [:]
    var runOfStartRequest: [String: SagaID] = [:]
    /// Results that workers have sent, by attempt: what is recorded must be one of them.
    private var outputs: [TaskReference: Payload] = [:]
    /// Others that were sent before: two workers may have had the same attempt (seed 4731).
    private var earlierOutputs: [TaskReference: Set<Payload>] = [:]
    /// Reports that are kept because they came too late.
    private var lateEffects: Set<TaskReference> = []
    /// Attempts whose reports came while their run was open.
    private var cameInTime: Set<TaskReference> = []
    /// Attempts that workers said have failed, or were stopped.
    private var failures: Set<TaskReference> = []
    /// The versions of each definition, as the plans have them, and how many of them are durable.
    var declaredPlans: [String: [DeclaredPlan]] = [:]
    private(set) var definedVersions: [String: Int] = [:]
    private(set) var declared: [SagaID: DeclaredModel] = [:]
    /// Attempts that workers said go on outside of them.
    private var laters: Set<TaskReference> = []
    /// What workers said of local activities, by the run and the command.
    var localEnds: [String: Set<Payload>] = [:]
    /// Runs that are in the store no longer.
    var deleted: Set<SagaID> = []
    /// Requests to reset a run that made a new one.
    var resetRequests: Set<String> = []
    private(set) var eventCount = 0
    /// What the virtual clock shows durably; nil if time is real.
    private(set) var clock: Timestamp?
    var violations: [Violation] = []

    func run(_ sagaID: SagaID) -> RunModel? { runs[sagaID] }

    mutating func report(_ violation: Violation) {
        if violations.count < 20 { violations.append(violation) }
    }

    mutating func check(_ holds: Bool, _ rule: String, _ message: @autoclosure () -> String) {
        if !holds { report(Violation(rule, message())) }
    }

    /// An entry has become durable. It is judged by what comes out of its stored form.
    /// - Returns: The stored form, for the trace hash.
    mutating func appended(_ entry: AppendEntry) -> [UInt8] {
        let blob = PackedEvents.encode(entry.events)
        var events: [HistoryEvent] = []
        do {
            events = try PackedEvents.decode(blob, sagaID: entry.sagaID, firstEventID: entry.expectedNextEventID)
        } catch {
            report(Violation("codec", "\(entry.sagaID): stored events do not decode: \(error)"))
        }
        check(events == entry.events, "codec", "\(entry.sagaID): stored events decode to other events")
        eventCount += events.count
        let isNew = entry.expectedNextEventID == 0
        if isNew { begin(entry) }
        let run = runs[entry.sagaID] ?? RunModel(sagaID: entry.sagaID)
        runs[entry.sagaID] = run
        do throws(Violation) {
            if isNew { try judgeOrigin(entry) }
            let copied = run.copied
            for event in events {
                try run.apply(event, ledger)
                if event.eventID < copied { continue }
                try judgeOutput(event)
                try judgeDeclared(event, run)
                try judgeClock(event, run, copies: entry)
                try judgeOthers(event, run)
                try judgeRepeat(event, run, isFirstAppend: isNew)
            }
            if isNew { try judgeCarriedCancel(entry.sagaID) }
        } catch {
            report(error)
        }
        histories[entry.sagaID, default: []].append(contentsOf: events)
        return blob
    }

    private mutating func begin(_ entry: AppendEntry) {
        guard case .workflowExecutionStarted(let started)? = entry.events.first?.attributes else { return }
        let earlier = runsOfID[started.workflowID, default: []]
        check(
            earlier.allSatisfy { runs[$0]?.isClosed == true }, "start",
            "\(started.workflowID) has two open runs: \(entry.sagaID) and \(earlier.last.map { "\($0)" } ?? "")")
        check(runs[entry.sagaID] == nil, "start", "run \(entry.sagaID) starts twice")
        check(
            !started.requestID.hasPrefix("schedule/") || earlier.isEmpty, "schedule",
            "\(started.workflowID) is started twice by its schedule")
        let isReset = entry.events.contains { $0.eventType == .workflowExecutionReset }
        if !started.requestID.isEmpty, !isReset {
            check(
                runOfStartRequest[started.requestID] == nil, "start",
                "request \(started.requestID) started two runs")
            runOfStartRequest[started.requestID] = entry.sagaID
        }
        order.append(entry.sagaID)
        runsOfID[started.workflowID, default: []].append(entry.sagaID)
    }

    /// In virtual time everything happens when the clock says so: a jump is durable before anything that happens after it, and no
    /// restart goes back.
    private mutating func judgeClock(
        _ event: HistoryEvent, _ run: RunModel, copies entry: AppendEntry
    ) throws(Violation) {
        guard run.isClock else {
            guard let clock, event.timestamp != clock else { return }
            // A run that was reset begins with events of before.
            let isReset = entry.events.contains { $0.eventType == .workflowExecutionReset }
            if isReset, event.timestamp < clock { return }
            throw Violation(
                "clock",
                "event \(event.eventID) of \(event.sagaID) happens at \(event.timestamp), the clock shows \(clock)")
        }
        if let clock, event.timestamp < clock { throw Violation("clock", "it goes back to \(event.timestamp)") }
        clock = event.timestamp
    }

    /// Definitions and the runs of them.
    private mutating func judgeDeclared(_ event: HistoryEvent, _ run: RunModel) throws(Violation) {
        if case .domainEvent = event.attributes, run.isDefinition {
            definedVersions[run.started?.workflowID ?? "", default: 0] += 1
        }
        if case .workflowExecutionStarted(let started) = event.attributes,
            let plans = declaredPlans[started.workflowType]
        {
            let version = Int(started.workflowVersion)
            guard started.taskQueue == "saga.engine", version >= 1, plans.indices.contains(version - 1),
                version <= definedVersions[started.workflowType] ?? 0
            else {
                throw Violation("declared", "\(event.sagaID) begins with version \(version), which is not durable")
            }
            declared[event.sagaID] = DeclaredModel(plans[version - 1])
        }
        if run.isDeclared { try declared[event.sagaID]?.judge(event) }
    }

    /// The engine says that a definition is registered.
    mutating func answered(define name: String, version: UInt32) {
        check(
            version >= 1 && Int(version) <= definedVersions[name] ?? 0, "durable",
            "version \(version) of definition \(name) is acknowledged but not durable")
    }

    /// What is recorded as a result is what a worker sent.
    private func judgeOutput(_ event: HistoryEvent) throws(Violation) {
        // The undo of a child is another run, see `judgeOthers`.
        switch event.attributes {
        case .compensationStepCompleted(let value) where isOfChild(value.stepEventID, event): return
        case .compensationStepFailed(let value) where isOfChild(value.stepEventID, event): return
        case .compensationStepRetryScheduled(let value) where isOfChild(value.stepEventID, event): return
        default: break
        }
        let reference: TaskReference
        let output: Payload
        switch event.attributes {
        case .activityTaskCompleted(let value):
            reference = TaskReference(
                sagaID: event.sagaID, eventID: value.scheduledEventID, attempt: value.attempt, isUndo: false)
            output = value.output
        case .compensationStepCompleted(let value):
            reference = TaskReference(
                sagaID: event.sagaID, eventID: value.stepEventID, attempt: value.attempt, isUndo: true)
            output = value.output
        case .activityTaskStarted(let value) where value.completesLater:
            reference = TaskReference(
                sagaID: event.sagaID, eventID: value.scheduledEventID, attempt: value.attempt, isUndo: false)
            if laters.contains(reference) { return }
            throw Violation("later", "\(event.sagaID): nobody said that event \(reference.eventID) completes later")
        case .activityTaskFailed(let value):
            return try judgeFailure(event, value.scheduledEventID, value.attempt, value.error, isUndo: false)
        case .activityTaskRetryScheduled(let value):
            return try judgeFailure(event, value.scheduledEventID, value.attempt, value.error, isUndo: false)
        case .compensationStepFailed(let value):
            return try judgeFailure(event, value.stepEventID, value.attempt, value.error, isUndo: true)
        case .compensationStepRetryScheduled(let value):
            return try judgeFailure(event, value.stepEventID, value.attempt, value.error, isUndo: true)
        default: return
        }
        if outputs[reference] != output, earlierOutputs[reference]?.contains(output) != true {
            throw Violation("result", "\(event.sagaID): the result of event \(reference.eventID) was never reported")
        }
    }

    private func isOfChild(_ step: EventID, _ event: HistoryEvent) -> Bool {
        runs[event.sagaID]?.undo(step)?.child != nil
    }

    /// What is recorded as the failure of an attempt is what a worker said of that attempt, or a time-out.
    private func judgeFailure(
        _ event: HistoryEvent, _ eventID: EventID, _ attempt: UInt32, _ error: SagaError, isUndo: Bool
    ) throws(Violation) {
        if error.kind == .timeout { return }
        let reference = TaskReference(sagaID: event.sagaID, eventID: eventID, attempt: attempt, isUndo: isUndo)
        if !failures.contains(reference) {
            throw Violation("result", "\(event.sagaID): attempt \(attempt) of event \(eventID) never failed")
        }
    }

    mutating func workerReports(_ reference: TaskReference, _ result: ActivityResult) {
        switch result {
        case .completed(let output, _):
            if let before = outputs.updateValue(output, forKey: reference), before != output {
                earlierOutputs[reference, default: []].insert(before)
            }
        case .failed, .canceled: failures.insert(reference)
        case .completesLater: laters.insert(reference)
        }
    }

    /// A server gets a report.
    mutating func arrived(_ reference: TaskReference) {
        if runs[reference.sagaID]?.isClosed == false { cameInTime.insert(reference) }
    }

    // MARK: Promises, judged when the engine makes them

    /// The engine lets a worker have a task: its cause must be durable.
    ///
    /// Of a server that was replaced and does not know it, less is asked: what it hands out was durable once, so it is like
    /// a message that was long under way.
    mutating func handedOut(_ task: ActivityTask, isOwner: Bool, at wall: Timestamp?) {
        let reference = task.reference
        if reference.isUndo {
            do throws(Violation) { try declared[reference.sagaID]?.judgeUndo(task) } catch { report(error) }
        }
        if !reference.isUndo { runs[reference.sagaID]?.steps[reference.eventID]?.outAttempt = reference.attempt }
        guard isOwner else { return handedOutByZombie(task) }
        guard let run = runs[reference.sagaID], !run.isClosed else {
            return report(Violation("cause", "a task of \(reference.sagaID), which is closed or not durable, is out"))
        }
        if reference.isUndo && reference.attempt == 0 {
            check(
                run.undo(reference.eventID)?.stage == .open && run.undo(reference.eventID)?.outcome == .unknown,
                "cause",
                "a probe of \(reference.eventID) of \(reference.sagaID) is out, which nobody needs")
        } else if reference.isUndo {
            guard let undo = run.undo(reference.eventID), undo.stage == .started || undo.stage == .waiting else {
                return report(Violation("cause", "undo \(reference.eventID) of \(reference.sagaID) is out too early"))
            }
            check(
                undo.attempt == reference.attempt && undo.key == task.idempotencyKey, "cause",
                "undo \(reference.eventID) of \(reference.sagaID) is out as attempt \(reference.attempt)")
            check(
                task.undo?.output == undo.output && task.undo?.outcome == undo.outcome
                    && task.undo?.stepKey == undo.stepKey, "undo",
                "undo \(reference.eventID) of \(reference.sagaID) is told something else than what is recorded")
        } else {
            guard let step = run.steps[reference.eventID], step.closedBy == nil else {
                return report(
                    Violation("cause", "step \(reference.eventID) of \(reference.sagaID) is out, but not durably open"))
            }
            check(
                step.attempt == reference.attempt && step.scheduled.idempotencyKey == task.idempotencyKey, "cause",
                "step \(reference.eventID) of \(reference.sagaID) is out as attempt \(reference.attempt),"
                    + " durable is \(step.attempt)")
            check(
                step.later != reference.attempt, "later",
                "attempt \(reference.attempt) of step \(reference.eventID) of \(reference.sagaID) goes on outside, and is"
                    + " handed out again")
            check(
                !run.isPaused, "paused",
                "step \(reference.eventID) of \(reference.sagaID) is handed out while the run is paused")
            check(
                !run.isUnwinding(step.scheduled.scope), "forward",
                "step \(reference.eventID) of \(reference.sagaID) is handed out while it is unwound")
            if let wall, let due = step.retryDueAt {
                check(
                    due <= wall, "attempt",
                    "attempt \(reference.attempt) of step \(reference.eventID) of \(reference.sagaID) is early")
            }
        }
    }

    private mutating func handedOutByZombie(_ task: ActivityTask) {
        let reference = task.reference
        let run = runs[reference.sagaID]
        if reference.isUndo {
            let undo = run?.undo(reference.eventID)
            check(
                undo != nil && (reference.attempt == 0 || undo?.roundBegan != nil), "cause",
                "undo \(reference.eventID) of \(reference.sagaID) is out and never was durable")
        } else {
            let step = run?.steps[reference.eventID]
            check(
                step?.scheduled.idempotencyKey == task.idempotencyKey && reference.attempt <= step?.attempt ?? 0,
                "cause",
                "step \(reference.eventID) of \(reference.sagaID) is out and never was durable")
        }
    }

    /// The engine tells a worker that its report is safe: then it is durable, or can never count any more.
    mutating func acknowledged(
        _ reference: TaskReference, _ verdict: ReportVerdict, isSuccess: Bool, isLater: Bool = false
    ) {
        check(
            verdict != .lateEffect || lateEffects.contains(reference), "late",
            "step \(reference.eventID) of \(reference.sagaID) is said to be kept as a late effect, and is not")
        guard let run = runs[reference.sagaID] else {
            return report(Violation("ack", "a report about \(reference.sagaID) is acknowledged; it is not durable"))
        }
        if run.isClosed { return isSuccess ? judgeLate(reference, run) : () }
        // A probe only looks; its answer may be lost.
        if reference.isUndo && reference.attempt == 0 { return }
        if reference.isUndo {
            let undo = run.undo(reference.eventID)
            check(
                undo.map { $0.isSettled || $0.stage == .blocked || $0.stage == .open || $0.attempt > reference.attempt }
                    ?? true, "ack",
                "the report of undo \(reference.eventID) attempt \(reference.attempt) of \(reference.sagaID) is"
                    + " acknowledged but not durable")
        } else {
            let step = run.steps[reference.eventID]
            check(
                step.map {
                    $0.closedBy != nil || $0.attempt > reference.attempt || (isLater && $0.later == reference.attempt)
                } ?? false, "ack",
                "the report of step \(reference.eventID) attempt \(reference.attempt) of \(reference.sagaID) is"
                    + " acknowledged but not durable")
        }
    }

    /// A late effect is durable.
    mutating func recorded(_ effect: LateEffect) {
        lateEffects.insert(
            TaskReference(
                sagaID: effect.sagaID, eventID: effect.scheduledEventID, attempt: effect.attempt, isUndo: false))
    }

    /// A success of a closed run is acknowledged: one that the history does not know of must be kept.
    ///
    /// Not so for a step without an undo that had ended otherwise before, if the report came while the run was open: its
    /// code has judged that end, and nothing is left to be done. The answer may wait until the run has closed (quiet seed
    /// 175 with a slow store).
    private mutating func judgeLate(_ reference: TaskReference, _ run: RunModel) {
        guard !reference.isUndo, !deleted.contains(run.sagaID), let step = run.steps[reference.eventID] else { return }
        if step.scheduled.undo == nil && cameInTime.contains(reference) { return }
        let isKnown = step.outcome == .completed || run.undo(reference.eventID)?.outcome == .completed
        check(
            isKnown || lateEffects.contains(reference) || run.madeCertain.contains(reference.eventID), "late",
            "the success of step \(reference.eventID) of \(reference.sagaID), which is closed, is acknowledged and lost"
        )
    }

    /// The engine answers a start.
    mutating func answered(start workflowID: String, requestID: String, _ sagaID: SagaID, alreadyStarted: Bool) {
        guard let run = runs[sagaID], run.started?.workflowID == workflowID else {
            return report(Violation("durable", "start of \(workflowID) is acknowledged; run \(sagaID) is not durable"))
        }
        if let own = runOfStartRequest[requestID] {
            check(own == sagaID, "start", "request \(requestID) started \(own) and is answered \(sagaID)")
        }
        check(
            alreadyStarted != (run.started?.requestID == requestID), "start",
            "request \(requestID) is answered alreadyStarted \(alreadyStarted) for \(sagaID)")
    }

    /// The engine answers a message to a run: it is durable.
    mutating func answered(request requestID: String, _ sagaID: SagaID, _ what: @autoclosure () -> String) {
        check(
            runs[sagaID]?.requests.contains(requestID) == true, "durable",
            "\(what()) \(requestID) to \(sagaID) is acknowledged but not durable")
    }

    /// The engine answers a start that brought a signal along: both are durable.
    mutating func answered(signal requestID: String, _ sagaID: SagaID) {
        check(
            runs[sagaID]?.signals.contains { $0.id == requestID } == true, "durable",
            "the signal that came with start \(requestID) of \(sagaID) is acknowledged but not durable")
    }

    /// The engine tells how a run ended.
    mutating func answered(result closed: ClosedRun) {
        check(
            runs[closed.sagaID]?.closing == closed.closing, "durable",
            "\(closed.sagaID) is said to have ended as \(closed.status.name); that is not what is durable")
    }

    /// The state in memory of a run without undurable events is what its durable history says.
    mutating func compare(_ state: ExecutionState) {
        guard let run = runs[state.sagaID], state.nextEventID == run.eventCount, !run.isClosed else { return }
        // Taken out meanwhile: a copy of a state is dear.
        var replay = replays.removeValue(forKey: state.sagaID) ?? ExecutionState(sagaID: state.sagaID)
        defer { replays[state.sagaID] = replay }
        do throws(SagaError) {
            let history = histories[state.sagaID] ?? []
            for event in history.dropFirst(Int(clamping: replay.nextEventID)) {
                try replay.apply(event)
            }
        } catch {
            return report(Violation("replay", "\(state.sagaID): the durable history does not replay: \(error)"))
        }
        check(
            replay == state, "replay",
            "\(state.sagaID): the state in memory is not the replay of the history")
        check(
            state.steps.eventIDs == run.stepOrder.filter { run.steps[$0]?.closedBy == nil }, "replay",
            "\(state.sagaID): open steps are \(state.steps.eventIDs)")
        check(
            state.children.eventIDs == run.children.keys.sorted().filter { run.children[$0]?.isOpen == true }
                && state.localSteps.eventIDs == run.locals.keys.sorted().filter { run.locals[$0]?.closedBy == nil }
                && state.externalSignals.eventIDs
                    == run.externals.keys.sorted().filter { run.externals[$0]?.end == .open }
                && state.openUpdates.eventIDs
                    == run.updates.values.filter { $0.end == .open }.map(\.event).sorted(),
            "replay",
            "\(state.sagaID): open children, local steps, signals or updates are others than the history has")
        check(
            Set(state.searchAttributes) == Set(run.attributes), "replay",
            "\(state.sagaID): the search attributes are not those that the history sets")
        check(
            state.undoLog.stepEventIDs == run.undos.map(\.step), "replay",
            "\(state.sagaID): the undo log is \(state.undoLog.stepEventIDs), it should be"
                + " \(run.undos.map(\.step))")
    }

    // MARK: The end

    /// What really stands outside, compared with what the history claims; at the end, when nothing can come any more.
    mutating func judgeEffects() {
        // An entry has one owner: the last run that has it. Its undo may have begun in a run before that one: closed by its
        // time limit with the undo still at a worker, and reset, it hands the entry on as open, while the worker carries it out.
        var owners: [String: SagaID] = [:]
        var begun: Set<String> = []
        for sagaID in order {
            guard let run = runs[sagaID] else { continue }
            for step in run.steps.values { owners[step.scheduled.idempotencyKey] = sagaID }
            for local in run.locals.values { owners[local.scheduled.idempotencyKey] = sagaID }
            for undo in run.undos where undo.isCarried { owners[undo.stepKey] = sagaID }
        }
        for sagaID in order {
            for undo in runs[sagaID]?.undos ?? [] where undo.hasBegun {
                // In a run before the owner's it must have been out when that run closed.
                if owners[undo.stepKey] == sagaID || !undo.isSettled { begun.insert(undo.stepKey) }
            }
        }
        for sagaID in order {
            guard let run = runs[sagaID] else { continue }
            for eventID in run.stepOrder {
                guard let step = run.steps[eventID]?.scheduled, owners[step.idempotencyKey] == sagaID else { continue }
                judgeEffect(
                    step.idempotencyKey, step.stepID, run.steps[eventID]?.outcome, step.undo?.undoFailedStep,
                    run.undo(eventID), hasBegun: begun.contains(step.idempotencyKey),
                    isDropped: run.dropped.contains(eventID), run)
            }
            for eventID in run.locals.keys.sorted() {
                guard let local = run.locals[eventID], owners[local.scheduled.idempotencyKey] == sagaID else {
                    continue
                }
                judgeEffect(
                    local.scheduled.idempotencyKey, local.scheduled.stepID, local.outcome,
                    local.scheduled.undo?.undoFailedStep, run.undo(eventID),
                    hasBegun: begun.contains(local.scheduled.idempotencyKey),
                    isDropped: run.dropped.contains(eventID), run)
            }
            for undo in run.undos where undo.isCarried && undo.child == nil && owners[undo.stepKey] == sagaID {
                judgeEffect(
                    undo.stepKey, undo.stepKey, undo.outcome, undo.policy, undo, hasBegun: begun.contains(undo.stepKey),
                    isDropped: run.dropped.contains(undo.step), run)
            }
        }
    }

    private mutating func judgeEffect(
        _ key: String, _ stepID: String, _ outcome: StepOutcome?, _ policy: UndoFailedStep?, _ undo: RunModel.Undo?,
        hasBegun: Bool, isDropped: Bool, _ run: RunModel
    ) {
        let effect = ledger.effect(key)
        let name = "step \(stepID) of \(run.sagaID)"
        if effect.isMarked { check(hasBegun, "undo", "\(name) was undone, which nobody asked for") }
        if outcome == .completed, undo?.isTracked != true {
            check(effect.executions > 0 || undo?.isCarried == true, "effect", "\(name) is completed and never happened")
        }
        if outcome == .noEffect && effect.isAlive && policy != .never {
            report(Violation("outcome", "\(name) is said to have had no effect; its effect stands"))
        }
        if undo?.stage == .undone {
            check(!effect.isAlive, "undo", "\(name) is undone and stands")
        }
        if effect.isAlive, run.isUnwound, let policy {
            // Ended badly, unwound: what stands is what somebody decided to let stand.
            let isKnown =
                undo.map { $0.stage == .skipped || $0.stage == .failed || $0.stage == .resolved } ?? false
                || isDropped || (policy == .never && outcome != .completed)
            check(isKnown, "unwound", "\(name) stands after the unwinding, and no one knows")
        }
    }
}
