import SagaCore
import Testing

/// The ports for embedders, in every store: timers and wake-ups.
@Suite struct TimerTests {
    private func timers(_ store: any EventStore) throws -> any TimerStore { try #require(store as? any TimerStore) }

    private func at(_ second: Int64) -> Timestamp {
        Timestamp(microseconds: 1_790_000_000_000_000 + second * 1_000_000)
    }

    @Test(arguments: StoreUnderTest.all)
    func aTimerIsClaimedOnceAndNeverEarly(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, _ async throws in
            let timers = try timers(store)
            let made = [("c", 30), ("a", 10), ("b", 20), ("a2", 10)].map {
                StoredTimer(key: $0.0, due: at($0.1), body: Array($0.0.utf8))
            }
            try await timers.schedule(made, in: "g")
            try await timers.schedule([StoredTimer(key: "a", due: at(0))], in: "other")
            #expect(try await timers.nextDue(in: "g") == at(10))
            #expect(try await timers.nextDue(in: "empty") == nil)
            let early = Timestamp(microseconds: at(10).microseconds - 1)
            #expect(try await timers.claimDue(in: "g", now: early, limit: 9, for: .seconds(5)).isEmpty)
            let first = try await timers.claimDue(in: "g", now: at(20), limit: 2, for: .seconds(5))
            #expect(first.map(\.timer) == [made[1], made[3]])
            let second = try await timers.claimDue(in: "g", now: at(20), limit: 9, for: .seconds(5))
            #expect(second.map(\.timer) == [made[2]])
            #expect(try await timers.claimDue(in: "g", now: at(24), limit: 9, for: .seconds(5)).isEmpty)
            // The first claim to run out.
            #expect(try await timers.nextDue(in: "g") == at(25))
            let claims = (first + second).map(\.claim)
            #expect(try await timers.complete(claims) == claims)
            #expect(try await timers.complete(claims).isEmpty)
            #expect(try await timers.nextDue(in: "g") == at(30))
        }
    }

    /// Whoever claimed it crashed: the claim runs out, and another one gets it.
    @Test(arguments: StoreUnderTest.all)
    func theTimerOfACrashedOneIsDueAgain(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, _ async throws in
            let timers = try timers(store)
            try await timers.schedule([StoredTimer(key: "a", due: at(0)), StoredTimer(key: "b", due: at(0))], in: "g")
            let crashed = try await timers.claimDue(in: "g", now: at(1), limit: 9, for: .seconds(10))
            #expect(crashed.count == 2)
            #expect(try await timers.claimDue(in: "g", now: at(10), limit: 9, for: .seconds(10)).isEmpty)
            let next = try await timers.claimDue(in: "g", now: at(11), limit: 1, for: .seconds(10))
            #expect(next.map(\.timer.key) == ["a"])
            // A late word about `a` counts no more; about `b`, which nobody took, it does.
            #expect(try await timers.complete(crashed.map(\.claim)) == [crashed[1].claim])
            #expect(try await timers.complete(next.map(\.claim)).count == 1)
            #expect(try await timers.nextDue(in: "g") == nil)
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func cancelAndReschedule(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, _ async throws in
            let timers = try timers(store)
            try await timers.schedule(
                [StoredTimer(key: "a", due: at(10)), StoredTimer(key: "a", due: at(5), body: [1])], in: "g")
            #expect(try await timers.nextDue(in: "g") == at(5))
            #expect(try await timers.cancel("a", in: "other", now: at(0)) == false)
            #expect(try await timers.cancel("a", in: "g", now: at(0)))
            #expect(try await timers.cancel("a", in: "g", now: at(0)) == false)
            #expect(try await timers.claimDue(in: "g", now: at(99), limit: 9, for: .seconds(1)).isEmpty)

            try await timers.schedule([StoredTimer(key: "b", due: at(10))], in: "g")
            let claimed = try await timers.claimDue(in: "g", now: at(10), limit: 9, for: .seconds(5))
            // Too late while somebody may be acting on it.
            #expect(try await timers.cancel("b", in: "g", now: at(14)) == false)
            try await timers.schedule([StoredTimer(key: "b", due: at(40), body: [2])], in: "g")
            #expect(try await timers.complete(claimed.map(\.claim)).isEmpty)
            #expect(try await timers.nextDue(in: "g") == at(40))
            let again = try await timers.claimDue(in: "g", now: at(40), limit: 9, for: .seconds(5))
            #expect(again.map(\.timer) == [StoredTimer(key: "b", due: at(40), body: [2])])
            // Its claim has run out.
            #expect(try await timers.cancel("b", in: "g", now: at(45)))
            #expect(try await timers.complete(again.map(\.claim)).isEmpty)
        }
    }

