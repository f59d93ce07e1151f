/// gRPC's status numbers, as they stand in field 1 of `saga.v1.Status`.
package enum WireCode: UInt32, Sendable, CaseIterable {
    case ok = 0
    case cancelled = 1
    case unknown = 2
    case invalidArgument = 3
    case deadlineExceeded = 4
    case notFound = 5
    case alreadyExists = 6
    case permissionDenied = 7
    case resourceExhausted = 8
    case failedPrecondition = 9
    case aborted = 10
    case outOfRange = 11
    case unimplemented = 12
    case `internal` = 13
    case unavailable = 14
    case dataLoss = 15
    case unauthenticated = 16
}

/// The part of `saga.v1.Status` that the session itself must write and read: no generated code on this level, so that
/// the frame machines can be tested, fuzzed and replaced by themselves.
package struct WireStatus: Sendable, Hashable, Error {
    package var code: WireCode
    /// For people.
    package var message: String
    /// Milliseconds to wait before a retry; 0 gives no advice.
    package var retryAfterMS: UInt64

    package init(_ code: WireCode, _ message: String, retryAfterMS: UInt64 = 0) {
        self.code = code
        self.message = message
        self.retryAfterMS = retryAfterMS
    }

    /// The protobuf bytes of a `saga.v1.Status` without `SagaError`.
    package func encoded() -> [UInt8] {
        var fields = ProtoFields()
        fields.add(1, UInt64(code.rawValue))
        fields.add(2, message)
        fields.add(4, retryAfterMS)
        return fields.bytes
    }

    /// Reads code, message and advice; unknown fields are skipped, a damaged body reads as UNKNOWN.
    package init(decoding body: UnsafeRawBufferPointer) {
        self.init(.unknown, "")
        var reader = ProtoFieldReader(body)
        while let field = reader.next() {
            switch (field.number, field.value) {
            case (1, .varint(let value)):
                code = UInt32(exactly: value).flatMap(WireCode.init(rawValue:)) ?? .unknown
            case (2, .bytes(let bytes)): message = String(decoding: bytes, as: UTF8.self)
            case (4, .varint(let value)): retryAfterMS = value
            default: break
            }
        }
    }
}

/// `saga.v1.GoAway`.
package struct WireGoAway: Sendable, Hashable {
    /// Streams above this one were not processed.
    package var lastStream: StreamID
    /// For people.
    package var reason: String
    /// Milliseconds that running calls have to finish.
    package var drainMS: UInt64
    /// Milliseconds to wait before connecting again.
    package var retryAfterMS: UInt64
    /// Why, for programs.
    package var code: WireCode

    package init(
        lastStream: StreamID, reason: String, drainMS: UInt64 = 0, retryAfterMS: UInt64 = 0,
        code: WireCode = .unavailable
    ) {
        self.lastStream = lastStream
        self.reason = reason
        self.drainMS = drainMS
        self.retryAfterMS = retryAfterMS
        self.code = code
    }

    package func encoded() -> [UInt8] {
        var fields = ProtoFields()
        fields.add(1, UInt64(lastStream))
        fields.add(2, reason)
        fields.add(3, drainMS)
        fields.add(4, retryAfterMS)
        fields.add(5, UInt64(code.rawValue))
        return fields.bytes
    }

    package init(decoding body: UnsafeRawBufferPointer) {
        self.init(lastStream: 0, reason: "")
        code = .ok
        var reader = ProtoFieldReader(body)
        while let field = reader.next() {
            switch (field.number, field.value) {
            case (1, .varint(let value)): lastStream = StreamID(clamping: value)
            case (2, .bytes(let bytes)): reason = String(decoding: bytes, as: UTF8.self)
            case (3, .varint(let value)): drainMS = value
            case (4, .varint(let value)): retryAfterMS = value
            case (5, .varint(let value)):
                code = UInt32(exactly: value).flatMap(WireCode.init(rawValue:)) ?? .unknown
            default: break
            }
        }
    }
}

/// `saga.v1.StreamCancel`.
package struct WireCancel: Sendable, Hashable {
    /// For people.
    package var reason: String

    package init(reason: String) { self.reason = reason }

    package func encoded() -> [UInt8] {
        var fields = ProtoFields()
        fields.add(1, reason)
        return fields.bytes
    }

    package init(decoding body: UnsafeRawBufferPointer) {
        reason = ""
        var reader = ProtoFieldReader(body)
        while let field = reader.next() {
            if field.number == 1, case .bytes(let bytes) = field.value {
                reason = String(decoding: bytes, as: UTF8.self)
            }
        }
    }
}
