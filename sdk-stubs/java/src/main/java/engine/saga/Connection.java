package engine.saga;

import com.google.protobuf.MessageLite;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import saga.v1.CommonMessages.Status;
import saga.v1.CommonMessages.StatusCode;
import saga.v1.ConnectionMessages.GoAway;
import saga.v1.ConnectionMessages.Hello;
import saga.v1.ConnectionMessages.Welcome;

/**
 * One connection that has said HELLO and was welcomed. One thread reads, another writes what is in the outbox, so that nobody
 * who reads waits for a peer that does not. Its monitor guards it and its streams.
 */
final class Connection {
    static final String ALPN = "saga/1";
    private static final int OUTBOX_LIMIT = 256 << 10;
    /** Fits into the buffers of any socket: writing it waits for nobody, whether the peer reads or not. */
    private static final int AT_ONCE = 8 << 10;

    final Welcome welcome;
    final int maxMessage;
    private final Socket raw;
    private final Socket socket;
    private final DataInputStream input;
    private final int maxFrame;
    private final Map<Integer, MessageStream<?, ?>> streams = new HashMap<>();
    private final Map<Integer, byte[]> afterwards = new HashMap<>();
    private Thread writer;
    private ByteArrayOutputStream outbox = new ByteArrayOutputStream();
    /** Somebody writes to the socket; nobody else may. */
    private boolean writing;
    /** Bytes that the peer may not have read yet, and those of them that were written after the last stream's first. */
    private long unread;
    private long unreadAfterLast;
    private int lastStream;
    private GoAway goingAway;
    private ConnectionLostException lost;
    private long lastSent = System.nanoTime();
    private long lastReceived = System.nanoTime();

    private Connection(Socket raw, Socket socket, DataInputStream input, Welcome welcome) {
        this.raw = raw;
        this.socket = socket;
        this.input = input;
        this.welcome = welcome;
        maxFrame = welcome.getMaxFrame() > Frames.OVERHEAD ? welcome.getMaxFrame() : Frames.MAX_FRAME;
        maxMessage = welcome.getMaxMessage() > 0 ? welcome.getMaxMessage() : Frames.MAX_MESSAGE;
    }

    /** Connects, checks the server's certificate and name, says HELLO and waits for WELCOME. tls null = plain text. */
    static Connection open(ConnectOptions options, SSLContext tls) {
        var where = options.host() + ":" + options.port();
        long end = System.nanoTime() + options.connectTimeout().toNanos();
        Socket raw = null;
        try {
            raw = connect(options, end);
            raw.setTcpNoDelay(true);
            raw.setSoTimeout(left(end));
            Socket socket = tls == null ? raw : secure(raw, options, tls);
            var hello = Hello.newBuilder().setSdkName("java").setSdkVersion(SagaClient.VERSION).setNamespace(options.namespace())
                    .setToken(options.token()).setIdentity(identity()).build().toByteArray();
            socket.getOutputStream().write(Frames.encode(Frames.Kind.HELLO, 0, hello));
            socket.getOutputStream().flush();
            var input = new DataInputStream(new BufferedInputStream(socket.getInputStream(), 65_536));
            raw.setSoTimeout(left(end));
            // In TLS 1.3 a refused client certificate shows only here, on the first read.
            var first = Frames.read(input, Frames.MAX_FRAME);
            if (first.kind() == Frames.Kind.ERROR) throw new StatusException(Status.parseFrom(first.body()));
            if (first.kind() != Frames.Kind.WELCOME) throw new IOException(first.kind() + " instead of WELCOME");
            var made = new Connection(raw, socket, input, Welcome.parseFrom(first.body()));
            raw.setSoTimeout(0);
            for (var part : List.<Runnable>of(made::read, made::write, made::keepAlive)) {
                var thread = new Thread(part, "saga-connection");
                thread.setDaemon(true);
                thread.start();
            }
            return made;
        } catch (IOException error) {
            close(raw);
            throw new ConnectionLostException(where + ": " + error.getMessage(), error);
        } catch (RuntimeException error) {
            close(raw);
            throw error;
        }
    }

    private static Socket connect(ConnectOptions options, long end) throws IOException {
        IOException last = new IOException("no address");
        for (var address : InetAddress.getAllByName(options.host())) {
            var socket = new Socket();
            try {
                socket.connect(new InetSocketAddress(address, options.port()), left(end));
                return socket;
            } catch (IOException error) {
                close(socket);
                last = error;
            }
        }
        throw last;
    }

    private static Socket secure(Socket raw, ConnectOptions options, SSLContext tls) throws IOException {
        var name = options.serverName() == null ? options.host() : options.serverName();
        var socket = (SSLSocket) tls.getSocketFactory().createSocket(raw, name, options.port(), true);
        var parameters = socket.getSSLParameters();
        parameters.setProtocols(new String[] {"TLSv1.3"});
        parameters.setApplicationProtocols(new String[] {ALPN});
        // Without this JSSE checks no name.
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        socket.setSSLParameters(parameters);
        socket.startHandshake();
        if (!ALPN.equals(socket.getApplicationProtocol())) throw new IOException("the server does not speak " + ALPN);
        return socket;
    }

