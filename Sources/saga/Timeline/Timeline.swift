internal import SagaCore

/// A history as people read it: down the left side what was done, and beside each step how it was undone.
///
/// A fold over the events of one run, whole or cut off anywhere.
struct Timeline {
    /// How something went.
    enum Mark {
        case done
        case failed
        case running
        case waiting
        case skipped
        case note
    }

    /// The undo of one step.
    struct Undo {
        var activityType: String
        var mark: Mark
        /// 1 for the first that was run.
        var order: Int
        var startedAt: Timestamp
        var endedAt: Timestamp?
        var text = ""
        /// What went wrong on the way.
        var notes: [String] = []
    }

    /// Something that happened, and its undo.
    struct Row {
        var eventID: EventID
        var time: Timestamp
        var mark: Mark
        var title: String
        var detail = ""
        /// When the current attempt began.
        var attemptStartedAt: Timestamp?
        var took: Int64?
        /// The step has an undo that would run if the saga unwound.
        var undoType: String?
        var undo: Undo?
        /// Why there is nothing to undo.
        var undoNote = ""
        var notes: [String] = []
    }

    private(set) var sagaID: SagaID?
    private(set) var workflowID = ""
    private(set) var workflowType = ""
    private(set) var workflowVersion: UInt32 = 0
    private(set) var startedAt = Timestamp(microseconds: 0)
    private(set) var lastAt = Timestamp(microseconds: 0)
    /// `Completed`, `Failed` …; nil while the run is open.
    private(set) var closing: String?
    private(set) var error: SagaError?
    private(set) var output: Payload?
    private(set) var compensation: CompensationSummary?
    private(set) var isUnwinding = false
    private(set) var isBlocked = false
    private(set) var rows: [Row] = []
    /// Positions of rows by the event that began them.
    private var rowOfEvent: [EventID: Int] = [:]
    private var undosStarted = 0

    init(_ events: [HistoryEvent]) { for event in events { add(event) } }

    /// Undos that were run, and steps that have or had one to run.
    var undoCount: (done: Int, started: Int) {
        (rows.count { $0.undo?.mark == .done }, undosStarted)
    }

    mutating func add(_ event: HistoryEvent) {
        if sagaID == nil {
            sagaID = event.sagaID
            startedAt = event.timestamp
        }
        lastAt = event.timestamp
        if addStepEvent(event) || addUndoEvent(event) || addClosing(event) { return }
        switch event.attributes {
        case .workflowExecutionStarted(let start):
            workflowID = start.workflowID
            workflowType = start.workflowType
            workflowVersion = start.workflowVersion
            append(event, .note, "started", EventText.detail(of: event))
        case .workflowExecutionBlocked:
            isBlocked = true
            append(event, .failed, "blocked", EventText.detail(of: event))
        case .workflowExecutionUnblocked:
            isBlocked = false
            append(event, .note, "unblocked", EventText.detail(of: event))
        case .timerCreated(let timer):
            append(event, .waiting, "timer \(Wording.safe(timer.timerID))", "due \(offset(timer.dueAt))")
        case .timerFired(let fired): end(fired.createdEventID, .done, event)
        case .timerCanceled(let canceled): end(canceled.createdEventID, .skipped, event, "not needed any more")
        default:
            append(event, .note, EventText.title(of: event), EventText.detail(of: event))
        }
    }

    /// Time since the run began.
    func offset(_ time: Timestamp) -> String { Wording.offset(micros: time.microseconds(since: startedAt)) }

    // MARK: Steps

    private mutating func addStepEvent(_ event: HistoryEvent) -> Bool {
        switch event.attributes {
        case .activityTaskScheduled(let step):
            append(
                event, .waiting, Wording.safe(step.stepID), step.stepID == step.activityType ? "" : step.activityType)
            change(event.eventID) { $0.undoType = step.undo?.activityType }
        case .activityTaskStarted(let start):
            change(start.scheduledEventID) { row in
                if row.mark == .waiting { row.mark = .running }
                row.attemptStartedAt = start.startedAt
            }
        case .activityTaskRetryScheduled(let retry):
            note(retry.scheduledEventID, "attempt \(retry.attempt): \(Wording.error(retry.error))")
            change(retry.scheduledEventID) { $0.mark = .waiting }
        case .activityTaskCompleted(let done):
            end(done.scheduledEventID, .done, event)
            if done.attempt > 1 { note(done.scheduledEventID, "attempt \(done.attempt) succeeded") }
        case .activityTaskFailed(let failed):
            end(failed.scheduledEventID, .failed, event, Wording.name(failed.outcome))
            note(failed.scheduledEventID, "attempt \(failed.attempt): \(Wording.error(failed.error))")
            leaveUndo(failed.scheduledEventID, failed.outcome)
        case .activityTaskTimedOut(let late):
            end(late.scheduledEventID, .failed, event, Wording.name(late.outcome))
            note(late.scheduledEventID, "attempt \(late.attempt): \(late.timeout.name) time-out")
            leaveUndo(late.scheduledEventID, late.outcome)
        case .activityTaskCanceled(let canceled):
            end(canceled.scheduledEventID, .skipped, event, "cancelled, \(Wording.name(canceled.outcome))")
            leaveUndo(canceled.scheduledEventID, canceled.outcome)
        case .activityTaskCancelRequested(let request): note(request.scheduledEventID, "cancel requested")
        case .markerRecorded(let marker) where marker.kind == .undoTracked:
            append(event, .done, Wording.safe(marker.name), "tracked by hand")
            change(event.eventID) { $0.undoType = marker.undo?.activityType }
        default: return false
        }
        return true
    }

