public import SagaCodec

/// The typed data of one event type.
public protocol EventAttribute: PostcardCodable, Hashable, Sendable {
    /// The type of the event that carries it.
    static var eventType: EventType { get }
}

/// The typed data of an event: one case per event type.
///
/// All but the smallest (up to 40 bytes) are in a box of their own, so that an event is small: it is moved and copied far more often than it is
/// made, and a copy is one reference then.
public enum EventAttributes: Hashable, Sendable {
    indirect case workflowExecutionStarted(WorkflowExecutionStarted)
    indirect case workflowExecutionCompleted(WorkflowExecutionCompleted)
    indirect case workflowExecutionFailed(WorkflowExecutionFailed)
    indirect case workflowExecutionTimedOut(WorkflowExecutionTimedOut)
    indirect case workflowExecutionCanceled(WorkflowExecutionCanceled)
    indirect case workflowExecutionContinuedAsNew(WorkflowExecutionContinuedAsNew)
    indirect case workflowExecutionTerminated(WorkflowExecutionTerminated)
    indirect case workflowExecutionCancelRequested(WorkflowExecutionCancelRequested)
    indirect case workflowExecutionReset(WorkflowExecutionReset)
    indirect case workflowExecutionBlocked(WorkflowExecutionBlocked)
    indirect case workflowExecutionUnblocked(WorkflowExecutionUnblocked)
    indirect case workflowExecutionPaused(WorkflowExecutionPaused)
    case workflowExecutionResumed(WorkflowExecutionResumed)
    indirect case activityTaskScheduled(ActivityTaskScheduled)
    case activityTaskStarted(ActivityTaskStarted)
    indirect case activityTaskCompleted(ActivityTaskCompleted)
    indirect case activityTaskFailed(ActivityTaskFailed)
    indirect case activityTaskTimedOut(ActivityTaskTimedOut)
    indirect case activityTaskCanceled(ActivityTaskCanceled)
    indirect case activityTaskCancelRequested(ActivityTaskCancelRequested)
    indirect case activityTaskRetryScheduled(ActivityTaskRetryScheduled)
    case timerCreated(TimerCreated)
    case timerFired(TimerFired)
    case timerCanceled(TimerCanceled)
    indirect case signalReceived(SignalReceived)
    indirect case externalSignalRequested(ExternalSignalRequested)
    indirect case externalSignalDelivered(ExternalSignalDelivered)
    indirect case externalSignalFailed(ExternalSignalFailed)
    indirect case markerRecorded(MarkerRecorded)
    indirect case versionMarkerRecorded(VersionMarkerRecorded)
    indirect case snapshotCreated(SnapshotCreated)
    indirect case commandIssued(CommandIssued)
    indirect case commandCompleted(CommandCompleted)
    indirect case commandFailed(CommandFailed)
    indirect case startChildWorkflowExecutionInitiated(StartChildWorkflowExecutionInitiated)
    indirect case childWorkflowExecutionStarted(ChildWorkflowExecutionStarted)
    indirect case childWorkflowExecutionCompleted(ChildWorkflowExecutionCompleted)
    indirect case childWorkflowExecutionFailed(ChildWorkflowExecutionFailed)
    indirect case childWorkflowExecutionCanceled(ChildWorkflowExecutionCanceled)
    indirect case childWorkflowExecutionTimedOut(ChildWorkflowExecutionTimedOut)
    indirect case childWorkflowExecutionTerminated(ChildWorkflowExecutionTerminated)
    indirect case childWorkflowExecutionContinuedAsNew(ChildWorkflowExecutionContinuedAsNew)
    indirect case childWorkflowExecutionCancelRequested(ChildWorkflowExecutionCancelRequested)
    indirect case startChildWorkflowExecutionFailed(StartChildWorkflowExecutionFailed)
    indirect case localActivityScheduled(LocalActivityScheduled)
    indirect case localActivityCompleted(LocalActivityCompleted)
    indirect case localActivityFailed(LocalActivityFailed)
    indirect case localActivityTimedOut(LocalActivityTimedOut)
    indirect case localActivityCanceled(LocalActivityCanceled)
    case sideEffectRecorded(SideEffectRecorded)
    indirect case workflowUpdateAccepted(WorkflowUpdateAccepted)
    indirect case workflowUpdateRejected(WorkflowUpdateRejected)
    indirect case workflowUpdateCompleted(WorkflowUpdateCompleted)
    indirect case workflowUpdateRolledBack(WorkflowUpdateRolledBack)
    indirect case upsertSearchAttributes(UpsertSearchAttributes)
    indirect case compensationStarted(CompensationStarted)
    indirect case compensationStepStarted(CompensationStepStarted)
    indirect case compensationStepCompleted(CompensationStepCompleted)
    indirect case compensationStepFailed(CompensationStepFailed)
    indirect case compensationStepRetryScheduled(CompensationStepRetryScheduled)
    indirect case compensationStepSkipped(CompensationStepSkipped)
    indirect case compensationStepProbed(CompensationStepProbed)
    indirect case compensationBlocked(CompensationBlocked)
    indirect case compensationResolved(CompensationResolved)
    indirect case compensationCompleted(CompensationCompleted)
    indirect case compensationOperatorAction(CompensationOperatorAction)
    indirect case domainEvent(DomainEvent)
}

