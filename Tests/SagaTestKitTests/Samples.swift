import SagaCore
import Synchronization

/// Code that goes another way each time it is run.
struct Dice: DurableWorkflow {
    static let typeID = "test.dice"
    static let throwsOfDice = Counter()

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        let name = "throw-\(Self.throwsOfDice.next())"
        _ = try await context.executeActivity(Reserve.self, true, options: ActivityOptions(stepID: name))
        return 1
    }
}

/// Waits for a signal.
struct Waiter: DurableWorkflow {
    static let typeID = "test.waiter"

    func run(_ context: WorkflowContext, _ input: Int) async throws -> Int {
        try await context.waitForSignal("go", as: Int.self)
    }
}

final class Counter: Sendable {
    private let value = Mutex(0)

    func next() -> Int {
        value.withLock { value in
            value += 1
            return value
        }
    }

    func reset() { value.withLock { $0 = 0 } }
}
