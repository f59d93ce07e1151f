import SagaCore
import SagaEngine
import SagaSchedules
import Testing

/// A step a day, for so many days.
private struct Month: DurableWorkflow {
    static let typeID = "month"

    func run(_ context: WorkflowContext, _ days: Int) async throws -> Int {
        var sum = 0
        for day in 0..<days {
            sum += try await context.executeActivity(Tick.self, day, options: Tick.options)
            try await context.sleep(.seconds(86_400))
        }
        return sum
    }
}

private struct Tick: Activity {
    static let typeID = "tick"

    func execute(_ input: Int, _ context: ActivityContext) async throws -> Int {
        // The second attempt comes an hour later.
        if input == 3, context.attempt == 1 { throw SagaError(kind: .activityExecution, message: "not today") }
        return 1
    }

    static let options = ActivityOptions(
        retry: RetryPolicy(initialIntervalMicros: 3_600_000_000, maximumIntervalMicros: 3_600_000_000, jitter: 0))
}

/// A child that ends at once, then ten days; after the first it goes on in a new run if it is told to.
private struct Household: DurableWorkflow {
    static let typeID = "household"

    func run(_ context: WorkflowContext, _ input: String) async throws -> Int {
        if input != "again" {
            _ = try await context.executeChildWorkflow(Chore.self, 1, options: ChildOptions(id: "chore-of-\(input)"))
        }
        if input == "restless" { try context.continueAsNew("again") }
        try await context.sleep(.seconds(10 * 86_400))
        return 1
    }
}

/// Can be undone, so that it is kept for its parent.
private struct Chore: DurableWorkflow {
    static let typeID = "chore"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        try context.trackCompensatableStep("sweep", undo: UndoSpec(activityType: "tick"), input: 1, output: 1)
        return input
    }
}

/// Waits for a signal, a day at most.
private struct Patient: DurableWorkflow {
    static let typeID = "patient"

    func run(_ context: WorkflowContext, _ input: String) async throws -> String {
        let word = try await context.withDeadline(.seconds(86_400)) {
            try await context.waitForSignal("word", as: String.self)
        }
        return word ?? "nothing"
    }
}

