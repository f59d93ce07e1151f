public import SagaCore

extension SQLiteEventStore: BlobStore {
    public func blobs(of sagaID: SagaID, _ numbers: [UInt64]) async throws(StoreError) -> [PayloadBlob] {
        try await reads.run { reader throws(StoreError) in
            var found: [PayloadBlob] = []
            for number in numbers { found += try reader.blobs(of: sagaID, number...number) }
            return found
        }
    }
}
