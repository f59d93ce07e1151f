/// What happened, by its stored and wire code. Once released a code is never reused (semantics, section 9).
public enum EventType: UInt16, Hashable, Sendable, CaseIterable {
    case workflowExecutionStarted = 0
    case workflowExecutionCompleted = 1
    case workflowExecutionFailed = 2
    case workflowExecutionTimedOut = 3
    case workflowExecutionCanceled = 4
    case workflowExecutionContinuedAsNew = 5
    case workflowExecutionTerminated = 6
    case workflowExecutionCancelRequested = 7
    case workflowExecutionReset = 8
    case workflowExecutionBlocked = 9
    case workflowExecutionUnblocked = 10
    case workflowExecutionPaused = 11
    case workflowExecutionResumed = 12
    case activityTaskScheduled = 20
    case activityTaskStarted = 21
    case activityTaskCompleted = 22
    case activityTaskFailed = 23
    case activityTaskTimedOut = 24
    case activityTaskCanceled = 25
    case activityTaskCancelRequested = 26
    case activityTaskRetryScheduled = 27
    case timerCreated = 40
    case timerFired = 41
    case timerCanceled = 42
    case signalReceived = 50
    case externalSignalRequested = 51
    case externalSignalDelivered = 52
    case externalSignalFailed = 53
    case markerRecorded = 60
    case versionMarkerRecorded = 61
    case snapshotCreated = 70
    case commandIssued = 80
    case commandCompleted = 81
    case commandFailed = 82
    case startChildWorkflowExecutionInitiated = 90
    case childWorkflowExecutionStarted = 91
    case childWorkflowExecutionCompleted = 92
    case childWorkflowExecutionFailed = 93
    case childWorkflowExecutionCanceled = 94
    case childWorkflowExecutionTimedOut = 95
    case childWorkflowExecutionTerminated = 96
    case childWorkflowExecutionContinuedAsNew = 97
    case childWorkflowExecutionCancelRequested = 98
    case startChildWorkflowExecutionFailed = 99
    case localActivityScheduled = 110
    case localActivityCompleted = 112
    case localActivityFailed = 113
    case localActivityTimedOut = 114
    case localActivityCanceled = 115
    case sideEffectRecorded = 120
    case workflowUpdateAccepted = 131
    case workflowUpdateRejected = 132
    case workflowUpdateCompleted = 133
    case workflowUpdateRolledBack = 134
    case upsertSearchAttributes = 140
    case compensationStarted = 150
    case compensationStepStarted = 151
    case compensationStepCompleted = 152
    case compensationStepFailed = 153
    case compensationStepRetryScheduled = 154
    case compensationStepSkipped = 155
    case compensationStepProbed = 156
    case compensationBlocked = 157
    case compensationResolved = 158
    case compensationCompleted = 159
    case compensationOperatorAction = 160
    case domainEvent = 200
}

