public import SagaCore

extension PostgresEventStore: TaskQueue {
    public func enqueue(_ tasks: [QueuedTask], on queue: String) async throws(StoreError) -> Int {
        try PortRules.check(tasks, on: queue)
        var delays: [Int64] = []
        for task in tasks { delays.append(try PortRules.delay(task.delay)) }
        let waits = delays
        return try await queues.run("enqueue tasks", mayRepeat: true) { (connection) throws(PgFailure) in
            let (keys, priorities, after) = (PgArray(.text), PgArray(.int4), PgArray(.int8))
            let bodies = PgArray(.bytes)
            for (task, delay) in zip(tasks, waits) {
                keys.add(task.key)
                priorities.add(task.priority)
                after.add(delay)
                bodies.add(bytes: task.body)
            }
            return try queue.withBytes { (name) throws(PgFailure) in
                try connection.run(
                    QueueStatements.enqueue, [name, keys.buffer, priorities.buffer, after.buffer, bodies.buffer])
            }.count
        }
    }

    public func lease(
        from queue: String, limit: Int, for time: Duration
    ) async throws(StoreError) -> [LeasedTask] {
        try PortRules.name(queue, "the queue")
        try PortRules.count(limit, "tasks")
        let micros = try PortRules.lease(time)
        guard limit > 0 else { return [] }
        // What a broken connection has leased comes back when that lease ends.
        let rows = try await queues.run("lease tasks", mayRepeat: true) { (connection) throws(PgFailure) in
            let row = try connection.run(
                QueueStatements.lease, PgParameters().text(queue).int64(Int64(limit)).int64(micros))
            return (0..<row.count).map { index -> LeasedTask? in
                guard let place = row.int64(index, 0), let key = row.text(index, 1), let priority = row.int32(index, 2),
                    let attempt = row.int32(index, 3)
                else { return nil }
                return LeasedTask(
                    key: key, body: Array(row.bytes(index, 4)), priority: priority,
                    lease: TaskLease(queue: queue, place: place, attempt: UInt32(bitPattern: attempt)))
            }
        }
        return try whole(rows, "tasks of queue \(queue)").sorted {
            (-Int64($0.priority), $0.lease.place) < (-Int64($1.priority), $1.lease.place)
        }
    }

    public func extend(_ lease: TaskLease, for time: Duration) async throws(StoreError) -> Bool {
        try await change(lease, QueueStatements.extend, try PortRules.lease(time), "extend a lease", mayRepeat: true)
    }

    public func release(_ lease: TaskLease, after delay: Duration) async throws(StoreError) -> Bool {
        // Twice would say that it had not been this lease's.
        try await change(
            lease, QueueStatements.release, try PortRules.delay(delay), "release a task", mayRepeat: false)
    }

    private func change(
        _ lease: TaskLease, _ statement: PgStatement, _ micros: Int64, _ what: String, mayRepeat: Bool
    ) async throws(StoreError) -> Bool {
        try await queues.run(what, mayRepeat: mayRepeat) { (connection) throws(PgFailure) in
            let parameters = PgParameters().int64(lease.place).int32(Int32(bitPattern: lease.attempt)).int64(micros)
            return try connection.run(statement, parameters).count > 0
        }
    }

    public func acknowledge(_ leases: [TaskLease]) async throws(StoreError) -> [TaskLease] {
        try PortRules.count(leases.count, "leases")
        let gone = try await queues.run("acknowledge tasks", mayRepeat: false) { (connection) throws(PgFailure) in
            let (places, attempts) = (PgArray(.int8), PgArray(.int4))
            for lease in leases {
                places.add(lease.place)
                attempts.add(Int32(bitPattern: lease.attempt))
            }
            let rows = try connection.run(QueueStatements.acknowledge, [places.buffer, attempts.buffer])
            return Set((0..<rows.count).compactMap { rows.int64($0, 0) })
        }
        // Only the lease that counts has the place's present number, so a place stands for one lease.
        return leases.filter { gone.contains($0.place) }
    }

    public func counts(of queue: String) async throws(StoreError) -> QueueCounts {
        try PortRules.name(queue, "the queue")
        return try await queues.run("count tasks", mayRepeat: true) { (connection) throws(PgFailure) in
            let row = try connection.run(QueueStatements.counts, PgParameters().text(queue))
            let counts = (0..<3).map { Int(clamping: row.int64(0, $0) ?? 0) }
            return QueueCounts(ready: counts[0], delayed: counts[1], leased: counts[2])
        }
    }

    private func whole<Value>(_ rows: [Value?], _ what: String) throws(StoreError) -> [Value] {
        let values = rows.compactMap { $0 }
        guard values.count == rows.count else { throw StoreError(.corrupt, "PostgreSQL: \(what) do not read") }
        return values
    }
}

