import SagaCodec
import SagaCore
import SagaSamples
import Testing

/// The stored form of a run's state.
@Suite struct SnapshotCodingTests {
    private static let id = SagaID(high: 0x0192_0000_0000_7000, low: 0x8000_0000_0000_0001)
    private static let time = Timestamp(microseconds: 1_790_000_000_000_000)

    private static func event(_ eventID: EventID, _ attributes: EventAttributes) -> HistoryEvent {
        HistoryEvent(
            eventID: eventID, sagaID: id, timestamp: time.adding(microseconds: Int64(eventID)), attributes: attributes)
    }

    private static let started = EventAttributes.workflowExecutionStarted(
        WorkflowExecutionStarted(
            namespace: "default", workflowID: "order-1", workflowType: "Order", workflowVersion: 2,
            taskQueue: "default",
            input: Payload(encoding: "json", data: Array("1".utf8)), requestID: "start-1",
            executionTimeoutMicros: 5, cancelGraceMicros: 6))

    private static func signal(_ eventID: EventID, id: String) -> HistoryEvent {
        event(
            eventID,
            .signalReceived(
                SignalReceived(name: "go", payload: Payload(encoding: "json", data: [0x31]), signalID: id)))
    }

    private static func state(_ events: [HistoryEvent]) throws -> ExecutionState {
        var state = ExecutionState(sagaID: id)
        for event in events { try state.apply(event) }
        return state
    }

    /// Fails when a field is added to the state: write it in `ExecutionState+Coding.swift`, and raise
    /// `Snapshot.schemaVersion`.
    @Test func everyFieldIsStored() {
        #expect(Mirror(reflecting: ExecutionState(sagaID: Self.id)).children.count == 42)
        #expect(Snapshot.schemaVersion == 5)
    }

    @Test func theFormIsFixed() throws {
        let state = try Self.state([Self.event(0, Self.started), Self.signal(1, id: "b"), Self.signal(2, id: "a")])
        let bytes = Postcard.encode(state)
        #expect(bytes.count == 122)
        #expect(try Postcard.decodeStrict(ExecutionState.self, from: bytes) == state)
    }

    @Test func setsHaveOneOrder() throws {
        let ids = (0..<200).map { "signal-\($0)" }
        let one = try Self.state(
            [Self.event(0, Self.started)] + ids.enumerated().map { Self.signal(EventID($0 + 1), id: $1) })
        let again = try Postcard.decodeStrict(ExecutionState.self, from: Postcard.encode(one))
        #expect(Postcard.encode(again) == Postcard.encode(one))
    }

    /// Whatever the bytes, the answer is a state or a problem: nothing traps, nothing is allocated beyond the limit.
    @Test func anyBytesAreAState0rAProblem() throws {
        let good = try Snapshot.encode(
            Self.state([Self.event(0, Self.started), Self.signal(1, id: "b")]), at: Self.time)
        #expect(try Snapshot.decode(good).nextEventID == 2)
        #expect(Snapshot.takenAt(good) == Self.time)
        for length in 0..<good.bytes.count {
            var cut = good
            cut.bytes = Array(good.bytes.prefix(length))
            #expect(throws: Snapshot.Problem.self) { try Snapshot.decode(cut) }
        }
        for place in good.bytes.indices {
            for bit in 0..<8 {
                var bad = good
                bad.bytes[place] ^= 1 << UInt8(bit)
                #expect(throws: Snapshot.Problem.self, "byte \(place), bit \(bit)") { try Snapshot.decode(bad) }
            }
        }
        var moved = good
        moved.nextEventID = 3
        #expect(throws: Snapshot.Problem.self) { try Snapshot.decode(moved) }
        moved = good
        moved.sagaID = SagaID(high: 1, low: 1)
        #expect(throws: Snapshot.Problem.self) { try Snapshot.decode(moved) }
        // A state whose bytes are wrong behind a right checksum, as a bug would write it.
        let raw = Postcard.encode(try Snapshot.decode(good))
        for place in raw.indices {
            var bytes = raw
            bytes[place] ^= 0xFF
            _ = try? Postcard.decodeStrict(ExecutionState.self, from: bytes)
        }
    }

    @Test func otherVersionsAreNamed() throws {
        let good = try Snapshot.encode(Self.state([Self.event(0, Self.started)]), at: Self.time)
        #expect(throws: Snapshot.Problem.future(version: 6)) { try Snapshot.decode(good.with(version: 6)) }
        #expect(throws: Snapshot.Problem.future(version: 1)) { try Snapshot.decode(good.with(form: 2)) }
        #expect(throws: Snapshot.Problem.outdated(version: 1)) { try Snapshot.decode(good.with(version: 1)) }
        #expect(throws: Snapshot.Problem.outdated(version: 4)) { try Snapshot.decode(good.with(version: 4)) }
        #expect(throws: Never.self) { try Snapshot.decode(good.with(version: 5)) }
    }
}

extension StoredSnapshot {
    /// The same with another version and a right checksum.
    fileprivate func with(version: UInt16 = 1, form: UInt8 = 1) -> StoredSnapshot {
        var copy = self
        copy.bytes[0] = form
        copy.bytes[2] = UInt8(truncatingIfNeeded: version)
        copy.bytes[3] = UInt8(truncatingIfNeeded: version >> 8)
        let body = copy.bytes.dropLast(4)
        let keyed = sagaID.bytes + withUnsafeBytes(of: nextEventID.littleEndian) { Array($0) } + body
        let checksum = keyed.withUnsafeBytes { Checksum.of($0) }
        copy.bytes = body + withUnsafeBytes(of: checksum.littleEndian) { Array($0) }
        return copy
    }
}
