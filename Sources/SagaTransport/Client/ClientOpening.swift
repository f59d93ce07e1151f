internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import SagaWire
internal import Synchronization

/// The way from a configuration to an open connection: TCP or Unix socket, TLS, hello.
final class ClientOpening: Sendable {
    /// What belongs to one channel; made on its event loop.
    struct Parts {
        let port: ConnectionPort
        let shared: ClientShared
        let delegate: ClientDelegate
        let opened: EventLoopFuture<Void>
    }

    let configuration: ClientConfiguration
    let group: TransportGroup
    let security: (context: TLSContext, name: String)?
    /// Of every channel that was tried: a name may have several addresses.
    private let made = Mutex<[ObjectIdentifier: LoopConfined<Parts>]>([:])

    init(
        configuration: ClientConfiguration, group: TransportGroup, security: (context: TLSContext, name: String)?
    ) {
        self.configuration = configuration
        self.group = group
        self.security = security
    }

    func connect() async throws(TransportError) -> any Channel {
        let bootstrap = ClientBootstrap(group: group.eventLoopGroup)
            .connectTimeout(.nanoseconds(Int64(clamping: Int(configuration.connectTimeout / .nanoseconds(1)))))
            .channelOption(.writeBufferWaterMark, value: .init(low: 64 << 10, high: 128 << 10))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { [self] in try install(on: channel) }
            }
        do {
            switch configuration.address {
            case .tcp(let host, let port):
                return try await bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
                    .connect(host: host, port: port).get()
            case .unix(let path):
                return try await bootstrap.connect(unixDomainSocketPath: path).get()
            }
        } catch let error as TLSError {
            throw TransportError(.security(error.kind), error.message)
        } catch {
            throw TransportError(.connectFailed, "cannot connect to \(configuration.address): \(Self.reason(error))")
        }
    }

    /// What went wrong, in the system's own words.
    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            if let last = error.connectionErrors.last { return reason(last.error) }
            return "the name \(error.host) does not resolve"
        case let error as IOError: return String(cString: strerror(error.errnoCode))
        case ChannelError.connectTimeout: return "no answer in time"
        default: return "\(error)"
        }
    }

    private func install(on channel: any Channel) throws {
        guard let loop = group.loop(of: channel.eventLoop) else {
            throw TransportError(.configuration, "the channel's event loop is not of this group")
        }
        let engine = try security.map { try TLSEngine($0.context, serverName: $0.name) }
        let shared = ClientShared()
        let opening = channel.eventLoop.makePromise(of: Void.self)
        let delegate = ClientDelegate(configuration: configuration, loop: loop, shared: shared, opening: opening)
        let session = ClientSession(limits: configuration.limits, delegate: delegate, now: MonotonicClock.now())
        let port = ConnectionPort(loop: loop)
        let handler = SessionChannelHandler(
            loop: loop, owner: shared, port: port, session: session, engine: engine, onSecured: { _ in },
            onClosed: {})
        delegate.connection = handler
        let parts = Parts(port: port, shared: shared, delegate: delegate, opened: opening.futureResult)
        made.withLock { $0[ObjectIdentifier(channel)] = LoopConfined(parts) }
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    /// On the channel's event loop: waits for the hello.
    func opened(on channel: any Channel) -> EventLoopFuture<ClientConnection> {
        guard let parts = made.withLock({ $0[ObjectIdentifier(channel)] }) else {
            return channel.eventLoop.makeFailedFuture(
                TransportError(.connectionLost, "the connection broke off at once"))
        }
        return parts.value.opened.map { ClientConnection(parts.value, whenGone: channel.closeFuture) }
    }
}