    @Test(arguments: StoreUnderTest.durable)
    func timersOutliveTheStore(_ kind: StoreUnderTest) async throws {
        try await TemporaryDirectory.with { directory in
            let before = try await kind.open(directory)
            try await timers(before).schedule(
                [StoredTimer(key: "a", due: at(1)), StoredTimer(key: "b", due: at(2), body: [7])], in: "g")
            let claimed = try await timers(before).claimDue(in: "g", now: at(1), limit: 9, for: .seconds(60))
            await before.close()
            let after = try await kind.open(directory)
            let timers = try timers(after)
            #expect(
                try await timers.claimDue(in: "g", now: at(2), limit: 9, for: .seconds(60)).map(\.timer)
                    == [StoredTimer(key: "b", due: at(2), body: [7])])
            #expect(try await timers.complete(claimed.map(\.claim)).count == 1)
            await after.close()
        }
    }

    /// Many ask at the same time; each timer is acted on once.
    @Test(arguments: StoreUnderTest.all)
    func manyAskAtTheSameTime(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, _ async throws in
            let timers = try timers(store)
            let count = 400
            for start in stride(from: 0, to: count, by: 100) {
                try await timers.schedule(
                    (start..<start + 100).map { StoredTimer(key: "t\($0)", due: at(Int64($0 % 50))) }, in: "g")
            }
            let fired = Shared<[String]>([])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for asker in 0..<8 {
                    group.addTask {
                        while true {
                            let due = try await timers.claimDue(
                                in: "g", now: at(49), limit: 1 + asker, for: .seconds(60))
                            if due.isEmpty { return }
                            fired.withLock { $0 += due.map(\.timer.key) }
                            #expect(try await timers.complete(due.map(\.claim)).count == due.count)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(fired.withLock { $0.count } == count)
            #expect(fired.withLock { Set($0).count } == count)
            #expect(try await timers.nextDue(in: "g") == nil)
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func badRequestsAreRefused(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, _ async throws in
            let timers = try timers(store)
            let bad: [() async throws -> Void] = [
                { try await timers.schedule([], in: "") },
                { try await timers.schedule([StoredTimer(key: "", due: at(0))], in: "g") },
                {
                    try await timers.schedule(
                        [StoredTimer(key: "a", due: at(0), body: [UInt8](repeating: 0, count: 4 << 20 + 1))], in: "g")
                },
                { _ = try await timers.claimDue(in: "g", now: at(0), limit: 1, for: .zero) },
                { _ = try await timers.claimDue(in: "g", now: at(0), limit: 1_001, for: .seconds(1)) },
                { try await (store as? any SignalDispatcher)?.notify("") },
            ]
            for (index, request) in bad.enumerated() {
                let error = await #expect(throws: StoreError.self) { try await request() }
                #expect(error?.reason == .invalid, "\(index)")
            }
        }
    }

    // MARK: Wake-ups

    @Test(arguments: StoreUnderTest.all)
    func aListenerIsWoken(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, _ async throws in
            let signals = try #require(store as? any SignalDispatcher)
            var one = try await signals.wakeUps(on: "one").makeAsyncIterator()
            var also = try await signals.wakeUps(on: "one").makeAsyncIterator()
            let other = try await signals.wakeUps(on: "o\"th'er — ö")
            // Many at once may be one; the listener is woken all the same.
            for _ in 0..<20 { try await signals.notify("one") }
            #expect(await one.next() != nil)
            #expect(await also.next() != nil)
            try await signals.notify("o\"th'er — ö")
            for await _ in other { break }
            await store.close()
            // No one waits for ever.
            while await one.next() != nil {}
            while await also.next() != nil {}
        }
    }

    /// Listen, look, wait: with that order nothing is missed, whenever it comes.
    @Test(arguments: StoreUnderTest.all)
    func nothingIsMissed(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, _ async throws in
            let signals = try #require(store as? any SignalDispatcher)
            let queue = try #require(store as? any TaskQueue)
            let count = 50
            let consumer = Task {
                var wakeUps = try await signals.wakeUps(on: "q").makeAsyncIterator()
                var taken = 0
                while true {
                    let leased = try await queue.lease(from: "q", limit: 3, for: .seconds(60))
                    taken += try await queue.acknowledge(leased.map(\.lease)).count
                    if taken == count { return taken }
                    if leased.isEmpty, await wakeUps.next() == nil { return taken }
                }
            }
            for number in 0..<count {
                _ = try await queue.enqueue([QueuedTask(key: "\(number)")], on: "q")
                try await signals.notify("q")
                if number % 7 == 0 { try await Task.sleep(for: .milliseconds(3)) }
            }
            #expect(try await consumer.value == count)
        }
    }
}
