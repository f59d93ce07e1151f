-- Version 4: starts and signals inside the application's own transaction; retention.

CREATE TABLE inbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    kind smallint NOT NULL CHECK (kind IN (1, 2)),
    namespace text NOT NULL,
    workflow_id text NOT NULL,
    name text NOT NULL,
    task_queue text NOT NULL DEFAULT '',
    payload jsonb,
    requested_by text NOT NULL DEFAULT session_user,
    requested_at timestamptz NOT NULL DEFAULT now(),
    problem text
);
COMMENT ON TABLE inbox IS
    'Requests that wait. A row is taken out in the transaction of the append that it causes, and in no other way.';
COMMENT ON COLUMN inbox.kind IS '1 start, 2 signal.';
COMMENT ON COLUMN inbox.name IS 'The workflow type, or the name of the signal.';
COMMENT ON COLUMN inbox.problem IS 'Why the row is parked; null while it waits. Set it to null to have it tried again.';
CREATE INDEX inbox_waiting ON inbox (id) WHERE problem IS NULL;

CREATE TABLE inbox_outcomes (
    request_id uuid PRIMARY KEY,
    outcome text NOT NULL,
    saga_id uuid,
    message text,
    settled_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE inbox_outcomes IS 'What became of requests: started, already started, signaled, or refused.';
CREATE INDEX inbox_outcomes_age ON inbox_outcomes (settled_at);

CREATE FUNCTION start(
    workflow_type text, workflow_id text, input jsonb DEFAULT 'null', namespace text DEFAULT 'default',
    task_queue text DEFAULT ''
) RETURNS uuid
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = @SCHEMA@, pg_temp
    AS $$
    DECLARE
        request uuid;
    BEGIN
        INSERT INTO inbox (kind, namespace, workflow_id, name, task_queue, payload)
        VALUES (1, start.namespace, start.workflow_id, start.workflow_type, start.task_queue, start.input)
        RETURNING request_id INTO request;
        IF current_setting('saga.notify', true) IS DISTINCT FROM 'off' THEN
            PERFORM pg_notify('@SCHEMA@_inbox', '');
        END IF;
        RETURN request;
    END
    $$;
COMMENT ON FUNCTION start IS
    'Starts a saga when the transaction commits. The outcome stands under the returned id: see outcome().';

CREATE FUNCTION signal(
    workflow_id text, signal_name text, payload jsonb DEFAULT 'null', namespace text DEFAULT 'default'
) RETURNS uuid
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = @SCHEMA@, pg_temp
    AS $$
    DECLARE
        request uuid;
    BEGIN
        INSERT INTO inbox (kind, namespace, workflow_id, name, payload)
        VALUES (2, signal.namespace, signal.workflow_id, signal.signal_name, signal.payload)
        RETURNING request_id INTO request;
        IF current_setting('saga.notify', true) IS DISTINCT FROM 'off' THEN
            PERFORM pg_notify('@SCHEMA@_inbox', '');
        END IF;
        RETURN request;
    END
    $$;
COMMENT ON FUNCTION signal IS 'Signals the open run of a workflow id when the transaction commits.';

CREATE FUNCTION outcome(request uuid) RETURNS TABLE (outcome text, saga_id uuid, message text, settled_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = @SCHEMA@, pg_temp
    AS $$
        SELECT o.outcome, o.saga_id, o.message, o.settled_at FROM inbox_outcomes o WHERE o.request_id = request
        UNION ALL SELECT 'parked', NULL, i.problem, NULL FROM inbox i WHERE i.request_id = request AND i.problem IS NOT NULL
        UNION ALL SELECT 'waiting', NULL, NULL, NULL FROM inbox i WHERE i.request_id = request AND i.problem IS NULL
    $$;
COMMENT ON FUNCTION outcome IS 'What became of a request of start() or signal(); no row if nobody made it.';

REVOKE ALL ON FUNCTION start, signal, outcome FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'saga_app') THEN
        GRANT USAGE ON SCHEMA @SCHEMA@ TO saga_app;
        GRANT EXECUTE ON FUNCTION start, signal, outcome TO saga_app;
    END IF;
END
$$;

CREATE FUNCTION retire(before timestamptz) RETURNS bigint
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
        DELETE FROM inbox_outcomes WHERE settled_at < before;
        RETURN removed + count;
    END
    $$;
COMMENT ON FUNCTION retire IS
    'Removes runs that closed before a time: whole months as partitions, stragglers are moved. Gives how many runs.';
REVOKE ALL ON FUNCTION retire FROM PUBLIC;
