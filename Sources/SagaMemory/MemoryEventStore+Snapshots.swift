public import SagaCore

extension MemoryEventStore: SnapshotStore {
    public func keep(_ snapshots: [StoredSnapshot], newest: Int) async throws(StoreError) {
        try access { state in
            for snapshot in snapshots { state.keep(snapshot, newest: newest) }
        }
    }

    public func snapshot(of sagaID: SagaID, upTo limit: EventID) async throws(StoreError) -> StoredSnapshot? {
        try access { state in state.runs[sagaID]?.snapshots.last { $0.nextEventID <= limit } }
    }
}

extension MemoryState {
    /// Keeps a snapshot of a run that is there, and of that run no more than so many.
    mutating func keep(_ snapshot: StoredSnapshot, newest: Int) {
        guard let index = runs.index(forKey: snapshot.sagaID) else { return }
        var kept = runs.values[index].snapshots.filter { $0.nextEventID != snapshot.nextEventID }
        kept.insert(snapshot, at: kept.firstIndex { $0.nextEventID > snapshot.nextEventID } ?? kept.count)
        runs.values[index].snapshots = kept.suffix(max(1, newest))
    }
}
