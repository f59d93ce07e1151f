internal import SagaCore

/// A broken promise.
package struct Violation: Error, Hashable, Sendable {
    /// The promise, as numbered in docs/simulation.md.
    package var rule: String
    package var message: String

    init(_ rule: String, _ message: String) {
        self.rule = rule
        self.message = message
    }
}

/// One run as the checker understands it: a fold of its own over the durable events, written against the contract, sharing
/// nothing with the engine's fold.
struct RunModel {
    struct Step {
        var scheduled: ActivityTaskScheduled
        /// The current attempt, from 1.
        var attempt: UInt32 = 1
        var hadUnknownAttempt = false
        var closedBy: EventID?
        var outcome: StepOutcome?
        var output: Payload?
        var cancelRequested = false
        /// When the present attempt may begin.
        var retryDueAt: Timestamp?
        /// The attempt that goes on outside of its worker.
        var later: UInt32?
    }

    struct Timer {
        var dueAt: Timestamp
        var isOpen = true
    }

    struct Undo {
        enum Stage: Hashable {
            case open, started, waiting, blocked, undone, failed, skipped, resolved
            /// Not certain to have happened, and by its policy not undone unless it is.
            case dormant
        }

        var step: EventID
        var stepKey: String
        var key: String
        var outcome: StepOutcome
        var output: Payload?
        var policy: UndoFailedStep
        var scope: UInt32
        var group: UInt32
        var stage = Stage.open
        var attempt: UInt32 = 1
        /// The attempt that the present round began with; nil before the first.
        var roundBegan: UInt32?
        /// Whether a late report put it back when its turn had passed.
        var isReopened = false
        /// Whether the entry was made by hand, so that there is no effect to find outside.
        var isTracked = false

        var isSettled: Bool {
            switch stage {
            case .undone, .failed, .skipped, .resolved, .dormant: true
            case .open, .started, .waiting, .blocked: false
            }
        }
    }

    let sagaID: SagaID
    private(set) var started: WorkflowExecutionStarted?
    private(set) var eventCount: EventID = 0
    private(set) var lastTimestamp = Timestamp(microseconds: .min)
    private(set) var closing: EventAttributes?
    private(set) var steps: [EventID: Step] = [:]
    private(set) var stepOrder: [EventID] = []
    private(set) var timers: [EventID: Timer] = [:]
    private(set) var undos: [Undo] = []
    /// Steps whose undo entry a pivot or a commit dropped.
    private(set) var dropped: Set<EventID> = []
    /// Steps of which a probe or a late report said that they happened.
    private(set) var madeCertain: Set<EventID> = []
    private(set) var unwinding: UnwindCause?
    private var unwindingScope: UInt32 = 0
    /// Scopes that the code wants unwound after the present one.
    private var unwindingsToCome: [UInt32] = []
    private var scopeParents: [UInt32: UInt32] = [:]
    /// Every unwinding that began: of which scope, by which event.
    private var unwindingStarts: [(scope: UInt32, event: EventID)] = []
    private(set) var signals: [(id: String, name: String, payload: Payload)] = []
    private var lastSignal: EventID?
    private(set) var requests: Set<String> = []
    private(set) var block: BlockCause?
    private(set) var cancelRequested = false
    private(set) var gaveUp = false
    private(set) var openSteps = 0

    init(sagaID: SagaID) { self.sagaID = sagaID }

    /// Whether the engine itself runs it, from a definition.
    var isDeclared: Bool { started?.taskQueue == "saga.engine" }
    /// Whether it holds the versions of a definition; it stays open.
    var isDefinition: Bool { isDeclared && started?.workflowType == "saga.definition" }
    /// Whether it keeps the virtual clock of a namespace: the time of its last event is what the clock shows.
    var isClock: Bool { started?.namespace == "saga:clocks" }
    var isClosed: Bool { closing != nil }
    var isEndingBadly: Bool { unwinding.map { $0 != .requested } ?? false }

    /// Whether a scope is the other one or lies inside it.
    private func contains(_ outer: UInt32, _ inner: UInt32) -> Bool {
        var scope: UInt32? = inner
        while let present = scope, present != outer { scope = present == 0 ? nil : scopeParents[present, default: 0] }
        return scope == outer
    }

