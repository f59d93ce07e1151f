/// What the (simulated) payment provider keeps: charges that stand, and orders that were refunded.
public actor PaymentLedger {
    private var charges: [String: (orderID: String, amount: Amount)] = [:]
    private var refunded: Set<String> = []

    public init() {}

    /// Charges once for each transaction; not any more once the order was refunded.
    func charge(transactionID: String, orderID: String, amount: Amount) throws(PaymentError) {
        if refunded.contains(orderID) { throw .declined("order \(orderID) was refunded") }
        charges[transactionID] = (orderID, amount)
    }

    /// Gives back what was charged for the order, if anything was, and refuses what comes later.
    func refund(orderID: String) {
        refunded.insert(orderID)
        charges = charges.filter { $0.value.orderID != orderID }
    }

    /// The charges that stand, a line each.
    public var standing: [String] { charges.map { "\($0.key): \($0.value.amount) for \($0.value.orderID)" }.sorted() }
}
