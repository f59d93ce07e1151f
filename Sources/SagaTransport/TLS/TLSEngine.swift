internal import COpenSSL

/// One TLS connection with bytes in and bytes out, no I/O.
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
    /// Lives as long as `ssl`.
    private let pipe: UnsafeMutablePointer<saga_pipe>
    private let keyUpdates: UnsafeMutablePointer<UInt32>
    @exclusivity(unchecked) private(set) var isHandshakeDone = false
    @exclusivity(unchecked) private var saidGoodbye = false

    /// Made once; nil if there was no memory. OpenSSL only reads it from then on, so that all threads may share it.
    private static let pipeMethod = PipeMethod()
    private struct PipeMethod: @unchecked Sendable {
        let method = saga_pipe_method()
    }

    /// The plaintext of one record.
    static let recordSize = 16_384
    /// KeyUpdate messages a peer may send between two calls of ``allowMoreKeyUpdates()``.
    static let maxKeyUpdates: UInt32 = 32

    /// - Parameter serverName: for clients, the DNS name or IP address that the server's certificate must carry.
    init(_ context: TLSContext, serverName: String? = nil) throws(TLSError) {
        ERR_clear_error()
        guard let ssl = SSL_new(context.context) else { throw .fromQueue(.configuration, "cannot start TLS") }
        guard let method = Self.pipeMethod.method, let pipe = saga_ssl_set_pipe(ssl, method) else {
            SSL_free(ssl)
            throw .fromQueue(.configuration, "cannot start TLS")
        }
        let keyUpdates = UnsafeMutablePointer<UInt32>.allocate(capacity: 1)
        keyUpdates.initialize(to: 0)
        self.ssl = ssl
        self.context = context
        self.pipe = pipe
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

    /// Lends bytes of the network to `body`, in which the handshake and ``read(into:)`` find them without a copy. What
    /// they leave unread is kept for the next time.
    func receive(
        _ ciphertext: UnsafeRawBufferPointer, _ body: () throws(TLSError) -> Void
    ) throws(TLSError) {
        saga_pipe_give(pipe, ciphertext.baseAddress, ciphertext.count)
        do {
            try body()
        } catch {
            // The connection is over; nobody reads the rest.
            saga_pipe_give(pipe, nil, 0)
            throw error
        }
        guard saga_pipe_keep(pipe) == 1 else {
            throw TLSError(.connection, "there is no memory for TLS input")
        }
    }

    /// Bytes that must go to the network.
    var ciphertextCount: Int { pipe.pointee.out_count }

    /// Those bytes, where they lie; valid until the next call.
    var ciphertext: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: pipe.pointee.out, count: pipe.pointee.out_count)
    }

    /// Forgets the first of them, which have left.
    func dropCiphertext(_ count: Int) { saga_pipe_drop(pipe, count) }

    /// Moves up to `buffer.count` of them out; returns how many.
    func takeCiphertext(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard let start = buffer.baseAddress else { return 0 }
        return saga_pipe_take(pipe, start, buffer.count)
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
    var mayRead: Bool { saga_pipe_unread(pipe) > 0 || SSL_has_pending(ssl) == 1 }

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
        Self.clearErrors()
        let wanted = min(plaintext.count, Self.recordSize)
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

    /// Gives back empty buffers; to be called when the connection is quiet.
    func trim() { saga_pipe_trim(pipe) }

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
