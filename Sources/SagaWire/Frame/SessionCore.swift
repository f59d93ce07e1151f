/// Why a session is over.
package enum SessionCloseReason: Sendable, Hashable {
    /// This side asked for it, or the drain after GOAWAY is complete.
    case local
    /// The peer closed in order.
    case peerClosed
    /// The connection broke: reset, end of file without a goodbye, or in the middle of a frame.
    case lost(String)
    /// This side sent ERROR for the connection.
    case refused(WireStatus)
    /// The peer sent ERROR for the connection.
    case peerError(WireStatus)
    /// TLS failed, before or after the handshake.
    case security(String)
    /// The peer was silent, took no output, or did not finish the handshake in time.
    case timedOut(String)
}

/// What became of a message given to the session.
package enum SendResult: Sendable, Hashable {
    /// It stands in the output.
    case sent
    /// It waits for credit or for its turn; the delegate hears `drained` later.
    case queued
    /// The queue of the stream or of the connection is full; nothing was taken.
    case full
    /// The stream is not open for sending any more.
    case closed
}

/// One side of a connection without I/O: frames, streams, windows, time-outs. Bytes come in through
/// ``ServerSession/receive(_:)`` or ``ClientSession/receive(_:)``, bytes to send gather in the output, time comes in
/// through `tick`. Design: `wire.md`.
///
/// ```
/// awaitingHello ── HELLO accepted / WELCOME ──▶ open ── GOAWAY ──▶ draining
///       └───────────────┴── ERROR on stream 0, close ──┴───▶ closing (input is ignored, output leaves) ──▶ closed
/// ```
///
/// Its properties are `@exclusivity(unchecked)`: the run-time checks cost a tenth of a request, and no function here
/// calls out (to a delegate, a closure) while it holds one of them.
///
/// Not thread-safe: everything happens on the connection's event loop, or on a thread that keeps it out meanwhile. Delegates call
/// the sending half (`respond`, `fail`, `sendItem`, `finish`, `goAway`, `close`) from inside their callbacks or there.
package final class SessionCore {
    package enum Role: Sendable { case server, client }
    package enum State: Sendable { case awaitingHello, open, draining, closing, closed }

    /// What one frame, or the end of one message, means for the delegate.
    enum Inbound {
        case exhausted
        case nothing
        case hello(UnsafeRawBufferPointer)
        case welcome(UnsafeRawBufferPointer)
        case request(StreamID, UInt16, UnsafeRawBufferPointer)
        case response(StreamID, AnyObject?, UnsafeRawBufferPointer)
        case failure(StreamID, AnyObject?, UnsafeRawBufferPointer)
        case item(StreamID, AnyObject?, UnsafeRawBufferPointer)
        case end(StreamID, AnyObject?)
        case abandoned(StreamID, AnyObject?, WireStatus)
        case goAway(WireGoAway)
    }

    /// News for the delegate that arose outside a received frame.
    enum Deferred {
        case drained(StreamID, AnyObject?, Int)
        case abandoned(StreamID, AnyObject?, WireStatus)
        case roomForLongRequests
    }

    /// What has become of the REQUEST that is with the delegate right now.
    enum Current { case none, pending, done }

    package let role: Role
    @exclusivity(unchecked) package var limits: WireLimits
    @exclusivity(unchecked) package internal(set) var state = State.awaitingHello
    /// Whether both sides have announced ``WireFeature/lz4``; to be set before the first message after WELCOME.
    @exclusivity(unchecked) package var compresses = false
    /// Set once the session ends; see ``SessionCloseReason``.
    @exclusivity(unchecked) package internal(set) var closeReason: SessionCloseReason?

    @exclusivity(unchecked) var output = OutputBuffer()
    @exclusivity(unchecked) var parser: FrameParser
    @exclusivity(unchecked) var table = StreamTable()
    /// Highest id that was ever opened.
    @exclusivity(unchecked) package internal(set) var lastOpened: StreamID = 0
    /// The REQUEST that the delegate is answering; it has no record unless it must outlive the call.
    @exclusivity(unchecked) var currentStream: StreamID = 0
    @exclusivity(unchecked) var current = Current.none
    /// Refused requests whose further frames are still to come.
    @exclusivity(unchecked) var droppedRequests: [StreamID] = []
    /// Keeps the last complete message alive while the delegate reads it.
    @exclusivity(unchecked) var assembled: MessageBuffer?
    /// Keeps the body of the last compressed frame alive, likewise.
    @exclusivity(unchecked) var openedBody: MessageBuffer?
    /// Input that waits until the peer has taken some of the output; at most one read.
    @exclusivity(unchecked) var heldInput: [UInt8] = []
    @exclusivity(unchecked) var assemblingBytes = 0
    @exclusivity(unchecked) var assemblies = 0
    @exclusivity(unchecked) var queuedBytes = 0
    /// Sizes of the long messages whose first frame has left and whose last has not.
    @exclusivity(unchecked) var begunBytes = 0
    /// Streams with something to send, in turn.
    @exclusivity(unchecked) var ready: [StreamID] = []
    @exclusivity(unchecked) var deferred: [Deferred] = []

    // Time, in nanoseconds of the caller's monotonic clock.
    @exclusivity(unchecked) var now: UInt64
    @exclusivity(unchecked) var openedAt: UInt64
    @exclusivity(unchecked) var lastInput: UInt64
    @exclusivity(unchecked) var lastOutput: UInt64
    @exclusivity(unchecked) var sawInput = false
    @exclusivity(unchecked) var sawOutput = false
    @exclusivity(unchecked) var partialFrame: UInt64 = 0
    @exclusivity(unchecked) var partialSince: UInt64?
    @exclusivity(unchecked) var pingSequence: UInt64 = 0

    /// - Parameter now: the monotonic time at which the connection was accepted or opened, in nanoseconds.
    package init(role: Role, limits: WireLimits, now: UInt64) {
        self.role = role
        self.limits = limits
        self.now = now
        openedAt = now
        lastInput = now
        lastOutput = now
        parser = FrameParser(maxLength: limits.maxHello + FrameHeader.lengthOverhead)
    }

    /// Calls and streams that are open or whose handler still runs.
    package var streamsInFlight: Int { table.count + (current == .pending ? 1 : 0) }

    /// True while received bytes are of interest.
    package var acceptsInput: Bool { state != .closing && state != .closed }

    /// False while so much output waits that a server takes no further input. A client always does, or two sides that
    /// both wait for the other to read would wait for ever.
    package var wantsInput: Bool { output.count < limits.maxOutput || role == .client }

    /// True while input is kept back that ``WireSession/resume()`` would look at.
    package var holdsInput: Bool { !heldInput.isEmpty }

    /// True while the beginning of a frame waits for its rest.
    package var hasPartialFrame: Bool { parser.hasPartialFrame }

    /// True when GOAWAY was sent (or received) and the last stream has gone.
    package var isDrained: Bool { state == .draining && table.count == 0 && current != .pending }

    /// Bytes that are ready to leave, oldest first; call ``consumeOutput(_:)`` for those that were taken.
    package var outputBytes: UnsafeRawBufferPointer { output.readable }

    /// Bytes that are ready to leave.
    package var outputCount: Int { output.count }

    /// True if nothing waits to be sent, formatted or not.
    package var isOutputEmpty: Bool { output.count == 0 && ready.isEmpty }

    /// Says that the first `count` bytes of the output have left.
    package func consumeOutput(_ count: Int) {
        sawOutput = true
        output.consume(count)
    }

    /// Gives back memory that was not needed since the last call; to be called at each tick.
    /// - Parameter isBusy: Something was sent or received since.
    package func trimOutput(isBusy: Bool) { output.trim(isBusy: isBusy) }

    // MARK: Ending

    /// Ends the session: an ERROR for the connection if `status` is given, then nothing but the rest of the output.
    package func close(_ status: WireStatus? = nil) {
        guard acceptsInput else { return }
        if let status {
            writeFrame(.error, stream: 0, body: status.encoded())
            closeReason = closeReason ?? .refused(status)
        } else {
            closeReason = closeReason ?? .local
        }
        state = .closing
    }

    /// Says why the session ends without a word to the peer: it is gone, or speaks no frames.
    package func abort(_ reason: SessionCloseReason) {
        guard acceptsInput else { return }
        closeReason = closeReason ?? reason
        state = .closing
    }

    /// Sends GOAWAY: streams above the last one seen are not processed, running calls finish. Server only.
    package func goAway(reason: String, code: WireCode = .unavailable, drainMS: UInt64 = 0, retryAfterMS: UInt64 = 0) {
        guard role == .server, state == .open else { return }
        let message = WireGoAway(
            lastStream: lastOpened, reason: reason, drainMS: drainMS, retryAfterMS: retryAfterMS, code: code)
        writeFrame(.goAway, stream: 0, body: message.encoded())
        state = .draining
    }

    // MARK: Formatting

    /// Appends one frame to the output.
    func writeFrame(
        _ kind: FrameKind, flags: FrameFlags = [], method: UInt16 = 0, stream: StreamID, body: UnsafeRawBufferPointer
    ) {
        if compresses, writeCompressed(kind, flags: flags, method: method, stream: stream, body: body) { return }
        let size = FrameHeader.size + body.count
        let base = output.reserve(size)
        FrameHeader.write(to: base, kind: kind, flags: flags, method: method, stream: stream, bodyCount: body.count)
        if let source = body.baseAddress {
            (base + FrameHeader.size).copyMemory(from: source, byteCount: body.count)
        }
        output.commit(size)
    }

    func writeFrame(_ kind: FrameKind, method: UInt16 = 0, stream: StreamID, body: [UInt8] = []) {
        body.withUnsafeBytes { writeFrame(kind, method: method, stream: stream, body: $0) }
    }
}
