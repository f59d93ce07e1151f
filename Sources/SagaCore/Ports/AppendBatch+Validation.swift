extension AppendTransaction {
    /// Most entries of one transaction: two when a run goes on in another, a few more for a parent and its children.
    public static let maximumEntries = 64
}

extension AppendBatch {
    /// Most late effects of one batch.
    public static let maximumLateEffects = 1_024

    /// Checks what every store relies on, so that a caller's bug is found before anything is written, and the same way in
    /// all of them.
    ///
    /// Each entry has 1 to 65,536 events of its own run with consecutive ids from `expectedNextEventID`; a first append
    /// (expected id 0) comes with a row and a start condition, a later one without condition; a row fits its entry.
    /// - Parameter partitionCount: The store's partition count, which rows of new runs must agree with.
    /// - Throws: `StoreError` with reason `invalid`, naming the run and the rule.
    public func validate(partitionCount: UInt32) throws(StoreError) {
        guard lateEffects.count <= Self.maximumLateEffects else {
            throw StoreError(
                .invalid, "append: \(lateEffects.count) late effects; \(Self.maximumLateEffects) are allowed")
        }
        for transaction in transactions {
            let entries = transaction.entries
            guard !entries.isEmpty else { throw StoreError(.invalid, "append: a transaction has no entries") }
            guard entries.count <= AppendTransaction.maximumEntries else {
                throw StoreError(
                    .invalid,
                    "append: a transaction has \(entries.count) entries; \(AppendTransaction.maximumEntries) are allowed"
                )
            }
            for (index, entry) in entries.enumerated() {
                if let problem = entry.problem(partitionCount: partitionCount) {
                    throw StoreError(.invalid, "append to \(entry.sagaID): \(problem)")
                }
                for other in entries[..<index] where other.sagaID == entry.sagaID {
                    throw StoreError(.invalid, "append to \(entry.sagaID): the run is twice in one transaction")
                }
            }
        }
    }
}

extension AppendEntry {
    /// Highest event id that a store can hold: ids are signed 64-bit integers in SQL.
    static let maximumEventID = EventID(Int64.max)

    fileprivate func problem(partitionCount: UInt32) -> String? {
        let count = EventID(events.count)
        guard count > 0 else { return "no events" }
        guard count <= PackedEvents.maximumCount else {
            return "\(count) events; \(PackedEvents.maximumCount) are allowed in one append"
        }
        guard expectedNextEventID <= Self.maximumEventID - count else {
            return "event id \(expectedNextEventID) is beyond the limit"
        }
        var next = expectedNextEventID
        for event in events {
            if event.sagaID != sagaID { return "event \(event.eventID) belongs to \(event.sagaID)" }
            if event.eventID != next { return "event \(event.eventID) stands where \(next) is due" }
            next += 1
        }
        if expectedNextEventID > 0 {
            if start != nil { return "only the first append of a run has a start condition" }
        } else if start == nil || row == nil {
            return "the first append of a run needs its row and a start condition"
        }
        guard let row else { return nil }
        if row.sagaID != sagaID { return "the row is that of \(row.sagaID)" }
        if row.nextEventID != next { return "the row says next event \(row.nextEventID), the events say \(next)" }
        if row.status.isClosed != (row.closedAt != nil) {
            return "the row is \(row.status.name) and has \(row.closedAt == nil ? "no" : "a") closing time"
        }
        if start != nil {
            let partition = Partition.of(namespace: row.namespace, workflowID: row.workflowID, count: partitionCount)
            if row.partition != partition {
                return "the row says partition \(row.partition), the workflow id belongs to \(partition)"
            }
        }
        return nil
    }
}
