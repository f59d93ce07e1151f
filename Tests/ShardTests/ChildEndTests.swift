import SagaCore
import SagaEngine
import Testing

/// What becomes of children when their parents end.
@Suite struct ChildEndTests {
    private static func isTold(_ events: [HistoryEvent], _ word: String) -> Bool {
        events.contains { event in
            if case .signalReceived(let signal) = event.attributes { signal.name == word } else { false }
        }
    }

    /// How often a run was told something.
    private static func count(_ events: [HistoryEvent], _ word: String) -> Int {
        events.count { event in
            if case .signalReceived(let signal) = event.attributes { signal.name == word } else { false }
        }
    }

    private static func signal(_ world: ShardWorld, _ id: String, _ word: String, _ name: String) {
        let target = RunTarget(namespace: "default", workflowID: id)
        world.call(.signal(SignalCall(target: target, name: word, payload: .empty, signalID: name)))
    }

    /// The child goes on as a new run in the very append that closes its parent, before it or behind it: the new run hears of the
    /// end, although what the parent has to say goes to the run that it knows.
    @Test(arguments: [false, true]) func aChildThatGoesOnAsItsParentClosesIsTold(_ parentFirst: Bool) throws {
        let world = ShardWorld()
        world.start { events in
            guard case .workflowExecutionStarted(let started)? = events.first?.attributes else { return [] }
            if started.workflowID == "w" {
                let child = WorkflowCommand.startChild(
                    StartChildCommand(workflowID: "w/1", workflowType: "script", input: .empty))
                return Self.isTold(events, "end") ? [child, .complete(.empty)] : [child]
            }
            return Self.isTold(events, "go") ? [.continueAsNew(input: .empty, carryUndo: true)] : []
        }
        let parent = try #require(world.openRun)
        let child = try #require(world.openRun("w/1"))
        var closings: [[SagaID]] = []
        world.onAppend = { batch, isApplied in
            let closed = batch.transactions.flatMap(\.entries).filter { $0.row?.status.isClosed == true }
            if isApplied, !closed.isEmpty { closings.append(closed.map(\.sagaID)) }
            return false
        }
        // While something else is on its way to the store, what follows gathers.
        world.call(
            .start(
                StartCall(
                    namespace: "default", workflowID: "x", workflowType: "script", input: .empty, requestID: "x")))
        let calls = [("w/1", "go"), ("w", "end")]
        for (id, word) in parentFirst ? calls.reversed() : calls { Self.signal(world, id, word, word) }
        world.settle()
        // Both in one append, or this tests nothing.
        #expect(closings.count == 1 && Set(closings.joined()) == [parent, child])
        let next = try #require(world.openRun("w/1"))
        #expect(next != child && world.openRun == nil)
        world.advance(by: 200_000)
        #expect(world.log[next]?.contains { $0.eventType == .workflowExecutionCancelRequested } == true)
    }

    /// A child that was left to itself goes on as a new run often; its parent's long history is not read each time.
    @Test func aChildLeftToItselfDoesNotReadItsParentsHistory() throws {
        let world = ShardWorld()
        world.start { events in
            guard case .workflowExecutionStarted(let started)? = events.first?.attributes else { return [] }
            guard started.workflowID == "w" else {
                return Self.isTold(events, "go") ? [.continueAsNew(input: .empty, carryUndo: true)] : []
            }
            let child = WorkflowCommand.startChild(
                StartChildCommand(
                    workflowID: "w/1", workflowType: "script", input: .empty, parentClosePolicy: .abandon))
            return Self.isTold(events, "end") ? [child, .complete(.empty)] : [child]
        }
        let parent = try #require(world.openRun)
        for index in 0..<200 { Self.signal(world, "w", "more", "more \(index)") }
        Self.signal(world, "w", "end", "end")
        world.settle()
        #expect(world.openRun == nil && (world.log[parent]?.count ?? 0) > 200)
        let before = world.eventLoads
        for index in 0..<5 {
            Self.signal(world, "w/1", "go", "go \(index)")
            world.settle()
        }
        #expect(world.log.values.count { $0.last?.eventType == .workflowExecutionContinuedAsNew } == 5)
        let last = try #require(world.openRun("w/1"))
        #expect(world.log[last]?.count == 1)
        #expect(world.eventLoads - before <= 5 * 3)
    }
}
