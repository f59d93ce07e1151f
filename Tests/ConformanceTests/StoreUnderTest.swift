import SagaCore
import SagaMemory
import SagaSQLite
import Testing

/// A kind of store that the conformance suite runs against. A further adapter is one more line in `all`.
struct StoreUnderTest: Sendable, CustomTestStringConvertible {
    let name: String
    /// Whether what was appended is still there after `close` and a second opening.
    let isDurable: Bool
    /// Opens a store in a directory of its own; a durable one opens again what it finds there.
    let open: @Sendable (_ directory: String) async throws -> any EventStore

    var testDescription: String { name }

    static let all = [
        StoreUnderTest(name: "memory", isDurable: false) { _ in MemoryEventStore() },
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
