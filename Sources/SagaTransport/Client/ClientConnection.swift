package import Logging
internal import NIOCore
internal import NIOPosix
package import SagaWire
internal import Synchronization

/// One connection to a server: any number of calls and streams at a time, from any thread.
///
/// It does not connect again by itself: when it is lost, every open call fails with a ``TransportError`` that says
/// whether the server may have begun it.
package final class ClientConnection: Sendable {
    /// Succeeds once the connection is over.
    private let whenGone: EventLoopFuture<Void>
    private let port: ConnectionPort
    private let shared: ClientShared
    private let delegate: LoopConfined<ClientDelegate>

    /// On the event loop, from the parts of an opening that has its welcome.
    init(_ parts: ClientOpening.Parts, whenGone: EventLoopFuture<Void>) {
        self.whenGone = whenGone
        port = parts.port
        shared = parts.shared
        delegate = LoopConfined(parts.delegate)
    }

    /// Connects, with TLS and hello: when this returns, the connection is open for calls.
    package static func connect(
        _ configuration: ClientConfiguration, group: TransportGroup, logger: Logger? = nil
    ) async throws(TransportError) -> ClientConnection {
        if case .stream(let open) = configuration.security {
            return try await StreamConnection.connect(configuration, group: group, open)
        }
        let security = try configuration.security.prepare(for: configuration.address)
        let opening = ClientOpening(configuration: configuration, group: group, security: security)
        let channel = try await opening.connect()
        do {
            return try await channel.eventLoop.flatSubmit { opening.opened(on: channel) }.get()
        } catch let error as TransportError {
            logger?.debug("cannot connect to \(configuration.address): \(error.message)")
            throw error
        } catch {
            throw TransportError(.connectFailed, "cannot connect to \(configuration.address): \(error)")
        }
    }

    // MARK: State

    /// The encoded `saga.v1.Welcome`.
    package var welcome: [UInt8] { shared.welcome }
    /// Set once the server drains; no further call can be made then.
    package var goAway: WireGoAway? { shared.goAway }
    /// Set once the connection is over.
    package var closeReason: SessionCloseReason? { shared.closeReason }
    /// True while calls can be made.
    package var isUsable: Bool { shared.isUsable }

    /// Calls `observer` once the connection is over, on the event loop; at once if it is already.
    package func whenClosed(_ observer: @escaping @Sendable (SessionCloseReason) -> Void) {
        shared.whenClosed(observer)
    }

    /// Calls `observer` once the server says GOAWAY, on the event loop; at once if it has.
    package func whenGoAway(_ observer: @escaping @Sendable (WireGoAway) -> Void) {
        shared.whenGoAway(observer)
    }

    // MARK: Calls

    /// Makes a call. `completion` runs on the event loop and must not block.
    package func call(
        method: UInt16, body: [UInt8], completion: @escaping @Sendable (Result<[UInt8], TransportError>) -> Void
    ) {
        start(UnaryCall(method: method, body: body, completion: completion))
    }

    /// Makes a call and waits for its answer.
    ///
    /// - Parameters:
    ///   - timeout: fails with `.timedOut` and tells the server (CANCEL) when it is over. nil waits as long as the
    ///     connection lives.
    /// - Throws: `.status` with the encoded `saga.v1.Status` for an ERROR; `.cancelled` if the task is cancelled.
    package func call(
        method: UInt16, body: [UInt8], timeout: Duration? = nil
    ) async throws(TransportError) -> [UInt8] {
        let call = AwaitedCall(method: method, body: body, timeout: timeout)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if call.wait(with: continuation) { start(call) }
            }
        } onCancel: {
            abandon(call, TransportError(.cancelled, "the call was cancelled by its caller"))
        }
        return try result.get()
    }

    /// Opens a stream in both directions whose items are taken with ``ClientStream/next()``.
    package func openStream(method: UInt16, body: [UInt8]) -> ClientStream {
        let call = StreamCall(method: method, body: body, observer: nil, port: port)
        start(call)
        return ClientStream(call: call, connection: self)
    }

    /// Opens a stream in both directions whose items go to `observer`, on the event loop.
    /// - Parameter window: What the server may have on the way, if that is more than all streams begin with.
    package func openStream(
        method: UInt16, body: [UInt8], observer: any ClientStreamObserver, window: StreamWindow? = nil
    ) -> ClientStream {
        let call = StreamCall(method: method, body: body, observer: observer, port: port, window: window)
        start(call)
        return ClientStream(call: call, connection: self)
    }

    private func start(_ call: ClientCall) {
        port.send(
            .perform(
                { [delegate] session in delegate.value.start(call, session) },
                ifClosed: { [shared] in
                    let reason = shared.closeReason ?? .local
                    call.finished(.failure(TransportError(reason, mayHaveBeenProcessed: false)))
                }))
    }

    func abandon(_ call: ClientCall, _ error: TransportError) {
        port.send(.perform({ [delegate] session in delegate.value.abandon(call, session, error) }, ifClosed: nil))
    }

    // MARK: Closing

    /// Closes in order; calls that are open fail.
    package func close() async {
        port.send(.close(nil))
        try? await whenGone.get()
    }
}

/// A value that is only touched on its event loop or inside its connection's gate, carried by one that goes everywhere.
struct LoopConfined<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
