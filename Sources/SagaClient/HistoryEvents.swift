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
            let item: [UInt8]?
            do throws(SagaClientError) { item = try await nextItem() } catch {
                stream = nil
                failures += 1
                return try await sequence.client.pause(after: error, failures: failures)
            }
            failures = 0
            guard let item else {
                isAtEnd = true
                return
            }
            let wire: Wire.HistoryItem
            do throws(WireError) { wire = try Wire.HistoryItem(decoding: item, limits: .response) } catch {
                throw SagaClientError(.dataLoss, "the server's answer does not read: \(error)")
            }
            target.sagaID = wire.sagaID
            page = try decode(wire.events)
            if let last = page.last { next = last.eventID + 1 }
        }

        private mutating func nextItem() async throws(SagaClientError) -> [UInt8]? {
            let stream = try await openedStream()
            do throws(TransportError) { return try await stream.next() } catch {
                throw SagaClientError(error, isMutation: false)
            }
        }

        private mutating func openedStream() async throws(SagaClientError) -> ClientStream {
            if let stream { return stream }
            let request = Wire.FollowHistoryRequest(
                header: Wire.RequestHeader(), workflow: target, fromEventID: next)
            let client = sequence.client
            let opened = try await client.openStream(
                .workflowsFollowHistory, request, within: client.keeper.options.deadline)
            stream = opened
            return opened
        }

        private func decode(_ wire: [Wire.HistoryEvent]) throws(SagaClientError) -> [HistoryEvent] {
            do throws(WireError) { return try HistoryEvent.list(wire, "events") } catch {
                throw SagaClientError(.dataLoss, "the history does not read: \(error)")
            }
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
