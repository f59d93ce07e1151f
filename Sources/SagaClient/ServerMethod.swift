internal import SagaTransport
internal import SagaWire

/// A call of a service by its name, for messages that a program encodes itself (with SwiftProtobuf from `proto/`, say).
/// Most calls have a function with Swift values; this reaches the others.
public struct ServerMethod: Hashable, Sendable, CustomStringConvertible {
    private let method: Wire.Method

    private init(_ method: Wire.Method) { self.method = method }

    /// Every call of every service, as the protocol's definition lists them.
    public static let all = Wire.Method.allCases.map { ServerMethod($0) }

    /// - Parameter name: `Service.Method`, such as `Events.Append`; nil if there is no such call.
    public init?(_ name: String) {
        guard let found = Self.all.first(where: { $0.description == name }) else { return nil }
        self = found
    }

    public var description: String { "\(method.service).\(method.name)" }

    /// Whether it changes something: its request then carries a request id, so that a repeat is done once.
    public var mutates: Bool { method.mutates }

    /// Its number in a frame.
    var number: UInt16 { method.rawValue }
}

extension SagaClient {
    /// Makes a call with one answer, once: nothing is repeated.
    /// - Parameter request: The encoded request message; the client adds nothing to its header.
    /// - Returns: The encoded response message.
    public func call(_ method: ServerMethod, request: [UInt8]) async throws(SagaClientError) -> [UInt8] {
        let end = ContinuousClock.now + deadline
        let connection = try await keeper.connection(until: end)
        do throws(TransportError) {
            return try await connection.call(
                method: method.number, body: request, timeout: max(.zero, ContinuousClock.now.duration(to: end)))
        } catch {
            throw SagaClientError(error, isMutation: method.mutates)
        }
    }
}
