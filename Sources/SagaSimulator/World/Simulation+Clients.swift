internal import SagaCore
internal import SagaEngine

/// Something that a client wants, however often it has to ask.
struct ClientOperation {
    enum Kind: Hashable {
        case start
        /// A start that brings a signal along.
        case signalWithStart(Int, again: Bool)
        case startAgain
        case signal(Int)
        case cancel
        case terminate(compensate: Bool)
        case describe
        case result
        /// Register a version of the definition.
        case define(Int)
        case operate(OperatorVerb)
        /// The end of what went on outside of a worker.
        case report(TaskReference, RunPlan.OutsideEnd)
        /// A sign of life from there; by its number.
        case sign(TaskReference, Int)
        case schedule(ScheduleOperation)
        /// By its number, which names it, too.
        case update(Int)
        case query
        case pause(Int64)
        case resume
        case reset(ResetCall.Undo, Int, isNewest: Bool)
        case delete

        /// Whether it may be refused because the workflow id was used before.
        var isStartAgain: Bool {
            if case .signalWithStart(_, again: true) = self { return true }
            return self == .startAgain
        }
    }

    var run: Int
    var kind: Kind
    var requestID: String
    /// Where it is not that of the plan: of a scheduled run.
    var workflowID: String?
    /// The run that it is about, once known.
    var sagaID: SagaID?
    var tries = 0
    /// Whether an earlier try may have happened.
    var mayHaveHappened = false
    var isAnswered = false
    /// How many of the plan's operations come before it; the next one follows its answer.
    var place: Int?
    /// Sent without waiting for the answers to those before it on the same connection.
    var isPipelined = false
    /// Whether the operator asked.
    var isOperator = false
    /// Whether it was answered before, and comes once more.
    var isLateRepeat = false
    /// The event to which a run is to be reset, once that is decided.
    var eventID: EventID?
    /// The server of the last try.
    var sentTo: UInt32 = .max
}

/// A call that has no answer yet.
struct PendingCall {
    var operation: Int
    var incarnation: UInt32
}

/// Clients and the operator: each asks until it is answered, with the same request id.
extension Simulation {
    static let namespace = "default"

    func start(_ plan: RunPlan, _ run: Int) {
        if !plan.declared.isEmpty {
            return add(ClientOperation(run: run, kind: .define(1), requestID: "define-\(plan.index)-1"), after: 0)
        }
        startRun(plan, run)
    }

    private func startRun(_ plan: RunPlan, _ run: Int) {
        let kind = plan.startsWithSignal ? ClientOperation.Kind.signalWithStart(99, again: false) : .start
        add(ClientOperation(run: run, kind: kind, requestID: "start-\(plan.index)"), after: 0)
    }

    func add(_ operation: ClientOperation, after delay: Int64) {
        operations.append(operation)
        openOperations += 1
        put(.sendOperation(operations.count - 1), after: delay)
    }

    func send(_ index: Int) {
        guard !operations[index].isAnswered else { return }
        let run = operations[index].run
        // A client keeps its connection while the server lives; a new one goes to any that answers.
        if server(clientHomes[run]) == nil,
            let any = servers.isEmpty ? nil : servers[clientChance.pick(0...(servers.count - 1))]
        {
            clientHomes[run] = any.incarnation
        }
        guard let server = server(clientHomes[run]) else { return put(.sendOperation(index), after: 300_000) }
        if case .delete = operations[index].kind { return delete(index, server) }
        decide(index)
        operations[index].tries += 1
        operations[index].sentTo = server.incarnation
        if operations[index].tries > 1 { coverage.hit(.requestRepeated) }
        let call = nextCall
        nextCall += 1
        calls[call] = PendingCall(operation: index, incarnation: server.incarnation)
        clientClocks[run] = max(clientClocks[run], now + networkDelay())
        put(.toServer(server.incarnation, .call(call, makeCall(operations[index]))), at: clientClocks[run])
        if isFaulty, clientChance.happens(options.faults.clientCut) {
            coverage.hit(.clientCut)
            calls[call] = nil
            operations[index].mayHaveHappened = true
            put(.toServer(server.incarnation, .callAbandoned(call)), at: clientClocks[run] + networkDelay())
            put(.sendOperation(index), after: clientChance.draw(1_000...1_000_000))
        } else if isFaulty, clientChance.happens(options.faults.clientCut / 4) {
            // Sent twice at once: two calls, one request.
            let second = nextCall
            nextCall += 1
            put(.toServer(server.incarnation, .call(second, makeCall(operations[index]))), at: clientClocks[run])
            coverage.hit(.signalDuplicate)
        }
    }

