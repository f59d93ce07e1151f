internal import SagaCore

/// What a run has to do with other runs, with callers and with its own past, as the checker understands it.
extension RunModel {
    struct Signal {
        var id: String
        var name: String
        var payload: Payload
        var eventID: EventID
        /// Came when the code was gone.
        var isForNobody: Bool
        /// Came with the run, from the one before it.
        var isFromEarlier: Bool
    }

    struct Child {
        var initiated: StartChildWorkflowExecutionInitiated
        /// Its present run.
        var sagaID: SagaID?
        var isOpen = true
        var isCancelRequested = false
    }

    struct Local {
        var scheduled: LocalActivityScheduled
        var closedBy: EventID?
        var outcome: StepOutcome?
    }

    struct External {
        enum End: Hashable {
            case open, delivered, failed
        }

        var request: ExternalSignalRequested
        var end = End.open
    }

    struct Update {
        enum End: Hashable {
            case open
            case rejected(SagaError)
            case completed(Payload)
            case rolledBack(SagaError)
        }

        var event: EventID
        var input: Payload
        var end: End
    }

    /// Whether undos are left that a run which goes on from here must be given.
    var hasToCarry: Bool { undos.contains { !$0.isSettled } }

    /// Children that an unwinding of the present scope waits for.
    var openChildrenInScope: [EventID] {
        children.keys.sorted().filter { eventID in
            children[eventID].map { child in
                child.isOpen && child.initiated.parentClosePolicy != .abandon && resetsTo.map { eventID > $0 } ?? true
                    && contains(unwindingScope, child.initiated.scope)
            } ?? false
        }
    }

    /// Entries that another run did. They have no event here: they count down from the end of all ids.
    func carry(_ entries: [CarriedUndo], below top: EventID) {
        for (index, entry) in entries.enumerated() {
            var undo = Undo(
                step: top - EventID(index), stepKey: entry.idempotencyKey, key: entry.idempotencyKey + "/undo",
                outcome: entry.outcome, output: entry.output, policy: entry.undo.undoFailedStep, scope: 0,
                group: entry.undoGroup)
            undo.child = entry.child
            undo.isCarried = true
            undo.carriedAt = eventCount
            undos.append(undo)
        }
    }

    /// While it is paused only what comes from outside is recorded, and what ends.
    func judgePaused(_ event: HistoryEvent) throws(Violation) {
        switch event.attributes {
        case .timerCreated, .startChildWorkflowExecutionInitiated, .externalSignalRequested, .sideEffectRecorded,
            .markerRecorded, .workflowUpdateAccepted, .workflowUpdateRejected, .workflowUpdateCompleted,
            .localActivityScheduled, .localActivityCompleted, .workflowExecutionCompleted,
            .workflowExecutionContinuedAsNew:
            try check(false, "paused", "\(event.eventType.name) while the run is paused")
        default: break
        }
    }

    func judgeComposition(_ event: HistoryEvent, _ ledger: Ledger) throws(Violation) {
        switch event.attributes {
        case .workflowExecutionPaused(let value):
            try remember(value.requestID, "pause")
            isPaused = true
        case .workflowExecutionResumed(let value):
            try remember(value.requestID, "resume")
            isPaused = false
        case .workflowExecutionReset(let value):
            try remember(value.requestID, "reset")
            // Each of several resets has numbers of its own.
            carry(value.carriedUndo, below: .max - EventID(value.origins.count + 1) << 32)
        case .sideEffectRecorded(let value): values.append(value.value)
        case .upsertSearchAttributes(let value):
            for attribute in value.attributes {
                attributes.removeAll { $0.name == attribute.name }
                attributes.append(attribute)
            }
        case .externalSignalRequested(let value): externals[event.eventID] = External(request: value)
        case .externalSignalDelivered(let value): try endExternal(value.requestedEventID, .delivered)
        case .externalSignalFailed(let value): try endExternal(value.requestedEventID, .failed)
        case .workflowUpdateAccepted, .workflowUpdateRejected, .workflowUpdateCompleted, .workflowUpdateRolledBack:
            try judgeUpdate(event)
        case .localActivityScheduled, .localActivityCompleted, .localActivityFailed, .localActivityTimedOut,
            .localActivityCanceled:
            try judgeLocal(event, ledger)
        default: try judgeChild(event)
        }
    }

