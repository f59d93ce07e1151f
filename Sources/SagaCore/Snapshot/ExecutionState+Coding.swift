public import SagaCodec

// The stored form of a run's state, as snapshots hold it. One state has one form: tables and sets are written in order.
// What changes here, or in what `apply` makes of an event, is a new `Snapshot.schemaVersion`.

extension ExecutionState: PostcardCodable {
    public func encode(into writer: inout PostcardWriter) {
        writer.write(sagaID)
        writer.write(namespace)
        writer.write(workflowID)
        writer.write(workflowType)
        writer.write(workflowVersion)
        writer.write(taskQueue)
        writer.write(startedAt)
        writer.write(closedAt)
        writer.write(executionTimeoutMicros)
        writer.write(cancelGraceMicros)
        writer.write(autoCompensate)
        writer.write(continueOnUndoError)
        writer.write(status)
        writer.write(nextEventID)
        writer.write(lastTimestamp)
        writer.write(nextCommandNumber)
        writer.write(steps)
        writer.write(timers)
        writer.write(undoLog)
        writer.write(unwinding)
        writer.write(queuedUnwindings)
        writer.write(isGivenUp)
        writer.write(isPastPivot)
        writer.write(cancelRequest)
        writer.write(block)
        writer.write(lastMessageEventID)
        writer.write(children)
        writer.write(parent)
        writer.write(memo)
        writer.write(searchAttributes)
        writer.write(resetTo)
        writer.write(origins)
        writer.write(localSteps)
        writer.write(externalSignals)
        writer.write(openUpdates)
        writer.write(updates)
        writer.write(signalCount)
        writer.write(signalIDs)
        writer.write(requests)
        writer.write(carriedMessages)
        writer.write(eventsByCommand)
        writer.write(checkpoint)
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        self.init(sagaID: try reader.read())
        namespace = try reader.read()
        workflowID = try reader.read()
        workflowType = try reader.read()
        workflowVersion = try reader.read()
        taskQueue = try reader.read()
        startedAt = try reader.read()
        closedAt = try reader.read()
        executionTimeoutMicros = try reader.read()
        cancelGraceMicros = try reader.read()
        autoCompensate = try reader.read()
        continueOnUndoError = try reader.read()
        status = try reader.read()
        nextEventID = try reader.read()
        // Ids are counted up from here.
        guard nextEventID <= AppendEntry.maximumEventID else { throw reader.failure(.limitExceeded) }
        lastTimestamp = try reader.read()
        nextCommandNumber = try reader.read()
        steps = try reader.read()
        timers = try reader.read()
        undoLog = try reader.read()
        unwinding = try reader.read()
        queuedUnwindings = try reader.read()
        isGivenUp = try reader.read()
        isPastPivot = try reader.read()
        cancelRequest = try reader.read()
        block = try reader.read()
        lastMessageEventID = try reader.read()
        children = try reader.read()
        parent = try reader.read()
        memo = try reader.read()
        searchAttributes = try reader.read()
        resetTo = try reader.read()
        origins = try reader.read()
        localSteps = try reader.read()
        externalSignals = try reader.read()
        openUpdates = try reader.read()
        updates = try reader.read()
        signalCount = try reader.read()
        signalIDs = try reader.read()
        requests = try reader.read()
        carriedMessages = try reader.read()
        eventsByCommand = try reader.read()
        checkpoint = try reader.read()
        guard checkpoint.map({ $0 < nextEventID }) ?? true else { throw reader.failure(.limitExceeded) }
    }
}

extension ExecutionState {
    /// As the stored form has it.
    private var eventsByCommand: [CommandNumber: EventID] {
        get {
            var events: [CommandNumber: EventID] = [:]
            for number in eventOfCommand.eventIDs { events[CommandNumber(clamping: number)] = eventOfCommand[number] }
            return events
        }
        set {
            eventOfCommand = EventTable()
            for (number, eventID) in newValue.sorted(by: { $0.key < $1.key }) {
                eventOfCommand[EventID(number)] = eventID
            }
        }
    }
}

extension StepState: PostcardCodable {
    public func encode(into writer: inout PostcardWriter) {
        writer.write(scheduled)
        writer.write(scheduledAt)
        writer.write(attempt)
        writer.write(hasUnknownAttempt)
        writer.write(retryDueAt)
        writer.write(isCancelRequested)
        writer.write(startedAttempt)
        writer.write(lastError)
        writer.write(laterAttempt)
        writer.write(laterSince)
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        self.init(try reader.read(), at: try reader.read())
        attempt = try reader.read()
        hasUnknownAttempt = try reader.read()
        retryDueAt = try reader.read()
        isCancelRequested = try reader.read()
        startedAttempt = try reader.read()
        lastError = try reader.read()
        laterAttempt = try reader.read()
        laterSince = try reader.read()
    }
}

