import SagaCore
import SagaEngine
import Testing

/// Slots for workflow tasks: each comes back when its task is the worker's no more, and whoever waits for one is woken.
@Suite struct CodeSlotTests {
    /// A shard, a log that is durable at once, and workers that take one workflow task at a time and answer when told to.
    private final class Slots {
        var shard: Shard
        private var time = ShardTime(wall: Timestamp(microseconds: 1_800_000_000_000_000), monotonic: 5_000_000)
        private(set) var log: [SagaID: [HistoryEvent]] = [:]
        /// Workflow tasks in the order in which they came, with their workers.
        private(set) var tasks: [(worker: WorkerID, task: WorkflowTask)] = []
        /// Whether reads of histories take their time.
        var isReadingSlow = false
        /// Those that are under way.
        private(set) var loads: [(load: LoadID, sagaID: SagaID)] = []
        private var nextCall: CallID = 1

        init() {
            shard = Self.makeShard(1)
            give(.recoveryFinished(epoch: 1))
        }

        private static func makeShard(_ seed: UInt64) -> Shard {
            var config = ShardConfig()
            config.activationHoldMicros = 0
            return Shard(config: config, seed: seed)
        }

        func give(_ input: ShardInput) {
            var inputs = [input]
            while !inputs.isEmpty {
                shard.handle(inputs.removeFirst(), now: time)
                for effect in shard.flush(now: time) {
                    switch effect {
                    case .append(let id, let batch):
                        for entry in batch.transactions.flatMap(\.entries) {
                            log[entry.sagaID, default: []] += entry.events
                        }
                        inputs.append(.appended(id, .success(batch.transactions.map { _ in .appended })))
                    case .worker(let id, .workflowTask(let task)): tasks.append((id, task))
                    case .loadHistory(let load, let sagaID, _, _) where isReadingSlow: loads.append((load, sagaID))
                    case .loadHistory(let load, let sagaID, let from, _):
                        inputs.append(.historyLoaded(load, .success(Array((log[sagaID] ?? []).dropFirst(Int(from))))))
                    default: break
                    }
                }
            }
        }

        /// Another process takes the runs over; no worker is there.
        func restart() {
            shard = Self.makeShard(2)
            tasks = []
            for sagaID in log.keys.sorted() {
                var state = ExecutionState(sagaID: sagaID)
                do throws(SagaError) { for event in log[sagaID] ?? [] { try state.apply(event) } } catch {
                    Issue.record("a history does not replay: \(error)")
                }
                give(.recovered(RecoveredRun(state: state)))
            }
            give(.recoveryFinished(epoch: 2))
        }

        func open(_ id: WorkerID) {
            var offer = WorkerOffer(
                namespace: "default", identity: "worker-\(id)", queues: [("default", 10)], activityTypes: ["a"],
                workflowTypes: [RegisteredType(name: "script", version: 1)])
            offer.codeSlots = ["default": 1]
            give(.workerOpened(id, offer))
        }

        func call(_ call: Call) {
            give(.call(nextCall, call))
            nextCall += 1
        }

        func start(_ name: String) {
            call(
                .start(
                    StartCall(
                        namespace: "default", workflowID: name, workflowType: "script", input: .empty, requestID: name))
            )
        }

        func target(_ name: String) -> RunTarget { RunTarget(namespace: "default", workflowID: name) }

        func pause(_ name: String) { call(.pause(ControlCall(target: target(name), requestID: "pause \(name)"))) }

        func resume(_ name: String) { call(.resume(ControlCall(target: target(name), requestID: "resume \(name)"))) }

        func signal(_ name: String) {
            call(.signal(SignalCall(target: target(name), name: "go", payload: .empty, requestID: "signal \(name)")))
        }

        /// The code of the last task for a run waits for something.
        func answer(_ name: String) throws {
            let (worker, task) = try #require(tasks.last { $0.task.workflowID == name })
            let seen = task.firstEventID + EventID(task.events.count) - 1
            give(
                .workflowTaskAnswered(
                    worker, task.sagaID, generation: task.generation,
                    .completed(seenEventID: seen, commands: [], unconsumedSignals: 0)))
        }

        /// How many tasks for a run a worker has been given.
        func count(_ name: String, _ worker: WorkerID) -> Int {
            tasks.count { $0.worker == worker && $0.task.workflowID == name }
        }
    }

    @Test func aWorkerIsGivenNoMoreThanItTakes() throws {
        let slots = Slots()
        slots.open(1)
        slots.start("one")
        slots.start("two")
        #expect(slots.count("one", 1) == 1)
        #expect(slots.count("two", 1) == 0)
        try slots.answer("one")
        #expect(slots.count("two", 1) == 1)
    }

    @Test func thePauseOfARunGivesTheSlotOfItsTaskBack() {
        let slots = Slots()
        slots.open(1)
        slots.start("one")
        slots.start("two")
        #expect(slots.count("two", 1) == 0)
        // Its worker has not answered, and will not.
        slots.pause("one")
        #expect(slots.count("two", 1) == 1)
    }

    @Test func aRunThatIsPausedWhileItsHistoryIsReadGivesItsSlotBack() {
        let slots = Slots()
        slots.start("one")
        slots.restart()
        slots.isReadingSlow = true
        slots.open(1)
        #expect(slots.loads.count == 1)
        #expect(slots.tasks.isEmpty)
        slots.start("two")
        #expect(slots.count("two", 1) == 0)
        slots.pause("one")
        #expect(slots.count("two", 1) == 1)
        // What was read comes too late, and takes nothing.
        if let load = slots.loads.first {
            slots.give(.historyLoaded(load.load, .success(slots.log[load.sagaID] ?? [])))
        }
        #expect(slots.count("one", 1) == 0)
    }

    @Test func whoWaitsForAWorkerThatIsGoneIsServedByAnother() throws {
        let slots = Slots()
        slots.open(1)
        slots.start("one")
        try slots.answer("one")
        slots.start("two")
        // Worker 1 holds the code of both, and has a slot for one.
        slots.signal("one")
        #expect(slots.count("one", 1) == 1)
        // The run waits for worker 1, which then holds its code no more.
        slots.pause("one")
        slots.resume("one")
        slots.open(2)
        slots.give(.workerClosed(1))
        // One of them has worker 2's slot, the other gets it next.
        let first = slots.count("two", 2) == 1 ? "two" : "one"
        #expect(slots.count(first, 2) == 1)
        try slots.answer(first)
        #expect(slots.count("one", 2) == 1)
        #expect(slots.count("two", 2) == 1)
    }
}
