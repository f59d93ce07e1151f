package engine.saga;

import java.time.Duration;

/**
 * What holds for one call. A waiting call ends early by interrupting its thread.
 *
 * @param timeout until DEADLINE_EXCEEDED; null = 30 s (results and streams: for ever)
 * @param requestId the caller's own id of a change: a repeat does nothing twice; null = a new one
 * @param sagaId one run, 16 bytes; null = the open one, else the latest
 */
public record CallOptions(Duration timeout, String requestId, byte[] sagaId) {
    /** Defaults throughout. */
    public static final CallOptions DEFAULT = new CallOptions(null, null, null);

    /** The same with a deadline. */
    public CallOptions withTimeout(Duration timeout) {
        return new CallOptions(timeout, requestId, sagaId);
    }

    /** The same with a request id. */
    public CallOptions withRequestId(String requestId) {
        return new CallOptions(timeout, requestId, sagaId);
    }

    /** The same for one run. */
    public CallOptions withRun(byte[] sagaId) {
        return new CallOptions(timeout, requestId, sagaId);
    }
}
