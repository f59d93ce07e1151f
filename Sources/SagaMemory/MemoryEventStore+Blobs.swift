public import SagaCore

extension MemoryEventStore: BlobStore {
    public func blobs(of sagaID: SagaID, _ numbers: [UInt64]) async throws(StoreError) -> [PayloadBlob] {
        try access { state in
            guard let blobs = state.runs[sagaID]?.blobs else { return [] }
            return numbers.compactMap { number in
                blobs[number].map { PayloadBlob(sagaID: sagaID, number: number, bytes: $0) }
            }
        }
    }
}
