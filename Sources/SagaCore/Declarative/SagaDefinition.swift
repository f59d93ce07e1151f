/// A saga as data: steps that the engine itself runs, with no workflow worker (semantics, section 7).
///
/// A definition is checked whole when it is registered (``problems``), and every registered version stays as it is: a run keeps
/// the version that it began with.
public struct SagaDefinition: Hashable, Sendable {
    /// The workflow type that it defines, 1 to 255 bytes.
    public var name: String
    /// Its version; 0 = the engine gives the next one.
    public var version: UInt32
    /// Queue of steps that name none; empty = `default`.
    public var taskQueue: String
    /// The steps, 1 to 1,000. They run in order; those in a row with the same group run together.
    public var steps: [StepDefinition]
    /// What the saga returns; nil = the outputs of its steps by their ids, as a JSON object.
    public var output: InputTemplate?
    /// Microseconds after which a run is unwound and closes as timed out; 0 = never.
    public var executionTimeoutMicros: Int64
    /// Whether earlier undos go on when one has failed for good.
    public var continueOnUndoError: Bool
    /// For people, at most 4,096 bytes.
    public var description: String

    public init(
        name: String, version: UInt32 = 0, taskQueue: String = "", steps: [StepDefinition],
        output: InputTemplate? = nil, executionTimeoutMicros: Int64 = 0, continueOnUndoError: Bool = false,
        description: String = ""
    ) {
        self.name = name
        self.version = version
        self.taskQueue = taskQueue
        self.steps = steps
        self.output = output
        self.executionTimeoutMicros = executionTimeoutMicros
        self.continueOnUndoError = continueOnUndoError
        self.description = description
    }
}

/// One step of a definition.
public struct StepDefinition: Hashable, Sendable {
    /// What a step does.
    public enum Kind: Hashable, Sendable {
        /// Runs an activity; its result is the step's output.
        case activity(ActivityStep)
        /// Waits for a signal; its data is the step's output.
        case signal(SignalStep)
        /// Waits for a time. Microseconds, 1 to 31,536,000,000,000 (a year).
        case timer(delayMicros: Int64)
        /// Runs another workflow as a part of this saga; its result is the step's output.
        case child(ChildStep)
    }

    /// Its name, unique in the definition: 1 to 255 letters, digits, `-` and `_`.
    public var id: String
    /// Steps in a row with the same group run at the same time; empty = alone.
    public var group: String
    /// The step is left out unless all hold. At most 16.
    public var conditions: [StepCondition]
    /// What it does.
    public var kind: Kind
    /// Line of the source that it came from, for errors; 0 = unknown.
    public var line: UInt32

    public init(id: String, group: String = "", conditions: [StepCondition] = [], kind: Kind, line: UInt32 = 0) {
        self.id = id
        self.group = group
        self.conditions = conditions
        self.kind = kind
        self.line = line
    }
}

/// Runs an activity.
public struct ActivityStep: Hashable, Sendable {
    /// Which.
    public var activityType: String
    /// Queue whose workers run it; empty = the definition's own.
    public var taskQueue: String
    /// What it receives; nil = the start input.
    public var input: InputTemplate?
    /// How failed attempts are repeated.
    public var retry: RetryPolicy
    /// Its time-outs.
    public var timeouts: ActivityTimeouts
    /// How it is undone; nil = it has no undo.
    public var undo: UndoSpec?
    /// What the undo receives, as a template that may also read `output`, `outcome` and `key` of the step; empty = what every
    /// undo receives: `{input, output, outcome, idempotency_key}`.
    public var undoInput: String
    /// When it completes, earlier undo entries are dropped.
    public var pivot: Bool
    /// Higher is handed out first.
    public var priority: Int32

    public init(
        activityType: String, taskQueue: String = "", input: InputTemplate? = nil, retry: RetryPolicy = .standard,
        timeouts: ActivityTimeouts = .standard, undo: UndoSpec? = nil, undoInput: String = "", pivot: Bool = false,
        priority: Int32 = 0
    ) {
        self.activityType = activityType
        self.taskQueue = taskQueue
        self.input = input
        self.retry = retry
        self.timeouts = timeouts
        self.undo = undo
        self.undoInput = undoInput
        self.pivot = pivot
        self.priority = priority
    }
}

