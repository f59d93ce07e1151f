import SagaCore
import SagaEngine
import SagaMemory
import SagaSQLite
import Synchronization
import Testing

/// Books one part of a journey.
private struct Leg: DurableWorkflow {
    static let typeID = "leg"

    func run(_ context: WorkflowContext, _ input: Order) async throws -> String {
        let flight = try await context.executeActivity(Flight.self, input)
        if input.refusedStep == "wait" { try await context.sleep(.seconds(3_600)) }
        return flight.number
    }
}

private struct Journey: Codable, Sendable {
    var legs: [Order]
    var fails = false
    var policy = "cancel"
}

/// Books legs as children, one after the other, and may fail at the end.
private struct Journeys: DurableWorkflow {
    static let typeID = "journey"

    func run(_ context: WorkflowContext, _ input: Journey) async throws -> [String] {
        var numbers: [String] = []
        for leg in input.legs { numbers.append(try await context.executeChildWorkflow(Leg.self, leg)) }
        _ = try await context.executeActivity(Hotel.self, Order(id: "end"))
        if input.fails { throw Refusal.refused("the journey") }
        return numbers
    }
}

/// Starts a child, and ends before it does.
private struct Careless: DurableWorkflow {
    static let typeID = "careless"

    func run(_ context: WorkflowContext, _ input: Journey) async throws -> String {
        let policies: [String: ParentClosePolicy] = ["cancel": .cancel, "abandon": .abandon, "terminate": .terminate]
        let child = try await context.startChildWorkflow(
            Leg.self, Order(id: "1", refusedStep: "wait"),
            options: ChildOptions(
                id: "leg-of-\(context.workflowID)", parentClosePolicy: policies[input.policy] ?? .cancel)
        )
        if input.fails { throw Refusal.refused("after the start of \(child.workflowID)") }
        return child.workflowID
    }
}

/// Counts down, one run a number; books something in the first.
private struct Countdown: DurableWorkflow {
    static let typeID = "countdown"

    struct Input: Codable, Sendable {
        var left: Int
        var commits = false
        var fails = false
        var seen: [String] = []
    }

    func run(_ context: WorkflowContext, _ input: Input) async throws -> [String] {
        var input = input
        if input.left == 2 { _ = try await context.executeActivity(Flight.self, Order(id: "1")) }
        if input.left > 0 {
            input.left -= 1
            try context.continueAsNew(input, carryUndo: !input.commits)
        }
        _ = try await context.executeActivity(Hotel.self, Order(id: "2"))
        if input.fails { throw Refusal.refused("at zero") }
        let word: String = try await context.waitForSignal("word")
        return input.seen + [word]
    }
}

/// Computes things once, and notes how often it did.
private struct Thoughtful: DurableWorkflow {
    static let typeID = "thoughtful"
    static let computed = Mutex(0)

    func run(_ context: WorkflowContext, _ input: Int) async throws -> [Int] {
        let first = try context.sideEffect {
            Self.computed.withLock {
                $0 += 1; return $0
            }
        }
        try context.setSearchAttribute("stage", "waiting")
        var fired: [String] = []
        try context.setTimerCallback("note") { timer in fired.append(timer) }
        try context.startTimer("t1", .milliseconds(5), callback: "note")
        let dropped = try context.startTimer("t2", .milliseconds(5), callback: "note")
        try context.cancelTimer(dropped)
        try await context.waitUntil { fired == ["t1"] }
        _ = try await context.waitForSignal("go", as: Int.self)
        let second = try context.sideEffect {
            Self.computed.withLock {
                $0 += 1; return $0
            }
        }
        let isNew = try context.patched("sum")
        return [first, second, isNew ? 1 : 0, try context.patched("sum") ? 1 : 0]
    }
}

