/// The statements of queues, timers and wake-ups. What several sessions want at the same time is taken with SKIP LOCKED; the
/// common table expressions are MATERIALIZED, so that no plan takes twice.
enum QueueStatements {
    static let enqueue = PgStatement(
        name: "queue_enqueue",
        sql: """
            INSERT INTO queue_tasks (queue, key, priority, ready_at, body)
            SELECT $1, n.key, n.priority, statement_timestamp() + n.delay * interval '1 microsecond', n.body
            FROM unnest($2::text[], $3::int4[], $4::int8[], $5::bytea[])
                WITH ORDINALITY AS n (key, priority, delay, body, position)
            ORDER BY n.position
            ON CONFLICT (queue, key) DO NOTHING RETURNING place
            """)

    static let lease = PgStatement(
        name: "queue_lease",
        sql: """
            WITH n AS MATERIALIZED (
                SELECT place FROM queue_tasks WHERE queue = $1 AND ready_at <= statement_timestamp()
                ORDER BY priority DESC, place LIMIT $2 FOR UPDATE SKIP LOCKED
            )
            UPDATE queue_tasks t SET leased = true, attempt = t.attempt + 1,
                ready_at = clock_timestamp() + $3::int8 * interval '1 microsecond'
            FROM n WHERE t.place = n.place RETURNING t.place, t.key, t.priority, t.attempt, t.body
            """)

    static let extend = PgStatement(
        name: "queue_extend",
        sql: """
            UPDATE queue_tasks SET ready_at = clock_timestamp() + $3::int8 * interval '1 microsecond'
            WHERE place = $1 AND attempt = $2 AND leased RETURNING place
            """)

    static let release = PgStatement(
        name: "queue_release",
        sql: """
            UPDATE queue_tasks SET leased = false, ready_at = clock_timestamp() + $3::int8 * interval '1 microsecond'
            WHERE place = $1 AND attempt = $2 AND leased RETURNING place
            """)

    static let acknowledge = PgStatement(
        name: "queue_acknowledge",
        sql: """
            DELETE FROM queue_tasks t USING unnest($1::int8[], $2::int4[]) AS n (place, attempt)
            WHERE t.place = n.place AND t.attempt = n.attempt AND t.leased RETURNING t.place
            """)

    static let counts = PgStatement(
        name: "queue_counts",
        sql: """
            SELECT count(*) FILTER (WHERE ready_at <= statement_timestamp()),
                count(*) FILTER (WHERE ready_at > statement_timestamp() AND NOT leased),
                count(*) FILTER (WHERE ready_at > statement_timestamp() AND leased)
            FROM queue_tasks WHERE queue = $1
            """)

    static let schedule = PgStatement(
        name: "timers_schedule",
        sql: """
            INSERT INTO queue_timers AS t (timer_group, key, due, body)
            SELECT $1, n.key, n.due, n.body
            FROM unnest($2::text[], $3::timestamptz[], $4::bytea[])
                WITH ORDINALITY AS n (key, due, body, position)
            ORDER BY n.position
            ON CONFLICT (timer_group, key) DO UPDATE
                SET due = excluded.due, body = excluded.body, number = t.number + 1, claimed_until = NULL
            """)

    static let cancel = PgStatement(
        name: "timers_cancel",
        sql: """
            DELETE FROM queue_timers
            WHERE timer_group = $1 AND key = $2 AND (claimed_until IS NULL OR claimed_until <= $3::timestamptz)
            RETURNING place
            """)

    static let claim = PgStatement(
        name: "timers_claim",
        sql: """
            WITH n AS MATERIALIZED (
                SELECT place FROM queue_timers
                WHERE timer_group = $1 AND due <= $2::timestamptz
                    AND (claimed_until IS NULL OR claimed_until <= $2::timestamptz)
                ORDER BY due, place LIMIT $3 FOR UPDATE SKIP LOCKED
            )
            UPDATE queue_timers t SET number = t.number + 1, claimed_until = $4::timestamptz
            FROM n WHERE t.place = n.place RETURNING t.place, t.key, t.due, t.number, t.body
            """)

    static let complete = PgStatement(
        name: "timers_complete",
        sql: """
            DELETE FROM queue_timers t USING unnest($1::int8[], $2::int4[]) AS n (place, number)
            WHERE t.place = n.place AND t.number = n.number AND t.claimed_until IS NOT NULL RETURNING t.place
            """)

    static let nextDue = PgStatement(
        name: "timers_next",
        sql: """
            SELECT min(greatest(due, claimed_until)) FROM queue_timers WHERE timer_group = $1
            """)

    static let notify = PgStatement(name: "signals_notify", sql: "SELECT pg_notify($1, $2)")
}
