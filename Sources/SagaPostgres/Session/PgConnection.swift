import CPostgres
import SagaCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A statement that a connection prepares when it is first used.
struct PgStatement {
    let name: String
    let sql: String
}

/// One session with the server, used on one queue only. It never waits longer than its time-outs: a server that does not
/// answer is given up, and the session with it.
final class PgConnection {
    private let handle: OpaquePointer
    private var prepared: Set<String> = []
    /// Milliseconds that an answer may take.
    private let patience: Int64
    /// Whether the session can still be used.
    private(set) var isUsable = true

    /// Connects and prepares the session.
    init(_ options: PostgresOptions, role: PgRole) throws(PgFailure) {
        handle = try Self.connect(options)
        // More than the server's own limit, so that normally the server is the one who gives up.
        patience = options.statementTimeout.wholeMicroseconds / 1_000 + 2_000
        // Should this throw, `deinit` closes the session: everything is initialised by now.
        try run(role.settings(options))
    }

    deinit { PQfinish(handle) }

    // MARK: Facts

    /// 150020 for 15.20.
    var serverVersion: Int { Int(PQserverVersion(handle)) }

    func setting(_ name: String) -> String {
        PQparameterStatus(handle, name).map { String(cString: $0) } ?? ""
    }

    /// Whether the server has an open transaction of this session.
    var isInTransaction: Bool {
        let state = PQtransactionStatus(handle)
        return state == PQTRANS_INTRANS || state == PQTRANS_INERROR
    }

    // MARK: Connecting

    private static func connect(_ options: PostgresOptions) throws(PgFailure) -> OpaquePointer {
        let seconds = max(1, options.connectTimeout.wholeMicroseconds / 1_000_000)
        // The later keyword wins: what the connection string says goes before these, except for the encoding. A host
        // that vanished without a word is noticed by keep-alives.
        let settings = [
            ("application_name", "saga"), ("connect_timeout", String(seconds)),
            ("target_session_attrs", "read-write"), ("keepalives_idle", "10"), ("keepalives_interval", "5"),
            ("keepalives_count", "3"), ("tcp_user_timeout", "20000"), ("dbname", options.connection),
            ("client_encoding", "UTF8"),
        ]
        let handle = withCStrings(settings.map(\.0)) { keywords in
            withCStrings(settings.map(\.1)) { PQconnectdbParams(keywords, $0, 1) }
        }
        guard let handle else { throw PgFailure("no memory for a connection", isConnectionLost: true) }
        saga_pq_quiet(handle)
        guard PQstatus(handle) == CONNECTION_OK, PQsetnonblocking(handle, 1) == 0 else {
            let failure = PgFailure(message(of: handle), isConnectionLost: true)
            PQfinish(handle)
            throw failure
        }
        return handle
    }

    // MARK: Statements

    /// Runs SQL text without parameters; results are not looked at.
    func run(_ sql: String) throws(PgFailure) {
        try start { PQsendQuery(handle, sql) }
        _ = try finish()
    }

    /// Runs SQL text without parameters and gives the text of its first column's first row.
    func text(_ sql: String) throws(PgFailure) -> String? {
        try start { PQsendQuery(handle, sql) }
        return try finish()?.text(0, 0)
    }

    func run(_ statement: PgStatement, _ parameters: PgParameters) throws(PgFailure) -> PgResult {
        try parameters.withBuffers { (buffers) throws(PgFailure) in try run(statement, buffers) }
    }

    /// Runs a prepared statement. When it returns without error outside a transaction, it is committed.
    func run(_ statement: PgStatement, _ parameters: [UnsafeRawBufferPointer?]) throws(PgFailure) -> PgResult {
        try prepare(statement)
        try send(statement.name, parameters)
        guard let result = try finish() else { throw lost("the server sent no result") }
        return result
    }

    /// Sends a statement that was prepared before, without waiting for anything.
    /// - Returns: False, and nothing done, if it was not prepared yet.
    func begin(_ statement: PgStatement, _ parameters: [UnsafeRawBufferPointer?]) throws(PgFailure) -> Bool {
        guard isUsable, prepared.contains(statement.name) else { return false }
        try send(statement.name, parameters)
        return true
    }

