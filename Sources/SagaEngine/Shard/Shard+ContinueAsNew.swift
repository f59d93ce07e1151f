internal import SagaCore

extension Shard {
    /// Closes the run and opens the next in one append. What must be undone and what was not taken goes along
    /// (semantics, section 4, "One owner for every entry").
    func continueAsNew(
        _ number: CommandNumber, input: Payload, carryUndo: Bool, signals: [CarriedSignal], _ execution: Execution
    ) {
        let state = execution.state
        let next = Execution(sagaID: newSagaID(in: state.namespace, workflowID: state.workflowID))
        let started = WorkflowExecutionStarted(
            namespace: state.namespace, workflowID: state.workflowID, workflowType: state.workflowType,
            workflowVersion: state.workflowVersion, taskQueue: state.taskQueue, input: input,
            executionTimeoutMicros: state.executionTimeoutMicros, cancelGraceMicros: state.cancelGraceMicros,
            autoCompensate: state.autoCompensate, continueOnUndoError: state.continueOnUndoError,
            identity: "run \(state.sagaID)", continuedFrom: state.sagaID, parentSagaID: state.parent?.sagaID,
            parentInitiatedEventID: state.parent?.eventID,
            carriedUndo: carryUndo && !planted(.carriedUndoLost)
                ? state.undoLog.carried(from: state.sagaID) + unknownSteps(execution) : [],
            memo: state.memo, searchAttributes: state.searchAttributes,
            carriedMessages: planted(.messagesForgottenOnContinue) ? [] : state.messagesToCarry())
        closeNow(
            execution,
            .workflowExecutionContinuedAsNew(
                WorkflowExecutionContinuedAsNew(
                    commandNumber: number, newSagaID: next.sagaID, input: input,
                    undoCarried: !started.carriedUndo.isEmpty)))
        guard execution.state.isClosed else { return }
        executions[next.sagaID] = next
        next.startCondition = .after(execution.sagaID)
        next.predecessor = execution.sagaID
        execution.successor = next
        emit(next, .workflowExecutionStarted(started), queue: state.taskQueue)
        for signal in signals where !planted(.carriedSignalLost) {
            emit(
                next,
                .signalReceived(
                    SignalReceived(
                        name: signal.name, payload: signal.payload, signalID: signal.signalID,
                        identity: "run \(state.sagaID)")))
        }
        if let request = state.cancelRequest {
            emit(
                next,
                .workflowExecutionCancelRequested(
                    WorkflowExecutionCancelRequested(reason: request.reason, identity: "run \(state.sagaID)")))
        }
        openRuns[key(of: next)] = next.sagaID
        armRun(next)
        if let request = next.state.cancelRequest { requestCancel(next, request.reason) }
        activate(next)
    }

    /// Steps that the code did not wait for: they may have had an effect, and nobody will hear of it.
    func unknownSteps(_ execution: Execution) -> [CarriedUndo] {
        execution.state.steps.eventIDs.compactMap { eventID in
            guard let step = execution.state.steps[eventID], var undo = step.scheduled.undo,
                undo.undoFailedStep.undoes(.unknown)
            else { return nil }
            switch execution.tasks[eventID]?.phase {
            case .out?, .maybeOut?, .later?: break
            default: guard execution.tasks[eventID]?.mayHaveRun == true else { return nil }
            }
            if undo.taskQueue.isEmpty { undo.taskQueue = step.taskQueue }
            return CarriedUndo(
                sourceSagaID: execution.sagaID, sourceEventID: eventID, stepID: step.stepID, undo: undo,
                input: step.input, output: nil, outcome: .unknown,
                idempotencyKey: step.idempotencyKey)
        }
    }
}
