import CSQLite
import SagaCore
import SagaSQLite
import SagaSamples
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A plain connection, to look at and change a store's file behind its back.
struct RawDatabase: ~Copyable {
    private let handle: OpaquePointer

    struct Failure: Error { let message: String }

    init(_ path: String) throws {
        var opened: OpaquePointer?
        guard sqlite3_open(path, &opened) == SQLITE_OK, let opened else { throw Failure(message: path) }
        handle = opened
    }

    deinit { sqlite3_close_v2(handle) }

    func execute(_ sql: String) throws {
        guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else {
            throw Failure(message: String(cString: sqlite3_errmsg(handle)))
        }
    }

    /// How SQLite would go about a query, line by line.
    func plan(of sql: String) throws -> String {
        var statement: OpaquePointer?
        defer { sqlite3_finalize(statement) }
        guard sqlite3_prepare_v2(handle, "EXPLAIN QUERY PLAN " + sql, -1, &statement, nil) == SQLITE_OK else {
            throw Failure(message: String(cString: sqlite3_errmsg(handle)))
        }
        var lines: [String] = []
        while sqlite3_step(statement) == SQLITE_ROW {
            lines.append(sqlite3_column_text(statement, 3).map { String(cString: $0) } ?? "")
        }
        return lines.joined(separator: "\n")
    }

    /// The first column of all rows, as bytes.
    func blobs(_ sql: String) throws -> [[UInt8]] {
        var statement: OpaquePointer?
        defer { sqlite3_finalize(statement) }
        guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK else {
            throw Failure(message: String(cString: sqlite3_errmsg(handle)))
        }
        var found: [[UInt8]] = []
        while sqlite3_step(statement) == SQLITE_ROW {
            let bytes = UnsafeRawBufferPointer(
                start: sqlite3_column_blob(statement, 0), count: Int(sqlite3_column_bytes(statement, 0)))
            found.append(Array(bytes))
        }
        return found
    }

    func number(_ sql: String) throws -> Int64 {
        var statement: OpaquePointer?
        defer { sqlite3_finalize(statement) }
        guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK, sqlite3_step(statement) == SQLITE_ROW
        else { throw Failure(message: String(cString: sqlite3_errmsg(handle))) }
        return sqlite3_column_int64(statement, 0)
    }
}

func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

@Suite struct SQLiteFileTests {
    private func refusal(_ path: String) async throws -> StoreError {
        let failure = #expect(throws: StoreError.self) { try SQLiteEventStore(path: path) }
        let refusal = try #require(failure)
        #expect(refusal.reason == .misconfigured)
        return refusal
    }

    @Test func aFileIsUsedByOneStoreAtATime() async throws {
        try await TemporaryDirectory.with { directory in
            let path = directory + "/saga.db"
            let store = try SQLiteEventStore(path: path)
            #expect(try await refusal(path).message.contains("in use"))
            // By whatever name.
            symlink(path, directory + "/other.db")
            #expect(try await refusal(directory + "/other.db").message.contains("in use"))
            let folder = directory.split(separator: "/").last ?? ""
            #expect(try await refusal("\(directory)/../\(folder)/saga.db").message.contains("in use"))
            await store.close()
            let again = try SQLiteEventStore(path: directory + "/other.db")
            #expect(again.path.hasSuffix("/saga.db"))
            await again.close()
        }
    }

    @Test func aStoreThatIsLetGoIsClosed() async throws {
        try await TemporaryDirectory.with { directory in
            for epoch in 1...4 {
                // The queues let go of a store just after they have answered: the next opening may come too early.
                var opened: SQLiteEventStore?
                for _ in 0..<5_000 where opened == nil {
                    opened = try? SQLiteEventStore(path: directory + "/saga.db")
                    if opened == nil { usleep(1_000) }
                }
                let store = try #require(opened)
                #expect(try await store.takeOver() == UInt64(epoch))
            }
        }
    }

