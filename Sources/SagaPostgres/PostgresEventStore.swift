import Dispatch
public import SagaCore

/// The production event store: PostgreSQL 13 or newer through libpq.
///
/// Appends of many sagas and callers share commits; one saga's conflict never fails another's; an append that returned is
/// durable. Each connection (two writers, a reader, one for the inbox) has a thread of its own. Lost connections are opened again by the next
/// call; until that succeeds, calls fail with reason `unavailable`. See `docs/postgresql.md`.
public final class PostgresEventStore: EventStore, CallbackAppender {
    private let commits: CommitQueue
    let reads: ReadLane
    let snapshots: SnapshotLane
    let inbox: InboxLane
    let queues: QueueLane
    let signals: SignalLane
    private let partitionCount: UInt32

    /// Opens a store; makes its tables, or brings them up to date, if the options allow it.
    /// - Throws: `StoreError`: `unavailable` if the server does not answer, `misconfigured` if it or the database is not fit
    ///   for use; the message says what to do.
    public static func open(_ options: PostgresOptions) async throws(StoreError) -> PostgresEventStore {
        try options.check()
        _ = try await onThread(options, "open") { (connection) throws(StoreError) in
            try PostgresSchema.prepare(connection, options)
        }
        let reads = ReadLane(options)
        do throws(StoreError) {
            let metadata = try await reads.run("read the facts") { (reader) throws(ReadFailure) in
                try reader.metadata()
            }
            return PostgresEventStore(options, reads, partitionCount: metadata.partitionCount)
        } catch {
            await reads.close()
            throw error
        }
    }

    /// Brings a database up to date, or makes its tables.
    /// - Returns: The schema's version before and after.
    public static func migrate(_ options: PostgresOptions) async throws(StoreError) -> (from: Int, to: Int) {
        var options = options
        options.migratesAtOpen = true
        return try await migrate(options, to: PostgresSchema.currentVersion)
    }

    /// The version of the schema that this program writes.
    package static var schemaVersion: Int { PostgresSchema.currentVersion }

    /// The statement of most appends, for the program that this store is measured against.
    package static var appendStatement: String { AppendStatements.steps.sql }

    /// The statement of appends with starts and closings among them, for the same program.
    package static var mixedAppendStatement: String { AppendStatements.all.sql }

    /// Brings a database to a version, for tests of migrations.
    package static func migrate(
        _ options: PostgresOptions, to version: Int
    ) async throws(StoreError) -> (from: Int, to: Int) {
        try options.check()
        let from = try await onThread(options, "migrate") { (connection) throws(StoreError) in
            try PostgresSchema.migrate(connection, options, to: version)
        }
        return (from, max(from, version))
    }

    private init(_ options: PostgresOptions, _ reads: ReadLane, partitionCount: UInt32) {
        commits = CommitQueue(options)
        self.reads = reads
        inbox = InboxLane(options)
        queues = QueueLane(options)
        signals = SignalLane(options)
        snapshots = SnapshotLane(options)
        self.partitionCount = partitionCount
    }

    public func append(_ batch: AppendBatch) async throws(StoreError) -> [AppendOutcome] {
        try batch.validate(partitionCount: partitionCount)
        // First, and by themselves: kept twice is kept once, so it does not matter if the transactions then fail.
        if !batch.lateEffects.isEmpty { try await commits.keep(batch.lateEffects, epoch: batch.epoch) }
        return batch.transactions.isEmpty && !batch.lateEffects.isEmpty ? [] : try await commits.append(batch)
    }

    package var batchesAtOnce: Int { commits.writers }

    package func append(
        _ batch: AppendBatch, completion: @escaping @Sendable (Result<[AppendOutcome], StoreError>) -> Void
    ) {
        // Late effects are rare, and have a commit of their own.
        guard batch.lateEffects.isEmpty else {
            Task {
                do throws(StoreError) { completion(.success(try await append(batch))) } catch {
                    completion(.failure(error))
                }
            }
            return
        }
        do throws(StoreError) { try batch.validate(partitionCount: partitionCount) } catch {
            return completion(.failure(error))
        }
        commits.append(batch, answer: completion)
    }

