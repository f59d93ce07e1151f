/// What the client makes of WELCOME.
package enum WelcomeDecision {
    /// Go on, with what the server allows; values beyond this side's own limits are ignored.
    case accept(WireAgreement)
    /// Send this as ERROR and close.
    case reject(WireStatus)
}

/// What WELCOME says about the connection.
package struct WireAgreement: Sendable, Hashable {
    /// Largest `length` of a frame to the server.
    package var maxFrame: Int
    /// Largest message to the server in bytes.
    package var maxMessage: Int
    /// Calls and streams in flight.
    package var maxStreams: Int
    /// First window of a stream in items.
    package var windowItems: Int
    /// First window of a stream in bytes.
    package var windowBytes: Int
    /// Whether bodies may be compressed, which only a client that announced it may say.
    package var compresses = false

    /// The protocol's defaults.
    package init(_ limits: WireLimits = WireLimits()) {
        maxFrame = limits.maxFrame
        maxMessage = limits.maxMessage
        maxStreams = limits.maxStreams
        windowItems = limits.windowItems
        windowBytes = limits.windowBytes
    }
}

/// One call or stream that a lost connection or GOAWAY has ended.
package struct LostStream {
    package let stream: StreamID
    package let context: AnyObject?
    /// False only if the server can not have begun it.
    package let mayHaveBeenProcessed: Bool
}

/// The client's half of a connection, as its session calls it, on the connection's event loop. `context` is what
/// ``SessionCore/open(method:body:context:manualCredit:)`` was given. Bodies are valid only during the call.
package protocol ClientSessionDelegate: AnyObject {
    /// The body of the HELLO to send.
    func hello(_ session: SessionCore) -> [UInt8]
    func welcome(_ session: SessionCore, body: UnsafeRawBufferPointer) -> WelcomeDecision
    /// The connection is open for calls.
    func opened(_ session: SessionCore)
    /// The answer; the stream is over.
    func response(_ session: SessionCore, stream: StreamID, context: AnyObject?, body: UnsafeRawBufferPointer)
    /// ERROR with a `saga.v1.Status`; the stream is over.
    func failed(_ session: SessionCore, stream: StreamID, context: AnyObject?, status: UnsafeRawBufferPointer)
    func item(_ session: SessionCore, stream: StreamID, context: AnyObject?, body: UnsafeRawBufferPointer)
    /// The server sends no further item on this stream.
    func ended(_ session: SessionCore, stream: StreamID, context: AnyObject?)
    /// The stream was cut off: cancelled by the server, or by this side because it broke a limit.
    func cancelled(_ session: SessionCore, stream: StreamID, context: AnyObject?, status: WireStatus)
    func drained(_ session: SessionCore, stream: StreamID, context: AnyObject?, items: Int)
    /// A long request has left: the next may begin, see ``SessionCore/canBegin(_:)``.
    func roomForLongRequests(_ session: SessionCore)
    /// The server drains: `lost` were not processed, no new call can be opened, the others finish.
    func goAway(_ session: SessionCore, _ message: WireGoAway, lost: [LostStream])
    /// The connection is over, and `lost` with it. The last call.
    func closed(_ session: SessionCore, reason: SessionCloseReason, lost: [LostStream])
}

