package engine.saga;

import com.google.protobuf.ByteString;
import java.time.Duration;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import saga.v1.CommonMessages.StatusCode;
import saga.v1.EventsMessages.SubscribeRequest;
import saga.v1.EventsMessages.SubscriptionItem;

/**
 * The feed of committed events, one item for some events of one saga or aggregate: each event at least once, in the order of the
 * commits for each saga. It goes on over lost connections after the last item that was taken, and ends only by {@link #close()}, from any thread. One thread reads it.
 */
public final class Subscription implements Iterator<SubscriptionItem>, AutoCloseable {
    private final SagaClient client;
    private final SubscribeOptions wanted;
    private final CallOptions options;
    private final Duration limit;
    private final Backoff backoff = new Backoff(100, 5_000);
    private ByteString position;
    private SubscriptionItem next;
    private long failing;
    // Both guarded by this.
    private MessageStream<SubscribeRequest, SubscriptionItem> stream;
    private boolean closed;

    Subscription(SagaClient client, SubscribeOptions wanted, CallOptions options) {
        this.client = client;
        this.wanted = wanted;
        this.options = options;
        limit = options.timeout() == null ? SagaClient.DEFAULT_TIMEOUT : options.timeout();
        position = wanted.position();
    }

    /** Where to go on after the last item that {@link #next()} gave; empty until the server has said where the feed begins. */
    public ByteString position() {
        return position;
    }

    /** Waits for an item; false after {@link #close()}. Throws StatusException, or ConnectionLostException when it gives up. */
    @Override
    public boolean hasNext() {
        while (next == null) {
            SagaException failed;
            try {
                var opened = opened();
                if (opened == null) return false;
                var item = opened.receive();
                if (item != null) {
                    backoff.reset();
                    failing = 0;
                    // Without events it only says how far the feed is.
                    if (item.getEventsCount() == 0) position = item.getPosition();
                    else next = item;
                    continue;
                }
                failed = new ConnectionLostException("the server ended the subscription");
            } catch (StatusException | ConnectionLostException error) {
                failed = error;
            }
            if (isClosed()) return false;
            again(failed);
        }
        return true;
    }

    @Override
    public SubscriptionItem next() {
        if (!hasNext()) throw new NoSuchElementException("the subscription is closed");
        var item = next;
        next = null;
        position = item.getPosition();
        return item;
    }

    /** The items as a stream, which is never complete by itself. */
    public Stream<SubscriptionItem> stream() {
        return StreamSupport.stream(Spliterators.spliteratorUnknownSize(this, Spliterator.ORDERED | Spliterator.NONNULL), false).onClose(this::close);
    }

    @Override
    public synchronized void close() {
        closed = true;
        if (stream != null) stream.close();
    }

    private synchronized boolean isClosed() {
        return closed;
    }

    /** The open stream; null if the subscription is closed. */
    private MessageStream<SubscribeRequest, SubscriptionItem> opened() {
        synchronized (this) {
            if (closed || stream != null) return closed ? null : stream;
        }
        var request = SubscribeRequest.newBuilder().setPosition(position).setFromBeginning(wanted.fromBeginning())
                .addAllEventTypes(wanted.eventTypes()).addAllWorkflowTypes(wanted.workflowTypes()).build();
        // It may have to connect: close() need not wait for that.
        var made = client.events.subscribe(request, options);
        synchronized (this) {
            if (closed) {
                made.close();
                return null;
            }
            stream = made;
            return made;
        }
    }

    private void again(SagaException failed) {
        synchronized (this) {
            if (stream != null) stream.close();
            stream = null;
        }
        long pause = backoff.take();
        if (failed instanceof StatusException status) {
            if (status.code() != StatusCode.STATUS_CODE_UNAVAILABLE && status.code() != StatusCode.STATUS_CODE_RESOURCE_EXHAUSTED) throw failed;
            pause = Math.max(pause, status.retryAfter().toMillis());
        }
        long now = System.nanoTime();
        if (failing == 0) failing = now;
        if (client.isClosed() || now - failing > limit.toNanos()) throw failed;
        SagaClient.sleep(pause, "Events.Subscribe");
    }
}
