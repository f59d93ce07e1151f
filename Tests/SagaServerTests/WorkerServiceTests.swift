import SagaClient
import SagaCore
import SagaServer
import SagaTransport
import SagaWire
import Synchronization
import Testing

/// A worker that is spoken by hand.
final class RawWorker: Sendable {
    let stream: ClientStream
    private let client: SagaClient

    init(
        _ client: SagaClient, activities: [String], slots: UInt32 = 10, running: [[UInt8]] = [],
        workflows: [String] = [], workflowSlots: UInt32 = 0
    ) async throws {
        self.client = client
        let open = Wire.WorkOpen(
            identity: "raw", taskQueues: ["default"], activityTypes: activities,
            workflowTypes: workflows.map { Wire.WorkflowTypeOffer(workflowType: $0) },
            slots: [Wire.Slots(taskQueue: "default", addActivities: slots, addWorkflows: workflowSlots)],
            runningTaskTokens: running)
        let connection = try await client.keeper.connection(until: .now + .seconds(5))
        stream = connection.openStream(
            method: Wire.Method.workersWork.rawValue, body: try Wire.WorkerItem(item: .open(open)).serialized())
    }

    func send(_ item: Wire.WorkerItem.Item) async throws {
        try await stream.send(try Wire.WorkerItem(item: item).serialized())
    }

    func next() async throws -> Wire.ServerItem.Item {
        let body = try #require(try await stream.next())
        return try #require(try Wire.ServerItem(decoding: body, limits: .response).item)
    }

    func task() async throws -> Wire.ActivityTask {
        while true { if case .activityTask(let task) = try await next() { return task } }
    }

    func ack() async throws -> Wire.Ack {
        while true { if case .ack(let ack) = try await next() { return ack } }
    }
}

private struct Fragile: Activity {
    static let typeID = "fragile"
    let body: @Sendable (Int, ActivityContext) async throws -> Int
    func execute(_ input: Int, _ context: ActivityContext) async throws -> Int { try await body(input, context) }
}

private struct OneStep: DurableWorkflow {
    static let typeID = "one-step"
    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        try await context.executeActivity(
            named: "fragile", input, as: Int.self,
            options: ActivityOptions(
                retry: RetryPolicy(initialIntervalMicros: 10_000), timeouts: ActivityTimeouts(heartbeatMicros: 400_000))
        )
    }
}

/// The same without a heartbeat time-out: nothing happens to it by itself, however slow the machine.
private struct PatientStep: DurableWorkflow {
    static let typeID = "patient-step"
    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        try await context.executeActivity(named: "fragile", input, as: Int.self)
    }
}

