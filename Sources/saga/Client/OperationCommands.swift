internal import ArgumentParser
internal import SagaClient
internal import SagaCodec
internal import SagaCore

/// `saga pause`
struct PauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Hand out nothing of a saga until it is resumed.")

    @OptionGroup var target: SagaTarget
    @Option(help: "Why, for people.")
    var reason = ""
    @OptionGroup var connection: ConnectionFlags
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let sagaID = try target.sagaID()
        try await connection.withClient { client in
            try await client.pause(target.id, sagaID: sagaID, reason: reason)
        }
        report("paused", target.id, output.format)
    }
}

/// `saga resume`
struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "resume", abstract: "Let a paused saga go on.")

    @OptionGroup var target: SagaTarget
    @Option(help: "Why, for people.")
    var reason = ""
    @OptionGroup var connection: ConnectionFlags
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let sagaID = try target.sagaID()
        try await connection.withClient { client in
            try await client.resume(target.id, sagaID: sagaID, reason: reason)
        }
        report("resumed", target.id, output.format)
    }
}

/// `saga reset`
struct ResetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reset", abstract: "Go on from an earlier event in a new run; the run ends as terminated.",
        discussion: "Steps after the event are undone first, unless --undo says keep (they move along) or drop.")

    @OptionGroup var target: SagaTarget
    @Option(help: "The last event that is kept; see saga history.")
    var event: UInt64
    @Option(help: "What becomes of steps after it: undo, keep or drop.")
    var undo = UndoOption.undo
    @Option(help: "Why, for people.")
    var reason = ""
    @OptionGroup var connection: ConnectionFlags
    @OptionGroup var output: OutputOptions

    enum UndoOption: String, ExpressibleByArgument, CaseIterable, Sendable {
        case undo, keep, drop
    }

    func run() async throws {
        let sagaID = try target.sagaID()
        let choice: SagaClient.ResetUndo =
            switch undo {
            case .undo: .undo
            case .keep: .keep
            case .drop: .drop
            }
        let next = try await connection.withClient { client in
            try await client.reset(target.id, sagaID: sagaID, to: event, undo: choice, reason: reason)
        }
        report("reset; it goes on as run \(next)", target.id, output.format)
    }
}

/// `saga delete`
struct DeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Remove a closed saga and its history for good.",
        discussion: "Without --run the newest run of the id is removed. A child stays until its parent has closed.")

    @OptionGroup var target: SagaTarget
    @OptionGroup var connection: ConnectionFlags
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let sagaID = try target.sagaID()
        let removed = try await connection.withClient { client in
            try await client.delete(target.id, sagaID: sagaID)
        }
        report("run \(removed) deleted", target.id, output.format)
    }
}

/// `saga count`
struct CountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "count", abstract: "Count sagas.")

    @Option(help: "Only this workflow type.")
    var type = ""
    @Option(name: .customLong("status"), help: "Only this status; may be repeated.")
    var statuses: [StatusOption] = []
    @Option(help: "Only workflow ids that begin with this.")
    var prefix = ""
    @OptionGroup var conditions: AttributeFlags
    @OptionGroup var connection: ConnectionFlags
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let runs = try await connection.withClient { client in
            try await client.runCount(
                type: type, statuses: statuses.map(\.status), idPrefix: prefix, where: conditions.conditions)
        }
        switch output.format {
        case .text: Terminal.print(runs.isEstimate ? "about \(runs.count)" : "\(runs.count)")
        case .json: Terminal.print(["count": .integer(Int64(runs.count)), "estimated": .bool(runs.isEstimate)])
        }
    }
}

/// Conditions on search attributes.
struct AttributeFlags: ParsableArguments {
    @Option(
        name: .customLong("where"),
        help:
            "Only with this search attribute: NAME=VALUE, or with !=, <, <=, >, >=, ^= (begins with); may be repeated.")
    var texts: [AttributeOption] = []

    var conditions: [AttributeCondition] { texts.map(\.condition) }
}

/// `stage=waiting`, `amount>=100`, `vip=true`; a value that is no number and no boolean is a text.
struct AttributeOption: ExpressibleByArgument, Sendable {
    var condition: AttributeCondition

    init?(argument: String) {
        let operators: [(String, AttributeCondition.Comparison)] = [
            ("!=", .notEqual), ("<=", .lessOrEqual), (">=", .greaterOrEqual), ("^=", .prefix), ("=", .equal),
            ("<", .less), (">", .greater),
        ]
        guard let position = argument.firstIndex(where: { "!<>^=".contains($0) }), position > argument.startIndex,
            let (sign, comparison) = operators.first(where: { argument[position...].hasPrefix($0.0) })
        else { return nil }
        let text = String(argument[position...].dropFirst(sign.count))
        let value: AttributeCondition.Value
        switch text {
        case "true": value = .boolean(true)
        case "false": value = .boolean(false)
        default: value = Double(text).map { .number($0) } ?? .text(text)
        }
        condition = AttributeCondition(String(argument[..<position]), comparison, value)
    }
}
