package import SagaCore

// Commands of workflow code between the core and the wire (semantics, section 6).

extension Wire.Command {
    /// The command as it goes over the wire.
    package init(_ command: NumberedCommand) {
        self.init(commandNumber: command.number, kind: Kind(command.command))
    }
}

extension NumberedCommand {
    /// The command that came over the wire.
    /// - Throws: ``WireError`` if something is missing, out of range, or a kind of command that this version lacks.
    package init(_ wire: Wire.Command) throws(WireError) {
        self.init(number: wire.commandNumber, command: try WorkflowCommand(try required(wire.kind, "kind")))
    }

    /// Commands of a list; the error's path names the index.
    package static func list(_ wire: [Wire.Command], _ field: String) throws(WireError) -> [NumberedCommand] {
        var commands: [NumberedCommand] = []
        commands.reserveCapacity(wire.count)
        for (index, command) in wire.enumerated() {
            do throws(WireError) {
                commands.append(try NumberedCommand(command))
            } catch {
                throw error.within(field, index: index)
            }
        }
        return commands
    }
}

extension Wire.Command.Kind {
    init(_ command: WorkflowCommand) {
        switch command {
        case .scheduleActivity(let step):
            self = .scheduleActivity(Wire.ScheduleActivityCommand(step))
        case .requestCancelActivity(let target):
            self = .requestCancelActivity(Wire.RequestCancelActivityCommand(targetCommandNumber: target))
        case .startTimer(let timerID, let durationMicros, let callback):
            self = .startTimer(
                Wire.StartTimerCommand(timerID: timerID, durationMicros: durationMicros, callback: callback))
        case .cancelTimer(let target):
            self = .cancelTimer(Wire.CancelTimerCommand(targetCommandNumber: target))
        case .recordMarker(let marker):
            self = .recordMarker(
                Wire.RecordMarkerCommand(
                    kind: Wire.MarkerKind(marker.kind), name: marker.name, details: Wire.Payload(marker.details),
                    undo: marker.undo.map { Wire.UndoSpec($0) }, scope: marker.scope,
                    output: marker.output.map { Wire.Payload($0) }))
        case .recordSideEffect(let value):
            self = .sideEffect(Wire.SideEffectCommand(value: Wire.Payload(value)))
        case .recordVersion(let changeID, let version):
            self = .versionMarker(Wire.VersionMarkerCommand(changeID: changeID, version: version))
        case .upsertSearchAttributes(let attributes):
            self = .upsertSearchAttributes(
                Wire.UpsertSearchAttributesCommand(attributes: attributes.map { Wire.NamedPayload($0) }))
        case .compensate(let scope):
            self = .compensate(Wire.CompensateCommand(scope: scope))
        case .complete(let output):
            self = .completeWorkflow(Wire.CompleteWorkflowCommand(output: Wire.Payload(output)))
        case .fail(let error):
            self = .failWorkflow(Wire.FailWorkflowCommand(error: Wire.SagaError(error)))
        case .cancel(let reason):
            self = .cancelWorkflow(Wire.CancelWorkflowCommand(reason: reason))
        case .continueAsNew(let input, let carryUndo, let signals):
            self = .continueAsNew(
                Wire.ContinueAsNewCommand(
                    input: Wire.Payload(input), commitUndo: !carryUndo,
                    signals: signals.map {
                        Wire.CarriedSignal(name: $0.name, payload: Wire.Payload($0.payload), signalID: $0.signalID)
                    }))
        case .scheduleLocalActivity(let activity):
            self = .scheduleLocalActivity(
                Wire.ScheduleLocalActivityCommand(
                    stepID: activity.stepID, activityType: activity.activityType,
                    input: Wire.Payload(activity.input), undo: Wire.UndoSpec(activity.undo), scope: activity.scope))
        case .recordLocalActivity(let record):
            self = .recordLocalActivity(Wire.RecordLocalActivityCommand(record))
        case .startChild(let child):
            self = .startChild(
                Wire.StartChildCommand(
                    workflowID: child.workflowID, workflowType: child.workflowType, taskQueue: child.taskQueue,
                    input: Wire.Payload(child.input),
                    parentClosePolicy: Wire.ParentClosePolicy(child.parentClosePolicy), scope: child.scope,
                    executionTimeoutMicros: child.executionTimeoutMicros))
        case .requestCancelChild(let target):
            self = .requestCancelChild(Wire.RequestCancelChildCommand(targetCommandNumber: target))
        case .signalExternal(let signal):
            self = .signalExternal(
                Wire.SignalExternalCommand(
                    targetNamespace: signal.namespace, targetWorkflowID: signal.workflowID,
                    targetSagaID: signal.sagaID, name: signal.name, payload: Wire.Payload(signal.payload)))
        case .completeUpdate(let eventID, let output):
            self = .completeUpdate(
                Wire.CompleteUpdateCommand(acceptedEventID: eventID, output: Wire.Payload(output)))
        case .rollBackUpdate(let eventID, let error):
            self = .completeUpdate(
                Wire.CompleteUpdateCommand(acceptedEventID: eventID, error: Wire.SagaError(error)))
        }
    }
}