    private mutating func leaveUndo(_ eventID: EventID, _ outcome: StepOutcome) {
        guard outcome == .noEffect else { return }
        change(eventID) { if $0.undoType != nil { $0.undoNote = "nothing to undo" } }
    }

    // MARK: Undos

    private mutating func addUndoEvent(_ event: HistoryEvent) -> Bool {
        switch event.attributes {
        case .compensationStarted(let start):
            isUnwinding = true
            append(event, .note, "unwinding begins", Wording.name(start.cause))
        case .compensationStepStarted(let start):
            startUndo(start, event)
        case .compensationStepCompleted(let done): endUndo(done.stepEventID, .done, event)
        case .compensationStepFailed(let failed):
            endUndo(failed.stepEventID, .failed, event, "attempt \(failed.attempt): \(Wording.error(failed.error))")
        case .compensationStepRetryScheduled(let retry):
            undoNote(retry.stepEventID, "attempt \(retry.attempt): \(Wording.error(retry.error))")
        case .compensationStepSkipped(let skipped):
            endUndo(skipped.stepEventID, .skipped, event, "skipped: \(Wording.safe(skipped.reason))")
        case .compensationStepProbed(let probed):
            undoNote(probed.stepEventID, probed.happened ? "probe: it happened" : "probe: it did not happen")
        case .compensationBlocked(let blocked):
            endUndo(blocked.stepEventID, .failed, event, "blocked: \(Wording.error(blocked.error))")
        case .compensationResolved(let resolved):
            endUndo(resolved.stepEventID, .done, event, "done by hand: \(Wording.safe(resolved.note))")
        case .compensationCompleted(let completed):
            isUnwinding = false
            append(event, .note, "unwinding is over", Wording.summary(completed.summary))
        default: return false
        }
        return true
    }

    private mutating func startUndo(_ start: CompensationStepStarted, _ event: HistoryEvent) {
        // An undo of a step of an earlier run (carried over) has no row of its own yet.
        if rowOfEvent[start.stepEventID] == nil {
            append(event, .note, "step of event \(start.stepEventID)", "")
            rowOfEvent[start.stepEventID] = rows.count - 1
        }
        undosStarted += 1
        let order = undosStarted
        change(start.stepEventID) { row in
            let notes = row.undo?.notes ?? []
            row.undo = Undo(
                activityType: start.activityType, mark: .running, order: row.undo?.order ?? order,
                startedAt: event.timestamp, notes: notes)
        }
    }

    private mutating func endUndo(_ eventID: EventID, _ mark: Mark, _ event: HistoryEvent, _ note: String = "") {
        change(eventID) { row in
            if row.undo == nil {
                row.undo = Undo(
                    activityType: row.undoType ?? "", mark: mark, order: 0, startedAt: event.timestamp)
            }
            row.undo?.mark = mark
            row.undo?.endedAt = event.timestamp
        }
        if !note.isEmpty { undoNote(eventID, note) }
    }

    private mutating func undoNote(_ eventID: EventID, _ text: String) {
        change(eventID) { $0.undo?.notes.append(text) }
    }

    // MARK: The end

    private mutating func addClosing(_ event: HistoryEvent) -> Bool {
        switch event.attributes {
        case .workflowExecutionCompleted(let closed):
            output = closed.output
            close(event, .done, "Completed", closed.compensation)
        case .workflowExecutionFailed(let closed):
            error = closed.error
            close(event, .failed, "Failed", closed.compensation)
        case .workflowExecutionTimedOut(let closed): close(event, .failed, "TimedOut", closed.compensation)
        case .workflowExecutionCanceled(let closed): close(event, .skipped, "Canceled", closed.compensation)
        case .workflowExecutionTerminated(let closed): close(event, .failed, "Terminated", closed.compensation)
        case .workflowExecutionContinuedAsNew: close(event, .done, "ContinuedAsNew", nil)
        default: return false
        }
        return true
    }

    private mutating func close(
        _ event: HistoryEvent, _ mark: Mark, _ status: String, _ summary: CompensationSummary?
    ) {
        closing = status
        compensation = summary
        isUnwinding = false
        append(event, mark, "closed: \(status)", EventText.detail(of: event))
    }

    // MARK: Rows

    private mutating func append(_ event: HistoryEvent, _ mark: Mark, _ title: String, _ detail: String) {
        rowOfEvent[event.eventID] = rows.count
        rows.append(Row(eventID: event.eventID, time: event.timestamp, mark: mark, title: title, detail: detail))
    }

    private mutating func change(_ eventID: EventID, _ change: (inout Row) -> Void) {
        guard let index = rowOfEvent[eventID], rows.indices.contains(index) else { return }
        change(&rows[index])
    }

    private mutating func note(_ eventID: EventID, _ text: String) { change(eventID) { $0.notes.append(text) } }

    private mutating func end(_ eventID: EventID, _ mark: Mark, _ event: HistoryEvent, _ text: String = "") {
        change(eventID) { row in
            row.mark = mark
            row.took = event.timestamp.microseconds(since: row.attemptStartedAt ?? row.time)
            if !text.isEmpty { row.detail += row.detail.isEmpty ? text : " · \(text)" }
        }
    }
}
