public import SagaCodec

// The life of a run: events 0 to 12. Field order is the stored form: add fields at the end, with a new event version.

/// A run began. Always event 0 (a reset run begins with `WorkflowExecutionReset`). Event 0.
public struct WorkflowExecutionStarted: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.workflowExecutionStarted

    /// The namespace that the workflow id is unique in.
    public var namespace: String
    /// The caller's name for the saga, 1 to 255 bytes.
    public var workflowID: String
    /// Which workflow code runs.
    public var workflowType: String
    /// Version of that code as the caller asked for; 0 means the newest a worker serves.
    public var workflowVersion: UInt32
    /// Queue whose workers run the workflow code.
    public var taskQueue: String
    /// What `run` receives.
    public var input: Payload
    /// Request id of the start; the same id gives the same answer.
    public var requestID: String
    /// Microseconds after which the run is unwound and closes as timed out; 0 means never.
    public var executionTimeoutMicros: Int64
    /// Microseconds the code has to close after a cancel before the server unwinds it.
    public var cancelGraceMicros: Int64
    /// Whether a bad end unwinds by itself; if off, the code calls `compensate()`.
    public var autoCompensate: Bool
    /// Whether earlier undos go on when one has failed for good.
    public var continueOnUndoError: Bool
    /// Who asked for it.
    public var identity: String
    /// The run this one continues, if any.
    public var continuedFrom: SagaID?
    /// The run that started this one as a child, if any.
    public var parentSagaID: SagaID?
    /// The parent's `StartChildWorkflowExecutionInitiated`, if any.
    public var parentInitiatedEventID: EventID?
    /// Undo entries inherited from the run this one continues, oldest first.
    public var carriedUndo: [CarriedUndo]
    /// Notes of the caller, returned by describe.
    public var memo: [NamedPayload]
    /// Attributes that List filters by.
    public var searchAttributes: [NamedPayload]
    /// The newest messages that the runs before this one have dealt with, oldest first.
    public var carriedMessages: [CarriedMessage]
}

// In an extension, see `HistoryEvent`.
extension WorkflowExecutionStarted {
    @_disfavoredOverload
    public init(
        namespace: String, workflowID: String, workflowType: String, workflowVersion: UInt32, taskQueue: String,
        input: borrowing Payload, requestID: String = "", executionTimeoutMicros: Int64, cancelGraceMicros: Int64,
        autoCompensate: Bool = true, continueOnUndoError: Bool = false, identity: String = "",
        continuedFrom: SagaID? = nil, parentSagaID: SagaID? = nil, parentInitiatedEventID: EventID? = nil,
        carriedUndo: [CarriedUndo] = [], memo: [NamedPayload] = [], searchAttributes: [NamedPayload] = [],
        carriedMessages: [CarriedMessage] = []
    ) {
        self.init(
            namespace: namespace, workflowID: workflowID, workflowType: workflowType, workflowVersion: workflowVersion,
            taskQueue: taskQueue, input: copy input, requestID: requestID,
            executionTimeoutMicros: executionTimeoutMicros, cancelGraceMicros: cancelGraceMicros,
            autoCompensate: autoCompensate, continueOnUndoError: continueOnUndoError, identity: identity,
            continuedFrom: continuedFrom, parentSagaID: parentSagaID, parentInitiatedEventID: parentInitiatedEventID,
            carriedUndo: carriedUndo, memo: memo, searchAttributes: searchAttributes, carriedMessages: carriedMessages)
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        try self.init(firstForm: &reader)
        carriedMessages = try reader.read()
    }

