import SagaCore

/// Keeps the numbers of commits going up when a database was dumped and loaded into another server: transactions are
/// counted by the server, and there the count may be lower than what the rows have, or had that retention has removed since, or
/// than the place at which a reader was told to begin.
enum CommitNumbers {
    /// More than any server counts in the life of a copy, so that no position that was ever given out is met again.
    private static let leap: Int64 = 1 << 40

    private static let isBehind = """
        SELECT coalesce(max(commit_no), 0)
            >= (SELECT commit_base FROM meta) + pg_snapshot_xmax(pg_current_snapshot())::text::bigint
        FROM history
        """

    /// Whether another server counted so far. A database of an earlier version does not say; then it may have been one.
    private static func isElsewhere(than server: String) -> String {
        """
        SELECT CASE WHEN server_id IS NULL THEN EXISTS (SELECT FROM history) ELSE server_id <> '\(server)' END FROM meta
        """
    }

    /// What tells servers apart. Nil if this one does not say; then only the rows tell.
    private static func serverID(_ connection: PgConnection) throws(PgFailure) -> String? {
        do throws(PgFailure) {
            let id = try connection.text("SELECT system_identifier::text FROM pg_control_system()")
            return id.flatMap { UInt64($0) }.map { String($0) }
        } catch {
            // Some of those who rent servers out do not let their users ask.
            if ["42501", "42883", "0A000"].contains(error.sqlState) { return nil }
            throw error
        }
    }

    /// Milliseconds for which one attempt waits for the lock on the histories, and every append of a live server behind it. Longer than
    /// `deadlock_timeout`, after which the server ends a vacuum that is in the way.
    private static let lockWait = 1_500
    /// For how many statement time-outs (of 10 s) it is tried again.
    private static let patience = 6

    /// Counts on from beyond all that was ever given out, if another server counted before, or this one's count is lower.
    ///
    /// That takes the histories for a moment, which `pg_dump` and long reads do not let go of. Their end is waited for in short
    /// attempts with pauses, in which a live server can append.
    /// - Throws: `StoreError`: `.misconfigured` if it takes the schema's owner, `.unavailable` if somebody else has had the
    ///   histories for too long.
    static func goOn(_ connection: PgConnection, _ options: PostgresOptions) throws(StoreError) {
        do throws(PgFailure) {
            let server = try serverID(connection)
            func hasToLeap() throws(PgFailure) -> Bool {
                if try connection.text(isBehind) == "t" { return true }
                guard let server else { return false }
                return try connection.text(isElsewhere(than: server)) == "t"
            }
            let name = server.map { "'\($0)'" } ?? "server_id"
            guard try hasToLeap() else {
                guard server != nil, try connection.text("SELECT server_id IS NULL FROM meta") == "t" else { return }
                return try connection.run("UPDATE meta SET server_id = \(name)")
            }
            try lockHistories(connection, options)
            // Another program may have done it meanwhile.
            if try hasToLeap() {
                let base = try connection.text(
                    """
                    UPDATE meta SET server_id = \(name),
                        commit_base = greatest(commit_base, (SELECT max(commit_no) FROM history)) + \(leap)
                    RETURNING commit_base::text
                    """)
                guard let base = base.flatMap({ Int64($0) }) else {
                    throw PgFailure("the meta row is missing", sqlState: "XX001", isConnectionLost: false)
                }
                try connection.run(
                    """
                    ALTER TABLE history ALTER COLUMN commit_no
                        SET DEFAULT \(base)::bigint + txid_current()
                    """)
            }
            try connection.run("COMMIT")
        } catch {
            rollBack(connection)
            if error.sqlState == lockNotAvailable { throw isHeld(connection) }
            guard error.sqlState == "42501" else { throw error.storeError("count commits on") }
            throw StoreError(
                .misconfigured,
                "the database was loaded from a copy, or its server was replaced by pg_upgrade, and the numbers of its commits "
                    + "have to go on from there, which this role may not arrange: run saga migrate as the owner of the schema "
                    + "once")
        }
    }

    private static let lockNotAvailable = "55P03"

    private static func rollBack(_ connection: PgConnection) {
        if connection.isUsable { do throws(PgFailure) { try connection.run("ROLLBACK") } catch {} }
    }

    /// Begins a transaction that has the histories to itself.
    private static func lockHistories(_ connection: PgConnection, _ options: PostgresOptions) throws(PgFailure) {
        let start = ContinuousClock.now
        while true {
            try connection.run("BEGIN")
            // Waits for a migration that is under way; what is done under the lock is not to be cut off.
            try connection.run("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0")
            try connection.run(
                "SELECT pg_advisory_xact_lock(hashtextextended('saga-engine schema \(options.schema)', 0))")
            do throws(PgFailure) {
                return try connection.run(
                    "SET LOCAL lock_timeout = \(lockWait); LOCK TABLE history IN ACCESS EXCLUSIVE MODE")
            } catch {
                guard error.sqlState == lockNotAvailable,
                    start.duration(to: .now) < options.statementTimeout * patience
                else { throw error }
                rollBack(connection)
                // Those who queued behind it come first.
                try connection.run("BEGIN; SET LOCAL statement_timeout = 0; SELECT pg_sleep(1); COMMIT")
            }
        }
    }

    /// Who has the histories, and what to do.
    private static func isHeld(_ connection: PgConnection) -> StoreError {
        let who = """
            SELECT string_agg(DISTINCT concat_ws(' ', 'pid', pid, a.usename, nullif(a.application_name, '')), ', ')
            FROM pg_locks l JOIN pg_stat_activity a USING (pid)
            WHERE l.granted AND l.pid <> pg_backend_pid() AND l.database = (
                SELECT oid FROM pg_database WHERE datname = current_database())
                AND l.relation IN (SELECT relid FROM pg_partition_tree('history'))
            """
        var holders: String?
        do throws(PgFailure) { holders = try connection.text(who) } catch {}
        return StoreError(
            .unavailable,
            "the numbers of commits have to go on from where another server's ended, for which the table history must be free for "
                + "a moment, and it is not: it is in use by \(holders ?? "another transaction"); let that end (pg_dump, a long "
                + "transaction: SELECT * FROM pg_stat_activity), or end it (SELECT pg_terminate_backend(PID)), and try again"
        )
    }
}
