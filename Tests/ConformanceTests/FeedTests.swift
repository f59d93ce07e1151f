import SagaCore
import SagaSamples
import Synchronization
import Testing

/// The feed of everything that was committed. One after the other: each kind of PostgreSQL store has connections of its own.
@Suite(.serialized) struct FeedTests {
    private func feed(_ store: any EventStore) throws -> any EventFeed { try #require(store as? any EventFeed) }

    /// Everything from a position on.
    private func read(
        _ store: any EventStore, _ query: EventFeedReader.Query = .init(namespaces: ["default"]),
        from start: EventFeedReader.Start = .beginning, limit: Int = 1_000
    ) async throws -> [EventFeedReader.Item] {
        var reader = try await EventFeedReader(try feed(store), query, from: start)
        var items: [EventFeedReader.Item] = []
        while true {
            let before = reader.position
            let page = try await reader.next(limit: limit)
            #expect(page.items.reduce(0) { $0 + $1.events.count } <= limit)
            #expect(page.items.allSatisfy { !$0.events.isEmpty })
            #expect(page.position == reader.position)
            items += page.items
            if page.isAtEnd { return items }
            #expect(reader.position != before, "a page that is not the last one goes on")
        }
    }

    /// Returns when everything that was appended so far can be read: transactions of other tests on the same PostgreSQL server may
    /// still be under way, and nothing that is newer than they are is read before their end.
    private func settle(_ store: any EventStore, _ lab: inout Lab) async throws {
        let id = lab.newID()
        let mark = lab.start(id, workflow: "mark \(id)", namespace: "marks")
        #expect(try await store.append(lab.batch([mark])) == [.appended])
        lab.forget(id)
        try await Self.awaitMark(id, feed(store))
    }

    private static func awaitMark(_ id: SagaID, _ feed: any EventFeed) async throws {
        var reader = try await EventFeedReader(feed, .init(namespaces: ["marks"]), from: .beginning)
        while try await !reader.next().items.contains(where: { $0.sagaID == id }) { await Task.yield() }
    }

    private func bySaga(_ items: [EventFeedReader.Item]) -> [SagaID: [HistoryEvent]] {
        items.reduce(into: [:]) { $0[$1.sagaID, default: []] += $1.events }
    }

    @Test(arguments: StoreUnderTest.all)
    func everythingComesInOrderAndGoesOnFromEveryPosition(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            #expect(try await read(store).isEmpty)
            var runs: [SagaID] = []
            for number in 0..<6 {
                let id = lab.newID()
                runs.append(id)
                _ = try await store.append(lab.batch([lab.start(id, workflow: "w\(number)", events: 3)]))
                for other in runs { _ = try await store.append(lab.batch([lab.more(other, events: number % 3 + 1)])) }
            }
            // One row of many events, and several runs in one transaction.
            _ = try await store.append(
                lab.batch([lab.more(runs[0], events: 40)], [lab.more(runs[1]), lab.more(runs[2])]))
            try await settle(store, &lab)
            let all = try await read(store)
            #expect(bySaga(all) == lab.histories)
            let flat = all.flatMap(\.events)
            for limit in [1, 2, 7, 39, 1_000] {
                #expect(try await read(store, limit: limit).flatMap(\.events) == flat, "limit \(limit)")
            }
            var read = 0
            for item in try await self.read(store, limit: 2) {
                read += item.events.count
                let rest = try await self.read(store, from: .after(item.position), limit: 5)
                #expect(rest.flatMap(\.events) == Array(flat.dropFirst(read)), "after \(read) events")
                #expect(item.workflowID.first == "w" && item.workflowType == "Order" && item.namespace == "default")
            }
            // From now on: nothing of what was, all of what comes.
            var reader = try await EventFeedReader(feed(store), .init(namespaces: ["default"]), from: .now)
            #expect(try await reader.next().items.isEmpty)
            let more = lab.more(runs[3], events: 2)
            _ = try await store.append(lab.batch([more]))
            try await settle(store, &lab)
            #expect(try await reader.next().items.map(\.events) == [more.events])
            #expect(try await reader.next().isAtEnd)
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func whatIsNotAskedForIsLeftOut(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            var ids: [String: SagaID] = [:]
            for (namespace, type) in [
                ("default", "Order"), ("default", "Refund"), ("other", "Order"), ("Default", "é"),
            ] {
                let id = lab.newID()
                ids["\(namespace)/\(type)"] = id
                let start = lab.start(id, workflow: type, namespace: namespace, type: type, events: 3)
                _ = try await store.append(lab.batch([start]))
                for _ in 0..<4 { _ = try await store.append(lab.batch([lab.more(id, events: 2)])) }
            }
            try await settle(store, &lab)
            func history(_ names: String...) -> [SagaID: [HistoryEvent]] {
                names.reduce(into: [:]) { found, name in ids[name].map { found[$0] = lab.histories[$0] } }
            }
            let both = try await read(store, .init(namespaces: ["default", "other"]), limit: 3)
            #expect(bySaga(both) == history("default/Order", "default/Refund", "other/Order"))
            let refunds = try await read(
                store, .init(namespaces: ["default"], workflowTypes: ["Refund", "none"]), limit: 1)
            #expect(bySaga(refunds) == history("default/Refund"))
            // The same letters in other bytes are another name.
            #expect(try await read(store, .init(namespaces: ["Default"], workflowTypes: ["e\u{301}"])).isEmpty)
            #expect(try await read(store, .init(namespaces: ["Default"], workflowTypes: ["é"])).count == 5)
            #expect(try await read(store, .init(namespaces: ["nobody"]), limit: 1).isEmpty)
            #expect(try await read(store, .init(namespaces: [])).isEmpty)
            let events = try #require(ids["default/Order"].flatMap { lab.histories[$0] })
            let code = try #require(events.last).eventType.rawValue
            var query = EventFeedReader.Query(namespaces: ["default"], workflowTypes: ["Order"], eventTypes: [code])
            for limit in [1, 4, 100] {
                let found = try await read(store, query, limit: limit).flatMap(\.events)
                #expect(found == events.filter { $0.eventType.rawValue == code }, "limit \(limit)")
            }
            query.eventTypes = [65_000]
            #expect(try await read(store, query).isEmpty)
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func positionsOutliveRunsThatAreRemoved(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            let kept = lab.newID()
            _ = try await store.append(lab.batch([lab.start(kept, workflow: "kept")]))
            try await settle(store, &lab)
            var reader = try await EventFeedReader(feed(store), .init(namespaces: ["default"]), from: .beginning)
            #expect(try await reader.next().items.map(\.sagaID) == [kept])
            // Again and again the last rows of all go away, before or after they were read.
            for number in 0..<8 {
                let id = lab.newID()
                let start = lab.start(id, workflow: "w\(number)", status: .completed, events: 3)
                _ = try await store.append(lab.batch([start]))
                try await settle(store, &lab)
                if number % 2 == 0 {
                    #expect(try await reader.next(limit: 2).items.flatMap(\.events) == Array(start.events.prefix(2)))
                }
                let position = reader.position
                #expect(try await store.delete(id))
                #expect(try await reader.next().items.isEmpty)
                let more = lab.more(kept)
                _ = try await store.append(lab.batch([more]))
                try await settle(store, &lab)
                #expect(try await reader.next().items.map(\.events) == [more.events], "round \(number)")
                let again = try await read(store, from: .after(position))
                #expect(again.map(\.events) == [more.events], "round \(number)")
            }
            #expect(bySaga(try await read(store)) == [kept: lab.histories[kept] ?? []])
        }
    }

    @Test(arguments: StoreUnderTest.durable)
    func positionsOutliveTheProgram(_ kind: StoreUnderTest) async throws {
        try await TemporaryDirectory.with { directory in
            var store = try await kind.open(directory)
            var lab = Lab(epoch: try await store.takeOver())
            let (kept, gone) = (lab.newID(), lab.newID())
            _ = try await store.append(lab.batch([lab.start(kept, workflow: "a", events: 5)]))
            _ = try await store.append(lab.batch([lab.start(gone, workflow: "b", status: .failed)]))
            try await settle(store, &lab)
            var reader = try await EventFeedReader(feed(store), .init(namespaces: ["default"]), from: .beginning)
            #expect(try await reader.next(limit: 3).items.flatMap(\.events).count == 3)
            let end = try #require(try await read(store).last?.position)
            #expect(try await store.delete(gone))
            await store.close()
            store = try await kind.open(directory)
            lab.epoch = try await store.takeOver()
            let more = lab.more(kept, events: 2)
            _ = try await store.append(lab.batch([more]))
            try await settle(store, &lab)
            let rest = try await read(store, from: .after(reader.position)).flatMap(\.events)
            #expect(rest == Array(try #require(lab.histories[kept]).dropFirst(3)))
            #expect(try await read(store, from: .after(end)).flatMap(\.events) == more.events)
            await store.close()
        }
    }

    @Test(arguments: StoreUnderTest.all)
    func whatIsNoPositionIsRefused(_ kind: StoreUnderTest) async throws {
        try await kind.use { store, lab async throws in
            _ = try await store.append(lab.batch([lab.start(lab.newID(), workflow: "w")]))
            try await settle(store, &lab)
            let good = try #require(try await read(store).last?.position)
            var bad: [FeedPosition] = [.init(bytes: []), .init(bytes: [1, 2, 3]), .init(bytes: good.bytes + [0])]
            for index in good.bytes.indices {
                var bytes = good.bytes
                bytes[index] ^= 1
                bad.append(FeedPosition(bytes: bytes))
            }
            for position in bad {
                let refused = await #expect(throws: FeedPositionError.self) {
                    try await read(store, from: .after(position))
                }
                #expect(refused?.message.contains("give back the bytes") == true)
            }
            try await kind.use { other, otherLab async throws in
                let refused = await #expect(throws: FeedPositionError.self) {
                    try await read(other, from: .after(good))
                }
                #expect(refused?.message.contains("another store") == true)
            }
            let beyond = FeedPlace(commit: UInt64(Int64.max))
            let refused = await #expect(throws: StoreError.self) {
                try await feed(store).feedRows(from: beyond, FeedFilter(namespaces: ["default"]), limit: 1)
            }
            #expect(refused?.reason == .invalid)
        }
    }

    /// A reader that follows while others write and remove has, in the end, what was acknowledged, in order and once.
    @Test(arguments: StoreUnderTest.all, [1, 2] as [UInt64])
    func aFollowerMissesNothingWhileOthersWrite(_ kind: StoreUnderTest, _ seed: UInt64) async throws {
        try await kind.use { store, lab async throws in
            let feed = try feed(store)
            let epoch = lab.epoch
            let done = Flag()
            async let followed = Self.follow(feed, seed: seed, until: done)
            let written = try await withThrowingTaskGroup(of: [SagaID: [HistoryEvent]].self) { group in
                for writer in 0..<4 {
                    group.addTask { try await Self.write(store, writer, epoch: epoch, seed: seed) }
                }
                return try await group.reduce(into: [SagaID: [HistoryEvent]]()) { $0.merge($1) { left, _ in left } }
            }
            try await settle(store, &lab)
            done.set()
            let seen = try await followed
            #expect(seen.filter { written[$0.key] != nil } == written)
            #expect(written.count >= 8)
        }
    }

    /// - Returns: The histories of the runs that are still there.
    private static func write(
        _ store: any EventStore, _ writer: Int, epoch: UInt64, seed: UInt64
    ) async throws -> [SagaID: [HistoryEvent]] {
        var lab = Lab(epoch: epoch, seed: seed &* 100 &+ UInt64(writer))
        var random = TestRandom(seed: seed &* 31 &+ UInt64(writer))
        var written: [SagaID: [HistoryEvent]] = [:]
        var open: [SagaID] = []
        for step in 0..<60 {
            if step % 10 == 0 {
                let id = lab.newID()
                let start = lab.start(id, workflow: "\(writer)-\(step)", events: 2)
                #expect(try await store.append(lab.batch([start])) == [.appended])
                open.append(id)
            } else if step % 10 == 9, open.count > 2 {
                let id = open.removeFirst()
                let end = lab.close(id, workflow: "\(writer)-\(step / 10 * 10 - 20)")
                #expect(try await store.append(lab.batch([end])) == [.appended])
                #expect(try await store.delete(id))
                written[id] = nil
                continue
            } else {
                let ids = open.shuffled(using: &random).prefix(2)
                let batch = AppendBatch(
                    epoch: epoch, transactions: ids.map { AppendTransaction([lab.more($0, events: step % 4 + 1)]) })
                #expect(try await store.append(batch).allSatisfy { $0 == .appended })
            }
            for id in open { written[id] = lab.histories[id] }
        }
        return written
    }

    /// Follows with breaks: now and then a new reader goes on from a position that was kept.
    private static func follow(
        _ feed: any EventFeed, seed: UInt64, until done: Flag
    ) async throws -> [SagaID: [HistoryEvent]] {
        var random = TestRandom(seed: seed)
        var seen: [SagaID: [HistoryEvent]] = [:]
        let query = EventFeedReader.Query(namespaces: ["default"])
        var reader = try await EventFeedReader(feed, query, from: .beginning)
        while true {
            let isLast = done.isSet
            let page = try await reader.next(limit: Int.random(in: 1...20, using: &random))
            for item in page.items {
                #expect(item.events.first?.eventID == EventID(seen[item.sagaID]?.count ?? 0), "in order, once")
                seen[item.sagaID, default: []] += item.events
            }
            if page.isAtEnd && isLast { return seen }
            if Int.random(in: 0..<5, using: &random) == 0 {
                reader = try await EventFeedReader(feed, query, from: .after(page.position))
            }
            await Task.yield()
        }
    }
}

/// Something that has happened.
private final class Flag: Sendable {
    private let value = Mutex(false)
    var isSet: Bool { value.withLock { $0 } }
    func set() { value.withLock { $0 = true } }
}
