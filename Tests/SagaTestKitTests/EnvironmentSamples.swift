import SagaCore
import SagaTestKit

struct Flight: CompensatableActivity {
    typealias Compensation = CancelFlight
    static let typeID = "test.flight"

    func execute(_ input: String, _ context: ActivityContext) async throws -> String { "real \(input)" }
    func prepareCompensationData(_ input: String, _ output: String?) -> String? { "cancel \(output ?? input)" }
}

struct CancelFlight: Activity {
    static let typeID = "test.flight.cancel"

    func execute(_ input: String, _ context: ActivityContext) async throws -> Bool { true }
}

struct Hotel: CompensatableActivity {
    typealias Compensation = CancelHotel
    static let typeID = "test.hotel"

    func execute(_ input: String, _ context: ActivityContext) async throws -> String { "real \(input)" }
}

struct CancelHotel: Activity {
    static let typeID = "test.hotel.cancel"

    func execute(_ input: UndoInput<String, String>, _ context: ActivityContext) async throws -> Bool { true }
}

/// Two steps: one after the other, or both at once.
struct Trip: DurableWorkflow {
    static let typeID = "test.trip"

    func run(_ context: WorkflowContext, _ input: String) async throws -> [String] {
        if input == "both" {
            async let flight = context.executeActivity(Flight.self, input)
            async let hotel = context.executeActivity(Hotel.self, input)
            return try await [flight, hotel]
        }
        let flight = try await context.executeActivity(Flight.self, input)
        return [flight, try await context.executeActivity(Hotel.self, input)]
    }
}

/// Waits so many days.
struct Patient: DurableWorkflow {
    static let typeID = "test.patient"

    func run(_ context: WorkflowContext, _ days: Int) async throws -> String {
        try await context.sleep(.seconds(days * 86_400))
        return try await context.executeActivity(Flight.self, "\(days)")
    }
}

struct Family: DurableWorkflow {
    static let typeID = "test.family"

    func run(_ context: WorkflowContext, _ input: String) async throws -> [String] {
        try await context.executeChildWorkflow(Trip.self, input)
    }
}

/// Answers, adds up, and waits for a signal.
struct Chatty: DurableWorkflow {
    static let typeID = "test.chatty"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        var sum = input
        try context.setQueryHandler("sum") { sum }
        try context.setUpdateHandler(
            "add",
            validate: { (number: Int) in
                if number < 0 { throw SagaError(kind: .validation, message: "negative") }
            }
        ) { (number: Int) in
            sum += number
            return sum
        }
        let word = try await context.waitForSignal("go", as: Int.self)
        if word < 0 { throw SagaError(kind: .domain, message: "no") }
        return word + sum
    }
}

struct Quick: DurableWorkflow {
    static let typeID = "test.quick"

    func run(_ context: WorkflowContext, _ input: String) async throws -> String {
        try await context.executeLocalActivity(Flight.self, input)
    }
}

struct Chain: DurableWorkflow {
    static let typeID = "test.chain"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        if input > 0 { try context.continueAsNew(input - 1) }
        return input
    }
}

/// Its steps have another name each time the code is run.
struct Fickle: DurableWorkflow {
    static let typeID = "test.fickle"
    static let count = Counter()

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        let number = Self.count.next()
        for step in 0..<input {
            _ = try await context.executeActivity(
                Flight.self, "x", options: ActivityOptions(stepID: "\(number)-\(step)"))
        }
        return input
    }
}

/// Its steps get another value each time the code is run, which no replay notices.
struct Chancy: DurableWorkflow {
    static let typeID = "test.chancy"
    static let count = Counter()

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        _ = try await context.executeActivity(Flight.self, "\(Self.count.next())")
        return input
    }
}
