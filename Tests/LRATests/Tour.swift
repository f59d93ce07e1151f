import SagaCore
import SagaEngine
import SagaTestKit

/// A saga as a list: what the scenarios of docs/lra.md are made of.
struct TourPlan: Codable, Sendable {
    var legs: [Leg] = []
    /// `well`, `badly`, or the name of a signal that is waited for.
    var end = "well"
}

/// One part of it: a step of a service, or a nested saga.
struct Leg: Codable, Sendable {
    var name: String
    var service = "hotel"
    var hasUndo = true
    var pivot = false
    var probe = ""
    /// A nested saga in place of a step: none or one.
    var nested: [TourPlan] = []
    /// Whether the saga goes on although this part has failed.
    var isOptional = false
    /// Kinds of errors that end the step at once.
    var isFinalIfTransient = false
    /// Queue of the service; empty for the saga's own.
    var queue = ""
    var parentClosePolicy = "cancel"

    static func step(_ name: String, _ service: String = "hotel") -> Leg { Leg(name: name, service: service) }

    static func nested(_ name: String, _ legs: [Leg], end: String = "well", isOptional: Bool = false) -> Leg {
        Leg(name: name, nested: [TourPlan(legs: legs, end: end)], isOptional: isOptional)
    }
}

struct Tour: DurableWorkflow {
    static let typeID = "tour"

    func run(_ context: WorkflowContext, _ plan: TourPlan) async throws -> [String] {
        var done: [String] = []
        for leg in plan.legs {
            do {
                done += try await perform(leg, context)
            } catch let error as SagaError where leg.isOptional {
                done.append("no \(leg.name): \(error.kind.name)")
            }
        }
        switch plan.end {
        case "well": return done
        case "badly": throw SagaError(kind: .domain, message: "it was not to be")
        default: return done + [try await context.waitForSignal(plan.end)]
        }
    }

    private func perform(_ leg: Leg, _ context: WorkflowContext) async throws -> [String] {
        if let plan = leg.nested.first {
            var options = ChildOptions(id: "\(context.workflowID)/\(leg.name)")
            if leg.parentClosePolicy == "abandon" {
                options.parentClosePolicy = .abandon
                return [try await context.startChildWorkflow(Tour.self, plan, options: options).workflowID]
            }
            return try await context.executeChildWorkflow(Tour.self, plan, options: options)
        }
        var options = ActivityOptions(stepID: leg.name, taskQueue: leg.queue.isEmpty ? nil : leg.queue)
        options.pivot = leg.pivot
        if leg.isFinalIfTransient { options.retry.nonRetryableKinds = [.activityExecution] }
        if leg.hasUndo {
            options.undo = UndoSpec(activityType: "\(leg.service).undo", probeActivityType: leg.probe)
        }
        return [try await context.executeActivity(named: leg.service, leg.name, as: String.self, options: options)]
    }
}

/// Two steps at the same time.
struct Twins: DurableWorkflow {
    static let typeID = "twins"

    func run(_ context: WorkflowContext, _ isBad: Bool) async throws -> [String] {
        func step(_ name: String, _ service: String) -> ActivityOptions {
            ActivityOptions(stepID: name, undo: UndoSpec(activityType: "\(service).undo"))
        }
        async let hotel: String = context.executeActivity(named: "hotel", "h", options: step("h", "hotel"))
        async let flight: String = context.executeActivity(named: "flight", "f", options: step("f", "flight"))
        let both = try await [hotel, flight]
        if isBad { throw SagaError(kind: .domain, message: "no") }
        return both
    }
}

/// Keeps what is reserved until it is committed, or not.
struct Committed: DurableWorkflow {
    static let typeID = "committed"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        for name in ["first", "second"] {
            _ = try await context.executeActivity(
                named: "hotel", name, as: String.self,
                options: ActivityOptions(stepID: name, undo: UndoSpec(activityType: "hotel.undo")))
            if name == "first" { try context.commitUndo() }
        }
        throw SagaError(kind: .domain, message: "no")
    }
}

/// An environment with the services of the scenarios, of which every step and undo succeeds.
func tours() -> SagaTestEnvironment {
    let environment = SagaTestEnvironment(Tour.self, Twins.self, Committed.self)
    for service in ["hotel", "flight"] {
        environment.fake(named: service) { (name: String) in name }
        environment.fakeUndo(named: "\(service).undo")
    }
    return environment
}

extension SagaTestEnvironment {
    func tour(_ legs: [Leg], end: String = "well", options: StartOptions = .init()) async throws -> SagaTestRun<Tour> {
        try await start(Tour.self, TourPlan(legs: legs, end: end), id: "tour", options: options)
    }

    /// What was asked of the services, in order.
    var log: [String] { calls.map(\.name) }

    /// A run of the nested saga of a tour.
    func nested(_ name: String) -> SagaTestRun<Tour> { saga(Tour.self, id: "tour/\(name)") }
}
