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
/// nothing with the engine's fold. A class, because it is large, and looked at for each event and hand-out.
final class RunModel {
    struct Step {
        var scheduled: ActivityTaskScheduled
        /// The current attempt, from 1.
        var attempt: UInt32 = 1
        var hadUnknownAttempt = false
        var closedBy: EventID?
        var outcome: StepOutcome?
        var output: Payload?
        var cancelRequested = false
        /// The last attempt that any worker was given.
        var outAttempt: UInt32 = 0
        /// Whether it may have happened, for all that is known.
        var wasOut: Bool { hadUnknownAttempt || outAttempt == attempt }
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
        /// The child whose own log stands behind the entry.
        var child: ChildUndo?
        /// Whether another run did the step.
        var isCarried = false
        /// Of a run that is reset: the entry moves to the next run.
        var isMoved = false

        /// The event that it stands after: what was carried into a run stands before all of its events.
        var born: EventID { carriedAt ?? step }
        var carriedAt: EventID?

        /// Whether somebody asked for it.
        var hasBegun: Bool { stage != .open || isReopened }

        var isSettled: Bool {
            switch stage {
            case .undone, .failed, .skipped, .resolved, .dormant: true
            case .open, .started, .waiting, .blocked: false
            }
        }
    }

    let sagaID: SagaID
    var started: WorkflowExecutionStarted? {
        didSet {
            isDeclared = started?.taskQueue == "saga.engine"
            isClock = started?.namespace == "saga:clocks"
        }
    }
    var eventCount: EventID = 0
    /// How many events a server found when it read the run last.
    var recoveredEvents: EventID = 0
    var lastTimestamp = Timestamp(microseconds: .min)
    var closing: EventAttributes?
    var steps: [EventID: Step] = [:]
    var stepOrder: [EventID] = []
    private(set) var timers: [EventID: Timer] = [:]
    var undos: [Undo] = []
    /// Steps whose undo entry a pivot or a commit dropped.
    var dropped: Set<EventID> = []
    /// Steps of which a probe or a late report said that they happened.
    var madeCertain: Set<EventID> = []
    var unwinding: UnwindCause?
    var unwindingScope: UInt32 = 0
    /// Scopes that the code wants unwound after the present one.
    var unwindingsToCome: [UInt32] = []
    var scopeParents: [UInt32: UInt32] = [:]
    /// Every unwinding that began: of which scope, by which event.
    var unwindingStarts: [(scope: UInt32, event: EventID)] = []
    var signals: [Signal] = []
    /// The last checkpoint.
    var checkpoint: EventID?
    /// The last signal or update that the code must have seen when it ends well.
    var lastMessage: EventID?
    var requests: Set<String> = []
    var block: BlockCause?
    var cancelRequested = false
    var gaveUp = false
    var openSteps = 0

    /// Children, by the events that asked for them.
    var children: [EventID: Child] = [:]
    /// Local activities with an undo.
    var locals: [EventID: Local] = [:]
    /// Signals to other sagas, and what became of each.
    var externals: [EventID: External] = [:]
    var updates: [String: Update] = [:]
    /// Values that the code computed once.
    var values: [Payload] = []
    var attributes: [NamedPayload] = []
    var isPaused = false
    /// The event that made this run out of another, and how many of its events were that one's.
    var reset: WorkflowExecutionReset?
    var copied: EventID = 0
    /// The event to which it is being reset.
    var resetsTo: EventID?

    init(sagaID: SagaID) { self.sagaID = sagaID }

    /// Whether the engine itself runs it, from a definition.
    private(set) var isDeclared = false
    /// Whether it holds the versions of a definition; it stays open.
    var isDefinition: Bool { isDeclared && started?.workflowType == "saga.definition" }
    /// Whether it keeps the virtual clock of a namespace: the time of its last event is what the clock shows.
    private(set) var isClock = false
    var isClosed: Bool { closing != nil }
    var isEndingBadly: Bool { unwinding.map { $0 != .requested } ?? false }

    /// Whether a scope is the other one or lies inside it.
    func contains(_ outer: UInt32, _ inner: UInt32) -> Bool {
        var scope: UInt32? = inner
        while let present = scope, present != outer { scope = present == 0 ? nil : scopeParents[present, default: 0] }
        return scope == outer
    }

    /// Entries that may be undone now: the youngest that is not settled, and its group as far as it reaches.
    func nextUndos() -> [Undo] {
        // Outside an unwinding nothing is undone but what a late report put back after one.
        guard unwinding != nil else {
            return undos.last { $0.isReopened && $0.stage == .open }.map { [$0] } ?? []
        }
        var next: [Undo] = []
        for undo in undos.reversed() where contains(unwindingScope, undo.scope) && !undo.isSettled && !undo.isMoved {
            if let youngest = next.first, youngest.group == 0 || youngest.group != undo.group { break }
            next.append(undo)
        }
        return next
    }

