/// The statements that append. Each checks the fence, judges every run, and writes history, version and visibility of the
/// winners: one round trip, and one commit for all.
///
/// The fence is read FOR SHARE. A takeover waits for the commits that hold it, and an append that comes later sees the new
/// epoch; with a plain read an old owner's append could land after the new owner had read.
///
/// Where many runs are looked up, `status + 0` keeps the planner from `executions_open`: if no run was open at the last ANALYZE, it
/// takes the whole index for one row, and joins all open runs with all of the batch (seven times the server's processor time with 500
/// open runs, and it grows with them).
enum AppendStatements {
    /// Later appends that change no row of `visibility`: nearly all steps.
    static let steps = PgStatement(
        name: "append_steps",
        sql: """
            WITH f AS MATERIALIZED (SELECT epoch FROM fence WHERE shard = 0 FOR SHARE),
            u AS (
                UPDATE executions e SET next_event_id = n.first + n.count
                FROM unnest($2::uuid[], $3::int8[], $4::int4[], $5::bytea[])
                    WITH ORDINALITY AS n (id, first, count, events, place)
                WHERE (SELECT epoch FROM f) = $1 AND e.saga_id = n.id AND e.next_event_id = n.first
                    AND e.status + 0 NOT BETWEEN 3 AND 8
                RETURNING n.id, n.first, n.count, n.events, n.place
            ),
            h AS (
                INSERT INTO history (saga_id, first_event_id, event_count, events) SELECT id, first, count, events FROM u
            )
            SELECT (SELECT epoch FROM f), c.winners,
                CASE WHEN c.winners < cardinality($2::uuid[]) THEN (SELECT array_agg(place) FROM u) END,
                0::int8, NULL::int8[]
            FROM (SELECT count(*) AS winners FROM u) c
            """)

    /// The same, with starts and changes of status. No transaction of one call may see another: `AppendPlan` keeps those
    /// that do apart. Few starts go on from an earlier run: without any the arrays are not unpacked for `next`. A saga id that is
    /// there already breaks a unique index, as a race does, and is then judged by itself.
    static let all = PgStatement(
        name: "append_all",
        sql: """
            WITH f AS MATERIALIZED (SELECT epoch FROM fence WHERE shard = 0 FOR SHARE),
            u AS (
                UPDATE executions e SET next_event_id = n.first + n.count, status = coalesce(n.status, e.status)
                FROM unnest(
                        $2::uuid[], $3::int8[], $4::int4[], $5::bytea[], $6::int2[], $7::timestamptz[], $8::text[],
                        $9::bytea[])
                    WITH ORDINALITY AS n (id, first, count, events, status, closed_at, search, attributes, place)
                WHERE (SELECT epoch FROM f) = $1 AND e.saga_id = n.id AND e.next_event_id = n.first
                    AND e.status + 0 NOT BETWEEN 3 AND 8
                RETURNING n.*
            ),
            v AS (
                UPDATE visibility r SET status = u.status, closed_at = u.closed_at, search = u.search::jsonb,
                    attributes = u.attributes
                FROM u WHERE u.status IS NOT NULL AND r.saga_id = u.id
            ),
            fresh AS (
                SELECT n.* FROM unnest(
                        $10::uuid[], $11::int4[], $12::bytea[], $13::text[], $14::text[], $15::text[], $16::int2[],
                        $17::timestamptz[], $18::timestamptz[], $19::int4[], $20::uuid[], $21::text[], $22::bytea[])
                    WITH ORDINALITY AS n (
                        id, count, events, namespace, workflow_id, workflow_type, status, started_at, closed_at, part,
                        after, search, attributes, place)
                WHERE (SELECT epoch FROM f) = $1 AND n.after IS NULL
                    AND NOT EXISTS (
                        SELECT FROM visibility x
                        WHERE x.newest AND x.namespace = n.namespace AND x.workflow_id = n.workflow_id)
            ),
            next AS (
                UPDATE visibility o SET newest = false
                FROM unnest(
                        $10::uuid[], $11::int4[], $12::bytea[], $13::text[], $14::text[], $15::text[], $16::int2[],
                        $17::timestamptz[], $18::timestamptz[], $19::int4[], $20::uuid[], $21::text[], $22::bytea[])
                    WITH ORDINALITY AS n (
                        id, count, events, namespace, workflow_id, workflow_type, status, started_at, closed_at, part,
                        after, search, attributes, place)
                WHERE (SELECT epoch FROM f) = $1 AND cardinality(array_remove($20::uuid[], NULL)) > 0
                    AND n.after IS NOT NULL AND o.saga_id = n.after AND o.newest
                    AND o.closed_at IS NOT NULL AND o.namespace = n.namespace AND o.workflow_id = n.workflow_id
                    AND NOT EXISTS (SELECT FROM visibility x WHERE x.saga_id = n.id)
                RETURNING n.*
            ),
            s AS MATERIALIZED (SELECT * FROM next UNION ALL SELECT * FROM fresh),
            i AS (
                INSERT INTO visibility (
                    saga_id, namespace, workflow_id, workflow_type, status, started_at, closed_at, part, search, attributes)
                SELECT id, namespace, workflow_id, workflow_type, status, started_at, closed_at, part, search::jsonb,
                    attributes
                FROM s
            ),
            x AS (
                INSERT INTO executions (saga_id, next_event_id, part, status) SELECT id, count, part, status FROM s
            ),
            h AS (
                INSERT INTO history (saga_id, first_event_id, event_count, events)
                SELECT id, first, count, events FROM u UNION ALL SELECT id, 0, count, events FROM s
            )
            \(answerOfAll), CASE WHEN d.winners < cardinality($10::uuid[]) THEN (SELECT array_agg(place) FROM s) END
            FROM (SELECT count(*) AS winners FROM u) c, (SELECT count(*) AS winners FROM s) d
            """)

