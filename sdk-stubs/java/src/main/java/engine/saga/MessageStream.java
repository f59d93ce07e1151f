package engine.saga;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import saga.v1.CommonMessages.Status;
import saga.v1.CommonMessages.StatusCode;
import saga.v1.ConnectionMessages.StreamCancel;

/** A call or stream. One thread may send while another receives; everything is guarded by the connection's monitor. */
public final class MessageStream<Q extends MessageLite, R extends MessageLite> implements AutoCloseable {
    private record Arrived<R>(R message, int size) {}

    final int id;
    private final Connection connection;
    private final Method<Q, R> method;
    private final Frames.Assembler assembler = new Frames.Assembler();
    private final ArrayDeque<Arrived<R>> inbox = new ArrayDeque<>();
    private SagaException over;
    private boolean endedByPeer;
    private boolean endedByUs;
    boolean sending;
    private long sendItems;
    private long sendBytes;
    private int consumedItems;
    private int consumedBytes;

    MessageStream(Connection connection, int id, Method<Q, R> method, long items, long bytes) {
        this.connection = connection;
        this.id = id;
        this.method = method;
        endedByUs = !method.clientStreaming();
        sendItems = items;
        sendBytes = bytes;
    }

    /** The next message, null after the last. Throws StatusException or ConnectionLostException. */
    public R receive() {
        return receive(null);
    }

    /** The same within a time; then StatusException DEADLINE_EXCEEDED. null = for ever. */
    public R receive(Duration timeout) {
        long end = timeout == null ? Long.MAX_VALUE : System.nanoTime() + timeout.toNanos();
        synchronized (connection) {
            while (inbox.isEmpty()) {
                if (over != null) throw over;
                if (endedByPeer) return null;
                long left = timeout == null ? 0 : Math.max(1, (end - System.nanoTime()) / 1_000_000);
                if (timeout != null && System.nanoTime() >= end) {
                    throw new StatusException(StatusCode.STATUS_CODE_DEADLINE_EXCEEDED, method.name() + " was not answered in time");
                }
                connection.await(left, method.name());
            }
            var next = inbox.remove();
            consume(next.size());
            return next.message();
        }
    }

    /** Sends a message; waits while the server's window is full. */
    public void send(Q item) {
        byte[] body = item.toByteArray();
        synchronized (connection) {
            while (over == null && !endedByUs && (sending || sendItems <= 0 || sendBytes <= 0)) connection.await(0, method.name());
            if (over != null) throw over;
            if (endedByUs) throw new IllegalStateException("the stream is half-closed");
            sendItems -= 1;
            sendBytes -= body.length;
            sending = true;
        }
        try {
            connection.sendMessage(Frames.Kind.ITEM, id, body, 0, 0);
        } finally {
            synchronized (connection) {
                sending = false;
                connection.notifyAll();
            }
        }
    }

    /** Says that no more messages come from here. */
    public void end() {
        synchronized (connection) {
            while (sending && over == null) connection.await(0, method.name());
            if (endedByUs || over != null) return;
            endedByUs = true;
            connection.put(Frames.encode(Frames.Kind.END, id, new byte[0]));
            if (endedByPeer) connection.forget(this);
        }
    }

    /** Ends both directions. Nothing that was recorded is undone; nothing happens if the stream has ended. */
    @Override
    public void close() {
        synchronized (connection) {
            if (connection.isOpen(this)) {
                var said = Frames.encode(Frames.Kind.CANCEL, id, StreamCancel.newBuilder().setReason("no longer wanted").build().toByteArray());
                // Half a message would be the end of the connection: the sender says it after the rest.
                if (sending) connection.afterSending(this, said);
                else connection.put(said);
                connection.forget(this);
            }
            fail(new StatusException(StatusCode.STATUS_CODE_CANCELLED, "closed here"));
        }
    }

    // Called by the connection, which holds its monitor.

    void fail(SagaException error) {
        if (over == null) over = error;
        connection.notifyAll();
    }

    void take(Frames.Frame frame) throws IOException {
        switch (frame.kind()) {
            case CREDIT -> {
                if (frame.body().length != 8) throw new IOException("a CREDIT that has not 8 bytes");
                var body = ByteBuffer.wrap(frame.body());
                sendItems += Integer.toUnsignedLong(body.getInt());
                sendBytes += Integer.toUnsignedLong(body.getInt());
            }
            case END -> {
                endedByPeer = true;
                if (endedByUs) connection.forget(this);
            }
            case CANCEL -> {
                connection.forget(this);
                fail(new StatusException(StatusCode.STATUS_CODE_CANCELLED, StreamCancel.parseFrom(frame.body()).getReason()));
            }
            default -> takeMessage(frame);
        }
        connection.notifyAll();
    }

    private void takeMessage(Frames.Frame frame) throws IOException {
        byte[] body = assembler.add(frame, connection.maxMessage);
        if (body == null) return;
        if (frame.kind() == Frames.Kind.ERROR) {
            connection.forget(this);
            fail(new StatusException(Status.parseFrom(body)));
            return;
        }
        // After items a RESPONSE says nothing but that there are no more.
        boolean carries = frame.kind() != Frames.Kind.RESPONSE || !method.serverStreaming();
        try {
            if (carries) inbox.add(new Arrived<>(method.responses().parseFrom(body), body.length));
        } catch (InvalidProtocolBufferException error) {
            throw new IOException("a body that is not the method's message", error);
        }
        if (frame.kind() == Frames.Kind.RESPONSE) {
            endedByPeer = true;
            endedByUs = true;
            connection.forget(this);
        }
    }

    /** Grants the window again in halves. */
    private void consume(int size) {
        if (!method.serverStreaming() || endedByPeer || over != null) return;
        consumedItems += 1;
        consumedBytes += size;
        if (consumedItems < Frames.WINDOW_ITEMS / 2 && consumedBytes < Frames.WINDOW_BYTES / 2) return;
        var body = ByteBuffer.allocate(8).putInt(consumedItems).putInt(consumedBytes).array();
        connection.put(Frames.encode(Frames.Kind.CREDIT, id, body));
        consumedItems = 0;
        consumedBytes = 0;
    }
}
