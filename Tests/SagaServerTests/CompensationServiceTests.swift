import SagaClient
import SagaCore
import SagaEngine
import SagaMemory
import SagaSQLite
import SagaServer
import SagaWire
import Synchronization
import Testing

/// An undo that fails until it is repaired, or is given other data.
private struct Hinge: CompensatableActivity {
    typealias Compensation = Unhinge
    static let typeID = "hinge"
    static var undoSpec: UndoSpec { UndoSpec(activityType: Unhinge.typeID, retry: .never) }
    func execute(_ input: Int, _ context: ActivityContext) async throws -> Int { input }
}

private struct Unhinge: Activity {
    static let typeID = "unhinge"
    let isRepaired: @Sendable () -> Bool
    func execute(_ input: UndoInput<Int, Int>, _ context: ActivityContext) async throws -> Bool {
        struct Stuck: Error {}
        if input.input != 7, !isRepaired() { throw Stuck() }
        return true
    }
}

private struct Doomed: DurableWorkflow {
    static let typeID = "doomed"
    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        _ = try await context.executeActivity(Hinge.self, input)
        throw CardDeclined()
    }
}

/// What operators do, over a real connection: each verb, what it leaves in the history, and what is refused.
@Suite(.timeLimit(.minutes(1))) struct CompensationServiceTests {
    private final class Flag: Sendable {
        private let value = Mutex(false)
        var isSet: Bool { value.withLock { $0 } }
        func set() { value.withLock { $0 = true } }
    }

    private func worker(_ server: TestServer, _ flag: Flag) throws -> RunningWorker {
        var workflows = WorkflowRegistry()
        workflows.register(Doomed.self)
        var activities = ActivityRegistry()
        activities.register(Hinge())
        activities.register(Unhinge { flag.isSet })
        return try RunningWorker(server.options(), workflows: workflows, activities: activities)
    }

    private func blocked(_ client: SagaClient) async throws -> BlockedSaga {
        while true {
            if let first = try await client.listBlocked().blocked.first { return first }
            await Task.yield()
        }
    }

    @Test(arguments: OperatorVerb.allCases)
    func eachVerbIsRecordedWithWhoAndWhy(_ verb: OperatorVerb) async throws {
        let server = try await TestServer.start()
        let flag = Flag()
        let worker = try worker(server, flag)
        let client = try await server.client()
        let handle = try await client.start(Doomed.self, id: "d", input: 1)
        let listed = try await blocked(client)
        #expect(listed.summary.workflowID == "d")
        #expect(listed.cause == .undoFailed)
        let undo = try #require(listed.undos.first { $0.state == .blocked })
        #expect(undo.stepID == "hinge")
        let waiting = try await handle.describe().waitingFor
        #expect(waiting.map(\.kind) == ["blocked"])
        #expect(waiting.first?.since != nil)
        #expect(try await client.serverInfo().blockedSagas == 1)

        let workflow = Wire.WorkflowRef(workflowID: "d")
        let reference = Wire.UndoRef(workflow: workflow, stepEventID: undo.stepEventID)
        switch verb {
        case .retry:
            flag.set()
            _ = try await client.call(Wire.Compensation.Retry.self) {
                Wire.RetryUndoRequest(header: $0, undo: reference, reason: "because")
            }
        case .retryWithInput:
            _ = try await client.call(Wire.Compensation.RetryWithInput.self) {
                let edited = #"{"input":7,"output":1,"outcome":"completed","idempotency_key":"k"}"#
                return Wire.RetryUndoWithInputRequest(
                    header: $0, undo: reference, input: Wire.Payload(.json(edited)), reason: "because")
            }
        case .skip:
            _ = try await client.call(Wire.Compensation.Skip.self) {
                Wire.SkipUndoRequest(header: $0, undo: reference, reason: "because")
            }
        case .resolve:
            _ = try await client.call(Wire.Compensation.Resolve.self) {
                Wire.ResolveUndoRequest(header: $0, undo: reference, note: "because")
            }
        case .giveUp:
            _ = try await client.call(Wire.Compensation.GiveUp.self) {
                Wire.GiveUpRequest(header: $0, workflow: workflow, reason: "because")
            }
        }
        let failure = await #expect(throws: WorkflowFailure.self) { try await handle.result() }
        let state: CompensationState =
            switch verb {
            case .retry, .retryWithInput, .resolve: .complete
            case .skip: .partial
            case .giveUp: .givenUp
            }
        #expect(failure?.compensation.state == state)
        let actions = try await all(handle.history()).compactMap { event -> CompensationOperatorAction? in
            if case .compensationOperatorAction(let action) = event.attributes { action } else { nil }
        }
        #expect(actions.map(\.verb) == [verb])
        #expect(actions.map(\.reason) == ["because"])
        #expect(actions.allSatisfy { !$0.identity.isEmpty })
        #expect(try await client.listBlocked().blocked.isEmpty)
        #expect(try await client.serverInfo().blockedSagas == 0)
        await client.close()
        try await worker.stop()
        await server.stop()
    }

    @Test func whatCannotBeDecidedIsRefused() async throws {
        let server = try await TestServer.start()
        let flag = Flag()
        let worker = try worker(server, flag)
        let client = try await server.client()
        _ = try await client.start(Doomed.self, id: "d", input: 1)
        let listed = try await blocked(client)
        let step = try #require(listed.undos.first?.stepEventID)
        func refusal(_ id: String, _ step: EventID, reason: String = "because") async -> SagaClientError.Code? {
            do throws(SagaClientError) {
                _ = try await client.call(Wire.Compensation.Skip.self) {
                    Wire.SkipUndoRequest(
                        header: $0,
                        undo: Wire.UndoRef(workflow: Wire.WorkflowRef(workflowID: id), stepEventID: step),
                        reason: reason)
                }
                return nil
            } catch {
                return error.code
            }
        }
        #expect(await refusal("nobody", step) == .notFound)
        #expect(await refusal("d", step + 100) == .notFound)
        #expect(await refusal("d", step, reason: "") == .invalidArgument)
        #expect(await refusal("d", step, reason: String(repeating: "x", count: 5_000)) == .invalidArgument)
        #expect(await refusal("d", step) == nil)
        _ = await #expect(throws: WorkflowFailure.self) { try await client.result("d") }
        #expect(await refusal("d", step) == .failedPrecondition)
        await client.close()
        try await worker.stop()
        await server.stop()
    }

    @Test func aSuccessAfterTheEndIsKeptOnceAndListed() async throws {
        let server = try await TestServer.start()
        let client = try await server.client()
        let code = try RunningWorker(server.options(), workflows: TestCode.workflows)
        let raw = try await RawWorker(client, activities: ["reserve-seat"])
        let handle = try await client.start(BookTrip.self, id: "trip", input: Trip(seat: "4a"))
        let task = try await raw.task()
        try await client.terminate("trip", reason: "enough", compensate: false)
        _ = await #expect(throws: WorkflowFailure.self) { try await handle.result() }
        for _ in 1...2 {
            try await raw.send(
                .activityCompleted(
                    Wire.ActivityCompleted(taskToken: task.taskToken, output: Wire.Payload(.json("\"done\"")))))
            #expect(try await raw.ack().result == .lateEffect)
        }
        let listed = try await client.lateEffects("trip").effects
        #expect(listed.count == 1)
        #expect(listed.first?.idempotencyKey == task.idempotencyKey)
        #expect(listed.first?.undoActivityType == "release-seat")
        #expect(listed.first?.isUndoneAgain == false)
        #expect(try await client.lateEffects().effects.count == 1)
        #expect(try await handle.describe().lateEffects == 1)
        #expect(try await client.serverInfo().lateEffects >= 1)
        // A failure that comes late says nothing that anybody needs.
        let other = try await client.start(BookTrip.self, id: "other", input: Trip(seat: "4b"))
        let second = try await raw.task()
        try await client.terminate("other", reason: "enough", compensate: false)
        _ = await #expect(throws: WorkflowFailure.self) { try await other.result() }
        let error = Wire.SagaError(SagaError(kind: .domain, message: "no"))
        try await raw.send(.activityFailed(Wire.ActivityFailed(taskToken: second.taskToken, error: error)))
        #expect(try await raw.ack().result == .alreadyRecorded)
        #expect(try await client.lateEffects("other").effects.isEmpty)
        await client.close()
        try await code.stop()
        await server.stop()
    }

    @Test func oneExpiredTokenDoesNotRefuseTheWorker() async throws {
        let server = try await TestServer.start()
        let client = try await server.client()
        let code = try RunningWorker(server.options(), workflows: TestCode.workflows)
        let expired = [UInt8](repeating: 9, count: 64)
        let raw = try await RawWorker(client, activities: ["reserve-seat"], slots: 1, running: [expired])
        let ack = try await raw.ack()
        #expect(ack.taskToken == expired)
        #expect(ack.result == .refused)
        // The worker is served; and the refusal has given the place back that the token held.
        for id in ["a", "b"] { _ = try await client.start(BookTrip.self, id: id, input: Trip(seat: id)) }
        #expect(Set([try await raw.task().workflowID, try await raw.task().workflowID]) == ["a", "b"])
        await client.close()
        try await code.stop()
        await server.stop()
    }

    @Test func somebodyIsToldAtLeastOnceAndAgainAfterARestart() async throws {
        struct NobodyAnswers: Error {}
        let path = TestFiles.path("alerts.db")
        let told = Mutex<[BlockedRun]>([])
        let failuresLeft = Mutex(1)
        let delivery: AlertQueue.Delivery = { run in
            let fails = failuresLeft.withLock { left in
                defer { left -= 1 }
                return left > 0
            }
            if fails { throw NobodyAnswers() }
            told.withLock { $0.append(run) }
        }
        func alerts() -> [BlockedRun] { told.withLock { $0 } }
        for round in 1...2 {
            let server = try await TestServer.start(store: SQLiteEventStore(path: path)) { $0.onBlocked = delivery }
            let worker = try worker(server, Flag())
            let client = try await server.client()
            if round == 1 { _ = try await client.start(Doomed.self, id: "d", input: 1) }
            while alerts().count < round { await Task.yield() }
            let info = try await client.serverInfo()
            #expect(info.alertsDelivered == 1)
            #expect(info.alertsFailed == (round == 1 ? 1 : 0))
            #expect(info.alertsWaiting == 0)
            await client.close()
            try await worker.stop()
            await server.stop()
        }
        #expect(alerts().map(\.isRepeated) == [false, true])
        #expect(Set(alerts().map(\.alertID)).count == 1)
        #expect(alerts().first?.block.cause == .undoFailed)
    }

    @Test func readinessAsksTheEngineToo() async throws {
        let server = try await TestServer.start()
        let client = try await server.client()
        let answer = try await client.call(Wire.Admin.Readiness.self) { Wire.ReadinessRequest(header: $0) }
        #expect(answer.ready)
        #expect(answer.components.map(\.name) == ["store", "engine", "listener", "snapshots"])
        await client.close()
        await server.stop()
    }
}
