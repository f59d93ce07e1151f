import SagaCore
import SagaEngine
import SagaMemory
import SagaSamples
import Synchronization
import Testing

/// Snapshots, in every store: kept, replaced, thinned out, found again, and never trusted when a byte of them is wrong.
@Suite struct SnapshotTests {
    private func snapshot(_ lab: inout Lab, _ id: SagaID, _ next: EventID, bytes: Int = 40) -> StoredSnapshot {
        StoredSnapshot(
            sagaID: id, nextEventID: next,
            bytes: (0..<bytes).map { _ in UInt8(truncatingIfNeeded: lab.maker.random.next()) })
    }

    private func snapshots(_ store: any EventStore) throws -> any SnapshotStore {
        try #require(store as? any SnapshotStore)
    }

    @Test(arguments: StoreUnderTest.all)
    func theNewestUpToAnEventIsFound(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let keeper = try snapshots(store)
            let (one, two) = (lab.newID(), lab.newID())
            _ = try await store.append(
                lab.batch([lab.start(one, workflow: "a", events: 9)], [lab.start(two, workflow: "b", events: 9)]))
            let own = [2, 5, 8].map { snapshot(&lab, one, $0) }
            let other = snapshot(&lab, two, 6, bytes: 100_000)
            try await keeper.keep([own[1], other, own[0]], newest: 9)
            try await keeper.keep([own[2]], newest: 9)
            #expect(try await keeper.snapshot(of: one, upTo: .max) == own[2])
            #expect(try await keeper.snapshot(of: one, upTo: 8) == own[2])
            #expect(try await keeper.snapshot(of: one, upTo: 7) == own[1])
            #expect(try await keeper.snapshot(of: one, upTo: 2) == own[0])
            #expect(try await keeper.snapshot(of: one, upTo: 1) == nil)
            #expect(try await keeper.snapshot(of: two, upTo: .max) == other)
            #expect(try await keeper.snapshot(of: lab.newID(), upTo: .max) == nil)
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func olderOnesGoAndTheSameOneIsReplaced(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let keeper = try snapshots(store)
            let (one, two) = (lab.newID(), lab.newID())
            _ = try await store.append(
                lab.batch([lab.start(one, workflow: "a", events: 9)], [lab.start(two, workflow: "b", events: 9)]))
            let untouched = snapshot(&lab, two, 3)
            try await keeper.keep([untouched], newest: 1)
            for next in 1...6 { try await keeper.keep([snapshot(&lab, one, EventID(next))], newest: 2) }
            #expect(try await keeper.snapshot(of: one, upTo: 5)?.nextEventID == 5)
            #expect(try await keeper.snapshot(of: one, upTo: 4) == nil)
            #expect(try await keeper.snapshot(of: two, upTo: .max) == untouched)
            let again = snapshot(&lab, one, 6)
            try await keeper.keep([snapshot(&lab, one, 6), again], newest: 2)
            #expect(try await keeper.snapshot(of: one, upTo: .max) == again)
            try await keeper.keep([again], newest: 0)
            #expect(try await keeper.snapshot(of: one, upTo: 5) == nil, "one stays at least")
            #expect(try await keeper.snapshot(of: one, upTo: .max) == again)
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func oneOfARunThatIsNotThereIsLeftOut(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let keeper = try snapshots(store)
            let (known, unknown) = (lab.newID(), lab.newID())
            _ = try await store.append(lab.batch([lab.start(known, workflow: "a")]))
            let kept = snapshot(&lab, known, 2)
            try await keeper.keep([snapshot(&lab, unknown, 2), kept], newest: 2)
            #expect(try await keeper.snapshot(of: known, upTo: .max) == kept)
            #expect(try await keeper.snapshot(of: unknown, upTo: .max) == nil)
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func theyGoWithTheirRun(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let keeper = try snapshots(store)
            let id = lab.newID()
            _ = try await store.append(lab.batch([lab.start(id, workflow: "a")]))
            try await keeper.keep([snapshot(&lab, id, 2)], newest: 2)
            _ = try await store.append(lab.batch([lab.close(id, workflow: "a")]))
            #expect(try await store.delete(id))
            #expect(try await keeper.snapshot(of: id, upTo: .max) == nil)
        }
    }

    @Test(arguments: StoreUnderTest.durable)
    func theyAreThereAfterASecondOpening(_ kind: StoreUnderTest) async throws {
        try await TemporaryDirectory.with { directory in
            let store = try await kind.open(directory)
            var lab = Lab(epoch: try await store.takeOver())
            let id = lab.newID()
            _ = try await store.append(lab.batch([lab.start(id, workflow: "a")]))
            let kept = snapshot(&lab, id, 2)
            try await snapshots(store).keep([kept], newest: 2)
            await store.close()
            let again = try await kind.open(directory)
            #expect(try await snapshots(again).snapshot(of: id, upTo: .max) == kept)
            await again.close()
        }
    }

    // MARK: Replay over them

    /// A run that its own fold accepts: a start and signals, with a state that grows.
    private func history(_ lab: inout Lab, _ id: SagaID, _ count: Int) -> [HistoryEvent] {
        (0..<count).map { index in
            let attributes: EventAttributes =
                index == 0
                ? .workflowExecutionStarted(
                    WorkflowExecutionStarted(
                        namespace: "default", workflowID: "a", workflowType: "Order", workflowVersion: 0,
                        taskQueue: "default", input: lab.maker.payload(), requestID: "r", executionTimeoutMicros: 0,
                        cancelGraceMicros: 0))
                : .signalReceived(
                    SignalReceived(name: "s\(index)", payload: lab.maker.payload(), signalID: "signal-\(index)"))
            return HistoryEvent(
                eventID: EventID(index), sagaID: id, timestamp: id.time.adding(microseconds: Int64(index)),
                attributes: attributes)
        }
    }

    private func store(_ events: [HistoryEvent], in store: any EventStore, _ lab: Lab) async throws {
        let id = events[0].sagaID
        for (index, event) in events.enumerated() {
            let entry = AppendEntry(
                sagaID: id, expectedNextEventID: EventID(index), events: [event],
                row: index == 0 ? lab.row(id, workflow: "a", next: 1) : nil, start: index == 0 ? .unused : nil)
            #expect(try await store.append(lab.batch([entry])) == [.appended])
        }
    }

    private func state(_ events: some Sequence<HistoryEvent>, _ id: SagaID) throws -> ExecutionState {
        var state = ExecutionState(sagaID: id)
        for event in events { try state.apply(event) }
        return state
    }

    @Test(arguments: StoreUnderTest.all)
    func aSnapshotAndTheTailAreTheFullReplayAtEveryEvent(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let id = lab.newID()
            let events = history(&lab, id, 20)
            try await self.store(events, in: store, lab)
            let keeper = try snapshots(store)
            for next in 1...20 {
                let stored = try Snapshot.encode(try state(events.prefix(next), id), at: id.time)
                try await keeper.keep([stored], newest: 1)
                let skipped = Mutex<[SkippedSnapshot]>([])
                let replayer = HistoryReplayer(store: store) { problem in skipped.withLock { $0.append(problem) } }
                let run = try #require(try await replayer.state(of: id))
                #expect(run.snapshotAt == EventID(next))
                #expect(run.eventsApplied == UInt64(20 - next))
                #expect(run.state == (try state(events, id)))
                #expect(skipped.withLock { $0 }.isEmpty)
                for upTo in [0, next - 1, 19] {
                    let past = try #require(try await replayer.state(of: id, upTo: EventID(upTo)))
                    #expect(past.state == (try state(events.prefix(upTo + 1), id)))
                }
                #expect(try await replayer.state(of: id, upTo: 20) == nil)
            }
        }
    }

    /// Any byte of what the store gives back may be another one: noticed, reported, and an older snapshot or the whole
    /// history serves.
    @Test(arguments: StoreUnderTest.all)
    func aWrongByteIsNoticed(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let id = lab.newID()
            let events = history(&lab, id, 6)
            try await self.store(events, in: store, lab)
            let keeper = try snapshots(store)
            let older = try Snapshot.encode(try state(events.prefix(2), id), at: id.time)
            let newer = try Snapshot.encode(try state(events.prefix(5), id), at: id.time)
            // A server is asked twice for each byte; the embedded stores are hit at all of them.
            let stride = kind.name.hasPrefix("PostgreSQL") ? 7 : 1
            for place in Swift.stride(from: 0, to: newer.bytes.count, by: stride) {
                var bad = newer
                bad.bytes[place] ^= 1 << UInt8(place % 8)
                try await keeper.keep([older, bad], newest: 2)
                let skipped = Mutex<[SkippedSnapshot]>([])
                let replayer = HistoryReplayer(store: store) { problem in skipped.withLock { $0.append(problem) } }
                let run = try #require(try await replayer.state(of: id))
                #expect(run.snapshotAt == 2, "byte \(place)")
                #expect(run.state == (try state(events, id)))
                #expect(skipped.withLock { $0.map(\.nextEventID) } == [5])
            }
        }
    }

