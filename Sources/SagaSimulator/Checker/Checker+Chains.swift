internal import SagaCore
internal import SagaEngine

/// What holds between runs: those that go on from others, children and parents, senders and receivers.
extension Checker {
    private func require(_ holds: Bool, _ rule: String, _ message: @autoclosure () -> String) throws(Violation) {
        if !holds { throw Violation(rule, message()) }
    }

    /// A run begins with its first append: is what it claims to come from there, and does it take what it must?
    mutating func judgeOrigin(_ entry: AppendEntry) throws(Violation) {
        guard case .workflowExecutionStarted(let started)? = entry.events.first?.attributes else { return }
        // The resets before it may be among what it has of the other run.
        if let event = entry.events.last(where: { $0.eventType == .workflowExecutionReset }),
            case .workflowExecutionReset(let reset) = event.attributes
        {
            runs[entry.sagaID]?.reset = reset
            runs[entry.sagaID]?.copied = event.eventID
            return try judgeReset(entry, reset)
        }
        if let from = started.continuedFrom {
            guard let old = runs[from] else {
                throw Violation("carry", "\(entry.sagaID) goes on from \(from), which is not durable")
            }
            if started.requestID.isEmpty { return try judgeContinued(entry.sagaID, started, old) }
            return try judgeUndoRun(entry.sagaID, started, old)
        }
        if let parent = started.parentSagaID { try judgeChildRun(entry.sagaID, started, parent) }
    }

    // MARK: Continue-as-new

    private func judgeContinued(
        _ sagaID: SagaID, _ started: WorkflowExecutionStarted, _ old: RunModel
    ) throws(Violation) {
        guard case .workflowExecutionContinuedAsNew(let closing)? = old.closing, closing.newSagaID == sagaID else {
            throw Violation("carry", "\(sagaID) goes on from \(old.sagaID), which does not say so")
        }
        try require(
            closing.undoCarried == !started.carriedUndo.isEmpty, "carry",
            "\(old.sagaID) says that undos go along: \(closing.undoCarried); \(started.carriedUndo.count) did")
        guard ledger.carryWanted[old.sagaID] ?? true else {
            return try require(
                started.carriedUndo.isEmpty, "carry", "\(sagaID) is given undos that the code has dropped")
        }
        try judgeCarried(started.carriedUndo, old.undos.filter { !$0.isSettled }, old)
    }

    /// The entries that move are those that are left, as they are, and after them the steps that nobody waited for.
    private func judgeCarried(
        _ carried: [CarriedUndo], _ left: [RunModel.Undo], _ old: RunModel, stepsAfter kept: EventID? = nil
    ) throws(Violation) {
        try require(
            carried.count >= left.count
                && zip(carried, left).allSatisfy { entry, undo in
                    entry.idempotencyKey == undo.stepKey && entry.outcome == undo.outcome && entry.output == undo.output
                        && entry.child == undo.child
                }, "carry",
            "of \(old.sagaID) the undos \(left.map(\.stepKey)) are left, \(carried.map(\.idempotencyKey)) move")
        var rest = carried.dropFirst(left.count)
        // Steps that a reset keeps are not carried.
        for eventID in old.stepOrder where kept.map({ eventID > $0 }) ?? true {
            guard let step = old.steps[eventID], step.closedBy == nil, let undo = step.scheduled.undo,
                undo.undoFailedStep != .never
            else { continue }
            let isCarried = rest.first?.idempotencyKey == step.scheduled.idempotencyKey
            if isCarried { rest = rest.dropFirst() }
            try require(
                isCarried || !step.wasOut, "carry",
                "step \(step.scheduled.stepID) of \(old.sagaID) may have happened, and its undo does not move")
        }
        try require(
            rest.isEmpty, "carry", "\(rest.map(\.idempotencyKey)) move from \(old.sagaID), which does not have them")
    }

    /// A cancel request goes along.
    func judgeCarriedCancel(_ sagaID: SagaID) throws(Violation) {
        guard let run = runs[sagaID], run.reset == nil, let started = run.started, started.requestID.isEmpty,
            let from = started.continuedFrom, let old = runs[from]
        else { return }
        try require(
            run.cancelRequested || !old.cancelRequested, "carry", "\(sagaID) does not know that it is to be cancelled")
    }

