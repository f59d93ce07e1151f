import SagaCore
import SagaEngine
import SagaMemory
import SagaSQLite
import SagaSamples
import Testing

/// Large payloads apart from their events. The whole suite runs over stores that keep every payload apart; here is what only
/// they do.
@Suite struct PayloadBlobTests {
    private static let large = Payload(
        encoding: "json", data: (0..<200_000).map { UInt8(ascii: "a") + UInt8($0 % 7) },
        metadata: [MetadataEntry(key: "k", value: "v")])

    private static let kinds = StoreUnderTest.all.filter { !$0.name.contains("apart") }

    private func run(_ lab: inout Lab, _ id: SagaID, closes: Bool = false) -> [HistoryEvent] {
        var all: [EventAttributes] = [
            .workflowExecutionStarted(
                WorkflowExecutionStarted(
                    namespace: "default", workflowID: "a", workflowType: "Order", workflowVersion: 0,
                    taskQueue: "default", input: Self.large, requestID: "r", executionTimeoutMicros: 0,
                    cancelGraceMicros: 0)),
            .signalReceived(SignalReceived(name: "small", payload: .json("1"), signalID: "1")),
            .signalReceived(SignalReceived(name: "large", payload: Self.large, signalID: "2")),
        ]
        if closes {
            all.append(
                .workflowExecutionTerminated(
                    WorkflowExecutionTerminated(reason: "", identity: "", requestID: "", compensation: .none)))
        }
        return all.enumerated().map { index, attributes in
            HistoryEvent(
                eventID: EventID(index), sagaID: id, timestamp: id.time.adding(microseconds: Int64(index)),
                attributes: attributes)
        }
    }

    private func append(_ events: [HistoryEvent], _ lab: Lab, status: ExecutionStatus = .running) -> AppendEntry {
        let id = events[0].sagaID
        return AppendEntry(
            sagaID: id, expectedNextEventID: events[0].eventID, events: events,
            row: events[0].eventID == 0 || status.isClosed
                ? lab.row(id, workflow: "a", status: status, next: events[0].eventID + EventID(events.count)) : nil,
            start: events[0].eventID == 0 ? .unused : nil)
    }

