import Logging
import SagaCore
import SagaEngine
import SagaMemory
import Testing

/// What a virtual clock leaves in the store.
@Suite(.timeLimit(.minutes(2))) struct ClockKeeperTests {
    private func open(_ store: any EventStore) async throws -> ShardDriver {
        var config = SagaEngineConfig()
        config.namespaces["fast"] = NamespaceOptions(virtualClock: VirtualClock())
        let driver = try await ShardDriver(store: store, config: config, logger: Logger(label: "clock"))
        await driver.start()
        return driver
    }

    /// A clock that has moved ten thousand times goes on in another run; the one before is of no use to anybody.
    @Test func closedKeepersAreRemoved() async throws {
        let store = MemoryEventStore()
        let driver = try await open(store)
        let begin = driver.time(of: "fast")
        func move(_ seconds: Int64) async throws {
            let target = begin.adding(microseconds: seconds * 1_000_000)
            _ = try await driver.call(.clock(ClockCall(namespace: "fast", advanceTo: target))).get()
        }
        for second in 1...10_050 as ClosedRange<Int64> { try await move(second) }
        let keepers = ExecutionQuery(namespace: "saga:clocks", limit: 10)
        #expect(try await store.list(keepers).count == 2)
        #expect(try await driver.removeClosedClocks() == 1)
        let left = try await store.list(keepers)
        #expect(left.count == 1 && left[0].status == .running)
        // The clock goes on, also after a restart.
        try await move(10_051)
        await driver.shutDown()
        let again = try await open(store)
        #expect(again.time(of: "fast") == begin.adding(microseconds: 10_051_000_000))
        #expect(try await again.removeClosedClocks() == 0)
        await again.shutDown()
    }
}