@Suite(.timeLimit(.minutes(1))) struct WorkerServiceTests {
    private var workflows: WorkflowRegistry {
        var workflows = TestCode.workflows
        workflows.register(OneStep.self)
        workflows.register(PatientStep.self)
        return workflows
    }

    private func activities(_ body: @escaping @Sendable (Int, ActivityContext) async throws -> Int) -> ActivityRegistry
    {
        var activities = ActivityRegistry()
        activities.register(Fragile(body: body))
        return activities
    }

    @Test func aForgedTokenChangesNothing() async throws {
        let server = try await TestServer.start()
        let client = try await server.client()
        let code = try RunningWorker(server.options(), workflows: workflows)
        let raw = try await RawWorker(client, activities: ["fragile"])
        let handle = try await client.start(PatientStep.self, id: "forged", input: 1)
        let task = try await raw.task()
        let before = try await handle.describe().summary.historyLength
        var forgeries: [[UInt8]] = [[], [1, 2, 3], [UInt8](repeating: 7, count: task.taskToken.count)]
        for position in task.taskToken.indices {
            var forged = task.taskToken
            forged[position] ^= 0x10
            forgeries.append(forged)
        }
        for forged in forgeries {
            try await raw.send(
                .activityCompleted(Wire.ActivityCompleted(taskToken: forged, output: Wire.Payload(.json("666")))))
            let ack = try await raw.ack()
            #expect(ack.result == .refused)
            #expect(ack.error?.code == "PERMISSION_DENIED")
            #expect(ack.taskToken == forged)
        }
        #expect(try await handle.describe().summary.historyLength == before)
        // A token of this run in another namespace is foreign there.
        let elsewhere = try await server.client(namespace: "elsewhere")
        let foreign = try await RawWorker(elsewhere, activities: ["fragile"])
        try await foreign.send(
            .activityCompleted(Wire.ActivityCompleted(taskToken: task.taskToken, output: Wire.Payload(.json("666")))))
        #expect(try await foreign.ack().result == .refused)
        // The real one still counts, once; said again it is acknowledged again and changes nothing.
        for (output, result) in [("7", Wire.AckResult.recorded), ("8", .alreadyRecorded)] {
            try await raw.send(
                .activityCompleted(
                    Wire.ActivityCompleted(taskToken: task.taskToken, output: Wire.Payload(.json(output)))))
            let ack = try await raw.ack()
            #expect(ack.taskToken == task.taskToken)
            #expect(ack.result == result)
        }
        #expect(try await handle.result() == 7)
        try await code.stop()
        await elsewhere.close()
        await client.close()
        await server.stop()
    }

    @Test func tasksOfADeadWorkerMove() async throws {
        let server = try await TestServer.start()
        let client = try await server.client()
        let code = try RunningWorker(server.options(), workflows: workflows)
        // The first worker takes the task and dies with it: its connection is cut without a word.
        let doomed = try await server.client()
        let raw = try await RawWorker(doomed, activities: ["fragile"])
        let handle = try await client.start(OneStep.self, id: "moves", input: 20)
        let task = try await raw.task()
        #expect(task.attempt == 1)
        await doomed.close()
        let attempts = Mutex<[UInt32]>([])
        let second = try RunningWorker(
            server.options(),
            activities: activities { input, context in
                attempts.withLock { $0.append(context.attempt) }
                return input + 1
            })
        #expect(try await handle.result() == 21)
        #expect(attempts.withLock { $0 } == [2])
        try await second.stop()
        try await code.stop()
        await client.close()
        await server.stop()
    }

    @Test func workflowCodeMovesToAnotherWorker() async throws {
        let server = try await TestServer.start()
        let client = try await server.client()
        let first = try RunningWorker(server.options(), workflows: TestCode.workflows, identity: "first")
        let handle = try await client.start(Counter.self, id: "moving", input: 0)
        try await handle.signal("add", 1)
        for try await event in handle.followHistory() {
            if case .signalReceived = event.attributes { break }
        }
        try await first.stop()
        try await handle.signal("add", 2)
        let second = try RunningWorker(server.options(), workflows: TestCode.workflows, identity: "second")
        try await handle.signal("add", 0)
        #expect(try await handle.result() == 3)
        try await second.stop()
        await client.close()
        await server.stop()
    }

    @Test func cancelReachesARunningActivity() async throws {
        let server = try await TestServer.start()
        let client = try await server.client()
        let started = Gate()
        let wasCancelled = Atomic(false)
        let worker = try RunningWorker(
            server.options(), workflows: workflows,
            activities: activities { _, context in
                started.open()
                do {
                    while true {
                        context.heartbeat()
                        try await Task.sleep(for: .milliseconds(20))
                    }
                } catch {
                    wasCancelled.store(context.isCancelRequested, ordering: .relaxed)
                    throw error
                }
            })
        let handle = try await client.start(OneStep.self, id: "cancelled", input: 1)
        await started.pass()
        try await handle.cancel(reason: "stop")
        let failure = await #expect(throws: WorkflowFailure.self) { try await handle.result() }
        #expect(failure?.status == .canceled)
        let sawCancel = wasCancelled.load(ordering: .relaxed)
        #expect(sawCancel)
        try await worker.stop()
        await client.close()
        await server.stop()
    }

    @Test func aDrainingWorkerFinishesWhatItHas() async throws {
        let server = try await TestServer.start()
        let client = try await server.client()
        let code = try RunningWorker(server.options(), workflows: workflows)
        let started = Gate()
        let proceed = Gate()
        let worker = try RunningWorker(
            server.options(),
            activities: activities { input, context in
                started.open()
                // Not cancelled by the drain: only awaited.
                await proceed.pass()
                return input
            })
        let handle = try await client.start(PatientStep.self, id: "drained", input: 9)
        await started.pass()
        worker.task.cancel()
        proceed.open()
        try await worker.task.value
        #expect(try await handle.result() == 9)
        #expect(try await handle.describe().summary.status == .completed)
        try await code.stop()
        await client.close()
        await server.stop()
    }

    @Test func manyStepsGoThroughOneStream() async throws {
        let server = try await TestServer.start()
        let client = try await server.client()
        let worker = try RunningWorker(
            server.options(), workflows: workflows, activities: activities { input, _ in input * 2 })
        // More at once than the windows, the slots and the queues of a stream hold.
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 1...2_000 {
                group.addTask {
                    try await client.start(OneStep.self, id: "many-\(number)", input: number).result()
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(sum == 2_001 * 2_000)
        try await worker.stop()
        await client.close()
        await server.stop()
    }
}
