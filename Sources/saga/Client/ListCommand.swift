internal import ArgumentParser
internal import SagaClient
internal import SagaCodec
internal import SagaCore

/// `saga list`
struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List sagas, newest first.",
        discussion: "Statuses: \(ExecutionStatus.allCases.map(\.name).joined(separator: ", ")).")

    @Option(help: "Only this workflow type.")
    var type = ""
    @Option(name: .customLong("status"), help: "Only this status; may be repeated.")
    var statuses: [StatusOption] = []
    @Option(help: "Only workflow ids that begin with this.")
    var prefix = ""
    @OptionGroup var conditions: AttributeFlags
    @OptionGroup var page: PageFlags
    @OptionGroup var connection: ConnectionFlags
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let runs = try await connection.withClient { client in
            try await page.collect { limit, after in
                let answer = try await client.list(
                    type: type, statuses: statuses.map(\.status), idPrefix: prefix, where: conditions.conditions,
                    limit: limit, after: after)
                return (answer.runs, answer.next)
            }
        }
        switch output.format {
        case .json: for run in runs { Terminal.print(Self.json(run)) }
        case .text:
            if runs.isEmpty {
                Terminal.printError("no sagas")
                return
            }
            let table = TextColumns.table(
                ["workflow id", "type", "status", "started", "took", "events", "run"],
                runs.map { run in
                    [
                        Wording.safe(run.workflowID), Wording.safe(run.workflowType), run.status.name,
                        Wording.time(run.startedAt),
                        run.closedAt.map { Wording.duration(micros: $0.microseconds(since: run.startedAt)) } ?? "",
                        String(run.historyLength), run.sagaID.description,
                    ]
                })
            for line in table { Terminal.print(line) }
        }
    }

    static func json(_ run: WorkflowSummary) -> JSONValue {
        var object: [String: JSONValue] = [
            "workflow_id": .string(run.workflowID), "saga_id": .string(run.sagaID.description),
            "workflow_type": .string(run.workflowType), "workflow_version": .integer(Int64(run.workflowVersion)),
            "task_queue": .string(run.taskQueue), "status": .string(run.status.name),
            "started_at": .string(run.startedAt.description), "history_length": JSONValue(run.historyLength),
        ]
        if let closed = run.closedAt { object["closed_at"] = .string(closed.description) }
        return .object(object)
    }
}

/// A status on the command line, in any case: `failed`, `TimedOut`, `timed-out`.
struct StatusOption: ExpressibleByArgument, Sendable {
    var status: ExecutionStatus

    init?(argument: String) {
        let wanted = argument.lowercased().filter { $0 != "-" && $0 != "_" }
        guard let status = ExecutionStatus.allCases.first(where: { $0.name.lowercased() == wanted }) else { return nil }
        self.status = status
    }
}
