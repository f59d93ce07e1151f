/// Where histories live. Appends are exact per saga under conflict, and durable when they return (semantics, section 2,
/// promises 1 and 2). Every adapter passes one conformance suite.
public protocol EventStore: Sendable {
    /// Appends one batch as one durable commit.
    ///
    /// Transactions are judged one by one, in order: the entries of a conflicting one are left out, all others are
    /// appended. A store checks the form of the batch (`AppendBatch.validate`) before it writes anything.
    /// - Parameter batch: What to append; a saga occurs at most once in it.
    /// - Returns: One outcome per transaction, in order.
    /// - Throws: `StoreError` if the commit as a whole failed. `outcomeUnknown` says whether it may have happened.
    func append(_ batch: AppendBatch) async throws(StoreError) -> [AppendOutcome]

    /// Reads events of one run, oldest first.
    /// - Parameters:
    ///   - sagaID: The run.
    ///   - from: First event id wanted; the answer begins with it.
    ///   - limit: Most events to return; what is left of one whole stored row is returned even if it is longer. Fewer
    ///     than `limit` does not mean the end: an empty answer does.
    func events(of sagaID: SagaID, from: EventID, limit: Int) async throws(StoreError) -> [HistoryEvent]

    /// Reads rows of one run as they are stored, oldest first, for those who make the run's state of them (`HistoryFold`).
    /// What a checksum or a row's place can show is checked; nothing is decoded.
    /// - Parameters:
    ///   - sagaID: The run.
    ///   - from: First event id wanted; the first row is the one that has it.
    ///   - limit: Most events to return; one whole stored row is returned even if it is longer. Fewer than `limit` does not
    ///     mean the end: an empty answer does.
    func packedEvents(of sagaID: SagaID, from: EventID, limit: Int) async throws(StoreError) -> PackedHistory

    /// The same of many runs in few questions, for recovery.
    /// - Parameters:
    ///   - places: The runs, each once, with the first event wanted of each.
    ///   - limit: Most events of each run, as above.
    /// - Returns: One page for each run, in their order, empty for one without such events. Fewer than `places` if the bytes
    ///   would become too many (``PackedHistory/maximumBytes``): then those of the first runs, at least one.
    func packedEvents(of places: [HistoryPlace], limit: Int) async throws(StoreError) -> [PackedHistory]

    /// The row of one run; nil if the run is unknown.
    func execution(_ sagaID: SagaID) async throws(StoreError) -> ExecutionRow?

    /// The newest run of a workflow id; nil if there is none.
    func latestExecution(namespace: String, workflowID: String) async throws(StoreError) -> ExecutionRow?

    /// Runs that are not closed, in order of their saga ids, for recovery.
    /// - Parameters:
    ///   - after: Only runs with a greater id; nil for the first page.
    ///   - limit: Most rows to return.
    func openExecutions(after: SagaID?, limit: Int) async throws(StoreError) -> [ExecutionRow]

    /// Runs that match a filter, newest first.
    func list(_ query: ExecutionQuery) async throws(StoreError) -> [ExecutionRow]

    /// How many runs match a filter; its page and limit do not count. Exact up to `limit`; beyond it the store may estimate.
    func count(_ query: ExecutionQuery, exactUpTo limit: Int) async throws(StoreError) -> RunCount

    /// Late effects that match a filter, oldest first. The same report (run, event, attempt) is kept once, however often it
    /// was appended.
    func lateEffects(_ query: LateEffectQuery) async throws(StoreError) -> [StoredLateEffect]

    /// Makes the next fencing epoch durable and returns it; from then on appends of older epochs are refused. A new owner
    /// calls it before it reads anything, and again after an append whose outcome it does not know.
    func takeOver() async throws(StoreError) -> UInt64

    /// Facts about the store that were fixed when it was created.
    func metadata() async throws(StoreError) -> StoreMetadata

    /// Whether the store keeps the search attributes of its rows and filters by them.
    var filtersByAttributes: Bool { get }

    /// Removes a closed run and its history.
    /// - Returns: False if there is no such run, or it is open.
    func delete(_ sagaID: SagaID) async throws(StoreError) -> Bool

    /// Flushes and closes; further calls throw.
    func close() async
}

/// A place in the history of a run.
public struct HistoryPlace: Hashable, Sendable {
    /// The run.
    public var sagaID: SagaID
    /// The first event from there on.
    public var from: EventID

