internal import ArgumentParser
internal import SagaClient
internal import SagaCodec
internal import SagaCore
internal import SagaEngine

/// `saga import`
struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Put histories from a file into a server or a store, where they go on.",
        discussion: """
            The whole file is checked before anything is written. An open saga must then go on in one place only: pause it \
            before it is exported, and end it there afterwards, or never start a server over it again.

            Over the server (the role operator is needed) a run is taken whole or not at all; one that is there already \
            is left alone: it is named if it has other or fewer events, and the exit status is 6 then. Late effects (saga late-effects) stay with the old server.

            With --store, the server of the store must be stopped first: the import takes the store over. A run that is \
            there already, with the same events, is left alone; an import that was cut off goes on when it is repeated.

                saga import sagas.history
                saga import sagas.history --store postgres://localhost/saga
            """)

    @Argument(help: "Files that saga export wrote.")
    var files: [String]
    @Option(help: "sqlite:PATH, postgres://…, or postgres:KEYWORD=VALUE … [SAGA_STORE]; default: over the server.")
    var store: String?
    @OptionGroup var connection: ConnectionFlags
    @OptionGroup var output: OutputOptions

    /// A run that the server has with other or fewer events.
    private struct Conflict {
        var sagaID: SagaID
        /// What the server said.
        var message: String
    }

    func run() async throws {
        for file in files { try HistorySource.check(file) }
        let text = store ?? Terminal.environment("SAGA_STORE") ?? ""
        let (report, conflicts) = try await text.isEmpty && store == nil ? overServer() : (into(text), [])
        show(report, conflicts)
        guard conflicts.isEmpty else {
            throw Failure(
                .conflict,
                "\(conflicts.count) \(conflicts.count == 1 ? "is" : "are") there with other or fewer events: "
                    + Self.names(conflicts),
                hint:
                    "see what they have there (saga export, saga diff): a run goes on in one place only; end it and remove it "
                    + "there (saga terminate, saga delete), or keep it as it is")
        }
    }

    private func show(_ report: HistoryImporter.Report, _ conflicts: [Conflict]) {
        if output.format == .json {
            Terminal.print(
                [
                    "runs": .integer(Int64(report.runs)), "events": .integer(Int64(clamping: report.events)),
                    "known": .integer(Int64(report.known)),
                    "conflicts": .array(
                        conflicts.map {
                            ["saga_id": .string($0.sagaID.description), "message": .string($0.message)]
                        }),
                ] as JSONValue)
            return
        }
        let known = report.known == 0 ? "" : ", \(report.known) were there"
        Terminal.print("\(report.runs) runs, \(report.events) events imported\(known)")
        for conflict in conflicts { Terminal.printError("saga: \(Wording.safe(conflict.message))") }
    }

    /// The first of them: a file may have any number, and each has had a line.
    private static func names(_ conflicts: [Conflict]) -> String {
        let shown = conflicts.prefix(5).map { $0.sagaID.description }.joined(separator: ", ")
        return conflicts.count > 5 ? shown + ", …" : shown
    }

    private func overServer() async throws -> (HistoryImporter.Report, [Conflict]) {
        let files = files
        return try await connection.withClient { client in
            var report = HistoryImporter.Report()
            var conflicts: [Conflict] = []
            for file in files {
                var source = try HistorySource(file)
                var upload: HistoryUpload?
                var sagaID: SagaID?
                var wasThere = false
                while let items = try source.next() {
                    for case .events(let events) in items {
                        if let first = events.first, first.sagaID != sagaID {
                            try await Self.end(upload, sagaID, wasThere, &report, &conflicts)
                            // The answer is the same whether it comes now or was there already: for who counts, it is asked first.
                            wasThere = try await Self.isThere(first, client)
                            upload = client.beginImport()
                            sagaID = first.sagaID
                        }
                        do { try await upload?.send(events) } catch let error as SagaClientError
                            where error.code == .alreadyExists
                        {
                            // The rest of the run is passed over.
                            if let sagaID { conflicts.append(Conflict(sagaID: sagaID, message: error.message)) }
                            upload = nil
                        }
                    }
                }
                try await Self.end(upload, sagaID, wasThere, &report, &conflicts)
            }
            return (report, conflicts)
        }
    }

    private static func isThere(_ first: HistoryEvent, _ client: SagaClient) async throws -> Bool {
        guard case .workflowExecutionStarted(let started) = first.attributes else { return false }
        do throws(SagaClientError) {
            _ = try await client.describe(started.workflowID, sagaID: first.sagaID)
            return true
        } catch  where error.code == .notFound {
            return false
        }
    }

    private static func end(
        _ upload: HistoryUpload?, _ sagaID: SagaID?, _ wasThere: Bool, _ report: inout HistoryImporter.Report,
        _ conflicts: inout [Conflict]
    ) async throws {
        guard let upload, let sagaID else { return }
        do throws(SagaClientError) {
            let run = try await upload.finish()
            if wasThere {
                report.known += 1
            } else {
                report.runs += 1
                report.events += run.events
            }
        } catch  where error.code == .alreadyExists {
            conflicts.append(Conflict(sagaID: sagaID, message: error.message))
        }
    }

    private func into(_ text: String) async throws -> HistoryImporter.Report {
        let files = files
        return try await OpenedStore.with(text) { store in
            var importer = try await HistoryImporter(into: store)
            do {
                for file in files {
                    var source = try HistorySource(file)
                    while let items = try source.next() { for item in items { try await importer.add(item) } }
                }
                try await importer.end()
            } catch let failure as ImportFailure {
                switch failure {
                case .store(let error): throw Failure(.failed, "the store cannot be written: \(error.message)")
                case .unreplayable(let error): throw Failure(.usage, error.message)
                case .conflict(let message): throw Failure(.conflict, message)
                }
            }
            return importer.report
        }
    }
}
