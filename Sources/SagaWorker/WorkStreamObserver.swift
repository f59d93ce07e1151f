internal import SagaTransport
internal import SagaWire
internal import Synchronization

/// One Work stream: what comes goes to the link, what goes out waits for room here.
final class WorkStreamObserver: ClientStreamObserver {
    private typealias Outcome = Result<[UInt8], TransportError>

    private struct State {
        var stream: ClientStream?
        /// Items for which the stream had no room.
        var overflow: [[UInt8]] = []
        /// Items must queue: the stream is not open yet, or older ones wait for room.
        var isPumping = true
        var outcome: Outcome?
        var waiters: [UInt64: CheckedContinuation<Outcome?, Never>] = [:]
        var nextWaiter: UInt64 = 0
    }

    private let link: WorkerLink
    private let state = Mutex(State())

    init(link: WorkerLink) { self.link = link }

    func begin(_ stream: ClientStream) {
        let isOpen = state.withLock { state in
            // It may have ended before it was known here.
            guard state.outcome == nil else { return false }
            state.stream = stream
            return true
        }
        if isOpen { Task { await pump(stream) } }
    }

    // MARK: Out

    /// Sends an item; never waits. After the end it is dropped: reports are sent again on the next stream.
    func send(_ body: [UInt8]) {
        let stream = state.withLock { state -> ClientStream? in
            guard state.outcome == nil else { return nil }
            guard !state.isPumping, let stream = state.stream else {
                state.overflow.append(body)
                return nil
            }
            return stream
        }
        guard let stream, !stream.trySend(body) else { return }
        let mustPump = state.withLock { state in
            guard state.stream != nil else { return false }
            state.overflow.append(body)
            defer { state.isPumping = true }
            return !state.isPumping
        }
        if mustPump { Task { await pump(stream) } }
    }

    /// Sends what waits, as there is room.
    private func pump(_ stream: ClientStream) async {
        while true {
            let batch = state.withLock { state -> [[UInt8]] in
                defer { state.overflow = [] }
                if state.overflow.isEmpty { state.isPumping = false }
                return state.overflow
            }
            if batch.isEmpty { return }
            for body in batch {
                do throws(TransportError) { try await stream.send(body) } catch {
                    // The stream is over, and says so itself.
                    return
                }
            }
        }
    }

    func finish() { state.withLock { $0.stream }?.finish() }

    func cancel() { state.withLock { $0.stream }?.cancel(reason: "the worker has ended") }

    // MARK: In

    func item(_ body: UnsafeRawBufferPointer) { link.received(body) }

    /// The server sends nothing more; so does this side.
    func ended() { finish() }

    func finished(_ outcome: Result<[UInt8], TransportError>) {
        let waiters = state.withLock { state in
            state.outcome = outcome
            state.stream = nil
            state.overflow = []
            defer { state.waiters = [:] }
            return state.waiters.values
        }
        for waiter in waiters { waiter.resume(returning: outcome) }
    }

    /// Waits until the stream is over; nil if the waiting task is cancelled first.
    func waitForEnd() async -> Result<[UInt8], TransportError>? {
        let ticket = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let ready = state.withLock { state -> Outcome?? in
                    if let outcome = state.outcome { return .some(outcome) }
                    if Task.isCancelled { return .some(nil) }
                    state.waiters[ticket] = continuation
                    return nil
                }
                if let ready { continuation.resume(returning: ready) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: ticket) }?.resume(returning: nil)
        }
    }
}