    /// Entries that may be undone now: the youngest that is not settled, and its group as far as it reaches.
    private func nextUndos() -> [Undo] {
        // Outside an unwinding nothing is undone but what a late report put back after one.
        guard unwinding != nil else {
            return undos.last { $0.isReopened && $0.stage == .open }.map { [$0] } ?? []
        }
        var next: [Undo] = []
        for undo in undos.reversed() where contains(unwindingScope, undo.scope) && !undo.isSettled {
            if let youngest = next.first, youngest.group == 0 || youngest.group != undo.group { break }
            next.append(undo)
        }
        return next
    }

    /// Whether an unwinding has begun that concerns the step: its undo is promised.
    private func isOwed(_ undo: Undo) -> Bool {
        unwindingStarts.contains { contains($0.scope, undo.scope) && undo.step < $0.event }
    }

    private var openStepsInScope: [EventID] {
        stepOrder.filter { eventID in
            steps[eventID].map { $0.closedBy == nil && contains(unwindingScope, $0.scheduled.scope) } ?? false
        }
    }

    var runningUndos: Int { undos.count { $0.stage == .started || $0.stage == .waiting } }

    /// Whether steps of the scope are being unwound.
    func isUnwinding(_ scope: UInt32) -> Bool { unwinding != nil && contains(unwindingScope, scope) }

    /// Ended badly, and not stopped in the middle of its unwinding.
    var isUnwound: Bool {
        if case .workflowExecutionTerminated(let value)? = closing, !value.requestID.isEmpty { return false }
        return isClosed && isEndingBadly
    }

    func undo(_ step: EventID) -> Undo? { undos.last { $0.step == step } }

    /// Applies a durable event and judges it.
    mutating func apply(_ event: HistoryEvent, _ ledger: Ledger) throws(Violation) {
        try check(event.eventID == eventCount, "gapless", "event \(event.eventID) stands where \(eventCount) is due")
        try check(closing == nil, "terminal", "\(event.eventType.name) follows the closing event")
        try check(event.timestamp >= lastTimestamp, "time", "event \(event.eventID) is older than the one before it")
        try check((eventCount == 0) == (event.eventType == .workflowExecutionStarted), "start", "event 0 is the start")
        try judge(event, ledger)
        eventCount += 1
        lastTimestamp = event.timestamp
    }

    private mutating func judge(_ event: HistoryEvent, _ ledger: Ledger) throws(Violation) {
        switch event.attributes {
        case .workflowExecutionStarted(let value):
            started = value
            if !value.requestID.isEmpty { requests.insert(value.requestID) }
        case .workflowExecutionCancelRequested(let value):
            try remember(value.requestID, "cancel")
            cancelRequested = true
        case .workflowExecutionBlocked(let value):
            try check(block == nil, "blocked", "blocked twice")
            try check(
                value.cause == .undoFailed || ledger.badCode.contains(sagaID), "determinism",
                "the code is blocked by \(value.cause): \(value.message)")
            block = value.cause
        case .workflowExecutionUnblocked:
            try check(block != nil, "blocked", "unblocked without a block")
            block = nil
        case .signalReceived(let value):
            try check(
                value.signalID.isEmpty || !signals.contains { $0.id == value.signalID }, "signal",
                "signal \(value.signalID) is recorded twice")
            // A signal that came with the start has its request id.
            if event.eventID != 1 || value.requestID != started?.requestID {
                try remember(value.requestID, "signal")
            }
            signals.append((value.signalID, value.name, value.payload))
            if !value.codeGone { lastSignal = event.eventID }
        case .timerCreated(let value): timers[event.eventID] = Timer(dueAt: value.dueAt)
        case .timerFired(let value): try timerFired(value, event)
        case .timerCanceled(let value): if value.createdEventID != 0 { try endTimer(value.createdEventID) }
        case .markerRecorded(let value): mark(value, event)
        case .activityTaskScheduled, .activityTaskStarted, .activityTaskCompleted, .activityTaskFailed,
            .activityTaskTimedOut, .activityTaskCanceled, .activityTaskCancelRequested, .activityTaskRetryScheduled:
            try judgeStep(event, ledger)
        case .compensationStarted, .compensationStepStarted, .compensationStepCompleted, .compensationStepFailed,
            .compensationStepRetryScheduled, .compensationStepSkipped, .compensationBlocked, .compensationResolved,
            .compensationCompleted, .compensationOperatorAction, .compensationStepProbed:
            try judgeUnwinding(event, ledger)
        case .workflowExecutionCompleted(let value):
            try check(
                isDeclared || lastSignal.map { ledger.hasSeen($0, atEndOf: sagaID) } ?? true, "signal",
                "completed, and its code has not seen the signal of event \(lastSignal ?? 0)")
            try close(event, value.compensation, endsBadly: false)
        case .workflowExecutionContinuedAsNew(let value):
            try check(
                lastSignal.map { ledger.hasSeen($0, atEndOf: sagaID) } ?? true, "signal",
                "goes on as a new run, and its code has not seen the signal of event \(lastSignal ?? 0)")
            try check(
                value.undoCarried == undos.contains { !$0.isSettled }, "unwound",
                "goes on as a new run, and what is to be undone is \(undos.filter { !$0.isSettled }.map(\.step))")
            closing = event.attributes
        case .workflowExecutionFailed(let value): try close(event, value.compensation, endsBadly: true)
        case .workflowExecutionCanceled(let value): try close(event, value.compensation, endsBadly: true)
        case .workflowExecutionTimedOut(let value): try close(event, value.compensation, endsBadly: true)
        case .workflowExecutionTerminated(let value):
            if !value.requestID.isEmpty { requests.insert(value.requestID) }
            try close(event, value.compensation, endsBadly: true)
        default: break
        }
    }

