internal import SagaCore
internal import SagaEngine
internal import SagaWire

// The service Events: event-sourced aggregates. They live in the store, beside the engine.
extension ServerConnection {
    private func aggregates(of namespace: String) -> AggregateStore {
        let driver = core.driver
        return AggregateStore(driver.store, namespace: namespace) { driver.time(of: namespace) }
    }

    func appendEvents(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.AppendEventsRequest.self, body)
        try request.require(.write, "append events")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        try Check.name(wire.aggregateID, "aggregate_id")
        try Check.name(wire.aggregateType, "aggregate_type")
        try Check.range(wire.events.count, "events", 1...1_000)
        var events: [DomainEvent] = []
        for (index, event) in wire.events.enumerated() {
            let field = "events[\(index)]"
            try Check.name(event.typeName, "\(field).type_name")
            try Check.range(event.typeVersion, "\(field).type_version", 1...UInt32.max)
            events.append(
                DomainEvent(
                    typeName: event.typeName, typeVersion: event.typeVersion,
                    payload: try Check.payload(event.payload, "\(field).payload")))
        }
        let aggregates = aggregates(of: request.principal.namespace)
        let bell = core.driver.feedBell
        let new = events
        try read(request, header, isMutation: true) { _ in
            let done = try await aggregates.append(
                new, to: wire.aggregateID, type: wire.aggregateType, expecting: wire.expectedVersion,
                requestID: header.requestID)
            bell.ring()
            return try Wire.AppendEventsResponse(version: done.version, firstEventID: done.firstEventID).serialized()
        }
    }

    func readEvents(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.ReadEventsRequest.self, body)
        try request.require(.read, "read events")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        try Check.name(wire.aggregateID, "aggregate_id")
        try Check.range(wire.pageSize, "page_size", 0...1_000)
        let size = wire.pageSize == 0 ? 1_000 : UInt64(wire.pageSize)
        let aggregates = aggregates(of: request.principal.namespace)
        try read(request, header) { store in
            guard let row = try await aggregates.row(wire.aggregateID) else {
                throw WireStatus(.notFound, "there is no aggregate \(wire.aggregateID)")
            }
            let version = try await store.end(of: row)
            let end = min(version, wire.fromEventID > version ? version : wire.fromEventID + size)
            let page = try await store.page(of: row.sagaID, from: wire.fromEventID, before: end)
            let response = Wire.ReadEventsResponse(
                events: page.map { Wire.HistoryEvent($0) }, version: version,
                more: page.last.map { $0.eventID + 1 < version } ?? false)
            return try response.serialized()
        }
    }

    func readFromSnapshot(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.ReadFromSnapshotRequest.self, body)
        try request.require(.read, "read events")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        try Check.name(wire.aggregateID, "aggregate_id")
        let aggregates = aggregates(of: request.principal.namespace)
        try read(request, header) { store in
            guard let row = try await aggregates.row(wire.aggregateID) else {
                throw WireStatus(.notFound, "there is no aggregate \(wire.aggregateID)")
            }
            let version = try await store.end(of: row)
            var response = Wire.ReadFromSnapshotResponse(version: version)
            var from: EventID = 0
            if let snapshot = try await aggregates.snapshot(of: row, upTo: version) {
                response.snapshot = Wire.Payload(snapshot.state)
                response.snapshotEventID = snapshot.nextEventID &- 1
                from = snapshot.nextEventID
            }
            let page = try await store.page(of: row.sagaID, from: from, before: version)
            response.events = page.map { Wire.HistoryEvent($0) }
            response.more = from + UInt64(page.count) < version
            return try response.serialized()
        }
    }
}
