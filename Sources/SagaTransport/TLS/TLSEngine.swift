internal import COpenSSL

/// One TLS connection between two memory BIOs: bytes in, bytes out, no I/O.
///
/// Every call that can produce output (the handshake, reading, writing, the goodbye) may leave ciphertext behind, also
/// a *read*: an answer to KeyUpdate, an alert. The owner takes it with ``takeCiphertext(into:)`` after each.
final class TLSEngine {
    enum ReadResult {
        case bytes(Int)
        case wantsMore
        /// The peer has said goodbye (close_notify).
        case closed
    }

    private let ssl: OpaquePointer
    private let context: TLSContext
    @exclusivity(unchecked) private var incoming: OpaquePointer
    @exclusivity(unchecked) private var outgoing: OpaquePointer
    private let keyUpdates: UnsafeMutablePointer<UInt32>
    /// A BIO has grown over ``largeBuffer`` since the last trim.
    @exclusivity(unchecked) private var hasLargeBuffers = false
    @exclusivity(unchecked) private(set) var isHandshakeDone = false
    @exclusivity(unchecked) private var saidGoodbye = false

    /// Input is given to OpenSSL in pieces of at most this size, so that its buffers stay small.
    static let pieceSize = 16_384
    /// The plaintext of one record.
    static let recordSize = 16_384
    /// KeyUpdate messages a peer may send between two calls of ``allowMoreKeyUpdates()``.
    static let maxKeyUpdates: UInt32 = 32

    /// - Parameter serverName: for clients, the DNS name or IP address that the server's certificate must carry.
    init(_ context: TLSContext, serverName: String? = nil) throws(TLSError) {
        ERR_clear_error()
        guard let ssl = SSL_new(context.context) else { throw .fromQueue(.configuration, "cannot start TLS") }
        guard let incoming = BIO_new(BIO_s_mem()) else {
            SSL_free(ssl)
            throw .fromQueue(.configuration, "cannot start TLS")
        }
        guard let outgoing = BIO_new(BIO_s_mem()) else {
            BIO_free(incoming)
            SSL_free(ssl)
            throw .fromQueue(.configuration, "cannot start TLS")
        }
        // Owned by the SSL object from here on.
        SSL_set_bio(ssl, incoming, outgoing)
        let keyUpdates = UnsafeMutablePointer<UInt32>.allocate(capacity: 1)
        keyUpdates.initialize(to: 0)
        self.ssl = ssl
        self.context = context
        self.incoming = incoming
        self.outgoing = outgoing
        self.keyUpdates = keyUpdates
        saga_ssl_watch_key_updates(ssl, keyUpdates)
        switch context.side {
        case .server:
            SSL_set_accept_state(ssl)
        case .client:
            SSL_set_connect_state(ssl)
            guard let serverName, !serverName.isEmpty else {
                throw TLSError(.configuration, "a TLS client must know the name of its server")
            }
            try expect(serverName)
        }
    }

    deinit {
        SSL_free(ssl)
        keyUpdates.deallocate()
    }

    private func expect(_ name: String) throws(TLSError) {
        let isSet: Bool
        if HostName.isAddress(name) {
            isSet = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1
        } else {
            SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
            isSet = SSL_set1_host(ssl, name) == 1 && saga_ssl_set_server_name(ssl, name) == 1
        }
        guard isSet else { throw .fromQueue(.configuration, "not a server name: \(name.debugDescription)") }
    }

    // MARK: Ciphertext

    /// Takes bytes from the network, at most ``pieceSize`` at a time.
    func receive(_ ciphertext: UnsafeRawBufferPointer) throws(TLSError) {
        let count = Int32(clamping: ciphertext.count)
        guard count > 0 else { return }
        if count > 4_096 { hasLargeBuffers = true }
        guard BIO_write(incoming, ciphertext.baseAddress, count) == count else {
            throw .fromQueue(.connection, "cannot buffer TLS input")
        }
    }

    /// Bytes that must go to the network.
    var ciphertextCount: Int { BIO_ctrl_pending(outgoing) }

    /// Moves up to `buffer.count` of them out; returns how many.
    func takeCiphertext(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        max(0, Int(BIO_read(outgoing, buffer.baseAddress, Int32(clamping: buffer.count))))
    }

    // MARK: Life

    /// Goes on with the handshake; true once it is done.
    func handshake() throws(TLSError) -> Bool {
        guard !isHandshakeDone else { return true }
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        guard result == 1 else {
            switch SSL_get_error(ssl, result) {
            case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return false
            default: throw handshakeError()
            }
        }
        guard saga_ssl_has_alpn(ssl) == 1 else {
            throw TLSError(.applicationProtocol, "the peer does not speak saga/1")
        }
        isHandshakeDone = true
        return true
    }

