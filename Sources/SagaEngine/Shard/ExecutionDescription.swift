public import SagaCore

/// How a run stands: what `describe` shows.
public struct ExecutionDescription: Sendable {
    public var sagaID: SagaID
    public var namespace: String
    public var workflowID: String
    public var workflowType: String
    public var workflowVersion: UInt32
    public var taskQueue: String
    public var status: ExecutionStatus
    public var startedAt: Timestamp
    public var closedAt: Timestamp?
    /// When it times out; nil if it does not, or not any more: unwinding ends the time-out.
    public var executionDeadline: Timestamp?
    public var nextEventID: EventID
    /// What the run waits for, in words that name the next step (semantics, section 2, promise 12).
    public var waitingFor: [WaitReason]
    /// Steps that are not closed.
    public var steps: [StepDescription]
    /// Timers that have not fired: id and due time.
    public var timers: [TimerState]
    /// The undo log, oldest first.
    public var undoEntries: [UndoEntry] { undoLog.entries }
    /// Not opened before somebody asks: who describes a run with a million undos wants to see few of them.
    package var undoLog: UndoLog
    public var compensation: CompensationSummary
    /// Notes of the caller.
    public var memo: [NamedPayload]
    /// Attributes that List filters by.
    public var searchAttributes: [NamedPayload]
    /// The run whose child this is.
    public var parent: ParentLink?
    /// What blocks the run.
    public var block: Block?
    /// The closing event, if the run is closed.
    public var closing: EventAttributes?
    /// In a description of the past: when it was so, and outputs of steps so far by their names.
    public var asOf: Timestamp?
    public var stepOutputs: [NamedPayload] = []

    /// A run as its state tells it, without what only its live engine knows.
    public init(_ state: ExecutionState, closing: EventAttributes? = nil) {
        sagaID = state.sagaID
        namespace = state.namespace
        workflowID = state.workflowID
        workflowType = state.workflowType
        workflowVersion = state.workflowVersion
        taskQueue = state.taskQueue
        status = state.status
        startedAt = state.startedAt
        closedAt = state.closedAt
        if state.executionTimeoutMicros > 0, !state.isClosed, state.unwinding == nil {
            executionDeadline = state.startedAt.adding(microseconds: state.executionTimeoutMicros)
        }
        nextEventID = state.nextEventID
        waitingFor = []
        steps = state.steps.eventIDs.compactMap { eventID in
            state.steps[eventID].map { StepDescription(eventID: eventID, step: $0, worker: nil) }
        }
        timers = state.timers.eventIDs.compactMap { state.timers[$0] }
        undoLog = state.undoLog
        compensation = state.compensationSummary
        memo = state.memo
        searchAttributes = state.searchAttributes
        parent = state.parent
        block = state.block
        self.closing = closing
    }
}

/// A step that is not closed.
public struct StepDescription: Sendable {
    /// The event that scheduled it.
    public var eventID: EventID
    public var step: StepState
    /// The worker that has it, if one has.
    public var worker: String?
    /// When the attempt that runs gave its last sign of life.
    public var lastHeartbeatAt: Timestamp?
}
