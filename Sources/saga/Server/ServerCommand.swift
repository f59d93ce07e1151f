internal import ArgumentParser

/// `saga server`
struct ServerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "server", abstract: "Run a server.",
        discussion: """
            A setting comes from its flag, else its variable, else the file, else the default; --print-config shows
            them all as they are in force. SIGTERM and SIGINT drain the server; SIGHUP makes it read tokens and
            certificates again. It may be killed at any time: what it has acknowledged is durable.
            """)

    @OptionGroup var flags: ServerFlags
    @Option(help: "A settings file: lines of the form name = value [SAGA_CONFIG].")
    var config: String?
    @Flag(help: "Print the settings in force, and where each comes from, and end.")
    var printConfig = false

    func run() async throws {
        var file: SettingsFile?
        if let path = config ?? Terminal.environment("SAGA_CONFIG").flatMap({ $0.isEmpty ? nil : $0 }) {
            file = try SettingsFile(try Files.readText(path), path: path)
        }
        let settings = try ServerSettings(flags: flags.values, environment: Terminal.environment, file: file)
        if printConfig {
            Terminal.print(settings.fileText)
            return
        }
        try await ServerRunner.run(settings) { _ in }
    }
}
