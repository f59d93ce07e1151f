internal import SagaCore

/// Plants one bug after the other in the engine, and looks for a seed that finds it (docs/simulation.md, "Planted bugs").
package struct PlantedBugHunt {
    /// What became of one bug.
    package struct Finding: Sendable {
        package var bug: String
        /// The first seed that breaks a promise; nil if none does.
        package var seed: UInt64?
        package var violation: String
    }

    /// Whether the engine of this build can be broken; see `SAGA_MUTANTS` in Package.swift.
    package static var isPossible: Bool { PlantedBug.canBePlanted }

    /// Names of the bugs.
    package static var bugs: [String] { PlantedBug.allCases.map(\.rawValue) }

    private let seeds: ClosedRange<UInt64>

    /// - Parameter seeds: Worlds to look in, for each bug.
    package init(seeds: ClosedRange<UInt64>) { self.seeds = seeds }

    /// Looks for a bug; nil if there is none of this name, or this build cannot plant it.
    package func find(_ name: String) -> Finding? {
        #if SAGA_MUTANTS
            guard let bug = PlantedBug(rawValue: name) else { return nil }
            PlantedBug.current = bug
            defer { PlantedBug.current = nil }
            for seed in seeds {
                let simulation = Simulation(SimulationOptions(seed: seed, composed: bug.needsComposedWorlds))
                simulation.run()
                if let violation = simulation.violations.first {
                    return Finding(bug: name, seed: seed, violation: "\(violation)")
                }
            }
            return Finding(bug: name, seed: nil, violation: "")
        #else
            return nil
        #endif
    }
}
