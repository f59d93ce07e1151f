internal import SagaCore
internal import SagaEngine
internal import SagaTransport
internal import SagaWire
internal import Synchronization

// The service Events: the feed of what is committed.
extension ServerConnection {
    func subscribe(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.SubscribeRequest.self, body)
        try request.require(.read, "follow events")
        _ = try CallHeader(wire.header, request.principal, standard: nil)
        try Check.count(wire.position.count, "position", atMost: 512)
        try Check.count(wire.eventTypes.count, "event_types", atMost: 64)
        try Check.count(wire.workflowTypes.count, "workflow_types", atMost: 32)
        for (index, type) in wire.workflowTypes.enumerated() { try Check.name(type, "workflow_types[\(index)]") }
        var codes: Set<UInt16> = []
        for (index, code) in wire.eventTypes.enumerated() {
            try Check.range(code, "event_types[\(index)]", 0...UInt32(UInt16.max))
            codes.insert(UInt16(truncatingIfNeeded: code))
        }
        guard let store = core.driver.store as? any EventFeed else {
            throw WireStatus(.unimplemented, "this server's store has no feed of what is committed")
        }
        let namespace = request.principal.namespace
        let query = EventFeedReader.Query(
            namespaces: [namespace, AggregateStore.namespacePrefix + namespace], workflowTypes: wire.workflowTypes,
            eventTypes: codes)
        let start: EventFeedReader.Start =
            if !wire.position.isEmpty {
                .after(FeedPosition(bytes: wire.position))
            } else {
                wire.fromBeginning ? .beginning : .now
            }
        let follower = FeedFollower(self, stream: request.stream)
        try addReader(follower, request)
        follower.begin(store, query, from: start)
    }
}

/// Sends what is committed as it comes. One step at a time: read a page, send it, wait for room, wait for more.
///
/// ```
/// reading ──page──▶ sending ──room──▶ reading … ──all sent, at the end──▶ waiting ──bell or time──▶ reading
/// ```
/// No more than one page is in memory, however slow the reader is.
final class FeedFollower: LongStream, @unchecked Sendable {
    // Safe to share: touched on the connection's event loop only, but for `state`.

    private enum State {
        /// It reads, or sends; a commit that comes now may have been too late for the page.
        static let busy = 0
        /// It is to be woken up by a commit.
        static let waiting = 1
        /// A commit came.
        static let rung = 2
    }

    let holdsPages = true

    private let connection: ServerConnection
    private let stream: StreamID
    private var reader: EventFeedReader?
    private var bell: UInt64?
    private let state = Atomic(State.busy)
    private var isOver = false
    private var isReading = false
    private var isWoken = false
    /// What is read and not sent.
    private var page: EventFeedReader.Page?
    private var sent = 0
    /// Monotonic nanoseconds: when it looks at the store without having been woken up, and when it last sent something.
    private(set) var nextLook: UInt64 = .max
    private var lastItem: UInt64 = 0

    /// Events of a page.
    private static let pageEvents = 500
    /// Commits of other programs, and those that were held back by a longer transaction of PostgreSQL, ring no bell.
    private static let longestWait: UInt64 = 1_000_000_000
    /// After a commit that could not be read yet.
    private static let shortWait: UInt64 = 100_000_000
    /// How often a reader who wants nothing of what comes hears how far it is.
    private static let progressTime: UInt64 = 1_000_000_000

    init(_ connection: ServerConnection, stream: StreamID) {
        self.connection = connection
        self.stream = stream
    }

    func begin(_ store: any EventFeed, _ query: EventFeedReader.Query, from start: EventFeedReader.Start) {
        let port = connection.context.port
        // Before the first look, so that no commit is between the two.
        bell = connection.core.driver.feedBell.listen { [self] in
            if state.exchange(State.rung, ordering: .acquiringAndReleasing) == State.waiting {
                port.onLoop { [self] session in if !isOver { read(session, isWoken: true) } }
            }
        }
        Task { [self] in
            let result: Result<EventFeedReader, WireStatus>
            do {
                result = .success(try await EventFeedReader(store, query, from: start))
            } catch let error as FeedPositionError {
                result = .failure(WireStatus(.invalidArgument, "field position: \(error.message)"))
            } catch {
                result = .failure(WireStatus(reading: error))
            }
            port.onLoop { [self] session in began(session, result) }
        }
    }

