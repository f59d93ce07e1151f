-- Version 8: queues and timers for embedders. The engine uses neither.

CREATE TABLE queue_tasks (
    place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    priority int NOT NULL,
    ready_at timestamptz NOT NULL,
    leased boolean NOT NULL DEFAULT false,
    attempt int NOT NULL DEFAULT 0,
    body bytea NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
CREATE UNIQUE INDEX queue_tasks_key ON queue_tasks (queue, key);
-- Without ready_at: a lease and its extensions stay within their page.
CREATE INDEX queue_tasks_order ON queue_tasks (queue, priority DESC, place);
COMMENT ON TABLE queue_tasks IS
    'Tasks of embedders, until a consumer acknowledges them; taken with SKIP LOCKED. The engine puts nothing here.';
COMMENT ON COLUMN queue_tasks.place IS 'Order of tasks of one priority; never used again.';
COMMENT ON COLUMN queue_tasks.queue IS 'Name of the queue, 1 to 255 bytes.';
COMMENT ON COLUMN queue_tasks.key IS 'Name of the task within its queue, 1 to 255 bytes.';
COMMENT ON COLUMN queue_tasks.priority IS 'Higher ones are handed out first.';
COMMENT ON COLUMN queue_tasks.ready_at IS 'From then on it may be taken; while it is leased, the end of the lease. By this database''s clock.';
COMMENT ON COLUMN queue_tasks.leased IS 'Whether a consumer has taken it and not given it back; its lease may have run out.';
COMMENT ON COLUMN queue_tasks.attempt IS 'How often it was taken. A consumer whose number is older has lost it.';
COMMENT ON COLUMN queue_tasks.body IS 'Whatever the consumer needs.';

CREATE TABLE queue_timers (
    place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    timer_group text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    due timestamptz NOT NULL,
    claimed_until timestamptz,
    number int NOT NULL DEFAULT 0,
    body bytea NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
CREATE UNIQUE INDEX queue_timers_key ON queue_timers (timer_group, key);
CREATE INDEX queue_timers_due ON queue_timers (timer_group, due, place);
COMMENT ON TABLE queue_timers IS
    'Timers of embedders, until somebody has acted on them; claimed with SKIP LOCKED. The engine puts nothing here.';
COMMENT ON COLUMN queue_timers.place IS 'Order of timers that are due at the same time; never used again.';
COMMENT ON COLUMN queue_timers.timer_group IS 'Timers that are asked for together, 1 to 255 bytes.';
COMMENT ON COLUMN queue_timers.key IS 'Name of the timer within its group, 1 to 255 bytes.';
COMMENT ON COLUMN queue_timers.due IS 'When it is due, by the clock of those who ask.';
COMMENT ON COLUMN queue_timers.claimed_until IS 'Until then it is somebody''s; null if it was never claimed.';
COMMENT ON COLUMN queue_timers.number IS 'How often it was claimed or scheduled anew. A claim with an older number is lost.';
COMMENT ON COLUMN queue_timers.body IS 'Whatever its reader needs.';
