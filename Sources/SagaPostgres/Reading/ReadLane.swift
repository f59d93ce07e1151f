import Dispatch
import SagaCore

/// Runs queries on a connection and a thread of their own: never the cooperative pool, never a writer's.
final class ReadLane: @unchecked Sendable {
    // Safety: `connection`, `nextPage` and `isClosed` are touched on `queue` only.
    private let queue = DispatchQueue(label: "saga.postgres.reader", qos: .userInitiated)
    private let options: PostgresOptions
    private var connection: PgConnection?
    private let nextPage = NextPage()
    private var isClosed = false

    init(_ options: PostgresOptions) { self.options = options }

    /// Runs a query; if the connection breaks, once more on a new one, because reading twice does no harm.
    func run<Value: Sendable>(
        _ what: String, _ query: @escaping @Sendable (PostgresReader) throws(ReadFailure) -> Value
    ) async throws(StoreError) -> Value {
        try await withCheckedContinuation { (answer: Answer<Value>) in
            queue.async { [self] in
                answer.resume(returning: runNow(what, query))
                if let connection { nextPage.settle(connection) }
            }
        }.get()
    }

    private func runNow<Value>(
        _ what: String, _ query: (PostgresReader) throws(ReadFailure) -> Value
    ) -> Result<Value, StoreError> {
        if isClosed { return .failure(CommitQueue.closed) }
        var attempt = 0
        while true {
            attempt += 1
            let wasOpen = connection != nil
            do throws(ReadFailure) {
                return .success(try query(PostgresReader(try connect(), nextPage)))
            } catch {
                let failure: PgFailure
                switch error {
                case .store(let error): return .failure(error)
                case .server(let server): failure = server
                }
                if failure.reason == .unavailable { connection = nil }
                // A connection that lay idle may have broken long ago.
                if failure.isConnectionLost && wasOpen && attempt == 1 { continue }
                return .failure(failure.storeError(what))
            }
        }
    }

    private func connect() throws(ReadFailure) -> PgConnection {
        if let connection, connection.isUsable { return connection }
        connection = nil
        do throws(PgFailure) {
            let fresh = try PgConnection(options, role: .reader)
            nextPage.forget()
            connection = fresh
            return fresh
        } catch {
            throw .server(error)
        }
    }

    /// Lets the connection go after the queries that were asked before.
    func close() async {
        await withCheckedContinuation { done in
            queue.async { [self] in
                connection = nil
                nextPage.forget()
                isClosed = true
                done.resume()
            }
        }
    }
}

/// Why a query failed: the server, or what it sent.
enum ReadFailure: Error {
    case server(PgFailure)
    case store(StoreError)
}
