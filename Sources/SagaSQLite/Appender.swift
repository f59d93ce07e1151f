import SagaCodec
import SagaCore

/// Judges and writes appends inside a transaction that its owner opened. Used on the writer's queue only.
final class Appender {
    private let connection: Connection
    private let partitionCount: UInt32
    private var cache: RunCache
    private var nextRun: Int64
    /// What the file's change counter was when the cache was right; nil if the cache is not.
    private var dataVersion: Int64?
    private var packed = PostcardWriter(capacity: 64 * 1_024)

    private let selectEpoch: Statement
    private let selectDataVersion: Statement
    private let selectRun: Statement
    private let selectNewest: Statement
    private let insertExecution: Statement
    private let updateExecution: Statement
    private let insertHistory: Statement
    private let insertLateEffect: Statement
    private let deleteHistory: Statement
    private let selectLastRow: Statement
    private let insertKeptPlace: Statement
    private let deleteExecution: Statement
    private let insertSnapshot: Statement
    private let deleteOldSnapshots: Statement
    private let deleteSnapshots: Statement
    private let insertBlob: Statement
    private let deleteBlobs: Statement
    private let blobThreshold: Int

    init(
        _ connection: Connection, partitionCount: UInt32, cacheCapacity: Int, blobThreshold: Int
    ) throws(StoreError) {
        self.connection = connection
        self.blobThreshold = blobThreshold
        self.partitionCount = partitionCount
        cache = RunCache(capacity: cacheCapacity)
        nextRun = 0
        selectEpoch = try Statement("SELECT epoch FROM meta", on: connection)
        selectDataVersion = try Statement("PRAGMA data_version", on: connection)
        selectRun = try Statement(
            """
            SELECT run, closed_at IS NOT NULL, (SELECT max(next_event_id) FROM history h WHERE h.run = e.run)
            FROM executions e WHERE saga_id = ?1
            """, on: connection)
        selectNewest = try Statement(
            """
            SELECT saga_id, closed_at IS NOT NULL FROM executions
            WHERE namespace = ?1 AND workflow_id = ?2 ORDER BY run DESC LIMIT 1
            """, on: connection)
        insertExecution = try Statement(
            "INSERT INTO executions VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)", on: connection)
        updateExecution = try Statement(
            "UPDATE executions SET status = ?2, closed_at = ?3, search = ?4 WHERE run = ?1", on: connection)
        insertHistory = try Statement(
            "INSERT INTO history (run, next_event_id, event_count, checksum, events) VALUES (?1, ?2, ?3, ?4, ?5)",
            on: connection)
        deleteHistory = try Statement("DELETE FROM history WHERE run = ?1", on: connection)
        selectLastRow = try Statement("SELECT seq, run FROM history ORDER BY seq DESC LIMIT 1", on: connection)
        insertKeptPlace = try Statement("INSERT INTO history VALUES (?1, ?2, 0, 0, 0, x'')", on: connection)
        insertSnapshot = try Statement("INSERT OR REPLACE INTO snapshots VALUES (?1, ?2, ?3)", on: connection)
        deleteOldSnapshots = try Statement(
            """
            DELETE FROM snapshots WHERE run = ?1 AND next_event_id NOT IN
                (SELECT next_event_id FROM snapshots WHERE run = ?1 ORDER BY next_event_id DESC LIMIT ?2)
            """, on: connection)
        deleteSnapshots = try Statement("DELETE FROM snapshots WHERE run = ?1", on: connection)
        insertBlob = try Statement("INSERT INTO blobs VALUES (?1, ?2, ?3)", on: connection)
        deleteBlobs = try Statement("DELETE FROM blobs WHERE run = ?1", on: connection)
        deleteExecution = try Statement("DELETE FROM executions WHERE run = ?1", on: connection)
        insertLateEffect = try Statement(
            """
            INSERT INTO late_effects (saga_id, scheduled_event_id, attempt, namespace, effect)
            VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING
            """, on: connection)
    }

    /// To be called first in every transaction.
    /// - Returns: The fencing epoch.
    func begin() throws(StoreError) -> UInt64 {
        // The first time, and whenever somebody else has written (an operator's repair), nothing remembered counts.
        let version = try single(selectDataVersion)
        if version != dataVersion {
            cache.removeAll()
            nextRun = (try connection.number("SELECT max(run) FROM executions") ?? 0) + 1
            dataVersion = version
        }
        return UInt64(clamping: try single(selectEpoch))
    }

    /// To be called when the transaction did not commit.
    func forget() {
        cache.removeAll()
        dataVersion = nil
    }

    /// Why a batch must not be written at all; nil if it may.
    func refusal(of batch: AppendBatch, epoch: UInt64) -> StoreError? {
        do throws(StoreError) {
            try batch.validate(partitionCount: partitionCount)
        } catch {
            return error
        }
        if batch.epoch < epoch {
            return StoreError(.fenced, "epoch \(batch.epoch) was taken over by epoch \(epoch)")
        }
        if batch.epoch > epoch {
            return StoreError(.invalid, "epoch \(batch.epoch) was never given out; the newest is \(epoch)")
        }
        return nil
    }

