/// What the code does about messages: its handlers of queries, updates and signals, by name.
///
/// Handlers live on the run's executor like the rest of the code; they are dropped when the code is evicted, because they
/// may hold the context that holds them.
struct MessageHandlers {
    struct Update {
        /// Only reads; throws if the update is refused.
        var validate: (Payload) throws -> Void
        var run: (Payload) async throws -> Payload
    }

    var queries: [String: (Payload) throws -> Payload] = [:]
    var updates: [String: Update] = [:]
    var signals: [String: (Payload) async throws -> Void] = [:]
    /// Callbacks of timers.
    var timers: [String: (String) async throws -> Void] = [:]
    /// Timers that have a callback, by the command that set them.
    var callbacks: [CommandNumber: (callback: String, timerID: String)] = [:]
    /// Handlers of any kind that have not ended.
    var running = 0
    /// Update handlers that have not ended.
    var openUpdates = 0
    /// What code waits for that only its handlers bring about, in the order in which it began to wait.
    var conditions: [(id: UInt64, isMet: () -> Bool)] = []
    private var lastCondition: UInt64 = 0

    mutating func addCondition(_ isMet: @escaping () -> Bool) -> UInt64 {
        lastCondition += 1
        conditions.append((lastCondition, isMet))
        return lastCondition
    }

    mutating func removeCondition(_ id: UInt64) { conditions.removeAll { $0.id == id } }
}

/// A closure of workflow code on its way into a task of the same executor. Everything of a run happens on one thread at a
/// time, so nothing is shared.
struct OnExecutor<Value>: @unchecked Sendable {
    var value: Value
}
