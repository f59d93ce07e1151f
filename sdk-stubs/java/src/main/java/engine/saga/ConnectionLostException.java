package engine.saga;

/** The connection could not be made, or ended. What was under way may or may not have happened. */
public class ConnectionLostException extends SagaException {
    private static final long serialVersionUID = 1;

    ConnectionLostException(String message) {
        super(message);
    }

    ConnectionLostException(String message, Throwable cause) {
        super(message, cause);
    }
}
