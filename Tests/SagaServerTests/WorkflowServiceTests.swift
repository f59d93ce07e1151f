import SagaClient
import SagaCore
import SagaMemory
import SagaServer
import SagaTransport
import SagaWire
import Testing

@Suite(.timeLimit(.minutes(1))) struct WorkflowServiceTests {
    @Test func aSagaRunsOverTLS() async throws {
        let server = try await TestServer.start()
        let journal = Journal()
        let worker = try RunningWorker(
            server.options(), workflows: TestCode.workflows, activities: TestCode.activities(journal))
        let client = try await server.client()
        let handle = try await client.start(BookTrip.self, id: "trip-1", input: Trip(seat: "12A"))
        #expect(!handle.alreadyStarted)
        #expect(try await handle.result() == "reservation of 12A, receipt 42")
        #expect(journal.all == ["reserve 12A", "pay"])

        let description = try await handle.describe()
        #expect(description.summary.status == .completed)
        #expect(description.output == .json(#""reservation of 12A, receipt 42""#))
        #expect(description.undoLog.map(\.stepID) == ["reserve-seat"])

        var types: [EventType] = []
        for try await event in handle.history() { types.append(event.eventType) }
        #expect(types.first == .workflowExecutionStarted)
        #expect(types.last == .workflowExecutionCompleted)
        #expect(types.filter { $0 == .activityTaskCompleted }.count == 2)

        let (runs, next) = try await client.list(type: "book-trip")
        #expect(runs.map(\.workflowID) == ["trip-1"])
        #expect(runs.first?.status == .completed)
        #expect(next == nil)
        try await worker.stop()
        await client.close()
        await server.stop()
    }

    @Test(arguments: TestStore.all) func aFailedSagaIsUndoneAndSaysSo(_ store: TestStore) async throws {
        let server = try await TestServer.start(store: try await store.open())
        let journal = Journal()
        let worker = try RunningWorker(
            server.options(), workflows: TestCode.workflows, activities: TestCode.activities(journal))
        let client = try await server.client()
        let handle = try await client.start(
            BookTrip.self, id: "trip-2", input: Trip(seat: "1B", payment: "declined"))
        let failure = await #expect(throws: WorkflowFailure.self) { try await handle.result() }
        #expect(failure?.status == .failed)
        #expect(failure?.error?.code == "CardDeclined")
        #expect(failure?.compensation.state == .complete)
        #expect(journal.all == ["reserve 1B", "release 1B"])
        try await worker.stop()
        await client.close()
        await server.stop()
    }

    @Test(arguments: TestStore.all) func signalsCancelAndTerminate(_ store: TestStore) async throws {
        let server = try await TestServer.start(store: try await store.open())
        let worker = try RunningWorker(server.options(), workflows: TestCode.workflows)
        let client = try await server.client()
        let counter = try await client.start(Counter.self, id: "counter", input: 1)
        // A second start finds the open run.
        let again = try await client.start(Counter.self, id: "counter", input: 1)
        #expect(again.alreadyStarted)
        #expect(again.sagaID == counter.sagaID)
        for value in 1...20 { try await counter.signal("add", value) }
        try await counter.signal("add", 5, signalID: "once")
        try await counter.signal("add", 5, signalID: "once")
        try await counter.signal("add", 0)
        #expect(try await counter.result() == 1 + 210 + 5)
        let closed = await #expect(throws: SagaClientError.self) { try await counter.signal("add", 1) }
        #expect(closed?.code == .failedPrecondition)

        let canceled = try await client.signalWithStart(Counter.self, id: "second", input: 0, signal: "add", 3)
        try await canceled.cancel(reason: "no longer wanted")
        let cancelFailure = await #expect(throws: WorkflowFailure.self) { try await canceled.result() }
        #expect(cancelFailure?.status == .canceled)
        #expect(cancelFailure?.reason == "no longer wanted")

        let terminated = try await client.start(Counter.self, id: "third", input: 0)
        try await terminated.terminate(reason: "enough", compensate: false)
        let terminateFailure = await #expect(throws: WorkflowFailure.self) { try await terminated.result() }
        #expect(terminateFailure?.status == .terminated)
        try await worker.stop()
        await client.close()
        await server.stop()
    }

    @Test func aFollowedHistoryEndsWithTheRun() async throws {
        let server = try await TestServer.start()
        let worker = try RunningWorker(server.options(), workflows: TestCode.workflows)
        let client = try await server.client()
        let counter = try await client.start(Counter.self, id: "followed", input: 0)
        let reader = Task {
            var ids: [EventID] = []
            for try await event in counter.followHistory() { ids.append(event.eventID) }
            return ids
        }
        for value in 1...300 { try await counter.signal("add", value) }
        try await counter.signal("add", 0)
        let ids = try await reader.value
        #expect(ids == Array(0..<EventID(ids.count)))
        #expect(ids.count == 303)
        // The same, page by page and from the middle.
        var pages: [EventID] = []
        for try await event in client.history("followed", from: 100) { pages.append(event.eventID) }
        #expect(pages == Array(100..<EventID(ids.count)))
        try await worker.stop()
        await client.close()
        await server.stop()
    }

    @Test func listingsArePagedAndFiltered() async throws {
        let server = try await TestServer.start()
        let client = try await server.client()
        for number in 0..<25 {
            _ = try await client.start(
                type: number % 2 == 0 ? "even" : "odd", id: "run-\(number)", input: .empty)
        }
        var found: [String] = []
        var position: ListPosition?
        repeat {
            let (runs, next) = try await client.list(limit: 10, after: position)
            found += runs.map(\.workflowID)
            position = next
        } while position != nil
        #expect(found.count == 25)
        #expect(Set(found).count == 25)
        #expect(try await client.list(type: "odd").runs.count == 12)
        #expect(try await client.list(idPrefix: "run-1").runs.count == 11)
        #expect(try await client.list(statuses: [.completed]).runs.isEmpty)
        #expect(try await client.list(statuses: [.running]).runs.count == 25)
        await client.close()
        await server.stop()
    }

    @Test func deadlinesAndUnknownRuns() async throws {
        let server = try await TestServer.start()
        let client = try await server.client()
        let open = try await client.start(type: "nobody-serves-it", id: "open", input: .empty)
        let late = await #expect(throws: SagaClientError.self) {
            try await client.result("open", timeout: .milliseconds(300))
        }
        #expect(late?.code == .deadlineExceeded)
        let waiting = try await client.describe("open", sagaID: open.sagaID).waitingFor
        #expect(waiting.contains { $0.kind == "no_worker" && $0.text.contains("nobody-serves-it") && $0.since != nil })
        let missing = await #expect(throws: SagaClientError.self) { try await client.describe("nowhere") }
        #expect(missing?.code == .notFound)
        let noSignal = await #expect(throws: SagaClientError.self) { try await client.signal("nowhere", "x", 1) }
        #expect(noSignal?.code == .notFound)
        await client.close()
        await server.stop()
    }

    /// What waits holds its place; beyond that calls are refused with advice, until a place is free.
    @Test func callsInFlightAreLimited() async throws {
        let server = try await TestServer.start { $0.maxCallsInFlight = 4 }
        let client = try await server.client()
        _ = try await client.start(type: "nobody.serves.it", id: "open", input: .empty)
        let waiting = (0..<4).map { _ in
            Task { try await client.result("open", timeout: .seconds(30)) }
        }
        // Shorter than the second that the server advises to wait: what it says is what the caller hears.
        let hasty = client.with(deadline: .milliseconds(900))
        var refused: SagaClientError?
        let limit = ContinuousClock.now + .seconds(10)
        while refused?.code != .resourceExhausted, ContinuousClock.now < limit {
            do { _ = try await hasty.describe("open") } catch { refused = error }
        }
        #expect(refused?.code == .resourceExhausted)
        #expect(refused?.message.contains("4 calls in flight") == true)
        #expect(refused?.retryAfter == .seconds(1))
        // Answered from the event loop, it needs no place.
        #expect(try await client.health().roundTrip < .seconds(10))
        // One that is given up gives its place to the next.
        waiting[0].cancel()
        try await client.terminate("open", reason: "enough", compensate: false)
        for call in waiting.dropFirst() {
            let ended = await call.result
            #expect(throws: WorkflowFailure.self) { try ended.get() }
        }
        #expect(try await client.describe("open").summary.status == .terminated)
        await client.close()
        await server.stop()
    }

    /// Long messages both ways, by clients that asked for it and one that did not, at servers that offer it and not.
    @Test(arguments: [true, false]) func compressedMessages(offered: Bool) async throws {
        let server = try await TestServer.start { $0.compression = offered }
        for wanted in [true, false] {
            var options = server.options()
            options.compression = wanted
            let client = try await SagaClient.connect(options, logger: TestServer.logger)
            let id = "long-\(wanted)"
            let input = Payload.json("\"\(String(repeating: "saga ", count: 200_000))\"")
            _ = try await client.start(type: "nobody.serves.it", id: id, input: input)
            let events = try await all(client.history(id))
            guard case .workflowExecutionStarted(let started)? = events.first?.attributes else {
                Issue.record("no start")
                continue
            }
            #expect(started.input == input)
            let info = try await client.call(Wire.Admin.ServerInfo.self) { Wire.ServerInfoRequest(header: $0) }
            #expect(info.features == (offered ? ["lz4"] : []))
            await client.close()
        }
        await server.stop()
    }

    @Test func administration() async throws {
        let store = MemoryEventStore()
        let server = try await TestServer.start(store: store)
        let client = try await server.client()
        #expect(try await client.health().roundTrip < .seconds(5))
        let ready = try await client.call(Wire.Admin.Readiness.self) { Wire.ReadinessRequest(header: $0) }
        #expect(ready.ready)
        let info = try await client.call(Wire.Admin.ServerInfo.self) { Wire.ServerInfoRequest(header: $0) }
        #expect(info.version == "saga/0.1.0")
        #expect(info.connections == 1)
        #expect(!info.draining)
        let connection = try await client.keeper.connection(until: .now + .seconds(10))
        let unknown = await #expect(throws: TransportError.self) {
            try await connection.call(method: 9_999, body: [], timeout: .seconds(10))
        }
        #expect(unknown.map { SagaClientError($0, isMutation: false).code } == .unimplemented)
        #expect(try await client.namespaces().map(\.name) == ["default"])
        // A server whose store has gone is alive, and not ready; it says which part is to blame.
        await store.close()
        #expect(try await client.health().roundTrip < .seconds(5))
        let lame = try await client.call(Wire.Admin.Readiness.self) { Wire.ReadinessRequest(header: $0) }
        #expect(!lame.ready)
        #expect(lame.components.filter { !$0.ready }.map(\.name) == ["store"])
        #expect(lame.components.first { $0.name == "store" }?.message.contains("closed") == true)
        await client.close()
        await server.stop()
    }
}

