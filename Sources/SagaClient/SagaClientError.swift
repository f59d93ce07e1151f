public import SagaCore
package import SagaTransport
internal import SagaWire

/// Why a call to the server did not do what was asked.
public struct SagaClientError: Error, Sendable {
    /// gRPC's names for what went wrong.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// gRPC's number.
        public let rawValue: UInt32
        let name: String

        init(_ rawValue: UInt32, _ name: String) {
            self.rawValue = rawValue
            self.name = name
        }

        public static let cancelled = Code(1, "CANCELLED")
        public static let unknown = Code(2, "UNKNOWN")
        /// The request is wrong whatever the state of the server.
        public static let invalidArgument = Code(3, "INVALID_ARGUMENT")
        public static let deadlineExceeded = Code(4, "DEADLINE_EXCEEDED")
        public static let notFound = Code(5, "NOT_FOUND")
        public static let alreadyExists = Code(6, "ALREADY_EXISTS")
        public static let permissionDenied = Code(7, "PERMISSION_DENIED")
        /// A limit of the server is reached; see `retryAfter`.
        public static let resourceExhausted = Code(8, "RESOURCE_EXHAUSTED")
        /// The state does not allow it; `error` says which state.
        public static let failedPrecondition = Code(9, "FAILED_PRECONDITION")
        public static let aborted = Code(10, "ABORTED")
        public static let outOfRange = Code(11, "OUT_OF_RANGE")
        public static let unimplemented = Code(12, "UNIMPLEMENTED")
        public static let `internal` = Code(13, "INTERNAL")
        /// The server cannot be reached, or not now.
        public static let unavailable = Code(14, "UNAVAILABLE")
        public static let dataLoss = Code(15, "DATA_LOSS")
        public static let unauthenticated = Code(16, "UNAUTHENTICATED")

        public var description: String { name }

        /// Equal if the numbers are.
        public static func == (left: Code, right: Code) -> Bool { left.rawValue == right.rawValue }
        public func hash(into hasher: inout Hasher) { hasher.combine(rawValue) }

        private static let all: [Code] = [
            cancelled, unknown, invalidArgument, deadlineExceeded, notFound, alreadyExists, permissionDenied,
            resourceExhausted, failedPrecondition, aborted, outOfRange, unimplemented, `internal`, unavailable,
            dataLoss,
            unauthenticated,
        ]

        init(_ number: UInt32) { self = Self.all.first { $0.rawValue == number } ?? Code(number, "CODE_\(number)") }
    }

    /// Who says so.
    public enum Source: Hashable, Sendable {
        /// The client itself: the request cannot be sent, the caller gave up.
        case client
        /// The connection: nobody listens, a certificate that is not trusted, a connection that broke, a peer that breaks the protocol.
        case connection
        /// The server.
        case server
    }

    public var code: Code
    /// Who says so. Default: the client itself.
    public var source = Source.client
    /// What happened, for people.
    public var message: String
    /// The same for programs, if the server said more: its context names the run and its status.
    public var error: SagaError?
    /// Whether what was asked for may have been done all the same. Repeating the call with the same request id is safe.
    public var outcomeIsUnknown: Bool
    /// How long the server asks to wait before a repeat.
    public var retryAfter: Duration?

    public init(
        _ code: Code, _ message: String, error: SagaError? = nil, outcomeIsUnknown: Bool = false,
        retryAfter: Duration? = nil
    ) {
        self.code = code
        self.message = message
        self.error = error
        self.outcomeIsUnknown = outcomeIsUnknown
        self.retryAfter = retryAfter
    }
}

extension SagaClientError: CustomStringConvertible {
    public var description: String {
        "\(code): \(message)" + (outcomeIsUnknown ? " (the outcome is unknown)" : "")
    }
}

extension SagaClientError {
    /// An ERROR of the server.
    init(status bytes: [UInt8], isMutation: Bool) {
        guard let status = try? Wire.Status(decoding: bytes, limits: .response) else {
            self.init(.unknown, "the server sent an error that does not read", outcomeIsUnknown: isMutation)
            source = .connection
            return
        }
        let code = Code(UInt32(clamping: status.code.rawValue))
        let error = status.error.map { SagaError($0) }
        let saysUnknown = error?.context.contains { $0.key == "outcome" && $0.value == "unknown" } ?? false
        self.init(
            code, status.message, error: error,
            outcomeIsUnknown: isMutation && (saysUnknown || code == .deadlineExceeded || code == .unavailable),
            retryAfter: status.retryAfterMillis == 0
                ? nil : .milliseconds(Int64(clamping: min(status.retryAfterMillis, 3_600_000))))
        source = .server
    }

    /// A failure of the connection or of the call on it.
    package init(_ error: TransportError, isMutation: Bool) {
        let isUnknown = isMutation && error.mayHaveBeenProcessed
        switch error.kind {
        case .status(let bytes): self.init(status: bytes, isMutation: isMutation)
        case .helloRefused(let status):
            self.init(Code(status.code.rawValue), status.message)
            source = .server
        case .connectFailed, .connectionLost, .closed, .brokenRule:
            self.init(.unavailable, error.message, outcomeIsUnknown: isUnknown)
            source = .connection
        case .goAway(let millis):
            self.init(
                .unavailable, error.message, outcomeIsUnknown: isUnknown,
                retryAfter: .milliseconds(Int64(clamping: millis)))
            source = .server
        case .security:
            // Told apart by its code from a server that refuses the caller: here the handshake itself failed.
            self.init(
                .unauthenticated, error.message,
                error: SagaError(kind: .configuration, message: error.message, code: "SE0201"))
            source = .connection
        case .refused(let code):
            self.init(Code(code), error.message)
            source = .connection
        case .timedOut: self.init(.deadlineExceeded, error.message, outcomeIsUnknown: isUnknown)
        case .cancelled: self.init(.cancelled, error.message, outcomeIsUnknown: isUnknown)
        case .limit: self.init(.resourceExhausted, error.message, outcomeIsUnknown: isUnknown)
        case .tooLarge, .configuration: self.init(.invalidArgument, error.message)
        }
    }

    /// Whether another attempt of the same call may succeed.
    package var isTransient: Bool { code == .unavailable || code == .resourceExhausted || code == .aborted }
}

/// A run that did not complete: what `result()` throws.
public struct WorkflowFailure: Error, Sendable {
    public var workflowID: String
    public var sagaID: SagaID
    /// Failed, Canceled, TimedOut or Terminated.
    public var status: ExecutionStatus
    /// The original error, if the run failed with one.
    public var error: SagaError?
    /// What was undone.
    public var compensation: CompensationSummary
    /// Why it was cancelled or terminated; may be empty.
    public var reason: String
}

extension WorkflowFailure: CustomStringConvertible {
    public var description: String {
        let why = error.map { ": \($0)" } ?? (reason.isEmpty ? "" : ": \(reason)")
        return "workflow \(workflowID) is \(status.name) (run \(sagaID), compensation: \(compensation.state))\(why)"
    }
}
