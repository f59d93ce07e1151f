/// Times at which something is to be done, kept over restarts: each is given to one who asks once it is due, for the time of
/// a claim, until that one says it is done.
///
/// A port for embedders and for other transports. The engine itself does not use it: its timers follow from the histories,
/// which are the truth (`docs/stores.md`, "Queues and timers").
///
/// Time comes from the caller, so that it may be virtual; those who share a store share a clock.
public protocol TimerStore: Sendable {
    /// Keeps timers, durably and all or none. One whose key the group has already takes the place of the earlier one, and
    /// whoever has claimed that has lost it.
    /// - Parameters:
    ///   - timers: What to keep, at most 1,000; of two with the same key the later one.
    ///   - group: Timers that are asked for together. 1–255 bytes; it needs no making.
    func schedule(_ timers: [StoredTimer], in group: String) async throws(StoreError)

    /// Forgets a timer.
    /// - Returns: False if there is none, or somebody has claimed it and may be acting on it.
    func cancel(_ key: String, in group: String, now: Timestamp) async throws(StoreError) -> Bool

    /// Takes timers that are due, the earliest first. Nobody else gets them before the claim runs out.
    /// - Parameters:
    ///   - group: Where from.
    ///   - now: Timers up to this time are due, and claims up to it have run out.
    ///   - limit: Most timers to take; at most 1,000.
    ///   - time: How long they are this caller's. Above zero, at most 366 days.
    func claimDue(
        in group: String, now: Timestamp, limit: Int, for time: Duration
    ) async throws(StoreError) -> [ClaimedTimer]

    /// Says that timers were acted on; they are gone for good. A claim that has run out still counts if nobody has taken the
    /// timer since.
    /// - Returns: Those of the claims that counted.
    func complete(_ claims: [TimerClaim]) async throws(StoreError) -> [TimerClaim]

    /// When the next timer of a group is due or a claim in it runs out; nil if it has no timers.
    func nextDue(in group: String) async throws(StoreError) -> Timestamp?
}

/// A timer as it is kept.
public struct StoredTimer: Hashable, Sendable {
    /// Names the timer within its group. 1–255 bytes.
    public var key: String
    /// When it is due.
    public var due: Timestamp
    /// Whatever its reader needs; at most 4 MiB.
    public var body: [UInt8]

    public init(key: String, due: Timestamp, body: [UInt8] = []) {
        self.key = key
        self.due = due
        self.body = body
    }
}

/// What a caller holds of a timer that is due.
public struct TimerClaim: Hashable, Sendable {
    /// The timer's group.
    public let group: String
    /// The timer's place in the store; never used again for another timer.
    package let place: Int64
    /// How often it was claimed or scheduled anew.
    package let number: UInt32

    package init(group: String, place: Int64, number: UInt32) {
        self.group = group
        self.place = place
        self.number = number
    }
}

/// A timer in the hands of the one who acts on it.
public struct ClaimedTimer: Hashable, Sendable {
    /// What was scheduled.
    public let timer: StoredTimer
    /// To be given back when it was acted on.
    public let claim: TimerClaim

    package init(timer: StoredTimer, claim: TimerClaim) {
        self.timer = timer
        self.claim = claim
    }
}
