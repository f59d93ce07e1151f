internal import ArgumentParser
internal import SagaClient
internal import SagaCodec
internal import SagaCore

/// `saga start`
struct StartCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start", abstract: "Start a saga, or find the open one of that id.",
        discussion: "The start is durable when the command returns: started twice with the same id, it runs once.")

    @Argument(help: "The workflow type.")
    var type: String
    @Option(help: "The workflow id. Default: a new one.")
    var id: String?
    @OptionGroup var data: InputFlags
    @Option(help: "Queue whose workers run the workflow code. Default: the server's.")
    var queue: String?
    @Option(help: "Version of the code; 0 is the newest that a worker serves.")
    var version: UInt32 = 0
    @Option(help: "When the id was used by a saga that is closed: allow, allow-if-failed or reject.")
    var reuse = Reuse.allowIfFailed
    @Option(help: "Unwind and close it after this time.")
    var executionTimeout: DurationOption?
    @Flag(help: "A bad end does not unwind by itself; the code calls compensate().")
    var noAutoCompensate = false
    @Flag(help: "Earlier undos go on when one has failed for good.")
    var continueOnUndoError = false
    @Flag(help: "Wait for the end and print what it returned, like saga result.")
    var wait = false
    @OptionGroup var connection: ConnectionFlags
    @OptionGroup var output: OutputOptions

    enum Reuse: String, ExpressibleByArgument, CaseIterable {
        case allow
        case allowIfFailed = "allow-if-failed"
        case reject
    }

    func run() async throws {
        let id = id ?? "\(type)-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
        var options = WorkflowOptions()
        options.version = version
        options.taskQueue = queue ?? ""
        options.executionTimeout = executionTimeout?.value
        options.autoCompensate = !noAutoCompensate
        options.continueOnUndoError = continueOnUndoError
        options.idReuse =
            switch reuse {
            case .allow: .allow
            case .allowIfFailed: .allowIfFailed
            case .reject: .reject
            }
        let input = try data.bytes().map { Payload(encoding: "json", data: try Self.checked($0)) } ?? .empty
        try await connection.withClient { client in
            let started = try await client.start(type: type, id: id, input: input, options: options)
            if wait {
                try await ResultCommand.printResult(id, started.sagaID, nil, output.format, client)
                return
            }
            switch output.format {
            case .text:
                Terminal.print(
                    "\(Wording.safe(id))  run \(started.sagaID)\(started.alreadyStarted ? "  (was open)" : "")")
            case .json:
                Terminal.print([
                    "workflow_id": .string(id), "saga_id": .string(started.sagaID.description),
                    "already_started": .bool(started.alreadyStarted),
                ])
            }
        }
    }

    /// JSON that the server would take and the code could not read is refused here.
    static func checked(_ bytes: [UInt8]) throws(Failure) -> [UInt8] {
        do { _ = try JSONCoding.parse(bytes) } catch { throw Failure(.usage, "the data is not JSON: \(error)") }
        return bytes
    }
}

/// `saga result`
struct ResultCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "result", abstract: "Wait for the end of a saga and print what it returned.",
        discussion: "Exit status 1 if it failed, was cancelled, timed out or was terminated.")

    @OptionGroup var target: SagaTarget
    @Option(help: "How long to wait. Default: as long as it takes.")
    var wait: DurationOption?
    @OptionGroup var connection: ConnectionFlags
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let sagaID = try target.sagaID()
        try await connection.withClient { client in
            try await Self.printResult(target.id, sagaID, wait?.value, output.format, client)
        }
    }

    /// JSON as it stands, for a pipe; of other data what can be said.
    private static func text(_ payload: Payload) -> String {
        payload.encoding == "json" ? String(decoding: payload.data, as: UTF8.self) : Wording.payload(payload)
    }

    static func printResult(
        _ id: String, _ sagaID: SagaID?, _ wait: Duration?, _ format: OutputFormat, _ client: SagaClient
    ) async throws {
        do {
            let payload = try await client.result(id, sagaID: sagaID, timeout: wait)
            switch format {
            case .text: Terminal.print(text(payload))
            case .json:
                Terminal.print([
                    "workflow_id": .string(id), "status": "Completed", "output": EventJSON.payload(payload),
                ])
            }
        } catch let failure as WorkflowFailure {
            if format == .json {
                var object: [String: JSONValue] = [
                    "workflow_id": .string(id), "saga_id": .string(failure.sagaID.description),
                    "status": .string(failure.status.name), "compensation": EventJSON.json(failure.compensation),
                ]
                if let error = failure.error { object["error"] = EventJSON.error(error) }
                if !failure.reason.isEmpty { object["reason"] = .string(failure.reason) }
                Terminal.print(JSONValue.object(object))
            }
            throw Failure(failure)
        }
    }
}
