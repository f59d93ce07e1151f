package import SagaCore

// Tasks and reports of the Work stream between the core and the wire. A task token is the server's own business: it is
// made and checked there and only carried here.

// MARK: - Workflow tasks

extension Wire.WorkflowTask {
    /// The task as it goes to a worker.
    /// - Parameters:
    ///   - token: Names the task in the answer.
    ///   - isSticky: Whether the worker is believed to hold the run's code.
    package init(_ task: WorkflowTask, token: [UInt8], isSticky: Bool = false) {
        self.init(
            taskToken: token, sagaID: task.sagaID, workflowID: task.workflowID, workflowType: task.workflowType,
            workflowVersion: task.workflowVersion, firstEventID: task.firstEventID,
            events: task.events.map { Wire.HistoryEvent($0) }, more: task.more, sticky: isSticky,
            namespace: task.namespace, taskQueue: task.taskQueue,
            updates: task.updates.map {
                Wire.UpdateTask(updateID: $0.updateID, name: $0.name, input: Wire.Payload($0.input))
            }, mayAdvance: task.mayGoAhead, firstSagaID: task.firstRun)
    }
}

extension WorkflowTask {
    /// The task that came from a server. The generation stays inside the token, so it is 0 here.
    package init(_ wire: Wire.WorkflowTask) throws(WireError) {
        self.init(
            sagaID: try required(wire.sagaID, "saga_id"), generation: 0, namespace: wire.namespace,
            workflowID: wire.workflowID, workflowType: wire.workflowType, workflowVersion: wire.workflowVersion,
            taskQueue: wire.taskQueue, firstEventID: wire.firstEventID,
            events: try HistoryEvent.list(wire.events, "events"), more: wire.more,
            updates: wire.updates.map {
                UpdateRequest(updateID: $0.updateID, name: $0.name, input: Payload(orEmpty: $0.input))
            })
        mayGoAhead = wire.mayAdvance
        firstRun = wire.firstSagaID
    }
}

extension Wire.WorkerItem.Item {
    /// The answer to a workflow task as it goes to the server.
    package init(_ answer: WorkflowTaskAnswer, token: [UInt8], isSticky: Bool = true, workflowVersion: UInt32 = 0) {
        switch answer {
        case .completed(let seenEventID, let commands, let unconsumedSignals, let verdicts):
            self = .workflowTaskCompleted(
                Wire.WorkflowTaskCompleted(
                    taskToken: token, seenEventID: seenEventID, commands: commands.map { Wire.Command($0) },
                    sticky: isSticky, workflowVersion: workflowVersion, unconsumedSignals: unconsumedSignals,
                    updateVerdicts: verdicts.map {
                        Wire.UpdateVerdict(updateID: $0.updateID, error: $0.error.map { Wire.SagaError($0) })
                    }))
        case .needHistory(let from):
            self = .needHistory(Wire.NeedHistory(taskToken: token, fromEventID: from))
        case .failed(let cause, let error):
            self = .workflowTaskFailed(
                Wire.WorkflowTaskFailed(taskToken: token, cause: Wire.BlockCause(cause), error: Wire.SagaError(error)))
        }
    }
}

extension WorkflowTaskAnswer {
    /// The answer that came from a worker.
    package init(_ wire: Wire.WorkflowTaskCompleted) throws(WireError) {
        self = .completed(
            seenEventID: wire.seenEventID, commands: try NumberedCommand.list(wire.commands, "commands"),
            unconsumedSignals: wire.unconsumedSignals,
            verdicts: wire.updateVerdicts.map {
                UpdateVerdict(updateID: $0.updateID, error: $0.error.map { SagaError($0) })
            })
    }

    /// The worker asks for events.
    package init(_ wire: Wire.NeedHistory) {
        self = .needHistory(from: wire.fromEventID)
    }

    /// The worker could not advance the code.
    package init(_ wire: Wire.WorkflowTaskFailed) throws(WireError) {
        self = .failed(try BlockCause(wire.cause, "cause"), SagaError(try required(wire.error, "error")))
    }
}

