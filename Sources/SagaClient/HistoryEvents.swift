public import SagaCore
internal import SagaTransport
internal import SagaWire

/// The events of a run, oldest first: those that are there, or also those to come.
///
/// A lost connection is made again, and the sequence goes on where it was.
public struct HistoryEvents: AsyncSequence, Sendable {
    public typealias Element = HistoryEvent
    public typealias Failure = SagaClientError

    let client: SagaClient
    let target: Wire.WorkflowRef
    let from: EventID
    let follows: Bool

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self) }

    public struct AsyncIterator: AsyncIteratorProtocol {
        private let sequence: HistoryEvents
        private var target: Wire.WorkflowRef
        private var next: EventID
        private var page: [HistoryEvent] = []
        private var position = 0
        private var isAtEnd = false
        private var stream: ClientStream?
        private var failures: UInt32 = 0

        init(_ sequence: HistoryEvents) {
            self.sequence = sequence
            target = sequence.target
            next = sequence.from
        }

        public mutating func next() async throws(SagaClientError) -> HistoryEvent? {
            try await next(isolation: nil)
        }

        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(SagaClientError) -> HistoryEvent? {
            while position == page.count {
                if isAtEnd { return nil }
                page = []
                position = 0
                if sequence.follows { try await followPage() } else { try await readPage() }
            }
            defer { position += 1 }
            return page[position]
        }

        private mutating func readPage() async throws(SagaClientError) {
            let (target, from) = (target, next)
            let response = try await sequence.client.call(Wire.Workflows.GetHistory.self) { header in
                Wire.GetHistoryRequest(header: header, workflow: target, fromEventID: from)
            }
            // From now on it is this run, whatever else starts under its name.
            self.target.sagaID = response.sagaID
            page = try decode(response.events)
            next = response.nextEventID
            isAtEnd = !response.more
        }

        private mutating func followPage() async throws(SagaClientError) {
            let client = sequence.client
            do throws(TransportError) {
                let stream = try await openedStream()
                guard let item = try await stream.next() else {
                    isAtEnd = true
                    return
                }
                failures = 0
                let wire: Wire.HistoryItem
                do throws(WireError) { wire = try Wire.HistoryItem(decoding: item, limits: .response) } catch {
                    throw TransportError(.limit, "the server's answer does not read: \(error)")
                }
                target.sagaID = wire.sagaID
                page = try decodeItem(wire.events)
                if let last = page.last { next = last.eventID + 1 }
            } catch {
                stream = nil
                let failure = SagaClientError(error, isMutation: false)
                guard failure.isTransient else { throw failure }
                failures += 1
                do { try await Task.sleep(for: failure.retryAfter ?? client.keeper.pause(after: failures)) } catch {
                    throw SagaClientError(.cancelled, "the reader was cancelled")
                }
            }
        }

        private mutating func openedStream() async throws(TransportError) -> ClientStream {
            if let stream { return stream }
            let request = Wire.FollowHistoryRequest(
                header: Wire.RequestHeader(), workflow: target, fromEventID: next)
            let body: [UInt8]
            do throws(WireError) { body = try request.serialized() } catch {
                throw TransportError(.configuration, "the request cannot be sent: \(error)")
            }
            let connection: ClientConnection
            do throws(SagaClientError) {
                connection = try await sequence.client.keeper.connection(
                    until: .now + sequence.client.keeper.options.deadline)
            } catch {
                throw TransportError(error)
            }
            let opened = connection.openStream(method: Wire.Method.workflowsFollowHistory.rawValue, body: body)
            stream = opened
            return opened
        }

        private func decode(_ wire: [Wire.HistoryEvent]) throws(SagaClientError) -> [HistoryEvent] {
            do throws(WireError) { return try HistoryEvent.list(wire, "events") } catch {
                throw SagaClientError(.dataLoss, "the history does not read: \(error)")
            }
        }

        private func decodeItem(_ wire: [Wire.HistoryEvent]) throws(TransportError) -> [HistoryEvent] {
            do throws(WireError) { return try HistoryEvent.list(wire, "events") } catch {
                throw TransportError(.limit, "the history does not read: \(error)")
            }
        }
    }
}

extension TransportError {
    /// A failure to connect, in the transport's own terms.
    fileprivate init(_ error: SagaClientError) {
        switch error.code {
        case .cancelled: self.init(.cancelled, error.message)
        case .unavailable: self.init(.connectFailed, error.message)
        default:
            let code = WireCode(rawValue: error.code.rawValue) ?? .unknown
            self.init(.helloRefused(WireStatus(code, error.message)), error.message)
        }
    }
}

extension SagaClient {
    /// The events of a run so far, read page by page.
    /// - Parameter from: First event id wanted.
    public func history(_ id: String, sagaID: SagaID? = nil, from: EventID = 0) -> HistoryEvents {
        HistoryEvents(
            client: self, target: Wire.WorkflowRef(workflowID: id, sagaID: sagaID), from: from, follows: false)
    }

    /// The events of a run as they come; ends when the run closes.
    /// - Parameter from: First event id wanted.
    public func followHistory(_ id: String, sagaID: SagaID? = nil, from: EventID = 0) -> HistoryEvents {
        HistoryEvents(client: self, target: Wire.WorkflowRef(workflowID: id, sagaID: sagaID), from: from, follows: true)
    }
}
