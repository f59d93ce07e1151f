import SagaClient
import SagaCore
import SagaEngine
import SagaSQLite
import SagaWire
import SagaWorker
import Testing

/// The service Definitions: over TLS, with a worker that serves activities only, and over a restart of the server.
@Suite(.timeLimit(.minutes(1))) struct DefinitionServiceTests {
    private static let trip = SagaDefinition(
        name: "trip-as-data",
        steps: [
            StepDefinition(
                id: "seat",
                kind: .activity(
                    ActivityStep(
                        activityType: "reserve-seat", input: .template(#""${input.seat}""#),
                        undo: UndoSpec(activityType: "release-seat"))), line: 3),
            StepDefinition(id: "word", kind: .signal(SignalStep(name: "word")), line: 7),
            StepDefinition(
                id: "pay",
                kind: .activity(ActivityStep(activityType: "pay", input: .template(#""${input.payment}""#))), line: 9),
        ], output: .template(#""${steps.seat.output}, receipt ${steps.pay.output}, ${steps.word.output}""#))

    @Test func aDefinitionIsRegisteredAndRunsOverARestart() async throws {
        let path = TestFiles.path("definitions.db")
        var server = try await TestServer.start(store: try SQLiteEventStore(path: path))
        let journal = Journal()
        var worker = try RunningWorker(server.options(), activities: TestCode.activities(journal))
        var client = try await server.client()
        #expect(try await client.validate(Self.trip) == [])
        let first = try await client.register(Self.trip)
        #expect(first.version == 1 && !first.unchanged)
        let again = try await client.register(Self.trip)
        #expect(again.version == 1 && again.unchanged)
        let started = try await client.start(
            type: "trip-as-data", id: "t", input: .json(#"{"seat":"7A","payment":"ok"}"#))
        let refused = try await client.start(
            type: "trip-as-data", id: "r", input: .json(#"{"seat":"8B","payment":"declined"}"#))
        while journal.all.count < 2 { await Task.yield() }
        var changed = Self.trip
        changed.steps.removeLast()
        changed.output = nil
        #expect(try await client.register(changed).version == 2)
        try await worker.stop()
        await client.close()
        await server.stop()

        server = try await TestServer.start(store: try SQLiteEventStore(path: path))
        worker = try RunningWorker(server.options(), activities: TestCode.activities(journal))
        client = try await server.client()
        #expect(try await client.definitions().map(\.version) == [2])
        #expect(try await client.definition("trip-as-data").definition.steps.count == 2)
        #expect(try await client.definition("trip-as-data", version: 1).definition.steps.map(\.line) == [3, 7, 9])
        // Both go on with the version that they began with.
        try await client.signal("t", "word", "thanks")
        try await client.signal("r", "word", "thanks")
        let output = try await client.result("t", sagaID: started.sagaID)
        #expect(output == .json(#""reservation of 7A, receipt 42, thanks""#))
        let failure = await #expect(throws: WorkflowFailure.self) {
            try await client.result("r", sagaID: refused.sagaID)
        }
        #expect(failure?.compensation.state == .complete)
        #expect(journal.all.last == "release 8B")
        let history = try await all(client.history("t"))
        guard case .workflowExecutionStarted(let began)? = history.first?.attributes else {
            return #expect(Bool(false), "no first event")
        }
        #expect(began.workflowVersion == 1 && began.taskQueue == "saga.engine")
        try await worker.stop()
        await client.close()
        await server.stop()
    }

    @Test func whatIsWrongIsAnswered() async throws {
        let server = try await TestServer.start()
        let client = try await server.client()
        var wrong = Self.trip
        wrong.steps[2].kind = .activity(ActivityStep(activityType: "pay", input: .outputOfStep("nothing")))
        let problems = try await client.validate(wrong)
        #expect(problems.map(\.line) == [9] && problems.map(\.stepID) == ["pay"])
        #expect(problems.first?.message.contains("no step nothing") == true)
        let refused = await #expect(throws: SagaClientError.self) { try await client.register(wrong) }
        #expect(refused?.code == .invalidArgument)
        #expect(refused?.message.contains("line 9") == true)
        let missing = await #expect(throws: SagaClientError.self) { try await client.definition("trip-as-data") }
        #expect(missing?.code == .notFound)
        try await client.register(Self.trip)
        let version = await #expect(throws: SagaClientError.self) {
            var options = WorkflowOptions()
            options.version = 5
            _ = try await client.start(type: "trip-as-data", id: "x", input: .empty, options: options)
        }
        #expect(version?.code == .notFound)
        // Definitions belong to a namespace, and where they are kept belongs to nobody.
        let other = try await server.client(namespace: "other")
        #expect(try await other.definitions().isEmpty)
        let inside = try await server.client(namespace: "saga.definitions/default")
        let denied = await #expect(throws: SagaClientError.self) { try await inside.cancel("trip-as-data") }
        #expect(denied?.code == .invalidArgument)
        for client in [client, other, inside] { await client.close() }
        await server.stop()
    }
}
