public import SagaCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A program of one's own that replays recorded histories against its code; `saga replay --run PROGRAM FILE…` passes its
/// arguments on.
///
/// ```swift
/// @main enum Replay {
///     static func main() {
///         let outcome = ReplayCommandLine.run(workflows, CommandLine.arguments)
///         print(outcome.text)
///         exit(outcome.status)
///     }
/// }
/// ```
public enum ReplayCommandLine {
    /// What to print, and the exit status: 0 every history fits, 1 one does not, 2 wrong arguments, 8 a file cannot be read.
    public struct Outcome: Sendable {
        public var text: String
        public var status: Int32
    }

    /// Replays files as a command line says: `FILE... [--output text|json]`.
    /// - Parameters:
    ///   - workflows: Today's code.
    ///   - arguments: The command line, the program's own name first.
    ///   - converter: How inputs and outputs become payloads. Default JSON.
    public static func run(
        _ workflows: WorkflowRegistry, _ arguments: [String], converter: any PayloadConverter = .json
    ) -> Outcome {
        var files: [String] = []
        var isJSON = false
        var rest = arguments.dropFirst()
        while let argument = rest.popFirst() {
            switch argument {
            case "--output=json": isJSON = true
            case "--output=text": isJSON = false
            case "--output":
                guard let format = rest.popFirst(), ["text", "json"].contains(format) else { return usage }
                isJSON = format == "json"
            default:
                guard !argument.hasPrefix("-") else { return usage }
                files.append(argument)
            }
        }
        guard !files.isEmpty else { return usage }
        return run(workflows, files: files, isJSON: isJSON, converter)
    }

    private static func run(
        _ workflows: WorkflowRegistry, files: [String], isJSON: Bool, _ converter: any PayloadConverter
    ) -> Outcome {
        var outcome = Outcome(text: "", status: 0)
        var lines: [String] = []
        var fitting = 0
        var count = 0
        for path in files {
            do throws(HistoryFileError) {
                for verdict in try replay(path, workflows, converter) {
                    count += 1
                    if verdict.fits { fitting += 1 }
                    lines.append(isJSON ? verdict.json : verdict.text)
                }
            } catch {
                outcome.status = 8
                lines.append("replay: \(path): \(error.message)")
            }
        }
        if fitting < count { outcome.status = max(outcome.status, 1) }
        if !isJSON { lines.append("replay: \(fitting) of \(count) histories fit") }
        outcome.text = lines.joined(separator: "\n")
        return outcome
    }

    /// Replays every run of a file.
    public static func replay(
        _ path: String, _ workflows: WorkflowRegistry, _ converter: any PayloadConverter = .json
    ) throws(HistoryFileError) -> [ReplayVerdict] {
        guard let file = fopen(path, "r") else {
            throw HistoryFileError("it cannot be read: \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var replayer = WorkflowReplayer(workflows, converter: converter)
        var verdicts: [ReplayVerdict] = []
        // Twice, where that is possible: what the code of a run must know at once may stand far behind.
        if fseek(file, 0, SEEK_CUR) == 0 {
            try read(file) { replayer.lookAhead($0) }
            rewind(file)
        }
        try read(file) { verdicts += replayer.add($0) }
        if let verdict = replayer.finish() { verdicts.append(verdict) }
        return verdicts
    }

    private static func read(_ file: UnsafeMutablePointer<FILE>, _ take: ([HistoryEvent]) -> Void)
        throws(HistoryFileError)
    {
        var reader = HistoryFileReader()
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&part, 1, part.count, file)
            if count == 0 { break }
            for case .events(let events) in try reader.read(part[..<count]) { take(events) }
        }
        if ferror(file) != 0 { throw HistoryFileError("it cannot be read to its end") }
        try reader.end()
    }

    private static var usage: Outcome {
        Outcome(text: "usage: FILE... [--output text|json]", status: 2)
    }
}
