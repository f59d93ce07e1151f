import Foundation
import Logging
import SagaCodec
import SagaCore
import SagaEngine
import SagaMemory
import SagaPostgres
import SagaSQLite

/// Snapshots and what they are for: the resume of a long run, the start over many open ones, the re-run of code, and what
/// taking them costs the shard. PostgreSQL only if `SAGA_BENCH_POSTGRES` names a server that may be filled.
struct RecoverySuite: BenchSuite {
    let name = "recovery"
    let summary = "a start over stored runs: snapshot and tail against the whole history; what snapshots cost"

    func run(_ context: BenchContext) async throws {
        try await veryLongRun(context)
        try longTransfer(context)
        try states(context)
        try rerun(context)
        try hotPath(context)
        for store in RecoveryStore.all {
            try await resume(context, store)
            try await declaredResume(context, store)
            try await restart(context, store)
        }
    }

    // MARK: One very long run

    /// A run of a million events in SQLite is written, replayed and resumed, in a process that the kernel gives 256 MiB.
    private func veryLongRun(_ context: BenchContext) async throws {
        let count = context.quick ? 100_000 : 1_000_000
        guard context.wants("very long run") else { return }
        let memory = try LongRun.inItsOwnProcess(events: count)
        print(
            "  \(count) events: peak \(memory.written) MiB written, \(memory.replayed) replayed, \(memory.peak) resumed"
        )
        var result = context.result(
            "very long run: \(count) events", unit: "MiB peak", value: Double(memory.peak), better: .lower)
        result.samples = 1
        context.record(result)
    }

    /// A run of a million signals is exported and imported, under a limit of its own.
    private func longTransfer(_ context: BenchContext) throws {
        let count = context.quick ? 100_000 : 1_000_000
        guard context.wants("transfer of a very long run") else { return }
        let peaks = try LongTransfer.inItsOwnProcess(signals: count)
        print(
            "  \(count) signals: peak \(peaks[0]) MiB written, \(peaks[1]) exported, \(peaks[2]) imported offline,"
                + " \(peaks[3]) into an engine, \(peaks[4]) resumed")
        var result = context.result(
            "transfer of a very long run: \(count) signals", unit: "MiB peak", value: Double(peaks[4]), better: .lower)
        result.samples = 1
        context.record(result)
    }

    // MARK: One state

    private func states(_ context: BenchContext) throws {
        for count in [100, 10_000] where context.wants("state of \(count) events") {
            let history = RunOfSteps(count: count, hasUndo: true).events
            var state = ExecutionState(sagaID: RunOfSteps.id)
            for event in history { try state.apply(event) }
            let kept = state
            let raw = Postcard.encode(kept)
            let stored = try Snapshot.encode(kept, at: RunOfSteps.id.time)
            func bench(_ part: String, bytes: Int) -> BenchCase {
                BenchCase(
                    name: "state of \(count) events, \(part)", operations: 1, bytes: bytes, operation: "state",
                    clock: .cpu)
            }
            try context.measure(bench("plain", bytes: raw.count)) { UInt64(Postcard.encode(kept).count) }
            try context.measure(bench("snapshot", bytes: stored.bytes.count)) {
                UInt64(try Snapshot.encode(kept, at: RunOfSteps.id.time).bytes.count)
            }
            try context.measure(bench("snapshot read", bytes: stored.bytes.count)) {
                try Snapshot.decode(stored).nextEventID
            }
            let json = try JSONCoding.serialize(.array(history.map { .string("\($0.attributes)") })).count
            print(
                "  \(count) events: history as text \(json) B, state plain \(raw.count) B, snapshot \(stored.bytes.count) B"
            )
        }
    }

    // MARK: Code

    /// Code that is run again over its results, in pages of 1,000 events.
    private func rerun(_ context: BenchContext) throws {
        let steps = context.quick ? 20_000 : 100_000
        guard context.wants("code over its results") else { return }
        let events = RunOfSteps(count: steps * 3 + 1, hasUndo: false).events
        // As a store gives them.
        let pages = stride(from: 0, to: events.count, by: 1_000).map {
            Array(events[$0..<min(events.count, $0 + 1_000)])
        }
        var workflows = WorkflowRegistry()
        workflows.register(BenchLine.self)
        try context.measure(
            BenchCase(name: "code over its results", operations: steps, operation: "result", clock: .cpu)
        ) {
            var replay = CodeReplay(workflows)
            for (index, page) in pages.enumerated() { try replay.give(page, isLast: index == pages.count - 1) }
            return replay.results
        }
    }

    // MARK: The shard

    /// Signals to one run, one commit each, with and without snapshots; encoding and writing are not the shard's.
    private func hotPath(_ context: BenchContext) throws {
        let signals = 10_000
        for events in [0, 100] as [UInt64] {
            let name = events == 0 ? "shard without snapshots" : "shard with a snapshot every 100 events"
            try context.measure(
                BenchCase(
                    name: name, operations: signals, operation: "event", clock: .cpu,
                    reference: events == 0 ? nil : .measured(name: "without", case: "shard without snapshots"))
            ) {
                try BareShard(snapshotEvents: events).signal(signals)
            }
        }
    }

    // MARK: Stores

