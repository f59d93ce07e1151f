internal import SagaCore
internal import SagaSchedules

/// The sagas of the simulation: real workflow code, run by the real runtime. Their input is a list of numbers.
enum SimulatedWorkflows {
    static let registry: WorkflowRegistry = {
        var registry = WorkflowRegistry()
        registry.register(Sequence.self)
        registry.register(Parallel.self)
        registry.register(Group.self)
        registry.register(Race.self)
        registry.register(Signals.self)
        registry.register(CancelAware.self)
        registry.register(Manual.self)
        registry.register(Tracked.self)
        registry.register(Timers.self)
        registry.register(Stubborn.self)
        registry.register(Nested.self)
        registry.register(Together.self)
        registry.register(Family.self)
        registry.register(Leaf.self)
        registry.register(Waiter.self)
        registry.register(Continues.self)
        registry.register(Checkpoints.self)
        registry.register(Updates.self)
        registry.register(Signaller.self)
        registry.register(LocalSteps.self)
        registry.register(Notes.self)
        registry.register(ScheduleWorkflow.self)
        return registry
    }()

    static let stepType = "step"
    static let undoType = "undo"
    static let probeType = "probe"
    static let signalName = "go"
}

/// What the business says when it says no.
struct Refused: ClassifiedError {
    var sagaErrorKind: ErrorKind { .domain }
}

/// Input of every workflow here: `[steps, step after which the code itself throws or 0, variant]`.
struct Shape {
    var steps: Int
    var throwsAfter: Int
    var variant: Int

    init(_ input: [Int]) {
        steps = input.count > 0 ? input[0] : 1
        throwsAfter = input.count > 1 ? input[1] : 0
        variant = input.count > 2 ? input[2] : 0
    }
}

/// The policies of a step, which follow from the variant, so that all of them meet all faults.
struct StepPolicy {
    var retry: RetryPolicy
    var timeouts: ActivityTimeouts
    var undo: UndoSpec?
    var priority: Int32

    init(_ number: Int, _ variant: Int) {
        let mix = variant &+ number &* 7
        let policy: UndoFailedStep = mix % 11 == 0 ? .never : (mix % 5 == 0 ? .always : .ifUnknown)
        let undo = UndoSpec(
            activityType: SimulatedWorkflows.undoType, undoFailedStep: policy,
            retry: RetryPolicy(initialIntervalMicros: 300_000, jitter: 0),
            timeouts: ActivityTimeouts(startToCloseMicros: 2_000_000),
            probeActivityType: mix % 7 == 3 ? SimulatedWorkflows.probeType : "")
        timeouts = ActivityTimeouts(
            scheduleToStartMicros: mix % 13 == 0 ? 1_500_000 : 0, startToCloseMicros: 1_000_000,
            scheduleToCloseMicros: mix % 17 == 0 ? 4_000_000 : 0, heartbeatMicros: mix % 19 == 0 ? 300_000 : 0)
        retry = RetryPolicy(maximumAttempts: mix % 3 == 0 ? 1 : 3, initialIntervalMicros: 200_000)
        self.undo = mix % 23 == 0 ? nil : undo
        priority = mix % 29 == 0 ? 1 : 0
    }
}

extension WorkflowContext {
    func step(_ name: String, _ number: Int, _ variant: Int, pivot: Bool = false) async throws -> Int {
        let policy = StepPolicy(number, variant)
        let options = ActivityOptions(
            stepID: name, retry: policy.retry, timeouts: policy.timeouts, undo: policy.undo, priority: policy.priority,
            pivot: pivot)
        return try await executeActivity(
            named: SimulatedWorkflows.stepType, number, as: Int.self, options: options)
    }
}

/// Step after step.
private struct Sequence: DurableWorkflow {
    static let typeID = "sequence"

    func run(_ context: WorkflowContext, _ input: [Int]) async throws -> Int {
        let shape = Shape(input)
        var sum = 0
        for number in 1...max(1, shape.steps) {
            sum += try await context.step("s\(number)", number, shape.variant)
            if number == shape.throwsAfter { throw Refused() }
        }
        return sum
    }
}

