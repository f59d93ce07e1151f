/// What went wrong, by area (semantics, section 8). The raw value is wire and disk format.
public enum ErrorKind: UInt8, Hashable, Sendable, CaseIterable {
    case unknown = 0
    case eventStore = 1
    case codec = 2
    case workflowExecution = 3
    case stepExecution = 4
    case activityExecution = 5
    case timerStore = 6
    case signalDispatcher = 7
    case taskQueue = 8
    case snapshot = 9
    case replay = 10
    case configuration = 11
    case validation = 12
    case timeout = 13
    case cancelled = 14
    case concurrency = 15
    case compensation = 16
    /// The business said no ("card declined"): retrying cannot help, and nothing happened.
    case domain = 17

    /// The table of section 8: every kind, its name and its category. The name is that of JSON, logs and other languages.
    public static let table: [(kind: ErrorKind, name: String, category: ErrorCategory)] = [
        (.unknown, "Unknown", .transient),
        (.eventStore, "EventStore", .infrastructure),
        (.codec, "Codec", .validation),
        (.workflowExecution, "WorkflowExecution", .domain),
        (.stepExecution, "StepExecution", .transient),
        (.activityExecution, "ActivityExecution", .transient),
        (.timerStore, "TimerStore", .infrastructure),
        (.signalDispatcher, "SignalDispatcher", .infrastructure),
        (.taskQueue, "TaskQueue", .infrastructure),
        (.snapshot, "Snapshot", .infrastructure),
        (.replay, "Replay", .fatal),
        (.configuration, "Configuration", .validation),
        (.validation, "Validation", .validation),
        (.timeout, "Timeout", .transient),
        (.cancelled, "Cancelled", .domain),
        (.concurrency, "Concurrency", .transient),
        (.compensation, "Compensation", .fatal),
        (.domain, "Domain", .domain),
    ]

    /// The name in JSON, logs and other languages.
    public var name: String { Self.table[Int(rawValue)].name }

    /// The category, which decides what the engine does about it.
    public var category: ErrorCategory { Self.table[Int(rawValue)].category }
}

/// What to do about an error (semantics, section 8).
public enum ErrorCategory: UInt8, Hashable, Sendable, CaseIterable {
    /// Something of ours or below us is down: retry with backoff.
    case infrastructure = 1
    /// Likely to pass: retry with backoff, then compensate.
    case transient = 2
    /// The request itself is wrong: do not retry, fail.
    case validation = 3
    /// The business said no: do not retry, compensate.
    case domain = 4
    /// Needs a person: park.
    case fatal = 5

    /// Whether another attempt may succeed: it is made, with backoff, as the policy of the step or undo allows.
    public var isRetryable: Bool { self == .infrastructure || self == .transient }

    /// Whether code that ends with such an error is parked for a person, instead of unwound: nobody knows what undoing would
    /// do.
    public var parksTheRun: Bool { self == .fatal }
}
