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

    /// The name in JSON, logs and other languages.
    public var name: String {
        switch self {
        case .unknown: "Unknown"
        case .eventStore: "EventStore"
        case .codec: "Codec"
        case .workflowExecution: "WorkflowExecution"
        case .stepExecution: "StepExecution"
        case .activityExecution: "ActivityExecution"
        case .timerStore: "TimerStore"
        case .signalDispatcher: "SignalDispatcher"
        case .taskQueue: "TaskQueue"
        case .snapshot: "Snapshot"
        case .replay: "Replay"
        case .configuration: "Configuration"
        case .validation: "Validation"
        case .timeout: "Timeout"
        case .cancelled: "Cancelled"
        case .concurrency: "Concurrency"
        case .compensation: "Compensation"
        case .domain: "Domain"
        }
    }

    /// The category, which decides what the engine does about it.
    public var category: ErrorCategory {
        switch self {
        case .eventStore, .timerStore, .signalDispatcher, .taskQueue, .snapshot: .infrastructure
        case .timeout, .concurrency, .activityExecution, .stepExecution, .unknown: .transient
        case .validation, .configuration, .codec: .validation
        case .domain, .cancelled, .workflowExecution: .domain
        case .replay, .compensation: .fatal
        }
    }
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

    /// Whether another attempt may succeed.
    public var isRetryable: Bool { self == .infrastructure || self == .transient }
}
