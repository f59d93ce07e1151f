/// A fact of one run: appended once, never changed (semantics, section 1).
public struct HistoryEvent: Hashable, Sendable {
    /// Position in the run, from 0, without gaps.
    public var eventID: EventID
    /// The run it belongs to.
    public var sagaID: SagaID
    /// When it happened; never earlier than the event before it.
    public var timestamp: Timestamp
    /// What happened.
    public var attributes: EventAttributes
    /// Version of the attributes' form.
    public var eventVersion: UInt32
    /// Whether a reset may go back to it.
    public var isResetPoint: Bool
    /// Whether it repeats an earlier attempt.
    public var isRetry: Bool
    /// The event that caused it, if that is worth telling.
    public var parentEventID: EventID?
    /// The task queue it concerns, if any.
    public var taskQueue: String?
    /// W3C trace id of the request behind it, if any.
    public var traceID: String?

    /// - Parameter eventVersion: nil for the version in which this program writes the type.
    public init(
        eventID: EventID, sagaID: SagaID, timestamp: Timestamp, attributes: EventAttributes,
        eventVersion: UInt32? = nil,
        isResetPoint: Bool = false, isRetry: Bool = false, parentEventID: EventID? = nil, taskQueue: String? = nil,
        traceID: String? = nil
    ) {
        self.eventID = eventID
        self.sagaID = sagaID
        self.timestamp = timestamp
        self.attributes = attributes
        self.eventVersion = eventVersion ?? EventCatalog.current.version(of: attributes.eventType)
        self.isResetPoint = isResetPoint
        self.isRetry = isRetry
        self.parentEventID = parentEventID
        self.taskQueue = taskQueue
        self.traceID = traceID
    }

    /// What happened, without its data.
    public var eventType: EventType { attributes.eventType }

    /// The group of the event type.
    public var category: EventCategory { eventType.category }
}
