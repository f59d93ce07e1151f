internal import Glibc
internal import NIOCore
package import NIOPosix

/// The event loops that listeners and clients share.
package final class TransportGroup: Sendable {
    package let eventLoopGroup: MultiThreadedEventLoopGroup
    private let loops: [ObjectIdentifier: TransportLoop]

    /// Cores that this process may use: fewer than there are in a container, or under `taskset`.
    package static var usableCores: Int {
        guard let mask = allowedProcessors() else { return System.coreCount }
        let allowed = mask.reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) }
        return max(1, min(allowed, System.coreCount))
    }

    /// The mask of processors that the kernel lets this process use, in hexadecimal digits; nil where it does not say so.
    private static func allowedProcessors() -> Substring? {
        let file = open("/proc/self/status", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: 16_384)
        let count = read(file, &buffer, buffer.count)
        guard count > 0 else { return nil }
        let field = "Cpus_allowed:"
        let lines = String(decoding: buffer[..<count], as: UTF8.self).split(separator: "\n")
        return lines.first { $0.hasPrefix(field) }?.dropFirst(field.count)
    }

    /// - Parameter threads: event loops to start; each is one thread. Default: one a core that may be used.
    package init(threads: Int = TransportGroup.usableCores) {
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

    /// Has something done on the calling event loop's thread, after what it is at; false on any other thread.
    package static func afterThisTurn(_ body: @escaping @Sendable () -> Void) -> Bool {
        guard let loop = MultiThreadedEventLoopGroup.currentEventLoop else { return false }
        loop.execute(body)
        return true
    }

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

    /// The time that comes after so long; the last one there is if that is too far away.
    package static func now(after wait: Duration) -> UInt64 {
        let (seconds, attoseconds) = wait.components
        guard seconds >= 0, attoseconds >= 0 else { return now() }
        let nanoseconds = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let rest = UInt64(attoseconds / 1_000_000_000)
        let sum = nanoseconds.partialValue.addingReportingOverflow(rest)
        let end = now().addingReportingOverflow(sum.partialValue)
        return nanoseconds.overflow || sum.overflow || end.overflow ? .max : end.partialValue
    }
}
