/// A group of cases under one name on the command line.
///
/// To add a suite: one file in `Suites/` with a type of this kind, one line in ``BenchSuites/all``. `run` prepares its
/// data outside the measured blocks and calls ``BenchContext/measure(_:_:)`` for each case, or
/// ``BenchContext/record(_:)`` for what it measured itself (latencies, memory).
protocol BenchSuite: Sendable {
    /// The name on the command line and in the JSON report.
    var name: String { get }
    /// One line for `--help` and the head of the table.
    var summary: String { get }
    func run(_ context: BenchContext) async throws
}

/// What a case is held against.
enum BenchReference: Sendable {
    /// Another case of this run, in the same suite; the ratio is ours over its value.
    case measured(name: String, case: String)
    /// A case of the same suite in a report that another program has written for this run (`--peer`, `--merge`); without it, what was
    /// once measured elsewhere.
    case peer(case: String, claim: Double)
    /// A figure that somebody measured or claimed elsewhere, in the case's own unit.
    case claim(name: String, value: Double)
}

/// The description of a case: what one call of its block does.
struct BenchCase: Sendable {
    enum Clock: String, Sendable {
        /// Elapsed time: for anything that waits or uses several threads.
        case wall
        /// CPU time of the measuring thread: steadier on a busy machine, for single-threaded computation only.
        case cpu
    }

    enum Better: String, Codable, Sendable {
        case higher, lower
    }

    var name: String
    /// Operations (events, requests) in one call of the block.
    var operations: Int
    /// Payload bytes handled in one call of the block; 0 if that says nothing.
    var bytes = 0
    /// What an operation is called: the unit becomes `ns/<operation>`.
    var operation = "event"
    var clock = Clock.wall
    var reference: BenchReference?
    /// What the block must return, if it is known beforehand.
    var expectedChecksum: UInt64?
}

struct BenchFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
