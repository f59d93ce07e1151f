internal import Dispatch
internal import Glibc
internal import Logging
internal import SagaCore
internal import SagaMemory
internal import SagaPostgres
internal import SagaSQLite
internal import SagaServer
internal import SagaTransport
internal import SagaWire
internal import ServiceLifecycle
internal import UnixSignals

/// Runs a server until it is told to stop.
enum ServerRunner {
    /// - Parameters:
    ///   - settings: How it runs.
    ///   - listening: Called once it listens, with the address that it got.
    static func run(_ settings: ServerSettings, _ listening: (TransportAddress) throws -> Void) async throws {
        let level = Logger.Level(rawValue: settings.logLevel) ?? .info
        var logger = Logger(label: "saga.server") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = level
        let store = try await openStore(settings)
        let server: SagaServer
        do {
            server = try await SagaServer.start(
                configuration(settings), store: store, engine: settings.engine, logger: logger)
        } catch {
            await store.close()
            throw failure(error, settings)
        }
        do { try listening(server.address) } catch {
            await server.shutDown(grace: .zero)
            throw error
        }
        let reload = reloadOnHangup(server, logger)
        defer { reload.cancel() }
        var lifecycle = ServiceGroupConfiguration(
            services: [server], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        // Beyond the drain the engine and the store still close; a server that hangs there must end all the same.
        lifecycle.maximumGracefulShutdownDuration = settings.drainGrace + .seconds(10)
        try await ServiceGroup(configuration: lifecycle).run()
    }

    private static func openStore(_ settings: ServerSettings) async throws(Failure) -> any EventStore {
        switch settings.store {
        case .memory: return MemoryEventStore(blobThreshold: settings.blobThreshold)
        case .sqlite(let path):
            do { return try SQLiteEventStore(path: path, blobThreshold: settings.blobThreshold) } catch {
                throw Failure(.usage, "cannot open the store \(path): \(error)")
            }
        case .postgres(let connection):
            var options = PostgresOptions(connection: connection)
            options.allowsUnsafeDurability = settings.allowsUnsafeDurability
            options.blobThreshold = settings.blobThreshold
            do { return try await PostgresEventStore.open(options) } catch {
                throw Failure(
                    error.reason == .unavailable ? .unreachable : .usage,
                    "cannot open the store \(settings.store.text): \(error)")
            }
        }
    }

    private static func configuration(_ settings: ServerSettings) -> ServerConfiguration {
        var listener = ListenerConfiguration(address: settings.listen.transport, security: .insecure)
        if let cert = settings.cert, let key = settings.key {
            listener.security = .tls(
                TLSServerConfiguration(
                    certificateChainPath: cert, privateKeyPath: key, clientCAPath: settings.clientCA))
        }
        listener.maxConnections = settings.maxConnections
        var configuration = ServerConfiguration(listener: listener)
        configuration.compression = settings.compression
        configuration.version = "saga/\(Version.number)"
        switch settings.store {
        case .memory: configuration.storeName = "memory"
        case .sqlite: configuration.storeName = "sqlite"
        case .postgres: configuration.storeName = "postgres"
        }
        configuration.threads = settings.threads
        configuration.drainGrace = settings.drainGrace
        configuration.tokensPath = settings.tokens
        configuration.retention = settings.retention
        if let door = settings.onBlocked { configuration.onBlocked = { run in try await door.deliver(run) } }
        return configuration
    }

    /// A start that did not succeed is a wrong setting nearly always: the address is taken, a file is missing.
    private static func failure(_ error: any Error, _ settings: ServerSettings) -> Failure {
        let message = (error as? SagaError)?.message ?? "\(error)"
        return Failure(.usage, "the server does not start: \(message)", hint: "settings: saga server --print-config")
    }

    private static func reloadOnHangup(_ server: SagaServer, _ logger: Logger) -> any DispatchSourceSignal {
        signal(SIGHUP, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: SIGHUP, queue: .global())
        source.setEventHandler {
            do {
                try server.reload()
                logger.notice("tokens and certificates were read again")
            } catch {
                logger.error("tokens or certificates do not read; the old ones stay in force: \(error)")
            }
        }
        source.resume()
        return source
    }
}

extension Address {
    var transport: TransportAddress {
        switch self {
        case .tcp(let host, let port): .tcp(host: host, port: port)
        case .unix(let path): .unix(path: path)
        }
    }
}
