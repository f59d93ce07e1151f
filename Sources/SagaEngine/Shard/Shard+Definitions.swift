internal import SagaCore

/// Definitions: registered, read and listed (semantics, section 7).
extension Shard {
    /// Namespaces of definitions begin so; no caller can name one.
    static let definitionNamespace = "saga.definitions/"

    static func definitionTarget(_ namespace: String, _ name: String) -> RunTarget {
        RunTarget(namespace: definitionNamespace + namespace, workflowID: name)
    }

    func definitionKey(of execution: Execution) -> DefinitionCatalogue.Key? {
        guard execution.isDefinition, execution.state.namespace.hasPrefix(Self.definitionNamespace) else { return nil }
        return DefinitionCatalogue.Key(
            namespace: String(execution.state.namespace.dropFirst(Self.definitionNamespace.count)),
            name: execution.state.workflowID)
    }

    /// Versions that are durable: only those count, for a run must never have begun with one that a crash takes away.
    private func durableVersions(_ key: DefinitionCatalogue.Key) -> ArraySlice<DefinitionCatalogue.Version> {
        guard let entry = definitions.entries[key], let execution = executions[entry.sagaID] else { return [] }
        return entry.versions.prefix { $0.eventID < execution.durableNext }
    }

    /// The version that a start gets: the one asked for, or the newest; nil if the type is no definition.
    func definition(for start: StartCall) -> SagaDefinition? {
        if definitions.count == 0 { return nil }
        let key = DefinitionCatalogue.Key(namespace: start.namespace, name: start.workflowType)
        let versions = durableVersions(key)
        if start.workflowVersion == 0 { return versions.last?.definition }
        return versions.last { $0.definition.version == start.workflowVersion }?.definition
    }

    /// What is wrong with a start in view of the definitions; nil if nothing is.
    func definitionProblem(_ start: StartCall) -> (code: CallFailure.Code, message: String)? {
        if start.namespace.hasPrefix(Self.definitionNamespace) {
            return (.invalidArgument, "namespace \(start.namespace) is the engine's own")
        }
        let key = DefinitionCatalogue.Key(namespace: start.namespace, name: start.workflowType)
        let versions = definitions.count == 0 ? [] : durableVersions(key)
        if start.workflowVersion != 0, let newest = versions.last?.definition.version,
            !versions.contains(where: { $0.definition.version == start.workflowVersion })
        {
            return (
                .notFound,
                "definition \(start.workflowType) has no version \(start.workflowVersion); the newest is \(newest)"
            )
        }
        if versions.isEmpty, start.taskQueue == EngineQueue.name {
            return (
                .invalidArgument,
                "there is no definition \(start.workflowType); queue \(EngineQueue.name) runs those only"
            )
        }
        return nil
    }

    // MARK: Recovery

    /// Reads the versions of a definition that was taken over. Nothing else happens before they are there.
    func loadDefinition(_ execution: Execution, from next: EventID) {
        let load = nextLoadID
        nextLoadID += 1
        definitionLoads.insert(execution.sagaID)
        pendingLoads[load] = .definition(execution.sagaID)
        effects.append(.loadHistory(load, execution.sagaID, from: next, limit: config.historyPageEvents))
    }

    func definitionLoaded(_ sagaID: SagaID, _ result: Result<[HistoryEvent], StoreError>) {
        guard let execution = executions[sagaID], let key = definitionKey(of: execution),
            case .success(let page) = result, let last = page.last
        else {
            // All is read anew, as after a crash: without its definitions the shard could not go on.
            areDefinitionsLost = true
            definitionLoads.remove(sagaID)
            return definitionLoadEnded()
        }
        for event in page { definitions.take(event, key) }
        if last.eventID + 1 < execution.state.nextEventID { return loadDefinition(execution, from: last.eventID + 1) }
        definitionLoads.remove(sagaID)
        definitionLoadEnded()
    }

    // MARK: Calls