    // MARK: Reset

    private mutating func judgeReset(_ entry: AppendEntry, _ reset: WorkflowExecutionReset) throws(Violation) {
        guard let base = runs[reset.baseSagaID], base.isClosed else {
            throw Violation("reset", "\(entry.sagaID) goes on from \(reset.baseSagaID), which is not closed")
        }
        try require(
            resetRequests.insert(reset.requestID).inserted, "request", "reset request \(reset.requestID) made two runs")
        let kept = (histories[reset.baseSagaID] ?? []).prefix { $0.eventID <= reset.baseEventID }
        try require(
            kept.count == Int(clamping: reset.baseEventID) + 1
                && zip(kept, entry.events).allSatisfy { old, new in
                    old.eventID == new.eventID && old.attributes == new.attributes && old.timestamp == new.timestamp
                }, "reset",
            "\(entry.sagaID) does not begin with the events of \(reset.baseSagaID) up to \(reset.baseEventID)")
        var origins = [RunOrigin(sagaID: base.sagaID, upTo: reset.baseEventID)]
        while let later = origins.first, let earlier = runs[later.sagaID]?.reset {
            let upTo = min(earlier.baseEventID, later.upTo)
            origins.insert(RunOrigin(sagaID: earlier.baseSagaID, upTo: upTo), at: 0)
        }
        try require(
            reset.origins == origins.dropLast(), "reset",
            "\(entry.sagaID) is said to have events of \(reset.origins), it has those of \(origins.dropLast())")
        let undone = base.undos.first { $0.born <= reset.baseEventID && $0.roundBegan != nil }
        try require(
            undone == nil, "reset",
            "\(entry.sagaID) goes on from event \(reset.baseEventID), whose step \(undone?.step ?? 0) was undone")
        switch ledger.resetModes[reset.requestID] {
        case .undo?, .drop?:
            try require(reset.carriedUndo.isEmpty, "reset", "\(entry.sagaID) is given undos of later steps")
        case .keep?:
            try judgeCarried(
                reset.carriedUndo, base.undos.filter { !$0.isSettled && $0.born > reset.baseEventID },
                base,
                stepsAfter: base.wasReset ? reset.baseEventID : .max)
        case nil: break
        }
        guard ledger.resetModes[reset.requestID] == .undo else { return }
        let left = base.undos.filter { !$0.isSettled && !$0.isMoved && $0.born > reset.baseEventID }
        try require(
            left.isEmpty, "reset",
            "\(entry.sagaID) begins, and later steps of \(base.sagaID) are not undone: \(left.map(\.step))")
    }

    /// The engine answers that a run goes on from an earlier event.
    mutating func answered(reset requestID: String, _ sagaID: SagaID) {
        check(
            runs[sagaID]?.reset?.requestID == requestID, "durable",
            "reset \(requestID) is answered with \(sagaID), which does not go on from another run by that request")
    }

    // MARK: Children

    private func judgeChildRun(
        _ sagaID: SagaID, _ started: WorkflowExecutionStarted, _ parent: SagaID
    ) throws(Violation) {
        let asked = started.parentInitiatedEventID.flatMap { runs[parent]?.children[$0]?.initiated }
        try require(
            asked?.workflowID == started.workflowID && asked?.workflowType == started.workflowType
                && asked?.input == started.input, "child",
            "\(sagaID) is a child of \(parent), which did not ask for it durably")
    }

