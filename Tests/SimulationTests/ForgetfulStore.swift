import SagaCore
import SagaSimulator

/// A broken store: it acknowledges every tenth append and does not keep it.
final class ForgetfulStore: SimulationStore {
    private let store = SimulatedStore()
    private var appends = 0

    func append(_ batch: AppendBatch) throws(StoreError) -> [AppendOutcome] {
        appends += 1
        if appends % 10 == 0 { return batch.transactions.map { _ in .appended } }
        return try store.append(batch)
    }

    func events(of sagaID: SagaID, from: EventID, limit: Int) throws(StoreError) -> [HistoryEvent] {
        try store.events(of: sagaID, from: from, limit: limit)
    }

    func execution(_ sagaID: SagaID) throws(StoreError) -> ExecutionRow? { try store.execution(sagaID) }

    func latestExecution(namespace: String, workflowID: String) throws(StoreError) -> ExecutionRow? {
        try store.latestExecution(namespace: namespace, workflowID: workflowID)
    }

    func openExecutions(after: SagaID?, limit: Int) throws(StoreError) -> [ExecutionRow] {
        try store.openExecutions(after: after, limit: limit)
    }

    func lateEffects(_ query: LateEffectQuery) throws(StoreError) -> [StoredLateEffect] {
        try store.lateEffects(query)
    }

    func takeOver() throws(StoreError) -> UInt64 { try store.takeOver() }

    func reopen() throws(StoreError) {}
}
