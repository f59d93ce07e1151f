internal import ArgumentParser
internal import SagaCore
internal import SagaTransport

/// `saga dev`
struct DevCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dev", abstract: "Run a server for this folder, to try things out.",
        discussion: """
            Makes an authority and a certificate, keeps the sagas in SQLite, and writes down how to connect: all of it in
            .saga/, where other commands find it. The server listens on this machine only; every user of the machine
            may use it.
            """)

    @Option(help: "Folder for certificates, sagas and the connection file.")
    var data = ".saga"
    @Option(help: "Port on 127.0.0.1, instead of --listen; 0 lets the system choose.")
    var port: UInt16?
    @OptionGroup var flags: ServerFlags

    func validate() throws {
        guard port == nil || flags.listen == nil else { throw ValidationError("give --port or --listen, not both") }
    }

    func run() async throws {
        let folder = Files.absolute(data)
        try Files.makeFolder(folder)
        let certificates: DevCertificates
        do { certificates = try DevCertificates.ensure(in: folder) } catch {
            throw Failure(.usage, error.message)
        }
        var values = flags.values
        let given = ServerSettings.Name.self
        func standard(_ name: ServerSettings.Name, _ value: String) {
            if values[name] == nil, Terminal.environment(name.variable) ?? "" == "" { values[name] = value }
        }
        if let port { values[.listen] = "127.0.0.1:\(port)" }
        standard(given.store, "sqlite:\(folder)/saga.db")
        if !flags.insecure {
            standard(given.cert, certificates.serverPath)
            standard(given.key, certificates.serverKeyPath)
        }
        standard(given.logLevel, "notice")
        var settings = try ServerSettings(flags: values, environment: Terminal.environment)
        settings.engine.allowsVirtualClocks = true
        guard settings.listen.isLocal else {
            throw Failure(
                .usage, "saga dev listens on this machine only, not on \(settings.listen)",
                hint: "for others to reach it: saga server", page: "SE0204")
        }
        try await ServerRunner.run(settings) { address in
            try Self.tell(address, settings, folder, certificates)
        }
    }

    /// Writes the connection file and says how to go on.
    private static func tell(
        _ address: TransportAddress, _ settings: ServerSettings, _ folder: String, _ certificates: DevCertificates
    ) throws(Failure) {
        let isPlain = settings.isInsecure || { if case .unix = address { settings.cert == nil } else { false } }()
        var lines = ["# Written by saga dev: how to reach the server of this folder.", "address = \(address)"]
        lines.append(isPlain ? "insecure = true" : "ca = \(certificates.caPath)")
        if let tokens = settings.tokens { lines.append("# callers need a token: see \(tokens)") }
        try Files.write(lines.joined(separator: "\n") + "\n", to: "\(folder)/\(ConnectionSettings.fileName)")
        Terminal.print("saga dev: listening on \(address)\(isPlain ? ", without TLS" : ", TLS 1.3")")
        switch settings.store {
        case .memory: Terminal.print("  sagas      in memory: nothing survives")
        case .sqlite(let path): Terminal.print("  sagas      \(path)")
        case .postgres: Terminal.print("  sagas      \(settings.store.text)")
        }
        Terminal.print("  connect    saga list    (in this folder nothing else is needed)")
        let authority = isPlain ? "SAGA_INSECURE=true" : "SAGA_CA=\(certificates.caPath)"
        Terminal.print("  elsewhere  export SAGA_ADDRESS=\(address) \(authority)")
        Terminal.print("  stop       Ctrl-C; everything acknowledged is durable, kill -9 included")
    }
}
