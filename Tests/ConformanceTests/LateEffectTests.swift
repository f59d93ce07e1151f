import SagaCore
import SagaSamples
import Testing

/// Reports that came too late for their run: kept beside the histories, in the same commit, once each.
@Suite struct LateEffectTests {
    private func effect(
        _ lab: inout Lab, _ id: SagaID, event: EventID = 1, attempt: UInt32 = 1, namespace: String = "default"
    ) -> LateEffect {
        LateEffect(
            sagaID: id, namespace: namespace, workflowID: "w", scheduledEventID: event, attempt: attempt,
            stepID: lab.maker.text(), activityType: "pay", undoActivityType: lab.maker.text(),
            idempotencyKey: "\(id)/\(event)", reportedAt: lab.maker.time(), output: lab.maker.payload(),
            undoData: lab.maker.bool() ? lab.maker.payload() : nil, isUndoneAgain: lab.maker.bool())
    }

    private func append(
        _ effects: [LateEffect], _ transactions: [AppendEntry]..., to store: any EventStore, _ lab: Lab
    ) async throws -> [AppendOutcome] {
        try await store.append(
            AppendBatch(
                epoch: lab.epoch, transactions: transactions.map { AppendTransaction($0) }, lateEffects: effects))
    }

    @Test(arguments: StoreUnderTest.all)
    func theyComeBackAsTheyWereInOrder(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let id = lab.newID()
            let effects = (1...7).map { effect(&lab, id, event: EventID($0)) }
            #expect(try await append(effects, to: store, lab).isEmpty)
            let found = try await store.lateEffects(LateEffectQuery(namespace: "default"))
            #expect(found.map(\.effect) == effects)
            #expect(found.map(\.place) == found.map(\.place).sorted())
            var pages: [LateEffect] = []
            var after: UInt64 = 0
            while case let page = try await store.lateEffects(
                LateEffectQuery(namespace: "default", after: after, limit: 3)), let last = page.last
            {
                #expect(page.count <= 3)
                pages += page.map(\.effect)
                after = last.place
            }
            #expect(pages == effects)
            #expect(try await store.lateEffects(LateEffectQuery(namespace: "default", limit: 0)).isEmpty)
            #expect(try await store.lateEffects(LateEffectQuery(namespace: "default", after: .max)).isEmpty)
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func oneReportIsKeptOnce(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let id = lab.newID()
            let first = effect(&lab, id)
            var again = effect(&lab, id)
            again.reportedAt = first.reportedAt.adding(microseconds: 5)
            _ = try await append([first], to: store, lab)
            _ = try await append([again, effect(&lab, id, attempt: 2)], to: store, lab)
            let found = try await store.lateEffects(LateEffectQuery(namespace: "default"))
            #expect(found.map(\.effect.attempt) == [1, 2])
            #expect(found.first?.effect == first)
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func runsAndNamespacesAreKeptApart(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let (one, two) = (lab.newID(), lab.newID())
            let effects = [effect(&lab, one), effect(&lab, two), effect(&lab, lab.newID(), namespace: "other")]
            _ = try await append(effects, to: store, lab)
            func found(_ namespace: String, _ id: SagaID?) async throws -> [LateEffect] {
                try await store.lateEffects(LateEffectQuery(namespace: namespace, sagaID: id)).map(\.effect)
            }
            #expect(try await found("default", nil) == [effects[0], effects[1]])
            #expect(try await found("default", two) == [effects[1]])
            #expect(try await found("other", nil) == [effects[2]])
            #expect(try await found("other", one).isEmpty)
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func aConflictOfARunDoesNotConcernThem(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let id = lab.newID()
            let start = lab.start(id, workflow: "w")
            #expect(try await append([], [start], to: store, lab) == [.appended])
            let late = effect(&lab, id)
            #expect(try await append([late], [start], [lab.more(id)], to: store, lab) == [.conflict, .appended])
            #expect(try await store.lateEffects(LateEffectQuery(namespace: "default")).map(\.effect) == [late])
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func anOwnerThatWasReplacedKeepsNone(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let late = effect(&lab, lab.newID())
            _ = try await store.takeOver()
            let failure = await #expect(throws: StoreError.self) { try await append([late], to: store, lab) }
            #expect(failure?.reason == .fenced)
            #expect(try await store.lateEffects(LateEffectQuery(namespace: "default")).isEmpty)
        }
    }

    @Test(arguments: StoreUnderTest.durable)
    func theySurviveTheProcess(_ kind: StoreUnderTest) async throws {
        try await TemporaryDirectory.with { directory in
            let store = try await kind.open(directory)
            var lab = Lab(epoch: try await store.takeOver())
            let late = effect(&lab, lab.newID())
            _ = try await append([late], to: store, lab)
            await store.close()
            let again = try await kind.open(directory)
            #expect(try await again.lateEffects(LateEffectQuery(namespace: "default")).map(\.effect) == [late])
            await again.close()
        }
    }
}
