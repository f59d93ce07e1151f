-- Version 1: histories, how runs stand, and who may write.

CREATE TABLE schema_versions (
    version integer PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now(),
    applied_by text NOT NULL DEFAULT session_user
);
COMMENT ON TABLE schema_versions IS 'Migrations that were applied. The highest version is the version of this schema.';

CREATE TABLE meta (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    partition_count integer NOT NULL CHECK (partition_count > 0),
    task_token_key bytea NOT NULL CHECK (length(task_token_key) = 32),
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE meta IS 'Facts that were fixed when the store was made; one row.';
COMMENT ON COLUMN meta.partition_count IS 'How many partitions workflow ids are spread over.';
COMMENT ON COLUMN meta.task_token_key IS 'Secret key of the code in task tokens. Who reads it can report steps as done.';

CREATE TABLE fence (
    shard integer PRIMARY KEY,
    epoch bigint NOT NULL
) WITH (fillfactor = 10);
COMMENT ON TABLE fence IS
    'Who may append: the owner that was given the epoch last. Every append locks the row FOR SHARE and compares.';
COMMENT ON COLUMN fence.epoch IS 'Counts takeovers. An owner raises it, and commits that, before it reads anything.';
INSERT INTO fence (shard, epoch) VALUES (0, 0);

CREATE TABLE executions (
    saga_id uuid PRIMARY KEY,
    next_event_id bigint NOT NULL,
    part integer NOT NULL,
    status smallint NOT NULL
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON TABLE executions IS
    'One row a run, changed by every append. No index but its key, so that updates stay within their page.';
COMMENT ON COLUMN executions.saga_id IS 'The run, a UUIDv7.';
COMMENT ON COLUMN executions.next_event_id IS 'The id that the next event of the run must get.';
COMMENT ON COLUMN executions.part IS 'Which partition the workflow id belongs to.';
COMMENT ON COLUMN executions.status IS
    '0 running, 1 compensating, 2 blocked, 3 completed, 4 failed, 5 canceled, 6 timed out, 7 terminated, 8 continued as new, 9 paused.';

CREATE TABLE history (
    saga_id uuid NOT NULL,
    first_event_id bigint NOT NULL,
    event_count integer NOT NULL,
    events bytea NOT NULL,
    PRIMARY KEY (saga_id, first_event_id)
) PARTITION BY RANGE (saga_id);
-- Payloads come compressed or do not compress; PostgreSQL must not try.
ALTER TABLE history ALTER COLUMN events SET STORAGE EXTERNAL;
COMMENT ON TABLE history IS
    'The truth: one row for each append to one run. Partitioned by saga id, that is by the month in which the run started.';
COMMENT ON COLUMN history.first_event_id IS 'Id of the first event of the row; ids go on without gaps.';
COMMENT ON COLUMN history.event_count IS 'How many events the row has.';
COMMENT ON COLUMN history.events IS
    'The events in the form of PackedEvents, then four bytes of checksum. Read them with saga history, or saga export.';

CREATE TABLE history_rest PARTITION OF history DEFAULT;
ALTER TABLE history_rest ALTER COLUMN events SET STORAGE EXTERNAL;
COMMENT ON TABLE history_rest IS 'Histories whose month has no partition: ids of other origin, and what retention kept.';

CREATE TABLE visibility (
    saga_id uuid PRIMARY KEY,
    namespace text COLLATE "C" NOT NULL,
    workflow_id text COLLATE "C" NOT NULL,
    workflow_type text COLLATE "C" NOT NULL,
    status smallint NOT NULL,
    started_at timestamptz NOT NULL,
    closed_at timestamptz,
    part integer NOT NULL,
    newest boolean NOT NULL DEFAULT true,
    search jsonb
) WITH (fillfactor = 80);
COMMENT ON TABLE visibility IS 'What lists show of a run. Written when a run starts, closes, or changes its status.';
COMMENT ON COLUMN visibility.workflow_id IS 'The caller''s name for the saga, compared as bytes.';
COMMENT ON COLUMN visibility.status IS 'As in executions.';
COMMENT ON COLUMN visibility.closed_at IS 'Null while the run is open.';
COMMENT ON COLUMN visibility.newest IS 'Whether no later run has the same workflow id. One run of each workflow id is.';
COMMENT ON COLUMN visibility.search IS 'Search attributes, by name.';

CREATE UNIQUE INDEX visibility_newest ON visibility (namespace, workflow_id) WHERE newest;
CREATE INDEX visibility_older ON visibility (namespace, workflow_id, saga_id) WHERE NOT newest;
CREATE UNIQUE INDEX visibility_open ON visibility (saga_id) WHERE closed_at IS NULL;
CREATE INDEX visibility_type ON visibility (namespace, workflow_type, saga_id);
CREATE INDEX visibility_status ON visibility (namespace, status, saga_id);
CREATE INDEX visibility_search ON visibility USING gin (search jsonb_path_ops) WHERE search IS NOT NULL;
