package engine.saga;

import com.google.protobuf.Message;
import com.google.protobuf.MessageLite;
import java.io.IOException;
import java.net.InetAddress;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import javax.net.ssl.SSLContext;
import saga.v1.CommonMessages.RequestHeader;
import saga.v1.CommonMessages.StatusCode;

/**
 * Calls of one namespace over one connection, which is made again when it is lost.
 *
 * <p>A call that the connection took with it is repeated until its deadline, with the same request id: the server does nothing
 * twice. {@link #workflows()} has the calls with Java values; {@link #stubs} and its siblings are the generated stubs of every
 * call. Safe for any number of threads; interrupting a waiting one ends its call.
 */
public final class SagaClient implements AutoCloseable {
    /** Version of this SDK. */
    public static final String VERSION = "0.1.0";

    static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(30);

    /** Generated stubs of the service Workflows. */
    public final WorkflowsService stubs = new WorkflowsService(this);
    /** Generated stubs of the service Compensation. */
    public final CompensationService compensation = new CompensationService(this);
    /** Generated stubs of the service Definitions. */
    public final DefinitionsService definitions = new DefinitionsService(this);
    /** Generated stubs of the service Schedules. */
    public final SchedulesService schedules = new SchedulesService(this);
    /** Generated stubs of the service Events. */
    public final EventsService events = new EventsService(this);
    /** Generated stubs of the service Workers. */
    public final WorkersService workers = new WorkersService(this);
    /** Generated stubs of the service Admin. */
    public final AdminService admin = new AdminService(this);

    private final ConnectOptions options;
    private final SSLContext tls;
    private final Values values;
    private final Workflows workflows;
    private final List<Connection> draining = new ArrayList<>();
    private final Object dialing = new Object();
    private Connection current;
    private boolean closed;
    private ExecutorService executor;

    private SagaClient(ConnectOptions options, SSLContext tls) {
        this.options = options;
        this.tls = tls;
        values = new Values(options.gson(), options.codec());
        workflows = new Workflows(this);
    }

    /**
     * Connects over TLS 1.3, checks the server's certificate and name, and waits for its welcome. Throws
     * ConnectionLostException if the server cannot be reached or trusted, StatusException if it refuses the hello,
     * IllegalArgumentException for files that cannot be read.
     */
    public static SagaClient connect(ConnectOptions options) {
        try {
            if (options.insecure() && !InetAddress.getByName(options.host()).isLoopbackAddress()) {
                throw new IllegalArgumentException("plain text is for loopback only; give a CA instead");
            }
            var tls = options.insecure() ? null : Tls.context(options.ca(), options.certificate(), options.key());
            var client = new SagaClient(options, tls);
            client.connection();
            return client;
        } catch (IOException | GeneralSecurityException error) {
            throw new IllegalArgumentException(error.getMessage(), error);
        }
    }

    /** Sagas as callers see them. */
    public Workflows workflows() {
        return workflows;
    }

    /**
     * The feed of committed events. It opens with the first item that is asked for. The time-out of the options is how long it tries
     * to connect again, 30 s by default.
     */
    public Subscription subscribe(SubscribeOptions wanted, CallOptions options) {
        return new Subscription(this, wanted, options);
    }

    /** {@link #subscribe(SubscribeOptions, CallOptions)} with defaults. */
    public Subscription subscribe(SubscribeOptions wanted) {
        return subscribe(wanted, CallOptions.DEFAULT);
    }

    /** How this client turns values into payloads. */
    public Values values() {
        return values;
    }

    /** Name and version of the server, as of the last welcome. */
    public synchronized String serverVersion() {
        return current == null ? "" : current.welcome.getServerVersion();
    }

    /** Closes the connection; what is under way is lost. */
    @Override
    public synchronized void close() {
        closed = true;
        for (var connection : draining) connection.lose(new ConnectionLostException("closed here"));
        if (current != null) current.lose(new ConnectionLostException("closed here"));
        if (executor != null) executor.shutdown();
    }

    synchronized boolean isClosed() {
        return closed;
    }

