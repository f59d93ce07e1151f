internal import ArgumentParser
internal import Glibc
internal import SagaTestKit

/// `saga torture`
struct TortureCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "torture",
        abstract: "Break a saga at every point, and see which step is not idempotent or not compensated.",
        discussion: """
            The saga runs again and again on a virtual clock, with the real engine and a store in memory. At every step \
            an error, a refusal, a time-out, a repeat and a late effect are injected, at every undo an error, a time-out \
            and a repeat, and the process is killed at every point. What really stands outside is compared.

            Without --run the examples are tortured: \(TortureExamples.names.joined(separator: ", ")). A saga of your \
            own is tortured by a program of your own: docs/torture.md shows one, which is a page long.

                saga torture travel
                saga torture --run .build/debug/my-torture --output json

            Exit status: 0 nothing is wrong; 1 a step is named; 2 the command line is wrong; 8 a saga's world cannot be \
            made. With --output json: one JSON object for each saga.
            """)

    @Argument(help: "Sagas to torture; all of them if none is named.")
    var names: [String] = []
    @Option(
        name: .customLong("run"),
        help: "A program that tortures sagas of your own (SagaTestKit); it is run in place of this one.")
    var program: String?
    @Flag(help: "Only print the names.")
    var list = false
    @OptionGroup var output: OutputOptions

    func run() async throws {
        var arguments = names
        if list { arguments.append("--list") }
        arguments += ["--output", output.format.rawValue]
        if let program { throw Self.become(program, arguments) }
        if let unknown = names.first(where: { !TortureExamples.names.contains($0) }) {
            throw Failure(
                .notFound, "there is no example \(Wording.safe(unknown))",
                hint: "there are \(TortureExamples.names.joined(separator: ", ")); for your own use --run")
        }
        let outcome = try await TortureExamples.withSubjects { subjects in
            await TortureCommandLine.run(subjects, ["saga torture"] + arguments)
        }
        Terminal.print(outcome.text)
        switch outcome.status {
        case 0: return
        case 1: throw Failure(.sagaFailed, "not every saga bears what was done to it")
        default: throw Failure(.failed, "not every saga could be tortured")
        }
    }

    /// Gives the process to another program; returns only if that cannot be done.
    static func become(_ path: String, _ arguments: [String]) -> Failure {
        var pointers: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
        pointers.append(nil)
        execv(path, &pointers)
        let reason = String(cString: strerror(errno))
        for pointer in pointers { free(pointer) }
        return Failure(.usage, "cannot run \(path): \(reason)", hint: "build it first; docs/torture.md shows one")
    }
}
