import Dispatch
public import SagaCore

/// The inbox's connection and thread: it waits for notifications, and looks ten times a second all the same. A notification
/// only wakes; what waits is read from the table, never "everything after the last one": transactions commit out of order.
final class InboxLane: @unchecked Sendable {
    // Safety: everything is touched on `queue` only.
    private let queue = DispatchQueue(label: "saga.postgres.inbox", qos: .userInitiated)
    private let options: PostgresOptions
    private let excluded = PgArray(.uuid)
    private let settled = InboxArrays()
    private var connection: PgConnection?
    private var isClosed = false

    init(_ options: PostgresOptions) { self.options = options }

    func waitingRequests(limit: Int, excluding: [SagaID]) async throws(StoreError) -> [InboxRequest] {
        try await run("read the inbox") { [self] (connection) throws(PgFailure) in
            let first = try read(connection, limit, excluding)
            if !first.isEmpty { return first }
            try connection.waitForNotification(milliseconds: 100)
            return try read(connection, limit, excluding)
        }
    }

    func settle(_ outcomes: [InboxOutcome]) async throws(StoreError) {
        try await run("settle requests") { [self] (connection) throws(PgFailure) in
            settled.fill(outcomes)
            _ = try connection.run(InboxStatements.settle, settled.parameters)
        }
    }

    func park(_ id: SagaID, problem: String) async throws(StoreError) {
        try await run("park a request") { (connection) throws(PgFailure) in
            _ = try connection.run(InboxStatements.park, PgParameters().id(id).text(problem))
        }
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

    // MARK: On the queue

    private func run<Value: Sendable>(
        _ what: String, _ body: @escaping @Sendable (PgConnection) throws(PgFailure) -> Value
    ) async throws(StoreError) -> Value {
        try await withCheckedContinuation { (answer: Answer<Value>) in
            queue.async { [self] in
                if isClosed { return answer.resume(returning: .failure(CommitQueue.closed)) }
                do throws(PgFailure) {
                    answer.resume(returning: .success(try body(try connect())))
                } catch {
                    connection = nil
                    answer.resume(returning: .failure(error.storeError(what)))
                }
            }
        }.get()
    }

    private func connect() throws(PgFailure) -> PgConnection {
        if let connection, connection.isUsable { return connection }
        let fresh = try PgConnection(options, role: .listener)
        try fresh.run("LISTEN \(options.schema)_inbox")
        connection = fresh
        return fresh
    }

    private func read(
        _ connection: PgConnection, _ limit: Int, _ excluding: [SagaID]
    ) throws(PgFailure) -> [InboxRequest] {
        if limit <= 0 { return [] }
        excluded.clear()
        for id in excluding { excluded.add(id) }
        let number = Int64(limit).bigEndian
        let result = try withUnsafeBytes(of: number) { (bytes) throws(PgFailure) in
            try connection.run(InboxStatements.waiting, [bytes, excluded.buffer])
        }
        return (0..<result.count).compactMap { Self.request(result, $0) }
    }

    private static func request(_ row: PgResult, _ index: Int) -> InboxRequest? {
        guard let id = row.sagaID(index, 0), let kind = row.int16(index, 1), let namespace = row.text(index, 2),
            let workflowID = row.text(index, 3), let name = row.text(index, 4), let queue = row.text(index, 5),
            let identity = row.text(index, 7)
        else { return nil }
        return InboxRequest(
            id: id, kind: kind == 1 ? .start(workflowType: name, taskQueue: queue) : .signal(name: name),
            namespace: namespace, workflowID: workflowID,
            payload: Payload(encoding: "json", data: Array(row.bytes(index, 6))), identity: "sql/" + identity)
    }
}

extension PostgresEventStore: RequestInbox {
    public func waitingRequests(limit: Int, excluding: [SagaID]) async throws(StoreError) -> [InboxRequest] {
        try await inbox.waitingRequests(limit: limit, excluding: excluding)
    }

    public func settle(_ outcomes: [InboxOutcome]) async throws(StoreError) { try await inbox.settle(outcomes) }

    public func park(_ id: SagaID, problem: String) async throws(StoreError) {
        try await inbox.park(id, problem: problem)
    }
}
