internal import SagaCore

/// An update that no validator has judged yet.
struct PendingUpdate {
    var call: CallID
    var update: UpdateCall
    var updateID: String
    /// Whether it is with the worker.
    var isOut = false
}

/// A call that waits for what becomes of an update.
struct UpdateWaiter {
    var call: CallID
    var update: UpdateCall
    var updateID: String
}

/// Updates: validated by the code, then accepted as an event, then carried out by the code (semantics, section 5).
///
/// Nothing is durable before the acceptance: an update that a crash loses is repeated by its caller under the same id.
extension Shard {
    func update(_ id: CallID, _ call: Call, _ update: UpdateCall, _ execution: Execution) {
        var updateID = update.updateID.isEmpty ? update.requestID : update.updateID
        if updateID.isEmpty { updateID = newSagaID(in: execution.state.namespace).description }
        if let known = execution.state.update(updateID), !planted(.updateForgotten) {
            if known.outcome == .open && !update.returnsWhenAccepted {
                execution.updateWaiters.append(UpdateWaiter(call: id, update: update, updateID: updateID))
            } else {
                hold(reply: .updated(UpdateReply(execution.sagaID, known)), to: id, call, execution)
            }
            return
        }
        if let earlier = execution.state.earlierRun(with: .update, updateID), !planted(.updateForgotten) {
            // Its history has the answer.
            var update = update
            update.target = RunTarget(
                namespace: execution.state.namespace, workflowID: execution.state.workflowID, sagaID: earlier)
            update.isRepeat = true
            return loadRun(update.target, .all, .call(id, .update(update)))
        }
        guard execution.state.codeMayAct || execution.state.status == .paused else {
            return fail(
                id, .failedPrecondition,
                "run \(execution.sagaID) is \(execution.state.status.name): its code takes no updates", execution)
        }
        execution.pendingUpdates.append(PendingUpdate(call: id, update: update, updateID: updateID))
        execution.needsActivation = true
        stir(execution)
        activate(execution)
    }

    /// The updates that go with a workflow task.
    func takeUpdates(_ execution: Execution) -> [UpdateRequest] {
        var requests: [UpdateRequest] = []
        for index in execution.pendingUpdates.indices {
            execution.pendingUpdates[index].isOut = true
            let pending = execution.pendingUpdates[index]
            // Two calls with one id are one update.
            if requests.contains(where: { $0.updateID == pending.updateID }) { continue }
            requests.append(
                UpdateRequest(updateID: pending.updateID, name: pending.update.name, input: pending.update.payload))
        }
        return requests
    }

    /// Records what the code says of the updates that it was asked about.
    func judged(_ verdicts: [UpdateVerdict], _ execution: Execution) {
        for verdict in verdicts {
            // Also those of the same id that came while the first was out.
            let asked = execution.pendingUpdates.filter { $0.updateID == verdict.updateID }
            guard let first = asked.first(where: \.isOut)?.update else { continue }
            execution.pendingUpdates.removeAll { $0.updateID == verdict.updateID }
            if let error = verdict.error {
                emit(
                    execution,
                    .workflowUpdateRejected(
                        WorkflowUpdateRejected(updateID: verdict.updateID, name: first.name, error: error)))
            } else {
                emit(
                    execution,
                    .workflowUpdateAccepted(
                        WorkflowUpdateAccepted(
                            updateID: verdict.updateID, name: first.name, input: first.payload,
                            requestID: first.requestID, identity: first.identity)))
            }
            guard let state = execution.state.update(verdict.updateID) else { continue }
            for pending in asked {
                if verdict.error != nil || pending.update.returnsWhenAccepted {
                    hold(
                        reply: .updated(UpdateReply(execution.sagaID, state)), to: pending.call,
                        .update(pending.update), execution)
                } else {
                    execution.updateWaiters.append(
                        UpdateWaiter(call: pending.call, update: pending.update, updateID: pending.updateID))
                }
            }
        }
    }

    /// The code's answer is dealt with: what it said nothing about it will never judge.
    func failUnjudged(_ execution: Execution) {
        guard execution.pendingUpdates.contains(where: \.isOut) else { return }
        for pending in execution.pendingUpdates where pending.isOut {
            fail(
                pending.call, .unavailable, "the code of run \(execution.sagaID) did not judge the update; try again",
                execution)
        }
        execution.pendingUpdates.removeAll(where: \.isOut)
    }

    func updateEnded(_ acceptedEventID: EventID, _ attributes: EventAttributes, _ execution: Execution) {
        guard let updateID = execution.state.openUpdates[acceptedEventID] else {
            return log(.error, "the worker ended update \(acceptedEventID), which is not open", execution)
        }
        emit(execution, attributes)
        guard let state = execution.state.update(updateID) else { return }
        for waiter in execution.updateWaiters where waiter.updateID == updateID {
            hold(
                reply: .updated(UpdateReply(execution.sagaID, state)), to: waiter.call, .update(waiter.update),
                execution)
        }
        execution.updateWaiters.removeAll { $0.updateID == updateID }
    }

    /// The run ends: what is open is aborted (semantics, section 3).
    func abortUpdates(_ execution: Execution) {
        for call in execution.pendingUpdates.map(\.call) + execution.updateWaiters.map(\.call) {
            fail(call, .aborted, "run \(execution.sagaID) ended before the update did", execution)
        }
        execution.pendingUpdates = []
        execution.updateWaiters = []
    }
}

extension Execution {
    /// The update and reset calls that wait, to be made again.
    var updateCalls: [(CallID, Call)] {
        pendingUpdates.map { ($0.call, .update($0.update)) } + updateWaiters.map { ($0.call, .update($0.update)) }
            + resetWaiters
    }
}

extension UpdateReply {
    init(_ sagaID: SagaID, _ state: UpdateState) {
        self.init(sagaID: sagaID, acceptedEventID: state.eventID, outcome: state.outcome)
    }
}
