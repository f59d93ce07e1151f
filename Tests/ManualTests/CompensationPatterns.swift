import SagaCore

// The manual's section 9: steps that the code tracks by itself, data for their undos, and undos that fail.

/// What is known of a payment that somebody else's library has made.
struct TrackedPayment: Codable, Sendable, Hashable {
    var transactionID: String
    var gateway: String
    var lastFour: String

    enum CodingKeys: String, CodingKey {
        case transactionID = "transaction_id"
        case gateway
        case lastFour = "last_four"
    }
}

/// Adds an effect to the undo log by hand (sections 9.2 and 9.3). Input *and* output are asked for, so that the undo has the
/// transaction, and not only the amount.
struct TrackedWorkflow: DurableWorkflow {
    static let typeID = "compensation.tracked"

    func run(_ context: WorkflowContext, _ amount: Int) async throws -> Int {
        try context.trackCompensatableStep(
            "reserve-inventory", undo: UndoSpec(activityType: "inventory.release"),
            input: ["items": ["A", "B"]], output: ["reservation_id": "res_123"])
        try context.trackCompensatableStep(
            "payment", undo: UndoSpec(activityType: RefundTracked.typeID), input: ["amount": amount],
            output: TrackedPayment(transactionID: "txn_abc123", gateway: "stripe", lastFour: "4242"))
        throw SagaError(kind: .domain, message: "the order is not wanted any more")
    }
}

/// Refunds what was tracked.
struct RefundTracked: Activity {
    static let typeID = "payment.refund-tracked"

    func execute(
        _ step: UndoInput<[String: Int], TrackedPayment>, _ context: ActivityContext
    ) async throws -> String {
        "refunded \(step.input["amount"] ?? 0) of \(step.output?.transactionID ?? "nothing")"
    }
}

/// Undoes its steps itself (section 9.4): for sagas that are started with `autoCompensate` off. The engine still runs the undos,
/// last first, tries each again, and blocks the saga for a person if one fails for good; nobody sleeps in the code.
struct ManualCompensationWorkflow: DurableWorkflow {
    static let typeID = "compensation.manual"

    func run(_ context: WorkflowContext, _ orderID: String) async throws -> String {
        _ = try await context.executeActivity(CreateOrderActivity.self, orderID)
        do {
            return try await context.executeActivity(ScheduleShippingActivity.self, "")
        } catch let error as SagaError {
            try await context.compensate()
            return "given back: \(error.message)"
        }
    }
}

/// How often an undo is tried, and how long between (section 9.4): three attempts, 2, 4, 8 seconds. These are the defaults.
let undoPolicy = RetryPolicy(
    maximumAttempts: 3, initialIntervalMicros: 2_000_000, backoffCoefficient: 2, maximumIntervalMicros: 60_000_000,
    jitter: 0)
