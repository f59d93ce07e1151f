package engine.saga;

import com.google.protobuf.ByteString;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import saga.v1.CommonMessages.ErrorKind;
import saga.v1.CommonMessages.StatusCode;
import saga.v1.WorkersMessages.Ack;
import saga.v1.WorkersMessages.AckResult;
import saga.v1.WorkersMessages.ActivityTask;
import saga.v1.WorkersMessages.Drained;
import saga.v1.WorkersMessages.ServerItem;
import saga.v1.WorkersMessages.Slots;
import saga.v1.WorkersMessages.WorkOpen;
import saga.v1.WorkersMessages.WorkerItem;

/**
 * Serves activities until it is stopped, each in a thread of its own.
 *
 * <p>Every task gets one report, which is kept until the server has acknowledged it and sent again over a new stream if need
 * be. A lost stream is opened again with backoff; activities go on meanwhile.
 */
public final class Worker {
    /** Does a step. */
    @FunctionalInterface
    public interface Activity<I, O> {
        /** Returns the step's output. */
        O run(ActivityContext context, I input) throws Exception;
    }

    /** Undoes a step. */
    @FunctionalInterface
    public interface UndoActivity<I, O> {
        /** Returns something for the history, or null. */
        Object run(ActivityContext context, Undo<I, O> undo) throws Exception;
    }

    interface Code {
        Object run(ActivityContext context, ActivityTask task) throws Exception;
    }

    private static final List<StatusCode> FINAL = List.of(StatusCode.STATUS_CODE_UNAUTHENTICATED,
            StatusCode.STATUS_CODE_PERMISSION_DENIED, StatusCode.STATUS_CODE_INVALID_ARGUMENT, StatusCode.STATUS_CODE_UNIMPLEMENTED);

    private final SagaClient client;
    private final List<String> queues;
    private final int places;
    private final Duration drainTimeout;
    private final Consumer<String> log;
    private final Map<String, Code> activities = new TreeMap<>();
    private final Map<ByteString, Attempt> runs = new LinkedHashMap<>();
    private final Map<ByteString, WorkerItem> reports = new LinkedHashMap<>();
    private final ArrayDeque<WorkerItem> outgoing = new ArrayDeque<>();
    private MessageStream<WorkerItem, ServerItem> current;
    private boolean stopping;
    private boolean serverDrains;
    private boolean tokensRefused;

    /** Serves these queues with 20 activities at the same time, 30 s to drain, warnings to System.Logger. */
    public Worker(SagaClient client, String... queues) {
        this(client, List.of(queues), 20, Duration.ofSeconds(30),
                message -> System.getLogger("engine.saga.worker").log(System.Logger.Level.WARNING, message));
    }

    /**
     * @param queues to serve
     * @param maxConcurrent activities at the same time; at most 4,096
     * @param drainTimeout that running activities get after stop before they are interrupted
     * @param log gets warnings
     */
    public Worker(SagaClient client, Collection<String> queues, int maxConcurrent, Duration drainTimeout, Consumer<String> log) {
        if (queues.isEmpty() || maxConcurrent < queues.size() || maxConcurrent > 4_096) {
            throw new IllegalArgumentException("give at least one task queue, and maxConcurrent from their number to 4096");
        }
        this.client = client;
        this.queues = List.copyOf(queues);
        this.places = maxConcurrent;
        this.drainTimeout = drainTimeout;
        this.log = log;
    }

    /** Serves an activity under the name that workflows call it by. Before run. */
    public <I, O> Worker activity(String name, Class<I> input, Activity<I, O> code) {
        activities.put(name, (context, task) -> code.run(context, read(context, task.getInput(), input)));
        return this;
    }

    /** Serves an activity that undoes a step with that input and output. Before run. */
    public <I, O> Worker undo(String name, Class<I> input, Class<O> output, UndoActivity<I, O> code) {
        activities.put(name, (context, task) -> {
            var told = task.getUndo();
            var outcome = switch (told.getOutcome()) {
                case STEP_OUTCOME_COMPLETED -> "completed";
                case STEP_OUTCOME_NO_EFFECT -> "no_effect";
                default -> "unknown";
            };
            return code.run(context, new Undo<>(read(context, task.getInput(), input), read(context, told.getOutput(), output),
                    outcome, told.getStepKey(), told.getData()));
        });
        return this;
    }

    private static <T> T read(ActivityContext context, saga.v1.CommonMessages.Payload payload, Class<T> type) {
        try {
            return context.decode(payload, type);
        } catch (IllegalArgumentException error) {
            throw new NoEffectException(new ActivityFailure(
                    ErrorKind.ERROR_KIND_CODEC, "", "the input cannot be read: " + error.getMessage(), Map.of(), false));
        }
    }

    /** Begins to drain: no new task, running ones finish and are acknowledged, then run returns. */
    public synchronized void stop() {
        stopping = true;
        notifyAll();
    }

    /** Whether a stream is open. */
    public synchronized boolean isServing() {
        return current != null;
    }

    private boolean isIdle() {
        return runs.isEmpty() && reports.isEmpty();
    }

    /** Serves until stop. Throws StatusException if the server refuses the worker for good (credentials, names). */
    public void run() {
        var backoff = new Backoff(200, 10_000);
        while (true) {
            try {
                if (serve()) backoff.reset();
            } catch (ConnectionLostException lost) {
                log.accept("stream lost: " + lost.getMessage());
            } catch (StatusException refused) {
                if (refused.getMessage().contains("running_task_tokens") && !tokensRefused) {
                    // One has expired: its report will be refused by itself, the rest goes on.
                    tokensRefused = true;
                    continue;
                }
                if (FINAL.contains(refused.code())) throw refused;
                log.accept("stream ended: " + refused.getMessage());
            }
            long end = System.nanoTime() + backoff.take() * 1_000_000;
            synchronized (this) {
                while (!(stopping && isIdle()) && System.nanoTime() < end) pause((end - System.nanoTime()) / 1_000_000 + 1);
                if (stopping && isIdle()) return;
            }
        }
    }

