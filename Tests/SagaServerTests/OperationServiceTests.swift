import SagaClient
import SagaCore
import SagaSQLite
import SagaWorker
import Testing

/// Says where it is, and adds up children.
private struct Family: DurableWorkflow {
    static let typeID = "family"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        if input > 10 { try context.continueAsNew(10) }
        try context.setSearchAttribute("size", input)
        var sum = input
        if input > 0 { sum += try await context.executeChildWorkflow(Family.self, input / 4) }
        _ = try context.sideEffect { 1 }
        if input == 10 { _ = try await context.waitForSignal("go", as: Int.self) }
        return sum
    }
}

/// Reserves in the worker itself, and waits.
struct Errand: DurableWorkflow {
    static let typeID = "errand"

    func run(_ context: WorkflowContext, _ input: String) async throws -> String {
        let reservation = try await context.executeLocalActivity(ReserveSeat.self, input)
        let word: String = try await context.waitForSignal("word")
        return "\(reservation), \(word)"
    }
}

@Suite(.timeLimit(.minutes(1))) struct OperationServiceTests {
    @Test(arguments: TestStore.all) func localActivitiesAndResetOverTheWire(_ store: TestStore) async throws {
        let server = try await TestServer.start(store: try await store.open())
        let journal = Journal()
        var workflows = TestCode.workflows
        workflows.register(Errand.self)
        let worker = try RunningWorker(
            server.options(), workflows: workflows, activities: TestCode.activities(journal))
        let client = try await server.client()
        _ = try await client.start(Errand.self, id: "e", input: "7A")
        while journal.all.isEmpty { await Task.yield() }
        while try await client.describe("e").undoLog.isEmpty { await Task.yield() }
        let next = try await client.reset("e", to: 0, reason: "another seat")
        while journal.all.count < 3 { await Task.yield() }
        #expect(journal.all == ["reserve 7A", "release 7A", "reserve 7A"])
        try await client.signal("e", "word", "thanks")
        let errand = client.handle(Errand.self, id: "e", sagaID: next)
        #expect(try await errand.result() == "reservation of 7A, thanks")
        try await worker.stop()
        await client.close()
        await server.stop()
    }

    @Test(arguments: TestStore.all) func compositionAndOperationsOverTheWire(_ store: TestStore) async throws {
        let server = try await TestServer.start(store: try await store.open())
        var workflows = TestCode.workflows
        workflows.register(Family.self)
        let worker = try RunningWorker(server.options(), workflows: workflows)
        let client = try await server.client()
        let family = try await client.start(Family.self, id: "f", input: 20)
        let ten = AttributeCondition("size", .equal, .number(10))
        while try await client.count(where: [ten]) == 0 { await Task.yield() }
        #expect(try await client.list(where: [ten]).runs.map(\.workflowID) == ["f"])
        try await client.pause("f", reason: "a look")
        #expect(try await client.describe("f").summary.status == .paused)
        try await client.signal("f", "go", 1)
        try await client.resume("f")
        #expect(try await family.result() == 12)
        #expect(try await client.count(type: "family") == 4)
        #expect(try await client.count(statuses: [.continuedAsNew]) == 1)
        #expect(
            try await client.list(type: "family", where: [ten]).runs.first?.searchAttributes.map(\.name) == ["size"])
        try await client.delete("f")
        #expect(try await client.count(type: "family") == 3)
        let none = await #expect(throws: SagaClientError.self) { try await client.delete("nobody") }
        #expect(none?.code == .notFound)
        try await worker.stop()
        await client.close()
        await server.stop()
    }
}
