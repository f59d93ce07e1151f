import Foundation
import SagaCore
import SagaEngine
import SagaPostgres

/// The PostgreSQL store and the engine over it, against a C program that sends as many bytes into the same schema with the
/// same statement (`benchmarks/peers/pg-ceiling`). Both in turn, so that the ratio holds on a busy machine, too.
///
/// Needs `SAGA_BENCH_POSTGRES`, a server that may be filled, and `SAGA_BENCH_CEILING`, the C program; the script
/// `benchmarks/peers/pg-ceiling/run` provides both.
struct AppendSuite: BenchSuite {
    let name = "append"
    let summary = "events per second into PostgreSQL, and sagas per second through the engine, against a C program"

    private static let eventsPerRun = 4

    func run(_ context: BenchContext) async throws {
        let environment = ProcessInfo.processInfo.environment
        guard let address = environment["SAGA_BENCH_POSTGRES"], let program = environment["SAGA_BENCH_CEILING"] else {
            print("  not measured: benchmarks/peers/pg-ceiling/run starts a server for it")
            return
        }
        let ceiling = try Ceiling(program: program, address: address)
        defer { ceiling.removeFiles() }
        // Makes both schemas.
        let made = try await ceiling.open { _ in }
        await made.close()
        for connections in [1, 2] {
            for size in [256, 1_024] where context.wants("port \(size) a commit") {
                try await measurePort(context, ceiling, size: size, connections: connections)
            }
        }
        if context.wants("batching") { try await measureBatching(context, ceiling) }
        if context.wants("reads") { try await measureReads(context, ceiling) }
        for width in context.quick ? [1, 512] : [1, 64, 512, 1_024] {
            for label in ["engine", "engine, declared"] where context.wants("\(label), \(width) in flight") {
                try await measureEngine(context, ceiling, width: width, label)
            }
        }
        if context.wants("engine without batching") { try await measureEngineSingly(context, ceiling) }
    }

    private func rounds(_ context: BenchContext) -> Int { context.quick ? 3 : 7 }

    // MARK: The port

    private func measurePort(
        _ context: BenchContext, _ ceiling: Ceiling, size: Int, connections: Int
    ) async throws {
        let commits = max(20, (context.quick ? 60_000 : 160_000) / size)
        var ours: [Double] = []
        var theirs: [Double] = []
        let store = try await ceiling.open { $0.writers = connections }
        let epoch = try await store.takeOver()
        for round in 0..<rounds(context) {
            var lanes: [AppendLane] = []
            for lane in 0..<connections {
                var made = AppendLane(
                    runs: 2_048, seed: UInt64(round * 16 + lane + size * 1_000 + connections * 77_777))
                try await made.start(store, epoch)
                made.prepare(commits: commits, runsPerCommit: size / Self.eventsPerRun, events: Self.eventsPerRun)
                lanes.append(made)
            }
            theirs.append(
                try ceiling.append(
                    size: size, eventsPerRun: Self.eventsPerRun, bytesPerRun: lanes[0].bytesPerRun,
                    connections: connections, commits: commits))
            try ceiling.checkpoint()
            ours.append(try await Self.rate(of: lanes, store, epoch))
        }
        await store.close()
        record(
            context, "port \(size) a commit, \(connections) connection\(connections > 1 ? "s" : "")", unit: "events/s",
            ours, theirs, reference: "C over libpq")
    }

    private static func rate(of lanes: [AppendLane], _ store: PostgresEventStore, _ epoch: UInt64) async throws
        -> Double
    {
        let start = DispatchTime.now().uptimeNanoseconds
        let events = try await withThrowingTaskGroup(of: Int.self) { group in
            for lane in lanes { group.addTask { try await lane.write(store, epoch) } }
            return try await group.reduce(0, +)
        }
        return Double(events) / (Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9)
    }

    private func measureBatching(_ context: BenchContext, _ ceiling: Ceiling) async throws {
        let store = try await ceiling.open { $0.writers = 1 }
        let epoch = try await store.takeOver()
        var batched: [Double] = []
        var single: [Double] = []
        for round in 0..<rounds(context) {
            var large = AppendLane(runs: 2_048, seed: UInt64(9_000 + round))
            try await large.start(store, epoch)
            large.prepare(commits: context.quick ? 60 : 120, runsPerCommit: 256, events: Self.eventsPerRun)
            batched.append(try await Self.rate(of: [large], store, epoch))
            var small = AppendLane(runs: 256, seed: UInt64(8_000 + round))
            try await small.start(store, epoch)
            small.prepare(commits: context.quick ? 1_000 : 3_000, runsPerCommit: 1, events: 1)
            single.append(try await Self.rate(of: [small], store, epoch))
        }
        await store.close()
        record(context, "one event a commit, 1 connection", unit: "events/s", single, nil, reference: nil)
        record(
            context, "batching: 1024 events a commit, 1 connection", unit: "events/s", batched, single,
            reference: "one event a commit")
    }

