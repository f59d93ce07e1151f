internal import SagaCore

/// What a person decides about a blocked run; each decision is an event (semantics, section 4).
extension Shard {
    func operate(_ id: CallID, _ call: Call, _ action: OperatorCall, _ execution: Execution) {
        if let known = execution.state.run(withRequest: action.requestID) {
            return hold(reply: .done(known), to: id, call, execution)
        }
        guard let block = execution.state.block else {
            return fail(id, .failedPrecondition, "run \(execution.sagaID) is not blocked", execution)
        }
        switch block.cause {
        case .nondeterminism, .codeFailure:
            guard action.verb == .retry else {
                return fail(
                    id, .failedPrecondition,
                    "the code of run \(execution.sagaID) is blocked: only retry helps here,"
                        + " or cancel, which unwinds without the code", execution)
            }
            record(action, execution)
            emit(
                execution,
                .workflowExecutionUnblocked(
                    WorkflowExecutionUnblocked(cause: block.cause, identity: action.identity)))
            execution.codeFailures = 0
            // What was unwound for the code, or put back by a late report, waited with it.
            advanceUnwinding(execution)
            undoSettled(execution)
            activate(execution)
        case .undoFailed:
            let named = action.stepEventID
            guard
                let entry = execution.state.undoLog.last(where: { step, status in
                    status == .blocked && (named == nil || named == step)
                })
            else {
                return fail(id, .notFound, "run \(execution.sagaID) has no such blocked undo", execution)
            }
            record(action, execution)
            emit(
                execution,
                .workflowExecutionUnblocked(
                    WorkflowExecutionUnblocked(cause: block.cause, identity: action.identity)))
            decide(action, entry, execution)
            undoSettled(execution)
            activate(execution)
        }
        hold(reply: .done(execution.sagaID), to: id, call, execution)
    }

    private func record(_ action: OperatorCall, _ execution: Execution) {
        emit(
            execution,
            .compensationOperatorAction(
                CompensationOperatorAction(
                    verb: action.verb, stepEventID: action.stepEventID, reason: action.reason,
                    identity: action.identity, requestID: action.requestID, input: action.input)))
    }

    private func decide(_ action: OperatorCall, _ entry: UndoEntry, _ execution: Execution) {
        let eventID = entry.stepEventID
        switch action.verb {
        case .retry, .retryWithInput:
            // Edited input is another effect, so it gets another key.
            let key =
                action.verb == .retry
                ? entry.idempotencyKey : "\(entry.stepKey)/undo/\(execution.state.nextEventID)"
            emit(
                execution,
                .compensationStepStarted(
                    CompensationStepStarted(
                        stepEventID: eventID, activityType: entry.undo.activityType, taskQueue: entry.taskQueue,
                        outcome: entry.outcome, idempotencyKey: key,
                        editedInput: action.verb == .retryWithInput ? action.input : nil)), queue: entry.taskQueue)
            execution.undoTasks[eventID] = LiveTask(phase: .waitingForCommit)
            holdUndo(eventID, execution)
        case .skip:
            emit(
                execution,
                .compensationStepSkipped(
                    CompensationStepSkipped(stepEventID: eventID, reason: action.reason, identity: action.identity)))
            advanceUnwinding(execution)
        case .resolve:
            emit(
                execution,
                .compensationResolved(
                    CompensationResolved(stepEventID: eventID, note: action.reason, identity: action.identity)))
            advanceUnwinding(execution)
        case .giveUp:
            // What is given up is what is being unwound: an inner scope, or what a late report put back, leaves the undos of
            // the run itself alone.
            let log = execution.state.undoLog
            let scope = execution.state.unwinding?.scope
            let given = log.open.filter { open in scope.map { log.contains($0, open.scope) } ?? log.isOwed(open) }
            for open in given.reversed() {
                emit(
                    execution,
                    .compensationStepSkipped(
                        CompensationStepSkipped(
                            stepEventID: open.stepEventID, reason: "given up: \(action.reason)",
                            identity: action.identity)))
            }
            advanceUnwinding(execution)
        }
    }
}
