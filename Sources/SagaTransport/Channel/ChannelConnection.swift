internal import NIOCore
internal import SagaWire

/// What the loop and the ports need of a connection, whatever its session's delegate is.
class ChannelConnection {
    let loop: TransportLoop
    let port: ConnectionPort
    /// The listener or client that the connection belongs to.
    let owner: AnyObject
    var registryIndex = -1
    /// Waits for its flush at the end of this turn of the loop.
    @exclusivity(unchecked) var isDirty = false
    /// Inside `receive`: the flush follows anyway.
    @exclusivity(unchecked) var isReceiving = false

    /// What TLS failed with, if it did.
    var securityError: TLSError?

    init(loop: TransportLoop, owner: AnyObject, port: ConnectionPort) {
        self.loop = loop
        self.owner = owner
        self.port = port
    }

    func tick(_ now: UInt64) {}
    func flush() {}
    func apply(_ command: SessionCommand) {}
    /// A command came from another thread by the event loop's mailbox: the next may be carried out there. On the loop.
    func prepareForOthers() {}
    /// Whether another thread may carry out a command now. On any thread, inside the gate; so is `flushDirectly`.
    var isOpenToOthers: Bool { false }
    /// Sends what there is; false if the event loop must do that, or the rest of it.
    func flushDirectly() -> Bool { false }
    /// Begins to close, in order: what waits to be sent still leaves.
    func closeGracefully() {}
    /// Closes at once.
    func closeNow(_ reason: SessionCloseReason) {}
    /// GOAWAY, for servers.
    func drain(reason: String, drainMS: UInt64, retryAfterMS: UInt64) {}
}
