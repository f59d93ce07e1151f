package import SagaCore

extension Wire.HistoryEvent {
    /// The event as it goes over the wire.
    package init(_ event: HistoryEvent) {
        self.init(
            eventID: event.eventID, sagaID: event.sagaID, eventType: UInt32(event.eventType.rawValue),
            category: Wire.EventCategory(rawValue: Int32(event.category.rawValue)),
            timestampMicros: event.timestamp.microseconds, eventVersion: event.eventVersion,
            isResetPoint: event.isResetPoint, isRetry: event.isRetry, parentEventID: event.parentEventID,
            taskQueue: event.taskQueue, traceID: event.traceID, attributes: Attributes(event.attributes))
    }
}

extension HistoryEvent {
    /// The event that came over the wire.
    /// - Throws: ``WireError`` that names the field: unknown event code, a code that does not fit the attributes, or
    ///   something missing in them.
    package init(_ wire: Wire.HistoryEvent) throws(WireError) {
        guard let code = UInt16(exactly: wire.eventType), let type = EventType(rawValue: code) else {
            throw WireError(field: "event_type", reason: .invalid("is \(wire.eventType), which no event has"))
        }
        let attributes = try EventAttributes(try required(wire.attributes, "attributes"))
        guard attributes.eventType == type else {
            throw WireError(
                field: "event_type",
                reason: .invalid("is \(code), the attributes are of \(attributes.eventType.rawValue)"))
        }
        self.init(
            eventID: wire.eventID, sagaID: try required(wire.sagaID, "saga_id"),
            timestamp: Timestamp(microseconds: wire.timestampMicros), attributes: attributes,
            // The attributes are in today's form, whatever form the sender stores them in.
            eventVersion: max(wire.eventVersion, EventCatalog.current.version(of: type)),
            isResetPoint: wire.isResetPoint, isRetry: wire.isRetry,
            parentEventID: wire.parentEventID, taskQueue: wire.taskQueue, traceID: wire.traceID)
    }
}

extension HistoryEvent {
    /// Events of a list; the error's path names the index.
    package static func list(_ wire: [Wire.HistoryEvent], _ field: String) throws(WireError) -> [HistoryEvent] {
        var events: [HistoryEvent] = []
        events.reserveCapacity(wire.count)
        for (index, event) in wire.enumerated() {
            do throws(WireError) { events.append(try HistoryEvent(event)) } catch {
                throw error.within(field, index: index)
            }
        }
        return events
    }
}

