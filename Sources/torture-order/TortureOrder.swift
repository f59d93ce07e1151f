internal import Glibc
internal import SagaCore
internal import SagaTestKit

/// A torture of one's own, whole (docs/torture.md): `saga torture --run .build/release/torture-order`.
///
/// The same saga twice: `careful` bears whatever is done to it; `careless` charges again when it is asked again.
@main
enum TortureOrder {
    static func main() async throws {
        let subjects = try [subject("careful", ignoresKeys: false), subject("careless", ignoresKeys: true)]
        let outcome = await TortureCommandLine.run(subjects, CommandLine.arguments)
        print(outcome.text)
        exit(outcome.status)
    }

    private static func subject(_ name: String, ignoresKeys: Bool) throws -> TortureSubject {
        try TortureSubject(PlaceOrder.self, input: "tea", name: name) {
            // Fresh for every run: what you test against, not what you sell from.
            let shop = Shop(ignoresKeys: ignoresKeys)
            var activities = ActivityRegistry()
            activities.register(ReserveStock(shop: shop))
            activities.register(ReleaseStock(shop: shop))
            activities.register(ChargeCard(shop: shop))
            activities.register(RefundCard(shop: shop))
            // One line for each fact. Idempotency keys may stand in it; nothing from a clock or from chance.
            return TortureWorld(activities: activities) { await shop.facts }
        }
    }
}

struct PlaceOrder: DurableWorkflow {
    static let typeID = "order.place"

    func run(_ context: WorkflowContext, _ item: String) async throws -> String {
        _ = try await context.executeActivity(ReserveStock.self, item, options: ActivityOptions(stepID: "reserve"))
        return try await context.executeActivity(ChargeCard.self, item, options: ActivityOptions(stepID: "charge"))
    }
}

/// Stands for services with a database.
actor Shop {
    /// The mistake: each charge is a new one, whatever its key.
    private let ignoresKeys: Bool
    private var reserved: [String: String] = [:]
    private var charges: [String] = []
    /// Keys whose undo came: an effect that comes later is refused.
    private var closed: Set<String> = []

    init(ignoresKeys: Bool) { self.ignoresKeys = ignoresKeys }

    func reserve(_ item: String, key: String) throws(TooLate) {
        guard !closed.contains(key) else { throw TooLate() }
        reserved[key] = item
    }

    func release(key: String) {
        closed.insert(key)
        reserved[key] = nil
    }

    func charge(key: String) throws(TooLate) {
        guard !closed.contains(key) else { throw TooLate() }
        if ignoresKeys || !charges.contains(key) { charges.append(key) }
    }

    func refund(key: String) {
        closed.insert(key)
        charges.removeAll { $0 == key }
    }

    var facts: [String] {
        reserved.map { key, item in "reserved \(item) for \(key)" } + charges.map { "charged for \($0)" }
    }
}

/// The step's undo came first.
struct TooLate: Error, ClassifiedError {
    var sagaErrorKind: ErrorKind { .domain }
}

struct ReserveStock: CompensatableActivity {
    typealias Compensation = ReleaseStock
    static let typeID = "stock.reserve"
    let shop: Shop

    func execute(_ item: String, _ context: ActivityContext) async throws -> String {
        try await shop.reserve(item, key: context.idempotencyKey)
        return context.idempotencyKey
    }
}

struct ReleaseStock: Activity {
    static let typeID = "stock.release"
    let shop: Shop

    func execute(_ step: UndoInput<String, String>, _ context: ActivityContext) async throws -> Bool {
        await shop.release(key: step.idempotencyKey)
        return true
    }
}

struct ChargeCard: CompensatableActivity {
    typealias Compensation = RefundCard
    static let typeID = "card.charge"
    let shop: Shop

    func execute(_ item: String, _ context: ActivityContext) async throws -> String {
        try await shop.charge(key: context.idempotencyKey)
        return context.idempotencyKey
    }
}

struct RefundCard: Activity {
    static let typeID = "card.refund"
    let shop: Shop

    func execute(_ step: UndoInput<String, String>, _ context: ActivityContext) async throws -> Bool {
        await shop.refund(key: step.idempotencyKey)
        return true
    }
}
