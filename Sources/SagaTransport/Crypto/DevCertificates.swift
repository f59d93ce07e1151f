internal import Glibc

/// The certificates of `saga dev`, as files in one folder: a CA of its own, and a server certificate for this machine.
///
/// | file | what | mode |
/// |---|---|---|
/// | `ca.pem`, `ca-key.pem` | the authority: give `ca.pem` to clients | 644, 600 |
/// | `server.pem`, `server-key.pem` | the server's certificate and key | 644, 600 |
/// | `client-NAME.pem`, `client-NAME-key.pem` | from ``issueClient(name:)`` | 644, 600 |
package struct DevCertificates: Sendable {
    package let directory: String
    package var caPath: String { directory + "/ca.pem" }
    package var caKeyPath: String { directory + "/ca-key.pem" }
    package var serverPath: String { directory + "/server.pem" }
    package var serverKeyPath: String { directory + "/server-key.pem" }

    /// Names of this machine that the server certificate carries unless told otherwise.
    package static let localHosts = ["localhost", "127.0.0.1", "::1"]

    /// Opens the folder, making whatever is missing in it. The folder gets mode 700 if it is made here.
    ///
    /// - Parameters:
    ///   - directory: path of the folder; its parent must exist.
    ///   - hosts: host names and addresses of the server certificate. Default ``localHosts``.
    package static func ensure(
        in directory: String, hosts: [String] = localHosts
    ) throws(TLSError) -> DevCertificates {
        let certificates = DevCertificates(directory: directory)
        guard mkdir(directory, 0o700) == 0 || errno == EEXIST else {
            throw TLSError(.configuration, "cannot make the folder \(directory): \(SystemError.text(errno))")
        }
        let authority: CertificateAuthority
        if PEMFile.exists(certificates.caPath), PEMFile.exists(certificates.caKeyPath) {
            authority = try certificates.authority()
        } else {
            authority = try CertificateAuthority(name: "Saga development CA")
            try PEMFile.write(authority.privateKeyPEM, to: certificates.caKeyPath, mode: 0o600)
            try PEMFile.write(authority.certificatePEM, to: certificates.caPath, mode: 0o644)
            // A server certificate of an older CA would be trusted by nobody.
            unlink(certificates.serverPath)
        }
        if !PEMFile.exists(certificates.serverPath) || !PEMFile.exists(certificates.serverKeyPath) {
            let name = hosts.first ?? "localhost"
            let issued = try authority.issue(name: name, usage: .server(hosts: hosts))
            try PEMFile.write(issued.privateKeyPEM, to: certificates.serverKeyPath, mode: 0o600)
            try PEMFile.write(issued.certificatePEM, to: certificates.serverPath, mode: 0o644)
        }
        return certificates
    }

    /// Issues a client certificate whose common name is `name` (letters, digits, `.`, `_`, `-`; 1–64 bytes).
    ///
    /// - Returns: the paths of the certificate and its key.
    package func issueClient(name: String) throws(TLSError) -> (certificate: String, key: String) {
        let plain = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard plain, (1...64).contains(name.utf8.count), !name.hasPrefix(".") else {
            throw TLSError(.configuration, "not a client name: \(name.debugDescription)")
        }
        let issued = try authority().issue(name: name, usage: .client)
        let paths = (certificate: "\(directory)/client-\(name).pem", key: "\(directory)/client-\(name)-key.pem")
        try PEMFile.write(issued.privateKeyPEM, to: paths.key, mode: 0o600)
        try PEMFile.write(issued.certificatePEM, to: paths.certificate, mode: 0o644)
        return paths
    }

    private func authority() throws(TLSError) -> CertificateAuthority {
        try CertificateAuthority(
            certificatePEM: try PEMFile.read(caPath), privateKeyPEM: try PEMFile.read(caKeyPath))
    }
}
