import CBenchHooks
import Foundation

/// Runs cases, keeps their results, prints each as it is known.
final class BenchContext {
    struct Options: Sendable {
        /// Only cases whose `suite/case` contains this.
        var filter: String?
        /// Smaller corpora and shorter samples; figures are rougher, allocations and bytes the same.
        var quick = false
        /// Runs each case exactly so often, without measuring: for tools that count instructions.
        var passes: Int?
        /// What other programs have measured for this run.
        var peers: [BenchResult] = []
    }

    let options: Options
    private(set) var results: [BenchResult] = []
    /// The suite that is running.
    private var suite = ""
    private var printsHeader = true

    init(_ options: Options) { self.options = options }

    var quick: Bool { options.quick }

    func begin(_ suite: any BenchSuite) {
        self.suite = suite.name
        printsHeader = true
        print("\n\(suite.name): \(suite.summary)")
    }

    /// Whether a case of the running suite is wanted; use it to save costly preparation.
    func wants(_ name: String) -> Bool {
        guard let filter = options.filter else { return true }
        return "\(suite)/\(name)".contains(filter)
    }

    /// Measures a block that does `operations` and returns a checksum of what it did.
    ///
    /// One warm-up, then at least ten samples, each of as many calls as take 20 ms (`--quick`: 2 ms). The checksum must be the
    /// same every time.
    func measure(_ bench: BenchCase, _ body: () throws -> UInt64) throws {
        guard wants(bench.name) else { return }
        if let passes = options.passes {
            for _ in 0..<passes { _ = try body() }
            return
        }
        let expected = try body()
        var sampler = BenchSampler(bench, quick: quick)
        while sampler.next() {
            let allocations = bench_allocations()
            let start = sampler.now
            for _ in 0..<sampler.calls {
                guard try body() == expected else {
                    throw BenchFailure("\(bench.name): the work differs between calls")
                }
            }
            sampler.add(from: start, allocations: bench_allocations() - allocations)
        }
        try finish(bench, sampler, checksum: expected)
    }

    /// The same for a block that awaits.
    func measure(_ bench: BenchCase, _ body: () async throws -> UInt64) async throws {
        guard wants(bench.name) else { return }
        if let passes = options.passes {
            for _ in 0..<passes { _ = try await body() }
            return
        }
        let expected = try await body()
        var sampler = BenchSampler(bench, quick: quick)
        while sampler.next() {
            let allocations = bench_allocations()
            let start = sampler.now
            for _ in 0..<sampler.calls {
                guard try await body() == expected else {
                    throw BenchFailure("\(bench.name): the work differs between calls")
                }
            }
            sampler.add(from: start, allocations: bench_allocations() - allocations)
        }
        try finish(bench, sampler, checksum: expected)
    }

    private func finish(_ bench: BenchCase, _ sampler: BenchSampler, checksum: UInt64) throws {
        if let expected = bench.expectedChecksum, expected != checksum {
            throw BenchFailure("\(bench.name): checksum \(checksum), expected \(expected)")
        }
        let median = sampler.median
        var result = BenchResult(
            suite: suite, case: bench.name, unit: "ns/\(bench.operation)", value: median, spread: sampler.spread,
            better: .lower)
        result.allocationsPerOp = bench_counts_allocations() ? sampler.allocationsPerOperation : nil
        result.bytesPerOp = bench.bytes > 0 ? Double(bench.bytes) / Double(bench.operations) : nil
        result.operationsPerSecond = 1e9 / median
        result.megabytesPerSecond = result.bytesPerOp.map { $0 / median * 1000 }
        result.best = sampler.best
        result.samples = sampler.count
        result.clock = bench.clock.rawValue
        result.checksum = String(checksum, radix: 16)
        attach(bench.reference, to: &result)
        record(result)
    }

    /// Fills reference and ratio from what this run has measured, or from the claim.
    func attach(_ reference: BenchReference?, to result: inout BenchResult) {
        switch reference {
        case .measured(let name, let other):
            guard let found = results.first(where: { $0.suite == suite && $0.case == other && $0.unit == result.unit })
            else { return }
            result.reference = name
            result.referenceKind = "measured"
            result.ratio = result.value / found.value
        case .peer(let other, let claim):
            let found = options.peers.first { $0.suite == suite && $0.case == other && $0.unit == result.unit }
            result.reference = String(other.prefix { $0 != "/" })
            result.referenceKind = found == nil ? "claim" : "measured"
            result.ratio = result.value / (found?.value ?? claim)
        case .claim(let name, let value):
            result.reference = name
            result.referenceKind = "claim"
            result.ratio = result.value / value
        case nil: break
        }
    }

    /// Adds a finished result: one that `measure` made, or one that a suite measured in its own way.
    func record(_ result: BenchResult) {
        guard wants(result.case) else { return }
        results.append(result)
        if printsHeader {
            print(BenchTable.header)
            printsHeader = false
        }
        print(BenchTable.row(result))
    }

    /// A result of the running suite, to be filled in and recorded.
    func result(_ name: String, unit: String, value: Double, better: BenchCase.Better) -> BenchResult {
        BenchResult(suite: suite, case: name, unit: unit, value: value, spread: 0, better: better)
    }
}
