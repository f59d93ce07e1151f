import SagaCore
import SagaEngine
import SagaMemory
import SagaSQLite
import Testing

private struct Desk: Activity {
    static let typeID = "desk"
    let tokens: AsyncStream<[UInt8]>.Continuation

    func execute(_ input: Int, _ context: ActivityContext) async throws -> Int {
        tokens.yield(context.taskToken)
        throw ActivityCompletesLater()
    }
}

private struct Paperwork: DurableWorkflow {
    static let typeID = "paperwork"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        try await context.executeActivity(
            Desk.self, input,
            options: ActivityOptions(timeouts: ActivityTimeouts(startToCloseMicros: 86_400_000_000)))
    }
}

@Suite(.timeLimit(.minutes(1))) struct EmbeddedLaterCompletionTests {
    @Test func theTokenIsGoodForTheNextEngineOverTheStore() async throws {
        let (stream, continuation) = AsyncStream.makeStream(of: [UInt8].self)
        var iterator = stream.makeAsyncIterator()
        var workflows = WorkflowRegistry()
        workflows.register(Paperwork.self)
        var activities = ActivityRegistry()
        activities.register(Desk(tokens: continuation))
        let path = TemporaryFile.path("later.db")
        var engine = try await SagaEngine(
            store: try SQLiteEventStore(path: path), workflows: workflows, activities: activities)
        _ = try await engine.startWorkflow(Paperwork.self, id: "p", input: 1)
        let token = try #require(await iterator.next())
        #expect(try await engine.heartbeatActivity(token: token).isCurrent)
        await engine.shutDown()
        engine = try await SagaEngine(
            store: try SQLiteEventStore(path: path), workflows: workflows, activities: activities)
        #expect(try await engine.completeActivity(token: token, returning: 42) == .recorded)
        #expect(try await engine.handle(Paperwork.self, id: "p").result() == 42)
        await #expect(throws: CallFailure.self) { try await engine.completeActivity(token: [1], returning: 1) }
        await engine.shutDown()
    }
}
