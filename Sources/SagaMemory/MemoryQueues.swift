import SagaCore

/// The tasks of a memory store.
struct MemoryQueues {
    private struct Task {
        var place: Int64
        var task: QueuedTask
        /// When somebody may take it; while it is leased, when the lease runs out.
        var ready: ContinuousClock.Instant
        var attempt: UInt32 = 0
        var isLeased = false
    }

    private struct Queue {
        /// In the order in which they are handed out.
        var tasks: [Task] = []
        var keys: Set<[UInt8]> = []
    }

    /// By name, as bytes.
    private var queues: [[UInt8]: Queue] = [:]
    private var lastPlace: Int64 = 0

    mutating func enqueue(_ tasks: [QueuedTask], on name: String, _ now: ContinuousClock.Instant) -> Int {
        var queue = queues.removeValue(forKey: Array(name.utf8)) ?? Queue()
        var added = 0
        for task in tasks where queue.keys.insert(Array(task.key.utf8)).inserted {
            lastPlace += 1
            added += 1
            let end = queue.tasks.partitioningIndex { $0.task.priority < task.priority }
            queue.tasks.insert(Task(place: lastPlace, task: task, ready: now + task.delay), at: end)
        }
        if !queue.tasks.isEmpty { queues[Array(name.utf8)] = queue }
        return added
    }

    mutating func lease(
        from name: String, limit: Int, for time: Duration, _ now: ContinuousClock.Instant
    ) -> [LeasedTask] {
        guard var queue = queues.removeValue(forKey: Array(name.utf8)) else { return [] }
        defer { queues[Array(name.utf8)] = queue }
        var leased: [LeasedTask] = []
        for index in queue.tasks.indices where leased.count < limit && queue.tasks[index].ready <= now {
            queue.tasks[index].ready = now + time
            queue.tasks[index].isLeased = true
            queue.tasks[index].attempt &+= 1
            let task = queue.tasks[index]
            leased.append(
                LeasedTask(
                    key: task.task.key, body: task.task.body, priority: task.task.priority,
                    lease: TaskLease(queue: name, place: task.place, attempt: task.attempt)))
        }
        return leased
    }

    /// Changes the task of a lease, if it is still that lease's.
    private mutating func change(_ lease: TaskLease, _ body: (inout Queue, Int) -> Void) -> Bool {
        let name = Array(lease.queue.utf8)
        guard var queue = queues.removeValue(forKey: name) else { return false }
        defer { if !queue.tasks.isEmpty { queues[name] = queue } }
        guard
            let index = queue.tasks.firstIndex(where: {
                $0.place == lease.place && $0.attempt == lease.attempt && $0.isLeased
            })
        else { return false }
        body(&queue, index)
        return true
    }

    mutating func extend(_ lease: TaskLease, for time: Duration, _ now: ContinuousClock.Instant) -> Bool {
        change(lease) { queue, index in queue.tasks[index].ready = now + time }
    }

    mutating func acknowledge(_ lease: TaskLease) -> Bool {
        change(lease) { queue, index in
            queue.keys.remove(Array(queue.tasks[index].task.key.utf8))
            queue.tasks.remove(at: index)
        }
    }

    mutating func release(_ lease: TaskLease, after delay: Duration, _ now: ContinuousClock.Instant) -> Bool {
        change(lease) { queue, index in
            queue.tasks[index].ready = now + delay
            queue.tasks[index].isLeased = false
        }
    }

    func counts(of name: String, _ now: ContinuousClock.Instant) -> QueueCounts {
        var counts = QueueCounts(ready: 0, delayed: 0, leased: 0)
        for task in queues[Array(name.utf8)]?.tasks ?? [] {
            if task.ready <= now {
                counts.ready += 1
            } else if task.isLeased {
                counts.leased += 1
            } else {
                counts.delayed += 1
            }
        }
        return counts
    }
}

/// The timers of a memory store.
struct MemoryTimers {
    private struct Entry {
        var place: Int64
        var timer: StoredTimer
        var number: UInt32
        var claimedUntil: Timestamp?

        func isFree(_ now: Timestamp) -> Bool { claimedUntil.map { $0 <= now } ?? true }
    }

    /// By group, as bytes; each in the order of time and then of place.
    private var groups: [[UInt8]: [Entry]] = [:]
    private var lastPlace: Int64 = 0

    mutating func schedule(_ timers: [StoredTimer], in group: String) {
        var entries = groups.removeValue(forKey: Array(group.utf8)) ?? []
        for timer in timers {
            var entry: Entry
            if let index = entries.firstIndex(where: { sameBytes($0.timer.key, timer.key) }) {
                entry = entries.remove(at: index)
                entry.timer = timer
                entry.number &+= 1
                entry.claimedUntil = nil
            } else {
                lastPlace += 1
                entry = Entry(place: lastPlace, timer: timer, number: 0, claimedUntil: nil)
            }
            let end = entries.partitioningIndex {
                ($0.timer.due, $0.place) > (timer.due, entry.place)
            }
            entries.insert(entry, at: end)
        }
        if !entries.isEmpty { groups[Array(group.utf8)] = entries }
    }

    mutating func cancel(_ key: String, in group: String, now: Timestamp) -> Bool {
        let name = Array(group.utf8)
        guard
            let index = groups[name]?.firstIndex(where: { sameBytes($0.timer.key, key) && $0.isFree(now) })
        else { return false }
        remove(name, index)
        return true
    }

    mutating func claimDue(in group: String, now: Timestamp, limit: Int, micros: Int64) -> [ClaimedTimer] {
        guard var entries = groups.removeValue(forKey: Array(group.utf8)) else { return [] }
        defer { groups[Array(group.utf8)] = entries }
        var claimed: [ClaimedTimer] = []
        for index in entries.indices where claimed.count < limit {
            if entries[index].timer.due > now { break }
            guard entries[index].isFree(now) else { continue }
            entries[index].number &+= 1
            entries[index].claimedUntil = now.adding(microseconds: micros)
            let entry = entries[index]
            claimed.append(
                ClaimedTimer(
                    timer: entry.timer, claim: TimerClaim(group: group, place: entry.place, number: entry.number)))
        }
        return claimed
    }

    mutating func complete(_ claim: TimerClaim) -> Bool {
        let name = Array(claim.group.utf8)
        guard
            let index = groups[name]?.firstIndex(where: {
                $0.place == claim.place && $0.number == claim.number && $0.claimedUntil != nil
            })
        else { return false }
        remove(name, index)
        return true
    }

    func nextDue(in group: String) -> Timestamp? {
        groups[Array(group.utf8)]?.map { max($0.timer.due, $0.claimedUntil ?? $0.timer.due) }.min()
    }

    private mutating func remove(_ group: [UInt8], _ index: Int) {
        groups[group]?.remove(at: index)
        if groups[group]?.isEmpty == true { groups[group] = nil }
    }
}

extension Array {
    /// The first index from which on a condition holds, if it holds of all elements behind one of which it holds.
    fileprivate func partitioningIndex(_ holds: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if holds(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
