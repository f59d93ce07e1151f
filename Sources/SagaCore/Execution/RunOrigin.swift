public import SagaCodec

/// Whose events a run that was made by a reset begins with.
public struct RunOrigin: Hashable, Sendable {
    /// How many a run has at most: it can be reset that often, each time from the run that the reset before it made.
    public static let maximumCount = 1_000

    /// The run that was reset.
    public var sagaID: SagaID
    /// The last of its events that the run has, too.
    public var upTo: EventID

    public init(sagaID: SagaID, upTo: EventID) {
        self.sagaID = sagaID
        self.upTo = upTo
    }
}

extension RunOrigin: PostcardCodable {
    public init(from reader: inout PostcardReader) throws(CodecError) {
        self.init(sagaID: try reader.read(), upTo: try reader.read())
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(sagaID)
        writer.write(upTo)
    }
}

extension ExecutionState {
    /// The run in which an event happened first: another one's, if a reset took it over. Children and signals to other sagas go
    /// by its name, however often the run is reset.
    @inlinable
    public func origin(of eventID: EventID) -> SagaID {
        origins.first { eventID <= $0.upTo }?.sagaID ?? sagaID
    }

    /// The run in which the first event happened, if it is another one; see `WorkflowTask.firstRun`.
    @inlinable
    package var firstRun: SagaID? { origins.first?.sagaID }

    /// Whether an event of this run is one of that run, too: it is the same, or what this one was made of by resets.
    public func isLineage(_ other: SagaID, with eventID: EventID) -> Bool {
        other == sagaID || origins.contains { $0.sagaID == other && eventID <= $0.upTo }
    }

    /// Whether an event is one of those that a reset has made the run of: taken over, or the one that says so.
    public func isMadeByReset(upTo eventID: EventID) -> Bool {
        origins.last.map { eventID <= $0.upTo || eventID - $0.upTo == 1 } ?? false
    }

    /// What a run that a reset makes of this one must be told: its own first events may not say it, because the reset that
    /// made this run can be behind the event to which it is reset.
    public func originsToCarry(upTo eventID: EventID) -> [RunOrigin] {
        origins.map { RunOrigin(sagaID: $0.sagaID, upTo: min($0.upTo, eventID)) }
    }

    /// A reset made the run.
    mutating func takeOver(_ reset: WorkflowExecutionReset) {
        // Whoever knows of the resets before knows of all that the first events tell of.
        if !reset.origins.isEmpty { origins = reset.origins }
        origins.append(RunOrigin(sagaID: reset.baseSagaID, upTo: reset.baseEventID))
    }
}
