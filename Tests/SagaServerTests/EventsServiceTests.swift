import SagaClient
import SagaCore
import SagaEngine
import SagaMemory
import SagaSQLite
import SagaWire
import Testing

/// The service Events: aggregates over TLS, beside the same aggregates in the server's own program.
@Suite(.timeLimit(.minutes(1))) struct EventsServiceTests {
    private struct Tally: Aggregate {
        enum Event: DomainEventSet {
            case added(Int)
            static let catalog = DomainEventCatalog<Event>()
                .event("added", as: Int.self, { .added($0) }) { if case .added(let value) = $0 { value } else { nil } }
        }
        static let typeName = "tally"
        var sum = 0
        mutating func apply(_ event: Event) { if case .added(let value) = event { sum += value } }
    }

    private func added(_ value: Int) -> DomainEvent {
        DomainEvent(typeName: "added", typeVersion: 1, payload: .json("\(value)"))
    }

    @Test func whatIsAppendedIsReadOverARestart() async throws {
        let path = TestFiles.path("events.db")
        var server = try await TestServer.start(store: try SQLiteEventStore(path: path))
        var client = try await server.client()
        #expect(try await client.append([added(1), added(2)], to: "tally/a", type: "tally", expecting: 0) == 2)
        #expect(try await client.append([added(3)], to: "tally/a", type: "tally", expecting: nil) == 3)
        await client.close()
        await server.stop()

        server = try await TestServer.start(store: try SQLiteEventStore(path: path))
        client = try await server.client()
        #expect(try await client.serverInfo().openSagas == 0, "an aggregate is no run")
        let first = try await client.aggregateEvents("tally/a", limit: 2)
        #expect(first.events.map(\.eventID) == [0, 1] && first.version == 3 && first.more)
        let rest = try await client.aggregateEvents("tally/a", from: 2)
        guard case .domainEvent(let event)? = rest.events.first?.attributes else {
            return #expect(Bool(false), "no domain event: \(rest)")
        }
        #expect(rest.events.count == 1 && !rest.more && event.payload.data == Array("3".utf8))
        #expect(event.payload.metadata.map(\.key) == ["saga.request-id"])
        #expect(try await client.aggregateEvents("tally/a", from: 9).events.isEmpty)
        #expect(try await client.append([added(4)], to: "tally/a", type: "tally", expecting: 3) == 4)
        await client.close()
        await server.stop()
    }

    @Test func oneRequestIsDoneOnceAndAnotherOneIsRefused() async throws {
        let server = try await TestServer.start()
        let client = try await server.client()
        func append(_ request: String, _ values: [Int], expecting version: UInt64?) async throws
            -> Wire.AppendEventsResponse
        {
            try await client.call(Wire.Events.Append.self) { header in
                var header = header
                header.requestID = request
                return Wire.AppendEventsRequest(
                    header: header, aggregateID: "a", aggregateType: "tally", expectedVersion: version,
                    events: values.map {
                        Wire.NewDomainEvent(
                            typeName: "added", typeVersion: 1, payload: Wire.Payload(.json("\($0)")))
                    })
            }
        }
        let one = try await append("r1", [1, 2], expecting: 0)
        #expect(one.version == 2 && one.firstEventID == 0)
        let any = try await append("r2", [3], expecting: nil)
        #expect(any.version == 3 && any.firstEventID == 2)
        // Again, with what was expected then.
        #expect(try await append("r1", [1, 2], expecting: 0) == one)
        #expect(try await append("r2", [3], expecting: nil) == any)
        #expect(try await client.aggregateEvents("a").version == 3)
        func code(_ request: String, _ values: [Int], _ version: UInt64?) async -> SagaClientError.Code? {
            do {
                _ = try await append(request, values, expecting: version)
                return nil
            } catch let error as SagaClientError { return error.code } catch { return .unknown }
        }
        #expect(await code("r1", [9], 0) == .alreadyExists)
        #expect(await code("r3", [9], 2) == .failedPrecondition)
        #expect(await code("r4", [], 3) == .invalidArgument)
        await #expect(throws: SagaClientError.self) {
            try await client.append([added(1)], to: "a", type: "other", expecting: 3)
        }
        await #expect(throws: SagaClientError.self) { try await client.aggregateEvents("nobody") }
        let foreign = try await server.client(namespace: "other")
        await #expect(throws: SagaClientError.self) { try await foreign.aggregateEvents("a") }
        await foreign.close()
        await #expect(throws: SagaClientError.self) { try await server.client(namespace: "saga.aggregates/default") }
        await client.close()
        await server.stop()
    }

    @Test func aSnapshotAndWhatFollows() async throws {
        let store = MemoryEventStore()
        let server = try await TestServer.start(store: store)
        let client = try await server.client()
        let tallies = AggregateRepository<Tally>(store: store, snapshotEvents: 10)
        for value in 1...12 { _ = try await tallies.update("t") { _ in [.added(value)] } }
        #expect(try await client.append([added(100)], to: "tally/t", type: "tally", expecting: 12) == 13)
        let found = try await client.aggregate("tally/t")
        #expect(found.snapshot?.data == Array(#"{"sum":55}"#.utf8))
        #expect(found.events.map(\.eventID) == [10, 11, 12] && found.version == 13 && !found.more)
        #expect(try await tallies.load("t")?.state.sum == 178)
        #expect(try await client.append([added(1)], to: "tally/new", type: "tally", expecting: 0) == 1)
        #expect(try await client.aggregate("tally/new").snapshot == nil)
        await client.close()
        await server.stop()
    }
}
