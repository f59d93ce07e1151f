import SagaCore
import Synchronization

/// What the world sees of a test's sagas: effects and undos in the order in which they happened.
final class World: Sendable {
    private let entries = Mutex<[String]>([])

    func note(_ entry: String) { entries.withLock { $0.append(entry) } }
    var log: [String] { entries.withLock { $0 } }
}

struct Order: Codable, Sendable {
    var id: String
    /// The step that says no, if any.
    var refusedStep: String?
}

enum Refusal: ClassifiedError {
    case refused(String)

    var sagaErrorKind: ErrorKind { .domain }
}

struct Receipt: Codable, Sendable, Equatable {
    var number: String
}

/// One step that notes what it does; three of them differ only in their names.
protocol NotingStep: CompensatableActivity where Input == Order, Output == Receipt {
    var world: World { get }
}

extension NotingStep {
    func execute(_ input: Order, _ context: ActivityContext) async throws -> Receipt {
        if input.refusedStep == Self.typeID { throw Refusal.refused(Self.typeID) }
        world.note("\(Self.typeID) \(input.id)")
        return Receipt(number: "\(Self.typeID)-\(input.id)")
    }
}

struct NotingUndo: Activity {
    static let typeID = "undo"
    let world: World

    func execute(_ input: UndoInput<Order, Receipt>, _ context: ActivityContext) async throws -> String {
        world.note("undo \(input.output?.number ?? "?") \(input.outcome.name)")
        return "undone"
    }
}

struct Flight: NotingStep {
    static let typeID = "flight"
    typealias Compensation = NotingUndo
    let world: World
}

struct Hotel: NotingStep {
    static let typeID = "hotel"
    typealias Compensation = NotingUndo
    let world: World
}

struct Payment: NotingStep {
    static let typeID = "payment"
    typealias Compensation = NotingUndo
    let world: World
}

struct Booking: DurableWorkflow {
    static let typeID = "booking"

    func run(_ context: WorkflowContext, _ input: Order) async throws -> [Receipt] {
        let flight = try await context.executeActivity(Flight.self, input)
        let hotel = try await context.executeActivity(Hotel.self, input)
        let payment = try await context.executeActivity(Payment.self, input)
        return [flight, hotel, payment]
    }
}

/// Waits for a signal, with a step before and after it.
struct Approval: DurableWorkflow {
    static let typeID = "approval"

    func run(_ context: WorkflowContext, _ input: Order) async throws -> String {
        _ = try await context.executeActivity(Flight.self, input)
        let by: String = try await context.waitForSignal("approved")
        try await context.sleep(.milliseconds(20))
        return by
    }
}

func bookingTypes(_ world: World) -> (WorkflowRegistry, ActivityRegistry) {
    var workflows = WorkflowRegistry()
    workflows.register(Booking.self)
    workflows.register(Approval.self)
    var activities = ActivityRegistry()
    activities.register(Flight(world: world))
    activities.register(Hotel(world: world))
    activities.register(Payment(world: world))
    activities.register(NotingUndo(world: world))
    return (workflows, activities)
}
