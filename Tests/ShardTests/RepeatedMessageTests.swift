import SagaCore
import SagaEngine
import Testing

/// A message acts once, also when it is repeated after its run has gone on as another (semantics, section 2, promise 9).
@Suite struct RepeatedMessageTests {
    /// Goes on as a new run at each signal `go`, and does nothing else.
    private static func goesOn(_ events: [HistoryEvent]) -> [WorkflowCommand] {
        let goes = events.contains { event in
            if case .signalReceived(let signal) = event.attributes { signal.name == "go" } else { false }
        }
        return goes ? [.continueAsNew(input: .empty, carryUndo: true, signals: [])] : []
    }

    private func world() -> ShardWorld {
        let world = ShardWorld()
        world.start(script: Self.goesOn)
        return world
    }

    private func goOn(_ world: ShardWorld, _ id: String) {
        world.call(.signal(SignalCall(target: world.target, name: "go", payload: .empty, signalID: id)))
        world.settle()
    }

    private func run(_ reply: Result<CallReply, CallFailure>?) -> SagaID? {
        switch reply {
        case .success(.done(let sagaID))?, .success(.started(let sagaID, _))?: sagaID
        default: nil
        }
    }

    private func answer(_ world: ShardWorld, _ call: Call) -> SagaID? {
        let id = world.call(call)
        world.settle()
        return run(world.replies[id])
    }

