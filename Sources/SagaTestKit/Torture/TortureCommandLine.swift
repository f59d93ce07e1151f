/// A program of one's own that tortures sagas; `saga torture --run PROGRAM` passes its arguments on.
///
/// ```swift
/// @main enum Torture {
///     static func main() async {
///         let outcome = await TortureCommandLine.run([subject], CommandLine.arguments)
///         print(outcome.text)
///         exit(outcome.status)
///     }
/// }
/// ```
public enum TortureCommandLine {
    /// What to print, and the exit status: 0 nothing is wrong, 1 something is, 2 wrong arguments, 8 it could not be run.
    public struct Outcome: Sendable {
        public var text: String
        public var status: Int32
    }

    /// Tortures sagas as a command line says: `[NAME]... [--list] [--output text|json]`.
    /// - Parameters:
    ///   - subjects: The sagas of the program.
    ///   - arguments: The command line, the program's own name first.
    public static func run(_ subjects: [TortureSubject], _ arguments: [String]) async -> Outcome {
        var names: [String] = []
        var isJSON = false
        var rest = arguments.dropFirst()
        while let argument = rest.popFirst() {
            switch argument {
            case "--list": return Outcome(text: subjects.map(\.name).joined(separator: "\n"), status: 0)
            case "--output=json": isJSON = true
            case "--output=text": isJSON = false
            case "--output":
                guard let format = rest.popFirst(), ["text", "json"].contains(format) else { return usage(subjects) }
                isJSON = format == "json"
            default:
                guard subjects.contains(where: { $0.name == argument }) else { return usage(subjects) }
                names.append(argument)
            }
        }
        return await run(subjects.filter { names.isEmpty || names.contains($0.name) }, isJSON: isJSON)
    }

    /// Tortures sagas.
    public static func run(_ subjects: [TortureSubject], isJSON: Bool) async -> Outcome {
        var lines: [String] = []
        var status: Int32 = 0
        for subject in subjects {
            do {
                let report = try await SagaTorture.run(subject)
                lines.append(isJSON ? report.json : report.text)
                if !report.isClean { status = max(status, 1) }
            } catch {
                lines.append("torture: \(subject.name): its world cannot be made or observed: \(error)")
                status = 8
            }
        }
        return Outcome(text: lines.joined(separator: "\n"), status: status)
    }

    private static func usage(_ subjects: [TortureSubject]) -> Outcome {
        Outcome(
            text: "usage: [NAME]... [--list] [--output text|json]; names: "
                + subjects.map(\.name).joined(separator: ", "), status: 2)
    }
}