extension EventType {
    /// The name in the event catalogue, for people and for JSON.
    public var name: String {
        switch self {
        case .workflowExecutionStarted: "WorkflowExecutionStarted"
        case .workflowExecutionCompleted: "WorkflowExecutionCompleted"
        case .workflowExecutionFailed: "WorkflowExecutionFailed"
        case .workflowExecutionTimedOut: "WorkflowExecutionTimedOut"
        case .workflowExecutionCanceled: "WorkflowExecutionCanceled"
        case .workflowExecutionContinuedAsNew: "WorkflowExecutionContinuedAsNew"
        case .workflowExecutionTerminated: "WorkflowExecutionTerminated"
        case .workflowExecutionCancelRequested: "WorkflowExecutionCancelRequested"
        case .workflowExecutionReset: "WorkflowExecutionReset"
        case .workflowExecutionBlocked: "WorkflowExecutionBlocked"
        case .workflowExecutionUnblocked: "WorkflowExecutionUnblocked"
        case .workflowExecutionPaused: "WorkflowExecutionPaused"
        case .workflowExecutionResumed: "WorkflowExecutionResumed"
        case .activityTaskScheduled: "ActivityTaskScheduled"
        case .activityTaskStarted: "ActivityTaskStarted"
        case .activityTaskCompleted: "ActivityTaskCompleted"
        case .activityTaskFailed: "ActivityTaskFailed"
        case .activityTaskTimedOut: "ActivityTaskTimedOut"
        case .activityTaskCanceled: "ActivityTaskCanceled"
        case .activityTaskCancelRequested: "ActivityTaskCancelRequested"
        case .activityTaskRetryScheduled: "ActivityTaskRetryScheduled"
        case .timerCreated: "TimerCreated"
        case .timerFired: "TimerFired"
        case .timerCanceled: "TimerCanceled"
        case .signalReceived: "SignalReceived"
        case .externalSignalRequested: "ExternalSignalRequested"
        case .externalSignalDelivered: "ExternalSignalDelivered"
        case .externalSignalFailed: "ExternalSignalFailed"
        case .markerRecorded: "MarkerRecorded"
        case .versionMarkerRecorded: "VersionMarkerRecorded"
        case .snapshotCreated: "SnapshotCreated"
        case .commandIssued: "CommandIssued"
        case .commandCompleted: "CommandCompleted"
        case .commandFailed: "CommandFailed"
        case .startChildWorkflowExecutionInitiated: "StartChildWorkflowExecutionInitiated"
        case .childWorkflowExecutionStarted: "ChildWorkflowExecutionStarted"
        case .childWorkflowExecutionCompleted: "ChildWorkflowExecutionCompleted"
        case .childWorkflowExecutionFailed: "ChildWorkflowExecutionFailed"
        case .childWorkflowExecutionCanceled: "ChildWorkflowExecutionCanceled"
        case .childWorkflowExecutionTimedOut: "ChildWorkflowExecutionTimedOut"
        case .childWorkflowExecutionTerminated: "ChildWorkflowExecutionTerminated"
        case .childWorkflowExecutionContinuedAsNew: "ChildWorkflowExecutionContinuedAsNew"
        case .childWorkflowExecutionCancelRequested: "ChildWorkflowExecutionCancelRequested"
        case .startChildWorkflowExecutionFailed: "StartChildWorkflowExecutionFailed"
        case .localActivityScheduled: "LocalActivityScheduled"
        case .localActivityCompleted: "LocalActivityCompleted"
        case .localActivityFailed: "LocalActivityFailed"
        case .localActivityTimedOut: "LocalActivityTimedOut"
        case .localActivityCanceled: "LocalActivityCanceled"
        case .sideEffectRecorded: "SideEffectRecorded"
        case .workflowUpdateAccepted: "WorkflowUpdateAccepted"
        case .workflowUpdateRejected: "WorkflowUpdateRejected"
        case .workflowUpdateCompleted: "WorkflowUpdateCompleted"
        case .workflowUpdateRolledBack: "WorkflowUpdateRolledBack"
        case .upsertSearchAttributes: "UpsertSearchAttributes"
        case .compensationStarted: "CompensationStarted"
        case .compensationStepStarted: "CompensationStepStarted"
        case .compensationStepCompleted: "CompensationStepCompleted"
        case .compensationStepFailed: "CompensationStepFailed"
        case .compensationStepRetryScheduled: "CompensationStepRetryScheduled"
        case .compensationStepSkipped: "CompensationStepSkipped"
        case .compensationStepProbed: "CompensationStepProbed"
        case .compensationBlocked: "CompensationBlocked"
        case .compensationResolved: "CompensationResolved"
        case .compensationCompleted: "CompensationCompleted"
        case .compensationOperatorAction: "CompensationOperatorAction"
        case .domainEvent: "DomainEvent"
        }
    }

    /// The group that the type belongs to.
    public var category: EventCategory {
        switch rawValue {
        case 0...19: .workflow
        case 20...39: .activity
        case 40...49: .timer
        case 50...59: .signal
        case 60...69: .marker
        case 70...79: .snapshot
        case 80...89: .command
        case 90...109: .childWorkflow
        case 110...119: .localActivity
        case 120...129: .sideEffect
        case 130...139: .update
        case 140...149: .searchAttribute
        case 150...199: .compensation
        default: .domain
        }
    }
}

/// Groups of event types, for filtering. The raw value is part of the wire format.
public enum EventCategory: UInt8, Hashable, Sendable, CaseIterable {
    case workflow = 0
    case activity = 1
    case timer = 2
    case signal = 3
    case marker = 4
    case snapshot = 5
    case command = 6
    case childWorkflow = 7
    case localActivity = 8
    case sideEffect = 9
    case update = 10
    case searchAttribute = 11
    case compensation = 12
    case domain = 13
}
