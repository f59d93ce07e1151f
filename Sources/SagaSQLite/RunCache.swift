import SagaCore

/// What the writer knows of a run without asking the database.
struct RunState {
    /// Its number in the database.
    var run: Int64
    var nextEventID: EventID
    var isClosed: Bool
}

/// The runs that were written lately, so that an append to a live run reads nothing.
///
/// Two generations instead of a list of uses: what is not touched while one generation fills up is forgotten, at no cost
/// per access.
struct RunCache {
    private let capacity: Int
    private var young: [SagaID: RunState] = [:]
    private var old: [SagaID: RunState] = [:]

    /// - Parameter capacity: Most runs of one generation; twice as many are kept at most.
    init(capacity: Int) { self.capacity = max(1, capacity) }

    /// What is known of a run; nil means only that it has to be looked up.
    mutating func find(_ id: SagaID) -> RunState? {
        if let state = young[id] { return state }
        guard let state = old[id] else { return nil }
        keep(state, for: id)
        return state
    }

    mutating func keep(_ state: RunState, for id: SagaID) {
        if young.count >= capacity {
            old = young
            young = Dictionary(minimumCapacity: capacity)
        }
        young[id] = state
    }

    /// Forgets everything: after a commit that failed, nothing learned in it counts.
    mutating func removeAll() {
        young.removeAll(keepingCapacity: true)
        old.removeAll()
    }
}
