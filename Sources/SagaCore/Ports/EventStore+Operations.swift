internal import SagaCodec

/// A store that has threads of its own and can answer on them.
package protocol CallbackAppender: EventStore {
    /// The same as `append`, without a task of Swift's in between.
    /// - Parameter completion: Called once, on a thread of the store, or on this one if nothing was begun; must not block.
    func append(_ batch: AppendBatch, completion: @escaping @Sendable (Result<[AppendOutcome], StoreError>) -> Void)
    /// How many batches it writes at the same time. Default: 1.
    var batchesAtOnce: Int { get }
}

extension CallbackAppender {
    package var batchesAtOnce: Int { 1 }
}

extension EventStore {
    /// Whether the store keeps the search attributes of its rows and filters by them. Default: no.
    public var filtersByAttributes: Bool { false }

    /// Packs what `events` returns.
    public func packedEvents(
        of sagaID: SagaID, from: EventID, limit: Int
    ) async throws(StoreError) -> PackedHistory {
        let events = try await events(of: sagaID, from: from, limit: limit)
        do throws(CodecError) { return try PackedHistory(of: sagaID, [events]) } catch {
            throw StoreError(.corrupt, "events of \(sagaID) from \(from): \(error)")
        }
    }

    /// Run by run.
    public func packedEvents(of places: [HistoryPlace], limit: Int) async throws(StoreError) -> [PackedHistory] {
        var pages = PackedPages()
        for place in places {
            let page = try await packedEvents(of: place.sagaID, from: place.from, limit: limit)
            if !pages.add(page) { break }
        }
        return pages.all
    }

    /// Stores that cannot remove anything say so.
    public func delete(_ sagaID: SagaID) async throws(StoreError) -> Bool {
        throw StoreError(.misconfigured, "this store does not remove runs")
    }

    /// Stores that do not estimate count everything.
    public func count(_ query: ExecutionQuery, exactUpTo limit: Int) async throws(StoreError) -> RunCount {
        RunCount(count: try await count(query), isEstimate: false)
    }

    /// How many runs match a filter; its page and limit do not count.
    public func count(_ query: ExecutionQuery) async throws(StoreError) -> Int {
        var query = query
        query.before = nil
        query.limit = 1_000
        var count = 0
        while true {
            let page = try await list(query)
            count += page.count
            guard page.count == query.limit, let last = page.last else { return count }
            query.before = last.sagaID
        }
    }
}
