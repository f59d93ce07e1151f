public import SagaCore
internal import SagaTransport
internal import SagaWire

/// Moving runs from one server to another.
extension SagaClient {
    /// A whole run for another server, or for a file, page by page as fast as it is taken.
    ///
    /// What comes is what was durable when the server began. A run that is open goes on meanwhile: pause it first if it is to go
    /// on elsewhere, and let only one of the two servers go on with it.
    /// - Parameters:
    ///   - id: The workflow id.
    ///   - sagaID: One run of it; nil for the open one, else the newest.
    public func exportHistory(_ id: String, sagaID: SagaID? = nil) -> ExportedHistory {
        ExportedHistory(client: self, target: Wire.WorkflowRef(workflowID: id, sagaID: sagaID))
    }

    /// Gives the server a run of another server, or of a file; if it is open it goes on there.
    ///
    /// ```swift
    /// let moved = try await new.importHistory(old.exportHistory("order-123"))
    /// ```
    /// - Parameter pages: The run's events from the first on, in parts of any size, as ``exportHistory(_:sagaID:)`` gives them.
    /// - Throws: `SagaClientError`: `.alreadyExists` if the server has the run with other or fewer events, `.failedPrecondition` if the workflow id has an open
    ///   run there, `.invalidArgument` if the events do not fit; nothing is left behind then. Also what `pages` throws.
    public func importHistory<Pages: AsyncSequence>(_ pages: Pages) async throws -> ImportedRun
    where Pages.Element == [HistoryEvent] {
        let upload = beginImport()
        for try await page in pages { try await upload.send(page) }
        return try await upload.finish()
    }

    /// Begins to give the server a run in parts, for callers that have no sequence of them.
    public func beginImport() -> HistoryUpload { HistoryUpload(self) }
}

/// What an import has stored.
public struct ImportedRun: Hashable, Sendable {
    /// The run.
    public var sagaID: SagaID
    /// How many events it has.
    public var events: UInt64
}

/// The events of a run in pages, oldest first. A lost connection is an error: begin again.
public struct ExportedHistory: AsyncSequence, Sendable {
    public typealias Element = [HistoryEvent]
    public typealias Failure = SagaClientError

    let client: SagaClient
    let target: Wire.WorkflowRef

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(export: self) }

    public struct AsyncIterator: AsyncIteratorProtocol {
        let export: ExportedHistory
        private var stream: ClientStream?
        private var next: EventID = 0
        private var isAtEnd = false

        init(export: ExportedHistory) { self.export = export }

        public mutating func next() async throws(SagaClientError) -> [HistoryEvent]? { try await next(isolation: nil) }

        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(SagaClientError) -> [HistoryEvent]? {
            let stream = try await openedStream()
            let item: [UInt8]?
            do throws(TransportError) { item = try await stream.next() } catch {
                throw SagaClientError(error, isMutation: false)
            }
            guard let item else {
                guard isAtEnd else { throw SagaClientError(.dataLoss, "the export ended before its last event") }
                return nil
            }
            let events: [HistoryEvent]
            do throws(WireError) {
                let chunk = try Wire.HistoryChunk(decoding: item, limits: .response)
                events = try HistoryEvent.list(chunk.events, "events")
                isAtEnd = chunk.last
            } catch {
                throw SagaClientError(.dataLoss, "the server's answer does not read: \(error)")
            }
            guard events.first?.eventID == next else {
                throw SagaClientError(.dataLoss, "the export has a gap before event \(next)")
            }
            next += EventID(events.count)
            return events
        }

        private mutating func openedStream() async throws(SagaClientError) -> ClientStream {
            if let stream { return stream }
            let request = Wire.ExportHistoryRequest(header: Wire.RequestHeader(), workflow: export.target)
            let opened = try await export.client.openStream(
                .workflowsExportHistory, request, within: export.client.deadline)
            stream = opened
            return opened
        }
    }
}

/// A run on its way to a server. For one task; letting go of it before ``finish()`` gives the import up, and the server removes
/// what it has of it.
public final class HistoryUpload {
    private let client: SagaClient
    private var stream: ClientStream?
    /// What was given last: only the end tells whether it is the last part.
    private var held: [HistoryEvent] = []

    init(_ client: SagaClient) { self.client = client }

    /// Sends the next events; waits while the server writes the ones before.
    public func send(_ events: [HistoryEvent]) async throws(SagaClientError) {
        var rest = events[...]
        while !rest.isEmpty {
            if !held.isEmpty { try await pass(held, isLast: false) }
            held = Array(rest.prefix(HistoryFile.maximumEvents))
            rest = rest.dropFirst(HistoryFile.maximumEvents)
        }
    }

    /// Says that the run is whole.
    /// - Returns: What the server has stored.
    /// - Throws: See ``SagaClient/importHistory(_:)``. If the connection is lost the outcome is unknown: import again; a run that is
    ///   there with the same events is a success. `.alreadyExists` means that it is there with other or fewer events.
    public func finish() async throws(SagaClientError) -> ImportedRun {
        try await pass(held, isLast: true)
        held = []
        guard let stream else { throw SagaClientError(.internal, "the import was not begun") }
        stream.finish()
        do throws(TransportError) { while try await stream.next() != nil {} } catch {
            throw SagaClientError(error, isMutation: true)
        }
        do throws(WireError) {
            let response = try Wire.ImportHistoryResponse(decoding: stream.response ?? [], limits: .response)
            guard let sagaID = response.sagaID else {
                throw WireError(field: "saga_id", reason: .invalid("is missing"))
            }
            return ImportedRun(sagaID: sagaID, events: response.events)
        } catch {
            throw SagaClientError(.internal, "the server's answer does not read: \(error)", outcomeIsUnknown: true)
        }
    }

    /// What a message has at most if its events can be parted: uploads beside each other share the connection's queue.
    private static let maximumMessage = 1 << 20

    private func pass(_ events: [HistoryEvent], isLast: Bool) async throws(SagaClientError) {
        let chunk = Wire.HistoryChunk(
            sagaID: events.first?.sagaID, events: events.map { Wire.HistoryEvent($0) }, last: isLast)
        let body: [UInt8]
        do throws(WireError) {
            let header = stream == nil ? Wire.RequestHeader() : nil
            body = try Wire.ImportHistoryRequest(header: header, chunk: chunk).serialized()
        } catch {
            throw SagaClientError(.invalidArgument, "events cannot be sent: \(error)")
        }
        // Large payloads: fewer events a message.
        guard body.count <= Self.maximumMessage || events.count < 2 else {
            try await pass(Array(events.prefix(events.count / 2)), isLast: false)
            return try await pass(Array(events.dropFirst(events.count / 2)), isLast: isLast)
        }
        guard let stream else {
            stream = try await client.openStream(.workflowsImportHistory, body: body, within: client.deadline)
            return
        }
        do throws(TransportError) { try await stream.send(body) } catch {
            throw SagaClientError(error, isMutation: true)
        }
    }
}
