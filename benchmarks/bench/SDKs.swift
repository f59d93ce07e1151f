import ArgumentParser
import Foundation

/// `bench sdk`: the SDKs' own programs, which `sdk-stubs/bench` builds and runs.
struct SDKs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sdk",
        abstract: "Measures the SDKs of all languages: sagas, calls beside raw TLS, memory.",
        discussion: "Runs sdk-stubs/bench in the folder of the source, against the server beside this program.")

    @Argument(help: "Languages; all of them if none is named.")
    var languages: [String] = []

    @Flag(help: "A million calls for the memory, ten times the sagas.")
    var long = false

    @Option(help: "Write the figures to this file.")
    var json: String?

    func run() async throws {
        let script = "sdk-stubs/bench"
        guard FileManager.default.isExecutableFile(atPath: script) else {
            throw ValidationError("no \(script) here: run it in the folder of the source")
        }
        let own = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: script)
        process.arguments = (long ? ["--long"] : []) + (json.map { ["--json", $0] } ?? []) + languages
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["SAGA": own.appendingPathComponent("saga").path]
        ) { given, _ in given }
        try process.run()
        process.waitUntilExit()
        if process.terminationStatus != 0 { throw ExitCode(process.terminationStatus) }
    }
}
