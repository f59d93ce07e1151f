import Foundation
import SagaCore
import SagaPostgres

/// The C program that shows what PostgreSQL can do, and the two schemas, of the same form, that it and the store fill.
struct Ceiling {
    let program: String
    let address: String
    private let statementFile: String
    private let mixedFile: String

    init(program: String, address: String) throws {
        self.program = program
        self.address = address
        let folder = FileManager.default.temporaryDirectory
        statementFile = folder.appendingPathComponent("append-\(UUID()).sql").path
        mixedFile = folder.appendingPathComponent("append-\(UUID()).sql").path
        try PostgresEventStore.appendStatement.write(toFile: statementFile, atomically: true, encoding: .utf8)
        try PostgresEventStore.mixedAppendStatement.write(toFile: mixedFile, atomically: true, encoding: .utf8)
    }

    func removeFiles() {
        for file in [statementFile, mixedFile] { try? FileManager.default.removeItem(atPath: file) }
    }

    /// Our store, in a schema of its own.
    func open(_ change: (inout PostgresOptions) -> Void) async throws -> PostgresEventStore {
        var options = PostgresOptions(connection: address)
        options.schema = "ceiling"
        _ = try await PostgresEventStore.migrate(options)
        options.schema = "ours"
        change(&options)
        return try await PostgresEventStore.open(options)
    }

    /// Events per second of the C program.
    func append(size: Int, eventsPerRun: Int, bytesPerRun: Int, connections: Int, commits: Int) throws -> Double {
        try run([
            "append", address, "ceiling", statementFile, String(size), String(eventsPerRun), String(bytesPerRun),
            String(connections), String(commits),
        ])
    }

    /// One saga as the engine has stored it.
    struct SagaForm {
        var workflowIDLength: Int
        /// Events and bytes of each row of `history`, first to last.
        var rows: [(events: Int, bytes: Int)]
    }

    /// What most sagas of a schema look like: the usual number of rows, and the mean of each row.
    func sagaForm(schema: String) throws -> SagaForm {
        let places = """
            (SELECT h.*, row_number() OVER (PARTITION BY saga_id ORDER BY first_event_id) AS place,
                count(*) OVER (PARTITION BY saga_id) AS places
             FROM \(schema).history h JOIN \(schema).visibility v USING (saga_id) WHERE v.status = 3) p
            """
        let count = Int(try value("SELECT mode() WITHIN GROUP (ORDER BY places) FROM \(places)"))
        let length = try value("SELECT round(avg(length(workflow_id))) FROM \(schema).visibility")
        func mean(_ what: String, _ place: Int) throws -> Int {
            Int(try value("SELECT round(avg(\(what))) FROM \(places) WHERE places = \(count) AND place = \(place)"))
        }
        return SagaForm(
            workflowIDLength: Int(length),
            rows: try (1...max(2, count)).map { (try mean("event_count", $0), try mean("length(events)", $0)) })
    }

    /// Sagas per second of the C program, which writes whole sagas with the engine's statements.
    func sagas(_ form: SagaForm, runsPerCommit: Int, connections: Int, count: Int) throws -> Double {
        try run(
            [
                "sagas", address, "ceiling", statementFile, mixedFile, String(runsPerCommit), String(connections),
                String(count), String(form.workflowIDLength),
            ] + form.rows.map { "\($0.events):\($0.bytes)" })
    }

    func read(_ id: SagaID, times: Int) throws -> Double { try run(["read", address, "ours", "\(id)", String(times)]) }

    /// The one number that a query gives.
    func value(_ sql: String) throws -> Double { try run(["value", address, "public", sql]) }

    /// So that each side begins with the same debt.
    func checkpoint() throws { _ = try? run(["checkpoint", address, "ours"]) }

    private func run(_ arguments: [String]) throws -> Double {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0,
            let value = Double(text.trimmingCharacters(in: .whitespacesAndNewlines))
        else { throw BenchFailure("the ceiling program failed: \(arguments.joined(separator: " "))") }
        return value
    }
}
