import SagaCore
import SagaSamples
import Testing

/// What a store must do, said as simply as possible: whole histories in arrays, no codec, no index.
private struct Model {
    var rows: [SagaID: ExecutionRow] = [:]
    var histories: [SagaID: [HistoryEvent]] = [:]
    /// In the order of their starts.
    var started: [SagaID] = []
    var epoch: UInt64 = 0

    func newest(_ namespace: String, _ workflow: String) -> SagaID? {
        started.last { rows[$0]?.workflowID == workflow && rows[$0]?.namespace == namespace }
    }

    mutating func append(_ transaction: AppendTransaction) -> AppendOutcome {
        let before = self
        for entry in transaction.entries where entry.start == nil {
            guard var row = rows[entry.sagaID], !row.status.isClosed, row.nextEventID == entry.expectedNextEventID
            else {
                self = before
                return .conflict
            }
            row.nextEventID += EventID(entry.events.count)
            if let new = entry.row { (row.status, row.closedAt) = (new.status, new.closedAt) }
            rows[entry.sagaID] = row
            histories[entry.sagaID, default: []] += entry.events
        }
        // Starts see the closings of their own transaction.
        for entry in transaction.entries {
            guard let start = entry.start, let row = entry.row else { continue }
            let found = newest(row.namespace, row.workflowID)
            var holds = rows[entry.sagaID] == nil
            switch start {
            case .unused: holds = holds && found == nil
            case .after(let id): holds = holds && found == id && rows[id]?.status.isClosed == true
            }
            guard holds else {
                self = before
                return .conflict
            }
            rows[entry.sagaID] = row
            histories[entry.sagaID] = entry.events
            started.append(entry.sagaID)
        }
        return .appended
    }

    func list(_ query: ExecutionQuery) -> [ExecutionRow] {
        let matching = rows.values.filter { row in
            row.namespace == query.namespace && (query.workflowID.isEmpty || row.workflowID == query.workflowID)
                && (query.workflowType.isEmpty || row.workflowType == query.workflowType)
                && (query.statuses.isEmpty || query.statuses.contains(row.status))
                && query.before.map { row.sagaID < $0 } ?? true
        }
        return Array(matching.sorted { $1.sagaID < $0.sagaID }.prefix(query.limit))
    }
}

@Suite struct ModelTests {
    @Test(arguments: StoreUnderTest.all)
    func tenThousandRandomOperationsAgreeWithASimpleModel(_ kind: StoreUnderTest) async throws {
        for seed in 1...20 {
            try await kind.use { store, lab in
                var model = Model()
                model.epoch = lab.epoch
                var random = TestRandom(seed: UInt64(seed))
                lab.maker = SampleMaker(seed: UInt64(seed) &* 7_919)
                for step in 0..<500 {
                    try await Self.step(store, &model, &lab, &random, "seed \(seed), step \(step)")
                }
                for (id, history) in model.histories {
                    #expect(try await store.history(id, page: 7) == history, "seed \(seed)")
                }
                #expect(model.started.count > 5, "the sequence started something")
            }
        }
    }

