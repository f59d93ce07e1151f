internal import Glibc
internal import NIOCore
package import NIOPosix

/// The event loops that listeners and clients share.
package final class TransportGroup: Sendable {
    package let eventLoopGroup: MultiThreadedEventLoopGroup
    private let loops: [ObjectIdentifier: TransportLoop]

    /// - Parameter threads: event loops to start; each is one thread. Default: one a core.
    package init(threads: Int = System.coreCount) {
        eventLoopGroup = MultiThreadedEventLoopGroup(numberOfThreads: max(1, threads))
        var loops: [ObjectIdentifier: TransportLoop] = [:]
        for eventLoop in eventLoopGroup.makeIterator() {
            loops[ObjectIdentifier(eventLoop)] = TransportLoop(eventLoop: eventLoop)
        }
        self.loops = loops
    }

    /// The state that belongs to an event loop of this group.
    func loop(of eventLoop: any EventLoop) -> TransportLoop? { loops[ObjectIdentifier(eventLoop)] }

    var allLoops: some Sequence<TransportLoop> { loops.values }

    /// Ends the threads; every listener and client of the group must be closed before.
    package func shutdown() async {
        for loop in loops.values { loop.stop() }
        try? await eventLoopGroup.shutdownGracefully()
    }
}

/// Monotonic time.
package enum MonotonicClock {
    /// Nanoseconds since some fixed point, never going back.
    package static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}