    private func judgeUndoRun(
        _ sagaID: SagaID, _ started: WorkflowExecutionStarted, _ closed: RunModel
    ) throws(Violation) {
        // Each round goes on where the one before had to stop; the first with the child itself.
        var owners = [closed.sagaID]
        while let run = owners.last.flatMap({ runs[$0] }), let earlier = run.undoneRun ?? run.runBefore {
            owners.append(earlier)
        }
        let isAsked = order.contains { parent in
            runs[parent]?.undos.contains { undo in
                owners.contains { $0 == undo.child?.sagaID } && undo.nameOfRound(parent) == started.requestID
            } ?? false
        }
        try require(isAsked, "child", "\(sagaID) undoes \(closed.sagaID), and no parent has durably begun that")
        let other = order.first { $0 != sagaID && runs[$0]?.goesOnFrom == closed.sagaID }
        try require(other == nil, "child", "\(sagaID) undoes \(closed.sagaID), whose undos \(other ?? sagaID) has")
        try require(closed.isClosed, "child", "\(sagaID) undoes \(closed.sagaID), which is open")
        let left = closed.undos.filter { closed.undoneRun == nil ? !$0.isSettled : $0.isLeft }
        try judgeCarried(started.carriedUndo, left, RunModel(sagaID: closed.sagaID))
    }

    /// What a run says of another is what is durable of that one.
    mutating func judgeOthers(_ event: HistoryEvent, _ run: RunModel) throws(Violation) {
        switch event.attributes {
        case .childWorkflowExecutionStarted(let value):
            let child = runs[value.childSagaID]
            try require(
                child?.started?.parentInitiatedEventID == value.initiatedEventID
                    && lineage(event.sagaID).contains { $0 == child?.started?.parentSagaID }, "child",
                "\(event.sagaID): run \(value.childSagaID) is not the child that was asked for")
        case .childWorkflowExecutionCompleted(let value):
            let child = try child(of: run, value.initiatedEventID)
            guard case .workflowExecutionCompleted(let closing)? = child.closing, closing.output == value.output else {
                throw Violation("child", "\(event.sagaID): child \(child.sagaID) did not complete like that")
            }
            try require(
                value.hasUndo == child.undos.contains { !$0.isSettled }, "child",
                "\(event.sagaID): child \(child.sagaID) is said to have left undos: \(value.hasUndo)")
        case .childWorkflowExecutionFailed(let value):
            let child = try child(of: run, value.initiatedEventID)
            guard case .workflowExecutionFailed(let closing)? = child.closing, closing.error == value.error else {
                throw Violation("child", "\(event.sagaID): child \(child.sagaID) did not fail like that")
            }
        case .childWorkflowExecutionCanceled(let value):
            try ended(run, value.initiatedEventID, .workflowExecutionCanceled)
        case .childWorkflowExecutionTimedOut(let value):
            try ended(run, value.initiatedEventID, .workflowExecutionTimedOut)
        case .childWorkflowExecutionTerminated(let value):
            try ended(run, value.initiatedEventID, .workflowExecutionTerminated)
        case .childWorkflowExecutionContinuedAsNew(let value):
            let from = runs[value.newSagaID]?.started?.continuedFrom
            guard case .workflowExecutionContinuedAsNew(let closing)? = from.flatMap({ runs[$0]?.closing }),
                closing.newSagaID == value.newSagaID
            else {
                throw Violation("child", "\(event.sagaID): its child does not go on as \(value.newSagaID)")
            }
        case .startChildWorkflowExecutionFailed(let value):
            let id = run.children[value.initiatedEventID]?.initiated.workflowID ?? ""
            let isUsed = runsOfID[id, default: []].contains { other in
                let started = runs[other]?.started
                return started?.parentInitiatedEventID != value.initiatedEventID
                    || !lineage(event.sagaID, with: value.initiatedEventID).contains { $0 == started?.parentSagaID }
            }
            try require(
                isUsed, "child", "\(event.sagaID): child \(id) could not be started, and nobody else uses the id")
        case .compensationStepCompleted(let value):
            guard let undo = run.undo(value.stepEventID), undo.child != nil else { return }
            let undoing = undo.nameOfRound(event.sagaID).flatMap { runOfStartRequest[$0] }.flatMap { runs[$0] }
            guard case .workflowExecutionCanceled(let closing)? = undoing?.closing,
                closing.compensation.state == .complete || closing.compensation.state == .none
            else {
                throw Violation("child", "\(event.sagaID): child \(undo.stepKey) is said to be undone, and is not")
            }
        case .compensationStepFailed(let value):
            guard let undo = run.undo(value.stepEventID), undo.child != nil, value.error.kind == .compensation else {
                return
            }
            // Of a person's retry, too: it must have tried.
            let undoing = undo.nameOfRound(event.sagaID).flatMap { runOfStartRequest[$0] }.flatMap { runs[$0] }
            try require(
                undoing?.isClosed == true, "child",
                "\(event.sagaID): the undoing of child \(undo.stepKey) is said to have left something, and never ran")
        case .externalSignalDelivered(let value):
            try require(
                receivers(of: event.sagaID, value.requestedEventID, run).count > 0, "external",
                "\(event.sagaID): the signal of event \(value.requestedEventID) is said to have arrived, and has not")
        case .externalSignalFailed(let value):
            try require(
                receivers(of: event.sagaID, value.requestedEventID, run).isEmpty, "external",
                "\(event.sagaID): the signal of event \(value.requestedEventID) is said to be lost, and has arrived")
        case .localActivityCompleted(let value):
            try require(
                localEnds["\(event.sagaID)/\(value.commandNumber)"]?.contains(value.output) == true, "result",
                "\(event.sagaID): the result of local activity \(value.commandNumber) was never given")
        case .workflowExecutionCompleted(let value): try judgeOutput(value, run)
        default: break
        }
    }