    private void pause(long millis) {
        try {
            wait(millis);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new CallCanceledException("worker: the thread was interrupted");
        }
    }

    /** One stream to its end; true if it brought anything. */
    private boolean serve() {
        boolean brought = false;
        try (var stream = client.workers.work(opening(), CallOptions.DEFAULT)) {
            synchronized (this) {
                // Reports that are not acknowledged go out again; fresh ones still in the queue are among them.
                outgoing.clear();
                outgoing.addAll(reports.values());
                current = stream;
                serverDrains = false;
                notifyAll();
            }
            var sender = new Thread(() -> send(stream), "saga-worker");
            sender.setDaemon(true);
            sender.start();
            for (var item = stream.receive(); item != null; item = stream.receive()) {
                brought = true;
                tokensRefused = false;
                handle(item);
            }
            return brought;
        } catch (ConnectionLostException lost) {
            if (!brought) throw lost;
            log.accept("stream lost: " + lost.getMessage());
            return true;
        } finally {
            synchronized (this) {
                current = null;
                notifyAll();
            }
        }
    }

    private synchronized WorkerItem opening() {
        var known = new LinkedHashSet<ByteString>(runs.keySet());
        known.addAll(reports.keySet());
        int free = stopping ? 0 : Math.max(0, places - known.size());
        var open = WorkOpen.newBuilder().setIdentity(Connection.identity()).addAllTaskQueues(queues).addAllActivityTypes(activities.keySet());
        if (!tokensRefused) known.stream().limit(4_096).forEach(open::addRunningTaskTokens);
        // One pool of places for all queues, split so that each has at least one if there are enough.
        for (int i = 0; i < queues.size(); i++) {
            int share = free / queues.size() + (i < free % queues.size() ? 1 : 0);
            if (share > 0) open.addSlots(Slots.newBuilder().setTaskQueue(queues.get(i)).setAddActivities(share));
        }
        return WorkerItem.newBuilder().setOpen(open).build();
    }

    /** Sends what is queued, and ends the stream when it is time. The receiving side sees how the stream ends. */
    private void send(MessageStream<WorkerItem, ServerItem> stream) {
        boolean said = false;
        boolean asked = false;
        long limit = 0;
        try {
            while (true) {
                WorkerItem item;
                boolean last = false;
                synchronized (this) {
                    while (true) {
                        if (current != stream) return;
                        if (!outgoing.isEmpty()) {
                            item = outgoing.remove();
                            break;
                        }
                        if (stopping && !said) {
                            said = true;
                            limit = System.nanoTime() + drainTimeout.toNanos();
                            item = drained(runs.size());
                            break;
                        }
                        if ((stopping || serverDrains) && isIdle()) {
                            item = drained(0);
                            last = true;
                            break;
                        }
                        if (said && !asked && System.nanoTime() >= limit) {
                            asked = true;
                            log.accept(runs.size() + " activities still run; they are asked to stop");
                            runs.values().forEach(Attempt::requestCancel);
                        }
                        pause(said && !asked ? Math.max(1, (limit - System.nanoTime()) / 1_000_000) : 0);
                    }
                }
                stream.send(item);
                if (last) {
                    stream.end();
                    return;
                }
            }
        } catch (SagaException | IllegalStateException ended) {
            // Known to the receiving side.
        }
    }

    private static WorkerItem drained(int running) {
        return WorkerItem.newBuilder().setDrained(Drained.newBuilder().setRunning(running)).build();
    }

    private synchronized void handle(ServerItem item) {
        switch (item.getItemCase()) {
            case ACTIVITY_TASK -> begin(item.getActivityTask());
            case CANCEL_ACTIVITY -> requestCancel(item.getCancelActivity().getTaskToken());
            case HEARTBEAT_ANSWER -> {
                var answer = item.getHeartbeatAnswer();
                if (answer.getCancelRequested() || !answer.getCurrent()) requestCancel(answer.getTaskToken());
            }
            case ACK -> acknowledged(item.getAck());
            case DRAIN -> serverDrains = true;
            default -> { }
        }
        notifyAll();
    }

    private void requestCancel(ByteString token) {
        var run = runs.get(token);
        if (run != null) run.requestCancel();
    }

    private void acknowledged(Ack ack) {
        reports.remove(ack.getTaskToken());
        if (ack.getResult() == AckResult.ACK_RESULT_REFUSED) log.accept("a report was refused: " + ack.getError().getMessage());
        else if (ack.getResult() == AckResult.ACK_RESULT_LATE_EFFECT) {
            log.accept("a report came after the undo of its step; the server deals with it");
        }
    }

    private void begin(ActivityTask task) {
        var token = task.getTaskToken();
        // If it runs here, or has run, the report is on its way.
        if (runs.containsKey(token) || reports.containsKey(token)) return;
        var attempt = new Attempt(client.values(), activities.get(task.getActivityType()), task, this::say, log);
        runs.put(token, attempt);
        attempt.start(report -> {
            synchronized (this) {
                runs.remove(token);
                reports.put(token, report);
                outgoing.add(report);
                notifyAll();
            }
        });
    }

    /** Sends something that is not worth repeating; nothing happens without a stream. */
    private synchronized void say(WorkerItem item) {
        if (current == null) return;
        outgoing.add(item);
        notifyAll();
    }
}
