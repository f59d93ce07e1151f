import Foundation
import SagaCore
import SagaMemory
import SagaSQLite
import SagaSimulator
import Testing

/// The saga of six steps, killed at every effect boundary, on every store.
@Suite struct ExhaustiveTests {
    @Test func simulatedStore() {
        let result = Exhaustive().run()
        report("simulated store", result)
    }

    @Test func aSecondCrashAfterTheFirst() {
        let result = Exhaustive(secondCrashStride: 41).run()
        report("simulated store, two crashes", result)
    }

    @Test func memoryStore() async throws {
        let result = try await onOwnThread {
            Exhaustive {
                // Its contents are the disk: a crash of the process leaves them.
                let store = MemoryEventStore()
                return try? BlockingStore(isKeptOpen: true) { () throws(StoreError) in store }
            }.run()
        }
        report("memory", result)
    }

    @Test func sqliteStore() async throws {
        let result = try await onOwnThread {
            let base = FileManager.default.temporaryDirectory.path + "/saga-simulation-\(UUID().uuidString)"
            defer { try? FileManager.default.removeItem(atPath: base) }
            // The store of the point before is closed and removed when the next one begins.
            let current = Current()
            let result = Exhaustive {
                current.end()
                current.number += 1
                let folder = "\(base)/\(current.number)"
                current.folder = folder
                current.store = try? BlockingStore { () throws(StoreError) in
                    try SQLiteEventStore(path: folder + "/saga.db")
                }
                return current.store
            }.run()
            current.end()
            return result
        }
        report("SQLite", result)
    }

    private func report(_ store: String, _ result: Exhaustive.Result) {
        print("\(store): points visited: \(result.points), crashes: \(result.crashes)")
        #expect(result.points > 300)
        #expect(result.crashes >= result.points - 2 * ExhaustiveEnding.allCases.count)
        for (options, ending, violation) in result.violations.prefix(5) {
            Issue.record("\(ending.rawValue), \(options): \(violation)")
        }
        #expect(result.violations.isEmpty)
    }
}

/// The store of the present crash point.
private final class Current {
    var number = 0
    var folder: String?
    var store: BlockingStore?

    func end() {
        try? store?.close()
        if let folder { try? FileManager.default.removeItem(atPath: folder) }
    }
}
