internal import NIOCore

/// When the calls of a connection are given up. Most end long before: one timer stands for all of them, and a call that ends
/// has nothing to take back. Lives with the delegate.
struct CallDeadlines {
    private let eventLoop: any EventLoop
    /// Calls with a deadline: all that are open, and some that have ended.
    private var calls: [ClientCall] = []
    /// How many there may be before those that have ended are dropped.
    private var room = 64
    /// The earliest deadline of a call that was added and not looked at since, in nanoseconds.
    private var earliest = UInt64.max
    /// For when the timer is set, in nanoseconds.
    private var armedFor = UInt64.max
    private var timer: Scheduled<Void>?

    init(eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    mutating func add(_ call: ClientCall) {
        if calls.count >= room {
            calls.removeAll { $0.isOver }
            room = max(64, 2 * calls.count)
        }
        calls.append(call)
        earliest = min(earliest, call.deadline)
    }

    /// Whether the timer is not set for as early as the next deadline.
    var mustArm: Bool { earliest < armedFor }

    mutating func arm(_ strike: @escaping @Sendable () -> Void) {
        timer?.cancel()
        armedFor = earliest
        let now = MonotonicClock.now()
        let wait = Int64(clamping: earliest > now ? earliest - now : 0)
        timer = eventLoop.scheduleTask(in: .nanoseconds(wait), strike)
    }

    /// The connection is over, and so are its calls.
    mutating func stop() {
        timer?.cancel()
        timer = nil
        calls = []
    }

    /// The calls whose time is over; the timer must be armed anew.
    mutating func takeExpired() -> [ClientCall] {
        let now = MonotonicClock.now()
        armedFor = .max
        timer = nil
        let expired = calls.filter { !$0.isOver && $0.deadline <= now }
        calls.removeAll { $0.isOver || $0.deadline <= now }
        earliest = calls.reduce(.max) { min($0, $1.deadline) }
        return expired
    }
}
