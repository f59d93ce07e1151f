/// Wakes those who wait for something in a store. It carries no data and promises nothing: what there is to do stands in the
/// store, and who waits looks there now and then all the same.
///
/// A port for embedders and for other transports; in PostgreSQL it is `NOTIFY`, which reaches other processes.
public protocol SignalDispatcher: Sendable {
    /// Wakes everybody who listens on a channel.
    /// - Parameter channel: 1–255 bytes; it needs no making.
    func notify(_ channel: String) async throws(StoreError)

    /// Listens on a channel. From when this returns, each ``notify(_:)`` is followed by a wake-up; many may be followed by
    /// one, and a wake-up may come without any (after a lost connection, say). So: listen, look, then wait for the next.
    /// - Parameter channel: As in ``notify(_:)``.
    /// - Returns: Wake-ups until the reader lets go or the store is closed.
    func wakeUps(on channel: String) async throws(StoreError) -> AsyncStream<Void>
}