    /// A server is gone, and every call with it.
    func loseCalls(of incarnation: UInt32) {
        for call in calls.keys.sorted() where calls[call]?.incarnation == incarnation {
            guard let index = calls.removeValue(forKey: call)?.operation else { continue }
            operations[index].mayHaveHappened = true
            put(.sendOperation(index), after: clientChance.draw(1_000...1_000_000))
        }
        loseFirings(of: incarnation)
    }

    private func makeCall(_ operation: ClientOperation) -> Call {
        let plan = plans[operation.run]
        let target = RunTarget(
            namespace: Self.namespace, workflowID: operation.workflowID ?? plan.workflowID, sagaID: operation.sagaID)
        let control = ControlCall(target: target, reason: "asked", requestID: operation.requestID, identity: "client")
        switch operation.kind {
        case .start, .startAgain: return .start(makeStart(plan, operation.requestID))
        case .define(let version):
            return .define(
                DefinitionCall(
                    namespace: Self.namespace,
                    definition: plan.declared[version - 1].definition(plan.workflowType),
                    requestID: operation.requestID, identity: "client"))
        case .signalWithStart(let number, _):
            return .signalWithStart(
                makeStart(plan, operation.requestID),
                SignalCall(
                    target: target, name: SimulatedWorkflows.signalName, payload: .json("\(number)"),
                    requestID: operation.requestID, identity: "client"))
        case .signal(let number):
            return .signal(
                SignalCall(
                    target: target, name: SimulatedWorkflows.signalName, payload: .json("\(number)"),
                    requestID: operation.requestID, identity: "client"))
        case .cancel: return .cancel(control)
        case .terminate(let compensate): return .terminate(control, compensate: compensate)
        case .describe: return .describe(target)
        case .result: return .result(target)
        case .schedule(let kind):
            // The open run: a schedule goes on in new ones.
            let open = RunTarget(namespace: Self.namespace, workflowID: plan.workflowID)
            return .update(
                UpdateCall(
                    target: open, name: kind.name, payload: kind.payload(operation.requestID),
                    requestID: operation.requestID, identity: "client"))
        case .report(let reference, let end):
            return .reportActivity(
                ActivityReportCall(
                    namespace: Self.namespace, reference: reference, result: end.result(reference)))
        case .sign(let reference, let index):
            return .heartbeatActivity(
                ActivityHeartbeatCall(
                    namespace: Self.namespace, reference: reference,
                    details: .json("\(Int(reference.attempt) * 1_000 + 500 + outside[index].signs)")))
        case .update(let number):
            return .update(
                UpdateCall(
                    target: target, name: "add", payload: .json("\(number)"),
                    updateID: updateID(operation.run, number), returnsWhenAccepted: number % 5 == 1,
                    requestID: operation.requestID, identity: "client"))
        case .query: return .query(QueryCall(target: target, name: "done"))
        case .pause: return .pause(control)
        case .resume: return .resume(control)
        case .reset(let undo, _, _):
            return .reset(
                ResetCall(
                    target: target, eventID: operation.eventID ?? 0, undo: undo, reason: "asked",
                    requestID: operation.requestID, identity: "client"))
        // Not a call: the driver does it, and the world is the driver.
        case .delete: return .describe(target)
        case .operate(let verb):
            return .operate(
                OperatorCall(
                    target: target, verb: verb, input: verb == .retryWithInput ? .json("\"edited\"") : nil,
                    reason: "decided", requestID: operation.requestID, identity: "operator"))
        }
    }

