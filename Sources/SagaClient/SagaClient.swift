public import Logging
public import SagaCore
internal import SagaTransport
package import SagaWire

/// The thin client of a server: starts and steers sagas, reads them, and waits for them. No engine and no store.
///
/// ```swift
/// let client = try await SagaClient.connect(ConnectionOptions(host: "sagas.example.org"))
/// let handle = try await client.start(PaymentWorkflow.self, id: "payment-42", input: payment)
/// print(try await handle.result())
/// ```
///
/// A lost connection is made again, and a call is repeated as long as its deadline allows: each change carries a request id
/// that stays the same over the repeats, so that it is done once.
public final class SagaClient: Sendable {
    package let keeper: ConnectionKeeper
    let converter: any PayloadConverter
    package let logger: Logger
    /// How long a call may take unless it says otherwise.
    let deadline: Duration
    /// Of every change made through this client; nil takes a new one for each.
    private let requestID: String?

    private init(
        keeper: ConnectionKeeper, converter: any PayloadConverter, logger: Logger, deadline: Duration,
        requestID: String?
    ) {
        self.keeper = keeper
        self.converter = converter
        self.logger = logger
        self.deadline = deadline
        self.requestID = requestID
    }

    /// The same client, on the same connection, whose calls differ from the defaults.
    ///
    /// ```swift
    /// try await client.with(deadline: .seconds(2)).cancel("payment-42")
    /// ```
    /// - Parameters:
    ///   - deadline: How long a call may take, connecting and repeating included; nil leaves it.
    ///   - requestID: Of the next change: the same id twice is one change, also in another process. nil takes a new one for each.
    public func with(deadline: Duration? = nil, requestID: String? = nil) -> SagaClient {
        SagaClient(
            keeper: keeper, converter: converter, logger: logger, deadline: deadline ?? self.deadline,
            requestID: requestID)
    }

    /// Connects.
    /// - Parameters:
    ///   - options: Where the server is and who is calling.
    ///   - converter: How values become payloads. Default JSON.
    ///   - logger: For what a developer may want to know.
    /// - Throws: `.unavailable` if the server cannot be reached within the deadline, `.unauthenticated` or
    ///   `.permissionDenied` if it does not want the caller.
    public static func connect(
        _ options: ConnectionOptions, converter: any PayloadConverter = .json,
        logger: Logger = Logger(label: "saga.client")
    ) async throws(SagaClientError) -> SagaClient {
        let group = TransportGroup(threads: 1)
        do throws(SagaClientError) {
            let keeper = try ConnectionKeeper(options, group: group, logger: logger)
            do throws(SagaClientError) {
                _ = try await keeper.connection(until: .now + options.deadline)
            } catch {
                await keeper.close()
                throw error
            }
            return SagaClient(
                keeper: keeper, converter: converter, logger: logger, deadline: options.deadline, requestID: nil)
        } catch {
            await group.shutdown()
            throw error
        }
    }

    /// Closes the connection; calls under way fail. The client cannot be used again.
    public func close() async {
        await keeper.close()
        await keeper.group.shutdown()
    }

    // MARK: Calls

    /// Makes a call, and repeats it as long as that is safe and may help.
    /// - Parameters:
    ///   - call: Which method.
    ///   - deadline: From now; nil takes the client's.
    ///   - make: Makes the request around the header.
    package func call<C: WireCall>(
        _ call: C.Type, deadline: Duration? = nil, _ make: (Wire.RequestHeader) -> C.Request
    ) async throws(SagaClientError) -> C.Response {
        let end = ContinuousClock.now + (deadline ?? self.deadline)
        let isMutation = C.method.mutates
        // Made once: a repeat with the same id is done once.
        let requestID = isMutation ? self.requestID ?? Self.newRequestID() : ""
        var failures: UInt32 = 0
        var isOutcomeUnknown = false
        while true {
            var failure: SagaClientError
            do throws(SagaClientError) {
                let connection: ClientConnection
                if let ready = keeper.ready {
                    connection = ready
                } else {
                    connection = try await keeper.connection(until: end)
                }
                return try await attempt(call, on: connection, until: end, requestID, make)
            } catch {
                failure = error
            }
            isOutcomeUnknown = isOutcomeUnknown || failure.outcomeIsUnknown
            failures += 1
            let pause = failure.retryAfter ?? keeper.pause(after: failures)
            guard failure.isTransient, .now + pause < end else {
                failure.outcomeIsUnknown = isOutcomeUnknown && failure.leavesOutcomeOpen
                throw failure
            }
            do { try await Task.sleep(for: pause) } catch {
                throw SagaClientError(.cancelled, "the call was cancelled", outcomeIsUnknown: isOutcomeUnknown)
            }
        }
    }

    private func attempt<C: WireCall>(
        _ call: C.Type, on connection: ClientConnection, until end: ContinuousClock.Instant, _ requestID: String,
        _ make: (Wire.RequestHeader) -> C.Request
    ) async throws(SagaClientError) -> C.Response {
        let isMutation = C.method.mutates
        let left = ContinuousClock.now.duration(to: end)
        guard left > .zero else { throw SagaClientError(.deadlineExceeded, "the deadline has passed") }
        let millis = min(86_400_000, max(1, UInt64(clamping: left.wholeMicroseconds / 1_000)))
        let body: [UInt8]
        do throws(WireError) {
            body = try make(Wire.RequestHeader(deadlineMillis: millis, requestID: requestID)).serialized()
        } catch {
            throw SagaClientError(.invalidArgument, "the request cannot be sent: \(error)")
        }
        let answer: [UInt8]
        do throws(TransportError) {
            answer = try await connection.call(method: C.method.rawValue, body: body, timeout: left)
        } catch {
            throw SagaClientError(error, isMutation: isMutation)
        }
        do throws(WireError) {
            return try C.Response(decoding: answer, limits: .response)
        } catch {
            var failure = SagaClientError(
                .internal, "the server's answer does not read: \(error)", outcomeIsUnknown: isMutation)
            failure.source = .connection
            throw failure
        }
    }

    /// 128 bits of chance: nobody else makes it, nor foretells it.
    private static func newRequestID() -> String {
        var random = SystemRandomNumberGenerator()
        return String(random.next(), radix: 36) + String(random.next(), radix: 36)
    }

    func encode<Value: Encodable>(_ value: Value) throws(SagaClientError) -> Payload {
        do {
            return try converter.encode(value)
        } catch {
            throw SagaClientError(
                .invalidArgument, "\(Value.self) cannot be encoded: \(error)",
                error: SagaError(describing: error, kind: .codec))
        }
    }

    /// A value of the server's, by the client's converter: for answers that come as payloads.
    /// - Throws: `.dataLoss` if it is not of that type.
    public func decode<Value: Decodable>(_ type: Value.Type, from payload: Payload) throws(SagaClientError) -> Value {
        do {
            return try converter.decode(type, from: payload)
        } catch {
            throw SagaClientError(
                .dataLoss, "the answer is not a \(Value.self): \(error)",
                error: SagaError(describing: error, kind: .codec))
        }
    }
}

extension SagaClientError {
    /// Whether an earlier attempt whose outcome was unknown is still of interest after this error. A definite answer to the
    /// same request id settles it.
    fileprivate var leavesOutcomeOpen: Bool {
        isTransient || code == .deadlineExceeded || code == .cancelled || code == .internal || code == .unauthenticated
    }
}
