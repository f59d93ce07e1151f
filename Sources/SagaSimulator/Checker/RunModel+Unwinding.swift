internal import SagaCore

/// The unwinding of a run, as the checker understands it.
extension RunModel {
    func judgeUnwinding(_ event: HistoryEvent, _ ledger: Ledger) throws(Violation) {
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
                isPaused = false
            }
            if let kept = value.resetToEventID {
                resetsTo = kept
                for index in undos.indices where !undos[index].isSettled && undos[index].born <= kept {
                    undos[index].isMoved = true
                }
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
            try check(
                undo.child != nil || ledger.undoCount(undo.key) > 0, "effect",
                "undo \(undo.key) completed without having run")
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
    private func probed(_ value: CompensationStepProbed) throws(Violation) {
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

    func update(_ step: EventID, _ change: (inout Undo) -> Void) {
        guard let index = undos.lastIndex(where: { $0.step == step }) else { return }
        change(&undos[index])
    }
}
