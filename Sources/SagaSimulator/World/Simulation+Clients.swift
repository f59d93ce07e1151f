internal import SagaCore
internal import SagaEngine

/// Something that a client wants, however often it has to ask.
struct ClientOperation {
    enum Kind: Hashable {
        case start
        case startAgain
        case signal(Int)
        case cancel
        case terminate(compensate: Bool)
        case describe
        case result
        case operate(OperatorVerb)
    }

    var run: Int
    var kind: Kind
    var requestID: String
    /// The run that it is about, once known.
    var sagaID: SagaID?
    var tries = 0
    /// Whether an earlier try may have happened.
    var mayHaveHappened = false
    var isAnswered = false
    /// How many of the plan's operations come before it; the next one follows its answer.
    var place: Int?
}

/// Clients and the operator: each asks until it is answered, with the same request id.
extension Simulation {
    static let namespace = "default"

    func start(_ plan: RunPlan, _ run: Int) {
        add(ClientOperation(run: run, kind: .start, requestID: "start-\(plan.index)"), after: 0)
    }

    private func add(_ operation: ClientOperation, after delay: Int64) {
        operations.append(operation)
        openOperations += 1
        put(.sendOperation(operations.count - 1), after: delay)
    }

    func send(_ index: Int) {
        guard !operations[index].isAnswered else { return }
        guard shard != nil else { return put(.sendOperation(index), after: 300_000) }
        operations[index].tries += 1
        if operations[index].tries > 1 { coverage.hit(.requestRepeated) }
        let call = nextCall
        nextCall += 1
        calls[call] = index
        let run = operations[index].run
        clientClocks[run] = max(clientClocks[run], now + networkDelay())
        put(.toServer(incarnation, .call(call, makeCall(operations[index]))), at: clientClocks[run])
        if isFaulty, clientChance.happens(options.faults.clientCut) {
            coverage.hit(.clientCut)
            calls[call] = nil
            operations[index].mayHaveHappened = true
            put(.toServer(incarnation, .callAbandoned(call)), at: clientClocks[run] + networkDelay())
            put(.sendOperation(index), after: clientChance.draw(1_000...1_000_000))
        } else if isFaulty, clientChance.happens(options.faults.clientCut / 4) {
            // Sent twice at once: two calls, one request.
            let second = nextCall
            nextCall += 1
            put(.toServer(incarnation, .call(second, makeCall(operations[index]))), at: clientClocks[run])
            coverage.hit(.signalDuplicate)
        }
    }

    /// The server is gone, and every call with it.
    func loseCalls() {
        for call in calls.keys.sorted() {
            guard let index = calls.removeValue(forKey: call) else { continue }
            operations[index].mayHaveHappened = true
            put(.sendOperation(index), after: clientChance.draw(1_000...1_000_000))
        }
    }

    private func makeCall(_ operation: ClientOperation) -> Call {
        let plan = plans[operation.run]
        let target = RunTarget(namespace: Self.namespace, workflowID: plan.workflowID, sagaID: operation.sagaID)
        let control = ControlCall(target: target, reason: "asked", requestID: operation.requestID, identity: "client")
        switch operation.kind {
        case .start, .startAgain:
            return .start(
                StartCall(
                    namespace: Self.namespace, workflowID: plan.workflowID, workflowType: plan.workflowType,
                    input: .json("[\(plan.input.map(String.init).joined(separator: ","))]"),
                    requestID: operation.requestID, identity: "client", reusePolicy: plan.reusePolicy,
                    executionTimeoutMicros: plan.executionTimeoutMicros, autoCompensate: plan.autoCompensate,
                    continueOnUndoError: plan.continueOnUndoError))
        case .signal(let number):
            return .signal(
                SignalCall(
                    target: target, name: SimulatedWorkflows.signalName, payload: .json("\(number)"),
                    requestID: operation.requestID, identity: "client"))
        case .cancel: return .cancel(control)
        case .terminate(let compensate): return .terminate(control, compensate: compensate)
        case .describe: return .describe(target)
        case .result: return .result(target)
        case .operate(let verb):
            return .operate(
                OperatorCall(
                    target: target, verb: verb, input: verb == .retryWithInput ? .json("\"edited\"") : nil,
                    reason: "decided", requestID: operation.requestID, identity: "operator"))
        }
    }

    // MARK: Answers

    /// What an answer promises must hold when it is given.
    func judge(_ call: CallID, _ result: Result<CallReply, CallFailure>) {
        guard let index = calls[call] else { return }
        let operation = operations[index]
        switch result {
        case .success(.started(let sagaID, let alreadyStarted)):
            checker.answered(
                start: plans[operation.run].workflowID, requestID: operation.requestID, sagaID,
                alreadyStarted: alreadyStarted)
        case .success(.done(let sagaID)):
            if case .terminate(true) = operation.kind {
                let run = checker.run(sagaID)
                if run?.isClosed != true, run?.isEndingBadly != true {
                    checker.report(
                        Violation("durable", "the termination of \(sagaID) is acknowledged but not durable"))
                }
            } else {
                checker.answered(request: operation.requestID, sagaID, "\(operation.kind)")
            }
        case .success(.closed(let closed)): checker.answered(result: closed)
        case .success(.description), .success(.events), .success(.queried), .success(.updated): break
        case .failure(let failure): judge(failure, operation)
        }
    }