    public init(_ sagaID: SagaID, from: EventID) {
        self.sagaID = sagaID
        self.from = from
    }
}

/// Everything that one group commit appends.
public struct AppendBatch: Sendable {
    /// The owner's fencing epoch; a store that has seen a higher one refuses the batch.
    public var epoch: UInt64
    /// What is appended. Each transaction is all or nothing; transactions do not affect each other.
    public var transactions: [AppendTransaction]
    /// Late effects to keep; durable when the append returns, whatever becomes of its transactions. One that is kept already
    /// is left out.
    public var lateEffects: [LateEffect]

    public init(epoch: UInt64, transactions: [AppendTransaction], lateEffects: [LateEffect] = []) {
        self.epoch = epoch
        self.transactions = transactions
        self.lateEffects = lateEffects
    }
}

/// Appends that happen together or not at all: one run, or two when one run closes and its workflow id goes on in another.
public struct AppendTransaction: Sendable {
    /// What is appended, at most one entry a run.
    public var entries: [AppendEntry]

    public init(_ entries: [AppendEntry]) { self.entries = entries }
}

/// What is appended to one run.
public struct AppendEntry: Sendable {
    /// The run.
    public var sagaID: SagaID
    /// The id that the first event must get; anything else is a conflict.
    public var expectedNextEventID: EventID
    /// The events, with consecutive ids from `expectedNextEventID`.
    public var events: [HistoryEvent]
    /// The run's row as it is afterwards: set when the run starts, closes, or changes what List shows; nil otherwise.
    /// After the start only its status, `closedAt` and the search attributes may differ from the row before.
    public var row: ExecutionRow?
    /// For the first append of a run: what must hold of its workflow id.
    public var start: StartCondition?

    public init(
        sagaID: SagaID, expectedNextEventID: EventID, events: [HistoryEvent], row: ExecutionRow? = nil,
        start: StartCondition? = nil
    ) {
        self.sagaID = sagaID
        self.expectedNextEventID = expectedNextEventID
        self.events = events
        self.row = row
        self.start = start
    }
}

/// What must hold of a workflow id for a new run of it to begin; judged in the same commit, so that a fresh workflow id
/// costs no read.
public enum StartCondition: Hashable, Sendable {
    /// The workflow id was never used.
    case unused
    /// This run is the newest of the workflow id, and is closed (or closes in the same transaction).
    case after(SagaID)
}

/// What became of one transaction.
public enum AppendOutcome: Hashable, Sendable {
    /// Durable.
    case appended
    /// Another writer was there first, the run is closed, or the start condition does not hold; nothing of the transaction
    /// was written.
    case conflict
}

/// One run as the store lists it.
public struct ExecutionRow: Hashable, Sendable {
    /// The run.
    public var sagaID: SagaID
    /// The namespace that the workflow id belongs to.
    public var namespace: String
    /// The caller's name for the saga.
    public var workflowID: String
    /// Which workflow code runs.
    public var workflowType: String
    /// Where the run stands.
    public var status: ExecutionStatus
    /// When it started.
    public var startedAt: Timestamp
    /// When it closed; nil while it is open.
    public var closedAt: Timestamp?
    /// The id that the next event gets.
    public var nextEventID: EventID
    /// `Partition.of` the workflow id.
    public var partition: UInt32
    /// Attributes that List filters by.
    public var searchAttributes: [NamedPayload]

    public init(
        sagaID: SagaID, namespace: String, workflowID: String, workflowType: String, status: ExecutionStatus,
        startedAt: Timestamp, closedAt: Timestamp? = nil, nextEventID: EventID, partition: UInt32,
        searchAttributes: [NamedPayload] = []
    ) {
        self.sagaID = sagaID
        self.namespace = namespace
        self.workflowID = workflowID
        self.workflowType = workflowType
        self.status = status
        self.startedAt = startedAt
        self.closedAt = closedAt
        self.nextEventID = nextEventID
        self.partition = partition
        self.searchAttributes = searchAttributes
    }
}

/// Where a run stands (semantics, section 3). The raw value is wire and disk format.
public enum ExecutionStatus: UInt8, Hashable, Sendable, CaseIterable, RawByteCodable {
    case running = 0
    case compensating = 1
    case blocked = 2
    case completed = 3
    case failed = 4
    case canceled = 5
    case timedOut = 6
    case terminated = 7
    case continuedAsNew = 8
    case paused = 9

