internal import SagaCore

/// Why one run calls another.
enum InternalPurpose {
    /// To give it a signal.
    case externalSignal
    /// To start a child, to hear of its end, to end it, to undo it.
    case childStart
    case childResult
    case childEnd
    case childUndo
}

/// Runs that call other runs: by the same calls that people make, answered inside the shard.
///
/// What is asked for is an event of the sender, and so is its outcome; in between nothing is durable but the sender's event.
/// After a recovery the sender asks once more, and the receiver, which knows what it was sent by (sender, event), does it
/// once (semantics, section 4, "One owner for every entry").
extension Shard {
    /// Ids from here on are the shard's own.
    static var firstInternalCall: CallID { 1 << 63 }

    /// Answers a caller, whoever it is.
    func answer(_ id: CallID, _ result: Result<CallReply, CallFailure>) {
        if id >= Self.firstInternalCall {
            internalAnswers.append((id, result))
        } else {
            effects.append(.reply(id, result))
        }
    }

    /// Calls another run on behalf of an event of this one.
    func callInternally(_ call: Call, _ purpose: InternalPurpose, _ eventID: EventID, of execution: Execution) {
        internalRequests.append((registerInternally(call, purpose, eventID, of: execution), call))
    }

    /// Whose call it is, when its answer comes.
    func registerInternally(
        _ call: Call, _ purpose: InternalPurpose, _ eventID: EventID, of execution: Execution
    ) -> CallID {
        let id = Self.firstInternalCall + nextInternalCall
        nextInternalCall += 1
        var isWait = false
        if case .result = call { isWait = true }
        internalCalls[id] = InternalCall(
            sagaID: execution.sagaID, eventID: eventID, purpose: purpose, isWait: isWait,
            child: purpose == .childEnd ? call.target.sagaID : nil)
        return id
    }

    /// Makes the calls that runs have for each other, and gives them the answers, until there are none.
    func exchangeInternally() {
        while !internalRequests.isEmpty || !internalAnswers.isEmpty {
            let requests = internalRequests
            internalRequests = []
            for (id, call) in requests { handleCall(id, call) }
            let answers = internalAnswers
            internalAnswers = []
            for (id, result) in answers {
                guard let origin = internalCalls.removeValue(forKey: id) else { continue }
                guard let execution = executions[origin.sagaID], !execution.state.isClosed else {
                    answered(result, for: origin)
                    continue
                }
                take(result, for: origin, execution)
            }
        }
    }

    /// After a recovery everything is asked for anew.
    func forgetInternalCalls() {
        internalCalls = [:]
        internalRequests = []
        internalAnswers = []
        waitingCalls.removeAll { $0.0 >= Self.firstInternalCall }
    }

    /// The run that asked has closed meanwhile: a child that it has started, or could not reach, must not be left alone.
    private func answered(_ result: Result<CallReply, CallFailure>, for origin: InternalCall) {
        switch (origin.purpose, result) {
        case (.childStart, .success(.started(let child, alreadyStarted: false))): lookForParent(of: child)
        case (.childEnd, .failure(let failure)) where failure.isTransient:
            if let child = origin.child { lookForParent(of: child, after: 1_000_000) }
        default: break
        }
    }

    private func take(_ result: Result<CallReply, CallFailure>, for origin: InternalCall, _ execution: Execution) {
        if case .failure(let failure) = result, failure.isTransient {
            // Asked on behalf of a parent that has closed.
            if origin.child == execution.sagaID { return lookForParent(of: execution.sagaID, after: 1_000_000) }
            let at = time.monotonic.addingSaturating(max(1_000_000, failure.retryAfterMicros))
            stir(execution)
            monotonicDeadlines.push(
                Deadline(
                    at: at, kind: origin.purpose == .childResult ? .watch : .redeliver, sagaID: execution.sagaID,
                    eventID: origin.eventID))
            return
        }
        switch origin.purpose {
        case .externalSignal: externalSignalAnswered(result, origin.eventID, execution)
        case .childStart: childStartAnswered(result, origin.eventID, execution)
        case .childResult: childClosed(result, origin.eventID, execution)
        // The child's end comes by its result.
        case .childEnd: break
        case .childUndo: undoRunAnswered(result, origin.eventID, execution)
        }
    }

