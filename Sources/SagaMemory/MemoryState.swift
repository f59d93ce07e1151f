import SagaCodec
import SagaCore

/// Everything that a memory store holds; a value behind the store's lock.
struct MemoryState {
    static let schemaVersion: UInt32 = 1

    /// One append to one run.
    struct StoredRow {
        var firstEventID: EventID
        var count: Int
        var blob: [UInt8]
    }

    struct Run {
        var row: ExecutionRow
        var rows: [StoredRow]
        /// The newest last.
        var snapshots: [StoredSnapshot] = []
        /// Data of large payloads, by their numbers.
        var blobs: [UInt64: [UInt8]] = [:]
    }

    var metadata: StoreMetadata
    var runs: [SagaID: Run] = [:]
    /// All runs in the order of their ids.
    var order: [SagaID] = []
    /// The run that each workflow id started last.
    var newest: [WorkflowKey: SagaID] = [:]
    /// All rows in the order in which they came.
    var feed = MemoryFeed()
    /// Late effects, encoded, in the order in which they came.
    private var late: [(key: LateKey, namespace: String, blob: [UInt8])] = []
    private var lateKeys: Set<LateKey> = []
    var queues = MemoryQueues()
    var timers = MemoryTimers()
    var isClosed = false
    private var writer = ReusedWriter()
    private let blobThreshold: Int

    init(metadata: StoreMetadata, blobThreshold: Int) {
        self.metadata = metadata
        self.blobThreshold = blobThreshold
    }

    // MARK: Writing

    mutating func append(_ batch: AppendBatch) throws(StoreError) -> [AppendOutcome] {
        try batch.validate(partitionCount: metadata.partitionCount)
        if batch.epoch < metadata.epoch {
            throw StoreError(.fenced, "epoch \(batch.epoch) was taken over by epoch \(metadata.epoch)")
        }
        if batch.epoch > metadata.epoch {
            throw StoreError(.invalid, "epoch \(batch.epoch) was never given out; the newest is \(metadata.epoch)")
        }
        var outcomes: [AppendOutcome] = []
        outcomes.reserveCapacity(batch.transactions.count)
        for transaction in batch.transactions {
            guard holds(transaction.entries) else {
                outcomes.append(.conflict)
                continue
            }
            for entry in transaction.entries { write(entry) }
            outcomes.append(.appended)
        }
        for effect in batch.lateEffects {
            let key = LateKey(sagaID: effect.sagaID, eventID: effect.scheduledEventID, attempt: effect.attempt)
            guard lateKeys.insert(key).inserted else { continue }
            late.append((key, effect.namespace, Postcard.encode(effect)))
        }
        return outcomes
    }

    /// Whether every entry of a transaction finds what it expects.
    private func holds(_ entries: [AppendEntry]) -> Bool {
        for (index, entry) in entries.enumerated() {
            guard let start = entry.start, let row = entry.row else {
                guard let run = runs[entry.sagaID], !run.row.status.isClosed,
                    run.row.nextEventID == entry.expectedNextEventID
                else { return false }
                continue
            }
            guard runs[entry.sagaID] == nil else { return false }
            let key = WorkflowKey(namespace: row.namespace, workflowID: row.workflowID)
            let earlier = entries[..<index].last { $0.starts(key) }?.sagaID
            switch (start, earlier ?? newest[key]) {
            case (.unused, nil): continue
            case (.after(let wanted), let found?) where wanted == found:
                let closes = entries.contains { $0.sagaID == wanted && $0.row?.status.isClosed == true }
                guard closes || runs[wanted]?.row.status.isClosed == true else { return false }
            default: return false
            }
        }
        return true
    }

    private mutating func write(_ entry: AppendEntry) {
        var stored = StoredRow(
            firstEventID: entry.expectedNextEventID, count: entry.events.count, blob: writer.encode(entry.events))
        var blobs: [PayloadBlob] = []
        if stored.blob.count >= blobThreshold, let apart = entry.takingBlobsOut(threshold: blobThreshold) {
            stored.blob = writer.encode(apart.events, hasBlobs: true)
            blobs = apart.blobs
        }
        feed.append(entry.sagaID, firstEventID: entry.expectedNextEventID)
        if let row = entry.row, entry.start != nil {
            var run = Run(row: row, rows: [stored])
            for blob in blobs { run.blobs[blob.number] = blob.bytes }
            runs[entry.sagaID] = run
            newest[WorkflowKey(namespace: row.namespace, workflowID: row.workflowID)] = entry.sagaID
            order.insert(entry.sagaID, at: position(after: entry.sagaID))
            return
        }
        guard let index = runs.index(forKey: entry.sagaID) else { return }
        runs.values[index].rows.append(stored)
        for blob in blobs { runs.values[index].blobs[blob.number] = blob.bytes }
        runs.values[index].row.nextEventID = entry.expectedNextEventID + EventID(entry.events.count)
        if let row = entry.row {
            runs.values[index].row.status = row.status
            runs.values[index].row.closedAt = row.closedAt
            runs.values[index].row.searchAttributes = row.searchAttributes
        }
    }

    /// Removes a closed run; an older one of its workflow id becomes the newest again.
    mutating func delete(_ sagaID: SagaID) -> Bool {
        guard let row = runs[sagaID]?.row, row.status.isClosed else { return false }
        runs[sagaID] = nil
        order.removeAll { $0 == sagaID }
        feed.remove(sagaID)
        let key = WorkflowKey(namespace: row.namespace, workflowID: row.workflowID)
        if newest[key] == sagaID {
            newest[key] = order.last { id in
                runs[id].map { WorkflowKey(namespace: $0.row.namespace, workflowID: $0.row.workflowID) == key } ?? false
            }
        }
        return true
    }