    private synchronized Connection usable() {
        if (closed) throw new ConnectionLostException("the client is closed");
        if (current != null && current.isUsable()) {
            if (!current.isFull()) return current;
            throw new StatusException(StatusCode.STATUS_CODE_RESOURCE_EXHAUSTED, "too many calls in flight on this connection");
        }
        draining.removeIf(Connection::isLost);
        // Calls that run on a connection that goes away finish there.
        if (current != null && !current.isLost()) draining.add(current);
        current = null;
        return null;
    }

    private Connection connection() {
        var found = usable();
        if (found != null) return found;
        synchronized (dialing) {
            found = usable();
            if (found != null) return found;
            var made = Connection.open(options, tls);
            synchronized (this) {
                if (closed) made.lose(new ConnectionLostException("closed here"));
                current = made;
                return made;
            }
        }
    }

    // Carrying calls out

    private static <Q extends MessageLite> Q withHeader(Method<Q, ?> method, Q request, CallOptions options, String id, long deadlineMs) {
        var message = (Message) request;
        var field = message.getDescriptorForType().findFieldByNumber(1);
        var header = ((RequestHeader) message.getField(field)).toBuilder();
        if (method.mutates()) {
            if (options.requestId() != null && !options.requestId().isEmpty()) header.setRequestId(options.requestId());
            else if (header.getRequestId().isEmpty()) header.setRequestId(id);
        }
        header.setDeadlineMs(deadlineMs);
        @SuppressWarnings("unchecked")
        var made = (Q) message.toBuilder().setField(field, header.build()).build();
        return made;
    }

    /** One call until its deadline: repeated over new connections, with one request id. */
    public <Q extends MessageLite, R extends MessageLite> R call(Method<Q, R> method, Q request, CallOptions options) {
        var id = method.mutates() ? UUID.randomUUID().toString() : "";
        var timeout = options.timeout() == null ? DEFAULT_TIMEOUT : options.timeout();
        long deadline = System.nanoTime() + timeout.toNanos();
        var backoff = new Backoff(100, 5_000);
        while (true) {
            long pause = backoff.take();
            SagaException failed;
            try {
                return attempt(method, request, options, id, deadline);
            } catch (StatusException busy) {
                if (busy.code() != StatusCode.STATUS_CODE_UNAVAILABLE && busy.code() != StatusCode.STATUS_CODE_RESOURCE_EXHAUSTED) throw busy;
                pause = Math.max(pause, busy.retryAfter().toMillis());
                failed = busy;
            } catch (ConnectionLostException lost) {
                if (isClosed()) throw lost;
                failed = lost;
            }
            if (System.nanoTime() + pause * 1_000_000 >= deadline) throw failed;
            sleep(pause, method.name());
        }
    }

    static void sleep(long millis, String what) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new CallCanceledException(what + ": the thread was interrupted");
        }
    }

    private <Q extends MessageLite, R extends MessageLite> R attempt(
            Method<Q, R> method, Q request, CallOptions options, String id, long deadline) {
        var connection = connection();
        long left = Math.max(1, (deadline - System.nanoTime()) / 1_000_000);
        try (var stream = connection.open(method, withHeader(method, request, options, id, left))) {
            // A little longer than the server is told, so that its own answer wins.
            var answer = stream.receive(Duration.ofMillis(left + 1_000));
            if (answer == null) throw new ConnectionLostException(method.name() + ": the server ended the call without an answer");
            return answer;
        }
    }

    /** {@link #call} on a thread of the client's own. */
    public <Q extends MessageLite, R extends MessageLite> CompletableFuture<R> callAsync(
            Method<Q, R> method, Q request, CallOptions options) {
        ExecutorService runs;
        synchronized (this) {
            if (executor == null) {
                executor = Executors.newCachedThreadPool(task -> {
                    var thread = new Thread(task, "saga-call");
                    thread.setDaemon(true);
                    return thread;
                });
            }
            runs = executor;
        }
        return CompletableFuture.supplyAsync(() -> call(method, request, options), runs);
    }

    /** Opens a stream with its first message. */
    public <Q extends MessageLite, R extends MessageLite> MessageStream<Q, R> openStream(
            Method<Q, R> method, Q first, CallOptions options) {
        return connection().open(method, withHeader(method, first, options, UUID.randomUUID().toString(), 0));
    }
}
