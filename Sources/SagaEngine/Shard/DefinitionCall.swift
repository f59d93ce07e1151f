public import SagaCore

/// A request to register a definition.
public struct DefinitionCall: Hashable, Sendable {
    public var namespace: String
    /// Version 0 means the next one.
    public var definition: SagaDefinition
    /// The same id gives the same answer; empty for none.
    public var requestID: String
    public var identity: String

    public init(namespace: String, definition: SagaDefinition, requestID: String = "", identity: String = "") {
        self.namespace = namespace
        self.definition = definition
        self.requestID = requestID
        self.identity = identity
    }
}

/// A definition in short.
public struct DefinitionSummary: Hashable, Sendable {
    public var name: String
    /// Its newest version.
    public var version: UInt32
    /// When that was registered.
    public var registeredAt: Timestamp
    public var stepCount: Int
}