    @Test func filesAreForTheirOwnerOnly() async throws {
        try await TemporaryDirectory.with { directory in
            let path = directory + "/a/b/saga.db"
            let store = try SQLiteEventStore(path: path)
            _ = try await store.takeOver()
            for name in [path, path + "-wal", path + "-shm", path + ".lock"] {
                #expect(try TemporaryDirectory.mode(of: name) == 0o600, "\(name)")
            }
            #expect(try TemporaryDirectory.mode(of: directory + "/a") == 0o700)
            #expect(try TemporaryDirectory.mode(of: directory + "/a/b") == 0o700)
            await store.close()
            let problems = "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"
            #expect(try RawDatabase(path).number(problems) == 0)
            #expect(TemporaryDirectory.names(in: directory + "/a/b").sorted() == ["saga.db", "saga.db.lock"])
        }
    }

    @Test func pathsThatCannotBeAreRefused() async throws {
        try await TemporaryDirectory.with { directory in
            _ = try await refusal("")
            _ = try await refusal(directory)
            _ = try await refusal(directory + "/a/")
            _ = try await refusal(directory + "/a\0b")
            try TemporaryDirectory.write([1, 2, 3], to: directory + "/file")
            _ = try await refusal(directory + "/file/saga.db")
        }
    }

    @Test func foreignFilesAreRefusedAndLeftAlone() async throws {
        try await TemporaryDirectory.with { directory in
            let text = [UInt8]("This is a letter to my aunt, and no database at all. ".utf8)
            let letter = (0..<40).flatMap { _ in text }
            try TemporaryDirectory.write(letter, to: directory + "/letter")
            _ = try await refusal(directory + "/letter")
            #expect(try TemporaryDirectory.bytes(of: directory + "/letter") == letter)

            let other = directory + "/other.db"
            try RawDatabase(other).execute("CREATE TABLE meta (x); INSERT INTO meta VALUES (1)")
            let before = try TemporaryDirectory.bytes(of: other)
            #expect(try await refusal(other).message.contains("not a saga store"))
            #expect(try TemporaryDirectory.bytes(of: other) == before)
        }
    }

    @Test func aNewerSchemaIsRefusedAndLeftAlone() async throws {
        try await TemporaryDirectory.with { directory in
            let path = directory + "/saga.db"
            let store = try SQLiteEventStore(path: path)
            let version = try await store.metadata().schemaVersion
            await store.close()
            try RawDatabase(path).execute("PRAGMA user_version = \(version + 1)")
            let before = try TemporaryDirectory.bytes(of: path)
            #expect(try await refusal(path).message.contains("newer"))
            #expect(try TemporaryDirectory.bytes(of: path) == before)
            try RawDatabase(path).execute("PRAGMA user_version = \(version)")
            await (try SQLiteEventStore(path: path)).close()
        }
    }

