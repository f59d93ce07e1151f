import SagaCore
import Synchronization
import Testing

/// The ports for embedders, in every store: queues of tasks with leases.
@Suite struct QueueTests {
    private func queue(_ store: any EventStore) throws -> any TaskQueue { try #require(store as? any TaskQueue) }

    private func keys(_ tasks: [LeasedTask]) -> [String] { tasks.map(\.key) }

    @Test(arguments: StoreUnderTest.all)
    func thoseOfTheHighestPriorityComeFirst(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, _ async throws in
            let queue = try queue(store)
            let tasks = [
                QueuedTask(key: "a", body: [1, 0, 255]), QueuedTask(key: "b", priority: 5),
                QueuedTask(key: "c", priority: -5), QueuedTask(key: "d"), QueuedTask(key: "e", priority: 5),
                QueuedTask(key: "later", priority: 9, delay: .seconds(3_600)),
            ]
            #expect(try await queue.enqueue(tasks, on: "q") == 6)
            #expect(try await queue.enqueue([QueuedTask(key: "a")], on: "other") == 1)
            #expect(try await queue.counts(of: "q") == QueueCounts(ready: 5, delayed: 1, leased: 0))
            let first = try await queue.lease(from: "q", limit: 3, for: .seconds(60))
            #expect(keys(first) == ["b", "e", "a"])
            #expect(first.map(\.body) == [[], [], [1, 0, 255]])
            #expect(first.map(\.priority) == [5, 5, 0])
            #expect(first.allSatisfy { $0.lease.attempt == 1 && $0.lease.queue == "q" })
            #expect(keys(try await queue.lease(from: "q", limit: 10, for: .seconds(60))) == ["d", "c"])
            #expect(try await queue.lease(from: "q", limit: 10, for: .seconds(60)).isEmpty)
            #expect(try await queue.lease(from: "q", limit: 0, for: .seconds(60)).isEmpty)
            #expect(try await queue.counts(of: "q") == QueueCounts(ready: 0, delayed: 1, leased: 5))
            #expect(try await queue.counts(of: "nobody's") == QueueCounts(ready: 0, delayed: 0, leased: 0))
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func aTaskIsAddedOnceUntilItIsDone(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, _ async throws in
            let queue = try queue(store)
            // Two texts that Unicode takes for equal are two keys.
            let composed = QueuedTask(key: "caf\u{E9}", body: [1])
            let decomposed = QueuedTask(key: "cafe\u{301}", body: [2])
            #expect(try await queue.enqueue([composed, composed, decomposed], on: "q") == 2)
            #expect(try await queue.enqueue([composed], on: "q") == 0)
            let leased = try await queue.lease(from: "q", limit: 9, for: .seconds(60))
            #expect(leased.map(\.body) == [[1], [2]])
            // It is there while somebody has it.
            #expect(try await queue.enqueue([composed], on: "q") == 0)
            #expect(try await queue.acknowledge(leased.map(\.lease)) == leased.map(\.lease))
            #expect(try await queue.acknowledge(leased.map(\.lease)).isEmpty)
            #expect(try await queue.enqueue([composed], on: "q") == 1)
            // A lease of the earlier task says nothing about the new one, though both are first attempts.
            let again = try await queue.lease(from: "q", limit: 9, for: .seconds(60))
            #expect(again.map(\.lease.attempt) == [1])
            #expect(try await queue.acknowledge([leased[0].lease]).isEmpty)
            #expect(try await queue.extend(leased[0].lease, for: .seconds(1)) == false)
            #expect(try await queue.release(leased[0].lease, after: .zero) == false)
            #expect(try await queue.acknowledge([again[0].lease]).count == 1)
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func aTaskThatIsGivenBackIsTakenAgain(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, _ async throws in
            let queue = try queue(store)
            _ = try await queue.enqueue([QueuedTask(key: "a"), QueuedTask(key: "b")], on: "q")
            let first = try await queue.lease(from: "q", limit: 1, for: .seconds(60))[0]
            #expect(try await queue.release(first.lease, after: .zero))
            // It has its place again, before those that came later; the first lease is over.
            #expect(try await queue.acknowledge([first.lease]).isEmpty)
            #expect(try await queue.release(first.lease, after: .zero) == false)
            let second = try await queue.lease(from: "q", limit: 2, for: .seconds(60))
            #expect(keys(second) == ["a", "b"])
            #expect(second.map(\.lease.attempt) == [2, 1])
            #expect(try await queue.release(second[0].lease, after: .seconds(3_600)))
            #expect(try await queue.lease(from: "q", limit: 2, for: .seconds(60)).isEmpty)
            #expect(try await queue.counts(of: "q") == QueueCounts(ready: 0, delayed: 1, leased: 1))
        }
    }

    /// A consumer crashes: it never says another word. One that only was slow finds that its task is somebody else's.
    @Test(arguments: StoreUnderTest.all)
    func theTaskOfACrashedConsumerGoesToAnother(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, _ async throws in
            let queue = try queue(store)
            _ = try await queue.enqueue([QueuedTask(key: "alive"), QueuedTask(key: "a")], on: "q")
            // The one that lives first: however slow the machine is, its lease cannot run out before it is extended.
            let alive = try await queue.lease(from: "q", limit: 1, for: .seconds(120))[0]
            #expect(try await queue.extend(alive.lease, for: .seconds(600)))
            let crashed = try await queue.lease(from: "q", limit: 1, for: .milliseconds(150))[0]
            let began = ContinuousClock.now
            var next: [LeasedTask] = []
            while next.isEmpty, ContinuousClock.now - began < .seconds(20) {
                next = try await queue.lease(from: "q", limit: 9, for: .seconds(600))
            }
            // Only that of the one who did not say that it is alive.
            #expect(keys(next) == ["a"])
            #expect(next.first?.lease.attempt == 2)
            #expect(try await queue.extend(crashed.lease, for: .seconds(1)) == false)
            #expect(try await queue.release(crashed.lease, after: .zero) == false)
            #expect(try await queue.acknowledge([crashed.lease]).isEmpty)
            #expect(try await queue.acknowledge(next.map(\.lease) + [alive.lease]).count == 2)
            #expect(try await queue.counts(of: "q") == QueueCounts(ready: 0, delayed: 0, leased: 0))
        }
    }

    /// A lease that ran out while nobody else wanted the task still counts.
    @Test(arguments: StoreUnderTest.all)
    func aLateWordCountsIfNobodyTookTheTask(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, _ async throws in
            let queue = try queue(store)
            _ = try await queue.enqueue([QueuedTask(key: "a"), QueuedTask(key: "b")], on: "q")
            let leased = try await queue.lease(from: "q", limit: 2, for: .microseconds(1))
            var counts = QueueCounts(ready: 0, delayed: 0, leased: 2)
            let limit = ContinuousClock.now + .seconds(20)
            while counts.ready < 2, ContinuousClock.now < limit { counts = try await queue.counts(of: "q") }
            #expect(counts == QueueCounts(ready: 2, delayed: 0, leased: 0))
            #expect(try await queue.acknowledge([leased[0].lease]).count == 1)
            #expect(try await queue.extend(leased[1].lease, for: .seconds(60)))
            #expect(try await queue.lease(from: "q", limit: 2, for: .seconds(60)).isEmpty)
        }
    }

