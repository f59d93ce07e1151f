internal import ArgumentParser
internal import Examples
internal import Glibc
internal import Logging
internal import SagaClient
internal import SagaCore
internal import SagaWorker
internal import ServiceLifecycle
internal import UnixSignals

/// A worker for the travel booking: its workflow code, and the services that it is told to serve.
///
/// The demo runs it with flight and car, and a Python program beside it with hotel and payment.
@main
struct TravelWorker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "travel-worker", abstract: "Serve the travel booking and the payment tutorial to a server.")

    @Option(help: "HOST:PORT of the server.")
    var address = "127.0.0.1:7233"
    @Option(help: "PEM file of the authorities to trust; without it, plain text.")
    var ca: String?
    @Option(help: "Folder of the services' books; it must exist.")
    var books: String
    @Option(
        name: .customLong("service"), help: "flight, hotel, car or payment; may be repeated. Default: all.",
        transform: Self.service)
    var services: [TravelService] = []

    private static func service(_ name: String) throws -> TravelService {
        guard let service = TravelService(rawValue: name) else {
            throw ValidationError("there is no service \(name)")
        }
        return service
    }

    func run() async throws {
        var logger = Logger(label: "travel-worker") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .notice
        var activities = ActivityRegistry()
        TravelSagaModule.register(
            &activities, services: services.isEmpty ? TravelService.allCases : services, directory: books)
        PaymentSagaModule.register(&activities)
        var workflows = WorkflowRegistry()
        TravelSagaModule.register(&workflows)
        PaymentSagaModule.register(&workflows)
        let colon = address.lastIndex(of: ":")
        guard let colon, let port = Int(address[address.index(after: colon)...]) else {
            throw ValidationError("--address is HOST:PORT")
        }
        let connection = ConnectionOptions(
            host: String(address[..<colon]), port: port, security: ca.map { .tls(ca: $0) } ?? .insecure)
        let worker = try SagaWorker(
            connection: connection, workflows: workflows, activities: activities, logger: logger)
        // SIGTERM and SIGINT: no new task, what runs is finished and reported.
        let group = ServiceGroup(
            services: [WorkerService(worker: worker)], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        try await group.run()
    }
}

private struct WorkerService: Service {
    let worker: SagaWorker

    func run() async throws { try await cancelWhenGracefulShutdown { try await worker.run() } }
}