    /// A run of 100,000 events: the whole history, and a snapshot with ten events behind it.
    private func resume(_ context: BenchContext, _ kind: RecoveryStore) async throws {
        guard context.wants("\(kind.name) resume") || context.wants("\(kind.name) whole history") else { return }
        let count = context.quick ? 10_000 : 100_000
        try await kind.use { store in
            let run = RunOfSteps(count: count, hasUndo: false)
            let sagaID = try await run.write(to: store)
            guard let keeper = store as? any SnapshotStore else { return }
            var state = ExecutionState(sagaID: sagaID)
            for event in run.events.prefix(count - 10) { try state.apply(event.of(sagaID)) }
            try await keeper.keep([try Snapshot.encode(state, at: sagaID.time)], newest: 2)
            let replayer = HistoryReplayer(store: store) { print("  snapshot skipped: \($0.problem)") }
            func bench(_ name: String, _ operations: Int, _ unit: String, reference: BenchReference? = nil) -> BenchCase
            {
                BenchCase(name: "\(kind.name) \(name)", operations: operations, operation: unit, reference: reference)
            }
            try await context.measure(bench("read of all events", count, "event")) {
                var next: EventID = 0
                while case let page = try await store.events(of: sagaID, from: next, limit: 4_096), !page.isEmpty {
                    next += EventID(page.count)
                }
                return next
            }
            try await context.measure(bench("read of all stored rows", count, "event")) {
                var next: EventID = 0
                while case let page = try await store.packedEvents(of: sagaID, from: next, limit: 4_096), !page.isEmpty
                {
                    next = page.nextEventID ?? next
                }
                return next
            }
            // Goal: 80 % of the rate at which the store gives the rows, 1.25.
            try await context.measure(
                bench(
                    "whole history", count, "event",
                    reference: .measured(name: "read alone", case: "\(kind.name) read of all stored rows"))
            ) {
                try await replayer.state(of: sagaID, from: .beginning)?.state.nextEventID ?? 0
            }
            try await context.measure(bench("read of a snapshot and ten events", 1, "run")) {
                let stored = try await keeper.snapshot(of: sagaID, upTo: .max)
                let tail = try await store.events(of: sagaID, from: (stored?.nextEventID ?? 1) - 1, limit: 4_096)
                return UInt64(stored?.bytes.count ?? 0) &+ UInt64(tail.count)
            }
            try await context.measure(
                bench(
                    "resume from snapshot and ten events", 1, "run",
                    reference: .claim(name: "manual", value: 20_000_000))
            ) {
                let run = try await replayer.state(of: sagaID)
                guard run?.eventsApplied == 10 else { throw BenchFailure("recovery: the snapshot was not used") }
                return run?.state.nextEventID ?? 0
            }
        }
    }

    /// The start of an engine over many open runs of ten events each.
    private func restart(_ context: BenchContext, _ kind: RecoveryStore) async throws {
        let runs = context.quick ? 2_000 : 100_000
        guard context.wants("\(kind.name) start over open runs") else { return }
        try await kind.use { store in
            try await RunOfSteps(count: 10, hasUndo: true).write(runs, to: store)
            var logger = Logger(label: "bench")
            logger.logLevel = .error
            let driver = try await ShardDriver(store: store, config: SagaEngineConfig(), logger: logger)
            let start = Date()
            await driver.start()
            let seconds = Date().timeIntervalSince(start)
            let status = await driver.status()
            guard status.runs == runs else { throw BenchFailure("recovery: \(status.runs) of \(runs) runs are open") }
            await driver.shutDown()
            var result = context.result(
                "\(kind.name) start over open runs: \(runs)", unit: "s", value: seconds, better: .lower)
            result.samples = runs
            context.record(result)
        }
    }
}

/// A store that the suite opens in a place of its own.
struct RecoveryStore: Sendable {
    let name: String
    let open: @Sendable (URL) async throws -> any EventStore

    static var all: [RecoveryStore] {
        var all = [
            RecoveryStore(name: "memory") { _ in MemoryEventStore() },
            RecoveryStore(name: "sqlite") { try SQLiteEventStore(path: $0.appendingPathComponent("bench.db").path) },
        ]
        if let address = ProcessInfo.processInfo.environment["SAGA_BENCH_POSTGRES"] {
            all.append(
                RecoveryStore(name: "postgres") { folder in
                    var options = PostgresOptions(connection: address)
                    options.schema = "r" + folder.lastPathComponent.filter(\.isHexDigit).lowercased().prefix(24)
                    return try await PostgresEventStore.open(options)
                })
        }
        return all
    }

    func use(_ body: (any EventStore) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = try await open(folder)
        do { try await body(store) } catch {
            await store.close()
            throw error
        }
        await store.close()
    }
}

/// Step after step, each scheduled, started and completed.
struct BenchLine: DurableWorkflow {
    static let typeID = "bench.line"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        var sum = 0
        for _ in 0..<input { sum += try await context.executeActivity(BenchStep.self, 1) }
        return sum
    }
}

/// Code that is given its history in pages.
struct CodeReplay {
    private let instance: WorkflowInstance?
    private var task: WorkflowTask
    private(set) var results: UInt64 = 0

    init(_ workflows: WorkflowRegistry) {
        let first = WorkflowTask(
            sagaID: RunOfSteps.id, generation: 1, namespace: "default", workflowID: "line",
            workflowType: BenchLine.typeID, workflowVersion: 0, taskQueue: "default", firstEventID: 0, events: [])
        task = first
        instance = workflows.definition(BenchLine.typeID, version: 0).map {
            WorkflowInstance(task: first, definition: $0, converter: .json)
        }
    }

    mutating func give(_ page: [HistoryEvent], isLast: Bool) throws {
        guard let instance else { throw BenchFailure("recovery: the code is not registered") }
        task.firstEventID = page.first?.eventID ?? 0
        task.events = page
        task.more = !isLast
        switch instance.activate(task) {
        case nil: return
        case .completed(let seen, let commands, _, _)?: results = seen &+ UInt64(commands.count)
        case .failed(_, let error)?: throw BenchFailure("recovery: \(error.message)")
        case .needHistory?: throw BenchFailure("recovery: the code wants its history again")
        }
        instance.evict()
    }
}
