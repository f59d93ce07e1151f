package engine.saga;

/**
 * A run.
 *
 * @param workflowId the saga's name
 * @param sagaId the run, 16 bytes
 * @param alreadyStarted it was open before
 */
public record Run(String workflowId, byte[] sagaId, boolean alreadyStarted) {}
