import SagaCore

/// What a customer wants.
struct Order: Codable, Sendable {
    var items: [String]
    var price: Amount
    var card: String
}

/// What the customer gets.
struct Receipt: Codable, Sendable, Hashable {
    var reservation: String
    var payment: String
}

/// Stands for a service with a database: it keeps what it did under the step's key.
actor Warehouse {
    static let shared = Warehouse()

    private var reservations: [String: [String]] = [:]
    private var released: Set<String> = []

    func reserve(_ items: [String], key: String) throws -> String {
        // The undo came first and left its mark: the effect is too late.
        guard !released.contains(key) else { throw TravelError.alreadyCancelled(key: key) }
        reservations[key] = items
        return "R-\(key)"
    }

    /// Whether there was something to release.
    func release(key: String) -> Bool {
        released.insert(key)
        return reservations.removeValue(forKey: key) != nil
    }

    /// Items that are reserved now.
    var reserved: [String] { reservations.values.flatMap { $0 }.sorted() }
}

/// Charges a card; the card `declined` is declined.
struct TakePayment: Activity {
    static let typeID = "order.pay"

    func execute(_ order: Order, _ context: ActivityContext) async throws -> String {
        guard order.card != "declined" else { throw PaymentError.declined("the issuer refused the card") }
        return "P-\(context.idempotencyKey)"
    }
}
