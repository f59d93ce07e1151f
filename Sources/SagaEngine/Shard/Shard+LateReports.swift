internal import SagaCore

/// Who tells how an attempt ended, and is told what became of that.
enum Reporter: Hashable {
    /// The worker that had the attempt.
    case worker(WorkerID)
    /// Somebody with its token.
    case caller(CallID)
}

/// A report about a run that is closed: nothing can be recorded in it any more, but an effect that nobody knows of must not
/// be lost (semantics, section 4, "Undo input").
struct LateReport {
    var reporter: Reporter
    var reference: TaskReference
    var result: ActivityResult
}

/// Successes that come too late.
extension Shard {
    /// Runs that are read for late reports at the same time; the rest wait. A worker that comes back after a long outage may
    /// have many.
    static let maximumLateReads = 4

    /// A report about a run that is not in memory: closed, or never durable.
    func reportAfterEnd(_ report: LateReport) {
        // Only an effect matters; and the undo of a closed run is over, whatever it says. A worker knows of runs that were here;
        // a caller's may be open at another server, so it is looked for in any case.
        if case .worker = report.reporter {
            guard case .completed = report.result, !report.reference.isUndo else {
                return acknowledge(report.reporter, report.reference, .alreadyRecorded)
            }
        }
        lateReports.append(report)
        readLateReports()
    }

    func readLateReports() {
        while isReady, lateReads < Self.maximumLateReads, !lateReports.isEmpty {
            let report = lateReports.removeFirst()
            lateReads += 1
            let target = RunTarget(namespace: "", workflowID: "", sagaID: report.reference.sagaID)
            loadRun(target, .all, .report(report))
        }
    }

    func lateRunLoaded(_ report: LateReport, _ result: Result<LoadedRun?, StoreError>) {
        lateReads -= 1
        defer { readLateReports() }
        switch result {
        case .failure:
            // The worker does not send it again while its stream lasts, so it is kept here.
            lateReports.append(report)
            lateReads += 1
            monotonicDeadlines.push(
                Deadline(
                    at: time.monotonic.addingSaturating(1_000_000), kind: .lateReport,
                    sagaID: report.reference.sagaID))
        case .success(nil): acknowledge(report.reporter, report.reference, .alreadyRecorded)
        case .success(let run?):
            if executions.has(run.row.sagaID) {
                return activityEnded(report.reporter, report.reference, report.result)
            }
            if case .caller(let id) = report.reporter, !run.row.status.isClosed {
                return fail(
                    id, .unavailable, "run \(run.row.sagaID) is open but not served here; see the log for why",
                    sagaID: run.row.sagaID, status: run.row.status)
            }
            guard run.row.status.isClosed, let effect = lateEffect(report, run) else {
                return acknowledge(report.reporter, report.reference, .alreadyRecorded)
            }
            log(
                .warning,
                "step \(effect.stepID) of run \(effect.sagaID) (\(effect.workflowID)) succeeded after the run was closed;"
                    + " it is listed as a late effect")
            lateToRecord.append((report, effect))
        }
    }

    /// The pause after a failed read is over.
    func lateReadPaused() {
        lateReads -= 1
        readLateReports()
    }

    /// The effect of a report that its closed run does not know of; nil if it does.
    private func lateEffect(_ report: LateReport, _ run: LoadedRun) -> LateEffect? {
        let reference = report.reference
        guard case .completed(let output, let undoData) = report.result, !reference.isUndo,
            let position = Int(exactly: reference.eventID), run.events.indices.contains(position),
            case .activityTaskScheduled(let step) = run.events[position].attributes
        else { return nil }
        let isKnown = run.events[position...].contains { event in
            switch event.attributes {
            case .activityTaskCompleted(let value): value.scheduledEventID == reference.eventID
            case .compensationStepProbed(let value): value.happened && value.stepEventID == reference.eventID
            default: false
            }
        }
        guard !isKnown else { return nil }
        return LateEffect(
            sagaID: run.row.sagaID, namespace: run.row.namespace, workflowID: run.row.workflowID,
            scheduledEventID: reference.eventID, attempt: reference.attempt, stepID: step.stepID,
            activityType: step.activityType, undoActivityType: step.undo?.activityType ?? "",
            idempotencyKey: step.idempotencyKey,
            reportedAt: clock(of: run.row.namespace, run.row.workflowID)?.now ?? time.wall, output: output,
            undoData: undoData,
            isUndoneAgain: false)
    }

    /// The effect of a late report that put an undo of an open run back.
    func lateEffect(
        _ reference: TaskReference, _ entry: UndoEntry, _ output: Payload, _ data: Payload?, _ execution: Execution
    ) -> LateEffect {
        LateEffect(
            sagaID: execution.sagaID, namespace: execution.state.namespace, workflowID: execution.state.workflowID,
            scheduledEventID: reference.eventID, attempt: reference.attempt, stepID: entry.stepID, activityType: "",
            undoActivityType: entry.undo.activityType, idempotencyKey: entry.stepKey, reportedAt: now(execution),
            output: output, undoData: data, isUndoneAgain: true)
    }
}
