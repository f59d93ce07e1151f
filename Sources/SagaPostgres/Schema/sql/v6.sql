-- Version 6: snapshots of runs.

CREATE TABLE snapshots (
    saga_id uuid NOT NULL REFERENCES executions ON DELETE CASCADE,
    next_event_id bigint NOT NULL,
    snapshot bytea NOT NULL,
    PRIMARY KEY (saga_id, next_event_id)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
-- They come compressed.
ALTER TABLE snapshots ALTER COLUMN snapshot SET STORAGE EXTERNAL;
COMMENT ON TABLE snapshots IS
    'The newest few states of runs: shortcuts for reading, never the truth. Rows may be deleted at any time.';
COMMENT ON COLUMN snapshots.next_event_id IS 'Events before this id are in the state.';
COMMENT ON COLUMN snapshots.snapshot IS 'The state, compressed, with its checksum: docs/snapshots.md.';