    /// Judges the transactions of a batch in order and writes those that hold. If it throws, the whole SQL transaction
    /// has to be rolled back.
    func append(_ batch: AppendBatch) throws(StoreError) -> [AppendOutcome] {
        var outcomes: [AppendOutcome] = []
        outcomes.reserveCapacity(batch.transactions.count)
        for transaction in batch.transactions {
            // Everything is checked before anything is written, so that a conflict leaves nothing to take back.
            guard try holds(transaction.entries) else {
                outcomes.append(.conflict)
                continue
            }
            for entry in transaction.entries { try write(entry) }
            outcomes.append(.appended)
        }
        for effect in batch.lateEffects { try write(effect) }
        return outcomes
    }

    // MARK: Judging

    private func holds(_ entries: [AppendEntry]) throws(StoreError) -> Bool {
        for (index, entry) in entries.enumerated() {
            let state = try find(entry.sagaID)
            if let start = entry.start, let row = entry.row {
                guard state == nil else { return false }
                guard try allows(start, row, entries, before: index) else { return false }
            } else {
                guard let state, !state.isClosed, state.nextEventID == entry.expectedNextEventID else { return false }
            }
        }
        return true
    }

    private func allows(
        _ start: StartCondition, _ row: ExecutionRow, _ entries: [AppendEntry], before index: Int
    ) throws(StoreError) -> Bool {
        var newest: (id: SagaID, isClosed: Bool)?
        if let earlier = entries[..<index].last(where: { $0.starts(row) }) {
            newest = (earlier.sagaID, earlier.row?.status.isClosed == true)
        } else {
            newest = try newestRun(namespace: row.namespace, workflowID: row.workflowID)
        }
        switch (start, newest) {
        case (.unused, nil): return true
        case (.after(let wanted), let found?) where wanted == found.id:
            return found.isClosed || entries.contains { $0.sagaID == wanted && $0.row?.status.isClosed == true }
        default: return false
        }
    }

    private func find(_ id: SagaID) throws(StoreError) -> RunState? {
        if let state = cache.find(id) { return state }
        try selectRun.bind(id, at: 1)
        defer { selectRun.reset() }
        guard try selectRun.step() else { return nil }
        guard !selectRun.isNull(2) else { throw StoreError(.corrupt, "\(connection.path): \(id) has no events") }
        let state = RunState(
            run: selectRun.int64(0), nextEventID: EventID(clamping: selectRun.int64(2)),
            isClosed: selectRun.int64(1) != 0)
        cache.keep(state, for: id)
        return state
    }

    private func newestRun(namespace: String, workflowID: String) throws(StoreError) -> (SagaID, Bool)? {
        try selectNewest.bind(namespace, at: 1)
        try selectNewest.bind(workflowID, at: 2)
        defer { selectNewest.reset() }
        guard try selectNewest.step() else { return nil }
        guard let id = selectNewest.sagaID(0) else {
            throw StoreError(.corrupt, "\(connection.path): a run of \(workflowID) has no saga id")
        }
        return (id, selectNewest.int64(1) != 0)
    }

    // MARK: Writing

    private func write(_ entry: AppendEntry) throws(StoreError) {
        let next = entry.expectedNextEventID + EventID(entry.events.count)
        var state = RunState(run: nextRun, nextEventID: next, isClosed: entry.row?.status.isClosed ?? false)
        if let row = entry.row, entry.start != nil {
            try insert(row, run: nextRun)
            nextRun += 1
        } else {
            guard let known = try find(entry.sagaID) else {
                throw StoreError(.corrupt, "\(connection.path): \(entry.sagaID) vanished inside a transaction")
            }
            state.run = known.run
            if let row = entry.row {
                try updateExecution.bind(known.run, at: 1)
                try updateExecution.bind(Int64(row.status.rawValue), at: 2)
                try updateExecution.bind(row.closedAt?.microseconds, at: 3)
                try execute(updateExecution, with: row.searchAttributes, at: 4)
            }
        }
        try insertEvents(entry, run: state.run, next: next)
        cache.keep(state, for: entry.sagaID)
    }

    private func insert(_ row: ExecutionRow, run: Int64) throws(StoreError) {
        try insertExecution.bind(run, at: 1)
        try insertExecution.bind(row.sagaID, at: 2)
        try insertExecution.bind(row.namespace, at: 3)
        try insertExecution.bind(row.workflowID, at: 4)
        try insertExecution.bind(row.workflowType, at: 5)
        try insertExecution.bind(Int64(row.status.rawValue), at: 6)
        try insertExecution.bind(row.startedAt.microseconds, at: 7)
        try insertExecution.bind(row.closedAt?.microseconds, at: 8)
        try insertExecution.bind(Int64(row.partition), at: 9)
        try execute(insertExecution, with: row.searchAttributes, at: 10)
    }

    /// Runs a statement with attributes as they are stored: postcard, null for none.
    private func execute(
        _ statement: Statement, with attributes: [NamedPayload], at index: Int32
    ) throws(StoreError) {
        guard !attributes.isEmpty else {
            try statement.bind(nil as Int64?, at: index)
            return try statement.run()
        }
        packed.reset()
        packed.write(attributes)
        try packed.withBytes { bytes throws(StoreError) in
            try statement.bind(borrowed: bytes, at: index)
            try statement.run()
        }
    }

