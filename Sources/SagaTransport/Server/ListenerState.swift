internal import Glibc
internal import Logging
internal import NIOCore
internal import Synchronization

/// What the event loops of a listener share.
final class ListenerState: Sendable {
    let configuration: ListenerConfiguration
    let logger: Logger
    /// Exchanged by a reload; nil for plain text.
    let tls: Mutex<TLSContext?>
    let connections = Atomic(0)
    let handshakes = Atomic(0)
    let refused = Atomic(0)
    private let budget: Mutex<AcceptBudget>
    private let waiters = Mutex<[Int: CheckedContinuation<Bool, Never>]>([:])
    private let waiterSequence = Atomic(0)

    init(configuration: ListenerConfiguration, tls: TLSContext?, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        self.tls = Mutex(tls)
        budget = Mutex(
            AcceptBudget(
                perSecond: configuration.acceptsPerSecond,
                perSecondAndNetwork: configuration.acceptsPerSecondAndNetwork, now: MonotonicClock.now()))
    }

    /// Counts a new connection, if there is room for it.
    func admit(_ address: SocketAddress?) -> Bool {
        let hasRoom =
            connections.load(ordering: .relaxed) < configuration.maxConnections
            && handshakes.load(ordering: .relaxed) < configuration.maxHandshakes
        guard hasRoom, budget.withLock({ $0.admit(address, now: MonotonicClock.now()) }) else {
            refused.add(1, ordering: .relaxed)
            return false
        }
        connections.add(1, ordering: .relaxed)
        handshakes.add(1, ordering: .relaxed)
        return true
    }

    func closedOne() {
        let (_, left) = connections.subtract(1, ordering: .acquiringAndReleasing)
        guard left == 0 else { return }
        for (_, waiter) in waiters.withLock({ exchange(&$0, with: [:]) }) { waiter.resume(returning: true) }
    }

    /// Waits until the last connection is gone; false if that takes longer than `time`.
    func waitUntilEmpty(for time: Duration, on eventLoop: any EventLoop) async -> Bool {
        let id = waiterSequence.add(1, ordering: .relaxed).newValue
        return await withCheckedContinuation { continuation in
            waiters.withLock { $0[id] = continuation }
            let nanoseconds = Int64(clamping: Int(max(0, time / .nanoseconds(1))))
            eventLoop.scheduleTask(in: .nanoseconds(nanoseconds)) { [self] in
                waiters.withLock { $0.removeValue(forKey: id) }?.resume(returning: false)
            }
            if connections.load(ordering: .acquiring) == 0 {
                waiters.withLock { $0.removeValue(forKey: id) }?.resume(returning: true)
            }
        }
    }
}

/// Stands before the accept handler: a connection beyond the limits is closed before anything is made for it.
final class AcceptGate: ChannelInboundHandler {
    typealias InboundIn = any Channel
    typealias InboundOut = any Channel

    private let state: ListenerState
    private var lastWarning: UInt64 = 0
    private var isPaused = false

    init(state: ListenerState) { self.state = state }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let channel = Self.unwrapInboundIn(data)
        guard state.admit(channel.remoteAddress) else {
            channel.close(promise: nil)
            warn("a connection was refused: too many connections or handshakes, or they come too fast")
            return
        }
        context.fireChannelRead(data)
        if !isRoomForMore { pause(context) }
    }

    /// `accept` failed, such as for want of file descriptors: it is tried again in a second.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        warn("cannot accept connections: \(error)")
        pause(context)
    }

    // MARK: Descriptors

    /// Descriptors that connections leave to the rest of the process: its stores and logs, and libdispatch, which ends the process if it
    /// cannot open the file by which it counts its threads.
    private let mostDescriptors: Int = {
        var limits = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) == 0 else { return .max }
        let limit = Int(clamping: limits.rlim_cur)
        return limit - min(64, limit / 4)
    }()

    private var isRoomForMore: Bool {
        // The system gives the lowest that is free.
        let probe = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)
        if probe >= 0 { close(probe) }
        // Without a standard error nothing is known; then `accept` says it.
        if probe >= 0 ? probe < mostDescriptors : errno != EMFILE { return true }
        warn(
            "cannot accept connections: nearly all file descriptors are in use; raise the limit of open files (ulimit -n)"
        )
        return false
    }

    /// Accepts nothing for a second, and then only if there is room.
    ///
    /// Reading is switched off meanwhile. NIO's `AcceptBackoffHandler` only holds back the *next* read, but a read that ended
    /// in an error before it accepted anything is still pending, so the listening socket would stay in the selector, readable,
    /// and the event loop would spin on it.
    private func pause(_ context: ChannelHandlerContext) {
        guard !isPaused else { return }
        isPaused = true
        let channel = context.channel
        let gate = NIOLoopBound(self, eventLoop: context.eventLoop)
        channel.setOption(.autoRead, value: false).whenComplete { _ in gate.value.goOnLater(channel) }
    }

    private func goOnLater(_ channel: any Channel) {
        let gate = NIOLoopBound(self, eventLoop: channel.eventLoop)
        channel.eventLoop.scheduleTask(in: .seconds(1)) {
            guard channel.isActive else { return }
            guard gate.value.isRoomForMore else { return gate.value.goOnLater(channel) }
            gate.value.isPaused = false
            // Fails only if the listener was closed meanwhile.
            channel.setOption(.autoRead, value: true).whenFailure { _ in }
        }
    }

    /// One line a second at most: a flood must not become a flood of logs.
    private func warn(_ message: @autoclosure () -> String) {
        let now = MonotonicClock.now()
        guard lastWarning == 0 || now - lastWarning >= 1_000_000_000 else { return }
        lastWarning = now
        state.logger.warning("\(message())")
    }
}
