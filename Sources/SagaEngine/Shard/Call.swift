public import SagaCore

/// Names one call until it is answered.
package typealias CallID = UInt64

/// What a caller asks of the engine.
public enum Call: Sendable {
    /// Start a run.
    case start(StartCall)
    /// Give a run a signal.
    case signal(SignalCall)
    /// Give a run a signal, and start it first if it is not open.
    case signalWithStart(StartCall, SignalCall)
    /// Ask a run to end; its code sees it as data.
    case cancel(ControlCall)
    /// Stop a run; with `compensate` it is unwound first.
    case terminate(ControlCall, compensate: Bool)
    /// Hand out nothing of a run until it is resumed.
    case pause(ControlCall)
    case resume(ControlCall)
    /// Go on from an earlier event in a new run.
    case reset(ResetCall)
    /// Wait until a run is closed.
    case result(RunTarget)
    /// Tell how a run stands.
    case describe(RunTarget)
    /// Wait until a run has durable events from this id on, or is closed.
    case awaitEvents(RunTarget, from: EventID)
    /// Ask the code to do something, and wait for its answer.
    case update(UpdateCall)
    /// Ask the code something; it changes nothing.
    case query(QueryCall)
    /// Undo a run that closed well, in a new run; asked for by its parent.
    case undoRun(UndoRunCall)
    /// An operator's decision about a blocked undo, or about a run whose code is blocked.
    case operate(OperatorCall)
    /// Register a definition.
    case define(DefinitionCall)
    /// Read a definition; version 0 is the newest.
    case definition(namespace: String, name: String, version: UInt32)
    /// List definitions by name, those after a name.
    case definitions(namespace: String, after: String, limit: Int)
    /// The end of an attempt that somebody outside of the worker knows of; answered like a worker's report.
    case reportActivity(ActivityReportCall)
    /// A sign of life of an attempt that goes on outside of the worker.
    case heartbeatActivity(ActivityHeartbeatCall)
    /// The clock of a namespace: reads it, gives the namespace a virtual one, or moves that.
    case clock(ClockCall)
}

/// How an attempt ended, told by whoever has its token.
public struct ActivityReportCall: Sendable {
    public var namespace: String
    public var reference: TaskReference
    /// Anything but `completesLater`.
    public var result: ActivityResult

    public init(namespace: String, reference: TaskReference, result: ActivityResult) {
        self.namespace = namespace
        self.reference = reference
        self.result = result
    }
}

/// That an attempt is alive, told by whoever has its token.
public struct ActivityHeartbeatCall: Sendable {
    public var namespace: String
    public var reference: TaskReference
    /// The next attempt gets the last ones.
    public var details: Payload?

    public init(namespace: String, reference: TaskReference, details: Payload? = nil) {
        self.namespace = namespace
        self.reference = reference
        self.details = details
    }
}

/// Names a run.
public struct RunTarget: Hashable, Sendable {
    public var namespace: String
    public var workflowID: String
    /// One run of the workflow id; nil means the open one, or the newest if none is open.
    public var sagaID: SagaID?

    public init(namespace: String, workflowID: String, sagaID: SagaID? = nil) {
        self.namespace = namespace
        self.workflowID = workflowID
        self.sagaID = sagaID
    }
}

/// A request to start a run.
public struct StartCall: Hashable, Sendable {
    public var namespace: String
    public var workflowID: String
    public var workflowType: String
    /// 0 means the newest that a worker serves.
    public var workflowVersion: UInt32
    /// Empty means the engine's default queue.
    public var taskQueue: String
    public var input: Payload
    /// The same id gives the same answer; empty for none.
    public var requestID: String
    public var identity: String
    /// What to do if the workflow id was used before.
    public var reusePolicy: ReusePolicy
    /// 0 means never.
    public var executionTimeoutMicros: Int64
    /// 0 means the engine's default.
    public var cancelGraceMicros: Int64
    public var autoCompensate: Bool
    public var continueOnUndoError: Bool
    public var memo: [NamedPayload]
    public var searchAttributes: [NamedPayload]
    public var traceID: String?
    /// The run that starts this one as a child.
    public var parent: ParentLink?