/// Three steps at once, then one; when one fails Swift cancels its siblings.
private struct Parallel: DurableWorkflow {
    static let typeID = "parallel"

    func run(_ context: WorkflowContext, _ input: [Int]) async throws -> Int {
        let shape = Shape(input)
        async let first = context.step("s1", 1, shape.variant)
        async let second = context.step("s2", 2, shape.variant)
        async let third = context.step("s3", 3, shape.variant)
        let sum = try await first + second + third
        if shape.throwsAfter == 1 { throw Refused() }
        return sum + (try await context.step("s4", 4, shape.variant))
    }
}

/// As many steps at once as there are.
private struct Group: DurableWorkflow {
    static let typeID = "group"

    func run(_ context: WorkflowContext, _ input: [Int]) async throws -> Int {
        let shape = Shape(input)
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 1...max(1, shape.steps) {
                group.addTask { try await context.step("s\(number)", number, shape.variant) }
            }
            return try await group.reduce(0, +)
        }
        if shape.throwsAfter > 0 { throw Refused() }
        return sum
    }
}

/// A signal against a timer, several rounds; the loser is cancelled.
private struct Race: DurableWorkflow {
    static let typeID = "race"

    func run(_ context: WorkflowContext, _ input: [Int]) async throws -> Int {
        let shape = Shape(input)
        var signals = 0
        for number in 1...max(1, shape.steps) {
            signals += try await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask { try await context.waitForSignal(SimulatedWorkflows.signalName, as: Int.self) * 0 + 1 }
                group.addTask {
                    try await context.sleep(.milliseconds(100 + shape.variant % 900))
                    return 0
                }
                defer { group.cancelAll() }
                return try await group.next() ?? 0
            }
            _ = try await context.step("s\(number)", number, shape.variant)
        }
        if shape.throwsAfter > 0 { throw Refused() }
        return signals
    }
}

/// Waits for signals and tells their order.
private struct Signals: DurableWorkflow {
    static let typeID = "signals"

    func run(_ context: WorkflowContext, _ input: [Int]) async throws -> [Int] {
        let shape = Shape(input)
        var seen: [Int] = []
        _ = try await context.step("s1", 1, shape.variant)
        for _ in 0..<shape.steps {
            seen.append(try await context.waitForSignal(SimulatedWorkflows.signalName, as: Int.self))
        }
        if shape.throwsAfter > 0 { throw Refused() }
        _ = try await context.step("s2", 2, shape.variant)
        return seen
    }
}

/// Notices a cancel, cleans up behind a shield, and ends well or badly.
private struct CancelAware: DurableWorkflow {
    static let typeID = "cancel-aware"

    func run(_ context: WorkflowContext, _ input: [Int]) async throws -> Int {
        let shape = Shape(input)
        do {
            for number in 1...max(1, shape.steps) { _ = try await context.step("s\(number)", number, shape.variant) }
            try await context.sleep(.milliseconds(500))
        } catch is WorkflowCancelled {
            let cleaned = try await context.withoutCancellation {
                try await context.step("cleanup", 50, shape.variant)
            }
            if shape.variant % 2 == 0 { return cleaned }
            throw WorkflowCancelled(reason: "cleaned")
        }
        return 0
    }
}

/// Unwinds by itself; started with `autoCompensate` off.
private struct Manual: DurableWorkflow {
    static let typeID = "manual"

    func run(_ context: WorkflowContext, _ input: [Int]) async throws -> Int {
        let shape = Shape(input)
        do {
            for number in 1...max(1, shape.steps) {
                _ = try await context.step("s\(number)", number, shape.variant)
                if number == shape.throwsAfter { throw Refused() }
            }
        } catch is WorkflowCancelled {
            try await context.compensate()
            throw WorkflowCancelled(reason: "compensated")
        } catch let error where !(error is Evicted) {
            try await context.compensate()
            if shape.variant % 3 == 0 { throw error }
            if shape.variant % 3 == 1 {
                // Forward again, and back again.
                _ = try await context.step("again", 60, shape.variant)
                try await context.compensate()
            }
            return -1
        }
        return 1
    }
}