/// Waits for a signal; one that came before is taken at once.
public struct SignalStep: Hashable, Sendable {
    /// The signal's name.
    public var name: String
    /// Microseconds to wait; when they pass the saga fails. 0 = without limit.
    public var timeoutMicros: Int64

    public init(name: String, timeoutMicros: Int64 = 0) {
        self.name = name
        self.timeoutMicros = timeoutMicros
    }
}

/// Runs another workflow as a part of the saga; if the saga ends badly, it is undone with it.
public struct ChildStep: Hashable, Sendable {
    /// Which: code of a worker, or another definition.
    public var workflowType: String
    /// Queue of its code; empty = the definition's own. A definition needs none.
    public var taskQueue: String
    /// What it receives; nil = the start input.
    public var input: InputTemplate?
    /// What becomes of it when this saga ends first.
    public var parentClosePolicy: ParentClosePolicy
    /// Microseconds after which it is unwound; 0 = never.
    public var executionTimeoutMicros: Int64

    public init(
        workflowType: String, taskQueue: String = "", input: InputTemplate? = nil,
        parentClosePolicy: ParentClosePolicy = .cancel, executionTimeoutMicros: Int64 = 0
    ) {
        self.workflowType = workflowType
        self.taskQueue = taskQueue
        self.input = input
        self.parentClosePolicy = parentClosePolicy
        self.executionTimeoutMicros = executionTimeoutMicros
    }
}

/// A value made from the start input and earlier outputs.
public enum InputTemplate: Hashable, Sendable {
    /// JSON text, at most 65,536 bytes, in which `${input.path}` and `${steps.ID.output.path}` inside strings are replaced: a
    /// string that is nothing but a reference becomes the value, else its text is put in. `${path ?? value}` has a default.
    case template(String)
    /// The whole output of an earlier step, in any encoding.
    case outputOfStep(String)
    /// The whole start input, in any encoding.
    case startInput
    /// The same for every run.
    case constant(Payload)
}

/// A condition over earlier values. A value that is not there counts as null.
public struct StepCondition: Hashable, Sendable {
    /// How values are compared.
    public enum Comparison: UInt8, Hashable, Sendable, CaseIterable, RawByteCodable {
        case equal = 1
        case notEqual = 2
        /// Numbers with numbers, text with text (by Unicode); anything else does not hold.
        case less = 3
        case lessOrEqual = 4
        case greater = 5
        case greaterOrEqual = 6
        /// The path leads to a value that is not null.
        case exists = 7
    }

    /// For example `input.amount` or `steps.pay.output.state`.
    public var path: String
    /// How.
    public var comparison: Comparison
    /// With what: JSON text of a scalar, at most 1,024 bytes; unused by `exists`.
    public var value: String

    public init(path: String, _ comparison: Comparison, value: String = "") {
        self.path = path
        self.comparison = comparison
        self.value = value
    }
}

/// Something wrong with a definition.
public struct DefinitionProblem: Error, Hashable, Sendable {
    /// Line of the source; 0 = unknown.
    public var line: UInt32
    /// Step id, or empty.
    public var stepID: String
    /// The part of the step (or of the definition) that is wrong: `input`, `undo`, `if 2`.
    public var field: String
    /// What is wrong and what would be right.
    public var message: String

    public init(line: UInt32 = 0, stepID: String = "", field: String = "", message: String) {
        self.line = line
        self.stepID = stepID
        self.field = field
        self.message = message
    }
}

extension DefinitionProblem: CustomStringConvertible {
    public var description: String {
        var text = line > 0 ? "line \(line): " : ""
        if !stepID.isEmpty { text += "step \(stepID): " }
        if !field.isEmpty { text += "\(field): " }
        return text + message
    }
}
