package import SagaWire

/// Why a connection could not be made, was lost, or a call got no answer.
package struct TransportError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// No connection could be made: nobody listens, no route, the name does not resolve.
        case connectFailed
        /// TLS: see ``TLSError/Kind``.
        case security(TLSError.Kind)
        /// A connection of the program's own cannot be made, and another attempt would not help: gRPC's number.
        case refused(code: UInt32)
        /// The server answered HELLO with ERROR.
        case helloRefused(WireStatus)
        /// The server answered this call with ERROR: the encoded `saga.v1.Status`.
        case status([UInt8])
        /// The connection broke or was closed by the server.
        case connectionLost
        /// The server drains (GOAWAY): go elsewhere, or come back after this many milliseconds.
        case goAway(retryAfterMS: UInt64)
        /// The call's own deadline, or a time-out of the connection.
        case timedOut
        /// Cancelled by the caller.
        case cancelled
        /// The connection is closed on this side.
        case closed
        /// A limit of this side is reached for now.
        case limit
        /// The message is longer than the peer takes, whenever it is sent.
        case tooLarge
        /// The peer broke a rule of the protocol; the connection is over.
        case brokenRule
        /// The configuration cannot work, such as plain text to another machine.
        case configuration
    }

    package var kind: Kind
    /// For people.
    package var message: String
    /// False only if the server cannot have begun the call: then it is safe to repeat without a request id.
    package var mayHaveBeenProcessed: Bool

    package init(_ kind: Kind, _ message: String, mayHaveBeenProcessed: Bool = false) {
        self.kind = kind
        self.message = message
        self.mayHaveBeenProcessed = mayHaveBeenProcessed
    }

    package var description: String { message }

    /// The end of a session as an error of a call that was open then.
    init(_ reason: SessionCloseReason, mayHaveBeenProcessed: Bool) {
        switch reason {
        case .local: self.init(.closed, "the connection was closed", mayHaveBeenProcessed: mayHaveBeenProcessed)
        case .peerClosed:
            self.init(.connectionLost, "the server closed the connection", mayHaveBeenProcessed: mayHaveBeenProcessed)
        case .lost(let text): self.init(.connectionLost, text, mayHaveBeenProcessed: mayHaveBeenProcessed)
        case .refused(let status):
            self.init(
                .brokenRule, "the server broke the protocol: \(status.message)",
                mayHaveBeenProcessed: mayHaveBeenProcessed)
        case .peerError(let status):
            self.init(
                .connectionLost, "the server ended the connection: \(status.message) (\(status.code))",
                mayHaveBeenProcessed: mayHaveBeenProcessed)
        case .security(let text):
            self.init(.security(.connection), text, mayHaveBeenProcessed: mayHaveBeenProcessed)
        case .timedOut(let text): self.init(.timedOut, text, mayHaveBeenProcessed: mayHaveBeenProcessed)
        }
    }
}
