import CSQLite
import SagaCore

/// A prepared statement. Columns count from 0, parameters from 1, as in SQLite.
final class Statement {
    private let handle: OpaquePointer
    private let connection: Connection
    private let sql: String

    /// - Parameter kept: Whether it will be used again and again.
    init(_ sql: String, on connection: Connection, kept: Bool = true) throws(StoreError) {
        var prepared: OpaquePointer?
        let flags = kept ? UInt32(SQLITE_PREPARE_PERSISTENT) : 0
        let code = sqlite3_prepare_v3(connection.handle, sql, -1, flags, &prepared, nil)
        guard code == SQLITE_OK, let prepared else { throw connection.failure(code, sql) }
        handle = prepared
        self.connection = connection
        self.sql = sql
    }

    deinit { sqlite3_finalize(handle) }

    // MARK: Parameters

    func bind(_ value: Int64, at index: Int32) throws(StoreError) {
        try connection.check(sqlite3_bind_int64(handle, index, value), sql)
    }

    func bind(_ value: Int64?, at index: Int32) throws(StoreError) {
        guard let value else {
            try connection.check(sqlite3_bind_null(handle, index), sql)
            return
        }
        try bind(value, at: index)
    }

    func bind(_ id: SagaID, at index: Int32) throws(StoreError) {
        try connection.check(saga_sqlite_bind_id(handle, index, id.high, id.low), sql)
    }

    func bind(_ text: String, at index: Int32) throws(StoreError) {
        var copy = text
        let code = copy.withUTF8 { utf8 in
            utf8.withMemoryRebound(to: CChar.self) {
                // A nil pointer would be SQL's NULL; an empty text is not.
                $0.baseAddress.map { saga_sqlite_bind_text(handle, index, $0, UInt64(utf8.count)) }
                    ?? saga_sqlite_bind_text(handle, index, "", 0)
            }
        }
        try connection.check(code, sql)
    }

    /// Binds bytes without a copy: they must stay where they are until `reset`.
    func bind(borrowed bytes: UnsafeRawBufferPointer, at index: Int32) throws(StoreError) {
        try connection.check(
            saga_sqlite_bind_borrowed(handle, index, bytes.baseAddress, UInt64(bytes.count)), sql)
    }

    /// Binds bytes that SQLite copies.
    func bind(_ bytes: [UInt8], at index: Int32) throws(StoreError) {
        let code = bytes.withUnsafeBytes {
            saga_sqlite_bind_bytes(handle, index, $0.baseAddress, UInt64($0.count))
        }
        try connection.check(code, sql)
    }

    // MARK: Running

    /// Goes to the next row; false if there is none.
    func step() throws(StoreError) -> Bool {
        let code = sqlite3_step(handle)
        switch code {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default:
            let failure = connection.failure(code, sql)
            sqlite3_reset(handle)
            throw failure
        }
    }

    /// Runs a statement that gives no rows and makes it ready for the next time.
    func run() throws(StoreError) {
        _ = try step()
        reset()
    }

    /// Makes the statement ready for the next time; its row and borrowed bytes are let go.
    func reset() { sqlite3_reset(handle) }

    // MARK: Columns

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

    func int64(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    /// Text; nil if it is not valid UTF-8.
    func text(_ column: Int32) -> String? {
        guard let start = sqlite3_column_text(handle, column) else { return "" }
        let count = Int(sqlite3_column_bytes(handle, column))
        return String(validating: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }

    /// Bytes that stay valid until the next `step` or `reset`.
    func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
        let start = sqlite3_column_blob(handle, column)
        return UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : Int(sqlite3_column_bytes(handle, column)))
    }

    /// An id; nil if the bytes are not one.
    func sagaID(_ column: Int32) -> SagaID? { SagaID(bytes: bytes(column)) }
}
