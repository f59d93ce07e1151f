import Foundation
import Logging
import SagaClient
import SagaCore
import SagaMemory
import SagaPostgres
import SagaSQLite
import SagaServer
import SagaTransport
import SagaWorker

/// A real server on loopback, TLS 1.3, with the Swift client and a worker; all of it in this one process, so the cores are
/// shared by both sides. Server CPU against the C echo is measured by `benchmarks/peers/c-echo/run`.
struct RPCSuite: BenchSuite {
    let name = "rpc"
    let summary = "requests and three-step sagas over TLS, client, server and worker sharing this machine"

    func run(_ context: BenchContext) async throws {
        // PostgreSQL if there is one: benchmarks/peers/dbos/run starts it.
        let hasPostgres = ProcessInfo.processInfo.environment["SAGA_BENCH_POSTGRES"] != nil
        for store in ["memory", "sqlite"] + (hasPostgres ? ["postgres"] : []) {
            let widths = context.quick ? [1, 64] : store == "postgres" ? [1, 256, 1_024, 4_096] : [1, 16, 256]
            var labels = widths.flatMap { width in
                ["saga", "declared saga"].map { "\(store) \($0) over TLS, \(width) in flight" }
            }
            if store == "memory" { labels += [1, 16].map { "health, \($0) in flight" } }
            guard labels.contains(where: context.wants) else { continue }
            let bed = try await TestBed(store: store)
            if store == "memory" {
                for width in [1, 16] { try await measureHealth(context, bed, width) }
            }
            for width in widths {
                try await measureSagas(context, "\(store) saga over TLS", width) {
                    try await bed.codeSaga("\(width)-\($0)")
                }
                try await measureSagas(context, "\(store) declared saga over TLS", width) {
                    try await bed.declaredSaga("\(width)-\($0)")
                }
            }
            await bed.close()
        }
    }

    private func measureHealth(_ context: BenchContext, _ bed: TestBed, _ width: Int) async throws {
        let label = "health, \(width) in flight"
        guard context.wants(label) else { return }
        let total = (context.quick ? 2_000 : 20_000) * (width == 1 ? 1 : 2)
        _ = try await lanes(total / 10, width, bed.health)
        let start = Date()
        let latencies = try await lanes(total, width, bed.health)
        record(context, label, "requests/s", "us/request", latencies, Date().timeIntervalSince(start))
    }

    /// - Parameter saga: Runs a saga, by a name of its own.
    private func measureSagas(
        _ context: BenchContext, _ what: String, _ width: Int, _ saga: @escaping @Sendable (String) async throws -> Void
    ) async throws {
        let label = "\(what), \(width) in flight"
        guard context.wants(label) else { return }
        // By time, as DBOS is measured: of a second's work the beginning and the end, when few are at work, would be a good part.
        _ = try await lanes(max(width, 100), width) { try await saga("warm-\($0)") }
        let start = Date()
        let before = BenchUsage()
        let end = start.addingTimeInterval(context.quick ? 1 : 5)
        let latencies = try await lanes(.max, width, until: end) { try await saga("run-\($0)") }
        let used = BenchUsage() - before
        record(context, label, "sagas/s", "us/saga", latencies, Date().timeIntervalSince(start))
        // Of client, server and worker, without PostgreSQL's own.
        let sagas = Double(latencies.count)
        context.record(
            context.result("\(label), CPU", unit: "us/saga", value: used.cpuSeconds / sagas * 1e6, better: .lower))
        context.record(
            context.result("\(label), thread switches", unit: "/saga", value: used.switches / sagas, better: .lower))
    }

    private func record(
        _ context: BenchContext, _ label: String, _ rateUnit: String, _ timeUnit: String, _ latencies: [Double],
        _ seconds: Double
    ) {
        var rate = context.result(label, unit: rateUnit, value: Double(latencies.count) / seconds, better: .higher)
        rate.samples = latencies.count
        context.record(rate)
        let sorted = latencies.sorted()
        for (name, part) in [("p50", 0.5), ("p99", 0.99), ("p999", 0.999)] {
            let value = sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]
            context.record(context.result("\(label), \(name)", unit: timeUnit, value: value * 1e6, better: .lower))
        }
    }
}