    /// The fields of the first form, which all later ones begin with.
    init(firstForm reader: inout PostcardReader) throws(CodecError) {
        self.init(
            namespace: try reader.read(), workflowID: try reader.read(), workflowType: try reader.read(),
            workflowVersion: try reader.read(), taskQueue: try reader.read(), input: try reader.read(),
            requestID: try reader.read(), executionTimeoutMicros: try reader.read(),
            cancelGraceMicros: try reader.read(), autoCompensate: try reader.read(),
            continueOnUndoError: try reader.read(), identity: try reader.read(), continuedFrom: try reader.read(),
            parentSagaID: try reader.read(), parentInitiatedEventID: try reader.read(), carriedUndo: try reader.read(),
            memo: try reader.read(), searchAttributes: try reader.read(), carriedMessages: [])
    }

    @_effects(releasenone)
    public func encode(into writer: inout PostcardWriter) {
        writer.write(namespace)
        writer.write(workflowID)
        writer.write(workflowType)
        writer.write(workflowVersion)
        writer.write(taskQueue)
        writer.write(input)
        writer.write(requestID)
        writer.write(executionTimeoutMicros)
        writer.write(cancelGraceMicros)
        writer.write(autoCompensate)
        writer.write(continueOnUndoError)
        writer.write(identity)
        writer.write(continuedFrom)
        writer.write(parentSagaID)
        writer.write(parentInitiatedEventID)
        writer.write(carriedUndo)
        writer.write(memo)
        writer.write(searchAttributes)
        writer.write(carriedMessages)
    }
}

/// `run` returned. Event 1.
public struct WorkflowExecutionCompleted: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.workflowExecutionCompleted

    /// The command of the code that caused it, in the order the code issued them.
    public var commandNumber: CommandNumber
    /// What `run` returned.
    public var output: Payload
    /// What the unwinding reached before the run closed.
    public var compensation: CompensationSummary
    /// Signals that the code never took.
    public var unconsumedSignals: UInt32

    public init(
        commandNumber: CommandNumber, output: Payload, compensation: CompensationSummary, unconsumedSignals: UInt32 = 0
    ) {
        self.commandNumber = commandNumber
        self.output = output
        self.compensation = compensation
        self.unconsumedSignals = unconsumedSignals
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        commandNumber = try reader.read()
        output = try reader.read()
        compensation = try reader.read()
        unconsumedSignals = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(commandNumber)
        writer.write(output)
        writer.write(compensation)
        writer.write(unconsumedSignals)
    }
}

/// `run` threw, or the server gave the run up, and it was unwound. Event 2.
public struct WorkflowExecutionFailed: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.workflowExecutionFailed

    /// The command that caused it; nil if the server closed the run by itself.
    public var commandNumber: CommandNumber?
    /// The original error.
    public var error: SagaError
    /// What the unwinding reached before the run closed.
    public var compensation: CompensationSummary
    /// Signals that the code never took.
    public var unconsumedSignals: UInt32

    public init(
        commandNumber: CommandNumber? = nil, error: SagaError, compensation: CompensationSummary,
        unconsumedSignals: UInt32 = 0
    ) {
        self.commandNumber = commandNumber
        self.error = error
        self.compensation = compensation
        self.unconsumedSignals = unconsumedSignals
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        commandNumber = try reader.read()
        error = try reader.read()
        compensation = try reader.read()
        unconsumedSignals = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(commandNumber)
        writer.write(error)
        writer.write(compensation)
        writer.write(unconsumedSignals)
    }
}

/// The execution time-out passed and the run was unwound. Event 3.
public struct WorkflowExecutionTimedOut: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.workflowExecutionTimedOut

    /// What the unwinding reached before the run closed.
    public var compensation: CompensationSummary
    /// Signals that the code never took.
    public var unconsumedSignals: UInt32

    public init(compensation: CompensationSummary, unconsumedSignals: UInt32 = 0) {
        self.compensation = compensation
        self.unconsumedSignals = unconsumedSignals
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        compensation = try reader.read()
        unconsumedSignals = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(compensation)
        writer.write(unconsumedSignals)
    }
}

