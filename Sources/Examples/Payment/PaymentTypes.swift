public import SagaCore

/// What the payment workflow is given (manual, section 7.2).
public struct PaymentInput: Codable, Sendable {
    public var orderID: String
    public var customerID: String
    public var amount: Amount
    /// ISO 4217: `USD`.
    public var currency: String
    public var paymentToken: String

    enum CodingKeys: String, CodingKey {
        case orderID = "order_id"
        case customerID = "customer_id"
        case amount
        case currency
        case paymentToken = "payment_token"
    }

    public init(orderID: String, customerID: String, amount: Amount, currency: String, paymentToken: String) {
        self.orderID = orderID
        self.customerID = customerID
        self.amount = amount
        self.currency = currency
        self.paymentToken = paymentToken
    }
}

/// What the payment workflow returns.
public struct PaymentOutput: Codable, Sendable, Hashable {
    public var transactionID: String
    public var status: PaymentStatus
    public var approvedAmount: Amount
    /// ISO 8601, UTC.
    public var processedAt: String

    enum CodingKeys: String, CodingKey {
        case transactionID = "transaction_id"
        case status
        case approvedAmount = "approved_amount"
        case processedAt = "processed_at"
    }

    public init(transactionID: String, status: PaymentStatus, approvedAmount: Amount, processedAt: String) {
        self.transactionID = transactionID
        self.status = status
        self.approvedAmount = approvedAmount
        self.processedAt = processedAt
    }
}

/// What became of a payment.
public enum PaymentStatus: String, Codable, Sendable, Hashable {
    case approved
    case declined
    case failed
    case refunded
}

/// Why a payment was not made.
public enum PaymentError: Error, Hashable, Sendable {
    case declined(String)
    case gatewayError(String)
    case invalidToken(String)
    case insufficientFunds
}

extension PaymentError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .declined(let reason): "payment declined: \(reason)"
        case .gatewayError(let reason): "gateway error: \(reason)"
        case .invalidToken(let reason): "invalid token: \(reason)"
        case .insufficientFunds: "insufficient funds"
        }
    }
}

// The kind decides what the engine does: a refusal is final and nothing happened; a gateway that is down is tried again.
extension PaymentError: ClassifiedError {
    public var sagaErrorKind: ErrorKind {
        switch self {
        case .declined, .insufficientFunds: .domain
        case .invalidToken: .validation
        case .gatewayError: .activityExecution
        }
    }
}
