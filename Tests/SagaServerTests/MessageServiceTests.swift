import SagaClient
import SagaCore
import SagaWorker
import Testing

/// A number that updates add to and queries read.
struct Meter: DurableWorkflow {
    static let typeID = "meter"

    private final class Reading {
        var value = 0
        var isSealed = false
    }

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        let reading = Reading()
        reading.value = input
        try context.setQueryHandler("value") { reading.value }
        try context.setUpdateHandler(
            "add",
            validate: { (amount: Int) in
                guard amount > 0 else { throw SagaError(kind: .validation, message: "only upwards") }
            },
            { (amount: Int) async throws -> Int in
                if amount > 1_000 { throw SagaError(kind: .domain, message: "too much") }
                reading.value += amount
                return reading.value
            })
        // Long enough that its history goes out in several pages.
        try context.setSignalHandler("tick") { (amount: Int) in reading.value += amount }
        try context.setSignalHandler("seal") { (_: Bool) in reading.isSealed = true }
        try await context.waitUntil { reading.isSealed }
        try await context.signalExternal("display", "add", reading.value)
        return reading.value
    }
}

@Suite(.timeLimit(.minutes(1))) struct MessageServiceTests {
    @Test(arguments: TestStore.all) func updatesAndQueriesOverTheWire(_ store: TestStore) async throws {
        let server = try await TestServer.start(store: try await store.open())
        var workflows = TestCode.workflows
        workflows.register(Meter.self)
        let worker = try RunningWorker(server.options(), workflows: workflows)
        let client = try await server.client()
        let display = try await client.start(Counter.self, id: "display", input: 0)
        let meter = try await client.start(Meter.self, id: "m-1", input: 5)
        #expect(try await meter.query("value", as: Int.self) == 5)
        #expect(try await meter.update("add", 3, as: Int.self, updateID: "u-1") == 8)
        #expect(try await meter.update("add", 3, as: Int.self, updateID: "u-1") == 8)
        let refused = await #expect(throws: UpdateFailure.self) { try await meter.update("add", -1, as: Int.self) }
        #expect(refused?.wasAccepted == false && refused?.error.message == "only upwards")
        let rolledBack = await #expect(throws: UpdateFailure.self) {
            try await meter.update("add", 2_000, as: Int.self)
        }
        #expect(rolledBack?.wasAccepted == true && rolledBack?.error.message == "too much")
        #expect(try await meter.query("value", as: Int.self) == 8)
        let unknown = await #expect(throws: SagaClientError.self) { try await meter.query("colour", as: Int.self) }
        #expect(unknown?.code == .invalidArgument)

        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<1_200 { group.addTask { try await meter.signal("tick", 1, signalID: "t-\(number)") } }
            try await group.waitForAll()
        }
        // Twice by the same id is once.
        try await meter.signal("tick", 1, signalID: "t-7")
        try await meter.signal("seal", true)
        #expect(try await meter.result() == 1_208)
        // From a closed run, whose history takes more than one page.
        #expect(try await meter.query("value", as: Int.self) == 1_208)
        // The other saga has it, once.
        try await client.signal("display", "add", 0)
        #expect(try await display.result() == 1_208)

        try await worker.stop()
        let lonely = await #expect(throws: SagaClientError.self) {
            try await SagaClient.connect(server.options(deadline: .seconds(1)), logger: TestServer.logger)
                .query("m-1", "value")
        }
        #expect(lonely?.code == .unavailable || lonely?.code == .deadlineExceeded)
        await client.close()
        await server.stop()
    }
}
