import SagaCore
import SagaEngine
import SagaMemory
import SagaSQLite
import Synchronization
import Testing

/// Books a flight a round, and makes a checkpoint after each; at the end it may fail.
private struct Rounds: DurableWorkflow {
    static let typeID = "rounds"
    /// Passes of the code that began, over all runs of this process.
    static let passes = Mutex<[String: Int]>([:])

    struct Input: Codable, Sendable {
        var rounds: Int
        var fails = false
        var waits = true
    }

    struct Held: Codable {
        var round = 0
        var words: [String] = []
    }

    func run(_ context: WorkflowContext, _ input: Input) async throws -> [String] {
        Self.passes.withLock { $0[context.workflowID, default: 0] += 1 }
        var held = try context.lastCheckpoint(as: Held.self) ?? Held()
        try context.setQueryHandler("round") { held.round }
        held.round += 1
        _ = try await context.executeActivity(Flight.self, Order(id: "\(held.round)"))
        if input.waits { held.words.append(try await context.waitForSignal("word")) }
        if held.round < input.rounds { try await context.checkpoint(held) }
        if input.fails { throw Refusal.refused("at the end") }
        return held.words
    }
}

@Suite(.timeLimit(.minutes(2))) struct CheckpointTests {
    private func engine(_ world: World, _ store: any EventStore, snapshots: UInt64 = 10) async throws -> SagaEngine {
        var (workflows, activities) = bookingTypes(world)
        workflows.register(Rounds.self)
        var config = SagaEngineConfig()
        config.snapshots = .every(events: snapshots)
        return try await SagaEngine(config: config, store: store, workflows: workflows, activities: activities)
    }

    private func wait(_ handle: SagaHandle<Rounds>, forCheckpoints count: Int) async throws -> [HistoryEvent] {
        while true {
            let events = try await handle.history()
            let made = events.count {
                if case .markerRecorded(let marker) = $0.attributes { marker.kind == .checkpoint } else { false }
            }
            // And the step of the next pass, so that nothing is under way.
            let done = events.count { $0.eventType == .activityTaskCompleted }
            if made >= count, done > count { return events }
            await Task.yield()
        }
    }

    @Test func allPassesAreUndoneLastFirst() async throws {
        let world = World()
        let engine = try await engine(world, MemoryEventStore())
        let handle = try await engine.startWorkflow(
            Rounds.self, id: "undo", input: Rounds.Input(rounds: 3, fails: true, waits: false))
        let failure = await #expect(throws: SagaFailure.self) { try await handle.result() }
        #expect(failure?.compensation.state == .complete)
        #expect(
            world.log == [
                "flight 1", "flight 2", "flight 3", "undo flight-3 completed", "undo flight-2 completed",
                "undo flight-1 completed",
            ])
        await engine.shutDown()
    }

    /// Restarts between all rounds: from snapshots and without any, the code is run from its last checkpoint on.
    @Test(arguments: [UInt64(3), 0]) func aRestartBeginsAtTheLastCheckpoint(_ snapshots: UInt64) async throws {
        let path = TemporaryFile.path("rounds.db")
        let world = World()
        let id = "restart-\(snapshots)"
        for round in 0..<4 {
            let engine = try await engine(world, try SQLiteEventStore(path: path), snapshots: snapshots)
            let handle: SagaHandle<Rounds>
            if round == 0 {
                handle = try await engine.startWorkflow(Rounds.self, id: id, input: Rounds.Input(rounds: 4))
            } else {
                handle = engine.handle(Rounds.self, id: id)
                // The code is where it was, and has been run once for that: its first pass is not run again.
                let before = Rounds.passes.withLock { $0[id] ?? 0 }
                #expect(try await handle.query("round", as: Int.self) == round + 1)
                let after = Rounds.passes.withLock { $0[id] ?? 0 }
                #expect(after - before <= 2)
            }
            try await handle.signal("word", "w\(round)")
            if round < 3 {
                _ = try await wait(handle, forCheckpoints: round + 1)
            } else {
                #expect(try await handle.result() == ["w0", "w1", "w2", "w3"])
            }
            await engine.shutDown()
        }
        // Four flights; none twice, although the code was run anew four times.
        #expect(world.log == ["flight 1", "flight 2", "flight 3", "flight 4"])
        let store = try SQLiteEventStore(path: path)
        let replayer = HistoryReplayer(store: store)
        let sagaID = try #require(
            try await store.run(RunTarget(namespace: "default", workflowID: id), .ends)?.row.sagaID)
        let whole = try #require(try await replayer.state(of: sagaID, from: .beginning))
        let quick = try #require(try await replayer.state(of: sagaID))
        #expect(quick.state == whole.state)
        #expect(whole.state.checkpoint != nil)
        for event in 0..<whole.state.nextEventID {
            let then = try #require(try await replayer.state(of: sagaID, upTo: event, from: .beginning))
            #expect(try await replayer.state(of: sagaID, upTo: event)?.state == then.state)
        }
    }

    /// On each store that keeps snapshots, and without any.
    @Test(arguments: [UInt64(3), 0]) func aQueryOfAClosedRunRunsOnePass(_ snapshots: UInt64) async throws {
        let engine = try await engine(World(), MemoryEventStore(), snapshots: snapshots)
        let id = "closed-\(snapshots)"
        let handle = try await engine.startWorkflow(
            Rounds.self, id: id, input: Rounds.Input(rounds: 4, waits: false))
        _ = try await handle.result()
        let before = Rounds.passes.withLock { $0[id] ?? 0 }
        #expect(try await handle.query("round", as: Int.self) == 4)
        #expect(Rounds.passes.withLock { $0[id] ?? 0 } == before + 1)
        await engine.shutDown()
    }

    @Test func signalsThatCameBeforeGoOverIt() async throws {
        let world = World()
        let engine = try await engine(world, MemoryEventStore())
        let handle = try await engine.startWorkflow(Rounds.self, id: "early", input: Rounds.Input(rounds: 3))
        // One that nobody takes, before those by which the run comes to its end.
        try await handle.signal("other", "x")
        for word in ["a", "b", "c"] { try await handle.signal("word", word) }
        #expect(try await handle.result() == ["a", "b", "c"])
        let events = try await handle.history()
        guard case .workflowExecutionCompleted(let end)? = events.last?.attributes else {
            Issue.record("not completed")
            return
        }
        #expect(end.unconsumedSignals == 1)
        await engine.shutDown()
    }

    /// To an event before a checkpoint, and to one behind it.
    @Test(arguments: [false, true]) func aResetGoesToEitherSide(_ isBehind: Bool) async throws {
        let world = World()
        let engine = try await engine(world, MemoryEventStore())
        let handle = try await engine.startWorkflow(
            Rounds.self, id: "reset-\(isBehind)", input: Rounds.Input(rounds: 3))
        try await handle.signal("word", "a")
        try await handle.signal("word", "b")
        _ = try await wait(handle, forCheckpoints: 2)
        while world.log.count < 3 { await Task.yield() }
        let events = try await handle.history()
        let done = events.filter { $0.eventType == .activityTaskCompleted }
        let next = try await handle.reset(to: done[isBehind ? 1 : 0].eventID, reason: "again")
        // Signals go along, on whichever side of the event they stand.
        try await next.signal("word", "z")
        #expect(try await next.result() == ["a", "b", "z"])
        await engine.shutDown()
    }
}
