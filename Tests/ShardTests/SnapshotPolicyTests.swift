import SagaCore
import SagaEngine
import Testing

/// When a snapshot is taken: by events, by bytes, by time, or never.
@Suite struct SnapshotPolicyTests {
    private func world(_ policy: SnapshotPolicy) -> ShardWorld {
        let world = ShardWorld { config in
            var engine = SagaEngineConfig()
            engine.snapshots = policy
            config = ShardConfig(engine)
            config.activationHoldMicros = 0
        }
        // Its code waits for ever.
        world.start { _ in [] }
        return world
    }

    private func signal(_ world: ShardWorld) {
        world.call(
            .signal(
                SignalCall(
                    target: world.target, name: "news",
                    payload: Payload(encoding: "bytes", data: Array(repeating: 7, count: 300)),
                    // Without a request id nothing of it stays in the state: a large one is snapshotted less often.
                    requestID: "")))
        world.settle()
    }

    /// After which of so many signals one is taken.
    private func taken(_ world: ShardWorld, _ signals: Int, _ before: (Int) -> Void = { _ in }) -> [Int] {
        var found: [Int] = []
        for number in 1...signals {
            before(number)
            let count = world.snapshots.count
            signal(world)
            if world.snapshots.count > count { found.append(number) }
        }
        return found
    }

    @Test func byEvents() throws {
        let world = world(.every(events: 5))
        let found = taken(world, 40)
        #expect(found.count >= 3, "\(found)")
        for (earlier, later) in zip(world.snapshots, world.snapshots.dropFirst()) {
            #expect(later.nextEventID >= earlier.nextEventID + 5)
        }
        // Each holds what was durable then, and nothing else.
        for state in world.snapshots {
            var replayed = ExecutionState(sagaID: state.sagaID)
            for event in world.history where event.eventID < state.nextEventID { try replayed.apply(event) }
            #expect(state == replayed)
        }
    }

    @Test func byBytes() {
        var policy = SnapshotPolicy.off
        policy.bytes = 1_000
        #expect(taken(world(policy), 12) == [4, 8, 12])
    }

    @Test func byTime() {
        var policy = SnapshotPolicy.off
        policy.interval = .seconds(10)
        let world = world(policy)
        let found = taken(world, 12) { number in
            // The fifth and the ninth come late; between appends nobody looks.
            if number == 5 || number == 9 { world.advance(by: 10_000_000) }
        }
        #expect(found == [5, 9])
    }

    @Test func neverIfTheyAreOff() {
        #expect(taken(world(.off), 300) == [])
    }
}