    @Test(arguments: kinds)
    func rowsAreShortAndHistoriesWhole(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let id = lab.newID()
            let events = run(&lab, id)
            #expect(try await store.append(lab.batch([append(events, lab)])) == [.appended])
            #expect(try await store.events(of: id, from: 0, limit: 10) == events)
            #expect(try await store.events(of: id, from: 2, limit: 10) == [events[2]])
            // What recovery reads has references, and so has the state that it makes.
            let packed = try await store.packedEvents(of: id, from: 0, limit: 10)
            #expect(packed.bytes.count < 2_000)
            var state = ExecutionState(sagaID: id)
            var fold = HistoryFold()
            try fold.apply(packed, to: &state)
            #expect(state.nextEventID == 3)
            let apart = try packed.events()
            guard case .signalReceived(let small) = apart[1].attributes,
                case .signalReceived(let signal) = apart[2].attributes
            else { throw Lab.Surprise() }
            #expect(small.payload == .json("1") && !small.payload.isApart)
            #expect(signal.payload.isApart && signal.payload.data.isEmpty)
            #expect(signal.payload.blobReference?.byteCount == 200_000)
            #expect(signal.payload.encoding == "json")
            #expect(try await store.resolved(signal.payload) == Self.large)
            #expect(try await store.resolved(small.payload) == small.payload)
            #expect(try await store.resolved(apart) == events)
            // Compressed, because that helps here.
            let blobs = try await blobStore(store).blobs(of: id, [0, 8, 9])
            #expect(blobs.map(\.number).sorted() == [0, 8])
            #expect(blobs.allSatisfy { $0.bytes.count < 20_000 })
        }
    }

    @Test(arguments: kinds)
    func theyGoWithTheirRunAndOnlyWithIt(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let (first, second) = (lab.newID(), lab.newID())
            let old = run(&lab, first, closes: true)
            #expect(try await store.append(lab.batch([append(old, lab, status: .terminated)])) == [.appended])
            let events = run(&lab, second)
            var entry = append(events, lab)
            entry.start = .after(first)
            #expect(try await store.append(lab.batch([entry])) == [.appended])
            #expect(try await store.delete(first))
            #expect(try await blobStore(store).blobs(of: first, [0, 8]).isEmpty)
            #expect(try await store.history(second) == events)
        }
    }

    /// Nothing of a loser is written, and the winner of the same id keeps its own data.
    @Test(arguments: kinds)
    func aConflictWritesNone(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let id = lab.newID()
            let events = run(&lab, id)
            #expect(try await store.append(lab.batch([append([events[0]], lab)])) == [.appended])
            // Beside another that wins, so that both share a commit.
            let other = lab.start(lab.newID(), workflow: "b")
            var late = events[2]
            late.eventID = 7
            let outcomes = try await store.append(lab.batch([append([late], lab)], [other]))
            #expect(outcomes == [.conflict, .appended])
            #expect(try await blobStore(store).blobs(of: id, [28]).isEmpty)
            #expect(try await store.history(id) == [events[0]])
        }
    }

    /// A page ends where the data of its payloads becomes too much, and never is empty.
    @Test func pagesOfLargePayloadsAreShort() async throws {
        let store = MemoryEventStore()
        var lab = Lab(epoch: try await store.takeOver())
        let id = lab.newID()
        let huge = Payload(encoding: "bytes", data: [UInt8](repeating: 7, count: 10 << 20))
        var events = run(&lab, id)
        for index in 3..<8 {
            events.append(
                HistoryEvent(
                    eventID: EventID(index), sagaID: id, timestamp: id.time,
                    attributes: .signalReceived(SignalReceived(name: "s", payload: huge, signalID: "\(index)"))))
        }
        #expect(try await store.append(lab.batch([append(events, lab)])) == [.appended])
        #expect(try await store.events(of: id, from: 0, limit: 100).count == 4)
        #expect(try await store.events(of: id, from: 4, limit: 100).count == 1)
        #expect(try await store.history(id) == events)
    }

    /// Every byte of what is stored of a payload counts, and so does its place.
    @Test func aWrongByteIsNoticed() async throws {
        let store = MemoryEventStore(blobThreshold: 16)
        var lab = Lab(epoch: try await store.takeOver())
        let id = lab.newID()
        for data in [(0..<64).map { UInt8($0) }, [UInt8](repeating: 3, count: 500)] {
            let payload = Payload(encoding: "bytes", data: data)
            let run = lab.newID()
            var events = [self.run(&lab, run)[0]]
            guard case .workflowExecutionStarted(var started) = events[0].attributes else { throw Lab.Surprise() }
            started.input = payload
            events[0].attributes = .workflowExecutionStarted(started)
            var entry = append(events, lab)
            entry.row = lab.row(run, workflow: "w\(data.count)", next: 1)
            #expect(try await store.append(lab.batch([entry])) == [.appended])
            let blob = try #require(try await store.blobs(of: run, [0]).first)
            #expect(try blob.data(byteCount: data.count) == data)
            for place in blob.bytes.indices {
                for bit in 0..<8 {
                    var bad = blob
                    bad.bytes[place] ^= 1 << UInt8(bit)
                    #expect(throws: (any Error).self, "byte \(place)") { try bad.data(byteCount: data.count) }
                }
                var short = blob
                short.bytes.removeSubrange(place...)
                #expect(throws: (any Error).self) { try short.data(byteCount: data.count) }
            }
            var elsewhere = blob
            elsewhere.number = 1
            #expect(throws: (any Error).self) { try elsewhere.data(byteCount: data.count) }
            elsewhere = blob
            elsewhere.sagaID = id
            #expect(throws: (any Error).self) { try elsewhere.data(byteCount: data.count) }
            #expect(throws: (any Error).self) { try blob.data(byteCount: data.count - 1) }
            #expect(throws: (any Error).self) { try blob.data(byteCount: data.count + 1) }
        }
    }

    private func blobStore(_ store: any EventStore) throws -> any BlobStore { try #require(store as? any BlobStore) }
}
