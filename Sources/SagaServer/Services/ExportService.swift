internal import SagaCore
internal import SagaEngine
internal import SagaTransport
internal import SagaWire

// The service Workflows: whole runs, for other servers.
extension ServerConnection {
    func exportHistory(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.ExportHistoryRequest.self, body)
        try request.require(.read, "export histories")
        _ = try CallHeader(wire.header, request.principal, standard: nil)
        let target = try RunTarget(wire.workflow, request.principal)
        let export = HistoryExport(self, stream: request.stream, target: target)
        try addReader(export, request)
        export.begin()
    }
}

/// Sends a run's events page by page, as fast as the client takes them: one page is in memory. What is sent is what was durable
/// when it began; a run that is open then may have gone on since.
final class HistoryExport: LongStream, @unchecked Sendable {
    // Safe to share: touched by one thread at a time, the connection's event loop or another inside its gate.

    let holdsPages = true

    private let connection: ServerConnection
    private let stream: StreamID
    private let target: RunTarget
    private var sagaID: SagaID?
    private var next: EventID = 0
    private var end: EventID = 0
    private var isOver = false

    init(_ connection: ServerConnection, stream: StreamID, target: RunTarget) {
        self.connection = connection
        self.stream = stream
        self.target = target
    }

    func begin() {
        let store = connection.core.driver.store
        let target = target
        read {
            guard let row = try await store.row(of: target) else {
                throw WireStatus(.notFound, "there is no run of workflow id \(target.workflowID)")
            }
            guard !row.isUnfinishedImport else {
                throw WireStatus(.unavailable, "run \(row.sagaID) is still coming in from another server")
            }
            return (row.sagaID, try await store.end(of: row))
        } then: { [self] session, found in
            (sagaID, end) = found
            readPage(session)
        }
    }

    private func readPage(_ session: SessionCore) {
        guard let sagaID else { return }
        let store = connection.core.driver.store
        let (first, last) = (next, end)
        let limit = session.limits.maxMessage
        read {
            var page = try await store.page(of: sagaID, from: first, before: last)
            while let newest = page.last, page.first?.eventID == first {
                let chunk = Wire.HistoryChunk(
                    sagaID: sagaID, events: page.map { Wire.HistoryEvent($0) }, last: newest.eventID + 1 == last)
                let body = try chunk.serialized()
                // What a page weighs is known about; what a message may have is exact.
                if body.count <= limit || page.count == 1 { return (body, newest.eventID + 1) }
                page.removeLast(page.count - page.count / 2)
            }
            throw WireStatus(.dataLoss, "events \(first) to \(last) of run \(sagaID) are missing")
        } then: { [self] session, page in
            next = page.1
            switch session.sendItem(stream, page.0) {
            case .sent: proceed(session)
            // `drained` goes on.
            case .queued: break
            case .full:
                fail(
                    session, WireStatus(.resourceExhausted, "the events before \(next) are more than one message holds")
                )
            case .closed: isOver = true
            }
        }
    }

    /// Reads something off the event loop, and goes on with it there.
    private func read<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value, then: @escaping @Sendable (SessionCore, Value) -> Void
    ) {
        let port = connection.context.port
        Task { [self] in
            let result: Result<Value, WireStatus>
            do { result = .success(try await body()) } catch { result = .failure(WireStatus(reading: error)) }
            port.onLoop { [self] session in
                guard !isOver else { return }
                switch result {
                case .success(let value): then(session, value)
                case .failure(let status): fail(session, status)
                }
            }
        }
    }

    func drained(_ session: SessionCore, items: Int) { if !isOver { proceed(session) } }

    private func proceed(_ session: SessionCore) {
        guard next == end else { return readPage(session) }
        isOver = true
        connection.removeLongStream(stream)
        // Ends both directions: the client has nothing to say on this stream.
        session.respond(stream, [])
    }

    private func fail(_ session: SessionCore, _ status: WireStatus) {
        isOver = true
        connection.removeLongStream(stream)
        session.fail(stream, status)
    }

    func closed() { isOver = true }
}
