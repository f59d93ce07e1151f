import SagaCore
import SagaSimulator

/// A store in front of another one: what it does not do itself the other does.
protocol ForwardingStore: SimulationStore {
    associatedtype Inner: SimulationStore
    var store: Inner { get }
}

extension ForwardingStore {
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
    func reopen() throws(StoreError) { try store.reopen() }
}