    private func child(of run: RunModel, _ initiated: EventID) throws(Violation) -> RunModel {
        guard let sagaID = run.children[initiated]?.sagaID, let child = runs[sagaID] else {
            throw Violation("child", "\(run.sagaID): child \(initiated) has no run")
        }
        return child
    }

    private func ended(_ run: RunModel, _ initiated: EventID, _ type: EventType) throws(Violation) {
        let child = try child(of: run, initiated)
        try require(
            child.closing?.eventType == type || deleted.contains(child.sagaID), "child",
            "\(run.sagaID): child \(child.sagaID) did not end as \(type.name)")
    }

    /// A run, and those that it was made of by resets: what they asked for is its own.
    /// - Parameter eventID: Only as far as they have this event, too: a later one of the same number is another.
    private func lineage(_ sagaID: SagaID, with eventID: EventID = 0) -> [SagaID] {
        var all = [sagaID]
        while let reset = all.last.flatMap({ runs[$0]?.reset }), eventID <= reset.baseEventID {
            all.append(reset.baseSagaID)
        }
        return all
    }

    /// The run in which an event of a run happened first: another one's, if a reset took it over.
    private func origin(of eventID: EventID, in sagaID: SagaID) -> SagaID {
        var origin = sagaID
        while let reset = runs[origin]?.reset, eventID <= reset.baseEventID { origin = reset.baseSagaID }
        return origin
    }

    // MARK: By id once

    /// A message that a run before this one has dealt with does nothing here (semantics, section 2, promise 9).
    mutating func judgeRepeat(_ event: HistoryEvent, _ run: RunModel, isFirstAppend: Bool) throws(Violation) {
        guard var before = run.runBefore else { return }
        // What a reset brings along stands in both.
        if run.reset != nil, isFirstAppend { return }
        let signalID: String
        let requestID: String
        switch event.attributes {
        case .signalReceived(let value) where !value.identity.hasPrefix("run "):
            (signalID, requestID) = (value.signalID, value.requestID)
        case .workflowExecutionCancelRequested(let value): (signalID, requestID) = ("", value.requestID)
        case .workflowExecutionPaused(let value): (signalID, requestID) = ("", value.requestID)
        case .workflowExecutionResumed(let value): (signalID, requestID) = ("", value.requestID)
        case .compensationOperatorAction(let value): (signalID, requestID) = ("", value.requestID)
        case .workflowUpdateAccepted(let value): (signalID, requestID) = ("", value.requestID)
        default: return
        }
        while let earlier = runs[before] {
            let isKnown =
                (!requestID.isEmpty && earlier.requests.contains(requestID))
                || (!signalID.isEmpty && earlier.signals.contains { $0.id == signalID })
            // An update that was aborted with its run may be asked for again.
            let isAborted = earlier.updates[requestID]?.end == .open
            try require(
                !isKnown || isAborted, "request",
                "\(event.sagaID) deals with \(requestID.isEmpty ? signalID : requestID), which \(before) has dealt with"
            )
            guard let next = earlier.runBefore else { return }
            before = next
        }
    }

