import SagaCore
import SagaEngine
import SagaPostgres
import Synchronization
import Testing

/// Each byte of a small stored run is changed in the tables, one after the other: rows, a snapshot, data of a large payload.
@Suite(.enabled(if: PrivateCluster.isWanted), .serialized) struct EveryByteTests {
    @Test func oneChangedByteOfAnyRowSnapshotOrPayloadIsNoticed() async throws {
        try await PrivateCluster.with { cluster in
            var options = PostgresOptions(connection: cluster.address)
            options.blobThreshold = 40
            let store = try await PostgresEventStore.open(options)
            let epoch = try await store.takeOver()
            let id = SagaID(time: Timestamp(microseconds: 1_790_000_000_000_000), random: (1, 2))
            let events = Self.events(of: id)
            for first in [0, 2, 4] {
                let row = ExecutionRow(
                    sagaID: id, namespace: "default", workflowID: "a", workflowType: "Order", status: .running,
                    startedAt: id.time, nextEventID: 2,
                    partition: Partition.of(namespace: "default", workflowID: "a"))
                let entry = AppendEntry(
                    sagaID: id, expectedNextEventID: EventID(first), events: Array(events[first..<first + 2]),
                    row: first == 0 ? row : nil, start: first == 0 ? .unused : nil)
                let batch = AppendBatch(epoch: epoch, transactions: [AppendTransaction([entry])])
                #expect(try await store.append(batch) == [.appended])
            }
            var state = ExecutionState(sagaID: id)
            for event in events.prefix(4) { try state.apply(event) }
            try await store.keep([try Snapshot.encode(state, at: id.time)], newest: 2)
            for event in events.suffix(2) { try state.apply(event) }

            let side = try SideSession(cluster.address)
            var count = 0
            for (table, column) in [("history", "events"), ("payload_blobs", "data"), ("snapshots", "snapshot")] {
                let key = table == "history" ? "first_event_id" : table == "snapshots" ? "next_event_id" : "blob_no"
                for row in side.run("SELECT \(key), length(\(column)) FROM \(table) ORDER BY 1") {
                    let length = try #require(Int(row[1]))
                    for offset in 0..<length {
                        let flip =
                            "UPDATE \(table) SET \(column) = set_byte(\(column), \(offset), get_byte(\(column), \(offset)) # \(1 << (offset % 8))) WHERE \(key) = \(row[0])"
                        side.run(flip)
                        let found = try await look(store, id, events, state)
                        #expect(
                            table == "snapshots" ? found.isSkipped && !found.isRefused : found.isRefused,
                            "\(table) \(row[0]), byte \(offset)")
                        side.run(flip)
                        count += 1
                    }
                }
            }
            #expect(count > 400)
            let last = try await look(store, id, events, state)
            #expect(!last.isRefused && !last.isSkipped, "as it was before")
            await store.close()
        }
    }

    /// What a reader finds: whether the history is refused, and whether the snapshot is passed over.
    private func look(
        _ store: PostgresEventStore, _ id: SagaID, _ events: [HistoryEvent], _ state: ExecutionState
    ) async throws -> (isRefused: Bool, isSkipped: Bool) {
        let skipped = Mutex(false)
        var isRefused = false
        do throws(StoreError) {
            let found = try await store.events(of: id, from: 0, limit: 100)
            #expect(found == events, "read without an error, so it must be right")
        } catch {
            #expect(error.reason == .corrupt, "\(error)")
            isRefused = true
        }
        let replayer = HistoryReplayer(store: store) { _ in skipped.withLock { $0 = true } }
        do {
            let run = try await replayer.state(of: id)
            #expect(run?.state == state)
        } catch {
            isRefused = true
        }
        return (isRefused, skipped.withLock { $0 })
    }

    private static func events(of id: SagaID) -> [HistoryEvent] {
        (0..<6).map { index in
            let payload = Payload(encoding: "bytes", data: (0..<(index == 2 ? 60 : 8)).map { UInt8($0 + index) })
            let attributes: EventAttributes =
                index == 0
                ? .workflowExecutionStarted(
                    WorkflowExecutionStarted(
                        namespace: "default", workflowID: "a", workflowType: "Order", workflowVersion: 0,
                        taskQueue: "q", input: payload, requestID: "r", executionTimeoutMicros: 0, cancelGraceMicros: 0)
                )
                : .signalReceived(SignalReceived(name: "s\(index)", payload: payload, signalID: "\(index)"))
            return HistoryEvent(
                eventID: EventID(index), sagaID: id, timestamp: id.time.adding(microseconds: Int64(index)),
                attributes: attributes)
        }
    }
}
