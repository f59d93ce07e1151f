import SagaCore
import SagaSimulator

/// A broken store: it acknowledges every tenth append and does not keep it.
final class ForgetfulStore: ForwardingStore {
    let store = SimulatedStore()
    private var appends = 0

    func append(_ batch: AppendBatch) throws(StoreError) -> [AppendOutcome] {
        appends += 1
        if appends % 10 == 0 { return batch.transactions.map { _ in .appended } }
        return try store.append(batch)
    }

    func reopen() throws(StoreError) {}
}
