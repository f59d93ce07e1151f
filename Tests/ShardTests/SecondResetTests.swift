import SagaCore
import SagaEngine
import Testing

/// A run that a reset made is reset once more.
@Suite struct SecondResetTests {
    private static func reset(
        _ world: ShardWorld, to eventID: EventID, _ name: String, _ undo: ResetCall.Undo = .keep
    ) throws -> SagaID {
        let id = world.call(
            .reset(ResetCall(target: world.target, eventID: eventID, undo: undo, requestID: name)))
        world.settle()
        guard case .success(.started(let next, alreadyStarted: false))? = world.replies[id] else {
            Issue.record("reset \(name) is answered \(String(describing: world.replies[id]))")
            throw SagaError(kind: .unknown, message: "refused")
        }
        return next
    }

    private static func finish(_ world: ShardWorld, _ activityType: String) throws {
        let index = try #require(world.tasks.lastIndex { $0.activityType == activityType })
        world.report(world.tasks.remove(at: index), .completed(output: .empty, undoData: nil))
        world.settle()
    }

    private static func lineage(_ world: ShardWorld, _ sagaID: SagaID) throws -> [RunOrigin] {
        var state = ExecutionState(sagaID: sagaID)
        for event in try #require(world.log[sagaID]) { try state.apply(event) }
        return state.origins
    }

