/// Many seeds, one after the other.
package struct Campaign {
    /// What came of it.
    package struct Result: Sendable {
        package var seeds: UInt64 = 0
        package var sagas = 0
        package var crashes = 0
        package var events = 0
        package var coverage = Coverage()
        /// Over the trace hashes of all seeds, in order.
        package var hash: UInt64 = 0
        /// Seeds that broke a promise.
        package var failures: [Failure] = []
    }

    /// A seed that broke a promise.
    package struct Failure: Sendable {
        package var options: SimulationOptions
        package var violations: [Violation]
    }

    package var first: UInt64
    package var count: UInt64
    /// See ``SimulationOptions/isComposed``.
    package var isComposed: Bool

    package init(first: UInt64 = 1, count: UInt64, composed: Bool = false) {
        self.first = first
        self.count = count
        isComposed = composed
    }

    /// Runs the seeds, and tells of each that fails.
    package func run(_ failed: (Failure) -> Void = { _ in }) -> Result {
        var result = Result()
        var hash = TraceHash()
        for seed in first..<(first &+ count) {
            let options = SimulationOptions(seed: seed, composed: isComposed)
            let simulation = Simulation(options)
            simulation.run()
            result.seeds += 1
            result.crashes += simulation.crashes
            result.events += simulation.eventCount
            result.sagas += simulation.options.runs
            result.coverage.add(simulation.coverage)
            hash.add(simulation.traceHash)
            if !simulation.violations.isEmpty {
                let failure = Failure(options: options, violations: simulation.violations)
                result.failures.append(failure)
                failed(failure)
            }
        }
        result.hash = hash.value
        return result
    }
}
