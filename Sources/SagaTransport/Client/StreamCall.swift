internal import SagaWire
internal import Synchronization

/// The stream behind a ``ClientStream``: the event loop's end and the tasks' end, with a lock between.
final class StreamCall: ClientCall, @unchecked Sendable {
    private typealias Waiter = CheckedContinuation<Result<[UInt8]?, TransportError>, Never>
    private typealias SendWaiter = CheckedContinuation<Result<Void, TransportError>, Never>

    private struct State {
        var items: [[UInt8]] = []
        var head = 0
        var waiter: Waiter?
        var serverEnded = false
        var outcome: Result<[UInt8], TransportError>?
        /// Items handed over that have not left yet, and the bytes of each.
        var outstanding = 0
        var sizes: [Int] = []
        var firstSize = 0
        var outstandingBytes = 0
        var sendWaiters: [SendWaiter] = []
        var finishedSending = false
        var consumedItems = 0
        var consumedBytes = 0

        var hasRoom: Bool { outstanding <= maxOutstanding && outstandingBytes <= maxOutstandingBytes }

        mutating func handOver(_ bytes: Int) {
            outstanding += 1
            sizes.append(bytes)
            outstandingBytes += bytes
        }

        /// The oldest items have left: they leave in the order in which they came.
        mutating func left(_ items: Int) {
            outstanding -= items
            for size in sizes[firstSize...].prefix(items) { outstandingBytes -= size }
            firstSize = min(firstSize + items, sizes.count)
            if firstSize == sizes.count || firstSize > 1_024 {
                sizes.removeFirst(firstSize)
                firstSize = 0
            }
        }
    }

    /// Items that may be on their way to the socket before ``ClientStream/send(_:)`` waits.
    static let maxOutstanding = 64
    /// Bytes that may be on their way before it waits: of the session's queue, which refuses what does not fit, a small part.
    static let maxOutstandingBytes = 1 << 20
    /// Items that ``ClientStream/trySend(_:)`` takes at most.
    static let maxUnsent = 1_024

    private let observer: (any ClientStreamObserver)?
    private let port: ConnectionPort
    private let window: StreamWindow?
    private let state = Mutex(State())
    /// Items sent before the stream had its place; on the event loop.
    private var early: [[UInt8]] = []
    private var finishEarly = false

    init(
        method: UInt16, body: [UInt8], observer: (any ClientStreamObserver)?, port: ConnectionPort,
        window: StreamWindow? = nil
    ) {
        self.observer = observer
        self.port = port
        self.window = window
        super.init(method: method, body: body, manualCredit: observer == nil)
    }

    var isFinished: Bool { state.withLock { $0.outcome != nil } }

    var response: [UInt8]? { state.withLock { try? $0.outcome?.get() } }

    // MARK: Sending

    /// Hands an item over; returns what to wait for if too many are on their way.
    func send(_ body: [UInt8]) throws(TransportError) -> (() async throws(TransportError) -> Void)? {
        let accepted = state.withLock { state -> Result<Bool, TransportError> in
            if let error = Self.sendError(state) { return .failure(error) }
            state.handOver(body.count)
            return .success(!state.hasRoom)
        }
        let mustWait = try accepted.get()
        handOver(body)
        guard mustWait else { return nil }
        return { [self] () async throws(TransportError) in try await waitForRoom() }
    }

    func trySend(_ body: [UInt8]) -> Bool {
        let accepted = state.withLock { state in
            guard Self.sendError(state) == nil, state.outstanding < Self.maxUnsent else { return false }
            state.handOver(body.count)
            return true
        }
        if accepted { handOver(body) }
        return accepted
    }

    private static func sendError(_ state: State) -> TransportError? {
        switch state.outcome {
        case .failure(let error): error
        case .success: TransportError(.closed, "the server has ended the stream")
        case nil: state.finishedSending ? TransportError(.closed, "the stream was finished") : nil
        }
    }

    private func handOver(_ body: [UInt8]) {
        port.send(.perform({ [self] session in sendOnLoop(body, session) }, ifClosed: nil))
    }

    private func waitForRoom() async throws(TransportError) {
        let result = await withCheckedContinuation { (continuation: SendWaiter) in
            let ready = state.withLock { state -> Result<Void, TransportError>? in
                if case .failure(let error) = state.outcome { return .failure(error) }
                if state.outcome != nil || state.hasRoom { return .success(()) }
                state.sendWaiters.append(continuation)
                return nil
            }
            if let ready { continuation.resume(returning: ready) }
        }
        try result.get()
    }

    func finishSending() {
        let isNew = state.withLock { state in
            guard !state.finishedSending else { return false }
            state.finishedSending = true
            return true
        }
        guard isNew else { return }
        port.send(
            .perform(
                { [self] session in
                    if let stream { session.finish(stream) } else { finishEarly = true }
                    endIfBothEnded()
                }, ifClosed: nil))
    }

