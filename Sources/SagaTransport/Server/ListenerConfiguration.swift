package import SagaWire

/// Where a listener listens or a client connects.
package enum TransportAddress: Sendable, Hashable, CustomStringConvertible {
    /// A host name or IP address; port 0 lets the system choose.
    case tcp(host: String, port: Int)
    /// A Unix socket.
    case unix(path: String)

    package var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    /// True if what is sent there cannot leave this machine. A name is not resolved: `localhost` counts.
    package var isLocal: Bool {
        switch self {
        case .tcp(let host, _): host == "localhost" || HostName.isLoopbackAddress(host)
        case .unix: true
        }
    }
}

/// TLS or not, for a listener.
package enum ListenerSecurity: Sendable {
    case tls(TLSServerConfiguration)
    /// Plain text: only on a Unix socket or a loopback address, else the listener does not start.
    case insecure
}

/// Everything a listener can be told. The defaults suit a server on the open network.
package struct ListenerConfiguration: Sendable {
    package var address: TransportAddress
    package var security: ListenerSecurity
    package var limits: WireLimits
    /// Connections at a time; further ones are closed as they come. Default 10,000.
    package var maxConnections = 10_000
    /// Connections that have not finished TLS and HELLO; further ones are closed as they come. Default 512.
    package var maxHandshakes = 512
    /// Connections accepted each second, on average. Default 5,000.
    package var acceptsPerSecond = 5_000
    /// Connections accepted each second from one network (IPv4 /24, IPv6 /56). Default 2,500.
    package var acceptsPerSecondAndNetwork = 2_500
    /// Connections the kernel keeps waiting. Default 1,024.
    package var backlog: Int32 = 1_024

    package init(address: TransportAddress, security: ListenerSecurity, limits: WireLimits = WireLimits()) {
        self.address = address
        self.security = security
        self.limits = limits
    }
}
