import Examples
import SagaCore

// The saga of the manual's sections 6.2 and 6.3: create an order, reserve the inventory, take the payment, schedule the
// shipping. If a step fails, those before it are undone, last first.

/// What is ordered.
struct OrderProcessingInput: Codable, Sendable {
    var orderID: String
    var items: [OrderItem]
    var amount: Amount
    var paymentToken: String
    var address: String

    enum CodingKeys: String, CodingKey {
        case orderID = "order_id"
        case items
        case amount
        case paymentToken = "payment_token"
        case address
    }
}

struct OrderItem: Codable, Sendable, Hashable {
    var productID: String
    var quantity: Int

    enum CodingKeys: String, CodingKey {
        case productID = "product_id"
        case quantity = "qty"
    }
}

struct OrderProcessingOutput: Codable, Sendable, Hashable {
    var reservationID: String
    var transactionID: String
    var tracking: String
}

struct OrderProcessingWorkflow: DurableWorkflow {
    static let typeID = "order.processing"

    func run(_ context: WorkflowContext, _ order: OrderProcessingInput) async throws -> OrderProcessingOutput {
        _ = try await context.executeActivity(CreateOrderActivity.self, order.orderID)
        let reservation = try await context.executeActivity(
            ReserveInventoryActivity.self, ReserveInventoryInput(orderID: order.orderID, items: order.items))
        let payment = try await context.executeActivity(
            ProcessPaymentActivity.self,
            PaymentInput(
                orderID: order.orderID, customerID: "customer_456", amount: order.amount, currency: "USD",
                paymentToken: order.paymentToken))
        let tracking = try await context.executeActivity(ScheduleShippingActivity.self, order.address)
        return OrderProcessingOutput(
            reservationID: reservation.reservationID, transactionID: payment.transactionID, tracking: tracking)
    }
}

/// What the services of the example keep: lines that stand, by the key under which they were made, and keys that were undone.
actor OrderServices {
    private(set) var standing: [String: String] = [:]
    private var undone: Set<String> = []

    /// Does it once for each key, and not at all once its undo has come.
    func make(_ what: String, key: String) throws(InventoryError) {
        guard !undone.contains(key) else { throw .tooLate(key) }
        standing[key] = what
    }

    func undo(key: String) {
        undone.insert(key)
        standing[key] = nil
    }
}

struct CreateOrderActivity: CompensatableActivity {
    typealias Compensation = CancelOrderActivity
    static let typeID = "order.create"
    let services: OrderServices

    func execute(_ orderID: String, _ context: ActivityContext) async throws -> String {
        try await services.make("order \(orderID)", key: context.idempotencyKey)
        return orderID
    }
}

struct CancelOrderActivity: Activity {
    static let typeID = "order.cancel"
    let services: OrderServices

    func execute(_ step: UndoInput<String, String>, _ context: ActivityContext) async throws -> String {
        await services.undo(key: step.idempotencyKey)
        return step.input
    }
}

struct ReserveInventoryInput: Codable, Sendable {
    var orderID: String
    var items: [OrderItem]
}

struct ReserveInventoryOutput: Codable, Sendable {
    var reservationID: String
    var reserved: [OrderItem]
}

enum InventoryError: ClassifiedError, Hashable {
    case outOfStock(String)
    case tooLate(String)

    var sagaErrorKind: ErrorKind { .domain }
}

/// A good activity (section 8.2): the same key twice reserves once; all is reserved or nothing; input and output say what.
struct ReserveInventoryActivity: CompensatableActivity {
    typealias Compensation = ReleaseInventoryActivity
    static let typeID = "inventory.reserve"
    let services: OrderServices

    func execute(_ input: ReserveInventoryInput, _ context: ActivityContext) async throws -> ReserveInventoryOutput {
        // Before anything is reserved: nothing is left half done.
        if let missing = input.items.first(where: { $0.quantity > 100 }) {
            throw InventoryError.outOfStock(missing.productID)
        }
        let names = input.items.map { "\($0.quantity) \($0.productID)" }.joined(separator: ", ")
        try await services.make("inventory \(names)", key: context.idempotencyKey)
        return ReserveInventoryOutput(reservationID: "res_\(input.orderID)", reserved: input.items)
    }
}

/// Releases exactly what was reserved (section 6.4).
struct ReleaseInventoryActivity: Activity {
    static let typeID = "inventory.release"
    let services: OrderServices

    func execute(
        _ step: UndoInput<ReserveInventoryInput, ReserveInventoryOutput>, _ context: ActivityContext
    ) async throws -> [OrderItem] {
        await services.undo(key: step.idempotencyKey)
        // Without an output nobody knows whether it was reserved; then there is perhaps nothing.
        return step.output?.reserved ?? []
    }
}

struct ScheduleShippingActivity: CompensatableActivity {
    typealias Compensation = CancelShippingActivity
    static let typeID = "shipping.schedule"
    let services: OrderServices

    func execute(_ address: String, _ context: ActivityContext) async throws -> String {
        if address.isEmpty { throw SagaError(kind: .validation, message: "no address to ship to") }
        try await services.make("shipping to \(address)", key: context.idempotencyKey)
        return "TRK456"
    }
}

struct CancelShippingActivity: Activity {
    static let typeID = "shipping.cancel"
    let services: OrderServices

    func execute(_ step: UndoInput<String, String>, _ context: ActivityContext) async throws -> Bool {
        await services.undo(key: step.idempotencyKey)
        return step.output != nil
    }
}

enum OrderProcessingModule {
    static func register(
        _ registry: inout ActivityRegistry, services: OrderServices, ledger: PaymentLedger = PaymentLedger()
    ) {
        registry.register(CreateOrderActivity(services: services))
        registry.register(CancelOrderActivity(services: services))
        registry.register(ReserveInventoryActivity(services: services))
        registry.register(ReleaseInventoryActivity(services: services))
        registry.register(ScheduleShippingActivity(services: services))
        registry.register(CancelShippingActivity(services: services))
        PaymentSagaModule.register(&registry, ledger: ledger)
    }
}