    /// Whether an unwinding has begun that concerns the step: its undo is promised.
    func isOwed(_ undo: Undo) -> Bool {
        unwindingStarts.contains { contains($0.scope, undo.scope) && undo.born < $0.event }
    }

    var openStepsInScope: [EventID] {
        stepOrder.filter { eventID in
            steps[eventID].map { step in
                step.closedBy == nil && contains(unwindingScope, step.scheduled.scope)
                    // What is older than the event that it is reset to goes on in the next run.
                    && resetsTo.map { eventID > $0 } ?? true
            } ?? false
        } + openChildrenInScope
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
    func apply(_ event: HistoryEvent, _ ledger: Ledger) throws(Violation) {
        try check(event.eventID == eventCount, "gapless", "event \(event.eventID) stands where \(eventCount) is due")
        try check(closing == nil, "terminal", "\(event.eventType.name) follows the closing event")
        try check(event.timestamp >= lastTimestamp, "time", "event \(event.eventID) is older than the one before it")
        try check((eventCount == 0) == (event.eventType == .workflowExecutionStarted), "start", "event 0 is the start")
        if event.eventID < copied {
            // Another run's past: judged there.
        } else if isPaused {
            try judgePaused(event)
        }
        try judge(event, ledger)
        eventCount += 1
        lastTimestamp = event.timestamp
    }

    private func judge(_ event: HistoryEvent, _ ledger: Ledger) throws(Violation) {
        switch event.attributes {
        case .workflowExecutionStarted(let value):
            started = value
            if !value.requestID.isEmpty { requests.insert(value.requestID) }
            carry(value.carriedUndo, below: .max)
            attributes = value.searchAttributes
        case .workflowExecutionCancelRequested(let value):
            try remember(value.requestID, "cancel")
            cancelRequested = true
        case .workflowExecutionBlocked(let value):
            try check(block == nil, "blocked", "blocked twice")
            try check(
                value.cause == .undoFailed || event.eventID < copied || ledger.badCode.contains(sagaID), "determinism",
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
            if value.requestID != started?.requestID {
                try remember(value.requestID, "signal")
            }
            signals.append(
                Signal(
                    id: value.signalID, name: value.name, payload: value.payload, eventID: event.eventID,
                    isForNobody: value.codeGone, isFromEarlier: value.identity.hasPrefix("run ")))
            if !value.codeGone { lastMessage = event.eventID }
        case .timerCreated(let value): timers[event.eventID] = Timer(dueAt: value.dueAt)
        case .timerFired(let value): try timerFired(value, event)
        case .timerCanceled(let value): if value.createdEventID != 0 { try endTimer(value.createdEventID) }
        case .markerRecorded(let value): try mark(value, event)
        case .activityTaskScheduled, .activityTaskStarted, .activityTaskCompleted, .activityTaskFailed,
            .activityTaskTimedOut, .activityTaskCanceled, .activityTaskCancelRequested, .activityTaskRetryScheduled:
            try judgeStep(event, ledger)
        case .compensationStarted, .compensationStepStarted, .compensationStepCompleted, .compensationStepFailed,
            .compensationStepRetryScheduled, .compensationStepSkipped, .compensationBlocked, .compensationResolved,
            .compensationCompleted, .compensationOperatorAction, .compensationStepProbed:
            try judgeUnwinding(event, ledger)
        case .workflowExecutionCompleted(let value):
            try check(
                isDeclared || lastMessage.map { ledger.hasSeen($0, atEndOf: sagaID) } ?? true, "signal",
                "completed, and its code has not seen the signal of event \(lastMessage ?? 0)")
            try close(event, value.compensation, endsBadly: false)
        case .workflowExecutionContinuedAsNew(let value):
            try check(
                lastMessage.map { ledger.hasSeen($0, atEndOf: sagaID) } ?? true, "signal",
                "goes on as a new run, and its code has not seen the signal of event \(lastMessage ?? 0)")
            // Of a step from before the last recovery nobody knows whether it was handed out (composed seed 17611).
            let mayHaveRun = steps.contains { eventID, step in
                step.closedBy == nil && (step.wasOut || eventID < recoveredEvents)
            }
            try check(
                !value.undoCarried || hasToCarry || mayHaveRun, "carry",
                "goes on as a new run with undos, and has none")
            closing = event.attributes
        case .workflowExecutionFailed(let value): try close(event, value.compensation, endsBadly: true)
        case .workflowExecutionCanceled(let value): try close(event, value.compensation, endsBadly: true)
        case .workflowExecutionTimedOut(let value): try close(event, value.compensation, endsBadly: true)
        case .workflowExecutionTerminated(let value):
            if !value.requestID.isEmpty { requests.insert(value.requestID) }
            try close(event, value.compensation, endsBadly: true)
        default: try judgeComposition(event, ledger)
        }
    }

    // MARK: Time and messages

    private func timerFired(_ value: TimerFired, _ event: HistoryEvent) throws(Violation) {
        guard let timer = timers[value.createdEventID] else {
            throw Violation("timer", "\(sagaID): timer \(value.createdEventID) fired, which was never set")
        }
        try check(event.timestamp >= timer.dueAt, "timer", "timer \(value.createdEventID) fired early")
        try endTimer(value.createdEventID)
    }

    private func endTimer(_ created: EventID) throws(Violation) {
        try check(timers[created]?.isOpen == true, "timer", "timer \(created) ended twice or was never set")
        timers[created]?.isOpen = false
    }

    func remember(_ requestID: String, _ what: String) throws(Violation) {
        guard !requestID.isEmpty else { return }
        try check(requests.insert(requestID).inserted, "request", "\(what) request \(requestID) is recorded twice")
    }

    private func mark(_ value: MarkerRecorded, _ event: HistoryEvent) throws(Violation) {
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
        case .checkpoint: try markCheckpoint(value, event)
        default: break
        }
    }

    func dropOpenUndos() {
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

    private func close(
        _ event: HistoryEvent, _ summary: CompensationSummary, endsBadly: Bool
    ) throws(Violation) {
        closing = event.attributes
        let own = undos.filter { $0.stage != .dormant && !$0.isMoved }
        let left = own.filter { $0.stage != .undone && $0.stage != .resolved }.map(\.step)
        let ran = own.contains { $0.stage != .open || $0.roundBegan != nil }
        if case .workflowExecutionTerminated(let value) = event.attributes, !isEndingBadly || !value.requestID.isEmpty {
            // What a reset leaves moves on; nothing of it is left here.
            if value.reason.hasPrefix("reset to event "), !isEndingBadly {
                return try check(summary.openEntries.isEmpty, "summary", "lists \(summary.openEntries) and is reset")
            }
            // Stopped at once, perhaps in the middle of an unwinding: whatever stands is listed.
            try check(summary.openEntries == left, "summary", "lists \(summary.openEntries), left are \(left)")
            return
        }
        if endsBadly, started?.autoCompensate != false {
            let open = own.filter { !$0.isSettled }.map(\.step)
            try check(open.isEmpty, "unwound", "\(event.eventType.name) with undos that are not settled: \(open)")
        }
        if endsBadly {
            try check(
                !isEndingBadly || resetsTo != nil || openSteps == 0, "unwound",
                "closed with \(openSteps) steps open after unwinding")
            try check(
                !isEndingBadly || resetsTo != nil || openChildrenInScope.isEmpty, "unwound",
                "closed with children \(openChildrenInScope) open after unwinding")
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

    private func judgeStep(_ event: HistoryEvent, _ ledger: Ledger) throws(Violation) {
        switch event.attributes {
        case .activityTaskScheduled(let value):
            try check(!isEndingBadly, "forward", "step \(value.stepID) is scheduled after the unwinding began")
            try check(!isPaused, "paused", "step \(value.stepID) is scheduled while the run is paused")
            try check(
                event.eventID < copied || value.idempotencyKey == "\(sagaID)/\(event.eventID)", "key",
                "step \(value.stepID) has key \(value.idempotencyKey) at event \(event.eventID)")
            steps[event.eventID] = Step(scheduled: value)
            stepOrder.append(event.eventID)
            openSteps += 1
        case .activityTaskStarted(let value):
            let step = try openStep(value.scheduledEventID, "started")
            // Somebody who completes an attempt of another run has no token for this one.
            if value.completesLater, event.eventID >= copied {
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

    private func closeStep(
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
        addUndo(
            eventID, undo, step.scheduled.idempotencyKey, outcome, output, scope: step.scheduled.scope,
            group: step.scheduled.undoGroup)
    }

    /// A step with an undo is closed.
    func addUndo(
        _ step: EventID, _ undo: UndoSpec, _ key: String, _ outcome: StepOutcome, _ output: Payload?, scope: UInt32,
        group: UInt32
    ) {
        let stage: Undo.Stage
        switch (outcome, undo.undoFailedStep) {
        case (.completed, _), (_, .always), (.unknown, .ifUnknown): stage = .open
        case (.unknown, .never): stage = .dormant
        case (.noEffect, _): return
        }
        undos.append(
            Undo(
                step: step, stepKey: key, key: key + "/undo", outcome: outcome, output: output,
                policy: undo.undoFailedStep, scope: scope, group: group, stage: stage,
                isMoved: resetsTo.map { step <= $0 } ?? false))
    }
}

extension Violation: CustomStringConvertible {
    package var description: String { "[\(rule)] \(message)" }
}