    @Test func whatCannotBeUsedIsNamed() async throws {
        let store = MemoryEventStore()
        var lab = Lab(epoch: try await store.takeOver())
        let id = lab.newID()
        var events = history(&lab, id, 6)
        events.append(
            HistoryEvent(
                eventID: 6, sagaID: id, timestamp: events[5].timestamp,
                attributes: .snapshotCreated(SnapshotCreated(uptoEventID: 3, sizeBytes: 9, checksum: 9))))
        try await self.store(events, in: store, lab)
        let whole = try state(events, id)
        func skipped() async throws -> Snapshot.Problem? {
            let found = Mutex<[SkippedSnapshot]>([])
            let replayer = HistoryReplayer(store: store) { problem in found.withLock { $0.append(problem) } }
            #expect(try await replayer.state(of: id)?.state == whole)
            return found.withLock(\.first)?.problem
        }
        #expect(try await skipped() == .missing)
        // One of another run under this one's key.
        let stranger = lab.newID()
        var foreign = try Snapshot.encode(try state(history(&lab, stranger, 4), stranger), at: id.time)
        foreign.sagaID = id
        try await store.keep([foreign], newest: 1)
        let foreignProblem = try await skipped()
        if case .damaged? = foreignProblem {
        } else {
            Issue.record("a foreign snapshot was taken: \(foreignProblem as Any)")
        }
        // One that has more than the history.
        let longer = try state(events + [signal(7, id, events[6].timestamp)], id)
        try await store.keep([try Snapshot.encode(longer, at: id.time)], newest: 1)
        #expect(try await skipped() == .beyondHistory(nextEventID: 8))
    }

