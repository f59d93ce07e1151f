internal import ArgumentParser
internal import Examples
internal import SagaCore
internal import SagaTestKit

/// `saga replay`
struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Run recorded histories against today's code, and name each mismatch.",
        discussion: """
            No activity runs and nothing is written: the code is given the events that were recorded, and what it asks \
            for is compared with what it asked for then. A change that would block open sagas is found before it is \
            deployed: keep a few histories beside the code (saga export) and run this in CI.

            Without --run the code is that of the examples. For code of your own write a program of a few lines \
            (docs/snapshots.md) and name it:

                saga replay --run .build/debug/my-replay histories/*.history

            Exit status: 0 every history fits; 1 one does not; 2 the command line is wrong; 8 a file cannot be read.
            """)

    @Argument(help: "Files that saga export wrote.")
    var files: [String]
    @Option(
        name: .customLong("run"), help: "A program that replays against code of your own; run in place of this one.")
    var program: String?
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let arguments = files + ["--output", output.format.rawValue]
        if let program { throw TortureCommand.become(program, arguments) }
        var workflows = WorkflowRegistry()
        workflows.register(TravelBookingWorkflow.self)
        workflows.register(PaymentWorkflow.self)
        let outcome = ReplayCommandLine.run(workflows, ["saga replay"] + arguments)
        Terminal.print(outcome.text)
        switch outcome.status {
        case 0: return
        case 1: throw Failure(.sagaFailed, "not every history fits today's code")
        default: throw Failure(.failed, "not every file could be read")
        }
    }
}