    /// Version 1 as it was written once: frozen here, so that a change of the first migration is noticed.
    @Test func aFileOfVersionOneIsBroughtUpToDate() async throws {
        try await TemporaryDirectory.with { directory in
            let path = directory + "/saga.db"
            var lab = Lab(epoch: 7)
            let open = lab.newID()
            let closed = lab.newID()
            do {
                let raw = try RawDatabase(path)
                try raw.execute(
                    """
                    PRAGMA application_id = 1396787009;
                    CREATE TABLE meta (
                        only INTEGER PRIMARY KEY CHECK (only = 1), partition_count INTEGER NOT NULL,
                        task_token_key BLOB NOT NULL, epoch INTEGER NOT NULL) STRICT;
                    CREATE TABLE executions (
                        run INTEGER PRIMARY KEY, saga_id BLOB NOT NULL, namespace TEXT NOT NULL,
                        workflow_id TEXT NOT NULL, workflow_type TEXT NOT NULL, status INTEGER NOT NULL,
                        started_at INTEGER NOT NULL, closed_at INTEGER, part INTEGER NOT NULL) STRICT;
                    CREATE UNIQUE INDEX executions_saga ON executions (saga_id);
                    CREATE INDEX executions_workflow ON executions (namespace, workflow_id);
                    CREATE TABLE history (
                        seq INTEGER PRIMARY KEY, run INTEGER NOT NULL, next_event_id INTEGER NOT NULL,
                        event_count INTEGER NOT NULL, checksum INTEGER NOT NULL, events BLOB NOT NULL) STRICT;
                    CREATE UNIQUE INDEX history_run ON history (run, next_event_id);
                    INSERT INTO meta VALUES (1, 1024, zeroblob(32), 7);
                    PRAGMA user_version = 1;
                    """)
                let rows = [(open, "NULL"), (closed, "\(closed.time.microseconds + 5)")]
                for (number, (id, closedAt)) in rows.enumerated() {
                    let events = lab.maker.events(3, from: 0, of: id)
                    let blob = PackedEvents.encode(events)
                    let checksum = blob.withUnsafeBytes { Checksum.of($0, sagaID: id, firstEventID: 0, count: 3) }
                    let part = Partition.of(namespace: "default", workflowID: "w\(number)")
                    try raw.execute(
                        """
                        INSERT INTO executions VALUES (\(number + 1), x'\(hex(id.bytes))', 'default', 'w\(number)', 'Order',
                            \(closedAt == "NULL" ? 0 : 3), \(id.time.microseconds), \(closedAt), \(part));
                        INSERT INTO history (run, next_event_id, event_count, checksum, events)
                            VALUES (\(number + 1), 3, 3, \(checksum), x'\(hex(blob))');
                        """)
                    lab.adopt(events, of: id)
                }
            }
            let store = try SQLiteEventStore(path: path)
            let metadata = try await store.metadata()
            #expect(metadata.schemaVersion > 1)
            #expect(metadata.epoch == 7)
            #expect(metadata.taskTokenKey == [UInt8](repeating: 0, count: 32))
            for id in [open, closed] { #expect(try await store.history(id) == lab.histories[id]) }
            #expect(try await store.openExecutions(after: nil, limit: 9) == [lab.row(open, workflow: "w0", next: 3)])
            lab.epoch = try await store.takeOver()
            #expect(try await store.append(lab.batch([lab.more(open)])) == [.appended])
            let next = lab.start(lab.newID(), workflow: "w1", condition: .after(closed))
            #expect(try await store.append(lab.batch([next])) == [.appended])
            await store.close()
            // The migrated file has the same tables and indexes as a new one.
            let fresh = directory + "/fresh.db"
            await (try SQLiteEventStore(path: fresh)).close()
            let shape = "SELECT count(*) || ':' || sum(length(sql)) FROM sqlite_schema"
            #expect(try RawDatabase(path).number(shape) == RawDatabase(fresh).number(shape))
        }
    }

    @Test func anotherProgramsLockIsNotWaitedForForEver() async throws {
        try await TemporaryDirectory.with { directory in
            var tuning = SQLiteTuning()
            tuning.busyTimeoutMillis = 20
            let store = try SQLiteEventStore(path: directory + "/saga.db", partitionCount: 16, tuning: tuning)
            var lab = Lab(epoch: try await store.takeOver())
            let id = lab.newID()
            var entry = lab.start(id, workflow: "w")
            entry.row?.partition = Partition.of(namespace: "default", workflowID: "w", count: 16)
            let raw = try RawDatabase(directory + "/saga.db")
            try raw.execute("BEGIN IMMEDIATE")
            let batch = lab.batch([entry])
            let failure = await #expect(throws: StoreError.self) { try await store.append(batch) }
            #expect(failure?.reason == .unavailable)
            #expect(failure?.outcomeUnknown == false)
            #expect(try await store.execution(id) == nil, "reads go on")
            try raw.execute("ROLLBACK")
            #expect(try await store.append(batch) == [.appended])
            await store.close()
        }
    }

    @Test func aChangeFromOutsideIsNoticed() async throws {
        try await TemporaryDirectory.with { directory in
            let store = try SQLiteEventStore(path: directory + "/saga.db")
            var lab = Lab(epoch: try await store.takeOver())
            let id = lab.newID()
            _ = try await store.append(lab.batch([lab.start(id, workflow: "w")]))
            // An operator closes the run by hand, and somebody fences the store.
            try RawDatabase(directory + "/saga.db").execute("UPDATE executions SET status = 7, closed_at = 1")
            let late = lab.more(id)
            #expect(try await store.append(lab.batch([late])) == [.conflict])
            try RawDatabase(directory + "/saga.db").execute("UPDATE meta SET epoch = epoch + 1")
            let failure = await #expect(throws: StoreError.self) { try await store.append(lab.batch([late])) }
            #expect(failure?.reason == .fenced)
            await store.close()
        }
    }

    /// A page of List must not cost a look at every run there is.
    @Test func listReadsInOrderAndSortsNothing() async throws {
        try await TemporaryDirectory.with { directory in
            await (try SQLiteEventStore(path: directory + "/saga.db")).close()
            let raw = try RawDatabase(directory + "/saga.db")
            let id = SagaID(high: 1, low: 1)
            for type in ["", "Order"] {
                for before in [nil, id] {
                    for statuses in [[], [ExecutionStatus.failed], [.blocked, .running], [.blocked, .failed]] {
                        var query = ExecutionQuery(
                            namespace: "n", workflowType: type, statuses: statuses, before: before)
                        let plan = try raw.plan(of: RunQueries.list(query))
                        #expect(!plan.contains("TEMP B-TREE"), "\(query): \(plan)")
                        #expect(
                            plan.contains(statuses == [.blocked, .running] ? "executions_open" : "executions_saga"))
                        #expect(plan.contains("SEARCH e") == (before != nil), "pages begin where the last one ended")
                        query.workflowID = "w"
                        #expect(try raw.plan(of: RunQueries.list(query)).contains("executions_workflow (namespace=?"))
                    }
                }
            }
        }
    }

