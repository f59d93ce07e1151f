internal import COpenSSL

/// What went wrong in TLS, in words for people and a kind for programs.
package struct TLSError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// A certificate, key or setting cannot be used.
        case configuration
        /// The peer's certificate is not trusted, has expired or names another host.
        case certificate
        /// The peer speaks no TLS 1.3, or no common cipher.
        case version
        /// The peer does not offer or choose `saga/1`.
        case applicationProtocol
        /// The peer sent bytes that are no TLS, an alert, or broke the connection.
        case connection
        /// Too many KeyUpdate messages.
        case flood
    }

    package let kind: Kind
    package let message: String

    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    package var description: String { message }

    /// Takes what is in the thread's error queue, which is empty afterwards.
    static func fromQueue(_ kind: Kind, _ what: String) -> TLSError {
        var messages: [String] = []
        var found = kind
        while true {
            let code = ERR_get_error()
            guard code != 0 else { break }
            if let better = classify(code) { found = better }
            if messages.count < 4 { messages.append(text(code)) }
        }
        let detail = messages.joined(separator: "; ")
        return TLSError(found, detail.isEmpty ? what : "\(what): \(detail)")
    }

    private static func text(_ code: UInt) -> String {
        if let reason = ERR_reason_error_string(code) { return String(cString: reason) }
        return "error \(code)"
    }

    private static func classify(_ code: UInt) -> Kind? {
        switch Int32(truncatingIfNeeded: saga_err_reason(code)) {
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_WRONG_VERSION_NUMBER, SSL_R_VERSION_TOO_LOW,
            SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, SSL_R_NO_SHARED_CIPHER, SSL_R_NO_PROTOCOLS_AVAILABLE:
            .version
        case SSL_R_CERTIFICATE_VERIFY_FAILED, SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE,
            SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, SSL_R_TLSV1_ALERT_UNKNOWN_CA,
            SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
            SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
            .certificate
        case SSL_R_NO_APPLICATION_PROTOCOL, SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
            .applicationProtocol
        default:
            nil
        }
    }
}