    public init(
        namespace: String, workflowID: String, workflowType: String, workflowVersion: UInt32 = 0,
        taskQueue: String = "",
        input: Payload, requestID: String = "", identity: String = "", reusePolicy: ReusePolicy = .allowIfFailed,
        executionTimeoutMicros: Int64 = 0, cancelGraceMicros: Int64 = 0, autoCompensate: Bool = true,
        continueOnUndoError: Bool = false, memo: [NamedPayload] = [], searchAttributes: [NamedPayload] = [],
        traceID: String? = nil, parent: ParentLink? = nil
    ) {
        self.namespace = namespace
        self.workflowID = workflowID
        self.workflowType = workflowType
        self.workflowVersion = workflowVersion
        self.taskQueue = taskQueue
        self.input = input
        self.requestID = requestID
        self.identity = identity
        self.reusePolicy = reusePolicy
        self.executionTimeoutMicros = executionTimeoutMicros
        self.cancelGraceMicros = cancelGraceMicros
        self.autoCompensate = autoCompensate
        self.continueOnUndoError = continueOnUndoError
        self.memo = memo
        self.searchAttributes = searchAttributes
        self.traceID = traceID
        self.parent = parent
    }
}

/// Whether a closed workflow id may be used again (semantics, section 2, promise 7).
public enum ReusePolicy: UInt8, Hashable, Sendable, CaseIterable {
    case allowIfFailed = 0
    case allow = 1
    case reject = 2
}

/// A signal to a run.
public struct SignalCall: Hashable, Sendable {
    public var target: RunTarget
    public var name: String
    public var payload: Payload
    /// The same id twice is one signal; empty means that the request id is used.
    public var signalID: String
    public var requestID: String
    public var identity: String

    public init(
        target: RunTarget, name: String, payload: Payload, signalID: String = "", requestID: String = "",
        identity: String = ""
    ) {
        self.target = target
        self.name = name
        self.payload = payload
        self.signalID = signalID
        self.requestID = requestID
        self.identity = identity
    }
}

/// An update of a run.
public struct UpdateCall: Hashable, Sendable {
    public var target: RunTarget
    /// The handler.
    public var name: String
    /// Its arguments.
    public var payload: Payload
    /// The same id twice is one update; empty means that the request id is used.
    public var updateID: String
    /// Whether the caller waits only until the update is accepted.
    public var returnsWhenAccepted: Bool
    public var requestID: String
    public var identity: String
    /// Whether the named run is one that the engine looked up, because it has dealt with the update.
    var isRepeat = false

    public init(
        target: RunTarget, name: String, payload: Payload, updateID: String = "", returnsWhenAccepted: Bool = false,
        requestID: String = "", identity: String = ""
    ) {
        self.target = target
        self.name = name
        self.payload = payload
        self.updateID = updateID
        self.returnsWhenAccepted = returnsWhenAccepted
        self.requestID = requestID
        self.identity = identity
    }
}

/// A query of a run, open or closed.
public struct QueryCall: Hashable, Sendable {
    public var target: RunTarget
    /// The handler.
    public var name: String
    /// Its arguments.
    public var payload: Payload

    public init(target: RunTarget, name: String, payload: Payload = .empty) {
        self.target = target
        self.name = name
        self.payload = payload
    }
}

/// A request to undo a run that closed well.
public struct UndoRunCall: Hashable, Sendable {
    /// Its workflow id.
    public var target: RunTarget
    /// The run.
    public var closedRun: SagaID
    /// Names the undoing, so that it is begun once.
    public var requestID: String
    /// What the names of all its rounds begin with.
    public var key: String
    public var identity: String
    /// The newest run of the workflow id, once that is known.
    var newest: SagaID?

    init(target: RunTarget, closedRun: SagaID, requestID: String, key: String, identity: String) {
        self.target = target
        self.closedRun = closedRun
        self.requestID = requestID
        self.key = key
        self.identity = identity
    }
}

/// A request to go on from an earlier event.
public struct ResetCall: Hashable, Sendable {
    /// What happens to undo entries of later steps.
    public enum Undo: UInt8, Hashable, Sendable, CaseIterable {
        /// They are undone first.
        case undo
        /// They move to the new run.
        case keep
        /// They are forgotten.
        case drop
    }

    public var target: RunTarget
    /// The last event that is kept.
    public var eventID: EventID
    public var undo: Undo
    public var reason: String
    public var requestID: String
    public var identity: String
    /// How far the request was looked for in the runs before the newest one; nil before that.
    var search: Search?

    /// The request may have made a run that has gone on as others since.
    struct Search: Hashable, Sendable {
        /// What the caller named.
        var target: RunTarget
        /// Runs that were looked at.
        var looks = 0
        var isOver = false
    }

    public init(
        target: RunTarget, eventID: EventID, undo: Undo = .undo, reason: String = "", requestID: String = "",
        identity: String = ""
    ) {
        self.target = target
        self.eventID = eventID
        self.undo = undo
        self.reason = reason
        self.requestID = requestID
        self.identity = identity
    }
}

