import CPostgres
import Foundation
import Testing

/// A PostgreSQL server of one test's own, made by `ci/cluster`, which the test may stop, freeze and kill.
final class PrivateCluster: Sendable {
    let directory: String
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// Whether tests that need a server run: `ci/cluster run -- swift test …`, which `ci/test` does.
    static let isWanted = ProcessInfo.processInfo.environment["SAGA_TEST_POSTGRES"] != nil

    var address: String { "host=\(directory)/socket user=postgres dbname=postgres" }

    /// Runs a body with a fresh server, and removes it.
    static func with(_ settings: [String] = [], _ body: (PrivateCluster) async throws -> Void) async throws {
        var template = Array("/tmp/saga-fault-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer {
            $0.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
        }
        let cluster = PrivateCluster(directory: try #require(made))
        chmod(cluster.directory, 0o755)
        defer {
            cluster.script(["remove", cluster.directory])
            try? FileManager.default.removeItem(atPath: cluster.directory)
        }
        try cluster.start(settings)
        try await body(cluster)
    }

    init(directory: String) { self.directory = directory }

    func start(_ settings: [String] = []) throws {
        #expect(script(["start", directory] + settings) == 0)
    }

    /// Ends all its processes with SIGKILL.
    func kill() { script(["kill", directory]) }

    func stop(_ mode: String) { script(["stop", directory, mode]) }

    /// A streaming standby of this one, to be removed by the caller.
    func standby(in directory: String) -> PrivateCluster {
        script(["standby", directory, self.directory])
        return PrivateCluster(directory: directory)
    }

    func remove() { script(["remove", directory]) }

    /// Limits the size of the files that one of its processes may write.
    func limitFiles(of process: Int32, toBytes bytes: Int) {
        #expect(script(["limit", String(process), String(bytes)]) == 0)
    }

    @discardableResult
    private func script(_ arguments: [String]) -> Int32 { Self.run(Self.root + "/ci/cluster", arguments) }

    private static func run(_ path: String, _ arguments: [String]) -> Int32 {
        guard let pid = spawn(path, arguments, log: "/dev/null") else { return -1 }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        return status
    }

    /// Starts a program. Not by Foundation's `Process`: that waits for everyone who inherited its descriptors, and a server
    /// lives on.
    static func spawn(_ path: String, _ arguments: [String], log: String) -> pid_t? {
        var files = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&files)
        defer { posix_spawn_file_actions_destroy(&files) }
        posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0)
        if log != "/dev/null" { posix_spawn_file_actions_addopen(&files, 2, log, O_WRONLY | O_CREAT | O_APPEND, 0o600) }
        var words = ([path] + arguments).map { strdup($0) }
        defer { for word in words { free(word) } }
        words.append(nil)
        var pid: pid_t = 0
        return posix_spawn(&pid, path, &files, nil, words, environ) == 0 ? pid : nil
    }
}

/// A session beside the store's, for looking and for getting in the way.
final class SideSession {
    private let handle: OpaquePointer

    init(_ address: String) throws {
        handle = try #require(PQconnectdb(address + " application_name=side"))
        #expect(PQstatus(handle) == CONNECTION_OK, "\(String(cString: PQerrorMessage(handle)))")
        run("SET search_path = saga, public")
    }

    deinit { PQfinish(handle) }

    /// Runs SQL; gives the rows' columns as text.
    @discardableResult
    func run(_ sql: String) -> [[String]] {
        let result = PQexec(handle, sql)
        defer { PQclear(result) }
        let status = PQresultStatus(result)
        #expect(
            status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK,
            "\(sql): \(String(cString: PQerrorMessage(handle)))")
        return (0..<PQntuples(result)).map { row in
            (0..<PQnfields(result)).map { String(cString: PQgetvalue(result, row, $0)) }
        }
    }

    /// The first column of the first row; empty if there is none.
    func value(_ sql: String) -> String { run(sql).first?.first ?? "" }

    /// Whether the server refuses a statement for want of a right.
    func refuses(_ sql: String) -> Bool {
        let result = PQexec(handle, sql)
        defer { PQclear(result) }
        guard let result, let state = saga_pq_sqlstate(result) else { return false }
        return String(cString: state) == "42501"
    }

    /// Process ids of the sessions that append. They are those that have prepared the statement or use it.
    func writerPIDs() -> [Int32] {
        run("SELECT pid FROM pg_stat_activity WHERE application_name = 'saga' AND query LIKE '%INTO history%'")
            .compactMap { $0.first.flatMap { Int32($0) } }
    }

    /// Waits until a query gives something; the server's state is all there is to wait for.
    func until(_ sql: String) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while run(sql).isEmpty {
            try #require(ContinuousClock.now < deadline, "never true: \(sql)")
            try await Task.sleep(for: .milliseconds(2))
        }
    }
}
