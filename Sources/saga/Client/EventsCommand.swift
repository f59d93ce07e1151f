internal import ArgumentParser
internal import SagaClient
internal import SagaCodec
internal import SagaCore

/// `saga events`
struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "What is committed in the namespace, of all sagas and aggregates.",
        subcommands: [FollowEventsCommand.self])
}

/// `saga events follow`
struct FollowEventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "follow", abstract: "Events of all sagas and aggregates, one a line, as they are committed.",
        discussion: """
            Each event comes at least once, those of one saga in order. With --output json a line that ends what one saga
            committed at once has the position to go on from (--position); it is good for this store, and outlives restarts.
            """)

    @Flag(help: "Begin with the oldest event that there is. Default: with what is committed from now on.")
    var fromBeginning = false
    @Option(help: "Go on after this position, of a line of --output json.")
    var position: String?
    @Option(help: "Only these types of events, by name or code, separated by commas. Default: all.")
    var types: String?
    @Option(help: "Only of these workflows and types of aggregates, separated by commas. Default: all.")
    var workflowTypes: String?
    @Option(help: "End after so many events. Default: go on until interrupted.")
    var limit: Int?
    @OptionGroup var connection: ConnectionFlags
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard !fromBeginning || position == nil else {
            throw ValidationError("--from-beginning and --position exclude each other")
        }
        if let limit, limit < 1 { throw ValidationError("--limit must be at least 1") }
        _ = try eventTypes()
        _ = try start()
    }

    func run() async throws {
        let types = try eventTypes()
        let start = try start()
        try await connection.withClient { client in
            let sequence = client.committedEvents(
                from: start, eventTypes: types, workflowTypes: Self.names(workflowTypes))
            var left = limit ?? .max
            for try await item in sequence {
                for event in item.events.prefix(left) {
                    switch output.format {
                    case .json: Terminal.print(Self.json(event, item))
                    case .text: Terminal.print(Self.line(event, item))
                    }
                }
                left -= min(left, item.events.count)
                if left == 0 { return }
            }
        }
    }

    private func start() throws -> CommittedEvents.Start {
        guard let position else { return fromBeginning ? .beginning : .now }
        guard let bytes = Base64.decode(position), !bytes.isEmpty else {
            throw ValidationError("--position is not Base64; give it as it stood in a line of --output json")
        }
        return .after(FeedPosition(bytes: bytes))
    }

    private func eventTypes() throws -> [EventType] {
        try Self.names(types).map { name in
            let found = EventType.allCases.first { $0.name == name || String($0.rawValue) == name }
            guard let found else {
                throw ValidationError(
                    "--types: there is no type of event \(name); names are like ActivityTaskCompleted")
            }
            return found
        }
    }

    private static func names(_ list: String?) -> [String] {
        (list ?? "").split(separator: ",").map { String($0.drop { $0 == " " }) }.filter { !$0.isEmpty }
    }

    private static func line(_ event: HistoryEvent, _ item: CommittedEvents.Item) -> String {
        let detail = EventText.detail(of: event)
        let head =
            "\(Wording.time(event.timestamp))  \(Wording.safe(item.workflowType))  \(Wording.safe(item.workflowID))  "
            + "#\(event.eventID)  \(event.eventType.name)"
        return detail.isEmpty ? head : head + "  " + detail
    }

    private static func json(_ event: HistoryEvent, _ item: CommittedEvents.Item) -> JSONValue {
        guard case .object(var object) = EventJSON.event(event) else { return nil }
        object["workflow_id"] = .string(item.workflowID)
        object["workflow_type"] = .string(item.workflowType)
        // Of the item: after its last event. To go on after an earlier one is to see the rest again.
        object["position"] =
            event.eventID == item.events.last?.eventID ? .string(Base64.encode(item.position.bytes)) : nil
        return .object(object)
    }
}