/// A request to end a run.
public struct ControlCall: Hashable, Sendable {
    public var target: RunTarget
    public var reason: String
    public var requestID: String
    public var identity: String

    public init(target: RunTarget, reason: String = "", requestID: String = "", identity: String = "") {
        self.target = target
        self.reason = reason
        self.requestID = requestID
        self.identity = identity
    }
}

/// An operator's verb.
public struct OperatorCall: Hashable, Sendable {
    public var target: RunTarget
    public var verb: OperatorVerb
    /// The undo entry, by the event that scheduled its step; nil for a run whose code is blocked.
    public var stepEventID: EventID?
    public var input: Payload?
    public var reason: String
    public var requestID: String
    public var identity: String

    public init(
        target: RunTarget, verb: OperatorVerb, stepEventID: EventID? = nil, input: Payload? = nil, reason: String = "",
        requestID: String = "", identity: String = ""
    ) {
        self.target = target
        self.verb = verb
        self.stepEventID = stepEventID
        self.input = input
        self.reason = reason
        self.requestID = requestID
        self.identity = identity
    }
}

/// What the engine answers.
public enum CallReply: Sendable {
    /// The run; `alreadyStarted` if it was open before.
    case started(SagaID, alreadyStarted: Bool)
    /// Recorded.
    case done(SagaID)
    /// How the run ended.
    case closed(ClosedRun)
    case description(ExecutionDescription)
    /// What became of an update, so far.
    case updated(UpdateReply)
    /// What a query handler returned, and the last event that the code had seen.
    case queried(Payload, upTo: EventID)
    /// Events up to this id are durable.
    case events(SagaID, nextEventID: EventID, isClosed: Bool)
    /// A definition is registered in this version; `unchanged` if it was before.
    case defined(version: UInt32, unchanged: Bool)
    case definition(SagaDefinition, registeredAt: Timestamp)
    case definitions([DefinitionSummary], hasMore: Bool)
    /// What became of a report about an attempt.
    case reported(ReportVerdict)
    /// Whether the attempt still counts, and whether it should stop.
    case alive(isCurrent: Bool, isCancelRequested: Bool)
    /// What the clock of a namespace shows.
    case clock(ClockReading)
}

/// What became of an update.
public struct UpdateReply: Hashable, Sendable {
    public var sagaID: SagaID
    /// The event that accepted or refused it.
    public var acceptedEventID: EventID
    /// Open if the caller did not want to wait for more than the acceptance.
    public var outcome: UpdateState.Outcome

    public init(sagaID: SagaID, acceptedEventID: EventID, outcome: UpdateState.Outcome) {
        self.sagaID = sagaID
        self.acceptedEventID = acceptedEventID
        self.outcome = outcome
    }
}

/// How a run ended.
public struct ClosedRun: Sendable {
    public var sagaID: SagaID
    public var status: ExecutionStatus
    /// The closing event.
    public var closing: EventAttributes
    /// Whether it left something that can be undone; known where a parent asks.
    public var hasUndo: Bool

    public init(sagaID: SagaID, status: ExecutionStatus, closing: EventAttributes, hasUndo: Bool = false) {
        self.sagaID = sagaID
        self.status = status
        self.closing = closing
        self.hasUndo = hasUndo
    }
}

/// Why a call was not done.
public struct CallFailure: Error, Hashable, Sendable {
    /// gRPC's names, for what a caller can do about it.
    public enum Code: Hashable, Sendable {
        case invalidArgument
        case notFound
        case alreadyExists
        case failedPrecondition
        /// The run ended before what was asked of it did.
        case aborted
        /// Too much at once; try again later.
        case resourceExhausted
        /// Try again; the outcome of a mutation is unknown unless `outcomeUnknown` is false.
        case unavailable
        /// The engine itself is at fault.
        case internalError
    }

    public var code: Code
    public var message: String
    /// Whether a mutation may have happened: repeat it with the same request id.
    public var outcomeUnknown: Bool
    /// Microseconds to wait before a repeat; 0 if nothing is known.
    public var retryAfterMicros: Int64
    /// The run that the failure is about, if there is one.
    public var sagaID: SagaID?
    /// The status of that run.
    public var status: ExecutionStatus?

    public init(
        _ code: Code, _ message: String, outcomeUnknown: Bool = false, retryAfterMicros: Int64 = 0,
        sagaID: SagaID? = nil, status: ExecutionStatus? = nil
    ) {
        self.code = code
        self.message = message
        self.outcomeUnknown = outcomeUnknown
        self.retryAfterMicros = retryAfterMicros
        self.sagaID = sagaID
        self.status = status
    }
}

extension CallFailure: CustomStringConvertible {
    public var description: String { message }
}