    // MARK: Time and messages

    private mutating func timerFired(_ value: TimerFired, _ event: HistoryEvent) throws(Violation) {
        guard let timer = timers[value.createdEventID] else {
            throw Violation("timer", "\(sagaID): timer \(value.createdEventID) fired, which was never set")
        }
        try check(event.timestamp >= timer.dueAt, "timer", "timer \(value.createdEventID) fired early")
        try endTimer(value.createdEventID)
    }

    private mutating func endTimer(_ created: EventID) throws(Violation) {
        try check(timers[created]?.isOpen == true, "timer", "timer \(created) ended twice or was never set")
        timers[created]?.isOpen = false
    }

    private mutating func remember(_ requestID: String, _ what: String) throws(Violation) {
        guard !requestID.isEmpty else { return }
        try check(requests.insert(requestID).inserted, "request", "\(what) request \(requestID) is recorded twice")
    }

    private mutating func mark(_ value: MarkerRecorded, _ event: HistoryEvent) {
        switch value.kind {
        case .undoTracked:
            guard value.undo != nil else { return }
            let key = "\(sagaID)/\(event.eventID)"
            undos.append(
                Undo(
                    step: event.eventID, stepKey: key, key: key + "/undo", outcome: .completed, output: value.output,
                    policy: .always, scope: value.scope, group: 0, isTracked: true))
        case .scopeOpened: scopeParents[value.commandNumber + 1] = value.scope
        case .undoCommitted: dropOpenUndos()
        default: break
        }
    }

    private mutating func dropOpenUndos() {
        var kept: [Undo] = []
        for undo in undos {
            if (undo.stage == .open || undo.stage == .dormant) && !isOwed(undo) {
                dropped.insert(undo.step)
            } else {
                kept.append(undo)
            }
        }
        undos = kept
    }

    func check(_ holds: Bool, _ rule: String, _ message: @autoclosure () -> String) throws(Violation) {
        if !holds { throw Violation(rule, "\(sagaID): \(message())") }
    }

    // MARK: The end