// MARK: - Queries

extension Wire.QueryTask {
    /// The question as it goes to a worker.
    package init(_ task: QueryTask, token: [UInt8]) {
        self.init(
            taskToken: token, run: Wire.WorkflowTask(task.run, token: []), name: task.name,
            input: Wire.Payload(task.input), live: task.isLive)
    }
}

extension QueryTask {
    /// The question that came from a server.
    /// - Parameter queryID: The worker's own name for it.
    package init(_ wire: Wire.QueryTask, queryID: UInt64) throws(WireError) {
        do throws(WireError) {
            self.init(
                queryID: queryID, run: try WorkflowTask(try required(wire.run, "")), isLive: wire.live,
                name: wire.name, input: Payload(orEmpty: wire.input))
        } catch {
            throw error.within("run")
        }
    }
}

extension Wire.QueryAnswered {
    /// The answer as it goes to the server.
    package init(_ answer: QueryAnswer, token: [UInt8]) {
        switch answer {
        case .answered(let output, let upTo):
            self.init(taskToken: token, output: Wire.Payload(output), uptoEventID: upTo)
        case .failed(let error): self.init(taskToken: token, error: Wire.SagaError(error))
        case .needHistory: self.init(taskToken: token, needHistory: true)
        }
    }
}

extension QueryAnswer {
    /// The answer that came from a worker.
    package init(_ wire: Wire.QueryAnswered) {
        if wire.needHistory {
            self = .needHistory
        } else if let error = wire.error {
            self = .failed(SagaError(error))
        } else {
            self = .answered(Payload(orEmpty: wire.output), upTo: wire.uptoEventID)
        }
    }
}

// MARK: - Activity tasks

extension Wire.ActivityTask {
    /// The attempt as it goes to a worker.
    /// - Parameters:
    ///   - token: Names the attempt in reports.
    ///   - deadline: When the attempt times out, if it does.
    package init(_ task: ActivityTask, token: [UInt8], deadline: Timestamp? = nil) {
        self.init(
            taskToken: token, sagaID: task.reference.sagaID, workflowID: task.workflowID,
            activityType: task.activityType, input: Wire.Payload(task.input), attempt: task.reference.attempt,
            idempotencyKey: task.idempotencyKey, isUndo: task.reference.isUndo,
            undo: task.undo.map { Wire.UndoInput($0) },
            heartbeatDetails: task.heartbeatDetails.map { Wire.Payload($0) },
            timeouts: Wire.ActivityTimeouts(task.timeouts), namespace: task.namespace, taskQueue: task.taskQueue,
            traceparent: task.traceID ?? "", scheduledEventID: task.reference.eventID, stepID: task.stepID,
            workflowType: task.workflowType,
            scheduledMicros: task.scheduledAt?.microseconds ?? 0, deadlineMicros: deadline?.microseconds ?? 0,
            // Undos count their attempts from 1; 0 is the probe before them.
            isProbe: task.reference.isUndo && task.reference.attempt == 0)
    }
}

extension ActivityTask {
    /// The attempt that came from a server.
    package init(_ wire: Wire.ActivityTask) throws(WireError) {
        let undo: UndoTaskInput?
        if let wireUndo = wire.undo {
            undo = try UndoTaskInput(wireUndo)
        } else if wire.isUndo {
            throw WireError(field: "undo", reason: .missing)
        } else {
            undo = nil
        }
        self.init(
            reference: TaskReference(
                sagaID: try required(wire.sagaID, "saga_id"), eventID: wire.scheduledEventID, attempt: wire.attempt,
                isUndo: wire.isUndo),
            namespace: wire.namespace, workflowID: wire.workflowID, workflowType: wire.workflowType,
            stepID: wire.stepID, activityType: wire.activityType, taskQueue: wire.taskQueue,
            input: Payload(orEmpty: wire.input), idempotencyKey: wire.idempotencyKey,
            timeouts: try ActivityTimeouts(wire.timeouts, "timeouts"), undo: undo,
            heartbeatDetails: wire.heartbeatDetails.map { Payload($0) }, taskToken: wire.taskToken,
            scheduledAt: wire.scheduledMicros == 0 ? nil : Timestamp(microseconds: wire.scheduledMicros),
            traceID: wire.traceparent.isEmpty ? nil : wire.traceparent)
    }
}

