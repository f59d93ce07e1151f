public import SagaCore

extension SQLiteEventStore: SnapshotStore {
    public func keep(_ snapshots: [StoredSnapshot], newest: Int) async throws(StoreError) {
        try await writer.keep(snapshots, newest: newest)
    }

    public func snapshot(of sagaID: SagaID, upTo limit: EventID) async throws(StoreError) -> StoredSnapshot? {
        try await reads.run { reader throws(StoreError) in try reader.snapshot(of: sagaID, upTo: limit) }
    }

    public func newestSnapshots(of sagaIDs: [SagaID]) async throws(StoreError) -> [StoredSnapshot] {
        try await reads.run { reader throws(StoreError) in
            var found: [StoredSnapshot] = []
            for sagaID in sagaIDs {
                if let snapshot = try reader.snapshot(of: sagaID, upTo: .max) { found.append(snapshot) }
            }
            return found
        }
    }
}
