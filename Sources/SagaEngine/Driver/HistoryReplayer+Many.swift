public import SagaCore

extension HistoryReplayer {
    /// Replays many runs, several at a time.
    /// - Parameters:
    ///   - sagaIDs: The runs.
    ///   - start: Where to begin each. Default: at a snapshot.
    ///   - concurrency: How many at a time. Default 4.
    ///   - body: Called as each is done, in any order: with nil for a run that there is not.
    public func replay(
        _ sagaIDs: [SagaID], from start: Start = .snapshot, concurrency: Int = 4,
        _ body: @Sendable (SagaID, Result<ReplayedRun?, ReplayFailure>) async -> Void
    ) async {
        await withTaskGroup(of: (SagaID, Result<ReplayedRun?, ReplayFailure>).self) { group in
            var rest = sagaIDs[...]
            for sagaID in rest.prefix(max(1, concurrency)) { group.addTask { await one(sagaID, start) } }
            rest = rest.dropFirst(max(1, concurrency))
            while let (sagaID, result) = await group.next() {
                if let next = rest.popFirst() { group.addTask { await one(next, start) } }
                await body(sagaID, result)
            }
        }
    }

    private func one(_ sagaID: SagaID, _ start: Start) async -> (SagaID, Result<ReplayedRun?, ReplayFailure>) {
        do throws(ReplayFailure) {
            return (sagaID, .success(try await state(of: sagaID, from: start)))
        } catch {
            return (sagaID, .failure(error))
        }
    }

    /// The pages behind one that has just been read, on their way; nil if there are none, or if that one may be the last. What turns
    /// out not to be needed is let go.
    func pagesBehind(_ rows: PackedHistory, end: EventID?) -> PagesAhead? {
        // Many histories have one page: nobody is asked for what is likely not there.
        guard let next = rows.nextEventID, end.map({ next < $0 }) ?? (rows.count * 2 > Self.pageEvents) else {
            return nil
        }
        let (store, sagaID) = (store, rows.sagaID)
        return PagesAhead(from: next, end: end) { (first) async throws(StoreError) in
            try await store.packedEvents(of: sagaID, from: first, limit: Self.pageEvents)
        }
    }
}
