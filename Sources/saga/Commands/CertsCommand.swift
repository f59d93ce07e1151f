internal import ArgumentParser
internal import SagaCodec
internal import SagaTransport

/// `saga certs`
struct CertsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certs", abstract: "Make a certificate authority, and server and client certificates.",
        discussion: """
            All files stand in one folder: ca.pem (give it to clients), ca-key.pem (keep it secret),
            server.pem and server-key.pem, client-NAME.pem and client-NAME-key.pem. Keys have mode 600.
            """,
        subcommands: [CertsAuthority.self, CertsServer.self, CertsClient.self])
}

/// Where the files are.
struct CertsFolder: ParsableArguments {
    @Option(help: "Folder of the certificates.")
    var directory = "certs"

    /// `server` → the paths of `server.pem` and `server-key.pem`.
    func paths(_ name: String) -> (certificate: String, key: String) {
        ("\(directory)/\(name).pem", "\(directory)/\(name)-key.pem")
    }

    /// The authority that stands in the folder.
    func authority() throws -> CertificateAuthority {
        let files = paths("ca")
        guard Files.exists(files.certificate), Files.exists(files.key) else {
            throw Failure(
                .usage, "there is no authority in \(directory)",
                hint: "make one first: saga certs ca --directory \(directory)")
        }
        return try CertificateAuthority(
            certificatePEM: try Files.readText(files.certificate), privateKeyPEM: try Files.readText(files.key))
    }

    /// Writes a certificate and its key, and prints where.
    func write(_ certificate: String, _ key: String, as name: String, _ format: OutputFormat) throws {
        let files = paths(name)
        try Files.write(key, to: files.key, mode: 0o600)
        try Files.write(certificate, to: files.certificate)
        switch format {
        case .text:
            Terminal.print(files.certificate)
            Terminal.print(files.key)
        case .json: Terminal.print(["files": [.string(files.certificate), .string(files.key)]])
        }
    }
}

struct CertsAuthority: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ca", abstract: "Make a certificate authority.")

    @OptionGroup var folder: CertsFolder
    @Option(help: "Its name, for people.")
    var name = "Saga CA"
    @Option(help: "Days that it is valid.")
    var days = 3_650
    @OptionGroup var output: OutputOptions

    func validate() throws { try checkDays(days) }

    func run() throws {
        try Files.makeFolder(folder.directory)
        let files = folder.paths("ca")
        guard !Files.exists(files.certificate), !Files.exists(files.key) else {
            throw Failure(
                .conflict, "\(files.certificate) is there already",
                hint: "a new authority makes every certificate of the old one worthless: move the old one away first")
        }
        try reportingTLS {
            let authority = try CertificateAuthority(name: name, days: days)
            try folder.write(authority.certificatePEM, authority.privateKeyPEM, as: "ca", output.format)
        }
    }
}

struct CertsServer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "server", abstract: "Issue a server certificate with the authority of the folder.")

    @OptionGroup var folder: CertsFolder
    @Option(name: .customLong("host"), help: "A name or IP address that clients connect to; may be repeated.")
    var hosts: [String] = DevCertificates.localHosts
    @Option(help: "Days that it is valid.")
    var days = 397
    @OptionGroup var output: OutputOptions

    func validate() throws { try checkDays(days) }

    func run() throws {
        try reportingTLS {
            let issued = try folder.authority().issue(
                name: hosts.first ?? "localhost", usage: .server(hosts: hosts), days: days)
            try folder.write(issued.certificatePEM, issued.privateKeyPEM, as: "server", output.format)
        }
    }
}

struct CertsClient: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "client", abstract: "Issue a client certificate with the authority of the folder.")

    @Argument(help: "The caller's name: 1 to 64 letters, digits, '.', '_', '-'.")
    var name: String
    @OptionGroup var folder: CertsFolder
    @Option(help: "Days that it is valid.")
    var days = 397
    @OptionGroup var output: OutputOptions

    func validate() throws {
        try checkDays(days)
        // It becomes part of a file name and of the certificate's subject.
        let isPlain = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard isPlain, (1...64).contains(name.utf8.count), !name.hasPrefix(".") else {
            throw ValidationError("a caller's name is 1 to 64 letters, digits, '.', '_', '-'")
        }
    }

    func run() throws {
        try reportingTLS {
            let issued = try folder.authority().issue(name: name, usage: .client, days: days)
            try folder.write(issued.certificatePEM, issued.privateKeyPEM, as: "client-\(name)", output.format)
        }
    }
}

private func checkDays(_ days: Int) throws {
    guard (1...36_500).contains(days) else { throw ValidationError("--days is 1 to 36500") }
}

/// Errors of the TLS library as the command's own.
private func reportingTLS(_ body: () throws -> Void) throws {
    do { try body() } catch let error as TLSError { throw Failure(.usage, error.message) }
}
