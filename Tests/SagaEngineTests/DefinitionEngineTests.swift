import SagaCodec
import SagaCore
import SagaEngine
import SagaMemory
import Testing

/// Declarative sagas through the embedded engine: no workflow is registered anywhere.
@Suite(.timeLimit(.minutes(1))) struct DefinitionEngineTests {
    private func engine(_ world: World, store: any EventStore = MemoryEventStore()) async throws -> SagaEngine {
        var activities = bookingTypes(world).1
        activities.register(Told(world: world))
        return try await SagaEngine(store: store, workflows: WorkflowRegistry(), activities: activities)
    }

    private static func step(_ id: String, undoInput: String = "", group: String = "") -> StepDefinition {
        StepDefinition(
            id: id, group: group,
            kind: .activity(
                ActivityStep(
                    activityType: id,
                    undo: UndoSpec(activityType: undoInput.isEmpty ? "undo" : "told"), undoInput: undoInput)))
    }

    private static let booking = SagaDefinition(
        name: "declared.booking",
        steps: [
            step("flight"), step("hotel", undoInput: #"{"number":"${output.number ?? none}","id":"${input.id}"}"#),
            step("payment"),
        ],
        output: .template(#"["${steps.flight.output.number}","${steps.payment.output.number}"]"#))

    @Test func aDefinitionRunsToItsEnd() async throws {
        let world = World()
        let engine = try await engine(world)
        #expect(try await engine.register(Self.booking) == 1)
        let handle = try await engine.startDefinition(
            "declared.booking", id: "d-1", input: Order(id: "1"), as: [String].self)
        #expect(try await handle.result() == ["flight-1", "payment-1"])
        #expect(world.log == ["flight 1", "hotel 1", "payment 1"])
        let description = try await handle.describe()
        #expect(description.workflowType == "declared.booking")
        await engine.shutDown()
    }

    @Test func aRefusedPaymentUndoesLastFirst() async throws {
        let world = World()
        let engine = try await engine(world)
        try await engine.register(Self.booking)
        let handle = try await engine.startDefinition(
            "declared.booking", id: "d-2", input: Order(id: "2", refusedStep: "payment"), as: [String].self)
        let failure = await #expect(throws: SagaFailure.self) { try await handle.result() }
        #expect(failure?.compensation.state == .complete)
        #expect(failure?.error?.kind == .domain)
        // The undo of the hotel gets what the definition says.
        #expect(world.log == ["flight 2", "hotel 2", "told hotel-2 of 2", "undo flight-2 completed"])
        await engine.shutDown()
    }

    @Test func anotherEngineGoesOnWithTheVersionThatItBeganWith() async throws {
        let world = World()
        let store = MemoryEventStore()
        let first = try await engine(world, store: KeptOpen(store))
        var waiting = Self.booking
        waiting.steps.insert(StepDefinition(id: "ok", kind: .signal(SignalStep(name: "ok"))), at: 1)
        #expect(try await first.register(waiting) == 1)
        #expect(try await first.register(waiting) == 1)
        let handle = try await first.startDefinition(
            "declared.booking", id: "d-3", input: Order(id: "3"), as: [String].self)
        while world.log.isEmpty { await Task.yield() }
        #expect(try await first.register(Self.booking) == 2)
        #expect(try await first.definitions().map(\.version) == [2])
        await first.shutDown()

        let second = try await engine(world, store: store)
        #expect(try await second.definition("declared.booking", version: 1).steps.count == 4)
        let again = second.handle(DeclaredWorkflow<Order, [String]>.self, id: "d-3", sagaID: handle.target.sagaID)
        struct State: Codable {
            struct Step: Codable {
                var id: String
                var status: String
            }
            var version: Int
            var steps: [Step]
        }
        while true {
            let state: State = try await again.query("state")
            #expect(state.version == 1)
            if state.steps[1].status == "running" { break }
            await Task.yield()
        }
        #expect(try await again.describe().waitingFor.contains { $0.text == "signal ok" })
        try await again.signal("ok", true)
        #expect(try await again.result() == ["flight-3", "payment-3"])
        // A closed run answers, too.
        let state: State = try await again.query("state")
        #expect(state.steps.map(\.status) == ["done", "done", "done", "done"])
        await second.shutDown()
    }

    @Test func whatIsWrongIsSaidWithItsLine() async throws {
        let engine = try await engine(World())
        let wrong = SagaDefinition(
            name: "x",
            steps: [
                StepDefinition(
                    id: "a",
                    kind: .activity(
                        ActivityStep(activityType: "a", input: .template(#"["${steps.b.output}"]"#))), line: 12)
            ])
        let invalid = await #expect(throws: InvalidDefinition.self) { try await engine.register(wrong) }
        #expect(invalid?.problems.map(\.line) == [12])
        let missing = await #expect(throws: CallFailure.self) { try await engine.definition("x") }
        #expect(missing?.code == .notFound)
        await engine.shutDown()
    }

    @Test func updatesAreRefusedAndACancelUndoes() async throws {
        let world = World()
        let engine = try await engine(world)
        let steps = [Self.step("flight"), StepDefinition(id: "ok", kind: .signal(SignalStep(name: "ok")))]
        try await engine.register(SagaDefinition(name: "w", steps: steps))
        let handle = try await engine.startDefinition("w", id: "d-4", input: Order(id: "4"), as: [String].self)
        while try await handle.describe().waitingFor.contains(where: { $0.kind == .activity }) { await Task.yield() }
        let refused = await #expect(throws: UpdateFailure.self) {
            _ = try await handle.update("do", "x", as: String.self)
        }
        #expect(refused?.wasAccepted == false)
        try await handle.cancel(reason: "no more")
        let failure = await #expect(throws: SagaFailure.self) { try await handle.result() }
        #expect(failure?.status == .canceled)
        #expect(world.log == ["flight 4", "undo flight-4 completed"])
        await engine.shutDown()
    }

    @Test func aChildIsUndoneWithItsParent() async throws {
        let world = World()
        let engine = try await engine(world)
        try await engine.register(SagaDefinition(name: "inner", steps: [Self.step("flight"), Self.step("hotel")]))
        try await engine.register(
            SagaDefinition(
                name: "outer",
                steps: [
                    StepDefinition(id: "trip", kind: .child(ChildStep(workflowType: "inner"))), Self.step("payment"),
                ]))
        let handle = try await engine.startDefinition(
            "outer", id: "d-5", input: Order(id: "5", refusedStep: "payment"), as: [String].self)
        let failure = await #expect(throws: SagaFailure.self) { try await handle.result() }
        #expect(failure?.compensation.state == .complete)
        #expect(
            world.log == ["flight 5", "hotel 5", "undo hotel-5 completed", "undo flight-5 completed"])
        await engine.shutDown()
    }
}

/// An undo that gets what the definition says.
struct Told: Activity {
    struct Input: Codable, Sendable {
        var number: String
        var id: String
    }

    static let typeID = "told"
    let world: World

    func execute(_ input: Input, _ context: ActivityContext) async throws -> String {
        world.note("told \(input.number) of \(input.id)")
        return "told"
    }
}
