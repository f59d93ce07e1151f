package import SagaCore
internal import SagaEngine
package import SagaWire
internal import Synchronization

/// Decides who a caller is (wire.md, "Connection"). With neither a tokens file nor client certificates the server is open:
/// everybody may do everything, which the command line allows on loopback only.
package final class Authenticator: Sendable {
    private let path: String?
    private let demandsCertificate: Bool
    private let file: Mutex<TokenFile?>

    /// - Parameters:
    ///   - tokensPath: The tokens file; nil for none.
    ///   - demandsCertificate: Whether TLS demands client certificates.
    package init(tokensPath: String?, demandsCertificate: Bool) throws(SagaError) {
        path = tokensPath
        self.demandsCertificate = demandsCertificate
        var loaded: TokenFile?
        if let tokensPath { loaded = try TokenFile(path: tokensPath) }
        file = Mutex(loaded)
    }

    /// Whether anybody may connect.
    package var isOpen: Bool { path == nil && !demandsCertificate }

    /// Reads the tokens file anew; if that fails, the old one stays in force. Connections that are up stay up.
    package func reload() throws(SagaError) {
        guard let path else { return }
        let loaded = try TokenFile(path: path)
        file.withLock { $0 = loaded }
    }

    /// The identity of a new connection.
    /// - Parameters:
    ///   - token: From the hello; empty for none.
    ///   - namespace: From the hello; empty for `default`.
    ///   - subject: Of the client certificate that TLS has checked, if there is one.
    ///   - now: The wall clock, for the expiry.
    /// - Throws: The status that answers the hello. It does not tell an unknown token from an expired one.
    package func authenticate(
        token: String, namespace: String, subject: String?, now: Timestamp
    ) throws(WireStatus) -> Principal {
        let namespace = namespace.isEmpty ? "default" : namespace
        if let problem = Name.problem(with: namespace, what: "namespace") {
            throw WireStatus(.invalidArgument, "field namespace: \(problem)")
        }
        // The engine's own, such as that of the schedules.
        guard !namespace.hasPrefix("saga:") else {
            throw WireStatus(.permissionDenied, "namespaces that begin with saga: are the server's own")
        }
        // Nobody comes to aggregates by another road than the service Events.
        guard !namespace.hasPrefix(AggregateStore.namespacePrefix) else {
            throw WireStatus(.permissionDenied, "namespace \(namespace) is the engine's own")
        }
        guard path != nil else {
            guard demandsCertificate else {
                return Principal(name: "anonymous", namespace: namespace, permissions: .all)
            }
            guard let subject else { throw WireStatus(.unauthenticated, "a client certificate is required") }
            return Principal(name: subject, namespace: namespace, permissions: .all)
        }
        let caller = file.withLock { file -> TokenFile.Caller? in
            if !token.isEmpty { return file?.caller(token: token) }
            return subject.flatMap { file?.caller(certificate: $0) }
        }
        guard let caller, caller.expiresAt.map({ now < $0 }) ?? true else {
            throw WireStatus(.unauthenticated, "no valid credentials: send a token that the server knows")
        }
        guard caller.serves(namespace) else {
            throw WireStatus(.permissionDenied, "\(caller.principal) may not use namespace \(namespace)")
        }
        return Principal(
            name: caller.principal, namespace: namespace, permissions: caller.permissions, expiresAt: caller.expiresAt)
    }
}
