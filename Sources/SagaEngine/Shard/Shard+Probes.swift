internal import SagaCore

/// Probes: a step of unknown outcome is asked about before it is undone (semantics, section 4, "Outcome").
///
/// A probe only looks, so nothing about it is durable but its answer: after a crash it is asked again. If it cannot
/// answer, the step stays unknown, and an unknown step is undone.
extension Shard {
    func startProbe(_ execution: Execution, _ entry: UndoEntry) {
        guard execution.undoTasks[entry.stepEventID] == nil else { return }
        execution.undoTasks[entry.stepEventID] = LiveTask(phase: .queued, attempt: TaskReference.probeAttempt)
        let reference = TaskReference(
            sagaID: execution.sagaID, eventID: entry.stepEventID, attempt: TaskReference.probeAttempt, isUndo: true)
        // The probe must not run before what it asks about is durable.
        hold(.queueProbe(reference), execution)
    }

    func queueProbe(_ execution: Execution, _ reference: TaskReference) {
        guard let entry = execution.state.undoLog.entry(reference.eventID), entry.status == .open else { return }
        dispatchUndo(execution, entry, reference)
    }

    func probeEnded(_ stepEventID: EventID, _ result: ActivityResult, _ execution: Execution) {
        execution.undoTasks[stepEventID] = nil
        execution.probed.insert(stepEventID)
        guard case .completed(let output, _) = result, let happened = output.probeAnswer else {
            return log(.warning, "the probe of step \(stepEventID) gave no answer; the step stays unknown", execution)
        }
        emit(
            execution,
            .compensationStepProbed(CompensationStepProbed(stepEventID: stepEventID, happened: happened)))
    }
}

extension TaskReference {
    /// Attempts of undos count from 1; 0 is the probe before them.
    static let probeAttempt: UInt32 = 0

    var isProbe: Bool { isUndo && attempt == Self.probeAttempt }
}

extension Payload {
    /// What a probe said: `"happened"`, `"did_not_happen"`, `true` or `false` in JSON; nil for anything else.
    fileprivate var probeAnswer: Bool? {
        guard encoding == "json" else { return nil }
        switch String(validating: data, as: UTF8.self) {
        case "\"happened\"", "true": return true
        case "\"did_not_happen\"", "false": return false
        default: return nil
        }
    }
}
