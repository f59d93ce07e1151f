import SagaCore
import SagaEngine
import SagaMemory
import Testing

/// Compensation beyond the straight road: scopes, groups, probes, pivots, blocked undos.
@Suite struct CompensationTests {
    private func engine(_ world: World) async throws -> SagaEngine {
        var (workflows, activities) = bookingTypes(world)
        workflows.register(Detour.self)
        workflows.register(Together.self)
        workflows.register(Committed.self)
        workflows.register(Doubtful.self)
        workflows.register(Stubborn.self)
        activities.register(StubbornStep(world: world))
        activities.register(StubbornUndo(world: world))
        activities.register(HangingStep(world: world))
        activities.register(HangingProbe(world: world))
        return try await SagaEngine(store: MemoryEventStore(), workflows: workflows, activities: activities)
    }

    @Test func aNestedScopeUndoesOnlyItsOwnSteps() async throws {
        let world = World()
        let engine = try await engine(world)
        let output = try await engine.executeWorkflow(
            Detour.self, id: "d-1", input: Order(id: "1", refusedStep: "payment"))
        #expect(output == "by train")
        #expect(world.log == ["flight 1", "hotel 1", "undo hotel-1 completed"])
        await engine.shutDown()
    }

    @Test func whatANestedScopeDidIsUndoneWithTheRun() async throws {
        let world = World()
        let engine = try await engine(world)
        let handle = try await engine.startWorkflow(Detour.self, id: "d-2", input: Order(id: "2", refusedStep: "end"))
        let failure = await #expect(throws: SagaFailure.self) { try await handle.result() }
        #expect(failure?.compensation == CompensationSummary(.complete))
        #expect(
            world.log == [
                "flight 2", "hotel 2", "payment 2", "undo payment-2 completed", "undo hotel-2 completed",
                "undo flight-2 completed",
            ])
        await engine.shutDown()
    }

    @Test func aGroupIsUndoneTogether() async throws {
        let world = World()
        let engine = try await engine(world)
        let handle = try await engine.startWorkflow(Together.self, id: "g-1", input: Order(id: "1"))
        _ = await #expect(throws: SagaFailure.self) { try await handle.result() }
        let events = try await handle.history()
        let undo = events.filter { $0.category == .compensation }.map(\.eventType)
        // Both undos of the group are started before either is completed; the flight waits for both.
        #expect(
            undo == [
                .compensationStarted, .compensationStepStarted, .compensationStepStarted, .compensationStepCompleted,
                .compensationStepCompleted, .compensationStepStarted, .compensationStepCompleted,
                .compensationCompleted,
            ])
        #expect(world.log.last == "undo flight-1 completed")
        await engine.shutDown()
    }

    @Test func beyondThePivotThereIsNoWayBack() async throws {
        let world = World()
        let engine = try await engine(world)
        let handle = try await engine.startWorkflow(Committed.self, id: "p-1", input: Order(id: "1"))
        let failure = await #expect(throws: SagaFailure.self) { try await handle.result() }
        #expect(failure?.compensation.state == .complete)
        #expect(
            world.log == ["flight 1", "hotel 1", "payment 1", "undo payment-1 completed", "undo hotel-1 completed"])
        await engine.shutDown()
    }

    @Test func aProbeSettlesAnUnknownOutcome() async throws {
        let world = World()
        let engine = try await engine(world)
        let handle = try await engine.startWorkflow(Doubtful.self, id: "q-1", input: Order(id: "1"))
        let failure = await #expect(throws: SagaFailure.self) { try await handle.result() }
        #expect(failure?.compensation == CompensationSummary(.complete))
        // The probe found nothing, so the hanging step is not undone.
        #expect(world.log == ["flight 1", "probe 1", "undo flight-1 completed"])
        await engine.shutDown()
    }

    @Test func anUndoThatFailsForGoodWaitsForAPerson() async throws {
        let world = World()
        let engine = try await engine(world)
        let handle = try await engine.startWorkflow(Stubborn.self, id: "s-1", input: Order(id: "1"))
        var description = try await handle.describe()
        while description.status != .blocked { description = try await handle.describe() }
        #expect(description.block?.cause == .undoFailed)
        #expect(description.waitingFor.first?.text.contains("stubborn") == true)
        #expect(!world.log.contains("undo flight-1 completed"))
        await #expect(throws: CallFailure.self) { try await handle.operate(.skip, step: 99, reason: "no such step") }
        try await handle.operate(.skip, reason: "paid back by hand")
        let failure = await #expect(throws: SagaFailure.self) { try await handle.result() }
        #expect(failure?.compensation.state == .partial)
        #expect(failure?.compensation.openEntries.count == 1)
        #expect(world.log.last == "undo flight-1 completed")
        await engine.shutDown()
    }

    @Test func givingUpSaysSo() async throws {
        let world = World()
        let engine = try await engine(world)
        let handle = try await engine.startWorkflow(Stubborn.self, id: "s-2", input: Order(id: "2"))
        while try await handle.describe().status != .blocked {}
        try await handle.operate(.giveUp, reason: "the customer keeps it all")
        let failure = await #expect(throws: SagaFailure.self) { try await handle.result() }
        #expect(failure?.compensation.state == .givenUp)
        #expect(failure?.compensation.openEntries.count == 2)
        #expect(!world.log.contains("undo flight-2 completed"))
        await engine.shutDown()
    }
}

