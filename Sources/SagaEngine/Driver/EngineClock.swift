package import SagaCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The two clocks of the machine; the only place of the engine that reads one.
package enum EngineClock {
    /// Both clocks, now.
    package static func now() -> ShardTime {
        ShardTime(
            wall: Timestamp(microseconds: microseconds(CLOCK_REALTIME)), monotonic: microseconds(CLOCK_MONOTONIC))
    }

    /// What the clock on the wall shows, for answers that need nothing else.
    package static func wall() -> Timestamp { Timestamp(microseconds: microseconds(CLOCK_REALTIME)) }

    private static func microseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }
}
