import SagaCore

/// Keeps the numbers of commits going up when a database was dumped and loaded into another server: transactions are
/// counted by the server, and there the count may be lower than what the rows have.
enum CommitNumbers {
    /// More than any server counts in the life of a copy, so that no position that was ever given out is met again.
    private static let leap: Int64 = 1 << 40

    private static let isBehind = """
        SELECT coalesce(max(commit_no), 0)
            >= (SELECT commit_base FROM meta) + pg_snapshot_xmax(pg_current_snapshot())::text::bigint
        FROM history
        """

    /// Counts on from beyond what the rows have, if the server's count is lower.
    static func goOn(_ connection: PgConnection, _ options: PostgresOptions) throws(StoreError) {
        do throws(PgFailure) {
            guard try connection.text(isBehind) == "t" else { return }
            try connection.run(
                """
                BEGIN;
                SET LOCAL lock_timeout = 0;
                SELECT pg_advisory_xact_lock(hashtextextended('saga-engine schema \(options.schema)', 0));
                LOCK TABLE history IN ACCESS EXCLUSIVE MODE
                """)
            // Another program may have done it meanwhile.
            if try connection.text(isBehind) == "t" {
                let base = try connection.text(
                    "UPDATE meta SET commit_base = (SELECT max(commit_no) FROM history) + \(leap) RETURNING commit_base::text"
                )
                guard let base = base.flatMap({ Int64($0) }) else {
                    throw PgFailure("the meta row is missing", sqlState: "XX001", isConnectionLost: false)
                }
                try connection.run(
                    """
                    ALTER TABLE history ALTER COLUMN commit_no
                        SET DEFAULT \(base)::bigint + pg_current_xact_id()::text::bigint
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
