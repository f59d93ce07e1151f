internal import SagaCore

/// Counts what queues with a limit are given: a bucket of tokens for each queue of each namespace.
struct QueueLimiter {
    private struct Bucket {
        var tokens: Double
        /// Microseconds of the monotonic clock.
        var filledAt: Int64
    }

    private struct Key: Hashable {
        var namespace: String
        var queue: String
    }

    private let limits: [String: TaskQueueLimit]
    /// Namespaces, of which some have limits of their own.
    private let namespaces: [String: NamespaceOptions]
    /// Whether no queue has a limit.
    let isEmpty: Bool
    private var buckets: [Key: Bucket] = [:]

    init(_ limits: [String: TaskQueueLimit], _ namespaces: [String: NamespaceOptions]) {
        self.limits = limits
        self.namespaces = namespaces
        isEmpty = limits.isEmpty && namespaces.values.allSatisfy(\.limits.taskQueues.isEmpty)
    }

    /// The limit of a queue, if it has one: that of its namespace goes before that of all.
    subscript(lane: TaskDispatcher.Lane) -> TaskQueueLimit? {
        if isEmpty { return nil }
        if namespaces.isEmpty { return limits[lane.queue] }
        return namespaces[options: lane.namespace].limits.taskQueues[lane.queue] ?? limits[lane.queue]
    }

    /// Microseconds until the queue may be given a task; 0 if it may now.
    mutating func wait(_ lane: TaskDispatcher.Lane, now: Int64) -> Int64 {
        guard let limit = self[lane], limit.perSecond > 0 else { return 0 }
        let bucket = refill(lane, limit, now)
        guard bucket.tokens < 1 else { return 0 }
        return max(1, Int64(((1 - bucket.tokens) / limit.perSecond * 1_000_000).rounded(.up)))
    }

    /// A task was handed out.
    mutating func take(_ lane: TaskDispatcher.Lane, now: Int64) {
        guard let limit = self[lane], limit.perSecond > 0 else { return }
        var bucket = refill(lane, limit, now)
        bucket.tokens -= 1
        buckets[Key(namespace: lane.namespace, queue: lane.queue)] = bucket
    }

    private mutating func refill(_ lane: TaskDispatcher.Lane, _ limit: TaskQueueLimit, _ now: Int64) -> Bucket {
        let key = Key(namespace: lane.namespace, queue: lane.queue)
        var bucket = buckets[key] ?? Bucket(tokens: Double(limit.burst), filledAt: now)
        let passed = Double(max(0, now - bucket.filledAt)) / 1_000_000
        bucket.tokens = min(Double(limit.burst), bucket.tokens + passed * limit.perSecond)
        bucket.filledAt = now
        buckets[key] = bucket
        return bucket
    }
}

extension Shard {
    /// Whether a queue may be given a task now; if only time is missing, it is looked at again.
    func mayHandOut(_ lane: TaskDispatcher.Lane) -> Bool {
        guard let limit = limiter[lane], !planted(.queueLimitIgnored) else { return true }
        if limit.maximumConcurrent > 0,
            dispatcher.inFlight(namespace: lane.namespace, queue: lane.queue) >= limit.maximumConcurrent
        {
            return false
        }
        let wait = limiter.wait(lane, now: time.monotonic)
        guard wait > 0 else { return true }
        if !isQueueLookArmed {
            isQueueLookArmed = true
            monotonicDeadlines.push(
                Deadline(
                    at: time.monotonic.addingSaturating(wait), kind: .queueLimit, sagaID: SagaID(high: 0, low: 0)))
        }
        return false
    }

    /// A queue with a limit has room again, perhaps for tasks that other workers serve.
    func dispatchLimited() {
        guard !limiter.isEmpty else { return }
        dispatch(dispatcher.waitingLanes.filter { limiter[$0] != nil })
    }
}