    private mutating func close(
        _ event: HistoryEvent, _ summary: CompensationSummary, endsBadly: Bool
    ) throws(Violation) {
        closing = event.attributes
        let own = undos.filter { $0.stage != .dormant }
        let left = own.filter { $0.stage != .undone && $0.stage != .resolved }.map(\.step)
        let ran = own.contains { $0.stage != .open || $0.roundBegan != nil }
        if case .workflowExecutionTerminated(let value) = event.attributes, !isEndingBadly || !value.requestID.isEmpty {
            // Stopped at once, perhaps in the middle of an unwinding: whatever stands is listed.
            try check(summary.openEntries == left, "summary", "lists \(summary.openEntries), left are \(left)")
            return
        }
        if endsBadly, started?.autoCompensate != false {
            try check(
                !undos.contains { !$0.isSettled }, "unwound",
                "\(event.eventType.name) with undos that are not settled: \(undos.filter { !$0.isSettled }.map(\.step))"
            )
        }
        if endsBadly {
            try check(
                !isEndingBadly || openSteps == 0, "unwound", "closed with \(openSteps) steps open after unwinding")
            try check(summary.openEntries == left, "summary", "lists \(summary.openEntries), left are \(left)")
            let state: CompensationState =
                own.isEmpty ? .none : (left.isEmpty ? .complete : (gaveUp ? .givenUp : .partial))
            try check(summary.state == state, "summary", "says \(summary.state), it is \(state)")
        } else {
            try check(unwinding == nil, "terminal", "completed while it was unwinding")
            try check(
                !undos.contains { $0.isReopened && !$0.isSettled }, "unwound",
                "completed before what a late report put back was undone")
            // What still stands belongs to a saga that went well; what was undone on the way is told.
            let undone = own.filter { $0.stage != .open || $0.roundBegan != nil }
            let isUndone = undone.allSatisfy { $0.stage == .undone || $0.stage == .resolved }
            let state: CompensationState = ran ? (isUndone ? .complete : (gaveUp ? .givenUp : .partial)) : .none
            try check(summary.state == state, "summary", "completed says \(summary.state), it is \(state)")
        }
    }

    // MARK: Steps

    private mutating func judgeStep(_ event: HistoryEvent, _ ledger: Ledger) throws(Violation) {
        switch event.attributes {
        case .activityTaskScheduled(let value):
            try check(!isEndingBadly, "forward", "step \(value.stepID) is scheduled after the unwinding began")
            try check(
                value.idempotencyKey == "\(sagaID)/\(event.eventID)", "key",
                "step \(value.stepID) has key \(value.idempotencyKey) at event \(event.eventID)")
            steps[event.eventID] = Step(scheduled: value)
            stepOrder.append(event.eventID)
            openSteps += 1
        case .activityTaskStarted(let value):
            let step = try openStep(value.scheduledEventID, "started")
            if value.completesLater {
                try check(value.attempt == step.attempt, "later", "attempt \(value.attempt), \(step.attempt) runs")
                try check(step.later != value.attempt, "later", "attempt \(value.attempt) is said twice to go on")
                steps[value.scheduledEventID]?.later = value.attempt
            }
        case .activityTaskCancelRequested(let value):
            guard value.scheduledEventID != 0 else { return }
            _ = try openStep(value.scheduledEventID, "asked to stop")
            steps[value.scheduledEventID]?.cancelRequested = true
        case .activityTaskRetryScheduled(let value):
            let step = try openStep(value.scheduledEventID, "repeated")
            try check(value.attempt == step.attempt, "attempt", "attempt \(value.attempt) failed, \(step.attempt) runs")
            let limit = step.scheduled.retry.maximumAttempts
            try check(
                limit == 0 || step.attempt < limit, "attempt", "step \(step.scheduled.stepID) has no attempt left")
            try check(!isEndingBadly, "forward", "step \(step.scheduled.stepID) is repeated after the unwinding began")
            steps[value.scheduledEventID]?.attempt += 1
            steps[value.scheduledEventID]?.retryDueAt = value.dueAt
            if value.outcome != .noEffect { steps[value.scheduledEventID]?.hadUnknownAttempt = true }
        case .activityTaskCompleted(let value):
            let step = try openStep(value.scheduledEventID, "completed")
            try check(value.attempt <= step.attempt, "attempt", "attempt \(value.attempt) was never made")
            try check(
                ledger.effect(step.scheduled.idempotencyKey).executions > 0, "effect",
                "step \(step.scheduled.stepID) completed without an effect")
            if step.scheduled.pivot { dropOpenUndos() }
            try closeStep(value.scheduledEventID, event, .completed, output: value.output)
        case .activityTaskFailed(let value):
            let step = try openStep(value.scheduledEventID, "failed")
            try check(value.attempt == step.attempt, "attempt", "attempt \(value.attempt) failed, \(step.attempt) runs")
            try closeStep(value.scheduledEventID, event, value.outcome)
        case .activityTaskTimedOut(let value):
            let step = try openStep(value.scheduledEventID, "timed out")
            let reference = TaskReference(
                sagaID: sagaID, eventID: value.scheduledEventID, attempt: value.attempt, isUndo: false)
            let timeouts = step.scheduled.timeouts
            try check(
                value.timeout != .startToClose || timeouts.heartbeatMicros <= 0
                    || timeouts.heartbeatMicros >= timeouts.startToCloseMicros || ledger.signs.contains(reference)
                    // After a restart its start-to-close time goes on, and it has a whole heartbeat time again.
                    || step.later == value.attempt,
                "heartbeat", "step \(step.scheduled.stepID) ran out its time without any sign of life")
            try closeStep(value.scheduledEventID, event, value.outcome)
        case .activityTaskCanceled(let value):
            _ = try openStep(value.scheduledEventID, "cancelled")
            try closeStep(value.scheduledEventID, event, value.outcome)
        default: break
        }
    }

