package import SagaCore

extension ShardDriver {
    /// What the clock of a namespace shows.
    package func time(of namespace: String) -> Timestamp { EngineClock.wall() }
}
