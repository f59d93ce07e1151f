import SagaCodec
import SagaCore
import SagaPostgres

/// One caller of the port: runs of its own, and commits that were built before the clock runs.
struct AppendLane: Sendable {
    let ids: [SagaID]
    private var next: [EventID]
    private var batches: [AppendBatch] = []
    private var cursor = 0
    private var random: UInt64
    /// Size of the stored form of one run's events in one commit.
    private(set) var bytesPerRun = 0

    init(runs: Int, seed: UInt64) {
        random = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        var state = random
        let time = Timestamp(microseconds: 1_790_000_000_000_000 &+ Int64(seed % 1_000_000_000) * 1_000)
        ids = (0..<runs).map { _ in
            SagaID(time: time, random: (Self.draw(&state), Self.draw(&state)))
        }
        random = state
        next = [EventID](repeating: 0, count: runs)
    }

    private static func draw(_ state: inout UInt64) -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }

    /// An event of 120 bytes of attributes, as in the ceiling.
    private mutating func event(_ id: SagaID, _ eventID: EventID) -> HistoryEvent {
        var data = [UInt8](repeating: 0, count: 104)
        for index in stride(from: 0, to: 104, by: 8) {
            let bits = Self.draw(&random)
            for byte in 0..<8 { data[index + byte] = UInt8(truncatingIfNeeded: bits >> UInt64(8 * byte)) }
        }
        return HistoryEvent(
            eventID: eventID, sagaID: id, timestamp: id.time.adding(microseconds: Int64(eventID)),
            attributes: .domainEvent(
                DomainEvent(typeName: "Moved", typeVersion: 1, payload: Payload(encoding: "bytes", data: data))))
    }

    /// Starts the runs.
    mutating func start(_ store: PostgresEventStore, _ epoch: UInt64) async throws {
        var transactions: [AppendTransaction] = []
        for (index, id) in ids.enumerated() {
            let workflow = "bench-\(id)"
            let row = ExecutionRow(
                sagaID: id, namespace: "default", workflowID: workflow, workflowType: "bench", status: .running,
                startedAt: id.time, nextEventID: 1, partition: Partition.of(namespace: "default", workflowID: workflow))
            transactions.append(
                AppendTransaction([
                    AppendEntry(
                        sagaID: id, expectedNextEventID: 0, events: [event(id, 0)], row: row, start: .unused)
                ]))
            next[index] = 1
        }
        let outcomes = try await store.append(AppendBatch(epoch: epoch, transactions: transactions))
        guard outcomes.allSatisfy({ $0 == .appended }) else { throw BenchFailure("append: a run did not start") }
    }

    /// Builds the commits.
    mutating func prepare(commits: Int, runsPerCommit: Int, events: Int) {
        batches = []
        batches.reserveCapacity(commits)
        for _ in 0..<commits {
            var transactions: [AppendTransaction] = []
            transactions.reserveCapacity(runsPerCommit)
            for _ in 0..<runsPerCommit {
                let id = ids[cursor]
                let first = next[cursor]
                let made = (0..<events).map { event(id, first + EventID($0)) }
                if bytesPerRun == 0 { bytesPerRun = PackedEvents.encode(made).count + 4 }
                transactions.append(
                    AppendTransaction([AppendEntry(sagaID: id, expectedNextEventID: first, events: made)]))
                next[cursor] = first + EventID(events)
                cursor = (cursor + 1) % ids.count
            }
            batches.append(AppendBatch(epoch: 0, transactions: transactions))
        }
    }

    /// Writes the commits, one after the other.
    /// - Returns: The seconds that each took.
    func times(_ store: PostgresEventStore, _ epoch: UInt64) async throws -> [Double] {
        var times: [Double] = []
        for var batch in batches {
            batch.epoch = epoch
            let start = ContinuousClock.now
            for outcome in try await store.append(batch) where outcome != .appended {
                throw BenchFailure("append: a conflict")
            }
            times.append((ContinuousClock.now - start) / .seconds(1))
        }
        return times
    }

    /// Writes the commits, one after the other.
    /// - Returns: How many events.
    func write(_ store: PostgresEventStore, _ epoch: UInt64) async throws -> Int {
        var events = 0
        for var batch in batches {
            batch.epoch = epoch
            for outcome in try await store.append(batch) where outcome != .appended {
                throw BenchFailure("append: a conflict")
            }
            events += batch.transactions.reduce(0) { $0 + $1.entries[0].events.count }
        }
        return events
    }
}