/// The run ended because of a cancel request and was unwound. Event 4.
public struct WorkflowExecutionCanceled: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.workflowExecutionCanceled

    /// The command that caused it; nil if the server closed the run by itself.
    public var commandNumber: CommandNumber?
    /// The reason of the cancel request.
    public var reason: String
    /// What the unwinding reached before the run closed.
    public var compensation: CompensationSummary
    /// Signals that the code never took.
    public var unconsumedSignals: UInt32

    public init(
        commandNumber: CommandNumber? = nil, reason: String = "", compensation: CompensationSummary,
        unconsumedSignals: UInt32 = 0
    ) {
        self.commandNumber = commandNumber
        self.reason = reason
        self.compensation = compensation
        self.unconsumedSignals = unconsumedSignals
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        commandNumber = try reader.read()
        reason = try reader.read()
        compensation = try reader.read()
        unconsumedSignals = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(commandNumber)
        writer.write(reason)
        writer.write(compensation)
        writer.write(unconsumedSignals)
    }
}

/// The run closed and its workflow id goes on in a new run. Event 5.
public struct WorkflowExecutionContinuedAsNew: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.workflowExecutionContinuedAsNew

    /// The command of the code that caused it, in the order the code issued them.
    public var commandNumber: CommandNumber
    /// The run that goes on.
    public var newSagaID: SagaID
    /// Its input.
    public var input: Payload
    /// Whether unsettled undo entries moved to the new run.
    public var undoCarried: Bool

    public init(commandNumber: CommandNumber, newSagaID: SagaID, input: Payload, undoCarried: Bool = false) {
        self.commandNumber = commandNumber
        self.newSagaID = newSagaID
        self.input = input
        self.undoCarried = undoCarried
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        commandNumber = try reader.read()
        newSagaID = try reader.read()
        input = try reader.read()
        undoCarried = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(commandNumber)
        writer.write(newSagaID)
        writer.write(input)
        writer.write(undoCarried)
    }
}

/// The run was stopped at once, or unwound first if the caller asked for it. Event 6.
public struct WorkflowExecutionTerminated: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.workflowExecutionTerminated

    /// Why.
    public var reason: String
    /// Who.
    public var identity: String
    /// The id of the request that caused it, for exactly-once answers; empty if none.
    public var requestID: String
    /// What the unwinding reached before the run closed.
    public var compensation: CompensationSummary
    /// The event that the run was reset to: another run goes on from there, and has taken its children over. Nil if the run was
    /// terminated for good.
    public var resetEventID: EventID?

    public init(
        reason: String = "", identity: String = "", requestID: String = "", compensation: CompensationSummary,
        resetEventID: EventID? = nil
    ) {
        self.reason = reason
        self.identity = identity
        self.requestID = requestID
        self.compensation = compensation
        self.resetEventID = resetEventID
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        reason = try reader.read()
        identity = try reader.read()
        requestID = try reader.read()
        compensation = try reader.read()
        resetEventID = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(reason)
        writer.write(identity)
        writer.write(requestID)
        writer.write(compensation)
        writer.write(resetEventID)
    }
}

/// Somebody asked the run to end; the code sees it as data. Event 7.
public struct WorkflowExecutionCancelRequested: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.workflowExecutionCancelRequested

    /// Why.
    public var reason: String
    /// Who.
    public var identity: String
    /// The id of the request that caused it, for exactly-once answers; empty if none.
    public var requestID: String

    public init(reason: String = "", identity: String = "", requestID: String = "") {
        self.reason = reason
        self.identity = identity
        self.requestID = requestID
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        reason = try reader.read()
        identity = try reader.read()
        requestID = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(reason)
        writer.write(identity)
        writer.write(requestID)
    }
}

