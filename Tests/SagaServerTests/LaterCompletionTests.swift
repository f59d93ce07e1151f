import SagaClient
import SagaCore
import Testing

private struct AskAPerson: Activity {
    static let typeID = "ask-a-person"
    let tokens: AsyncStream<[UInt8]>.Continuation

    func execute(_ input: String, _ context: ActivityContext) async throws -> String {
        tokens.yield(context.taskToken)
        throw ActivityCompletesLater()
    }
}

private struct Approval: DurableWorkflow {
    static let typeID = "approval"

    func run(_ context: WorkflowContext, _ input: String) async throws -> String {
        try await context.executeActivity(
            AskAPerson.self, input,
            options: ActivityOptions(
                retry: RetryPolicy(initialIntervalMicros: 1_000, jitter: 0),
                timeouts: ActivityTimeouts(startToCloseMicros: 86_400_000_000)))
    }
}

@Suite(.timeLimit(.minutes(1))) struct LaterCompletionServiceTests {
    private func setUp(_ store: TestStore = TestStore.all[0]) async throws -> (
        TestServer, SagaClient, RunningWorker, AsyncStream<[UInt8]>.Iterator
    ) {
        let (stream, continuation) = AsyncStream.makeStream(of: [UInt8].self)
        var workflows = WorkflowRegistry()
        workflows.register(Approval.self)
        var activities = ActivityRegistry()
        activities.register(AskAPerson(tokens: continuation))
        let server = try await TestServer.start(store: try await store.open())
        let worker = try RunningWorker(server.options(), workflows: workflows, activities: activities)
        return (server, try await server.client(), worker, stream.makeAsyncIterator())
    }

    @Test(arguments: TestStore.all) func aClientCompletesWhatAWorkerGaveAway(_ store: TestStore) async throws {
        var (server, client, worker, tokens) = try await setUp(store)
        let handle = try await client.start(Approval.self, id: "a-1", input: "?")
        let first = try #require(await tokens.next())
        let sign = try await client.heartbeatActivity(token: first, details: .json("1"))
        #expect(sign.isCurrent && !sign.isCancelRequested)
        // Refused by the first, accepted by the second.
        #expect(
            try await client.failActivity(token: first, error: SagaError(kind: .timeout, message: "nobody is there"))
                == .recorded)
        let second = try #require(await tokens.next())
        #expect(first != second)
        #expect(try await client.completeActivity(token: second, returning: "yes") == .recorded)
        #expect(try await client.completeActivity(token: second, returning: "no") == .alreadyRecorded)
        #expect(try await handle.result() == "yes")
        #expect(try await client.heartbeatActivity(token: second).isCurrent == false)
        await client.close()
        try await worker.stop()
        await server.stop()
    }

    @Test func tokensOfOthersAreRefused() async throws {
        var (server, client, worker, tokens) = try await setUp()
        _ = try await client.start(Approval.self, id: "a-2", input: "?")
        let token = try #require(await tokens.next())
        var forged = token
        forged[20] ^= 1
        let elsewhere = try await server.client(namespace: "other")
        for (caller, token) in [(client, forged), (client, []), (elsewhere, token)] {
            let failure = await #expect(throws: SagaClientError.self) {
                try await caller.completeActivity(token: token, returning: "yes")
            }
            #expect(failure?.code == .permissionDenied || failure?.code == .invalidArgument)
        }
        #expect(try await client.heartbeatActivity(token: token).isCurrent)
        await elsewhere.close()
        await client.close()
        try await worker.stop()
        await server.stop()
    }
}
