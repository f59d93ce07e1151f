/// Makes a failing simulation smaller: fewer sagas, fewer faults, an earlier end of the faults, while it still fails.
package struct Shrinker {
    /// Simulations that it may run.
    package var budget = 400

    private let makeStore: () -> (any SimulationStore)?

    /// - Parameter makeStore: A fresh store for each try; nil for the simulated one.
    package init(makeStore: @escaping () -> (any SimulationStore)? = { nil }) { self.makeStore = makeStore }

    /// The smallest options found that still break a promise.
    package func shrink(_ options: SimulationOptions) -> SimulationOptions {
        var best = options
        var left = budget
        var isSmaller = true
        while isSmaller && left > 0 {
            isSmaller = false
            for candidate in candidates(best) where left > 0 {
                left -= 1
                let simulation = Simulation(candidate, store: makeStore())
                simulation.run()
                guard !simulation.violations.isEmpty else { continue }
                best = candidate
                isSmaller = true
                break
            }
        }
        return best
    }

    private func candidates(_ options: SimulationOptions) -> [SimulationOptions] {
        var candidates: [SimulationOptions] = []
        func add(_ change: (inout SimulationOptions) -> Void) {
            var candidate = options
            change(&candidate)
            if candidate != options { candidates.append(candidate) }
        }
        let present = (0..<min(64, options.runs)).filter { options.runMask >> UInt64($0) & 1 == 1 }
        if present.count > 1 {
            for half in [present.prefix(present.count / 2), present.suffix(present.count / 2)] {
                add { $0.runMask = half.reduce(UInt64(0)) { $0 | 1 << UInt64($1) } }
            }
            for index in present { add { $0.runMask &= ~(1 << UInt64(index)) } }
        }
        for fault in SimulationOptions.Faults.all { add { $0.faults[keyPath: fault.field] = 0 } }
        if options.faults.maxCrashes > 1 { add { $0.faults.maxCrashes -= 1 } }
        if options.workers > 1 { add { $0.workers -= 1 } }
        add { $0.queueConcurrency = 0 }
        add { $0.codeSlots = 0 }
        add { $0.queueRate = 0 }
        add { $0.maxBatchRuns = 256 }
        add { $0.historyPageEvents = 1_000 }
        add { $0.maxUndurableEvents = 65_536 }
        add { $0.maxLiveRuns = 8_192 }
        add { $0.maxRevivals = 256 }
        if options.faultsUntil > 1_000_000 { add { $0.faultsUntil /= 2 } }
        return candidates
    }
}