    func define(_ id: CallID, _ call: Call, _ request: DefinitionCall) {
        var definition = request.definition
        let size = StoredDefinition(
            definition: definition, requestID: request.requestID, identity: request.identity
        ).encoded.count
        guard size <= DefinitionCatalogue.maximumBytes else {
            return fail(
                id, .invalidArgument,
                "the definition takes \(size) bytes; \(DefinitionCatalogue.maximumBytes) are allowed")
        }
        let program: SagaProgram
        do throws(InvalidDefinition) {
            program = try SagaProgram(definition)
        } catch {
            let more = error.problems.count > 1 ? " (and \(error.problems.count - 1) more problems)" : ""
            let first = error.problems.first.map { "\($0)" } ?? "it cannot run"
            return fail(id, .invalidArgument, "definition \(definition.name): \(first)\(more)")
        }
        let key = DefinitionCatalogue.Key(namespace: request.namespace, name: definition.name)
        let target = call.target
        if let problem = Name.problem(with: target.namespace, what: "namespace") {
            return fail(id, .invalidArgument, problem)
        }
        let versions = definitions.versions(key)
        let run = openRuns[WorkflowKey(namespace: target.namespace, workflowID: target.workflowID)]
            .flatMap { executions[$0] }
        if let known = versions.first(where: { !request.requestID.isEmpty && $0.requestID == request.requestID }) {
            guard known.definition.means(definition) else {
                return fail(
                    id, .alreadyExists, "request id \(request.requestID) was used for another definition \(key.name)")
            }
            return answer(id, call, known.definition.version, isUnchanged: false, run)
        }
        if definition.version == 0, let newest = versions.last, newest.definition.means(definition) {
            return answer(id, call, newest.definition.version, isUnchanged: true, run)
        }
        let newest = versions.last?.definition.version ?? 0
        if definition.version == 0 { definition.version = newest &+ 1 }
        if definition.version <= newest {
            let known = versions.first { $0.definition.version == definition.version }
            guard let known, known.definition.means(definition) else {
                return fail(
                    id, .alreadyExists,
                    "definition \(key.name) has version \(newest) already; a registered version never changes: give none, or"
                        + " a higher one")
            }
            return answer(id, call, definition.version, isUnchanged: true, run)
        }
        guard versions.count < DefinitionCatalogue.maximumVersions else {
            return fail(
                id, .resourceExhausted,
                "definition \(key.name) has \(versions.count) versions, which is the most; use another name")
        }
        let stored = StoredDefinition(
            definition: definition, requestID: request.requestID, identity: request.identity
        ).encoded
        let execution = run ?? beginDefinition(target, request)
        let event = DomainEvent(
            typeName: DefinitionCatalogue.runType, typeVersion: SagaDefinition.formatVersion,
            payload: Payload(encoding: "postcard", data: stored))
        emit(execution, .domainEvent(event))
        if let event = execution.recent.last { definitions.take(event, key, program.numbered(definition.version)) }
        answer(id, call, definition.version, isUnchanged: false, execution)
    }

    private func beginDefinition(_ target: RunTarget, _ request: DefinitionCall) -> Execution {
        let execution = Execution(sagaID: newSagaID(in: target.namespace))
        execution.startCondition = .unused
        executions[execution.sagaID] = execution
        let started = WorkflowExecutionStarted(
            namespace: target.namespace, workflowID: target.workflowID, workflowType: DefinitionCatalogue.runType,
            workflowVersion: SagaDefinition.formatVersion, taskQueue: EngineQueue.name, input: .empty,
            executionTimeoutMicros: 0, cancelGraceMicros: config.cancelGraceMicros, identity: request.identity)
        emit(execution, .workflowExecutionStarted(started), queue: EngineQueue.name)
        openRuns[key(of: execution)] = execution.sagaID
        return execution
    }

    private func answer(
        _ id: CallID, _ call: Call, _ version: UInt32, isUnchanged: Bool, _ execution: Execution?
    ) {
        let reply = CallReply.defined(version: version, unchanged: isUnchanged)
        guard let execution else { return answer(id, .success(reply)) }
        hold(reply: reply, to: id, call, execution)
    }

    func readDefinition(_ id: CallID, _ namespace: String, _ name: String, _ version: UInt32) {
        let versions = durableVersions(DefinitionCatalogue.Key(namespace: namespace, name: name))
        let found = version == 0 ? versions.last : versions.last { $0.definition.version == version }
        guard let found else {
            let what =
                version == 0 || versions.isEmpty
                ? "no definition \(name)" : "no version \(version) of definition \(name)"
            return fail(id, .notFound, "there is \(what)")
        }
        answer(id, .success(.definition(found.definition, registeredAt: found.registeredAt)))
    }

    func listDefinitions(_ id: CallID, _ namespace: String, after: String, limit: Int) {
        let keys = definitions.entries.keys.filter { $0.namespace == namespace && $0.name > after }.sorted()
        var listed: [DefinitionSummary] = []
        for key in keys {
            guard let newest = durableVersions(key).last else { continue }
            if listed.count >= max(1, limit) {
                return answer(id, .success(.definitions(listed, hasMore: true)))
            }
            listed.append(
                DefinitionSummary(
                    name: key.name, version: newest.definition.version, registeredAt: newest.registeredAt,
                    stepCount: newest.definition.steps.count))
        }
        answer(id, .success(.definitions(listed, hasMore: false)))
    }
}

extension Execution {
    /// Whether the engine itself runs it, from a definition.
    var isDeclared: Bool { state.taskQueue == EngineQueue.name }

    /// Whether it holds the versions of a definition, and runs nothing.
    var isDefinition: Bool { isDeclared && state.workflowType == DefinitionCatalogue.runType }
}
