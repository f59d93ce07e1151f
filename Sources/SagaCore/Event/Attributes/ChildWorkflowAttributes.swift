public import SagaCodec

// Child workflows: events 90 to 99. Field order is the stored form: add fields at the end, with a new event version.

/// The code wants a child. Event 90.
public struct StartChildWorkflowExecutionInitiated: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.startChildWorkflowExecutionInitiated

    /// The command of the code that caused it, in the order the code issued them.
    public var commandNumber: CommandNumber
    /// The child's workflow id.
    public var workflowID: String
    /// Which workflow code runs.
    public var workflowType: String
    /// Queue of that code.
    public var taskQueue: String
    /// What it receives.
    public var input: Payload
    /// What happens to the child when the parent closes.
    public var parentClosePolicy: ParentClosePolicy
    /// The nested saga scope it was issued in.
    public var scope: UInt32
    /// Microseconds after which the child is unwound; 0 is never.
    public var executionTimeoutMicros: Int64

    public init(
        commandNumber: CommandNumber, workflowID: String, workflowType: String, taskQueue: String, input: Payload,
        parentClosePolicy: ParentClosePolicy, scope: UInt32 = 0, executionTimeoutMicros: Int64 = 0
    ) {
        self.commandNumber = commandNumber
        self.workflowID = workflowID
        self.workflowType = workflowType
        self.taskQueue = taskQueue
        self.input = input
        self.parentClosePolicy = parentClosePolicy
        self.scope = scope
        self.executionTimeoutMicros = executionTimeoutMicros
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        commandNumber = try reader.read()
        workflowID = try reader.read()
        workflowType = try reader.read()
        taskQueue = try reader.read()
        input = try reader.read()
        parentClosePolicy = try reader.read()
        scope = try reader.read()
        executionTimeoutMicros = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(commandNumber)
        writer.write(workflowID)
        writer.write(workflowType)
        writer.write(taskQueue)
        writer.write(input)
        writer.write(parentClosePolicy)
        writer.write(scope)
        writer.write(executionTimeoutMicros)
    }
}

/// The child runs. Event 91.
public struct ChildWorkflowExecutionStarted: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.childWorkflowExecutionStarted

    /// The `StartChildWorkflowExecutionInitiated` it belongs to.
    public var initiatedEventID: EventID
    /// Its run.
    public var childSagaID: SagaID

    public init(initiatedEventID: EventID, childSagaID: SagaID) {
        self.initiatedEventID = initiatedEventID
        self.childSagaID = childSagaID
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        initiatedEventID = try reader.read()
        childSagaID = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(initiatedEventID)
        writer.write(childSagaID)
    }
}

/// The child completed. Event 92.
public struct ChildWorkflowExecutionCompleted: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.childWorkflowExecutionCompleted

    /// The `StartChildWorkflowExecutionInitiated` it belongs to.
    public var initiatedEventID: EventID
    /// What it returned.
    public var output: Payload
    /// Whether it left something that can be undone.
    public var hasUndo: Bool

    public init(initiatedEventID: EventID, output: Payload, hasUndo: Bool = false) {
        self.initiatedEventID = initiatedEventID
        self.output = output
        self.hasUndo = hasUndo
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        initiatedEventID = try reader.read()
        output = try reader.read()
        hasUndo = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(initiatedEventID)
        writer.write(output)
        writer.write(hasUndo)
    }
}

/// The child failed and was unwound. Event 93.
public struct ChildWorkflowExecutionFailed: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.childWorkflowExecutionFailed

    /// The `StartChildWorkflowExecutionInitiated` it belongs to.
    public var initiatedEventID: EventID
    /// Its error.
    public var error: SagaError

    public init(initiatedEventID: EventID, error: SagaError) {
        self.initiatedEventID = initiatedEventID
        self.error = error
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        initiatedEventID = try reader.read()
        error = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(initiatedEventID)
        writer.write(error)
    }
}

/// The child was cancelled and unwound. Event 94.
public struct ChildWorkflowExecutionCanceled: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.childWorkflowExecutionCanceled

    /// The `StartChildWorkflowExecutionInitiated` it belongs to.
    public var initiatedEventID: EventID

    public init(initiatedEventID: EventID) {
        self.initiatedEventID = initiatedEventID
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        initiatedEventID = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(initiatedEventID)
    }
}

/// The child timed out and was unwound. Event 95.
public struct ChildWorkflowExecutionTimedOut: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.childWorkflowExecutionTimedOut

    /// The `StartChildWorkflowExecutionInitiated` it belongs to.
    public var initiatedEventID: EventID

    public init(initiatedEventID: EventID) {
        self.initiatedEventID = initiatedEventID
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        initiatedEventID = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(initiatedEventID)
    }
}

/// The child was terminated. Event 96.
public struct ChildWorkflowExecutionTerminated: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.childWorkflowExecutionTerminated

    /// The `StartChildWorkflowExecutionInitiated` it belongs to.
    public var initiatedEventID: EventID

    public init(initiatedEventID: EventID) {
        self.initiatedEventID = initiatedEventID
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        initiatedEventID = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(initiatedEventID)
    }
}

/// The child goes on in a new run. Event 97.
public struct ChildWorkflowExecutionContinuedAsNew: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.childWorkflowExecutionContinuedAsNew

    /// The `StartChildWorkflowExecutionInitiated` it belongs to.
    public var initiatedEventID: EventID
    /// The run that goes on.
    public var newSagaID: SagaID

    public init(initiatedEventID: EventID, newSagaID: SagaID) {
        self.initiatedEventID = initiatedEventID
        self.newSagaID = newSagaID
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        initiatedEventID = try reader.read()
        newSagaID = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(initiatedEventID)
        writer.write(newSagaID)
    }
}

/// The parent wants the child to end. Event 98.
public struct ChildWorkflowExecutionCancelRequested: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.childWorkflowExecutionCancelRequested

    /// The command that caused it; nil if the server closed the run by itself.
    public var commandNumber: CommandNumber?
    /// The `StartChildWorkflowExecutionInitiated` it belongs to.
    public var initiatedEventID: EventID

    public init(commandNumber: CommandNumber? = nil, initiatedEventID: EventID) {
        self.commandNumber = commandNumber
        self.initiatedEventID = initiatedEventID
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        commandNumber = try reader.read()
        initiatedEventID = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(commandNumber)
        writer.write(initiatedEventID)
    }
}

/// The child could not be started. Event 99.
public struct StartChildWorkflowExecutionFailed: EventAttribute, Hashable, Sendable {
    public static let eventType = EventType.startChildWorkflowExecutionFailed

    /// The `StartChildWorkflowExecutionInitiated` it belongs to.
    public var initiatedEventID: EventID
    /// Why.
    public var error: SagaError

    public init(initiatedEventID: EventID, error: SagaError) {
        self.initiatedEventID = initiatedEventID
        self.error = error
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        initiatedEventID = try reader.read()
        error = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(initiatedEventID)
        writer.write(error)
    }
}
