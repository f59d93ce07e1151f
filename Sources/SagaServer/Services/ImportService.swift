internal import SagaCore
internal import SagaEngine
internal import SagaTransport
internal import SagaWire
internal import Synchronization

// The service Workflows: runs of other servers.
extension ServerConnection {
    func importHistory(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.ImportHistoryRequest.self, body)
        try request.require(.operate, "import histories")
        _ = try CallHeader(wire.header, request.principal, standard: nil)
        let part = try HistoryImport.Part(wire, bytes: 0)
        guard core.imports.add(1, ordering: .relaxed).newValue <= core.configuration.maxImports else {
            core.imports.subtract(1, ordering: .relaxed)
            throw WireStatus(
                .resourceExhausted, "\(core.configuration.maxImports) imports are under way",
                retryAfterMS: request.session.limits.retryAfterMS)
        }
        let stream = HistoryImport(self, stream: request.stream)
        add(stream, request)
        // Room for more is given when a part is written, not when it has come: a slow store slows the sender down.
        request.session.useManualCredit(request.stream)
        stream.start(part)
    }
}

/// Takes a run's events as they come and writes them. Parts that have come and are not written are within the stream's window.
final class HistoryImport: LongStream, @unchecked Sendable {
    // Safe to share: touched by one thread at a time, the connection's event loop or another inside its gate; the parts go through
    // an `AsyncStream` to the one task that writes them.

    /// Some events on their way.
    struct Part: Sendable {
        var events: [HistoryEvent]
        /// Bytes of the item, to be granted again.
        var bytes: Int
        var isLast: Bool

        init(_ wire: Wire.ImportHistoryRequest, bytes: Int) throws(WireStatus) {
            let chunk = try Check.required(wire.chunk, "chunk")
            try Check.count(chunk.events.count, "chunk.events", atMost: HistoryFile.maximumEvents)
            do throws(WireError) { events = try HistoryEvent.list(chunk.events, "chunk.events") } catch {
                throw WireStatus(error)
            }
            if let sagaID = chunk.sagaID, let other = events.firstIndex(where: { $0.sagaID != sagaID }) {
                throw Check.invalid("chunk.events[\(other)].saga_id", "is not that of the chunk")
            }
            self.bytes = bytes
            isLast = chunk.last
        }
    }

    private let connection: ServerConnection
    private let stream: StreamID
    private let parts: AsyncStream<Part>
    private let writer: AsyncStream<Part>.Continuation
    private var hasLast = false
    private var isOver = false

    init(_ connection: ServerConnection, stream: StreamID) {
        self.connection = connection
        self.stream = stream
        (parts, writer) = AsyncStream.makeStream()
    }

    func start(_ first: Part) {
        let core = connection.core
        let port = connection.context.port
        let parts = parts
        Task { [self] in
            let result = await run(parts)
            core.imports.subtract(1, ordering: .relaxed)
            port.onLoop { [self] session in finish(session, result) }
        }
        take(first)
    }

    /// Writes what comes; whatever way it ends, nothing is left behind of a run that is not whole.
    private func run(_ parts: AsyncStream<Part>) async -> Result<[UInt8], CallFailure> {
        let port = connection.context.port
        var run = RunImport(into: connection.core.driver, namespace: connection.principal?.namespace ?? "")
        do throws(CallFailure) {
            for await part in parts {
                try await run.add(part.events)
                if part.isLast {
                    let done = try await run.finish()
                    let answer = Wire.ImportHistoryResponse(sagaID: done.sagaID, events: done.events)
                    do throws(WireError) { return .success(try answer.serialized()) } catch {
                        return .failure(CallFailure(.internalError, "the answer cannot be written: \(error)"))
                    }
                }
                let bytes = part.bytes
                if bytes > 0 { port.onLoop { [self] session in grant(session, bytes) } }
            }
            await run.abandon()
            return .failure(CallFailure(.invalidArgument, "the run is cut off: no chunk said that it is the last"))
        } catch {
            await run.abandon()
            return .failure(error)
        }
    }

    private func grant(_ session: SessionCore, _ bytes: Int) {
        if !isOver { session.grant(stream, items: 1, bytes: bytes) }
    }

    func item(_ session: SessionCore, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        guard !isOver else { return }
        guard !hasLast else { throw Check.invalid("chunk", "comes after the one that says last") }
        take(try Part(try decode(Wire.ImportHistoryRequest.self, body), bytes: body.count))
    }

    private func take(_ part: Part) {
        hasLast = part.isLast
        writer.yield(part)
    }

    func ended(_ session: SessionCore) {
        // Without a last part the run is cut off; what was written is removed before the client is told.
        writer.finish()
    }

    func drained(_ session: SessionCore, items: Int) {}

    private func finish(_ session: SessionCore, _ result: Result<[UInt8], CallFailure>) {
        guard !isOver else { return }
        isOver = true
        connection.removeLongStream(stream)
        switch result {
        case .success(let body): session.respond(stream, body)
        case .failure(let failure):
            do throws(WireStatus) { session.fail(stream, status: try encode(Wire.Status(failure))) } catch {
                session.fail(stream, error)
            }
        }
    }

    func closed() {
        isOver = true
        // What was written is removed, unless the last part has come: then the run is taken, whoever still listens.
        writer.finish()
    }
}
