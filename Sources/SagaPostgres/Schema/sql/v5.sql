-- Version 5: fewer index entries for each run, search attributes, and events as rows for people.

-- Status and end have no index in visibility any more: a run that closes stays within its page there, and costs two
-- narrow entries of executions instead of four wide ones.
DROP INDEX visibility_open;
DROP INDEX visibility_status;
ALTER TABLE visibility SET (fillfactor = 60);
CREATE INDEX executions_open ON executions (saga_id) WHERE status < 3 OR status > 8;
CREATE INDEX executions_rare ON executions (status, saga_id) WHERE status <> 0 AND status <> 3;
COMMENT ON TABLE executions IS
    'One row a run, changed by every append. Indexes look at the status only, so that the updates of steps stay within their page.';

ALTER TABLE visibility ADD COLUMN attributes bytea;
COMMENT ON COLUMN visibility.attributes IS 'All search attributes, as the engine stores them; null if there are none.';
COMMENT ON COLUMN visibility.search IS
    'Search attributes that are texts, numbers or booleans, by name; null if there are none. Lists filter by it.';

CREATE TABLE events (
    saga_id uuid NOT NULL,
    event_id bigint NOT NULL,
    event_type text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL,
    event jsonb NOT NULL,
    PRIMARY KEY (saga_id, event_id)
);
COMMENT ON TABLE events IS
    'Events as rows of JSON, for people: filled on demand by saga fill-events, never read by the engine. May be truncated.';
COMMENT ON COLUMN events.event IS 'The event as saga history --output json prints it.';
CREATE INDEX events_type ON events (event_type, at);

CREATE OR REPLACE FUNCTION retire(before timestamptz) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = @SCHEMA@, pg_temp
    AS $$
    DECLARE
        partition record;
        first date;
        removed bigint := 0;
        count bigint;
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended('saga-engine partitions @SCHEMA@', 0));
        FOR partition IN
            SELECT c.relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
            WHERE inhparent = '@SCHEMA@.history'::regclass AND c.relname ~ '^history_\d{4}_\d{2}$' ORDER BY 1
        LOOP
            first := to_date(substr(partition.relname, 9), 'YYYY_MM');
            EXIT WHEN first + interval '1 month' > timezone('UTC', before);
            -- Whole months go as files. What is open, or closed later, moves to the rest.
            EXECUTE format('ALTER TABLE history DETACH PARTITION %I', partition.relname);
            EXECUTE format(
                'INSERT INTO history SELECT h.* FROM %I h JOIN visibility v USING (saga_id)
                 WHERE v.closed_at IS NULL OR v.closed_at >= $1', partition.relname) USING before;
            EXECUTE format('DROP TABLE %I', partition.relname);
            DELETE FROM executions e USING visibility v
            WHERE v.saga_id = e.saga_id AND v.closed_at < before
                AND v.saga_id >= month_bound(first) AND v.saga_id < month_bound((first + interval '1 month')::date);
            DELETE FROM visibility v
            WHERE v.closed_at < before
                AND v.saga_id >= month_bound(first) AND v.saga_id < month_bound((first + interval '1 month')::date);
            GET DIAGNOSTICS count = ROW_COUNT;
            removed := removed + count;
        END LOOP;
        -- Runs in the rest, one by one.
        DELETE FROM history_rest h USING visibility v WHERE v.saga_id = h.saga_id AND v.closed_at < before;
        DELETE FROM executions e USING visibility v
        WHERE v.saga_id = e.saga_id AND v.closed_at < before AND NOT EXISTS (
            SELECT FROM history h WHERE h.saga_id = v.saga_id);
        DELETE FROM visibility v WHERE v.closed_at < before AND NOT EXISTS (
            SELECT FROM executions e WHERE e.saga_id = v.saga_id);
        GET DIAGNOSTICS count = ROW_COUNT;
        DELETE FROM events v WHERE NOT EXISTS (SELECT FROM executions e WHERE e.saga_id = v.saga_id);
        DELETE FROM inbox_outcomes WHERE settled_at < before;
        RETURN removed + count;
    END
    $$;
REVOKE ALL ON FUNCTION retire FROM PUBLIC;
