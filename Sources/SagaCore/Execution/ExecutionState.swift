public import SagaCodec

/// One run as its events tell it: what replay, recovery, time travel and describe are made of.
///
/// Pure: the same events give the same state, in any process. The engine changes a run only by applying events to it, so
/// the state in memory *is* the replay of the history (semantics, section 2, promise 11).
public struct ExecutionState: Equatable, Sendable {
    /// The run.
    public let sagaID: SagaID
    /// The namespace of the workflow id.
    public internal(set) var namespace = ""
    /// The caller's name for the saga.
    public internal(set) var workflowID = ""
    /// Which workflow code runs.
    public internal(set) var workflowType = ""
    /// Version of that code; 0 is the newest a worker serves.
    public internal(set) var workflowVersion: UInt32 = 0
    /// Queue of the workflow code.
    public internal(set) var taskQueue = ""
    /// When the run started.
    public internal(set) var startedAt = Timestamp(microseconds: 0)
    /// When it closed; nil while it is open.
    public internal(set) var closedAt: Timestamp?
    /// Microseconds after which it is unwound; 0 is never.
    public internal(set) var executionTimeoutMicros: Int64 = 0
    /// Microseconds the code has to close after a cancel.
    public internal(set) var cancelGraceMicros: Int64 = 0
    /// Whether a bad end unwinds by itself.
    public internal(set) var autoCompensate = true
    /// Whether earlier undos go on when one has failed for good.
    public internal(set) var continueOnUndoError = false
    /// Where the run stands.
    public internal(set) var status: ExecutionStatus = .running
    /// The id that the next event gets.
    public internal(set) var nextEventID: EventID = 0
    /// Time of the last event: saga time never goes back.
    public internal(set) var lastTimestamp = Timestamp(microseconds: .min)
    /// The number that the next command of the code gets.
    public internal(set) var nextCommandNumber: CommandNumber = 0
    /// Steps that are not closed.
    public internal(set) var steps = EventTable<StepState>()
    /// Timers that have not fired.
    public internal(set) var timers = EventTable<TimerState>()
    /// What must be undone.
    public internal(set) var undoLog = UndoLog()
    /// The unwinding, once it has begun.
    public internal(set) var unwinding: Unwinding?
    /// Nested scopes that are unwound after the present one.
    var queuedUnwindings: [Unwinding] = []
    /// Whether an operator gave the unwinding up.
    public internal(set) var isGivenUp = false
    /// Whether there is no way back any more: later steps are repeated without limit (semantics, section 4, "Pivot").
    public internal(set) var isPastPivot = false
    /// The first cancel request.
    public internal(set) var cancelRequest: CancelRequest?
    /// What blocks the run.
    public internal(set) var block: Block?
    /// The last signal or update, which a closing command must have seen.
    public internal(set) var lastMessageEventID: EventID?
    /// Children that have not closed, by the events that initiated them.
    public internal(set) var children = EventTable<ChildState>()
    /// The run whose child this is.
    public internal(set) var parent: ParentLink?
    /// Notes of the caller.
    public internal(set) var memo: [NamedPayload] = []
    /// Attributes that List filters by.
    public internal(set) var searchAttributes: [NamedPayload] = []
    /// The event that the run is being reset to, once its unwinding has begun.
    public internal(set) var resetTo: EventID?
    /// Of a run that a reset made: whose events it has, and up to which one; the first of several resets first, so that no
    /// later one ends before an earlier one.
    public internal(set) var origins: [RunOrigin] = []
    /// Local activities with an undo that have not ended, by the events that scheduled them.
    public internal(set) var localSteps = EventTable<LocalActivityScheduled>()
    /// Signals to other sagas that have not arrived for certain.
    public internal(set) var externalSignals = EventTable<ExternalSignalRequested>()
    /// Accepted updates whose handlers run: their ids by the event that accepted them.
    public internal(set) var openUpdates = EventTable<String>()
    /// Every update by its id, for exactly-once answers.
    @usableFromInline var updates: [String: UpdateState] = [:]
    /// The marker of the last checkpoint: the code is run again from there on.
    public internal(set) var checkpoint: EventID?
    /// Signals recorded so far.
    public internal(set) var signalCount: UInt32 = 0
    /// The events of the signals seen, by their ids, for exactly-once.
    @usableFromInline var signalIDs = EventsByID()
    /// What each request id did, for exactly-once answers.
    @usableFromInline var requests = EventsByID()
    /// What the runs before this one have dealt with, as far as it is told, oldest first.
    public internal(set) var carriedMessages: [CarriedMessage] = []
    /// Open steps, timers and children by the number of the command that began them.
    @usableFromInline var eventOfCommand = EventTable<EventID>()