/// Time that is virtual, over every store.
@Suite(.timeLimit(.minutes(2))) struct VirtualClockTests {
    static let start = Timestamp(microseconds: 1_800_000_000_000_000)
    static let day: Int64 = 86_400_000_000

    private func engine(_ store: any EventStore, isVirtual: Bool = true) async throws -> SagaEngine {
        var workflows = WorkflowRegistry()
        workflows.register(Month.self)
        workflows.register(Patient.self)
        workflows.register(Household.self)
        workflows.register(Chore.self)
        var activities = ActivityRegistry()
        activities.register(Tick())
        var config = SagaEngineConfig()
        if isVirtual {
            config.namespaces["default"] = NamespaceOptions(virtualClock: VirtualClock(start: Self.start))
        }
        return try await SagaEngine(config: config, store: store, workflows: workflows, activities: activities)
    }

    @Test(arguments: StoreUnderTest.all) func aMonthPassesInASecond(_ kind: StoreUnderTest) async throws {
        try await TemporaryDirectory.with { directory in
            let engine = try await engine(try await kind.open(directory))
            let handle = try await engine.startWorkflow(Month.self, id: "m", input: 30)
            #expect(try await handle.result() == 30)
            let history = try await handle.history()
            let days = history.map { $0.timestamp.microseconds(since: Self.start) / Self.day }
            #expect(days.first == 0 && days.last == 30 && days == days.sorted() && Set(days).count == 31)
            for event in history {
                guard case .timerFired(let fired) = event.attributes,
                    case .timerCreated(let created) = history[Int(fired.createdEventID)].attributes
                else { continue }
                #expect(event.timestamp == created.dueAt, "a timer fires when it is due, not a microsecond later")
            }
            let row = try #require(try await engine.list().first)
            #expect(row.startedAt == Self.start && row.closedAt == history.last?.timestamp)
            #expect(row.sagaID.time.microseconds / 1_000 == Self.start.microseconds / 1_000)
            let reading = try await engine.clock()
            #expect(reading.isVirtual && !reading.isHeld && reading.time == history.last?.timestamp)
            // Other tests run beside this one, so it has several tries: one of them must take less than a second. What is on a disk
            // that all of them keep busy may take longer.
            let limit: Duration = kind.isDurable ? .seconds(10) : .seconds(1)
            var best = Duration.seconds(60)
            for attempt in 1...10 where best >= limit {
                let began = ContinuousClock.now
                _ = try await engine.executeWorkflow(Month.self, id: "m-\(attempt)", input: 30)
                best = min(best, began.duration(to: .now))
            }
            #expect(best < limit, "thirty days")
            await engine.shutDown()
        }
    }

    @Test(arguments: StoreUnderTest.durable) func aRestartGoesOnFromWhereTheClockStood(_ kind: StoreUnderTest)
        async throws
    {
        try await TemporaryDirectory.with { directory in
            var engine = try await engine(try await kind.open(directory))
            try await engine.holdClock()
            let handle = try await engine.startWorkflow(Month.self, id: "m", input: 10)
            let stood = try await engine.advanceClock(by: .seconds(2 * 86_400 + 5))
            #expect(stood.time == Self.start.adding(microseconds: 2 * Self.day + 5_000_000))
            #expect(try await handle.history().count { $0.eventType == .timerFired } == 2)
            await engine.shutDown()

            // Whether a namespace is virtual, and whether its clock is held, is the store's to know.
            engine = try await self.engine(try await kind.open(directory), isVirtual: false)
            let found = try await engine.clock()
            #expect(found == stood && found.isHeld)
            let again: SagaHandle<Month> = engine.handle(Month.self, id: "m")
            try await engine.holdClock(false)
            #expect(try await again.result() == 10)
            let times = try await again.history().map(\.timestamp)
            #expect(times == times.sorted())
            #expect(try await engine.clock().time == Self.start.adding(microseconds: 10 * Self.day + 3_600_000_000))
            await engine.shutDown()
        }
    }

    @Test(arguments: StoreUnderTest.all) func noChildIsRemovedBeforeItsParent(_ kind: StoreUnderTest) async throws {
        try await TemporaryDirectory.with { directory in
            let engine = try await engine(try await kind.open(directory))
            try await engine.holdClock()
            for input in ["settled", "restless"] {
                _ = try await engine.startWorkflow(Household.self, id: input, input: input)
            }
            let day = Duration.seconds(86_400)
            // Its children have closed days ago, and so has the run that went on in a new one.
            try await engine.advanceClock(by: .seconds(5 * 86_400))
            #expect(try await engine.count() == 5)
            #expect(try await engine.removeRuns(closedLongerAgoThan: day) == 0)
            for input in ["settled", "restless"] {
                let failure = await #expect(throws: CallFailure.self) {
                    try await engine.deleteWorkflow(id: "chore-of-\(input)")
                }
                #expect(failure?.code == .failedPrecondition)
            }
            // Both have closed, but the day has not passed.
            try await engine.advanceClock(by: .seconds(5 * 86_400 + 60))
            #expect(
                try await engine.removeRuns(closedLongerAgoThan: day) == 2, "the run that went on, and then its child")
            try await engine.advanceClock(by: .seconds(2 * 86_400))
            #expect(try await engine.removeRuns(closedLongerAgoThan: day) == 3)
            #expect(try await engine.list().isEmpty)
            await engine.shutDown()
        }
    }

    @Test func schedulesAreDueByIt() async throws {
        let kind = StoreUnderTest.all[0]
        try await TemporaryDirectory.with { directory in
            let engine = try await engine(try await kind.open(directory))
            let spec = ScheduleSpec(
                scheduleID: "daily", cron: "0 6 * * *", overlap: .allow,
                start: ScheduledStart(workflowID: "daily", workflowType: Patient.typeID, input: .json("\"x\"")))
            let due = try #require(try await engine.createSchedule(spec))
            #expect(due > Self.start && due.microseconds(since: Self.start) <= Self.day)
            // A schedule alone moves no clock: it would never stop.
            #expect(try await engine.clock().time == Self.start)
            try await engine.holdClock()
            try await engine.advanceClock(by: .seconds(3 * 86_400))
            let runs = try await engine.list(ExecutionQuery(namespace: "default", workflowType: Patient.typeID))
            let starts = runs.map(\.startedAt).sorted()
            #expect(starts.first == due && starts.count == 3)
            #expect(zip(starts, starts.dropFirst()).allSatisfy { $1.microseconds(since: $0) == Self.day })
            #expect(runs.contains { $0.status == .completed }, "the first waited for its signal for a day")
            try await engine.deleteSchedule("daily")
            await engine.shutDown()
        }
    }

    @Test func aClockThatIsHeldWaitsForASignal() async throws {
        let kind = StoreUnderTest.all[0]
        try await TemporaryDirectory.with { directory in
            let engine = try await engine(try await kind.open(directory))
            try await engine.holdClock()
            let handle = try await engine.startWorkflow(Patient.self, id: "p", input: "")
            try await engine.advanceClock(by: .seconds(86_399))
            try await handle.signal("word", "yes")
            #expect(try await handle.result() == "yes")
            // Nobody waits for the deadline any more: it moves nothing.
            try await engine.holdClock(false)
            #expect(try await engine.clock().time == Self.start.adding(microseconds: 86_399_000_000))
            let alone = try await engine.startWorkflow(Patient.self, id: "q", input: "")
            #expect(try await alone.result() == "nothing")
            await engine.shutDown()
        }
    }

    @Test func realTimeIsNotMoved() async throws {
        let kind = StoreUnderTest.all[0]
        try await TemporaryDirectory.with { directory in
            let engine = try await engine(try await kind.open(directory), isVirtual: false)
            #expect(try await engine.clock().isVirtual == false)
            for attempt in [
                { _ = try await engine.advanceClock(by: .seconds(1)) }, { _ = try await engine.holdClock() },
            ] as [() async throws -> Void] {
                let failure = await #expect(throws: CallFailure.self) { try await attempt() }
                #expect(failure?.code == .failedPrecondition && failure?.message.contains("--virtual-clock") == true)
            }
            await engine.shutDown()
        }
    }
}
