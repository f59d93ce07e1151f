internal import COpenSSL

/// PEM text to OpenSSL objects and back. The caller owns what is returned.
enum PEM {
    /// The first certificate of the text.
    static func certificate(_ text: String) throws(TLSError) -> OpaquePointer {
        try withReader(text) { bio throws(TLSError) in
            guard let certificate = PEM_read_bio_X509(bio, nil, nil, nil) else {
                throw .fromQueue(.configuration, "cannot read a certificate")
            }
            return certificate
        }
    }

    static func privateKey(_ text: String) throws(TLSError) -> OpaquePointer {
        try withReader(text) { bio throws(TLSError) in
            guard let key = PEM_read_bio_PrivateKey(bio, nil, nil, nil) else {
                throw .fromQueue(.configuration, "cannot read a private key")
            }
            return key
        }
    }

    static func text(certificate: OpaquePointer) throws(TLSError) -> String {
        try withWriter { PEM_write_bio_X509($0, certificate) }
    }

    static func text(privateKey: OpaquePointer) throws(TLSError) -> String {
        try withWriter { PEM_write_bio_PKCS8PrivateKey($0, privateKey, nil, nil, 0, nil, nil) }
    }

    private static func withReader<T>(
        _ text: String, _ body: (OpaquePointer) throws(TLSError) -> T
    ) throws(TLSError) -> T {
        ERR_clear_error()
        let bytes = Array(text.utf8)
        guard let bio = BIO_new(BIO_s_mem()) else { throw .fromQueue(.configuration, "out of memory") }
        defer { BIO_free(bio) }
        guard !bytes.isEmpty, BIO_write(bio, bytes, Int32(clamping: bytes.count)) == Int32(clamping: bytes.count) else {
            throw TLSError(.configuration, "the PEM text is empty")
        }
        return try body(bio)
    }

    private static func withWriter(_ write: (OpaquePointer) -> Int32) throws(TLSError) -> String {
        ERR_clear_error()
        guard let bio = BIO_new(BIO_s_mem()) else { throw .fromQueue(.configuration, "out of memory") }
        defer { BIO_free(bio) }
        guard write(bio) == 1 else { throw .fromQueue(.configuration, "cannot write PEM") }
        let bytes = [UInt8](unsafeUninitializedCapacity: BIO_ctrl_pending(bio)) { buffer, count in
            count = max(0, Int(BIO_read(bio, buffer.baseAddress, Int32(clamping: buffer.count))))
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
