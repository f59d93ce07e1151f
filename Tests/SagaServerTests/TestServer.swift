import Foundation
import Logging
import SagaClient
import SagaCore
import SagaEngine
import SagaMemory
import SagaServer
import SagaTransport
import SagaWire
import SagaWorker

/// Certificates for all tests of the process, in a folder of its own.
enum TestFiles {
    static let folder: String = {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("saga-server-\(UUID().uuidString)")
            .path
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }()

    /// Made once: tests run side by side.
    private static let made = Result { try DevCertificates.ensure(in: folder + "/certificates") }

    static func certificates() throws -> DevCertificates { try made.get() }

    static func path(_ name: String) -> String { "\(folder)/\(UUID().uuidString)-\(name)" }

    static func write(_ text: String, to path: String) throws {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    }
}

/// A real server with TLS on loopback.
struct TestServer {
    let server: SagaServer
    let certificates: DevCertificates
    let port: Int

    static let logger: Logger = {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }()

    static func start(
        store: any EventStore = MemoryEventStore(), port: Int = 0, tokens: String? = nil,
        demandsCertificate: Bool = false,
        engine: SagaEngineConfig = .init(), _ adjust: (inout ServerConfiguration) -> Void = { _ in }
    ) async throws -> TestServer {
        let certificates = try TestFiles.certificates()
        var tls = TLSServerConfiguration(certificates)
        if demandsCertificate { tls.clientCAPath = certificates.caPath }
        var configuration = ServerConfiguration(
            listener: ListenerConfiguration(address: .tcp(host: "127.0.0.1", port: port), security: .tls(tls)))
        configuration.tokensPath = tokens
        configuration.threads = 2
        adjust(&configuration)
        let server = try await SagaServer.start(configuration, store: store, engine: engine, logger: logger)
        guard case .tcp(_, let chosen) = server.address else { preconditionFailure("not listening on TCP") }
        return TestServer(server: server, certificates: certificates, port: chosen)
    }

    func options(token: String = "", namespace: String = "default", deadline: Duration = .seconds(20))
        -> ConnectionOptions
    {
        var options = ConnectionOptions(host: "127.0.0.1", port: port, security: .tls(ca: certificates.caPath))
        options.token = token
        options.namespace = namespace
        options.deadline = deadline
        options.backoff = .milliseconds(10)...(.milliseconds(200))
        return options
    }

    func client(token: String = "", namespace: String = "default") async throws -> SagaClient {
        try await SagaClient.connect(options(token: token, namespace: namespace), logger: Self.logger)
    }

    func stop() async { await server.shutDown(grace: .seconds(2)) }
}

/// A worker that runs beside a test.
struct RunningWorker {
    let task: Task<Void, any Error>

    init(
        _ options: ConnectionOptions, workflows: WorkflowRegistry = .init(), activities: ActivityRegistry = .init(),
        drainTimeout: Duration = .seconds(5), identity: String = ""
    ) throws {
        var workerOptions = WorkerOptions()
        workerOptions.drainTimeout = drainTimeout
        workerOptions.identity = identity
        let worker = try SagaWorker(
            connection: options, workflows: workflows, activities: activities, options: workerOptions,
            logger: TestServer.logger)
        task = Task { try await worker.run() }
    }

    func stop() async throws {
        task.cancel()
        try await task.value
    }
}

/// Something that one side of a test waits for.
final class Gate: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() { (stream, continuation) = AsyncStream.makeStream() }

    func open() { continuation.yield() }

    func pass() async {
        var iterator = stream.makeAsyncIterator()
        await iterator.next()
    }
}

/// A whole history.
func all(_ events: HistoryEvents) async throws -> [HistoryEvent] {
    var found: [HistoryEvent] = []
    for try await event in events { found.append(event) }
    return found
}