    /// Waits for the answer to what `begin` has sent.
    func end() throws(PgFailure) -> PgResult {
        guard let result = try finish() else { throw lost("the server sent no result") }
        return result
    }

    /// Plans and runs a statement for these very parameters, where the best way depends on them.
    func runOnce(_ sql: String, _ parameters: PgParameters) throws(PgFailure) -> PgResult {
        try run("SET plan_cache_mode = force_custom_plan")
        do throws(PgFailure) {
            try parameters.withBuffers { (buffers) throws(PgFailure) in try send(sql, buffers, isPrepared: false) }
            let result = try finish()
            try run("SET plan_cache_mode = force_generic_plan")
            guard let result else { throw lost("the server sent no result") }
            return result
        } catch {
            if isUsable { try run("SET plan_cache_mode = force_generic_plan") }
            throw error
        }
    }

    /// Runs a prepared statement and gives its rows as they come.
    /// - Parameter body: Gets one row; false ends the reading, which costs a cancellation of what is left.
    func stream(
        _ statement: PgStatement, _ parameters: PgParameters, _ body: (PgResult) throws(StoreError) -> Bool
    ) throws(PgFailure) -> StoreError? {
        try parameters.withBuffers { (buffers) throws(PgFailure) in try stream(statement, buffers, body) }
    }

    func stream(
        _ statement: PgStatement, _ parameters: [UnsafeRawBufferPointer?],
        _ body: (PgResult) throws(StoreError) -> Bool
    ) throws(PgFailure) -> StoreError? {
        try prepare(statement)
        try send(statement.name, parameters)
        PQsetSingleRowMode(handle)
        var problem: StoreError?
        var goesOn = true
        var failure: PgFailure?
        while let result = try next() {
            let status = PQresultStatus(result.handle)
            if status == PGRES_SINGLE_TUPLE {
                guard goesOn, problem == nil else { continue }
                do throws(StoreError) { goesOn = try body(result) } catch { problem = error }
            } else if status != PGRES_TUPLES_OK {
                failure = Self.failure(result.handle, isConnectionLost: PQstatus(handle) != CONNECTION_OK)
            }
        }
        if let failure { throw checked(failure) }
        return problem
    }

    private func prepare(_ statement: PgStatement) throws(PgFailure) {
        guard !prepared.contains(statement.name) else { return }
        try start { PQsendPrepare(handle, statement.name, statement.sql, 0, nil) }
        _ = try finish()
        prepared.insert(statement.name)
    }

    /// - Parameter statement: The name of a prepared statement, or SQL.
    private func send(
        _ statement: String, _ parameters: [UnsafeRawBufferPointer?], isPrepared: Bool = true
    ) throws(PgFailure) {
        // A nil pointer is SQL's NULL; an empty text is not.
        let empty = UnsafeRawPointer(bitPattern: 1)
        let values = parameters.map { buffer -> UnsafePointer<CChar>? in
            guard let buffer else { return nil }
            return (buffer.baseAddress ?? empty)?.assumingMemoryBound(to: CChar.self)
        }
        let lengths = parameters.map { Int32(clamping: $0?.count ?? 0) }
        let formats = [Int32](repeating: 1, count: parameters.count)
        let count = Int32(values.count)
        try start {
            isPrepared
                ? PQsendQueryPrepared(handle, statement, count, values, lengths, formats, 1)
                : PQsendQueryParams(handle, statement, count, nil, values, lengths, formats, 1)
        }
    }

    // MARK: Waiting

    private func start(_ send: () -> Int32) throws(PgFailure) {
        guard isUsable else { throw PgFailure("the connection was given up", isConnectionLost: true) }
        guard send() == 1 else { throw lost(Self.message(of: handle)) }
    }

    /// Everything that the server has to say to one request: the last result, or the first failure.
    private func finish() throws(PgFailure) -> PgResult? {
        var last: PgResult?
        var failure: PgFailure?
        // Until the server is ready again: only then is a commit done.
        while let result = try next() {
            switch PQresultStatus(result.handle) {
            case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: last = result
            default:
                let isLost = PQstatus(handle) != CONNECTION_OK
                failure = failure ?? Self.failure(result.handle, isConnectionLost: isLost)
            }
        }
        if let failure { throw checked(failure) }
        if PQstatus(handle) != CONNECTION_OK { throw lost(Self.message(of: handle)) }
        return last
    }

