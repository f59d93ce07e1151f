public import SagaCore

/// The embedded event store: one SQLite file, safe against power loss when an append returns (write-ahead log, synced at
/// every commit), used by one process at a time.
///
/// Appends of several callers share commits. Reads and checkpoints have connections and threads of their own, and wait for
/// no commit. See `docs/stores.md` for the tables.
public final class SQLiteEventStore: EventStore {
    let writer: Writer
    let reads: ReadQueue
    let hub = WakeUpHub()

    /// The database file, without symbolic links.
    public let path: String

    /// Opens a store, or makes it: missing directories with mode 0700, the file with 0600. Blocks for as long as that
    /// takes, after a crash for as long as SQLite's recovery takes.
    /// - Parameters:
    ///   - path: The database file. SQLite keeps `-wal` and `-shm` beside it, this store `.lock`.
    ///   - partitionCount: How many partitions workflow ids are spread over; counts only when the store is made.
    ///   - blobThreshold: Bytes of data from which on a payload is kept apart from its event. Default 32 KiB.
    /// - Throws: `StoreError` with reason `misconfigured` if the file is in use, is not a saga store or is of a newer
    ///   version; an older one is brought up to date.
    public convenience init(
        path: String, partitionCount: UInt32 = Partition.defaultCount,
        blobThreshold: Int = Payload.defaultBlobThreshold
    ) throws(StoreError) {
        var tuning = SQLiteTuning()
        tuning.blobThreshold = blobThreshold
        try self.init(path: path, partitionCount: partitionCount, tuning: tuning)
    }

    package init(path: String, partitionCount: UInt32, tuning: SQLiteTuning) throws(StoreError) {
        let file = try StoreFile(path: path)
        self.path = file.path
        let connection = try Connection(file, vfs: tuning.vfs, busyTimeoutMillis: tuning.busyTimeoutMillis)
        try Schema.prepare(connection, partitionCount: partitionCount)
        try connection.execute("PRAGMA cache_size = -\(tuning.cacheKiB)")
        let reading = try Connection(file, vfs: tuning.vfs, busyTimeoutMillis: tuning.busyTimeoutMillis)
        try reading.execute("PRAGMA cache_size = -\(tuning.cacheKiB)")
        try reading.execute("PRAGMA query_only = 1")
        let reader = try Reader(reading)
        let copying = try Connection(file, vfs: tuning.vfs, busyTimeoutMillis: tuning.busyTimeoutMillis)
        try copying.execute("PRAGMA synchronous = FULL")
        let appender = try Appender(
            connection, partitionCount: try reader.metadata().partitionCount, cacheCapacity: tuning.cachedRuns,
            blobThreshold: tuning.blobThreshold)
        let session = try WriteSession(
            connection, appender: appender,
            checkpointer: Checkpointer(copying, thresholdPages: tuning.checkpointPages))
        writer = Writer(session, path: file.path)
        reads = ReadQueue(reader, path: file.path)
    }

    public func append(_ batch: AppendBatch) async throws(StoreError) -> [AppendOutcome] {
        try await writer.append(batch)
    }

    public func takeOver() async throws(StoreError) -> UInt64 {
        try await writer.takeOver()
    }

    public var filtersByAttributes: Bool { true }

    public func delete(_ sagaID: SagaID) async throws(StoreError) -> Bool { try await writer.delete(sagaID) }

    public func events(of sagaID: SagaID, from: EventID, limit: Int) async throws(StoreError) -> [HistoryEvent] {
        try await reads.run { reader throws(StoreError) in try reader.events(of: sagaID, from: from, limit: limit) }
    }

    public func packedEvents(
        of sagaID: SagaID, from: EventID, limit: Int
    ) async throws(StoreError) -> PackedHistory {
        try await reads.run { reader throws(StoreError) in
            try reader.packedEvents(of: sagaID, from: from, limit: limit)
        }
    }

    public func packedEvents(of places: [HistoryPlace], limit: Int) async throws(StoreError) -> [PackedHistory] {
        try await reads.run { reader throws(StoreError) in
            var pages = PackedPages()
            for place in places {
                let page = try reader.packedEvents(of: place.sagaID, from: place.from, limit: limit)
                if !pages.add(page) { break }
            }
            return pages.all
        }
    }

    public func execution(_ sagaID: SagaID) async throws(StoreError) -> ExecutionRow? {
        try await reads.run { reader throws(StoreError) in try reader.execution(sagaID) }
    }

    public func latestExecution(namespace: String, workflowID: String) async throws(StoreError) -> ExecutionRow? {
        try await reads.run { reader throws(StoreError) in
            try reader.latestExecution(namespace: namespace, workflowID: workflowID)
        }
    }

    public func openExecutions(after: SagaID?, limit: Int) async throws(StoreError) -> [ExecutionRow] {
        try await reads.run { reader throws(StoreError) in try reader.openExecutions(after: after, limit: limit) }
    }

    public func list(_ query: ExecutionQuery) async throws(StoreError) -> [ExecutionRow] {
        try await reads.run { reader throws(StoreError) in try reader.list(query) }
    }

    public func lateEffects(_ query: LateEffectQuery) async throws(StoreError) -> [StoredLateEffect] {
        try await reads.run { reader throws(StoreError) in try reader.lateEffects(query) }
    }

    public func metadata() async throws(StoreError) -> StoreMetadata {
        try await reads.run { reader throws(StoreError) in try reader.metadata() }
    }

    public func close() async {
        hub.close()
        await reads.close()
        await writer.close()
    }
}
