internal import ArgumentParser
internal import SagaClient
internal import SagaCore
internal import SagaEngine

/// `saga import`
struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Put histories from a file into a server or a store, where they go on.",
        discussion: """
            The whole file is checked before anything is written. An open saga must then go on in one place only: pause it \
            before it is exported, and end it there afterwards, or never start a server over it again.

            Over the server (the role operator is needed) a run is taken whole or not at all; one that is there already, \
            with these events or others, is left alone. Late effects (saga late-effects) stay with the old server.

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

    func run() async throws {
        for file in files { try HistorySource.check(file) }
        let text = store ?? Terminal.environment("SAGA_STORE") ?? ""
        let report = try await text.isEmpty && store == nil ? overServer() : into(text)
        let known = report.known == 0 ? "" : ", \(report.known) were there"
        Terminal.print("\(report.runs) runs, \(report.events) events imported\(known)")
    }

    private func overServer() async throws -> HistoryImporter.Report {
        let files = files
        return try await connection.withClient { client in
            var report = HistoryImporter.Report()
            for file in files {
                var source = try HistorySource(file)
                var upload: HistoryUpload?
                var sagaID: SagaID?
                var wasThere = false
                while let items = try source.next() {
                    for case .events(let events) in items {
                        if let first = events.first, first.sagaID != sagaID {
                            try await Self.end(upload, wasThere, &report)
                            // The answer is the same whether it comes now or was there already: for who counts, it is asked first.
                            wasThere = try await Self.isThere(first, client)
                            upload = client.beginImport()
                            sagaID = first.sagaID
                        }
                        do { try await upload?.send(events) } catch let error as SagaClientError
                            where error.code == .alreadyExists
                        {
                            // The rest of the run is passed over.
                            report.known += 1
                            upload = nil
                        }
                    }
                }
                try await Self.end(upload, wasThere, &report)
            }
            return report
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
        _ upload: HistoryUpload?, _ wasThere: Bool, _ report: inout HistoryImporter.Report
    ) async throws {
        guard let upload else { return }
        do throws(SagaClientError) {
            let run = try await upload.finish()
            if wasThere {
                report.known += 1
            } else {
                report.runs += 1
                report.events += run.events
            }
        } catch  where error.code == .alreadyExists {
            report.known += 1
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
