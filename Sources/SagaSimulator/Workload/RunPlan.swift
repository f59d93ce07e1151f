internal import SagaCore
internal import SagaEngine
internal import SagaSchedules

/// What one saga of a simulation is made of: its code, how its steps go, what its clients do.
struct RunPlan {
    enum Operation: Hashable {
        case signal(Int)
        case cancel
        case terminate(compensate: Bool)
        case startAgain
        case describe
        /// Register the next version of the definition.
        case define
        case schedule(ScheduleOperation)
        case update(Int)
        /// The same update once more, when it was answered.
        case updateAgain(Int)
        case query
        /// The run stands still, so many microseconds.
        case pause(Int64)
        /// To an event, in so many parts of a thousand of the history; of the newest run, or of the one that is known.
        case reset(ResetCall.Undo, Int, isNewest: Bool)
        /// Remove the newest closed run from the store.
        case delete
    }

    /// How the attempts of an activity go.
    struct Behavior: Hashable {
        enum Failure: Hashable {
            /// The business says no; nothing happened.
            case refusal
            /// Fails without a word on the effect, before it or after it.
            case beforeEffect
            case afterEffect
            /// Says truthfully that nothing happened; may be tried again.
            case noEffect
            /// Never reports, before the effect or after it.
            case hangsBefore
            case hangsAfter
        }

        var failure = Failure.beforeEffect
        /// How many attempts fail before one succeeds.
        var failures: UInt32 = 0
        /// How long an attempt runs.
        var micros: Int64 = 1_000
        /// Where the attempt does not fail: it goes on outside of the worker, like this.
        var later: Later?

        /// How an attempt goes on outside of its worker.
        struct Later: Hashable {
            var end: OutsideEnd
            var micros: Int64
            var givesSigns: Bool
        }

        func failure(ofAttempt attempt: UInt32) -> Failure? { attempt > 0 && attempt <= failures ? failure : nil }
    }

    /// How it ends outside of the worker.
    enum OutsideEnd: Hashable {
        case success
        /// Says truthfully that nothing happened.
        case noEffect
        /// It happened, and the report says only that it failed.
        case unknown
        /// Was asked to stop, and did.
        case stopped
        /// Nobody ever says anything; it happened, or did not.
        case silence(happened: Bool)
    }

    var index: Int
    var workflowID: String
    var workflowType: String
    var input: [Int]
    var startAt: Int64
    var autoCompensate = true
    var continueOnUndoError = false
    var executionTimeoutMicros: Int64 = 0
    var reusePolicy = ReusePolicy.allowIfFailed
    /// The first start brings a signal along.
    var startsWithSignal = false
    /// What the schedule starts, and when; nil for other sagas.
    var schedule: ScheduleSpec?
    var startsAgainWithSignal = false
    /// The client sends everything at once.
    var isPipelined = false
    var steps: [String: Behavior] = [:]
    var undos: [String: Behavior] = [:]
    /// The versions of its definition; empty for code.
    var declared: [DeclaredPlan] = []
    /// What clients do after the start, one after the other, each so long after the one before was answered.
    var operations: [(operation: Operation, after: Int64)] = []

    func behavior(of stepID: String, isUndo: Bool) -> Behavior { (isUndo ? undos : steps)[stepID] ?? Behavior() }

    /// Six steps in a row: the saga of the exhaustive crash loop.
    static func sixSteps(_ ending: ExhaustiveEnding, isDeclared: Bool) -> RunPlan {
        var plan = RunPlan(
            index: 0, workflowID: "run-0", workflowType: isDeclared ? "declared-0" : "sequence",
            // In this variant each of the six steps has an undo; the last one has a single attempt.
            input: [6, 0, 0], startAt: 0)
        if isDeclared { plan.declared = DeclaredPlan.sixSteps(plan.input) }
        switch ending {
        case .finishes: break
        case .undoesAChild: (plan.workflowType, plan.input) = (Family.typeID, [1, 1, 135, 0])
        case .goesOn: (plan.workflowType, plan.input) = (Continues.typeID, [2, 1, 7, 0])
        case .makesCheckpoints:
            (plan.workflowType, plan.input) = (Checkpoints.typeID, [4, 1, 7, 0])
            plan.operations = [(.signal(0), 0), (.signal(1), 0), (.signal(2), 60_000)]
        case .failsAtTheEnd: plan.steps["s6"] = Behavior(failure: .refusal, failures: .max)
        case .timesOut: plan.steps["s6"] = Behavior(failure: .hangsAfter, failures: .max)
        }
        return plan
    }

    /// A plan drawn from the seed; each run has a generator of its own, so that leaving one out changes no other.
    init(seed: UInt64, index: Int, composed: Bool) {
        var random = chances(seed, 0x1000 + UInt64(index))
        self.index = index
        workflowID = "run-\(index)"
        let types = [
            "sequence", "sequence", "parallel", "group", "race", "signals", "cancel-aware", "manual", "tracked",
            "timers", "stubborn", "nested", "nested", "nested", "together", "declared", "declared", "declared",
        ]
        workflowType = types[random.pick(0...(types.count - 1))]
        let count = random.pick(1...6)
        input = [count, random.happens(400_000) ? random.pick(1...count) : 0, random.pick(0...9_999)]
        startAt = random.draw(0...2_000_000)
        if workflowType == "manual" { autoCompensate = false }
        if workflowType == "declared" {
            // A definition of its own, so that what one client registers changes nothing for another.
            workflowType = "declared-\(index)"
            declared = DeclaredPlan.versions(input)
        }
        continueOnUndoError = random.happens(150_000)
        if random.happens(120_000) { executionTimeoutMicros = random.draw(200_000...8_000_000) }
        reusePolicy = random.happens(500_000) ? .allow : .allowIfFailed
        planActivities(&random)
        planLater(seed)
        planOperations(count, &random)
        if workflowType == "signals" || workflowType == "race" {
            startsWithSignal = random.happens(250_000)
            startsAgainWithSignal = random.happens(500_000)
            isPipelined = random.happens(400_000)
        }
        if composed { planComposed(seed) }
        planSchedule(seed)
    }

