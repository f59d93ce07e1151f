package engine.saga;

import saga.v1.CommonMessages.Payload;
import saga.v1.WorkersMessages.ActivityTask;

/** What an activity knows about its attempt, and can say while it runs. */
public interface ActivityContext {
    /** Everything about the attempt; payloads in it are as they came, before the codec. */
    ActivityTask task();

    /** From 1. */
    default int attempt() {
        return task().getAttempt();
    }

    /** The same over all attempts: give it to the systems you call. */
    default String idempotencyKey() {
        return task().getIdempotencyKey();
    }

    /** The saga's name. */
    default String workflowId() {
        return task().getWorkflowId();
    }

    /** Whether somebody wants the attempt to stop; its thread is interrupted as well. */
    boolean isCancelRequested();

    /** Says that the attempt is alive and how far it is; null = no details. Cheap to call often. */
    void heartbeat(Object details);

    /** What the last heartbeat of an earlier attempt said; null = nothing. */
    <T> T heartbeatDetails(Class<T> type);

    /** What the undo of this step will need, beside input and output. */
    void setUndoData(Object value);

    /** Decodes payloads, such as an undo's data. */
    <T> T decode(Payload payload, Class<T> type);
}
