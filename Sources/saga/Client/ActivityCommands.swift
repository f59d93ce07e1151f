internal import ArgumentParser
internal import SagaClient
internal import SagaCodec
internal import SagaCore

/// `saga activity`
struct ActivityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "activity", abstract: "Complete a step that goes on outside of its worker, by its task token.",
        discussion: """
            An activity that completes later hands its task token to whoever does the work. The token is given here as
            hexadecimal digits. A report may be repeated: an attempt ends once.
            """,
        subcommands: [Complete.self, Fail.self, Stop.self, Heartbeat.self])

    /// `saga activity complete`
    struct Complete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Report that it succeeded.")

        @Argument(help: "The task token.")
        var token: TaskTokenArgument
        @OptionGroup var data: InputFlags
        @OptionGroup var connection: ConnectionFlags
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let payload = try ActivityCommand.payload(data) ?? .empty
            let result = try await connection.withClient { client in
                try await client.completeActivity(token: token.bytes, output: payload)
            }
            ActivityCommand.report(result, output.format)
        }
    }

    /// `saga activity fail`
    struct Fail: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Report that it failed; its retry policy decides what comes next.")

        @Argument(help: "The task token.")
        var token: TaskTokenArgument
        @Option(help: "Why.")
        var message: String
        @Option(help: "What kind of error it is: \(ErrorKind.allCases.map(\.name).joined(separator: ", ")).")
        var kind = "ActivityExecution"
        @Flag(help: "Another attempt makes no sense.")
        var nonRetryable = false
        @Flag(help: "Nothing has happened, so nothing is to be undone.")
        var noEffect = false
        @OptionGroup var connection: ConnectionFlags
        @OptionGroup var output: OutputOptions

        func run() async throws {
            guard let kind = ErrorKind.allCases.first(where: { $0.name == kind }) else {
                throw Failure(.usage, "there is no kind of error \(Wording.safe(kind))")
            }
            let error = SagaError(kind: kind, message: message, isNonRetryable: nonRetryable)
            let result = try await connection.withClient { client in
                try await client.failActivity(token: token.bytes, error: error, outcome: noEffect ? .noEffect : nil)
            }
            ActivityCommand.report(result, output.format)
        }
    }

    /// `saga activity stop`
    struct Stop: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Report that it stopped, as it was asked to.")

        @Argument(help: "The task token.")
        var token: TaskTokenArgument
        @Flag(help: "Nothing has happened, so nothing is to be undone.")
        var noEffect = false
        @OptionGroup var connection: ConnectionFlags
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let result = try await connection.withClient { client in
                try await client.stopActivity(token: token.bytes, hadNoEffect: noEffect)
            }
            ActivityCommand.report(result, output.format)
        }
    }

    /// `saga activity heartbeat`
    struct Heartbeat: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say that it is alive, and hear whether it should stop.")

        @Argument(help: "The task token.")
        var token: TaskTokenArgument
        @OptionGroup var data: InputFlags
        @OptionGroup var connection: ConnectionFlags
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let details = try ActivityCommand.payload(data)
            let answer = try await connection.withClient { client in
                try await client.heartbeatActivity(token: token.bytes, details: details)
            }
            switch output.format {
            case .json:
                Terminal.print([
                    "current": .bool(answer.isCurrent), "cancel_requested": .bool(answer.isCancelRequested),
                ])
            case .text:
                Terminal.print(
                    answer.isCurrent
                        ? (answer.isCancelRequested ? "it should stop" : "it goes on")
                        : "it counts no longer: it should stop")
            }
        }
    }

    fileprivate static func payload(_ data: InputFlags) throws(Failure) -> Payload? {
        guard let bytes = try data.bytes() else { return nil }
        return Payload(encoding: "json", data: try StartCommand.checked(bytes))
    }

    fileprivate static func report(_ result: ActivityReportResult, _ format: OutputFormat) {
        let (name, text): (String, String) =
            switch result {
            case .recorded: ("recorded", "recorded")
            case .alreadyRecorded: ("already_recorded", "nothing changed: the attempt had ended, or counts no longer")
            case .lateEffect: ("late_effect", "too late: kept as a late effect; see saga late-effects")
            }
        switch format {
        case .json: Terminal.print(["result": .string(name)])
        case .text: Terminal.print(text)
        }
    }
}

/// A task token as hexadecimal digits.
struct TaskTokenArgument: ExpressibleByArgument, Sendable {
    var bytes: [UInt8]

    init?(argument: String) {
        let digits = argument.utf8.map { digit -> UInt8? in
            switch digit {
            case 0x30...0x39: digit - 0x30
            case 0x41...0x46: digit - 0x41 + 10
            case 0x61...0x66: digit - 0x61 + 10
            default: nil
            }
        }
        guard !digits.isEmpty, digits.count.isMultiple(of: 2), digits.count <= 1_024 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digits[index], let low = digits[index + 1] else { return nil }
            bytes.append(high << 4 | low)
        }
        self.bytes = bytes
    }
}
