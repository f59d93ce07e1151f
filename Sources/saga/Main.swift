internal import ArgumentParser
internal import Glibc
internal import SagaCodec
internal import SagaCore

@main
struct Main {
    static func main() async {
        // A peer or a reader that goes away is an error of one write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        exit(await run(Array(CommandLine.arguments.dropFirst())).rawValue)
    }

    /// Runs a command line.
    static func run(_ arguments: [String]) async -> ExitStatus {
        do {
            var command = try SagaCommand.parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return .ok
        } catch let failure as Failure {
            report(failure, asJSON: wantsJSON(arguments))
            return failure.status
        } catch {
            return reportUsage(error)
        }
    }

    /// Help and version are no errors; everything else that the parser throws is a wrong command line.
    private static func reportUsage(_ error: any Error) -> ExitStatus {
        let text = SagaCommand.fullMessage(for: error)
        if SagaCommand.exitCode(for: error) == .success {
            Terminal.print(text)
            return .ok
        }
        Terminal.printError(text)
        return .usage
    }

    private static func report(_ failure: Failure, asJSON: Bool) {
        if asJSON {
            var object: [String: JSONValue] = [
                "status": .string(EventJSON.snakeCase("\(failure.status)")),
                "exit_code": .integer(Int64(failure.status.rawValue)),
                "message": .string(failure.message),
            ]
            if !failure.hint.isEmpty { object["hint"] = .string(failure.hint) }
            if let page = failure.page { object["page"] = .string(page) }
            if let error = failure.error { object["error"] = EventJSON.error(error) }
            Terminal.printError(JSONValue.object(["error": .object(object)]).compactText())
            return
        }
        Terminal.printError("saga: \(failure.message)")
        if !failure.hint.isEmpty { Terminal.printError("  \(failure.hint)") }
        if let page = failure.page { Terminal.printError("  more: saga explain \(page)") }
    }

    private static func wantsJSON(_ arguments: [String]) -> Bool {
        if arguments.contains("--output=json") { return true }
        return zip(arguments, arguments.dropFirst()).contains { $0 == "--output" && $1 == "json" }
    }
}

/// The root of all commands.
struct SagaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "saga",
        abstract: "Durable sagas: run a server, start sagas, and see what they did and undid.",
        discussion: """
            Try it:  saga dev                     a server for this folder
                     saga start TYPE --id ID      in another terminal
                     saga history ID              what happened, and how it was undone

            Exit status: \(ExitStatus.allCases.map { "\($0.rawValue) \($0.meaning)" }.joined(separator: "; ")).
            """,
        version: Version.text,
        subcommands: [
            DevCommand.self, ServerCommand.self, NewCommand.self, StartCommand.self, RunCommand.self,
            DefinitionCommand.self,
            ResultCommand.self, SignalCommand.self,
            QueryCommand.self,
            UpdateCommand.self,
            CancelCommand.self, TerminateCommand.self, PauseCommand.self, ResumeCommand.self, ResetCommand.self,
            DeleteCommand.self,
            CountCommand.self, DescribeCommand.self, ListCommand.self, HistoryCommand.self, EventsCommand.self,
            ExportCommand.self, ImportCommand.self, DiffCommand.self, ReplayCommand.self,
            ActivityCommand.self, BlockedCommand.self, LateEffectsCommand.self, ScheduleCommand.self,
            NamespaceCommand.self, ClockCommand.self, TortureCommand.self, HealthCommand.self, MigrateCommand.self,
            FillEventsCommand.self,
            CertsCommand.self,
            TokenCommand.self,
            ExplainCommand.self,
        ])
}

/// Which release this is.
enum Version {
    static let number = "0.1.0"
    static let text = "saga \(number)"
}
