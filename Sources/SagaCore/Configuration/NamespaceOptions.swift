/// What is special about one namespace.
public struct NamespaceOptions: Hashable, Sendable {
    /// Time in the namespace is virtual: it stands still while anything is under way and jumps to what is due next when nothing
    /// is. Once begun that stays so for the life of the store. Default: nil, real time.
    public var virtualClock: VirtualClock?
    /// What callers of the namespace may use.
    public var limits = NamespaceLimits()

    public init(virtualClock: VirtualClock? = nil, limits: NamespaceLimits = NamespaceLimits()) {
        self.virtualClock = virtualClock
        self.limits = limits
    }
}

/// How a virtual clock begins; a clock that the store already has goes on from where it stands.
public struct VirtualClock: Hashable, Sendable {
    /// What it shows first. Default: nil, the time at which the engine begins it.
    public var start: Timestamp?

    public init(start: Timestamp? = nil) { self.start = start }
}

/// What the callers of one namespace may use at most. Beyond it a call is refused with RESOURCE_EXHAUSTED, and says when to
/// try again; what is open is never hindered from ending.
public struct NamespaceLimits: Hashable, Sendable {
    /// Sagas that are open at the same time; 0 (default) is no limit.
    public var maximumOpenSagas = 0
    /// Sagas started in a second, on average; 0 (default) is no limit.
    public var startsPerSecond = 0.0
    /// Starts at once after a quiet time. Default: 0, as many as in a second, at least 1.
    public var startBurst = 0
    /// Bytes of one payload that callers bring (inputs, signals, updates); 0 (default) is no limit but the protocol's 2 MiB.
    public var maximumPayloadBytes = 0
    /// Limits of task queues, by their names; instead of those for all namespaces.
    public var taskQueues: [String: TaskQueueLimit] = [:]

    public init(maximumOpenSagas: Int = 0, startsPerSecond: Double = 0, maximumPayloadBytes: Int = 0) {
        self.maximumOpenSagas = maximumOpenSagas
        self.startsPerSecond = startsPerSecond
        self.maximumPayloadBytes = maximumPayloadBytes
    }
}

extension [String: NamespaceOptions] {
    /// The entry for namespaces that have none of their own.
    public static var others: String { "*" }

    /// The options of a namespace.
    public subscript(options namespace: String) -> NamespaceOptions {
        self[namespace] ?? self[Self.others] ?? NamespaceOptions()
    }
}