    private static int left(long end) throws IOException {
        long left = (end - System.nanoTime()) / 1_000_000;
        if (left <= 0) throw new IOException("no welcome in time");
        return (int) Math.min(left, Integer.MAX_VALUE);
    }

    private static void close(Socket socket) {
        try {
            if (socket != null) socket.close();
        } catch (IOException ignored) {
            // It is gone either way.
        }
    }

    static String identity() {
        String host;
        try {
            host = InetAddress.getLocalHost().getHostName();
        } catch (IOException unknown) {
            host = "localhost";
        }
        return ActivityFailure.cut(System.getProperty("user.name", "java") + "@" + host + "/" + ProcessHandle.current().pid(), 255);
    }

    /** Waits for a change; 0 = for ever. The caller holds the monitor. */
    void await(long millis, String what) {
        try {
            wait(millis);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new CallCanceledException(what + ": the thread was interrupted");
        }
    }

    synchronized boolean isUsable() {
        return lost == null && goingAway == null;
    }

    synchronized boolean isLost() {
        return lost != null;
    }

    synchronized boolean isFull() {
        return welcome.getMaxStreams() > 0 && streams.size() >= welcome.getMaxStreams();
    }

    // Sending

    /** Adds to the outbox without waiting. Nothing happens on a lost connection. */
    synchronized void put(byte[] data) {
        if (lost != null) return;
        outbox.writeBytes(data);
        // Only the writer waits for this; those who wait for answers sleep on.
        LockSupport.unpark(writer);
    }

    /** True: the caller writes the frame itself, by writeAtOnce, which saves a change of threads. False: it stands in the outbox. */
    private boolean claim(byte[] frame) {
        if (writing || lost != null || outbox.size() > 0 || unread + frame.length > AT_ONCE) {
            put(frame);
            return false;
        }
        writing = true;
        written(frame.length);
        return true;
    }

    private void written(int bytes) {
        lastSent = System.nanoTime();
        unread += bytes;
        unreadAfterLast += bytes;
    }

    private void writeAtOnce(byte[] frame) {
        try {
            var output = socket.getOutputStream();
            output.write(frame);
            output.flush();
        } catch (IOException error) {
            lose(new ConnectionLostException(String.valueOf(error.getMessage()), error));
        } finally {
            synchronized (this) {
                writing = false;
                if (outbox.size() > 0 || lost != null) LockSupport.unpark(writer);
            }
        }
    }

    /** Frame by frame from `at` on, so that others get their turn between the parts of a large message. */
    void sendMessage(Frames.Kind kind, int stream, byte[] body, int method, int at) {
        int most = maxFrame - Frames.OVERHEAD;
        boolean more = true;
        while (more) {
            int size = Math.min(most, body.length - at);
            more = at + size < body.length;
            var frame = Frames.encode(kind, stream, body, at, size, method, more);
            at += size;
            synchronized (this) {
                // Not interrupted: half a message would be the end of the connection.
                boolean interrupted = false;
                while (lost == null && outbox.size() > OUTBOX_LIMIT) {
                    try {
                        wait();
                    } catch (InterruptedException later) {
                        interrupted = true;
                        break;
                    }
                }
                if (interrupted) Thread.currentThread().interrupt();
                if (lost != null) throw lost;
                put(frame);
                if (!more) {
                    var said = afterwards.remove(stream);
                    if (said != null) put(said);
                }
            }
        }
    }

    void afterSending(MessageStream<?, ?> stream, byte[] said) {
        afterwards.put(stream.id, said);
    }

    <Q extends MessageLite, R extends MessageLite> MessageStream<Q, R> open(Method<Q, R> method, Q first) {
        byte[] body = first.toByteArray();
        if (body.length > maxMessage) {
            throw new StatusException(StatusCode.STATUS_CODE_INVALID_ARGUMENT, "a message is at most " + maxMessage + " bytes");
        }
        int head = Math.min(maxFrame - Frames.OVERHEAD, body.length);
        MessageStream<Q, R> stream;
        byte[] frame;
        boolean claimed;
        synchronized (this) {
            if (lost != null) throw lost;
            if (goingAway != null) throw new ConnectionLostException("the server drains: " + goingAway.getReason());
            lastStream += 1;
            boolean given = welcome.getInitialItems() > 0 && welcome.getInitialBytes() > 0;
            stream = new MessageStream<>(this, lastStream, method,
                    given ? welcome.getInitialItems() : Frames.WINDOW_ITEMS, given ? welcome.getInitialBytes() : Frames.WINDOW_BYTES);
            streams.put(stream.id, stream);
            // The first frame leaves before any later stream's: ids must increase on the wire.
            frame = Frames.encode(Frames.Kind.REQUEST, stream.id, body, 0, head, method.number(), head < body.length);
            unreadAfterLast = 0;
            claimed = claim(frame);
            stream.sending = head < body.length;
        }
        if (claimed) writeAtOnce(frame);
        if (head < body.length) {
            var rest = new Thread(() -> {
                try {
                    sendMessage(Frames.Kind.REQUEST, stream.id, body, method.number(), head);
                } catch (ConnectionLostException known) {
                    // The receiving side sees it.
                } finally {
                    synchronized (this) {
                        stream.sending = false;
                        notifyAll();
                    }
                }
            }, "saga-request");
            rest.setDaemon(true);
            rest.start();
        }
        return stream;
    }

