import SagaCore
import SagaSamples

/// Makes runs and appends for tests, and remembers what each run must hold.
struct Lab {
    /// Something else came than was written.
    struct Surprise: Error {}

    var maker: SampleMaker
    var epoch: UInt64
    /// What was built for each run so far.
    private(set) var histories: [SagaID: [HistoryEvent]] = [:]
    private var milliseconds: Int64 = 1_790_000_000_000

    init(epoch: UInt64, seed: UInt64 = 1) {
        self.epoch = epoch
        maker = SampleMaker(seed: seed)
    }

    /// A new id, later than all before.
    mutating func newID() -> SagaID {
        milliseconds += 1
        return SagaID(
            time: Timestamp(microseconds: milliseconds * 1_000), random: (maker.random.next(), maker.random.next()))
    }

    func row(
        _ id: SagaID, workflow: String, namespace: String = "default", type: String = "Order",
        status: ExecutionStatus = .running, next: EventID
    ) -> ExecutionRow {
        ExecutionRow(
            sagaID: id, namespace: namespace, workflowID: workflow, workflowType: type, status: status,
            startedAt: id.time, closedAt: status.isClosed ? id.time.adding(microseconds: 5) : nil, nextEventID: next,
            partition: Partition.of(namespace: namespace, workflowID: workflow))
    }

    /// The first append of a run. It is remembered as if it were appended.
    mutating func start(
        _ id: SagaID, workflow: String, namespace: String = "default", type: String = "Order",
        condition: StartCondition = .unused, status: ExecutionStatus = .running, events count: Int = 2
    ) -> AppendEntry {
        let events = maker.events(count, from: 0, of: id)
        histories[id] = events
        let row = row(
            id, workflow: workflow, namespace: namespace, type: type, status: status, next: EventID(count))
        return AppendEntry(sagaID: id, expectedNextEventID: 0, events: events, row: row, start: condition)
    }

    /// A further append of a run, at the end of what is remembered.
    mutating func more(_ id: SagaID, events count: Int = 1, row: ExecutionRow? = nil) -> AppendEntry {
        let first = EventID(histories[id]?.count ?? 0)
        let events = maker.events(count, from: first, of: id)
        histories[id, default: []].append(contentsOf: events)
        var row = row
        row?.nextEventID = first + EventID(count)
        return AppendEntry(sagaID: id, expectedNextEventID: first, events: events, row: row)
    }

    /// Remembers events that came into the store by another road.
    mutating func adopt(_ events: [HistoryEvent], of id: SagaID) { histories[id, default: []] += events }

    /// An append that was built, but must not have happened.
    mutating func forget(_ entry: AppendEntry) {
        histories[entry.sagaID]?.removeLast(entry.events.count)
    }

    /// A run that was built, and is of no interest.
    mutating func forget(_ id: SagaID) { histories[id] = nil }

    func batch(_ transactions: [AppendEntry]...) -> AppendBatch {
        AppendBatch(epoch: epoch, transactions: transactions.map { AppendTransaction($0) })
    }

    /// A closing append of a run.
    mutating func close(
        _ id: SagaID, workflow: String, namespace: String = "default", status: ExecutionStatus = .completed
    ) -> AppendEntry {
        more(id, row: row(id, workflow: workflow, namespace: namespace, status: status, next: 0))
    }
}

extension EventStore {
    /// A whole history, page by page.
    func history(_ id: SagaID, page: Int = 1_000) async throws -> [HistoryEvent] {
        var events: [HistoryEvent] = []
        while true {
            let next = try await self.events(of: id, from: EventID(events.count), limit: page)
            if next.isEmpty { return events }
            events += next
        }
    }
}
