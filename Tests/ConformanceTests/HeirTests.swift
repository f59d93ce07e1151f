import SagaCore
import SagaEngine
import SagaSamples
import Testing

/// How the engine's driver finds the run that has what a closed one left, and one event of a run among many.
@Suite struct HeirTests {
    private func started(_ id: SagaID, _ workflow: String, from before: SagaID? = nil) -> [EventAttributes] {
        [
            .workflowExecutionStarted(
                WorkflowExecutionStarted(
                    namespace: "default", workflowID: workflow, workflowType: "Order", workflowVersion: 1,
                    taskQueue: "default", input: .empty, executionTimeoutMicros: 0, cancelGraceMicros: 1,
                    continuedFrom: before))
        ]
    }

    /// A closed run with these events, in one row, and then one more.
    private func closed(
        _ id: SagaID, _ workflow: String, _ lab: Lab, _ attributes: [EventAttributes], after newest: SagaID?,
        begun: Timestamp? = nil
    ) -> AppendEntry {
        let all =
            attributes + [
                .workflowExecutionCompleted(
                    WorkflowExecutionCompleted(commandNumber: 0, output: .empty, compensation: .none))
            ]
        let events = all.enumerated().map {
            HistoryEvent(eventID: EventID($0.offset), sagaID: id, timestamp: begun ?? id.time, attributes: $0.element)
        }
        return AppendEntry(
            sagaID: id, expectedNextEventID: 0, events: events,
            row: lab.row(id, workflow: workflow, status: .completed, next: EventID(events.count)),
            start: newest.map { .after($0) } ?? .unused)
    }

    @Test(arguments: StoreUnderTest.all)
    func theHeirOfARunIsTheLastThatWentOnFromIt(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            // A child that was reset, went on as a new run, and was undone in part; others have the id in between.
            let (child, other, reset) = (lab.newID(), lab.newID(), lab.newID())
            let (next, another, undoing) = (lab.newID(), lab.newID(), lab.newID())
            var runs: [(SagaID, [EventAttributes])] = [(child, started(child, "w")), (other, started(other, "w"))]
            let again = EventAttributes.workflowExecutionReset(
                WorkflowExecutionReset(baseSagaID: child, baseEventID: 0, requestID: "reset"))
            let signals = (0..<30).map {
                EventAttributes.signalReceived(SignalReceived(name: "s", payload: .empty, signalID: "\($0)"))
            }
            runs.append((reset, started(reset, "w") + [again] + signals))
            runs.append((next, started(next, "w", from: reset)))
            runs.append((another, started(another, "w")))
            runs.append((undoing, started(undoing, "w", from: next)))
            for (index, run) in runs.enumerated() {
                let newest = index == 0 ? nil : runs[index - 1].0
                // What a reset makes begins with the events of the other run as they are.
                let entry = closed(
                    run.0, "w", lab, run.1, after: newest, begun: run.0 == reset ? child.time : nil)
                #expect(try await store.append(lab.batch([entry])) == [.appended])
            }
            func heir(_ id: SagaID) async throws -> SagaID? {
                let target = RunTarget(namespace: "default", workflowID: "w", sagaID: id)
                let run = try await store.run(target, .heir)
                if let run { #expect(run.events.count == Int(run.row.nextEventID)) }
                return run?.row.sagaID
            }
            for id in [child, reset, next, undoing] { #expect(try await heir(id) == undoing) }
            for id in [other, another] { #expect(try await heir(id) == id) }
            #expect(try await heir(lab.newID()) == nil)

            // One event, of a row with many.
            let target = RunTarget(namespace: "", workflowID: "", sagaID: reset)
            let last = EventID(signals.count) + 2
            for (eventID, wanted) in [(0, [0, last]), (1, [0, 1, last]), (7, [0, 7, last]), (last, [0, last])] {
                let run = try await store.run(target, .event(eventID))
                #expect(run?.events.map(\.eventID) == wanted as [EventID])
            }
        }
    }

    /// So many runs that nobody looks through them: no answer, and not the run that was asked about.
    @Test func ofTooManyRunsNoneIsTaken() async throws {
        try await StoreUnderTest.all[0].use { store, lab async throws in
            var newest: SagaID?
            var first: SagaID?
            for _ in 0..<1_001 {
                let id = lab.newID()
                let entry = closed(id, "w", lab, started(id, "w", from: newest), after: newest)
                #expect(try await store.append(lab.batch([entry])) == [.appended])
                if first == nil { first = id }
                newest = id
            }
            let target = RunTarget(namespace: "default", workflowID: "w", sagaID: first)
            let refused = await #expect(throws: StoreError.self) { _ = try await store.run(target, .heir) }
            #expect(refused?.reason == .invalid && refused?.message.contains("more than 1000 runs") == true)
        }
    }
}
