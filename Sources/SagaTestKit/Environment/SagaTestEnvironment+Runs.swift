public import SagaCore
public import SagaEngine
internal import SagaMemory

extension SagaTestEnvironment {
    /// Starts a saga, and lets everything happen that needs no time.
    /// - Parameters:
    ///   - workflow: Its code.
    ///   - input: What it receives.
    ///   - id: Its workflow id. Default: the type, with a number.
    ///   - options: Time-out, reuse of the id, and the like.
    /// - Throws: `CallFailure` if the engine refuses it.
    public func start<W: DurableWorkflow>(
        _ workflow: W.Type, _ input: W.Input, id: String? = nil, options: StartOptions = .init()
    ) async throws -> SagaTestRun<W> {
        try await start(W.typeID, payload: try converter.encode(input), id: id, options: options)
    }

    /// Starts a saga and waits for what it returns.
    /// - Throws: `SagaFailure` if it ends otherwise.
    public func run<W: DurableWorkflow>(
        _ workflow: W.Type, _ input: W.Input, id: String? = nil, options: StartOptions = .init()
    ) async throws -> W.Output {
        try await start(workflow, input, id: id, options: options).result()
    }

    /// Registers a declarative saga.
    /// - Throws: `InvalidDefinition` with everything that is wrong with it.
    public func register(_ definition: SagaDefinition) async throws {
        let problems = definition.problems
        guard problems.isEmpty else { throw InvalidDefinition(problems: problems) }
        let call = DefinitionCall(namespace: VirtualEngine.namespace, definition: definition, identity: "test")
        _ = try await self.call(.define(call), waitingFor: "the registration of \(definition.name)")
        try await engine.settle()
    }

    /// Starts a run of a declarative saga.
    public func startDefinition<Input: Codable & Sendable, Output: Codable & Sendable>(
        _ name: String, _ input: Input, as output: Output.Type = Output.self, id: String? = nil,
        options: StartOptions = .init()
    ) async throws -> SagaTestRun<DeclaredWorkflow<Input, Output>> {
        try await start(name, payload: try converter.encode(input), id: id, options: options)
    }

    /// A saga by its workflow id: a child, say, or one that another saga started.
    public func saga<W: DurableWorkflow>(_ workflow: W.Type, id: String, sagaID: SagaID? = nil) -> SagaTestRun<W> {
        SagaTestRun(environment: self, workflowID: id, sagaID: sagaID)
    }

    private func start<W: DurableWorkflow>(
        _ type: String, payload: Payload, id: String?, options: StartOptions
    ) async throws -> SagaTestRun<W> {
        let requestID = options.requestID.isEmpty ? request() : options.requestID
        let workflowID = id ?? "\(type)-\(requestID.split(separator: "-").last ?? "1")"
        let start = StartCall(
            namespace: VirtualEngine.namespace, workflowID: workflowID, workflowType: type,
            workflowVersion: options.workflowVersion, taskQueue: options.taskQueue ?? "", input: payload,
            requestID: requestID, identity: "test", reusePolicy: options.reusePolicy,
            executionTimeoutMicros: options.executionTimeout?.wholeMicroseconds ?? 0,
            autoCompensate: options.autoCompensate, continueOnUndoError: options.continueOnUndoError,
            memo: options.memo, searchAttributes: options.searchAttributes)
        guard
            case .started(let sagaID, _) = try await call(.start(start), waitingFor: "the start of saga \(workflowID)")
        else { throw SagaTestError("the engine gave another answer than was asked for") }
        try await engine.settle()
        return SagaTestRun(environment: self, workflowID: workflowID, sagaID: sagaID)
    }

    /// Every history of the test, oldest run first: what ``RecordedHistories`` writes down.
    public func histories() async throws -> [[HistoryEvent]] {
        var rows = try await engine.store.list(ExecutionQuery(namespace: VirtualEngine.namespace, limit: 10_000))
        rows.sort { $0.sagaID < $1.sagaID }
        var histories: [[HistoryEvent]] = []
        for row in rows { histories.append(try await engine.history(of: row.sagaID)) }
        return histories
    }
}
