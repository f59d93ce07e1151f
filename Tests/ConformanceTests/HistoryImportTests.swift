import Logging
import SagaCore
import SagaEngine
import SagaMemory
import SagaSamples
import Testing

/// Runs that move from one store to another.
@Suite struct HistoryImportTests {
    private func history(_ lab: inout Lab, _ id: SagaID, _ count: Int, workflow: String, closes: Bool = false)
        -> [HistoryEvent]
    {
        (0..<count).map { index in
            var attributes = EventAttributes.signalReceived(
                SignalReceived(name: "s", payload: lab.maker.payload(), signalID: "\(index)"))
            if index == 0 {
                attributes = .workflowExecutionStarted(
                    WorkflowExecutionStarted(
                        namespace: "default", workflowID: workflow, workflowType: "Order", workflowVersion: 0,
                        taskQueue: "default", input: lab.maker.payload(), requestID: "r-\(workflow)",
                        executionTimeoutMicros: 0, cancelGraceMicros: 0))
            } else if closes, index == count - 1 {
                attributes = .workflowExecutionTerminated(
                    WorkflowExecutionTerminated(reason: "", identity: "", requestID: "", compensation: .none))
            }
            return HistoryEvent(
                eventID: EventID(index), sagaID: id, timestamp: id.time.adding(microseconds: Int64(index)),
                attributes: attributes)
        }
    }

    private func add(_ events: [HistoryEvent], to importer: inout HistoryImporter) async throws {
        var rest = events[...]
        while !rest.isEmpty {
            try await importer.add(.events(Array(rest.prefix(HistoryFile.maximumEvents))))
            rest = rest.dropFirst(HistoryFile.maximumEvents)
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func runsComeOutAsTheyWentIn(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let (first, second, other) = (lab.newID(), lab.newID(), lab.newID())
            let runs = [
                history(&lab, first, 5, workflow: "a", closes: true), history(&lab, second, 2_345, workflow: "a"),
                history(&lab, other, 1, workflow: "b"),
            ]
            var importer = try await HistoryImporter(into: store)
            for run in runs { try await add(run, to: &importer) }
            try await importer.end()
            #expect(importer.report == .init(runs: 3, known: 0, events: 2_351))
            for run in runs { #expect(try await store.history(run[0].sagaID) == run) }
            let rows = [
                try await store.execution(first), try await store.execution(second),
                try await store.latestExecution(namespace: "default", workflowID: "b"),
            ]
            #expect(rows.map { $0?.status } == [.terminated, .running, .running])
            #expect(try await store.latestExecution(namespace: "default", workflowID: "a")?.sagaID == second)
            #expect(try await store.openExecutions(after: nil, limit: 9).map(\.sagaID) == [second, other])
            // And out again.
            var exported: [HistoryEvent] = []
            let row = try #require(rows[1])
            _ = try await HistoryExporter(store: store).export(row) { item in
                if case .events(let events) = item {
                    #expect(events.count <= HistoryFile.maximumEvents)
                    exported += events
                }
            }
            #expect(exported == runs[1])
            // Again: nothing happens.
            var again = try await HistoryImporter(into: store)
            for run in runs { try await add(run, to: &again) }
            try await again.end()
            #expect(again.report == .init(runs: 0, known: 3, events: 0))
        }
    }

    /// A server that dies while a run comes in: whoever takes the store over next removes what there is of it, and no other.
    @Test(arguments: StoreUnderTest.all)
    func aRunThatIsNotWholeIsGoneAfterTheNextStart(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            func driver() async throws -> ShardDriver {
                let driver = try await ShardDriver(store: store, config: SagaEngineConfig(), logger: Logger(label: "t"))
                await driver.start()
                return driver
            }
            let (id, other) = (lab.newID(), lab.newID())
            let run = history(&lab, id, RunImport.maximumPending + 10, workflow: "a")
            let first = try await driver()
            var whole = RunImport(into: first, namespace: "default")
            try await whole.add(history(&lab, other, 5, workflow: "b"))
            #expect(try await whole.finish().events == 5)
            var cut = RunImport(into: first, namespace: "default")
            try await cut.add(run)
            #expect(try await store.execution(id)?.isUnfinishedImport == true)

            let second = try await driver()
            #expect(try await store.execution(id) == nil)
            #expect(try await store.events(of: id, from: 0, limit: 1).isEmpty)
            #expect(await second.status().runs == 1)
            // The old one may not end it any more, nor take away what comes now.
            await #expect(throws: CallFailure.self) { _ = try await cut.finish() }
            var again = RunImport(into: second, namespace: "default")
            try await again.add(run)
            #expect(try await again.finish().events == UInt64(run.count))
            await cut.abandon()
            #expect(try await store.history(id) == run)
            #expect(await second.status().runs == 2)
            await second.shutDown()
        }
    }

    /// An event in a form that only a newer program reads is refused by name, and nothing of its run stays.
    @Test(arguments: [0, 9_000]) func aNewerFormIsRefused(_ place: Int) async throws {
        let store = MemoryEventStore()
        var lab = Lab(epoch: 1)
        let driver = try await ShardDriver(store: store, config: SagaEngineConfig(), logger: Logger(label: "t"))
        await driver.start()
        let id = lab.newID()
        // The second of them comes when a part is in the store.
        var events = history(&lab, id, 9_001, workflow: "newer")
        let known = events[place].eventVersion
        events[place].eventVersion = known + 1
        var run = RunImport(into: driver, namespace: "default")
        var failure: CallFailure?
        do throws(CallFailure) {
            try await run.add(events)
            _ = try await run.finish()
        } catch {
            failure = error
        }
        #expect(failure?.code == .failedPrecondition)
        let type = events[place].eventType.name
        #expect(
            failure?.message.hasPrefix("event \(place) (\(type)) has form \(known + 1)") == true,
            "\(String(describing: failure))")
        await run.abandon()
        #expect(try await store.events(of: id, from: 0, limit: 1).isEmpty)
        // As this program writes it, it is taken.
        events[place].eventVersion = known
        var again = RunImport(into: driver, namespace: "default")
        try await again.add(events)
        #expect(try await again.finish().events == 9_001)
        await driver.shutDown()
    }

