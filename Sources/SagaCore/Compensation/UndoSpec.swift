public import SagaCodec

/// The intent to undo a step; part of the event that schedules it, so durable before any effect (semantics, section 4).
public struct UndoSpec: Hashable, Sendable {
    /// The activity that undoes the step.
    public var activityType: String
    /// Queue whose workers run it; empty means the step's own queue.
    public var taskQueue: String
    /// When a step that did not complete is undone all the same.
    public var undoFailedStep: UndoFailedStep
    /// How failed attempts of the undo are repeated.
    public var retry: RetryPolicy
    /// Time-outs of the undo.
    public var timeouts: ActivityTimeouts
    /// Activity that finds out whether an unknown step happened; empty for none.
    public var probeActivityType: String

    public init(
        activityType: String, taskQueue: String = "", undoFailedStep: UndoFailedStep = .ifUnknown,
        retry: RetryPolicy = .undo, timeouts: ActivityTimeouts = .standard, probeActivityType: String = ""
    ) {
        self.activityType = activityType
        self.taskQueue = taskQueue
        self.undoFailedStep = undoFailedStep
        self.retry = retry
        self.timeouts = timeouts
        self.probeActivityType = probeActivityType
    }
}

/// Whether a step that did not complete is undone.
public enum UndoFailedStep: UInt8, Hashable, Sendable, CaseIterable, RawByteCodable {
    case never = 0
    /// If the step may have had an effect: the default.
    case ifUnknown = 1
    case always = 2

    /// Whether a step with this outcome is undone.
    public func undoes(_ outcome: StepOutcome) -> Bool {
        switch outcome {
        case .completed: true
        case .unknown: self != .never
        case .noEffect: self == .always
        }
    }
}

/// What an unwinding reached (semantics, section 2, promise 10).
public struct CompensationSummary: Hashable, Sendable {
    /// How far the unwinding came.
    public var state: CompensationState
    /// The undo entries that were left open, by the event that scheduled or tracked their step.
    public var openEntries: [EventID]

    public init(_ state: CompensationState, openEntries: [EventID] = []) {
        self.state = state
        self.openEntries = openEntries
    }

    /// Nothing was undone.
    public static let none = CompensationSummary(.none)
}

/// How far an unwinding came.
public enum CompensationState: UInt8, Hashable, Sendable, CaseIterable, RawByteCodable {
    /// Nothing had to be undone.
    case none = 0
    /// Everything that had to be undone is undone.
    case complete = 1
    /// Some undos were skipped or left out.
    case partial = 2
    /// An operator gave the unwinding up.
    case givenUp = 3
}

/// An undo entry that a run inherits from the one it continues.
public struct CarriedUndo: Hashable, Sendable {
    /// The run that did the step.
    public var sourceSagaID: SagaID
    /// The event of that run that scheduled or tracked the step.
    public var sourceEventID: EventID
    /// The step's name in the code.
    public var stepID: String
    /// How the step is undone.
    public var undo: UndoSpec
    /// What the step received.
    public var input: Payload
    /// What the step returned, if it completed.
    public var output: Payload?
    /// What is known about the effect of the step.
    public var outcome: StepOutcome
    /// The step's own key.
    public var idempotencyKey: String
    /// What the activity prepared for its undo.
    public var data: Payload?
    /// Entries of the same group (not 0) may be undone together.
    public var undoGroup: UInt32
    /// The child whose own undo log stands behind the entry; nil for a step.
    public var child: ChildUndo?

    public init(
        sourceSagaID: SagaID, sourceEventID: EventID, stepID: String, undo: UndoSpec, input: Payload, output: Payload?,
        outcome: StepOutcome, idempotencyKey: String, data: Payload? = nil, undoGroup: UInt32 = 0,
        child: ChildUndo? = nil
    ) {
        self.sourceSagaID = sourceSagaID
        self.sourceEventID = sourceEventID
        self.stepID = stepID
        self.undo = undo
        self.input = input
        self.output = output
        self.outcome = outcome
        self.idempotencyKey = idempotencyKey
        self.data = data
        self.undoGroup = undoGroup
        self.child = child
    }
}

