package engine.saga;

import java.util.concurrent.ThreadLocalRandom;

/** Pauses between attempts: doubling, each shortened at random by up to half. */
final class Backoff {
    private final long first;
    private final long most;
    private long next;

    Backoff(long first, long most) {
        this.first = first;
        this.most = most;
        next = first;
    }

    /** Milliseconds. */
    long take() {
        long pause = next - ThreadLocalRandom.current().nextLong(next / 2 + 1);
        next = Math.min(most, next * 2);
        return pause;
    }

    void reset() {
        next = first;
    }
}
