package engine.saga;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import saga.v1.CommonMessages.ErrorKind;
import saga.v1.CommonMessages.Payload;
import saga.v1.WorkersMessages.ActivityCanceled;
import saga.v1.WorkersMessages.ActivityCompleted;
import saga.v1.WorkersMessages.ActivityFailed;
import saga.v1.WorkersMessages.ActivityTask;
import saga.v1.WorkersMessages.Effect;
import saga.v1.WorkersMessages.Heartbeat;
import saga.v1.WorkersMessages.WorkerItem;

/** One attempt that runs here, in a thread of its own. */
final class Attempt implements ActivityContext {
    /** Heartbeats and time-outs of all attempts. */
    private static final ScheduledExecutorService CLOCK = Executors.newSingleThreadScheduledExecutor(task -> {
        var thread = new Thread(task, "saga-activity-clock");
        thread.setDaemon(true);
        return thread;
    });

    private final Values values;
    private final Worker.Code code;
    private final ActivityTask task;
    private final Consumer<WorkerItem> say;
    private final Consumer<String> log;
    private final Thread thread;
    private final long gap;
    private Consumer<WorkerItem> done;
    private boolean cancelRequested;
    private boolean ended;
    private boolean beating;
    private long lastBeat = System.nanoTime() - TimeUnit.DAYS.toNanos(1);
    private Object details;
    private Payload undoData;

    Attempt(Values values, Worker.Code code, ActivityTask task, Consumer<WorkerItem> say, Consumer<String> log) {
        this.values = values;
        this.code = code;
        this.task = task;
        this.say = say;
        this.log = log;
        long limit = task.getTimeouts().getHeartbeatUs() * 1_000;
        gap = limit > 0 ? Math.min(TimeUnit.SECONDS.toNanos(1), limit / 4) : TimeUnit.SECONDS.toNanos(1);
        thread = new Thread(this::run, "saga-activity-" + task.getActivityType());
        thread.setDaemon(true);
    }

    void start(Consumer<WorkerItem> done) {
        this.done = done;
        long limit = task.getTimeouts().getStartToCloseUs();
        // The server's own clock decides; this one ends what would hold a place for ever.
        if (limit > 0) CLOCK.schedule(() -> late(limit), limit + 1_000_000, TimeUnit.MICROSECONDS);
        thread.start();
    }

    private void late(long limit) {
        synchronized (this) {
            if (ended) return;
        }
        var message = "the attempt ran longer than " + Duration.ofNanos(limit * 1_000);
        end(failure(new ActivityFailure(ErrorKind.ERROR_KIND_TIMEOUT, "", message, Map.of(), false)));
        thread.interrupt();
    }

    synchronized void requestCancel() {
        if (cancelRequested || ended) return;
        cancelRequested = true;
        thread.interrupt();
    }

    private void run() {
        WorkerItem report;
        try {
            if (code == null) {
                throw new NoEffectException(new ActivityFailure(ErrorKind.ERROR_KIND_CONFIGURATION, "",
                        "this worker does not serve " + task.getActivityType(), Map.of(), true));
            }
            var output = code.run(this, task);
            // An interruption that came late is none of the encoder's business.
            Thread.interrupted();
            var completed = ActivityCompleted.newBuilder().setTaskToken(task.getTaskToken()).setOutput(values.encode(output));
            synchronized (this) {
                if (undoData != null) completed.setUndoData(undoData);
            }
            report = WorkerItem.newBuilder().setActivityCompleted(completed).build();
        } catch (Throwable thrown) {
            Thread.interrupted();
            report = failure(thrown);
        }
        end(report);
    }

    private void end(WorkerItem report) {
        synchronized (this) {
            if (ended) return;
            ended = true;
        }
        done.accept(report);
    }

    private WorkerItem failure(Throwable thrown) {
        var token = task.getTaskToken();
        if (isCancelRequested() && (thrown instanceof ActivityCanceledException || thrown instanceof InterruptedException)) {
            boolean none = thrown instanceof ActivityCanceledException canceled && canceled.noEffect();
            return WorkerItem.newBuilder().setActivityCanceled(ActivityCanceled.newBuilder().setTaskToken(token)
                    .setEffect(none ? Effect.EFFECT_NONE : Effect.EFFECT_UNKNOWN)).build();
        }
        boolean none = thrown instanceof NoEffectException;
        var cause = none ? thrown.getCause() : thrown;
        var effect = Effect.EFFECT_UNKNOWN;
        ActivityFailure failure;
        if (cause instanceof ActivityFailure known) {
            failure = known;
            boolean follows = known.kind() == ErrorKind.ERROR_KIND_DOMAIN || known.kind() == ErrorKind.ERROR_KIND_VALIDATION;
            if (follows) effect = Effect.EFFECT_UNSPECIFIED;
        } else {
            var message = cause.getMessage() == null ? cause.toString() : cause.getMessage();
            failure = new ActivityFailure(
                    ErrorKind.ERROR_KIND_ACTIVITY_EXECUTION, cause.getClass().getSimpleName(), message, Map.of(), false);
        }
        if (none) effect = Effect.EFFECT_NONE;
        return WorkerItem.newBuilder().setActivityFailed(
                ActivityFailed.newBuilder().setTaskToken(token).setError(failure.toMessage()).setEffect(effect)).build();
    }

    @Override
    public ActivityTask task() {
        return task;
    }

    @Override
    public synchronized boolean isCancelRequested() {
        return cancelRequested;
    }

    @Override
    public synchronized void heartbeat(Object details) {
        this.details = details;
        if (ended || beating) return;
        beating = true;
        CLOCK.schedule(this::beat, Math.max(0, lastBeat + gap - System.nanoTime()), TimeUnit.NANOSECONDS);
    }

    private void beat() {
        WorkerItem item;
        synchronized (this) {
            beating = false;
            if (ended) return;
            lastBeat = System.nanoTime();
            var made = Heartbeat.newBuilder().setTaskToken(task.getTaskToken());
            try {
                if (details != null) made.setDetails(values.encode(details));
            } catch (RuntimeException error) {
                log.accept("heartbeat details of " + task.getActivityType() + " are left out: " + error.getMessage());
            }
            item = WorkerItem.newBuilder().setHeartbeat(made).build();
        }
        say.accept(item);
    }

    @Override
    public <T> T heartbeatDetails(Class<T> type) {
        return values.decode(task.getHeartbeatDetails(), type);
    }

    @Override
    public synchronized void setUndoData(Object value) {
        undoData = values.encode(value);
    }

    @Override
    public <T> T decode(Payload payload, Class<T> type) {
        return values.decode(payload, type);
    }
}
