import SagaCore

/// The tables, as a list of steps from one version to the next. A released step is never changed: a new one is added.
enum Schema {
    /// "SAGA": tells our files from other SQLite databases.
    static let applicationID: Int64 = 0x5341_4741

    /// The version that this program writes. It is kept in the file's `user_version`.
    static var currentVersion: UInt32 { UInt32(migrations.count) }

    /// The step at index n leads from version n to n + 1.
    ///
    /// * `executions`: one row a run; `run` counts up in the order of starts, so the greatest one of a workflow id is its
    ///   newest. It is written at start, close and change of status only.
    /// * `history`: one row for each append to one run. Rows are keyed by the event id *after* their last event: the
    ///   greatest key of a run is its next event id, so that an append writes no second row, and a read from event n
    ///   begins at the first row with a greater key.
    /// * `late_effects`: one row for each success that was reported after its step's undo had begun or its run was closed.
    /// * `snapshots`: the newest few states of a run; each has its checksum in it.
    /// * `blobs`: data of large payloads, by four times the event's id plus the payload's place; each has its checksum in it.
    /// * `queue_tasks`, `queue_timers`: what embedders put there; the engine uses neither. Places are never used again.
    static let migrations = [
        """
        CREATE TABLE meta (
            only INTEGER PRIMARY KEY CHECK (only = 1), partition_count INTEGER NOT NULL, task_token_key BLOB NOT NULL,
            epoch INTEGER NOT NULL) STRICT;
        CREATE TABLE executions (
            run INTEGER PRIMARY KEY, saga_id BLOB NOT NULL, namespace TEXT NOT NULL, workflow_id TEXT NOT NULL,
            workflow_type TEXT NOT NULL, status INTEGER NOT NULL, started_at INTEGER NOT NULL, closed_at INTEGER,
            part INTEGER NOT NULL) STRICT;
        CREATE UNIQUE INDEX executions_saga ON executions (saga_id);
        CREATE INDEX executions_workflow ON executions (namespace, workflow_id);
        CREATE TABLE history (
            seq INTEGER PRIMARY KEY, run INTEGER NOT NULL, next_event_id INTEGER NOT NULL, event_count INTEGER NOT NULL,
            checksum INTEGER NOT NULL, events BLOB NOT NULL) STRICT;
        CREATE UNIQUE INDEX history_run ON history (run, next_event_id);
        """,
        """
        CREATE UNIQUE INDEX executions_open ON executions (saga_id) WHERE closed_at IS NULL;
        """,
        """
        CREATE TABLE late_effects (
            place INTEGER PRIMARY KEY AUTOINCREMENT, saga_id BLOB NOT NULL, scheduled_event_id INTEGER NOT NULL,
            attempt INTEGER NOT NULL, namespace TEXT NOT NULL, effect BLOB NOT NULL) STRICT;
        CREATE UNIQUE INDEX late_effects_report ON late_effects (saga_id, scheduled_event_id, attempt);
        CREATE INDEX late_effects_namespace ON late_effects (namespace, place);
        """,
        """
        ALTER TABLE executions ADD COLUMN search BLOB;
        """,
        """
        CREATE TABLE snapshots (
            run INTEGER NOT NULL, next_event_id INTEGER NOT NULL, snapshot BLOB NOT NULL,
            PRIMARY KEY (run, next_event_id)) STRICT;
        """,
        """
        CREATE TABLE blobs (
            run INTEGER NOT NULL, blob_no INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (run, blob_no)) STRICT;
        """,
        """
        CREATE TABLE queue_tasks (
            place INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, key TEXT NOT NULL, priority INTEGER NOT NULL,
            ready_at INTEGER NOT NULL, leased INTEGER NOT NULL DEFAULT 0, attempt INTEGER NOT NULL DEFAULT 0,
            body BLOB NOT NULL) STRICT;
        CREATE UNIQUE INDEX queue_tasks_key ON queue_tasks (queue, key);
        CREATE INDEX queue_tasks_order ON queue_tasks (queue, priority DESC, place);
        CREATE TABLE queue_timers (
            place INTEGER PRIMARY KEY AUTOINCREMENT, timer_group TEXT NOT NULL, key TEXT NOT NULL, due INTEGER NOT NULL,
            claimed_until INTEGER, number INTEGER NOT NULL DEFAULT 0, body BLOB NOT NULL) STRICT;
        CREATE UNIQUE INDEX queue_timers_key ON queue_timers (timer_group, key);
        CREATE INDEX queue_timers_due ON queue_timers (timer_group, due, place);
        """,
    ]

    /// Prepares a file for use: makes the tables in a new one, brings an older one up to date, refuses any other.
    /// - Parameter partitionCount: For a new file; an existing one keeps its own.
    static func prepare(_ connection: Connection, partitionCount: UInt32) throws(StoreError) {
        let version = try identify(connection)
        // Before the first table exists; a file that has pages keeps their size. Measured against 4,096: a sixth more
        // events in batches, a tenth fewer single commits, a shorter checkpoint tail.
        try connection.execute("PRAGMA page_size = 8192")
        guard try connection.text("PRAGMA journal_mode = WAL").lowercased() == "wal" else {
            throw StoreError(
                .misconfigured,
                "\(connection.path): write-ahead logging is not possible there (a network file system?)")
        }
        try connection.execute("PRAGMA synchronous = FULL")
        for (index, migration) in migrations.enumerated().dropFirst(Int(version)) {
            try connection.transaction { () throws(StoreError) in
                try connection.execute(migration)
                if index == 0 { try fill(connection, partitionCount: partitionCount) }
                try connection.execute("PRAGMA user_version = \(index + 1)")
            }
        }
    }

    /// The version of the file; throws, and changes nothing, if it is not ours to open.
    private static func identify(_ connection: Connection) throws(StoreError) -> UInt32 {
        let path = connection.path
        let objects = try connection.number("SELECT count(*) FROM sqlite_schema") ?? 0
        let id = try connection.number("PRAGMA application_id") ?? 0
        let version = try connection.number("PRAGMA user_version") ?? 0
        if objects == 0 && version == 0 { return 0 }
        guard id == applicationID, version > 0 else {
            throw StoreError(.misconfigured, "\(path) is a SQLite database, but not a saga store; it was not touched")
        }
        guard version <= Int64(currentVersion) else {
            throw StoreError(
                .misconfigured,
                "\(path) was written by a newer program (schema version \(version); this one knows versions up to "
                    + "\(currentVersion)); use that program. The file was not touched")
        }
        return UInt32(version)
    }

    private static func fill(_ connection: Connection, partitionCount: UInt32) throws(StoreError) {
        try connection.execute("PRAGMA application_id = \(applicationID)")
        var random = SystemRandomNumberGenerator()
        let key = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        let insert = try Statement("INSERT INTO meta VALUES (1, ?1, ?2, 0)", on: connection, kept: false)
        try insert.bind(Int64(max(1, partitionCount)), at: 1)
        var failure: StoreError?
        key.withUnsafeBytes { bytes in
            do throws(StoreError) {
                try insert.bind(borrowed: bytes, at: 2)
                try insert.run()
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }
}
