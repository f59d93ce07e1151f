internal import SagaCore
internal import SagaEngine
internal import SagaTransport
internal import SagaWire
internal import Synchronization

// The service Admin.
extension ServerConnection {
    /// Answered on the event loop, without a hop.
    func health(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire: BorrowedHealthRequest
        do throws(WireError) { wire = try BorrowedHealthRequest(decoding: body) } catch { throw WireStatus(error) }
        if let header = wire.header(beyond: CallHeader.maximumRequestID, CallHeader.maximumDeadline) {
            _ = try CallHeader(header, request.principal, standard: 0)
        }
        guard wire.echoCount <= 65_536 else {
            throw Check.invalid("echo", "has \(wire.echoCount) bytes; 65536 are allowed")
        }
        wire.answer(serverTimeMicros: EngineClock.wall().microseconds) { packed in
            _ = request.session.respond(request.stream, capacity: packed.count) { packed.write(to: $0) }
        }
    }

    func readiness(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.ReadinessRequest.self, body)
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        let isDraining = core.isDraining.load(ordering: .relaxed)
        let driver = core.driver
        try read(request, header) { store in
            // A read shows whether the store answers; and the engine answers from its own thread.
            var problem: String?
            do throws(StoreError) { _ = try await store.metadata() } catch { problem = error.message }
            let engine = await driver.status()
            let snapshots = driver.snapshotCounts
            var parts = [
                Wire.ComponentStatus(name: "store", ready: problem == nil, message: problem ?? "answers"),
                Wire.ComponentStatus(
                    name: "engine", ready: engine.isReady,
                    message: engine.isReady
                        ? "serves \(engine.runs) open sagas, \(engine.blockedRuns) blocked"
                        : "reads its state from the store"),
                Wire.ComponentStatus(
                    name: "listener", ready: !isDraining, message: isDraining ? "drains" : "accepts connections"),
            ]
            if let snapshots {
                parts.append(
                    Wire.ComponentStatus(
                        name: "snapshots", ready: true,
                        message: "\(snapshots.kept) kept, \(snapshots.failed) failed, \(snapshots.dropped) let go, "
                            + "\(snapshots.skipped) found bad"))
            }
            return try Wire.ReadinessResponse(ready: parts.allSatisfy(\.ready), components: parts).serialized()
        }
    }

    func serverInfo(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.ServerInfoRequest.self, body)
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        let partitions = core.driver.metadata.partitionCount
        try read(request, header) { [core] _ in
            let engine = await core.driver.status()
            let alerts = core.alerts?.counts ?? AlertCounts()
            let info = Wire.ServerInfoResponse(
                version: core.configuration.version, serverID: core.serverID,
                startedMicros: core.startedAt.microseconds, store: core.configuration.storeName,
                partitions: partitions, ownedPartitions: partitions, loadedSagas: UInt64(clamping: engine.runs),
                openSagas: UInt64(clamping: engine.runs), connections: UInt32(clamping: core.connectionCount),
                workers: UInt32(clamping: core.workers.load(ordering: .relaxed)),
                draining: core.isDraining.load(ordering: .relaxed),
                features: core.configuration.compression ? [WireFeature.lz4] : [],
                blockedSagas: UInt64(clamping: engine.blockedRuns), blocks: engine.blocks,
                lateEffects: engine.lateEffects, alertsDelivered: alerts.delivered, alertsFailed: alerts.failed,
                alertsWaiting: alerts.waiting)
            return try info.serialized()
        }
    }

    func drainServer(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.DrainServerRequest.self, body)
        try request.require(.administer, "drain the server")
        _ = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        try Check.range(wire.drainMillis, "drain_ms", 0...3_600_000)
        let inFlight = core.callsInFlight.load(ordering: .relaxed)
        request.session.respond(
            request.stream, try encode(Wire.DrainServerResponse(callsInFlight: UInt32(clamping: inFlight))))
        let grace: Duration = wire.drainMillis == 0 ? core.configuration.drainGrace : .milliseconds(wire.drainMillis)
        let drain = core.drainRequest.withLock { drain in
            defer { drain = nil }
            return drain
        }
        drain?(grace)
    }
}
