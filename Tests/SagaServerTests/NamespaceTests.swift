import SagaClient
import SagaCore
import SagaEngine
import SagaMemory
import SagaSQLite
import SagaServer
import Testing

/// A step a day, for so many days.
private struct Diary: DurableWorkflow {
    static let typeID = "diary"

    func run(_ context: WorkflowContext, _ days: Int) async throws -> Int {
        for _ in 0..<days { try await context.sleep(.seconds(86_400)) }
        return days
    }
}

/// Namespaces with a clock and with limits of their own, over TLS.
@Suite(.timeLimit(.minutes(1))) struct NamespaceTests {
    private static var workflows: WorkflowRegistry {
        var workflows = TestCode.workflows
        workflows.register(Diary.self)
        return workflows
    }

    @Test(arguments: TestStore.all) func virtualTimeRunsBesideRealTime(_ store: TestStore) async throws {
        var engine = SagaEngineConfig()
        engine.namespaces["fast"] = NamespaceOptions(virtualClock: VirtualClock())
        let server = try await TestServer.start(store: try await store.open(), engine: engine)
        let fast = try await server.client(namespace: "fast")
        let real = try await server.client(namespace: "real")
        let workers = [
            try RunningWorker(server.options(namespace: "fast"), workflows: Self.workflows),
            try RunningWorker(server.options(namespace: "real"), workflows: Self.workflows),
        ]
        let waiting = try await real.start(Diary.self, id: "d", input: 1)
        while try await waiting.describe().waitingFor.first?.kind != "timer" { await Task.yield() }

        // Other tests run beside this one, so it has several tries: one of them must take less than a second.
        var handle = try await fast.start(Diary.self, id: "d", input: 1)
        #expect(try await handle.result() == 1)
        var best = Duration.seconds(60)
        for attempt in 1...10 where best >= .seconds(1) {
            let began = ContinuousClock.now
            handle = try await fast.start(Diary.self, id: "d-\(attempt)", input: 30)
            #expect(try await handle.result() == 30)
            best = min(best, began.duration(to: .now))
        }
        #expect(best < .seconds(1), "thirty days")

        // The real one has not moved, although it sleeps for a day only.
        let description = try await waiting.describe()
        #expect(description.summary.status == .running && description.virtualTime == nil)
        #expect(description.waitingFor.first?.kind == "timer")
        let done = try await handle.describe()
        let closedAt = try #require(done.summary.closedAt)
        #expect(closedAt.microseconds(since: done.summary.startedAt) == 30 * 86_400_000_000)
        #expect(done.virtualTime == closedAt)

        let found = try await fast.namespaces()
        #expect(found.map(\.name) == ["fast", "real"])
        #expect(found.first?.isVirtual == true && found.first?.time == closedAt && found.first?.openSagas == 0)
        #expect(found.last?.isVirtual == false && found.last?.openSagas == 1)

        // By hand, to a day ahead; a namespace in real time stays so.
        let ahead = closedAt.adding(microseconds: 86_400_000_000)
        #expect(try await fast.setVirtualClock(advanceTo: ahead).time == ahead)
        #expect(try await fast.setVirtualClock(isHeld: true).isHeld)
        let refused = await #expect(throws: SagaClientError.self) { try await real.setVirtualClock() }
        #expect(refused?.code == .failedPrecondition)
        try await real.terminate("d", reason: "enough", compensate: false)
        for worker in workers { try await worker.stop() }
        await fast.close()
        await real.close()
        await server.stop()
    }

    @Test func aDevServerMakesTimeVirtualOnRequest() async throws {
        var engine = SagaEngineConfig()
        engine.allowsVirtualClocks = true
        let server = try await TestServer.start(engine: engine)
        let client = try await server.client(namespace: "later")
        let open = try await client.start(Counter.self, id: "c", input: 1)
        // What waits by the clock on the wall must not be caught between two clocks.
        let refused = await #expect(throws: SagaClientError.self) { try await client.setVirtualClock() }
        #expect(refused?.code == .failedPrecondition)
        try await open.terminate(reason: "enough", compensate: false)
        _ = try? await open.result()
        let clock = try await client.setVirtualClock(isHeld: true)
        #expect(clock.isHeld)
        let worker = try RunningWorker(server.options(namespace: "later"), workflows: Self.workflows)
        let diary = try await client.start(Diary.self, id: "d", input: 2)
        #expect(
            try await client.setVirtualClock(advanceTo: clock.time.adding(microseconds: 2 * 86_400_000_000)).isHeld)
        #expect(try await diary.result() == 2)
        try await worker.stop()
        await client.close()
        await server.stop()
    }

    // MARK: Limits

    @Test func noMoreSagasAreOpenThanAllowed() async throws {
        var engine = SagaEngineConfig()
        engine.namespaces["small"] = NamespaceOptions(limits: NamespaceLimits(maximumOpenSagas: 2))
        let server = try await TestServer.start(engine: engine)
        var options = server.options(namespace: "small")
        // Longer than the advice to wait, so that it is followed.
        options.deadline = .seconds(10)
        let client = try await SagaClient.connect(options, logger: TestServer.logger)
        let other = try await server.client()
        for id in ["a", "b"] { _ = try await client.start(Counter.self, id: id, input: 1) }
        // One that is open is no new one.
        #expect(try await client.start(Counter.self, id: "a", input: 1).alreadyStarted)
        var refused: SagaClientError?
        repeat {
            // On a busy machine the deadline may strike while the client asks once more.
            refused = await #expect(throws: SagaClientError.self) {
                try await client.start(Counter.self, id: "c", input: 1)
            }
        } while refused?.code == .deadlineExceeded
        #expect(refused?.code == .resourceExhausted)
        #expect(refused?.message.contains("namespace small has 2 open sagas") == true)
        #expect((refused?.retryAfter ?? .zero) > .zero)
        // What ends makes room, and other namespaces are not concerned.
        try await client.terminate("b", reason: "done", compensate: false)
        while (try? await client.start(Counter.self, id: "c", input: 1)) == nil { await Task.yield() }
        for id in ["a", "b", "c"] { _ = try await other.start(Counter.self, id: id, input: 1) }
        let listed = try await client.namespaces().first { $0.name == "small" }
        #expect(listed?.maximumOpenSagas == 2 && listed?.openSagas == 2)
        await client.close()
        await other.close()
        await server.stop()
    }

    @Test func noMoreSagasAreStartedThanAllowed() async throws {
        var engine = SagaEngineConfig()
        var limits = NamespaceLimits()
        limits.startsPerSecond = 0.001
        limits.startBurst = 3
        // Of the entry for all that have none of their own.
        engine.namespaces["*"] = NamespaceOptions(limits: limits)
        let server = try await TestServer.start(engine: engine)
        let client = try await server.client(namespace: "any")
        for id in ["a", "b", "c"] { _ = try await client.start(Counter.self, id: id, input: 1) }
        let refused = await #expect(throws: SagaClientError.self) {
            try await client.start(Counter.self, id: "d", input: 1)
        }
        #expect(refused?.code == .resourceExhausted && refused?.message.contains("starts-per-second") == true)
        // It says when, which is a quarter of an hour from now.
        #expect((refused?.retryAfter ?? .zero) > .seconds(600))
        await client.close()
        await server.stop()
    }

    @Test func noPayloadIsLargerThanAllowed() async throws {
        var engine = SagaEngineConfig()
        engine.namespaces["thin"] = NamespaceOptions(limits: NamespaceLimits(maximumPayloadBytes: 10))
        let server = try await TestServer.start(engine: engine)
        let client = try await server.client(namespace: "thin")
        let handle = try await client.start(Counter.self, id: "a", input: 1)
        let refused = await #expect(throws: SagaClientError.self) { try await handle.signal("add", "far too much") }
        #expect(refused?.code == .invalidArgument && refused?.message.contains("allows 10") == true)
        try await handle.signal("add", 5)
        await client.close()
        await server.stop()
    }
}
