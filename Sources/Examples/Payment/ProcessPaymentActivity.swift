internal import Glibc
public import SagaCore

/// Charges a card through a (simulated) gateway (manual, section 7.3); undone by `RefundPaymentActivity` (section 8.3).
public struct ProcessPaymentActivity: CompensatableActivity {
    public typealias Compensation = RefundPaymentActivity

    public static let typeID = "payment.process"
    private let ledger: PaymentLedger

    /// - Parameter ledger: The provider's books. Default: books that nobody looks at.
    public init(ledger: PaymentLedger = PaymentLedger()) { self.ledger = ledger }

    public func execute(_ input: PaymentInput, _ context: ActivityContext) async throws -> PaymentOutput {
        guard !input.paymentToken.isEmpty else { throw PaymentError.invalidToken("payment token cannot be empty") }
        let response = try Gateway.charge(
            token: input.paymentToken, amount: input.amount, key: context.idempotencyKey)
        try await ledger.charge(
            transactionID: response.transactionID, orderID: input.orderID, amount: response.approvedAmount)
        return PaymentOutput(
            transactionID: response.transactionID, status: PaymentStatus(rawValue: response.status) ?? .failed,
            approvedAmount: response.approvedAmount, processedAt: currentTime().description)
    }

    public func prepareCompensationData(_ input: PaymentInput, _ output: PaymentOutput?) -> RefundInput? {
        // Without an output the gateway may or may not have charged: it finds the charge by the order.
        RefundInput(
            orderID: input.orderID, transactionID: output?.transactionID,
            amount: output?.approvedAmount ?? input.amount)
    }
}

/// What a refund needs.
public struct RefundInput: Codable, Sendable, Hashable {
    public var orderID: String
    /// Nil if the charge never reported.
    public var transactionID: String?
    public var amount: Amount

    enum CodingKeys: String, CodingKey {
        case orderID = "order_id"
        case transactionID = "transaction_id"
        case amount
    }

    public init(orderID: String, transactionID: String?, amount: Amount) {
        self.orderID = orderID
        self.transactionID = transactionID
        self.amount = amount
    }
}

/// Gives the money back. It accepts that there is nothing to give back.
public struct RefundPaymentActivity: Activity {
    public static let typeID = "payment.refund"
    private let ledger: PaymentLedger

    /// - Parameter ledger: The provider's books. Default: books that nobody looks at.
    public init(ledger: PaymentLedger = PaymentLedger()) { self.ledger = ledger }

    public func execute(_ input: RefundInput, _ context: ActivityContext) async throws -> PaymentOutput {
        await ledger.refund(orderID: input.orderID)
        return PaymentOutput(
            transactionID: input.transactionID ?? "", status: .refunded, approvedAmount: input.amount,
            processedAt: currentTime().description)
    }
}

/// Stands in for a payment provider. Test cards as real providers have them: the token says what happens.
private enum Gateway {
    struct Response {
        var transactionID: String
        var status: String
        var approvedAmount: Amount
    }

    static func charge(token: String, amount: Amount, key: String) throws(PaymentError) -> Response {
        switch token {
        case "tok_declined": throw .declined("the issuer refused the card")
        case "tok_no_funds": throw .insufficientFunds
        case "tok_gateway_down": throw .gatewayError("no connection")
        default:
            // The provider derives the transaction from the idempotency key: a repeat is the same transaction.
            return Response(transactionID: "txn_\(key)", status: "approved", approvedAmount: amount)
        }
    }
}

/// The wall clock; activities may read it, workflow code may not.
func currentTime() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
}