extension Wire.UndoInput {
    init(_ undo: UndoTaskInput) {
        self.init(
            output: undo.output.map { Wire.Payload($0) }, data: undo.data.map { Wire.Payload($0) },
            outcome: Wire.StepOutcome(undo.outcome), stepKey: undo.stepKey)
    }
}

extension UndoTaskInput {
    init(_ wire: Wire.UndoInput) throws(WireError) {
        self.init(
            output: wire.output.map { Payload($0) }, data: wire.data.map { Payload($0) },
            outcome: try StepOutcome(wire.outcome, "undo.outcome"), stepKey: wire.stepKey)
    }
}

// MARK: - Reports of activities

extension Wire.WorkerItem.Item {
    /// The end of an attempt as it goes to the server.
    /// - Parameter advance: What the run's code has made of a success.
    package init(_ result: ActivityResult, token: [UInt8], advance: StepAdvance? = nil) {
        switch result {
        case .completed(let output, let undoData):
            self = .activityCompleted(
                Wire.ActivityCompleted(
                    taskToken: token, output: Wire.Payload(output), undoData: undoData.map { Wire.Payload($0) },
                    advance: advance.map { Wire.StepAdvance($0) }))
        case .failed(let error, let outcome):
            self = .activityFailed(
                Wire.ActivityFailed(taskToken: token, error: Wire.SagaError(error), effect: Wire.Effect(outcome)))
        case .canceled(let outcome, let details):
            self = .activityCanceled(
                Wire.ActivityCanceled(
                    taskToken: token, details: details.map { Wire.Payload($0) }, effect: Wire.Effect(outcome)))
        case .completesLater: self = .activityCompletesLater(Wire.ActivityCompletesLater(taskToken: token))
        }
    }
}

extension Wire.StepAdvance {
    init(_ advance: StepAdvance) {
        self.init(
            command: advance.command, commands: advance.commands.map { Wire.Command($0) },
            unconsumedSignals: advance.unconsumedSignals)
    }
}

extension StepAdvance {
    /// What the code of a worker has made of its step.
    package init(_ wire: Wire.StepAdvance) throws(WireError) {
        self.init(
            command: wire.command, commands: try NumberedCommand.list(wire.commands, "advance.commands"),
            unconsumedSignals: wire.unconsumedSignals)
    }
}

extension ActivityResult {
    /// The success that a worker reports.
    package init(_ wire: Wire.ActivityCompleted) {
        self = .completed(output: Payload(orEmpty: wire.output), undoData: wire.undoData.map { Payload($0) })
    }

    /// The failure that a worker reports. Where it does not say whether there was an effect, the error's category does:
    /// none for validation and domain, else unknown (semantics, section 4, "Outcome").
    package init(_ wire: Wire.ActivityFailed) throws(WireError) {
        let error = SagaError(try required(wire.error, "error"))
        let outcome: StepOutcome
        switch wire.effect {
        case .none: outcome = .noEffect
        case .unknown, .unrecognized: outcome = .unknown
        case .unspecified:
            outcome = error.kind == .validation || error.kind == .domain ? .noEffect : .unknown
        }
        self = .failed(error, outcome: outcome)
    }

    /// The cancellation that a worker reports. Where it does not say whether there was an effect, it is unknown.
    package init(_ wire: Wire.ActivityCanceled) {
        self = .canceled(
            outcome: wire.effect == .none ? .noEffect : .unknown, details: wire.details.map { Payload($0) })
    }
}

extension Wire.Effect {
    init(_ outcome: StepOutcome) { self = outcome == .noEffect ? .none : .unknown }
}