    private func handshakeError() -> TLSError {
        let verdict = SSL_get_verify_result(ssl)
        if verdict != Int(X509_V_OK), let text = X509_verify_cert_error_string(verdict) {
            ERR_clear_error()
            return TLSError(.certificate, "the peer's certificate is refused: \(String(cString: text))")
        }
        return .fromQueue(.connection, "TLS handshake failed")
    }

    /// True while bytes given to ``receive(_:)`` may hold something to read.
    ///
    /// `SSL_has_pending`, not `SSL_pending`: the first also knows of records that OpenSSL has taken in but not opened,
    /// such as a request in the segment of the client's Finished.
    var mayRead: Bool { BIO_ctrl_pending(incoming) > 0 || SSL_has_pending(ssl) == 1 }

    /// Decrypts into `buffer`, one record at most.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(TLSError) -> ReadResult {
        Self.clearErrors()
        let count = SSL_read(ssl, buffer.baseAddress, Int32(clamping: buffer.count))
        if keyUpdates.pointee > Self.maxKeyUpdates { throw TLSError(.flood, "too many KeyUpdate messages") }
        if count > 0 { return .bytes(Int(count)) }
        switch SSL_get_error(ssl, count) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .wantsMore
        case SSL_ERROR_ZERO_RETURN: return .closed
        default:
            // A refused client certificate shows here: in TLS 1.3 the client is done before the server has looked at it.
            throw .fromQueue(.connection, "TLS failed")
        }
    }

    /// SSL_get_error looks at the thread's error queue, so it must be empty before each call. Clearing an empty one
    /// costs as much as a small SSL_read; looking does not.
    @inline(__always)
    private static func clearErrors() {
        if ERR_peek_error() != 0 { ERR_clear_error() }
    }

    /// Encrypts up to a record's worth of `plaintext`; returns how much was taken.
    func write(_ plaintext: UnsafeRawBufferPointer) throws(TLSError) -> Int {
        guard plaintext.count > 0 else { return 0 }
        ERR_clear_error()
        let wanted = min(plaintext.count, Self.recordSize)
        if wanted > 4_096 { hasLargeBuffers = true }
        let count = SSL_write(ssl, plaintext.baseAddress, Int32(clamping: wanted))
        if count > 0 { return Int(count) }
        switch SSL_get_error(ssl, count) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return 0
        default: throw .fromQueue(.connection, "TLS failed while writing")
        }
    }

    /// Says goodbye (close_notify), once, if the handshake got that far.
    func sendGoodbye() {
        guard isHandshakeDone, !saidGoodbye else { return }
        saidGoodbye = true
        ERR_clear_error()
        _ = SSL_shutdown(ssl)
        ERR_clear_error()
    }

    /// To be called once a minute.
    func allowMoreKeyUpdates() {
        if keyUpdates.pointee <= Self.maxKeyUpdates { keyUpdates.pointee = 0 }
    }

    /// Gives back what a large transfer left in the BIOs; to be called when the connection is quiet.
    func trim() {
        guard hasLargeBuffers, isHandshakeDone, BIO_ctrl_pending(incoming) == 0, BIO_ctrl_pending(outgoing) == 0,
            SSL_has_pending(ssl) == 0, let newIncoming = BIO_new(BIO_s_mem())
        else { return }
        guard let newOutgoing = BIO_new(BIO_s_mem()) else {
            BIO_free(newIncoming)
            return
        }
        hasLargeBuffers = false
        SSL_set_bio(ssl, newIncoming, newOutgoing)
        incoming = newIncoming
        outgoing = newOutgoing
    }

    /// The peer's certificate, after the handshake; nil if it showed none.
    var peerCertificate: PeerCertificate? {
        guard let certificate = SSL_get1_peer_certificate(ssl) else { return nil }
        defer { X509_free(certificate) }
        let subject = String(unsafeUninitializedCapacity: 1_024) { buffer in
            buffer.withMemoryRebound(to: CChar.self) { text in
                Int(saga_x509_subject_text(certificate, text.baseAddress, Int32(text.count)))
            }
        }
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var digestCount: UInt32 = 0
        guard X509_digest(certificate, EVP_sha256(), &digest, &digestCount) == 1 else { return nil }
        return PeerCertificate(
            subject: subject, commonName: Self.commonName(certificate),
            fingerprint: Array(digest.prefix(Int(digestCount))))
    }

    private static func commonName(_ certificate: OpaquePointer) -> String? {
        guard let name = saga_x509_subject(certificate) else { return nil }
        let index = X509_NAME_get_index_by_NID(name, NID_commonName, -1)
        guard index >= 0, let entry = X509_NAME_get_entry(name, index), let data = X509_NAME_ENTRY_get_data(entry)
        else { return nil }
        var text: UnsafeMutablePointer<UInt8>?
        let count = ASN1_STRING_to_UTF8(&text, data)
        guard count >= 0, let text else { return nil }
        defer { CRYPTO_free(text, #file, #line) }
        let bytes = UnsafeBufferPointer(start: text, count: Int(count))
        // A name with a NUL or control character could read as another one further on.
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
