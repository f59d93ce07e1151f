import SagaCore
import SagaSamples
import Testing

@Suite struct ReadTests {
    @Test(arguments: StoreUnderTest.all)
    func eventsComeInPagesFromAnyEvent(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let id = lab.newID()
            _ = try await store.append(lab.batch([lab.start(id, workflow: "w", events: 4)]))
            for count in [1, 7, 2, 1, 30, 3] { _ = try await store.append(lab.batch([lab.more(id, events: count)])) }
            let all = try #require(lab.histories[id])
            for from in 0..<all.count {
                for limit in [1, 2, 5, 16, 1_000] {
                    let page = try await store.events(of: id, from: EventID(from), limit: limit)
                    #expect(!page.isEmpty)
                    #expect(page == Array(all[from..<from + page.count]), "from \(from), limit \(limit)")
                    // More than the limit only if what is left of a single row is longer.
                    #expect(page.count <= max(limit, 30))
                }
                #expect(try await store.events(of: id, from: EventID(from), limit: 1_000) == Array(all[from...]))
            }
            for limit in [1, 3, 10, 100] { #expect(try await store.history(id, page: limit) == all) }
            #expect(try await store.events(of: id, from: EventID(all.count), limit: 10).isEmpty)
            #expect(try await store.events(of: id, from: .max, limit: 10).isEmpty)
            #expect(try await store.events(of: lab.newID(), from: 0, limit: 10).isEmpty)
            #expect(try await store.events(of: id, from: 0, limit: 0).count == 4, "one whole row at least")
            #expect(try await store.events(of: id, from: 0, limit: -5).count == 4)
        }
    }

    /// Long pages may be read in parts of any size.
    @Test(arguments: StoreUnderTest.all)
    func longPagesHaveNoSeams(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let id = lab.newID()
            _ = try await store.append(lab.batch([lab.start(id, workflow: "w", events: 4)]))
            for count in [4_000, 92, 1, 4_500, 95, 3_000, 2] {
                _ = try await store.append(lab.batch([lab.more(id, events: count)]))
            }
            let all = try #require(lab.histories[id])
            for from in [0, 1, 4, 4_003, 4_004, 4_095, 4_096, 4_097, 8_500, 8_597, 11_600, all.count - 1] {
                for limit in [4_097, 8_192, 20_000] {
                    let page = try await store.events(of: id, from: EventID(from), limit: limit)
                    #expect(page == Array(all[from..<from + page.count]), "from \(from), limit \(limit)")
                    #expect(page.count <= max(limit, 4_500))
                    let packed = try await store.packedEvents(of: id, from: EventID(from), limit: limit)
                    let first = Int(try #require(packed.rows.first).firstEventID)
                    let events = try await store.resolved(try packed.events())
                    #expect(events == Array(all[first..<first + packed.count]), "from \(from), limit \(limit)")
                }
                #expect(try await store.events(of: id, from: EventID(from), limit: 20_000).count == all.count - from)
                let next = try await store.packedEvents(of: id, from: EventID(from), limit: 20_000).nextEventID
                #expect(next == EventID(all.count))
            }
            #expect(try await store.events(of: id, from: EventID(all.count), limit: 20_000).isEmpty)
            #expect(try await store.events(of: lab.newID(), from: 0, limit: 20_000).isEmpty)
        }
    }

    /// What recovery reads: rows as they are stored, from the one on that has the event.
    @Test(arguments: StoreUnderTest.all)
    func storedRowsAreTheEvents(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let id = lab.newID()
            _ = try await store.append(lab.batch([lab.start(id, workflow: "w", events: 4)]))
            for count in [1, 7, 2, 1, 30, 3] { _ = try await store.append(lab.batch([lab.more(id, events: count)])) }
            let all = try #require(lab.histories[id])
            for from in 0..<all.count {
                for limit in [-5, 1, 5, 16, 1_000] {
                    let page = try await store.packedEvents(of: id, from: EventID(from), limit: limit)
                    let events = try await store.resolved(try page.events())
                    var next = page.rows.first?.firstEventID
                    for row in page.rows {
                        #expect(row.firstEventID == next)
                        next = row.firstEventID + EventID(row.count)
                    }
                    let first = Int(try #require(page.rows.first).firstEventID)
                    #expect(first <= from && first + page.rows[0].count > from, "the row that has event \(from)")
                    #expect(events == Array(all[first..<first + events.count]), "from \(from), limit \(limit)")
                    #expect(page.count == events.count && page.nextEventID == EventID(first + events.count))
                    #expect(page.rows.count == 1 || page.count <= limit)
                }
            }
            #expect(try await store.packedEvents(of: id, from: 0, limit: 1_000).count == all.count)
            #expect(try await store.packedEvents(of: id, from: EventID(all.count), limit: 10).isEmpty)
            #expect(try await store.packedEvents(of: id, from: .max, limit: 10).isEmpty)
            #expect(try await store.packedEvents(of: lab.newID(), from: 0, limit: 10).isEmpty)
        }
    }

