/// A store that keeps large payloads apart from their events (``PayloadBlob``): what `events` returns is whole, what
/// `packedEvents` returns has references, which this brings the data of.
public protocol BlobStore: EventStore {
    /// Blobs of a run by their numbers; those that are not there are left out.
    func blobs(of sagaID: SagaID, _ numbers: [UInt64]) async throws(StoreError) -> [PayloadBlob]
}

extension EventStore {
    /// A payload with its data, wherever that is.
    /// - Throws: `StoreError` of reason `corrupt` if the data is lost or damaged.
    public func resolved(_ payload: Payload) async throws(StoreError) -> Payload {
        guard let reference = payload.blobReference else { return payload }
        let blobs = try await (self as? any BlobStore)?.blobs(of: reference.sagaID, [reference.number])
        var payload = payload
        payload.complete(with: try reference.data(in: blobs?.first, of: reference.sagaID))
        return payload
    }

    /// Events as `events` gives them, of events out of `packedEvents`.
    /// - Parameter events: Of one run.
    public func resolved(_ events: [HistoryEvent]) async throws(StoreError) -> [HistoryEvent] {
        var numbers: [UInt64] = []
        var events = events
        guard let sagaID = events.first?.sagaID else { return events }
        for index in events.indices {
            events[index].attributes.changePayloads { _, payload in
                if let reference = payload.blobReference { numbers.append(reference.number) }
            }
        }
        if numbers.isEmpty { return events }
        var blobs: [UInt64: PayloadBlob] = [:]
        for blob in try await (self as? any BlobStore)?.blobs(of: sagaID, numbers) ?? [] { blobs[blob.number] = blob }
        for index in events.indices {
            try events[index].attributes.changePayloads { (_, payload) throws(StoreError) in
                guard let reference = payload.blobReference else { return }
                payload.complete(with: try reference.data(in: blobs[reference.number], of: sagaID))
            }
        }
        return events
    }
}
