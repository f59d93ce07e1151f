import Foundation

/// One case's figures, in the form of the JSON report.
struct BenchResult: Codable {
    var suite: String
    var `case`: String
    var unit: String
    /// The median.
    var value: Double
    /// Half of the interquartile range, as a part of the median.
    var spread: Double
    var allocationsPerOp: Double?
    var bytesPerOp: Double?
    var better: BenchCase.Better
    var reference: String?
    /// `measured` in the same run, or a `claim`.
    var referenceKind: String?
    /// Ours over the reference.
    var ratio: Double?
    var operationsPerSecond: Double?
    var megabytesPerSecond: Double?
    /// The fastest sample.
    var best: Double?
    var samples: Int?
    /// `cpu` or `wall`.
    var clock: String?
    var checksum: String?

    enum CodingKeys: String, CodingKey {
        case suite, `case`, unit, value, spread
        case allocationsPerOp = "allocations_per_op"
        case bytesPerOp = "bytes_per_op"
        case better, reference
        case referenceKind = "reference_kind"
        case ratio
        case operationsPerSecond = "operations_per_second"
        case megabytesPerSecond = "megabytes_per_second"
        case best, samples, clock, checksum
    }

    init(
        suite: String, case name: String, unit: String, value: Double, spread: Double, better: BenchCase.Better
    ) {
        self.suite = suite
        self.case = name
        self.unit = unit
        self.value = value
        self.spread = spread
        self.better = better
    }

    var id: String { "\(suite)/\(self.case)" }
}

struct BenchReport: Codable {
    var host: [String: String]
    var cases: [BenchResult]

    static func read(_ path: String) throws -> BenchReport {
        try JSONDecoder().decode(BenchReport.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }

    func write(_ path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try (encoder.encode(self) + Data("\n".utf8)).write(to: URL(fileURLWithPath: path))
    }

    /// The cases of another program's report (the peers'), placed beside ours.
    mutating func merge(_ other: BenchReport) {
        let known = Set(cases.map(\.id))
        cases += other.cases.filter { !known.contains($0.id) }
    }
}

enum BenchHost {
    /// What figures depend on. The command's words are kept, paths are not.
    static func describe() -> [String: String] {
        var host: [String: String] = [:]
        host["os"] = ProcessInfo.processInfo.operatingSystemVersionString
        host["cores"] = String(ProcessInfo.processInfo.activeProcessorCount)
        host["memory_bytes"] = String(ProcessInfo.processInfo.physicalMemory)
        let info = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        host["cpu"] = info.split(separator: "\n").first { $0.hasPrefix("model name") }
            .flatMap { $0.split(separator: ":").last }.map { $0.trimmingCharacters(in: .whitespaces) }
        host["command"] = (["bench"] + CommandLine.arguments.dropFirst()).joined(separator: " ")
        host["date"] = ISO8601DateFormatter().string(from: Date())
        host["build"] = BenchRelease.isDebug ? "debug" : "release"
        return host
    }
}

enum BenchTable {
    private static func pad(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    private static func number(_ value: Double?) -> String {
        guard let value else { return "-" }
        switch value.magnitude {
        case 0: return "0"
        case ..<0.1: return String(format: "%.3f", value)
        case ..<100: return String(format: "%.2f", value)
        case ..<10000: return String(format: "%.0f", value)
        case ..<1e7: return String(format: "%.0fk", value / 1e3)
        default: return String(format: "%.1fM", value / 1e6)
        }
    }

    private static func line(_ name: String, _ columns: [String]) -> String {
        let wide = name + String(repeating: " ", count: max(1, 44 - name.count))
        return "  " + wide + columns.map { pad($0, 10) }.joined()
    }

    static let header = line("case", ["median", "unit", "spread", "op/s", "MB/s", "B/op", "alloc/op", "ratio"])

    static func row(_ result: BenchResult) -> String {
        let unit = result.unit.count > 9 ? result.unit.replacingOccurrences(of: "event", with: "ev") : result.unit
        let columns = [
            number(result.value), unit, String(format: "%.1f%%", result.spread * 100),
            number(result.operationsPerSecond), number(result.megabytesPerSecond), number(result.bytesPerOp),
            number(result.allocationsPerOp), result.ratio.map { String(format: "%.2f", $0) } ?? "-",
        ]
        let reference = result.reference.map { " of \($0)" + (result.referenceKind == "claim" ? " (claim)" : "") } ?? ""
        return line(result.case, columns) + reference
    }

    /// All cases of a report, suite by suite.
    static func print(_ report: BenchReport) {
        var seen: [String] = []
        for result in report.cases where !seen.contains(result.suite) { seen.append(result.suite) }
        for suite in seen {
            Swift.print("\n\(suite)\n\(header)")
            for result in report.cases where result.suite == suite { Swift.print(row(result)) }
        }
    }
}
