internal import Synchronization

/// Takes the items of a stream on the event loop, in order. Nothing here may block.
package protocol ClientStreamObserver: AnyObject, Sendable {
    /// An item; its room in the window is given back when this returns. `body` is valid only during the call.
    func item(_ body: UnsafeRawBufferPointer)
    /// The server sends no further item; this side may still.
    func ended()
    /// The stream is over: with the body of RESPONSE (empty if both sides said END), or with an error. The last call.
    func finished(_ outcome: Result<[UInt8], TransportError>)
}

/// A stream in both directions. Sending is for any number of tasks; receiving for one at a time.
///
/// Letting go of it cancels a stream that is not over.
package final class ClientStream: Sendable {
    private let call: StreamCall
    private let connection: ClientConnection

    init(call: StreamCall, connection: ClientConnection) {
        self.call = call
        self.connection = connection
    }

    deinit {
        if !call.isFinished { cancel(reason: "the client has let go of the stream") }
    }

    /// Sends an item; waits while ``StreamCall/maxOutstanding`` items have not left yet.
    ///
    /// - Throws: the reason if the stream is over; `.closed` after ``finish()``.
    package func send(_ body: [UInt8]) async throws(TransportError) {
        if let waiting = try call.send(body) { try await waiting() }
    }

    /// Sends an item without waiting, for callers that bound themselves.
    ///
    /// - Returns: false if the stream is over or was finished, or if so much waits that the item was not taken.
    @discardableResult
    package func trySend(_ body: [UInt8]) -> Bool { call.trySend(body) }

    /// Half-close: no further item from this side.
    package func finish() { call.finishSending() }

    /// Gives the stream up.
    package func cancel(reason: String) {
        connection.abandon(call, TransportError(.cancelled, reason))
    }

    /// The next item; nil when the server has ended the stream.
    ///
    /// - Throws: the reason if the stream broke off; `.cancelled` if the waiting task is cancelled (the stream lives on).
    package func next() async throws(TransportError) -> [UInt8]? { try await call.next() }

    /// The body of the RESPONSE that ended the stream, once ``next()`` has returned nil; empty after a plain END.
    package var response: [UInt8]? { call.response }

    /// The items as a sequence, for one loop.
    package var items: Items { Items(stream: self) }

    package struct Items: AsyncSequence, Sendable {
        package typealias Element = [UInt8]
        package typealias Failure = TransportError
        let stream: ClientStream

        package struct AsyncIterator: AsyncIteratorProtocol {
            let stream: ClientStream
            package mutating func next(
                isolation actor: isolated (any Actor)?
            ) async throws(TransportError) -> [UInt8]? { try await stream.next() }
        }

        package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(stream: stream) }
    }
}
