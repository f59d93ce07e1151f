import Foundation
import SagaCore
import SagaMemory
import SagaPostgres
import SagaSQLite
import Testing

/// A kind of store under a server. A scenario of each feature runs over all of them.
struct TestStore: Sendable, CustomTestStringConvertible {
    let name: String
    /// A fresh one.
    let open: @Sendable () async throws -> any EventStore

    var testDescription: String { name }

    /// With PostgreSQL if `SAGA_TEST_POSTGRES` names a server: `ci/cluster run -- swift test …` starts one.
    static let all =
        [
            TestStore(name: "memory") { MemoryEventStore() },
            TestStore(name: "SQLite") { try SQLiteEventStore(path: TestFiles.path("saga.db")) },
        ]
        + (ProcessInfo.processInfo.environment["SAGA_TEST_POSTGRES"].map { address in
            [
                TestStore(name: "PostgreSQL") {
                    var options = PostgresOptions(connection: address)
                    options.schema = "s" + UUID().uuidString.replacing("-", with: "").lowercased()
                    return try await PostgresEventStore.open(options)
                }
            ]
        } ?? [])
}
