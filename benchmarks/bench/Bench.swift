import ArgumentParser
import Foundation

@main
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures Saga Engine, and holds the figures against peers and thresholds.",
        subcommands: [Run.self, Vectors.self, LongRun.self, LongTransfer.self, SDKs.self], defaultSubcommand: Run.self)
}

struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs suites.",
        discussion: "Suites:\n"
            + BenchSuites.all.map { "  \($0.name): \($0.summary)" }.joined(separator: "\n"))

    @Argument(help: "Suites to run; all of them if none is named.")
    var suites: [String] = []

    @Option(help: "Write the report to this file.")
    var json: String?

    @Option(help: "Only cases whose suite/case contains this.")
    var filter: String?

    @Flag(help: "Shorter samples: figures are rougher, allocations and bytes the same.")
    var quick = false

    @Option(help: "Run each case exactly so often and measure nothing: for callgrind and the like.")
    var passes: Int?

    @Option(help: "An earlier report: exit 1 if a case got worse beyond noise.")
    var compare: String?

    @Option(help: "A report of another program, shown and written beside ours; our ratios are to what it measured.")
    var merge: [String] = []

    @Option(
        help:
            "A program that measures a peer: it is run first, with the report to write as its argument, which is merged."
    )
    var peer: [String] = []

    @Option(help: "Committed limits: exit 1 if a case is beyond its own.")
    var thresholds: String?

    func validate() throws {
        for name in suites where !BenchSuites.all.contains(where: { $0.name == name }) {
            throw ValidationError(
                "no suite \"\(name)\"; there are: " + BenchSuites.all.map(\.name).joined(separator: ", "))
        }
    }

    func run() async throws {
        try BenchRelease.rerunIfDebug()
        let before = try compare.map(BenchReport.read)
        let limits = try thresholds.map(BenchGates.Thresholds.read)
        let others = try merge.map(BenchReport.read) + peer.map(BenchPeer.run)

        let context = BenchContext(
            .init(filter: filter, quick: quick, passes: passes, peers: others.flatMap(\.cases)))
        let chosen = BenchSuites.all.filter { suites.isEmpty || suites.contains($0.name) }
        for suite in chosen {
            context.begin(suite)
            try await suite.run(context)
        }

        var report = BenchReport(host: BenchHost.describe(), cases: context.results)
        if !others.isEmpty {
            for other in others { report.merge(other) }
            print("\nWith \(others.count) merged report(s):")
            BenchTable.print(report)
        }
        if let json { try report.write(json) }

        var failures: [String] = []
        if let before { failures += BenchGates.regressions(now: context.results, before: before.cases) }
        if let limits {
            failures += BenchGates.violations(
                context.results, limits.thresholds, suites: chosen.map(\.name), isFiltered: filter != nil)
        }
        if !failures.isEmpty {
            print("\nFAILED\n" + failures.map { "  \($0)" }.joined(separator: "\n"))
            throw ExitCode(1)
        }
        if before != nil || limits != nil { print("\nno regression, nothing beyond its threshold") }
    }
}
