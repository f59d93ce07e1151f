internal import SagaTransport
internal import SagaWire

/// Where the server is and who is calling.
public struct ConnectionOptions: Sendable {
    /// Where a server listens.
    public enum Address: Hashable, Sendable, CustomStringConvertible {
        case tcp(host: String, port: Int)
        case unix(path: String)

        public var description: String { transport.description }

        var transport: TransportAddress {
            switch self {
            case .tcp(let host, let port): .tcp(host: host, port: port)
            case .unix(let path): .unix(path: path)
            }
        }
    }

    /// How the connection is protected.
    public enum Security: Sendable {
        /// TLS 1.3. Paths are those of PEM files.
        /// - Parameters:
        ///   - ca: The authorities that may have signed the server's certificate; nil trusts the system's.
        ///   - certificate: A client certificate, for servers that demand one.
        ///   - key: Its private key.
        ///   - serverName: The name that the server's certificate must carry; nil takes the host connected to.
        case tls(ca: String? = nil, certificate: String? = nil, key: String? = nil, serverName: String? = nil)
        /// Plain text: only to a Unix socket or a loopback address.
        case insecure
        /// Connections that the program makes itself.
        case custom(any Transport)
    }

    public var address: Address
    public var security: Security
    /// The namespace of everything that is done. Default `default`.
    public var namespace = "default"
    /// An access token, `<key id>.<secret>`; empty for none.
    public var token = ""
    /// Who is calling, for people who read logs.
    public var identity = ""
    /// How long a call may take, connecting and repeating included, unless it says otherwise. Default 30 s.
    public var deadline: Duration = .seconds(30)
    /// Until a connection is up. Default 5 s.
    public var connectTimeout: Duration = .seconds(5)
    /// First and longest wait between attempts to connect or to repeat a call. Default 50 ms and 5 s.
    public var backoff: ClosedRange<Duration> = .milliseconds(50)...(.seconds(5))

    /// Whether messages over 1 KiB are compressed (LZ4), if the server offers it. Default false: it costs both sides CPU and
    /// pays on slow networks only.
    public var compression = false

    public init(address: Address, security: Security = .tls()) {
        self.address = address
        self.security = security
    }

    /// A server at a host name or IP address.
    public init(host: String, port: Int = 7_233, security: Security = .tls()) {
        self.init(address: .tcp(host: host, port: port), security: security)
    }
}

extension ConnectionOptions {
    /// The version that HELLO names.
    static let sdkVersion = "0.1.0"

    /// The transport's form of these options.
    func transport() throws(SagaClientError) -> ClientConfiguration {
        let hello = Wire.Hello(
            minMinor: 0, maxMinor: 0, sdkName: "swift", sdkVersion: Self.sdkVersion, namespace: namespace, token: token,
            features: compression ? [WireFeature.lz4] : [], identity: identity)
        let bytes: [UInt8]
        do throws(WireError) { bytes = try hello.serialized() } catch {
            throw SagaClientError(.invalidArgument, "the connection options cannot be sent: \(error)")
        }
        let announced = compression
        let clientSecurity: ClientSecurity
        switch security {
        case .insecure: clientSecurity = .insecure
        case .custom(let transport): clientSecurity = transport.security
        case .tls(let ca, let certificate, let key, let serverName):
            clientSecurity = .tls(
                TLSClientConfiguration(
                    caPath: ca, serverName: serverName, certificateChainPath: certificate, privateKeyPath: key))
        }
        var configuration = ClientConfiguration(
            address: address.transport, security: clientSecurity, hello: bytes,
            readWelcome: { body in
                do throws(WireError) {
                    let welcome = try Wire.Welcome(decoding: body, limits: .response)
                    var agreement = WireAgreement()
                    agreement.maxFrame = Int(welcome.maxFrame)
                    agreement.maxMessage = Int(welcome.maxMessage)
                    agreement.maxStreams = Int(welcome.maxStreams)
                    agreement.windowItems = Int(welcome.initialItems)
                    agreement.windowBytes = Int(welcome.initialBytes)
                    agreement.compresses = announced && welcome.features.contains(WireFeature.lz4)
                    return .accept(agreement)
                } catch {
                    return .reject(WireStatus(.invalidArgument, "WELCOME does not read: \(error)"))
                }
            })
        configuration.connectTimeout = connectTimeout
        return configuration
    }
}
