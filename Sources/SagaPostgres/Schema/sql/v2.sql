-- Version 2: partitions by month, and a view for people.

CREATE FUNCTION month_bound(month date) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog
    AS $$
        SELECT (lpad(to_hex((extract(epoch FROM month::timestamp) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
    $$;
COMMENT ON FUNCTION month_bound IS 'The least UUIDv7 of a month, UTC.';

CREATE FUNCTION make_partitions(months integer DEFAULT 3) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = @SCHEMA@, pg_temp
    AS $$
    DECLARE
        first date;
        partition text;
        made integer := 0;
    BEGIN
        -- One at a time: two servers may start together.
        PERFORM pg_catalog.pg_advisory_xact_lock(
            pg_catalog.hashtextextended('saga-engine partitions @SCHEMA@', 0));
        FOR number IN 0..least(greatest(months, 0), 24) LOOP
            first := (pg_catalog.date_trunc('month', pg_catalog.timezone('UTC', pg_catalog.now()))
                + pg_catalog.make_interval(months => number))::date;
            partition := 'history_' || pg_catalog.to_char(first, 'YYYY_MM');
            CONTINUE WHEN pg_catalog.to_regclass('@SCHEMA@.' || partition) IS NOT NULL;
            -- A month that has rows in the rest already stays there.
            CONTINUE WHEN EXISTS (
                SELECT FROM history_rest WHERE saga_id >= month_bound(first)
                    AND saga_id < month_bound((first + interval '1 month')::date));
            EXECUTE pg_catalog.format(
                'CREATE TABLE %I PARTITION OF history FOR VALUES FROM (%L) TO (%L)', partition,
                month_bound(first), month_bound((first + interval '1 month')::date));
            EXECUTE pg_catalog.format('ALTER TABLE %I ALTER COLUMN events SET STORAGE EXTERNAL', partition);
            made := made + 1;
        END LOOP;
        RETURN made;
    END
    $$;
COMMENT ON FUNCTION make_partitions IS
    'Makes the partitions of this month and some to come. Servers call it when they start, and once a day.';
REVOKE ALL ON FUNCTION make_partitions FROM PUBLIC;
SELECT make_partitions();

CREATE VIEW runs AS
    SELECT v.saga_id, v.namespace, v.workflow_id, v.workflow_type,
        (ARRAY['Running', 'Compensating', 'Blocked', 'Completed', 'Failed', 'Canceled', 'TimedOut', 'Terminated',
            'ContinuedAsNew', 'Paused'])[v.status + 1] AS status,
        v.started_at, v.closed_at, v.closed_at - v.started_at AS took, e.next_event_id AS events, v.newest, v.search
    FROM visibility v JOIN executions e USING (saga_id);
COMMENT ON VIEW runs IS 'Runs as people want to see them.';
