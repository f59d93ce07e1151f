import SagaCore
import SagaMemory
import SagaPostgres
import SagaSQLite
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A kind of store that the conformance suite runs against. A further adapter is one more line in `all`.
struct StoreUnderTest: Sendable, CustomTestStringConvertible {
    let name: String
    /// Whether what was appended is still there after `close` and a second opening.
    let isDurable: Bool
    /// Opens a store in a directory of its own; a durable one opens again what it finds there.
    let open: @Sendable (_ directory: String) async throws -> any EventStore

    var testDescription: String { name }

    static let all = embedded + postgres

    private static let embedded = [
        StoreUnderTest(name: "memory", isDurable: false) { _ in MemoryEventStore() },
        StoreUnderTest(name: "memory with every payload apart", isDurable: false) { _ in
            MemoryEventStore(blobThreshold: 0)
        },
        StoreUnderTest(name: "SQLite with every payload apart", isDurable: true) { directory in
            try SQLiteEventStore(path: directory + "/saga.db", blobThreshold: 0)
        },
        StoreUnderTest(name: "SQLite", isDurable: true) { try SQLiteEventStore(path: $0 + "/saga.db") },
        StoreUnderTest(name: "SQLite with tiny caches", isDurable: true) { directory in
            var tuning = SQLiteTuning()
            tuning.cachedRuns = 2
            tuning.cacheKiB = 64
            tuning.checkpointPages = 4
            return try SQLiteEventStore(
                path: directory + "/saga.db", partitionCount: Partition.defaultCount, tuning: tuning)
        },
    ]

    /// Empty unless `SAGA_TEST_POSTGRES` names a server: `ci/cluster run -- swift test …` starts one.
    private static let postgres: [StoreUnderTest] = {
        guard let address = getenv("SAGA_TEST_POSTGRES").map({ String(cString: $0) }) else { return [] }
        let kind = { (name: String, change: @escaping @Sendable (inout PostgresOptions) -> Void) in
            StoreUnderTest(name: name, isDurable: true) { directory in
                var options = PostgresOptions(connection: address)
                // A schema for each directory, so that a second opening finds the first one's.
                options.schema = "t" + directory.utf8.suffix(6).map { String($0, radix: 16) }.joined()
                change(&options)
                return try await PostgresEventStore.open(options)
            }
        }
        return [
            kind("PostgreSQL") { _ in },
            kind("PostgreSQL without batching") { $0.batching = false },
            kind("PostgreSQL with every payload apart") { $0.blobThreshold = 0 },
            kind("PostgreSQL with one connection and tiny commits") {
                $0.writers = 1
                $0.maximumSharedEvents = 3
            },
            kind("PostgreSQL with split batches") {
                $0.writers = 3
                $0.splitAbove = 2
            },
        ]
    }()

    static let durable = all.filter(\.isDurable)

    /// Runs a body with a fresh store, an owner's epoch and an empty directory, and cleans up.
    func use(_ body: (any EventStore, inout Lab) async throws -> Void) async throws {
        try await TemporaryDirectory.with { directory in
            let store = try await open(directory)
            var lab = Lab(epoch: try await store.takeOver())
            do {
                try await body(store, &lab)
            } catch {
                await store.close()
                throw error
            }
            await store.close()
        }
    }
}
