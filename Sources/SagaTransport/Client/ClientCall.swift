internal import SagaWire
internal import Synchronization

/// Something that waits for frames of one stream: the `context` of its record. Called on the event loop.
class ClientCall: @unchecked Sendable {
    let method: UInt16
    private(set) var body: [UInt8]
    let manualCredit: Bool
    /// How long it may take; nil as long as the connection lives.
    let timeout: Duration?
    /// When that is over, in nanoseconds of the monotonic clock.
    let deadline: UInt64
    /// Set on the event loop when the stream was opened.
    var stream: StreamID?
    /// Given up before it was opened, or over; set on the event loop.
    var isOver = false {
        // The delegate may keep it a little longer, for its deadline.
        didSet { if isOver { body = [] } }
    }

    init(method: UInt16, body: [UInt8], manualCredit: Bool, timeout: Duration? = nil) {
        self.timeout = timeout
        deadline = timeout.map { MonotonicClock.now(after: $0) } ?? .max
        self.method = method
        self.body = body
        self.manualCredit = manualCredit
    }

    func opened(_ session: SessionCore) {}
    func item(_ body: UnsafeRawBufferPointer) {}
    func ended() {}
    func drained(_ items: Int) {}
    /// The last call: an answer, or why there is none.
    func finished(_ outcome: Result<[UInt8], TransportError>) {}
}

/// A call with one answer.
final class UnaryCall: ClientCall, @unchecked Sendable {
    private let completion: @Sendable (Result<[UInt8], TransportError>) -> Void

    init(
        method: UInt16, body: [UInt8], timeout: Duration? = nil,
        completion: @escaping @Sendable (Result<[UInt8], TransportError>) -> Void
    ) {
        self.completion = completion
        super.init(method: method, body: body, manualCredit: false, timeout: timeout)
    }

    override func item(_ body: UnsafeRawBufferPointer) {}

    override func finished(_ outcome: Result<[UInt8], TransportError>) {
        guard !isOver else { return }
        isOver = true
        completion(outcome)
    }
}

/// A call with one answer that a task waits for.
final class AwaitedCall: ClientCall, @unchecked Sendable {
    typealias Outcome = Result<[UInt8], TransportError>

    private struct State {
        var continuation: CheckedContinuation<Outcome, Never>?
        var outcome: Outcome?
    }

    private let state = Mutex(State())

    init(method: UInt16, body: [UInt8], timeout: Duration?) {
        super.init(method: method, body: body, manualCredit: false, timeout: timeout)
    }

    /// Keeps who waits. Resumes it at once if the call is over: it may be cancelled before it was made.
    /// - Returns: Whether the call must be made.
    func wait(with continuation: CheckedContinuation<Outcome, Never>) -> Bool {
        let outcome = state.withLock { state in
            if state.outcome == nil { state.continuation = continuation }
            return state.outcome
        }
        if let outcome { continuation.resume(returning: outcome) }
        return outcome == nil
    }

    override func finished(_ outcome: Outcome) {
        guard !isOver else { return }
        isOver = true
        let continuation = state.withLock { state in
            state.outcome = outcome
            return exchange(&state.continuation, with: nil)
        }
        continuation?.resume(returning: outcome)
    }
}
