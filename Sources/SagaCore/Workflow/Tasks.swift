/// An attempt of a step or of an undo, by which a worker reports: a completion is matched by the id of its `…Scheduled`
/// event, never by position or count (semantics, section 2, promise 3).
public struct TaskReference: Hashable, Sendable {
    /// The run.
    public var sagaID: SagaID
    /// The event that scheduled (or tracked) the step.
    public var eventID: EventID
    /// The attempt, from 1.
    public var attempt: UInt32
    /// Whether it is the step's undo.
    public var isUndo: Bool

    public init(sagaID: SagaID, eventID: EventID, attempt: UInt32, isUndo: Bool) {
        self.sagaID = sagaID
        self.eventID = eventID
        self.attempt = attempt
        self.isUndo = isUndo
    }

    /// In one word less than it has.
    @inlinable
    public func hash(into hasher: inout Hasher) {
        hasher.combine(sagaID)
        hasher.combine(eventID)
        hasher.combine(UInt64(attempt) << 1 | (isUndo ? 1 : 0))
    }

    /// What dictionaries and sets ask for first: see ``RandomBitsHash``.
    public func _rawHashValue(seed: Int) -> Int {
        RandomBitsHash.value(
            sagaID.low, sagaID.high ^ eventID &<< 24 ^ UInt64(attempt) &<< 1 ^ (isUndo ? 1 : 0), seed: seed)
    }
}

extension TaskReference {
    /// The reference as bytes, for use inside one process: a server signs its tokens.
    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        for value in [sagaID.high, sagaID.low, eventID, UInt64(attempt) << 1 | (isUndo ? 1 : 0)] {
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: value >> shift))
            }
        }
        return bytes
    }

    /// Reads what ``bytes`` gave; nil for anything else.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        let words = (0..<4).map { word in bytes[word * 8..<word * 8 + 8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) } }
        guard let attempt = UInt32(exactly: words[3] >> 1) else { return nil }
        self.init(
            sagaID: SagaID(high: words[0], low: words[1]), eventID: words[2], attempt: attempt,
            isUndo: words[3] & 1 == 1)
    }
}

extension TaskReference: Comparable {
    /// By run, event, attempt: a fixed order, so that nothing depends on a hash.
    public static func < (left: TaskReference, right: TaskReference) -> Bool {
        (left.sagaID, left.eventID, left.isUndo ? 1 : 0, left.attempt)
            < (right.sagaID, right.eventID, right.isUndo ? 1 : 0, right.attempt)
    }
}

/// Says when a page of events is held by nobody any more: taken by the code, sent, or dropped with its worker.
package final class PageLease: Sendable {
    private let ended: @Sendable () -> Void

    package init(_ ended: @escaping @Sendable () -> Void) { self.ended = ended }

    deinit { ended() }
}

/// Work for workflow code: advance over these events (semantics, section 6).
public struct WorkflowTask: Sendable {
    /// The run.
    public var sagaID: SagaID
    /// Which hand-out of the run it is; an answer to an earlier one is refused.
    public var generation: UInt64
    /// The namespace that the workflow id belongs to.
    public var namespace: String
    /// The caller's name for the saga.
    public var workflowID: String
    /// Which workflow code runs.
    public var workflowType: String
    /// Version of that code.
    public var workflowVersion: UInt32
    /// Queue whose workers take it.
    public var taskQueue: String
    /// Id of the first event in `events`; 0 means that the code starts anew.
    public var firstEventID: EventID
    /// Consecutive events.
    public var events: [HistoryEvent]
    /// Whether more events follow in another task before the code may answer.
    public var more: Bool
    /// Updates to validate once the code has seen the events.
    public var updates: [UpdateRequest]
    /// Lives as long as anybody holds this page of a long history: the next one is not handed out before it ended.
    package var lease: PageLease?
    /// Whether the code may be told of the success of its step where both are, before the history has it (`StepAdvance`).
    package var mayGoAhead = false
    /// The run that the first event happened in, if a reset took it over from another; nil if it is this one's. The code's chances
    /// hang on it: a run that a reset made must come to the same ones.
    package var firstRun: SagaID?

