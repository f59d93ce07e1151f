import Foundation
import SagaCore
import SagaPostgres

/// The C program that shows what PostgreSQL can do, and the two schemas, of the same form, that it and the store fill.
struct Ceiling {
    let program: String
    let address: String
    private let statementFile: String

    init(program: String, address: String) throws {
        self.program = program
        self.address = address
        statementFile = FileManager.default.temporaryDirectory.appendingPathComponent("append-\(UUID()).sql").path
        try PostgresEventStore.appendStatement.write(toFile: statementFile, atomically: true, encoding: .utf8)
    }

    func removeFiles() { try? FileManager.default.removeItem(atPath: statementFile) }

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