    /// Whether nothing can happen to the run any more.
    @inlinable
    public var isClosed: Bool {
        switch self {
        case .running, .compensating, .blocked, .paused: false
        case .completed, .failed, .canceled, .timedOut, .terminated, .continuedAsNew: true
        }
    }

    /// The name for people and for JSON.
    public var name: String {
        switch self {
        case .running: "Running"
        case .compensating: "Compensating"
        case .blocked: "Blocked"
        case .completed: "Completed"
        case .failed: "Failed"
        case .canceled: "Canceled"
        case .timedOut: "TimedOut"
        case .terminated: "Terminated"
        case .continuedAsNew: "ContinuedAsNew"
        case .paused: "Paused"
        }
    }
}

/// A filter of runs, paged by key.
public struct ExecutionQuery: Hashable, Sendable {
    /// The namespace that the workflow id belongs to.
    public var namespace: String
    /// Only this type; empty for all.
    public var workflowType: String
    /// Only this workflow id; empty for all.
    public var workflowID: String
    /// Only these statuses; empty for all.
    public var statuses: [ExecutionStatus]
    /// Conditions on search attributes; all must hold. Only for a store that `filtersByAttributes`.
    public var attributes: [AttributeCondition]
    /// Only runs with a smaller saga id: the last one of the page before; nil for the first page.
    public var before: SagaID?
    /// Most rows to return.
    public var limit: Int

    public init(
        namespace: String, workflowType: String = "", workflowID: String = "", statuses: [ExecutionStatus] = [],
        attributes: [AttributeCondition] = [], before: SagaID? = nil, limit: Int = 100
    ) {
        self.namespace = namespace
        self.workflowType = workflowType
        self.workflowID = workflowID
        self.statuses = statuses
        self.attributes = attributes
        self.before = before
        self.limit = limit
    }
}

/// How many runs match a filter.
public struct RunCount: Hashable, Sendable {
    /// The number, or what it is thought to be.
    public var count: Int
    /// Whether it is an estimate, and more than what was to be counted exactly.
    public var isEstimate: Bool

    public init(count: Int, isEstimate: Bool) {
        self.count = count
        self.isEstimate = isEstimate
    }
}

/// Facts about a store that were fixed when it was created.
public struct StoreMetadata: Hashable, Sendable {
    /// Version of the stored form.
    public var schemaVersion: UInt32
    /// How many partitions workflow ids are spread over.
    public var partitionCount: UInt32
    /// Key of the message authentication code in task tokens: 32 random bytes.
    public var taskTokenKey: [UInt8]
    /// The highest fencing epoch so far; an owner takes the next one before it reads anything.
    public var epoch: UInt64

    public init(schemaVersion: UInt32, partitionCount: UInt32, taskTokenKey: [UInt8], epoch: UInt64) {
        self.schemaVersion = schemaVersion
        self.partitionCount = partitionCount
        self.taskTokenKey = taskTokenKey
        self.epoch = epoch
    }
}

/// Why a store could not do what was asked.
public struct StoreError: Error, Hashable, Sendable {
    /// What kind of failure it is.
    public enum Reason: Hashable, Sendable {
        /// The store is down, busy or full; try again.
        case unavailable
        /// A newer owner has taken the store over; this one must stop writing.
        case fenced
        /// What is stored does not decode; never guessed over.
        case corrupt
        /// The store was closed.
        case closed
        /// The store cannot be used as it is (wrong version, wrong file, in use by another process).
        case misconfigured
        /// The call breaks the port's rules (a gap between event ids, a row that does not fit): a bug of the caller.
        case invalid
    }

    /// What kind of failure it is.
    public var reason: Reason
    /// What happened, where, and what to do.
    public var message: String
    /// For an append: whether it may have happened all the same.
    public var outcomeUnknown: Bool

    public init(_ reason: Reason, _ message: String, outcomeUnknown: Bool = false) {
        self.reason = reason
        self.message = message
        self.outcomeUnknown = outcomeUnknown
    }

    /// The error as the one structure that crosses the wire.
    public var sagaError: SagaError {
        SagaError(kind: .eventStore, message: message, isNonRetryable: reason == .misconfigured || reason == .invalid)
    }
}

extension StoreError: CustomStringConvertible {
    public var description: String { message }
}
