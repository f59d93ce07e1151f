import SagaCore

// The manual's section 12: steps side by side, retries, waiting.

struct ActivityA: Activity {
    static let typeID = "advanced.a"
    func execute(_ input: Int, _ context: ActivityContext) async throws -> Int { input + 1 }
}

struct ActivityB: Activity {
    static let typeID = "advanced.b"
    func execute(_ input: Int, _ context: ActivityContext) async throws -> Int { input * 2 }
}

struct ActivityC: Activity {
    static let typeID = "advanced.c"
    func execute(_ input: [Int], _ context: ActivityContext) async throws -> Int { input.reduce(0, +) }
}

/// Two steps at the same time, and one that needs both (section 12.1). Parallel steps are `async let` or a task group; their undos
/// run one by one, the step that ended last first.
struct ParallelWorkflow: DurableWorkflow {
    static let typeID = "advanced.parallel"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        async let resultA = context.executeActivity(ActivityA(), input)
        async let resultB = context.executeActivity(ActivityB(), input)
        let both = try await [resultA, resultB]
        return try await context.executeActivity(ActivityC(), both)
    }
}

/// Fails now and then.
struct UnreliableActivity: Activity {
    static let typeID = "advanced.unreliable"
    func execute(_ input: String, _ context: ActivityContext) async throws -> String { input }
}

/// Retries by policy (section 12.2): the engine makes them, over restarts, and the code knows nothing of it.
struct RetryWorkflow: DurableWorkflow {
    static let typeID = "advanced.retry"

    func run(_ context: WorkflowContext, _ input: String) async throws -> String {
        let retry = RetryPolicy(maximumAttempts: 3, initialIntervalMicros: 1_000_000, backoffCoefficient: 2, jitter: 0)
        return try await context.executeActivity(
            UnreliableActivity(), input, options: ActivityOptions(retry: retry))
    }
}

/// Retries in the code itself (section 12.2), for what a policy cannot say: the waiting is a durable timer.
struct RetryCycleWorkflow: DurableWorkflow {
    static let typeID = "advanced.retry-cycle"

    func run(_ context: WorkflowContext, _ input: String) async throws -> String {
        let maxRetries = 3
        var attempt = 1
        while true {
            do {
                return try await context.executeActivity(
                    UnreliableActivity(), input, options: ActivityOptions(stepID: "try-\(attempt)", retry: .never))
            } catch let error as SagaError {
                guard attempt < maxRetries else { throw error }
                try await context.sleep(.seconds(1 << (attempt - 1)))
                attempt += 1
            }
        }
    }
}

/// Waits for an approval, at most a day (section 12.3): a timer with a callback, and a signal.
struct ApprovalWorkflow: DurableWorkflow {
    static let typeID = "advanced.approval"

    func run(_ context: WorkflowContext, _ input: String) async throws -> String {
        var isTooLate = false
        try context.setTimerCallback("approval_timeout") { _ in isTooLate = true }
        let timer = try context.startTimer("wait_for_approval", .seconds(24 * 3_600), callback: "approval_timeout")
        var approvedBy: String?
        try context.setSignalHandler("approval_received") { (who: String) in approvedBy = who }
        try await context.waitUntil { isTooLate || approvedBy != nil }
        guard let approvedBy else { throw SagaError(kind: .domain, message: "nobody approved \(input) in time") }
        try context.cancelTimer(timer)
        return "approved by \(approvedBy)"
    }
}

/// The same in one line, for code that needs no callback (section 12.3).
struct ShortApprovalWorkflow: DurableWorkflow {
    static let typeID = "advanced.approval-short"

    func run(_ context: WorkflowContext, _ input: String) async throws -> String {
        let who: String? = try await context.waitForSignal("approval_received", within: .seconds(24 * 3_600))
        guard let who else { throw SagaError(kind: .domain, message: "nobody approved \(input) in time") }
        return "approved by \(who)"
    }
}
