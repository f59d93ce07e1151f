import SagaCore
import SagaEngine
import Synchronization
import Testing

/// What activities of these tests did, in order.
private final class Journal: Sendable {
    private let lines = Mutex<[String]>([])
    func write(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
}

/// Holds one place until it is let go, so that others queue behind it.
private struct Hold: Activity {
    static let typeID = "hold"
    let gate: AsyncStream<Void>
    let journal: Journal

    func execute(_ input: String, _ context: ActivityContext) async throws -> String {
        journal.write(input)
        var iterator = gate.makeAsyncIterator()
        await iterator.next()
        return input
    }
}

private struct First: Activity {
    static let typeID = "first"
    let journal: Journal

    func execute(_ input: String, _ context: ActivityContext) async throws -> String {
        journal.write(input)
        return input
    }
}

/// The same under another type: the queue is one.
private struct Second: Activity {
    static let typeID = "second"
    let journal: Journal

    func execute(_ input: String, _ context: ActivityContext) async throws -> String {
        journal.write(input)
        return input
    }
}

/// Tells how far it is, and dies once.
private struct Sweep: Activity {
    static let typeID = "sweep"

    func execute(_ input: Int, _ context: ActivityContext) async throws -> String {
        guard context.attempt > 1 else {
            context.heartbeat(.json("41"))
            throw SagaError(kind: .activityExecution, message: "the floor is wet")
        }
        return context.heartbeatDetails.map { String(decoding: $0.data, as: UTF8.self) } ?? "nothing"
    }
}

/// One place for many steps of two types, by priority.
private struct Queueing: DurableWorkflow {
    static let typeID = "queueing"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { _ = try await context.executeActivity(Hold.self, "hold") }
            for number in 0..<3 {
                group.addTask {
                    let options = ActivityOptions(stepID: "a\(number)", priority: number == 2 ? 9 : 0)
                    _ = try await context.executeActivity(First.self, "a\(number)", options: options)
                }
                group.addTask {
                    let options = ActivityOptions(stepID: "b\(number)", priority: number == 2 ? 5 : 0)
                    _ = try await context.executeActivity(Second.self, "b\(number)", options: options)
                }
            }
            try await group.waitForAll()
        }
        return input
    }
}

/// What code finds out, and finds again on replay.
private struct Values: DurableWorkflow {
    static let typeID = "values"

    struct Output: Codable, Equatable, Sendable {
        var memo: [String]
        var kept: Int?
        var none: Int?
        var chance: [UInt64]
        var id: String
        var now: Int64
        var called: [String]
    }

    private final class Calls { var names: [String] = [] }

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Output {
        let calls = Calls()
        try context.setStepOutput("kept", input + 1)
        try context.setTimerCallback("ring") { calls.names.append($0) }
        let chance = [context.randomNumber(), context.randomNumber()]
        let output = Output(
            memo: context.memo.map(\.name), kept: try context.stepOutput("kept"), none: try context.stepOutput("none"),
            chance: chance, id: context.uuid().description, now: context.now.microseconds, called: [])
        try context.startTimer("alarm", .milliseconds(1), callback: "ring")
        try context.setQueryHandler("so far") { output.chance }
        _ = try await context.waitForSignal("go", as: Int.self)
        var done = output
        done.called = calls.names
        return done
    }
}