    @Test func theLogDoesNotGrowWithoutEnd() async throws {
        try await TemporaryDirectory.with { directory in
            var tuning = SQLiteTuning()
            tuning.checkpointPages = 16
            let store = try SQLiteEventStore(
                path: directory + "/saga.db", partitionCount: Partition.defaultCount, tuning: tuning)
            var lab = Lab(epoch: try await store.takeOver())
            let id = lab.newID()
            _ = try await store.append(lab.batch([lab.start(id, workflow: "w")]))
            for _ in 0..<800 { _ = try await store.append(lab.batch([lab.more(id, events: 2)])) }
            // Each commit writes three pages or more: without checkpoints the log would have 2,400.
            let size = try TemporaryDirectory.bytes(of: directory + "/saga.db-wal").count
            #expect(size < 600 * 8_192, "\(size) bytes")
            #expect(try await store.history(id) == lab.histories[id])
            await store.close()
        }
    }
}

@Suite struct ChecksumTests {
    @Test func plainIsCRC32C() {
        #expect(Checksum.plain(Array("123456789".utf8)) == 0xE306_9283)
        #expect(Checksum.plain([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(Checksum.plain([]) == 0)
    }

    @Test func theFastRoadAgreesWithThePlainOne() {
        var random = TestRandom(seed: 3)
        for count in 0..<70 {
            let bytes = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            let id = SagaID(high: random.next(), low: random.next())
            let first = random.next()
            let fast = bytes.withUnsafeBytes { Checksum.of($0, sagaID: id, firstEventID: first, count: count) }
            var all: [UInt8] = []
            for word in [id.high, id.low, first, UInt64(count)] {
                for byte in 0..<8 { all.append(UInt8(truncatingIfNeeded: word >> UInt64(8 * byte))) }
            }
            #expect(fast == Checksum.plain(all + bytes))
        }
    }
}
