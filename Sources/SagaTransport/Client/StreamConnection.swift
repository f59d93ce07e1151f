internal import NIOCore
internal import NIOPosix
internal import SagaWire

/// A client's session over a ``ByteStream``: what `SessionChannelHandler` is over a channel of our own, without TLS, which is the
/// stream's business. Lives on the event loop; a task reads, and one at a time sends.
final class StreamConnection: ChannelConnection {
    private enum Phase { case open, ending, closed }

    private let session: ClientSession<ClientDelegate>
    private let core: SessionCore
    private let stream: ByteStream
    private let gone: EventLoopPromise<Void>
    @exclusivity(unchecked) private var phase = Phase.open
    @exclusivity(unchecked) private var sendingSince: UInt64?
    /// Whether anything was sent or received since the last tick.
    @exclusivity(unchecked) private var wasBusy = false
    @exclusivity(unchecked) private var lostReason: SessionCloseReason?

    /// Most bytes given to the stream in one go.
    private static let burst = 128 << 10

    private init(
        loop: TransportLoop, owner: AnyObject, port: ConnectionPort, session: ClientSession<ClientDelegate>,
        stream: ByteStream, gone: EventLoopPromise<Void>
    ) {
        self.session = session
        core = session.core
        self.stream = stream
        self.gone = gone
        super.init(loop: loop, owner: owner, port: port)
    }

    /// Has the stream opened, within the configuration's connect time-out, and says HELLO over it.
    static func connect(
        _ configuration: ClientConfiguration, group: TransportGroup,
        _ open: @escaping @Sendable (TransportAddress) async throws -> ByteStream
    ) async throws(TransportError) -> ClientConnection {
        let stream = try await opened(configuration, open)
        guard let loop = group.loop(of: group.eventLoopGroup.next()) else {
            throw TransportError(.configuration, "the group has no event loop")
        }
        do {
            return try await loop.eventLoop.flatSubmit { begin(configuration, loop, stream) }.get()
        } catch let error as TransportError {
            throw error
        } catch {
            throw TransportError(.connectFailed, "cannot connect to \(configuration.address): \(error)")
        }
    }

    private static func opened(
        _ configuration: ClientConfiguration, _ open: @escaping @Sendable (TransportAddress) async throws -> ByteStream
    ) async throws(TransportError) -> ByteStream {
        let (address, timeout) = (configuration.address, configuration.connectTimeout)
        do {
            return try await withThrowingTaskGroup(of: ByteStream.self) { group in
                group.addTask { try await open(address) }
                group.addTask {
                    try await Task.sleep(for: timeout)
                    throw TransportError(.connectFailed, "cannot connect to \(address): no answer in time")
                }
                defer { group.cancelAll() }
                guard let first = try await group.next() else { throw TransportError(.cancelled, "nothing was tried") }
                return first
            }
        } catch let error as TransportError {
            throw error
        } catch is CancellationError {
            throw TransportError(.cancelled, "the call was cancelled")
        } catch {
            throw TransportError(.connectFailed, "cannot connect to \(address): \(error)")
        }
    }

    /// On the event loop.
    private static func begin(
        _ configuration: ClientConfiguration, _ loop: TransportLoop, _ stream: ByteStream
    ) -> EventLoopFuture<ClientConnection> {
        let shared = ClientShared()
        let opening = loop.eventLoop.makePromise(of: Void.self)
        let gone = loop.eventLoop.makePromise(of: Void.self)
        let delegate = ClientDelegate(configuration: configuration, loop: loop, shared: shared, opening: opening)
        let session = ClientSession(limits: configuration.limits, delegate: delegate, now: MonotonicClock.now())
        let port = ConnectionPort(loop: loop)
        let connection = StreamConnection(
            loop: loop, owner: shared, port: port, session: session, stream: stream, gone: gone)
        delegate.connection = connection
        port.attach(connection)
        loop.add(connection)
        session.connected()
        connection.flush()
        connection.read()
        let parts = LoopConfined(
            ClientOpening.Parts(port: port, shared: shared, delegate: delegate, opened: opening.futureResult))
        return opening.futureResult.map { ClientConnection(parts.value, whenGone: gone.futureResult) }
    }

    // MARK: Input

    /// Starts the task that reads; it waits for each piece to be taken, so nothing gathers here.
    private func read() {
        let (connection, stream, eventLoop) = (LoopConfined(self), stream, loop.eventLoop)
        Task {
            while true {
                let reason: SessionCloseReason
                do {
                    let bytes = try await stream.receive()
                    if !bytes.isEmpty {
                        let goesOn = try await eventLoop.submit { connection.value.received(bytes) }.get()
                        if goesOn { continue }
                        return
                    }
                    reason = .peerClosed
                } catch {
                    reason = .lost("the connection broke: \(error)")
                }
                eventLoop.execute { connection.value.inputEnded(reason) }
                return
            }
        }
    }

    private func received(_ bytes: [UInt8]) -> Bool {
        guard phase == .open else { return phase != .closed }
        isReceiving = true
        wasBusy = true
        bytes.withUnsafeBytes { session.receive($0) }
        isReceiving = false
        flush()
        return phase != .closed
    }

    private func inputEnded(_ reason: SessionCloseReason) {
        guard phase != .closed else { return }
        let isCut = reason == .peerClosed && core.hasPartialFrame
        lostReason = lostReason ?? (isCut ? .lost("the connection broke off within a frame") : reason)
        core.abort(lostReason ?? reason)
        end()
    }

    // MARK: Output

    override func flush() {
        guard phase == .open else { return }
        session.fillOutput()
        if core.isDrained { core.close() }
        guard sendingSince == nil else { return }
        let count = min(core.outputCount, Self.burst)
        guard count > 0 else {
            if !core.acceptsInput { end() }
            return
        }
        let bytes = [UInt8](core.outputBytes[..<count])
        core.consumeOutput(count)
        wasBusy = true
        sendingSince = MonotonicClock.now()
        let (connection, stream, eventLoop) = (LoopConfined(self), stream, loop.eventLoop)
        Task {
            do {
                try await stream.send(bytes)
                eventLoop.execute { connection.value.sent() }
            } catch {
                eventLoop.execute { connection.value.inputEnded(.lost("the connection broke: \(error)")) }
            }
        }
    }

    private func sent() {
        sendingSince = nil
        flush()
    }

    // MARK: Closing

    /// Ends the stream, then the session.
    private func end() {
        guard phase == .open else { return }
        phase = .ending
        let (connection, stream, eventLoop) = (LoopConfined(self), stream, loop.eventLoop)
        Task {
            await stream.close()
            eventLoop.execute { connection.value.ended() }
        }
    }

    private func ended() {
        guard phase != .closed else { return }
        phase = .closed
        loop.remove(self)
        port.detach()
        session.disconnected(lostReason ?? core.closeReason ?? .local)
        gone.succeed(())
    }

    override func closeGracefully() {
        core.close()
        flush()
    }

    override func closeNow(_ reason: SessionCloseReason) {
        core.abort(reason)
        lostReason = lostReason ?? reason
        end()
    }

    // MARK: Time and commands

    override func tick(_ now: UInt64) {
        guard phase == .open else { return }
        session.tick(now)
        if let since = sendingSince, now >= since, now - since >= core.limits.stalledWriter {
            return closeNow(.timedOut("the peer does not read"))
        }
        flush()
        core.trimOutput(isBusy: wasBusy)
        wasBusy = false
    }

    override func apply(_ command: SessionCommand) { core.carryOut(command) }

    override func drain(reason: String, drainMS: UInt64, retryAfterMS: UInt64) { closeGracefully() }
}
