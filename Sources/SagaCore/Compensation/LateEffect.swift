public import SagaCodec

/// A success that was reported after its step's undo had begun, or after its run was closed (semantics, section 4, "Undo
/// input").
///
/// A closed run takes no event any more, so it is kept beside the histories; of an open run it is the index entry of the
/// event that put the undo back.
public struct LateEffect: Hashable, Sendable {
    /// The run.
    public var sagaID: SagaID
    /// The namespace of the workflow id.
    public var namespace: String
    /// The caller's name for the saga.
    public var workflowID: String
    /// The event that scheduled the step.
    public var scheduledEventID: EventID
    /// The attempt that reported, from 1.
    public var attempt: UInt32
    /// The step's name in the code.
    public var stepID: String
    /// What ran.
    public var activityType: String
    /// The activity that would undo it; empty if the step has none.
    public var undoActivityType: String
    /// The key under which the effect happened.
    public var idempotencyKey: String
    /// When the report came.
    public var reportedAt: Timestamp
    /// What it reported.
    public var output: Payload
    /// What the activity prepared for its undo.
    public var undoData: Payload?
    /// Whether the undo was queued once more; if not, the run was closed, and a person must see to it.
    public var isUndoneAgain: Bool

    public init(
        sagaID: SagaID, namespace: String, workflowID: String, scheduledEventID: EventID, attempt: UInt32,
        stepID: String, activityType: String, undoActivityType: String, idempotencyKey: String, reportedAt: Timestamp,
        output: Payload, undoData: Payload?, isUndoneAgain: Bool
    ) {
        self.sagaID = sagaID
        self.namespace = namespace
        self.workflowID = workflowID
        self.scheduledEventID = scheduledEventID
        self.attempt = attempt
        self.stepID = stepID
        self.activityType = activityType
        self.undoActivityType = undoActivityType
        self.idempotencyKey = idempotencyKey
        self.reportedAt = reportedAt
        self.output = output
        self.undoData = undoData
        self.isUndoneAgain = isUndoneAgain
    }
}

/// A filter of late effects, paged by their place in the store.
public struct LateEffectQuery: Hashable, Sendable {
    /// The namespace of the workflow ids.
    public var namespace: String
    /// Only of this run; nil for all.
    public var sagaID: SagaID?
    /// Only those behind this place: the last one of the page before; 0 for the first page.
    public var after: UInt64
    /// Most entries to return.
    public var limit: Int

    public init(namespace: String, sagaID: SagaID? = nil, after: UInt64 = 0, limit: Int = 100) {
        self.namespace = namespace
        self.sagaID = sagaID
        self.after = after
        self.limit = limit
    }
}

/// A late effect as the store lists it.
public struct StoredLateEffect: Hashable, Sendable {
    /// Its place, from 1 in the order in which they were recorded.
    public var place: UInt64
    /// What was reported.
    public var effect: LateEffect

    public init(place: UInt64, effect: LateEffect) {
        self.place = place
        self.effect = effect
    }
}

extension LateEffect: PostcardCodable {
    public init(from reader: inout PostcardReader) throws(CodecError) {
        sagaID = try reader.read()
        namespace = try reader.read()
        workflowID = try reader.read()
        scheduledEventID = try reader.read()
        attempt = try reader.read()
        stepID = try reader.read()
        activityType = try reader.read()
        undoActivityType = try reader.read()
        idempotencyKey = try reader.read()
        reportedAt = try reader.read()
        output = try reader.read()
        undoData = try reader.read()
        isUndoneAgain = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(sagaID)
        writer.write(namespace)
        writer.write(workflowID)
        writer.write(scheduledEventID)
        writer.write(attempt)
        writer.write(stepID)
        writer.write(activityType)
        writer.write(undoActivityType)
        writer.write(idempotencyKey)
        writer.write(reportedAt)
        writer.write(output)
        writer.write(undoData)
        writer.write(isUndoneAgain)
    }
}