@Suite(.timeLimit(.minutes(1))) struct BadRequestTests {
    @Test func eachBadFieldIsNamed() async throws {
        let server = try await TestServer.start()
        let client = try await server.client()
        func start(_ change: (inout Wire.StartOptions) -> Void) -> Wire.StartOptions {
            var options = Wire.StartOptions(workflowID: "w", workflowType: "t")
            change(&options)
            return options
        }
        let long = String(repeating: "x", count: 256)
        let cases: [(String, Wire.StartOptions)] = [
            ("options.workflow_id", start { $0.workflowID = "" }),
            ("options.workflow_id", start { $0.workflowID = long }),
            ("options.workflow_id", start { $0.workflowID = "a\u{202E}b" }),
            ("options.workflow_type", start { $0.workflowType = "line\nbreak" }),
            ("options.task_queue", start { $0.taskQueue = long }),
            ("options.execution_timeout_us", start { $0.executionTimeoutMicros = -1 }),
            ("options.id_reuse_policy", start { $0.idReusePolicy = .unrecognized(77) }),
            ("options.input.encoding", start { $0.input = Wire.Payload(encoding: "", data: [1]) }),
            (
                "options.input.data",
                start { $0.input = Wire.Payload(encoding: "b", data: [UInt8](repeating: 0, count: 2_097_153)) }
            ),
            ("options.memo[1].name", start { $0.memo = [Wire.NamedPayload(name: "a"), Wire.NamedPayload(name: "a")] }),
        ]
        for (field, options) in cases {
            let error = await #expect(throws: SagaClientError.self) {
                try await client.call(Wire.Workflows.Start.self) {
                    Wire.StartWorkflowRequest(header: $0, options: options)
                }
            }
            #expect(error?.code == .invalidArgument)
            #expect(error?.message.contains(field) == true, "\(field): \(error?.message ?? "no error")")
        }
        let missing = await #expect(throws: SagaClientError.self) {
            try await client.call(Wire.Workflows.Start.self) { Wire.StartWorkflowRequest(header: $0) }
        }
        #expect(missing?.message == "field options is missing")
        let header = await #expect(throws: SagaClientError.self) {
            try await client.call(Wire.Workflows.Start.self) { _ in
                Wire.StartWorkflowRequest(header: Wire.RequestHeader(namespace: "other"), options: start { _ in })
            }
        }
        #expect(header?.code == .permissionDenied)
        // Nothing of all that was started, and the connection is the same.
        #expect(try await client.list().runs.isEmpty)
        await client.close()
        await server.stop()
    }

    @Test func unknownMethodsAndGarbageKeepTheConnection() async throws {
        let server = try await TestServer.start()
        let client = try await server.client()
        let connection = try await client.keeper.connection(until: .now + .seconds(5))
        func status(method: UInt16, _ body: [UInt8]) async throws -> Wire.Status {
            let error = await #expect(throws: TransportError.self) {
                try await connection.call(method: method, body: body, timeout: .seconds(5))
            }
            guard case .status(let bytes)? = error?.kind else { return Wire.Status() }
            return try Wire.Status(decoding: bytes, limits: .response)
        }
        #expect(try await status(method: 65_000, []).code == .unimplemented)
        for method in [Wire.Method.workflowsStart, .workflowsList, .adminHealth, .workersWork, .workflowsFollowHistory]
        {
            #expect(try await status(method: method.rawValue, [0xFF, 0xFF, 0xFF]).code == .invalidArgument)
        }
        let notOpen = Wire.WorkerItem(item: .drained(Wire.Drained()))
        #expect(
            try await status(method: Wire.Method.workersWork.rawValue, notOpen.serialized()).message.contains("`open`"))
        #expect(connection.isUsable)
        #expect(try await client.health().serverTime.microseconds > 0)
        await client.close()
        await server.stop()
    }
}
