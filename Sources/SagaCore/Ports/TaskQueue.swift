/// Tasks for whoever takes them: each goes to one consumer at a time, for the time of a lease, until one acknowledges it.
///
/// A port for embedders and for other transports. The engine itself does not use it: its tasks follow from the histories, which
/// are the truth (`docs/stores.md`, "Queues and timers").
///
/// A task is delivered at least once. A consumer that crashes lets its lease run out, and another gets the task; what the
/// first one says after that counts no more. Leases run by the store's clock, which all consumers share.
public protocol TaskQueue: Sendable {
    /// Adds tasks, durably and all or none. One whose key the queue has already is left out, so that adding again after an
    /// unknown outcome does no harm.
    /// - Parameters:
    ///   - tasks: What to add, in the order in which tasks of one priority are handed out; at most 1,000.
    ///   - queue: 1–255 bytes; it needs no making.
    /// - Returns: How many were added.
    func enqueue(_ tasks: [QueuedTask], on queue: String) async throws(StoreError) -> Int

    /// Takes tasks that are ready: those of the highest priority first, of one priority the oldest. Does not wait for some to
    /// come: see ``SignalDispatcher``.
    /// - Parameters:
    ///   - queue: Where from.
    ///   - limit: Most tasks to take; at most 1,000.
    ///   - time: How long they are this consumer's, unless it extends that. Above zero, at most 366 days.
    func lease(from queue: String, limit: Int, for time: Duration) async throws(StoreError) -> [LeasedTask]

    /// Says that the consumer is alive: the lease ends that long from now.
    /// - Returns: False if the task is not this lease's any more; stop working on it.
    func extend(_ lease: TaskLease, for time: Duration) async throws(StoreError) -> Bool

    /// Says that tasks are done; they are gone for good. A lease that has run out still counts if nobody has taken the task
    /// since.
    /// - Returns: Those of the leases that counted.
    func acknowledge(_ leases: [TaskLease]) async throws(StoreError) -> [TaskLease]

    /// Gives a task back.
    /// - Parameters:
    ///   - lease: What the consumer holds.
    ///   - delay: How long from now nobody gets it; at most 366 days.
    /// - Returns: False if the task is not this lease's any more.
    func release(_ lease: TaskLease, after delay: Duration) async throws(StoreError) -> Bool

    /// How many tasks a queue has.
    func counts(of queue: String) async throws(StoreError) -> QueueCounts
}

/// A task as it is added to a queue.
public struct QueuedTask: Hashable, Sendable {
    /// Names the task within its queue until it is acknowledged. 1–255 bytes.
    public var key: String
    /// Whatever the consumer needs; at most 4 MiB.
    public var body: [UInt8]
    /// Higher ones are handed out first. Default 0.
    public var priority: Int32
    /// How long nobody gets it. Default zero, at most 366 days.
    public var delay: Duration

    public init(key: String, body: [UInt8] = [], priority: Int32 = 0, delay: Duration = .zero) {
        self.key = key
        self.body = body
        self.priority = priority
        self.delay = delay
    }
}

/// What a consumer holds of a task. Each time that a task is taken makes another lease.
public struct TaskLease: Hashable, Sendable {
    /// The task's queue.
    public let queue: String
    /// The task's place in the store; never used again for another task.
    package let place: Int64
    /// How often the task was taken, this time included.
    public let attempt: UInt32

    package init(queue: String, place: Int64, attempt: UInt32) {
        self.queue = queue
        self.place = place
        self.attempt = attempt
    }
}

/// A task in the hands of a consumer.
public struct LeasedTask: Hashable, Sendable {
    /// The task's name.
    public let key: String
    /// What was added.
    public let body: [UInt8]
    /// Its priority.
    public let priority: Int32
    /// To be given back with every word about the task.
    public let lease: TaskLease

    package init(key: String, body: [UInt8], priority: Int32, lease: TaskLease) {
        self.key = key
        self.body = body
        self.priority = priority
        self.lease = lease
    }
}

/// How many tasks a queue has.
public struct QueueCounts: Hashable, Sendable {
    /// Somebody could take them now.
    public var ready: Int
    /// Their delay is not over.
    public var delayed: Int
    /// A consumer has them.
    public var leased: Int

    public init(ready: Int, delayed: Int, leased: Int) {
        self.ready = ready
        self.delayed = delayed
        self.leased = leased
    }
}
