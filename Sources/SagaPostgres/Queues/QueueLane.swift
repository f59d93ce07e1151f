import Dispatch
import SagaCore

/// Queues and timers, on a connection and a thread of their own that exist from the first use on.
final class QueueLane: @unchecked Sendable {
    // Safety: everything is touched on `queue` only.
    private let queue = DispatchQueue(label: "saga.postgres.queues", qos: .userInitiated)
    private let options: PostgresOptions
    private var connection: PgConnection?
    private var isClosed = false

    init(_ options: PostgresOptions) { self.options = options }

    /// Runs a body; again if another session was in its way, and, if that does no harm, on a new connection if the old one
    /// turns out to be broken.
    /// - Parameter mayRepeat: Whether doing it twice is doing it once.
    func run<Value: Sendable>(
        _ what: String, mayRepeat: Bool, _ body: @escaping @Sendable (PgConnection) throws(PgFailure) -> Value
    ) async throws(StoreError) -> Value {
        try await withCheckedContinuation { (answer: Answer<Value>) in
            queue.async { [self] in answer.resume(returning: runNow(what, mayRepeat, body)) }
        }.get()
    }

    private func runNow<Value>(
        _ what: String, _ mayRepeat: Bool, _ body: (PgConnection) throws(PgFailure) -> Value
    ) -> Result<Value, StoreError> {
        if isClosed { return .failure(CommitQueue.closed) }
        var attempt = 0
        while true {
            attempt += 1
            let wasOpen = connection != nil
            do throws(PgFailure) {
                return .success(try body(try connect()))
            } catch {
                if error.isConnectionLost { connection = nil }
                // A connection that lay idle may have broken long ago.
                if error.isConnectionLost && wasOpen && attempt == 1 && mayRepeat { continue }
                if error.isRace && attempt < 10 { continue }
                return .failure(error.storeError(what, mayHaveHappened: true))
            }
        }
    }

    private func connect() throws(PgFailure) -> PgConnection {
        if let connection, connection.isUsable { return connection }
        connection = nil
        let fresh = try PgConnection(options, role: .writer)
        connection = fresh
        return fresh
    }

    func close() async {
        await withCheckedContinuation { done in
            queue.async { [self] in
                connection = nil
                isClosed = true
                done.resume()
            }
        }
    }
}