    public init(
        sagaID: SagaID, generation: UInt64, namespace: String, workflowID: String, workflowType: String,
        workflowVersion: UInt32, taskQueue: String, firstEventID: EventID, events: [HistoryEvent], more: Bool = false,
        updates: [UpdateRequest] = []
    ) {
        self.sagaID = sagaID
        self.generation = generation
        self.namespace = namespace
        self.workflowID = workflowID
        self.workflowType = workflowType
        self.workflowVersion = workflowVersion
        self.taskQueue = taskQueue
        self.firstEventID = firstEventID
        self.events = events
        self.more = more
        self.updates = updates
    }
}

/// What a worker answers to a `WorkflowTask`.
public enum WorkflowTaskAnswer: Sendable {
    /// The code advanced; these are its new commands, this is the last event it has seen, so many signals wait untaken, and
    /// that is what it says of the task's updates.
    case completed(
        seenEventID: EventID, commands: [NumberedCommand], unconsumedSignals: UInt32, verdicts: [UpdateVerdict] = [])
    /// The worker does not hold the run; it needs the events from this id.
    case needHistory(from: EventID)
    /// The code does not fit the history, or could not be run.
    case failed(BlockCause, SagaError)
}

/// What live code made of the success of its step before the history had it, in the place where both ran: with the report, a step is
/// one message. It counts only if the history comes to be what the code was told; else the code is made anew.
package struct StepAdvance: Sendable {
    /// The code's command for the step.
    package var command: CommandNumber
    /// What the code wants now.
    package var commands: [NumberedCommand]
    /// Signals that wait in the code untaken.
    package var unconsumedSignals: UInt32

    package init(command: CommandNumber, commands: [NumberedCommand], unconsumedSignals: UInt32) {
        self.command = command
        self.commands = commands
        self.unconsumedSignals = unconsumedSignals
    }
}

/// An update that waits for its validator (semantics, section 5).
public struct UpdateRequest: Hashable, Sendable {
    /// The same id twice is one update.
    public var updateID: String
    /// Its handler.
    public var name: String
    /// Its data.
    public var input: Payload

    public init(updateID: String, name: String, input: Payload) {
        self.updateID = updateID
        self.name = name
        self.input = input
    }
}

/// What a validator says of an update.
public struct UpdateVerdict: Hashable, Sendable {
    /// Which update.
    public var updateID: String
    /// Why it is refused; nil means that it is accepted.
    public var error: SagaError?

    public init(updateID: String, error: SagaError? = nil) {
        self.updateID = updateID
        self.error = error
    }
}

/// A question to the code of a run; it changes nothing.
public struct QueryTask: Sendable {
    /// Names the question until it is answered.
    public var queryID: UInt64
    /// The run, and the events that the code must have seen.
    public var run: WorkflowTask
    /// Whether the code is believed to be live at the worker, with everything before `run.firstEventID` seen.
    public var isLive: Bool
    /// The handler.
    public var name: String
    /// Its arguments.
    public var input: Payload

    public init(queryID: UInt64, run: WorkflowTask, isLive: Bool, name: String, input: Payload) {
        self.queryID = queryID
        self.run = run
        self.isLive = isLive
        self.name = name
        self.input = input
    }
}

/// What a worker answers to a `QueryTask`.
public enum QueryAnswer: Sendable {
    /// What the handler returned, and the last event that the code had seen.
    case answered(Payload, upTo: EventID)
    /// There is no such handler, it threw, or the code could not be run.
    case failed(SagaError)
    /// The code is not live here.
    case needHistory
}

/// How an attempt ended, as its worker reports it.
public enum ActivityResult: Sendable {
    case completed(output: Payload, undoData: Payload?)
    /// `outcome` is `noEffect` only if the activity said so, or the error's kind says so.
    case failed(SagaError, outcome: StepOutcome)
    case canceled(outcome: StepOutcome, details: Payload?)
    /// The attempt goes on outside of the worker; somebody completes it by its token.
    case completesLater
}