    private func endExternal(_ requested: EventID, _ end: External.End) throws(Violation) {
        try check(externals[requested]?.end == .open, "external", "signal \(requested) to another saga ended twice")
        externals[requested]?.end = end
    }

    // MARK: Children

    private func judgeChild(_ event: HistoryEvent) throws(Violation) {
        switch event.attributes {
        case .startChildWorkflowExecutionInitiated(let value):
            try check(!isEndingBadly, "forward", "child \(value.workflowID) is asked for after the unwinding began")
            children[event.eventID] = Child(initiated: value)
        case .childWorkflowExecutionStarted(let value):
            try check(try openChild(value.initiatedEventID).sagaID == nil, "child", "a child started twice")
            children[value.initiatedEventID]?.sagaID = value.childSagaID
        case .childWorkflowExecutionContinuedAsNew(let value):
            _ = try openChild(value.initiatedEventID)
            children[value.initiatedEventID]?.sagaID = value.newSagaID
        case .childWorkflowExecutionCancelRequested(let value):
            guard value.initiatedEventID != 0 else { return }
            _ = try openChild(value.initiatedEventID)
            children[value.initiatedEventID]?.isCancelRequested = true
        case .childWorkflowExecutionCompleted(let value):
            let child = try openChild(value.initiatedEventID)
            children[value.initiatedEventID]?.isOpen = false
            guard value.hasUndo, let run = child.sagaID else { return }
            let key = "\(sagaID)/\(value.initiatedEventID)"
            var undo = Undo(
                step: value.initiatedEventID, stepKey: key, key: key + "/undo", outcome: .completed, output: nil,
                policy: .always, scope: child.initiated.scope, group: 0)
            undo.child = ChildUndo(workflowID: child.initiated.workflowID, sagaID: run)
            undo.isMoved = resetsTo.map { value.initiatedEventID <= $0 } ?? false
            undos.append(undo)
        case .childWorkflowExecutionFailed(let value): try endChild(value.initiatedEventID)
        case .childWorkflowExecutionCanceled(let value): try endChild(value.initiatedEventID)
        case .childWorkflowExecutionTimedOut(let value): try endChild(value.initiatedEventID)
        case .childWorkflowExecutionTerminated(let value): try endChild(value.initiatedEventID)
        case .startChildWorkflowExecutionFailed(let value): try endChild(value.initiatedEventID)
        default: break
        }
    }

    private func openChild(_ initiated: EventID) throws(Violation) -> Child {
        guard let child = children[initiated], child.isOpen else {
            throw Violation("child", "\(sagaID): child \(initiated) is not open")
        }
        return child
    }

    private func endChild(_ initiated: EventID) throws(Violation) {
        _ = try openChild(initiated)
        children[initiated]?.isOpen = false
    }

    // MARK: Local activities

    private func judgeLocal(_ event: HistoryEvent, _ ledger: Ledger) throws(Violation) {
        switch event.attributes {
        case .localActivityScheduled(let value):
            try check(!isEndingBadly, "forward", "local step \(value.stepID) is scheduled after the unwinding began")
            try check(
                event.eventID < copied || value.idempotencyKey == "\(sagaID)/\(event.eventID)", "key",
                "local step \(value.stepID) has key \(value.idempotencyKey) at event \(event.eventID)")
            locals[event.eventID] = Local(scheduled: value)
        case .localActivityCompleted(let value):
            let key = value.scheduledEventID.flatMap { locals[$0]?.scheduled.idempotencyKey }
            try check(
                event.eventID < copied
                    || ledger.effect(key ?? "\(sagaID)/local/\(value.commandNumber)").executions > 0, "effect",
                "local activity \(value.activityType) completed without an effect")
            try endLocal(value.scheduledEventID, event, .completed, value.output)
        case .localActivityFailed(let value): try endLocal(value.scheduledEventID, event, value.outcome, nil)
        case .localActivityTimedOut(let value): try endLocal(value.scheduledEventID, event, value.outcome, nil)
        case .localActivityCanceled(let value): try endLocal(value.scheduledEventID, event, value.outcome, nil)
        default: break
        }
    }

