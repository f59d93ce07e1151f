internal import SagaCore

/// One event in one line.
enum EventText {
    /// `  12  +0.335 s  ActivityTaskFailed            payment · attempt 1: Domain: …`
    static func line(_ event: HistoryEvent, startedAt: Timestamp) -> String {
        let offset = Wording.offset(micros: event.timestamp.microseconds(since: startedAt))
        let detail = detail(of: event)
        let name = event.eventType.name
        let head = "\(TextColumns.right(String(event.eventID), 5))  \(TextColumns.right(offset, 10))  "
        return detail.isEmpty ? head + name : head + TextColumns.left(name, 30) + "  " + detail
    }

    /// The event type in words, for those that have no step to stand with.
    static func title(of event: HistoryEvent) -> String {
        switch event.attributes {
        case .workflowExecutionCancelRequested: "cancel requested"
        case .workflowExecutionReset: "reset"
        case .workflowExecutionPaused: "paused"
        case .workflowExecutionResumed: "resumed"
        case .signalReceived: "signal"
        case .markerRecorded(let marker):
            switch marker.kind {
            case .note: "note"
            case .stepOutput: "step output"
            case .undoTracked: "undo tracked"
            case .undoCommitted: "no way back from here"
            case .checkpoint: "checkpoint"
            case .scopeOpened: "nested saga begins"
            }
        case .compensationOperatorAction: "operator"
        default: event.eventType.name
        }
    }

    /// What the event says beyond its type; empty if nothing.
    static func detail(of event: HistoryEvent) -> String {
        switch event.attributes {
        case .workflowExecutionStarted(let start):
            return joined(
                start.identity.isEmpty ? "" : "by \(Wording.safe(start.identity))",
                start.taskQueue.isEmpty ? "" : "queue \(Wording.safe(start.taskQueue))",
                start.carriedUndo.isEmpty ? "" : "\(start.carriedUndo.count) undos carried over",
                Wording.payload(start.input))
        case .workflowExecutionCompleted(let closed):
            return joined(Wording.payload(closed.output), unconsumed(closed.unconsumedSignals))
        case .workflowExecutionFailed(let closed):
            return joined(
                Wording.error(closed.error, limit: 100), Wording.summary(closed.compensation),
                unconsumed(closed.unconsumedSignals))
        case .workflowExecutionTimedOut(let closed): return Wording.summary(closed.compensation)
        case .workflowExecutionCanceled(let closed):
            return joined(Wording.safe(closed.reason), Wording.summary(closed.compensation))
        case .workflowExecutionTerminated(let closed):
            return joined(by(closed.reason, closed.identity), Wording.summary(closed.compensation))
        case .workflowExecutionContinuedAsNew(let closed): return "goes on in run \(closed.newSagaID)"
        case .workflowExecutionCancelRequested(let request): return by(request.reason, request.identity)
        case .workflowExecutionReset(let reset):
            return joined("of run \(reset.baseSagaID) to event \(reset.baseEventID)", by(reset.reason, reset.identity))
        case .workflowExecutionBlocked(let blocked):
            return joined(Wording.name(blocked.cause), Wording.safe(blocked.message))
        case .workflowExecutionUnblocked(let done): return by(Wording.name(done.cause), done.identity)
        case .workflowExecutionPaused(let paused): return by(paused.reason, paused.identity)
        case .workflowExecutionResumed(let resumed): return by(resumed.reason, resumed.identity)
        default: return stepDetail(of: event)
        }
    }

