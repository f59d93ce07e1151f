package import SagaWire

/// TLS or not, for a client.
package enum ClientSecurity: Sendable {
    case tls(TLSClientConfiguration)
    /// Plain text: only to a Unix socket or a loopback address.
    case insecure
    /// Somebody else connects and secures the connection; `TransportError` says why it could not be done.
    case stream(@Sendable (TransportAddress) async throws -> ByteStream)
}

/// A connection that somebody else has made: bytes in, bytes out. The functions are called from any thread; one `receive`, one `send`
/// at a time.
package struct ByteStream: Sendable {
    /// The next bytes; empty at the peer's orderly end.
    package var receive: @Sendable () async throws -> [UInt8]
    /// Sends all of these bytes.
    package var send: @Sendable ([UInt8]) async throws -> Void
    /// Ends the connection; a `receive` or `send` under way must end, too.
    package var close: @Sendable () async -> Void

    package init(
        receive: @escaping @Sendable () async throws -> [UInt8],
        send: @escaping @Sendable ([UInt8]) async throws -> Void,
        close: @escaping @Sendable () async -> Void
    ) {
        self.receive = receive
        self.send = send
        self.close = close
    }
}

/// Everything a client connection can be told.
package struct ClientConfiguration: Sendable {
    package var address: TransportAddress
    package var security: ClientSecurity
    package var limits: WireLimits
    /// Until TCP is connected. Default 5 s; TLS and hello have ``WireLimits/helloDeadline`` in all after the start.
    package var connectTimeout = Duration.seconds(5)
    /// The encoded `saga.v1.Hello`.
    package var hello: [UInt8]
    /// Reads `saga.v1.Welcome`; called once, on the event loop.
    package var readWelcome: @Sendable (UnsafeRawBufferPointer) -> WelcomeDecision

    package init(
        address: TransportAddress, security: ClientSecurity, hello: [UInt8], limits: WireLimits = WireLimits(),
        readWelcome: @escaping @Sendable (UnsafeRawBufferPointer) -> WelcomeDecision
    ) {
        self.address = address
        self.security = security
        self.hello = hello
        self.limits = limits
        self.readWelcome = readWelcome
    }
}

extension ClientSecurity {
    /// The TLS context and the server's name, or nil for plain text that stays on this machine.
    func prepare(for address: TransportAddress) throws(TransportError) -> (context: TLSContext, name: String)? {
        switch self {
        case .insecure:
            guard address.isLocal else {
                throw TransportError(
                    .configuration, "plain text is for Unix sockets and loopback only, not \(address)")
            }
            return nil
        case .stream: return nil
        case .tls(let configuration):
            let name: String
            switch (configuration.serverName, address) {
            case (let given?, _): name = given
            case (nil, .tcp(let host, _)): name = host
            case (nil, .unix): name = "localhost"
            }
            do {
                return (try TLSContext(client: configuration), name)
            } catch {
                throw TransportError(.security(error.kind), error.message)
            }
        }
    }
}
