import SagaCore
import SagaSamples
import Testing

@Suite struct FencingTests {
    @Test(arguments: StoreUnderTest.all)
    func eachTakeOverGivesTheNextEpoch(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            #expect(try await store.metadata().epoch == lab.epoch)
            #expect(try await store.takeOver() == lab.epoch + 1)
            #expect(try await store.takeOver() == lab.epoch + 2)
            #expect(try await store.metadata().epoch == lab.epoch + 2)
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func anOwnerThatWasReplacedCannotAppend(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let id = lab.newID()
            _ = try await store.append(lab.batch([lab.start(id, workflow: "w")]))
            let newEpoch = try await store.takeOver()
            let late = lab.more(id)
            lab.forget(late)
            let failure = await #expect(throws: StoreError.self) { try await store.append(lab.batch([late])) }
            #expect(failure?.reason == .fenced)
            #expect(failure?.outcomeUnknown == false)
            #expect(try await store.history(id) == lab.histories[id])
            lab.epoch = newEpoch
            #expect(try await store.append(lab.batch([lab.more(id)])) == [.appended])
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func anEpochThatWasNeverGivenOutIsRefused(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let entry = lab.start(lab.newID(), workflow: "w")
            lab.epoch += 1
            let failure = await #expect(throws: StoreError.self) { try await store.append(lab.batch([entry])) }
            #expect(failure?.reason == .invalid)
        }
    }

    /// Appends race with a takeover: each is either before it and there, or fenced and not there; none lands after the
    /// new owner has read.
    @Test(arguments: StoreUnderTest.all)
    func noAppendLandsAfterTheNewOwnerHasRead(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let id = lab.newID()
            _ = try await store.append(lab.batch([lab.start(id, workflow: "w", events: 1)]))
            for round in 0..<20 {
                let epoch = lab.epoch
                let first = EventID(try await store.history(id).count)
                async let old: EventID = {
                    var own = SampleMaker(seed: UInt64(round))
                    var next = first
                    while true {
                        let entry = AppendEntry(
                            sagaID: id, expectedNextEventID: next, events: own.events(1, from: next, of: id))
                        do {
                            let batch = AppendBatch(epoch: epoch, transactions: [AppendTransaction([entry])])
                            guard try await store.append(batch) == [.appended] else { return next }
                            next += 1
                            await Task.yield()
                        } catch let error as StoreError where error.reason == .fenced {
                            return next
                        }
                    }
                }()
                // Lets the old owner get some appends in; how many does not matter.
                while try await store.execution(id)?.nextEventID ?? 0 < first + EventID(round % 4) {
                    await Task.yield()
                }
                lab.epoch = try await store.takeOver()
                let seen = EventID(try await store.history(id).count)
                #expect(try await old == seen)
                #expect(EventID(try await store.history(id).count) == seen)
            }
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func aClosedStoreRefusesEverything(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let id = lab.newID()
            await store.close()
            await store.close()
            let entry = lab.start(id, workflow: "w")
            let batch = lab.batch([entry])
            let calls: [(String, @Sendable () async throws -> Void)] = [
                ("append", { _ = try await store.append(batch) }),
                ("takeOver", { _ = try await store.takeOver() }),
                ("events", { _ = try await store.events(of: id, from: 0, limit: 1) }),
                ("execution", { _ = try await store.execution(id) }),
                ("latest", { _ = try await store.latestExecution(namespace: "", workflowID: "") }),
                ("open", { _ = try await store.openExecutions(after: nil, limit: 1) }),
                ("list", { _ = try await store.list(ExecutionQuery(namespace: "")) }),
                ("metadata", { _ = try await store.metadata() }),
            ]
            for (name, call) in calls {
                let failure = await #expect(throws: StoreError.self, "\(name)") { try await call() }
                #expect(failure?.reason == .closed, "\(name)")
            }
        }
    }
}
