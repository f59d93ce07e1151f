internal import Dispatch
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Strikes when a shard wants to be run again, on a thread of its own that sleeps until then. A timer of Dispatch would wake
/// two other threads each time that it is set, and two when it strikes; a shard sets one for nearly every step.
final class ShardTimer: Sendable {
    private struct State {
        /// Nanoseconds of `DispatchTime`.
        var due = UInt64.max
        var isStopped = false
    }

    private let state = Mutex(State())
    private let changed = DispatchSemaphore(value: 0)

    /// What the thread is given: it keeps the timer alive until that is stopped.
    private final class Start {
        let timer: ShardTimer
        let strike: @Sendable () -> Void

        init(_ timer: ShardTimer, _ strike: @escaping @Sendable () -> Void) {
            self.timer = timer
            self.strike = strike
        }
    }

    /// - Parameter strike: Called on the timer's thread; it may set the timer again.
    func start(_ strike: @escaping @Sendable () -> Void) {
        // No thread of Dispatch: it has so many only, and this one would be taken from it for good.
        let start = Unmanaged.passRetained(Start(self, strike))
        #if canImport(Darwin)
            var thread: pthread_t?
            let result = pthread_create(&thread, nil, { ShardTimer.live($0) }, start.toOpaque())
        #else
            var thread = pthread_t()
            let result = pthread_create(&thread, nil, { $0.flatMap { ShardTimer.live($0) } }, start.toOpaque())
        #endif
        if result == 0 { return }
        start.release()
        // Better one of Dispatch's than none.
        DispatchQueue(label: "saga.shard-timer").async { self.run(strike) }
    }

    /// The thread.
    private static func live(_ given: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
        pthread_detach(pthread_self())
        let start = Unmanaged<Start>.fromOpaque(given).takeRetainedValue()
        start.timer.run(start.strike)
        return nil
    }

    /// Sets the timer, which stands for one time only.
    /// - Parameter micros: From now.
    func set(after micros: Int64) {
        let wait = UInt64(max(0, micros)).multipliedReportingOverflow(by: 1_000)
        let due = DispatchTime.now().uptimeNanoseconds.addingReportingOverflow(wait.partialValue)
        let isFar = wait.overflow || due.overflow
        let isEarlier = state.withLock { state in
            defer { state.due = isFar ? .max : due.partialValue }
            return !isFar && due.partialValue < state.due
        }
        // A later time is found when the earlier one is over.
        if isEarlier { changed.signal() }
    }

    func stop() {
        state.withLock { $0.isStopped = true }
        changed.signal()
    }

    private func run(_ strike: () -> Void) {
        while true {
            let (due, isStopped) = state.withLock { ($0.due, $0.isStopped) }
            if isStopped { return }
            if due > DispatchTime.now().uptimeNanoseconds {
                // Woken early by a new time, or by the end.
                _ = changed.wait(timeout: due == .max ? .distantFuture : DispatchTime(uptimeNanoseconds: due))
                continue
            }
            state.withLock { $0.due = .max }
            strike()
        }
    }
}