    private func next() throws(PgFailure) -> PgResult? {
        let deadline = Self.milliseconds() + patience
        while true {
            let flushed = PQflush(handle)
            if flushed < 0 { break }
            if flushed == 0 && PQisBusy(handle) == 0 { break }
            try wait(forWriting: flushed == 1, until: deadline)
            // A connection that breaks here shows in the result.
            if PQconsumeInput(handle) == 0 { break }
        }
        return PQgetResult(handle).map { PgResult($0) }
    }

    private func wait(forWriting: Bool, until deadline: Int64) throws(PgFailure) {
        var poller = pollfd(fd: PQsocket(handle), events: Int16(POLLIN | (forWriting ? POLLOUT : 0)), revents: 0)
        while true {
            let left = deadline - Self.milliseconds()
            guard left > 0 else { throw lost("no answer from the server for \(patience / 1_000) s") }
            let count = poll(&poller, 1, Int32(clamping: left))
            if count > 0 { return }
            if count < 0 && errno != EINTR { throw lost("poll: errno \(errno)") }
        }
    }

    private static func milliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }

    // MARK: Notifications

    /// Waits until a notification comes, or the time is over.
    func waitForNotification(milliseconds: Int32) throws(PgFailure) {
        var poller = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
        guard poll(&poller, 1, milliseconds) > 0 else { return }
        guard PQconsumeInput(handle) == 1 else { throw lost(Self.message(of: handle)) }
        while let notification = PQnotifies(handle) { PQfreemem(notification) }
    }

    static func closeDuplicate(_ socket: Int32) { _ = close(socket) }

    /// To be watched by somebody who waits otherwise, and closed by `closeDuplicate`.
    func duplicateSocket() throws(PgFailure) -> Int32 {
        let copy = fcntl(PQsocket(handle), F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw lost("the socket cannot be duplicated: errno \(errno)") }
        return copy
    }

    /// The payloads of the notifications that have come; does not wait.
    func takeNotifications() throws(PgFailure) -> [String] {
        // Twice: a server that goes says a last word, and that and the end of the connection are one event for who watches the
        // socket. The first call reads the word, the second one finds the end; no other event would tell.
        for _ in 0..<2 where PQconsumeInput(handle) != 1 { throw lost(Self.message(of: handle)) }
        var payloads: [String] = []
        while let notification = PQnotifies(handle) {
            if let payload = notification.pointee.extra { payloads.append(String(cString: payload)) }
            PQfreemem(notification)
        }
        return payloads
    }

    // MARK: Failures

    private func lost(_ message: String) -> PgFailure {
        isUsable = false
        return PgFailure(message, isConnectionLost: true)
    }

    private func checked(_ failure: PgFailure) -> PgFailure {
        if failure.isConnectionLost { isUsable = false }
        return failure
    }

    private static func failure(_ result: OpaquePointer, isConnectionLost: Bool) -> PgFailure {
        let state = saga_pq_sqlstate(result).map { String(cString: $0) } ?? ""
        let message = saga_pq_message(result).map { String(cString: $0) }
        // Without fields it is libpq that speaks: the connection broke. After anything worse than an error the server
        // closes it, which may show only later.
        let severity = saga_pq_severity(result).map { String(cString: $0) } ?? "ERROR"
        return PgFailure(
            message ?? trimmed(PQresultErrorMessage(result)), sqlState: state,
            isConnectionLost: isConnectionLost || state.isEmpty || severity != "ERROR")
    }

    private static func message(of handle: OpaquePointer) -> String { trimmed(PQerrorMessage(handle)) }

    private static func trimmed(_ text: UnsafePointer<CChar>?) -> String {
        let words = (text.map { String(cString: $0) } ?? "").split(whereSeparator: \.isWhitespace)
        return words.isEmpty ? "the connection broke" : words.joined(separator: " ")
    }
}

/// C strings in a list that ends with a null pointer; valid inside the body only.
private func withCStrings<Value>(
    _ texts: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Value?
) -> Value? {
    var copies = texts.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    copies.append(nil)
    return copies.map { UnsafePointer($0) }.withUnsafeBufferPointer { $0.baseAddress.flatMap(body) }
}