    private void write() {
        try {
            var output = socket.getOutputStream();
            while (true) {
                byte[] data = null;
                synchronized (this) {
                    writer = Thread.currentThread();
                    if (writing) {
                        // It will be woken.
                    } else if (outbox.size() > 0) {
                        data = outbox.toByteArray();
                        outbox = new ByteArrayOutputStream();
                        writing = true;
                        written(data.length);
                        // Senders of large messages wait for room.
                        if (data.length > OUTBOX_LIMIT) notifyAll();
                    } else if (lost != null) {
                        return;
                    }
                }
                if (data == null) {
                    LockSupport.park(this);
                    continue;
                }
                output.write(data);
                output.flush();
                synchronized (this) {
                    writing = false;
                }
            }
        } catch (IOException error) {
            lose(new ConnectionLostException(String.valueOf(error.getMessage()), error));
        } finally {
            close(raw);
        }
    }

    // Receiving

    private void read() {
        try {
            while (true) {
                var frame = Frames.read(input, Math.max(maxFrame, Frames.MAX_FRAME));
                synchronized (this) {
                    if (lost != null) return;
                    lastReceived = System.nanoTime();
                    dispatch(frame);
                }
            }
        } catch (IOException error) {
            lose(new ConnectionLostException("the connection ended: " + error.getMessage(), error));
        } catch (RuntimeException error) {
            lose(new ConnectionLostException("the server sent what cannot be read: " + error.getMessage(), error));
        }
    }

    private void dispatch(Frames.Frame frame) throws IOException {
        if (frame.stream() != 0) {
            var stream = streams.get(frame.stream());
            // An answer to the newest stream says that the peer has read all that stood before it, and its request.
            if (frame.stream() == lastStream && frame.kind() == Frames.Kind.RESPONSE) unread = unreadAfterLast;
            if (stream != null) stream.take(frame);
            else if (Integer.compareUnsigned(frame.stream(), lastStream) > 0) throw new IOException("a frame for a stream never opened");
            return;
        }
        switch (frame.kind()) {
            case PING -> put(Frames.encode(Frames.Kind.PONG, 0, frame.body()));
            case GOAWAY -> {
                goingAway = GoAway.parseFrom(frame.body());
                for (var stream : List.copyOf(streams.values())) {
                    if (Integer.compareUnsigned(stream.id, goingAway.getLastStreamId()) <= 0) continue;
                    streams.remove(stream.id);
                    stream.fail(new ConnectionLostException("the server drains: " + goingAway.getReason()));
                }
                closeIfDrained();
            }
            case ERROR -> throw new IOException(new StatusException(Status.parseFrom(frame.body())).getMessage());
            default -> { }
        }
    }

    boolean isOpen(MessageStream<?, ?> stream) {
        return streams.get(stream.id) == stream;
    }

    void forget(MessageStream<?, ?> stream) {
        if (streams.remove(stream.id, stream)) closeIfDrained();
    }

    private void closeIfDrained() {
        if (goingAway != null && streams.isEmpty()) lose(new ConnectionLostException("drained"));
    }

    synchronized void lose(ConnectionLostException error) {
        if (lost != null) return;
        lost = error;
        for (var stream : streams.values()) stream.fail(error);
        streams.clear();
        notifyAll();
        LockSupport.unpark(writer);
        // The writer says what is left and closes; a peer that does not take it is given a second.
        var goodbye = new Thread(() -> {
            try {
                Thread.sleep(1_000);
            } catch (InterruptedException now) {
                Thread.currentThread().interrupt();
            }
            close(raw);
        }, "saga-goodbye");
        goodbye.setDaemon(true);
        goodbye.start();
    }

    private void keepAlive() {
        long closeAfter = (welcome.getCloseAfterMs() > 0 ? welcome.getCloseAfterMs() : 60_000) * 1_000_000L;
        long pingAfter = (welcome.getPingAfterMs() > 0 ? Math.min(welcome.getPingAfterMs(), 20_000) : 20_000) * 1_000_000L;
        while (true) {
            synchronized (this) {
                if (lost != null) return;
                long now = System.nanoTime();
                if (now - lastReceived >= closeAfter) {
                    lose(new ConnectionLostException("the server was silent for too long"));
                    return;
                }
                if (now - lastSent >= pingAfter) {
                    lastSent = now;
                    put(Frames.encode(Frames.Kind.PING, 0, "saga-jv1".getBytes(java.nio.charset.StandardCharsets.US_ASCII)));
                }
            }
            // Not on the monitor: every call would wake it.
            LockSupport.parkNanos(this, 1_000_000_000L);
        }
    }
}
