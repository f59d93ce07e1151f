package import SagaCore
internal import Synchronization

extension ShardDriver {
    /// What the clock of a namespace shows.
    package func time(of namespace: String) -> Timestamp {
        virtualTime(of: namespace) ?? EngineClock.wall()
    }

    /// The same if that clock is virtual; else nil.
    package func virtualTime(of namespace: String) -> Timestamp? { readings.withLock { $0[namespace] }?.time }

    /// What the virtual clocks show, by namespace.
    package var virtualClocks: [ClockReading] {
        readings.withLock { $0.values.sorted { $0.namespace < $1.namespace } }
    }

    /// Open sagas by namespace.
    package func openSagas() async -> [String: Int] {
        await withCheckedContinuation { continuation in
            errand { continuation.resume(returning: $0.shard.openSagas) }
        }
    }
}
