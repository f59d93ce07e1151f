public import SagaCore

/// A saga to torture, and how to make a fresh world for it: `SagaTorture.run` starts it again for every scenario.
public struct TortureSubject: Sendable {
    /// What the report calls it.
    public var name: String
    /// Steps that are meant to stand after a bad end, by step id: an e-mail that was sent, say. Default: none.
    public var standing: Set<String>

    let workflows: WorkflowRegistry
    let workflowType: String
    let input: Payload
    let makeWorld: @Sendable () async throws -> TortureWorld

    /// - Parameters:
    ///   - workflow: The saga's code.
    ///   - input: What it is given. Choose one with which the saga ends well.
    ///   - name: Default: the workflow's type.
    ///   - standing: Steps that are meant to stand after a bad end, by step id.
    ///   - alsoServing: Further workflow types that it starts as children.
    ///   - world: Makes the services that the saga acts on, as they are before it begins, and its activities.
    /// - Throws: `SagaError` if the input cannot be written as JSON.
    public init<W: DurableWorkflow>(
        _ workflow: W.Type, input: W.Input, name: String? = nil, standing: Set<String> = [],
        alsoServing: WorkflowRegistry = WorkflowRegistry(), world: @escaping @Sendable () async throws -> TortureWorld
    ) throws {
        self.name = name ?? W.typeID
        self.standing = standing
        var workflows = alsoServing
        workflows.register(W.self)
        self.workflows = workflows
        workflowType = W.typeID
        self.input = try JSONPayloadConverter().encode(input)
        makeWorld = world
    }
}

/// What the saga under torture acts on.
public struct TortureWorld: Sendable {
    /// The activities of the saga, over services that belong to this world only.
    public var activities: ActivityRegistry
    /// Signals that the saga waits for: they are sent once it runs.
    public var signals: [(name: String, payload: Payload)]
    /// What stands outside now: one line for each fact, in any order.
    ///
    /// Two worlds in which the same has happened must give the same lines, so nothing in them may come from a clock or
    /// from chance. Idempotency keys are fine: the report shows the step's name in their place.
    public var observe: @Sendable () async throws -> [String]

    public init(
        activities: ActivityRegistry, signals: [(name: String, payload: Payload)] = [],
        observe: @escaping @Sendable () async throws -> [String]
    ) {
        self.activities = activities
        self.signals = signals
        self.observe = observe
    }
}