extension PostgresEventStore: TimerStore {
    public func schedule(_ timers: [StoredTimer], in group: String) async throws(StoreError) {
        // In one order for all, so that nobody waits for each other.
        let sorted = try PortRules.checked(timers, in: group)
            .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        var dues: [Int64] = []
        for timer in sorted { dues.append(try stored(timer.due)) }
        let times = dues
        try await queues.run("schedule timers", mayRepeat: true) { (connection) throws(PgFailure) in
            let (keys, due, bodies) = (PgArray(.text), PgArray(.timestamp), PgArray(.bytes))
            for (timer, time) in zip(sorted, times) {
                keys.add(timer.key)
                due.add(time)
                bodies.add(bytes: timer.body)
            }
            _ = try group.withBytes { (name) throws(PgFailure) in
                try connection.run(QueueStatements.schedule, [name, keys.buffer, due.buffer, bodies.buffer])
            }
        }
    }

    public func cancel(_ key: String, in group: String, now: Timestamp) async throws(StoreError) -> Bool {
        try PortRules.name(group, "the group")
        let time = try stored(now)
        return try await queues.run("cancel a timer", mayRepeat: false) { (connection) throws(PgFailure) in
            try connection.run(QueueStatements.cancel, PgParameters().text(group).text(key).int64(time)).count > 0
        }
    }

    public func claimDue(
        in group: String, now: Timestamp, limit: Int, for time: Duration
    ) async throws(StoreError) -> [ClaimedTimer] {
        try PortRules.name(group, "the group")
        try PortRules.count(limit, "timers")
        let micros = try PortRules.lease(time)
        guard limit > 0 else { return [] }
        let (from, until) = (try stored(now), try stored(now.adding(microseconds: micros)))
        let rows = try await queues.run("claim timers", mayRepeat: true) { (connection) throws(PgFailure) in
            let parameters = PgParameters().text(group).int64(from).int64(Int64(limit)).int64(until)
            let row = try connection.run(QueueStatements.claim, parameters)
            return (0..<row.count).map { index -> ClaimedTimer? in
                guard let place = row.int64(index, 0), let key = row.text(index, 1),
                    let due = row.timestamp(index, 2), let number = row.int32(index, 3)
                else { return nil }
                return ClaimedTimer(
                    timer: StoredTimer(key: key, due: due, body: Array(row.bytes(index, 4))),
                    claim: TimerClaim(group: group, place: place, number: UInt32(bitPattern: number)))
            }
        }
        return try whole(rows, "timers of group \(group)").sorted {
            ($0.timer.due, $0.claim.place) < ($1.timer.due, $1.claim.place)
        }
    }

    public func complete(_ claims: [TimerClaim]) async throws(StoreError) -> [TimerClaim] {
        try PortRules.count(claims.count, "claims")
        let gone = try await queues.run("complete timers", mayRepeat: false) { (connection) throws(PgFailure) in
            let (places, numbers) = (PgArray(.int8), PgArray(.int4))
            for claim in claims {
                places.add(claim.place)
                numbers.add(Int32(bitPattern: claim.number))
            }
            let rows = try connection.run(QueueStatements.complete, [places.buffer, numbers.buffer])
            return Set((0..<rows.count).compactMap { rows.int64($0, 0) })
        }
        return claims.filter { gone.contains($0.place) }
    }

    public func nextDue(in group: String) async throws(StoreError) -> Timestamp? {
        try PortRules.name(group, "the group")
        return try await queues.run("read the next timer", mayRepeat: true) { (connection) throws(PgFailure) in
            try connection.run(QueueStatements.nextDue, PgParameters().text(group)).timestamp(0, 0)
        }
    }

    private func stored(_ time: Timestamp) throws(StoreError) -> Int64 {
        guard let stored = PgTime.stored(time) else {
            throw StoreError(.invalid, "PostgreSQL cannot hold the time \(time)")
        }
        return stored
    }
}

extension PostgresEventStore: SignalDispatcher {
    public func notify(_ channel: String) async throws(StoreError) {
        try PortRules.name(channel, "the channel")
        let name = signals.channel
        try await queues.run("notify", mayRepeat: true) { (connection) throws(PgFailure) in
            _ = try connection.run(QueueStatements.notify, PgParameters().text(name).text(channel))
        }
    }

    public func wakeUps(on channel: String) async throws(StoreError) -> AsyncStream<Void> {
        try PortRules.name(channel, "the channel")
        return try await signals.wakeUps(on: channel)
    }
}

extension String {
    fileprivate func withBytes<Value>(
        _ body: (UnsafeRawBufferPointer) throws(PgFailure) -> Value
    ) throws(PgFailure) -> Value {
        try PgParameters().text(self).withBuffers { (buffers) throws(PgFailure) in
            try body(buffers.first.flatMap { $0 } ?? UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }
}
