import Foundation
import SagaCore
import SagaMemory
import SagaSQLite
import SagaSimulator
import Synchronization
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
            let number = Mutex(0)
            let last = Mutex<UncheckedBox<BlockingStore>?>(nil)
            let result = Exhaustive {
                try? last.withLock { $0?.value.close() }
                let index = number.withLock { number in
                    number += 1
                    return number
                }
                try? FileManager.default.removeItem(atPath: "\(base)/\(index - 1)")
                let store = try? BlockingStore { () throws(StoreError) in
                    try SQLiteEventStore(path: "\(base)/\(index)/saga.db")
                }
                last.withLock { $0 = store.map(UncheckedBox.init) }
                return store
            }.run()
            try? last.withLock { $0?.value.close() }
            return result
        }
        report("SQLite", result)
    }

    private func report(_ store: String, _ result: Exhaustive.Result) {
        print("\(store): points visited: \(result.points), crashes: \(result.crashes)")
        #expect(result.points > 300)
        #expect(result.crashes >= result.points - ExhaustiveEnding.allCases.count)
        for (options, ending, violation) in result.violations.prefix(5) {
            Issue.record("\(ending.rawValue), \(options): \(violation)")
        }
        #expect(result.violations.isEmpty)
    }
}

/// Stays on the simulation's thread.
private struct UncheckedBox<Value>: @unchecked Sendable {
    var value: Value
}
