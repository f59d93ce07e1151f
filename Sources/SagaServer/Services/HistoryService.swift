internal import SagaCore
internal import SagaEngine
internal import SagaTransport
internal import SagaWire

// The service Workflows: histories, paged and followed.
extension ServerConnection {
    func getHistory(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.GetHistoryRequest.self, body)
        try request.require(.read, "read histories")
        let header = try CallHeader(wire.header, request.principal, standard: core.standardDeadline)
        let target = try RunTarget(wire.workflow, request.principal)
        try Check.range(wire.pageSize, "page_size", 0...1_000)
        let size = wire.pageSize == 0 ? 1_000 : UInt64(wire.pageSize)
        let from = wire.fromEventID
        let backwards = wire.backwards
        try read(request, header) { store in
            guard let row = try await store.row(of: target) else {
                throw WireStatus(.notFound, "there is no run of workflow id \(target.workflowID)")
            }
            var response = Wire.GetHistoryResponse(sagaID: row.sagaID, status: Wire.WorkflowStatus(row.status))
            if backwards {
                // The row's count may lag behind the events; the highest wanted is looked for from there.
                let end = try await store.end(of: row)
                let last = from == 0 ? end : min(end, from.addingReportingOverflow(1).partialValue)
                let first = last > size ? last - size : 0
                let page = try await store.page(of: row.sagaID, from: first, before: last)
                response.events = page.reversed().map { Wire.HistoryEvent($0) }
                response.more = first > 0
                response.nextEventID = first > 0 ? first - 1 : 0
            } else {
                let page = try await store.page(of: row.sagaID, from: from, before: from.addingSaturating(size))
                response.events = page.map { Wire.HistoryEvent($0) }
                response.nextEventID = from + UInt64(page.count)
                response.more = !page.isEmpty
                if !page.isEmpty {
                    response.more = try await !store.events(of: row.sagaID, from: response.nextEventID, limit: 1)
                        .isEmpty
                }
            }
            return try response.serialized()
        }
    }

    func followHistory(_ request: Request, _ body: UnsafeRawBufferPointer) throws(WireStatus) {
        let wire = try decode(Wire.FollowHistoryRequest.self, body)
        try request.require(.read, "read histories")
        _ = try CallHeader(wire.header, request.principal, standard: nil)
        let target = try RunTarget(wire.workflow, request.principal)
        let follower = HistoryFollower(
            self, stream: request.stream, target: target, from: wire.fromEventID, followRuns: wire.followRuns)
        try addReader(follower, request)
        follower.awaitEvents()
    }
}

/// A page of a history in bytes of payload, about.
private let maximumPageBytes = 1 << 20

extension EventStore {
    /// The row of a run; nil if the namespace has none of that name.
    func row(of target: RunTarget) async throws(StoreError) -> ExecutionRow? {
        guard let sagaID = target.sagaID else {
            return try await latestExecution(namespace: target.namespace, workflowID: target.workflowID)
        }
        guard let row = try await execution(sagaID), row.namespace == target.namespace,
            target.workflowID.isEmpty || row.workflowID == target.workflowID
        else { return nil }
        return row
    }

    /// Events from one id to before another, at most a thousand and about a mebibyte.
    func page(of sagaID: SagaID, from: EventID, before end: EventID) async throws(StoreError) -> [HistoryEvent] {
        guard from < end else { return [] }
        let count = Int(clamping: min(1_000, end - from))
        var page: [HistoryEvent] = []
        var bytes = 0
        while page.count < count {
            let next = from + UInt64(page.count)
            let events = try await self.events(of: sagaID, from: next, limit: count - page.count)
            if events.isEmpty { break }
            for event in events.prefix(count - page.count) {
                page.append(event)
                bytes += event.storedBytes
                if bytes > maximumPageBytes { return page }
            }
        }
        return page
    }
}

extension UInt64 {
    fileprivate func addingSaturating(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}

/// Sends a history as it grows. One step at a time: wait for events, read them, send them, wait for room.
///
/// ```
/// awaiting ──events──▶ reading ──page──▶ sending ──room──▶ reading … ──all sent──▶ awaiting | ended
/// ```
final class HistoryFollower: LongStream, @unchecked Sendable {
    // Safe to share: touched on the connection's event loop only.

    let holdsPages = true

    private let connection: ServerConnection
    private let stream: StreamID
    private var target: RunTarget
    private var from: EventID
    private let followRuns: Bool
    private var waiting: CallID?
    private var isOver = false
    /// What the engine said last: events up to this id are durable.
    private var durable: EventID = 0
    private var isRunClosed = false
    private var sagaID: SagaID?
    private var successor: SagaID?

