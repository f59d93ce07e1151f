import Foundation

/// A program of another kind that measures the same cases, such as `benchmarks/peers/rust/run`.
enum BenchPeer {
    /// Runs it and reads its report.
    /// - Throws: ``BenchFailure`` if it cannot be run or says that it cannot measure here.
    static func run(_ program: String) throws -> BenchReport {
        let report = FileManager.default.temporaryDirectory.appendingPathComponent(
            "bench-peer-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: report) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = [report.path]
        print("peer: \(program)")
        do { try process.run() } catch {
            throw BenchFailure("peer \(program) cannot be run: \(error.localizedDescription)")
        }
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw BenchFailure("peer \(program) did not measure: exit status \(process.terminationStatus)")
        }
        return try BenchReport.read(report.path)
    }
}
