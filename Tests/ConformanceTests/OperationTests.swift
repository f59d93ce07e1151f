import SagaCore
import SagaSamples
import Testing

/// Search attributes, counts, and the end of runs.
@Suite struct OperationTests {
    private func payload(_ json: String) -> Payload { Payload(encoding: "json", data: Array(json.utf8)) }

    private func attributes(_ pairs: [(String, String)]) -> [NamedPayload] {
        pairs.map { NamedPayload(name: $0.0, payload: payload($0.1)) }
    }

    @Test(arguments: StoreUnderTest.all)
    func listsFilterBySearchAttributes(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            #expect(store.filtersByAttributes)
            let sets: [[(String, String)]] = [
                [], [("customer", #""anna""#)], [("customer", #""annä""#), ("amount", "7")],
                [("customer", #""bert""#), ("amount", "12.5"), ("vip", "true")],
                [("customer", "7"), ("amount", #""7""#), ("vip", "false")], [("amount", "-3e2")],
                [("list", "[1]"), ("amount", "7.0")], [("odd \" name", #""\"; DROP""#)],
                [("customer", #""Anna\nZ""#), ("amount", "9007199254740993")],
            ]
            var rows: [ExecutionRow] = []
            for (number, set) in sets.enumerated() {
                var entry = lab.start(lab.newID(), workflow: "w\(number)", type: number % 2 == 0 ? "A" : "B")
                entry.row?.searchAttributes = attributes(set)
                _ = try await store.append(lab.batch([entry]))
                rows += [entry.row].compactMap(\.self)
            }
            rows.reverse()
            let values: [AttributeCondition.Value] = [
                .text("anna"), .text("a"), .text(""), .number(7), .number(12.5), .number(0), .boolean(true),
                .boolean(false), .text("7"), .number(9_007_199_254_740_992), .text("\"; DROP"),
            ]
            for name in ["customer", "amount", "vip", "list", "odd \" name", "none"] {
                for comparison in AttributeCondition.Comparison.allCases {
                    for value in values {
                        let condition = AttributeCondition(name, comparison, value)
                        let query = ExecutionQuery(namespace: "default", attributes: [condition])
                        let expected = rows.filter { condition.holds($0.searchAttributes) }
                        #expect(try await store.list(query) == expected, "\(condition)")
                    }
                }
            }
            var query = ExecutionQuery(
                namespace: "default", workflowType: "A",
                attributes: [
                    AttributeCondition("customer", .prefix, .text("ann")),
                    AttributeCondition("amount", .greaterOrEqual, .number(7)),
                ], limit: 1)
            let both = rows.filter { row in
                row.workflowType == "A" && query.attributes.allSatisfy { $0.holds(row.searchAttributes) }
            }
            #expect(try await store.list(query) == both)
            #expect(try await store.count(query) == both.count)
            query.attributes = [AttributeCondition("amount", .notEqual, .number(7))]
            query.workflowType = ""
            #expect(
                try await store.count(query, exactUpTo: 100) == RunCount(count: rows.count - 2, isEstimate: false))
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func attributesChangeWithTheirRun(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let id = lab.newID()
            _ = try await store.append(lab.batch([lab.start(id, workflow: "w")]))
            for set in [[("k", "1")], [("k", "2"), ("other", "{\"a\":null}")], [], [("k", "3")]] {
                var row = lab.row(id, workflow: "w", next: 0)
                row.searchAttributes = attributes(set)
                let entry = lab.more(id, row: row)
                #expect(try await store.append(lab.batch([entry])) == [.appended])
                #expect(try await store.execution(id) == entry.row)
                let number = set.first.flatMap { Double($0.1) } ?? 0
                let query = ExecutionQuery(
                    namespace: "default", attributes: [AttributeCondition("k", .equal, .number(number))])
                #expect(try await store.list(query).count == (set.isEmpty ? 0 : 1))
            }
            // A closing append says them, too.
            var row = lab.row(id, workflow: "w", status: .completed, next: 0)
            row.searchAttributes = attributes([("k", "3")])
            let entry = lab.more(id, row: row)
            _ = try await store.append(lab.batch([entry]))
            #expect(try await store.execution(id) == entry.row)
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func closedRunsCanBeDeletedAndOpenOnesCannot(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let ids = (0..<3).map { _ in lab.newID() }
            _ = try await store.append(lab.batch([lab.start(ids[0], workflow: "w", status: .failed)]))
            _ = try await store.append(
                lab.batch([lab.start(ids[1], workflow: "w", condition: .after(ids[0]), status: .completed)]))
            let open = lab.start(lab.newID(), workflow: "v")
            _ = try await store.append(lab.batch([open]))
            #expect(try await store.delete(open.sagaID) == false)
            #expect(try await store.delete(lab.newID()) == false)
            #expect(try await store.events(of: open.sagaID, from: 0, limit: 10) == open.events)
            #expect(try await store.delete(ids[1]))
            #expect(try await store.delete(ids[1]) == false)
            #expect(try await store.execution(ids[1]) == nil)
            #expect(try await store.events(of: ids[1], from: 0, limit: 10).isEmpty)
            // The run before it is the newest again, and the workflow id goes on from there.
            #expect(try await store.latestExecution(namespace: "default", workflowID: "w")?.sagaID == ids[0])
            #expect(try await store.count(ExecutionQuery(namespace: "default", workflowID: "w")) == 1)
            let next = lab.start(ids[2], workflow: "w", condition: .after(ids[0]))
            #expect(try await store.append(lab.batch([next])) == [.appended])
            #expect(try await store.latestExecution(namespace: "default", workflowID: "w")?.sagaID == ids[2])
            // The oldest goes, too; the newest stays what it is.
            #expect(try await store.delete(ids[0]))
            #expect(try await store.latestExecution(namespace: "default", workflowID: "w")?.sagaID == ids[2])
            #expect(
                try await store.list(ExecutionQuery(namespace: "default", workflowID: "w")).map(\.sagaID) == [ids[2]])
        }
    }
}