    // MARK: Signals to other sagas

    /// Runs that have a signal in their history, not counting those that took it over from another.
    private func receivers(of sender: SagaID, _ requested: EventID, _ run: RunModel) -> [SagaID] {
        guard let target = run.externals[requested]?.request.targetWorkflowID else { return [] }
        let id = "\(origin(of: requested, in: sender))/\(requested)"
        return runsOfID[target, default: []].filter { receiver in
            guard let run = runs[receiver] else { return false }
            // What a reset took over is the other run's.
            let before = run.reset.flatMap { runs[$0.baseSagaID]?.signals } ?? []
            return run.signals.contains { signal in
                signal.id == id && !signal.isFromEarlier && !before.contains { $0.id == signal.id }
            }
        }
    }

    /// At the end: each signal arrived once.
    mutating func judgeExternals() {
        for sagaID in order {
            guard let run = runs[sagaID], !run.externals.isEmpty, run.reset == nil else { continue }
            for eventID in run.externals.keys.sorted() {
                let receivers = receivers(of: sagaID, eventID, run)
                check(
                    receivers.count <= 1, "external",
                    "the signal of event \(eventID) of \(sagaID) arrived in several runs: \(receivers)")
            }
        }
    }

    // MARK: What the code saw

    /// The output of some workflows tells what they were given, and in which order.
    private func judgeOutput(_ value: WorkflowExecutionCompleted, _ run: RunModel) throws(Violation) {
        switch run.started?.workflowType {
        case "signals"?, "continues"?:
            guard let seen = try? PlainJSON.decode([Int].self, value.output) else { return }
            var chain: [RunModel] = [run]
            while let before = chain[0].started?.continuedFrom.flatMap({ runs[$0] }) { chain.insert(before, at: 0) }
            let sent = chain.flatMap { run in
                run.signals.filter { !$0.isForNobody && !$0.isFromEarlier && $0.name == SimulatedWorkflows.signalName }
            }.map { Int(String(decoding: $0.payload.data, as: UTF8.self)) ?? -1 }
            try require(
                seen == Array(sent.prefix(seen.count)) && Int(value.unconsumedSignals) == sent.count - seen.count,
                "signal",
                "\(run.sagaID): its code took signals \(seen) and left \(value.unconsumedSignals), sent were \(sent)")
        case "checkpoints"?:
            guard run.reset == nil, let output = try? PlainJSON.decode(Checkpoints.Output.self, value.output) else {
                return
            }
            let sent = run.signals.filter { !$0.isForNobody && $0.name == SimulatedWorkflows.signalName }
                .map { Int(String(decoding: $0.payload.data, as: UTF8.self)) ?? -1 }
            try require(
                output.seen == Array(sent.prefix(output.seen.count))
                    && Int(value.unconsumedSignals) == sent.count - output.seen.count, "signal",
                "\(run.sagaID): its code took \(output.seen) over its checkpoints and left"
                    + " \(value.unconsumedSignals), sent were \(sent)")
            // As without any checkpoint.
            var random = SplitMix64(seed: run.sagaID.high ^ run.sagaID.low)
            let numbers = output.numbers.map { _ in random.next() >> 12 }
            try require(
                output.numbers == numbers, "value",
                "\(run.sagaID): chance gave \(output.numbers) over its checkpoints, without them \(numbers)")
        case "notes"?:
            guard let output = try? PlainJSON.decode([Int].self, value.output), let ticks = output.last else { return }
            let kept = run.values.map { Int(String(decoding: $0.data, as: UTF8.self)) ?? -1 }
            try require(
                Array(output.dropLast()) == kept, "value",
                "\(run.sagaID): its code saw the values \(output.dropLast()), kept were \(kept)")
            try require(
                ticks <= run.timers.values.count { !$0.isOpen }, "timer",
                "\(run.sagaID): \(ticks) callbacks ran, so many timers did not fire")
        default: break
        }
    }

