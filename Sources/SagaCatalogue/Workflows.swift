internal import SagaCore

/// What the steps of the scenarios do, by their input: `ok`, `refused`, `flaky` (the second attempt succeeds), `late`
/// (hangs until it is asked to stop), `vague` (fails without saying whether it had an effect).
struct Work: CompensatableActivity {
    typealias Compensation = UndoWork
    static let typeID = "work"
    static var undoSpec: UndoSpec {
        UndoSpec(activityType: UndoWork.typeID, retry: RetryPolicy(maximumAttempts: 2, initialIntervalMicros: 1_000))
    }

    func execute(_ input: String, _ context: ActivityContext) async throws -> String {
        switch input {
        case "refused": throw SagaError(kind: .domain, message: "refused")
        case "flaky" where context.attempt == 1: throw SagaError(kind: .activityExecution, message: "flaky")
        case "late":
            // Without an error of its own if it is asked to stop.
            for _ in 0..<500 where !context.isCancelRequested { try? await Task.sleep(for: .milliseconds(10)) }
            throw CancellationError()
        case "vague": throw SagaError(kind: .activityExecution, message: "vague", isNonRetryable: true)
        default: return input
        }
    }
}

struct UndoWork: Activity {
    static let typeID = "undo-work"

    func execute(_ input: UndoInput<String, String>, _ context: ActivityContext) async throws -> Bool {
        if input.input == "stuck" { throw SagaError(kind: .activityExecution, message: "stuck") }
        if input.input == "sticky", context.attempt == 1 {
            throw SagaError(kind: .activityExecution, message: "sticky")
        }
        return true
    }
}

struct Probe: Activity {
    static let typeID = "probe-work"

    func execute(_ input: UndoInput<String, String>, _ context: ActivityContext) async throws -> ProbeResult {
        .happened
    }
}

struct Plain: Activity {
    static let typeID = "plain-work"

    func execute(_ input: String, _ context: ActivityContext) async throws -> String { input }
}

/// Steps in a row, then an end: `well` or `badly`.
struct Steps: DurableWorkflow {
    static let typeID = "steps"

    func run(_ context: WorkflowContext, _ input: [String]) async throws -> String {
        for (number, step) in input.dropLast().enumerated() {
            var options = ActivityOptions(
                stepID: "step \(number)", retry: RetryPolicy(maximumAttempts: 2, initialIntervalMicros: 1_000))
            if step == "late" {
                options.retry = .never
                options.timeouts.startToCloseMicros = 20_000
            }
            if step == "vague" {
                options.undo = UndoSpec(activityType: UndoWork.typeID, probeActivityType: Probe.typeID)
            }
            _ = try await context.executeActivity(Work.self, step, options: options)
        }
        if input.last == "badly" { throw SagaError(kind: .domain, message: "badly") }
        return input.last ?? ""
    }
}

/// Waits for what its input says.
struct Waiting: DurableWorkflow {
    static let typeID = "waiting"

    func run(_ context: WorkflowContext, _ input: String) async throws -> String {
        switch input {
        case "timer":
            try await context.sleep(.milliseconds(2))
            let none: String? = try await context.waitForSignal("go", within: .milliseconds(2))
            return none ?? "none"
        case "race":
            _ = try await context.withDeadline(.milliseconds(20)) {
                try await context.executeActivity(Work.self, "late")
            }
            // Until the worker has said that it stopped.
            try await context.sleep(.milliseconds(200))
            let word: String? = try await context.waitForSignal("go", within: .seconds(60))
            return word ?? "none"
        case "forward":
            try await context.signalExternal("receiver", "go", "forwarded")
            do { try await context.signalExternal("nobody", "go", "lost") } catch is SagaError {}
            return "sent"
        case "update":
            try context.setUpdateHandler(
                "do",
                validate: { (work: String) in
                    if work.isEmpty { throw SagaError(kind: .validation, message: "nothing to do") }
                }
            ) { (work: String) async throws -> String in try await context.executeActivity(Work.self, work) }
            return try await context.waitForSignal("go")
        default: return try await context.waitForSignal("go")
        }
    }
}

/// Writes down what it knows.
struct Notes: DurableWorkflow {
    static let typeID = "notes"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        try context.recordMarker("note", input)
        try context.setSearchAttribute("number", input)
        let value = try context.sideEffect { input + 1 }
        guard try context.patched("change") else { return 0 }
        return value
    }
}

/// Runs its steps in the worker itself.
struct Local: DurableWorkflow {
    static let typeID = "local"

    func run(_ context: WorkflowContext, _ input: [String]) async throws -> String {
        for step in input {
            let options = LocalActivityOptions(
                timeout: .milliseconds(step == "late" ? 20 : 2_000), maximumAttempts: 2, pause: .milliseconds(1))
            if step == "plain" {
                _ = try await context.executeLocalActivity(Plain.self, step, options: options)
            } else {
                _ = try await context.executeLocalActivity(Work.self, step == "slow" ? "late" : step, options: options)
            }
        }
        return "done"
    }
}

/// Starts a child, and waits for it.
struct Parent: DurableWorkflow {
    static let typeID = "parent"

    struct Input: Codable, Sendable {
        var child: String
        var input: [String]
        var timeoutMicros: Int64 = 0
    }

    func run(_ context: WorkflowContext, _ input: Input) async throws -> String {
        var options = ChildOptions(id: input.child)
        options.executionTimeout = input.timeoutMicros > 0 ? .microseconds(input.timeoutMicros) : nil
        if input.input == ["wait"] {
            return try await context.executeChildWorkflow(Waiting.self, "go", options: options)
        }
        if input.input == ["again"] {
            return "\(try await context.executeChildWorkflow(Again.self, 1, options: options))"
        }
        return try await context.executeChildWorkflow(Steps.self, input.input, options: options)
    }
}

/// Goes on in a new run.
struct Again: DurableWorkflow {
    static let typeID = "again"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        if input > 0 { try context.continueAsNew(input - 1) }
        return input
    }
}

/// For handles that are used for histories only.
struct AnyWorkflow: DurableWorkflow {
    static let typeID = "any"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int { input }
}

/// A saga as data.
let declaredSteps = SagaDefinition(
    name: "declared",
    steps: [
        StepDefinition(
            id: "work",
            kind: .activity(ActivityStep(activityType: Work.typeID, undo: UndoSpec(activityType: UndoWork.typeID)))),
        StepDefinition(id: "go", kind: .signal(SignalStep(name: "go", timeoutMicros: 60_000_000))),
        StepDefinition(id: "pause", kind: .timer(delayMicros: 1_000)),
    ], output: .template(#"["${steps.work.output}"]"#))

var catalogueWorkflows: WorkflowRegistry {
    var workflows = WorkflowRegistry()
    workflows.register(Steps.self)
    workflows.register(Waiting.self)
    workflows.register(Notes.self)
    workflows.register(Local.self)
    workflows.register(Parent.self)
    workflows.register(Again.self)
    return workflows
}

var catalogueActivities: ActivityRegistry {
    var activities = ActivityRegistry()
    activities.register(Work())
    activities.register(UndoWork())
    activities.register(Probe())
    activities.register(Plain())
    return activities
}
