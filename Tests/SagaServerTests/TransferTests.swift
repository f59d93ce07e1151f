import SagaClient
import SagaCore
import SagaEngine
import SagaMemory
import SagaServer
import SagaTransport
import SagaWire
import Testing

/// Runs that move from one server to another over TLS.
@Suite(.timeLimit(.minutes(2))) struct TransferTests {
    /// Each kind of store as the source of each other.
    private static let pairs = TestStore.all.flatMap { from in TestStore.all.map { (from, $0) } }

    /// A history of signals: a start, then so many events.
    private func history(
        _ id: String, events: Int, namespace: String = "default", closes: Bool = false, queue: String = "default",
        type: String = Counter.typeID
    ) -> [HistoryEvent] {
        var random = SystemRandomNumberGenerator()
        let sagaID = SagaID(time: EngineClock.now().wall, random: (random.next(), random.next()))
        return (0..<events).map { index in
            var attributes = EventAttributes.signalReceived(
                SignalReceived(name: "add", payload: .json("1"), signalID: "s\(index)"))
            if index == 0 {
                attributes = .workflowExecutionStarted(
                    WorkflowExecutionStarted(
                        namespace: namespace, workflowID: id, workflowType: type, workflowVersion: 0,
                        taskQueue: queue, input: .json("0"), requestID: "r-\(id)", executionTimeoutMicros: 0,
                        cancelGraceMicros: 0))
            } else if closes, index == events - 1 {
                attributes = .workflowExecutionTerminated(
                    WorkflowExecutionTerminated(reason: "", identity: "", requestID: "", compensation: .none))
            }
            return HistoryEvent(
                eventID: EventID(index), sagaID: sagaID, timestamp: sagaID.time.adding(microseconds: Int64(index)),
                attributes: attributes)
        }
    }

    private func send(_ history: [HistoryEvent], to client: SagaClient) async throws -> ImportedRun {
        let upload = client.beginImport()
        try await upload.send(history)
        return try await upload.finish()
    }

    private func code(_ body: () async throws -> Void) async -> SagaClientError.Code? {
        do {
            try await body()
            return nil
        } catch { return (error as? SagaClientError)?.code ?? .unknown }
    }

    /// The engine finds out that a stream was cut off when it does; then nothing of it is left.
    private func isGone(_ sagaID: SagaID, _ store: any EventStore) async throws {
        while try await store.execution(sagaID) != nil { await Task.yield() }
    }

    @Test(arguments: pairs) func anOpenRunGoesOnElsewhere(_ from: TestStore, _ target: TestStore) async throws {
        let old = try await TestServer.start(store: try await from.open())
        let journal = Journal()
        var workflows = TestCode.workflows
        workflows.register(Errand.self)
        let worker = try RunningWorker(
            old.options(), workflows: workflows, activities: TestCode.activities(journal))
        let client = try await old.client()
        // The input lies in the table of blobs.
        let seat = String(repeating: "long", count: 20_000)
        _ = try await client.start(Errand.self, id: "e", input: seat)
        let counter = try await client.start(Counter.self, id: "c", input: 0)
        for value in 1...40 { try await counter.signal("add", value) }
        while try await client.describe("e").undoLog.isEmpty { await Task.yield() }
        try await worker.stop()

        let store = try await target.open()
        let new = try await TestServer.start(store: store)
        let other = try await new.client()
        for id in ["e", "c"] {
            let events = try await all(client.history(id))
            let moved = try await other.importHistory(client.exportHistory(id))
            #expect(moved.events == UInt64(events.count))
            #expect(moved.sagaID == events[0].sagaID)
            #expect(try await all(other.history(id)) == events)
            #expect(try await store.execution(moved.sagaID)?.searchAttributes == [])
        }
        // Twice is once, and the old one is in the way of nothing.
        let again = try await other.importHistory(client.exportHistory("c"))
        #expect(again.events == UInt64(try await all(client.history("c")).count))
        #expect(try await other.start(Counter.self, id: "c", input: 9).alreadyStarted)

        let successor = try RunningWorker(
            new.options(), workflows: workflows, activities: TestCode.activities(journal))
        let moved = other.handle(Counter.self, id: "c")
        try await moved.signal("add", 5)
        try await moved.signal("add", 0)
        #expect(try await moved.result() == 825)
        // What was done there is undone here.
        try await other.cancel("e")
        await #expect(throws: WorkflowFailure.self) { _ = try await other.handle(Errand.self, id: "e").result() }
        #expect(journal.all == ["reserve \(seat)", "release \(seat)"])
        try await successor.stop()
        await other.close()
        await new.stop()
        await client.close()
        await old.stop()
    }

    @Test(arguments: TestStore.all) func aLongRunComesInByParts(_ kind: TestStore) async throws {
        let store = try await kind.open()
        let server = try await TestServer.start(store: store)
        let client = try await server.client()
        let long = history("long", events: 2 * RunImport.maximumPending + 777)
        let moved = try await send(long, to: client)
        #expect(moved.sagaID == long[0].sagaID && moved.events == UInt64(long.count))
        var exported: [HistoryEvent] = []
        for try await page in client.exportHistory("long") { exported += page }
        #expect(exported == long)
        #expect(try await client.describe("long").summary.status == .running)
        // One that ends just where its parts do, and is closed.
        let closed = history("closed", events: RunImport.maximumPending + 1, closes: true)
        _ = try await send(closed, to: client)
        #expect(try await client.describe("closed").summary.status == .terminated)
        #expect(try await store.execution(closed[0].sagaID)?.searchAttributes == [])
        let worker = try RunningWorker(server.options(), workflows: TestCode.workflows)
        let counter = client.handle(Counter.self, id: "long")
        try await counter.signal("add", 0)
        #expect(try await counter.result() == long.count - 1)
        try await worker.stop()
        await client.close()
        await server.stop()
    }

    /// Who has lost the answer sends the run again: the answer is the same, also when the run has gone on, or was closed, since. A
    /// run that is not the one that is here is refused.
    @Test(arguments: TestStore.all) func aRepetitionIsAnsweredAsTheFirst(_ kind: TestStore) async throws {
        let store = try await kind.open()
        let server = try await TestServer.start(store: store)
        let client = try await server.client()
        let run = history("again", events: RunImport.maximumPending + 2_500)
        let first = try await send(run, to: client)
        #expect(try await send(run, to: client) == first)
        #expect(try await store.events(of: run[0].sagaID, from: EventID(run.count), limit: 1).isEmpty)
        let worker = try RunningWorker(server.options(), workflows: TestCode.workflows)
        let counter = client.handle(Counter.self, id: "again")
        try await counter.signal("add", 0)
        #expect(try await counter.result() == run.count - 1)
        #expect(try await send(run, to: client) == first)
        let status = try await client.describe("again").summary.status
        #expect(status == .completed)
        // One more event than are here, and another one in the middle, beyond the first page.
        let whole = try await collect(client.exportHistory("again"))
        #expect(try await send(whole, to: client).events == UInt64(whole.count))
        var other = run
        other[1_700].attributes = .signalReceived(
            SignalReceived(name: "add", payload: .json("2"), signalID: "s1700"))
        #expect(await code { _ = try await self.send(other, to: client) } == .alreadyExists)
        try await worker.stop()
        await client.close()
        await server.stop()
        // One that has gone on elsewhere, and here has not.
        let later = history("later", events: 3)
        let one = try await TestServer.start()
        let sender = try await one.client()
        _ = try await send(later, to: sender)
        var longer = later
        longer.append(
            HistoryEvent(
                eventID: 3, sagaID: later[0].sagaID, timestamp: later[2].timestamp, attributes: later[2].attributes))
        #expect(await code { _ = try await self.send(longer, to: sender) } == .alreadyExists)
        await sender.close()
        await one.stop()
    }

    @Test(arguments: TestStore.all) func whatIsCutOffLeavesNothing(_ kind: TestStore) async throws {
        let store = try await kind.open()
        let server = try await TestServer.start(store: store)
        let client = try await server.client()
        let long = history("long", events: RunImport.maximumPending + 5_000)
        do {
            let upload = client.beginImport()
            try await upload.send(Array(long.prefix(long.count - 1)))
            while try await store.execution(long[0].sagaID) == nil { await Task.yield() }
            #expect(await code { _ = try await self.collect(client.exportHistory("long")) } == .unavailable)
            // It is listed as what is coming, and who sends it once more at the same time is not told that it is there.
            #expect(try await client.list().runs.map(\.workflowID) == ["long"])
            #expect(await code { _ = try await self.send(long, to: client) } == .unavailable)
            // The second part does not fit: what was written is gone when the client hears of it.
            var misfit = long[long.count - 1]
            misfit.attributes = .timerFired(TimerFired(createdEventID: 4_711))
            #expect(
                await code {
                    try await upload.send([misfit])
                    _ = try await upload.finish()
                } == .invalidArgument)
            #expect(try await store.execution(long[0].sagaID) == nil)
        }
        // The client goes away in the middle.
        let leaving = try await server.client()
        let upload = leaving.beginImport()
        try await upload.send(long)
        while try await store.execution(long[0].sagaID) == nil { await Task.yield() }
        await leaving.close()
        try await isGone(long[0].sagaID, store)
        #expect(try await store.events(of: long[0].sagaID, from: 0, limit: 1).isEmpty)
        #expect(try await store.latestExecution(namespace: "default", workflowID: "long") == nil)
        // The workflow id is free, and the run may come again.
        #expect(try await send(long, to: client).events == UInt64(long.count))
        await client.close()
        await server.stop()
    }

    /// More than a connection keeps for its peer, given faster than the server writes it.
    @Test func aRunOfLargeEventsIsSentAsFastAsItIsTaken() async throws {
        let server = try await TestServer.start()
        let client = try await server.client()
        var run = history("large", events: 40)
        let large = Payload(encoding: "bytes", data: [UInt8](repeating: 7, count: 700_000))
        for index in run.indices.dropFirst() {
            run[index].attributes = .signalReceived(
                SignalReceived(name: "add", payload: large, signalID: "s\(index)"))
        }
        #expect(try await send(run, to: client).events == UInt64(run.count))
        #expect(try await collect(client.exportHistory("large")) == run)
        await client.close()
        await server.stop()
    }

    private func collect(_ pages: ExportedHistory) async throws -> [HistoryEvent] {
        var events: [HistoryEvent] = []
        for try await page in pages { events += page }
        return events
    }

    @Test func badRunsAreRefusedWithTheReason() async throws {
        let store = MemoryEventStore()
        let server = try await TestServer.start(store: store)
        let client = try await server.client()
        func refusal(_ events: [HistoryEvent]) async -> (SagaClientError.Code?, String) {
            do {
                _ = try await send(events, to: client)
                return (nil, "")
            } catch let error as SagaClientError { return (error.code, error.message) } catch {
                return (.unknown, "\(error)")
            }
        }
        let good = history("a", events: 4)
        let cases: [([HistoryEvent], SagaClientError.Code, String)] = [
            ([], .invalidArgument, "no events"),
            (Array(good.dropFirst()), .invalidArgument, "where event 0 is due"),
            ([good[0], good[2]], .invalidArgument, "where event 1 is due"),
            ([good[0], history("b", events: 2)[1]], .invalidArgument, "field chunk.events[1].saga_id"),
            (history("a", events: 3, namespace: "other"), .invalidArgument, "namespace other"),
            (history("", events: 3), .invalidArgument, "workflow id"),
            (history("a", events: 3, queue: "saga.engine", type: "saga.definition"), .invalidArgument, "engine's own"),
        ]
        for (events, code, text) in cases {
            let (found, message) = await refusal(events)
            #expect(found == code && message.contains(text), "\(message)")
            if let first = events.first { #expect(try await store.execution(first.sagaID) == nil) }
        }
        // The workflow id has an open run, an ended one, none.
        _ = try await client.start(type: "other", id: "a", input: .empty)
        let (code, message) = await refusal(good)
        #expect(code == .failedPrecondition && message.contains("has an open run here"))
        try await client.terminate("a", reason: "make room", compensate: false)
        #expect(await refusal(good).0 == nil)
        #expect(await refusal(good).0 == nil)
        var other = good
        other[3].attributes = good[2].attributes
        #expect(await refusal(other).0 == .alreadyExists)
        #expect(await self.code { _ = try await self.collect(client.exportHistory("nobody")) } == .notFound)
        await client.close()
        await server.stop()
    }

    @Test func partsOfTheStreamAreChecked() async throws {
        let store = MemoryEventStore()
        let server = try await TestServer.start(store: store)
        let client = try await server.client()
        let run = history("a", events: 3)
        let chunk = Wire.HistoryChunk(events: run.map { Wire.HistoryEvent($0) })
        /// Sends parts, says END, and waits for the answer.
        func answer(_ parts: [Wire.ImportHistoryRequest]) async throws -> (SagaClientError.Code?, String) {
            let bodies = try parts.dropFirst().map { try $0.serialized() }
            let connection = try await client.keeper.connection(until: .now + .seconds(10))
            let stream = connection.openStream(
                method: Wire.Method.workflowsImportHistory.rawValue, body: try parts[0].serialized())
            do throws(TransportError) {
                for part in bodies { try await stream.send(part) }
                stream.finish()
                while try await stream.next() != nil {}
                return (nil, "")
            } catch {
                let error = SagaClientError(error, isMutation: true)
                return (error.code, error.message)
            }
        }
        var foreign = chunk
        foreign.sagaID = history("b", events: 1)[0].sagaID
        var many = chunk
        many.events = Array(repeating: many.events[0], count: 1_001)
        var last = chunk
        last.last = true
        let cases: [([Wire.ImportHistoryRequest], String)] = [
            ([.init()], "field chunk is missing"),
            ([.init(header: .init(namespace: "other"), chunk: chunk)], "header.namespace"),
            ([.init(chunk: foreign)], "field chunk.events[0].saga_id"),
            ([.init(chunk: many)], "field chunk.events has 1001"),
            ([.init(chunk: chunk)], "no chunk said that it is the last"),
            ([.init(chunk: chunk), .init()], "field chunk is missing"),
        ]
        for (parts, text) in cases {
            let (code, message) = try await answer(parts)
            #expect(code == .invalidArgument || code == .permissionDenied)
            #expect(message.contains(text), "\(message)")
        }
        try await isGone(run[0].sagaID, store)
        #expect(try await answer([.init(chunk: last)]).0 == nil)
        #expect(try await client.describe("a").summary.status == .running)
        await client.close()
        await server.stop()
    }
}
