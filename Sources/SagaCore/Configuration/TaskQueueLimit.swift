/// What the workers of one task queue are given at most, all of them together, in each namespace: to protect what the
/// activities of the queue call (semantics, section 5).
public struct TaskQueueLimit: Hashable, Sendable {
    /// Tasks that are with workers at the same time; 0 is no limit.
    public var maximumConcurrent: Int
    /// Tasks handed out in a second, on average; 0 is no limit.
    public var perSecond: Double
    /// Tasks that may be handed out at once after a quiet time. Default: as many as in a second, at least 1.
    public var burst: Int

    public init(maximumConcurrent: Int = 0, perSecond: Double = 0, burst: Int = 0) {
        self.maximumConcurrent = max(0, maximumConcurrent)
        self.perSecond = perSecond.isFinite ? max(0, perSecond) : 0
        self.burst = burst > 0 ? burst : max(1, Int(min(self.perSecond, 1_000_000)))
    }
}
