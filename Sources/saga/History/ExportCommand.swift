internal import ArgumentParser
internal import SagaClient
internal import SagaCodec
internal import SagaCore
internal import SagaEngine

/// `saga export`
struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write the history of a saga, or of all, to a file.",
        discussion: """
            From the server, or with --store from a store that no server has open (PostgreSQL: that may go on). The file \
            ends with a checksum; it can be put into another store (saga import), compared (saga diff), and replayed \
            against today's code (saga replay). With --format json each event is a line that people and programs can \
            read, and as it is stored under "packed".

                saga export order-123 --file order.history
                saga export --all --store sqlite:saga.db --file sagas.history
            """)

    @Argument(help: "The workflow id.")
    var id: String?
    @Option(
        name: .customLong("run"), help: "One run of it, by its saga id. Default: the open one, else the newest.")
    var sagaRun: String?
    @Flag(help: "All runs of the namespace; with --store.")
    var all = false
    @Option(help: "The file.")
    var file: String
    @Option(help: "binary or json.")
    var format = HistoryFileForm.binary
    @Option(help: "sqlite:PATH, postgres://…, or postgres:KEYWORD=VALUE …; default: over the server.")
    var store: String?
    @OptionGroup var connection: ConnectionFlags

    func validate() throws {
        guard all != (id != nil) else { throw ValidationError("give a workflow id, or --all") }
        guard !all || store != nil else { throw ValidationError("--all goes with --store") }
        guard sagaRun == nil || id != nil else { throw ValidationError("--run goes with a workflow id") }
    }

    func run() async throws {
        var sink = HistorySink(try FileSink(file), format.format)
        do {
            let runs: Int
            if let store {
                runs = try await OpenedStore.with(store) { try await export($0, into: &sink) }
            } else {
                runs = try await export(id ?? "", into: &sink)
            }
            try sink.end()
            Terminal.print("\(runs) \(runs == 1 ? "run" : "runs"), \(sink.events) events, \(sink.bytes) bytes: \(file)")
        } catch {
            sink.abandon()
            throw error
        }
    }

    private func export(_ store: any EventStore, into sink: inout HistorySink) async throws -> Int {
        let namespace = try connection.settings().namespace
        let exporter = HistoryExporter(store: store)
        var rows: [ExecutionRow] = []
        if let id {
            let row: ExecutionRow?
            if let sagaID = try SagaTarget.sagaID(sagaRun) {
                row = try await store.execution(sagaID)
            } else {
                row = try await store.latestExecution(namespace: namespace, workflowID: id)
            }
            guard let row, row.workflowID == id, !row.isUnfinishedImport else {
                throw Failure(.notFound, "there is no saga \(Wording.safe(id)) in that store")
            }
            rows = [row]
        } else {
            var query = ExecutionQuery(namespace: namespace, limit: 1_000)
            while case let page = try await store.list(query), let last = page.last {
                // A server may be taking one in just now, or have died over it: there is no run yet.
                rows += page.filter { !$0.isUnfinishedImport }
                query.before = last.sagaID
            }
            // Oldest first: an import starts them in this order.
            rows.reverse()
        }
        for row in rows {
            var items: [HistoryFile.Item] = []
            // In pieces: what one page brings is written before the next is read.
            _ = try await exporter.export(row) { item in
                items.append(item)
                if items.count >= 16 {
                    for item in items { try sink.write(item) }
                    items = []
                }
            }
            for item in items { try sink.write(item) }
        }
        return rows.count
    }

    private func export(_ id: String, into sink: inout HistorySink) async throws -> Int {
        let sagaID = try SagaTarget.sagaID(sagaRun)
        var written = sink
        // Page by page: a long history needs no more memory than a short one.
        try await connection.withClient { client in
            for try await page in client.exportHistory(id, sagaID: sagaID) { try written.write(.events(page)) }
        }
        sink = written
        return 1
    }
}

/// How a history file is written.
enum HistoryFileForm: String, ExpressibleByArgument, CaseIterable {
    case binary
    case json

    var format: HistoryFile.Format { self == .json ? .json : .binary }
}
