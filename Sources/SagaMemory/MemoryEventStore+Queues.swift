public import SagaCore

extension MemoryEventStore: TaskQueue {
    public func enqueue(_ tasks: [QueuedTask], on queue: String) async throws(StoreError) -> Int {
        try PortRules.check(tasks, on: queue)
        return try access { state in state.queues.enqueue(tasks, on: queue, .now) }
    }

    public func lease(
        from queue: String, limit: Int, for time: Duration
    ) async throws(StoreError) -> [LeasedTask] {
        try PortRules.name(queue, "the queue")
        try PortRules.count(limit, "tasks")
        _ = try PortRules.lease(time)
        return try access { state in state.queues.lease(from: queue, limit: limit, for: time, .now) }
    }

    public func extend(_ lease: TaskLease, for time: Duration) async throws(StoreError) -> Bool {
        _ = try PortRules.lease(time)
        return try access { state in state.queues.extend(lease, for: time, .now) }
    }

    public func acknowledge(_ leases: [TaskLease]) async throws(StoreError) -> [TaskLease] {
        try PortRules.count(leases.count, "leases")
        return try access { state in leases.filter { state.queues.acknowledge($0) } }
    }

    public func release(_ lease: TaskLease, after delay: Duration) async throws(StoreError) -> Bool {
        _ = try PortRules.delay(delay)
        return try access { state in state.queues.release(lease, after: delay, .now) }
    }

    public func counts(of queue: String) async throws(StoreError) -> QueueCounts {
        try PortRules.name(queue, "the queue")
        return try access { state in state.queues.counts(of: queue, .now) }
    }
}

extension MemoryEventStore: TimerStore {
    public func schedule(_ timers: [StoredTimer], in group: String) async throws(StoreError) {
        let timers = try PortRules.checked(timers, in: group)
        try access { state in state.timers.schedule(timers, in: group) }
    }

    public func cancel(_ key: String, in group: String, now: Timestamp) async throws(StoreError) -> Bool {
        try PortRules.name(group, "the group")
        return try access { state in state.timers.cancel(key, in: group, now: now) }
    }

    public func claimDue(
        in group: String, now: Timestamp, limit: Int, for time: Duration
    ) async throws(StoreError) -> [ClaimedTimer] {
        try PortRules.name(group, "the group")
        try PortRules.count(limit, "timers")
        let micros = try PortRules.lease(time)
        return try access { state in state.timers.claimDue(in: group, now: now, limit: limit, micros: micros) }
    }

    public func complete(_ claims: [TimerClaim]) async throws(StoreError) -> [TimerClaim] {
        try PortRules.count(claims.count, "claims")
        return try access { state in claims.filter { state.timers.complete($0) } }
    }

    public func nextDue(in group: String) async throws(StoreError) -> Timestamp? {
        try PortRules.name(group, "the group")
        return try access { state in state.timers.nextDue(in: group) }
    }
}

extension MemoryEventStore: SignalDispatcher {
    public func notify(_ channel: String) async throws(StoreError) {
        try PortRules.name(channel, "the channel")
        try access { _ in }
        hub.wake(channel)
    }

    public func wakeUps(on channel: String) async throws(StoreError) -> AsyncStream<Void> {
        try PortRules.name(channel, "the channel")
        try access { _ in }
        return hub.listen(on: channel)
    }
}