    // MARK: Reads

    /// The rows of one run as replay reads them, verified and copied but not decoded, and the same events decoded.
    private func measureReads(_ context: BenchContext, _ ceiling: Ceiling) async throws {
        let store = try await ceiling.open { _ in }
        let epoch = try await store.takeOver()
        for count in context.quick ? [1_000, 20_000] : [1_000, 20_000, 100_000] {
            var lane = AppendLane(runs: 1, seed: UInt64(count))
            try await lane.start(store, epoch)
            // The start has an event, too.
            lane.prepare(commits: count / Self.eventsPerRun, runsPerCommit: 1, events: Self.eventsPerRun)
            _ = try await lane.write(store, epoch)
            let id = lane.ids[0]
            let times = max(4, 1_000_000 / count)
            var packed: [Double] = []
            var decoded: [Double] = []
            var theirs: [Double] = []
            for _ in 0..<rounds(context) {
                theirs.append(try ceiling.read(id, times: times))
                packed.append(
                    try await Self.readRate(times, count + 1) { try await Self.readPages(store, id, count + 1) })
                decoded.append(
                    try await Self.readRate(times, count + 1) {
                        try await store.events(of: id, from: 0, limit: count + 1).count
                    })
            }
            record(
                context, "reads of \(count) events", unit: "events/s", packed, theirs, reference: "C, not verified")
            record(
                context, "reads of \(count) events, decoded", unit: "events/s", decoded, theirs,
                reference: "C, not decoded")
        }
        await store.close()
    }

    /// Page by page, as replay reads.
    private static func readPages(_ store: PostgresEventStore, _ id: SagaID, _ count: Int) async throws -> Int {
        var events = 0
        while events < count {
            let page = try await store.packedEvents(of: id, from: EventID(events), limit: 4_096)
            guard page.rows.first?.firstEventID == EventID(events) else { break }
            events += page.count
        }
        return events
    }

    private static func readRate(_ times: Int, _ expected: Int, _ read: () async throws -> Int) async throws -> Double {
        let start = DispatchTime.now().uptimeNanoseconds
        for _ in 0..<times {
            let events = try await read()
            guard events == expected else { throw BenchFailure("append: \(events) events were read") }
        }
        return Double(times * expected) / (Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9)
    }

    // MARK: The engine

    /// Three-step sagas, against two ceilings: whole sagas of the same rows, starts and closings included, and step appends
    /// only, of which a saga has four. The second ceiling counts a commit of one saga as four events.
    private func measureEngine(
        _ context: BenchContext, _ ceiling: Ceiling, width: Int, _ label: String
    ) async throws {
        let isDeclared = label == "engine, declared"
        let total = width == 1 ? (context.quick ? 300 : 1_500) : (context.quick ? 4_000 : 20_000)
        var ours: [Double] = []
        var steps: [Double] = []
        var whole: [Double] = []
        var best = (rate: 0.0, runs: 0)
        var latencies: [Double] = []
        var micros: [Double] = []
        for round in 0..<(context.quick ? 1 : 3) {
            steps.append(
                try ceiling.append(
                    size: 1_024, eventsPerRun: Self.eventsPerRun, bytesPerRun: 544, connections: 2, commits: 100) / 4)
            let measured = try await engineRate(ceiling, width, total, "\(width)-\(round)", isDeclared) { _ in }
            micros.append(measured.cpu * 1e6)
            ours.append(measured.rate)
            latencies += measured.latencies
            // The C program's best.
            let form = try ceiling.sagaForm(schema: "engine")
            let tries = try [64, 256, 1_024].map { runs in
                (rate: try ceiling.sagas(form, runsPerCommit: runs, connections: 2, count: 16_384), runs: runs)
            }
            guard let fastest = tries.max(by: { $0.rate < $1.rate }) else { return }
            whole.append(fastest.rate)
            if fastest.rate > best.rate { best = fastest }
        }
        // Without PostgreSQL's own; it counts where other programs share the machine, and wall time does not.
        context.record(
            context.result(
                "\(label), \(width) in flight, CPU", unit: "us/saga", value: micros.sorted()[micros.count / 2],
                better: .lower))
        latencies.sort()
        record(
            context, "\(label), \(width) in flight", unit: "sagas/s", ours, whole,
            reference: "C, whole sagas, \(best.runs) a commit")
        record(
            context, "\(label), \(width) in flight, against step appends only", unit: "saga commits/s",
            ours.map { $0 * 4 }, steps, reference: "C, 1024 events a commit")
        for (quantile, part) in [("p50", 0.5), ("p99", 0.99)] {
            let value = latencies[min(latencies.count - 1, Int(Double(latencies.count) * part))]
            context.record(
                context.result(
                    "\(label), \(width) in flight, \(quantile)", unit: "us/saga", value: value * 1e6, better: .lower))
        }
    }

