/// What a server shows and demands in TLS. Paths of PEM files, which are read when a listener starts or reloads.
package struct TLSServerConfiguration: Sendable, Hashable {
    /// The server's certificate, followed by the intermediate ones.
    package var certificateChainPath: String
    package var privateKeyPath: String
    /// If set, clients must show a certificate that one of these authorities has signed; its subject is who they are.
    package var clientCAPath: String?

    package init(certificateChainPath: String, privateKeyPath: String, clientCAPath: String? = nil) {
        self.certificateChainPath = certificateChainPath
        self.privateKeyPath = privateKeyPath
        self.clientCAPath = clientCAPath
    }

    package init(_ certificates: DevCertificates) {
        self.init(
            certificateChainPath: certificates.serverPath, privateKeyPath: certificates.serverKeyPath)
    }
}

/// Whom a client trusts, and what it shows.
package struct TLSClientConfiguration: Sendable, Hashable {
    /// The authorities that may have signed the server's certificate; nil trusts the system's.
    package var caPath: String?
    /// The name or address that the server's certificate must carry; nil takes the host that is connected to.
    package var serverName: String?
    /// A client certificate with its key, for servers that demand one.
    package var certificateChainPath: String?
    package var privateKeyPath: String?

    package init(
        caPath: String? = nil, serverName: String? = nil, certificateChainPath: String? = nil,
        privateKeyPath: String? = nil
    ) {
        self.caPath = caPath
        self.serverName = serverName
        self.certificateChainPath = certificateChainPath
        self.privateKeyPath = privateKeyPath
    }
}

/// Who is at the other end, by its certificate.
package struct PeerCertificate: Sendable, Hashable {
    /// RFC 2253: `CN=worker-1,O=Saga Engine`.
    package let subject: String
    /// The common name alone; nil if there is none.
    package let commonName: String?
    /// SHA-256 of the certificate in DER.
    package let fingerprint: [UInt8]
}
