import Foundation

/// Comparison with an earlier report, and committed thresholds.
enum BenchGates {
    /// What got worse beyond noise: times by more than 5 % and twice both spreads together; allocations and bytes per
    /// operation at all.
    static func regressions(now: [BenchResult], before: [BenchResult]) -> [String] {
        var found: [String] = []
        for result in now {
            guard let old = before.first(where: { $0.id == result.id && $0.unit == result.unit }) else { continue }
            let noise = max(0.05, 2 * (result.spread + old.spread))
            let change = old.value > 0 ? result.value / old.value - 1 : 0
            let worse = result.better == .lower ? change : -change
            if worse > noise {
                found.append(
                    String(
                        format: "%@: %.4g, before %.4g %@ (%.0f%% worse, noise %.0f%%)", result.id, result.value,
                        old.value, result.unit, worse * 100, noise * 100))
            }
            for (what, new, last) in [
                ("allocations", result.allocationsPerOp, old.allocationsPerOp),
                ("bytes", result.bytesPerOp, old.bytesPerOp),
            ] {
                // Both runs may count a few allocations of the runtime's own.
                if let new, let last, new > last * 1.01 + 0.01 {
                    found.append(String(format: "%@: %.3f %@ per operation, before %.3f", result.id, new, what, last))
                }
            }
        }
        return found
    }

    /// A limit for one case. Times are limited only as ratios within one run.
    struct Threshold: Codable {
        var suite: String
        var `case`: String
        var maxAllocationsPerOp: Double?
        var maxBytesPerOp: Double?
        var maxRatio: Double?
        /// For rates: so much of the reference at least.
        var minRatio: Double?

        enum CodingKeys: String, CodingKey {
            case suite, `case`
            case maxAllocationsPerOp = "max_allocations_per_op"
            case maxBytesPerOp = "max_bytes_per_op"
            case maxRatio = "max_ratio"
            case minRatio = "min_ratio"
        }
    }

    struct Thresholds: Codable {
        var thresholds: [Threshold]

        static func read(_ path: String) throws -> Thresholds {
            try JSONDecoder().decode(Thresholds.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        }
    }

    /// What is beyond its threshold. A threshold of a suite that ran, whose case did not, is a violation too: a renamed
    /// case must not lose its gate.
    static func violations(
        _ results: [BenchResult], _ thresholds: [Threshold], suites: [String], isFiltered: Bool
    ) -> [String] {
        var found: [String] = []
        for threshold in thresholds where suites.contains(threshold.suite) {
            let id = "\(threshold.suite)/\(threshold.case)"
            guard let result = results.first(where: { $0.id == id }) else {
                if !isFiltered { found.append("\(id): has a threshold and did not run") }
                continue
            }
            for (what, value, limit) in [
                ("allocations per operation", result.allocationsPerOp, threshold.maxAllocationsPerOp),
                ("bytes per operation", result.bytesPerOp, threshold.maxBytesPerOp),
                ("of \(result.reference ?? "its reference")", result.ratio, threshold.maxRatio),
            ] {
                if let value, let limit, value > limit {
                    found.append(String(format: "%@: %.3f %@, the threshold is %.3f", id, value, what, limit))
                }
            }
            if let ratio = result.ratio, let limit = threshold.minRatio, ratio < limit {
                found.append(
                    String(
                        format: "%@: %.3f of %@, the threshold is %.3f", id, ratio, result.reference ?? "its reference",
                        limit))
            }
        }
        return found
    }
}