    private func openStep(_ eventID: EventID, _ what: String) throws(Violation) -> Step {
        guard let step = steps[eventID], step.closedBy == nil else {
            throw Violation("once", "\(sagaID): step \(eventID) is \(what), but it is not open")
        }
        return step
    }

    private mutating func closeStep(
        _ eventID: EventID, _ event: HistoryEvent, _ outcome: StepOutcome, output: Payload? = nil
    ) throws(Violation) {
        guard let index = steps.index(forKey: eventID) else { return }
        let step = steps.values[index]
        try check(
            outcome != .noEffect || !step.hadUnknownAttempt, "outcome",
            "step \(step.scheduled.stepID) had an unknown attempt and is said to have had no effect")
        steps.values[index].closedBy = event.eventID
        steps.values[index].outcome = outcome
        steps.values[index].output = output
        openSteps -= 1
        guard let undo = step.scheduled.undo else { return }
        let stage: Undo.Stage
        switch (outcome, undo.undoFailedStep) {
        case (.completed, _), (_, .always), (.unknown, .ifUnknown): stage = .open
        case (.unknown, .never): stage = .dormant
        case (.noEffect, _): return
        }
        let key = step.scheduled.idempotencyKey
        undos.append(
            Undo(
                step: eventID, stepKey: key, key: key + "/undo", outcome: outcome, output: output,
                policy: undo.undoFailedStep, scope: step.scheduled.scope, group: step.scheduled.undoGroup,
                stage: stage))
    }

    // MARK: Unwinding

