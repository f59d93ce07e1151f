/// A store that can tell what was committed, of all runs, in one order: for read models, audits and whoever else follows
/// the whole of it. ``EventFeedReader`` is the way to use it.
///
/// The order is total, stable and without gaps: what stands before a place that was given out once does not change any
/// more, except that runs are removed. Rows of one run are in the order of their events. It follows the commits, but not
/// more closely than that: of two runs that were written at the same time either may come first.
public protocol EventFeed: EventStore {
    /// Rows as they are stored, from a place on.
    /// - Parameters:
    ///   - place: Where to begin; the row that has this event comes whole.
    ///   - filter: Which runs are wanted.
    ///   - limit: Most rows to look at, wanted or not; at least one is.
    /// - Throws: `StoreError` of reason `invalid` if the place lies beyond everything that was ever stored here: the store
    ///   is an older copy of the one that gave it out.
    func feedRows(from place: FeedPlace, _ filter: FeedFilter, limit: Int) async throws(StoreError) -> FeedRows

    /// Behind everything that can be read now; what is committed from now on comes after it.
    func feedEnd() async throws(StoreError) -> FeedPlace
}

/// A place in the order of everything that was committed: the next event that is wanted.
public struct FeedPlace: Hashable, Sendable {
    /// Number of the commit, as the store counts.
    public var commit: UInt64
    /// The run within it.
    public var sagaID: SagaID
    /// The event of the run.
    public var eventID: EventID

    public init(commit: UInt64, sagaID: SagaID = SagaID(high: 0, low: 0), eventID: EventID = 0) {
        self.commit = commit
        self.sagaID = sagaID
        self.eventID = eventID
    }

    /// Before everything.
    public static let beginning = FeedPlace(commit: 0)
}

extension FeedPlace: Comparable {
    public static func < (left: FeedPlace, right: FeedPlace) -> Bool {
        (left.commit, left.sagaID, left.eventID) < (right.commit, right.sagaID, right.eventID)
    }
}

/// Which runs of a feed are wanted.
public struct FeedFilter: Hashable, Sendable {
    /// Only runs of these namespaces.
    public var namespaces: [String]
    /// Only of these types; empty for all.
    public var workflowTypes: [String]

    public init(namespaces: [String], workflowTypes: [String] = []) {
        self.namespaces = namespaces
        self.workflowTypes = workflowTypes
    }

    /// Whether a run is wanted. Names are compared as bytes.
    public func matches(namespace: String, workflowType: String) -> Bool {
        namespaces.contains { $0.utf8.elementsEqual(namespace.utf8) }
            && (workflowTypes.isEmpty || workflowTypes.contains { $0.utf8.elementsEqual(workflowType.utf8) })
    }
}

/// What one look at a feed brought.
public struct FeedRows: Sendable {
    /// A row of a run that is wanted.
    public struct Row: Sendable {
        /// Number of its commit.
        public var commit: UInt64
        /// The run.
        public var sagaID: SagaID
        /// Id of its first event.
        public var firstEventID: EventID
        /// How many events it has.
        public var count: Int
        /// The namespace that the workflow id belongs to.
        public var namespace: String
        /// The caller's name for the run.
        public var workflowID: String
        /// Which workflow runs, or the type of the aggregate.
        public var workflowType: String
        /// The events (``PackedEvents``), without a checksum, which was right.
        public var events: [UInt8]

        public init(
            commit: UInt64, sagaID: SagaID, firstEventID: EventID, count: Int, namespace: String, workflowID: String,
            workflowType: String, events: [UInt8]
        ) {
            self.commit = commit
            self.sagaID = sagaID
            self.firstEventID = firstEventID
            self.count = count
            self.namespace = namespace
            self.workflowID = workflowID
            self.workflowType = workflowType
            self.events = events
        }
    }

    /// Bytes of events beyond which a look takes no further row: 4 MiB.
    public static let maximumBytes = 4 << 20

    /// Those that are wanted, in the order of the feed.
    public var rows: [Row] = []
    /// Behind everything that was looked at.
    public var next: FeedPlace
    /// Whether there was nothing more at that time.
    public var isAtEnd = false
    /// Bytes of the rows' events.
    public private(set) var byteCount = 0

    /// Nothing yet, from a place on.
    public init(from place: FeedPlace) { next = place }

    /// Adds a row.
    public mutating func append(_ row: Row) {
        byteCount += row.events.count
        rows.append(row)
    }

    /// Whether a further row of so many bytes would make it too much. The first one always fits.
    public func isFull(before bytes: Int) -> Bool { !rows.isEmpty && byteCount + bytes > Self.maximumBytes }
}
