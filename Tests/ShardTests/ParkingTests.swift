import SagaCore
import SagaEngine
import Testing

/// Runs that wait are kept as small records; timers and starts come a few at a time.
@Suite struct ParkingTests {
    private func signal(_ name: String, to workflowID: String = "w") -> Call {
        .signal(
            SignalCall(
                target: RunTarget(namespace: "default", workflowID: workflowID), name: name, payload: .empty,
                requestID: "\(workflowID) \(name)"))
    }

    private func start(_ name: String) -> Call {
        .start(
            StartCall(
                namespace: "default", workflowID: name, workflowType: "script", input: .empty, requestID: name))
    }

    private func task(_ world: ShardWorld) throws -> ActivityTask {
        let task = world.tasks.popLast()
        return try #require(task)
    }

    /// One step, then it waits for the signal `go`.
    private static func stepThenSignal(_ events: [HistoryEvent]) -> [WorkflowCommand] {
        var commands = [WorkflowCommand.step("a")]
        guard events.isClosed("a") else { return commands }
        let isAllowed = events.contains { event in
            if case .signalReceived(let signal) = event.attributes { signal.name == "go" } else { false }
        }
        if isAllowed { commands.append(.complete(.json("7"))) }
        return commands
    }

    @Test func aRunThatWaitsIsParkedAndGoesOn() throws {
        let world = ShardWorld { $0.maxLiveRuns = 0 }
        world.start(script: Self.stepThenSignal)
        #expect(world.shard.liveRunCount == 1, "its step is out")
        let task = try task(world)
        world.report(task, .completed(output: .json("1"), undoData: nil))
        world.settle()
        #expect(world.shard.liveRunCount == 0)
        #expect(world.shard.openRunCount == 1)
        let waiting = world.call(.result(world.target))
        world.settle()
        #expect(world.shard.liveRunCount == 0, "somebody who waits for its end is kept with it")
        world.call(signal("go"))
        world.settle()
        #expect(world.status == .completed)
        guard case .success(.closed(let closed))? = world.replies[waiting] else {
            Issue.record("nobody was told: \(world.replies)")
            return
        }
        #expect(closed.status == .completed)
        #expect(world.shard.openRunCount == 0)
    }

    @Test func theStateIsWhatItWas() throws {
        let parking = ShardWorld { $0.maxLiveRuns = 0 }
        let whole = ShardWorld { $0.maxLiveRuns = 100 }
        for world in [parking, whole] {
            world.start(script: Self.stepThenSignal)
            world.report(try task(world), .completed(output: .json("1"), undoData: nil))
            world.settle()
            world.call(signal("other"))
            world.settle()
        }
        #expect(parking.shard.liveRunCount == 0)
        #expect(whole.shard.liveRunCount == 1)
        let sagaID = try #require(whole.sagaID)
        #expect(parking.sagaID == sagaID)
        #expect(parking.shard.state(of: sagaID) == whole.shard.state(of: sagaID))
        #expect(parking.history == whole.history)
    }

    @Test func itsTimerFiresAndNothingElseWakesIt() throws {
        let world = ShardWorld { $0.maxLiveRuns = 0 }
        world.start { events in
            let timer = WorkflowCommand.startTimer(timerID: "t", durationMicros: 3_600_000_000, callback: nil)
            return events.contains { $0.eventType == .timerFired } ? [timer, .complete(.json("1"))] : [timer]
        }
        #expect(world.shard.liveRunCount == 0)
        // The time-out of the workflow task comes up, and is not about it any more.
        world.advance(by: 60_000_000)
        #expect(world.shard.liveRunCount == 0)
        world.closeWorker()
        #expect(world.shard.liveRunCount == 0, "its code goes elsewhere when something comes")
        world.openWorker()
        world.advance(by: 3_600_000_000)
        #expect(world.status == .completed)
    }

