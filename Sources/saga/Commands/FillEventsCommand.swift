internal import ArgumentParser
internal import SagaCodec
internal import SagaCore
internal import SagaPostgres

/// `saga fill-events`
struct FillEventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fill-events",
        abstract: "Put events of a PostgreSQL store into its table events, as rows of JSON.",
        discussion: """
            For people and reports: select event_type, at, event -> 'attributes' from saga.events. Only what is missing is
            added, so run it as often as fresh rows are wanted. The engine never reads the table; truncate it at will.
            Needs SELECT on the tables, and INSERT on events.
            """)

    @Option(help: "postgres://…, or postgres:KEYWORD=VALUE … [SAGA_STORE]")
    var store: String?
    @Option(help: "The namespace.")
    var namespace = "default"
    @Option(help: "Only this workflow type.")
    var type = ""
    @Option(help: "Only runs of this workflow id.")
    var id = ""
    @Option(name: .customLong("status"), help: "Only this status; may be repeated.")
    var statuses: [StatusOption] = []

    func run() async throws {
        let text = store ?? Terminal.environment("SAGA_STORE") ?? ""
        guard case .postgres(let connection)? = ServerSettings.Store(text) else {
            throw Failure(
                .usage, text.isEmpty ? "which store? give --store" : "\(Wording.safe(text)) is no PostgreSQL store",
                hint: "for example: saga fill-events --store postgres://localhost/saga")
        }
        do throws(StoreError) {
            var options = PostgresOptions(connection: connection)
            options.migratesAtOpen = false
            let store = try await PostgresEventStore.open(options)
            let (events, runs) = try await fill(store)
            await store.close()
            Terminal.print("\(events) events of \(runs) runs were added")
        } catch {
            throw Failure(
                error.reason == .unavailable ? .unreachable : .usage,
                "cannot fill the table events of \(ServerSettings.Store.postgres(connection: connection).text): \(error)"
            )
        }
    }

    private func fill(_ store: PostgresEventStore) async throws(StoreError) -> (events: Int, runs: Int) {
        var query = ExecutionQuery(
            namespace: namespace, workflowType: type, workflowID: id, statuses: statuses.map(\.status), limit: 500)
        var events = 0
        var runs = 0
        while true {
            let page = try await store.list(query)
            for row in page {
                let added = try await fill(store, row)
                events += added
                if added > 0 { runs += 1 }
            }
            guard page.count == query.limit, let last = page.last else { return (events, runs) }
            query.before = last.sagaID
        }
    }

    private func fill(_ store: PostgresEventStore, _ row: ExecutionRow) async throws(StoreError) -> Int {
        var next = try await store.firstEventToFill(of: row.sagaID)
        let first = next
        while next < row.nextEventID {
            let events = try await store.events(of: row.sagaID, from: next, limit: 1_000)
            guard let last = events.last else { break }
            try await store.fill(
                events.map { event in
                    let json = Self.storable(EventJSON.event(event))
                    return EventRow(event, json: (try? JSONCoding.serialize(json)) ?? Array("null".utf8))
                })
            next = last.eventID + 1
        }
        return Int(next - first)
    }

    /// PostgreSQL's `jsonb` has no NUL characters: they become U+FFFD.
    private static func storable(_ value: JSONValue) -> JSONValue {
        switch value {
        case .string(let text): .string(storable(text))
        case .array(let values): .array(values.map(storable))
        case .object(let members):
            .object(
                Dictionary(
                    members.map { (storable($0.key), storable($0.value)) }, uniquingKeysWith: { first, _ in first }))
        case .null, .bool, .integer, .unsigned, .number: value
        }
    }

    private static func storable(_ text: String) -> String {
        text.utf8.contains(0) ? String(text.map { $0 == "\0" ? "\u{FFFD}" : $0 }) : text
    }
}
