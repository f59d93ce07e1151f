/// Where snapshots live: in the store of the histories, which removes them with their runs. What is lost here costs time,
/// never truth, so an implementation may make them durable later than it says.
public protocol SnapshotStore: Sendable {
    /// Keeps snapshots, together; of each of their runs the older ones beyond a number are removed. One for a run that is
    /// not there is left out.
    /// - Parameters:
    ///   - snapshots: What to keep; another one of the same run and event is replaced.
    ///   - newest: How many of each run stay, at least 1.
    func keep(_ snapshots: [StoredSnapshot], newest: Int) async throws(StoreError)

    /// The newest snapshot of a run that holds no event from `limit` on; nil if there is none. What is read is not judged:
    /// ``Snapshot/decode(_:)`` does that.
    func snapshot(of sagaID: SagaID, upTo limit: EventID) async throws(StoreError) -> StoredSnapshot?

    /// The newest snapshots of many runs, in any order; of runs that have none, nothing. May leave runs out, if all would be
    /// too many bytes for one answer.
    func newestSnapshots(of sagaIDs: [SagaID]) async throws(StoreError) -> [StoredSnapshot]
}

extension SnapshotStore {
    /// Run by run.
    public func newestSnapshots(of sagaIDs: [SagaID]) async throws(StoreError) -> [StoredSnapshot] {
        var found: [StoredSnapshot] = []
        for sagaID in sagaIDs {
            if let snapshot = try await snapshot(of: sagaID, upTo: .max) { found.append(snapshot) }
        }
        return found
    }
}