extension Wire.HistoryEvent.Attributes {
    /// The attributes as they go over the wire.
    package init(_ attributes: EventAttributes) {
        switch attributes {
        case .workflowExecutionStarted(let event):
            self = .workflowExecutionStarted(Wire.WorkflowExecutionStarted(event))
        case .workflowExecutionCompleted(let event):
            self = .workflowExecutionCompleted(Wire.WorkflowExecutionCompleted(event))
        case .workflowExecutionFailed(let event): self = .workflowExecutionFailed(Wire.WorkflowExecutionFailed(event))
        case .workflowExecutionTimedOut(let event):
            self = .workflowExecutionTimedOut(Wire.WorkflowExecutionTimedOut(event))
        case .workflowExecutionCanceled(let event):
            self = .workflowExecutionCanceled(Wire.WorkflowExecutionCanceled(event))
        case .workflowExecutionContinuedAsNew(let event):
            self = .workflowExecutionContinuedAsNew(Wire.WorkflowExecutionContinuedAsNew(event))
        case .workflowExecutionTerminated(let event):
            self = .workflowExecutionTerminated(Wire.WorkflowExecutionTerminated(event))
        case .workflowExecutionCancelRequested(let event):
            self = .workflowExecutionCancelRequested(Wire.WorkflowExecutionCancelRequested(event))
        case .workflowExecutionReset(let event): self = .workflowExecutionReset(Wire.WorkflowExecutionReset(event))
        case .workflowExecutionBlocked(let event):
            self = .workflowExecutionBlocked(Wire.WorkflowExecutionBlocked(event))
        case .workflowExecutionUnblocked(let event):
            self = .workflowExecutionUnblocked(Wire.WorkflowExecutionUnblocked(event))
        case .workflowExecutionPaused(let event): self = .workflowExecutionPaused(Wire.WorkflowExecutionPaused(event))
        case .workflowExecutionResumed(let event):
            self = .workflowExecutionResumed(Wire.WorkflowExecutionResumed(event))
        case .activityTaskScheduled(let event): self = .activityTaskScheduled(Wire.ActivityTaskScheduled(event))
        case .activityTaskStarted(let event): self = .activityTaskStarted(Wire.ActivityTaskStarted(event))
        case .activityTaskCompleted(let event): self = .activityTaskCompleted(Wire.ActivityTaskCompleted(event))
        case .activityTaskFailed(let event): self = .activityTaskFailed(Wire.ActivityTaskFailed(event))
        case .activityTaskTimedOut(let event): self = .activityTaskTimedOut(Wire.ActivityTaskTimedOut(event))
        case .activityTaskCanceled(let event): self = .activityTaskCanceled(Wire.ActivityTaskCanceled(event))
        case .activityTaskCancelRequested(let event):
            self = .activityTaskCancelRequested(Wire.ActivityTaskCancelRequested(event))
        case .activityTaskRetryScheduled(let event):
            self = .activityTaskRetryScheduled(Wire.ActivityTaskRetryScheduled(event))
        case .timerCreated(let event): self = .timerCreated(Wire.TimerCreated(event))
        case .timerFired(let event): self = .timerFired(Wire.TimerFired(event))
        case .timerCanceled(let event): self = .timerCanceled(Wire.TimerCanceled(event))
        case .signalReceived(let event): self = .signalReceived(Wire.SignalReceived(event))
        case .externalSignalRequested(let event): self = .externalSignalRequested(Wire.ExternalSignalRequested(event))
        case .externalSignalDelivered(let event): self = .externalSignalDelivered(Wire.ExternalSignalDelivered(event))
        case .externalSignalFailed(let event): self = .externalSignalFailed(Wire.ExternalSignalFailed(event))
        case .markerRecorded(let event): self = .markerRecorded(Wire.MarkerRecorded(event))
        case .versionMarkerRecorded(let event): self = .versionMarkerRecorded(Wire.VersionMarkerRecorded(event))
        case .snapshotCreated(let event): self = .snapshotCreated(Wire.SnapshotCreated(event))
        case .commandIssued(let event): self = .commandIssued(Wire.CommandIssued(event))
        case .commandCompleted(let event): self = .commandCompleted(Wire.CommandCompleted(event))
        case .commandFailed(let event): self = .commandFailed(Wire.CommandFailed(event))
        case .startChildWorkflowExecutionInitiated(let event):
            self = .startChildWorkflowExecutionInitiated(Wire.StartChildWorkflowExecutionInitiated(event))
        case .childWorkflowExecutionStarted(let event):
            self = .childWorkflowExecutionStarted(Wire.ChildWorkflowExecutionStarted(event))
        case .childWorkflowExecutionCompleted(let event):
            self = .childWorkflowExecutionCompleted(Wire.ChildWorkflowExecutionCompleted(event))
        case .childWorkflowExecutionFailed(let event):
            self = .childWorkflowExecutionFailed(Wire.ChildWorkflowExecutionFailed(event))
        case .childWorkflowExecutionCanceled(let event):
            self = .childWorkflowExecutionCanceled(Wire.ChildWorkflowExecutionCanceled(event))
        case .childWorkflowExecutionTimedOut(let event):
            self = .childWorkflowExecutionTimedOut(Wire.ChildWorkflowExecutionTimedOut(event))
        case .childWorkflowExecutionTerminated(let event):
            self = .childWorkflowExecutionTerminated(Wire.ChildWorkflowExecutionTerminated(event))
        case .childWorkflowExecutionContinuedAsNew(let event):
            self = .childWorkflowExecutionContinuedAsNew(Wire.ChildWorkflowExecutionContinuedAsNew(event))
        case .childWorkflowExecutionCancelRequested(let event):
            self = .childWorkflowExecutionCancelRequested(Wire.ChildWorkflowExecutionCancelRequested(event))
        case .startChildWorkflowExecutionFailed(let event):
            self = .startChildWorkflowExecutionFailed(Wire.StartChildWorkflowExecutionFailed(event))
        case .localActivityScheduled(let event): self = .localActivityScheduled(Wire.LocalActivityScheduled(event))
        case .localActivityCompleted(let event): self = .localActivityCompleted(Wire.LocalActivityCompleted(event))
        case .localActivityFailed(let event): self = .localActivityFailed(Wire.LocalActivityFailed(event))
        case .localActivityTimedOut(let event): self = .localActivityTimedOut(Wire.LocalActivityTimedOut(event))
        case .localActivityCanceled(let event): self = .localActivityCanceled(Wire.LocalActivityCanceled(event))
        case .sideEffectRecorded(let event): self = .sideEffectRecorded(Wire.SideEffectRecorded(event))
        case .workflowUpdateAccepted(let event): self = .workflowUpdateAccepted(Wire.WorkflowUpdateAccepted(event))
        case .workflowUpdateRejected(let event): self = .workflowUpdateRejected(Wire.WorkflowUpdateRejected(event))
        case .workflowUpdateCompleted(let event): self = .workflowUpdateCompleted(Wire.WorkflowUpdateCompleted(event))
        case .workflowUpdateRolledBack(let event):
            self = .workflowUpdateRolledBack(Wire.WorkflowUpdateRolledBack(event))
        case .upsertSearchAttributes(let event): self = .upsertSearchAttributes(Wire.UpsertSearchAttributes(event))
        case .compensationStarted(let event): self = .compensationStarted(Wire.CompensationStarted(event))
        case .compensationStepStarted(let event): self = .compensationStepStarted(Wire.CompensationStepStarted(event))
        case .compensationStepCompleted(let event):
            self = .compensationStepCompleted(Wire.CompensationStepCompleted(event))
        case .compensationStepFailed(let event): self = .compensationStepFailed(Wire.CompensationStepFailed(event))
        case .compensationStepRetryScheduled(let event):
            self = .compensationStepRetryScheduled(Wire.CompensationStepRetryScheduled(event))
        case .compensationStepSkipped(let event): self = .compensationStepSkipped(Wire.CompensationStepSkipped(event))
        case .compensationStepProbed(let event): self = .compensationStepProbed(Wire.CompensationStepProbed(event))
        case .compensationBlocked(let event): self = .compensationBlocked(Wire.CompensationBlocked(event))
        case .compensationResolved(let event): self = .compensationResolved(Wire.CompensationResolved(event))
        case .compensationCompleted(let event): self = .compensationCompleted(Wire.CompensationCompleted(event))
        case .compensationOperatorAction(let event):
            self = .compensationOperatorAction(Wire.CompensationOperatorAction(event))
        case .domainEvent(let event): self = .domainEvent(Wire.DomainEvent(event))
        }
    }
}