    private mutating func judgeUnwinding(_ event: HistoryEvent, _ ledger: Ledger) throws(Violation) {
        switch event.attributes {
        case .compensationStarted(let value):
            try check(!isEndingBadly, "unwinding", "the unwinding began twice")
            try remember(value.requestID, "terminate")
            unwindingStarts.append((value.scope, event.eventID))
            if value.cause == .requested, unwinding != nil {
                unwindingsToCome.append(value.scope)
            } else {
                unwinding = value.cause
                unwindingScope = value.scope
                unwindingsToCome = []
                block = nil
            }
        case .compensationStepStarted(let value):
            try judgeFailedUndos()
            try check(
                unwinding == nil || openStepsInScope.isEmpty, "unwinding",
                "undo of \(value.stepEventID) while steps \(openStepsInScope) are open")
            // Strictly last first, and one by one, but for groups, and for what a person has decided to try again.
            let retried = undo(value.stepEventID).flatMap { $0.stage == .blocked ? $0 : nil }
            let next = retried ?? nextUndos().first { $0.step == value.stepEventID }
            try check(
                next != nil, "lifo", "undo of step \(value.stepEventID), next are \(nextUndos().map(\.step))")
            let others = undos.filter { $0.step != value.stepEventID && ($0.stage == .started || $0.stage == .waiting) }
            try check(
                others.allSatisfy { $0.group == next?.group && $0.group != 0 }, "lifo",
                "undo of step \(value.stepEventID) begins while those of \(others.map(\.step)) run")
            try check(
                next?.stage == .open || next?.stage == .blocked, "once",
                "undo of \(value.stepEventID) is started while it is \(next.map { "\($0.stage)" } ?? "away")")
            try check(value.outcome == next?.outcome, "undo", "undo of \(value.stepEventID) has a wrong outcome")
            update(value.stepEventID) { undo in
                undo.stage = .started
                if undo.roundBegan != nil { undo.attempt += 1 }
                undo.roundBegan = undo.attempt
                undo.key = value.idempotencyKey
            }
        case .compensationStepCompleted(let value):
            let undo = try runningUndo(value.stepEventID, "undone")
            try check(ledger.undoCount(undo.key) > 0, "effect", "undo \(undo.key) completed without having run")
            update(value.stepEventID) { $0.stage = .undone }
        case .compensationStepRetryScheduled(let value):
            let undo = try runningUndo(value.stepEventID, "repeated")
            try check(value.attempt == undo.attempt, "attempt", "undo attempt \(value.attempt), \(undo.attempt) runs")
            update(value.stepEventID) { undo in
                undo.stage = .waiting
                undo.attempt += 1
            }
        case .compensationStepFailed(let value):
            _ = try runningUndo(value.stepEventID, "failed")
            update(value.stepEventID) { $0.stage = .failed }
        case .compensationBlocked(let value):
            try check(undo(value.stepEventID)?.stage == .failed, "blocked", "blocked by an undo that did not fail")
            update(value.stepEventID) { $0.stage = .blocked }
        case .compensationStepProbed(let value): try probed(value)
        case .compensationStepSkipped(let value): update(value.stepEventID) { $0.stage = .skipped }
        case .compensationResolved(let value): update(value.stepEventID) { $0.stage = .resolved }
        case .compensationOperatorAction(let value):
            try remember(value.requestID, "operator")
            if value.verb == .giveUp { gaveUp = true }
        case .compensationCompleted:
            try judgeFailedUndos()
            try check(unwinding != nil, "unwinding", "completed an unwinding that never began")
            try check(
                nextUndos().isEmpty && openStepsInScope.isEmpty, "unwinding",
                "completed the unwinding with open undos \(nextUndos().map(\.step)), steps \(openStepsInScope)")
            if unwinding == .requested {
                if unwindingsToCome.isEmpty { unwinding = nil } else { unwindingScope = unwindingsToCome.removeFirst() }
            }
        default: break
        }
    }

    /// An undo that failed for good stops the unwinding, unless the saga says otherwise.
    private func judgeFailedUndos() throws(Violation) {
        let failed = undos.first { $0.stage == .failed }
        try check(
            failed == nil || started?.continueOnUndoError == true, "blocked",
            "the undo of step \(failed?.step ?? 0) failed, and the unwinding goes on")
    }

    /// An unknown outcome is known: by a probe, or by a late report, which must be one that was sent.
    private mutating func probed(_ value: CompensationStepProbed) throws(Violation) {
        guard let undo = undo(value.stepEventID) else {
            throw Violation("undo", "\(sagaID): step \(value.stepEventID) is probed and has no undo")
        }
        try check(undo.outcome != .completed, "undo", "step \(value.stepEventID) is probed, its outcome was known")
        if value.happened { madeCertain.insert(value.stepEventID) }
        let isBack = undo.isReopened || (undo.stage != .open && isOwed(undo))
        update(value.stepEventID) { undo in
            undo.outcome = value.happened ? .completed : .noEffect
            if let output = value.output { undo.output = output }
            if value.happened {
                if undo.stage != .blocked {
                    undo.isReopened = isBack
                    undo.stage = .open
                }
            } else if undo.policy != .always {
                undo.stage = .dormant
            }
        }
    }

    private func runningUndo(_ step: EventID, _ what: String) throws(Violation) -> Undo {
        guard let undo = undo(step), undo.stage == .started || undo.stage == .waiting else {
            throw Violation("once", "\(sagaID): undo of step \(step) is \(what), but it does not run")
        }
        return undo
    }

    private mutating func update(_ step: EventID, _ change: (inout Undo) -> Void) {
        guard let index = undos.lastIndex(where: { $0.step == step }) else { return }
        change(&undos[index])
    }
}

extension Violation: CustomStringConvertible {
    package var description: String { "[\(rule)] \(message)" }
}
