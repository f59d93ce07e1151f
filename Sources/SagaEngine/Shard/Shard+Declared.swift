internal import SagaCore

/// Runs of definitions: advanced by the shard itself, at the place where others wait for a worker (semantics, section 6). What
/// happened and what the definition makes of it are one append, and no worker is asked.
extension Shard {
    /// Gives a declared run its new events and does what it wants.
    func activateDeclared(_ execution: Execution) {
        guard !execution.isAdvancing else { return }
        execution.isAdvancing = true
        defer { execution.isAdvancing = false }
        while execution.needsActivation, execution.historyLoad == nil, !execution.isCodeRetryArmed,
            execution.state.codeMayAct
        {
            execution.needsActivation = false
            if execution.isDefinition || execution.isClockKeeper { return }
            advance(execution)
        }
    }

    private func advance(_ execution: Execution) {
        guard prepareProgram(execution) else {
            let name = "\(execution.state.workflowType) version \(execution.state.workflowVersion)"
            return codeFailed(
                execution, .codeFailure,
                SagaError(kind: .configuration, message: "definition \(name) is not registered here"))
        }
        refuseUpdates(execution)
        while let program = execution.program {
            let next = program.nextEventID
            guard let events = execution.recentEvents(from: next) else { return loadForProgram(execution, from: next) }
            if let mismatch = feed(events, program) {
                dropCode(execution)
                return codeFailed(execution, .nondeterminism, mismatch)
            }
            execution.codeFailures = 0
            let before = execution.state.nextEventID
            if !program.hasCommands || before == 0 { return }
            perform(program.commands, seen: before - 1, unconsumed: program.unconsumedSignals, execution)
            // Its end waits for something, or it has come.
            if execution.state.nextEventID == before { return }
        }
    }

    /// - Returns: Whether there is a program.
    private func prepareProgram(_ execution: Execution) -> Bool {
        if execution.program != nil { return true }
        let key = DefinitionCatalogue.Key(
            namespace: execution.state.namespace, name: execution.state.workflowType)
        var version = execution.state.workflowVersion
        if planted(.declaredVersionForgotten) { version = definitions.versions(key).last?.definition.version ?? 0 }
        guard let program = definitions.program(key, version: version) else { return false }
        let recovered = execution.recoveredProgram
        execution.recoveredProgram = nil
        // From a snapshot, so that only the events after it are read. One that is not of this definition is left aside.
        if let recovered, recovered.nextEventID <= execution.state.nextEventID,
            let run = DefinitionRun(program, resuming: recovered)
        {
            execution.program = run
        } else {
            execution.program = DefinitionRun(program, workflowID: execution.state.workflowID)
        }
        return true
    }

    private func feed(_ events: ArraySlice<HistoryEvent>, _ program: DefinitionRun) -> SagaError? {
        // Each is looked at where it lies.
        for place in events.indices where events[place].eventID == program.nextEventID {
            if let mismatch = program.take(events[place]) { return mismatch }
        }
        return nil
    }

    // MARK: Runs whose events are not in memory

    private func loadForProgram(_ execution: Execution, from next: EventID) {
        let load = nextLoadID
        nextLoadID += 1
        execution.historyLoad = HistoryLoad(load: load, worker: 0, generation: 0, next: next)
        pendingLoads[load] = .program(execution.sagaID)
        effects.append(.loadHistory(load, execution.sagaID, from: next, limit: config.historyPageEvents))
    }

    func programHistoryLoaded(_ load: LoadID, _ sagaID: SagaID, _ result: Result<[HistoryEvent], StoreError>) {
        guard let execution = executions[sagaID], execution.historyLoad?.load == load else { return }
        execution.historyLoad = nil
        execution.needsActivation = true
        guard execution.state.codeMayAct, let program = execution.program else {
            execution.program = nil
            return activateDeclared(execution)
        }
        guard case .success(let page) = result, page.first?.eventID == program.nextEventID else {
            return armCodeRetry(execution, 100_000)
        }
        if let mismatch = feed(page[...], program) {
            dropCode(execution)
            codeFailed(execution, .nondeterminism, mismatch)
        }
        activateDeclared(execution)
    }

    // MARK: Messages

    private func refuseUpdates(_ execution: Execution) {
        let updates = takeUpdates(execution)
        if updates.isEmpty { return }
        let error = SagaError(
            kind: .validation, message: "a declarative saga takes no updates; send it a signal", isNonRetryable: true)
        judged(updates.map { UpdateVerdict(updateID: $0.updateID, error: error) }, execution)
    }

    /// Answers from what the events say, with no worker.
    func queryDeclared(_ id: CallID, _ call: Call, _ query: QueryCall, _ execution: Execution) {
        guard let program = execution.program, program.nextEventID == execution.state.nextEventID else {
            let target = RunTarget(
                namespace: query.target.namespace, workflowID: execution.state.workflowID, sagaID: execution.sagaID)
            return loadRun(target, .all, .declaredQuery(id, query))
        }
        switch answer(query, program) {
        case .success(let output):
            hold(reply: .queried(output, upTo: program.nextEventID - 1), to: id, call, execution)
        case .failure(let failure): answer(id, .failure(failure))
        }
    }

    func declaredQueryLoaded(_ id: CallID, _ query: QueryCall, _ result: Result<LoadedRun?, StoreError>) {
        guard case .success(let run?) = result,
            case .workflowExecutionStarted(let started)? = run.events.first?.attributes
        else { return answer(id, .failure(CallFailure(.unavailable, "the history cannot be read; try again"))) }
        let key = DefinitionCatalogue.Key(namespace: started.namespace, name: started.workflowType)
        guard let definition = definitions.program(key, version: started.workflowVersion) else {
            return fail(id, .failedPrecondition, "definition \(started.workflowType) is not registered here")
        }
        let program = DefinitionRun(definition, workflowID: started.workflowID)
        for event in run.events {
            if let mismatch = program.take(event) { return fail(id, .failedPrecondition, mismatch.message) }
        }
        switch answer(query, program) {
        case .success(let output):
            answer(id, .success(.queried(output, upTo: program.nextEventID == 0 ? 0 : program.nextEventID - 1)))
        case .failure(let failure): answer(id, .failure(failure))
        }
    }

    private func answer(_ query: QueryCall, _ program: DefinitionRun) -> Result<Payload, CallFailure> {
        if query.name == "state" { return .success(program.summary) }
        return .failure(
            CallFailure(
                .invalidArgument, "a declarative saga answers the query state; there is no query \(query.name)"))
    }
}
