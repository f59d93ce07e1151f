import SagaClient
import SagaCore
import SagaServer
import Testing

private struct Failing: Activity {
    static let typeID = "failing"
    let error: SagaError
    func execute(_ input: Int, _ context: ActivityContext) async throws -> Int { throw error }
}

private struct Passing: DurableWorkflow {
    static let typeID = "passing"
    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        try await context.executeActivity(named: "failing", input, as: Int.self)
    }
}

/// One error structure from the worker over the wire to the client (semantics, section 8): nothing of it is lost.
@Suite(.timeLimit(.minutes(1))) struct ErrorRoadTests {
    @Test(arguments: ErrorKind.allCases)
    func whatTheActivityThrewIsWhatTheClientGets(_ kind: ErrorKind) async throws {
        let error = SagaError(
            kind: kind, message: "it is so — ü", code: "E-1", context: [MetadataEntry(key: "where", value: "there")],
            causes: [ErrorCause(kind: .timeout, message: "before it")], isNonRetryable: true,
            details: .json("{\"amount\":7}"))
        let server = try await TestServer.start()
        let client = try await server.client()
        var workflows = WorkflowRegistry()
        workflows.register(Passing.self)
        var activities = ActivityRegistry()
        activities.register(Failing(error: error))
        let worker = try RunningWorker(server.options(), workflows: workflows, activities: activities)
        let handle = try await client.start(Passing.self, id: "e", input: 1)
        func isSame(_ other: SagaError?) -> Bool {
            guard var other else { return false }
            // When it happened is noted on the way.
            other.timestamp = error.timestamp
            return other == error
        }
        if kind.category == .fatal {
            while try await handle.describe().summary.status != .blocked { await Task.yield() }
            #expect(try await handle.describe().error?.message.contains("it is so") == true)
        } else {
            let failure = await #expect(throws: WorkflowFailure.self) { try await handle.result() }
            #expect(isSame(failure?.error), "\(String(describing: failure?.error))")
        }
        let recorded = try await all(handle.history()).compactMap { event -> SagaError? in
            if case .activityTaskFailed(let failed) = event.attributes { failed.error } else { nil }
        }
        #expect(recorded.count == 1 && isSame(recorded.first), "\(recorded)")
        await client.close()
        try await worker.stop()
        await server.stop()
    }
}
