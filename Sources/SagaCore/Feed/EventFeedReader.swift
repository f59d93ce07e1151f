internal import SagaCodec

/// Reads what was committed, of all runs of a namespace, from a position on, page by page.
///
/// ```swift
/// var reader = try await EventFeedReader(store, .init(namespaces: ["default"]), from: .after(model.position))
/// while true {
///     let page = try await reader.next()
///     for item in page.items { model.apply(item) }        // with item.position, in one transaction
///     if page.isAtEnd { break }                           // and later again
/// }
/// ```
public struct EventFeedReader: Sendable {
    /// What is wanted.
    public struct Query: Hashable, Sendable {
        /// Only runs of these namespaces. Those of aggregates have the names that
        /// ``/SagaEngine/AggregateRepository`` gives them.
        public var namespaces: [String]
        /// Only of these types of workflows and aggregates; empty for all.
        public var workflowTypes: [String]
        /// Only events with these codes; empty for all.
        public var eventTypes: Set<UInt16>

        public init(namespaces: [String], workflowTypes: [String] = [], eventTypes: Set<UInt16> = []) {
            self.namespaces = namespaces
            self.workflowTypes = workflowTypes
            self.eventTypes = eventTypes
        }
    }

    /// Where to begin.
    public enum Start: Hashable, Sendable {
        /// With the oldest event that there is.
        case beginning
        /// With what is committed from now on.
        case now
        /// After an item that was read earlier, or a page.
        case after(FeedPosition)
    }

    /// Committed events of one run, neighbours if nothing is filtered.
    public struct Item: Hashable, Sendable {
        /// Where to go on after these events.
        public var position: FeedPosition
        /// The run.
        public var sagaID: SagaID
        /// The namespace that it is in.
        public var namespace: String
        /// The caller's name for it, or the aggregate's.
        public var workflowID: String
        /// Which workflow it runs, or the aggregate's type.
        public var workflowType: String
        /// Its events, oldest first; at least one.
        public var events: [HistoryEvent]
    }

    /// What one look brought.
    public struct Page: Hashable, Sendable {
        /// In the order of the feed; may be empty although more follows, if nothing that was looked at is wanted.
        public var items: [Item]
        /// Where to go on after all that was looked at.
        public var position: FeedPosition
        /// Whether there was nothing more at that time.
        public var isAtEnd: Bool

        package init(items: [Item], position: FeedPosition, isAtEnd: Bool) {
            self.items = items
            self.position = position
            self.isAtEnd = isAtEnd
        }
    }

    private let store: any EventFeed
    private let query: Query
    private let filter: FeedFilter
    private let mark: UInt32
    private var place: FeedPlace

    /// Most events of an item.
    public static let maximumItem = 1_000
    /// Bytes of payloads from which on an item, and a page, takes no further event. A single event may have more.
    private static let maximumItemBytes = 1 << 20
    private static let maximumPageBytes = 4 << 20

    /// - Throws: ``FeedPositionError`` if the position cannot be used, `StoreError` if the store cannot be read.
    public init(_ store: any EventFeed, _ query: Query, from start: Start) async throws {
        self.store = store
        self.query = query
        filter = FeedFilter(namespaces: query.namespaces, workflowTypes: query.workflowTypes)
        mark = FeedPosition.mark(of: try await store.metadata())
        switch start {
        case .beginning: place = .beginning
        case .now: place = try await store.feedEnd()
        case .after(let position):
            place = try position.place(mark: mark)
            // Refused now, and not at the first page.
            guard place <= (try await store.feedEnd()) else { throw Self.beyond }
        }
    }

    static let beyond = FeedPositionError(
        "the position lies beyond everything that this store has: the store is an older copy of the one that gave it out "
            + "(a backup that was restored?); read from the beginning, or from now on")

    /// Where the next page begins.
    public var position: FeedPosition { FeedPosition(place, mark: mark) }

