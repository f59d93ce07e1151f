import ArgumentParser
import Foundation
import Logging
import SagaCore
import SagaEngine
import SagaSQLite

/// A run of very many signals on its way from store to store, in a process that may not have more than so much memory. Signals,
/// because a run remembers the id of each: its state grows with its history, whatever else is kept flat.
struct LongTransfer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "long-transfer",
        abstract:
            "Exports a long run, imports it offline and into an engine, and resumes it; prints the peak of memory after each.",
        shouldDisplay: false)

    @Option(help: "Signals that the run has.")
    var signals = 1_000_000

    @Option(help: "Most memory for data, in MiB.")
    var limit = 256

    func run() async throws {
        try LongRun.allowData(limit)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func store(_ name: String) throws -> SQLiteEventStore {
            try SQLiteEventStore(path: folder.appendingPathComponent(name).path)
        }
        var peaks: [Int] = []
        func note() {
            peaks.append(LongRun.peakMebibytes())
            FileHandle.standardError.write(
                Data("    peak \(peaks.map(String.init).joined(separator: ", ")) MiB\n".utf8))
        }
        let file = folder.appendingPathComponent("run.history").path
        let old = try store("old.db")
        try await write(to: old)
        note()
        try await export(old, to: file)
        await old.close()
        note()
        // As saga import --store does. What a phase has needed is said at once: beyond the limit there is no end.
        let offline = try store("offline.db")
        var importer = try await HistoryImporter(into: offline)
        try await Self.read(file) { try await importer.add($0) }
        try await importer.end()
        guard importer.report.events == UInt64(signals) + 1 else {
            throw BenchFailure("long-transfer: \(importer.report)")
        }
        await offline.close()
        note()
        try await importIntoEngine(file, try store("new.db"))
        note()
        try await resume(try store("new.db"))
        note()
        print(peaks.map(String.init).joined(separator: " "))
    }

    /// As a server does.
    private func importIntoEngine(_ file: String, _ store: SQLiteEventStore) async throws {
        var logger = Logger(label: "bench")
        logger.logLevel = .error
        let driver = try await ShardDriver(store: store, config: SagaEngineConfig(), logger: logger)
        await driver.start()
        var incoming = RunImport(into: driver, namespace: "default")
        try await Self.read(file) { item in
            if case .events(let events) = item { try await incoming.add(events) }
        }
        guard try await incoming.finish().events == UInt64(signals) + 1 else {
            throw BenchFailure("long-transfer: the run is not whole")
        }
        guard await driver.status().runs == 1 else { throw BenchFailure("long-transfer: the run does not go on") }
        await driver.shutDown()
        await store.close()
    }

    /// The run goes on: its code is given every signal, and then ends. A signal that came before does nothing a second time.
    private func resume(_ store: SQLiteEventStore) async throws {
        var logger = Logger(label: "bench")
        logger.logLevel = .error
        var workflows = WorkflowRegistry()
        workflows.register(SignalCounter.self)
        let engine = try await SagaEngine(
            store: store, workflows: workflows, activities: ActivityRegistry(), logger: logger)
        let handle = engine.handle(SignalCounter.self, id: "signals")
        try await handle.signal("tick", 1, signalID: Self.signalID(1))
        try await handle.signal("tick", 0)
        let count = try await handle.result()
        guard count == signals else { throw BenchFailure("long-transfer: the code has seen \(count) signals") }
        await engine.shutDown()
    }

    private static func signalID(_ index: Int) -> String {
        // As callers name their signals: a UUID.
        SagaID(time: RunOfSteps.id.time, random: (UInt64(index) &* 0x9E37_79B9_7F4A_7C15, UInt64(index))).description
    }

    private func write(to store: SQLiteEventStore) async throws {
        let epoch = try await store.takeOver()
        let sagaID = RunOfSteps.id
        let count = signals + 1
        for start in stride(from: 0, to: count, by: 1_000) {
            let events = (start..<min(count, start + 1_000)).map { Self.event($0) }
            var row: ExecutionRow?
            if start == 0 {
                row = ExecutionRow(
                    sagaID: sagaID, namespace: "default", workflowID: "signals", workflowType: BenchLine.typeID,
                    status: .running, startedAt: sagaID.time, nextEventID: EventID(events.count),
                    partition: Partition.of(namespace: "default", workflowID: "signals"))
            }
            let entry = AppendEntry(
                sagaID: sagaID, expectedNextEventID: EventID(start), events: events, row: row,
                start: start == 0 ? .unused : nil)
            let outcomes = try await store.append(
                AppendBatch(epoch: epoch, transactions: [AppendTransaction([entry])]))
            guard outcomes == [.appended] else { throw BenchFailure("long-transfer: an append was refused") }
        }
    }

    private static func event(_ index: Int) -> HistoryEvent {
        let sagaID = RunOfSteps.id
        var attributes = EventAttributes.workflowExecutionStarted(
            WorkflowExecutionStarted(
                namespace: "default", workflowID: "signals", workflowType: BenchLine.typeID, workflowVersion: 0,
                taskQueue: "default", input: .json("1"), executionTimeoutMicros: 0, cancelGraceMicros: 0))
        if index > 0 {
            attributes = .signalReceived(
                SignalReceived(name: "tick", payload: .json("\(index)"), signalID: signalID(index)))
        }
        return HistoryEvent(
            eventID: EventID(index), sagaID: sagaID, timestamp: sagaID.time.adding(microseconds: Int64(index)),
            attributes: attributes)
    }

    private func export(_ store: SQLiteEventStore, to path: String) async throws {
        guard let row = try await store.execution(RunOfSteps.id),
            FileManager.default.createFile(atPath: path, contents: nil), let file = FileHandle(forWritingAtPath: path)
        else { throw BenchFailure("long-transfer: the file cannot be written") }
        var writer = HistoryFileWriter(.binary)
        try file.write(contentsOf: writer.begin())
        _ = try await HistoryExporter(store: store).export(row) { try file.write(contentsOf: writer.write($0)) }
        try file.write(contentsOf: writer.end())
        try file.close()
    }

    private static func read(_ path: String, _ body: (HistoryFile.Item) async throws -> Void) async throws {
        guard let file = FileHandle(forReadingAtPath: path) else { throw BenchFailure("long-transfer: no file") }
        var reader = HistoryFileReader()
        while let part = try file.read(upToCount: 1 << 16), !part.isEmpty {
            for item in try reader.read([UInt8](part)[...]) { try await body(item) }
        }
        try reader.end()
        try file.close()
    }

    /// Runs it in a process of its own.
    /// - Returns: The peak of its memory in MiB: after the writing, the export, the import offline, that into an engine, and the end.
    static func inItsOwnProcess(signals: Int) throws -> [Int] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = ["long-transfer", "--signals", String(signals)]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let numbers = text.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        guard process.terminationStatus == 0, numbers.count == 5 else {
            throw BenchFailure("long-transfer: a run of \(signals) signals did not end well: \(text)")
        }
        return numbers
    }
}

/// Counts signals until one carries 0.
private struct SignalCounter: DurableWorkflow {
    static let typeID = BenchLine.typeID

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        var count = 0
        while try await context.waitForSignal("tick", as: Int.self) != 0 { count += 1 }
        return count
    }
}
