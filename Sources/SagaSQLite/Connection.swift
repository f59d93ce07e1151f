import CSQLite
import SagaCore

/// One connection to the database file. Not thread-safe: each is used on one queue only.
final class Connection {
    let handle: OpaquePointer
    let path: String
    /// Held for as long as any connection is open.
    private let file: StoreFile

    /// Opens the file, which must exist.
    init(_ file: StoreFile, vfs: String?, busyTimeoutMillis: Int32) throws(StoreError) {
        self.file = file
        path = file.path
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX
        let code = sqlite3_open_v2(path, &opened, flags, vfs)
        guard code == SQLITE_OK, let opened else {
            let detail = opened.map { String(cString: sqlite3_errmsg($0)) }
            sqlite3_close_v2(opened)
            throw SQLiteFailure.error(code, detail: detail, doing: "opening", path: file.path)
        }
        handle = opened
        sqlite3_extended_result_codes(handle, 1)
        sqlite3_busy_timeout(handle, busyTimeoutMillis)
        try check(saga_sqlite_harden(handle), "hardening the connection")
    }

    deinit {
        // The connection goes when its last statement is gone, whichever order they are released in.
        sqlite3_close_v2(handle)
    }

    /// Throws unless the code means success.
    func check(_ code: Int32, _ doing: @autoclosure () -> String) throws(StoreError) {
        if code != SQLITE_OK { throw failure(code, doing()) }
    }

    /// The error for a code that a call on this connection just returned.
    func failure(_ code: Int32, _ doing: String) -> StoreError {
        SQLiteFailure.error(code, detail: String(cString: sqlite3_errmsg(handle)), doing: doing, path: path)
    }

    /// Runs statements that give no rows.
    func execute(_ sql: String) throws(StoreError) {
        try check(sqlite3_exec(handle, sql, nil, nil, nil), sql)
    }

    /// The one number that a query gives; nil if it gives no row or no number.
    func number(_ sql: String) throws(StoreError) -> Int64? {
        let statement = try Statement(sql, on: self, kept: false)
        guard try statement.step() else { return nil }
        return statement.isNull(0) ? nil : statement.int64(0)
    }

    /// The one text that a query gives, empty if there is none.
    func text(_ sql: String) throws(StoreError) -> String {
        let statement = try Statement(sql, on: self, kept: false)
        return try statement.step() ? statement.text(0) ?? "" : ""
    }

    /// Whether the last call failed because another program holds a lock.
    var isBusy: Bool { sqlite3_errcode(handle) & 0xFF == SQLITE_BUSY }

    /// Whether a transaction is open.
    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    /// Ends an open transaction without its changes, whatever state the connection is in.
    func rollBackIfNeeded() {
        if isInTransaction { sqlite3_exec(handle, "ROLLBACK", nil, nil, nil) }
    }

    /// Runs a body in a write transaction of its own.
    func transaction(_ body: () throws(StoreError) -> Void) throws(StoreError) {
        try execute("BEGIN IMMEDIATE")
        do throws(StoreError) {
            try body()
            try execute("COMMIT")
        } catch {
            rollBackIfNeeded()
            throw error
        }
    }
}
