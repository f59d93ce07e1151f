package engine.saga;

/** Base of everything that this package throws on purpose. */
public class SagaException extends RuntimeException {
    private static final long serialVersionUID = 1;

    SagaException(String message) {
        super(message);
    }

    SagaException(String message, Throwable cause) {
        super(message, cause);
    }
}