    private func makeStart(_ plan: RunPlan, _ requestID: String) -> StartCall {
        StartCall(
            namespace: Self.namespace, workflowID: plan.workflowID, workflowType: plan.workflowType,
            input: plan.payload, requestID: requestID,
            identity: "client", reusePolicy: plan.reusePolicy, executionTimeoutMicros: plan.executionTimeoutMicros,
            autoCompensate: plan.autoCompensate, continueOnUndoError: plan.continueOnUndoError)
    }

    // MARK: Answers

    /// What an answer promises must hold when it is given.
    func judge(_ call: CallID, _ result: Result<CallReply, CallFailure>) {
        guard let index = calls[call]?.operation else { return }
        let operation = operations[index]
        switch result {
        case .success(.started(let sagaID, _)) where operation.eventID != nil:
            checker.answered(reset: operation.requestID, sagaID)
        case .success(.started(let sagaID, let alreadyStarted)):
            checker.answered(
                start: plans[operation.run].workflowID, requestID: operation.requestID, sagaID,
                alreadyStarted: alreadyStarted)
            if case .signalWithStart = operation.kind {
                checker.answered(signal: operation.requestID, sagaID)
            }
        case .success(.done(let sagaID)):
            if case .terminate(true) = operation.kind {
                let run = checker.run(sagaID)
                if run?.isClosed != true, run?.isEndingBadly != true {
                    checker.report(
                        Violation("durable", "the termination of \(sagaID) is acknowledged but not durable"))
                }
            } else if case .signalWithStart = operation.kind {
                checker.answered(signal: operation.requestID, sagaID)
            } else if case .signal = operation.kind {
                checker.answered(signal: operation.requestID, sagaID)
            } else if case .pause = operation.kind {
                checker.answered(pause: operation.requestID, sagaID, isPaused: true)
            } else if case .resume = operation.kind {
                checker.answered(pause: operation.requestID, sagaID, isPaused: false)
            } else {
                checker.answered(request: operation.requestID, sagaID, "\(operation.kind)")
            }
        case .success(.closed(let closed)): checker.answered(result: closed)
        case .success(.defined(let version, _)):
            checker.answered(define: plans[operation.run].workflowType, version: version)
        case .success(.reported(let verdict)):
            guard case .report(let reference, let end) = operation.kind else { return }
            checker.acknowledged(reference, verdict, isSuccess: end == .success)
        case .success(.updated(let reply)):
            if case .update(let number) = operation.kind {
                checker.answered(update: updateID(operation.run, number), reply)
            }
        case .success(.queried(let output, let upTo)):
            if let sagaID = operation.sagaID { checker.answered(query: output, upTo: upTo, sagaID) }
        case .success(.description), .success(.events), .success(.alive),
            .success(.definition), .success(.definitions), .success(.clock):
            break
        case .failure(let failure): judge(failure, operation)
        }
    }

    /// Whether a call was refused by a run that is open: its code is blocked, and a person will see to it.
    private func isOpen(_ failure: CallFailure) -> Bool {
        guard failure.code == .failedPrecondition, let sagaID = failure.sagaID else { return false }
        return checker.run(sagaID)?.isClosed == false
    }

    private func judge(_ failure: CallFailure, _ operation: ClientOperation) {
        var about: String { "\(operation.kind) \(operation.requestID) is answered \(failure.code): \(failure.message)" }
        switch failure.code {
        case .unavailable, .resourceExhausted, .aborted: break
        case .failedPrecondition:
            if case .operate = operation.kind { return }
            if case .schedule = operation.kind, isOpen(failure) { return }
            if operation.kind.mayNotFit, failure.sagaID != nil { return }
            guard let sagaID = failure.sagaID, checker.run(sagaID)?.isClosed == true else {
                return checker.report(Violation("durable", "\(about); that run is not closed"))
            }
            if !operation.mayHaveHappened, checker.run(sagaID)?.requests.contains(operation.requestID) == true {
                checker.report(Violation("request", "\(about), but it was recorded"))
            }
        case .alreadyExists:
            if !operation.kind.isStartAgain { checker.report(Violation("start", about)) }
        case .notFound, .invalidArgument, .internalError:
            if case .operate = operation.kind, failure.code == .notFound { return }
            if failure.code == .notFound, isDeleted(operation) { return }
            // A server that was replaced and does not know it may not have the event.
            if operation.eventID != nil, failure.code == .invalidArgument { return }
            checker.report(Violation("answer", about))
        }
    }