    private func measureEngineSingly(_ context: BenchContext, _ ceiling: Ceiling) async throws {
        let batched = try await engineRate(ceiling, 256, context.quick ? 2_000 : 8_000, "on") { _ in }.rate
        let single = try await engineRate(ceiling, 256, context.quick ? 500 : 2_000, "off") { $0.batching = false }.rate
        record(context, "engine without batching, 256 in flight", unit: "sagas/s", [single], nil, reference: nil)
        record(
            context, "engine with batching, 256 in flight", unit: "sagas/s", [batched], [single], reference: "without")
    }

    private func engineRate(
        _ ceiling: Ceiling, _ width: Int, _ total: Int, _ prefix: String, _ isDeclared: Bool = false,
        _ change: (inout PostgresOptions) -> Void
    ) async throws -> (rate: Double, cpu: Double, latencies: [Double]) {
        // A schema of its own: the runs that the port has left open would all be the engine's.
        let store = try await ceiling.open {
            $0.schema = "engine"
            change(&$0)
        }
        let engine = try await SagaEngine(
            store: store, workflows: BenchTrip.workflows, activities: BenchTrip.activities)
        try await engine.register(EngineSuite.declaredTrip)
        let prefix = "\(isDeclared ? "declared-" : "")\(prefix)-\(DispatchTime.now().uptimeNanoseconds)"
        _ = try await Self.sagas(engine, min(total, 200), width, "\(prefix)-warm", isDeclared)
        try ceiling.checkpoint()
        let start = DispatchTime.now().uptimeNanoseconds
        let before = BenchUsage()
        let latencies = try await Self.sagas(engine, total, width, prefix, isDeclared)
        let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
        let used = (BenchUsage() - before).cpuSeconds
        await engine.shutDown()
        return (Double(total) / seconds, used / Double(total), latencies)
    }

    private static func sagas(
        _ engine: SagaEngine, _ count: Int, _ width: Int, _ prefix: String, _ isDeclared: Bool
    ) async throws -> [Double] {
        try await withThrowingTaskGroup(of: [Double].self) { group in
            for lane in 0..<width {
                group.addTask {
                    var latencies: [Double] = []
                    for number in stride(from: lane, to: count, by: width) {
                        let start = DispatchTime.now().uptimeNanoseconds
                        let id = "\(prefix)-\(number)"
                        let order = BenchOrder(number: number, isRefused: false)
                        if isDeclared {
                            let handle = try await engine.startDefinition(
                                EngineSuite.declaredTrip.name, id: id, input: order, as: [Int].self)
                            let outputs = try await handle.result()
                            guard outputs == [number, number, number] else {
                                throw BenchFailure("append: declared saga \(number) gave \(outputs)")
                            }
                        } else {
                            let sum = try await engine.executeWorkflow(BenchTrip.self, id: id, input: order)
                            guard sum == 6 else { throw BenchFailure("append: saga \(number) gave \(sum)") }
                        }
                        latencies.append(Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9)
                    }
                    return latencies
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    private func record(
        _ context: BenchContext, _ name: String, unit: String, _ values: [Double], _ references: [Double]?,
        reference: String?
    ) {
        let sorted = values.sorted()
        var result = context.result(name, unit: unit, value: sorted[sorted.count / 2], better: .higher)
        result.operationsPerSecond = result.value
        result.samples = values.count
        result.best = sorted.last
        if let references, let reference {
            let other = references.sorted()[references.count / 2]
            result.reference = "\(reference): \(Int(other))"
            result.referenceKind = "measured"
            // The median of the rounds' own ratios: what was measured side by side.
            let ratios = zip(values, references).map { $0 / $1 }.sorted()
            result.ratio = ratios[ratios.count / 2]
        }
        context.record(result)
    }
}
