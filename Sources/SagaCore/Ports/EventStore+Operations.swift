extension EventStore {
    /// Whether the store keeps the search attributes of its rows and filters by them. Default: no.
    public var filtersByAttributes: Bool { false }

    /// Stores that cannot remove anything say so.
    public func delete(_ sagaID: SagaID) async throws(StoreError) -> Bool {
        throw StoreError(.misconfigured, "this store does not remove runs")
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