    /// A run of which no event has been applied.
    public init(sagaID: SagaID) { self.sagaID = sagaID }

    // What is asked at every event is inlined: a call would copy the whole state, because it lies in an object that the called
    // function might change.

    /// Whether nothing can happen to the run any more.
    @inlinable
    public var isClosed: Bool { status.isClosed }

    /// Whether workflow code may still act: not closed, not unwinding on the run's own account, not blocked by its code.
    @inlinable @inline(__always)
    public var codeMayAct: Bool {
        // Patterns, not comparisons: those would be calls, and copies with them.
        switch status {
        case .blocked, .paused, .completed, .failed, .canceled, .timedOut, .terminated, .continuedAsNew: return false
        case .running, .compensating: break
        }
        if case .requested? = unwinding?.cause { return true }
        return unwinding == nil
    }

    /// The event of this run that a request caused, if there is one.
    @inlinable
    public func event(ofRequest requestID: String) -> EventID? { requestID.isEmpty ? nil : requests[requestID] }

    /// Whether a signal with that id was recorded in this run.
    @inlinable
    public func hasSignal(_ signalID: String) -> Bool { !signalID.isEmpty && signalIDs[signalID] != nil }

    /// The open step or timer that a command began.
    @inlinable
    public func openEvent(ofCommand number: CommandNumber) -> EventID? { eventOfCommand[EventID(number)] }

    /// How many requests, signals and updates the state remembers.
    @inlinable
    public var messageCount: Int { requests.count + signalIDs.count + updates.count + carriedMessages.count }

    /// Open steps of a scope, by the events that scheduled them, ascending.
    public func openSteps(in scope: UInt32) -> [EventID] {
        steps.eventIDs.filter { eventID in
            steps[eventID].map { undoLog.contains(scope, $0.scheduled.scope) } ?? false
        }
    }

    /// Whether a run that unwinds for a reset leaves what that event began alone: the next run goes on with it.
    @inlinable
    public func movesWithReset(_ eventID: EventID) -> Bool { resetTo.map { eventID <= $0 } ?? false }

    /// What the run would say of its compensation if it closed now.
    public var compensationSummary: CompensationSummary { undoLog.summary(of: 0, isGivenUp: isGivenUp) }

    /// What a run that ends well says of its compensation: what its code had undone on the way. Entries that stand are
    /// what a good end leaves behind.
    public var completedCompensationSummary: CompensationSummary { undoLog.summaryOfBegun(isGivenUp: isGivenUp) }

    /// What the unwinding of a scope has reached.
    public func compensationSummary(of scope: UInt32) -> CompensationSummary {
        undoLog.summary(of: scope, isGivenUp: isGivenUp)
    }
}

/// A step that is not closed.
public struct StepState: Hashable, Sendable {
    /// The event that scheduled it, with its input and policies. Shared by all copies of the state, and read in place.
    public var scheduled: ActivityTaskScheduled {
        _read { yield box.value }
    }
    private let box: Shared<ActivityTaskScheduled>
    /// When it was scheduled.
    public var scheduledAt: Timestamp
    /// The current or next attempt, from 1.
    public var attempt: UInt32 = 1
    /// Whether an attempt ended without saying that nothing happened.
    public var hasUnknownAttempt = false
    /// When the next attempt may be handed out, if the last one failed.
    public var retryDueAt: Timestamp?
    /// Whether somebody wants it to stop.
    public var isCancelRequested = false
    /// The highest attempt whose hand-out is recorded.
    public var startedAttempt: UInt32 = 0
    /// The error of the last failed attempt.
    public var lastError: SagaError?
    /// The attempt that goes on outside of its worker, to be completed by its token; 0 for none.
    public var laterAttempt: UInt32 = 0
    /// When that attempt was handed out.
    public var laterSince: Timestamp?

    // What is asked for at each hand-out: other modules copy all of `scheduled` for one field of it.

    package var stepID: String { box.value.stepID }
    package var activityType: String { box.value.activityType }
    package var taskQueue: String { box.value.taskQueue }
    package var input: Payload { box.value.input }
    package var idempotencyKey: String { box.value.idempotencyKey }
    package var timeouts: ActivityTimeouts { box.value.timeouts }
    package var priority: Int32 { box.value.priority }

    init(_ scheduled: consuming ActivityTaskScheduled, at time: Timestamp) {
        box = Shared(scheduled)
        scheduledAt = time
    }

    /// What is known if it ended now, with this last attempt.
    public func outcome(of last: StepOutcome) -> StepOutcome {
        last == .completed ? .completed : (hasUnknownAttempt ? .unknown : last)
    }
}