    private func sendOnLoop(_ body: [UInt8], _ session: SessionCore) {
        guard !isOver else { return }
        guard let stream else {
            early.append(body)
            return
        }
        switch session.sendItem(stream, body) {
        case .sent: drained(1)
        case .queued: break
        case .closed: drained(1)
        case .full:
            session.cancel(stream, reason: "an item does not fit")
            finished(
                .failure(
                    TransportError(.limit, "an item does not fit into the send queue", mayHaveBeenProcessed: true)))
        }
    }

    override func opened(_ session: SessionCore) {
        if let window, let stream { session.widenWindow(stream, items: window.items, bytes: window.bytes) }
        for body in exchange(&early, with: []) { sendOnLoop(body, session) }
        if finishEarly, let stream { session.finish(stream) }
    }

    override func drained(_ items: Int) {
        let waiters = state.withLock { state -> [SendWaiter] in
            state.left(items)
            guard state.outstanding <= Self.maxOutstanding / 2, state.hasRoom, !state.sendWaiters.isEmpty else {
                return []
            }
            return exchange(&state.sendWaiters, with: [])
        }
        for waiter in waiters { waiter.resume(returning: .success(())) }
    }

    // MARK: Receiving

    override func item(_ body: UnsafeRawBufferPointer) {
        if let observer { return observer.item(body) }
        let copy = [UInt8](body)
        let waiter = state.withLock { state -> Waiter? in
            guard let waiter = state.waiter else {
                state.items.append(copy)
                return nil
            }
            state.waiter = nil
            return waiter
        }
        guard let waiter else { return }
        consumed(copy.count)
        waiter.resume(returning: .success(copy))
    }

    /// Gives credit back in quarters of a window, when the application has taken the items.
    private func consumed(_ bytes: Int) {
        let due = state.withLock { state -> (Int, Int)? in
            state.consumedItems += 1
            state.consumedBytes += bytes
            guard state.consumedItems >= 16 || state.consumedBytes >= 64 << 10 else { return nil }
            defer {
                state.consumedItems = 0
                state.consumedBytes = 0
            }
            return (state.consumedItems, state.consumedBytes)
        }
        guard let (items, bytes) = due else { return }
        port.send(
            .perform(
                { [self] session in
                    if let stream { session.grant(stream, items: items, bytes: bytes) }
                }, ifClosed: nil))
    }

    func next() async throws(TransportError) -> [UInt8]? {
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: Waiter) in
                if let ready = take(orWaitWith: continuation) { continuation.resume(returning: ready) }
            }
        } onCancel: {
            let waiter = state.withLock { exchange(&$0.waiter, with: nil) }
            waiter?.resume(returning: .failure(TransportError(.cancelled, "the waiting task was cancelled")))
        }
        return try result.get()
    }

    private func take(orWaitWith continuation: Waiter) -> Result<[UInt8]?, TransportError>? {
        enum Found {
            case item([UInt8])
            case result(Result<[UInt8]?, TransportError>)
            case waiting
        }
        let isCancelled = Task.isCancelled
        let found = state.withLock { state -> Found in
            if state.head < state.items.count {
                let item = exchange(&state.items[state.head], with: [])
                state.head += 1
                if state.head == state.items.count {
                    state.items.removeAll(keepingCapacity: true)
                    state.head = 0
                }
                return .item(item)
            }
            switch state.outcome {
            case .failure(let error): return .result(.failure(error))
            case .success: return .result(.success(nil))
            case nil: break
            }
            if state.serverEnded { return .result(.success(nil)) }
            if isCancelled {
                return .result(.failure(TransportError(.cancelled, "the waiting task was cancelled")))
            }
            if state.waiter != nil {
                return .result(.failure(TransportError(.limit, "two tasks wait for items of one stream")))
            }
            state.waiter = continuation
            return .waiting
        }
        switch found {
        case .item(let item):
            consumed(item.count)
            return .success(item)
        case .result(let result): return result
        case .waiting: return nil
        }
    }

    // MARK: Ends

    override func ended() {
        // Who sees the end of the items may ask for the response at once, so both come to be in one step.
        let (waiter, isOver) = state.withLock { state in
            state.serverEnded = true
            let both = state.finishedSending && state.outcome == nil
            if both { state.outcome = .success([]) }
            return (exchange(&state.waiter, with: nil), both)
        }
        waiter?.resume(returning: .success(nil))
        observer?.ended()
        if isOver { finished(.success([])) }
    }

    /// Both sides said END: the stream has gone without RESPONSE or ERROR.
    private func endIfBothEnded() {
        let both = state.withLock { $0.serverEnded && $0.finishedSending && $0.outcome == nil }
        if both { finished(.success([])) }
    }

    override func finished(_ outcome: Result<[UInt8], TransportError>) {
        guard !isOver else { return }
        isOver = true
        early = []
        let (waiter, sendWaiters) = state.withLock { state in
            state.outcome = outcome
            return (exchange(&state.waiter, with: nil), exchange(&state.sendWaiters, with: []))
        }
        switch outcome {
        case .success:
            waiter?.resume(returning: .success(nil))
            for waiter in sendWaiters { waiter.resume(returning: .success(())) }
        case .failure(let error):
            waiter?.resume(returning: .failure(error))
            for waiter in sendWaiters { waiter.resume(returning: .failure(error)) }
        }
        observer?.finished(outcome)
    }
}
