/// What every store demands of those who use its queue, timers and channels, so that it is refused in the same words everywhere.
package enum PortRules {
    /// Most tasks or timers in one call.
    package static let maximumCount = 1_000
    /// Most bytes that a task or timer carries.
    package static let maximumBody = 4 << 20
    /// Longest lease, claim or delay.
    package static let maximumTime: Duration = .seconds(366 * 86_400)

    package static func name(_ name: String, _ what: String) throws(StoreError) {
        if let problem = Name.problem(with: name, what: what) { throw StoreError(.invalid, problem) }
    }

    package static func count(_ count: Int, _ what: String) throws(StoreError) {
        guard count <= maximumCount else {
            throw StoreError(.invalid, "\(count) \(what) in one call; \(maximumCount) are allowed")
        }
    }

    package static func body(_ body: [UInt8], _ what: String) throws(StoreError) {
        guard body.count <= maximumBody else {
            throw StoreError(.invalid, "\(what) has \(body.count) bytes; \(maximumBody) are allowed")
        }
    }

    /// - Returns: whole microseconds, at least 1.
    package static func lease(_ time: Duration) throws(StoreError) -> Int64 {
        guard time > .zero, time <= maximumTime else {
            throw StoreError(.invalid, "a lease of \(time); it is above zero and at most 366 days")
        }
        return max(1, time.wholeMicroseconds)
    }

    /// - Returns: whole microseconds.
    package static func delay(_ time: Duration) throws(StoreError) -> Int64 {
        guard time >= .zero, time <= maximumTime else {
            throw StoreError(.invalid, "a delay of \(time); it is not below zero and at most 366 days")
        }
        return time.wholeMicroseconds
    }

    package static func check(_ tasks: [QueuedTask], on queue: String) throws(StoreError) {
        try name(queue, "the queue")
        try count(tasks.count, "tasks")
        for task in tasks {
            try name(task.key, "the key of a task")
            try body(task.body, "task \(task.key)")
            _ = try delay(task.delay)
        }
    }

    /// The timers, of several with the same key the last.
    package static func checked(_ timers: [StoredTimer], in group: String) throws(StoreError) -> [StoredTimer] {
        try name(group, "the group")
        try count(timers.count, "timers")
        var places: [[UInt8]: Int] = [:]
        var kept: [StoredTimer] = []
        for timer in timers {
            try name(timer.key, "the key of a timer")
            try body(timer.body, "timer \(timer.key)")
            // As bytes: two texts that Swift takes for equal are two keys.
            if let place = places.updateValue(kept.count, forKey: Array(timer.key.utf8)) {
                places[Array(timer.key.utf8)] = place
                kept[place] = timer
            } else {
                kept.append(timer)
            }
        }
        return kept
    }
}
