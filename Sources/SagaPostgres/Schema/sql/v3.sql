-- Version 3: reports that came too late for their run.

CREATE TABLE late_effects (
    place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    saga_id uuid NOT NULL,
    scheduled_event_id bigint NOT NULL,
    attempt bigint NOT NULL,
    namespace text NOT NULL,
    effect bytea NOT NULL
);
COMMENT ON TABLE late_effects IS
    'Successes that were reported after the undo of their step had begun or their run was closed; one row a report.';
COMMENT ON COLUMN late_effects.scheduled_event_id IS 'The event of the run that scheduled the step.';

CREATE UNIQUE INDEX late_effects_report ON late_effects (saga_id, scheduled_event_id, attempt);
CREATE INDEX late_effects_namespace ON late_effects (namespace, place);
