import Foundation
import Logging
import SagaClient
import SagaCore
import SagaPostgres
import Synchronization
import Testing

/// How often each is killed; 0 without the variable.
private let killsWanted = ProcessInfo.processInfo.environment["SAGA_TEST_KILLS"].flatMap { Int($0) } ?? 0

/// A run that only gathers signals; nobody serves it.
private struct Gather: DurableWorkflow {
    static let typeID = "gather"
    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int { input }
}

/// What was acknowledged, on disk before its caller goes on: kept by this process, which is not killed. One thread writes and
/// syncs what has gathered meanwhile, so that the disk does not decide how much load there is.
private final class CommandLedger: Sendable {
    private struct Waiting {
        var command: Int
        var caller: CheckedContinuation<Void, Never>
    }

    private struct State {
        var waiting: [Waiting] = []
        var acknowledged: [Int] = []
        var sent = 0
        var isOver = false
        var isClosed = false
    }

    private let file: Int32
    private let state = Mutex(State())
    private let gathered = DispatchSemaphore(value: 0)

    init(path: String) {
        file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        Thread.detachNewThread { [self] in
            while true {
                gathered.wait()
                let batch = state.withLock { state in
                    defer { state.waiting = [] }
                    return state.waiting
                }
                // Woken once a command, but what had come by then was taken at once.
                if !batch.isEmpty { keep(batch) }
                if state.withLock({ $0.isClosed && $0.waiting.isEmpty }) { return }
            }
        }
    }

    deinit { close(file) }

    func next() -> Int {
        state.withLock { state in
            state.sent += 1
            return state.sent
        }
    }

    func acknowledge(_ command: Int) async {
        await withCheckedContinuation { caller in
            state.withLock { $0.waiting.append(Waiting(command: command, caller: caller)) }
            gathered.signal()
        }
    }

    private func keep(_ batch: [Waiting]) {
        let commands = batch.map { Int64($0.command) }
        let written = commands.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        if written == commands.count * 8, fdatasync(file) == 0 {
            state.withLock { $0.acknowledged += batch.map(\.command) }
        }
        for waiting in batch { waiting.caller.resume() }
    }

    var acknowledged: [Int] { state.withLock { $0.acknowledged } }

    /// No more commands.
    func end() { state.withLock { $0.isOver = true } }

    /// After the last caller has gone.
    func finish() {
        state.withLock { $0.isClosed = true }
        gathered.signal()
    }

    var isOver: Bool { state.withLock { $0.isOver } }
    var sent: Int { state.withLock { $0.sent } }
}

/// The server and PostgreSQL are killed, each many times, at moments drawn from 0 to 2 s, while callers start runs and send
/// signals. What was acknowledged is there once; what was not, at most once.
///
/// `SAGA_TEST_KILLS` says how often each is killed (`ci/test` 50, `ci/test --long` 1,000; without it the test does not run),
/// `SAGA_TEST_SERVER` where the server's program is (else beside the tests).
@Suite(.enabled(if: PrivateCluster.isWanted && killsWanted > 0), .serialized) struct KillLoopTests {
    private static let runs = 64

    private static var program: String {
        ProcessInfo.processInfo.environment["SAGA_TEST_SERVER"]
            ?? URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path + "/saga"
    }

    @Test func nothingAcknowledgedIsLostAndNothingIsThereTwice() async throws {
        try await PrivateCluster.with { cluster in
            let socket = cluster.directory + "/saga.sock"
            let ledger = CommandLedger(path: cluster.directory + "/ledger")
            var server = try Self.startServer(cluster, socket)
            var options = ConnectionOptions(address: .unix(path: socket), security: .insecure)
            options.deadline = .seconds(60)
            options.backoff = .milliseconds(10)...(.milliseconds(200))
            var logger = Logger(label: "test")
            logger.logLevel = .critical
            let client = try await SagaClient.connect(options, logger: logger)
            for run in 0..<Self.runs { _ = try await client.start(Gather.self, id: "run-\(run)", input: 0) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<24 { group.addTask { await Self.send(client, ledger) } }
                var random = TestChance(state: UInt64(DispatchTime.now().uptimeNanoseconds) | 1)
                for round in 0..<(2 * killsWanted) {
                    try await Task.sleep(for: .milliseconds(random.next() % 2_000))
                    if round % 2 == 0 {
                        kill(server, SIGKILL)
                        waitpid(server, nil, 0)
                        server = try Self.startServer(cluster, socket)
                    } else {
                        cluster.kill()
                        try cluster.start()
                    }
                }
                try await Task.sleep(for: .seconds(2))
                ledger.end()
                try await group.waitForAll()
            }
            ledger.finish()
            await client.close()
            kill(server, SIGTERM)
            waitpid(server, nil, 0)
            try await Self.check(cluster, ledger)
        }
    }

    /// One caller: mostly signals, sometimes a start.
    private static func send(_ client: SagaClient, _ ledger: CommandLedger) async {
        while !ledger.isOver {
            let command = ledger.next()
            do {
                if command % 400 == 0 {
                    _ = try await client.start(Gather.self, id: "start-\(command)", input: command)
                } else {
                    try await client.signal("run-\(command % runs)", "s", command)
                }
                await ledger.acknowledge(command)
            } catch {
                // Not acknowledged: it may have happened, or not, but not twice.
            }
        }
    }

    private static func startServer(_ cluster: PrivateCluster, _ socket: String) throws -> pid_t {
        unlink(socket)
        let pid = PrivateCluster.spawn(
            program,
            [
                "server", "--store", "postgres:" + cluster.address, "--listen", "unix:" + socket, "--log-level",
                "critical",
                "--insecure",
            ], log: cluster.directory + "/server.log")
        return try #require(pid)
    }

    private static func check(_ cluster: PrivateCluster, _ ledger: CommandLedger) async throws {
        let store = try await PostgresEventStore.open(PostgresOptions(connection: cluster.address))
        var found: [Int: Int] = [:]
        var after: SagaID?
        var events = 0
        while true {
            let rows = try await store.openExecutions(after: after, limit: 500)
            guard let last = rows.last else { break }
            after = last.sagaID
            for row in rows {
                if row.workflowID.hasPrefix("start-"), let number = Int(row.workflowID.dropFirst(6)) {
                    found[number, default: 0] += 1
                }
                var next: EventID = 0
                while true {
                    let page = try await store.events(of: row.sagaID, from: next, limit: 10_000)
                    if page.isEmpty { break }
                    for event in page {
                        #expect(event.eventID == next)
                        next += 1
                        guard case .signalReceived(let signal) = event.attributes else { continue }
                        let number = Int(String(decoding: signal.payload.data, as: UTF8.self)) ?? -1
                        found[number, default: 0] += 1
                    }
                }
                events += Int(next)
                #expect(next == row.nextEventID)
            }
        }
        await store.close()
        let acknowledged = ledger.acknowledged
        let lost = acknowledged.filter { found[$0] == nil }
        let doubled = found.filter { $0.value > 1 }
        print(
            "kill loops: \(killsWanted) kills of each, \(ledger.sent) commands, \(acknowledged.count) acknowledged,",
            "\(lost.count) lost, \(doubled.count) doubled, \(events) events")
        #expect(lost.isEmpty, "\(lost.prefix(5))")
        #expect(doubled.isEmpty, "\(doubled.prefix(5))")
        #expect(Set(acknowledged).count == acknowledged.count)
        #expect(acknowledged.count >= 1_000 * killsWanted, "the load was there")
    }
}

/// Delays; the seed is the time, because each run shall hit other moments.
private struct TestChance {
    var state: UInt64

    mutating func next() -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state >> 33)
    }
}
