internal import SagaCore

// Sagas that have to do with others, with callers, and with their own past.

/// A saga with children: after another, beside a step, left open, in a scope that fails, with an id that is in use.
struct Family: DurableWorkflow {
    static let typeID = "family"

    func run(_ context: WorkflowContext, _ input: [Int]) async throws -> Int {
        let shape = Shape(input)
        let policies = ParentClosePolicy.allCases
        var options = ChildOptions(parentClosePolicy: policies[shape.variant % 3])
        if shape.variant % 6 == 0 { options.executionTimeout = .milliseconds(700) }
        let leaf = [shape.steps, shape.variant % 4 == 1 ? 1 : 0, shape.variant / 7, 0]
        _ = try await context.step("s1", 1, shape.variant)
        var result = 0
        switch shape.variant % 5 {
        case 0:
            result = try await context.executeChildWorkflow(Leaf.self, leaf, options: options)
        case 1:
            async let child = context.executeChildWorkflow(Leaf.self, leaf, options: options)
            _ = try await context.step("s2", 2, shape.variant)
            result = try await child
        case 2:
            // Open when the parent ends. One that nobody ends must end by itself.
            let patience = options.parentClosePolicy == .abandon ? 900 : 0
            let waiter = try await context.startChildWorkflow(Waiter.self, [shape.variant, patience], options: options)
            _ = try await context.step("s2", 2, shape.variant)
            if shape.variant % 2 == 0, patience > 0 { try await waiter.signal("never", 1) }
        case 3:
            do {
                let options = options
                try await context.saga {
                    result = try await context.executeChildWorkflow(Leaf.self, leaf, options: options)
                    async let open = context.executeChildWorkflow(Waiter.self, [shape.variant, 400], options: options)
                    _ = try await context.step("s2", 2, shape.variant)
                    if shape.variant % 2 == 0 { throw Refused() }
                    _ = try await open
                }
            } catch is WorkflowCancelled {
                throw WorkflowCancelled(reason: "inside")
            } catch let error where !(error is Evicted) {
                _ = try await context.step("s3", 3, shape.variant)
            }
        default:
            do {
                options.id = context.workflowID
                result = try await context.executeChildWorkflow(Leaf.self, leaf, options: options)
            } catch is SagaError {
                result = -1
            }
            options.id = nil
            // The parent may end before it comes to that.
            let patience = options.parentClosePolicy == .abandon ? 900 : 0
            let waiter = try await context.startChildWorkflow(Waiter.self, [shape.variant, patience], options: options)
            try waiter.cancel()
            do { _ = try await waiter.result() } catch is SagaError { result -= 1 }
        }
        _ = try await context.step("s4", 4, shape.variant)
        if shape.throwsAfter > 0 { throw Refused() }
        return result
    }
}

/// A child: two steps; sometimes it goes on as a new run, rests, fails, or has a child of its own.
/// Input: `[steps, throws, variant, generation]`.
struct Leaf: DurableWorkflow {
    static let typeID = "leaf"

    func run(_ context: WorkflowContext, _ input: [Int]) async throws -> Int {
        let shape = Shape(input)
        let generation = input.count > 3 ? input[3] : 0
        _ = try await context.step("c1", 11, shape.variant)
        if shape.variant % 4 == 1, generation == 0 {
            try context.continueAsNew(
                [shape.steps, shape.throwsAfter, shape.variant, 1], carryUndo: shape.variant % 8 != 5)
        }
        if shape.variant % 4 == 2 { try await context.sleep(.milliseconds(400)) }
        if shape.variant % 7 == 3, generation == 0 {
            _ = try await context.executeChildWorkflow(Leaf.self, [1, 0, shape.variant + 1, 1])
        }
        _ = try await context.step("c2", 12, shape.variant)
        if shape.throwsAfter > 0 { throw Refused() }
        return shape.steps
    }
}

/// A child that waits for what never comes; sometimes it goes on as a new run a few times before.
/// Input: `[variant, milliseconds or 0 for ever, generation]`.
struct Waiter: DurableWorkflow {
    static let typeID = "waiter"

