package engine.saga;

/** Throw it from an activity around another exception to say that nothing happened: its step needs no undo. */
public class NoEffectException extends SagaException {
    private static final long serialVersionUID = 1;

    /** Around the exception that the activity would have thrown. */
    public NoEffectException(Throwable cause) {
        super(cause.getMessage(), cause);
    }
}