extension WorkflowCommand {
    init(_ wire: Wire.Command.Kind) throws(WireError) {
        switch wire {
        case .scheduleActivity(let step):
            self = .scheduleActivity(try ScheduleActivity(step))
        case .requestCancelActivity(let command):
            self = .requestCancelActivity(command.targetCommandNumber)
        case .startTimer(let timer):
            self = .startTimer(
                timerID: timer.timerID, durationMicros: try duration(timer.durationMicros, "start_timer.duration_us"),
                callback: timer.callback)
        case .cancelTimer(let command):
            self = .cancelTimer(command.targetCommandNumber)
        case .recordMarker(let marker):
            self = .recordMarker(
                MarkerCommand(
                    kind: try MarkerKind(marker.kind, "record_marker.kind"), name: marker.name,
                    details: Payload(orEmpty: marker.details), output: marker.output.map { Payload($0) },
                    undo: try UndoSpec.optional(marker.undo, "record_marker.undo"), scope: marker.scope))
        case .sideEffect(let command):
            self = .recordSideEffect(Payload(orEmpty: command.value))
        case .versionMarker(let command):
            self = .recordVersion(changeID: command.changeID, version: command.version)
        case .upsertSearchAttributes(let command):
            self = .upsertSearchAttributes(command.attributes.map { NamedPayload($0) })
        case .compensate(let command):
            self = .compensate(scope: command.scope)
        case .completeWorkflow(let command):
            self = .complete(Payload(orEmpty: command.output))
        case .failWorkflow(let command):
            self = .fail(SagaError(try required(command.error, "fail_workflow.error")))
        case .cancelWorkflow(let command):
            self = .cancel(reason: command.reason)
        case .continueAsNew(let command):
            self = .continueAsNew(
                input: Payload(orEmpty: command.input), carryUndo: !command.commitUndo,
                signals: command.signals.map {
                    CarriedSignal(name: $0.name, payload: Payload(orEmpty: $0.payload), signalID: $0.signalID)
                })
        case .startChild(let command):
            self = .startChild(
                StartChildCommand(
                    workflowID: command.workflowID, workflowType: command.workflowType, taskQueue: command.taskQueue,
                    input: Payload(orEmpty: command.input),
                    parentClosePolicy: try ParentClosePolicy(
                        command.parentClosePolicy, "start_child.parent_close_policy"), scope: command.scope,
                    executionTimeoutMicros: try duration(
                        command.executionTimeoutMicros, "start_child.execution_timeout_us")))
        case .requestCancelChild(let command): self = .requestCancelChild(command.targetCommandNumber)
        case .signalExternal(let command):
            self = .signalExternal(
                SignalExternalCommand(
                    namespace: command.targetNamespace, workflowID: command.targetWorkflowID,
                    sagaID: command.targetSagaID, name: command.name, payload: Payload(orEmpty: command.payload)))
        case .scheduleLocalActivity(let command):
            self = .scheduleLocalActivity(
                LocalActivityCommand(
                    stepID: command.stepID, activityType: command.activityType, input: Payload(orEmpty: command.input),
                    undo: try UndoSpec(
                        try required(command.undo, "schedule_local_activity.undo"), "schedule_local_activity.undo"),
                    scope: command.scope))
        case .recordLocalActivity(let command):
            self = .recordLocalActivity(try LocalActivityRecord(command))
        case .completeUpdate(let command):
            if let error = command.error {
                self = .rollBackUpdate(acceptedEventID: command.acceptedEventID, error: SagaError(error))
            } else {
                self = .completeUpdate(
                    acceptedEventID: command.acceptedEventID, output: Payload(orEmpty: command.output))
            }
        }
    }
}

