-- Version 10: which server counts the commits.

ALTER TABLE meta ADD COLUMN server_id text;
COMMENT ON COLUMN meta.server_id IS
    'The system identifier of the server whose transactions history.commit_no counts; another one means that the database was loaded from a copy. Null if it is not known.';