    /// An import into a store that no server has open is killed between two appends of one run: what it left is no run. Repeated it
    /// goes on, and if a server comes before that, the server removes it.
    @Test(arguments: StoreUnderTest.all)
    func anImportThatWasCutOffLeavesNoHalfRun(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let (id, other) = (lab.newID(), lab.newID())
            // Two appends, and one event for a third.
            let size = HistoryImporter.maximumPending + 1
            let runs = [
                history(&lab, id, size, workflow: "a"), history(&lab, other, size, workflow: "b", closes: true),
            ]
            for run in runs {
                var cut = try await HistoryImporter(into: store)
                try await add(run, to: &cut)
                let row = try #require(try await store.execution(run[0].sagaID))
                #expect(row.isUnfinishedImport && !row.status.isClosed)
                #expect(row.nextEventID == EventID(size - 1))
            }
            // A shorter file does not make it whole.
            await #expect(throws: ImportFailure.self) {
                var short = try await HistoryImporter(into: store)
                try await add(Array(runs[0].dropLast()), to: &short)
                try await short.end()
            }
            var again = try await HistoryImporter(into: store)
            try await add(runs[0], to: &again)
            try await again.end()
            #expect(again.report == .init(runs: 1, known: 0, events: 1))
            let row = try #require(try await store.execution(id))
            #expect(!row.isUnfinishedImport && row.nextEventID == EventID(size))
            #expect(try await store.history(id) == runs[0])
            // A server takes the store over: one run is whole, the other is none.
            let driver = try await ShardDriver(store: store, config: SagaEngineConfig(), logger: Logger(label: "t"))
            await driver.start()
            #expect(await driver.status().runs == 1)
            #expect(try await store.execution(other) == nil)
            #expect(try await store.events(of: other, from: 0, limit: 1).isEmpty)
            await driver.shutDown()
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func whatIsInTheWayIsNotOverwritten(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let id = lab.newID()
            let run = history(&lab, id, 9, workflow: "a")
            var importer = try await HistoryImporter(into: store)
            try await add(Array(run.prefix(4)), to: &importer)
            try await importer.end()
            // A later end of the same run is added.
            var more = try await HistoryImporter(into: store)
            try await add(run, to: &more)
            try await more.end()
            #expect(more.report == .init(runs: 1, known: 0, events: 5))
            #expect(try await store.history(id) == run)
            // Another run of that name, while this one is open; a shorter one; one that says something else.
            let rival = history(&lab, lab.newID(), 2, workflow: "a")
            await #expect(throws: ImportFailure.self) {
                var importer = try await HistoryImporter(into: store)
                try await importer.add(.events(rival))
                try await importer.end()
            }
            await #expect(throws: ImportFailure.self) {
                var importer = try await HistoryImporter(into: store)
                try await importer.add(.events(Array(run.prefix(3))))
                try await importer.end()
            }
            var changed = run
            changed[8].traceID = "another"
            let other = changed
            await #expect(throws: ImportFailure.self) {
                var importer = try await HistoryImporter(into: store)
                try await importer.add(.events(other))
                try await importer.end()
            }
            var misfit = history(&lab, lab.newID(), 3, workflow: "c")
            misfit[2].attributes = .timerFired(TimerFired(createdEventID: 1))
            let bad = misfit
            await #expect(throws: ImportFailure.self) {
                var importer = try await HistoryImporter(into: store)
                try await importer.add(.events(bad))
                try await importer.end()
            }
            #expect(try await store.execution(bad[0].sagaID) == nil)
            #expect(try await store.history(id) == run)
        }
    }
}