    init(_ connection: ServerConnection, stream: StreamID, target: RunTarget, from: EventID, followRuns: Bool) {
        self.connection = connection
        self.stream = stream
        self.target = target
        self.from = from
        self.followRuns = followRuns
    }

    func awaitEvents() {
        let port = connection.context.port
        waiting = connection.core.driver.call(.awaitEvents(target, from: from)) { [self] result in
            port.onLoop { [self] session in answered(session, result) }
        }
    }

    private func answered(_ session: SessionCore, _ result: Result<CallReply, CallFailure>) {
        waiting = nil
        guard !isOver else { return }
        switch result {
        case .success(.events(let sagaID, let next, let isClosed)):
            self.sagaID = sagaID
            // From now on it is this run, whatever else starts under its name.
            target.sagaID = sagaID
            durable = next
            isRunClosed = isClosed
            if from < durable { readPage() } else { caughtUp(session) }
        case .success(let reply): end(session, .unexpected(reply))
        case .failure(let failure):
            guard let status = try? encode(Wire.Status(failure)) else { return end(session, nil) }
            isOver = true
            connection.removeLongStream(stream)
            session.fail(stream, status: status)
        }
    }

    private func readPage() {
        guard let sagaID else { return }
        let store = connection.core.driver.store
        let port = connection.context.port
        let (first, last) = (from, durable)
        Task { [self] in
            let result: Result<[HistoryEvent], StoreError>
            do throws(StoreError) {
                result = .success(try await store.page(of: sagaID, from: first, before: last))
            } catch {
                result = .failure(error)
            }
            port.onLoop { [self] session in send(session, result) }
        }
    }

    private func send(_ session: SessionCore, _ result: Result<[HistoryEvent], StoreError>) {
        guard !isOver, let sagaID else { return }
        switch result {
        case .failure(let error): end(session, WireStatus(error))
        case .success(let events):
            guard let last = events.last else {
                return end(session, WireStatus(.dataLoss, "events \(from) to \(durable) of run \(sagaID) are missing"))
            }
            from = last.eventID + 1
            let status = last.attributes.closingStatus ?? .running
            if case .workflowExecutionContinuedAsNew(let event) = last.attributes { successor = event.newSagaID }
            let item = Wire.HistoryItem(sagaID: sagaID, events: events.map { Wire.HistoryEvent($0) }, status: status)
            do throws(WireStatus) {
                switch session.sendItem(stream, try encode(item)) {
                case .sent: proceed(session)
                // `drained` goes on.
                case .queued: break
                case .full, .closed: end(session, WireStatus(.resourceExhausted, "the reader is too slow"))
                }
            } catch {
                end(session, error)
            }
        }
    }

    func drained(_ session: SessionCore, items: Int) { if !isOver { proceed(session) } }

    private func proceed(_ session: SessionCore) {
        if from < durable { readPage() } else { caughtUp(session) }
    }

    private func caughtUp(_ session: SessionCore) {
        guard isRunClosed else { return awaitEvents() }
        guard followRuns, let next = successor else { return end(session, nil) }
        target.sagaID = next
        from = 0
        durable = 0
        isRunClosed = false
        successor = nil
        awaitEvents()
    }

    /// Ends the stream: in order, or with a status.
    private func end(_ session: SessionCore, _ status: WireStatus?) {
        isOver = true
        connection.removeLongStream(stream)
        if let status {
            session.fail(stream, status)
        } else {
            // Ends both directions: the client has nothing to say on this stream.
            session.respond(stream, [])
        }
    }

    func draining(_ session: SessionCore) {
        guard !isOver else { return }
        closed()
        end(session, WireStatus(.unavailable, "the server drains; follow on from event \(from) elsewhere"))
    }

    func closed() {
        isOver = true
        if let waiting { connection.core.driver.abandon(waiting) }
        waiting = nil
    }
}

extension EventAttributes {
    /// The status that the event closes a run with; nil if it does not.
    var closingStatus: Wire.WorkflowStatus? {
        switch self {
        case .workflowExecutionCompleted: .completed
        case .workflowExecutionFailed: .failed
        case .workflowExecutionCanceled: .canceled
        case .workflowExecutionTimedOut: .timedOut
        case .workflowExecutionTerminated: .terminated
        case .workflowExecutionContinuedAsNew: .continuedAsNew
        default: nil
        }
    }
}