extension EventAttributes {
    /// The type of the event that carries these attributes.
    public var eventType: EventType {
        switch self {
        case .workflowExecutionStarted: .workflowExecutionStarted
        case .workflowExecutionCompleted: .workflowExecutionCompleted
        case .workflowExecutionFailed: .workflowExecutionFailed
        case .workflowExecutionTimedOut: .workflowExecutionTimedOut
        case .workflowExecutionCanceled: .workflowExecutionCanceled
        case .workflowExecutionContinuedAsNew: .workflowExecutionContinuedAsNew
        case .workflowExecutionTerminated: .workflowExecutionTerminated
        case .workflowExecutionCancelRequested: .workflowExecutionCancelRequested
        case .workflowExecutionReset: .workflowExecutionReset
        case .workflowExecutionBlocked: .workflowExecutionBlocked
        case .workflowExecutionUnblocked: .workflowExecutionUnblocked
        case .workflowExecutionPaused: .workflowExecutionPaused
        case .workflowExecutionResumed: .workflowExecutionResumed
        case .activityTaskScheduled: .activityTaskScheduled
        case .activityTaskStarted: .activityTaskStarted
        case .activityTaskCompleted: .activityTaskCompleted
        case .activityTaskFailed: .activityTaskFailed
        case .activityTaskTimedOut: .activityTaskTimedOut
        case .activityTaskCanceled: .activityTaskCanceled
        case .activityTaskCancelRequested: .activityTaskCancelRequested
        case .activityTaskRetryScheduled: .activityTaskRetryScheduled
        case .timerCreated: .timerCreated
        case .timerFired: .timerFired
        case .timerCanceled: .timerCanceled
        case .signalReceived: .signalReceived
        case .externalSignalRequested: .externalSignalRequested
        case .externalSignalDelivered: .externalSignalDelivered
        case .externalSignalFailed: .externalSignalFailed
        case .markerRecorded: .markerRecorded
        case .versionMarkerRecorded: .versionMarkerRecorded
        case .snapshotCreated: .snapshotCreated
        case .commandIssued: .commandIssued
        case .commandCompleted: .commandCompleted
        case .commandFailed: .commandFailed
        case .startChildWorkflowExecutionInitiated: .startChildWorkflowExecutionInitiated
        case .childWorkflowExecutionStarted: .childWorkflowExecutionStarted
        case .childWorkflowExecutionCompleted: .childWorkflowExecutionCompleted
        case .childWorkflowExecutionFailed: .childWorkflowExecutionFailed
        case .childWorkflowExecutionCanceled: .childWorkflowExecutionCanceled
        case .childWorkflowExecutionTimedOut: .childWorkflowExecutionTimedOut
        case .childWorkflowExecutionTerminated: .childWorkflowExecutionTerminated
        case .childWorkflowExecutionContinuedAsNew: .childWorkflowExecutionContinuedAsNew
        case .childWorkflowExecutionCancelRequested: .childWorkflowExecutionCancelRequested
        case .startChildWorkflowExecutionFailed: .startChildWorkflowExecutionFailed
        case .localActivityScheduled: .localActivityScheduled
        case .localActivityCompleted: .localActivityCompleted
        case .localActivityFailed: .localActivityFailed
        case .localActivityTimedOut: .localActivityTimedOut
        case .localActivityCanceled: .localActivityCanceled
        case .sideEffectRecorded: .sideEffectRecorded
        case .workflowUpdateAccepted: .workflowUpdateAccepted
        case .workflowUpdateRejected: .workflowUpdateRejected
        case .workflowUpdateCompleted: .workflowUpdateCompleted
        case .workflowUpdateRolledBack: .workflowUpdateRolledBack
        case .upsertSearchAttributes: .upsertSearchAttributes
        case .compensationStarted: .compensationStarted
        case .compensationStepStarted: .compensationStepStarted
        case .compensationStepCompleted: .compensationStepCompleted
        case .compensationStepFailed: .compensationStepFailed
        case .compensationStepRetryScheduled: .compensationStepRetryScheduled
        case .compensationStepSkipped: .compensationStepSkipped
        case .compensationStepProbed: .compensationStepProbed
        case .compensationBlocked: .compensationBlocked
        case .compensationResolved: .compensationResolved
        case .compensationCompleted: .compensationCompleted
        case .compensationOperatorAction: .compensationOperatorAction
        case .domainEvent: .domainEvent
        }
    }

