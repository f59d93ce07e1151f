import SagaCore
import SagaPostgres
import SagaSamples
import Synchronization

/// Runs that are appended to by one owner, with a record of what was acknowledged: what a store may not lose, and must not
/// have twice.
actor Load {
    private(set) var store: PostgresEventStore
    private var maker = SampleMaker(seed: 7)
    private(set) var epoch: UInt64
    /// Per run: the events that were acknowledged.
    private(set) var acknowledged: [SagaID: [HistoryEvent]] = [:]
    /// Per run: an append whose outcome is not known yet.
    private var open: [SagaID: AppendEntry] = [:]
    private var milliseconds: Int64 = 1_790_000_000_000

    init(_ store: PostgresEventStore) async throws {
        self.store = store
        epoch = try await store.takeOver()
    }

    /// Makes later ids from now on than another load has.
    func skipTo(_ milliseconds: Int64) { self.milliseconds = milliseconds }

    func newRun() async throws -> SagaID {
        milliseconds += 1
        let id = SagaID(
            time: Timestamp(microseconds: milliseconds * 1_000), random: (maker.random.next(), maker.random.next()))
        let events = maker.events(2, from: 0, of: id)
        let row = ExecutionRow(
            sagaID: id, namespace: "default", workflowID: "w-\(milliseconds)", workflowType: "T", status: .running,
            startedAt: id.time, nextEventID: 2,
            partition: Partition.of(namespace: "default", workflowID: "w-\(milliseconds)"))
        let entry = AppendEntry(sagaID: id, expectedNextEventID: 0, events: events, row: row, start: .unused)
        try await append([entry])
        return id
    }

    func entry(_ id: SagaID, events count: Int = 2) -> AppendEntry {
        let first = EventID(acknowledged[id]?.count ?? 0)
        return AppendEntry(sagaID: id, expectedNextEventID: first, events: maker.events(count, from: first, of: id))
    }

    /// Appends one transaction for each entry; throws what the store throws.
    func append(_ entries: [AppendEntry]) async throws {
        for entry in entries { open[entry.sagaID] = entry }
        let batch = AppendBatch(epoch: epoch, transactions: entries.map { AppendTransaction([$0]) })
        switch await Self.result(store, batch) {
        case .success(let outcomes):
            for (entry, outcome) in zip(entries, outcomes) {
                open[entry.sagaID] = nil
                if outcome == .appended { acknowledged[entry.sagaID, default: []] += entry.events }
            }
        case .failure(let error):
            if !error.outcomeUnknown { for entry in entries { open[entry.sagaID] = nil } }
            throw error
        }
    }

    private static func result(
        _ store: PostgresEventStore, _ batch: AppendBatch
    ) async -> Result<[AppendOutcome], StoreError> {
        do { return .success(try await store.append(batch)) } catch { return .failure(error) }
    }

    /// What an owner does after an append of unknown outcome: raises the epoch, then looks. Tries until the store answers.
    func settle() async throws {
        while true {
            do {
                try await look()
                return
            } catch let error as StoreError where error.reason == .unavailable {
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    private func look() async throws {
        epoch = try await store.takeOver()
        for (id, entry) in open {
            let found = try await store.events(of: id, from: entry.expectedNextEventID, limit: 1_000)
            // All of it or nothing.
            if found == entry.events { acknowledged[id, default: []] += found }
            open[id] = nil
        }
    }

    /// The runs whose history is not exactly what was acknowledged.
    func differences() async throws -> [SagaID] {
        var wrong: [SagaID] = []
        for (id, events) in acknowledged {
            var stored: [HistoryEvent] = []
            while true {
                let page = try await store.events(of: id, from: EventID(stored.count), limit: 1_000_000)
                if page.isEmpty { break }
                stored += page
            }
            if stored != events { wrong.append(id) }
        }
        return wrong
    }
}
