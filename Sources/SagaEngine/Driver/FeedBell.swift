internal import Synchronization

/// Rings when something was committed, for those who follow the feed. It says only that there is something new: who hears
/// it reads the store. Appends of other programs do not ring it.
package final class FeedBell: Sendable {
    private struct Listeners {
        var next: UInt64 = 0
        var all: [UInt64: @Sendable () -> Void] = [:]
    }

    private let listeners = Mutex(Listeners())
    /// So that a commit that nobody waits for costs one read.
    private let count = Atomic(0)

    package init() {}

    /// Something was committed. Called after every commit, on whichever thread heard of it.
    package func ring() {
        guard count.load(ordering: .acquiring) > 0 else { return }
        let all = listeners.withLock { Array($0.all.values) }
        for listener in all { listener() }
    }

    /// Has something called at every commit from now on; it must not block.
    /// - Returns: What to give to ``stop(_:)``.
    package func listen(_ body: @escaping @Sendable () -> Void) -> UInt64 {
        listeners.withLock { listeners in
            listeners.next += 1
            listeners.all[listeners.next] = body
            count.store(listeners.all.count, ordering: .releasing)
            return listeners.next
        }
    }

    package func stop(_ id: UInt64) {
        listeners.withLock { listeners in
            listeners.all[id] = nil
            count.store(listeners.all.count, ordering: .releasing)
        }
    }
}
