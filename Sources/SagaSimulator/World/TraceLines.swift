internal import SagaCore
internal import SagaEngine

// Lines for people; made only while tracing.

extension SagaID {
    /// The last digits, enough to tell the runs of one simulation apart.
    var short: String { String(description.suffix(4)) }
}

extension TaskReference {
    var line: String { "\(isUndo ? "undo" : "step") \(sagaID.short)/\(eventID)#\(attempt)" }
}

extension HistoryEvent {
    var line: String {
        switch attributes {
        case .activityTaskScheduled(let value): "\(eventType.name) \(value.stepID)"
        case .activityTaskStarted(let value): "\(eventType.name) \(value.scheduledEventID)#\(value.attempt)"
        case .activityTaskCompleted(let value): "\(eventType.name) \(value.scheduledEventID)#\(value.attempt)"
        case .activityTaskFailed(let value):
            "\(eventType.name) \(value.scheduledEventID)#\(value.attempt) \(value.outcome)"
        case .activityTaskTimedOut(let value):
            "\(eventType.name) \(value.scheduledEventID) \(value.timeout) \(value.outcome)"
        case .activityTaskCanceled(let value): "\(eventType.name) \(value.scheduledEventID) \(value.outcome)"
        case .activityTaskCancelRequested(let value): "\(eventType.name) \(value.scheduledEventID)"
        case .activityTaskRetryScheduled(let value):
            "\(eventType.name) \(value.scheduledEventID)#\(value.attempt) \(value.outcome)"
        case .timerCreated(let value): "\(eventType.name) \(value.timerID)"
        case .timerFired(let value): "\(eventType.name) \(value.createdEventID)"
        case .timerCanceled(let value): "\(eventType.name) \(value.createdEventID)"
        case .compensationStarted(let value): "\(eventType.name) \(value.cause)"
        case .compensationStepStarted(let value): "\(eventType.name) \(value.stepEventID)"
        case .compensationStepCompleted(let value): "\(eventType.name) \(value.stepEventID)"
        case .compensationStepRetryScheduled(let value): "\(eventType.name) \(value.stepEventID)#\(value.attempt)"
        case .compensationStepFailed(let value): "\(eventType.name) \(value.stepEventID)"
        default: eventType.name
        }
    }
}

extension ActivityResult {
    var line: String {
        switch self {
        case .completed: "completed"
        case .failed(let error, let outcome): "failed (\(error.kind.name), \(outcome))"
        case .canceled(let outcome, _): "canceled (\(outcome))"
        case .completesLater: "completes later"
        }
    }
}

extension ShardInput {
    var line: String {
        switch self {
        case .call(let id, let call): "call \(id): \(call.line)"
        case .callAbandoned(let id): "call \(id) abandoned"
        case .workerOpened(let id, let offer): "stream \(id) opened, running \(offer.running.map(\.line))"
        case .workerSlots(let id, _, let add): "stream \(id) slots \(add)"
        case .workerCodeSlots(let id, let queue, let add): "stream \(id) workflow slots \(queue) \(add)"
        case .codeReleased(let id, let sagaID, let generation):
            "stream \(id) keeps no code of \(sagaID.short) after generation \(generation)"
        case .workerDraining(let id): "stream \(id) drains"
        case .workerClosed(let id): "stream \(id) closed"
        case .workflowTaskAnswered(let id, let sagaID, let generation, let answer):
            "stream \(id) code \(sagaID.short) generation \(generation): \(answer.line)"
        case .queryAnswered(let id, let queryID, _): "stream \(id) answers query \(queryID)"
        case .activityEnded(let id, let reference, let result): "stream \(id) \(reference.line) \(result.line)"
        case .stepAdvanced(let id, let reference, let result, let advance):
            "stream \(id) \(reference.line) \(result.line), and its code goes on with \(advance.commands.count) commands"
        case .heartbeat(let id, let reference, _): "stream \(id) heartbeat \(reference.line)"
        case .appended(let id, .success(let outcomes)): "append \(id): \(outcomes)"
        case .appended(let id, .failure(let error)): "append \(id): \(error) unknown \(error.outcomeUnknown)"
        case .historyLoaded(let id, _): "history \(id)"
        case .runLoaded(let id, _): "run \(id)"
        case .snapshotKept(let sagaID, let created): "snapshot of \(sagaID.short) up to \(created.uptoEventID) kept"
        case .imported(let run, _):
            "imported \(run.state.sagaID)"
        case .recovered(let run):
            "recovered \(run.state.sagaID.short) with \(run.state.nextEventID) events, snapshot at \(run.snapshotAt)"
        case .recoveryFinished(let epoch): "recovery finished, epoch \(epoch)"
        case .tick: "tick"
        }
    }
}