    /// Reads on.
    /// - Parameter limit: Most events to return, and most rows of the store to look at; 1 to 1,000.
    /// - Throws: `StoreError`; the reader stays where it is.
    public mutating func next(limit: Int = 1_000) async throws(StoreError) -> Page {
        let limit = max(1, min(limit, Self.maximumItem))
        let found = try await store.feedRows(from: place, filter, limit: limit)
        var page = Page(items: [], position: position, isAtEnd: found.isAtEnd)
        var next = found.next
        var count = 0
        var bytes = 0
        // Runs that were removed while this page is made: what is left of them is not given either.
        var removed: Set<SagaID> = []
        for (index, row) in found.rows.enumerated() {
            var events = try decoded(row)
            let start = FeedPlace(commit: row.commit, sagaID: row.sagaID, eventID: row.firstEventID)
            var after = max(start, place)
            if start < place { events.removeFirst(min(events.count, Int(clamping: place.eventID &- row.firstEventID))) }
            var room = limit - count
            while room > 0, !events.isEmpty, bytes < Self.maximumPageBytes {
                var (part, weight) = Self.part(of: &events, atMost: room)
                guard let last = part.last else { break }
                room -= part.count
                count += part.count
                bytes += weight
                after = FeedPlace(commit: row.commit, sagaID: row.sagaID, eventID: last.eventID &+ 1)
                if !query.eventTypes.isEmpty { part.removeAll { !query.eventTypes.contains($0.eventType.rawValue) } }
                guard !part.isEmpty, !removed.contains(row.sagaID) else { continue }
                guard let whole = try await whole(part, row) else {
                    removed.insert(row.sagaID)
                    continue
                }
                page.items.append(
                    Item(
                        position: FeedPosition(after, mark: mark), sagaID: row.sagaID, namespace: row.namespace,
                        workflowID: row.workflowID, workflowType: row.workflowType, events: whole))
            }
            let isFull = count >= limit || bytes >= Self.maximumPageBytes
            if !events.isEmpty || (isFull && index + 1 < found.rows.count) {
                // What is left is for the next page.
                next = after
                page.isAtEnd = false
                break
            }
        }
        place = next
        page.position = position
        return page
    }

    /// Takes the first events out, as many as are wanted and as make no item too long; at least one.
    /// - Returns: The events, and what they weigh.
    private static func part(
        of events: inout [HistoryEvent], atMost limit: Int
    ) -> (events: [HistoryEvent], weight: Int) {
        var end = 0
        var bytes = 0
        while end < min(limit, events.count) {
            let weight = weight(of: events[end])
            if end > 0, bytes + weight > maximumItemBytes { break }
            bytes += weight
            end += 1
        }
        defer { events.removeFirst(end) }
        return (Array(events.prefix(end)), bytes)
    }

    /// About how many bytes an event has when its payloads are whole.
    private static func weight(of event: HistoryEvent) -> Int {
        var attributes = event.attributes
        var bytes = 64 + event.storedBytes
        attributes.changePayloads { _, payload in bytes += payload.blobReference?.byteCount ?? 0 }
        return bytes
    }

    /// Events with the data of their payloads; nil if the run was removed meanwhile.
    private func whole(
        _ events: [HistoryEvent], _ row: FeedRows.Row
    ) async throws(StoreError) -> [HistoryEvent]? {
        guard row.events.withUnsafeBytes({ PackedEvents.hasBlobs($0) }) else { return events }
        do throws(StoreError) { return try await store.resolved(events) } catch {
            guard error.reason == .corrupt, try await store.execution(row.sagaID) == nil else { throw error }
            return nil
        }
    }

    private func decoded(_ row: FeedRows.Row) throws(StoreError) -> [HistoryEvent] {
        let events: [HistoryEvent]
        do throws(CodecError) {
            events = try PackedEvents.decode(row.events, sagaID: row.sagaID, firstEventID: row.firstEventID)
        } catch {
            throw damaged(row, "its row does not decode: \(error)")
        }
        guard events.count == row.count else {
            throw damaged(row, "its row has \(events.count) events instead of \(row.count)")
        }
        return events
    }

    private func damaged(_ row: FeedRows.Row, _ what: String) -> StoreError {
        StoreError(
            .corrupt,
            "the history of \(row.sagaID) is damaged at event \(row.firstEventID): \(what); restore it from a backup")
    }
}