    private func judge(_ failure: CallFailure, _ operation: ClientOperation) {
        let about = "\(operation.kind) \(operation.requestID) is answered \(failure.code): \(failure.message)"
        switch failure.code {
        case .unavailable, .resourceExhausted, .aborted: break
        case .failedPrecondition:
            if case .operate = operation.kind { return }
            guard let sagaID = failure.sagaID, checker.run(sagaID)?.isClosed == true else {
                return checker.report(Violation("durable", "\(about); that run is not closed"))
            }
            if !operation.mayHaveHappened, checker.run(sagaID)?.requests.contains(operation.requestID) == true {
                checker.report(Violation("request", "\(about), but it was recorded"))
            }
        case .alreadyExists:
            if operation.kind != .startAgain { checker.report(Violation("start", about)) }
        case .notFound, .invalidArgument, .internalError:
            if case .operate = operation.kind, failure.code == .notFound { return }
            checker.report(Violation("answer", about))
        }
    }

    func answered(_ call: CallID, _ result: Result<CallReply, CallFailure>) {
        guard let index = calls.removeValue(forKey: call), !operations[index].isAnswered else { return }
        if case .failure(let failure) = result {
            if failure.code == .unavailable || failure.code == .resourceExhausted {
                if failure.code == .resourceExhausted { coverage.hit(.callRefusedByLoad) }
                if failure.outcomeUnknown { operations[index].mayHaveHappened = true }
                return put(.sendOperation(index), after: clientChance.draw(50_000...500_000))
            }
        }
        operations[index].isAnswered = true
        openOperations -= 1
        let operation = operations[index]
        count(operation, result)
        follow(operation, result)
    }

    /// What the client does next.
    private func follow(_ operation: ClientOperation, _ result: Result<CallReply, CallFailure>) {
        let plan = plans[operation.run]
        switch (operation.kind, result) {
        case (.start, .success(.started(let sagaID, _))):
            add(ClientOperation(run: operation.run, kind: .result, requestID: "result", sagaID: sagaID), after: 0)
            next(after: -1, operation.run, sagaID)
        case (.startAgain, .success(.started(let sagaID, let alreadyStarted))):
            if !alreadyStarted {
                // A second run: it gets its signals and its result, like the first.
                add(ClientOperation(run: operation.run, kind: .result, requestID: "result", sagaID: sagaID), after: 0)
                var delay: Int64 = 0
                for (number, planned) in plan.operations.enumerated() {
                    guard case .signal(let value) = planned.operation else { continue }
                    delay += 100_000
                    add(
                        ClientOperation(
                            run: operation.run, kind: .signal(value), requestID: "second-\(plan.index)-\(number)",
                            sagaID: sagaID), after: delay)
                }
            }
            next(after: operation.place, operation.run, operation.sagaID)
        case (.operate, _):
            guard let sagaID = operation.sagaID else { return }
            operatorBusy.remove(sagaID)
            if checker.run(sagaID)?.block != nil { blocked(sagaID) }
        default: next(after: operation.place, operation.run, operation.sagaID)
        }
    }

    private func next(after place: Int?, _ run: Int, _ sagaID: SagaID?) {
        guard let place, place + 1 < plans[run].operations.count else { return }
        let planned = plans[run].operations[place + 1]
        let kind: ClientOperation.Kind =
            switch planned.operation {
            case .signal(let number): .signal(number)
            case .cancel: .cancel
            case .terminate(let compensate): .terminate(compensate: compensate)
            case .startAgain: .startAgain
            case .describe: .describe
            }
        add(
            ClientOperation(
                run: run, kind: kind, requestID: "request-\(plans[run].index)-\(place + 1)", sagaID: sagaID,
                place: place + 1), after: planned.after)
    }

    // MARK: The operator

    /// A run waits for a person, who will come.
    func blocked(_ sagaID: SagaID) {
        guard operatorBusy.insert(sagaID).inserted else { return }
        put(.operate(sagaID), after: clientChance.draw(10_000...2_000_000))
    }

    func operate(_ sagaID: SagaID) {
        let verb = OperatorVerb.allCases[clientChance.pick(0...(OperatorVerb.allCases.count - 1))]
        let number = operatorActions[sagaID, default: 0]
        operatorActions[sagaID] = number + 1
        guard let id = checker.run(sagaID)?.started?.workflowID, let run = planOfID[id] else { return }
        add(
            ClientOperation(
                run: run, kind: .operate(verb), requestID: "operate-\(run)-\(number)", sagaID: sagaID), after: 0)
    }
}
