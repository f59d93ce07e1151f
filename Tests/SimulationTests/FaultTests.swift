import SagaSimulator
import Testing

/// Single faults, each alone in many worlds: what they must reach, and that the promises hold.
@Suite struct FaultTests {
    @Test func aServerThatWasReplacedWritesNothing() {
        let coverage = run { $0.rivalServer = 1 }
        #expect(coverage[.zombieAppendFenced] > 0)
        #expect(coverage[.zombieStoodDown] > 0)
        #expect(coverage[.ownershipTakenBack] > 0)
    }

    @Test func aDrainingWorkerGetsNoNewTask() {
        let coverage = run { $0.workerDrain = 100_000 }
        #expect(coverage[.workerDrained] > 0)
        #expect(coverage[.workerDrainedWithTasks] > 0)
    }

    @Test func codeThatDoesNotFitWaitsForAPerson() {
        let coverage = run { $0.badCode = 100_000 }
        #expect(coverage[.codeBlocked] > 0)
        #expect(coverage[.codeBlockRetried] > 0)
        #expect(coverage[.codeBlockCanceled] > 0)
    }

    @Test func signalsOfOneConnectionKeepTheirOrder() {
        let coverage = run { $0.slowStore = 100_000 }
        #expect(coverage[.signalOrderJudged] > 0)
        #expect(coverage[.signalWithStart] > 0)
    }

    @Test func virtualTimeNeverGoesBackAndNothingComesBeforeIt() {
        let coverage = run(
            {
                $0.crash = 20_000
                $0.maxCrashes = 8
                $0.lostAcknowledgement = 30_000
                $0.rivalServer = 1
            },
            options: { options in
                options.isVirtual = true
                options.maxBatchesInFlight = 2
            })
        #expect(coverage[.clockJumped] > 0)
        #expect(coverage[.crashBetweenJumpAndFire] > 0)
        #expect(coverage[.zombieAppendFenced] > 0)
    }

    @Test func anOrdinaryBuildCannotBeBroken() {
        #expect(!PlantedBugHunt.isPossible)
        #expect(PlantedBugHunt(seeds: 1...1).find("timer-early") == nil)
        #expect(PlantedBugHunt.bugs.count >= 20)
    }

    private func run(
        _ change: (inout SimulationOptions.Faults) -> Void,
        options changeOptions: (inout SimulationOptions) -> Void = { _ in }
    ) -> Coverage {
        var coverage = Coverage()
        for seed in 1...300 {
            var options = SimulationOptions(quiet: UInt64(seed), runs: 8)
            options.workers = 2
            options.faultsUntil = 10_000_000
            change(&options.faults)
            changeOptions(&options)
            let simulation = Simulation(options)
            simulation.run()
            for violation in simulation.violations { Issue.record("\(options): \(violation)") }
            coverage.add(simulation.coverage)
        }
        return coverage
    }
}
