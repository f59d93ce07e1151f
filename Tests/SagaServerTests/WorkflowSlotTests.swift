import SagaClient
import SagaCore
import SagaServer
import SagaTransport
import SagaWire
import SagaWorker
import Testing

private struct Other: DurableWorkflow {
    static let typeID = "other"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int { input }
}

/// Workflow tasks of workers that say how many they take, and whether they keep the code.
@Suite(.timeLimit(.minutes(1))) struct WorkflowSlotTests {
    private func workflowTask(_ worker: RawWorker) async throws -> Wire.WorkflowTask {
        while true { if case .workflowTask(let task) = try await worker.next() { return task } }
    }

    /// Everything that was sent to the worker so far: a report with a false token is refused, and the refusal comes behind it.
    private func sent(to worker: RawWorker) async throws -> [Wire.WorkflowTask] {
        try await worker.send(.activityCompleted(Wire.ActivityCompleted(taskToken: [1, 2, 3])))
        var tasks: [Wire.WorkflowTask] = []
        while true {
            switch try await worker.next() {
            case .workflowTask(let task): tasks.append(task)
            case .ack: return tasks
            default: break
            }
        }
    }

    private func answer(_ task: Wire.WorkflowTask, _ worker: RawWorker, sticky: Bool = true) async throws {
        let seen = try #require(task.events.last?.eventID)
        try await worker.send(
            .workflowTaskCompleted(
                Wire.WorkflowTaskCompleted(taskToken: task.taskToken, seenEventID: seen, sticky: sticky)))
    }

    @Test func aWorkerGetsNoMoreTasksThanItTakes() async throws {
        let server = try await TestServer.start()
        let client = try await server.client()
        let worker = try await RawWorker(client, activities: [], workflows: ["counter"], workflowSlots: 2)
        // The answer about a start comes when its task has left, if it leaves.
        for number in 1...4 { _ = try await client.start(Counter.self, id: "\(number)", input: 0) }
        let first = try await sent(to: worker)
        #expect(first.map(\.workflowID) == ["1", "2"])
        // A slot is free when its task is answered; the run that waits the longest gets it.
        try await answer(first[0], worker)
        let third = try await workflowTask(worker)
        #expect(third.workflowID == "3")
        // A run whose code is here waits for its own worker, too.
        try await client.signal("1", "add", 1)
        #expect(try await sent(to: worker).isEmpty)
        // One more at a time from now on: the run whose code is live goes first.
        try await worker.send(.slots(Wire.Slots(taskQueue: "default", addWorkflows: 1)))
        let live = try await workflowTask(worker)
        #expect(live.workflowID == "1" && live.sticky && live.firstEventID == 1)
        try await answer(live, worker)
        #expect(try await workflowTask(worker).workflowID == "4")
        // A second answer to the same task frees nothing.
        try await answer(live, worker)
        try await client.signal("1", "add", 1)
        #expect(try await sent(to: worker).isEmpty)
        // Another worker takes the rest of what comes.
        let other = try await RawWorker(client, activities: [], workflows: ["counter"])
        for number in 5...8 { _ = try await client.start(Counter.self, id: "\(number)", input: 0) }
        #expect(try await sent(to: other).map(\.workflowID) == ["5", "6", "7", "8"])
        // What the first had goes to it when the first is gone.
        worker.stream.cancel(reason: "done")
        var moved: Set<String> = []
        while moved.count < 4 { moved.insert(try await workflowTask(other).workflowID) }
        #expect(moved == ["1", "2", "3", "4"])
        await client.close()
        await server.stop()
    }

    /// Runs that one worker cannot run do not stand before those that it can; each gets its own in the order in which they came.
    @Test func codeOfOtherWorkersIsNotInTheWay() async throws {
        let server = try await TestServer.start()
        let client = try await server.client()
        let counters = try await RawWorker(client, activities: [], workflows: ["counter"], workflowSlots: 1)
        let others = try await RawWorker(client, activities: [], workflows: ["other"], workflowSlots: 1)
        for number in 1...4 {
            _ = try await client.start(Other.self, id: "o\(number)", input: 0)
            _ = try await client.start(Counter.self, id: "c\(number)", input: 0)
        }
        for (worker, name) in [(counters, "c"), (others, "o")] {
            for number in 1...4 {
                let task = try await workflowTask(worker)
                #expect(task.workflowID == "\(name)\(number)")
                try await answer(task, worker)
            }
            #expect(try await sent(to: worker).isEmpty)
        }
        await client.close()
        await server.stop()
    }

    @Test func codeThatIsNotKeptGetsTheWholeHistory() async throws {
        let server = try await TestServer.start()
        let client = try await server.client()
        let worker = try await RawWorker(client, activities: [], workflows: ["counter"])
        _ = try await client.start(Counter.self, id: "c", input: 0)
        try await answer(try await workflowTask(worker), worker, sticky: true)
        try await client.signal("c", "add", 1)
        let live = try await workflowTask(worker)
        #expect(live.sticky && live.events.map(\.eventID) == [1])
        try await answer(live, worker, sticky: false)
        try await client.signal("c", "add", 2)
        let again = try await workflowTask(worker)
        #expect(!again.sticky && again.firstEventID == 0 && again.events.map(\.eventID) == [0, 1, 2])
        // And it need not be the same worker.
        try await answer(again, worker, sticky: false)
        _ = try await sent(to: worker)
        let other = try await RawWorker(client, activities: [], workflows: ["counter"])
        try await worker.send(.drained(Wire.Drained()))
        _ = try await sent(to: worker)
        try await client.signal("c", "add", 3)
        let moved = try await workflowTask(other)
        #expect(!moved.sticky && moved.events.map(\.eventID) == [0, 1, 2, 3])
        await client.close()
        await server.stop()
    }

    /// A real worker with one slot serves many runs.
    @Test func oneSlotIsEnough() async throws {
        let server = try await TestServer.start()
        let client = try await server.client()
        var options = WorkerOptions()
        options.maxWorkflowTasks = 1
        let worker = try SagaWorker(
            connection: server.options(), workflows: TestCode.workflows, options: options, logger: TestServer.logger)
        let task = Task { try await worker.run() }
        for number in 1...30 { _ = try await client.start(Counter.self, id: "\(number)", input: number) }
        for round in 0..<3 {
            for number in 1...30 { try await client.signal("\(number)", "add", round == 2 ? 0 : 10) }
        }
        for number in 1...30 {
            #expect(try await client.handle(Counter.self, id: "\(number)").result() == number + 20)
        }
        task.cancel()
        try await task.value
        await client.close()
        await server.stop()
    }
}
