/// What workflow code wants. A command becomes one or more events when the engine accepts it (semantics, section 1).
public enum WorkflowCommand: Hashable, Sendable {
    /// Run a step.
    indirect case scheduleActivity(ScheduleActivity)
    /// Ask a step to stop, named by the command that scheduled it.
    case requestCancelActivity(CommandNumber)
    /// Set a timer.
    case startTimer(timerID: String, durationMicros: Int64, callback: String?)
    /// Drop a timer, named by the command that set it.
    case cancelTimer(CommandNumber)
    /// Record a fact.
    indirect case recordMarker(MarkerCommand)
    /// Record a value that was computed once.
    case recordSideEffect(Payload)
    /// Record which side of a patch the run takes.
    case recordVersion(changeID: String, version: UInt32)
    /// Set attributes that List filters by.
    case upsertSearchAttributes([NamedPayload])
    /// Unwind now, without closing.
    case compensate(scope: UInt32)
    /// `run` returned.
    case complete(Payload)
    /// `run` threw.
    indirect case fail(SagaError)
    /// `run` threw because of a cancel request.
    case cancel(reason: String)
    /// Close this run and go on in a new one.
    case continueAsNew(input: Payload, carryUndo: Bool, signals: [CarriedSignal] = [])
    /// A local activity with an undo is about to run.
    indirect case scheduleLocalActivity(LocalActivityCommand)
    /// A local activity has run.
    indirect case recordLocalActivity(LocalActivityRecord)
    /// Start a child.
    indirect case startChild(StartChildCommand)
    /// Ask a child to end, named by the command that started it.
    case requestCancelChild(CommandNumber)
    /// Signal another saga.
    indirect case signalExternal(SignalExternalCommand)
    /// An update's handler returned.
    case completeUpdate(acceptedEventID: EventID, output: Payload)
    /// An update's handler threw, and the undos of its own steps have run.
    indirect case rollBackUpdate(acceptedEventID: EventID, error: SagaError)

    /// Whether the command ends the code.
    public var isClosing: Bool {
        switch self {
        case .complete, .fail, .cancel, .continueAsNew: true
        default: false
        }
    }

    /// The command in a few words, for the diagnosis of a mismatch.
    public var summary: String {
        switch self {
        case .scheduleActivity(let step): "activity \(step.activityType) (step \(step.stepID))"
        case .requestCancelActivity(let number): "cancel of the activity of command \(number)"
        case .startTimer(let timerID, _, _): "timer \(timerID)"
        case .cancelTimer(let number): "cancel of the timer of command \(number)"
        case .recordMarker(let marker): "marker \(marker.kind) \(marker.name)"
        case .recordSideEffect: "side effect"
        case .recordVersion(let changeID, let version): "patch \(changeID) = \(version)"
        case .upsertSearchAttributes: "search attributes"
        case .compensate: "compensate"
        case .complete: "completion of the workflow"
        case .fail(let error): "failure of the workflow (\(error.message))"
        case .cancel: "cancellation of the workflow"
        case .continueAsNew: "continue-as-new"
        case .scheduleLocalActivity(let step): "local activity \(step.activityType) (step \(step.stepID))"
        case .recordLocalActivity(let record): "local activity \(record.activityType)"
        case .startChild(let child): "child \(child.workflowType) (\(child.workflowID))"
        case .requestCancelChild(let number): "cancel of the child of command \(number)"
        case .signalExternal(let signal): "signal \(signal.name) to \(signal.workflowID)"
        case .completeUpdate(let eventID, _): "completion of update \(eventID)"
        case .rollBackUpdate(let eventID, _): "roll-back of update \(eventID)"
        }
    }
}

/// A step as the code asks for it.
public struct ScheduleActivity: Hashable, Sendable {
    /// The step's name in the code.
    public var stepID: String
    /// Which activity runs.
    public var activityType: String
    /// Empty means the queue of the workflow itself.
    public var taskQueue: String
    /// What it receives.
    public var input: Payload
    /// How failed attempts are repeated.
    public var retry: RetryPolicy
    /// Its time-outs.
    public var timeouts: ActivityTimeouts
    /// How it is undone; nil if it has no undo.
    public var undo: UndoSpec?
    /// Higher is handed out first.
    public var priority: Int32
    /// When it completes, earlier undo entries are dropped.
    public var pivot: Bool
    /// The nested saga scope it belongs to; 0 is the run itself.
    public var scope: UInt32
    /// Steps of the same group (not 0) may be undone together.
    public var undoGroup: UInt32

