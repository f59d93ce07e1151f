public import SagaCore
import Synchronization

/// An event store that lives and dies with the process: for tests and for embedded sagas that need not survive it.
///
/// It keeps what a durable store would keep, the encoded rows, so that every read goes through the codec.
public final class MemoryEventStore: EventStore {
    private let state: Mutex<MemoryState>
    let hub = WakeUpHub()

    /// An empty store.
    /// - Parameters:
    ///   - partitionCount: How many partitions workflow ids are spread over.
    ///   - taskTokenKey: Key of task tokens, 32 bytes; nil makes a random one.
    ///   - blobThreshold: Bytes of data from which on a payload is kept apart from its event. Default 32 KiB.
    public init(
        partitionCount: UInt32 = Partition.defaultCount, taskTokenKey: [UInt8]? = nil,
        blobThreshold: Int = Payload.defaultBlobThreshold
    ) {
        var random = SystemRandomNumberGenerator()
        let key = taskTokenKey ?? (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        state = Mutex(
            MemoryState(
                metadata: StoreMetadata(
                    schemaVersion: MemoryState.schemaVersion, partitionCount: max(1, partitionCount), taskTokenKey: key,
                    epoch: 0), blobThreshold: blobThreshold))
    }

    public func append(_ batch: AppendBatch) async throws(StoreError) -> [AppendOutcome] {
        try access { state throws(StoreError) in try state.append(batch) }
    }

    public func events(of sagaID: SagaID, from: EventID, limit: Int) async throws(StoreError) -> [HistoryEvent] {
        try access { state throws(StoreError) in try state.events(of: sagaID, from: from, limit: limit) }
    }

    public func packedEvents(
        of sagaID: SagaID, from: EventID, limit: Int
    ) async throws(StoreError) -> PackedHistory {
        try access { state throws(StoreError) in try state.packedEvents(of: sagaID, from: from, limit: limit) }
    }

    public func execution(_ sagaID: SagaID) async throws(StoreError) -> ExecutionRow? {
        try access { state in state.runs[sagaID]?.row }
    }

    public func latestExecution(namespace: String, workflowID: String) async throws(StoreError) -> ExecutionRow? {
        try access { state in
            state.newest[WorkflowKey(namespace: namespace, workflowID: workflowID)].flatMap { state.runs[$0]?.row }
        }
    }

    public func openExecutions(after: SagaID?, limit: Int) async throws(StoreError) -> [ExecutionRow] {
        try access { state in state.openExecutions(after: after, limit: limit) }
    }

    public func list(_ query: ExecutionQuery) async throws(StoreError) -> [ExecutionRow] {
        try access { state in state.list(query) }
    }

    public func lateEffects(_ query: LateEffectQuery) async throws(StoreError) -> [StoredLateEffect] {
        try access { state throws(StoreError) in try state.lateEffects(query) }
    }

    public var filtersByAttributes: Bool { true }

    public func delete(_ sagaID: SagaID) async throws(StoreError) -> Bool {
        try access { state in state.delete(sagaID) }
    }

    public func takeOver() async throws(StoreError) -> UInt64 {
        try access { state in
            state.metadata.epoch += 1
            return state.metadata.epoch
        }
    }

    public func metadata() async throws(StoreError) -> StoreMetadata {
        try access { state in state.metadata }
    }

    public func close() async {
        state.withLock { $0.isClosed = true }
        hub.close()
    }

    func access<Value>(
        _ body: (inout MemoryState) throws(StoreError) -> sending Value
    ) throws(StoreError) -> sending Value {
        try state.withLock { state throws(StoreError) in
            guard !state.isClosed else { throw StoreError(.closed, "the memory store was closed") }
            return try body(&state)
        }
    }
}
