internal import ArgumentParser
internal import SagaCore
internal import SagaPostgres

/// `saga migrate`
struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Make the tables of a PostgreSQL store, or bring them up to date.",
        discussion: """
            Needs a role that may create tables; a server then runs with one that may only read and write them. Servers
            that run may go on meanwhile. Two migrations at once wait for each other. A server brings its store up to date
            when it starts, too, if its role may do that.
            """)

    @Option(help: "postgres://…, or postgres:KEYWORD=VALUE … [SAGA_STORE]")
    var store: String?

    func run() async throws {
        let text = store ?? Terminal.environment("SAGA_STORE") ?? ""
        guard case .postgres(let connection)? = ServerSettings.Store(text) else {
            throw Failure(
                .usage, text.isEmpty ? "which store? give --store" : "\(Wording.safe(text)) is no PostgreSQL store",
                hint: "for example: saga migrate --store postgres://localhost/saga")
        }
        do {
            let (before, after) = try await PostgresEventStore.migrate(PostgresOptions(connection: connection))
            Terminal.print(
                before == after
                    ? "the schema is up to date: version \(after)"
                    : "the schema went from version \(before) to \(after)")
        } catch {
            throw Failure(
                error.reason == .unavailable ? .unreachable : .usage,
                "cannot migrate \(ServerSettings.Store.postgres(connection: connection).text): \(error)")
        }
    }
}