@Suite(.timeLimit(.minutes(1))) struct CompositionTests {
    private func engine(_ world: World = World(), store: any EventStore = MemoryEventStore()) async throws -> SagaEngine
    {
        var (workflows, activities) = bookingTypes(world)
        workflows.register(Leg.self)
        workflows.register(Journeys.self)
        workflows.register(Careless.self)
        workflows.register(Countdown.self)
        workflows.register(Thoughtful.self)
        return try await SagaEngine(store: store, workflows: workflows, activities: activities)
    }

    @Test func childrenReturnWhatTheyMade() async throws {
        let engine = try await engine()
        let journey = Journey(legs: [Order(id: "a"), Order(id: "b")])
        #expect(try await engine.executeWorkflow(Journeys.self, id: "j-1", input: journey) == ["flight-a", "flight-b"])
        let types = try await engine.handle(Journeys.self, id: "j-1").history().map(\.eventType)
        #expect(types.filter { $0 == .childWorkflowExecutionStarted }.count == 2)
        #expect(types.filter { $0 == .childWorkflowExecutionCompleted }.count == 2)
        await engine.shutDown()
    }

    @Test func aChildThatClosedWellIsUndoneWithItsParent() async throws {
        let world = World()
        let engine = try await engine(world)
        let journey = Journey(legs: [Order(id: "a"), Order(id: "b")], fails: true)
        let handle = try await engine.startWorkflow(Journeys.self, id: "j-2", input: journey)
        let failure = await #expect(throws: SagaFailure.self) { try await handle.result() }
        #expect(failure?.compensation.state == .complete)
        #expect(
            world.log == [
                "flight a", "flight b", "hotel end", "undo hotel-end completed", "undo flight-b completed",
                "undo flight-a completed",
            ])
        // The undoing is a run of the child's own id.
        let undone = try await engine.handle(Leg.self, id: "j-2/2").describe()
        #expect(undone.status == .canceled)
        await engine.shutDown()
    }

    @Test func aChildThatFailsFailsInItsParent() async throws {
        let world = World()
        let engine = try await engine(world)
        let journey = Journey(legs: [Order(id: "a"), Order(id: "b", refusedStep: "flight")])
        let handle = try await engine.startWorkflow(Journeys.self, id: "j-3", input: journey)
        let failure = await #expect(throws: SagaFailure.self) { try await handle.result() }
        #expect(failure?.error?.kind == .domain)
        #expect(world.log == ["flight a", "undo flight-a completed"])
        #expect(try await handle.history().contains { $0.eventType == .childWorkflowExecutionFailed })
        await engine.shutDown()
    }

    @Test(arguments: ["cancel", "terminate", "abandon"]) func theParentsEndReachesItsChild(_ policy: String)
        async throws
    {
        let engine = try await engine()
        let parent = try await engine.startWorkflow(
            Careless.self, id: "c-\(policy)", input: Journey(legs: [], policy: policy))
        let childID = try await parent.result()
        let child = engine.handle(Leg.self, id: childID)
        if policy == "abandon" {
            #expect(try await child.describe().status == .running)
        } else {
            let closed = try await child.closing()
            #expect(closed.status == (policy == "cancel" ? .canceled : .terminated))
        }
        await engine.shutDown()
    }

    /// The parent was terminated, and the engine died before it told the child: the next one finds the orphan. After a reset the
    /// child belongs to the run that goes on. Only the event says which it was; what a person writes as reason are words.
    @Test(arguments: [nil, 1] as [EventID?]) func anOrphanEndsUnlessAnotherRunHasIt(_ resetEventID: EventID?)
        async throws
    {
        let path = TemporaryFile.path("orphan.db")
        let first = try await engine(store: try SQLiteEventStore(path: path))
        let waiting = Journey(legs: [Order(id: "1", refusedStep: "wait")])
        let parent = try await first.startWorkflow(Journeys.self, id: "p", input: waiting)
        var started: ChildWorkflowExecutionStarted?
        while started == nil {
            for event in try await parent.history() {
                if case .childWorkflowExecutionStarted(let child) = event.attributes { started = child }
            }
        }
        let child = try #require(started)
        await first.shutDown()

        let store = try SQLiteEventStore(path: path)
        let epoch = try await store.takeOver()
        var row = try #require(try await store.latestExecution(namespace: "default", workflowID: "p"))
        let history = try await store.events(of: row.sagaID, from: 0, limit: 1_000)
        let last = try #require(history.last)
        let ending = HistoryEvent(
            eventID: last.eventID + 1, sagaID: row.sagaID, timestamp: last.timestamp,
            attributes: .workflowExecutionTerminated(
                WorkflowExecutionTerminated(
                    reason: "reset to event 1", compensation: .none, resetEventID: resetEventID)))
        row.status = .terminated
        row.closedAt = last.timestamp
        row.nextEventID = ending.eventID + 1
        let outcome = try await store.append(
            AppendBatch(
                epoch: epoch,
                transactions: [
                    AppendTransaction([
                        AppendEntry(
                            sagaID: row.sagaID, expectedNextEventID: ending.eventID, events: [ending], row: row)
                    ])
                ]))
        #expect(outcome == [.appended])

        let orphan = try #require(try await store.execution(child.childSagaID))
        let second = try await engine(store: store)
        let handle = second.handle(Leg.self, id: orphan.workflowID, sagaID: orphan.sagaID)
        if resetEventID == nil {
            #expect(try await handle.closing().status == .canceled)
        } else {
            // The question about its parent was asked before this one, and changes nothing.
            for _ in 0..<20 { #expect(try await handle.describe().status == .running) }
        }
        await second.shutDown()
    }

    @Test func anUnwindingWaitsForTheChild() async throws {
        let world = World()
        let engine = try await engine(world)
        let parent = try await engine.startWorkflow(Careless.self, id: "c-1", input: Journey(legs: [], fails: true))
        let failure = await #expect(throws: SagaFailure.self) { try await parent.result() }
        #expect(failure?.status == .failed)
        let types = try await parent.history().map(\.eventType)
        #expect(types.contains(.childWorkflowExecutionCancelRequested))
        #expect(types.contains(.childWorkflowExecutionCanceled))
        #expect(try await engine.handle(Leg.self, id: "leg-of-c-1").describe().status == .canceled)
        // Whatever the child had done is undone, if it had come to do something.
        #expect(world.log == [] || world.log == ["flight 1", "undo flight-1 completed"])
        await engine.shutDown()
    }

    @Test func aChildWhoseIDIsTakenIsNotStarted() async throws {
        let engine = try await engine()
        let other = try await engine.startWorkflow(
            Leg.self, id: "leg-of-c-2", input: Order(id: "x", refusedStep: "wait"))
        let parent = try await engine.startWorkflow(Careless.self, id: "c-2", input: Journey(legs: []))
        let failure = await #expect(throws: SagaFailure.self) { try await parent.result() }
        #expect(failure?.error?.message.contains("in use") == true)
        #expect(try await parent.history().contains { $0.eventType == .startChildWorkflowExecutionFailed })
        #expect(try await other.describe().status == .running)
        await engine.shutDown()
    }

    @Test func aContinuedRunTakesItsUndosAndSignalsAlong() async throws {
        let world = World()
        let engine = try await engine(world)
        let handle = try await engine.startWorkflow(Countdown.self, id: "n-1", input: .init(left: 2, fails: true))
        let failure = await #expect(throws: SagaFailure.self) { try await handle.result() }
        #expect(failure?.compensation.state == .complete)
        #expect(world.log == ["flight 1", "hotel 2", "undo hotel-2 completed", "undo flight-1 completed"])
        #expect(try await engine.list().count == 3)
        await engine.shutDown()
    }

    @Test func aCommittedUndoStaysBehind() async throws {
        let world = World()
        let engine = try await engine(world)
        let handle = try await engine.startWorkflow(
            Countdown.self, id: "n-2", input: .init(left: 2, commits: true, fails: true))
        _ = await #expect(throws: SagaFailure.self) { try await handle.result() }
        #expect(world.log == ["flight 1", "hotel 2", "undo hotel-2 completed"])
        await engine.shutDown()
    }

    @Test func signalsGoAlong() async throws {
        let path = TemporaryFile.path("continued.db")
        let engine = try await engine(store: try SQLiteEventStore(path: path))
        let handle = try await engine.startWorkflow(Countdown.self, id: "n-3", input: .init(left: 50))
        // To whatever run is open just now.
        try await engine.handle(Countdown.self, id: "n-3").signal("word", "hello")
        #expect(try await handle.result() == ["hello"])
        #expect(try await engine.list().filter { $0.status == .continuedAsNew }.count == 50)
        await engine.shutDown()
    }

    @Test func valuesArePutDownOnce() async throws {
        let path = TemporaryFile.path("values.db")
        var engine = try await engine(store: try SQLiteEventStore(path: path))
        let before = Thoughtful.computed.withLock { $0 }
        _ = try await engine.startWorkflow(Thoughtful.self, id: "t-1", input: 0)
        while try await engine.handle(Thoughtful.self, id: "t-1").history().contains(where: {
            $0.eventType == .timerFired
        })
            == false
        { await Task.yield() }
        await engine.shutDown()
        engine = try await self.engine(store: try SQLiteEventStore(path: path))
        let handle = engine.handle(Thoughtful.self, id: "t-1")
        try await handle.signal("go", 1)
        let values = try await handle.result()
        // Replay did not compute the first again.
        #expect(values == [before + 1, before + 2, 1, 1])
        let types = try await handle.history().map(\.eventType)
        #expect(types.filter { $0 == .sideEffectRecorded }.count == 2)
        #expect(types.filter { $0 == .versionMarkerRecorded }.count == 1)
        #expect(types.contains(.upsertSearchAttributes) && types.contains(.timerCanceled))
        await engine.shutDown()
    }
}