/// The client's side of a connection: drives a ``SessionCore`` and calls the delegate.
package final class ClientSession<Delegate: ClientSessionDelegate>: WireSession {
    package let core: SessionCore
    package let delegate: Delegate
    private var isOver = false

    /// - Parameter now: monotonic nanoseconds when the connection was begun.
    package init(limits: WireLimits = WireLimits(), delegate: Delegate, now: UInt64) {
        core = SessionCore(role: .client, limits: limits, now: now)
        self.delegate = delegate
    }

    package func connected() {
        core.writeFrame(.hello, stream: 0, body: delegate.hello(core))
    }

    package func receive(_ bytes: UnsafeRawBufferPointer) {
        let core = core
        let delegate = delegate
        core.sawInput = true
        var input = bytes
        loop: while core.acceptsInput {
            switch core.nextInbound(&input) {
            case .exhausted:
                break loop
            case .nothing:
                continue
            case .response(let stream, let context, let body):
                delegate.response(core, stream: stream, context: context, body: body)
            case .failure(let stream, let context, let body):
                delegate.failed(core, stream: stream, context: context, status: body)
            case .item(let stream, let context, let body):
                delegate.item(core, stream: stream, context: context, body: body)
                core.itemParsed(stream, bytes: body.count)
            case .end(let stream, let context):
                delegate.ended(core, stream: stream, context: context)
            case .abandoned(let stream, let context, let status):
                delegate.cancelled(core, stream: stream, context: context, status: status)
            case .welcome(let body):
                answerWelcome(body)
            case .goAway(let message):
                delegate.goAway(core, message, lost: core.takeStreams(above: message.lastStream, unprocessed: true))
            case .hello, .request:
                break  // Not for a client; the core has refused them.
            }
        }
        fillOutput()
    }

    package func resume() {}

    private func answerWelcome(_ body: UnsafeRawBufferPointer) {
        switch delegate.welcome(core, body: body) {
        case .accept(let agreement):
            core.agree(agreement)
            core.enterOpen()
            delegate.opened(core)
        case .reject(let status):
            core.close(status)
        }
    }

    package func tick(_ now: UInt64) {
        core.advance(now)
        fillOutput()
    }

    package func fillOutput() {
        if !core.ready.isEmpty { core.pump() }
        while !core.deferred.isEmpty {
            for news in core.takeDeferred() {
                switch news {
                case .drained(let stream, let context, let items):
                    delegate.drained(core, stream: stream, context: context, items: items)
                case .abandoned(let stream, let context, let status):
                    delegate.cancelled(core, stream: stream, context: context, status: status)
                case .roomForLongRequests:
                    delegate.roomForLongRequests(core)
                }
            }
        }
    }

    package func drain(reason: String, drainMS: UInt64, retryAfterMS: UInt64) {
        if core.state == .open { core.state = .draining }
    }

    package func disconnected(_ reason: SessionCloseReason) {
        guard !isOver else { return }
        isOver = true
        core.closeReason = core.closeReason ?? reason
        core.state = .closed
        let lost = core.takeStreams(above: 0, unprocessed: false)
        core.removeAllStreams()
        delegate.closed(core, reason: core.closeReason ?? reason, lost: lost)
    }
}

extension SessionCore {
    /// Narrows this side's limits to what the server said; nonsense values are ignored.
    func agree(_ agreement: WireAgreement) {
        func narrowed(_ own: Int, _ other: Int, least: Int) -> Int { other >= least ? min(own, other) : own }
        limits.maxFrame = narrowed(limits.maxFrame, agreement.maxFrame, least: 1_024)
        limits.maxMessage = narrowed(limits.maxMessage, agreement.maxMessage, least: 1_024)
        limits.maxStreams = narrowed(limits.maxStreams, agreement.maxStreams, least: 1)
        compresses = agreement.compresses
        if agreement.windowItems >= 1 { limits.windowItems = min(agreement.windowItems, limits.maxWindow) }
        if agreement.windowBytes >= 1 { limits.windowBytes = min(agreement.windowBytes, limits.maxWindow) }
    }

    /// Removes the streams above `last` and says which of them the server can have begun.
    func takeStreams(above last: StreamID, unprocessed: Bool) -> [LostStream] {
        table.open.filter { $0.id > last }.compactMap { record in
            guard let index = table.find(record.id) else { return nil }
            let complete = record.state.contains(.requested)
            _ = removeRecord(index)
            return LostStream(
                stream: record.id, context: record.context, mayHaveBeenProcessed: complete && !unprocessed)
        }
    }
}