    @Test func aCrashFindsParkedRunsAgain() throws {
        let world = ShardWorld { $0.maxLiveRuns = 0 }
        world.start(script: Self.stepThenSignal)
        world.report(try task(world), .completed(output: .json("1"), undoData: nil))
        world.settle()
        world.crash()
        world.settle()
        #expect(world.shard.liveRunCount == 0)
        world.call(signal("go"))
        world.settle()
        #expect(world.status == .completed)
    }

    /// Such a run is armed as it is read, before the shard is ready, and its code waits for the first worker.
    @Test func aRunThatOnlyWaitsIsArmedByAStart() throws {
        let world = ShardWorld { $0.maxLiveRuns = 0 }
        world.start { events in
            let timer = WorkflowCommand.startTimer(timerID: "t", durationMicros: 3_600_000_000, callback: nil)
            return events.contains { $0.eventType == .timerFired } ? [timer, .complete(.json("1"))] : [timer]
        }
        world.crash(workerReturns: false)
        #expect(world.shard.liveRunCount == 0)
        #expect(world.shard.nextWake != nil)
        world.advance(by: 3_700_000_000)
        world.settle()
        #expect(world.types.last == .timerFired, "time does not wait for a worker")
        world.crash(workerReturns: false)
        world.openWorker()
        world.settle()
        #expect(world.status == .completed)
        #expect(world.types.filter { $0 == .timerFired }.count == 1)
    }

    @Test func aStartArmsTheTimeOutOfARunThatOnlyWaits() throws {
        let world = ShardWorld { $0.maxLiveRuns = 0 }
        world.start(executionTimeout: 60_000_000, script: Self.stepThenSignal)
        world.report(try task(world), .completed(output: .json("1"), undoData: nil))
        world.settle()
        world.crash(workerReturns: false)
        world.advance(by: 59_000_000)
        #expect(world.status == .running)
        world.advance(by: 2_000_000)
        world.settle()
        #expect(world.status == .compensating, "its step waits for somebody who undoes it")
        world.openWorker()
        world.settle()
        world.report(try task(world), .completed(output: .empty, undoData: nil))
        world.settle()
        #expect(world.status == .timedOut)
    }

    @Test func aStartGivesCodeToWorkersAFewAtATime() throws {
        let world = ShardWorld {
            $0.maxLiveRuns = 0
            $0.maxRevivals = 2
        }
        world.script = Self.stepThenSignal
        for number in 0..<9 { world.call(start("w\(number)")) }
        world.settle()
        for task in world.tasks { world.report(task, .completed(output: .json("1"), undoData: nil)) }
        world.tasks = []
        world.settle()
        world.crash()
        // Nothing has been read yet: two runs are at it, seven are records.
        #expect(world.shard.liveRunCount == 2)
        #expect(world.shard.status.runsToRevive == 7)
        world.settle()
        #expect(world.shard.status.runsToRevive == 0)
        for number in 0..<9 { world.call(signal("go", to: "w\(number)")) }
        world.settle()
        #expect(world.log.values.allSatisfy { $0.last?.eventType == .workflowExecutionCompleted })
    }

    @Test func timersThatAreDueTogetherFireAFewAtATime() throws {
        let world = ShardWorld {
            $0.maxLiveRuns = 0
            $0.maxDueRuns = 3
        }
        world.script = { events in
            let timer = WorkflowCommand.startTimer(timerID: "t", durationMicros: 60_000_000, callback: nil)
            return events.contains { $0.eventType == .timerFired } ? [timer, .complete(.json("1"))] : [timer]
        }
        for number in 0..<20 { world.call(start("w\(number)")) }
        world.settle()
        var largest = 0
        world.onAppend = { batch, isApplied in
            if !isApplied { largest = max(largest, batch.transactions.count) }
            return false
        }
        world.advance(by: 120_000_000)
        while world.shard.openRunCount > 0, world.advanceToNextWake() {}
        #expect(world.log.values.allSatisfy { $0.last?.eventType == .workflowExecutionCompleted })
        #expect(world.log.count == 20)
        // Three that fire, and those that end meanwhile.
        #expect(largest > 0 && largest < 10, "\(largest)")
    }
}