    /// The same, and the data of the winners' large payloads.
    static let allWithBlobs = PgStatement(
        name: "append_blobs",
        sql: all.sql.replacing(
            answerOfAll,
            with: """
                , b AS (
                    INSERT INTO payload_blobs (saga_id, blob_no, data)
                    SELECT n.id, n.number, n.data
                    FROM unnest($23::uuid[], $24::int8[], $25::bytea[]) AS n (id, number, data)
                    WHERE n.id IN (SELECT id FROM u UNION ALL SELECT id FROM s)
                )
                \(answerOfAll)
                """))

    /// Where the answer of `all` begins.
    private static let answerOfAll = """
        SELECT (SELECT epoch FROM f), c.winners,
            CASE WHEN c.winners < cardinality($2::uuid[]) THEN (SELECT array_agg(place) FROM u) END,
            d.winners
        """

    // MARK: One run

    // An unloaded engine appends to one run at a time. The statements above are made for hundreds and take 0.03 to 0.1 ms more
    // for one, up to a third of what the server needs for it (docs/performance.md).

    private static let fence = "WITH f AS MATERIALIZED (SELECT epoch FROM fence WHERE shard = 0 FOR SHARE)"
    private static let answerOfOne = """
        SELECT (SELECT epoch FROM f), (SELECT count(*) FROM u), NULL::int8[], 0::int8, NULL::int8[]
        """

    /// `steps` for one run.
    static let step = PgStatement(
        name: "append_step",
        sql: """
            \(fence), u AS (
                UPDATE executions e SET next_event_id = $3::int8 + $4::int4
                WHERE (SELECT epoch FROM f) = $1 AND e.saga_id = $2::uuid AND e.next_event_id = $3::int8
                    AND e.status NOT BETWEEN 3 AND 8
                RETURNING e.saga_id
            ),
            h AS (
                INSERT INTO history (saga_id, first_event_id, event_count, events)
                SELECT saga_id, $3::int8, $4::int4, $5::bytea FROM u
            )
            \(answerOfOne)
            """)

    /// `all` for one run that changes its status.
    static let change = PgStatement(
        name: "append_change",
        sql: """
            \(fence), u AS (
                UPDATE executions e SET next_event_id = $3::int8 + $4::int4, status = $6::int2
                WHERE (SELECT epoch FROM f) = $1 AND e.saga_id = $2::uuid AND e.next_event_id = $3::int8
                    AND e.status NOT BETWEEN 3 AND 8
                RETURNING e.saga_id
            ),
            v AS (
                UPDATE visibility r SET status = $6::int2, closed_at = $7::timestamptz, search = $8::text::jsonb,
                    attributes = $9::bytea
                FROM u WHERE r.saga_id = u.saga_id
            ),
            h AS (
                INSERT INTO history (saga_id, first_event_id, event_count, events)
                SELECT saga_id, $3::int8, $4::int4, $5::bytea FROM u
            )
            \(answerOfOne)
            """)

    /// `all` for one run that starts, and goes on from no other ($12).
    static let start = PgStatement(
        name: "append_start",
        sql: """
            \(fence), s AS (
                INSERT INTO visibility (
                    saga_id, namespace, workflow_id, workflow_type, status, started_at, closed_at, part, search, attributes)
                SELECT $2::uuid, $5::text, $6::text, $7::text, $8::int2, $9::timestamptz, $10::timestamptz, $11::int4,
                    $13::text::jsonb, $14::bytea
                WHERE (SELECT epoch FROM f) = $1 AND $12::uuid IS NULL
                    AND NOT EXISTS (
                        SELECT FROM visibility x
                        WHERE x.newest AND x.namespace = $5::text AND x.workflow_id = $6::text)
                RETURNING saga_id
            ),
            x AS (
                INSERT INTO executions (saga_id, next_event_id, part, status)
                SELECT saga_id, $3::int4, $11::int4, $8::int2 FROM s
            ),
            h AS (
                INSERT INTO history (saga_id, first_event_id, event_count, events)
                SELECT saga_id, 0, $3::int4, $4::bytea FROM s
            )
            SELECT (SELECT epoch FROM f), 0::int8, NULL::int8[], (SELECT count(*) FROM s), NULL::int8[]
            """)

    /// Keeps one late effect, unless it is kept already.
    static let keep = PgStatement(
        name: "keep_late",
        sql: """
            WITH f AS MATERIALIZED (SELECT epoch FROM fence WHERE shard = 0 FOR SHARE),
            i AS (
                INSERT INTO late_effects (saga_id, scheduled_event_id, attempt, namespace, effect)
                SELECT $2::uuid, $3::int8, $4::int8, $5::text, $6::bytea FROM f WHERE epoch = $1
                ON CONFLICT DO NOTHING
            )
            SELECT epoch FROM f
            """)

    static let takeOver = PgStatement(
        name: "take_over", sql: "UPDATE fence SET epoch = epoch + 1 WHERE shard = 0 RETURNING epoch")
}
