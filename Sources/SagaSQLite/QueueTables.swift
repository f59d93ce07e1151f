import SagaCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The statements of queues and timers, on the writer's connection. Used on the writer's queue, inside a transaction.
final class QueueTables {
    private let connection: Connection
    private let insertTask: Statement
    private let leaseTasks: Statement
    private let extendTask: Statement
    private let releaseTask: Statement
    private let deleteTask: Statement
    private let countTasks: Statement
    private let upsertTimer: Statement
    private let cancelTimer: Statement
    private let claimTimers: Statement
    private let deleteTimer: Statement
    private let nextTimer: Statement

    init(_ connection: Connection) throws(StoreError) {
        self.connection = connection
        insertTask = try Statement(
            """
            INSERT INTO queue_tasks (queue, key, priority, ready_at, body) VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT (queue, key) DO NOTHING RETURNING place
            """, on: connection)
        leaseTasks = try Statement(
            """
            UPDATE queue_tasks SET leased = 1, attempt = attempt + 1, ready_at = ?3 WHERE place IN (
                SELECT place FROM queue_tasks WHERE queue = ?1 AND ready_at <= ?2 ORDER BY priority DESC, place LIMIT ?4)
            RETURNING place, key, priority, attempt, body
            """, on: connection)
        extendTask = try Statement(
            "UPDATE queue_tasks SET ready_at = ?3 WHERE place = ?1 AND attempt = ?2 AND leased RETURNING place",
            on: connection)
        releaseTask = try Statement(
            """
            UPDATE queue_tasks SET ready_at = ?3, leased = 0 WHERE place = ?1 AND attempt = ?2 AND leased RETURNING place
            """, on: connection)
        deleteTask = try Statement(
            "DELETE FROM queue_tasks WHERE place = ?1 AND attempt = ?2 AND leased RETURNING place", on: connection)
        countTasks = try Statement(
            """
            SELECT count(*) FILTER (WHERE ready_at <= ?2), count(*) FILTER (WHERE ready_at > ?2 AND NOT leased),
                count(*) FILTER (WHERE ready_at > ?2 AND leased) FROM queue_tasks WHERE queue = ?1
            """, on: connection)
        upsertTimer = try Statement(
            """
            INSERT INTO queue_timers (timer_group, key, due, body) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (timer_group, key) DO UPDATE
                SET due = excluded.due, body = excluded.body, number = number + 1, claimed_until = NULL
            """, on: connection)
        cancelTimer = try Statement(
            """
            DELETE FROM queue_timers WHERE timer_group = ?1 AND key = ?2 AND coalesce(claimed_until <= ?3, 1)
            RETURNING place
            """, on: connection)
        claimTimers = try Statement(
            """
            UPDATE queue_timers SET number = number + 1, claimed_until = ?3 WHERE place IN (
                SELECT place FROM queue_timers WHERE timer_group = ?1 AND due <= ?2 AND coalesce(claimed_until <= ?2, 1)
                ORDER BY due, place LIMIT ?4)
            RETURNING place, key, due, number, body
            """, on: connection)
        deleteTimer = try Statement(
            "DELETE FROM queue_timers WHERE place = ?1 AND number = ?2 AND claimed_until IS NOT NULL RETURNING place",
            on: connection)
        nextTimer = try Statement(
            "SELECT min(max(due, coalesce(claimed_until, due))) FROM queue_timers WHERE timer_group = ?1",
            on: connection)
    }

