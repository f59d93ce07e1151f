internal import Logging
internal import NIOCore
internal import SagaWire

/// The client's end of a session: hands frames to the calls they belong to. Lives on the event loop; calls may also be started
/// and given up by other threads, inside the gate.
final class ClientDelegate: ClientSessionDelegate {
    private let configuration: ClientConfiguration
    private let loop: TransportLoop
    private let shared: ClientShared
    private let opening: EventLoopPromise<Void>
    /// Calls that wait until the server's limit of calls in flight has room.
    private var waiting = CallQueue()
    /// Calls with long requests, which do not hold up the short ones.
    private var waitingLong = CallQueue()
    private var hasOpened = false
    private var deadlines: CallDeadlines
    weak var connection: ChannelConnection?

    /// Calls that may wait for room; more are refused.
    static let maxWaiting = 65_536

    init(
        configuration: ClientConfiguration, loop: TransportLoop, shared: ClientShared,
        opening: EventLoopPromise<Void>
    ) {
        self.configuration = configuration
        self.loop = loop
        self.shared = shared
        self.opening = opening
        deadlines = CallDeadlines(eventLoop: loop.eventLoop)
    }

    // MARK: Calls

    func start(_ call: ClientCall, _ session: SessionCore) {
        guard !call.isOver else { return }
        guard session.state == .open else { return call.finished(.failure(refusal(session))) }
        if call.deadline < .max { watch(call, session) }
        let isLong = !session.canBegin(call.body.count)
        if isLong || session.streamsInFlight >= session.limits.maxStreams {
            guard waiting.count + waitingLong.count < Self.maxWaiting else {
                return call.finished(.failure(TransportError(.limit, "too many calls wait on this connection")))
            }
            if isLong { waitingLong.append(call) } else { waiting.append(call) }
            return
        }
        let stream = session.open(
            method: call.method, body: call.body, context: call, manualCredit: call.manualCredit)
        guard let stream else {
            let limit = session.limits.maxMessage
            let error =
                call.body.count > limit
                ? TransportError(.tooLarge, "a request is at most \(limit) bytes")
                : TransportError(.connectionLost, "stream ids are used up")
            return call.finished(.failure(error))
        }
        call.stream = stream
        call.opened(session)
    }

    /// Ends a call from this side; the server is told if it knows of it.
    func abandon(_ call: ClientCall, _ session: SessionCore, _ error: TransportError) {
        guard !call.isOver else { return }
        var error = error
        if let stream = call.stream {
            error.mayHaveBeenProcessed = true
            session.cancel(stream, reason: error.message)
        }
        call.finished(.failure(error))
        startWaiting(session)
    }

    // MARK: Deadlines

    private func watch(_ call: ClientCall, _ session: SessionCore) {
        deadlines.add(call)
        armDeadline(session)
    }

    private func armDeadline(_ session: SessionCore) {
        guard deadlines.mustArm else { return }
        let (delegate, port) = (LoopConfined(self), connection?.port)
        deadlines.arm {
            // By the port, so that what is said to the server leaves.
            port?.send(.perform({ delegate.value.deadlinePassed($0) }, ifClosed: nil))
        }
    }

    private func deadlinePassed(_ session: SessionCore) {
        for call in deadlines.takeExpired() {
            let timeout = call.timeout ?? .zero
            abandon(call, session, TransportError(.timedOut, "no answer within \(timeout)"))
        }
        armDeadline(session)
    }

    private func startWaiting(_ session: SessionCore) {
        while session.streamsInFlight < session.limits.maxStreams {
            if let long = waitingLong.first, session.canBegin(long.body.count) {
                waitingLong.removeFirst()
                start(long, session)
            } else if let call = waiting.first {
                waiting.removeFirst()
                start(call, session)
            } else {
                return
            }
        }
    }

    private func refusal(_ session: SessionCore) -> TransportError {
        if let goAway = shared.goAway {
            return TransportError(.goAway(retryAfterMS: goAway.retryAfterMS), "the server drains: \(goAway.reason)")
        }
        return TransportError(session.closeReason ?? .local, mayHaveBeenProcessed: false)
    }

    private func failWaiting(_ error: TransportError) {
        for call in waiting.removeAll() + waitingLong.removeAll() { call.finished(.failure(error)) }
    }

    @inline(__always)
    private func call(_ context: AnyObject?) -> ClientCall? {
        // Only `start` opens streams, and always with a call.
        context.map { unsafeDowncast($0, to: ClientCall.self) }
    }

    // MARK: ClientSessionDelegate

    func hello(_ session: SessionCore) -> [UInt8] { configuration.hello }

    func welcome(_ session: SessionCore, body: UnsafeRawBufferPointer) -> WelcomeDecision {
        shared.welcome = [UInt8](body)
        return configuration.readWelcome(body)
    }

    func opened(_ session: SessionCore) {
        hasOpened = true
        opening.succeed(())
    }

    func response(_ session: SessionCore, stream: StreamID, context: AnyObject?, body: UnsafeRawBufferPointer) {
        call(context)?.finished(.success([UInt8](body)))
        if waiting.count + waitingLong.count > 0 { startWaiting(session) }
    }

    func failed(_ session: SessionCore, stream: StreamID, context: AnyObject?, status: UnsafeRawBufferPointer) {
        let message = WireStatus(decoding: status).message
        call(context)?.finished(
            .failure(TransportError(.status([UInt8](status)), message, mayHaveBeenProcessed: true)))
        startWaiting(session)
    }

    func item(_ session: SessionCore, stream: StreamID, context: AnyObject?, body: UnsafeRawBufferPointer) {
        call(context)?.item(body)
    }

    func ended(_ session: SessionCore, stream: StreamID, context: AnyObject?) {
        call(context)?.ended()
        startWaiting(session)
    }

    func cancelled(_ session: SessionCore, stream: StreamID, context: AnyObject?, status: WireStatus) {
        call(context)?.finished(
            .failure(TransportError(.status(status.encoded()), status.message, mayHaveBeenProcessed: true)))
        startWaiting(session)
    }

    func drained(_ session: SessionCore, stream: StreamID, context: AnyObject?, items: Int) {
        call(context)?.drained(items)
    }

    func roomForLongRequests(_ session: SessionCore) { startWaiting(session) }

    func goAway(_ session: SessionCore, _ message: WireGoAway, lost: [LostStream]) {
        shared.goAway = message
        let error = TransportError(
            .goAway(retryAfterMS: message.retryAfterMS), "the server drains: \(message.reason)")
        for stream in lost { call(stream.context)?.finished(.failure(error)) }
        failWaiting(error)
        shared.didGoAway(message)
    }

    func closed(_ session: SessionCore, reason: SessionCloseReason, lost: [LostStream]) {
        for stream in lost {
            let error = TransportError(reason, mayHaveBeenProcessed: stream.mayHaveBeenProcessed)
            call(stream.context)?.finished(.failure(error))
        }
        failWaiting(TransportError(reason, mayHaveBeenProcessed: false))
        deadlines.stop()
        if !hasOpened { opening.fail(openingError(reason)) }
        shared.didClose(reason)
    }

    private func openingError(_ reason: SessionCloseReason) -> TransportError {
        if let error = connection?.securityError { return TransportError(.security(error.kind), error.message) }
        if case .peerError(let status) = reason {
            return TransportError(.helloRefused(status), "the server refuses the connection: \(status.message)")
        }
        return TransportError(reason, mayHaveBeenProcessed: false)
    }
}