    private static func step(
        _ store: any EventStore, _ model: inout Model, _ lab: inout Lab, _ random: inout TestRandom,
        _ place: String
    ) async throws {
        let known = model.started.randomElement(using: &random) ?? lab.newID()
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<60:
            // One or several transactions; a run occurs at most once in a batch.
            var used: Set<SagaID> = []
            var transactions: [AppendTransaction] = []
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let transaction = Self.transaction(model, &lab, &random)
                let ids = transaction.entries.map(\.sagaID)
                guard used.isDisjoint(with: ids) else { continue }
                used.formUnion(ids)
                transactions.append(transaction)
            }
            let expected = transactions.map { model.append($0) }
            let outcomes = try await store.append(AppendBatch(epoch: model.epoch, transactions: transactions))
            #expect(outcomes == expected, "\(place)")
        case 60..<70:
            let from = EventID.random(in: 0...12, using: &random)
            let limit = Int.random(in: 1...10, using: &random)
            let rest = (model.histories[known] ?? []).dropFirst(Int(from))
            let page = try await store.events(of: known, from: from, limit: limit)
            #expect(page.isEmpty == rest.isEmpty && page == Array(rest.prefix(page.count)), "\(place)")
        case 70..<76:
            #expect(try await store.execution(known) == model.rows[known], "\(place)")
        case 76..<82:
            let (namespace, workflow) = Self.name(&random)
            let found = try await store.latestExecution(namespace: namespace, workflowID: workflow)
            #expect(found?.sagaID == model.newest(namespace, workflow), "\(place)")
        case 82..<90:
            var query = ExecutionQuery(namespace: Self.name(&random).0, limit: Int.random(in: 1...6, using: &random))
            if Bool.random(using: &random) { query.workflowID = Self.name(&random).1 }
            if Bool.random(using: &random) { query.workflowType = "type-1" }
            if Bool.random(using: &random) { query.statuses = [.running, .failed] }
            if Bool.random(using: &random) { query.before = known }
            #expect(try await store.list(query) == model.list(query), "\(place)")
        case 90..<97:
            let open = model.rows.values.filter { !$0.status.isClosed && known < $0.sagaID }
            let expected = open.sorted { $0.sagaID < $1.sagaID }.prefix(5)
            #expect(try await store.openExecutions(after: known, limit: 5) == Array(expected), "\(place)")
        case 97:
            let old = model.epoch
            model.epoch = try await store.takeOver()
            #expect(model.epoch == old + 1, "\(place)")
        default:
            guard model.epoch > 1 else { return }
            let late = AppendBatch(epoch: model.epoch - 1, transactions: [Self.transaction(model, &lab, &random)])
            let failure = await #expect(throws: StoreError.self, "\(place)") { try await store.append(late) }
            #expect(failure?.reason == .fenced, "\(place)")
        }
    }

    private static func name(_ random: inout TestRandom) -> (namespace: String, workflow: String) {
        ("ns-\(Int.random(in: 0...1, using: &random))", "workflow-\(Int.random(in: 0...7, using: &random))")
    }

    private static func transaction(
        _ model: Model, _ lab: inout Lab, _ random: inout TestRandom
    ) -> AppendTransaction {
        let open = model.started.filter { model.rows[$0]?.status.isClosed == false }
        guard let id = open.randomElement(using: &random), Int.random(in: 0..<10, using: &random) < 6 else {
            let (namespace, workflow) = name(&random)
            let newest = model.newest(namespace, workflow)
            let condition = Int.random(in: 0..<8, using: &random) == 0 ? nil : newest.map { StartCondition.after($0) }
            return AppendTransaction([start(&lab, &random, namespace, workflow, condition ?? .unused)])
        }
        guard let row = model.rows[id] else { return AppendTransaction([]) }
        var entry = more(&lab, &random, id, row)
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<5:
            return AppendTransaction([entry])
        case 5:
            let off = EventID.random(in: 1...2, using: &random)
            entry.expectedNextEventID += off
            for index in entry.events.indices { entry.events[index].eventID += off }
            return AppendTransaction([entry])
        case 6, 7:
            entry.row = closing(row, entry, .failed)
            return AppendTransaction([entry])
        case 8:
            entry.row = closing(row, entry, .continuedAsNew)
            let next = start(&lab, &random, row.namespace, row.workflowID, .after(id))
            return AppendTransaction(Bool.random(using: &random) ? [entry, next] : [next, entry])
        default:
            // Two runs at once, of which the second may be stale.
            guard let other = open.randomElement(using: &random), other != id, let second = model.rows[other] else {
                return AppendTransaction([entry])
            }
            return AppendTransaction([entry, more(&lab, &random, other, second)])
        }
    }

    private static func start(
        _ lab: inout Lab, _ random: inout TestRandom, _ namespace: String, _ workflow: String,
        _ condition: StartCondition
    ) -> AppendEntry {
        lab.start(
            lab.newID(), workflow: workflow, namespace: namespace,
            type: "type-\(Int.random(in: 0...1, using: &random))",
            condition: condition, status: Int.random(in: 0..<6, using: &random) == 0 ? .completed : .running,
            events: Int.random(in: 1...3, using: &random))
    }

    private static func more(
        _ lab: inout Lab, _ random: inout TestRandom, _ id: SagaID, _ row: ExecutionRow
    ) -> AppendEntry {
        let events = lab.maker.events(Int.random(in: 1...4, using: &random), from: row.nextEventID, of: id)
        return AppendEntry(sagaID: id, expectedNextEventID: row.nextEventID, events: events)
    }

    private static func closing(_ row: ExecutionRow, _ entry: AppendEntry, _ status: ExecutionStatus) -> ExecutionRow {
        var row = row
        row.status = status
        row.closedAt = row.startedAt.adding(microseconds: 9)
        row.nextEventID += EventID(entry.events.count)
        return row
    }
}
