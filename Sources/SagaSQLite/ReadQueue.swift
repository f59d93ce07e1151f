import Dispatch
import SagaCore

/// How a queue answers a waiting caller.
typealias Answer<Value> = CheckedContinuation<Result<Value, StoreError>, Never>

/// Runs queries on a thread of their own: never the cooperative pool, never the writer's.
final class ReadQueue: @unchecked Sendable {
    // Safety: `reader` is touched on `queue` only.
    private let queue = DispatchQueue(label: "saga.sqlite.reader", qos: .userInitiated)
    private var reader: Reader?
    private let path: String

    init(_ reader: sending Reader, path: String) {
        self.reader = reader
        self.path = path
    }

    func run<Value: Sendable>(
        _ query: @escaping @Sendable (Reader) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await withCheckedContinuation { (answer: Answer<Value>) in
            queue.async { [self] in
                guard let reader else {
                    answer.resume(returning: .failure(StoreError(.closed, "\(path): the store was closed")))
                    return
                }
                do throws(StoreError) {
                    answer.resume(returning: .success(try query(reader)))
                } catch {
                    answer.resume(returning: .failure(error))
                }
            }
        }.get()
    }

    /// Lets the connection go after the queries that were asked before.
    func close() async {
        await withCheckedContinuation { done in
            queue.async { [self] in
                reader = nil
                done.resume()
            }
        }
    }
}
