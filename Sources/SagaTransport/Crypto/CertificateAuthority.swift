internal import COpenSSL
internal import Glibc

/// A certificate with its private key, as PEM text.
package struct IssuedCertificate: Sendable {
    /// The certificate alone; clients and servers that trust the CA need no more.
    package let certificatePEM: String
    /// PKCS #8, not encrypted: store it with mode 0600.
    package let privateKeyPEM: String
}

/// A small certificate authority over P-256 keys, for development, tests and `saga certs`.
package final class CertificateAuthority {
    /// What a certificate may be used for.
    package enum Usage: Sendable {
        /// Server authentication for these host names and IP addresses.
        case server(hosts: [String])
        /// Client authentication; the common name is the caller's identity.
        case client
    }

    private let certificate: OpaquePointer
    private let key: OpaquePointer

    /// The CA's own certificate: what peers must trust.
    package let certificatePEM: String
    /// The CA's private key: mode 0600.
    package let privateKeyPEM: String

    /// Makes a new authority.
    ///
    /// - Parameters:
    ///   - name: common name of the CA.
    ///   - days: how long its certificate is valid. Default 3,650.
    package convenience init(name: String, days: Int = 3_650) throws(TLSError) {
        let key = try Self.makeKey()
        do {
            let certificate = try Self.makeCertificate(
                name: name, key: key, issuer: nil, validFrom: -3_600, validFor: days * 86_400,
                extensions: [
                    (NID_basic_constraints, "critical,CA:TRUE,pathlen:0"),
                    (NID_key_usage, "critical,keyCertSign,cRLSign"),
                    (NID_subject_key_identifier, "hash"),
                ])
            try self.init(certificate: certificate, key: key)
        } catch {
            EVP_PKEY_free(key)
            throw error
        }
    }

    /// Opens an authority from its PEM texts.
    package convenience init(certificatePEM: String, privateKeyPEM: String) throws(TLSError) {
        let certificate = try PEM.certificate(certificatePEM)
        let key: OpaquePointer
        do { key = try PEM.privateKey(privateKeyPEM) } catch {
            X509_free(certificate)
            throw error
        }
        guard X509_check_private_key(certificate, key) == 1 else {
            X509_free(certificate)
            EVP_PKEY_free(key)
            throw TLSError.fromQueue(.configuration, "the CA's key does not belong to its certificate")
        }
        try self.init(certificate: certificate, key: key)
    }

    /// Takes ownership of both.
    private init(certificate: OpaquePointer, key: OpaquePointer) throws(TLSError) {
        self.certificate = certificate
        self.key = key
        certificatePEM = try PEM.text(certificate: certificate)
        privateKeyPEM = try PEM.text(privateKey: key)
    }

    deinit {
        X509_free(certificate)
        EVP_PKEY_free(key)
    }

    /// Issues a certificate with a new key.
    ///
    /// - Parameters:
    ///   - name: its common name.
    ///   - usage: server (with its hosts as subject alternative names) or client.
    ///   - validFrom: seconds from now at which it begins to be valid. Default one hour ago.
    ///   - days: how long it is valid, from `validFrom`. Default 397.
    package func issue(
        name: String, usage: Usage, validFrom: Int = -3_600, days: Int = 397
    ) throws(TLSError) -> IssuedCertificate {
        let subjectKey = try Self.makeKey()
        defer { EVP_PKEY_free(subjectKey) }
        var extensions: [(Int32, String)] = [
            (NID_basic_constraints, "critical,CA:FALSE"),
            (NID_key_usage, "critical,digitalSignature"),
            (NID_subject_key_identifier, "hash"),
            (NID_authority_key_identifier, "keyid"),
        ]
        switch usage {
        case .server(let hosts):
            extensions.append((NID_ext_key_usage, "serverAuth"))
            extensions.append((NID_subject_alt_name, try Self.alternativeNames(hosts)))
        case .client:
            extensions.append((NID_ext_key_usage, "clientAuth"))
        }
        let issued = try Self.makeCertificate(
            name: name, key: subjectKey, issuer: (certificate, key), validFrom: validFrom,
            validFor: days * 86_400, extensions: extensions)
        defer { X509_free(issued) }
        return IssuedCertificate(
            certificatePEM: try PEM.text(certificate: issued), privateKeyPEM: try PEM.text(privateKey: subjectKey))
    }

    // MARK: Parts

    /// `DNS:localhost,IP:127.0.0.1`, from names that cannot smuggle in another entry.
    private static func alternativeNames(_ hosts: [String]) throws(TLSError) -> String {
        var entries: [String] = []
        for host in hosts {
            let plain = host.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                    UInt8(ascii: "*"), UInt8(ascii: ":"):
                    true
                default: false
                }
            }
            guard plain, !host.isEmpty, host.utf8.count <= 253 else {
                throw TLSError(.configuration, "not a host name or IP address: \(host.debugDescription)")
            }
            entries.append(HostName.isAddress(host) ? "IP:\(host)" : "DNS:\(host)")
        }
        guard !entries.isEmpty else { throw TLSError(.configuration, "a server certificate needs a host name") }
        return entries.joined(separator: ",")
    }

    private static func makeKey() throws(TLSError) -> OpaquePointer {
        ERR_clear_error()
        guard let key = saga_generate_p256() else { throw .fromQueue(.configuration, "cannot make a P-256 key") }
        return key
    }

    private static func makeCertificate(
        name: String, key: OpaquePointer, issuer: (certificate: OpaquePointer, key: OpaquePointer)?, validFrom: Int,
        validFor: Int, extensions: [(Int32, String)]
    ) throws(TLSError) -> OpaquePointer {
        ERR_clear_error()
        guard let certificate = X509_new() else { throw .fromQueue(.configuration, "cannot make a certificate") }
        var done = false
        defer { if !done { X509_free(certificate) } }
        guard X509_set_version(certificate, 2) == 1, setSerial(certificate),
            X509_gmtime_adj(X509_getm_notBefore(certificate), validFrom) != nil,
            X509_gmtime_adj(X509_getm_notAfter(certificate), validFrom + validFor) != nil,
            X509_set_pubkey(certificate, key) == 1,
            let subject = saga_x509_subject(certificate),
            X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, "Saga Engine", -1, -1, 0) == 1,
            X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, name, -1, -1, 0) == 1,
            X509_set_issuer_name(certificate, issuer.map { saga_x509_subject($0.certificate) } ?? subject) == 1
        else { throw .fromQueue(.configuration, "cannot make a certificate for \(name.debugDescription)") }
        var context = X509V3_CTX()
        saga_x509v3_set_context(&context, issuer?.certificate ?? certificate, certificate)
        for (nid, value) in extensions {
            guard let made = X509V3_EXT_conf_nid(nil, &context, nid, value) else {
                throw .fromQueue(.configuration, "cannot make the certificate extension \(value.debugDescription)")
            }
            defer { X509_EXTENSION_free(made) }
            guard X509_add_ext(certificate, made, -1) == 1 else {
                throw .fromQueue(.configuration, "cannot add a certificate extension")
            }
        }
        guard X509_sign(certificate, issuer?.key ?? key, EVP_sha256()) > 0 else {
            throw .fromQueue(.configuration, "cannot sign a certificate")
        }
        done = true
        return certificate
    }

    /// 127 random bits, positive.
    private static func setSerial(_ certificate: OpaquePointer) -> Bool {
        var bytes = Crypto.randomBytes(16)
        bytes[0] = bytes[0] & 0x7f | 0x40
        guard let number = BN_bin2bn(bytes, Int32(bytes.count), nil) else { return false }
        defer { BN_free(number) }
        guard let serial = X509_get_serialNumber(certificate) else { return false }
        return BN_to_ASN1_INTEGER(number, serial) != nil
    }
}
