import SagaCore
import SagaEngine
import Testing

/// Code that went on with the end of its step before that was reported: what it wants counts if it knew of everything.
@Suite struct AdvanceTests {
    private let done = ActivityResult.completed(output: .json("1"), undoData: nil)

    /// A run whose code waits for its first step, which is with the worker.
    private func start() throws -> (ShardWorld, ActivityTask) {
        let world = ShardWorld()
        world.start { events in
            var commands: [WorkflowCommand] = [.step("a")]
            if events.isClosed("a") { commands.append(.step("b")) }
            if events.isClosed("b") { commands.append(.complete(.json("2"))) }
            return commands
        }
        #expect(world.codeTasks == [0])
        return (world, try nextTask(world))
    }

    private func nextTask(_ world: ShardWorld) throws -> ActivityTask {
        let task = try #require(world.tasks.last)
        world.tasks.removeLast()
        return task
    }

    private func advance(_ command: CommandNumber, _ commands: WorkflowCommand...) -> StepAdvance {
        StepAdvance(
            command: command,
            commands: commands.enumerated().map {
                NumberedCommand(number: command + 1 + CommandNumber($0.offset), command: $0.element)
            }, unconsumedSignals: 0)
    }

    @Test func reportAndCommandsAreOneAppendAndTheCodeIsSentNothing() throws {
        let (world, first) = try start()
        var appends: [Int] = []
        world.onAppend = { batch, isApplied in
            if !isApplied { appends.append(batch.transactions.flatMap(\.entries).reduce(0) { $0 + $1.events.count }) }
            return false
        }
        world.report(first, done, advance: advance(0, .step("b")))
        #expect(
            world.types.dropFirst(2) == [.activityTaskStarted, .activityTaskCompleted, .activityTaskScheduled])
        #expect(appends == [3])
        #expect(world.codeTasks == [0])
        #expect(world.acknowledged.map(\.verdict) == [.recorded])
        let second = try nextTask(world)
        // The code goes on from there, whichever way the next end comes.
        world.report(second, done)
        world.settle()
        #expect(world.codeTasks == [0, 4])
        #expect(world.status == .completed)
    }

    @Test func anEndThatTheCodeWantsCloses() throws {
        let (world, first) = try start()
        world.report(first, done, advance: advance(0, .step("b")))
        let second = try nextTask(world)
        world.report(second, done, advance: advance(1, .complete(.json("2"))))
        #expect(world.status == .completed)
        #expect(world.codeTasks == [0])
    }

    @Test func codeThatDoesNotKnowOfASignalIsMadeAnew() throws {
        let (world, first) = try start()
        // The code is told of it, but its answer is not here when the report comes.
        world.call(.signal(SignalCall(target: world.target, name: "s", payload: .empty, signalID: "s")))
        world.give(.stepAdvanced(world.worker, first.reference, done, advance(0, .complete(.json("9")))))
        world.settle()
        #expect(world.evictions == 1)
        #expect(world.codeTasks.last == 0)
        // Not closed with what the code wanted in ignorance; its own way goes on.
        #expect(world.types.contains(.activityTaskCompleted))
        #expect(world.status == .running)
        world.report(try nextTask(world), done)
        world.settle()
        #expect(world.status == .completed)
    }

    @Test func anotherCommandThanTheRecordedOneIsNotTaken() throws {
        let (world, first) = try start()
        world.report(first, done, advance: advance(7, .complete(.json("9"))))
        #expect(world.evictions == 1)
        #expect(world.codeTasks == [0, 0])
        #expect(world.status == .running)
    }

    @Test func saidTwiceItCountsOnce() throws {
        let (world, first) = try start()
        world.report(first, done, advance: advance(0, .step("b")))
        world.report(first, done, advance: advance(0, .step("b")))
        #expect(world.acknowledged.map(\.verdict) == [.recorded, .alreadyRecorded])
        #expect(world.types.count { $0 == .activityTaskScheduled } == 2)
        #expect(world.evictions == 0)
        world.report(try nextTask(world), done)
        world.settle()
        #expect(world.status == .completed)
    }

    /// The worker has lost its stream, and with it the code; on the next it says again what had no acknowledgement. The code
    /// that it has now was made from the history, which has that report: it stays, whether it has answered yet or not.
    @Test(arguments: [false, true]) func saidAgainOnAnotherStreamItDoesNotDropTheCode(_ isAnswered: Bool) throws {
        let (world, first) = try start()
        world.report(first, done, advance: advance(0, .step("b")))
        let second = try nextTask(world)
        world.closeWorker()
        world.settle()
        world.openWorker(running: [second.reference])
        // There is something to tell it, so the code is made anew.
        world.call(.signal(SignalCall(target: world.target, name: "s", payload: .empty, signalID: "s")))
        if isAnswered { world.settle() }
        let tasks = world.codeTasks
        world.give(.stepAdvanced(world.worker, first.reference, done, advance(0, .step("b"))))
        world.settle()
        #expect(world.evictions == 0)
        #expect(world.codeTasks == [0, 0] && (world.codeTasks == tasks) == isAnswered, "\(tasks) \(world.codeTasks)")
        #expect(world.acknowledged.last?.verdict == .alreadyRecorded)
        world.report(second, done)
        world.settle()
        #expect(world.status == .completed)
    }

    @Test func whoDoesNotHoldTheCodeHasNoSayInIt() throws {
        let (world, first) = try start()
        let old = world.worker
        world.openWorker(running: [])
        world.give(.stepAdvanced(world.worker, first.reference, done, advance(0, .complete(.json("9")))))
        world.give(.workerClosed(old))
        world.settle()
        #expect(world.types.contains(.activityTaskCompleted))
        #expect(world.status == .running)
        #expect(world.history.scheduled("b") != nil)
    }

    @Test func whatIsNotDurableNeverHappened() throws {
        let (world, first) = try start()
        var isKilled = false
        world.onAppend = { _, isApplied in
            defer { isKilled = true }
            return !isKilled && !isApplied
        }
        world.report(first, done, advance: advance(0, .step("b")))
        #expect(world.types.count == 2)
        #expect(world.acknowledged.isEmpty)
        // The new server knows nothing of it, and its worker says it again.
        world.give(.stepAdvanced(world.worker, first.reference, done, advance(0, .step("b"))))
        world.settle()
        #expect(world.types.count { $0 == .activityTaskScheduled } == 2)
        #expect(world.history.scheduled("b") != nil)
    }
}
