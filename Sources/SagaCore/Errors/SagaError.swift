public import SagaCodec

/// The one error structure, from worker to wire to command line (semantics, section 8).
public struct SagaError: Error, Hashable, Sendable {
    /// The area it came from; it decides what the engine does.
    public var kind: ErrorKind
    /// What happened, where, and what to do, for people.
    public var message: String
    /// The user's or engine's own name for the error, for programs: `CardDeclined`, `SE0042`. May be empty.
    public var code: String
    /// Facts about it, in the order they were added.
    public var context: [MetadataEntry]
    /// The errors behind it, nearest first. Flat, so that no message can nest without a limit.
    public var causes: [ErrorCause]
    /// When it happened.
    public var timestamp: Timestamp
    /// Says "do not repeat this" whatever the kind says.
    public var isNonRetryable: Bool
    /// The error as the user's own value, for workers that know its type.
    public var details: Payload?

    public init(
        kind: ErrorKind, message: String, code: String = "", context: [MetadataEntry] = [], causes: [ErrorCause] = [],
        timestamp: Timestamp = Timestamp(microseconds: 0), isNonRetryable: Bool = false, details: Payload? = nil
    ) {
        self.kind = kind
        self.message = message
        self.code = code
        self.context = context
        self.causes = causes
        self.timestamp = timestamp
        self.isNonRetryable = isNonRetryable
        self.details = details
    }

    /// The same error with one more fact.
    public func with(_ key: String, _ value: String) -> SagaError {
        var copy = self
        copy.context.append(MetadataEntry(key: key, value: value))
        return copy
    }

    /// Whether another attempt may succeed.
    public var isRetryable: Bool { !isNonRetryable && kind.category.isRetryable }
}

/// One error behind a `SagaError`.
public struct ErrorCause: Hashable, Sendable {
    /// The area it came from.
    public var kind: ErrorKind
    /// What happened, for people.
    public var message: String

    public init(kind: ErrorKind, message: String) {
        self.kind = kind
        self.message = message
    }
}

extension SagaError: CustomStringConvertible {
    public var description: String {
        var text = "\(kind.name): \(message)"
        if !context.isEmpty {
            text += " (" + context.map { "\($0.key)=\($0.value)" }.joined(separator: ", ") + ")"
        }
        return text
    }
}

extension SagaError: PostcardCodable {
    public init(from reader: inout PostcardReader) throws(CodecError) {
        kind = try reader.read()
        message = try reader.read()
        code = try reader.read()
        context = try reader.read()
        causes = try reader.read()
        timestamp = try reader.read()
        isNonRetryable = try reader.read()
        details = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(kind)
        writer.write(message)
        writer.write(code)
        writer.write(context)
        writer.write(causes)
        writer.write(timestamp)
        writer.write(isNonRetryable)
        writer.write(details)
    }
}

extension ErrorCause: PostcardCodable {
    public init(from reader: inout PostcardReader) throws(CodecError) {
        kind = try reader.read()
        message = try reader.read()
    }

    public func encode(into writer: inout PostcardWriter) {
        writer.write(kind)
        writer.write(message)
    }
}
