import SagaCore
import Synchronization

/// What the activities of a test did, in order.
final class Journal: Sendable {
    private let entries = Mutex<[String]>([])
    func write(_ entry: String) { entries.withLock { $0.append(entry) } }
    var all: [String] { entries.withLock { $0 } }
}

struct Trip: Codable, Sendable {
    var seat: String
    /// What the payment does: "ok", "declined".
    var payment = "ok"
}

struct ReserveSeat: CompensatableActivity {
    typealias Compensation = ReleaseSeat
    static let typeID = "reserve-seat"
    let journal: Journal
    func execute(_ input: String, _ context: ActivityContext) async throws -> String {
        journal.write("reserve \(input)")
        return "reservation of \(input)"
    }
}

struct ReleaseSeat: Activity {
    static let typeID = "release-seat"
    let journal: Journal
    func execute(_ input: UndoInput<String, String>, _ context: ActivityContext) async throws -> Bool {
        journal.write("release \(input.input)")
        return true
    }
}

struct CardDeclined: ClassifiedError {
    var sagaErrorKind: ErrorKind { .domain }
}

struct Pay: Activity {
    static let typeID = "pay"
    let journal: Journal
    func execute(_ input: String, _ context: ActivityContext) async throws -> Int {
        if input == "declined" { throw CardDeclined() }
        journal.write("pay")
        return 42
    }
}

struct BookTrip: DurableWorkflow {
    static let typeID = "book-trip"
    func run(_ context: WorkflowContext, _ input: Trip) async throws -> String {
        let reservation = try await context.executeActivity(ReserveSeat.self, input.seat)
        let receipt = try await context.executeActivity(Pay.self, input.payment)
        return "\(reservation), receipt \(receipt)"
    }
}

/// Adds up signals until it gets a 0.
struct Counter: DurableWorkflow {
    static let typeID = "counter"
    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        var sum = input
        while true {
            let value: Int = try await context.waitForSignal("add")
            if value == 0 { return sum }
            sum += value
        }
    }
}

enum TestCode {
    static var workflows: WorkflowRegistry {
        var workflows = WorkflowRegistry()
        workflows.register(BookTrip.self)
        workflows.register(Counter.self)
        return workflows
    }

    static func activities(_ journal: Journal) -> ActivityRegistry {
        var activities = ActivityRegistry()
        activities.register(ReserveSeat(journal: journal))
        activities.register(ReleaseSeat(journal: journal))
        activities.register(Pay(journal: journal))
        return activities
    }
}