    private func endLocal(
        _ scheduled: EventID?, _ event: HistoryEvent, _ outcome: StepOutcome, _ output: Payload?
    ) throws(Violation) {
        guard let scheduled else { return }
        guard let local = locals[scheduled], local.closedBy == nil else {
            throw Violation("once", "\(sagaID): local step \(scheduled) ended, but it is not open")
        }
        locals[scheduled]?.closedBy = event.eventID
        locals[scheduled]?.outcome = outcome
        guard let undo = local.scheduled.undo else { return }
        addUndo(
            scheduled, undo, local.scheduled.idempotencyKey, outcome, output, scope: local.scheduled.scope, group: 0)
    }

    // MARK: Updates

    private func judgeUpdate(_ event: HistoryEvent) throws(Violation) {
        switch event.attributes {
        case .workflowUpdateAccepted(let value):
            try check(updates[value.updateID] == nil, "update", "update \(value.updateID) is accepted twice")
            try check(!isEndingBadly, "update", "update \(value.updateID) is accepted after the unwinding began")
            try remember(value.requestID, "update")
            updates[value.updateID] = Update(event: event.eventID, input: value.input, end: .open)
            lastMessage = event.eventID
        case .workflowUpdateRejected(let value):
            try check(updates[value.updateID] == nil, "update", "update \(value.updateID) is refused, and was known")
            updates[value.updateID] = Update(event: event.eventID, input: .empty, end: .rejected(value.error))
        case .workflowUpdateCompleted(let value): try endUpdate(value.acceptedEventID, .completed(value.output))
        case .workflowUpdateRolledBack(let value):
            try endUpdate(value.acceptedEventID, .rolledBack(value.error))
            try judgeRolledBack(value.acceptedEventID)
        default: break
        }
    }

    /// Nothing of the code is open, and every signal so far was taken or goes along.
    func markCheckpoint(_ value: MarkerRecorded, _ event: HistoryEvent) throws(Violation) {
        checkpoint = event.eventID
        try check(openSteps == 0, "checkpoint", "a checkpoint while \(openSteps) steps are open")
        let open = timers.values.count(where: \.isOpen)
        try check(open == 0, "checkpoint", "a checkpoint while \(open) timers are open")
        let name = SimulatedWorkflows.signalName
        let carried: [Payload]
        do throws(SagaError) {
            carried = try CodeCheckpoint(value, eventID: event.eventID).signals.filter { $0.name == name }.map(
                \.payload)
        } catch {
            throw Violation("checkpoint", "\(sagaID): \(error.message)")
        }
        guard let held = try? PlainJSON.decode(Checkpoints.Held.self, value.details) else {
            throw Violation(
                "checkpoint", "\(sagaID): what the checkpoint of event \(event.eventID) holds does not read")
        }
        let sent = signals.filter { !$0.isForNobody && $0.name == name }.map {
            String(decoding: $0.payload.data, as: UTF8.self)
        }
        let known = held.seen.map { "\($0)" } + carried.map { String(decoding: $0.data, as: UTF8.self) }
        try check(
            known == sent, "checkpoint", "the code has taken or takes along signals \(known), sent were \(sent)")
    }

    private func endUpdate(_ accepted: EventID, _ end: Update.End) throws(Violation) {
        guard let id = updates.first(where: { $0.value.event == accepted && $0.value.end == .open })?.key else {
            throw Violation("update", "\(sagaID): update \(accepted) ended, and is not open")
        }
        updates[id]?.end = end
    }

    /// The steps of an update that was rolled back are undone before it is said so. They are named after its input.
    private func judgeRolledBack(_ accepted: EventID) throws(Violation) {
        guard let update = updates.first(where: { $0.value.event == accepted })?.value else { return }
        let name = "u" + String(decoding: update.input.data, as: UTF8.self)
        for eventID in stepOrder where eventID > accepted {
            guard let step = steps[eventID], step.scheduled.stepID == name else { continue }
            try check(step.closedBy != nil, "update", "an update is rolled back, and its step \(name) runs")
            let isLeft = undo(eventID).map { !$0.isSettled && !$0.isReopened } ?? false
            try check(!isLeft, "update", "an update is rolled back, and its step \(name) is not undone")
        }
    }
}
