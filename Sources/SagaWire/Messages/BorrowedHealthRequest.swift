internal import CSagaProto
internal import SagaCore

/// A health request that is read where it lies, and answered from there: what load balancers send all day, and what the cost of
/// the path is measured by, is not copied into values first.
package struct BorrowedHealthRequest: ~Copyable {
    private let unpacked: UnpackedMessage
    private var request: UnsafePointer<Saga__V1__HealthRequest> {
        unpacked.message.assumingMemoryBound(to: Saga__V1__HealthRequest.self)
    }

    /// Reads a message that a peer sent, with the checks of ``Wire/HealthRequest``.
    /// - Throws: ``WireError`` that names the field.
    package init(decoding bytes: UnsafeRawBufferPointer, limits: MessageLimits = .request) throws(WireError) {
        unpacked = try UnpackedMessage(bytes, limits, Wire.HealthRequest.descriptor)
    }

    /// Bytes to be sent back.
    package var echoCount: Int { request.pointee.echo.len }

    /// The header, if there is one and it has more than a deadline and a request id within these limits: then it is to be checked.
    package borrowing func header(beyond requestIDBytes: Int, _ deadlineMillis: UInt64) -> Wire.RequestHeader? {
        guard let header = request.pointee.header else { return nil }
        let isPlain =
            Self.isAtMost(0, header.pointee.namespace_) && Self.isAtMost(0, header.pointee.traceparent)
            && Self.isAtMost(requestIDBytes, header.pointee.request_id)
            && header.pointee.deadline_ms <= deadlineMillis
        return isPlain ? nil : Wire.RequestHeader(copying: UnsafePointer(header))
    }

    private static func isAtMost(_ bytes: Int, _ text: UnsafePointer<CChar>?) -> Bool {
        text.map { strnlen($0, bytes + 1) <= bytes } ?? true
    }

    /// Prepares the answer and hands it to `body`, which knows its size before it is written.
    package borrowing func answer<R>(serverTimeMicros: Int64, _ body: (borrowing PackedMessage) -> R) -> R {
        var response = Saga__V1__HealthResponse()
        saga__v1__health_response__init(&response)
        response.server_time_us = serverTimeMicros
        response.echo = request.pointee.echo
        return withUnsafePointer(to: &response) { response in
            // Every struct of protobuf-c begins with its message.
            body(PackedMessage(UnsafeRawPointer(response).assumingMemoryBound(to: ProtobufCMessage.self)))
        }
    }
}