    func answered(_ call: CallID, _ result: Result<CallReply, CallFailure>) {
        if let firing = firingCalls.removeValue(forKey: call) { return move(firing.index, result) }
        guard let index = calls.removeValue(forKey: call)?.operation, !operations[index].isAnswered else { return }
        if case .failure(let failure) = result {
            var isWorthARepeat = failure.code == .unavailable || failure.code == .resourceExhausted
            // The schedule went on in a new run, and did not deal with it.
            if case .schedule = operations[index].kind {
                isWorthARepeat =
                    isWorthARepeat || isOpen(failure) || (failure.code == .aborted && goesOn(operations[index]))
            }
            if operations[index].kind.isGivenUpAfterAWhile, operations[index].tries > 20 { isWorthARepeat = false }
            if case .resume = operations[index].kind, isOpen(failure), isPaused(failure) { isWorthARepeat = true }
            if isWorthARepeat {
                if failure.code == .resourceExhausted { coverage.hit(.callRefusedByLoad) }
                if failure.outcomeUnknown { operations[index].mayHaveHappened = true }
                return put(.sendOperation(index), after: clientChance.draw(50_000...500_000))
            }
        }
        operations[index].isAnswered = true
        openOperations -= 1
        let operation = operations[index]
        count(operation, result)
        repeatLate(operation)
        if !operation.isLateRepeat { follow(operation, result) }
    }

    /// A request is delivered once more, long after its answer: the saga may have gone on in another run by then.
    private func repeatLate(_ operation: ClientOperation) {
        guard options.isComposed, isFaulty, !operation.isLateRepeat,
            operation.kind.mayComeLate(isForAnyRun: operation.sagaID == nil), clientChance.happens(300_000)
        else { return }
        coverage.hit(.requestRepeatedLate)
        var again = operation
        (again.isLateRepeat, again.mayHaveHappened) = (true, true)
        (again.isAnswered, again.isPipelined, again.place) = (false, false, nil)
        add(again, after: clientChance.draw(1_000...1_500_000))
    }

    /// What the client does next.
    private func follow(_ operation: ClientOperation, _ result: Result<CallReply, CallFailure>) {
        let plan = plans[operation.run]
        switch (operation.kind, result) {
        case (.define(1), .success): startRun(plan, operation.run)
        case (.start, .success(.started(let sagaID, _))),
            (.signalWithStart(_, again: false), .success(.started(let sagaID, _))),
            (.signalWithStart(_, again: false), .success(.done(let sagaID))):
            add(ClientOperation(run: operation.run, kind: .result, requestID: "result", sagaID: sagaID), after: 0)
            if plan.isPipelined { pipeline(operation.run, sagaID) } else { next(after: -1, operation.run, sagaID) }
        case (.startAgain, .success(.started(let sagaID, _))),
            (.signalWithStart(_, again: true), .success(.started(let sagaID, _))),
            (.signalWithStart(_, again: true), .success(.done(let sagaID))):
            if checker.run(sagaID)?.started?.requestID == operation.requestID {
                serve(operation.run, sagaID, "second")
            }
            next(after: operation.place, operation.run, operation.sagaID)
        case (.sign(_, let index), .success(.alive(let isCurrent, let isCancelRequested))):
            outsideAnswered(index, isCurrent: isCurrent, isCancelRequested: isCancelRequested)
        case (.report, _), (.sign, _): break
        case (.reset, .success(.started(let sagaID, _))): wasReset(operation, sagaID)
        case (.pause(let length), .success):
            var resume = operation
            resume.kind = .resume
            resume.requestID += "-resume"
            (resume.tries, resume.mayHaveHappened, resume.isAnswered) = (0, false, false)
            add(resume, after: length)
        case (.schedule(let kind), .success(.updated)):
            coverage.hit(kind == .trigger ? .scheduleTriggered : (kind == .delete ? .scheduleDeleted : .schedulePaused))
            next(after: operation.place, operation.run, operation.sagaID)
        case _ where operation.isOperator:
            guard let sagaID = operation.sagaID else { return }
            operatorBusy.remove(sagaID)
            if let run = checker.run(sagaID), run.block != nil, !run.isClosed { blocked(sagaID) }
        default: next(after: operation.place, operation.run, operation.sagaID)
        }
    }

