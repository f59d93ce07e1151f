package import Logging
internal import NIOCore
internal import NIOPosix
package import SagaWire
internal import Synchronization

/// What a listener serves: makes the delegate of each connection.
package protocol SessionService: AnyObject, Sendable {
    associatedtype Connection: ServerSessionDelegate
    /// A connection was accepted; TLS is still to come. Called on the connection's event loop.
    func makeConnection(_ context: ConnectionContext) -> Connection
}

/// What the delegate of a connection may know of its surroundings. Used on the connection's event loop.
package final class ConnectionContext {
    /// To answer from other threads.
    package let port: ConnectionPort
    /// `192.0.2.1:50412`, for logs.
    package let peerAddress: String
    /// False for plain text.
    package let isSecure: Bool
    /// What the client's certificate says; set when TLS is up (before `connected`), nil if it showed none.
    package internal(set) var peerCertificate: PeerCertificate?

    init(port: ConnectionPort, peerAddress: String, isSecure: Bool) {
        self.port = port
        self.peerAddress = peerAddress
        self.isSecure = isSecure
    }
}

/// Listens, accepts within its limits, and runs a ``ServerSession`` on each connection.
package final class SagaListener<Service: SessionService>: Sendable {
    private let service: Service
    private let configuration: ListenerConfiguration
    private let group: TransportGroup
    private let state: ListenerState
    private let channel: any Channel

    /// The address that is listened on, with the port that the system chose.
    package let address: TransportAddress

    /// Counts for metrics.
    package var connectionCount: Int { state.connections.load(ordering: .relaxed) }
    /// Connections that have not finished TLS and HELLO.
    package var handshakeCount: Int { state.handshakes.load(ordering: .relaxed) }
    /// Connections closed at once because of a limit.
    package var refusedCount: Int { state.refused.load(ordering: .relaxed) }

    private init(
        service: Service, configuration: ListenerConfiguration, group: TransportGroup, state: ListenerState,
        channel: any Channel
    ) {
        self.service = service
        self.configuration = configuration
        self.group = group
        self.state = state
        self.channel = channel
        switch configuration.address {
        case .tcp(let host, let port): address = .tcp(host: host, port: channel.localAddress?.port ?? port)
        case .unix: address = configuration.address
        }
    }

    /// Starts to listen.
    ///
    /// - Throws: ``TLSError`` for unusable certificates; ``TransportError`` if the address cannot be listened on or
    ///   plain text was asked for on an address that others can reach.
    package static func start(
        _ configuration: ListenerConfiguration, group: TransportGroup, service: Service, logger: Logger
    ) async throws -> SagaListener {
        let tls: TLSContext?
        switch configuration.security {
        case .tls(let security): tls = try TLSContext(server: security)
        case .insecure:
            guard configuration.address.isLocal else {
                throw TransportError(
                    .configuration, "plain text is for Unix sockets and loopback only, not \(configuration.address)")
            }
            tls = nil
        }
        let state = ListenerState(configuration: configuration, tls: tls, logger: logger)
        let bootstrap = ServerBootstrap(group: group.eventLoopGroup)
            .serverChannelOption(.backlog, value: configuration.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    channel.closeOnExec()
                    try channel.pipeline.syncOperations.addHandler(AcceptGate(state: state))
                }
            }
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 64 << 10, high: 128 << 10))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    do {
                        try Self.accept(channel, service: service, group: group, state: state)
                    } catch {
                        state.handshakes.subtract(1, ordering: .relaxed)
                        state.closedOne()
                        throw error
                    }
                }
            }
        do {
            let channel: any Channel
            switch configuration.address {
            case .tcp(let host, let port):
                channel =
                    try await bootstrap
                    .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                    .bind(host: host, port: port).get()
            case .unix(let path):
                channel = try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
            }
            return SagaListener(
                service: service, configuration: configuration, group: group, state: state, channel: channel)
        } catch {
            throw TransportError(.connectFailed, "cannot listen on \(configuration.address): \(error)")
        }
    }

    private static func accept(
        _ channel: any Channel, service: Service, group: TransportGroup, state: ListenerState
    ) throws {
        guard let loop = group.loop(of: channel.eventLoop) else {
            throw TransportError(.configuration, "the channel's event loop is not of this group")
        }
        // From here on nothing throws but what comes before the handler is in place: see the caller.
        let engine = try state.tls.withLock { $0 }.map { try TLSEngine($0) }
        let surroundings = ConnectionContext(
            port: ConnectionPort(loop: loop), peerAddress: channel.remoteAddress?.description ?? "local",
            isSecure: engine != nil)
        let delegate = service.makeConnection(surroundings)
        let session = ServerSession(
            limits: state.configuration.limits, delegate: delegate, now: MonotonicClock.now())
        let tracked = HandshakeTracker(state: state)
        session.onWelcome = { tracked.done() }
        let handler = SessionChannelHandler(
            loop: loop, owner: state, port: surroundings.port, session: session, engine: engine,
            onSecured: { surroundings.peerCertificate = $0 },
            onClosed: {
                tracked.done()
                state.closedOne()
            })
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    /// Uses other certificates for the connections to come; open ones are not touched.
    ///
    /// - Throws: ``TLSError`` if they cannot be used; the old ones stay then.
    package func reload(_ security: TLSServerConfiguration) throws {
        let context = try TLSContext(server: security)
        state.tls.withLock { tls in if tls != nil { tls = context } }
    }

    /// Stops to accept, says GOAWAY on each connection, waits for the calls under way, closes.
    ///
    /// - Parameters:
    ///   - reason: for people, in GOAWAY.
    ///   - grace: how long to wait for running calls; what is left then is closed.
    ///   - retryAfterMS: advice to the clients.
    package func drain(reason: String, grace: Duration, retryAfterMS: UInt64 = 0) async {
        try? await channel.close().get()
        let graceMS = UInt64(max(0, grace / .milliseconds(1)))
        forEachConnection { $0.drain(reason: reason, drainMS: graceMS, retryAfterMS: retryAfterMS) }
        if await state.waitUntilEmpty(for: grace, on: channel.eventLoop) { return }
        forEachConnection { $0.closeGracefully() }
        if await state.waitUntilEmpty(for: .seconds(3), on: channel.eventLoop) { return }
        forEachConnection { $0.closeNow(.local) }
        _ = await state.waitUntilEmpty(for: .seconds(3), on: channel.eventLoop)
    }

    private func forEachConnection(_ body: @escaping @Sendable (ChannelConnection) -> Void) {
        for loop in group.allLoops {
            loop.eventLoop.execute { [state] in
                for connection in loop.connections(ownedBy: state) { body(connection) }
            }
        }
    }
}

/// Counts a handshake as open until it is done or the connection is gone, whichever is first.
private final class HandshakeTracker {
    private let state: ListenerState
    private var isOpen = true

    init(state: ListenerState) { self.state = state }

    func done() {
        guard isOpen else { return }
        isOpen = false
        state.handshakes.subtract(1, ordering: .relaxed)
    }
}
