-- Version 9: the order of commits, for those who follow what is committed.

-- Two steps: rows that are there already keep null and are not written again, and no append names the column.
ALTER TABLE history ADD COLUMN commit_no bigint;
ALTER TABLE history ALTER COLUMN commit_no SET DEFAULT pg_current_xact_id()::text::bigint;
COMMENT ON COLUMN history.commit_no IS
    'The transaction that wrote the row, counted from meta.commit_base; null if it was written before version 9.';
-- Rows of one transaction share an entry, and new ones go to the index's end.
CREATE INDEX history_commit ON history (commit_no);
-- Earlier rows come first, by run. New rows are not in here.
CREATE INDEX history_before_commits ON history (saga_id, first_event_id) WHERE commit_no IS NULL;

ALTER TABLE meta ADD COLUMN commit_base bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN meta.commit_base IS
    'What the numbers of history.commit_no count from. Raised when a copy of the database was loaded into a server whose transactions have smaller numbers.';
