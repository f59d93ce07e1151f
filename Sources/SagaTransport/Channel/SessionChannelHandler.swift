internal import NIOCore
internal import SagaWire

/// The one handler of a channel: TLS below, a session above, the channel's bytes in between.
///
/// ```
/// connecting ──▶ securing ──▶ open ──▶ lingering ──▶ closed
///                  (TLS)                (said goodbye, waits for the peer)
/// ```
///
/// A whole read is decrypted into the loop's scratch buffer, given to the session at once, and answered with one write
/// and one flush when the read is complete. Nothing is retained of the input, no promise is made, and no output is
/// encrypted that the peer does not take: it waits as frames in the session, whose limits bound it.
final class SessionChannelHandler<Session: WireSession>: ChannelConnection, ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Phase { case connecting, securing, open, lingering, closed }

    let session: Session
    private let core: SessionCore
    private let engine: TLSEngine?
    private let onSecured: (PeerCertificate?) -> Void
    private let onClosed: () -> Void
    @exclusivity(unchecked) private var context: ChannelHandlerContext?
    @exclusivity(unchecked) private var phase = Phase.connecting
    @exclusivity(unchecked) private var isWritable = true
    /// Decrypted or not, input is kept back until the peer has taken some of our output.
    @exclusivity(unchecked) private var isInputHeld = false
    /// A read that was asked for while the peer does not take our output.
    @exclusivity(unchecked) private var isReadHeld = false
    @exclusivity(unchecked) private var stalledSince: UInt64?
    @exclusivity(unchecked) private var stalledBytes = 0
    @exclusivity(unchecked) private var lingerSince: UInt64?
    @exclusivity(unchecked) private var minute: UInt64 = 0
    @exclusivity(unchecked) private var wasBusy = false
    @exclusivity(unchecked) private var lostReason: SessionCloseReason?
    /// The socket for writing beside the channel; nil until other threads have something to send.
    @exclusivity(unchecked) private var socket: DirectSocket?
    /// Whether the channel has nothing to write.
    @exclusivity(unchecked) private var isChannelClear = true

    /// Most ciphertext given to the channel in one go.
    private static var burst: Int { 128 << 10 }

    /// - Parameters:
    ///   - engine: nil for plain text.
    ///   - onSecured: called when TLS is up, before the session begins.
    ///   - onClosed: called when the channel is gone, after the session was told.
    init(
        loop: TransportLoop, owner: AnyObject, port: ConnectionPort, session: Session, engine: TLSEngine?,
        onSecured: @escaping (PeerCertificate?) -> Void, onClosed: @escaping () -> Void
    ) {
        self.session = session
        core = session.core
        self.engine = engine
        self.onSecured = onSecured
        self.onClosed = onClosed
        super.init(loop: loop, owner: owner, port: port)
    }

    // MARK: The channel's life

    func handlerAdded(context: ChannelHandlerContext) {
        port.gate.onLoop {
            self.context = context
            context.channel.closeOnExec()
            port.attach(self)
            loop.add(self)
            if context.channel.isActive { begin() }
        }
    }

    func channelActive(context: ChannelHandlerContext) {
        port.gate.onLoop { begin() }
    }

    private func begin() {
        guard phase == .connecting else { return }
        phase = .securing
        guard engine != nil else { return secured() }
        continueHandshake()
        flush()
    }

    private func secured() {
        phase = .open
        onSecured(engine?.peerCertificate)
        session.connected()
        flush()
    }

    func channelInactive(context: ChannelHandlerContext) {
        port.gate.onLoop { end(lostReason ?? endOfFile) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        port.gate.onLoop { end(lostReason ?? endOfFile) }
    }

    /// Over TLS an end without a goodbye may be an attacker's cut; plain text knows no other end.
    private var endOfFile: SessionCloseReason {
        if engine == nil, !core.hasPartialFrame { return .peerClosed }
        return .lost(core.hasPartialFrame ? "the connection broke off within a frame" : "the connection broke off")
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        port.gate.onLoop { lostReason = lostReason ?? .lost("the connection broke: \(error)") }
        context.close(promise: nil)
    }

    private func end(_ reason: SessionCloseReason) {
        guard phase != .closed else { return }
        phase = .closed
        socket = nil
        loop.remove(self)
        port.detach()
        session.disconnected(reason)
        context = nil
        onClosed()
    }

    // MARK: Input

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        port.gate.onLoop { received(data) }
    }

    private func received(_ data: NIOAny) {
        // After the goodbye, input is only thrown away: closing with unread bytes would reset the connection and
        // take our last words from the peer.
        guard phase == .open || phase == .securing else { return }
        let buffer = Self.unwrapInboundIn(data)
        isReceiving = true
        buffer.withUnsafeReadableBytes { bytes in
            if let engine { decrypt(bytes, engine) } else { session.receive(bytes) }
        }
        isReceiving = false
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        flush()
    }

    private func decrypt(_ bytes: UnsafeRawBufferPointer, _ engine: TLSEngine) {
        do {
            try engine.receive(bytes) { () throws(TLSError) in
                if phase == .securing { continueHandshake() }
                if phase == .open { try readPlaintext(engine) }
            }
        } catch {
            fail(error)
        }
    }

    /// Reads until OpenSSL has nothing more to give; a full scratch buffer goes to the session in between.
    private func readPlaintext(_ engine: TLSEngine) throws(TLSError) {
        let scratch = loop.scratch
        var filled = 0
        while core.acceptsInput, engine.mayRead {
            guard core.wantsInput else {
                isInputHeld = true
                break
            }
            let room = UnsafeMutableRawBufferPointer(rebasing: scratch[filled...])
            let result = try engine.read(into: room)
            if case .bytes(let count) = result {
                filled += count
                if filled + TLSEngine.recordSize > scratch.count {
                    session.receive(UnsafeRawBufferPointer(rebasing: scratch[..<filled]))
                    filled = 0
                }
                continue
            }
            if filled > 0 {
                session.receive(UnsafeRawBufferPointer(rebasing: scratch[..<filled]))
                filled = 0
            }
            if case .closed = result { core.abort(.peerClosed) }
            return
        }
        if filled > 0 { session.receive(UnsafeRawBufferPointer(rebasing: scratch[..<filled])) }
    }

    private func continueHandshake() {
        guard let engine else { return }
        do {
            if try engine.handshake() { secured() }
        } catch {
            fail(error)
        }
    }

    /// TLS cannot go on: its alert still leaves, then the connection closes.
    private func fail(_ error: TLSError) {
        securityError = securityError ?? error
        lostReason = lostReason ?? .security(error.message)
        core.abort(.security(error.message))
        isReceiving = false
        flush()
    }

    // MARK: Output

    override func flush() { port.gate.onLoop { flushInside() } }

    private func flushInside() {
        guard let context, phase != .closed, phase != .connecting else { return }
        // The short way, where there is one: the channel's own costs as much as a small record's encryption.
        if isOpenToOthers, flushDirectly() { return }
        repeat {
            if phase == .open { session.fillOutput() }
            if phase == .open, core.isDrained { core.close() }
            while isWritable {
                guard let buffer = nextOutput() else { break }
                wasBusy = true
                isChannelClear = false
                context.writeAndFlush(Self.wrapOutboundOut(buffer), promise: nil)
                guard phase != .closed else { return }
            }
        } while resumeInput()
        if !isChannelClear, socket != nil {
            isChannelClear = (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) == 0
        }
        if !core.acceptsInput, phase == .open || phase == .securing, core.outputCount == 0 {
            beginLinger(context)
        }
    }

    /// Looks at input that was kept back, once there is room for its answers; true if there was some.
    private func resumeInput() -> Bool {
        guard isInputHeld || core.holdsInput, core.wantsInput, phase == .open, core.acceptsInput else { return false }
        isInputHeld = false
        isReceiving = true
        session.resume()
        do {
            if let engine { try readPlaintext(engine) }
        } catch {
            isReceiving = false
            securityError = securityError ?? error
            lostReason = lostReason ?? .security(error.message)
            core.abort(.security(error.message))
        }
        isReceiving = false
        return true
    }

    /// The next piece for the channel: frames of the session, encrypted, and whatever TLS itself has to say.
    private func nextOutput() -> ByteBuffer? {
        guard let engine else { return nextPlainOutput() }
        do {
            while phase == .open, core.outputCount > 0, engine.ciphertextCount < Self.burst {
                let taken = try engine.write(core.outputBytes)
                guard taken > 0 else { break }
                core.consumeOutput(taken)
                if core.outputCount < core.limits.outputHighWater { session.fillOutput() }
            }
        } catch {
            lostReason = lostReason ?? .security(error.message)
            core.abort(.security(error.message))
            core.consumeOutput(core.outputCount)
        }
        return takeCiphertext(engine)
    }

    // MARK: Other threads

    /// Connections of one event loop beyond which none gets a second descriptor: a loop with so much to do is awake anyway.
    private static var mostWithSocket: Int { 256 }

    override func prepareForOthers() {
        guard socket == nil, phase == .open, loop.connectionCount <= Self.mostWithSocket, let context else { return }
        socket = DirectSocket(context.channel)
        // Known after the next flush.
        isChannelClear = false
    }

    override var isOpenToOthers: Bool {
        phase == .open && isChannelClear && isWritable && socket != nil && !isInputHeld && !core.holdsInput
    }

    override func flushDirectly() -> Bool {
        // More than that is the event loop's, which has other connections to look after meanwhile.
        var room = Self.burst
        while room > 0 {
            session.fillOutput()
            if core.isDrained || !core.acceptsInput { return false }
            wasBusy = true
            let hasSent: Bool
            if let engine {
                do {
                    while core.outputCount > 0, engine.ciphertextCount < Self.burst {
                        let taken = try engine.write(core.outputBytes)
                        guard taken > 0 else { break }
                        core.consumeOutput(taken)
                    }
                } catch {
                    lostReason = lostReason ?? .security(error.message)
                    core.abort(.security(error.message))
                    core.consumeOutput(core.outputCount)
                    return false
                }
                guard engine.ciphertextCount > 0 else { return core.outputCount == 0 }
                let count = socket?.write(engine.ciphertext) ?? 0
                engine.dropCiphertext(count)
                room -= count
                hasSent = engine.ciphertextCount == 0
            } else {
                guard core.outputCount > 0 else { return true }
                let count = socket?.write(core.outputBytes) ?? 0
                core.consumeOutput(count)
                room -= count
                hasSent = core.outputCount == 0
            }
            if !hasSent { return false }
        }
        return false
    }

    private func takeCiphertext(_ engine: TLSEngine) -> ByteBuffer? {
        let count = engine.ciphertextCount
        guard count > 0 else { return nil }
        loop.outgoing.clear()
        loop.outgoing.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { room in
            engine.takeCiphertext(into: UnsafeMutableRawBufferPointer(rebasing: room[..<count]))
        }
        return loop.outgoing
    }

    private func nextPlainOutput() -> ByteBuffer? {
        session.fillOutput()
        let count = min(core.outputCount, Self.burst)
        guard count > 0 else { return nil }
        loop.outgoing.clear()
        loop.outgoing.writeBytes(UnsafeRawBufferPointer(rebasing: core.outputBytes[..<count]))
        core.consumeOutput(count)
        return loop.outgoing
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        port.gate.onLoop { writabilityChanged(context) }
    }

    private func writabilityChanged(_ context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        guard isWritable else { return }
        stalledSince = nil
        if !isReceiving { loop.markDirty(self) }
        if isReadHeld {
            isReadHeld = false
            context.read()
        }
    }

    /// A server does not read while the peer does not take what it has: that is what bounds the memory of a connection.
    /// A client always reads, or the two would wait for each other.
    func read(context: ChannelHandlerContext) {
        port.gate.onLoop {
            if isWritable || phase == .lingering || core.role == .client { context.read() } else { isReadHeld = true }
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        // Bytes from elsewhere would break the framing. Nobody has a reason to write here.
        promise?.fail(ChannelError.operationUnsupported)
    }

    // MARK: Closing

    /// Says goodbye and waits a little for the peer to do the same.
    private func beginLinger(_ context: ChannelHandlerContext) {
        phase = .lingering
        lingerSince = MonotonicClock.now()
        if let engine {
            engine.sendGoodbye()
            if let buffer = takeCiphertext(engine) {
                context.writeAndFlush(Self.wrapOutboundOut(buffer), promise: nil)
            }
        }
        guard phase == .lingering else { return }
        if core.closeReason == .peerClosed {
            context.close(promise: nil)
            return
        }
        context.close(mode: .output, promise: nil)
        if isReadHeld {
            isReadHeld = false
            context.read()
        }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        port.gate.onLoop {
            if mode == .all, phase == .open, let engine {
                engine.sendGoodbye()
                if let buffer = takeCiphertext(engine) {
                    isChannelClear = false
                    context.writeAndFlush(Self.wrapOutboundOut(buffer), promise: nil)
                }
            }
            context.close(mode: mode, promise: promise)
        }
    }

    override func closeGracefully() {
        port.gate.onLoop {
            core.close()
            flushInside()
        }
    }

    override func closeNow(_ reason: SessionCloseReason) {
        port.gate.onLoop {
            core.abort(reason)
            lostReason = lostReason ?? reason
            context?.close(promise: nil)
        }
    }

    // MARK: Time and commands

    override func tick(_ now: UInt64) { port.gate.onLoop { tickInside(now) } }

    private func tickInside(_ now: UInt64) {
        switch phase {
        case .closed:
            return
        case .connecting, .securing:
            session.tick(now)
            if !core.acceptsInput { closeNow(.timedOut("no TLS handshake in time")) }
            return
        case .lingering:
            if let since = lingerSince, now >= since, now - since >= core.limits.linger { closeNow(.local) }
            return
        case .open:
            session.tick(now)
        }
        flush()
        if phase == .open { checkStall(now) }
        if let engine, now - minute >= 60 * WireLimits.second {
            minute = now
            engine.allowMoreKeyUpdates()
        }
        if !wasBusy { engine?.trim() }
        core.trimOutput(isBusy: wasBusy)
        wasBusy = false
    }

    /// A peer that takes nothing of what waits for it is cut off; one that is only slow is not.
    private func checkStall(_ now: UInt64) {
        guard !isWritable, let context else {
            stalledSince = nil
            return
        }
        let waiting = (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        guard let since = stalledSince, waiting >= stalledBytes else {
            stalledSince = now
            stalledBytes = waiting
            return
        }
        if now - since >= core.limits.stalledWriter { closeNow(.timedOut("the peer does not read")) }
    }

    override func apply(_ command: SessionCommand) {
        if case .goAway(let reason, let drainMS, let retryAfterMS) = command {
            drain(reason: reason, drainMS: drainMS, retryAfterMS: retryAfterMS)
        } else {
            core.carryOut(command)
        }
    }

    override func drain(reason: String, drainMS: UInt64, retryAfterMS: UInt64) {
        port.gate.onLoop {
            guard phase == .open, core.state == .open else { return closeGracefully() }
            session.drain(reason: reason, drainMS: drainMS, retryAfterMS: retryAfterMS)
            flushInside()
        }
    }
}
