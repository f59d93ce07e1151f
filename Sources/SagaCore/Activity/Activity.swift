/// One step: a side effect on the world, run by a worker at least once (manual, section 8; semantics, section 5).
///
/// It must bear being run twice with the same idempotency key.
public protocol Activity: Sendable {
    associatedtype Input: Codable & Sendable
    associatedtype Output: Codable & Sendable

    /// The name that workflows and other languages know it by.
    static var typeID: String { get }

    /// Performs the side effect.
    /// - Parameters:
    ///   - input: What the workflow gave.
    ///   - context: The attempt: its idempotency key, heartbeat, cancellation.
    /// - Throws: Any error. One of kind `domain` or `validation` (see `ClassifiedError`) says that nothing happened and
    ///   is not repeated; any other is repeated by the step's retry policy and leaves the outcome unknown.
    func execute(_ input: Input, _ context: ActivityContext) async throws -> Output
}

/// A step that can be undone (manual, section 8.3).
///
/// The compiler sees to it that the undo gets what it needs: either the undo takes `UndoInput<Input, Output>`, or
/// `prepareCompensationData` makes its input.
public protocol CompensatableActivity: Activity {
    /// The activity that undoes this one.
    associatedtype Compensation: Activity

    /// When and how the undo runs. Default: also for unknown outcomes, 3 attempts, 2 s × 2ⁿ.
    static var undoSpec: UndoSpec { get }

    /// Makes the undo's input; nil if the undo takes `UndoInput` itself.
    /// - Parameters:
    ///   - input: What the step was given.
    ///   - output: What it returned; nil if it never reported, so that its outcome is unknown.
    func prepareCompensationData(_ input: Input, _ output: Output?) -> Compensation.Input?
}

extension CompensatableActivity {
    /// The compensating activity with the default policy.
    public static var undoSpec: UndoSpec { UndoSpec(activityType: Compensation.typeID) }
}

extension CompensatableActivity where Compensation.Input == UndoInput<Input, Output> {
    /// By default nothing is prepared: the undo gets the input and the output of the step.
    public func prepareCompensationData(_ input: Input, _ output: Output?) -> UndoInput<Input, Output>? { nil }
}

/// What a probe activity answers about a step whose outcome is unknown (semantics, section 4, "Outcome").
public enum ProbeResult: String, Codable, Hashable, Sendable {
    case happened
    case didNotHappen = "did_not_happen"
}

/// What an undo is given (semantics, section 4, "Undo input"). `output` is optional because the step may never have
/// reported: an undo must accept "nothing there".
public struct UndoInput<StepInput: Codable & Sendable, StepOutput: Codable & Sendable>: Codable, Sendable {
    /// What the step was given.
    public var input: StepInput
    /// What the step returned, if it did.
    public var output: StepOutput?
    /// What is known about its effect.
    public var outcome: StepOutcome
    /// The step's own idempotency key: leave a mark under it, so that a late effect is refused.
    public var idempotencyKey: String

    enum CodingKeys: String, CodingKey {
        case input
        case output
        case outcome
        case idempotencyKey = "idempotency_key"
    }

    public init(input: StepInput, output: StepOutput?, outcome: StepOutcome, idempotencyKey: String) {
        self.input = input
        self.output = output
        self.outcome = outcome
        self.idempotencyKey = idempotencyKey
    }
}

extension StepOutcome: Codable {
    /// The name in JSON and in other languages.
    public var name: String {
        switch self {
        case .completed: "completed"
        case .noEffect: "no_effect"
        case .unknown: "unknown"
        }
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let name = try container.decode(String.self)
        guard let value = Self.allCases.first(where: { $0.name == name }) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "no step outcome \(name)")
        }
        self = value
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(name)
    }
}

/// How a step runs, where it differs from the defaults.
public struct ActivityOptions: Sendable {
    /// Name of the step, for people and for the determinism check. Default: the activity's type.
    public var stepID: String?
    /// Queue whose workers run it. Default: the queue of the workflow.
    public var taskQueue: String?
    /// How failed attempts are repeated. Default: 3 attempts, 1 s × 2ⁿ, at most 60 s.
    public var retry: RetryPolicy
    /// Its time-outs. Default: 300 s from start to close.
    public var timeouts: ActivityTimeouts
    /// How it is undone. Default: what the activity says.
    public var undo: UndoSpec?
    /// Higher is handed out first.
    public var priority: Int32
    /// When it completes, earlier undo entries are dropped.
    public var pivot: Bool

    public init(
        stepID: String? = nil, taskQueue: String? = nil, retry: RetryPolicy = .standard,
        timeouts: ActivityTimeouts = .standard, undo: UndoSpec? = nil, priority: Int32 = 0, pivot: Bool = false
    ) {
        self.stepID = stepID
        self.taskQueue = taskQueue
        self.retry = retry
        self.timeouts = timeouts
        self.undo = undo
        self.priority = priority
        self.pivot = pivot
    }
}
