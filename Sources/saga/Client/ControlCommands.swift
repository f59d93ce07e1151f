internal import ArgumentParser
internal import SagaClient
internal import SagaCodec

/// `saga signal`
struct SignalCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "signal", abstract: "Send a signal; it is durable when the command returns.")

    @OptionGroup var target: SagaTarget
    @Argument(help: "The name that the code waits for.")
    var name: String
    @OptionGroup var data: InputFlags
    @Option(help: "The same signal id twice is one signal. Default: a new one.")
    var signalID: String = ""
    @OptionGroup var connection: ConnectionFlags
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let sagaID = try target.sagaID()
        let value: JSONValue = try data.bytes().map { try JSONCoding.parse(try StartCommand.checked($0)) } ?? nil
        try await connection.withClient { client in
            try await client.signal(target.id, sagaID: sagaID, name, value, signalID: signalID)
        }
        report("signal \(Wording.safe(name)) recorded", target.id, output.format)
    }
}

/// `saga cancel`
struct CancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Ask a saga to end: its code sees it, and what it did is undone.")

    @OptionGroup var target: SagaTarget
    @Option(help: "Why, for people.")
    var reason = ""
    @OptionGroup var connection: ConnectionFlags
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let sagaID = try target.sagaID()
        try await connection.withClient { client in
            try await client.cancel(target.id, sagaID: sagaID, reason: reason)
        }
        report("cancel requested", target.id, output.format)
    }
}

/// `saga terminate`
struct TerminateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "terminate", abstract: "Stop a saga from outside, without asking its code.",
        discussion: """
            Say what becomes of what it did: --compensate undoes it first; --no-compensate leaves it, and the closing
            event lists what was left.
            """)

    @OptionGroup var target: SagaTarget
    @Flag(inversion: .prefixedNo, exclusivity: .exclusive, help: "Undo what it did first, or leave it.")
    var compensate: Bool
    @Option(help: "Why, for people.")
    var reason = ""
    @OptionGroup var connection: ConnectionFlags
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let sagaID = try target.sagaID()
        try await connection.withClient { client in
            try await client.terminate(target.id, sagaID: sagaID, reason: reason, compensate: compensate)
        }
        report(compensate ? "unwinding, then terminated" : "terminated, nothing undone", target.id, output.format)
    }
}

/// Says that something is recorded.
private func report(_ text: String, _ id: String, _ format: OutputFormat) {
    switch format {
    case .text: Terminal.print("\(Wording.safe(id))  \(text)")
    case .json: Terminal.print(["workflow_id": .string(id), "done": .string(text)])
    }
}