extension EventAttributes {
    /// The attributes that came over the wire.
    /// - Throws: ``WireError`` if a field that the meaning needs is missing; the path begins with the event's name.
    package init(_ wire: Wire.HistoryEvent.Attributes) throws(WireError) {
        switch wire {
        case .workflowExecutionStarted(let event):
            self = try within("workflow_execution_started") { () throws(WireError) in
                .workflowExecutionStarted(try WorkflowExecutionStarted(event))
            }
        case .workflowExecutionCompleted(let event):
            self = try within("workflow_execution_completed") { () throws(WireError) in
                .workflowExecutionCompleted(try WorkflowExecutionCompleted(event))
            }
        case .workflowExecutionFailed(let event):
            self = try within("workflow_execution_failed") { () throws(WireError) in
                .workflowExecutionFailed(try WorkflowExecutionFailed(event))
            }
        case .workflowExecutionTimedOut(let event):
            self = try within("workflow_execution_timed_out") { () throws(WireError) in
                .workflowExecutionTimedOut(try WorkflowExecutionTimedOut(event))
            }
        case .workflowExecutionCanceled(let event):
            self = try within("workflow_execution_canceled") { () throws(WireError) in
                .workflowExecutionCanceled(try WorkflowExecutionCanceled(event))
            }
        case .workflowExecutionContinuedAsNew(let event):
            self = try within("workflow_execution_continued_as_new") { () throws(WireError) in
                .workflowExecutionContinuedAsNew(try WorkflowExecutionContinuedAsNew(event))
            }
        case .workflowExecutionTerminated(let event):
            self = try within("workflow_execution_terminated") { () throws(WireError) in
                .workflowExecutionTerminated(try WorkflowExecutionTerminated(event))
            }
        case .workflowExecutionCancelRequested(let event):
            self = try within("workflow_execution_cancel_requested") { () throws(WireError) in
                .workflowExecutionCancelRequested(try WorkflowExecutionCancelRequested(event))
            }
        case .workflowExecutionReset(let event):
            self = try within("workflow_execution_reset") { () throws(WireError) in
                .workflowExecutionReset(try WorkflowExecutionReset(event))
            }
        case .workflowExecutionBlocked(let event):
            self = try within("workflow_execution_blocked") { () throws(WireError) in
                .workflowExecutionBlocked(try WorkflowExecutionBlocked(event))
            }
        case .workflowExecutionUnblocked(let event):
            self = try within("workflow_execution_unblocked") { () throws(WireError) in
                .workflowExecutionUnblocked(try WorkflowExecutionUnblocked(event))
            }
        case .workflowExecutionPaused(let event):
            self = try within("workflow_execution_paused") { () throws(WireError) in
                .workflowExecutionPaused(try WorkflowExecutionPaused(event))
            }
        case .workflowExecutionResumed(let event):
            self = try within("workflow_execution_resumed") { () throws(WireError) in
                .workflowExecutionResumed(try WorkflowExecutionResumed(event))
            }
        case .activityTaskScheduled(let event):
            self = try within("activity_task_scheduled") { () throws(WireError) in
                .activityTaskScheduled(try ActivityTaskScheduled(event))
            }
        case .activityTaskStarted(let event):
            self = try within("activity_task_started") { () throws(WireError) in
                .activityTaskStarted(try ActivityTaskStarted(event))
            }
        case .activityTaskCompleted(let event):
            self = try within("activity_task_completed") { () throws(WireError) in
                .activityTaskCompleted(try ActivityTaskCompleted(event))
            }
        case .activityTaskFailed(let event):
            self = try within("activity_task_failed") { () throws(WireError) in
                .activityTaskFailed(try ActivityTaskFailed(event))
            }
        case .activityTaskTimedOut(let event):
            self = try within("activity_task_timed_out") { () throws(WireError) in
                .activityTaskTimedOut(try ActivityTaskTimedOut(event))
            }
        case .activityTaskCanceled(let event):
            self = try within("activity_task_canceled") { () throws(WireError) in
                .activityTaskCanceled(try ActivityTaskCanceled(event))
            }
        case .activityTaskCancelRequested(let event):
            self = try within("activity_task_cancel_requested") { () throws(WireError) in
                .activityTaskCancelRequested(try ActivityTaskCancelRequested(event))
            }
        case .activityTaskRetryScheduled(let event):
            self = try within("activity_task_retry_scheduled") { () throws(WireError) in
                .activityTaskRetryScheduled(try ActivityTaskRetryScheduled(event))
            }
        case .timerCreated(let event):
            self = try within("timer_created") { () throws(WireError) in .timerCreated(try TimerCreated(event)) }
        case .timerFired(let event):
            self = try within("timer_fired") { () throws(WireError) in .timerFired(try TimerFired(event)) }
        case .timerCanceled(let event):
            self = try within("timer_canceled") { () throws(WireError) in .timerCanceled(try TimerCanceled(event)) }
        case .signalReceived(let event):
            self = try within("signal_received") { () throws(WireError) in .signalReceived(try SignalReceived(event)) }
        case .externalSignalRequested(let event):
            self = try within("external_signal_requested") { () throws(WireError) in
                .externalSignalRequested(try ExternalSignalRequested(event))
            }
        case .externalSignalDelivered(let event):
            self = try within("external_signal_delivered") { () throws(WireError) in
                .externalSignalDelivered(try ExternalSignalDelivered(event))
            }
        case .externalSignalFailed(let event):
            self = try within("external_signal_failed") { () throws(WireError) in
                .externalSignalFailed(try ExternalSignalFailed(event))
            }
        case .markerRecorded(let event):
            self = try within("marker_recorded") { () throws(WireError) in .markerRecorded(try MarkerRecorded(event)) }
        case .versionMarkerRecorded(let event):
            self = try within("version_marker_recorded") { () throws(WireError) in
                .versionMarkerRecorded(try VersionMarkerRecorded(event))
            }
        case .snapshotCreated(let event):
            self = try within("snapshot_created") { () throws(WireError) in .snapshotCreated(try SnapshotCreated(event))
            }
        case .commandIssued(let event):
            self = try within("command_issued") { () throws(WireError) in .commandIssued(try CommandIssued(event)) }
        case .commandCompleted(let event):
            self = try within("command_completed") { () throws(WireError) in
                .commandCompleted(try CommandCompleted(event))
            }
        case .commandFailed(let event):
            self = try within("command_failed") { () throws(WireError) in .commandFailed(try CommandFailed(event)) }
        case .startChildWorkflowExecutionInitiated(let event):
            self = try within("start_child_workflow_execution_initiated") { () throws(WireError) in
                .startChildWorkflowExecutionInitiated(try StartChildWorkflowExecutionInitiated(event))
            }
        case .childWorkflowExecutionStarted(let event):
            self = try within("child_workflow_execution_started") { () throws(WireError) in
                .childWorkflowExecutionStarted(try ChildWorkflowExecutionStarted(event))
            }
        case .childWorkflowExecutionCompleted(let event):
            self = try within("child_workflow_execution_completed") { () throws(WireError) in
                .childWorkflowExecutionCompleted(try ChildWorkflowExecutionCompleted(event))
            }
        case .childWorkflowExecutionFailed(let event):
            self = try within("child_workflow_execution_failed") { () throws(WireError) in
                .childWorkflowExecutionFailed(try ChildWorkflowExecutionFailed(event))
            }
        case .childWorkflowExecutionCanceled(let event):
            self = try within("child_workflow_execution_canceled") { () throws(WireError) in
                .childWorkflowExecutionCanceled(try ChildWorkflowExecutionCanceled(event))
            }
        case .childWorkflowExecutionTimedOut(let event):
            self = try within("child_workflow_execution_timed_out") { () throws(WireError) in
                .childWorkflowExecutionTimedOut(try ChildWorkflowExecutionTimedOut(event))
            }
        case .childWorkflowExecutionTerminated(let event):
            self = try within("child_workflow_execution_terminated") { () throws(WireError) in
                .childWorkflowExecutionTerminated(try ChildWorkflowExecutionTerminated(event))
            }
        case .childWorkflowExecutionContinuedAsNew(let event):
            self = try within("child_workflow_execution_continued_as_new") { () throws(WireError) in
                .childWorkflowExecutionContinuedAsNew(try ChildWorkflowExecutionContinuedAsNew(event))
            }
        case .childWorkflowExecutionCancelRequested(let event):
            self = try within("child_workflow_execution_cancel_requested") { () throws(WireError) in
                .childWorkflowExecutionCancelRequested(try ChildWorkflowExecutionCancelRequested(event))
            }
        case .startChildWorkflowExecutionFailed(let event):
            self = try within("start_child_workflow_execution_failed") { () throws(WireError) in
                .startChildWorkflowExecutionFailed(try StartChildWorkflowExecutionFailed(event))
            }
        case .localActivityScheduled(let event):
            self = try within("local_activity_scheduled") { () throws(WireError) in
                .localActivityScheduled(try LocalActivityScheduled(event))
            }
        case .localActivityCompleted(let event):
            self = try within("local_activity_completed") { () throws(WireError) in
                .localActivityCompleted(try LocalActivityCompleted(event))
            }
        case .localActivityFailed(let event):
            self = try within("local_activity_failed") { () throws(WireError) in
                .localActivityFailed(try LocalActivityFailed(event))
            }
        case .localActivityTimedOut(let event):
            self = try within("local_activity_timed_out") { () throws(WireError) in
                .localActivityTimedOut(try LocalActivityTimedOut(event))
            }
        case .localActivityCanceled(let event):
            self = try within("local_activity_canceled") { () throws(WireError) in
                .localActivityCanceled(try LocalActivityCanceled(event))
            }
        case .sideEffectRecorded(let event):
            self = try within("side_effect_recorded") { () throws(WireError) in
                .sideEffectRecorded(try SideEffectRecorded(event))
            }
        case .workflowUpdateAccepted(let event):
            self = try within("workflow_update_accepted") { () throws(WireError) in
                .workflowUpdateAccepted(try WorkflowUpdateAccepted(event))
            }
        case .workflowUpdateRejected(let event):
            self = try within("workflow_update_rejected") { () throws(WireError) in
                .workflowUpdateRejected(try WorkflowUpdateRejected(event))
            }
        case .workflowUpdateCompleted(let event):
            self = try within("workflow_update_completed") { () throws(WireError) in
                .workflowUpdateCompleted(try WorkflowUpdateCompleted(event))
            }
        case .workflowUpdateRolledBack(let event):
            self = try within("workflow_update_rolled_back") { () throws(WireError) in
                .workflowUpdateRolledBack(try WorkflowUpdateRolledBack(event))
            }
        case .upsertSearchAttributes(let event):
            self = try within("upsert_search_attributes") { () throws(WireError) in
                .upsertSearchAttributes(try UpsertSearchAttributes(event))
            }
        case .compensationStarted(let event):
            self = try within("compensation_started") { () throws(WireError) in
                .compensationStarted(try CompensationStarted(event))
            }
        case .compensationStepStarted(let event):
            self = try within("compensation_step_started") { () throws(WireError) in
                .compensationStepStarted(try CompensationStepStarted(event))
            }
        case .compensationStepCompleted(let event):
            self = try within("compensation_step_completed") { () throws(WireError) in
                .compensationStepCompleted(try CompensationStepCompleted(event))
            }
        case .compensationStepFailed(let event):
            self = try within("compensation_step_failed") { () throws(WireError) in
                .compensationStepFailed(try CompensationStepFailed(event))
            }
        case .compensationStepRetryScheduled(let event):
            self = try within("compensation_step_retry_scheduled") { () throws(WireError) in
                .compensationStepRetryScheduled(try CompensationStepRetryScheduled(event))
            }
        case .compensationStepSkipped(let event):
            self = try within("compensation_step_skipped") { () throws(WireError) in
                .compensationStepSkipped(try CompensationStepSkipped(event))
            }
        case .compensationStepProbed(let event):
            self = try within("compensation_step_probed") { () throws(WireError) in
                .compensationStepProbed(try CompensationStepProbed(event))
            }
        case .compensationBlocked(let event):
            self = try within("compensation_blocked") { () throws(WireError) in
                .compensationBlocked(try CompensationBlocked(event))
            }
        case .compensationResolved(let event):
            self = try within("compensation_resolved") { () throws(WireError) in
                .compensationResolved(try CompensationResolved(event))
            }
        case .compensationCompleted(let event):
            self = try within("compensation_completed") { () throws(WireError) in
                .compensationCompleted(try CompensationCompleted(event))
            }
        case .compensationOperatorAction(let event):
            self = try within("compensation_operator_action") { () throws(WireError) in
                .compensationOperatorAction(try CompensationOperatorAction(event))
            }
        case .domainEvent(let event):
            self = try within("domain_event") { () throws(WireError) in .domainEvent(try DomainEvent(event)) }
        }
    }
}

/// Puts the event's name before the path of an error.
private func within(_ name: String, _ make: () throws(WireError) -> EventAttributes) throws(WireError)
    -> EventAttributes
{
    do throws(WireError) { return try make() } catch { throw error.within(name) }
}