/// Undo entries made by hand, kept values, a point of no return, a pivot.
private struct Tracked: DurableWorkflow {
    static let typeID = "tracked"

    func run(_ context: WorkflowContext, _ input: [Int]) async throws -> Int {
        let shape = Shape(input)
        for number in 1...max(1, shape.steps) {
            let isPivot = shape.variant % 4 == 1 && number == 2
            let output = try await context.step("s\(number)", number, shape.variant, pivot: isPivot)
            try context.setStepOutput("s\(number)", output)
            try context.trackCompensatableStep(
                "t\(number)", undo: UndoSpec(activityType: SimulatedWorkflows.undoType), input: number, output: output)
            if shape.variant % 4 == 2 && number == 1 { try context.commitUndo() }
            if number == shape.throwsAfter { throw Refused() }
        }
        return try context.stepOutput("s1", as: Int.self) ?? -1
    }
}

/// Timers beside each other and between steps.
private struct Timers: DurableWorkflow {
    static let typeID = "timers"

    func run(_ context: WorkflowContext, _ input: [Int]) async throws -> Int {
        let shape = Shape(input)
        for number in 1...max(1, shape.steps) {
            async let short: Void = context.sleep(.milliseconds(10 + shape.variant % 300))
            async let long: Void = context.createTimer("long", .milliseconds(200 + shape.variant % 700))
            _ = try await context.step("s\(number)", number, shape.variant)
            if number == shape.throwsAfter { throw Refused() }
            _ = try await (short, long)
        }
        return Int(context.randomNumber() % 1_000)
    }
}

/// Goes on after failures.
private struct Stubborn: DurableWorkflow {
    static let typeID = "stubborn"

    func run(_ context: WorkflowContext, _ input: [Int]) async throws -> Int {
        let shape = Shape(input)
        var failures = 0
        for number in 1...max(1, shape.steps) {
            do {
                _ = try await context.step("s\(number)", number, shape.variant)
            } catch let error as SagaError {
                _ = error
                failures += 1
            }
        }
        if shape.throwsAfter > 0 { throw Refused() }
        return failures
    }
}

/// Sagas within the saga: an inner one fails, is unwound by itself, and the code takes another road.
private struct Nested: DurableWorkflow {
    static let typeID = "nested"

    func run(_ context: WorkflowContext, _ input: [Int]) async throws -> Int {
        let shape = Shape(input)
        _ = try await context.step("s1", 1, shape.variant)
        var detours = 0
        do {
            try await context.saga {
                _ = try await context.step("s2", 2, shape.variant)
                try await context.saga {
                    async let beside = context.step("s3", 3, shape.variant)
                    _ = try await context.step("s4", 4, shape.variant)
                    _ = try await beside
                    if shape.variant % 3 == 0 { throw Refused() }
                }
                if shape.variant % 3 == 1 { throw Refused() }
            }
        } catch is WorkflowCancelled {
            throw WorkflowCancelled(reason: "inside")
        } catch let error where !(error is Evicted) {
            detours += 1
            _ = try await context.step("s5", 5, shape.variant)
        }
        _ = try await context.step("s6", 6, shape.variant)
        if shape.throwsAfter > 0 { throw Refused() }
        return detours
    }
}

/// Steps whose undos run together, between two that stand alone.
private struct Together: DurableWorkflow {
    static let typeID = "together"

    func run(_ context: WorkflowContext, _ input: [Int]) async throws -> Int {
        let shape = Shape(input)
        _ = try await context.step("s1", 1, shape.variant)
        let sum = try await context.group(undo: .concurrent) {
            async let second = context.step("s2", 2, shape.variant)
            async let third = context.step("s3", 3, shape.variant)
            return try await second + third + (try await context.step("s4", 4, shape.variant))
        }
        _ = try await context.step("s5", 5, shape.variant)
        if shape.throwsAfter > 0 { throw Refused() }
        return sum
    }
}