    // MARK: Reading

    func events(of sagaID: SagaID, from: EventID, limit: Int) throws(StoreError) -> [HistoryEvent] {
        guard let rows = runs[sagaID]?.rows else { return [] }
        var events: [HistoryEvent] = []
        var hasBlobs = false
        for row in rows[firstRow(in: rows, endingAfter: from)...] {
            let skipped = from > row.firstEventID ? Int(from - row.firstEventID) : 0
            if !events.isEmpty && events.count + row.count - skipped > limit { break }
            do throws(CodecError) {
                let decoded = try PackedEvents.decode(row.blob, sagaID: sagaID, firstEventID: row.firstEventID)
                events.append(contentsOf: decoded.dropFirst(skipped))
                hasBlobs = hasBlobs || row.blob.withUnsafeBytes { PackedEvents.hasBlobs($0) }
            } catch {
                throw StoreError(.corrupt, "events of \(sagaID) from \(row.firstEventID): \(error)")
            }
        }
        if hasBlobs {
            try BlobPages.complete(&events, of: sagaID) { numbers in
                runs[sagaID]?.blobs.compactMap { number, bytes in
                    numbers.contains(number) ? PayloadBlob(sagaID: sagaID, number: number, bytes: bytes) : nil
                } ?? []
            }
        }
        return events
    }

    func packedEvents(of sagaID: SagaID, from: EventID, limit: Int) throws(StoreError) -> PackedHistory {
        var page = PackedHistory(sagaID: sagaID)
        guard let rows = runs[sagaID]?.rows else { return page }
        for row in rows[firstRow(in: rows, endingAfter: from)...] {
            if !page.isEmpty && page.count + row.count > limit || page.isFull(before: row.blob.count) { break }
            do throws(CodecError) {
                try page.append(row.blob, firstEventID: row.firstEventID, count: row.count)
            } catch {
                throw StoreError(.corrupt, "events of \(sagaID) from \(row.firstEventID): \(error)")
            }
        }
        return page
    }

    func openExecutions(after: SagaID?, limit: Int) -> [ExecutionRow] {
        var rows: [ExecutionRow] = []
        for id in order[(after.map(position(after:)) ?? 0)...] {
            if rows.count >= limit { break }
            if let row = runs[id]?.row, !row.status.isClosed { rows.append(row) }
        }
        return rows
    }

    func list(_ query: ExecutionQuery) -> [ExecutionRow] {
        var rows: [ExecutionRow] = []
        let end = query.before.map { position(after: $0) } ?? order.count
        for id in order[..<end].reversed() {
            if rows.count >= query.limit { break }
            if let row = runs[id]?.row, id != query.before, matches(row, query) { rows.append(row) }
        }
        return rows
    }

    func lateEffects(_ query: LateEffectQuery) throws(StoreError) -> [StoredLateEffect] {
        var found: [StoredLateEffect] = []
        for (index, entry) in late.enumerated().dropFirst(Int(clamping: query.after)) {
            if found.count >= query.limit { break }
            guard sameBytes(entry.namespace, query.namespace), query.sagaID == nil || query.sagaID == entry.key.sagaID
            else { continue }
            do throws(CodecError) {
                let effect = try Postcard.decodeStrict(LateEffect.self, from: entry.blob)
                found.append(StoredLateEffect(place: UInt64(index) + 1, effect: effect))
            } catch {
                throw StoreError(.corrupt, "the late effect at place \(index + 1) does not decode: \(error)")
            }
        }
        return found
    }

    private func matches(_ row: ExecutionRow, _ query: ExecutionQuery) -> Bool {
        sameBytes(row.namespace, query.namespace)
            && (query.workflowType.isEmpty || sameBytes(row.workflowType, query.workflowType))
            && (query.workflowID.isEmpty || sameBytes(row.workflowID, query.workflowID))
            && (query.statuses.isEmpty || query.statuses.contains(row.status))
            && query.attributes.allSatisfy { $0.holds(row.searchAttributes) }
    }

    // MARK: Binary searches

    /// Where the first id greater than this one stands.
    private func position(after id: SagaID) -> Int {
        var low = 0
        var high = order.count
        // Ids are time-ordered, so a new one nearly always belongs at the end.
        if let last = order.last, last <= id { return high }
        while low < high {
            let middle = (low + high) / 2
            if order[middle] <= id { low = middle + 1 } else { high = middle }
        }
        return low
    }

    func firstRow(in rows: [StoredRow], endingAfter id: EventID) -> Int {
        var low = 0
        var high = rows.count
        while low < high {
            let middle = (low + high) / 2
            if rows[middle].firstEventID + EventID(rows[middle].count) <= id { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// One report: it is kept once.
private struct LateKey: Hashable {
    var sagaID: SagaID
    var eventID: EventID
    var attempt: UInt32
}

extension AppendEntry {
    fileprivate func starts(_ key: WorkflowKey) -> Bool {
        guard start != nil, let row else { return false }
        return WorkflowKey(namespace: row.namespace, workflowID: row.workflowID) == key
    }
}

/// A writer that keeps its memory between appends; a class, because the writer cannot be copied and the state is a value.
private final class ReusedWriter {
    private var writer = PostcardWriter(capacity: 4_096)

    func encode(_ events: [HistoryEvent], hasBlobs: Bool = false) -> [UInt8] {
        writer.reset()
        PackedEvents.encode(events[...], into: &writer, hasBlobs: hasBlobs)
        return writer.array()
    }
}
