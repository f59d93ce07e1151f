package engine.saga;

import java.util.List;
import saga.v1.CommonMessages.CompensationState;
import saga.v1.CommonMessages.CompensationSummary;
import saga.v1.CommonMessages.WorkflowStatus;

/** A saga ended otherwise than by completing: FAILED (its failure is the cause), CANCELED, TIMED_OUT or TERMINATED. */
public class WorkflowEndedException extends SagaException {
    private static final long serialVersionUID = 1;
    private final String workflowId;
    private final WorkflowStatus status;
    private final CompensationState compensation;
    private final List<Long> openEntries;

    WorkflowEndedException(String workflowId, WorkflowStatus status, String why, ActivityFailure cause, CompensationSummary done) {
        super("workflow " + workflowId + " " + status.name().replaceFirst("WORKFLOW_STATUS_", "").toLowerCase() + ": " + why, cause);
        this.workflowId = workflowId;
        this.status = status;
        compensation = done.getState();
        openEntries = List.copyOf(done.getOpenEntriesList());
    }

    /** Which saga. */
    public String workflowId() {
        return workflowId;
    }

    /** How it ended. */
    public WorkflowStatus status() {
        return status;
    }

    /** Why it failed; null unless the status is FAILED. */
    public ActivityFailure failure() {
        return (ActivityFailure) getCause();
    }

    /** What the unwinding reached: `none`, `complete`, `partial` or `given_up`. */
    public String compensation() {
        return compensation.name().replaceFirst("COMPENSATION_STATE_", "").toLowerCase();
    }

    /** Undo entries left open, by the event that scheduled their step. */
    public List<Long> openEntries() {
        return openEntries;
    }
}
