internal import SagaCore
internal import SagaEngine

/// What clients do to runs beside talking to them, and what workers do beside tasks.
extension Simulation {
    func updateID(_ run: Int, _ number: Int) -> String { "update-\(plans[run].index)-\(number)" }

    /// What is decided when it is first asked for, and stays: a request that is repeated means the same.
    func decide(_ index: Int) {
        guard case .reset(let undo, let part, let isNewest) = operations[index].kind, operations[index].eventID == nil
        else { return }
        if isNewest { operations[index].sagaID = nil }
        let id = plans[operations[index].run].workflowID
        let sagaID = operations[index].sagaID ?? checker.runsOfID[id]?.last
        let count = sagaID.flatMap { checker.histories[$0]?.count } ?? 1
        operations[index].eventID = EventID(max(0, count - 1) * part / 1_000)
        checker.ledger.resetModes[operations[index].requestID] = undo
    }

    /// A run goes on from an earlier event in a new one.
    func wasReset(_ operation: ClientOperation, _ sagaID: SagaID) {
        coverage.hit(.resetDone)
        serve(operation.run, sagaID, "reset")
        if checker.run(sagaID)?.isPaused == true {
            // As it was at that event.
            let resume = ClientOperation(
                run: operation.run, kind: .resume, requestID: operation.requestID + "-resume", sagaID: sagaID)
            add(resume, after: 100_000)
        }
        next(after: operation.place, operation.run, operation.sagaID)
    }

    func isPaused(_ failure: CallFailure) -> Bool {
        failure.sagaID.flatMap { checker.run($0)?.isPaused } ?? false
    }

    func isDeleted(_ operation: ClientOperation) -> Bool {
        let id = operation.workflowID ?? plans[operation.run].workflowID
        return operation.sagaID.map { checker.deleted.contains($0) }
            ?? (checker.runsOfID[id] ?? []).allSatisfy { checker.deleted.contains($0) }
    }

    /// Whether a saga has an open run.
    func goesOn(_ operation: ClientOperation) -> Bool {
        let id = operation.workflowID ?? plans[operation.run].workflowID
        return checker.runsOfID[id]?.last.flatMap { checker.run($0)?.isClosed } == false
    }

    // MARK: Removing runs

    /// The driver removes the newest run of the workflow id, if it is closed, and no open parent may undo it.
    func delete(_ index: Int, _ server: ServerProcess) {
        operations[index].isAnswered = true
        openOperations -= 1
        let operation = operations[index]
        defer { next(after: operation.place, operation.run, operation.sagaID) }
        guard let store = store as? SimulatedStore, server.incarnation == epochOwner,
            let sagaID = checker.runsOfID[plans[operation.run].workflowID]?.last,
            let row = try? store.execution(sagaID), row.closedAt != nil
        else { return }
        coverage.hit(.runDeleted)
        note("run \(sagaID.short) is deleted")
        store.delete(sagaID)
        checker.deleted.insert(sagaID)
        for server in servers { server.shard.deleted(sagaID) }
    }

    // MARK: Local activities

    /// The worker runs them before it answers.
    /// - Returns: False if its process died.
    func runLocally(_ work: [LocalActivityWork], _ task: WorkflowTask, _ index: Int, _ instance: WorkflowInstance)
        -> Bool
    {
        for item in work {
            checker.runsLocally(task.sagaID, item)
            guard let end = end(of: item, task, index) else { return false }
            if case .completed(let output) = end {
                checker.localEnds["\(task.sagaID)/\(item.number)", default: []].insert(output)
            }
            instance.localEnded(item.number, end)
        }
        return true
    }

    private func end(of work: LocalActivityWork, _ task: WorkflowTask, _ index: Int) -> LocalActivityEnd? {
        let behavior = plan(of: task.workflowID).map { plans[$0].behavior(of: work.stepID, isUndo: false) }
        // Each run of it is an attempt of its own; the plan counts them by what happened so far.
        let attempt = UInt32(clamping: checker.ledger.attempts(work.idempotencyKey))
        let failure = behavior?.failure(ofAttempt: attempt)
        let error = SagaError(kind: .activityExecution, message: "broken")
        switch failure {
        case .refusal?:
            coverage.hit(.localFailed)
            return .failed(SagaError(kind: .domain, message: "refused"), .noEffect)
        case .noEffect?: return .failed(SagaError(kind: .activityExecution, message: "nothing done"), .noEffect)
        case .beforeEffect?: return .failed(error, .unknown)
        case .hangsBefore?:
            coverage.hit(.localTimedOut)
            return .timedOut(.unknown)
        case .afterEffect?, .hangsAfter?, nil: break
        }
        if diesNow(index, .workerDiedBeforeEffect) { return nil }
        checker.ledger.perform(work.idempotencyKey)
        note("worker \(index) performs \(work.idempotencyKey) by itself")
        if diesNow(index, .workerDiedInLocalStep) { return nil }
        switch failure {
        case .afterEffect?: return .failed(error, .unknown)
        case .hangsAfter?:
            coverage.hit(.localTimedOut)
            return .timedOut(.unknown)
        default:
            coverage.hit(work.scheduledEventID == nil ? .localCompleted : .localWithUndo)
            return .completed(.json("\(work.number)"))
        }
    }
}

extension ClientOperation.Kind {
    /// Whether it may be refused because of how the run stands.
    var mayNotFit: Bool {
        switch self {
        case .update, .query, .pause, .resume, .reset: true
        default: false
        }
    }

    /// Whether the client does not insist on an answer.
    var isGivenUpAfterAWhile: Bool {
        switch self {
        case .query, .update: true
        default: false
        }
    }

    /// Whether it is delivered once more now and then, when it was answered long ago.
    func mayComeLate(isForAnyRun: Bool) -> Bool {
        switch self {
        case .signal, .cancel: isForAnyRun
        // Always for the open run.
        case .schedule: true
        default: false
        }
    }

    /// Whether it is for whichever run of the workflow id is open.
    var goesToTheOpenRun: Bool {
        switch self {
        case .signal, .cancel, .describe: true
        default: false
        }
    }
}
