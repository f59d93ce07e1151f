public import SagaCore
internal import SagaWire

/// Event-sourced aggregates in the server's store.
extension SagaClient {
    /// Events of an aggregate.
    public struct AggregatePage: Sendable, Hashable {
        /// Its events, oldest first: domain events.
        public var events: [HistoryEvent]
        /// How many it has.
        public var version: UInt64
        /// Whether more follow these.
        public var more: Bool
        /// The state before them, if the answer begins with a snapshot.
        public var snapshot: Payload?
    }

    /// Appends to an aggregate.
    /// - Parameters:
    ///   - events: 1 to 1,000.
    ///   - id: The aggregate. One of Swift's `AggregateRepository` is named `type/id`.
    ///   - type: Its type.
    ///   - version: How many events it must have; nil for any number.
    /// - Returns: How many it has now.
    /// - Throws: `SagaClientError`, failed precondition if it has another number.
    @discardableResult
    public func append(
        _ events: [DomainEvent], to id: String, type: String, expecting version: UInt64?
    ) async throws(SagaClientError) -> UInt64 {
        let response = try await call(Wire.Events.Append.self) { header in
            Wire.AppendEventsRequest(
                header: header, aggregateID: id, aggregateType: type, expectedVersion: version,
                events: events.map {
                    Wire.NewDomainEvent(
                        typeName: $0.typeName, typeVersion: $0.typeVersion, payload: Wire.Payload($0.payload))
                })
        }
        return response.version
    }

    /// A page of an aggregate's events.
    public func aggregateEvents(
        _ id: String, from event: EventID = 0, limit: Int = 1_000
    ) async throws(SagaClientError) -> AggregatePage {
        let response = try await call(Wire.Events.Read.self) { header in
            Wire.ReadEventsRequest(
                header: header, aggregateID: id, fromEventID: event,
                pageSize: UInt32(clamping: max(1, min(limit, 1_000))))
        }
        return AggregatePage(
            events: try Self.events(response.events), version: response.version, more: response.more)
    }

    /// The newest snapshot of an aggregate, if there is one, and the events after it.
    public func aggregate(_ id: String) async throws(SagaClientError) -> AggregatePage {
        let response = try await call(Wire.Events.ReadFromSnapshot.self) { header in
            Wire.ReadFromSnapshotRequest(header: header, aggregateID: id)
        }
        return AggregatePage(
            events: try Self.events(response.events), version: response.version, more: response.more,
            snapshot: response.snapshot.map { Payload($0) })
    }

    private static func events(_ wire: [Wire.HistoryEvent]) throws(SagaClientError) -> [HistoryEvent] {
        do throws(WireError) { return try HistoryEvent.list(wire, "events") } catch {
            throw SagaClientError(.dataLoss, "an event does not read: \(error)")
        }
    }
}