/// Features that touch queues, code and store together, over every store.
@Suite(.timeLimit(.minutes(2))) struct FeatureTests {
    private func engine(
        _ store: any EventStore, _ journal: Journal = Journal(), gate: AsyncStream<Void>? = nil,
        _ change: (inout SagaEngineConfig) -> Void = { _ in }
    ) async throws -> SagaEngine {
        var workflows = WorkflowRegistry()
        workflows.register(Queueing.self)
        workflows.register(Values.self)
        workflows.register(Sweeping.self)
        var activities = ActivityRegistry()
        activities.register(Hold(gate: gate ?? AsyncStream { $0.finish() }, journal: journal))
        activities.register(First(journal: journal))
        activities.register(Second(journal: journal))
        activities.register(Sweep())
        var config = SagaEngineConfig()
        change(&config)
        return try await SagaEngine(config: config, store: store, workflows: workflows, activities: activities)
    }

    @Test(arguments: StoreUnderTest.all) func tasksAreHandedOutByPriorityWhateverTheirTypes(_ kind: StoreUnderTest)
        async throws
    {
        try await TemporaryDirectory.with { directory in
            let journal = Journal()
            let (gate, opener) = AsyncStream.makeStream(of: Void.self)
            // One at a time: what waits is handed out in its order.
            let engine = try await engine(try await kind.open(directory), journal, gate: gate) { config in
                var limits = NamespaceLimits()
                limits.taskQueues["default"] = TaskQueueLimit(maximumConcurrent: 1)
                config.namespaces["default"] = NamespaceOptions(limits: limits)
            }
            let handle = try await engine.startWorkflow(Queueing.self, id: "q", input: 1)
            while try await handle.describe().waitingFor.count(where: { $0.text.contains("free slot") }) < 6 {
                await Task.yield()
            }
            opener.yield()
            #expect(try await handle.result() == 1)
            #expect(journal.all == ["hold", "a2", "b2", "a0", "b0", "a1", "b1"])
            await engine.shutDown()
        }
    }

    @Test(arguments: StoreUnderTest.all) func theLastSignOfLifeReachesTheNextAttempt(_ kind: StoreUnderTest)
        async throws
    {
        try await TemporaryDirectory.with { directory in
            let engine = try await engine(try await kind.open(directory))
            #expect(try await engine.executeWorkflow(Sweeping.self, id: "s", input: 1) == "41")
            await engine.shutDown()
        }
    }

    /// Asked again as clients do: while all stores are tested at once, one may take longer to start a run than a question may.
    private func answer(of handle: SagaHandle<Values>) async throws -> [UInt64] {
        for _ in 0..<9 {
            do { return try await handle.query("so far", as: [UInt64].self) } catch let failure as CallFailure
                where failure.code == .unavailable
            {
                continue
            }
        }
        return try await handle.query("so far", as: [UInt64].self)
    }

    @Test(arguments: StoreUnderTest.durable) func codeFindsTheSameValuesAgain(_ kind: StoreUnderTest) async throws {
        try await TemporaryDirectory.with { directory in
            var engine = try await engine(try await kind.open(directory))
            var options = StartOptions()
            options.memo = [NamedPayload(name: "order", payload: .json("7"))]
            let handle = try await engine.startWorkflow(Values.self, id: "v", input: 4, options: options)
            let before = try await answer(of: handle)
            #expect(try await handle.describe().memo == options.memo)
            while try await !handle.history().contains(where: { $0.eventType == .timerFired }) { await Task.yield() }
            await engine.shutDown()

            engine = try await self.engine(try await kind.open(directory))
            let again: SagaHandle<Values> = engine.handle(Values.self, id: "v")
            try await again.signal("go", 1)
            let output = try await again.result()
            #expect(output.memo == ["order"] && output.kept == 5 && output.none == nil)
            #expect(output.chance == before && output.chance[0] != output.chance[1])
            #expect(output.called == ["alarm"])
            let first = try #require(try await again.history().first)
            #expect(output.now == first.timestamp.microseconds && SagaID(output.id) != nil)
            await engine.shutDown()
        }
    }
}

private struct Sweeping: DurableWorkflow {
    static let typeID = "sweeping"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> String {
        try await context.executeActivity(
            Sweep.self, input,
            options: ActivityOptions(
                retry: RetryPolicy(initialIntervalMicros: 1_000, jitter: 0),
                timeouts: ActivityTimeouts(heartbeatMicros: 30_000_000)))
    }
}
