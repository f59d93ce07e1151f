import SagaCore

struct ReserveStock: CompensatableActivity {
    typealias Compensation = ReleaseStock  // Its undo: recorded with the step, before the step can do anything.
    static let typeID = "stock.reserve"

    func execute(_ order: Order, _ context: ActivityContext) async throws -> String {
        try await Warehouse.shared.reserve(order.items, key: context.idempotencyKey)  // The same key on each attempt.
    }
}

struct ReleaseStock: Activity {
    static let typeID = "stock.release"

    func execute(_ step: UndoInput<Order, String>, _ context: ActivityContext) async throws -> Bool {
        await Warehouse.shared.release(key: step.idempotencyKey)  // Called even if nobody knows whether it reserved.
    }
}

struct PlaceOrder: DurableWorkflow {
    static let typeID = "order.place"

    func run(_ context: WorkflowContext, _ order: Order) async throws -> Receipt {
        let reservation = try await context.executeActivity(ReserveStock.self, order)
        let payment = try await context.executeActivity(TakePayment.self, order)  // Refused? The stock is released.
        return Receipt(reservation: reservation, payment: payment)
    }
}