    private func began(_ session: SessionCore, _ result: Result<EventFeedReader, WireStatus>) {
        guard !isOver else { return }
        switch result {
        case .failure(let status): end(session, status)
        case .success(let reader):
            self.reader = reader
            // Where it begins, so that a reader who comes again before the first event misses nothing.
            page = EventFeedReader.Page(items: [], position: reader.position, isAtEnd: false)
            sent = 0
            send(session)
        }
    }

    /// - Parameter isWoken: A commit is the reason.
    private func read(_ session: SessionCore, isWoken: Bool = false) {
        guard !isReading, page == nil, let reader else { return }
        isReading = true
        self.isWoken = isWoken
        nextLook = .max
        state.store(State.busy, ordering: .releasing)
        let port = connection.context.port
        Task { [self] in
            var reader = reader
            let result: Result<EventFeedReader.Page, StoreError>
            do throws(StoreError) {
                result = .success(try await reader.next(limit: Self.pageEvents))
            } catch {
                result = .failure(error)
            }
            let next = reader
            port.onLoop { [self] session in got(session, result, next) }
        }
    }

    private func got(
        _ session: SessionCore, _ result: Result<EventFeedReader.Page, StoreError>, _ next: EventFeedReader
    ) {
        isReading = false
        guard !isOver else { return }
        switch result {
        case .failure(let error): end(session, WireStatus(error))
        case .success(let page):
            let isMoved = reader?.position != page.position
            reader = next
            self.page = page
            sent = 0
            // Without items it is only said where the reader is, and not too often.
            if page.items.isEmpty, !isMoved || MonotonicClock.now() &- lastItem < Self.progressTime {
                finished(session, page)
            } else {
                send(session)
            }
        }
    }

    /// Sends what is left of the page as far as there is room.
    private func send(_ session: SessionCore) {
        guard let page else { return }
        let count = max(1, page.items.count)
        while sent < count {
            do throws(WireStatus) {
                let item = page.items.indices.contains(sent) ? page.items[sent] : nil
                let wire = Wire.SubscriptionItem(
                    position: item?.position.bytes ?? page.position.bytes, workflowID: item?.workflowID ?? "",
                    workflowType: item?.workflowType ?? "", events: item?.events.map { Wire.HistoryEvent($0) } ?? [])
                let body = try encode(wire)
                guard body.count <= session.limits.maxMessage else {
                    // Not RESOURCE_EXHAUSTED: who tries again finds the same.
                    throw WireStatus(
                        .failedPrecondition,
                        "event \(item?.events.first?.eventID ?? 0) of \(item?.workflowID ?? "") has \(body.count) bytes, more "
                            + "than a message may have; go on behind it"
                    )
                }
                let result = session.sendItem(stream, body)
                sent += 1
                lastItem = MonotonicClock.now()
                switch result {
                case .sent: break
                // `drained` goes on.
                case .queued: return
                case .full, .closed: return end(session, WireStatus(.resourceExhausted, "the reader is too slow"))
                }
            } catch {
                return end(session, error)
            }
        }
        finished(session, page)
    }

    private func finished(_ session: SessionCore, _ page: EventFeedReader.Page) {
        self.page = nil
        guard page.isAtEnd else { return read(session) }
        // A commit that came while it read may not be in the page.
        let before = state.compareExchange(
            expected: State.busy, desired: State.waiting, ordering: .acquiringAndReleasing)
        guard before.exchanged else { return read(session, isWoken: true) }
        let isHeldBack = isWoken && page.items.isEmpty
        nextLook = MonotonicClock.now() &+ (isHeldBack ? Self.shortWait : Self.longestWait)
        connection.look(at: nextLook)
    }

    func drained(_ session: SessionCore, items: Int) { if !isOver { send(session) } }

    func clockStruck(_ session: SessionCore) {
        guard !isOver else { return }
        if nextLook <= MonotonicClock.now() { read(session) }
    }

    private func end(_ session: SessionCore, _ status: WireStatus) {
        closed()
        connection.removeLongStream(stream)
        session.fail(stream, status)
    }

    func draining(_ session: SessionCore) {
        guard !isOver else { return }
        end(session, WireStatus(.unavailable, "the server drains; go on elsewhere, after the last position"))
    }

    func closed() {
        isOver = true
        page = nil
        if let bell { connection.core.driver.feedBell.stop(bell) }
        bell = nil
    }
}