    @Test(arguments: StoreUnderTest.durable)
    func aRestartChangesNothing(_ kind: StoreUnderTest) async throws {
        try await TemporaryDirectory.with { directory in
            let before = try await kind.open(directory)
            let queue = try queue(before)
            _ = try await queue.enqueue(["a", "b", "c"].map { QueuedTask(key: $0, body: Array($0.utf8)) }, on: "q")
            let leased = try await queue.lease(from: "q", limit: 2, for: .seconds(600))
            _ = try await queue.acknowledge([leased[0].lease])
            await before.close()
            await #expect(throws: StoreError.self) { try await queue.counts(of: "q") }
            await #expect(throws: StoreError.self) { try await queue.enqueue([], on: "q") }
            let after = try await kind.open(directory)
            let same = try self.queue(after)
            #expect(try await same.counts(of: "q") == QueueCounts(ready: 1, delayed: 0, leased: 1))
            #expect(try await same.acknowledge([leased[1].lease]).count == 1)
            #expect(try await same.lease(from: "q", limit: 9, for: .seconds(60)).map(\.body) == [Array("c".utf8)])
            await after.close()
        }
    }

    /// Many consumers, some of which crash with tasks in hand: each task is acknowledged once, and nobody has another's.
    @Test(arguments: StoreUnderTest.all)
    func manyConsumersShareAQueue(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, _ async throws in
            let queue = try queue(store)
            let count = 300
            let done = Shared<[String: Int]>([:])
            let held = Shared<Set<String>>([])
            let twice = Shared(0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for start in stride(from: 0, to: count, by: 10) {
                        let tasks = (start..<start + 10).map { QueuedTask(key: "t\($0)", priority: Int32($0 % 3)) }
                        _ = try await queue.enqueue(tasks, on: "q")
                        // A repeat after an outcome that nobody knows.
                        #expect(try await queue.enqueue([tasks[9]], on: "q") <= 1)
                    }
                }
                for consumer in 0..<6 {
                    group.addTask {
                        let limit = ContinuousClock.now + .seconds(150)
                        var turn = consumer
                        while done.withLock({ $0.count }) < count, ContinuousClock.now < limit {
                            turn += 1
                            let crashes = turn % 7 == 0
                            let time: Duration = crashes ? .milliseconds(20) : .seconds(600)
                            let leased = try await queue.lease(from: "q", limit: 1 + turn % 4, for: time)
                            if crashes || leased.isEmpty {
                                await Task.yield()
                                continue
                            }
                            for task in leased where !held.withLock({ $0.insert(task.key).inserted }) {
                                twice.withLock { $0 += 1 }
                            }
                            if turn % 5 == 0 {
                                for task in leased {
                                    held.withLock { _ = $0.remove(task.key) }
                                    #expect(try await queue.release(task.lease, after: .zero))
                                }
                                continue
                            }
                            for task in leased { held.withLock { _ = $0.remove(task.key) } }
                            #expect(try await queue.acknowledge(leased.map(\.lease)).count == leased.count)
                            done.withLock { done in for task in leased { done[task.key, default: 0] += 1 } }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(twice.withLock { $0 } == 0)
            // The repeat may come when the task is done, and then it is another one.
            #expect(done.withLock { Set($0.keys) } == Set((0..<count).map { "t\($0)" }))
            #expect(done.withLock { done in done.values.filter { $0 > 2 }.isEmpty })
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func badRequestsAreRefusedInTheSameWords(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, _ async throws in
            let queue = try queue(store)
            let long = String(repeating: "x", count: 256)
            func refused(_ words: String, _ body: () async throws -> Void) async {
                let error = await #expect(throws: StoreError.self) { try await body() }
                #expect(error?.reason == .invalid)
                #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
            }
            await refused("the queue is empty") { _ = try await queue.enqueue([], on: "") }
            await refused("256 bytes") { _ = try await queue.enqueue([QueuedTask(key: long)], on: "q") }
            await refused("U+0") { _ = try await queue.enqueue([QueuedTask(key: "a\u{0}")], on: "q") }
            await refused("4194304") {
                _ = try await queue.enqueue(
                    [QueuedTask(key: "a", body: [UInt8](repeating: 0, count: 4 << 20 + 1))], on: "q")
            }
            await refused("366 days") {
                _ = try await queue.enqueue([QueuedTask(key: "a", delay: .seconds(-1))], on: "q")
            }
            await refused("366 days") { _ = try await queue.lease(from: "q", limit: 1, for: .zero) }
            await refused("366 days") { _ = try await queue.lease(from: "q", limit: 1, for: .seconds(1 << 40)) }
            await refused("1000 are allowed") { _ = try await queue.lease(from: "q", limit: 1_001, for: .seconds(1)) }
            await refused("1000 are allowed") {
                _ = try await queue.enqueue((0..<1_001).map { QueuedTask(key: "\($0)") }, on: "q")
            }
            #expect(try await queue.counts(of: "q") == QueueCounts(ready: 0, delayed: 0, leased: 0))
        }
    }
}

/// A value that several tasks change.
final class Shared<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }

    func withLock<Result: Sendable>(_ body: (inout Value) -> Result) -> Result { value.withLock { body(&$0) } }
}