/// A server, a client and a worker.
private struct TestBed {
    let folder: URL
    let server: SagaServer
    let client: SagaClient
    let worker: Task<Void, any Error>

    init(store: String) async throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("bench-rpc-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let certificates = try DevCertificates.ensure(in: folder.appendingPathComponent("certs").path)
        var logger = Logger(label: "bench")
        logger.logLevel = .error
        let configuration = ServerConfiguration(
            listener: ListenerConfiguration(
                address: .tcp(host: "127.0.0.1", port: 0), security: .tls(TLSServerConfiguration(certificates))))
        let events: any EventStore
        switch store {
        case "sqlite": events = try SQLiteEventStore(path: folder.appendingPathComponent("bench.db").path)
        case "postgres":
            var options = PostgresOptions(
                connection: ProcessInfo.processInfo.environment["SAGA_BENCH_POSTGRES"] ?? "")
            options.schema = "rpc_\(DispatchTime.now().uptimeNanoseconds)"
            events = try await PostgresEventStore.open(options)
        default: events = MemoryEventStore()
        }
        server = try await SagaServer.start(configuration, store: events, logger: logger)
        guard case .tcp(_, let port) = server.address else { throw BenchFailure("rpc: the server has no port") }
        let options = ConnectionOptions(host: "127.0.0.1", port: port, security: .tls(ca: certificates.caPath))
        client = try await SagaClient.connect(options, logger: logger)
        var workerOptions = WorkerOptions()
        // Room for the widest case: activities that only wait for their turn would bound the commits.
        workerOptions.maxConcurrentActivities = 1_024
        let saga = try SagaWorker(
            connection: options, workflows: BenchTrip.workflows, activities: BenchTrip.activities,
            options: workerOptions, logger: logger)
        worker = Task { try await saga.run() }
        try await client.register(EngineSuite.declaredTrip)
    }

    func close() async {
        worker.cancel()
        _ = await worker.result
        await client.close()
        await server.shutDown(grace: .seconds(5))
        try? FileManager.default.removeItem(at: folder)
    }

    @Sendable
    func health(_ number: Int) async throws {
        guard try await client.health().serverTime.microseconds > 0 else {
            throw BenchFailure("rpc: the server does not know the time")
        }
    }

    /// Three steps, whose order the worker's code decides.
    func codeSaga(_ name: String) async throws {
        let handle = try await client.start(
            BenchTrip.self, id: "code-\(name)", input: BenchOrder(number: 1, isRefused: false))
        let output = try await handle.result()
        guard output == 6 else { throw BenchFailure("rpc: saga \(name) returned \(output)") }
    }

    /// The same three steps as a definition: the worker has the activities only.
    func declaredSaga(_ name: String) async throws {
        let id = "declared-\(name)"
        let (sagaID, _) = try await client.start(
            type: EngineSuite.declaredTrip.name, id: id,
            input: Payload(encoding: "json", data: Array(#"{"number":5}"#.utf8)))
        let output = try client.decode([Int].self, from: try await client.result(id, sagaID: sagaID))
        guard output == [5, 5, 5] else { throw BenchFailure("rpc: declared saga \(name) returned \(output)") }
    }
}

extension RPCSuite {
    /// Does something so often or for so long, so many at a time; gives the seconds that each took.
    private func lanes(
        _ count: Int, _ width: Int, until end: Date = .distantFuture,
        _ body: @escaping @Sendable (Int) async throws -> Void
    ) async throws -> [Double] {
        try await withThrowingTaskGroup(of: [Double].self) { group in
            for lane in 0..<width {
                group.addTask {
                    var latencies: [Double] = []
                    for number in stride(from: lane, to: count, by: width) {
                        let start = Date()
                        guard start < end else { break }
                        try await body(number)
                        latencies.append(Date().timeIntervalSince(start))
                    }
                    return latencies
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }
}
