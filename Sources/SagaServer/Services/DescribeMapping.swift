internal import SagaCore
internal import SagaEngine
internal import SagaWire

extension Wire.WorkflowInfo {
    /// A run as the store lists it.
    init(_ row: ExecutionRow) {
        self.init(
            workflowID: row.workflowID, sagaID: row.sagaID, workflowType: row.workflowType,
            status: Wire.WorkflowStatus(row.status), compensation: Wire.CompensationState(row.status),
            startedMicros: row.startedAt.microseconds, closedMicros: row.closedAt?.microseconds ?? 0,
            historyLength: row.nextEventID, searchAttributes: row.visibleSearchAttributes.map { Wire.NamedPayload($0) },
            blocked: row.status == .blocked, paused: row.status == .paused)
    }

    init(_ description: ExecutionDescription) {
        let status = description.status
        self.init(
            workflowID: description.workflowID, sagaID: description.sagaID, workflowType: description.workflowType,
            workflowVersion: description.workflowVersion, taskQueue: description.taskQueue,
            status: Wire.WorkflowStatus(status),
            compensation: status.isClosed
                ? Wire.CompensationSummary(description.compensation).state : Wire.CompensationState(status),
            startedMicros: description.startedAt.microseconds, closedMicros: description.closedAt?.microseconds ?? 0,
            historyLength: description.nextEventID,
            searchAttributes: description.searchAttributes.map { Wire.NamedPayload($0) },
            parentSagaID: description.parent?.sagaID, blocked: status == .blocked, paused: status == .paused)
    }
}

extension Wire.DescribeWorkflowResponse {
    init(_ description: ExecutionDescription) {
        self.init(
            info: Wire.WorkflowInfo(description),
            // However long the run is, its description fits into a message.
            waitingFor: description.waitingFor.prefix(1_000).map { Wire.WaitingFor($0) },
            pendingSteps: description.steps.prefix(1_000).map { Wire.PendingStep($0) },
            undoLog: description.undoLog.last(10_000).map { Wire.UndoEntryInfo($0) })
        executionDeadlineMicros = description.executionDeadline?.microseconds ?? 0
        memo = description.memo.map { Wire.NamedPayload($0) }
        if let block = description.block {
            error = Wire.SagaError(SagaError(kind: .workflowExecution, message: block.message, timestamp: block.since))
        }
        switch description.closing {
        case .workflowExecutionCompleted(let event): output = Wire.Payload(event.output)
        case .workflowExecutionFailed(let event): error = Wire.SagaError(event.error)
        case .workflowExecutionContinuedAsNew(let event): successorSagaID = event.newSagaID
        default: break
        }
    }
}

extension Wire.WaitingFor {
    init(_ reason: WaitReason) {
        self.init(
            kind: Wire.WaitKind(rawValue: reason.kind.rawValue), name: truncated(reason.text, to: Name.maximumBytes),
            sinceMicros: reason.since?.microseconds ?? 0, untilMicros: reason.until?.microseconds ?? 0,
            eventID: reason.eventID ?? 0, text: truncated(reason.text, to: 4_096))
    }
}

extension Wire.PendingStep {
    init(_ description: StepDescription) {
        let step = description.step
        let maximum = step.scheduled.retry.maximumAttempts
        self.init(
            scheduledEventID: description.eventID, stepID: step.scheduled.stepID,
            activityType: step.scheduled.activityType, taskQueue: step.scheduled.taskQueue, attempt: step.attempt,
            maxAttempts: maximum == 0 ? .max : maximum, running: description.worker != nil,
            scheduledMicros: step.scheduledAt.microseconds, nextAttemptMicros: step.retryDueAt?.microseconds ?? 0,
            lastHeartbeatMicros: description.lastHeartbeatAt?.microseconds ?? 0,
            lastFailure: step.lastError.map { Wire.SagaError($0) }, worker: description.worker ?? "",
            cancelRequested: step.isCancelRequested)
    }
}

extension Wire.UndoEntryInfo {
    init(_ entry: UndoEntry) {
        let state: Wire.UndoEntryState =
            switch entry.status {
            case .open: .open
            case .running, .waiting: .running
            case .undone: .undone
            case .blocked: .blocked
            case .skipped: .skipped
            case .resolved: .resolved
            case .failed: .failed
            case .dormant: .dormant
            }
        self.init(
            stepEventID: entry.stepEventID, stepID: entry.stepID, undoActivityType: entry.undo.activityType,
            outcome: Wire.StepOutcome(entry.outcome), state: state, attempt: entry.attempt,
            lastFailure: entry.lastError.map { Wire.SagaError($0) }, idempotencyKey: entry.idempotencyKey)
    }
}

/// The text, cut between characters so that it has at most so many bytes.
func truncated(_ text: String, to limit: Int) -> String {
    guard text.utf8.count > limit else { return text }
    var result = ""
    var size = 3
    for character in text {
        size += character.utf8.count
        if size > limit { break }
        result.append(character)
    }
    return result + "…"
}