private struct Detour: DurableWorkflow {
    static let typeID = "detour"

    func run(_ context: WorkflowContext, _ input: Order) async throws -> String {
        _ = try await context.executeActivity(Flight.self, input)
        do {
            try await context.saga {
                _ = try await context.executeActivity(Hotel.self, input)
                _ = try await context.executeActivity(Payment.self, input)
            }
        } catch let error as SagaError where error.kind == .domain {
            return "by train"
        }
        if input.refusedStep == "end" { throw Refusal.refused("end") }
        return "by plane"
    }
}

private struct Together: DurableWorkflow {
    static let typeID = "together"

    func run(_ context: WorkflowContext, _ input: Order) async throws -> String {
        _ = try await context.executeActivity(Flight.self, input)
        try await context.group(undo: .concurrent) {
            async let hotel = context.executeActivity(Hotel.self, input)
            async let payment = context.executeActivity(Payment.self, input)
            _ = try await (hotel, payment)
        }
        throw Refusal.refused("end")
    }
}

private struct Committed: DurableWorkflow {
    static let typeID = "committed"

    func run(_ context: WorkflowContext, _ input: Order) async throws -> String {
        _ = try await context.executeActivity(Flight.self, input)
        _ = try await context.executeActivity(Hotel.self, input, options: ActivityOptions(pivot: true))
        _ = try await context.executeActivity(Payment.self, input)
        throw Refusal.refused("end")
    }
}

private struct Doubtful: DurableWorkflow {
    static let typeID = "doubtful"

    func run(_ context: WorkflowContext, _ input: Order) async throws -> String {
        _ = try await context.executeActivity(Flight.self, input)
        let options = ActivityOptions(retry: .never, timeouts: ActivityTimeouts(startToCloseMicros: 30_000))
        _ = try await context.executeActivity(HangingStep.self, input, options: options)
        return "never"
    }
}

private struct Stubborn: DurableWorkflow {
    static let typeID = "stubborn"

    func run(_ context: WorkflowContext, _ input: Order) async throws -> String {
        _ = try await context.executeActivity(Flight.self, input)
        _ = try await context.executeActivity(StubbornStep.self, input)
        throw Refusal.refused("end")
    }
}

private struct StubbornStep: CompensatableActivity {
    static let typeID = "stubborn"
    typealias Compensation = StubbornUndo
    static var undoSpec: UndoSpec {
        UndoSpec(
            activityType: StubbornUndo.typeID,
            retry: RetryPolicy(maximumAttempts: 2, initialIntervalMicros: 1_000, jitter: 0))
    }
    let world: World

    func execute(_ input: Order, _ context: ActivityContext) async throws -> Receipt { Receipt(number: "s") }
}

private struct StubbornUndo: Activity {
    static let typeID = "stubborn.undo"
    let world: World

    func execute(_ input: UndoInput<Order, Receipt>, _ context: ActivityContext) async throws -> String {
        struct Down: Error {}
        throw Down()
    }
}

private struct HangingStep: CompensatableActivity {
    static let typeID = "hanging"
    typealias Compensation = NotingUndo
    static var undoSpec: UndoSpec {
        UndoSpec(activityType: NotingUndo.typeID, probeActivityType: HangingProbe.typeID)
    }
    let world: World

    func execute(_ input: Order, _ context: ActivityContext) async throws -> Receipt {
        try await Task.sleep(for: .seconds(60))
        return Receipt(number: "late")
    }
}

private struct HangingProbe: Activity {
    static let typeID = "hanging.probe"
    let world: World

    func execute(_ input: UndoInput<Order, Receipt>, _ context: ActivityContext) async throws -> ProbeResult {
        world.note("probe \(input.input.id)")
        return .didNotHappen
    }
}