    // MARK: Updates, queries, pauses

    /// The engine tells what became of an update.
    mutating func answered(update updateID: String, _ reply: UpdateReply) {
        guard let update = runs[reply.sagaID]?.updates[updateID], update.event == reply.acceptedEventID else {
            return report(
                Violation("durable", "update \(updateID) of \(reply.sagaID) is answered and not durable"))
        }
        let isSame =
            switch (reply.outcome, update.end) {
            // One that waits for the acceptance only hears no more.
            case (.open, _): true
            case (.rejected(let said), .rejected(let kept)): said == kept
            case (.completed(let said), .completed(let kept)): said == kept
            case (.rolledBack(let said), .rolledBack(let kept)): said == kept
            default: false
            }
        check(isSame, "durable", "update \(updateID) of \(reply.sagaID) is answered otherwise than it is durable")
    }

    /// The code's answer to a question: from durable events only.
    mutating func answered(query output: Payload, upTo: EventID, _ sagaID: SagaID) {
        let history = histories[sagaID] ?? []
        check(
            upTo < EventID(history.count), "query",
            "a query of \(sagaID) is answered from event \(upTo), durable are \(history.count)")
        guard let run = runs[sagaID], !run.cancelRequested,
            let said = Int(String(decoding: output.data, as: UTF8.self))
        else { return }
        let done = history.prefix { $0.eventID <= upTo }.count { $0.eventType == .activityTaskCompleted }
        check(said == done, "query", "a query of \(sagaID) up to event \(upTo) says \(said), \(done) steps are done")
    }

    /// The engine says that a run is paused, or goes on again.
    mutating func answered(pause requestID: String, _ sagaID: SagaID, isPaused: Bool) {
        let run = runs[sagaID]
        check(
            run?.requests.contains(requestID) == true || run?.isPaused == isPaused, "durable",
            "\(requestID) of \(sagaID) is acknowledged but not durable")
    }

    /// The code runs a local activity: what undoes it is durable.
    mutating func runsLocally(_ sagaID: SagaID, _ work: LocalActivityWork) {
        guard let scheduled = work.scheduledEventID else { return }
        check(
            runs[sagaID]?.locals[scheduled]?.scheduled.idempotencyKey == work.idempotencyKey, "cause",
            "local step \(work.stepID) of \(sagaID) runs, and its undo is not durable")
    }
}

extension RunModel {
    /// The run that this one goes on from: another that went on as new, or was reset.
    fileprivate var runBefore: SagaID? {
        if let reset { return reset.baseSagaID }
        guard let started, started.requestID.isEmpty else { return nil }
        return started.continuedFrom
    }

    /// The run whose undos this one has.
    fileprivate var goesOnFrom: SagaID? { undoneRun ?? runBefore }

    /// The run whose undo log this one does nothing but unwind; nil for other runs.
    fileprivate var undoneRun: SagaID? {
        guard reset == nil, let started, !started.requestID.isEmpty else { return nil }
        return started.continuedFrom
    }

    /// Whether a reset ended it. What was open when it ended before that is a late effect, if anything comes of it.
    fileprivate var wasReset: Bool {
        guard case .workflowExecutionTerminated(let value)? = closing else { return false }
        return value.reason.hasPrefix("reset to event ")
    }
}

extension RunModel.Undo {
    /// The request id of the run that undoes a child of a run in the present round; nil before the first. A run to which the
    /// entry has come has rounds of its own.
    fileprivate func nameOfRound(_ owner: SagaID) -> String? {
        roundBegan.map { round in
            if step > EventID(Int64.max) { return "\(key)#\(owner)/\(round)" }
            return round == 1 ? key : "\(key)#\(round)"
        }
    }

    /// Whether an unwinding that is over has not taken the effect back.
    fileprivate var isLeft: Bool {
        switch stage {
        case .undone, .resolved, .dormant: false
        case .open, .started, .waiting, .blocked, .failed, .skipped: true
        }
    }
}
