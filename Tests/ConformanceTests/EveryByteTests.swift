import SagaCore
import SagaEngine
import SagaSQLite
import SagaSamples
import Synchronization
import Testing

/// Each byte of a small store is changed on the disk, one after the other: rows, snapshots, data of large payloads. PostgreSQL's
/// turn is in SagaPostgresTests.
@Suite struct EveryByteTests {
    private struct Prepared {
        let path: String
        let id: SagaID
        let events: [HistoryEvent]
        let state: ExecutionState
    }

    /// A run of six events in three rows, with a snapshot after the fourth, and a payload apart.
    private func prepare(_ directory: String) async throws -> Prepared {
        let path = directory + "/saga.db"
        let store = try SQLiteEventStore(path: path, blobThreshold: 40)
        var lab = Lab(epoch: try await store.takeOver())
        let id = lab.newID()
        var events: [HistoryEvent] = []
        var state = ExecutionState(sagaID: id)
        for index in 0..<6 {
            let payload = Payload(encoding: "bytes", data: (0..<(index == 2 ? 60 : 8)).map { UInt8($0 + index) })
            let attributes: EventAttributes =
                index == 0
                ? .workflowExecutionStarted(
                    WorkflowExecutionStarted(
                        namespace: "default", workflowID: "a", workflowType: "Order", workflowVersion: 0,
                        taskQueue: "q", input: payload, requestID: "r", executionTimeoutMicros: 0, cancelGraceMicros: 0)
                )
                : .signalReceived(SignalReceived(name: "s\(index)", payload: payload, signalID: "\(index)"))
            events.append(
                HistoryEvent(
                    eventID: EventID(index), sagaID: id, timestamp: id.time.adding(microseconds: Int64(index)),
                    attributes: attributes))
        }
        for first in [0, 2, 4] {
            let entry = AppendEntry(
                sagaID: id, expectedNextEventID: EventID(first), events: Array(events[first..<first + 2]),
                row: first == 0 ? lab.row(id, workflow: "a", next: 2) : nil, start: first == 0 ? .unused : nil)
            #expect(try await store.append(lab.batch([entry])) == [.appended])
        }
        for event in events.prefix(4) { try state.apply(event) }
        try await store.keep([try Snapshot.encode(state, at: id.time)], newest: 2)
        for event in events.suffix(2) { try state.apply(event) }
        await store.close()
        return Prepared(path: path, id: id, events: events, state: state)
    }

    /// What a reader finds: whether the history is refused, and whether the snapshot is passed over.
    private func look(_ prepared: Prepared) async throws -> (isRefused: Bool, isSkipped: Bool) {
        let store = try SQLiteEventStore(path: prepared.path)
        let skipped = Mutex(false)
        var isRefused = false
        do {
            let events = try await store.history(prepared.id)
            #expect(events == prepared.events, "read without an error, so it must be right")
        } catch let error as StoreError {
            #expect(error.reason == .corrupt)
            isRefused = true
        }
        let replayer = HistoryReplayer(store: store) { _ in skipped.withLock { $0 = true } }
        do {
            let run = try await replayer.state(of: prepared.id)
            #expect(run?.state == prepared.state)
        } catch {
            isRefused = true
        }
        await store.close()
        return (isRefused, skipped.withLock { $0 })
    }

    @Test func oneChangedByteOfAnyRowSnapshotOrPayloadIsNoticed() async throws {
        try await TemporaryDirectory.with { directory in
            let prepared = try await prepare(directory)
            let found = try await look(prepared)
            #expect(!found.isRefused && !found.isSkipped)
            let good = try TemporaryDirectory.bytes(of: prepared.path)
            var count = 0
            for (table, column) in [("history", "events"), ("blobs", "data"), ("snapshots", "snapshot")] {
                let stored = try RawDatabase(prepared.path).blobs("SELECT \(column) FROM \(table)")
                #expect(stored.count == (table == "history" ? 3 : 1))
                for bytes in stored {
                    let place = try #require(Self.place(of: bytes, in: good))
                    for offset in bytes.indices {
                        try TemporaryDirectory.write(
                            good[place + offset] ^ 1 << UInt8(offset % 8), at: place + offset, of: prepared.path)
                        let found = try await look(prepared)
                        #expect(
                            table == "snapshots" ? found.isSkipped && !found.isRefused : found.isRefused,
                            "\(table), byte \(offset)")
                        try TemporaryDirectory.write(good[place + offset], at: place + offset, of: prepared.path)
                        count += 1
                    }
                }
            }
            #expect(count > 400)
            let last = try await look(prepared)
            #expect(!last.isRefused && !last.isSkipped, "as it was before")
        }
    }

    private static func place(of bytes: [UInt8], in file: [UInt8]) -> Int? {
        guard file.count >= bytes.count else { return nil }
        return (0...file.count - bytes.count).first { file[$0] == bytes[0] && file[$0...].starts(with: bytes) }
    }
}
