package engine.saga;

import java.time.Duration;
import java.util.Optional;
import saga.v1.CommonMessages.SagaError;
import saga.v1.CommonMessages.Status;
import saga.v1.CommonMessages.StatusCode;

/** The server answered a call with an error. */
public class StatusException extends SagaException {
    private static final long serialVersionUID = 1;
    private final StatusCode code;
    private final transient SagaError error;
    private final Duration retryAfter;

    StatusException(StatusCode code, String message) {
        this(Status.newBuilder().setCode(code).setMessage(message).build());
    }

    StatusException(Status status) {
        super(status.getCode().name().replaceFirst("STATUS_CODE_", "") + ": " + status.getMessage());
        code = status.getCode();
        error = status.hasError() ? status.getError() : null;
        retryAfter = Duration.ofMillis(Math.min(Math.max(status.getRetryAfterMs(), 0), 3_600_000));
    }

    /** gRPC's number and name. */
    public StatusCode code() {
        return code;
    }

    /** For programs, if the server had something to add. */
    public Optional<SagaError> error() {
        return Optional.ofNullable(error);
    }

    /** How long to wait before a retry; zero = no advice. */
    public Duration retryAfter() {
        return retryAfter;
    }
}
