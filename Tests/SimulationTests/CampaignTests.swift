import Foundation
import SagaSimulator
import Testing

/// Random worlds: promises hold, faults happen, the same seed goes the same way.
@Suite struct CampaignTests {
    @Test func promisesHoldAndEveryRareBranchIsReached() {
        let result = Campaign(first: 1, count: 3_000).run()
        for failure in result.failures.prefix(3) { Issue.record("\(failure.options): \(failure.violations[0])") }
        #expect(result.failures.isEmpty)
        #expect(result.crashes > 1_000)
        #expect(result.coverage.missing().isEmpty, "never reached: \(result.coverage.missing())")
    }

    /// Sagas with children, updates and the like, and people who intervene.
    @Test func composedWorldsHoldTheirPromises() {
        let result = Campaign(first: 1, count: 500, composed: true).run()
        for failure in result.failures.prefix(3) { Issue.record("\(failure.options): \(failure.violations[0])") }
        #expect(result.failures.isEmpty)
        for what in [
            Sometimes.childUndone, .undoCarried, .updateRolledBack, .externalDelivered, .localWithUndo, .resetUnwound,
            .resumedRun, .runDeleted,
        ] { #expect(result.coverage[what] > 0, "\(what) was never reached") }
    }

    /// Composed worlds that once broke a promise (docs/simulation.md, "What found what").
    @Test(
        arguments: [
            593, 1379, 4821, 5990, 6682, 9352, 16075, 16380, 17308, 17504, 17611, 20245, 43794, 44939, 48364, 53541,
            65182,
            67860,
            93768, 100_049, 202_219, 401_454,
        ] as [UInt64])
    func aComposedWorldThatFoundABugHoldsItsPromises(seed: UInt64) {
        let simulation = Simulation(SimulationOptions(seed: seed, composed: true))
        simulation.run()
        #expect(simulation.violations.isEmpty, "\(simulation.violations)")
    }

    /// Others that once did.
    @Test(arguments: [4731, 47280, 53940] as [UInt64])
    func aWorldThatFoundABugHoldsItsPromises(seed: UInt64) {
        let simulation = Simulation(SimulationOptions(seed: seed))
        simulation.run()
        #expect(simulation.violations.isEmpty, "\(simulation.violations)")
    }

    /// Runs of all shapes are parked whenever they may be, and come back with everything that they have.
    @Test(arguments: [false, true]) func aRunThatIsParkedForgetsNothing(_ isComposed: Bool) {
        var proved = 0
        for seed in 1...60 as ClosedRange<UInt64> {
            var options = SimulationOptions(seed: seed, composed: isComposed)
            options.provesParking = true
            let simulation = Simulation(options)
            simulation.run()
            proved += simulation.parkingsProved
            #expect(simulation.violations.isEmpty, "seed \(seed): \(simulation.violations)")
        }
        #expect(proved > 1_000)
    }

    @Test func aStoreThatForgetsIsFound() {
        // The checker can fail: a store that loses what it acknowledged is noticed.
        let simulation = Simulation(SimulationOptions(seed: 7), store: ForgetfulStore())
        simulation.run()
        #expect(!simulation.violations.isEmpty)
    }

    @Test func theShrinkerKeepsAFailureAndMakesItSmaller() {
        let options = SimulationOptions(seed: 7)
        let smallest = Shrinker(makeStore: { ForgetfulStore() }).shrink(options)
        let simulation = Simulation(smallest, store: ForgetfulStore())
        simulation.run()
        #expect(!simulation.violations.isEmpty)
        #expect(smallest.runMask.nonzeroBitCount < options.runMask.nonzeroBitCount)
    }

    @Test func twoProcessesGoTheSameWay() throws {
        let first = try hash(of: ["--seeds", "60", "--hash"])
        let second = try hash(of: ["--seeds", "60", "--hash"])
        #expect(first == second)
        #expect(first.hasPrefix("hash: "))
        #expect(try hash(of: ["--seeds", "60", "--first", "2", "--hash"]) != first)
    }

    private func hash(of arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = try executable("sim")
        process.arguments = arguments
        // Each process hashes with a seed of its own, which must not matter.
        process.environment = ProcessInfo.processInfo.environment.filter { $0.key != "SWIFT_DETERMINISTIC_HASHING" }
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        let lines = String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
        #expect(lines.last?.hasPrefix("sim: 60 seeds, ") == true)
        return lines.first { $0.hasPrefix("hash: ") } ?? ""
    }

    /// A program that was built beside these tests.
    private func executable(_ name: String) throws -> URL {
        var folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        if let bundle = CommandLine.arguments.first(where: { $0.contains(".xctest") }) {
            folder = URL(fileURLWithPath: bundle)
            while folder.path.contains(".xctest") { folder = folder.deletingLastPathComponent() }
        }
        let url = folder.appendingPathComponent(name)
        try #require(FileManager.default.isExecutableFile(atPath: url.path), "no \(name) in \(folder.path)")
        return url
    }
}
