internal import COpenSSL

/// A configured `SSL_CTX`: made once, then only read, which OpenSSL allows from any thread.
package final class TLSContext: @unchecked Sendable {
    enum Side { case server, client }

    let context: OpaquePointer
    let side: Side

    /// A server's context: TLS 1.3 only, `saga/1` only, no early data, no tickets (`reliability.md` 1.4).
    package convenience init(server configuration: TLSServerConfiguration) throws(TLSError) {
        try self.init(side: .server, method: TLS_server_method())
        saga_ssl_ctx_serve_alpn(context)
        try useCertificate(configuration.certificateChainPath, key: configuration.privateKeyPath)
        guard let authorities = configuration.clientCAPath else { return }
        ERR_clear_error()
        guard SSL_CTX_load_verify_file(context, authorities) == 1,
            let names = SSL_load_client_CA_file(authorities)
        else { throw .fromQueue(.configuration, "cannot use the client CA \(authorities)") }
        SSL_CTX_set_client_CA_list(context, names)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
    }

    /// A client's context: the server's certificate is always verified.
    package convenience init(client configuration: TLSClientConfiguration) throws(TLSError) {
        try self.init(side: .client, method: TLS_client_method())
        ERR_clear_error()
        guard saga_ssl_ctx_offer_alpn(context) == 1 else { throw .fromQueue(.configuration, "cannot offer saga/1") }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        if let path = configuration.caPath {
            guard SSL_CTX_load_verify_file(context, path) == 1 else {
                throw .fromQueue(.configuration, "cannot use the CA \(path)")
            }
        } else {
            guard SSL_CTX_set_default_verify_paths(context) == 1 else {
                throw .fromQueue(.configuration, "cannot use the system's certificate authorities")
            }
        }
        switch (configuration.certificateChainPath, configuration.privateKeyPath) {
        case (nil, nil): break
        case (let chain?, let key?): try useCertificate(chain, key: key)
        default: throw TLSError(.configuration, "a client certificate needs its key, and the key its certificate")
        }
    }

    private init(side: Side, method: OpaquePointer?) throws(TLSError) {
        ERR_clear_error()
        guard let context = SSL_CTX_new(method) else { throw .fromQueue(.configuration, "cannot set up TLS") }
        guard saga_ssl_ctx_harden(context) == 1 else {
            SSL_CTX_free(context)
            throw .fromQueue(.configuration, "this OpenSSL cannot be restricted to TLS 1.3 as we need it")
        }
        self.context = context
        self.side = side
    }

    deinit { SSL_CTX_free(context) }

    private func useCertificate(_ chain: String, key: String) throws(TLSError) {
        ERR_clear_error()
        guard SSL_CTX_use_certificate_chain_file(context, chain) == 1 else {
            throw .fromQueue(.configuration, "cannot use the certificate \(chain)")
        }
        guard SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 else {
            throw .fromQueue(.configuration, "cannot use the private key \(key)")
        }
        guard SSL_CTX_check_private_key(context) == 1 else {
            throw .fromQueue(.configuration, "the key \(key) does not belong to the certificate \(chain)")
        }
    }
}
