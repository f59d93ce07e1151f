import Dispatch
import Logging
import SagaTransport
import SagaWire
import Synchronization

/// Methods of the test server.
enum TestMethod {
    static let echo: UInt16 = 1
    /// Answers with as many bytes as the body's first four (big endian) say.
    static let blob: UInt16 = 2
    /// Never answers.
    static let hold: UInt16 = 3
    /// Sends every item back; ends when the client does.
    static let stream: UInt16 = 4
    /// Answers from another thread.
    static let elsewhere: UInt16 = 5
    /// Sends items from another thread for as long as it is let.
    static let flood: UInt16 = 6
    /// Answers with the subject of the client's certificate.
    static let whoami: UInt16 = 7
}

/// A small service whose connections write down what happened to them.
final class TestService: SessionService {
    struct Log {
        var closed: [SessionCloseReason] = []
        var cancelled: [WireStatus] = []
        var requests = 0
    }

    let log = Mutex(Log())
    let queue = DispatchQueue(label: "answers", attributes: .concurrent)

    func makeConnection(_ context: ConnectionContext) -> TestConnection {
        TestConnection(service: self, context: context)
    }

    /// Waits until `condition` holds; false after five seconds.
    func eventually(_ condition: @Sendable (Log) -> Bool) async -> Bool {
        for _ in 0..<500 {
            if log.withLock({ condition($0) }) { return true }
            try? await Task.sleep(for: .milliseconds(10))
        }
        return false
    }
}

final class TestConnection: ServerSessionDelegate {
    private let service: TestService
    private let context: ConnectionContext
    private var streams: [StreamID] = []

    init(service: TestService, context: ConnectionContext) {
        self.service = service
        self.context = context
    }

    func hello(_ session: SessionCore, body: UnsafeRawBufferPointer) -> HelloDecision {
        if body.elementsEqual("wrong".utf8) {
            return .reject(status: WireStatus(.unauthenticated, "wrong credentials"))
        }
        session.compresses = body.elementsEqual("lz4".utf8)
        return .accept(welcome: Array("welcome".utf8))
    }

    func request(_ session: SessionCore, stream: StreamID, method: UInt16, body: UnsafeRawBufferPointer) {
        service.log.withLock { $0.requests += 1 }
        switch method {
        case TestMethod.echo:
            session.respond(stream, capacity: body.count) { room in
                room.copyMemory(from: body)
                return body.count
            }
        case TestMethod.blob:
            let size = body.count >= 4 ? Int(UInt32(bigEndian: body.loadUnaligned(as: UInt32.self))) : 0
            session.respond(stream, [UInt8](repeating: 0x62, count: size))
        case TestMethod.hold:
            break
        case TestMethod.stream:
            streams.append(stream)
            session.setContext(stream, self)
        case TestMethod.elsewhere:
            let handle = context.port.stream(stream)
            let copy = [UInt8](body)
            service.queue.async { handle.respond(copy) }
        case TestMethod.flood:
            let handle = context.port.stream(stream)
            service.queue.async {
                for _ in 0..<4_000 { handle.item([UInt8](repeating: 0, count: 4_096)) }
            }
        case TestMethod.whoami:
            session.respond(stream, Array((context.peerCertificate?.commonName ?? "").utf8))
        default:
            session.fail(stream, WireStatus(.unimplemented, "no method \(method)"))
        }
    }

    func item(_ session: SessionCore, stream: StreamID, context: AnyObject?, body: UnsafeRawBufferPointer) {
        session.sendItemOrCutOff(stream, [UInt8](body))
    }

    func ended(_ session: SessionCore, stream: StreamID, context: AnyObject?) {
        session.finish(stream)
    }

    func cancelled(_ session: SessionCore, stream: StreamID, context: AnyObject?, status: WireStatus) {
        service.log.withLock { $0.cancelled.append(status) }
        session.release(stream)
    }

    func draining(_ session: SessionCore) {
        for stream in streams { session.finish(stream) }
    }

    func closed(_ session: SessionCore, reason: SessionCloseReason) {
        service.log.withLock { $0.closed.append(reason) }
    }
}

/// A live server on loopback with certificates of its own.
final class TestServer {
    let folder: TemporaryFolder
    let certificates: DevCertificates
    let service = TestService()
    let group: TransportGroup
    let listener: SagaListener<TestService>
    let port: Int

    init(
        clientCertificates: Bool = false, limits: WireLimits = WireLimits(),
        configure: (inout ListenerConfiguration) -> Void = { _ in }
    ) async throws {
        folder = try TemporaryFolder()
        certificates = try DevCertificates.ensure(in: folder.path)
        var tls = TLSServerConfiguration(certificates)
        if clientCertificates { tls.clientCAPath = certificates.caPath }
        var configuration = ListenerConfiguration(
            address: .tcp(host: "127.0.0.1", port: 0), security: .tls(tls), limits: limits)
        configure(&configuration)
        group = TransportGroup(threads: 1)
        listener = try await SagaListener.start(
            configuration, group: group, service: service,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        switch listener.address {
        case .tcp(_, let port): self.port = port
        case .unix: port = 0
        }
    }

    func stop() async {
        await listener.drain(reason: "test is over", grace: .zero)
        await group.shutdown()
    }

    func clientConfiguration(
        host: String = "127.0.0.1", hello: String = "hello", tls: TLSClientConfiguration? = nil
    ) -> ClientConfiguration {
        ClientConfiguration(
            address: .tcp(host: host, port: port),
            security: .tls(tls ?? TLSClientConfiguration(caPath: certificates.caPath)), hello: Array(hello.utf8)
        ) { _ in .accept(WireAgreement()) }
    }

    func connect() async throws -> ClientConnection {
        try await ClientConnection.connect(clientConfiguration(), group: group)
    }
}

/// Runs a test against a live server and stops it, whatever happens.
func withServer(
    clientCertificates: Bool = false, limits: WireLimits = WireLimits(),
    configure: (inout ListenerConfiguration) -> Void = { _ in }, _ body: (TestServer) async throws -> Void
) async throws {
    let server = try await TestServer(
        clientCertificates: clientCertificates, limits: limits, configure: configure)
    do {
        try await body(server)
    } catch {
        await server.stop()
        throw error
    }
    await server.stop()
}

func errorOf<T>(_ body: () async throws -> T) async -> (any Error)? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}
