import ArgumentParser
import Foundation
import Logging
import SagaCore
import SagaEngine
import SagaSQLite

/// A very long run in a process that may not have more than so much memory: the kernel refuses it beyond.
struct LongRun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "long-run",
        abstract: "Writes a long run, replays it, resumes and finishes it in an engine; prints the peak of memory.",
        shouldDisplay: false)

    @Option(help: "Events that the run has when the engine opens it.")
    var events = 1_000_000

    @Option(help: "Steps that the engine adds before it is shut down, and again after it was opened anew.")
    var steps = 1_000

    @Option(help: "Most memory for data, in MiB.")
    var limit = 256

    /// Has the kernel refuse this process more than so many MiB of data. Whatever is private and writable counts: heap, stacks, maps.
    static func allowData(_ mebibytes: Int) throws {
        var bytes = rlimit(rlim_cur: UInt(mebibytes) << 20, rlim_max: UInt(mebibytes) << 20)
        guard setrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &bytes) == 0 else {
            throw BenchFailure("the limit of \(mebibytes) MiB cannot be set")
        }
    }

    func run() async throws {
        try Self.allowData(limit)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("bench.db").path

        // Events come in threes, so that the last one completes a step.
        let count = events / 3 * 3 + 1
        let total = (count - 1) / 3 + 2 * steps
        let store = try SQLiteEventStore(path: path)
        let sagaID = try await RunOfSteps.write(count, steps: total, to: store)
        let written = Self.peakMebibytes()
        let run = try await HistoryReplayer(store: store).state(of: sagaID, from: .beginning)
        guard run?.state.nextEventID == EventID(count) else { throw BenchFailure("long-run: the replay is too short") }
        await store.close()
        let replayed = Self.peakMebibytes()
        // Until it stands half way, then to its end: each time the code is run again over all results.
        try await resume(path, total, until: count / 3 + steps)
        try await resume(path, total, until: nil)
        print("\(count) \(written) \(replayed) \(Self.peakMebibytes())")
    }

    private func resume(_ path: String, _ total: Int, until stop: Int?) async throws {
        var logger = Logger(label: "bench")
        logger.logLevel = .error
        var workflows = WorkflowRegistry()
        workflows.register(LongLine.self)
        var activities = ActivityRegistry()
        activities.register(LongStep())
        let engine = try await SagaEngine(
            store: try SQLiteEventStore(path: path), workflows: workflows, activities: activities, logger: logger)
        let handle = engine.handle(LongLine.self, id: "line")
        if let stop {
            while try await handle.describe().nextEventID < EventID(stop * 3) {
                try await Task.sleep(for: .milliseconds(20))
            }
        } else {
            let sum = try await handle.result()
            guard sum == total else { throw BenchFailure("long-run: \(sum) steps instead of \(total)") }
        }
        await engine.shutDown()
    }

    static func peakMebibytes() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss / 1_024
    }

    /// Runs it in a process of its own.
    /// - Returns: The peak of its memory in MiB: after the writing, after the replay, at the end.
    static func inItsOwnProcess(events: Int) throws -> (written: Int, replayed: Int, peak: Int) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = ["long-run", "--events", String(events)]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let numbers = text.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        guard process.terminationStatus == 0, numbers.count == 4 else {
            throw BenchFailure("long-run: a run of \(events) events did not end well: \(text)")
        }
        return (numbers[1], numbers[2], numbers[3])
    }
}

/// The code of the history that `RunOfSteps` makes, without undos: what can be undone is kept for as long as the run is open.
private struct LongLine: DurableWorkflow {
    static let typeID = BenchLine.typeID

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        var sum = 0
        for _ in 0..<input { sum += try await context.executeActivity(LongStep.self, 1) }
        return sum
    }
}

private struct LongStep: Activity {
    static let typeID = BenchStep.typeID

    func execute(_ input: Int, _ context: ActivityContext) async throws -> Int { input }
}
