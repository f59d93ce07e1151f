/// The statements of the inbox.
enum InboxStatements {
    static let waiting = PgStatement(
        name: "inbox_waiting",
        sql: """
            SELECT request_id, kind, namespace, workflow_id, name, task_queue, coalesce(payload, 'null')::text, requested_by
            FROM inbox WHERE problem IS NULL AND request_id <> ALL ($2::uuid[]) ORDER BY id LIMIT $1
            """)

    /// What is no longer there was taken out before.
    static let settle = PgStatement(
        name: "inbox_settle",
        sql: """
            WITH d AS (
                DELETE FROM inbox i
                USING unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[]) AS n (request_id, outcome, saga_id, message)
                WHERE i.request_id = n.request_id RETURNING n.*
            )
            INSERT INTO inbox_outcomes (request_id, outcome, saga_id, message)
            SELECT request_id, outcome, saga_id, nullif(message, '') FROM d ON CONFLICT DO NOTHING
            """)

    static let park = PgStatement(
        name: "inbox_park", sql: "UPDATE inbox SET problem = $2 WHERE request_id = $1 AND problem IS NULL")
}