    private static func stepDetail(of event: HistoryEvent) -> String {
        switch event.attributes {
        case .activityTaskScheduled(let step):
            return joined(
                Wording.safe(step.stepID), step.activityType == step.stepID ? "" : Wording.safe(step.activityType),
                step.undo.map { "undo \(Wording.safe($0.activityType))" } ?? "")
        case .activityTaskStarted(let start):
            return joined(
                "event \(start.scheduledEventID) attempt \(start.attempt)",
                start.identity.isEmpty ? "" : "on \(Wording.safe(start.identity))",
                start.completesLater ? "completes later" : "")
        case .activityTaskCompleted(let done):
            return joined("event \(done.scheduledEventID)", Wording.payload(done.output))
        case .activityTaskFailed(let failed):
            return joined(
                "event \(failed.scheduledEventID) attempt \(failed.attempt)", Wording.name(failed.outcome),
                Wording.error(failed.error))
        case .activityTaskTimedOut(let late):
            return joined(
                "event \(late.scheduledEventID) attempt \(late.attempt)", Wording.name(late.outcome),
                "\(late.timeout.name) time-out")
        case .activityTaskCanceled(let canceled):
            return joined("event \(canceled.scheduledEventID)", Wording.name(canceled.outcome))
        case .activityTaskCancelRequested(let request): return "event \(request.scheduledEventID)"
        case .activityTaskRetryScheduled(let retry):
            return joined(
                "event \(retry.scheduledEventID) attempt \(retry.attempt)",
                "next in \(Wording.duration(micros: retry.dueAt.microseconds(since: event.timestamp)))",
                Wording.error(retry.error))
        case .timerCreated(let timer):
            return joined(
                Wording.safe(timer.timerID),
                "in \(Wording.duration(micros: timer.dueAt.microseconds(since: event.timestamp)))")
        case .timerFired(let fired): return "event \(fired.createdEventID)"
        case .timerCanceled(let canceled): return "event \(canceled.createdEventID)"
        case .signalReceived(let signal):
            return joined(
                Wording.safe(signal.name), signal.codeGone ? "the code is gone" : "", Wording.payload(signal.payload))
        case .markerRecorded(let marker):
            return joined(Wording.safe(marker.name), Wording.payload(marker.details))
        case .versionMarkerRecorded(let marker): return joined(Wording.safe(marker.changeID), "\(marker.version)")
        case .snapshotCreated(let snapshot): return "up to event \(snapshot.uptoEventID)"
        case .sideEffectRecorded(let effect): return Wording.payload(effect.value)
        case .domainEvent(let domain): return joined(Wording.safe(domain.typeName), Wording.payload(domain.payload))
        default: return undoDetail(of: event)
        }
    }

    private static func undoDetail(of event: HistoryEvent) -> String {
        switch event.attributes {
        case .compensationStarted(let start):
            return joined(
                Wording.name(start.cause), by(start.reason, start.identity),
                start.error.map { Wording.error($0) } ?? "")
        case .compensationStepStarted(let start):
            return joined(
                "event \(start.stepEventID)", Wording.safe(start.activityType), "step: \(Wording.name(start.outcome))")
        case .compensationStepCompleted(let done):
            return joined("event \(done.stepEventID)", Wording.payload(done.output))
        case .compensationStepFailed(let failed):
            return joined("event \(failed.stepEventID) attempt \(failed.attempt)", Wording.error(failed.error))
        case .compensationStepRetryScheduled(let retry):
            return joined(
                "event \(retry.stepEventID) attempt \(retry.attempt)",
                "next in \(Wording.duration(micros: retry.dueAt.microseconds(since: event.timestamp)))",
                Wording.error(retry.error))
        case .compensationStepSkipped(let skipped):
            return joined("event \(skipped.stepEventID)", by(skipped.reason, skipped.identity))
        case .compensationStepProbed(let probed):
            return joined("event \(probed.stepEventID)", probed.happened ? "it happened" : "it did not happen")
        case .compensationBlocked(let blocked):
            return joined("event \(blocked.stepEventID)", Wording.error(blocked.error))
        case .compensationResolved(let resolved):
            return joined("event \(resolved.stepEventID)", by(resolved.note, resolved.identity))
        case .compensationCompleted(let completed): return Wording.summary(completed.summary)
        case .compensationOperatorAction(let action):
            return joined(Wording.name(action.verb), by(action.reason, action.identity))
        default: return EventJSON.attributes(of: event).compactText(limit: 100)
        }
    }

    private static func joined(_ parts: String...) -> String {
        parts.filter { !$0.isEmpty }.joined(separator: " · ")
    }

    private static func by(_ reason: String, _ identity: String) -> String {
        let who = identity.isEmpty ? "" : "by \(Wording.safe(identity))"
        return joined(Wording.safe(reason), who)
    }

    private static func unconsumed(_ count: UInt32) -> String {
        count == 0 ? "" : "\(count) signals never taken"
    }
}