    public func takeOver() async throws(StoreError) -> UInt64 { try await commits.takeOver() }

    public func events(of sagaID: SagaID, from: EventID, limit: Int) async throws(StoreError) -> [HistoryEvent] {
        try await reads.run("read events") { (reader) throws(ReadFailure) in
            try reader.events(of: sagaID, from: from, limit: limit)
        }
    }

    public func packedEvents(
        of sagaID: SagaID, from: EventID, limit: Int
    ) async throws(StoreError) -> PackedHistory {
        try await reads.run("read stored events") { (reader) throws(ReadFailure) in
            try reader.packedEvents(of: sagaID, from: from, limit: limit)
        }
    }

    public func packedEvents(of places: [HistoryPlace], limit: Int) async throws(StoreError) -> [PackedHistory] {
        try await reads.run("read stored events of many runs") { (reader) throws(ReadFailure) in
            try reader.packedEvents(of: places, limit: limit)
        }
    }

    public func execution(_ sagaID: SagaID) async throws(StoreError) -> ExecutionRow? {
        try await reads.run("read a run") { (reader) throws(ReadFailure) in try reader.execution(sagaID) }
    }

    public func latestExecution(namespace: String, workflowID: String) async throws(StoreError) -> ExecutionRow? {
        try await reads.run("read a run") { (reader) throws(ReadFailure) in
            try reader.latestExecution(namespace: namespace, workflowID: workflowID)
        }
    }

    public func openExecutions(after: SagaID?, limit: Int) async throws(StoreError) -> [ExecutionRow] {
        try await reads.run("read the open runs") { (reader) throws(ReadFailure) in
            try reader.openExecutions(after: after, limit: limit)
        }
    }

    public func list(_ query: ExecutionQuery) async throws(StoreError) -> [ExecutionRow] {
        try await reads.run("list runs") { (reader) throws(ReadFailure) in try reader.list(query) }
    }

    public var filtersByAttributes: Bool { true }

    public func count(_ query: ExecutionQuery, exactUpTo limit: Int) async throws(StoreError) -> RunCount {
        try await reads.run("count runs") { (reader) throws(ReadFailure) in
            try reader.count(query, exactUpTo: limit)
        }
    }

    public func delete(_ sagaID: SagaID) async throws(StoreError) -> Bool {
        try await reads.run("delete a run") { (reader) throws(ReadFailure) in try reader.delete(sagaID) }
    }

    public func lateEffects(_ query: LateEffectQuery) async throws(StoreError) -> [StoredLateEffect] {
        try await reads.run("read late effects") { (reader) throws(ReadFailure) in try reader.lateEffects(query) }
    }

    public func metadata() async throws(StoreError) -> StoreMetadata {
        try await reads.run("read the facts") { (reader) throws(ReadFailure) in try reader.metadata() }
    }

    public func close() async {
        await signals.close()
        await queues.close()
        await inbox.close()
        await snapshots.close()
        await reads.close()
        await commits.close()
    }

    /// Runs something on a connection and a thread that live for it only: the waiting must not hold up Swift's threads.
    private static func onThread<Value: Sendable>(
        _ options: PostgresOptions, _ what: String,
        _ body: @escaping @Sendable (PgConnection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await withCheckedContinuation { (answer: Answer<Value>) in
            DispatchQueue(label: "saga.postgres.open").async {
                do throws(StoreError) {
                    let connection: PgConnection
                    do throws(PgFailure) { connection = try PgConnection(options, role: .reader) } catch {
                        throw error.storeError(what)
                    }
                    answer.resume(returning: .success(try body(connection)))
                } catch {
                    answer.resume(returning: .failure(error))
                }
            }
        }.get()
    }
}

extension PostgresEventStore: BlobStore {
    public func blobs(of sagaID: SagaID, _ numbers: [UInt64]) async throws(StoreError) -> [PayloadBlob] {
        try await reads.run("read payloads") { (reader) throws(ReadFailure) in
            var found: [PayloadBlob] = []
            for number in numbers { found += try reader.blobs(of: sagaID, number...number) }
            return found
        }
    }
}