    func run(_ context: WorkflowContext, _ input: [Int]) async throws -> Int {
        _ = try await context.step("c1", 11, input.first ?? 0)
        let patience = input.count > 1 ? input[1] : 0
        let generation = input.count > 2 ? input[2] : 0
        if (input.first ?? 0) % 3 == 0, generation < 4 {
            try context.continueAsNew([input.first ?? 0, patience, generation + 1])
        }
        if patience > 0 {
            return try await context.waitForSignal("never", as: Int.self, within: .milliseconds(patience)) ?? 0
        }
        return try await context.waitForSignal("never", as: Int.self)
    }
}

/// Goes on as a new run, with undos and signals. Input: `[generations, throws, variant, generation, what was seen …]`.
struct Continues: DurableWorkflow {
    static let typeID = "continues"

    func run(_ context: WorkflowContext, _ input: [Int]) async throws -> [Int] {
        let shape = Shape(input)
        let generation = input.count > 3 ? input[3] : 0
        var seen = Array(input.dropFirst(4))
        _ = try await context.step("s1", 1, shape.variant)
        // With a deadline; the first generation takes more than one.
        for _ in 0..<(generation == 0 ? 2 : 1) {
            let patience = Duration.milliseconds(20 + shape.variant % 200)
            if let number: Int = try await context.waitForSignal(SimulatedWorkflows.signalName, within: patience) {
                seen.append(number)
            }
        }
        let late = try await context.withDeadline(.milliseconds(30 + shape.variant % 50)) {
            try await context.step("s2", 2, shape.variant)
        }
        _ = late
        if generation < min(3, shape.steps) {
            if shape.variant % 4 == 0 {
                // A step that nobody waits for.
                async let left = context.step("s3", 3, shape.variant)
                _ = try await context.step("s4", 4, shape.variant)
                if shape.variant % 8 != 0 { _ = try await left }
                try goOn(context, shape, generation, seen)
            }
            try goOn(context, shape, generation, seen)
        }
        if shape.throwsAfter > 0 { throw Refused() }
        return seen
    }

    private func goOn(_ context: WorkflowContext, _ shape: Shape, _ generation: Int, _ seen: [Int]) throws {
        try context.continueAsNew(
            [shape.steps, shape.throwsAfter, shape.variant, generation + 1] + seen, carryUndo: shape.variant % 3 != 0)
    }
}

/// Makes a checkpoint after each round. It takes one signal a round, so that others go with it.
struct Checkpoints: DurableWorkflow {
    static let typeID = "checkpoints"

    struct Held: Codable {
        var round = 0
        /// Steps that are done, for queries.
        var done = 0
        var seen: [Int] = []
        /// What chance gave in each round: the same as without any checkpoint.
        var numbers: [UInt64] = []
    }

    struct Output: Codable {
        var seen: [Int]
        var numbers: [UInt64]
    }

    func run(_ context: WorkflowContext, _ input: [Int]) async throws -> Output {
        let shape = Shape(input)
        var held = try context.lastCheckpoint(as: Held.self) ?? Held()
        try context.setQueryHandler("done") { held.done }
        held.round += 1
        held.numbers.append(context.randomNumber() >> 12)
        _ = try await context.step("s\(held.round)", held.round, shape.variant)
        held.done += 1
        let patience = Duration.milliseconds(20 + shape.variant % 200)
        if let number: Int = try await context.waitForSignal(SimulatedWorkflows.signalName, within: patience) {
            held.seen.append(number)
        }
        if held.round < max(2, shape.steps) { try await context.checkpoint(held) }
        if shape.throwsAfter > 0 { throw Refused() }
        return Output(seen: held.seen, numbers: held.numbers)
    }
}

/// Takes updates: some it refuses, some it rolls back.
struct Updates: DurableWorkflow {
    static let typeID = "updates"

    private final class Sum: @unchecked Sendable {
        // Safe to share: touched on the run's executor only.
        var value = 0
        var count = 0
    }

    func run(_ context: WorkflowContext, _ input: [Int]) async throws -> Int {
        let shape = Shape(input)
        let sum = Sum()
        try context.setUpdateHandler("add", validate: { (number: Int) in if number % 4 == 3 { throw Refused() } }) {
            (number: Int) in
            sum.count += 1
            _ = try await context.step("u\(number)", 40 + number, shape.variant)
            if number % 4 == 2 { throw Refused() }
            sum.value += number
            return number * 10
        }
        _ = try await context.step("s1", 1, shape.variant)
        _ = try await context.withDeadline(.milliseconds(300 + shape.variant % 900)) {
            try await context.waitUntil { sum.count >= shape.steps }
        }
        if shape.variant % 3 != 0 { try await context.waitForUpdateHandlers() }
        if shape.throwsAfter > 0 { throw Refused() }
        _ = try await context.step("s2", 2, shape.variant)
        return sum.value
    }
}