extension TimerState: PostcardCodable {
    public func encode(into writer: inout PostcardWriter) {
        writer.write(timerID)
        writer.write(dueAt)
        writer.write(commandNumber)
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        timerID = try reader.read()
        dueAt = try reader.read()
        commandNumber = try reader.read()
    }
}

extension Unwinding: PostcardCodable {
    public func encode(into writer: inout PostcardWriter) {
        writer.write(cause)
        writer.write(error)
        writer.write(scope)
        writer.write(commandNumber)
        writer.write(reason)
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        cause = try reader.read()
        error = try reader.read()
        scope = try reader.read()
        commandNumber = try reader.read()
        reason = try reader.read()
    }
}

extension CancelRequest: PostcardCodable {
    public func encode(into writer: inout PostcardWriter) {
        writer.write(reason)
        writer.write(at)
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        reason = try reader.read()
        at = try reader.read()
    }
}

extension Block: PostcardCodable {
    public func encode(into writer: inout PostcardWriter) {
        writer.write(cause)
        writer.write(message)
        writer.write(since)
        writer.write(eventID)
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        cause = try reader.read()
        message = try reader.read()
        since = try reader.read()
        eventID = try reader.read()
    }
}

extension ChildState: PostcardCodable {
    public func encode(into writer: inout PostcardWriter) {
        writer.write(initiated)
        writer.write(sagaID)
        writer.write(isCancelRequested)
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        initiated = try reader.read()
        sagaID = try reader.read()
        isCancelRequested = try reader.read()
    }
}

extension ParentLink: PostcardCodable {
    public func encode(into writer: inout PostcardWriter) {
        writer.write(sagaID)
        writer.write(eventID)
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        sagaID = try reader.read()
        eventID = try reader.read()
    }
}

extension UpdateState: PostcardCodable {
    public func encode(into writer: inout PostcardWriter) {
        writer.write(name)
        writer.write(eventID)
        switch outcome {
        case .open: writer.write(0 as UInt8)
        case .completed(let output):
            writer.write(1 as UInt8)
            writer.write(output)
        case .rolledBack(let error):
            writer.write(2 as UInt8)
            writer.write(error)
        case .rejected(let error):
            writer.write(3 as UInt8)
            writer.write(error)
        }
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        name = try reader.read()
        eventID = try reader.read()
        switch try reader.read(UInt8.self) {
        case 0: outcome = .open
        case 1: outcome = .completed(try reader.read())
        case 2: outcome = .rolledBack(try reader.read())
        case 3: outcome = .rejected(try reader.read())
        default: throw reader.failure(.badTag)
        }
    }
}

extension UndoEntry.Status: PostcardCodable {
    public func encode(into writer: inout PostcardWriter) {
        let code: UInt8 =
            switch self {
            case .open: 0
            case .running: 1
            case .waiting: 2
            case .undone: 3
            case .failed: 4
            case .blocked: 5
            case .skipped: 6
            case .resolved: 7
            case .dormant: 8
            }
        writer.write(code)
        if case .waiting(let until) = self { writer.write(until) }
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        switch try reader.read(UInt8.self) {
        case 0: self = .open
        case 1: self = .running
        case 2: self = .waiting(until: try reader.read())
        case 3: self = .undone
        case 4: self = .failed
        case 5: self = .blocked
        case 6: self = .skipped
        case 7: self = .resolved
        case 8: self = .dormant
        default: throw reader.failure(.badTag)
        }
    }
}

extension UndoEntry: PostcardCodable {
    public func encode(into writer: inout PostcardWriter) {
        writer.write(stepEventID)
        writer.write(closingEventID)
        writer.write(stepID)
        writer.write(undo)
        writer.write(taskQueue)
        writer.write(input)
        writer.write(output)
        writer.write(data)
        writer.write(outcome)
        writer.write(stepKey)
        writer.write(idempotencyKey)
        writer.write(scope)
        writer.write(group)
        writer.write(child)
        writer.write(status)
        writer.write(attempt)
        writer.write(firstAttempt)
        writer.write(lastError)
    }

    public init(from reader: inout PostcardReader) throws(CodecError) {
        stepEventID = try reader.read()
        closingEventID = try reader.read()
        stepID = try reader.read()
        undo = try reader.read()
        taskQueue = try reader.read()
        input = try reader.read()
        output = try reader.read()
        data = try reader.read()
        outcome = try reader.read()
        stepKey = try reader.read()
        idempotencyKey = try reader.read()
        scope = try reader.read()
        group = try reader.read()
        child = try reader.read()
        status = try reader.read()
        attempt = try reader.read()
        firstAttempt = try reader.read()
        lastError = try reader.read()
    }
}
