/// An error of the user's that knows what it means to a saga.
public protocol ClassifiedError: Error {
    /// The kind; `domain` and `validation` say that nothing happened, so that the step need not be undone.
    var sagaErrorKind: ErrorKind { get }
    /// A name for programs. Default: the type's name.
    var sagaErrorCode: String { get }
}

extension ClassifiedError {
    /// The type's name.
    public var sagaErrorCode: String { "\(Self.self)" }
}

extension SagaError {
    /// The error structure of any error.
    /// - Parameters:
    ///   - error: The error; a `SagaError` stays what it is.
    ///   - kind: The kind of an error that does not say its own.
    public init(describing error: any Error, kind: ErrorKind) {
        if let error = error as? SagaError {
            self = error
        } else if let error = error as? any ClassifiedError {
            self.init(kind: error.sagaErrorKind, message: "\(error)", code: error.sagaErrorCode)
        } else {
            self.init(kind: kind, message: "\(error)", code: "\(type(of: error))")
        }
    }

    /// What a failed attempt with this error may have done, unless the activity itself says otherwise
    /// (semantics, section 4, "Outcome").
    public var impliedOutcome: StepOutcome {
        kind == .validation || kind == .domain ? .noEffect : .unknown
    }
}
