internal import ArgumentParser
internal import SagaClient
internal import SagaCodec
internal import SagaCore
internal import SagaWire

/// `saga undo`: what an operator decides about an undo that failed for good.
struct UndoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undo", abstract: "Decide about an undo that failed for good.",
        discussion: """
            saga list --status blocked shows the sagas that need a person, saga describe ID which undo failed and why.
            Each decision is an event in the history, with your name and reason.
            """,
        subcommands: [UndoRetry.self, UndoSkip.self, UndoResolve.self, UndoGiveUp.self])
}

/// Names the undo: its saga, and the event that scheduled its step.
struct UndoTarget: ParsableArguments {
    @OptionGroup var target: SagaTarget
    @Option(help: "The event of the step, as saga describe shows it. Default: the undo that is blocked.")
    var step: UInt64?
    @OptionGroup var connection: ConnectionFlags
    @OptionGroup var output: OutputOptions

    /// Makes the call for the undo and says that it is recorded.
    func decide<C: WireCall>(
        _ call: C.Type, _ done: String, _ make: @escaping (Wire.RequestHeader, Wire.UndoRef) -> C.Request
    ) async throws {
        let sagaID = try target.sagaID()
        try await connection.withClient { client in
            let step = try await chosenStep(client, sagaID)
            let workflow = Wire.WorkflowRef(workflowID: target.id, sagaID: sagaID)
            _ = try await client.call(call) { make($0, Wire.UndoRef(workflow: workflow, stepEventID: step)) }
        }
        report(done, target.id, output.format)
    }

    private func chosenStep(_ client: SagaClient, _ sagaID: SagaID?) async throws -> EventID {
        if let step { return step }
        let description = try await client.describe(target.id, sagaID: sagaID)
        let blocked = description.undoLog.filter { $0.state == .blocked }
        guard blocked.count == 1, let entry = blocked.first else {
            throw Failure(
                .conflict, "\(blocked.count) undos of \(Wording.safe(target.id)) are blocked",
                hint: blocked.isEmpty
                    ? "how it stands: saga describe \(Wording.safe(target.id))" : "say which: --step EVENT")
        }
        return entry.stepEventID
    }
}

struct UndoRetry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry", abstract: "Try it again; with --input, with another input.")

    @OptionGroup var undo: UndoTarget
    @OptionGroup var data: InputFlags
    @Option(help: "Why, for the history.")
    var reason = ""

    func run() async throws {
        let (reason, input) = (reason, try data.bytes().map { try StartCommand.checked($0) })
        guard let input else {
            try await undo.decide(Wire.Compensation.Retry.self, "tried again") { header, entry in
                Wire.RetryUndoRequest(header: header, undo: entry, reason: reason)
            }
            return
        }
        let payload = Wire.Payload(Payload(encoding: "json", data: input))
        try await undo.decide(Wire.Compensation.RetryWithInput.self, "tried again with another input") {
            header, entry in
            Wire.RetryUndoWithInputRequest(header: header, undo: entry, input: payload, reason: reason)
        }
    }
}

struct UndoSkip: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "skip", abstract: "Leave it out; the closing event lists it as open.")

    @OptionGroup var undo: UndoTarget
    @Option(help: "Why, for the history.")
    var reason: String

    func run() async throws {
        let reason = reason
        try await undo.decide(Wire.Compensation.Skip.self, "left out") { header, entry in
            Wire.SkipUndoRequest(header: header, undo: entry, reason: reason)
        }
    }
}

struct UndoResolve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resolve", abstract: "It was done by hand.")

    @OptionGroup var undo: UndoTarget
    @Option(help: "What was done, for the history.")
    var note: String

    func run() async throws {
        let note = note
        try await undo.decide(Wire.Compensation.Resolve.self, "marked as done by hand") { header, entry in
            Wire.ResolveUndoRequest(header: header, undo: entry, note: note)
        }
    }
}

struct UndoGiveUp: AsyncParsableCommand {
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
