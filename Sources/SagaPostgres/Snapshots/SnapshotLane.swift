import Dispatch
public import SagaCore

/// Writes snapshots on a connection and a thread of their own, so that no append waits for them. The connection is opened
/// with the first snapshot; its commits do not wait for the disk, because a snapshot that is lost costs nothing but time.
final class SnapshotLane: @unchecked Sendable {
    // Safety: everything is touched on `queue` only.
    private let queue = DispatchQueue(label: "saga.postgres.snapshots", qos: .utility)
    private let options: PostgresOptions
    private let sagas = PgArray(.uuid)
    private let nextEventIDs = PgArray(.int8)
    private let states = PgArray(.bytes)
    private var connection: PgConnection?
    private var isClosed = false

    /// Most bytes of snapshots in one statement; a larger one goes alone.
    private static let maximumBytes = 16 << 20

    init(_ options: PostgresOptions) { self.options = options }

    private static let insert = PgStatement(
        name: "keep_snapshots",
        sql: """
            INSERT INTO snapshots (saga_id, next_event_id, snapshot)
            SELECT n.saga_id, n.next_event_id, n.snapshot
            FROM unnest($1::uuid[], $2::int8[], $3::bytea[]) AS n (saga_id, next_event_id, snapshot)
            JOIN executions e ON e.saga_id = n.saga_id
            ON CONFLICT (saga_id, next_event_id) DO UPDATE SET snapshot = excluded.snapshot
            """)

    private static let thin = PgStatement(
        name: "thin_snapshots",
        sql: """
            DELETE FROM snapshots s USING unnest($1::uuid[]) AS n (saga_id)
            WHERE s.saga_id = n.saga_id AND s.next_event_id <= (
                SELECT o.next_event_id FROM snapshots o WHERE o.saga_id = n.saga_id
                ORDER BY o.next_event_id DESC OFFSET $2 LIMIT 1)
            """)

    func keep(_ snapshots: [StoredSnapshot], newest: Int) async throws(StoreError) {
        try await withCheckedContinuation { (answer: Answer<Void>) in
            queue.async { [self] in
                if isClosed { return answer.resume(returning: .failure(CommitQueue.closed)) }
                do throws(PgFailure) {
                    answer.resume(returning: .success(try keepNow(snapshots, Int64(max(1, newest)))))
                } catch {
                    connection = nil
                    answer.resume(returning: .failure(error.storeError("keep snapshots")))
                }
            }
        }.get()
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

    private func keepNow(_ snapshots: [StoredSnapshot], _ newest: Int64) throws(PgFailure) {
        let connection = try connect()
        // A statement must not give two values to one row: the last one counts.
        var rest = Self.distinct(snapshots)[...]
        while !rest.isEmpty {
            for array in [sagas, nextEventIDs, states] { array.clear() }
            var bytes = 0
            while let snapshot = rest.first, bytes == 0 || bytes + snapshot.bytes.count <= Self.maximumBytes {
                rest.removeFirst()
                bytes += snapshot.bytes.count
                guard let next = Int64(exactly: snapshot.nextEventID) else { continue }
                sagas.add(snapshot.sagaID)
                nextEventIDs.add(next)
                states.add(bytes: snapshot.bytes)
            }
            _ = try connection.run(Self.insert, [sagas.buffer, nextEventIDs.buffer, states.buffer])
            let limit = newest.bigEndian
            _ = try withUnsafeBytes(of: limit) { (limit) throws(PgFailure) in
                try connection.run(Self.thin, [sagas.buffer, limit])
            }
        }
    }

    private static func distinct(_ snapshots: [StoredSnapshot]) -> [StoredSnapshot] {
        var result: [StoredSnapshot] = []
        for snapshot in snapshots {
            result.removeAll { $0.sagaID == snapshot.sagaID && $0.nextEventID == snapshot.nextEventID }
            result.append(snapshot)
        }
        return result
    }

    private func connect() throws(PgFailure) -> PgConnection {
        if let connection, connection.isUsable { return connection }
        let fresh = try PgConnection(options, role: .writer)
        try fresh.run("SET synchronous_commit = off")
        connection = fresh
        return fresh
    }
}

extension PostgresEventStore: SnapshotStore {
    public func keep(_ snapshots: [StoredSnapshot], newest: Int) async throws(StoreError) {
        try await self.snapshots.keep(snapshots, newest: newest)
    }

    public func snapshot(of sagaID: SagaID, upTo limit: EventID) async throws(StoreError) -> StoredSnapshot? {
        try await reads.run("read a snapshot") { (reader) throws(ReadFailure) in
            try reader.snapshot(of: sagaID, upTo: limit)
        }
    }

    public func newestSnapshots(of sagaIDs: [SagaID]) async throws(StoreError) -> [StoredSnapshot] {
        try await reads.run("read snapshots") { (reader) throws(ReadFailure) in
            try reader.newestSnapshots(of: sagaIDs)
        }
    }
}