    /// Removes a closed run with everything that belongs to it.
    func delete(_ id: SagaID) throws(StoreError) -> Bool {
        guard let state = try find(id), state.isClosed else { return false }
        let last = try lastRow()
        for statement in [deleteHistory, deleteSnapshots, deleteBlobs, deleteExecution] {
            try statement.bind(state.run, at: 1)
            try statement.run()
        }
        if let last, last.run == state.run { try keepPlace(last.seq) }
        cache.removeAll()
        return true
    }

    private func lastRow() throws(StoreError) -> (seq: Int64, run: Int64)? {
        defer { selectLastRow.reset() }
        return try selectLastRow.step() ? (selectLastRow.int64(0), selectLastRow.int64(1)) : nil
    }

    /// The run that has no row in `executions`: its row of history only keeps the greatest number there ever was.
    private static let nobody: Int64 = 0

    /// SQLite gives the next row the greatest number plus one, so a removed last row would have its number used again, and
    /// who follows the feed would take what is new for what was.
    private func keepPlace(_ seq: Int64) throws(StoreError) {
        try deleteHistory.bind(Self.nobody, at: 1)
        try deleteHistory.run()
        try insertKeptPlace.bind(seq, at: 1)
        try insertKeptPlace.bind(Self.nobody, at: 2)
        try insertKeptPlace.run()
    }

    /// Keeps a snapshot of a run that is there, and of that run no more than so many.
    func keep(_ snapshot: StoredSnapshot, newest: Int) throws(StoreError) {
        guard let state = try find(snapshot.sagaID), let next = Int64(exactly: snapshot.nextEventID) else { return }
        try snapshot.bytes.withUnsafeBufferPointer { (bytes) throws(StoreError) in
            try insertSnapshot.bind(state.run, at: 1)
            try insertSnapshot.bind(next, at: 2)
            try insertSnapshot.bind(borrowed: UnsafeRawBufferPointer(bytes), at: 3)
            try insertSnapshot.run()
        }
        try deleteOldSnapshots.bind(state.run, at: 1)
        try deleteOldSnapshots.bind(Int64(max(1, newest)), at: 2)
        try deleteOldSnapshots.run()
    }

    private func insertEvents(_ entry: AppendEntry, run: Int64, next: EventID) throws(StoreError) {
        packed.reset()
        PackedEvents.encode(entry.events[...], into: &packed)
        // Nearly all rows are shorter than one large payload, and are not looked at again.
        if packed.count >= blobThreshold, let (events, blobs) = entry.takingBlobsOut(threshold: blobThreshold) {
            packed.reset()
            PackedEvents.encode(events[...], into: &packed, hasBlobs: true)
            for blob in blobs { try insert(blob, run: run) }
        }
        try packed.withBytes { bytes throws(StoreError) in
            let checksum = Checksum.of(
                bytes, sagaID: entry.sagaID, firstEventID: entry.expectedNextEventID, count: entry.events.count)
            try insertHistory.bind(run, at: 1)
            try insertHistory.bind(Int64(clamping: next), at: 2)
            try insertHistory.bind(Int64(entry.events.count), at: 3)
            try insertHistory.bind(Int64(checksum), at: 4)
            try insertHistory.bind(borrowed: bytes, at: 5)
            try insertHistory.run()
        }
    }

    private func insert(_ blob: PayloadBlob, run: Int64) throws(StoreError) {
        try blob.bytes.withUnsafeBufferPointer { (bytes) throws(StoreError) in
            try insertBlob.bind(run, at: 1)
            try insertBlob.bind(Int64(clamping: blob.number), at: 2)
            try insertBlob.bind(borrowed: UnsafeRawBufferPointer(bytes), at: 3)
            try insertBlob.run()
        }
    }

    private func write(_ effect: LateEffect) throws(StoreError) {
        packed.reset()
        packed.write(effect)
        try packed.withBytes { bytes throws(StoreError) in
            try insertLateEffect.bind(effect.sagaID, at: 1)
            try insertLateEffect.bind(Int64(clamping: effect.scheduledEventID), at: 2)
            try insertLateEffect.bind(Int64(effect.attempt), at: 3)
            try insertLateEffect.bind(effect.namespace, at: 4)
            try insertLateEffect.bind(borrowed: bytes, at: 5)
            try insertLateEffect.run()
        }
    }

    private func single(_ statement: Statement) throws(StoreError) -> Int64 {
        defer { statement.reset() }
        guard try statement.step() else { throw StoreError(.corrupt, "\(connection.path): the meta row is missing") }
        return statement.int64(0)
    }
}

extension AppendEntry {
    /// Whether it starts a run of the same workflow id as this row, compared as bytes.
    fileprivate func starts(_ other: ExecutionRow) -> Bool {
        guard start != nil, let row else { return false }
        return row.workflowID.utf8.elementsEqual(other.workflowID.utf8)
            && row.namespace.utf8.elementsEqual(other.namespace.utf8)
    }
}
