/// A child that has not closed.
public struct ChildState: Hashable, Sendable {
    /// What the code asked for.
    public var initiated: StartChildWorkflowExecutionInitiated
    /// Its present run; nil until it is known to run.
    public var sagaID: SagaID?
    /// Whether it was asked to end.
    public var isCancelRequested = false
}

/// The run whose child a run is.
public struct ParentLink: Hashable, Sendable {
    /// The parent.
    public var sagaID: SagaID
    /// The parent's event that initiated the child.
    public var eventID: EventID

    public init(sagaID: SagaID, eventID: EventID) {
        self.sagaID = sagaID
        self.eventID = eventID
    }
}

extension ExecutionState {
    /// Events 90 to 99: children.
    mutating func applyChild(_ event: HistoryEvent) throws(SagaError) {
        switch event.attributes {
        case .startChildWorkflowExecutionInitiated(let value):
            children[event.eventID] = ChildState(initiated: value)
            eventOfCommand[EventID(value.commandNumber)] = event.eventID
        case .childWorkflowExecutionStarted(let value):
            try updateChild(value.initiatedEventID, event) { $0.sagaID = value.childSagaID }
        case .childWorkflowExecutionContinuedAsNew(let value):
            try updateChild(value.initiatedEventID, event) { $0.sagaID = value.newSagaID }
        case .childWorkflowExecutionCancelRequested(let value):
            // 0 stands for a child that had closed before the code's request came.
            if value.initiatedEventID != 0 {
                try updateChild(value.initiatedEventID, event) { $0.isCancelRequested = true }
            }
        case .childWorkflowExecutionCompleted(let value):
            let child = try endChild(value.initiatedEventID, event)
            if value.hasUndo { addUndo(of: child, value.initiatedEventID, event) }
        case .childWorkflowExecutionFailed(let value): _ = try endChild(value.initiatedEventID, event)
        case .childWorkflowExecutionCanceled(let value): _ = try endChild(value.initiatedEventID, event)
        case .childWorkflowExecutionTimedOut(let value): _ = try endChild(value.initiatedEventID, event)
        case .childWorkflowExecutionTerminated(let value): _ = try endChild(value.initiatedEventID, event)
        case .startChildWorkflowExecutionFailed(let value): _ = try endChild(value.initiatedEventID, event)
        default: break
        }
    }

    /// Open children of a scope that an unwinding of it waits for.
    public func openChildren(in scope: UInt32) -> [EventID] {
        children.eventIDs.filter { eventID in
            guard let child = children[eventID], child.initiated.parentClosePolicy != .abandon else { return false }
            return undoLog.contains(scope, child.initiated.scope)
        }
    }

    private mutating func updateChild(
        _ initiated: EventID, _ event: HistoryEvent, _ change: (inout ChildState) -> Void
    ) throws(SagaError) {
        guard children.update(initiated, change) else { throw misfit(event, "child \(initiated) is not open") }
    }

    private mutating func endChild(_ initiated: EventID, _ event: HistoryEvent) throws(SagaError) -> ChildState {
        guard let child = children.remove(initiated) else { throw misfit(event, "child \(initiated) is not open") }
        _ = eventOfCommand.remove(EventID(child.initiated.commandNumber))
        return child
    }

    /// A child that closed well keeps its undo log; the parent's log has one entry for all of it.
    private mutating func addUndo(of child: ChildState, _ initiated: EventID, _ event: HistoryEvent) {
        guard let childID = child.sagaID else { return }
        let key = "\(sagaID)/\(initiated)"
        undoLog.append(
            UndoEntry(
                stepEventID: initiated, closingEventID: event.eventID, stepID: "child \(child.initiated.workflowID)",
                undo: UndoSpec(activityType: child.initiated.workflowType), taskQueue: child.initiated.taskQueue,
                input: child.initiated.input, output: nil, data: nil, outcome: .completed, stepKey: key,
                idempotencyKey: key + "/undo", scope: child.initiated.scope, group: 0,
                child: ChildUndo(workflowID: child.initiated.workflowID, sagaID: childID),
                status: movesWithReset(initiated) ? .dormant : .open))
    }
}