    private func signal(_ eventID: EventID, _ id: SagaID, _ time: Timestamp) -> HistoryEvent {
        HistoryEvent(
            eventID: eventID, sagaID: id, timestamp: time.adding(microseconds: 1),
            attributes: .signalReceived(
                SignalReceived(name: "late", payload: Payload(encoding: "json", data: [0x31]), signalID: "")))
    }

    @Test(arguments: StoreUnderTest.all)
    func manyRunsAreReplayedAtOnce(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            var ids: [SagaID] = []
            for index in 0..<12 {
                let id = lab.newID()
                ids.append(id)
                let events = history(&lab, id, 3 + index)
                let entry = AppendEntry(
                    sagaID: id, expectedNextEventID: 0, events: events,
                    row: lab.row(id, workflow: "w\(index)", next: EventID(events.count)), start: .unused)
                #expect(try await store.append(lab.batch([entry])) == [.appended])
            }
            let unknown = lab.newID()
            let lengths = Mutex<[SagaID: EventID?]>([:])
            await HistoryReplayer(store: store).replay(ids + [unknown], concurrency: 3) { id, result in
                let run = try? result.get()
                lengths.withLock { $0[id] = .some(run?.state.nextEventID) }
            }
            let found = lengths.withLock { $0 }
            #expect(found.count == 13)
            for (index, id) in ids.enumerated() { #expect(found[id] == EventID(3 + index)) }
            #expect(found[unknown] == .some(nil))
        }
    }

    /// Recovery reads many runs at once: short and long ones, with a good, a damaged and no snapshot, and tails of any length.
    @Test(arguments: StoreUnderTest.all)
    func aPageOfOpenRunsIsRecoveredAsEachByItself(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let keeper = try snapshots(store)
            var wanted: [SagaID: (state: ExecutionState, at: EventID)] = [:]
            var damaged: Set<SagaID> = []
            for index in 0..<24 {
                let id = lab.newID()
                let count = [3, 127, 128, 300][index % 4]
                let events = history(&lab, id, count)
                for start in stride(from: 0, to: count, by: 50) {
                    let part = Array(events[start..<min(count, start + 50)])
                    let entry = AppendEntry(
                        sagaID: id, expectedNextEventID: EventID(start), events: part,
                        row: start == 0 ? lab.row(id, workflow: "w\(index)", next: EventID(part.count)) : nil,
                        start: start == 0 ? .unused : nil)
                    #expect(try await store.append(lab.batch([entry])) == [.appended])
                }
                let whole = try state(events, id)
                wanted[id] = (whole, 0)
                if count > 127, index < 20 {
                    let next = [EventID(1), 50, 77, EventID(count)][index / 4 % 4]
                    var stored = try Snapshot.encode(try state(events.prefix(Int(next)), id), at: id.time)
                    if index >= 16 {
                        stored.bytes[20] ^= 1
                        damaged.insert(id)
                    } else {
                        wanted[id] = (whole, next)
                    }
                    try await keeper.keep([stored], newest: 1)
                }
            }
            let skipped = Mutex<Set<SagaID>>([])
            let replayer = HistoryReplayer(store: store) { problem in
                skipped.withLock { _ = $0.insert(problem.sagaID) }
            }
            let rows = try await store.openExecutions(after: nil, limit: 1_000)
            #expect(rows.count == 24)
            let page = try await replayer.recoveryPage(of: rows)
            var fold = HistoryFold()
            for row in rows {
                let run = try #require(try await replayer.recover(row, in: page, with: &fold))
                #expect(run.state == wanted[row.sagaID]?.state)
                #expect(run.snapshotAt == wanted[row.sagaID]?.at)
                #expect(try await replayer.recover(row)?.state == run.state)
            }
            #expect(skipped.withLock { $0 } == damaged)
        }
    }
}
