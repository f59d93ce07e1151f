public import SagaCore
internal import SagaTransport
internal import SagaWire

/// What is committed in the namespace, of all sagas and aggregates, as it comes: for read models, audits and whoever else
/// follows the whole of it.
///
/// Each event comes at least once; those of one saga come in order. Keep an item's position together with what was made of
/// its events, in one transaction, and go on after it: then the effect is exactly once. The sequence has no end; a lost
/// connection is made again, and the sequence goes on where it was. It ends with an error that time does not heal, or when
/// its task is cancelled.
public struct CommittedEvents: AsyncSequence, Sendable {
    public typealias Element = Item
    public typealias Failure = SagaClientError

    /// Where a sequence begins.
    public typealias Start = EventFeedReader.Start

    /// Committed events of one saga.
    public struct Item: Sendable, Hashable {
        /// Where to go on after these events.
        public var position: FeedPosition
        /// The caller's name of the saga, or the aggregate's.
        public var workflowID: String
        /// Which workflow it is, or the aggregate's type.
        public var workflowType: String
        /// Its events, oldest first; at least one.
        public var events: [HistoryEvent]
    }

    let client: SagaClient
    let start: Start
    let eventTypes: [UInt32]
    let workflowTypes: [String]

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self) }

    public struct AsyncIterator: AsyncIteratorProtocol {
        private let sequence: CommittedEvents
        private var start: Start
        private var stream: ClientStream?
        private var failures: UInt32 = 0

        init(_ sequence: CommittedEvents) {
            self.sequence = sequence
            start = sequence.start
        }

        /// Where the next item is looked for; nil until the server has said where the sequence begins. It may be beyond the
        /// last item, if nothing after that was wanted.
        public var position: FeedPosition? {
            if case .after(let position) = start { position } else { nil }
        }

        public mutating func next() async throws(SagaClientError) -> Item? { try await next(isolation: nil) }

        public mutating func next(isolation actor: isolated (any Actor)?) async throws(SagaClientError) -> Item? {
            while true {
                let bytes: [UInt8]?
                do throws(SagaClientError) { bytes = try await nextBytes() } catch {
                    stream = nil
                    failures += 1
                    try await sequence.client.pause(after: error, failures: failures)
                    continue
                }
                failures = 0
                guard let bytes else {
                    // The server ends a subscription with a status only; one that just ends is made again.
                    stream = nil
                    continue
                }
                let item = try decode(bytes)
                start = .after(item.position)
                if !item.events.isEmpty { return item }
            }
        }

        private mutating func nextBytes() async throws(SagaClientError) -> [UInt8]? {
            let stream = try await openedStream()
            do throws(TransportError) { return try await stream.next() } catch {
                throw SagaClientError(error, isMutation: false)
            }
        }

        private mutating func openedStream() async throws(SagaClientError) -> ClientStream {
            if let stream { return stream }
            let request = Wire.SubscribeRequest(
                header: Wire.RequestHeader(), position: position?.bytes ?? [], eventTypes: sequence.eventTypes,
                workflowTypes: sequence.workflowTypes, fromBeginning: start == .beginning)
            let client = sequence.client
            let opened = try await client.openStream(
                .eventsSubscribe, request, within: client.keeper.options.deadline)
            stream = opened
            return opened
        }

        private func decode(_ bytes: [UInt8]) throws(SagaClientError) -> Item {
            do throws(WireError) {
                let wire = try Wire.SubscriptionItem(decoding: bytes, limits: .response)
                return Item(
                    position: FeedPosition(bytes: wire.position), workflowID: wire.workflowID,
                    workflowType: wire.workflowType, events: try HistoryEvent.list(wire.events, "events"))
            } catch {
                throw SagaClientError(.dataLoss, "the server's answer does not read: \(error)")
            }
        }
    }
}

extension SagaClient {
    /// What is committed in the namespace, of all sagas and aggregates, as it comes.
    /// - Parameters:
    ///   - start: Where to begin. Default: with what is committed from now on.
    ///   - eventTypes: Only these types of events; empty for all. At most 64.
    ///   - workflowTypes: Only of these workflows and types of aggregates; empty for all. At most 32.
    public func committedEvents(
        from start: CommittedEvents.Start = .now, eventTypes: [EventType] = [], workflowTypes: [String] = []
    ) -> CommittedEvents {
        CommittedEvents(
            client: self, start: start, eventTypes: eventTypes.map { UInt32($0.rawValue) }, workflowTypes: workflowTypes
        )
    }
}
