/// What the server says to a HELLO.
package enum HelloDecision {
    /// Sends this `saga.v1.Welcome`.
    case accept(welcome: [UInt8])
    /// Sends this `saga.v1.Status` as ERROR and closes.
    case reject(status: WireStatus)
}

/// The server's half of a connection, as its session calls it. Everything runs on the connection's event loop, so
/// nothing here may block.
///
/// Bodies are valid only during the call. Each request must come to exactly one end: `respond`, `fail`, `finish` on a
/// stream whose peer has also ended, or `release` after ``cancelled(_:stream:context:status:)``; until then it counts
/// as in flight.
package protocol ServerSessionDelegate: AnyObject {
    /// The connection is up; TLS, if any, is done. Nothing has been received yet.
    func connected(_ session: SessionCore)
    /// HELLO has arrived.
    func hello(_ session: SessionCore, body: UnsafeRawBufferPointer) -> HelloDecision
    /// A call or stream was opened. Answer at once through `session` (the fast path), or keep the id and answer later.
    func request(_ session: SessionCore, stream: StreamID, method: UInt16, body: UnsafeRawBufferPointer)
    /// An item of a stream. `context` is what ``SessionCore/setContext(_:_:)`` was given.
    func item(_ session: SessionCore, stream: StreamID, context: AnyObject?, body: UnsafeRawBufferPointer)
    /// The client sends no further item on this stream.
    func ended(_ session: SessionCore, stream: StreamID, context: AnyObject?)
    /// The stream is over before its time: cancelled by the client, or cut off because it broke a limit.
    func cancelled(_ session: SessionCore, stream: StreamID, context: AnyObject?, status: WireStatus)
    /// `items` of this stream that had to wait have left; there is room again.
    func drained(_ session: SessionCore, stream: StreamID, context: AnyObject?, items: Int)
    /// GOAWAY was sent: finish and END long streams.
    func draining(_ session: SessionCore)
    /// The connection is over; no stream of it exists any more. The last call.
    func closed(_ session: SessionCore, reason: SessionCloseReason)
}

extension ServerSessionDelegate {
    package func connected(_ session: SessionCore) {}
    package func drained(_ session: SessionCore, stream: StreamID, context: AnyObject?, items: Int) {}
    package func draining(_ session: SessionCore) {}
}

/// The server's side of a connection: drives a ``SessionCore`` and calls the delegate.
package final class ServerSession<Delegate: ServerSessionDelegate>: WireSession {
    package let core: SessionCore
    package let delegate: Delegate
    /// For the transport: HELLO was accepted.
    package var onWelcome: (() -> Void)?
    private var isOver = false

    /// - Parameter now: monotonic nanoseconds when the connection was accepted.
    package init(limits: WireLimits = WireLimits(), delegate: Delegate, now: UInt64) {
        core = SessionCore(role: .server, limits: limits, now: now)
        self.delegate = delegate
    }

    package func connected() {
        delegate.connected(core)
    }

    package func receive(_ bytes: UnsafeRawBufferPointer) {
        let core = core
        let delegate = delegate
        core.sawInput = true
        if core.holdsInput {
            core.heldInput.append(contentsOf: bytes)
            return
        }
        var input = bytes
        loop: while core.acceptsInput {
            guard core.wantsInput else {
                core.heldInput.append(contentsOf: input)
                break
            }
            switch core.nextInbound(&input) {
            case .exhausted:
                break loop
            case .nothing:
                continue
            case .request(let stream, let method, let body):
                delegate.request(core, stream: stream, method: method, body: body)
                if core.current == .pending { core.keepCurrent() }
            case .item(let stream, let context, let body):
                delegate.item(core, stream: stream, context: context, body: body)
                core.itemParsed(stream, bytes: body.count)
            case .end(let stream, let context):
                delegate.ended(core, stream: stream, context: context)
            case .abandoned(let stream, let context, let status):
                delegate.cancelled(core, stream: stream, context: context, status: status)
            case .hello(let body):
                answerHello(body)
            case .welcome, .response, .failure, .goAway:
                break  // Not for a server; the core has refused them.
            }
        }
        fillOutput()
    }

    package func resume() {
        guard core.holdsInput, core.wantsInput else { return }
        let held = core.heldInput
        core.heldInput = []
        held.withUnsafeBytes { receive($0) }
    }

    private func answerHello(_ body: UnsafeRawBufferPointer) {
        switch delegate.hello(core, body: body) {
        case .accept(let welcome):
            guard core.acceptsInput else { return }
            core.writeFrame(.welcome, stream: 0, body: welcome)
            core.enterOpen()
            onWelcome?()
            onWelcome = nil
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
                    break  // A server makes none.
                }
            }
        }
    }

    /// Sends GOAWAY and tells the delegate; new requests are ignored from here on.
    package func drain(reason: String, drainMS: UInt64, retryAfterMS: UInt64) {
        guard core.state == .open else { return }
        core.goAway(reason: reason, drainMS: drainMS, retryAfterMS: retryAfterMS)
        delegate.draining(core)
    }

    package func disconnected(_ reason: SessionCloseReason) {
        guard !isOver else { return }
        isOver = true
        core.closeReason = core.closeReason ?? reason
        core.state = .closed
        core.removeAllStreams()
        delegate.closed(core, reason: core.closeReason ?? reason)
    }
}

extension SessionCore {
    /// Drops every stream and everything that waits; the connection is gone.
    func removeAllStreams() {
        table = StreamTable()
        ready = []
        deferred = []
        queuedBytes = 0
        begunBytes = 0
        heldInput = []
        assemblingBytes = 0
        assemblies = 0
    }
}
