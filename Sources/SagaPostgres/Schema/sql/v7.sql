-- Version 7: large payloads apart from their events.

CREATE TABLE payload_blobs (
    saga_id uuid NOT NULL REFERENCES executions ON DELETE CASCADE,
    blob_no bigint NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (saga_id, blob_no)
);
-- They come compressed.
ALTER TABLE payload_blobs ALTER COLUMN data SET STORAGE EXTERNAL;
COMMENT ON TABLE payload_blobs IS
    'Data of large payloads, part of the history: written in the commit of their events, removed with their run.';
COMMENT ON COLUMN payload_blobs.blob_no IS 'Four times the id of the event, plus the place of the payload in it (0 to 3).';
COMMENT ON COLUMN payload_blobs.data IS 'The data, compressed where that helps, with its checksum: docs/stores.md.';
