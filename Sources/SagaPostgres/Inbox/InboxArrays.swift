import SagaCore

/// The parameters of the statement that takes requests out.
final class InboxArrays {
    private let requests = PgArray(.uuid)
    private let outcomes = PgArray(.text)
    private let sagas = PgArray(.uuid)
    private let messages = PgArray(.text)

    func fill(_ rows: some Sequence<InboxOutcome>) {
        for array in [requests, outcomes, sagas, messages] { array.clear() }
        for row in rows {
            requests.add(row.id)
            outcomes.add(row.outcome)
            if let sagaID = row.sagaID { sagas.add(sagaID) } else { sagas.addNull() }
            messages.add(row.message)
        }
    }

    /// Valid until the next `fill`.
    var parameters: [UnsafeRawBufferPointer?] { [requests, outcomes, sagas, messages].map(\.buffer) }
}
