import SagaCore
import SagaEngine
import Testing

/// Commits side by side, of different runs each; and results of runs that have just closed.
@Suite struct CommitTests {
    private static func start(_ name: String) -> Call {
        .start(
            StartCall(
                namespace: "default", workflowID: name, workflowType: "script", input: .empty, requestID: name))
    }

    /// A shard that has recovered nothing, with two commits in flight at most, the second from two runs on.
    private struct Bench {
        let shard: Shard
        private var time = ShardTime(wall: Timestamp(microseconds: 1_800_000_000_000_000), monotonic: 5_000_000)
        private(set) var batches: [(id: BatchID, runs: [SagaID])] = []
        private(set) var started: [CallID] = []

        init() {
            var config = ShardConfig()
            config.maxBatchesInFlight = 2
            config.minRunsBeside = 2
            config.minRunsOfLoad = 2
            config.activationHoldMicros = 5_000
            shard = Shard(config: config, seed: 1)
            give(.recoveryFinished(epoch: 1))
        }

        /// Time goes by, in microseconds.
        mutating func wait(_ micros: Int64) {
            time.wall = time.wall.adding(microseconds: micros)
            time.monotonic += micros
            give(.tick)
        }

        mutating func give(_ input: ShardInput) {
            shard.handle(input, now: time)
            for effect in shard.flush(now: time) {
                switch effect {
                case .append(let id, let batch):
                    batches.append((id, batch.transactions.flatMap(\.entries).map(\.sagaID)))
                case .reply(let call, .success(.started)): started.append(call)
                default: break
                }
            }
        }
    }

    @Test func aSecondCommitGoesOutBesideTheFirstWhenEnoughHasGathered() throws {
        var bench = Bench()
        bench.give(.call(1, Self.start("a")))
        #expect(bench.batches.count == 1)
        // One run alone waits …
        bench.give(.call(2, Self.start("b")))
        #expect(bench.batches.count == 1)
        // … two do not …
        bench.give(.call(3, Self.start("c")))
        try #require(bench.batches.count == 2)
        #expect(bench.batches[1].runs.count == 2)
        #expect(Set(bench.batches[0].runs).isDisjoint(with: bench.batches[1].runs))
        // … and there is no third commit.
        bench.give(.call(4, Self.start("d")))
        bench.give(.call(5, Self.start("e")))
        #expect(bench.batches.count == 2)
        #expect(bench.started.isEmpty)
        // The later one may be durable first; nothing of the other gets out with it.
        bench.give(.appended(bench.batches[1].id, .success([.appended, .appended])))
        #expect(bench.started == [2, 3])
        #expect(bench.batches.count == 3)
        bench.give(.appended(bench.batches[0].id, .success([.appended])))
        #expect(bench.started == [2, 3, 1])
        #expect(!bench.shard.isIdle)
        bench.give(.appended(bench.batches[2].id, .success([.appended, .appended])))
        #expect(bench.started == [2, 3, 1, 4, 5])
        #expect(bench.shard.isIdle)
    }

    @Test func aCommitWaitsForLiveCodeAndLongerUnderLoad() throws {
        var bench = Bench()
        bench.give(
            .workerOpened(
                1,
                WorkerOffer(
                    namespace: "default", identity: "w", queues: [(name: "default", slots: 1)], activityTypes: [],
                    workflowTypes: [RegisteredType(name: "script", version: 1, oldestVersion: nil)], running: [])))
        // One run alone waits for its code as long as an idle engine's commit may …
        bench.give(.call(1, Self.start("a")))
        bench.wait(4_999)
        #expect(bench.batches.isEmpty)
        bench.wait(1)
        try #require(bench.batches.count == 1)
        bench.give(.appended(bench.batches[0].id, .success([.appended])))
        // … and ten times as long while others wait as well, whose answers come one after the other.
        bench.give(.call(2, Self.start("b")))
        bench.give(.call(3, Self.start("c")))
        bench.wait(49_999)
        #expect(bench.batches.count == 1)
        bench.wait(1)
        try #require(bench.batches.count == 2)
        #expect(bench.batches[1].runs.count == 2)
    }

    @Test func aRunIsNeverInTwoCommitsAtOnce() throws {
        var bench = Bench()
        bench.give(.call(1, Self.start("a")))
        bench.give(.call(2, Self.start("b")))
        bench.give(.call(3, Self.start("c")))
        try #require(bench.batches.count == 2)
        let run = try #require(bench.batches[1].runs.first)
        bench.give(.appended(bench.batches[0].id, .success([.appended])))
        // Two runs have something new, but both are in flight.
        for (call, name) in [(CallID(4), "b"), (5, "c")] {
            bench.give(
                .call(
                    call,
                    .signal(
                        SignalCall(
                            target: RunTarget(namespace: "default", workflowID: name), name: "s", payload: .empty,
                            requestID: "\(call)"))))
        }
        #expect(bench.batches.count == 2)
        bench.give(.appended(bench.batches[1].id, .success([.appended, .appended])))
        try #require(bench.batches.count == 3)
        #expect(bench.batches[2].runs.contains(run))
    }

    @Test func theResultOfARunThatHasJustClosedNeedsNoRead() throws {
        let world = ShardWorld()
        world.start { _ in [.complete(.json("7"))] }
        let sagaID = try #require(world.sagaID)
        var target = world.target
        target.sagaID = sagaID
        #expect(world.status == .completed)
        let id = world.call(.result(target))
        world.settle()
        guard case .success(.closed(let run))? = world.replies[id],
            case .workflowExecutionCompleted(let end) = run.closing
        else {
            Issue.record("no result")
            return
        }
        #expect(end.output == .json("7"))
        #expect(world.runLoads == 0)
        // The newest run of a workflow id is known to the store only, and so is whether a run was deleted.
        world.call(.result(world.target))
        world.settle()
        #expect(world.runLoads == 1)
        world.shard.deleted(run.sagaID)
        world.call(.result(target))
        world.settle()
        #expect(world.runLoads == 2)
    }
}
