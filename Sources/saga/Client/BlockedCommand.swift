internal import ArgumentParser
internal import SagaClient
internal import SagaCodec
internal import SagaCore
internal import SagaWire

/// `saga blocked`: the sagas that need a person, and what that person decides.
struct BlockedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "blocked", abstract: "Sagas that need a person: list them, and decide about them.",
        discussion: """
            A saga is blocked when an undo failed for good, or when its code does not fit its history. Each decision is
            an event in the history, with your name and reason. Which undo it is about: --step EVENT; without it, the one
            that is blocked.
            """,
        subcommands: [
            BlockedList.self, BlockedRetry.self, BlockedRetryWith.self, BlockedSkip.self, BlockedResolve.self,
            BlockedGiveUp.self,
        ])
}

/// `saga blocked list`
struct BlockedList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "The sagas that wait for a person: since when, why, and for which undos.")

    @OptionGroup var page: PageFlags
    @OptionGroup var connection: ConnectionFlags
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let blocked = try await connection.withClient { client in
            try await page.collect { limit, after in
                let answer = try await client.listBlocked(limit: limit, after: after)
                return (answer.blocked, answer.next)
            }
        }
        switch output.format {
        case .json: for saga in blocked { Terminal.print(Self.json(saga)) }
        case .text:
            if blocked.isEmpty {
                Terminal.printError("no saga is blocked")
                return
            }
            let table = TextColumns.table(
                ["workflow id", "type", "since", "blocked by", "step", "why"],
                blocked.map { saga in
                    let steps = saga.undos.filter { $0.state == .blocked }
                    return [
                        Wording.safe(saga.summary.workflowID), Wording.safe(saga.summary.workflowType),
                        Wording.time(saga.since), Wording.name(saga.cause),
                        steps.map { "\($0.stepEventID) \(Wording.safe($0.stepID))" }.joined(separator: ", "),
                        Wording.shortened(Wording.safe(saga.message), 200),
                    ]
                })
            for line in table { Terminal.print(line) }
        }
    }

    static func json(_ saga: BlockedSaga) -> JSONValue {
        var object = ListCommand.json(saga.summary).objectValue ?? [:]
        object["cause"] = .string(EventJSON.snakeCase("\(saga.cause)"))
        object["since"] = .string(saga.since.description)
        object["message"] = .string(saga.message)
        object["open_undo"] = .array(saga.undos.map { DescribeCommand.json($0) })
        return .object(object)
    }
}

/// Names the undo: its saga, and the event that scheduled its step.
struct BlockedTarget: ParsableArguments {
    @OptionGroup var target: SagaTarget
    @Option(help: "The event of the step, as saga describe shows it. Default: the undo that is blocked.")
    var step: UInt64?
    @OptionGroup var connection: ConnectionFlags
    @OptionGroup var output: OutputOptions

    /// Makes the call for the undo and says that it is recorded.
    /// - Parameter concernsCode: Whether the decision may also be about code that does not fit, which has no step.
    func decide<C: WireCall>(
        _ call: C.Type, _ done: String, concernsCode: Bool = false,
        _ make: @escaping (Wire.RequestHeader, Wire.UndoRef) -> C.Request
    ) async throws {
        let sagaID = try target.sagaID()
        try await connection.withClient { client in
            let step = try await chosenStep(client, sagaID, concernsCode)
            let workflow = Wire.WorkflowRef(workflowID: target.id, sagaID: sagaID)
            _ = try await client.call(call) { make($0, Wire.UndoRef(workflow: workflow, stepEventID: step)) }
        }
        report(done, target.id, output.format)
    }

    private func chosenStep(_ client: SagaClient, _ sagaID: SagaID?, _ concernsCode: Bool) async throws -> EventID {
        if let step { return step }
        let description = try await client.describe(target.id, sagaID: sagaID)
        let blocked = description.undoLog.filter { $0.state == .blocked }
        if blocked.isEmpty, concernsCode, description.summary.status == .blocked { return 0 }
        guard blocked.count == 1, let entry = blocked.first else {
            throw Failure(
                .conflict, "\(blocked.count) undos of \(Wording.safe(target.id)) are blocked",
                hint: blocked.isEmpty
                    ? "how it stands: saga describe \(Wording.safe(target.id))" : "say which: --step EVENT")
        }
        return entry.stepEventID
    }
}

struct BlockedRetry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry", abstract: "Try the undo again, or the code of a saga whose code did not fit.")

    @OptionGroup var undo: BlockedTarget
    @Option(help: "Why, for the history.")
    var reason = ""

    func run() async throws {
        let reason = reason
        try await undo.decide(Wire.Compensation.Retry.self, "tried again", concernsCode: true) { header, entry in
            Wire.RetryUndoRequest(header: header, undo: entry, reason: reason)
        }
    }
}

struct BlockedRetryWith: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry-with", abstract: "Try the undo again with another input, under a new key.",
        discussion: """
            The undo gets this instead of what it would be given: input, output, outcome and idempotency_key of its step.
            """)

    @OptionGroup var undo: BlockedTarget
    @OptionGroup var data: InputFlags
    @Option(help: "Why, for the history.")
    var reason = ""

    func run() async throws {
        guard let bytes = try data.bytes() else {
            throw Failure(.usage, "the input is missing", hint: "give --input JSON or --input-file FILE")
        }
        let (reason, payload) = (reason, Payload(encoding: "json", data: try StartCommand.checked(bytes)))
        try await undo.decide(Wire.Compensation.RetryWithInput.self, "tried again with another input") {
            header, entry in
            Wire.RetryUndoWithInputRequest(
                header: header, undo: entry, input: Wire.Payload(payload), reason: reason)
        }
    }
}

struct BlockedSkip: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "skip", abstract: "Leave the undo out; the closing event lists it as open.")

    @OptionGroup var undo: BlockedTarget
    @Option(help: "Why, for the history.")
    var reason: String

    func run() async throws {
        let reason = reason
        try await undo.decide(Wire.Compensation.Skip.self, "left out") { header, entry in
            Wire.SkipUndoRequest(header: header, undo: entry, reason: reason)
        }
    }
}

struct BlockedResolve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resolve", abstract: "The undo was done by hand.")

    @OptionGroup var undo: BlockedTarget
    @Option(help: "What was done, for the history.")
    var note: String

    func run() async throws {
        let note = note
        try await undo.decide(Wire.Compensation.Resolve.self, "marked as done by hand") { header, entry in
            Wire.ResolveUndoRequest(header: header, undo: entry, note: note)
        }
    }
}

struct BlockedGiveUp: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "give-up", abstract: "Give the whole unwinding up; the closing event lists what is left open.")

    @OptionGroup var target: SagaTarget
    @Option(help: "Why, for the history.")
    var reason: String
    @OptionGroup var connection: ConnectionFlags
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let sagaID = try target.sagaID()
        let workflow = Wire.WorkflowRef(workflowID: target.id, sagaID: sagaID)
        let reason = reason
        try await connection.withClient { client in
            _ = try await client.call(Wire.Compensation.GiveUp.self) { header in
                Wire.GiveUpRequest(header: header, workflow: workflow, reason: reason)
            }
        }
        report("given up", target.id, output.format)
    }
}
