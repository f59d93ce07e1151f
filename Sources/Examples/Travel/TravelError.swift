public import SagaCore

/// Why a service said no. Both are of kind `domain`: nothing happened, and asking again cannot help.
public enum TravelError: Error, Hashable, Sendable {
    /// The card was refused.
    case paymentRefused
    /// The step was undone before its effect came: the mark that the undo left keeps the effect out.
    case alreadyCancelled(key: String)
}

extension TravelError: ClassifiedError {
    public var sagaErrorKind: ErrorKind { .domain }

    public var sagaErrorCode: String {
        switch self {
        case .paymentRefused: "PaymentRefused"
        case .alreadyCancelled: "AlreadyCancelled"
        }
    }
}

extension TravelError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .paymentRefused: "the card was refused"
        case .alreadyCancelled(let key): "the step with key \(key) was cancelled before it was done"
        }
    }
}

/// The service's book could not be read or written: tried again.
public struct ServiceBookError: Error, Hashable, Sendable, CustomStringConvertible {
    public var path: String
    /// What the system said.
    public var reason: String

    public var description: String { "\(path): \(reason)" }
}
