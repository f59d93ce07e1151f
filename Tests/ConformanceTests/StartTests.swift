import SagaCore
import SagaSamples
import Testing

@Suite struct StartTests {
    @Test(arguments: StoreUnderTest.all)
    func aWorkflowIDIsUnusedOnce(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let first = lab.newID()
            let second = lab.newID()
            #expect(try await store.append(lab.batch([lab.start(first, workflow: "order-1")])) == [.appended])
            #expect(try await store.append(lab.batch([lab.start(second, workflow: "order-1")])) == [.conflict])
            #expect(try await store.execution(second) == nil)
            // The same name elsewhere is another workflow.
            let elsewhere = lab.start(lab.newID(), workflow: "order-1", namespace: "other")
            #expect(try await store.append(lab.batch([elsewhere])) == [.appended])
            // Even when the run is closed, the id is used.
            _ = try await store.append(lab.batch([lab.close(first, workflow: "order-1")]))
            #expect(try await store.append(lab.batch([lab.start(lab.newID(), workflow: "order-1")])) == [.conflict])
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func namesAreComparedAsBytes(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            // One é as a letter, one as e and an accent: equal for Swift, different for us.
            let composed = "caf\u{E9}"
            let decomposed = "cafe\u{301}"
            #expect(composed == decomposed)
            let first = lab.newID()
            let second = lab.newID()
            #expect(try await store.append(lab.batch([lab.start(first, workflow: composed)])) == [.appended])
            #expect(try await store.append(lab.batch([lab.start(second, workflow: decomposed)])) == [.appended])
            let found = try await store.latestExecution(namespace: "default", workflowID: decomposed)
            #expect(found?.sagaID == second)
            let listed = try await store.list(ExecutionQuery(namespace: "default", workflowID: composed))
            #expect(listed.map(\.sagaID) == [first])
            // The separator between the parts of a key must not let two keys meet.
            let apart = [("a", "bc"), ("ab", "c"), ("a", "b"), ("", "abc")]
            for (namespace, workflow) in apart {
                let entry = lab.start(lab.newID(), workflow: workflow, namespace: namespace)
                #expect(try await store.append(lab.batch([entry])) == [.appended], "\(namespace) \(workflow)")
            }
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func afterWantsTheNewestRunClosed(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let first = lab.newID()
            _ = try await store.append(lab.batch([lab.start(first, workflow: "w")]))
            let second = lab.newID()
            let early = lab.start(second, workflow: "w", condition: .after(first))
            #expect(try await store.append(lab.batch([early])) == [.conflict], "the first run is open")
            _ = try await store.append(lab.batch([lab.close(first, workflow: "w", status: .failed)]))
            let stranger = lab.start(lab.newID(), workflow: "w", condition: .after(lab.newID()))
            #expect(try await store.append(lab.batch([stranger])) == [.conflict], "not the newest run")
            let unused = lab.start(lab.newID(), workflow: "fresh", condition: .after(first))
            #expect(try await store.append(lab.batch([unused])) == [.conflict], "that id has no run")
            #expect(try await store.append(lab.batch([early])) == [.appended])
            let third = lab.start(lab.newID(), workflow: "w", condition: .after(first))
            #expect(try await store.append(lab.batch([third])) == [.conflict], "the first is not the newest any more")
            #expect(try await store.latestExecution(namespace: "default", workflowID: "w")?.sagaID == second)
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func aRunGoesOnInAnotherInOneTransaction(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            var current = lab.newID()
            _ = try await store.append(lab.batch([lab.start(current, workflow: "w")]))
            // Either order of the two entries.
            for closesFirst in [true, false] {
                let next = lab.newID()
                let closing = lab.close(current, workflow: "w", status: .continuedAsNew)
                let opening = lab.start(next, workflow: "w", condition: .after(current))
                let entries = closesFirst ? [closing, opening] : [opening, closing]
                #expect(try await store.append(lab.batch(entries)) == [.appended])
                #expect(try await store.execution(current)?.status == .continuedAsNew)
                #expect(try await store.latestExecution(namespace: "default", workflowID: "w")?.sagaID == next)
                current = next
            }
            // A run that does not close in the transaction does not make room.
            let open = lab.more(current)
            let blocked = lab.start(lab.newID(), workflow: "w", condition: .after(current))
            #expect(try await store.append(lab.batch([open, blocked])) == [.conflict])
            lab.forget(open)
            #expect(try await store.history(current) == lab.histories[current])
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func transactionsOfABatchSeeEarlierOnes(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let first = lab.newID()
            let second = lab.newID()
            let outcomes = try await store.append(
                lab.batch(
                    [lab.start(first, workflow: "w", status: .completed)],
                    [lab.start(lab.newID(), workflow: "w")],
                    [lab.start(second, workflow: "w", condition: .after(first))],
                    [lab.start(lab.newID(), workflow: "w", condition: .after(first))]))
            #expect(outcomes == [.appended, .conflict, .appended, .conflict])
            #expect(try await store.latestExecution(namespace: "default", workflowID: "w")?.sagaID == second)
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func newestMeansStartedLastNotGreatestID(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            // A wall clock that went back gives the later run the smaller id.
            let smaller = lab.newID()
            let greater = lab.newID()
            _ = try await store.append(lab.batch([lab.start(greater, workflow: "w", status: .failed)]))
            let second = lab.start(smaller, workflow: "w", condition: .after(greater))
            #expect(try await store.append(lab.batch([second])) == [.appended])
            #expect(try await store.latestExecution(namespace: "default", workflowID: "w")?.sagaID == smaller)
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func ofManyConcurrentStartsOneWins(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            for round in 0..<10 {
                let entries = (0..<16).map { _ in lab.start(lab.newID(), workflow: "w\(round)") }
                let epoch = lab.epoch
                let winners = try await withThrowingTaskGroup(of: SagaID?.self) { group in
                    for entry in entries {
                        group.addTask { () async throws in
                            let batch = AppendBatch(epoch: epoch, transactions: [AppendTransaction([entry])])
                            return try await store.append(batch) == [.appended] ? entry.sagaID : nil
                        }
                    }
                    return try await group.reduce(into: [SagaID]()) { if let id = $1 { $0.append(id) } }
                }
                #expect(winners.count == 1)
                let found = try await store.latestExecution(namespace: "default", workflowID: "w\(round)")
                #expect(found?.sagaID == winners.first)
                for entry in entries where entry.sagaID != winners.first {
                    #expect(try await store.execution(entry.sagaID) == nil)
                }
            }
        }
    }
}
