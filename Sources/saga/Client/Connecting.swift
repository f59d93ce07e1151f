internal import ArgumentParser
internal import Logging
internal import SagaClient
internal import SagaCore

/// How to reach the server: the same flags for every client command.
struct ConnectionFlags: ParsableArguments {
    @Option(help: "HOST:PORT or unix:PATH [SAGA_ADDRESS; default: what saga dev wrote in this folder].")
    var address: String?
    @Option(help: "PEM file of the authorities to trust [SAGA_CA].")
    var ca: String?
    @Option(help: "PEM file of a client certificate [SAGA_CERT].")
    var cert: String?
    @Option(help: "PEM file of its private key [SAGA_KEY].")
    var key: String?
    @Option(help: "File with the access token [SAGA_TOKEN_FILE; the token itself: SAGA_TOKEN].")
    var tokenFile: String?
    @Option(help: "The name that the server's certificate must carry [SAGA_SERVER_NAME].")
    var serverName: String?
    @Flag(help: "No TLS; only to loopback addresses and Unix sockets [SAGA_INSECURE].")
    var insecure = false
    @Option(name: [.long, .customShort("n")], help: "What workflow ids are unique in [SAGA_NAMESPACE].")
    var namespace: String?
    @Option(help: "How long the command may take, connecting included: 500ms, 10s, 5m.")
    var timeout = DurationOption(value: .seconds(5))

    /// Connects, does what is to be done, and closes.
    func withClient<Result>(_ body: (SagaClient) async throws -> Result) async throws -> Result {
        let settings = try settings()
        var logger = Logger(label: "saga") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .critical
        let client: SagaClient
        do { client = try await SagaClient.connect(options(settings), logger: logger) } catch {
            throw Failure(connecting: error, to: settings)
        }
        do {
            let result = try await body(client)
            await client.close()
            return result
        } catch {
            await client.close()
            if let error = error as? SagaClientError { throw Failure(error) }
            throw error
        }
    }

    func settings() throws(Failure) -> ConnectionSettings {
        let given: [(String, String?)] = [
            ("address", address), ("ca", ca), ("cert", cert), ("key", key), ("token-file", tokenFile),
            ("server-name", serverName), ("insecure", insecure ? "true" : nil), ("namespace", namespace),
        ]
        var flags: [String: String] = [:]
        for (name, value) in given { flags[name] = value }
        let path = ".saga/\(ConnectionSettings.fileName)"
        let file = Files.exists(path) ? try SettingsFile(try Files.readText(path), path: path) : nil
        return try ConnectionSettings(
            flags: flags, environment: Terminal.environment, file: file, readToken: Files.readText)
    }

    private func options(_ settings: ConnectionSettings) -> ConnectionOptions {
        let address: ConnectionOptions.Address =
            switch settings.address {
            case .tcp(let host, let port): .tcp(host: host, port: port)
            case .unix(let path): .unix(path: path)
            }
        var options = ConnectionOptions(
            address: address,
            security: settings.isInsecure
                ? .insecure
                : .tls(ca: settings.ca, certificate: settings.cert, key: settings.key, serverName: settings.serverName))
        options.namespace = settings.namespace
        options.token = settings.token ?? ""
        options.identity = "saga-cli"
        options.deadline = timeout.value
        options.connectTimeout = min(timeout.value, .seconds(5))
        return options
    }
}

/// A time on the command line.
struct DurationOption: ExpressibleByArgument, Sendable {
    var value: Duration

    init(value: Duration) { self.value = value }

    init?(argument: String) {
        guard let value = DurationText.read(argument), value > .zero else { return nil }
        self.value = value
    }

    var defaultValueDescription: String { Wording.duration(micros: value.wholeMicroseconds) }
}

/// Names a saga: its workflow id, and if wanted one of its runs.
struct SagaTarget: ParsableArguments {
    @Argument(help: "The workflow id.")
    var id: String
    @Option(help: "One run of it, by its saga id. Default: the open one, else the newest.")
    var run: String?

    func sagaID() throws(Failure) -> SagaID? { try Self.sagaID(run) }

    static func sagaID(_ run: String?) throws(Failure) -> SagaID? {
        guard let run else { return nil }
        guard let id = SagaID(run) else {
            throw Failure(.usage, "\(Wording.safe(run)) is not a saga id", hint: "saga ids stand in: saga list")
        }
        return id
    }
}

/// User data on the command line: JSON.
struct InputFlags: ParsableArguments {
    @Option(help: "Data as JSON.")
    var input: String?
    @Option(help: "File with data as JSON; - is standard input.")
    var inputFile: String?

    func validate() throws {
        guard input == nil || inputFile == nil else { throw ValidationError("give --input or --input-file, not both") }
    }

    /// The bytes; nil if nothing was given.
    func bytes() throws(Failure) -> [UInt8]? {
        if let input { return Array(input.utf8) }
        return try inputFile.map { path throws(Failure) in try Files.read(path) }
    }
}
