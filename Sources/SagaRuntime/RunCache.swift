internal import SagaCore

/// The live runs of one lane, least recently used first out.
///
/// A doubly linked list inside an array, so that a use and an eviction cost O(1) and no allocation.
struct RunCache {
    private struct Slot {
        var instance: WorkflowInstance?
        var older: Int
        var newer: Int
    }

    private static let none = -1
    private let capacity: Int
    private var index: [SagaID: Int] = [:]
    private var slots: [Slot] = []
    private var free: [Int] = []
    private var oldest = Self.none
    private var newest = Self.none

    /// - Parameter capacity: Most runs to keep, at least 1.
    init(capacity: Int) { self.capacity = max(1, capacity) }

    var count: Int { index.count }

    /// The run, which thereby becomes the most recently used; nil if it is not here.
    mutating func use(_ sagaID: SagaID) -> WorkflowInstance? {
        guard let position = index[sagaID] else { return nil }
        if position != newest {
            unlink(position)
            linkNewest(position)
        }
        return slots[position].instance
    }

    /// Adds a run in place of the one with the same id.
    /// - Returns: The run that must be evicted for it, if any.
    mutating func insert(_ instance: WorkflowInstance) -> WorkflowInstance? {
        var displaced = remove(instance.sagaID)
        if displaced == nil, index.count >= capacity, let id = slots[oldest].instance?.sagaID {
            displaced = remove(id)
        }
        let position: Int
        if let reused = free.popLast() {
            position = reused
            slots[position].instance = instance
        } else {
            position = slots.count
            slots.append(Slot(instance: instance, older: Self.none, newer: Self.none))
        }
        index[instance.sagaID] = position
        linkNewest(position)
        return displaced
    }

    /// Makes a run the next to be evicted: its code has returned.
    mutating func demote(_ sagaID: SagaID) {
        guard let position = index[sagaID], position != oldest else { return }
        unlink(position)
        slots[position].newer = oldest
        slots[position].older = Self.none
        slots[oldest].older = position
        oldest = position
    }

    mutating func remove(_ sagaID: SagaID) -> WorkflowInstance? {
        guard let position = index.removeValue(forKey: sagaID) else { return nil }
        unlink(position)
        free.append(position)
        let instance = slots[position].instance
        slots[position].instance = nil
        return instance
    }

    /// Empties the cache.
    /// - Returns: What was in it, least recently used first.
    mutating func removeAll() -> [WorkflowInstance] {
        var all: [WorkflowInstance] = []
        var position = oldest
        while position != Self.none {
            if let instance = slots[position].instance { all.append(instance) }
            position = slots[position].newer
        }
        self = RunCache(capacity: capacity)
        return all
    }

    private mutating func unlink(_ position: Int) {
        let (older, newer) = (slots[position].older, slots[position].newer)
        if older == Self.none { oldest = newer } else { slots[older].newer = newer }
        if newer == Self.none { newest = older } else { slots[newer].older = older }
    }

    private mutating func linkNewest(_ position: Int) {
        slots[position].older = newest
        slots[position].newer = Self.none
        if newest == Self.none { oldest = position } else { slots[newest].newer = position }
        newest = position
    }
}