    /// Sends to other runs what an event of this one asks for. Its cause is durable.
    func deliver(_ execution: Execution, _ eventID: EventID) {
        if let request = execution.state.externalSignals[eventID] {
            sendExternalSignal(request, eventID, execution)
        }
        if let child = execution.state.children[eventID] { deliver(toChildAt: eventID, child, execution) }
        if let entry = execution.state.undoLog.entry(eventID), let child = entry.child,
            execution.undoTasks[eventID]?.phase == .queued
        {
            undoChild(child, entry, execution)
        }
    }

    /// After a recovery: what may not have arrived is sent again.
    func deliverAll(_ execution: Execution) {
        for eventID in execution.state.externalSignals.eventIDs { deliver(execution, eventID) }
        for eventID in execution.state.children.eventIDs {
            guard let child = execution.state.children[eventID] else { continue }
            if let sagaID = child.sagaID { watchChild(at: eventID, sagaID, execution) }
            deliver(toChildAt: eventID, child, execution)
        }
    }
}

/// A call of one run to another.
struct InternalCall {
    var sagaID: SagaID
    var eventID: EventID
    var purpose: InternalPurpose
    /// Whether it only waits for the end of another run.
    var isWait = false
    /// The child that is to end.
    var child: SagaID?
}

extension CallFailure {
    /// Whether the same call may succeed later.
    var isTransient: Bool { code == .unavailable || code == .resourceExhausted }

    /// As the one error structure, for histories.
    var sagaError: SagaError {
        let kind: ErrorKind = code == .alreadyExists ? .concurrency : .validation
        return SagaError(kind: kind, message: message, isNonRetryable: true)
    }
}

// MARK: - Signals to other sagas

extension Shard {
    func signalExternal(_ number: CommandNumber, _ signal: SignalExternalCommand, _ execution: Execution) {
        let namespace = signal.namespace.isEmpty ? execution.state.namespace : signal.namespace
        let eventID = emit(
            execution,
            .externalSignalRequested(
                ExternalSignalRequested(
                    commandNumber: number, targetNamespace: namespace, targetWorkflowID: signal.workflowID,
                    targetSagaID: signal.sagaID, name: signal.name, payload: signal.payload)))
        hold(.deliver(eventID), execution)
    }

    private func sendExternalSignal(_ request: ExternalSignalRequested, _ eventID: EventID, _ execution: Execution) {
        guard request.targetNamespace == execution.state.namespace else {
            let error = SagaError(
                kind: .validation, message: "a saga can signal only sagas of its own namespace", isNonRetryable: true)
            emit(
                execution,
                .externalSignalFailed(ExternalSignalFailed(requestedEventID: eventID, error: error)))
            return activate(execution)
        }
        let target = RunTarget(
            namespace: request.targetNamespace, workflowID: request.targetWorkflowID, sagaID: request.targetSagaID)
        let signal = SignalCall(
            target: target, name: request.name, payload: request.payload,
            signalID: planted(.externalSignalUnnamed)
                ? "" : "\(execution.state.origin(of: eventID))/\(eventID)",
            identity: "saga \(execution.state.workflowID)")
        callInternally(.signal(signal), .externalSignal, eventID, of: execution)
    }

    private func externalSignalAnswered(
        _ result: Result<CallReply, CallFailure>, _ eventID: EventID, _ execution: Execution
    ) {
        guard execution.state.externalSignals[eventID] != nil else { return }
        switch result {
        case .success:
            emit(execution, .externalSignalDelivered(ExternalSignalDelivered(requestedEventID: eventID)))
        case .failure(let failure):
            emit(
                execution,
                .externalSignalFailed(ExternalSignalFailed(requestedEventID: eventID, error: failure.sagaError)))
        }
        activate(execution)
    }
}
