import Dispatch
import SagaCore
import SagaSimulator
import Synchronization

/// A real store under the simulation: each call blocks the simulation's thread until the store has answered.
final class BlockingStore: SimulationStore {
    private let open: () throws(StoreError) -> any EventStore
    private var store: any EventStore

    private let isKeptOpen: Bool

    /// - Parameters:
    ///   - isKeptOpen: Whether a crash leaves the store as it is, because it lives outside the process that crashed.
    ///   - open: Opens the store, at first and after each crash.
    init(isKeptOpen: Bool = false, _ open: @escaping () throws(StoreError) -> any EventStore) throws(StoreError) {
        self.isKeptOpen = isKeptOpen
        self.open = open
        store = try open()
    }

    func append(_ batch: AppendBatch) throws(StoreError) -> [AppendOutcome] {
        try wait { store throws(StoreError) in try await store.append(batch) }
    }

    func events(of sagaID: SagaID, from: EventID, limit: Int) throws(StoreError) -> [HistoryEvent] {
        try wait { store throws(StoreError) in try await store.events(of: sagaID, from: from, limit: limit) }
    }

    func execution(_ sagaID: SagaID) throws(StoreError) -> ExecutionRow? {
        try wait { store throws(StoreError) in try await store.execution(sagaID) }
    }

    func latestExecution(namespace: String, workflowID: String) throws(StoreError) -> ExecutionRow? {
        try wait { store throws(StoreError) in
            try await store.latestExecution(namespace: namespace, workflowID: workflowID)
        }
    }

    func openExecutions(after: SagaID?, limit: Int) throws(StoreError) -> [ExecutionRow] {
        try wait { store throws(StoreError) in try await store.openExecutions(after: after, limit: limit) }
    }

    func lateEffects(_ query: LateEffectQuery) throws(StoreError) -> [StoredLateEffect] {
        try wait { store throws(StoreError) in try await store.lateEffects(query) }
    }

    func takeOver() throws(StoreError) -> UInt64 {
        try wait { store throws(StoreError) in try await store.takeOver() }
    }

    func reopen() throws(StoreError) {
        if isKeptOpen { return }
        try close()
        store = try open()
    }

    func close() throws(StoreError) {
        try wait { store throws(StoreError) in await store.close() }
    }

    func wait<Value: Sendable>(
        _ call: @escaping @Sendable (any EventStore) async throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        let answer = Answer<Value>()
        let store = store
        Task.detached {
            do throws(StoreError) {
                answer.set(.success(try await call(store)))
            } catch {
                answer.set(.failure(error))
            }
        }
        return try answer.get().get()
    }
}

private final class Answer<Value: Sendable>: Sendable {
    private let value = Mutex<Result<Value, StoreError>?>(nil)
    private let semaphore = DispatchSemaphore(value: 0)

    func set(_ result: Result<Value, StoreError>) {
        value.withLock { $0 = result }
        semaphore.signal()
    }

    func get() -> Result<Value, StoreError> {
        semaphore.wait()
        return value.withLock { $0 } ?? .failure(StoreError(.closed, "no answer"))
    }
}

/// Runs a simulation on a thread of its own: it blocks, and must not block those that the stores run on.
func onOwnThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue(label: "saga.simulation").async { continuation.resume(with: Result { try body() }) }
    }
}