extension Call {
    var line: String {
        switch self {
        case .start(let call): "start \(call.workflowID) as \(call.workflowType) \(call.requestID)"
        case .signal(let call): "signal \(call.target.workflowID) \(call.requestID)"
        case .signalWithStart(let call, _): "signal-with-start \(call.workflowID)"
        case .cancel(let call): "cancel \(call.target.workflowID)"
        case .terminate(let call, let compensate): "terminate \(call.target.workflowID) compensate \(compensate)"
        case .result(let target): "result \(target.workflowID)"
        case .describe(let target): "describe \(target.workflowID)"
        case .awaitEvents(let target, _): "events \(target.workflowID)"
        case .operate(let call): "operate \(call.target.workflowID) \(call.verb)"
        case .update(let call): "update \(call.target.workflowID) \(call.name) \(call.updateID)"
        case .undoRun(let call): "undo run \(call.closedRun.short)"
        case .reset(let call): "reset \(call.target.workflowID) to \(call.eventID)"
        case .pause(let call): "pause \(call.target.workflowID)"
        case .resume(let call): "resume \(call.target.workflowID)"
        case .define(let call): "define \(call.definition.name) \(call.requestID)"
        case .definition(_, let name, let version): "definition \(name) \(version)"
        case .definitions(_, let after, _): "definitions after \(after)"
        case .query(let call): "query \(call.target.workflowID) \(call.name)"
        case .reportActivity(let call): "report \(call.reference.line) \(call.result.line)"
        case .heartbeatActivity(let call): "heartbeat \(call.reference.line)"
        case .clock(let call): "clock of \(call.namespace)"
        }
    }
}

extension WorkflowTaskAnswer {
    var line: String {
        switch self {
        case .completed(let seen, let commands, _, _):
            "seen \(seen), \(commands.map { "\($0.number) \($0.command.summary)" })"
        case .needHistory: "needs history"
        case .failed(let cause, let error): "failed \(cause) \(error.message)"
        }
    }
}

extension ShardEffect {
    var line: String {
        switch self {
        case .append(let id, let batch):
            "append \(id): "
                + batch.transactions.flatMap(\.entries).map {
                    "\($0.sagaID.short) \($0.expectedNextEventID)+\($0.events.count)"
                }
                .joined(separator: ", ")
        case .loadHistory(let id, let sagaID, let from, _): "load history \(id) of \(sagaID.short) from \(from)"
        case .loadRun(let id, let target, _): "load run \(id) \(target.workflowID)"
        case .reply(let id, .success(let reply)): "reply \(id): \(reply.line)"
        case .reply(let id, .failure(let failure)): "reply \(id): \(failure.code) \(failure.message)"
        case .worker(let id, let message): "to stream \(id): \(message.line)"
        case .snapshot(let state, _): "snapshot of \(state.sagaID.short) before \(state.nextEventID)"
        case .recover: "recover"
        case .log(let log): "log \(log.message)"
        case .alert(let run): "alert \(run.sagaID.short)\(run.isRepeated ? " again" : "")"
        }
    }
}

extension CallReply {
    var line: String {
        switch self {
        case .started(let sagaID, let alreadyStarted): "started \(sagaID.short) already \(alreadyStarted)"
        case .done(let sagaID): "done \(sagaID.short)"
        case .closed(let closed): "closed \(closed.sagaID.short) \(closed.status.name)"
        case .description: "description"
        case .updated(let update): "updated \(update.sagaID.short) \(update.acceptedEventID)"
        case .queried: "queried"
        case .reported(let verdict): "reported \(verdict)"
        case .alive(let isCurrent, let isCancelRequested): "alive \(isCurrent) \(isCancelRequested)"
        case .events: "events"
        case .defined(let version, let isUnchanged): "defined version \(version) unchanged \(isUnchanged)"
        case .definition: "definition"
        case .definitions: "definitions"
        case .clock(let reading): "clock \(reading.time)"
        }
    }
}

extension WorkerMessage {
    var line: String {
        switch self {
        case .workflowTask(let task):
            "code \(task.sagaID.short) from \(task.firstEventID) +\(task.events.count) generation \(task.generation)"
        case .activityTask(let task): task.reference.line
        case .query(let task): "query \(task.queryID) \(task.run.sagaID.short) from \(task.run.firstEventID)"
        case .cancel(let reference): "cancel \(reference.line)"
        case .acknowledge(let reference, let verdict): "acknowledge \(reference.line): \(verdict)"
        case .evict(let sagaID): "evict \(sagaID.short)"
        }
    }
}