    /// The wall clock in microseconds: leases outlive the process.
    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }

    // MARK: Tasks

    func enqueue(_ tasks: [QueuedTask], on queue: String) throws(StoreError) -> Int {
        let now = Self.now()
        var added = 0
        for task in tasks {
            try insertTask.bind(queue, at: 1)
            try insertTask.bind(task.key, at: 2)
            try insertTask.bind(Int64(task.priority), at: 3)
            try insertTask.bind(now + (try PortRules.delay(task.delay)), at: 4)
            try insertTask.bind(task.body, at: 5)
            if try isOne(insertTask) { added += 1 }
        }
        return added
    }

    func lease(from queue: String, limit: Int, micros: Int64) throws(StoreError) -> [LeasedTask] {
        let now = Self.now()
        try leaseTasks.bind(queue, at: 1)
        try leaseTasks.bind(now, at: 2)
        try leaseTasks.bind(now + micros, at: 3)
        try leaseTasks.bind(Int64(max(0, limit)), at: 4)
        defer { leaseTasks.reset() }
        var leased: [LeasedTask] = []
        while try leaseTasks.step() {
            let place = leaseTasks.int64(0)
            guard let key = leaseTasks.text(1), let priority = Int32(exactly: leaseTasks.int64(2)),
                let attempt = UInt32(exactly: leaseTasks.int64(3))
            else { throw StoreError(.corrupt, "\(connection.path): task \(place) of queue \(queue) is damaged") }
            leased.append(
                LeasedTask(
                    key: key, body: Array(leaseTasks.bytes(4)), priority: priority,
                    lease: TaskLease(queue: queue, place: place, attempt: attempt)))
        }
        // SQLite gives them in no order.
        return leased.sorted { (-Int64($0.priority), $0.lease.place) < (-Int64($1.priority), $1.lease.place) }
    }

    func extend(_ lease: TaskLease, micros: Int64) throws(StoreError) -> Bool {
        try bind(lease, to: extendTask)
        try extendTask.bind(Self.now() + micros, at: 3)
        return try isOne(extendTask)
    }

    func release(_ lease: TaskLease, micros: Int64) throws(StoreError) -> Bool {
        try bind(lease, to: releaseTask)
        try releaseTask.bind(Self.now() + micros, at: 3)
        return try isOne(releaseTask)
    }

    func acknowledge(_ leases: [TaskLease]) throws(StoreError) -> [TaskLease] {
        var counted: [TaskLease] = []
        for lease in leases {
            try bind(lease, to: deleteTask)
            if try isOne(deleteTask) { counted.append(lease) }
        }
        return counted
    }

    func counts(of queue: String) throws(StoreError) -> QueueCounts {
        try countTasks.bind(queue, at: 1)
        try countTasks.bind(Self.now(), at: 2)
        defer { countTasks.reset() }
        guard try countTasks.step() else { return QueueCounts(ready: 0, delayed: 0, leased: 0) }
        return QueueCounts(
            ready: Int(clamping: countTasks.int64(0)), delayed: Int(clamping: countTasks.int64(1)),
            leased: Int(clamping: countTasks.int64(2)))
    }

    private func bind(_ lease: TaskLease, to statement: Statement) throws(StoreError) {
        try statement.bind(lease.place, at: 1)
        try statement.bind(Int64(lease.attempt), at: 2)
    }

    /// Runs a statement; whether it changed a row.
    private func isOne(_ statement: Statement) throws(StoreError) -> Bool {
        defer { statement.reset() }
        var found = false
        while try statement.step() { found = true }
        return found
    }

    // MARK: Timers

    func schedule(_ timers: [StoredTimer], in group: String) throws(StoreError) {
        for timer in timers {
            try upsertTimer.bind(group, at: 1)
            try upsertTimer.bind(timer.key, at: 2)
            try upsertTimer.bind(timer.due.microseconds, at: 3)
            try upsertTimer.bind(timer.body, at: 4)
            try upsertTimer.run()
        }
    }

    func cancel(_ key: String, in group: String, now: Timestamp) throws(StoreError) -> Bool {
        try cancelTimer.bind(group, at: 1)
        try cancelTimer.bind(key, at: 2)
        try cancelTimer.bind(now.microseconds, at: 3)
        return try isOne(cancelTimer)
    }

    func claimDue(
        in group: String, now: Timestamp, limit: Int, micros: Int64
    ) throws(StoreError) -> [ClaimedTimer] {
        try claimTimers.bind(group, at: 1)
        try claimTimers.bind(now.microseconds, at: 2)
        try claimTimers.bind(now.adding(microseconds: micros).microseconds, at: 3)
        try claimTimers.bind(Int64(max(0, limit)), at: 4)
        defer { claimTimers.reset() }
        var claimed: [ClaimedTimer] = []
        while try claimTimers.step() {
            let place = claimTimers.int64(0)
            guard let key = claimTimers.text(1), let number = UInt32(exactly: claimTimers.int64(3)) else {
                throw StoreError(.corrupt, "\(connection.path): timer \(place) of group \(group) is damaged")
            }
            let due = Timestamp(microseconds: claimTimers.int64(2))
            claimed.append(
                ClaimedTimer(
                    timer: StoredTimer(key: key, due: due, body: Array(claimTimers.bytes(4))),
                    claim: TimerClaim(group: group, place: place, number: number)))
        }
        return claimed.sorted { ($0.timer.due, $0.claim.place) < ($1.timer.due, $1.claim.place) }
    }

    func complete(_ claims: [TimerClaim]) throws(StoreError) -> [TimerClaim] {
        var counted: [TimerClaim] = []
        for claim in claims {
            try deleteTimer.bind(claim.place, at: 1)
            try deleteTimer.bind(Int64(claim.number), at: 2)
            if try isOne(deleteTimer) { counted.append(claim) }
        }
        return counted
    }

    func nextDue(in group: String) throws(StoreError) -> Timestamp? {
        try nextTimer.bind(group, at: 1)
        defer { nextTimer.reset() }
        guard try nextTimer.step(), !nextTimer.isNull(0) else { return nil }
        return Timestamp(microseconds: nextTimer.int64(0))
    }
}
