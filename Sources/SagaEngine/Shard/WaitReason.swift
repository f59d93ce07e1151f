public import SagaCore

/// One thing that an open run waits for (semantics, section 2, promise 12).
public struct WaitReason: Hashable, Sendable {
    /// What it is. The raw value is the protocol's.
    public enum Kind: Int32, Hashable, Sendable, CaseIterable {
        case signal = 1
        case timer = 2
        /// An activity or undo that runs, or is about to.
        case activity = 3
        /// Nobody serves what is needed.
        case noWorker = 4
        /// The next attempt of a step or undo.
        case retry = 5
        /// A person.
        case blocked = 6
        case child = 7
        /// The workflow code, which a worker runs now.
        case workflowTask = 8
        case paused = 9
        case externalSignal = 10
    }

    public var kind: Kind
    /// For people: what it is, and if somebody has to act, who.
    public var text: String
    /// Since when, if known.
    public var since: Timestamp?
    /// Until when, if that is known.
    public var until: Timestamp?
    /// The event that began it, if one did.
    public var eventID: EventID?

    public init(
        _ kind: Kind, _ text: String, since: Timestamp? = nil, until: Timestamp? = nil, eventID: EventID? = nil
    ) {
        self.kind = kind
        self.text = text
        self.since = since
        self.until = until
        self.eventID = eventID
    }
}

extension WaitReason: CustomStringConvertible {
    public var description: String { text }
}
