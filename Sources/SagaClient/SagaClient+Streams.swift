internal import SagaTransport
internal import SagaWire

/// What all calls have that take a stream.
extension SagaClient {
    /// Opens a stream with its first message, on a connection that is made if there is none.
    /// - Parameter within: How long making the connection may take.
    func openStream(
        _ method: Wire.Method, _ request: some WireMessage, within: Duration
    ) async throws(SagaClientError) -> ClientStream {
        let body: [UInt8]
        do throws(WireError) { body = try request.serialized() } catch {
            throw SagaClientError(.invalidArgument, "the request cannot be sent: \(error)")
        }
        return try await openStream(method, body: body, within: within)
    }

    func openStream(
        _ method: Wire.Method, body: [UInt8], within: Duration
    ) async throws(SagaClientError) -> ClientStream {
        try await keeper.connection(until: .now + within).openStream(method: method.rawValue, body: body)
    }

    /// Waits before a stream that broke is opened again.
    /// - Parameters:
    ///   - error: Why it broke.
    ///   - failures: How often it did since something came.
    /// - Throws: The error itself if time does not heal it; `.cancelled` if the reader is.
    func pause(after error: SagaClientError, failures: UInt32) async throws(SagaClientError) {
        guard error.isTransient else { throw error }
        do { try await Task.sleep(for: error.retryAfter ?? keeper.pause(after: failures)) } catch {
            throw SagaClientError(.cancelled, "the reader was cancelled")
        }
    }
}
