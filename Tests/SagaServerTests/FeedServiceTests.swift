import SagaClient
import SagaCore
import SagaMemory
import SagaSQLite
import SagaServer
import SagaTransport
import SagaWire
import Synchronization
import Testing

/// The service Events: the feed of what is committed, over TLS.
@Suite(.timeLimit(.minutes(2))) struct FeedServiceTests {
    private func added(_ value: Int) -> DomainEvent {
        DomainEvent(typeName: "added", typeVersion: 1, payload: .json("\(value)"))
    }

    private func value(_ event: HistoryEvent) -> Int? {
        guard case .domainEvent(let event) = event.attributes else { return nil }
        return Int(String(decoding: event.payload.data, as: UTF8.self))
    }

    /// The next events, until so many are there.
    private func take(
        _ count: Int, _ iterator: inout CommittedEvents.AsyncIterator
    ) async throws -> [CommittedEvents.Item] {
        var items: [CommittedEvents.Item] = []
        while items.reduce(0, { $0 + $1.events.count }) < count {
            items.append(try #require(try await iterator.next()))
        }
        return items
    }

    @Test func aConnectionHasSoManyReadersAtATime() async throws {
        let server = try await TestServer.start { $0.maxPageStreams = 2 }
        let client = try await server.client()
        try await client.append([added(1)], to: "t/a", type: "tally", expecting: 0)
        _ = try await client.start(type: "Order", id: "order-1", input: .json("1"))
        var subscription = client.committedEvents(from: .beginning).makeAsyncIterator()
        var history = Optional(client.followHistory("order-1").makeAsyncIterator())
        #expect(try await take(2, &subscription).count == 2)
        #expect(try await history?.next() != nil)
        var export = client.exportHistory("order-1").makeAsyncIterator()
        let refused = await #expect(throws: SagaClientError.self) { try await export.next() }
        #expect(refused?.code == .resourceExhausted && refused?.message.contains("has 2 subscriptions") == true)
        // Calls are another matter, and so is another connection.
        _ = try await client.describe("order-1")
        let other = try await server.client()
        #expect(try await other.exportHistory("order-1").reduce(0) { $0 + $1.count } == 1)
        // One that ends makes room.
        history = nil
        while true {
            var again = client.exportHistory("order-1").makeAsyncIterator()
            do throws(SagaClientError) {
                #expect(try await again.next()?.count == 1)
                break
            } catch {
                #expect(error.code == .resourceExhausted)
            }
        }
        await other.close()
        await client.close()
        await server.stop()
    }

    @Test func whatIsCommittedComesOverARestart() async throws {
        let path = TestFiles.path("feed.db")
        var server = try await TestServer.start(store: try SQLiteEventStore(path: path))
        let client = try await server.client()
        try await client.append([added(1), added(2)], to: "t/a", type: "tally", expecting: 0)
        _ = try await client.start(type: "Order", id: "order-1", input: .json("1"))
        var iterator = client.committedEvents(from: .beginning).makeAsyncIterator()
        let first = try await take(3, &iterator)
        #expect(first.map(\.workflowID) == ["t/a", "order-1"] && first.map(\.workflowType) == ["tally", "Order"])
        #expect(first.flatMap(\.events).map(value) == [1, 2, nil])
        #expect(first[1].events.first?.eventType == .workflowExecutionStarted)
        // What comes while it waits.
        // "From now" begins when the server says so: until then appends may come before it.
        var later = client.committedEvents(workflowTypes: ["tally"]).makeAsyncIterator()
        let isDone = Mutex(false)
        let appending = Task { () -> Int in
            var value = 2
            while !isDone.withLock({ $0 }) {
                value += 1
                do { try await client.append([added(value)], to: "t/a", type: "tally", expecting: nil) } catch {
                    Issue.record(error)
                }
                await Task.yield()
            }
            return value
        }
        let found = try await take(1, &later)
        isDone.withLock { $0 = true }
        let value = await appending.value
        let start = try #require(found.first?.events.last.flatMap { self.value($0) })
        #expect(start > 2)
        let port = server.port
        await server.stop()
        server = try await TestServer.start(store: try SQLiteEventStore(path: path), port: port)
        try await client.append([added(value + 1)], to: "t/a", type: "tally", expecting: nil)
        let rest = try await take(value + 1 - start, &later).flatMap(\.events).map { self.value($0) }
        #expect(rest == Array(start + 1...value + 1), "each once, over the restart")
        // From a position, in a sequence of its own.
        var again = client.committedEvents(from: .after(first[0].position), eventTypes: [.domainEvent])
            .makeAsyncIterator()
        let tail = try await take(value - 1, &again).flatMap(\.events).map { self.value($0) }
        #expect(tail == Array(3...value + 1))
        await client.close()
        await server.stop()
    }

    @Test func onlyOnesOwnAndOnlyWithTheRight() async throws {
        let server = try await TestServer.start()
        let client = try await server.client()
        let other = try await server.client(namespace: "other")
        try await other.append([added(9)], to: "t/o", type: "tally", expecting: 0)
        try await client.append([added(1)], to: "t/a", type: "tally", expecting: 0)
        try await client.append([added(2)], to: "u/a", type: "other", expecting: 0)
        var mine = client.committedEvents(from: .beginning, workflowTypes: ["other", "tally"]).makeAsyncIterator()
        #expect(try await take(2, &mine).flatMap(\.events).map(value) == [1, 2])
        var theirs = other.committedEvents(from: .beginning).makeAsyncIterator()
        let item = try #require(try await theirs.next())
        #expect(item.workflowID == "t/o")
        func failure(_ start: CommittedEvents.Start, types: [String] = []) async -> SagaClientError? {
            do throws(SagaClientError) {
                var iterator = client.committedEvents(from: start, workflowTypes: types).makeAsyncIterator()
                _ = try await iterator.next()
                return nil
            } catch { return error }
        }
        let bad = await failure(.after(FeedPosition(bytes: [1, 2, 3])))
        #expect(bad?.code == .invalidArgument && bad?.message.contains("position") == true)
        #expect(await failure(.beginning, types: [""])?.code == .invalidArgument)
        #expect(await failure(.beginning, types: (0..<33).map { "t\($0)" })?.code == .invalidArgument)
        let elsewhere = try await TestServer.start()
        let stranger = try await elsewhere.client()
        var foreign = stranger.committedEvents(from: .after(item.position)).makeAsyncIterator()
        let refused = await #expect(throws: SagaClientError.self) { try await foreign.next() }
        #expect(refused?.code == .invalidArgument && refused?.message.contains("another store") == true)
        for client in [client, other, stranger] { await client.close() }
        await server.stop()
        await elsewhere.stop()
    }

    /// A reader that does not read holds up nobody, is given no more than a window and a page, and misses nothing.
    @Test func aSlowReaderGetsEverythingInTheEnd() async throws {
        let server = try await TestServer.start()
        let client = try await server.client()
        let connection = try await client.keeper.connection(until: .now + .seconds(5))
        let request = try Wire.SubscribeRequest(fromBeginning: true).serialized()
        let stream = connection.openStream(method: Wire.Method.eventsSubscribe.rawValue, body: request)
        let first = try Wire.SubscriptionItem(decoding: try #require(try await stream.next()), limits: .response)
        #expect(first.events.isEmpty && !first.position.isEmpty && first.workflowID.isEmpty)
        let padding = String(repeating: "x", count: 255)
        let count = 3_000
        for value in 0..<count / 10 {
            // With data beside the number, so that everything is more than any window.
            try await client.append(
                (0..<10).map {
                    DomainEvent(typeName: padding, typeVersion: 1, payload: .json("\(value * 10 + $0)"))
                }, to: "t/\(value % 7)", type: "tally", expecting: nil)
        }
        var seen: [String: [Int]] = [:]
        var total = 0
        while total < count {
            let bytes = try #require(try await stream.next())
            let item = try Wire.SubscriptionItem(decoding: bytes, limits: .response)
            let values = try HistoryEvent.list(item.events, "events").compactMap(value)
            seen[item.workflowID, default: []] += values
            total += values.count
        }
        #expect(total == count && seen.count == 7)
        for values in seen.values { #expect(values == values.sorted()) }
        #expect(Set(seen.values.joined()).count == count)
        await client.close()
        await server.stop()
    }

    /// A commit wakes a reader up; it is not found by looking now and then.
    @Test func aCommitWakesReaders() async throws {
        let server = try await TestServer.start()
        let client = try await server.client()
        let clock = ContinuousClock()
        var iterator = client.committedEvents(from: .beginning).makeAsyncIterator()
        try await client.append([added(0)], to: "t", type: "tally", expecting: 0)
        _ = try await iterator.next()
        let started = clock.now
        for value in 1...100 {
            try await client.append([added(value)], to: "t", type: "tally", expecting: nil)
            let item = try #require(try await iterator.next())
            #expect(item.events.map(self.value) == [value])
        }
        // Without being woken up each would wait for up to a second.
        #expect(clock.now - started < .seconds(25))
        await client.close()
        await server.stop()
    }
}
