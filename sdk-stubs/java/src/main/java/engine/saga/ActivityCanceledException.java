package engine.saga;

/** Throw it from an activity after it was asked to stop, to report that it has. */
public class ActivityCanceledException extends SagaException {
    private static final long serialVersionUID = 1;
    private final boolean noEffect;

    /** `noEffect`: nothing happened, the step needs no undo. */
    public ActivityCanceledException(boolean noEffect) {
        super("cancelled on request");
        this.noEffect = noEffect;
    }

    boolean noEffect() {
        return noEffect;
    }
}