/// Why a run unwinds.
public enum UnwindCause: UInt8, Hashable, Sendable, CaseIterable, RawByteCodable {
    /// The code threw.
    case failed = 0
    /// A cancel request ended it.
    case canceled = 1
    /// The execution time-out passed.
    case timedOut = 2
    /// It was terminated with `compensate: true`.
    case terminated = 3
    /// The code called `compensate()` or a nested scope failed.
    case requested = 4
}

/// What a run is blocked by.
public enum BlockCause: UInt8, Hashable, Sendable, CaseIterable, RawByteCodable {
    /// An undo failed for good.
    case undoFailed = 0
    /// The code does not fit its history.
    case nondeterminism = 1
    /// The workflow code keeps failing to run at all.
    case codeFailure = 2
}

/// What an operator can do about an undo.
public enum OperatorVerb: UInt8, Hashable, Sendable, CaseIterable, RawByteCodable {
    case retry = 0
    case retryWithInput = 1
    case skip = 2
    case resolve = 3
    case giveUp = 4
}

/// What a marker means to the engine.
public enum MarkerKind: UInt8, Hashable, Sendable, CaseIterable, RawByteCodable {
    /// The user's own note.
    case note = 0
    /// `setStepOutput`.
    case stepOutput = 1
    /// `trackCompensatableStep`: adds an undo entry by hand.
    case undoTracked = 2
    /// `commitUndo`: drops the undo entries so far.
    case undoCommitted = 3
    /// `checkpoint`.
    case checkpoint = 4
    /// `saga { … }`: opens a nested scope, whose number is the marker's command number plus one; `scope` is its parent.
    case scopeOpened = 5
}

/// A child that closed well and can be undone as a whole: by a new run of its workflow id with the child's undo log
/// (semantics, section 4, "Children").
public struct ChildUndo: Hashable, Sendable {
    /// The child's workflow id.
    public var workflowID: String
    /// The run that closed well.
    public var sagaID: SagaID

    public init(workflowID: String, sagaID: SagaID) {
        self.workflowID = workflowID
        self.sagaID = sagaID
    }
}

/// What happens to a child when its parent closes.
public enum ParentClosePolicy: UInt8, Hashable, Sendable, CaseIterable, RawByteCodable {
    case cancel = 0
    case abandon = 1
    case terminate = 2
}

extension UndoSpec: PostcardCodable {
    public init(from reader: inout PostcardReader) throws(CodecError) {
        activityType = try reader.read()
        taskQueue = try reader.read()
        undoFailedStep = try reader.read()
        retry = try reader.read()
        timeouts = try reader.read()
        probeActivityType = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(activityType)
        writer.write(taskQueue)
        writer.write(undoFailedStep)
        writer.write(retry)
        writer.write(timeouts)
        writer.write(probeActivityType)
    }
}

extension CompensationSummary: PostcardCodable {
    public init(from reader: inout PostcardReader) throws(CodecError) {
        state = try reader.read()
        openEntries = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(state)
        writer.write(openEntries)
    }
}

extension CarriedUndo: PostcardCodable {
    public init(from reader: inout PostcardReader) throws(CodecError) {
        sourceSagaID = try reader.read()
        sourceEventID = try reader.read()
        stepID = try reader.read()
        undo = try reader.read()
        input = try reader.read()
        output = try reader.read()
        outcome = try reader.read()
        idempotencyKey = try reader.read()
        data = try reader.read()
        undoGroup = try reader.read()
        child = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(sourceSagaID)
        writer.write(sourceEventID)
        writer.write(stepID)
        writer.write(undo)
        writer.write(input)
        writer.write(output)
        writer.write(outcome)
        writer.write(idempotencyKey)
        writer.write(data)
        writer.write(undoGroup)
        writer.write(child)
    }
}

extension ChildUndo: PostcardCodable {
    public init(from reader: inout PostcardReader) throws(CodecError) {
        workflowID = try reader.read()
        sagaID = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(workflowID)
        writer.write(sagaID)
    }
}
