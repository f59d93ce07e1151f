internal import SagaWire
internal import Synchronization

/// Something that waits for frames of one stream: the `context` of its record. Called on the event loop.
class ClientCall: @unchecked Sendable {
    let method: UInt16
    let body: [UInt8]
    let manualCredit: Bool
    /// Set on the event loop when the stream was opened.
    var stream: StreamID?
    /// Given up before it was opened, or over; set on the event loop.
    var isOver = false

    init(method: UInt16, body: [UInt8], manualCredit: Bool) {
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
        method: UInt16, body: [UInt8], completion: @escaping @Sendable (Result<[UInt8], TransportError>) -> Void
    ) {
        self.completion = completion
        super.init(method: method, body: body, manualCredit: false)
    }

    override func item(_ body: UnsafeRawBufferPointer) {}

    override func finished(_ outcome: Result<[UInt8], TransportError>) {
        guard !isOver else { return }
        isOver = true
        completion(outcome)
    }
}
