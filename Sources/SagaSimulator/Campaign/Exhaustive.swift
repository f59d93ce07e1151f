internal import SagaCore

/// The fixed saga of six steps, killed at every effect boundary: of the server, and of the worker.
package struct Exhaustive {
    package struct Result: Sendable {
        /// Crash points visited.
        package var points = 0
        package var crashes = 0
        package var violations: [(options: SimulationOptions, ending: ExhaustiveEnding, violation: Violation)] = []
    }

    /// After the first crash, crash once more at every `stride`-th boundary that follows; 0 for single crashes only.
    package var secondCrashStride: Int
    private let makeStore: () -> (any SimulationStore)?

    /// - Parameter makeStore: A fresh store for each point; nil for the simulated one.
    package init(secondCrashStride: Int = 0, makeStore: @escaping () -> (any SimulationStore)? = { nil }) {
        self.secondCrashStride = secondCrashStride
        self.makeStore = makeStore
    }

    /// Visits every point of each ending.
    package func run(_ endings: [ExhaustiveEnding] = ExhaustiveEnding.allCases) -> Result {
        var result = Result()
        for ending in endings {
            // The same saga as code and as a definition.
            for isDeclared in ending.canBeDeclared ? [false, true] : [false] { visitAll(ending, isDeclared, &result) }
        }
        return result
    }

    private func visitAll(_ ending: ExhaustiveEnding, _ isDeclared: Bool, _ result: inout Result) {
        visit(0, 0, ending, isDeclared, &result)
        var point = 1
        // The number of boundaries changes with the crashes before them, so each loop ends where no crash came.
        while visit(point, 0, ending, isDeclared, &result) >= 1 {
            if secondCrashStride > 0 {
                var again = 1
                while visit(point, again, ending, isDeclared, &result) >= 2 { again += secondCrashStride }
            }
            point += 1
        }
    }

    /// - Returns: How many processes died.
    @discardableResult
    private func visit(
        _ point: Int, _ again: Int, _ ending: ExhaustiveEnding, _ isDeclared: Bool, _ result: inout Result
    ) -> Int {
        var options = SimulationOptions(quiet: 1)
        options.workers = 1
        // A point beyond the end is never reached, and so switches all chance off.
        options.crashAt = point == 0 ? .max / 2 : point
        options.crashAgainAfter = again
        let simulation = Simulation(options, ending: ending, isDeclared: isDeclared, store: makeStore())
        simulation.run()
        let deaths = simulation.deaths
        if deaths > 0 || point == 0 { result.points += 1 }
        result.crashes += deaths
        result.violations += simulation.violations.map { (options, ending, $0) }
        if let violation = simulation.judgeEnding(ending, deaths: deaths) {
            result.violations.append((options, ending, violation))
        }
        return deaths
    }
}

extension Simulation {
    /// Whether the six-step saga ended as it must, whatever crashed.
    func judgeEnding(_ ending: ExhaustiveEnding, deaths: Int) -> Violation? {
        let runs = checker.order.compactMap(checker.run).filter { $0.started?.workflowID == plans[0].workflowID }
        guard let run = runs.last, runs.count == 1 || ending == .goesOn else {
            return Violation("start", "there must be exactly one run, there are \(runs.count)")
        }
        let alive = checker.ledger.keys.filter { checker.ledger.effect($0).isAlive }.count
        let happened = checker.ledger.keys.filter { checker.ledger.effect($0).executions > 0 }.count
        switch (ending, run.closing) {
        case (.finishes, .workflowExecutionCompleted(_)?) where alive == 6: return nil
        // A worker that dies takes an attempt with it, and the last step has only one.
        case (.finishes, .workflowExecutionFailed(_)?) where alive == 0 && deaths > crashes: return nil
        case (.failsAtTheEnd, .workflowExecutionFailed(_)?)
        where alive == 0 && (happened == 5 || deaths > crashes): return nil
        // A restart gives a task that still runs its time anew, so the step that hangs may come to its end.
        case (.timesOut, .workflowExecutionCompleted(_)?) where alive == 6 && deaths > 0: return nil
        case (.timesOut, .workflowExecutionFailed(_)?)
        where alive == 0 && (happened == 6 || deaths > crashes): return nil
        case (.undoesAChild, .workflowExecutionFailed(_)?) where alive == 0 && (happened == 4 || deaths > crashes):
            return nil
        case (.goesOn, .workflowExecutionFailed(_)?) where alive == 0: return nil
        case (.makesCheckpoints, .workflowExecutionFailed(_)?)
        where alive == 0 && (happened == 4 || deaths > crashes): return nil
        default:
            return Violation(
                "ending", "\(ending.rawValue): ended as \(run.closing?.eventType.name ?? "open") with \(alive) effects")
        }
    }
}
