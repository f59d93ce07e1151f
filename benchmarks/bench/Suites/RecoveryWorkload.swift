import SagaCore
import SagaEngine

/// The history of a run that does one step after the other.
struct RunOfSteps: Sendable {
    static let id = SagaID(time: Timestamp(microseconds: 1_790_000_000_000_000), random: (7, 7))
    let events: [HistoryEvent]

    init(events: [HistoryEvent]) { self.events = events }

    /// - Parameter hasUndo: Whether each step can be undone, so that the state grows.
    init(count: Int, hasUndo: Bool) {
        let steps = (count - 1) / 3 + 1
        events = (0..<count).map { Self.event($0, steps: steps, hasUndo: hasUndo) }
    }

    /// One event of a run of so many steps.
    private static func event(_ index: Int, steps: Int, hasUndo: Bool) -> HistoryEvent {
        let eventID = EventID(index)
        let command = CommandNumber(max(0, index - 1) / 3)
        let attributes: EventAttributes
        switch (index, index % 3) {
        case (0, _):
            attributes = .workflowExecutionStarted(
                WorkflowExecutionStarted(
                    namespace: "default", workflowID: "line", workflowType: BenchLine.typeID, workflowVersion: 0,
                    taskQueue: "default",
                    input: Payload(encoding: "json", data: Array("\(steps)".utf8)),
                    executionTimeoutMicros: 0, cancelGraceMicros: 0))
        case (_, 1):
            attributes = .activityTaskScheduled(
                ActivityTaskScheduled(
                    commandNumber: command, stepID: BenchStep.typeID,
                    activityType: BenchStep.typeID, taskQueue: "default", input: one, retry: RetryPolicy(),
                    timeouts: .standard, undo: hasUndo ? BenchStep.undoSpec : nil,
                    idempotencyKey: "\(id)/\(eventID)"))
        case (_, 2):
            attributes = .activityTaskStarted(
                ActivityTaskStarted(
                    scheduledEventID: eventID - 1, attempt: 1, identity: "bench",
                    startedAt: id.time.adding(microseconds: Int64(index))))
        default:
            attributes = .activityTaskCompleted(
                ActivityTaskCompleted(scheduledEventID: eventID - 2, attempt: 1, output: one))
        }
        return HistoryEvent(
            eventID: eventID, sagaID: id, timestamp: id.time.adding(microseconds: Int64(index)),
            attributes: attributes)
    }

    private static let one = Payload(encoding: "json", data: Array("1".utf8))

    /// Writes the first events of a run of so many steps, without ever holding all of them.
    /// - Parameter rowEvents: Events of each append.
    static func write(
        _ count: Int, steps: Int, to store: any EventStore, rowEvents: Int = 1_000
    ) async throws -> SagaID {
        let epoch = try await store.takeOver()
        let none = RunOfSteps(count: 0, hasUndo: false)
        for start in stride(from: 0, to: count, by: rowEvents) {
            let part = (start..<min(count, start + rowEvents)).map { event($0, steps: steps, hasUndo: false) }
            try await none.append([none.entry(part, EventID(start), sagaID: id, workflowID: "line")], to: store, epoch)
        }
        return id
    }

    /// Writes it once, 30 events an append.
    func write(to store: any EventStore) async throws -> SagaID {
        let epoch = try await store.takeOver()
        var rest = events[...]
        while let first = rest.first {
            let part = Array(rest.prefix(30))
            rest = rest.dropFirst(30)
            let entry = entry(part, first.eventID, sagaID: Self.id, workflowID: "line")
            try await append([entry], to: store, epoch)
        }
        return Self.id
    }

