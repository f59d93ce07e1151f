/// An update that did not succeed.
public struct UpdateFailure: Error, Hashable, Sendable {
    /// Why.
    public var error: SagaError
    /// True if the code began it, and undid what it had done; false if the validator refused it.
    public var wasAccepted: Bool

    public init(error: SagaError, wasAccepted: Bool) {
        self.error = error
        self.wasAccepted = wasAccepted
    }
}

extension UpdateFailure: CustomStringConvertible {
    public var description: String {
        wasAccepted ? "the update was rolled back: \(error.message)" : "the update was refused: \(error.message)"
    }
}
