import CSQLite
import SagaCore

/// Turns SQLite's result codes into the port's errors.
enum SQLiteFailure {
    /// The error for a result code.
    /// - Parameters:
    ///   - code: The (extended) result code.
    ///   - detail: SQLite's message for the last call, if it is still known.
    ///   - doing: What was tried, for the message.
    ///   - path: The database file.
    static func error(_ code: Int32, detail: String?, doing: String, path: String) -> StoreError {
        let text = detail ?? String(cString: sqlite3_errstr(code))
        return StoreError(reason(code), "\(path): \(doing): \(text) (SQLite code \(code))")
    }

    private static func reason(_ code: Int32) -> StoreError.Reason {
        switch code & 0xFF {
        case SQLITE_CORRUPT, SQLITE_CONSTRAINT, SQLITE_MISMATCH: .corrupt
        case SQLITE_NOTADB, SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_READONLY, SQLITE_AUTH: .misconfigured
        case SQLITE_TOOBIG: .invalid
        // Busy, locked, full, I/O errors, out of memory: all may pass.
        default: .unavailable
        }
    }
}
