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
}

// In an extension, so that the memberwise initialiser is there, too. That one moves what it is given; an initialiser that assigns to
// `self` makes a large struct twice, with a retain and a release of all that it holds (a fifth of the cost of decoding).
extension HistoryEvent {
    /// - Parameter eventVersion: nil for the version in which this program writes the type.
    public init(
        eventID: EventID, sagaID: SagaID, timestamp: Timestamp, attributes: EventAttributes,
        eventVersion: UInt32? = nil,
        isResetPoint: Bool = false, isRetry: Bool = false, parentEventID: EventID? = nil, taskQueue: String? = nil,
        traceID: String? = nil
    ) {
        self.init(
            eventID: eventID, sagaID: sagaID, timestamp: timestamp, attributes: attributes,
            eventVersion: eventVersion ?? EventCatalog.current.version(of: attributes.eventType) as UInt32,
            isResetPoint: isResetPoint, isRetry: isRetry, parentEventID: parentEventID, taskQueue: taskQueue,
            traceID: traceID)
    }

    /// What happened, without its data.
    public var eventType: EventType { attributes.eventType }

    /// The group of the event type.
    public var category: EventCategory { eventType.category }
}