    /// Writes it so many times, as runs of their own.
    /// - Parameter rowEvents: Events of each append of a run but the first, which has one less; nil for one append a run.
    func write(_ runs: Int, to store: any EventStore, rowEvents: Int? = nil) async throws {
        let epoch = try await store.takeOver()
        for start in stride(from: 0, to: runs, by: 500) {
            var rest = events[...]
            while let first = rest.first {
                let part = rest.prefix(rowEvents.map { first.eventID == 0 ? $0 - 1 : $0 } ?? rest.count)
                rest = rest.dropFirst(part.count)
                let entries = (start..<min(runs, start + 500)).map { number in
                    let sagaID = SagaID(time: Self.id.time, random: (UInt64(number) &* 0x9E37_79B9, UInt64(number)))
                    return entry(
                        part.map { $0.of(sagaID) }, first.eventID, sagaID: sagaID, workflowID: "line-\(number)")
                }
                try await append(entries, to: store, epoch)
            }
        }
    }

    private func entry(
        _ events: [HistoryEvent], _ first: EventID, sagaID: SagaID, workflowID: String
    ) -> AppendEntry {
        let next = first + EventID(events.count)
        let row = ExecutionRow(
            sagaID: sagaID, namespace: "default", workflowID: workflowID, workflowType: BenchLine.typeID,
            status: .running, startedAt: sagaID.time, nextEventID: next,
            partition: Partition.of(namespace: "default", workflowID: workflowID))
        return AppendEntry(
            sagaID: sagaID, expectedNextEventID: first, events: events, row: first == 0 ? row : nil,
            start: first == 0 ? .unused : nil)
    }

    private func append(_ entries: [AppendEntry], to store: any EventStore, _ epoch: UInt64) async throws {
        let outcomes = try await store.append(
            AppendBatch(epoch: epoch, transactions: entries.map { AppendTransaction([$0]) }))
        guard outcomes.allSatisfy({ $0 == .appended }) else { throw BenchFailure("recovery: an append was refused") }
    }
}

extension HistoryEvent {
    /// The same event of another run.
    func of(_ sagaID: SagaID) -> HistoryEvent {
        var copy = self
        copy.sagaID = sagaID
        return copy
    }
}

/// A shard without anything around it: every append is durable at once.
struct BareShard {
    private let shard: Shard
    private var now: Int64 = 0
    private var snapshots: UInt64 = 0
    private var replies: UInt64 = 0

    init(snapshotEvents: UInt64) {
        var config = ShardConfig()
        config.snapshotEvents = snapshotEvents
        shard = Shard(config: config, seed: 1)
        shard.handle(.recoveryFinished(epoch: 1), now: time)
    }

    private var time: ShardTime {
        ShardTime(wall: Timestamp(microseconds: 1_790_000_000_000_000 + now), monotonic: now)
    }

    /// Starts a run and signals it so many times.
    /// - Returns: How many answers there were.
    func signal(_ count: Int) throws -> UInt64 {
        var copy = self
        copy.give(
            .call(
                0,
                .start(
                    StartCall(
                        namespace: "default", workflowID: "w", workflowType: "t", input: .empty, requestID: "start"))))
        let payload = Payload(encoding: "json", data: Array("1".utf8))
        let target = RunTarget(namespace: "default", workflowID: "w")
        for number in 1...count {
            copy.give(.call(CallID(number), .signal(SignalCall(target: target, name: "s", payload: payload))))
        }
        guard copy.replies == UInt64(count) + 1 else { throw BenchFailure("recovery: \(copy.replies) answers") }
        return copy.replies
    }

    private mutating func give(_ input: ShardInput) {
        now += 1
        shard.handle(input, now: time)
        for effect in shard.flush(now: time) {
            switch effect {
            case .append(let id, let batch):
                give(.appended(id, .success(batch.transactions.map { _ in .appended })))
            case .snapshot(let state, _):
                snapshots += 1
                give(
                    .snapshotKept(
                        state.sagaID,
                        SnapshotCreated(uptoEventID: state.nextEventID - 1, sizeBytes: 1, checksum: 1)))
            case .reply: replies += 1
            default: break
            }
        }
    }
}
