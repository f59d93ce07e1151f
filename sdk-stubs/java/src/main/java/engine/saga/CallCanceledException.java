package engine.saga;

/** The thread that waited for a call was interrupted (its flag is set again). What the server has recorded stays. */
public class CallCanceledException extends SagaException {
    private static final long serialVersionUID = 1;

    CallCanceledException(String message) {
        super(message);
    }
}
