public import SagaCore

extension SQLiteEventStore: TaskQueue {
    public func enqueue(_ tasks: [QueuedTask], on queue: String) async throws(StoreError) -> Int {
        try PortRules.check(tasks, on: queue)
        return try await writer.use { (tables) throws(StoreError) in try tables.enqueue(tasks, on: queue) }
    }

    public func lease(
        from queue: String, limit: Int, for time: Duration
    ) async throws(StoreError) -> [LeasedTask] {
        try PortRules.name(queue, "the queue")
        try PortRules.count(limit, "tasks")
        let micros = try PortRules.lease(time)
        return try await writer.use { (tables) throws(StoreError) in
            try tables.lease(from: queue, limit: limit, micros: micros)
        }
    }

    public func extend(_ lease: TaskLease, for time: Duration) async throws(StoreError) -> Bool {
        let micros = try PortRules.lease(time)
        return try await writer.use { (tables) throws(StoreError) in try tables.extend(lease, micros: micros) }
    }

    public func acknowledge(_ leases: [TaskLease]) async throws(StoreError) -> [TaskLease] {
        try PortRules.count(leases.count, "leases")
        return try await writer.use { (tables) throws(StoreError) in try tables.acknowledge(leases) }
    }

    public func release(_ lease: TaskLease, after delay: Duration) async throws(StoreError) -> Bool {
        let micros = try PortRules.delay(delay)
        return try await writer.use { (tables) throws(StoreError) in try tables.release(lease, micros: micros) }
    }

    public func counts(of queue: String) async throws(StoreError) -> QueueCounts {
        try PortRules.name(queue, "the queue")
        return try await writer.use { (tables) throws(StoreError) in try tables.counts(of: queue) }
    }
}

extension SQLiteEventStore: TimerStore {
    public func schedule(_ timers: [StoredTimer], in group: String) async throws(StoreError) {
        let timers = try PortRules.checked(timers, in: group)
        try await writer.use { (tables) throws(StoreError) in try tables.schedule(timers, in: group) }
    }

    public func cancel(_ key: String, in group: String, now: Timestamp) async throws(StoreError) -> Bool {
        try PortRules.name(group, "the group")
        return try await writer.use { (tables) throws(StoreError) in
            try tables.cancel(key, in: group, now: now)
        }
    }

    public func claimDue(
        in group: String, now: Timestamp, limit: Int, for time: Duration
    ) async throws(StoreError) -> [ClaimedTimer] {
        try PortRules.name(group, "the group")
        try PortRules.count(limit, "timers")
        let micros = try PortRules.lease(time)
        return try await writer.use { (tables) throws(StoreError) in
            try tables.claimDue(in: group, now: now, limit: limit, micros: micros)
        }
    }

    public func complete(_ claims: [TimerClaim]) async throws(StoreError) -> [TimerClaim] {
        try PortRules.count(claims.count, "claims")
        return try await writer.use { (tables) throws(StoreError) in try tables.complete(claims) }
    }

    public func nextDue(in group: String) async throws(StoreError) -> Timestamp? {
        try PortRules.name(group, "the group")
        return try await writer.use { (tables) throws(StoreError) in try tables.nextDue(in: group) }
    }
}

/// One process uses a file, so a wake-up needs no file.
extension SQLiteEventStore: SignalDispatcher {
    public func notify(_ channel: String) async throws(StoreError) {
        try PortRules.name(channel, "the channel")
        hub.wake(channel)
    }

    public func wakeUps(on channel: String) async throws(StoreError) -> AsyncStream<Void> {
        try PortRules.name(channel, "the channel")
        return hub.listen(on: channel)
    }
}
