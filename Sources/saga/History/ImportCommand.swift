internal import ArgumentParser
internal import SagaCore
internal import SagaEngine

/// `saga import`
struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Put histories from a file into a store, where they go on.",
        discussion: """
            Stop the server of the store first: the import takes the store over. The whole file is checked before \
            anything is written. A run that is there already, with the same events, is left alone; an import that was \
            cut off goes on when it is repeated. An open saga must then go on in one place only: delete it, or never start \
            a server over it, in the other.

                saga import sagas.history --store postgres://localhost/saga
            """)

    @Argument(help: "Files that saga export wrote.")
    var files: [String]
    @Option(help: "sqlite:PATH, postgres://…, or postgres:KEYWORD=VALUE … [SAGA_STORE]")
    var store: String?

    func run() async throws {
        for file in files { try HistorySource.check(file) }
        let text = store ?? Terminal.environment("SAGA_STORE") ?? ""
        let report = try await OpenedStore.with(text) { store in
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
        let known = report.known == 0 ? "" : ", \(report.known) were there"
        Terminal.print("\(report.runs) runs, \(report.events) events imported\(known)")
    }
}