    /// Writes the attributes alone; the type travels in the event header.
    ///
    /// Encoding releases nothing that its caller can see, and where that is said, here and at the types that histories are full
    /// of, the compiler does not retain first what it only reads: a third of the cost.
    @_effects(releasenone)
    public func encode(into writer: inout PostcardWriter) {
        switch self {
        case .workflowExecutionStarted(let value): value.encode(into: &writer)
        case .workflowExecutionCompleted(let value): value.encode(into: &writer)
        case .workflowExecutionFailed(let value): value.encode(into: &writer)
        case .workflowExecutionTimedOut(let value): value.encode(into: &writer)
        case .workflowExecutionCanceled(let value): value.encode(into: &writer)
        case .workflowExecutionContinuedAsNew(let value): value.encode(into: &writer)
        case .workflowExecutionTerminated(let value): value.encode(into: &writer)
        case .workflowExecutionCancelRequested(let value): value.encode(into: &writer)
        case .workflowExecutionReset(let value): value.encode(into: &writer)
        case .workflowExecutionBlocked(let value): value.encode(into: &writer)
        case .workflowExecutionUnblocked(let value): value.encode(into: &writer)
        case .workflowExecutionPaused(let value): value.encode(into: &writer)
        case .workflowExecutionResumed(let value): value.encode(into: &writer)
        case .activityTaskScheduled(let value): value.encode(into: &writer)
        case .activityTaskStarted(let value): value.encode(into: &writer)
        case .activityTaskCompleted(let value): value.encode(into: &writer)
        case .activityTaskFailed(let value): value.encode(into: &writer)
        case .activityTaskTimedOut(let value): value.encode(into: &writer)
        case .activityTaskCanceled(let value): value.encode(into: &writer)
        case .activityTaskCancelRequested(let value): value.encode(into: &writer)
        case .activityTaskRetryScheduled(let value): value.encode(into: &writer)
        case .timerCreated(let value): value.encode(into: &writer)
        case .timerFired(let value): value.encode(into: &writer)
        case .timerCanceled(let value): value.encode(into: &writer)
        case .signalReceived(let value): value.encode(into: &writer)
        case .externalSignalRequested(let value): value.encode(into: &writer)
        case .externalSignalDelivered(let value): value.encode(into: &writer)
        case .externalSignalFailed(let value): value.encode(into: &writer)
        case .markerRecorded(let value): value.encode(into: &writer)
        case .versionMarkerRecorded(let value): value.encode(into: &writer)
        case .snapshotCreated(let value): value.encode(into: &writer)
        case .commandIssued(let value): value.encode(into: &writer)
        case .commandCompleted(let value): value.encode(into: &writer)
        case .commandFailed(let value): value.encode(into: &writer)
        case .startChildWorkflowExecutionInitiated(let value): value.encode(into: &writer)
        case .childWorkflowExecutionStarted(let value): value.encode(into: &writer)
        case .childWorkflowExecutionCompleted(let value): value.encode(into: &writer)
        case .childWorkflowExecutionFailed(let value): value.encode(into: &writer)
        case .childWorkflowExecutionCanceled(let value): value.encode(into: &writer)
        case .childWorkflowExecutionTimedOut(let value): value.encode(into: &writer)
        case .childWorkflowExecutionTerminated(let value): value.encode(into: &writer)
        case .childWorkflowExecutionContinuedAsNew(let value): value.encode(into: &writer)
        case .childWorkflowExecutionCancelRequested(let value): value.encode(into: &writer)
        case .startChildWorkflowExecutionFailed(let value): value.encode(into: &writer)
        case .localActivityScheduled(let value): value.encode(into: &writer)
        case .localActivityCompleted(let value): value.encode(into: &writer)
        case .localActivityFailed(let value): value.encode(into: &writer)
        case .localActivityTimedOut(let value): value.encode(into: &writer)
        case .localActivityCanceled(let value): value.encode(into: &writer)
        case .sideEffectRecorded(let value): value.encode(into: &writer)
        case .workflowUpdateAccepted(let value): value.encode(into: &writer)
        case .workflowUpdateRejected(let value): value.encode(into: &writer)
        case .workflowUpdateCompleted(let value): value.encode(into: &writer)
        case .workflowUpdateRolledBack(let value): value.encode(into: &writer)
        case .upsertSearchAttributes(let value): value.encode(into: &writer)
        case .compensationStarted(let value): value.encode(into: &writer)
        case .compensationStepStarted(let value): value.encode(into: &writer)
        case .compensationStepCompleted(let value): value.encode(into: &writer)
        case .compensationStepFailed(let value): value.encode(into: &writer)
        case .compensationStepRetryScheduled(let value): value.encode(into: &writer)
        case .compensationStepSkipped(let value): value.encode(into: &writer)
        case .compensationStepProbed(let value): value.encode(into: &writer)
        case .compensationBlocked(let value): value.encode(into: &writer)
        case .compensationResolved(let value): value.encode(into: &writer)
        case .compensationCompleted(let value): value.encode(into: &writer)
        case .compensationOperatorAction(let value): value.encode(into: &writer)
        case .domainEvent(let value): value.encode(into: &writer)
        }
    }