    @Test(arguments: [false, true]) func aMessageActsOnceOverContinueAsNew(_ crashes: Bool) throws {
        let world = world()
        let control = { (id: String) in ControlCall(target: world.target, requestID: id) }
        let first = try #require(world.openRun)
        let calls: [Call] = [
            .signal(SignalCall(target: world.target, name: "note", payload: .empty, signalID: "s")),
            .signal(SignalCall(target: world.target, name: "note", payload: .empty, requestID: "q")),
            .pause(control("p")), .resume(control("r")), .cancel(control("c")),
        ]
        for call in calls { #expect(answer(world, call) == first) }
        goOn(world, "g1")
        if crashes { world.crash() }
        world.settle()
        let second = try #require(world.openRun)
        goOn(world, "g2")
        if crashes { world.crash() }
        world.settle()
        let third = try #require(world.openRun)
        #expect(world.log.count == 3)
        let before = world.log
        // Whoever repeats one hears which run has it.
        for call in calls { #expect(answer(world, call) == first) }
        #expect(
            answer(world, .signal(SignalCall(target: world.target, name: "go", payload: .empty, signalID: "g2")))
                == second)
        #expect(Set([first, second, third]).count == 3)
        let start = StartCall(
            namespace: "default", workflowID: "w", workflowType: "script", input: .empty, requestID: "start")
        let signal = SignalCall(target: world.target, name: "note", payload: .empty, requestID: "start")
        let again = world.call(.signalWithStart(start, signal))
        world.settle()
        // It is the request that started the first run.
        guard case .success(.started(first, alreadyStarted: false))? = world.replies[again] else {
            Issue.record("\(String(describing: world.replies[again]))")
            return
        }
        #expect(world.log[first] == before[first])
        // Others still act.
        #expect(answer(world, .pause(control("p2"))) == third)
        #expect(world.log[third]?.last?.eventType == .workflowExecutionPaused)
    }

    @Test func anUpdateIsAnsweredByTheRunThatDealtWithIt() throws {
        let world = world()
        let first = try #require(world.openRun)
        let update = UpdateCall(target: world.target, name: "add", payload: .empty, updateID: "u", requestID: "q")
        world.answers = [
            .completed(
                seenEventID: 0, commands: [], unconsumedSignals: 0,
                verdicts: [UpdateVerdict(updateID: "u", error: SagaError(kind: .validation, message: "no"))])
        ]
        func ask() -> UpdateReply? {
            let call = world.call(.update(update))
            world.settle()
            guard case .success(.updated(let reply))? = world.replies[call] else { return nil }
            return reply
        }
        let refused = try #require(ask())
        #expect(refused.sagaID == first)
        goOn(world, "g")
        let second = try #require(world.openRun)
        #expect(ask() == refused)
        #expect(world.log[second]?.count == 1)
    }

    /// The run that dealt with it was deleted: nobody knows the answer any more, and the update does not act a second time.
    @Test func anUpdateOfADeletedRunIsNeitherAnsweredNorRepeated() throws {
        let world = world()
        let first = try #require(world.openRun)
        let update = UpdateCall(target: world.target, name: "add", payload: .empty, updateID: "u", requestID: "q")
        world.answers = [
            .completed(
                seenEventID: 0, commands: [], unconsumedSignals: 0,
                verdicts: [UpdateVerdict(updateID: "u", error: SagaError(kind: .validation, message: "no"))])
        ]
        world.call(.update(update))
        world.settle()
        goOn(world, "g")
        let second = try #require(world.openRun)
        world.delete(first)
        let call = world.call(.update(update))
        world.settle()
        guard case .failure(let failure)? = world.replies[call] else {
            Issue.record("\(String(describing: world.replies[call]))")
            return
        }
        #expect(failure.code == .failedPrecondition && failure.sagaID == first)
        #expect(failure.message.contains("deleted"))
        #expect(world.log[second]?.count == 1)
        // A run that a caller names and that is not there is unknown.
        var named = update
        named.target.sagaID = first
        let other = world.call(.update(named))
        world.settle()
        guard case .failure(let unknown)? = world.replies[other] else {
            Issue.record("\(String(describing: world.replies[other]))")
            return
        }
        #expect(unknown.code == .notFound)
    }

    @Test func whatHappenedAfterTheEventOfAResetIsKnown() throws {
        let world = world()
        let control = { (id: String) in ControlCall(target: world.target, requestID: id) }
        let first = try #require(world.openRun)
        for call in [Call.pause(control("p")), .resume(control("r"))] { #expect(answer(world, call) == first) }
        let reset = ResetCall(target: world.target, eventID: 0, requestID: "reset")
        let next = try #require(answer(world, .reset(reset)))
        let count = world.log[next]?.count
        #expect(next != first && answer(world, .pause(control("p"))) == first)
        #expect(world.log[next]?.count == count)
        // The reset itself, when the run that it made has gone on: known without a look at those before it.
        for round in 0..<20 { goOn(world, "g\(round)") }
        let loads = world.runLoads
        let runs = world.log.count
        #expect(answer(world, .reset(reset)) == next)
        #expect(world.runLoads == loads)
        #expect(world.log.count == runs)
    }

    /// The saga goes on in a new run at each read of the search.
    @Test func theSearchForAResetEnds() throws {
        let world = world()
        for round in 0..<20 { goOn(world, "before\(round)") }
        var reads = 0
        world.onLoad = { target in
            reads += 1
            // Of runs that are over: the reset's own read finds the run that it is about.
            if reads < 200, target.sagaID != world.openRun { goOn(world, "during\(reads)") }
        }
        let call = world.call(.reset(ResetCall(target: world.target, eventID: 0, requestID: "never seen")))
        world.settle()
        guard case .success(.started)? = world.replies[call] else {
            Issue.record("the reset is not answered: \(String(describing: world.replies[call]))")
            return
        }
        #expect(reads < 40)
    }

    @Test func asManyAreCarriedAsMayBe() throws {
        var state = ExecutionState(sagaID: SagaID(high: 1, low: 1))
        func apply(_ attributes: EventAttributes) throws {
            try state.apply(
                HistoryEvent(
                    eventID: state.nextEventID, sagaID: state.sagaID, timestamp: Timestamp(microseconds: 1),
                    attributes: attributes))
        }
        let earlier = CarriedMessage(kind: .request, id: "earlier", sagaID: SagaID(high: 0, low: 1))
        try apply(
            .workflowExecutionStarted(
                WorkflowExecutionStarted(
                    namespace: "default", workflowID: "w", workflowType: "t", workflowVersion: 1, taskQueue: "q",
                    input: .empty, executionTimeoutMicros: 0, cancelGraceMicros: 0, carriedMessages: [earlier])))
        for number in 0..<300 {
            try apply(
                .signalReceived(
                    SignalReceived(name: "n", payload: .empty, signalID: "s\(number)", requestID: "s\(number)")))
        }
        let carried = state.messagesToCarry()
        // One entry for a signal that is named by its request, the newest of them, oldest first.
        #expect(carried.count == CarriedMessage.maximumCount)
        #expect(carried.first?.id == "s44" && carried.last?.id == "s299")
        #expect(carried.allSatisfy { $0.kind == .signal && $0.sagaID == state.sagaID })
        #expect(state.messagesToCarry(after: 298).map(\.id) == ["earlier", "s298", "s299"])
        for number in 0..<100 {
            let id = String(repeating: "x", count: 250) + "\(number)"
            try apply(.signalReceived(SignalReceived(name: "n", payload: .empty, signalID: id)))
        }
        let bounded = state.messagesToCarry()
        #expect(bounded.reduce(0) { $0 + $1.id.utf8.count } <= CarriedMessage.maximumBytes)
        #expect(bounded.last?.id.hasSuffix("99") == true)
    }

    /// What a run did behind the event that it was reset to is newer than all that the new run has of it.
    @Test func whatCameBehindAResetIsTheNewest() throws {
        let base = SagaID(high: 1, low: 1)
        var state = ExecutionState(sagaID: SagaID(high: 1, low: 2))
        func apply(_ attributes: EventAttributes) throws {
            try state.apply(
                HistoryEvent(
                    eventID: state.nextEventID, sagaID: state.sagaID, timestamp: Timestamp(microseconds: 1),
                    attributes: attributes))
        }
        func carried(_ id: String, _ sagaID: SagaID) -> CarriedMessage {
            CarriedMessage(kind: .request, id: id, sagaID: sagaID)
        }
        let earlier = carried("earlier", SagaID(high: 0, low: 1))
        try apply(
            .workflowExecutionStarted(
                WorkflowExecutionStarted(
                    namespace: "default", workflowID: "w", workflowType: "t", workflowVersion: 1, taskQueue: "q",
                    input: .empty, executionTimeoutMicros: 0, cancelGraceMicros: 0, carriedMessages: [earlier])))
        for number in 1...300 {
            try apply(.signalReceived(SignalReceived(name: "n", payload: .empty, signalID: "s\(number)")))
        }
        try apply(
            .workflowExecutionReset(
                WorkflowExecutionReset(
                    baseSagaID: base, baseEventID: 300, reason: "", requestID: "reset",
                    carriedMessages: [earlier, carried("behind", base)])))
        try apply(.signalReceived(SignalReceived(name: "n", payload: .empty, signalID: "after")))
        #expect(state.messagesToCarry().suffix(4).map(\.id) == ["s300", "behind", "reset", "after"])
        #expect(state.messagesToCarry().count == CarriedMessage.maximumCount)
        // One that is longer than all may be together is left out, and nothing else with it.
        try apply(
            .signalReceived(
                SignalReceived(name: "n", payload: .empty, signalID: String(repeating: "x", count: 20_000))))
        #expect(state.messagesToCarry().last?.id == "after")
    }

    /// An update that the run before the reset had accepted, and this one ended: only this one knows its answer.
    @Test func anUpdateGoesByTheRunThatEndedIt() throws {
        let base = SagaID(high: 1, low: 1)
        var state = ExecutionState(sagaID: SagaID(high: 1, low: 2))
        for attributes: EventAttributes in [
            .workflowExecutionStarted(
                WorkflowExecutionStarted(
                    namespace: "default", workflowID: "w", workflowType: "t", workflowVersion: 1, taskQueue: "q",
                    input: .empty, executionTimeoutMicros: 0, cancelGraceMicros: 0)),
            .signalReceived(SignalReceived(name: "n", payload: .empty, signalID: "s")),
            .workflowUpdateAccepted(WorkflowUpdateAccepted(updateID: "u", name: "add", input: .empty)),
            .workflowExecutionReset(WorkflowExecutionReset(baseSagaID: base, baseEventID: 2)),
            .workflowUpdateCompleted(WorkflowUpdateCompleted(acceptedEventID: 2, output: .empty, commandNumber: 0)),
        ] {
            try state.apply(
                HistoryEvent(
                    eventID: state.nextEventID, sagaID: state.sagaID, timestamp: Timestamp(microseconds: 1),
                    attributes: attributes))
        }
        let carried = state.messagesToCarry()
        #expect(carried.contains(CarriedMessage(kind: .update, id: "u", sagaID: state.sagaID)))
    }
}