/// A large value that never changes: whoever copies or moves what holds it copies a reference.
final class Shared<Value: Hashable & Sendable>: Hashable, Sendable {
    let value: Value

    init(_ value: consuming Value) { self.value = value }

    static func == (left: Shared, right: Shared) -> Bool { left === right || left.value == right.value }

    func hash(into hasher: inout Hasher) { hasher.combine(value) }
}

/// A timer that has not fired.
public struct TimerState: Hashable, Sendable {
    /// The timer's name in the code.
    public var timerID: String
    /// When it fires; never earlier.
    public var dueAt: Timestamp
    /// The command of the code that caused it.
    public var commandNumber: CommandNumber
}

/// An unwinding that has begun.
public struct Unwinding: Hashable, Sendable {
    /// Why.
    public var cause: UnwindCause
    /// The error behind it, if any.
    public var error: SagaError?
    /// The nested saga scope it belongs to; 0 is the run itself.
    public var scope: UInt32
    /// The closing command of the code, if that caused it.
    public var commandNumber: CommandNumber?
    /// Who or what asked for it, for the closing event.
    public var reason: String = ""
}

/// A cancel request.
public struct CancelRequest: Hashable, Sendable {
    /// Why, in the words of the one who asked.
    public var reason: String
    /// When it was asked for.
    public var at: Timestamp
}

/// What blocks a run.
public struct Block: Hashable, Sendable {
    /// Why.
    public var cause: BlockCause
    /// One line for the person who has to act.
    public var message: String
    /// When it was blocked.
    public var since: Timestamp
    /// The event that says so.
    public var eventID: EventID

    public init(cause: BlockCause, message: String, since: Timestamp, eventID: EventID) {
        self.cause = cause
        self.message = message
        self.since = since
        self.eventID = eventID
    }
}

/// Values by the event that began them, in the order of those events. Sagas have few open things at once, so a sorted array
/// beats a dictionary, and its order never depends on a hash.
public struct EventTable<Value: Hashable & Sendable>: Hashable, Sendable {
    @usableFromInline var keys: [EventID] = []
    @usableFromInline var values: [Value] = []

    @inlinable
    public init() {}

    /// Whether there are no values.
    @inlinable
    public var isEmpty: Bool { keys.isEmpty }
    /// How many values there are.
    @inlinable
    public var count: Int { keys.count }

    /// The event ids, ascending.
    @inlinable
    public var eventIDs: [EventID] { keys }

    /// The value that an event began; nil if there is none. Setting nil removes it.
    @inlinable
    public subscript(_ eventID: EventID) -> Value? {
        get { index(of: eventID).map { values[$0] } }
        set {
            // What begins is younger than what is there.
            if let newValue, keys.last.map({ $0 < eventID }) ?? true {
                keys.append(eventID)
                values.append(newValue)
                return
            }
            switch (index(of: eventID), newValue) {
            case (let index?, let value?): values[index] = value
            case (let index?, nil):
                keys.remove(at: index)
                values.remove(at: index)
            case (nil, let value?):
                let position = insertionIndex(eventID)
                keys.insert(eventID, at: position)
                values.insert(value, at: position)
            case (nil, nil): break
            }
        }
    }

    /// Takes a value out; nil if there is none.
    @inlinable
    public mutating func remove(_ eventID: EventID) -> Value? {
        guard let index = index(of: eventID) else { return nil }
        keys.remove(at: index)
        return values.remove(at: index)
    }

    /// Changes a value in place; false if there is none.
    @inlinable
    public mutating func update(_ eventID: EventID, _ change: (inout Value) -> Void) -> Bool {
        guard let index = index(of: eventID) else { return false }
        change(&values[index])
        return true
    }

    @inlinable
    func index(of eventID: EventID) -> Int? {
        // The oldest is looked for most.
        if keys.first == eventID { return 0 }
        let position = insertionIndex(eventID)
        return position < keys.count && keys[position] == eventID ? position : nil
    }

    @inlinable
    func insertionIndex(_ eventID: EventID) -> Int {
        var low = 0
        var high = keys.count
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] < eventID { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension EventTable: PostcardEncodable where Value: PostcardEncodable {
    public func encode(into writer: inout PostcardWriter) {
        writer.write(keys)
        writer.write(values)
    }
}

extension EventTable: PostcardDecodable where Value: PostcardDecodable {
    public init(from reader: inout PostcardReader) throws(CodecError) {
        keys = try reader.read()
        values = try reader.read()
        guard keys.count == values.count, zip(keys, keys.dropFirst()).allSatisfy(<) else {
            throw reader.failure(.badTag)
        }
    }
}