    /// A second run: it gets its signals and its result, like the first.
    func serve(_ run: Int, _ sagaID: SagaID, _ name: String) {
        let plan = plans[run]
        add(ClientOperation(run: run, kind: .result, requestID: "result", sagaID: sagaID), after: 0)
        var delay: Int64 = 0
        for (number, planned) in plan.operations.enumerated() {
            guard case .signal(let value) = planned.operation else { continue }
            delay += 100_000
            add(
                ClientOperation(
                    run: run, kind: .signal(value), requestID: "\(name)-\(plan.index)-\(number)", sagaID: sagaID),
                after: delay)
        }
    }

    func next(after place: Int?, _ run: Int, _ sagaID: SagaID?) {
        guard let place, place + 1 < plans[run].operations.count else { return }
        let planned = plans[run].operations[place + 1]
        add(operation(planned.operation, place: place + 1, run, sagaID), after: planned.after)
    }

    /// Everything at once, one behind the other on one connection.
    private func pipeline(_ run: Int, _ sagaID: SagaID) {
        coverage.hit(.requestsPipelined)
        for (place, planned) in plans[run].operations.enumerated() {
            var operation = operation(planned.operation, place: place, run, sagaID)
            operation.isPipelined = true
            operation.place = nil
            add(operation, after: 0)
        }
    }

    private func operation(
        _ planned: RunPlan.Operation, place: Int, _ run: Int, _ sagaID: SagaID?
    ) -> ClientOperation {
        let kind: ClientOperation.Kind =
            switch planned {
            case .signal(let number): .signal(number)
            case .cancel: .cancel
            case .terminate(let compensate): .terminate(compensate: compensate)
            case .startAgain: plans[run].startsAgainWithSignal ? .signalWithStart(98, again: true) : .startAgain
            case .describe: .describe
            case .define: .define(plans[run].declared.count)
            case .schedule(let operation): .schedule(operation)
            case .update(let number), .updateAgain(let number): .update(number)
            case .query: .query
            case .pause(let length): .pause(length)
            case .reset(let undo, let part, let isNewest): .reset(undo, part, isNewest: isNewest)
            case .delete: .delete
            }
        // Of a saga that goes on in new runs, whichever is open is meant.
        let isAny = plans[run].workflowType == Continues.typeID && kind.goesToTheOpenRun
        return ClientOperation(
            run: run, kind: kind, requestID: "request-\(plans[run].index)-\(place)", sagaID: isAny ? nil : sagaID,
            place: place)
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
        guard let model = checker.run(sagaID), let id = model.started?.workflowID, let run = plan(of: id) else {
            return
        }
        var kind = ClientOperation.Kind.operate(verb)
        if model.block != nil, model.block != .undoFailed {
            // Code that cannot run: only retry helps, or a cancel, which unwinds without the code.
            if clientChance.happens(300_000) { kind = .cancel } else if verb != .skip { kind = .operate(.retry) }
        }
        var operation = ClientOperation(
            run: run, kind: kind, requestID: "operate-\(sagaID.low)-\(number)", sagaID: sagaID)
        operation.isOperator = true
        operation.workflowID = id
        add(operation, after: 0)
    }

    /// Signals of one connection stand in the order in which they were sent, if nobody had to repeat one.
    func judgeOrder() {
        var newest: [Int: (place: Int, server: UInt32)] = [:]
        for operation in operations where operation.isPipelined && operation.isAnswered && operation.tries == 1 {
            guard case .signal = operation.kind, let sagaID = operation.sagaID, !operation.mayHaveHappened,
                let place = checker.run(sagaID)?.signals.firstIndex(where: { $0.id == operation.requestID })
            else { continue }
            if let before = newest[operation.run], before.server == operation.sentTo {
                coverage.hit(.signalOrderJudged)
                if before.place > place {
                    checker.report(
                        Violation("signal", "\(operation.requestID) of \(sagaID) overtook one that was sent before it"))
                }
            }
            newest[operation.run] = (place, operation.sentTo)
        }
    }
}