    /// The same of many runs: what each has by itself, in the order that was asked for.
    @Test(arguments: StoreUnderTest.all)
    func storedRowsOfManyRunsAreThoseOfEach(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            var places: [HistoryPlace] = []
            for run in 0..<40 {
                let id = lab.newID()
                _ = try await store.append(lab.batch([lab.start(id, workflow: "w\(run)", events: 3)]))
                for count in [1, 7, run % 5 + 1] {
                    _ = try await store.append(lab.batch([lab.more(id, events: count)]))
                }
                places.append(HistoryPlace(id, from: EventID(run % 14)))
            }
            places.reverse()
            places.insert(HistoryPlace(lab.newID(), from: 0), at: 7)
            places.append(HistoryPlace(lab.newID(), from: .max))
            for limit in [-1, 1, 4, 1_000] {
                for part in [places, places.map { HistoryPlace($0.sagaID, from: 0) }, Array(places.prefix(1)), []] {
                    let pages = try await store.packedEvents(of: part, limit: limit)
                    #expect(pages.map(\.sagaID) == part.map(\.sagaID))
                    for (place, page) in zip(part, pages) {
                        let one = try await store.packedEvents(of: place.sagaID, from: place.from, limit: limit)
                        #expect(page.rows == one.rows && page.bytes == one.bytes, "from \(place.from), limit \(limit)")
                    }
                }
            }
        }
    }

    /// What does not fit into one answer is asked for again.
    @Test(arguments: StoreUnderTest.all)
    func anAnswerOfManyRunsHasALimit(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            var places: [HistoryPlace] = []
            let large = Payload(encoding: "raw", data: [UInt8](repeating: 7, count: 12 << 20))
            for run in 0..<7 {
                let id = lab.newID()
                var entry = lab.start(id, workflow: "w\(run)", events: 1)
                // A memo, which is never kept apart.
                entry.events[0].attributes = .workflowExecutionStarted(
                    WorkflowExecutionStarted(
                        namespace: "default", workflowID: "w\(run)", workflowType: "Order", workflowVersion: 0,
                        taskQueue: "q", input: .empty, executionTimeoutMicros: 0, cancelGraceMicros: 0,
                        memo: [NamedPayload(name: "m", payload: large)]))
                _ = try await store.append(lab.batch([entry]))
                places.append(HistoryPlace(id, from: 0))
            }
            let pages = try await store.packedEvents(of: places, limit: 10)
            #expect(pages.map(\.sagaID) == places.prefix(5).map(\.sagaID))
            let rest = try await store.packedEvents(of: Array(places.dropFirst(5)), limit: 10)
            #expect(rest.map(\.count) == [1, 1])
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func rowsSayHowTheRunStands(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let id = lab.newID()
            _ = try await store.append(lab.batch([lab.start(id, workflow: "w", type: "Trip")]))
            #expect(try await store.execution(id) == lab.row(id, workflow: "w", type: "Trip", next: 2))
            for status in [ExecutionStatus.compensating, .blocked, .paused, .running] {
                let entry = lab.more(id, row: lab.row(id, workflow: "w", type: "Trip", status: status, next: 0))
                _ = try await store.append(lab.batch([entry]))
                #expect(try await store.execution(id) == entry.row)
                #expect(try await store.openExecutions(after: nil, limit: 10) == [entry.row].compactMap(\.self))
            }
            // What cannot change after the start does not change.
            var foreign = lab.row(id, workflow: "elsewhere", type: "Other", status: .failed, next: 0)
            foreign.startedAt = Timestamp(microseconds: 1)
            _ = try await store.append(lab.batch([lab.more(id, row: foreign)]))
            let expected = lab.row(id, workflow: "w", type: "Trip", status: .failed, next: 7)
            #expect(try await store.execution(id) == expected)
            #expect(try await store.latestExecution(namespace: "default", workflowID: "w") == expected)
            #expect(try await store.latestExecution(namespace: "default", workflowID: "elsewhere") == nil)
            #expect(try await store.openExecutions(after: nil, limit: 10).isEmpty)
            #expect(try await store.execution(lab.newID()) == nil)
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func openRunsComeInPagesByID(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let ids = (0..<50).map { _ in lab.newID() }
            for (index, id) in ids.enumerated().reversed() {
                _ = try await store.append(lab.batch([lab.start(id, workflow: "w\(index)")]))
            }
            for (index, id) in ids.enumerated() where index % 3 == 0 {
                _ = try await store.append(lab.batch([lab.close(id, workflow: "w\(index)")]))
            }
            let open = ids.enumerated().filter { $0.offset % 3 != 0 }.map(\.element)
            for limit in [1, 7, 100] {
                var found: [SagaID] = []
                while true {
                    let page = try await store.openExecutions(after: found.last, limit: limit)
                    #expect(page.count <= limit)
                    if page.isEmpty { break }
                    found += page.map(\.sagaID)
                }
                #expect(found == open, "limit \(limit)")
            }
            #expect(try await store.openExecutions(after: nil, limit: 0).isEmpty)
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func listFiltersAndPages(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let statuses = ExecutionStatus.allCases
            var rows: [ExecutionRow] = []
            for index in 0..<60 {
                let status = statuses[index % statuses.count]
                let entry = lab.start(
                    lab.newID(), workflow: "w\(index)", namespace: index % 4 == 0 ? "other" : "default",
                    type: index % 3 == 0 ? "Order" : "Trip", status: status)
                _ = try await store.append(lab.batch([entry]))
                rows += [entry.row].compactMap(\.self)
            }
            rows.reverse()
            let filters: [(ExecutionQuery, (ExecutionRow) -> Bool)] = [
                (ExecutionQuery(namespace: "default"), { $0.namespace == "default" }),
                (ExecutionQuery(namespace: "nowhere"), { _ in false }),
                (
                    ExecutionQuery(namespace: "default", workflowType: "Order"),
                    { $0.namespace == "default" && $0.workflowType == "Order" }
                ),
                (ExecutionQuery(namespace: "other", workflowID: "w8"), { $0.workflowID == "w8" }),
                (ExecutionQuery(namespace: "default", workflowID: "w8"), { _ in false }),
                (
                    ExecutionQuery(namespace: "default", statuses: [.blocked, .running]),
                    { $0.namespace == "default" && [.blocked, .running].contains($0.status) }
                ),
                (
                    ExecutionQuery(namespace: "default", workflowType: "Trip", statuses: [.failed, .blocked, .failed]),
                    {
                        $0.namespace == "default" && $0.workflowType == "Trip"
                            && [.failed, .blocked].contains($0.status)
                    }
                ),
            ]
            for (filter, matches) in filters {
                let expected = rows.filter(matches)
                for limit in [1, 4, 100] {
                    var query = filter
                    query.limit = limit
                    var found: [ExecutionRow] = []
                    while true {
                        query.before = found.last?.sagaID
                        let page = try await store.list(query)
                        #expect(page.count <= limit)
                        if page.isEmpty { break }
                        found += page
                    }
                    #expect(found == expected, "\(filter), limit \(limit)")
                }
            }
            #expect(try await store.list(ExecutionQuery(namespace: "default", limit: 0)).isEmpty)
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func metadataIsFixedAtCreation(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, _ async throws in
            let metadata = try await store.metadata()
            #expect(metadata.partitionCount == Partition.defaultCount)
            #expect(metadata.taskTokenKey.count == 32)
            #expect(Set(metadata.taskTokenKey).count > 8, "the key is random")
            #expect(metadata.schemaVersion >= 1)
            #expect(try await store.metadata() == metadata)
        }
    }
}