/// Signals another saga, which may be there or not. Input: `[signals, throws, variant, number of the other]`.
struct Signaller: DurableWorkflow {
    static let typeID = "signaller"

    func run(_ context: WorkflowContext, _ input: [Int]) async throws -> Int {
        let shape = Shape(input)
        let other = "run-\(input.count > 3 ? input[3] : 0)"
        _ = try await context.step("s1", 1, shape.variant)
        var failures = 0
        for number in 1...max(1, shape.steps) {
            do {
                try await context.signalExternal(other, SimulatedWorkflows.signalName, 200 + number)
            } catch is SagaError {
                failures += 1
            }
            if number == 2 { _ = try await context.step("s2", 2, shape.variant) }
        }
        if shape.throwsAfter > 0 { throw Refused() }
        return failures
    }
}

/// Steps that the worker runs by itself, with undos and without, between others.
struct LocalSteps: DurableWorkflow {
    static let typeID = "local"

    func run(_ context: WorkflowContext, _ input: [Int]) async throws -> Int {
        let shape = Shape(input)
        var sum = 0
        for number in 1...max(1, shape.steps) {
            var options = LocalActivityOptions(stepID: "s\(number)")
            if (shape.variant + number) % 3 != 0 { options.undo = StepPolicy(number, shape.variant).undo }
            do {
                if (shape.variant + number) % 4 == 0 {
                    async let beside = context.step("s6", 6, shape.variant)
                    sum += try await context.executeLocalActivity(LocalStep.self, number, options: options)
                    sum += try await beside
                } else {
                    sum += try await context.executeLocalActivity(LocalStep.self, number, options: options)
                }
            } catch let error as SagaError {
                if shape.variant % 2 == 0 { throw error }
            }
            if number == shape.throwsAfter { throw Refused() }
        }
        return sum
    }
}

/// Never run: the simulated worker does what the plan says.
struct LocalStep: Activity {
    static let typeID = "local-step"

    func execute(_ input: Int, _ context: ActivityContext) async throws -> Int { input }
}

/// Notes in its own history: values that are computed once, attributes, a patch, timers with callbacks; and it answers queries.
struct Notes: DurableWorkflow {
    static let typeID = "notes"

    private final class Book: @unchecked Sendable {
        // Safe to share: touched on the run's executor only.
        var done = 0
        var ticks = 0
    }

    func run(_ context: WorkflowContext, _ input: [Int]) async throws -> [Int] {
        let shape = Shape(input)
        let book = Book()
        var values: [Int] = []
        // A release of the code brings the patch while runs are open; code that runs already is the old one.
        let isPatched = Outside.current?.isPatched == true
        try context.setQueryHandler("done") { book.done }
        try context.setTimerCallback("tick") { _ in book.ticks += 1 }
        try context.startTimer("short", .milliseconds(20 + shape.variant % 300), callback: "tick")
        let long = try context.startTimer("long", .seconds(30), callback: "tick")
        for number in 1...max(1, shape.steps) {
            values.append(try context.sideEffect { Outside.current?.next() ?? 0 })
            try context.setSearchAttribute("round", number)
            if number == 2 {
                values.append(try context.sideEffect { Outside.current?.next() ?? 0 })
                try context.setSearchAttribute("half", true)
            }
            if isPatched, try context.patched("note") { try context.recordMarker("note", number) }
            _ = try await context.step("s\(number)", number, shape.variant)
            book.done += 1
            if number == shape.throwsAfter { throw Refused() }
        }
        try context.cancelTimer(long)
        return values + [book.ticks]
    }
}

/// What code may ask of the world only where the answer is kept: it is another one each time.
final class Outside: @unchecked Sendable {
    // Safe to share: a world runs on one thread.
    @TaskLocal static var current: Outside?

    private var count = 0
    /// Whether the new release of the code is out.
    var isPatched = false

    func next() -> Int {
        count += 1
        return count
    }
}
