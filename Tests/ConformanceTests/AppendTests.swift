import SagaCore
import SagaSamples
import Testing

@Suite struct AppendTests {
    @Test(arguments: StoreUnderTest.all)
    func everyEventTypeComesBackAsItWas(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            for round in 0..<5 {
                let id = lab.newID()
                let types = EventType.allCases
                var events: [HistoryEvent] = []
                for (index, type) in types.enumerated() {
                    events.append(lab.maker.event(type, id: EventID(index), of: id))
                }
                let row = lab.row(id, workflow: "all-\(round)", next: EventID(types.count))
                let entry = AppendEntry(
                    sagaID: id, expectedNextEventID: 0, events: events, row: row, start: .unused)
                #expect(try await store.append(lab.batch([entry])) == [.appended])
                #expect(try await store.events(of: id, from: 0, limit: 1_000) == events)
                #expect(try await store.execution(id) == row)
            }
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func eventIDsGoOnWithoutGaps(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let id = lab.newID()
            #expect(try await store.append(lab.batch([lab.start(id, workflow: "w")])) == [.appended])
            for count in 1...5 {
                #expect(try await store.append(lab.batch([lab.more(id, events: count)])) == [.appended])
            }
            let events = try await store.history(id)
            #expect(events == lab.histories[id])
            #expect(events.map(\.eventID) == (0..<17).map { EventID($0) })
            #expect(try await store.execution(id)?.nextEventID == 17)
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func aWrongExpectedIDIsAConflictAndChangesNothing(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let id = lab.newID()
            _ = try await store.append(lab.batch([lab.start(id, workflow: "w", events: 3)]))
            for wrong in [EventID(1), 2, 4, 5, 1_000_000] {
                let events = lab.maker.events(2, from: wrong, of: id)
                let entry = AppendEntry(sagaID: id, expectedNextEventID: wrong, events: events)
                #expect(try await store.append(lab.batch([entry])) == [.conflict], "expected id \(wrong)")
            }
            var again = lab.start(id, workflow: "other")
            lab.forget(again)
            #expect(try await store.append(lab.batch([again])) == [.conflict], "a run starts once")
            let unknown = lab.newID()
            again = AppendEntry(
                sagaID: unknown, expectedNextEventID: 4, events: lab.maker.events(1, from: 4, of: unknown))
            #expect(try await store.append(lab.batch([again])) == [.conflict], "an unknown run has no event 3")
            #expect(try await store.history(id).count == 3)
            #expect(try await store.history(unknown).isEmpty)
            #expect(try await store.latestExecution(namespace: "default", workflowID: "other") == nil)
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func aConflictNeverFailsAnotherTransaction(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let ids = (0..<64).map { _ in lab.newID() }
            for (index, id) in ids.enumerated() {
                _ = try await store.append(lab.batch([lab.start(id, workflow: "w\(index)")]))
            }
            var transactions: [AppendTransaction] = []
            var expected: [AppendOutcome] = []
            for (index, id) in ids.enumerated() {
                var entry = lab.more(id, events: 3)
                if index % 5 == 2 {
                    lab.forget(entry)
                    entry.expectedNextEventID += 1
                    for at in entry.events.indices { entry.events[at].eventID += 1 }
                }
                expected.append(index % 5 == 2 ? .conflict : .appended)
                transactions.append(AppendTransaction([entry]))
            }
            let outcomes = try await store.append(AppendBatch(epoch: lab.epoch, transactions: transactions))
            #expect(outcomes == expected)
            for id in ids { #expect(try await store.history(id) == lab.histories[id]) }
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func aTransactionOfTwoIsAllOrNothing(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let first = lab.newID()
            let second = lab.newID()
            _ = try await store.append(
                lab.batch([lab.start(first, workflow: "a")], [lab.start(second, workflow: "b")]))
            // Whichever of the two conflicts, the other is left out as well.
            for order in [false, true] {
                let good = lab.more(first, events: 2)
                lab.forget(good)
                let bad = AppendEntry(
                    sagaID: second, expectedNextEventID: 9, events: lab.maker.events(1, from: 9, of: second))
                let outcomes = try await store.append(lab.batch(order ? [bad, good] : [good, bad]))
                #expect(outcomes == [.conflict])
                #expect(try await store.history(first) == lab.histories[first])
                #expect(try await store.history(second) == lab.histories[second])
            }
            let outcomes = try await store.append(lab.batch([lab.more(first), lab.more(second, events: 2)]))
            #expect(outcomes == [.appended])
            #expect(try await store.history(first) == lab.histories[first])
            #expect(try await store.history(second) == lab.histories[second])
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func terminalIsTerminal(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let id = lab.newID()
            _ = try await store.append(lab.batch([lab.start(id, workflow: "w")]))
            #expect(try await store.append(lab.batch([lab.close(id, workflow: "w")])) == [.appended])
            let late = lab.more(id)
            #expect(try await store.append(lab.batch([late])) == [.conflict])
            lab.forget(late)
            #expect(try await store.history(id) == lab.histories[id])
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func ofTwoWritersOfOneIDOneWins(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let id = lab.newID()
            _ = try await store.append(lab.batch([lab.start(id, workflow: "w", events: 1)]))
            for round in 0..<20 {
                let next = EventID(1 + 2 * round)
                let candidates = (0..<8).map { _ in lab.maker.events(2, from: next, of: id) }
                let epoch = lab.epoch
                let winners = try await withThrowingTaskGroup(of: (Int, AppendOutcome?).self) { group in
                    for (index, events) in candidates.enumerated() {
                        group.addTask { () async throws in
                            let entry = AppendEntry(sagaID: id, expectedNextEventID: next, events: events)
                            let batch = AppendBatch(epoch: epoch, transactions: [AppendTransaction([entry])])
                            return (index, try await store.append(batch).first)
                        }
                    }
                    return try await group.reduce(into: [Int]()) { if $1.1 == .appended { $0.append($1.0) } }
                }
                #expect(winners.count == 1)
                guard let winner = winners.first else { return }
                #expect(try await store.events(of: id, from: next, limit: 10) == candidates[winner])
            }
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func manyCallersAtOnceLoseNothing(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let epoch = lab.epoch
            let ids = (0..<16).map { _ in lab.newID() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, id) in ids.enumerated() {
                    group.addTask { () async throws in
                        var own = Lab(epoch: epoch, seed: UInt64(index))
                        #expect(
                            try await store.append(own.batch([own.start(id, workflow: "w\(index)")])) == [.appended])
                        for _ in 0..<25 {
                            #expect(try await store.append(own.batch([own.more(id, events: 2)])) == [.appended])
                        }
                        #expect(try await store.history(id) == own.histories[id])
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func aBatchThatBreaksTheRulesIsRefusedWhole(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let good = lab.newID()
            _ = try await store.append(lab.batch([lab.start(good, workflow: "w")]))
            let id = lab.newID()
            let start = lab.start(id, workflow: "x")
            var broken: [(String, [AppendEntry])] = [("no entries", [])]
            func add(_ name: String, _ change: (inout AppendEntry) -> Void) {
                var entry = start
                change(&entry)
                broken.append((name, [entry]))
            }
            add("no events") { $0.events = [] }
            add("a gap") { $0.events[1].eventID = 2 }
            add("a wrong first id") { $0.expectedNextEventID = 1 }
            add("an event of another run") { $0.events[1].sagaID = good }
            add("no row at the start") { $0.row = nil }
            add("no condition at the start") { $0.start = nil }
            add("a row of another run") { $0.row?.sagaID = good }
            add("a row with a wrong next id") { $0.row?.nextEventID = 7 }
            add("closed without a time") { $0.row?.status = .failed }
            add("open with a closing time") { $0.row?.closedAt = id.time }
            add("a wrong partition") { $0.row?.partition ^= 1 }
            add("an id beyond the limit") {
                $0.expectedNextEventID = .max
                $0.start = nil
            }
            broken.append(("the same run twice", [start, start]))
            for (name, entries) in broken {
                let fine = lab.more(good)
                lab.forget(fine)
                let failure = await #expect(throws: StoreError.self, "\(name)") {
                    try await store.append(lab.batch([fine], entries))
                }
                #expect(failure?.reason == .invalid, "\(name)")
                #expect(failure?.outcomeUnknown == false, "\(name)")
            }
            #expect(try await store.history(good) == lab.histories[good])
            #expect(try await store.execution(id) == nil)
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func largeAppendsComeBack(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let id = lab.newID()
            _ = try await store.append(lab.batch([lab.start(id, workflow: "w")]))
            let big = HistoryEvent(
                eventID: 2, sagaID: id, timestamp: id.time,
                attributes: .domainEvent(
                    DomainEvent(
                        typeName: "Big", typeVersion: 1,
                        payload: Payload(encoding: "bytes", data: [UInt8](repeating: 0xA5, count: 5_000_000)))))
            let entry = AppendEntry(sagaID: id, expectedNextEventID: 2, events: [big])
            #expect(try await store.append(lab.batch([entry])) == [.appended])
            #expect(try await store.events(of: id, from: 2, limit: 1) == [big])
            var many: [HistoryEvent] = []
            for index in 3..<20_003 {
                many.append(
                    HistoryEvent(
                        eventID: EventID(index), sagaID: id, timestamp: id.time,
                        attributes: .timerFired(TimerFired(createdEventID: EventID(index)))))
            }
            let wide = AppendEntry(sagaID: id, expectedNextEventID: 3, events: many)
            #expect(try await store.append(lab.batch([wide])) == [.appended])
            #expect(try await store.events(of: id, from: 3, limit: 10) == many)
            #expect(try await store.events(of: id, from: 20_000, limit: 10) == Array(many[19_997...]))
        }
    }
}
