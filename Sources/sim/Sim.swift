import ArgumentParser
import SagaCatalogue
import SagaSimulator
import SagaTestKit

/// Runs the engine in a simulated world, seed by seed.
@main
struct Sim: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sim",
        abstract: "Runs the real engine in a simulated world and checks its promises.",
        discussion: """
            Each seed is a world of its own: two to eight sagas, workers, clients, a store and clocks, with crashes and other \
            faults between any two effects. The same seed always goes the same way. Promises: docs/simulation.md.

            The last line is "sim: N seeds, C crashes, V violations" (with --exhaustive: "points visited: P" comes \
            before it).

            Exit codes: 0 all promises held; 1 a promise was broken; 64 wrong usage.
            """)

    @Option(help: "How many seeds to run; with --mutants, how many to try for each. Default: 1,000; 20,000.")
    var seeds: UInt64?
    @Option(help: "The first seed.")
    var first: UInt64 = 1
    @Option(help: "Run this seed only.")
    var seed: UInt64?
    @Flag(
        help: """
            Also sagas with children, updates, signals to each other and local activities, and people who pause, reset and delete \
            sagas. A world costs about a seventh more time then.
            """)
    var composed = false
    @Flag(help: "Print what happens, line by line; with --seed.")
    var trace = false
    @Flag(help: "Print how often each fault and rare branch was reached; exit 1 if one never was.")
    var coverage = false
    @Flag(help: "Print a hash of everything that happened: equal for equal seeds, in any process.")
    var hash = false
    @Flag(help: "Kill a saga of six steps at every effect boundary, both ways out, instead of random seeds.")
    var exhaustive = false
    @Flag(help: "Plant one bug after the other in the engine, and find each; needs a build that can be broken.")
    var mutants = false
    @Option(help: "With --mutants: this one only.")
    var only: String?
    @Flag(help: "Print every event type and the scenario that emits it, instead of random seeds.")
    var catalogue = false
    @Option(help: "With --catalogue: also write the histories of the scenarios into this folder, one file each.")
    var record: String?
    @Option(help: "With --exhaustive: after each crash, crash again at every Nth boundary that follows; 0 for never.")
    var again = 0
    @Flag(inversion: .prefixedNo, help: "Make failing seeds smaller before they are printed.")
    var shrink = true
    @Option(help: "Lines of the trace that are printed for a failing seed.")
    var tail = 60

    mutating func validate() throws {
        let seeds = seeds ?? 1_000
        if mutants && !PlantedBugHunt.isPossible {
            throw ValidationError(
                "this build has no planted bugs; make one: SAGA_MUTANTS=1 swift build -c release --product sim"
                    + " --scratch-path .build/mutants")
        }
        if seeds == 0 { throw ValidationError("--seeds must be at least 1") }
        if first.addingReportingOverflow(seeds).overflow { throw ValidationError("--first and --seeds are too large") }
        if again < 0 || tail < 0 { throw ValidationError("--again and --tail must not be negative") }
    }

    mutating func run() async throws {
        if catalogue { return try await runCatalogue() }
        if mutants { return try runMutants() }
        if exhaustive { return try runExhaustive() }
        if let seed, trace { return try runTraced(seed) }
        let campaign = Campaign(first: seed ?? first, count: seed == nil ? seeds ?? 1_000 : 1, composed: composed)
        var shown = 0
        let result = campaign.run { failure in
            shown += 1
            if shown <= 3 { show(failure) } else { print("seed \(failure.options.seed): \(failure.violations[0])") }
        }
        var isCovered = true
        if coverage {
            for what in Sometimes.allCases { print("\(what): \(result.coverage[what])") }
            let missing = result.coverage.missing(composed: composed)
            isCovered = missing.isEmpty
            if !isCovered { print("never: \(missing.map { "\($0)" }.joined(separator: ", "))") }
        }
        if hash { print("hash: \(String(result.hash, radix: 16))") }
        try end(result.seeds, result.crashes, result.failures.count, isCovered)
    }

    private func runCatalogue() async throws {
        let catalogue = try await Catalogue()
        print(catalogue.report)
        guard let record else { return }
        for (scenario, runs) in catalogue.histories {
            let name = scenario.map { $0.isLetter || $0.isNumber ? String($0) : "-" }.joined()
                .split(separator: "-").joined(separator: "-")
            try RecordedHistories.write(runs, to: "\(record)/\(name).history")
        }
        print("recorded: \(catalogue.histories.count) files in \(record)")
    }

    private func runTraced(_ seed: UInt64) throws {
        let simulation = Simulation(SimulationOptions(seed: seed, composed: composed), isTracing: true)
        print(SimulationOptions(seed: seed, composed: composed))
        simulation.run()
        for line in simulation.trace { print(line) }
        for violation in simulation.violations { print(violation) }
        try end(1, simulation.crashes, simulation.violations.isEmpty ? 0 : 1, true)
    }

    private func runMutants() throws {
        let hunt = PlantedBugHunt(seeds: first...(first + (seeds ?? 20_000) - 1))
        var found = 0
        let bugs = PlantedBugHunt.bugs.filter { only == nil || $0 == only }
        for bug in bugs {
            guard let finding = hunt.find(bug) else { continue }
            if let seed = finding.seed {
                found += 1
                print("\(bug): seed \(seed): \(finding.violation)")
            } else {
                print("\(bug): NOT FOUND")
            }
        }
        print("mutants: \(found) of \(bugs.count) found")
        if found < bugs.count || bugs.isEmpty { throw ExitCode(1) }
    }

    private func runExhaustive() throws {
        let result = Exhaustive(secondCrashStride: again).run()
        for (options, ending, violation) in result.violations.prefix(20) {
            print("\(ending.rawValue), \(options): \(violation)")
        }
        print("points visited: \(result.points)")
        try end(1, result.crashes, result.violations.count, true)
    }

    private func show(_ failure: Campaign.Failure) {
        print("seed \(failure.options.seed) fails: \(failure.violations[0])")
        print("  \(failure.options)")
        let smallest = shrink ? Shrinker().shrink(failure.options) : failure.options
        if smallest != failure.options { print("  smallest: \(smallest)") }
        let simulation = Simulation(smallest, isTracing: true)
        simulation.run()
        for line in simulation.trace.suffix(tail) { print("  \(line)") }
        for violation in simulation.violations { print("  \(violation)") }
    }

    private func end(_ seeds: UInt64, _ crashes: Int, _ violations: Int, _ isCovered: Bool) throws {
        print("sim: \(seeds) seeds, \(crashes) crashes, \(violations) violations")
        if violations > 0 || !isCovered { throw ExitCode(1) }
    }
}
