import SagaCore
import SagaEngine
import SagaMemory
import SagaSQLite
import SagaSchedules
import Testing

/// Returns at once, or when it is told to.
private struct Tick: DurableWorkflow {
    static let typeID = "tick"

    func run(_ context: WorkflowContext, _ input: String) async throws -> String {
        if input == "wait" { _ = try await context.waitForSignal("go", as: Int.self) }
        return input
    }
}

@Suite(.timeLimit(.minutes(1))) struct ScheduleTests {
    private func engine(_ store: any EventStore = MemoryEventStore()) async throws -> SagaEngine {
        var workflows = WorkflowRegistry()
        workflows.register(Tick.self)
        return try await SagaEngine(store: store, workflows: workflows, activities: ActivityRegistry())
    }

    private func spec(
        _ id: String, every: String = "@every 20ms", input: String = "now", overlap: ScheduleOverlap = .skip,
        isPaused: Bool = false
    ) -> ScheduleSpec {
        ScheduleSpec(
            scheduleID: id, cron: every, overlap: overlap, isPaused: isPaused,
            start: ScheduledStart(workflowID: id, workflowType: Tick.typeID, input: .json("\"\(input)\"")))
    }

    private func runs(_ engine: SagaEngine) async throws -> [ExecutionRow] {
        try await engine.list(ExecutionQuery(namespace: "default", workflowType: Tick.typeID, limit: 1_000))
    }

    @Test func itStartsARunForEachDueTime() async throws {
        let engine = try await engine()
        try await engine.createSchedule(spec("each"))
        await #expect(throws: CallFailure.self) { try await engine.createSchedule(spec("each")) }
        while try await runs(engine).count < 5 { await Task.yield() }
        #expect(try await engine.deleteSchedule("each"))
        let ids = try await runs(engine).map(\.workflowID)
        #expect(Set(ids).count == ids.count && ids.allSatisfy { $0.hasPrefix("each-2") })
        #expect(try await engine.deleteSchedule("each") == false)
        await #expect(throws: CallFailure.self) { try await engine.describeSchedule("each") }
        await engine.shutDown()
    }

    @Test func aPausedOneStartsNothingButByTrigger() async throws {
        let engine = try await engine()
        #expect(try await engine.createSchedule(spec("still", isPaused: true)) == nil)
        let trigger = try await engine.triggerSchedule("still", requestID: "r1")
        #expect(trigger.result.outcome == .started)
        // The same request is the same run.
        #expect(try await engine.triggerSchedule("still", requestID: "r1") == trigger)
        #expect(try await runs(engine).map(\.workflowID) == [trigger.workflowID])
        let info = try await engine.describeSchedule("still")
        #expect(info.spec.isPaused && info.nextDueMicros == nil && info.state.started == 1)
        #expect(try await engine.pauseSchedule("still", false) != nil)
        while try await runs(engine).count < 3 { await Task.yield() }
        try await engine.deleteSchedule("still")
        await engine.shutDown()
    }

    @Test func oneThatIsOpenHoldsTheNextBack() async throws {
        let engine = try await engine()
        try await engine.createSchedule(spec("busy", input: "wait"))
        while try await engine.describeSchedule("busy").state.skipped < 3 { await Task.yield() }
        #expect(try await runs(engine).count == 1)
        // With `allow` the next starts beside it.
        try await engine.updateSchedule(spec("busy", input: "wait", overlap: .allow))
        while try await runs(engine).count < 3 { await Task.yield() }
        try await engine.deleteSchedule("busy")
        await engine.shutDown()
    }

    @Test func itGoesOnAfterARestart() async throws {
        let path = TemporaryFile.path("schedules.db")
        var engine = try await engine(try SQLiteEventStore(path: path))
        try await engine.createSchedule(spec("kept"))
        while try await runs(engine).isEmpty { await Task.yield() }
        await engine.shutDown()
        engine = try await self.engine(try SQLiteEventStore(path: path))
        let before = try await runs(engine).count
        while try await runs(engine).count < before + 3 { await Task.yield() }
        #expect(try await engine.listSchedules().map(\.spec.scheduleID) == ["kept"])
        try await engine.deleteSchedule("kept")
        let ids = try await runs(engine).map(\.workflowID)
        #expect(Set(ids).count == ids.count)
        await engine.shutDown()
    }

    @Test func wrongOnesAreRefused() async throws {
        let engine = try await engine()
        for cron in ["nonsense", "0 0 30 2 *", ""] {
            let failure = await #expect(throws: CallFailure.self) {
                try await engine.createSchedule(spec("wrong", every: cron))
            }
            #expect(failure?.code == .invalidArgument)
        }
        let away = ScheduleSpec(
            scheduleID: "away", cron: "@daily", timeZone: "Nowhere/Town",
            start: ScheduledStart(workflowID: "away", workflowType: Tick.typeID))
        await #expect(throws: CallFailure.self) { try await engine.createSchedule(away) }
        #expect(try await engine.listSchedules().isEmpty)
        await engine.shutDown()
    }
}
