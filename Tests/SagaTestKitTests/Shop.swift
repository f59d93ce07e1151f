import SagaCore
import SagaTestKit

/// A shop with a saga of three steps, and a mistake in it, if one is wanted.
actor Shop {
    enum Mistake: String, CaseIterable, Sendable {
        case none
        /// Each charge is a new one, whatever the key.
        case chargesTwice
        /// The undo of the charge does nothing.
        case refundDoesNothing
        /// The undo of the charge gives money back each time it is asked.
        case refundsTwice
        /// The undo of the charge fails if there was no charge.
        case refundWantsCharge
        /// The undo leaves no mark, so that a late charge is taken.
        case takesLateCharge
        /// The voucher has no undo.
        case voucherStands
    }

    let mistake: Mistake
    private var rooms: Set<String> = []
    private var charges: [String] = []
    private var gifts = 0
    private var vouchers: Set<String> = []
    private var closedKeys: Set<String> = []

    init(_ mistake: Mistake) { self.mistake = mistake }

    func reserve(_ key: String) throws {
        if closedKeys.contains(key) { throw ShopError.closed }
        rooms.insert(key)
    }

    func release(_ key: String) {
        closedKeys.insert(key)
        rooms.remove(key)
    }

    func charge(_ key: String) throws {
        if closedKeys.contains(key) && mistake != .takesLateCharge { throw ShopError.closed }
        if mistake == .chargesTwice || !charges.contains(key) { charges.append(key) }
    }

    func refund(_ key: String) throws {
        if mistake == .refundDoesNothing { return }
        if mistake == .refundWantsCharge && !charges.contains(key) && !closedKeys.contains(key) {
            throw ShopError.noCharge
        }
        if mistake == .refundsTwice && !charges.contains(key) && closedKeys.contains(key) { gifts += 1 }
        closedKeys.insert(key)
        charges.removeAll { $0 == key }
    }

    func sendVoucher(_ key: String) throws {
        if closedKeys.contains(key) { throw ShopError.closed }
        vouchers.insert(key)
    }

    func revokeVoucher(_ key: String) {
        closedKeys.insert(key)
        vouchers.remove(key)
    }

    var facts: [String] {
        rooms.map { "room \($0)" } + charges.map { "charge \($0)" } + vouchers.map { "voucher \($0)" }
            + (gifts > 0 ? ["\(gifts) gifts"] : [])
    }

    static func subject(_ mistake: Mistake) throws -> TortureSubject {
        try TortureSubject(Buy.self, input: mistake == .voucherStands, name: mistake.rawValue) {
            let shop = Shop(mistake)
            var activities = ActivityRegistry()
            activities.register(Reserve(shop: shop))
            activities.register(Release(shop: shop))
            activities.register(Charge(shop: shop))
            activities.register(Refund(shop: shop))
            activities.register(Voucher(shop: shop))
            activities.register(Revoke(shop: shop))
            return TortureWorld(activities: activities) { await shop.facts }
        }
    }
}

enum ShopError: Error, ClassifiedError {
    case closed
    case noCharge

    var sagaErrorKind: ErrorKind { .domain }
}

/// Reserves, charges, sends a voucher; whether that one can be undone is its input.
struct Buy: DurableWorkflow {
    static let typeID = "shop.buy"

    func run(_ context: WorkflowContext, _ voucherStands: Bool) async throws -> Bool {
        _ = try await context.executeActivity(Reserve.self, true, options: ActivityOptions(stepID: "reserve"))
        try await context.sleep(.seconds(86_400))
        _ = try await context.executeActivity(Charge.self, true, options: ActivityOptions(stepID: "charge"))
        let undo = voucherStands ? nil : UndoSpec(activityType: Revoke.typeID)
        return try await context.executeActivity(
            named: Voucher.typeID, true, as: Bool.self, options: ActivityOptions(stepID: "voucher", undo: undo))
    }
}

struct Reserve: CompensatableActivity {
    typealias Compensation = Release
    static let typeID = "shop.reserve"
    let shop: Shop

    func execute(_ input: Bool, _ context: ActivityContext) async throws -> Bool {
        try await shop.reserve(context.idempotencyKey)
        return true
    }
}

struct Release: Activity {
    static let typeID = "shop.release"
    let shop: Shop

    func execute(_ input: UndoInput<Bool, Bool>, _ context: ActivityContext) async throws -> Bool {
        await shop.release(input.idempotencyKey)
        return true
    }
}

struct Charge: CompensatableActivity {
    typealias Compensation = Refund
    static let typeID = "shop.charge"
    let shop: Shop

    func execute(_ input: Bool, _ context: ActivityContext) async throws -> Bool {
        try await shop.charge(context.idempotencyKey)
        return true
    }
}

struct Refund: Activity {
    static let typeID = "shop.refund"
    let shop: Shop

    func execute(_ input: UndoInput<Bool, Bool>, _ context: ActivityContext) async throws -> Bool {
        try await shop.refund(input.idempotencyKey)
        return true
    }
}

struct Voucher: Activity {
    static let typeID = "shop.voucher"
    let shop: Shop

    func execute(_ input: Bool, _ context: ActivityContext) async throws -> Bool {
        try await shop.sendVoucher(context.idempotencyKey)
        return true
    }
}

struct Revoke: Activity {
    static let typeID = "shop.revoke"
    let shop: Shop

    func execute(_ input: UndoInput<Bool, Bool>, _ context: ActivityContext) async throws -> Bool {
        await shop.revokeVoucher(input.idempotencyKey)
        return true
    }
}