extension Wire.RecordLocalActivityCommand {
    init(_ record: LocalActivityRecord) {
        self.init(scheduledEventID: record.scheduledEventID, activityType: record.activityType)
        switch record.end {
        case .running: end = .unspecified
        case .completed(let output):
            end = .completed
            self.output = Wire.Payload(output)
        case .failed(let error, let outcome):
            end = .failed
            self.error = Wire.SagaError(error)
            self.outcome = Wire.StepOutcome(outcome)
        case .timedOut(let outcome):
            end = .timedOut
            self.outcome = Wire.StepOutcome(outcome)
        case .canceled(let outcome):
            end = .canceled
            self.outcome = Wire.StepOutcome(outcome)
        }
    }
}

extension LocalActivityRecord {
    init(_ wire: Wire.RecordLocalActivityCommand) throws(WireError) {
        let end: LocalActivityEnd
        switch wire.end {
        case .completed: end = .completed(Payload(orEmpty: wire.output))
        case .failed:
            end = .failed(
                SagaError(try required(wire.error, "record_local_activity.error")),
                try StepOutcome(wire.outcome, "record_local_activity.outcome"))
        case .timedOut: end = .timedOut(try StepOutcome(wire.outcome, "record_local_activity.outcome"))
        case .canceled: end = .canceled(try StepOutcome(wire.outcome, "record_local_activity.outcome"))
        case .unspecified: throw WireError(field: "record_local_activity.end", reason: .missing)
        case .unrecognized(let value):
            throw WireError(field: "record_local_activity.end", reason: .unknownEnumValue(value))
        }
        self.init(activityType: wire.activityType, scheduledEventID: wire.scheduledEventID, end: end)
    }
}

extension Wire.ScheduleActivityCommand {
    init(_ step: ScheduleActivity) {
        self.init(
            stepID: step.stepID, activityType: step.activityType, taskQueue: step.taskQueue,
            input: Wire.Payload(step.input), retry: Wire.RetryPolicy(step.retry),
            timeouts: Wire.ActivityTimeouts(step.timeouts), undo: step.undo.map { Wire.UndoSpec($0) },
            pivot: step.pivot, priority: step.priority, scope: step.scope, undoGroup: step.undoGroup)
    }
}

extension ScheduleActivity {
    init(_ wire: Wire.ScheduleActivityCommand) throws(WireError) {
        self.init(
            stepID: wire.stepID, activityType: wire.activityType, taskQueue: wire.taskQueue,
            input: Payload(orEmpty: wire.input),
            retry: try RetryPolicy(wire.retry, "schedule_activity.retry", default: .standard),
            timeouts: try ActivityTimeouts(wire.timeouts, "schedule_activity.timeouts"),
            undo: try UndoSpec.optional(wire.undo, "schedule_activity.undo"), priority: wire.priority,
            pivot: wire.pivot, scope: wire.scope, undoGroup: wire.undoGroup)
    }
}