    /// Some sagas are schedules; their runs are short sagas with the steps of this plan.
    private mutating func planSchedule(_ seed: UInt64) {
        var random = chances(seed, 0xA000 + UInt64(index))
        guard random.happens(60_000), declared.isEmpty else { return }
        workflowType = ScheduleWorkflow.typeID
        (autoCompensate, continueOnUndoError, executionTimeoutMicros) = (true, false, 0)
        (startsWithSignal, startsAgainWithSignal, isPipelined) = (false, false, false)
        reusePolicy = .allow
        var start = ScheduledStart(
            workflowID: workflowID, workflowType: "sequence",
            input: .json("[\(random.pick(1...2)),0,\(random.pick(0...9_999))]"))
        start.continueOnUndoError = random.happens(300_000)
        schedule = ScheduleSpec(
            scheduleID: workflowID, cron: "@every \(random.pick(300...2_500))ms",
            overlap: ScheduleOverlap.allCases[random.pick(0...3)], catchupMicros: random.draw(0...4_000_000),
            isPaused: random.happens(150_000), start: start)
        operations = []
        for _ in 0..<random.pick(0...4) {
            let kinds: [ScheduleOperation] = [.pause, .resume, .trigger, .trigger]
            operations.append((.schedule(kinds[random.pick(0...3)]), random.draw(0...900_000)))
        }
        operations.append((.schedule(.resume), random.draw(0...300_000)))
        operations.append((.schedule(.delete), random.draw(200_000...3_000_000)))
    }

    private init(index: Int, workflowID: String, workflowType: String, input: [Int], startAt: Int64) {
        self.index = index
        self.workflowID = workflowID
        self.workflowType = workflowType
        self.input = input
        self.startAt = startAt
    }

    private mutating func planActivities(_ random: inout SplitMix64) {
        let failures: [Behavior.Failure] = [
            .refusal, .beforeEffect, .afterEffect, .noEffect, .hangsBefore, .hangsAfter,
        ]
        for step in 1...6 {
            var behavior = Behavior(micros: random.draw(0...30_000))
            if random.happens(200_000) {
                behavior.failure = failures[random.pick(0...5)]
                behavior.failures = random.happens(300_000) ? .max : UInt32(random.pick(1...2))
            }
            if random.happens(100_000) { behavior.micros = random.draw(100_000...1_500_000) }
            steps["s\(step)"] = behavior
            var undo = Behavior(micros: random.draw(0...30_000))
            if random.happens(150_000) {
                undo.failure = failures[random.pick(1...5)]
                undo.failures = random.happens(250_000) ? 1_000 : UInt32(random.pick(1...2))
            }
            undos["s\(step)"] = undo
        }
    }

    /// A generator of its own, so that the other plans of a seed stay what they were.
    private mutating func planLater(_ seed: UInt64) {
        var random = chances(seed, 0x9000 + UInt64(index))
        guard random.happens(250_000) else { return }
        for step in 1...6 where random.happens(400_000) {
            let ends: [OutsideEnd] = [
                .success, .success, .success, .noEffect, .unknown, .silence(happened: true), .silence(happened: false),
            ]
            let end = ends[random.pick(0...(ends.count - 1))]
            let micros = random.happens(300_000) ? random.draw(0...3_000) : random.draw(10_000...1_600_000)
            steps["s\(step)"]?.later = Behavior.Later(end: end, micros: micros, givesSigns: random.happens(700_000))
        }
    }

    private mutating func planOperations(_ count: Int, _ random: inout SplitMix64) {
        if workflowType == "signals" || workflowType == "race" {
            for number in 0..<count { operations.append((.signal(number), random.draw(0...600_000))) }
        }
        if !declared.isEmpty {
            if random.happens(500_000) { insert(.signal(0), &random) }
            if random.happens(400_000) {
                insert(.define, &random)
                insert(.startAgain, &random)
            }
        }
        if random.happens(250_000) { insert(.cancel, &random) }
        if random.happens(50_000) { insert(.terminate(compensate: random.happens(600_000)), &random) }
        if random.happens(200_000) { insert(.startAgain, &random) }
        if random.happens(200_000) { insert(.describe, &random) }
        // A signal that nobody waits for; it may come while the code is about to end.
        if random.happens(200_000) { insert(.signal(97), &random) }
    }

    mutating func insert(_ operation: Operation, _ random: inout SplitMix64) {
        operations.insert((operation, random.draw(0...1_500_000)), at: random.pick(0...operations.count))
    }
}

/// How the saga of the exhaustive crash loop ends.
package enum ExhaustiveEnding: String, CaseIterable, Sendable {
    case finishes
    case failsAtTheEnd = "fails-at-the-end"
    case timesOut = "times-out"
    /// A child has completed; then its parent fails, and it is undone with it.
    case undoesAChild = "undoes-a-child"
    /// It goes on as a new run twice; the last one fails, and unwinds what the others did.
    case goesOn = "goes-on"
    /// It makes checkpoints; after the last one it fails, and unwinds what all its passes did.
    case makesCheckpoints = "makes-checkpoints"

    /// Whether a definition can end like this.
    var canBeDeclared: Bool {
        switch self {
        case .finishes, .failsAtTheEnd, .timesOut: true
        case .undoesAChild, .goesOn, .makesCheckpoints: false
        }
    }
}
