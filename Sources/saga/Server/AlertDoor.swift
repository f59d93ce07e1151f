internal import Dispatch
internal import Glibc
internal import SagaCodec
internal import SagaCore
internal import SagaEngine
internal import SagaServer

/// `--on-blocked`: a command that is run, or a URL that is posted to, for each saga that is blocked.
///
/// Both are one child process with the alert as JSON on its standard input: a command by `sh -c`, a URL by the system's
/// `curl`, which knows http, https, proxies and certificates better than we should. Exit status 0 means delivered.
enum AlertDoor: Equatable {
    case command(String)
    case url(String)

    /// Longest that a delivery may take, in seconds; then it is killed, with everything that it has started.
    static let timeLimit = 30

    /// - Throws: `Failure` if the value cannot work.
    init(_ text: String) throws(Failure) {
        let lower = text.lowercased()
        guard lower.hasPrefix("http://") || lower.hasPrefix("https://") else {
            self = .command(text)
            return
        }
        guard Self.isThere("curl") else {
            throw Failure(
                .usage, "on-blocked is a URL, which needs curl, and there is none in PATH",
                hint: "install curl, or give a command")
        }
        self = .url(text)
    }

    private static func isThere(_ program: String) -> Bool {
        (Terminal.environment("PATH") ?? "").split(separator: ":").contains { access("\($0)/\(program)", X_OK) == 0 }
    }

    private var arguments: [String] {
        switch self {
        case .command(let command): ["/bin/sh", "-c", command]
        case .url(let url):
            [
                "curl", "--silent", "--show-error", "--fail", "--output", "/dev/null", "--max-time",
                "\(Self.timeLimit)",
                "--header", "content-type: application/json", "--data-binary", "@-", "--", url,
            ]
        }
    }

    /// Delivers one alert.
    /// - Throws: `AlertFailure`.
    func deliver(_ run: BlockedRun) async throws {
        let body = Self.json(run).compactText() + "\n"
        let environment = [
            "SAGA_ALERT_ID=\(run.alertID)", "SAGA_ALERT_WORKFLOW_ID=\(run.workflowID)",
            "SAGA_ALERT_RUN=\(run.sagaID)", "SAGA_ALERT_CAUSE=\(EventJSON.snakeCase("\(run.block.cause)"))",
        ]
        let arguments = arguments
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            // The waiting has a thread of its own: it must not hold up Swift's.
            DispatchQueue(label: "saga.alert").async {
                done.resume(
                    with: Result {
                        try ChildProcess.run(
                            arguments, environment: environment, input: Array(body.utf8), seconds: Self.timeLimit)
                    })
            }
        }
    }

    /// What is told. The id names the blocking: the same one may be told more than once.
    static func json(_ run: BlockedRun) -> JSONValue {
        [
            "alert": "saga.blocked", "id": .string(run.alertID), "namespace": .string(run.namespace),
            "workflow_id": .string(run.workflowID), "saga_id": .string(run.sagaID.description),
            "workflow_type": .string(run.workflowType),
            "cause": .string(EventJSON.snakeCase("\(run.block.cause)")),
            "message": .string(String(run.block.message.prefix(2_000))),
            "since": .string(run.block.since.description), "repeated": .bool(run.isRepeated),
        ]
    }
}

/// Why an alert was not delivered.
struct AlertFailure: Error, CustomStringConvertible {
    var description: String
}

/// One child process: standard input from memory, its output where ours goes, an end after some time.
enum ChildProcess {
    /// Most bytes of input: what a pipe takes without a reader, so that writing never waits.
    static let maximumInput = 32_768

    /// Runs a program and waits for its end.
    /// - Parameters:
    ///   - arguments: The program, looked up in PATH, and its arguments.
    ///   - environment: `NAME=value`, beside our own.
    ///   - seconds: How long it may take; then its process group is killed.
    /// - Throws: `AlertFailure` unless it ends with status 0 in time.
    static func run(_ arguments: [String], environment: [String], input: [UInt8], seconds: Int) throws {
        guard input.count <= maximumInput else { throw AlertFailure(description: "\(input.count) bytes of input") }
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw failure("no pipe", errno) }
        defer { if ends[0] >= 0 { close(ends[0]) } }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let written = input.withUnsafeBytes { write(ends[1], $0.baseAddress, $0.count) }
        close(ends[1])
        guard written == input.count else { throw failure("the pipe takes no input", errno) }
        let child = try spawn(arguments, environment, input: ends[0])
        close(ends[0])
        ends[0] = -1
        try wait(child, seconds, arguments[0])
    }

    private static func spawn(_ arguments: [String], _ environment: [String], input: Int32) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        guard posix_spawn_file_actions_init(&actions) == 0 else { throw failure("cannot start a process", errno) }
        defer { posix_spawn_file_actions_destroy(&actions) }
        guard posix_spawnattr_init(&attributes) == 0 else { throw failure("cannot start a process", errno) }
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        // What it says is for the operator's log; its standard output is not our result.
        posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO)
        // Sockets and the store's files are opened to be closed here by themselves.
        // A group of its own, so that all of it can be ended; and the signals that we ignore count for it again.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigaddset(&signals, SIGPIPE)
        sigaddset(&signals, SIGHUP)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var names = Set<Substring>()
        for entry in environment { names.insert(entry.prefix { $0 != "=" }) }
        let inherited = ownEnvironment().filter { !names.contains($0.prefix { $0 != "=" }) }
        var child: pid_t = 0
        let code = withCStrings(arguments) { argv in
            withCStrings(inherited + environment) { envp in
                posix_spawnp(&child, arguments[0], &actions, &attributes, argv, envp)
            }
        }
        guard code == 0 else { throw failure("cannot start \(arguments[0])", code) }
        return child
    }

    private static func wait(_ child: pid_t, _ seconds: Int, _ name: String) throws {
        var status: Int32 = 0
        for _ in 0..<max(1, seconds * 50) {
            let ended = waitpid(child, &status, WNOHANG)
            if ended == child { return try judge(status, name) }
            guard ended == 0 || errno == EINTR else { throw failure("\(name) is gone", errno) }
            usleep(20_000)
        }
        kill(-child, SIGKILL)
        while waitpid(child, &status, 0) < 0 && errno == EINTR {}
        throw AlertFailure(description: "\(name) did not end within \(seconds) s, and was killed")
    }

    private static func judge(_ status: Int32, _ name: String) throws {
        // As the macros of <sys/wait.h> have it, which Swift does not see.
        let signal = status & 0x7F
        if signal != 0 { throw AlertFailure(description: "\(name) was ended by signal \(signal)") }
        let code = (status >> 8) & 0xFF
        if code != 0 { throw AlertFailure(description: "\(name) ended with status \(code)") }
    }

    private static func ownEnvironment() -> [String] {
        var entries: [String] = []
        while let entry = environ[entries.count] { entries.append(String(cString: entry)) }
        return entries
    }

    private static func withCStrings<Value>(
        _ texts: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Value
    ) -> Value {
        let pointers = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: texts.count + 1)
        for (index, text) in texts.enumerated() { (pointers + index).initialize(to: strdup(text)) }
        (pointers + texts.count).initialize(to: nil)
        defer {
            for index in texts.indices { free(pointers[index]) }
            pointers.deallocate()
        }
        return body(pointers)
    }

    private static func failure(_ what: String, _ code: Int32) -> AlertFailure {
        AlertFailure(description: "\(what): \(String(cString: strerror(code)))")
    }
}