    /// A parent with a child that is asked for behind step a.
    private static func family() throws -> (world: ShardWorld, first: SagaID, child: SagaID) {
        let world = ShardWorld()
        world.start { events in
            guard case .workflowExecutionStarted(let started)? = events.first?.attributes else { return [] }
            if started.workflowID != "w" { return [.step("b")] }
            let child = WorkflowCommand.startChild(
                StartChildCommand(workflowID: "w/1", workflowType: "script", input: .empty))
            return [.step("a")] + (events.isClosed("a") ? [child] : [])
        }
        try finish(world, "a")
        return (world, try #require(world.openRun), try #require(world.openRun("w/1")))
    }

    /// The child goes by the name of the run that began it, however often that is reset, and with a crash in between.
    @Test(arguments: [false, true]) func aChildThatIsOpenIsFoundAgain(_ crashes: Bool) throws {
        let (world, first, child) = try Self.family()
        let events = try #require(world.log[first])
        let asked = try #require(
            events.first { $0.eventType == .startChildWorkflowExecutionInitiated }
        ).eventID
        let started = try #require(events.first { $0.eventType == .childWorkflowExecutionStarted }).eventID
        let second = try Self.reset(world, to: started, "one")
        if crashes { world.crash() }
        // Behind the first reset, and so that the child's start is asked for once more.
        let third = try Self.reset(world, to: asked, "two")
        if crashes { world.crash() }
        world.settle()
        let fourth = try Self.reset(world, to: asked, "three")
        if crashes { world.crash() }
        world.settle()
        #expect(world.openRun == fourth && Set([first, second, third, fourth]).count == 4)
        #expect(
            try Self.lineage(world, fourth) == [
                RunOrigin(sagaID: first, upTo: asked), RunOrigin(sagaID: second, upTo: asked),
                RunOrigin(sagaID: third, upTo: asked),
            ])
        let found = try #require(world.log[fourth]).firstMatch { event -> SagaID? in
            if case .childWorkflowExecutionStarted(let value) = event { value.childSagaID } else { nil }
        }
        #expect(found == child)
        #expect(world.openRun("w/1") == child, "the child is left alone")
        // And it ends with the last of them.
        world.call(
            .terminate(ControlCall(target: world.target, requestID: "end"), compensate: false))
        world.settle()
        world.advance(by: 200_000)
        #expect(world.log[child]?.contains { $0.eventType == .workflowExecutionCancelRequested } == true)
    }

    /// A signal to another saga goes by such a name, too: it arrives once.
    @Test func aSignalThatIsUnderWayArrivesOnce() throws {
        let world = ShardWorld()
        world.start { events in
            guard case .workflowExecutionStarted(let started)? = events.first?.attributes else { return [] }
            guard started.workflowID == "w" else { return [.step("b")] }
            let signal = WorkflowCommand.signalExternal(
                SignalExternalCommand(workflowID: "x", name: "hello", payload: .empty))
            return [.step("a")] + (events.isClosed("a") ? [signal] : [])
        }
        world.call(
            .start(
                StartCall(
                    namespace: "default", workflowID: "x", workflowType: "script", input: .empty, requestID: "x")))
        world.settle()
        try Self.finish(world, "a")
        let first = try #require(world.openRun)
        let asked = try #require(world.log[first]?.first { $0.eventType == .externalSignalRequested }).eventID
        let delivered = try #require(world.log[first]?.first { $0.eventType == .externalSignalDelivered }).eventID
        _ = try Self.reset(world, to: delivered, "one")
        let third = try Self.reset(world, to: asked, "two")
        #expect(world.log[third]?.contains { $0.eventType == .externalSignalDelivered } == true)
        let other = try #require(world.openRun("x"))
        #expect(world.log[other]?.count { $0.eventType == .signalReceived } == 1)
    }

    /// The child of an event that a reset threw away is nobody's, also if another event of the same number asks for such a child.
    @Test func aChildThatIsThrownAwayIsEnded() throws {
        let (world, first, child) = try Self.family()
        let events = try #require(world.log[first])
        let started = try #require(events.first { $0.eventType == .childWorkflowExecutionStarted }).eventID
        let done = try #require(events.first { $0.eventType == .activityTaskCompleted }).eventID
        _ = try Self.reset(world, to: started, "one")
        // The server dies with the second reset durable, and nobody told of its end.
        world.onAppend = { batch, isApplied in
            isApplied && batch.transactions.flatMap(\.entries).contains { $0.row?.status == .terminated }
        }
        let id = world.call(.reset(ResetCall(target: world.target, eventID: done, undo: .drop, requestID: "two")))
        world.settle()
        world.onAppend = { _, _ in false }
        #expect(world.replies[id] == nil)
        for _ in 0..<20 { world.advance(by: 200_000) }
        #expect(
            world.log[child]?.contains { $0.eventType == .workflowExecutionCancelRequested } == true,
            "the first child is left to itself")
    }

    /// Each run has what was kept by all resets before it, and each entry is undone once.
    @Test(arguments: [false, true]) func whatSeveralResetsKeepIsUndoneOnce(_ crashes: Bool) throws {
        let world = ShardWorld()
        world.start { events in
            let ends = events.contains { event in
                if case .signalReceived = event.attributes { true } else { false }
            }
            return [.step("a")] + (events.isClosed("a") ? [.step("b")] : [])
                + (events.isClosed("b") && ends ? [.fail(SagaError(kind: .domain, message: "no"))] : [])
        }
        var keys: Set<String> = []
        func runBoth() throws {
            for name in ["a", "b"] {
                keys.formUnion(world.tasks.filter { $0.activityType == name }.map(\.idempotencyKey))
                try Self.finish(world, name)
            }
        }
        try runBoth()
        let first = try #require(world.openRun)
        let second = try Self.reset(world, to: 0, "one")
        try runBoth()
        // The first reset's event, and the entries that it brought, stand before this one.
        let done = try #require(world.log[second]?.last { $0.eventType == .activityTaskCompleted }).eventID
        let closed = try #require(world.log[second]?.first { $0.eventType == .activityTaskCompleted }).eventID
        #expect(closed < done)
        let third = try Self.reset(world, to: closed, "two")
        if crashes { world.crash() }
        world.settle()
        keys.formUnion(world.tasks.filter { $0.activityType == "b" }.map(\.idempotencyKey))
        try Self.finish(world, "b")
        #expect(keys.count == 5)
        #expect(try Self.lineage(world, third).map(\.sagaID) == [first, second])
        world.call(.signal(SignalCall(target: world.target, name: "end", payload: .empty, signalID: "end")))
        world.settle()
        var undone: [String] = []
        while undone.count < 10, let task = world.tasks.popLast() {
            #expect(task.activityType == "undo" && world.tasks.isEmpty)
            undone.append(task.idempotencyKey)
            world.report(task, .completed(output: .empty, undoData: nil))
            world.settle()
            guard crashes else { continue }
            world.crash()
            world.advance(by: 3_000_000)
        }
        #expect(undone.count == 5 && Set(undone) == Set(keys.map { $0 + "/undo" }), "\(undone)")
        #expect(world.openRun == nil)
        guard case .workflowExecutionFailed(let failed)? = world.log[third]?.last?.attributes else {
            Issue.record("\(String(describing: world.log[third]?.last))")
            return
        }
        #expect(failed.compensation.state == .complete)
    }

    /// A reset that is repeated is answered with the run that it made, although a later one has its event, too.
    @Test(arguments: [false, true]) func aRequestIsAnsweredByTheRunThatItMade(_ isClosed: Bool) throws {
        let world = ShardWorld()
        world.start { events in [.step("a")] + (events.isClosed("a") ? [.complete(.empty)] : []) }
        let first = try #require(world.openRun)
        let second = try Self.reset(world, to: 0, "one")
        let place = try #require(world.log[second]?.first { $0.eventType == .workflowExecutionReset }).eventID
        let third = try Self.reset(world, to: place + 1, "two")
        #expect(world.log[third]?.count { $0.eventType == .workflowExecutionReset } == 2)
        if isClosed { try Self.finish(world, "a") }
        #expect((world.openRun == nil) == isClosed)
        #expect(try Self.reset(world, to: 0, "one") == second)
        #expect(try Self.reset(world, to: place + 1, "two") == third)
        world.crash()
        #expect(try Self.reset(world, to: 0, "one") == second)
        #expect(world.log.count == 3 && world.log[first] != nil)
    }

    /// Also while that run unwinds for the next reset (seed 4821 of composed worlds).
    @Test func aRequestIsAnsweredWhileItsRunIsReset() throws {
        let world = ShardWorld()
        world.start { events in [.step("a")] + (events.isClosed("a") ? [.step("b")] : []) }
        let second = try Self.reset(world, to: 0, "one")
        try Self.finish(world, "a")
        try Self.finish(world, "b")
        let place = try #require(world.log[second]?.first { $0.eventType == .workflowExecutionReset }).eventID
        let later = world.call(
            .reset(ResetCall(target: world.target, eventID: place, undo: .undo, requestID: "two")))
        world.settle()
        #expect(world.log[second]?.contains { $0.eventType == .compensationStarted } == true)
        #expect(try Self.reset(world, to: 0, "one") == second)
        while let task = world.tasks.popLast() {
            world.report(task, .completed(output: .empty, undoData: nil))
            world.settle()
        }
        guard case .success(.started(let third, _))? = world.replies[later] else {
            Issue.record("\(String(describing: world.replies[later]))")
            return
        }
        #expect(third != second && world.openRun == third)
    }

    /// A reset whose caller goes while its run is read is not begun: the caller may have repeated it (seed 202219 of composed worlds).
    @Test(arguments: [false, true]) func aResetThatIsGivenUpIsNotBegun(_ isGivenUp: Bool) throws {
        let world = ShardWorld()
        world.start { events in [.step("a")] + (events.isClosed("a") ? [.complete(.empty)] : []) }
        try Self.finish(world, "a")
        #expect(world.openRun == nil)
        let id = world.call(.reset(ResetCall(target: world.target, eventID: 0, undo: .keep, requestID: "one")))
        var reads = 0
        world.onLoad = { [unowned world] _ in
            reads += 1
            if isGivenUp { world.give(.callAbandoned(id)) }
        }
        world.settle()
        #expect(reads > 0)
        #expect((world.openRun == nil) == isGivenUp)
        #expect(world.log.count == (isGivenUp ? 1 : 2))
        #expect((world.replies[id] == nil) == isGivenUp)
    }

    /// A lineage has an end, and says so.
    @Test func aRunIsNotResetForEver() throws {
        var state = ExecutionState(sagaID: SagaID(high: 1, low: 5))
        let all = (0..<RunOrigin.maximumCount - 1).map { RunOrigin(sagaID: SagaID(high: 0, low: UInt64($0)), upTo: 0) }
        for attributes in [
            EventAttributes.workflowExecutionStarted(
                WorkflowExecutionStarted(
                    namespace: "default", workflowID: "w", workflowType: "script", workflowVersion: 1,
                    taskQueue: "default", input: .empty, executionTimeoutMicros: 0, cancelGraceMicros: 0)),
            .workflowExecutionReset(
                WorkflowExecutionReset(baseSagaID: SagaID(high: 1, low: 4), baseEventID: 0, origins: all)),
        ] {
            try state.apply(
                HistoryEvent(
                    eventID: state.nextEventID, sagaID: state.sagaID, timestamp: Timestamp(microseconds: 1),
                    attributes: attributes))
        }
        #expect(state.origins.count == RunOrigin.maximumCount)
        let shard = Shard(config: ShardConfig(), seed: 1)
        let now = ShardTime(wall: Timestamp(microseconds: 2), monotonic: 2)
        shard.handle(.recovered(RecoveredRun(state: state)), now: now)
        shard.handle(.recoveryFinished(epoch: 1), now: now)
        let target = RunTarget(namespace: "default", workflowID: "w")
        shard.handle(.call(1, .reset(ResetCall(target: target, eventID: 0))), now: now)
        let refused = shard.flush(now: now).contains { effect in
            guard case .reply(1, .failure(let failure)) = effect else { return false }
            return failure.code == .failedPrecondition && failure.message.contains("1000 resets")
        }
        #expect(refused)
    }
}