/// First event of the run that a reset made. Event 8.
public struct WorkflowExecutionReset: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.workflowExecutionReset

    /// The run that was reset.
    public var baseSagaID: SagaID
    /// The last event that was kept.
    public var baseEventID: EventID
    /// Why.
    public var reason: String
    /// Who.
    public var identity: String
    /// The id of the request that caused it, for exactly-once answers; empty if none.
    public var requestID: String
    /// Undo entries of later steps that move along.
    public var carriedUndo: [CarriedUndo]
    /// The newest messages that the run dealt with after that event, oldest first.
    public var carriedMessages: [CarriedMessage]
    /// Whose events the run begins with, if the run that was reset was itself made by a reset: the first of them first, that
    /// run not among them. Empty in events that were stored before there was this field.
    public var origins: [RunOrigin]

    public init(
        baseSagaID: SagaID, baseEventID: EventID, reason: String = "", identity: String = "", requestID: String = "",
        carriedUndo: [CarriedUndo] = [], carriedMessages: [CarriedMessage] = [], origins: [RunOrigin] = []
    ) {
        self.baseSagaID = baseSagaID
        self.baseEventID = baseEventID
        self.reason = reason
        self.identity = identity
        self.requestID = requestID
        self.carriedUndo = carriedUndo
        self.carriedMessages = carriedMessages
        self.origins = origins
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        try self.init(secondForm: &reader)
        origins = try reader.read()
    }

    /// The fields of the second form.
    init(secondForm reader: inout PostcardReader) throws(CodecError) {
        try self.init(firstForm: &reader)
        carriedMessages = try reader.read()
    }

    /// The fields of the first form, which all later ones begin with.
    init(firstForm reader: inout PostcardReader) throws(CodecError) {
        baseSagaID = try reader.read()
        baseEventID = try reader.read()
        reason = try reader.read()
        identity = try reader.read()
        requestID = try reader.read()
        carriedUndo = try reader.read()
        carriedMessages = []
        origins = []
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(baseSagaID)
        writer.write(baseEventID)
        writer.write(reason)
        writer.write(identity)
        writer.write(requestID)
        writer.write(carriedUndo)
        writer.write(carriedMessages)
        writer.write(origins)
    }
}

/// The run needs a person. Event 9.
public struct WorkflowExecutionBlocked: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.workflowExecutionBlocked

    /// What it is blocked by.
    public var cause: BlockCause
    /// One line for the person: what happened and which verbs help.
    public var message: String
    /// The error behind it.
    public var error: SagaError?

    public init(cause: BlockCause, message: String, error: SagaError? = nil) {
        self.cause = cause
        self.message = message
        self.error = error
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        cause = try reader.read()
        message = try reader.read()
        error = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(cause)
        writer.write(message)
        writer.write(error)
    }
}

/// The run goes on. Event 10.
public struct WorkflowExecutionUnblocked: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.workflowExecutionUnblocked

    /// What it was blocked by.
    public var cause: BlockCause
    /// Who or what unblocked it.
    public var identity: String

    public init(cause: BlockCause, identity: String = "") {
        self.cause = cause
        self.identity = identity
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        cause = try reader.read()
        identity = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(cause)
        writer.write(identity)
    }
}

/// No new task is handed out until it is resumed. Event 11.
public struct WorkflowExecutionPaused: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.workflowExecutionPaused

    /// Why.
    public var reason: String
    /// Who.
    public var identity: String
    /// The id of the request that caused it, for exactly-once answers; empty if none.
    public var requestID: String

    public init(reason: String = "", identity: String = "", requestID: String = "") {
        self.reason = reason
        self.identity = identity
        self.requestID = requestID
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        reason = try reader.read()
        identity = try reader.read()
        requestID = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(reason)
        writer.write(identity)
        writer.write(requestID)
    }
}

/// Tasks are handed out again. Event 12.
public struct WorkflowExecutionResumed: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.workflowExecutionResumed

    /// Why.
    public var reason: String
    /// Who.
    public var identity: String
    /// The id of the request that caused it, for exactly-once answers; empty if none.
    public var requestID: String

    public init(reason: String = "", identity: String = "", requestID: String = "") {
        self.reason = reason
        self.identity = identity
        self.requestID = requestID
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        reason = try reader.read()
        identity = try reader.read()
        requestID = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(reason)
        writer.write(identity)
        writer.write(requestID)
    }
}
