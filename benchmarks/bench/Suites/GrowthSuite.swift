import Foundation
import SagaCore
import SagaPostgres

/// What an event costs in PostgreSQL as the tables grow, and after half of the runs were deleted.
///
/// Needs the same two variables as the suite `append`; `benchmarks/peers/pg-ceiling/run` runs this one, too, if it is named.
/// `SAGA_BENCH_EVENTS` is how far it grows: 1,000,000 without it.
struct GrowthSuite: BenchSuite {
    let name = "growth"
    let summary = "microseconds and bytes per event in PostgreSQL, from 10,000 stored events on; after deleting half"

    /// Runs of 25 events: 10,000 events.
    private static let runs = 400
    private static let eventsPerLane = runs * 25

    func run(_ context: BenchContext) async throws {
        let environment = ProcessInfo.processInfo.environment
        guard let address = environment["SAGA_BENCH_POSTGRES"], let program = environment["SAGA_BENCH_CEILING"] else {
            print("  not measured: benchmarks/peers/pg-ceiling/run starts a server for it")
            return
        }
        let largest = environment["SAGA_BENCH_EVENTS"].flatMap { Int($0) } ?? (context.quick ? 100_000 : 1_000_000)
        let ceiling = try Ceiling(program: program, address: address)
        defer { ceiling.removeFiles() }
        let store = try await ceiling.open { $0.schema = "growth" }
        var growth = Growth(store: store, epoch: try await store.takeOver())
        var first: Sample?
        for size in Self.sizes(upTo: largest) {
            while growth.stored < size { _ = try await growth.add(runs: Self.runs) }
            let sample = try await growth.sample(runs: Self.runs, bytes: ceiling)
            record(context, "\(Self.text(size)) events", sample, first)
            first = first ?? sample
        }
        let before = try growth.bytes(ceiling)
        try await growth.deleteHalf()
        let after = try await growth.sample(runs: Self.runs, bytes: ceiling)
        record(context, "after deleting half", after, first)
        context.record(
            context.result(
                "bytes kept by the tables after deleting half", unit: "of before",
                value: Double(try growth.bytes(ceiling)) / Double(max(1, before)), better: .lower))
        // As much again as was deleted: it takes the room that became free.
        for _ in 0..<(largest / Self.eventsPerLane / 2) { _ = try await growth.add(runs: Self.runs) }
        record(context, "after filling up again", try await growth.sample(runs: Self.runs, bytes: ceiling), first)
        context.record(
            context.result(
                "bytes of the tables after filling up again", unit: "of before",
                value: Double(try growth.bytes(ceiling)) / Double(max(1, before)), better: .lower))
        await store.close()
    }

    private static func sizes(upTo largest: Int) -> [Int] {
        var sizes = [10_000]
        while let last = sizes.last, last * 10 <= largest { sizes.append(last * 10) }
        return sizes
    }

    private static func text(_ number: Int) -> String { "10^\(String(number).count - 1)" }

    private func record(_ context: BenchContext, _ name: String, _ sample: Sample, _ first: Sample?) {
        var cost = context.result("\(name), append", unit: "us/event", value: sample.micros, better: .lower)
        cost.ratio = first.map { sample.micros / $0.micros }
        cost.reference = first.map { _ in "10^4 events" }
        context.record(cost)
        var tail = context.result("\(name), commit p99", unit: "us/commit", value: sample.p99, better: .lower)
        tail.ratio = first.map { sample.p99 / $0.p99 }
        tail.reference = cost.reference
        context.record(tail)
        context.record(
            context.result("\(name), stored", unit: "bytes/event", value: sample.bytesPerEvent, better: .lower))
    }
}

/// What some commits cost.
private struct Sample {
    var micros: Double
    var p99: Double
    var bytesPerEvent: Double
}

private struct Growth {
    let store: PostgresEventStore
    let epoch: UInt64
    private(set) var stored = 0
    private var lanes: [[SagaID]] = []
    private var seed: UInt64 = 1

    init(store: PostgresEventStore, epoch: UInt64) {
        self.store = store
        self.epoch = epoch
    }

    /// Starts runs and gives each 24 events more; gives the seconds that each commit took.
    mutating func add(runs: Int) async throws -> [Double] {
        var lane = AppendLane(runs: runs, seed: UInt64(Date().timeIntervalSince1970 * 1_000) &+ seed &* 7_919)
        seed += 1
        try await lane.start(store, epoch)
        // Each commit has half of the runs, so that each comes six times.
        lane.prepare(commits: 12, runsPerCommit: runs / 2, events: 4)
        let times = try await lane.times(store, epoch)
        lanes.append(lane.ids)
        stored += runs * 25
        return times
    }

    mutating func sample(runs: Int, bytes: Ceiling) async throws -> Sample {
        var times: [Double] = []
        for _ in 0..<9 { times += try await add(runs: runs) }
        times.sort()
        return Sample(
            micros: times[times.count / 2] * 1e6 / Double(runs / 2 * 4),
            p99: times[min(times.count - 1, times.count * 99 / 100)] * 1e6,
            bytesPerEvent: Double(try self.bytes(bytes)) / Double(stored))
    }

    func bytes(_ ceiling: Ceiling) throws -> Int {
        Int(
            try ceiling.value(
                """
                SELECT sum(pg_total_relation_size(oid)) FROM pg_class
                WHERE relnamespace = 'growth'::regnamespace AND relkind = 'r'
                """))
    }

    /// Closes the older half of the runs and deletes them one by one.
    mutating func deleteHalf() async throws {
        let half = lanes.prefix(lanes.count / 2)
        for ids in half {
            let batch = ids.map { id in
                let workflow = "bench-\(id)"
                let row = ExecutionRow(
                    sagaID: id, namespace: "default", workflowID: workflow, workflowType: "bench", status: .completed,
                    startedAt: id.time, closedAt: id.time.adding(microseconds: 1_000), nextEventID: 26,
                    partition: Partition.of(namespace: "default", workflowID: workflow))
                let event = HistoryEvent(
                    eventID: 25, sagaID: id, timestamp: id.time,
                    attributes: .domainEvent(
                        DomainEvent(
                            typeName: "Moved", typeVersion: 1, payload: Payload(encoding: "bytes", data: []))))
                return AppendTransaction([
                    AppendEntry(sagaID: id, expectedNextEventID: 25, events: [event], row: row)
                ])
            }
            _ = try await store.append(AppendBatch(epoch: epoch, transactions: batch))
            for id in ids where try await !store.delete(id) { throw BenchFailure("growth: a run cannot be deleted") }
            stored -= ids.count * 25
        }
        lanes.removeFirst(half.count)
    }
}