    /// Reads the attributes of an event of the given type.
    public init(_ type: EventType, from reader: inout PostcardReader) throws(CodecError) {
        switch type {
        case .workflowExecutionStarted: self = .workflowExecutionStarted(try WorkflowExecutionStarted(from: &reader))
        case .workflowExecutionCompleted:
            self = .workflowExecutionCompleted(try WorkflowExecutionCompleted(from: &reader))
        case .workflowExecutionFailed: self = .workflowExecutionFailed(try WorkflowExecutionFailed(from: &reader))
        case .workflowExecutionTimedOut: self = .workflowExecutionTimedOut(try WorkflowExecutionTimedOut(from: &reader))
        case .workflowExecutionCanceled: self = .workflowExecutionCanceled(try WorkflowExecutionCanceled(from: &reader))
        case .workflowExecutionContinuedAsNew:
            self = .workflowExecutionContinuedAsNew(try WorkflowExecutionContinuedAsNew(from: &reader))
        case .workflowExecutionTerminated:
            self = .workflowExecutionTerminated(try WorkflowExecutionTerminated(from: &reader))
        case .workflowExecutionCancelRequested:
            self = .workflowExecutionCancelRequested(try WorkflowExecutionCancelRequested(from: &reader))
        case .workflowExecutionReset: self = .workflowExecutionReset(try WorkflowExecutionReset(from: &reader))
        case .workflowExecutionBlocked: self = .workflowExecutionBlocked(try WorkflowExecutionBlocked(from: &reader))
        case .workflowExecutionUnblocked:
            self = .workflowExecutionUnblocked(try WorkflowExecutionUnblocked(from: &reader))
        case .workflowExecutionPaused: self = .workflowExecutionPaused(try WorkflowExecutionPaused(from: &reader))
        case .workflowExecutionResumed: self = .workflowExecutionResumed(try WorkflowExecutionResumed(from: &reader))
        case .activityTaskScheduled: self = .activityTaskScheduled(try ActivityTaskScheduled(from: &reader))
        case .activityTaskStarted: self = .activityTaskStarted(try ActivityTaskStarted(from: &reader))
        case .activityTaskCompleted: self = .activityTaskCompleted(try ActivityTaskCompleted(from: &reader))
        case .activityTaskFailed: self = .activityTaskFailed(try ActivityTaskFailed(from: &reader))
        case .activityTaskTimedOut: self = .activityTaskTimedOut(try ActivityTaskTimedOut(from: &reader))
        case .activityTaskCanceled: self = .activityTaskCanceled(try ActivityTaskCanceled(from: &reader))
        case .activityTaskCancelRequested:
            self = .activityTaskCancelRequested(try ActivityTaskCancelRequested(from: &reader))
        case .activityTaskRetryScheduled:
            self = .activityTaskRetryScheduled(try ActivityTaskRetryScheduled(from: &reader))
        case .timerCreated: self = .timerCreated(try TimerCreated(from: &reader))
        case .timerFired: self = .timerFired(try TimerFired(from: &reader))
        case .timerCanceled: self = .timerCanceled(try TimerCanceled(from: &reader))
        case .signalReceived: self = .signalReceived(try SignalReceived(from: &reader))
        case .externalSignalRequested: self = .externalSignalRequested(try ExternalSignalRequested(from: &reader))
        case .externalSignalDelivered: self = .externalSignalDelivered(try ExternalSignalDelivered(from: &reader))
        case .externalSignalFailed: self = .externalSignalFailed(try ExternalSignalFailed(from: &reader))
        case .markerRecorded: self = .markerRecorded(try MarkerRecorded(from: &reader))
        case .versionMarkerRecorded: self = .versionMarkerRecorded(try VersionMarkerRecorded(from: &reader))
        case .snapshotCreated: self = .snapshotCreated(try SnapshotCreated(from: &reader))
        case .commandIssued: self = .commandIssued(try CommandIssued(from: &reader))
        case .commandCompleted: self = .commandCompleted(try CommandCompleted(from: &reader))
        case .commandFailed: self = .commandFailed(try CommandFailed(from: &reader))
        case .startChildWorkflowExecutionInitiated:
            self = .startChildWorkflowExecutionInitiated(try StartChildWorkflowExecutionInitiated(from: &reader))
        case .childWorkflowExecutionStarted:
            self = .childWorkflowExecutionStarted(try ChildWorkflowExecutionStarted(from: &reader))
        case .childWorkflowExecutionCompleted:
            self = .childWorkflowExecutionCompleted(try ChildWorkflowExecutionCompleted(from: &reader))
        case .childWorkflowExecutionFailed:
            self = .childWorkflowExecutionFailed(try ChildWorkflowExecutionFailed(from: &reader))
        case .childWorkflowExecutionCanceled:
            self = .childWorkflowExecutionCanceled(try ChildWorkflowExecutionCanceled(from: &reader))
        case .childWorkflowExecutionTimedOut:
            self = .childWorkflowExecutionTimedOut(try ChildWorkflowExecutionTimedOut(from: &reader))
        case .childWorkflowExecutionTerminated:
            self = .childWorkflowExecutionTerminated(try ChildWorkflowExecutionTerminated(from: &reader))
        case .childWorkflowExecutionContinuedAsNew:
            self = .childWorkflowExecutionContinuedAsNew(try ChildWorkflowExecutionContinuedAsNew(from: &reader))
        case .childWorkflowExecutionCancelRequested:
            self = .childWorkflowExecutionCancelRequested(try ChildWorkflowExecutionCancelRequested(from: &reader))
        case .startChildWorkflowExecutionFailed:
            self = .startChildWorkflowExecutionFailed(try StartChildWorkflowExecutionFailed(from: &reader))
        case .localActivityScheduled: self = .localActivityScheduled(try LocalActivityScheduled(from: &reader))
        case .localActivityCompleted: self = .localActivityCompleted(try LocalActivityCompleted(from: &reader))
        case .localActivityFailed: self = .localActivityFailed(try LocalActivityFailed(from: &reader))
        case .localActivityTimedOut: self = .localActivityTimedOut(try LocalActivityTimedOut(from: &reader))
        case .localActivityCanceled: self = .localActivityCanceled(try LocalActivityCanceled(from: &reader))
        case .sideEffectRecorded: self = .sideEffectRecorded(try SideEffectRecorded(from: &reader))
        case .workflowUpdateAccepted: self = .workflowUpdateAccepted(try WorkflowUpdateAccepted(from: &reader))
        case .workflowUpdateRejected: self = .workflowUpdateRejected(try WorkflowUpdateRejected(from: &reader))
        case .workflowUpdateCompleted: self = .workflowUpdateCompleted(try WorkflowUpdateCompleted(from: &reader))
        case .workflowUpdateRolledBack: self = .workflowUpdateRolledBack(try WorkflowUpdateRolledBack(from: &reader))
        case .upsertSearchAttributes: self = .upsertSearchAttributes(try UpsertSearchAttributes(from: &reader))
        case .compensationStarted: self = .compensationStarted(try CompensationStarted(from: &reader))
        case .compensationStepStarted: self = .compensationStepStarted(try CompensationStepStarted(from: &reader))
        case .compensationStepCompleted: self = .compensationStepCompleted(try CompensationStepCompleted(from: &reader))
        case .compensationStepFailed: self = .compensationStepFailed(try CompensationStepFailed(from: &reader))
        case .compensationStepRetryScheduled:
            self = .compensationStepRetryScheduled(try CompensationStepRetryScheduled(from: &reader))
        case .compensationStepSkipped: self = .compensationStepSkipped(try CompensationStepSkipped(from: &reader))
        case .compensationStepProbed: self = .compensationStepProbed(try CompensationStepProbed(from: &reader))
        case .compensationBlocked: self = .compensationBlocked(try CompensationBlocked(from: &reader))
        case .compensationResolved: self = .compensationResolved(try CompensationResolved(from: &reader))
        case .compensationCompleted: self = .compensationCompleted(try CompensationCompleted(from: &reader))
        case .compensationOperatorAction:
            self = .compensationOperatorAction(try CompensationOperatorAction(from: &reader))
        case .domainEvent: self = .domainEvent(try DomainEvent(from: &reader))
        }
    }
}
