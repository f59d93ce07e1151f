/// Where a server listens: `HOST:PORT`, `[IPV6]:PORT`, or `unix:PATH`.
enum Address: Equatable, CustomStringConvertible {
    case tcp(host: String, port: Int)
    case unix(path: String)

    /// The port of a server that is not told another.
    static let defaultPort = 7_233
    static let standard = Address.tcp(host: "127.0.0.1", port: defaultPort)

    /// Reads an address; without a port it is the default one. Nil if the text is none.
    init?(_ text: String) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            // The system's own limit for the path of a socket.
            guard (1...107).contains(path.utf8.count) else { return nil }
            self = .unix(path: path)
            return
        }
        var host = Substring(text)
        var port: Substring?
        if host.hasPrefix("[") {
            guard let end = host.firstIndex(of: "]") else { return nil }
            let rest = host[host.index(after: end)...]
            host = host[host.index(after: host.startIndex)..<end]
            if !rest.isEmpty {
                guard rest.hasPrefix(":") else { return nil }
                port = rest.dropFirst()
            }
        } else if let colon = host.lastIndex(of: ":") {
            // A bare IPv6 address has more than one colon and no port.
            if host.firstIndex(of: ":") == colon {
                port = host[host.index(after: colon)...]
                host = host[..<colon]
            }
        }
        guard !host.isEmpty, !host.contains(where: { $0.isWhitespace || $0 == "/" }) else { return nil }
        guard let number = port.map({ Int($0) }) ?? Self.defaultPort, (0...65_535).contains(number) else { return nil }
        self = .tcp(host: String(host), port: number)
    }

    /// Whether only this machine can reach it.
    var isLocal: Bool {
        switch self {
        case .unix: true
        case .tcp(let host, _): host == "localhost" || host == "::1" || Self.isLoopback4(host)
        }
    }

    /// `127.0.0.0/8`, in the four-part form only: other spellings may name another host somewhere.
    private static func isLoopback4(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127"
            && parts.allSatisfy { part in
                part.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } && UInt8(part) != nil
            }
    }

    var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

/// Times on the command line: `500ms`, `10s`, `5m`, `2h`, `1d`; a bare number is seconds.
enum DurationText {
    static func read(_ text: String) -> Duration? {
        let digits = text.prefix { ("0"..."9").contains($0) }
        guard let number = Int64(digits), number <= 1_000_000_000 else { return nil }
        switch text.dropFirst(digits.count) {
        case "ms": return .milliseconds(number)
        case "", "s": return .seconds(number)
        case "m": return .seconds(number * 60)
        case "h": return .seconds(number * 3_600)
        case "d": return .seconds(number * 86_400)
        default: return nil
        }
    }
}
