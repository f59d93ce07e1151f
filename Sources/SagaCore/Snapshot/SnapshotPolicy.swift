/// When a run's state is written down, so that a later start need not read its whole history. Whatever is due first counts.
public struct SnapshotPolicy: Hashable, Sendable {
    /// Events since the last snapshot; 0 means that their number does not count. Default 100.
    ///
    /// A run with much in its state (a long undo log, many signals) waits longer: if its state has more entries than
    /// this, for eight times as many events, so that snapshots of a growing state stay cheap in all.
    public var events: UInt64 = 100
    /// Bytes of payload since the last snapshot; 0 (default) means that they do not count.
    public var bytes: Int = 0
    /// Time since the last snapshot, or the start, judged at the next append; nil (default) means that it does not count.
    public var interval: Duration?
    /// How many of the newest snapshots of a run are kept, at least 1. Default 2.
    public var kept: Int = 2

    public init() {}

    /// A snapshot every so many events.
    public static func every(events: UInt64) -> SnapshotPolicy {
        var policy = SnapshotPolicy()
        policy.events = events
        return policy
    }

    /// No snapshots are taken; those that are there are used.
    public static let off = SnapshotPolicy.every(events: 0)

    /// Whether none is ever taken.
    public var isOff: Bool { events == 0 && bytes <= 0 && interval == nil }
}
