package engine.saga;

import java.time.Duration;
import java.util.Map;
import saga.v1.WorkflowsMessages.IdReusePolicy;

/**
 * What defines a new run. Begin with {@link #id} and change what differs.
 *
 * @param workflowId the caller's own name of the saga, unique among open ones; 1-255 bytes
 * @param taskQueue queue whose workers run the workflow code; empty = `default`
 * @param version of the code; 0 = the newest that a worker serves
 * @param executionTimeout after which the run is undone and closes as timed out; null = never
 * @param cancelGrace how long the code has to close after a cancel; null = 60 s
 * @param autoCompensate whether a bad end undoes by itself
 * @param continueOnUndoError whether earlier undos go on when one has failed for good
 * @param idReuse what happens if the id was used by a run that is closed
 * @param memo notes, returned by describe
 * @param searchAttributes what list filters by; they never go through the codec
 */
public record StartOptions(
        String workflowId, String taskQueue, int version, Duration executionTimeout, Duration cancelGrace, boolean autoCompensate,
        boolean continueOnUndoError, IdReusePolicy idReuse, Map<String, Object> memo, Map<String, Object> searchAttributes) {
    /** Defaults for a workflow id and a queue. */
    public static StartOptions id(String workflowId, String taskQueue) {
        return new StartOptions(workflowId, taskQueue, 0, null, null, true, false, IdReusePolicy.ID_REUSE_POLICY_UNSPECIFIED,
                Map.of(), Map.of());
    }
}