    public init(
        stepID: String, activityType: String, taskQueue: String = "", input: Payload, retry: RetryPolicy = .standard,
        timeouts: ActivityTimeouts = .standard, undo: UndoSpec? = nil, priority: Int32 = 0, pivot: Bool = false,
        scope: UInt32 = 0, undoGroup: UInt32 = 0
    ) {
        self.stepID = stepID
        self.activityType = activityType
        self.taskQueue = taskQueue
        self.input = input
        self.retry = retry
        self.timeouts = timeouts
        self.undo = undo
        self.priority = priority
        self.pivot = pivot
        self.scope = scope
        self.undoGroup = undoGroup
    }
}

/// A fact that the code records about itself.
public struct MarkerCommand: Hashable, Sendable {
    /// What the marker means to the engine.
    public var kind: MarkerKind
    /// Its name in the code.
    public var name: String
    /// Its data; for a step tracked by hand what the step was given.
    public var details: Payload
    /// What a step tracked by hand returned.
    public var output: Payload?
    /// How a step tracked by hand is undone.
    public var undo: UndoSpec?
    /// The nested saga scope it belongs to; 0 is the run itself.
    public var scope: UInt32

    public init(
        kind: MarkerKind, name: String, details: Payload, output: Payload? = nil, undo: UndoSpec? = nil,
        scope: UInt32 = 0
    ) {
        self.kind = kind
        self.name = name
        self.details = details
        self.output = output
        self.undo = undo
        self.scope = scope
    }
}

/// A child as the code asks for it.
public struct StartChildCommand: Hashable, Sendable {
    /// The child's workflow id.
    public var workflowID: String
    /// Which workflow code runs.
    public var workflowType: String
    /// Empty means the queue of the parent.
    public var taskQueue: String
    /// What it receives.
    public var input: Payload
    /// What happens to the child when the parent closes.
    public var parentClosePolicy: ParentClosePolicy
    /// The nested saga scope it belongs to; 0 is the run itself.
    public var scope: UInt32
    /// Microseconds after which the child is unwound; 0 is never.
    public var executionTimeoutMicros: Int64

    public init(
        workflowID: String, workflowType: String, taskQueue: String = "", input: Payload,
        parentClosePolicy: ParentClosePolicy = .cancel, scope: UInt32 = 0, executionTimeoutMicros: Int64 = 0
    ) {
        self.workflowID = workflowID
        self.workflowType = workflowType
        self.taskQueue = taskQueue
        self.input = input
        self.parentClosePolicy = parentClosePolicy
        self.scope = scope
        self.executionTimeoutMicros = executionTimeoutMicros
    }
}

/// A signal to another saga, as the code asks for it.
public struct SignalExternalCommand: Hashable, Sendable {
    /// Empty means the run's own namespace.
    public var namespace: String
    /// Workflow id of the target.
    public var workflowID: String
    /// One run of it; nil means the open one.
    public var sagaID: SagaID?
    /// The signal's name.
    public var name: String
    /// Its data.
    public var payload: Payload

    public init(namespace: String = "", workflowID: String, sagaID: SagaID? = nil, name: String, payload: Payload) {
        self.namespace = namespace
        self.workflowID = workflowID
        self.sagaID = sagaID
        self.name = name
        self.payload = payload
    }
}

/// A signal that the code has not taken when it continues as new; it goes along.
public struct CarriedSignal: Hashable, Sendable {
    /// Its name.
    public var name: String
    /// Its data.
    public var payload: Payload
    /// Its id, so that it is not taken twice in the new run either.
    public var signalID: String

    public init(name: String, payload: Payload, signalID: String) {
        self.name = name
        self.payload = payload
        self.signalID = signalID
    }
}

/// A command with its place in the order that the code issued them.
public struct NumberedCommand: Hashable, Sendable {
    /// Its place, from 0.
    public var number: CommandNumber
    /// What the code wants.
    public var command: WorkflowCommand

    public init(number: CommandNumber, command: WorkflowCommand) {
        self.number = number
        self.command = command
    }
}

