import CSQLite
import SagaCore

/// The writer's connection and its transactions. Used on the writer's queue only; letting it go closes the file.
final class WriteSession {
    private let connection: Connection
    private let appender: Appender
    private let checkpointer: Checkpointer
    private let beginStatement: Statement
    private let commitStatement: Statement
    private let takeOverStatement: Statement
    /// Prepared when they are first used: most stores never do.
    private var queueTables: QueueTables?
    /// Pages of the write-ahead log, kept by SQLite's hook.
    private let logPages: UnsafeMutablePointer<Int32>

    init(_ connection: Connection, appender: Appender, checkpointer: Checkpointer) throws(StoreError) {
        self.connection = connection
        self.appender = appender
        self.checkpointer = checkpointer
        beginStatement = try Statement("BEGIN IMMEDIATE", on: connection)
        commitStatement = try Statement("COMMIT", on: connection)
        takeOverStatement = try Statement("UPDATE meta SET epoch = epoch + 1 RETURNING epoch", on: connection)
        logPages = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
        logPages.initialize(to: 0)
        // Replaces SQLite's own automatic checkpoint, which a commit would wait for.
        sqlite3_wal_hook(
            connection.handle,
            { context, _, _, pages in
                context?.assumingMemoryBound(to: Int32.self).pointee = pages
                return SQLITE_OK
            }, logPages)
    }

    deinit {
        sqlite3_wal_hook(connection.handle, nil, nil)
        logPages.deallocate()
    }

    /// Commits batches together.
    /// - Returns: An answer for each batch; or why none of them was committed.
    func append(_ batches: [AppendBatch]) -> Result<[Result<[AppendOutcome], StoreError>], StoreError> {
        inTransaction { () throws(StoreError) in
            let epoch = try appender.begin()
            var results: [Result<[AppendOutcome], StoreError>] = []
            for batch in batches {
                if let refusal = appender.refusal(of: batch, epoch: epoch) {
                    results.append(.failure(refusal))
                } else {
                    results.append(.success(try appender.append(batch)))
                }
            }
            return results
        }
    }

    func takeOver() -> Result<UInt64, StoreError> {
        inTransaction { () throws(StoreError) in
            defer { takeOverStatement.reset() }
            guard try takeOverStatement.step() else {
                throw StoreError(.corrupt, "\(connection.path): the meta row is missing")
            }
            return UInt64(clamping: takeOverStatement.int64(0))
        }
    }

    func delete(_ sagaID: SagaID) -> Result<Bool, StoreError> {
        inTransaction { () throws(StoreError) in
            _ = try appender.begin()
            return try appender.delete(sagaID)
        }
    }

    /// Keeps snapshots and removes those that are too many.
    func keep(_ snapshots: [StoredSnapshot], newest: Int) -> Result<Void, StoreError> {
        inTransaction { () throws(StoreError) in
            _ = try appender.begin()
            for snapshot in snapshots { try appender.keep(snapshot, newest: newest) }
        }
    }

    /// Uses the tables of queues and timers.
    func use<Value>(_ body: (QueueTables) throws(StoreError) -> Value) -> Result<Value, StoreError> {
        inTransaction { () throws(StoreError) in
            if let queueTables { return try body(queueTables) }
            let tables = try QueueTables(connection)
            queueTables = tables
            return try body(tables)
        }
    }

    /// To be called when callers have their answers: starts or finishes a checkpoint if the log has grown.
    func keepLogShort() {
        checkpointer.committed(pages: logPages.pointee, writer: connection)
    }

    /// Moves the whole log into the database, so that the file is complete by itself.
    func flush() {
        checkpointer.wait()
        sqlite3_wal_checkpoint_v2(connection.handle, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil)
    }

    /// Runs a body in one transaction. Of all failures only that of COMMIT leaves the outcome open: its frames may be on
    /// disk, and the next start would then find them.
    private func inTransaction<Value>(_ body: () throws(StoreError) -> Value) -> Result<Value, StoreError> {
        do throws(StoreError) {
            try beginStatement.run()
            let value = try body()
            do throws(StoreError) {
                try commitStatement.run()
            } catch {
                // A commit that found the file busy has written nothing and is rolled back.
                throw StoreError(error.reason, error.message, outcomeUnknown: !connection.isBusy)
            }
            return .success(value)
        } catch {
            connection.rollBackIfNeeded()
            appender.forget()
            return .failure(error)
        }
    }
}
