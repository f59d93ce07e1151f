internal import SagaTransport

/// Brings connections to the server: for a program that has a TLS of its own, or a network that this package does not
/// know.
///
/// ```swift
/// let options = ConnectionOptions(host: "sagas.example.org", security: .custom(MyTransport()))
/// ```
///
/// Whoever conforms is responsible for what `.tls` would do: TLS 1.3, the server's name checked against its
/// certificate, ALPN `saga/1` (docs/wire.md, "Connection"). Frames, repeats and reconnecting stay the client's.
public protocol Transport: Sendable {
    /// Connects and secures the connection. Called again whenever the connection was lost.
    ///
    /// It is cancelled after ``ConnectionOptions/connectTimeout`` and must end then.
    /// - Throws: `SagaClientError` as it shall reach the caller: `.unauthenticated`, for a certificate that is not to be
    ///   trusted, is not tried again. Anything else counts as a server that cannot be reached, and is.
    func connect(to address: ConnectionOptions.Address) async throws -> any TransportConnection
}

/// One connection of a ``Transport``. One `receive` and one `send` may be under way at a time, from any thread.
public protocol TransportConnection: Sendable {
    /// Waits for bytes of the server, 64 KiB or so at most.
    /// - Returns: The bytes; empty when the server has ended the connection in order.
    func receive() async throws -> [UInt8]
    /// Sends all of these bytes, in order.
    func send(_ bytes: [UInt8]) async throws
    /// Ends the connection. A `receive` or `send` under way must then return or throw.
    func close() async
}

extension Transport {
    /// The transport as the connection's own layer knows it.
    var security: ClientSecurity {
        .stream { address in
            let target: ConnectionOptions.Address =
                switch address {
                case .tcp(let host, let port): .tcp(host: host, port: port)
                case .unix(let path): .unix(path: path)
                }
            do {
                let connection = try await connect(to: target)
                return ByteStream(
                    receive: { try await connection.receive() }, send: { try await connection.send($0) },
                    close: { await connection.close() })
            } catch let error as SagaClientError where !error.isTransient {
                throw TransportError(.refused(code: error.code.rawValue), error.message)
            }
        }
    }
}