extension EventAttributes {
    /// The command that caused the event, if one did.
    package var commandNumber: CommandNumber? {
        switch self {
        case .activityTaskScheduled(let event): event.commandNumber
        case .activityTaskCancelRequested(let event): event.commandNumber
        case .timerCreated(let event): event.commandNumber
        case .timerCanceled(let event): event.commandNumber
        case .markerRecorded(let event): event.commandNumber
        case .versionMarkerRecorded(let event): event.commandNumber
        case .sideEffectRecorded(let event): event.commandNumber
        case .upsertSearchAttributes(let event): event.commandNumber
        case .compensationStarted(let event): event.commandNumber
        case .localActivityScheduled(let event): event.commandNumber
        case .localActivityCompleted(let event): event.commandNumber
        case .localActivityFailed(let event): event.commandNumber
        case .localActivityTimedOut(let event): event.commandNumber
        case .localActivityCanceled(let event): event.commandNumber
        case .startChildWorkflowExecutionInitiated(let event): event.commandNumber
        case .childWorkflowExecutionCancelRequested(let event): event.commandNumber
        case .externalSignalRequested(let event): event.commandNumber
        case .workflowUpdateCompleted(let event): event.commandNumber
        case .workflowUpdateRolledBack(let event): event.commandNumber
        case .workflowExecutionCompleted(let event): event.commandNumber
        case .workflowExecutionFailed(let event): event.commandNumber
        case .workflowExecutionCanceled(let event): event.commandNumber
        case .workflowExecutionContinuedAsNew(let event): event.commandNumber
        default: nil
        }
    }

    /// Whether the event is what this command becomes. Inputs are not compared: code may compute them anew.
    package func isRecord(of command: WorkflowCommand) -> Bool {
        switch (self, command) {
        case (.activityTaskScheduled(let event), .scheduleActivity(let step)):
            event.activityType == step.activityType && event.stepID == step.stepID
        case (.activityTaskCancelRequested, .requestCancelActivity): true
        case (.timerCreated(let event), .startTimer(let timerID, _, _)): event.timerID == timerID
        case (.timerCanceled, .cancelTimer): true
        case (.markerRecorded(let event), .recordMarker(let marker)):
            event.kind == marker.kind && event.name == marker.name
        case (.versionMarkerRecorded(let event), .recordVersion(let changeID, _)): event.changeID == changeID
        // The recorded value is what the code was given; any other was computed anew.
        case (.sideEffectRecorded(let event), .recordSideEffect(let value)): event.value == value
        case (.upsertSearchAttributes, .upsertSearchAttributes): true
        case (.localActivityScheduled(let event), .scheduleLocalActivity(let step)):
            event.activityType == step.activityType && event.stepID == step.stepID
        case (.localActivityCompleted(let event), .recordLocalActivity(let record)):
            event.activityType == record.activityType
        case (.localActivityFailed(let event), .recordLocalActivity(let record)):
            event.activityType == record.activityType
        case (.localActivityTimedOut(let event), .recordLocalActivity(let record)):
            event.activityType == record.activityType
        case (.localActivityCanceled(let event), .recordLocalActivity(let record)):
            event.activityType == record.activityType
        case (.startChildWorkflowExecutionInitiated(let event), .startChild(let child)):
            event.workflowType == child.workflowType && event.workflowID == child.workflowID
        case (.childWorkflowExecutionCancelRequested, .requestCancelChild): true
        case (.externalSignalRequested(let event), .signalExternal(let signal)):
            event.targetWorkflowID == signal.workflowID && event.name == signal.name
        case (.workflowUpdateCompleted(let event), .completeUpdate(let eventID, _)): event.acceptedEventID == eventID
        case (.workflowUpdateRolledBack(let event), .rollBackUpdate(let eventID, _)): event.acceptedEventID == eventID
        // A closing command of code that ended badly is recorded when the unwinding starts.
        case (.compensationStarted, .compensate), (.compensationStarted, .fail), (.compensationStarted, .cancel): true
        case (.workflowExecutionCompleted, .complete), (.workflowExecutionFailed, .fail): true
        case (.workflowExecutionCanceled, .cancel), (.workflowExecutionContinuedAsNew, .continueAsNew): true
        default: false
        }
    }
}
