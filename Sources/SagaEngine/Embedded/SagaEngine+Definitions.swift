public import SagaCore

/// Sagas as data (semantics, section 7).
extension SagaEngine {
    /// Registers a definition; durable when it returns. A changed one becomes the next version; runs keep the version that they
    /// began with.
    /// - Returns: Its version.
    /// - Throws: `InvalidDefinition` with everything that is wrong; `CallFailure`.
    @discardableResult
    public func register(_ definition: SagaDefinition) async throws -> UInt32 {
        let problems = definition.problems
        guard problems.isEmpty else { throw InvalidDefinition(problems: problems) }
        let call = Call.define(
            DefinitionCall(namespace: Self.namespace, definition: definition, identity: "embedded"))
        guard case .defined(let version, _) = try await self.call(call) else { throw Self.otherAnswer }
        return version
    }

    /// A registered definition; version 0 is the newest.
    /// - Throws: `CallFailure` (not found).
    public func definition(_ name: String, version: UInt32 = 0) async throws -> SagaDefinition {
        let call = Call.definition(namespace: Self.namespace, name: name, version: version)
        guard case .definition(let definition, _) = try await self.call(call) else { throw Self.otherAnswer }
        return definition
    }

    /// The registered definitions by name, at most 1,000.
    public func definitions(after name: String = "") async throws -> [DefinitionSummary] {
        let call = Call.definitions(namespace: Self.namespace, after: name, limit: 1_000)
        guard case .definitions(let definitions, _) = try await self.call(call) else { throw Self.otherAnswer }
        return definitions
    }

    /// Starts a run of a definition.
    /// - Parameters:
    ///   - name: The definition.
    ///   - id: The caller's name for the saga.
    ///   - input: What it receives.
    ///   - output: What it returns.
    /// - Throws: `CallFailure`.
    public func startDefinition<Input: Codable & Sendable, Output: Codable & Sendable>(
        _ name: String, id: String, input: Input, as output: Output.Type = Output.self, options: StartOptions = .init()
    ) async throws -> SagaHandle<DeclaredWorkflow<Input, Output>> {
        try await start(name, id: id, input: try encode(input), options: options)
    }

    private static var otherAnswer: CallFailure {
        CallFailure(.internalError, "the engine gave another answer than was asked for")
    }
}

/// Stands for a definition where a type of workflow is asked for; it has no code.
public struct DeclaredWorkflow<Input: Codable & Sendable, Output: Codable & Sendable>: DurableWorkflow {
    public static var typeID: String { "" }

    public init() {}

    public func run(_ context: WorkflowContext, _ input: Input) async throws -> Output {
        throw SagaError(kind: .configuration, message: "a definition has no code to run", isNonRetryable: true)
    }
}
