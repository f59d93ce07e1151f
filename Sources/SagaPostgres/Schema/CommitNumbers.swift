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

    /// Counts on from beyond all that was ever given out, if another server counted before, or this one's count is lower.
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
            try connection.run(
                """
                BEGIN;
                SET LOCAL lock_timeout = 0;
                SELECT pg_advisory_xact_lock(hashtextextended('saga-engine schema \(options.schema)', 0));
                LOCK TABLE history IN ACCESS EXCLUSIVE MODE
                """)
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
            if connection.isUsable { do throws(PgFailure) { try connection.run("ROLLBACK") } catch {} }
            guard error.sqlState == "42501" else { throw error.storeError("count commits on") }
            throw StoreError(
                .misconfigured,
                "the database was loaded from a copy, and the numbers of its commits have to go on from there, which this "
                    + "role may not arrange: run saga migrate as the owner of the schema once")
        }
    }
}
