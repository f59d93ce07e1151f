import com.google.protobuf.ByteString;
import engine.saga.CallOptions;
import engine.saga.SagaClient;
import engine.saga.StartOptions;
import java.io.DataInputStream;
import java.io.FileInputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import saga.conformance.Conformance.Action;
import saga.conformance.Conformance.Connect;
import saga.v1.CommonMessages.Payload;

/** Carries out BENCH. */
final class Bench {
    private interface One {
        void run(int number) throws Exception;
    }

    private Bench() {}

    /** Round trips over a TLS connection by Java's own means. */
    private static One raw(SSLSocket socket, Action action) throws Exception {
        OutputStream out = socket.getOutputStream();
        var in = new DataInputStream(socket.getInputStream());
        out.write(action.getInput().getData().toByteArray());
        in.readFully(new byte[in.readInt()]);
        var echo = action.getEcho().toByteArray();
        var request = ByteBuffer.allocate(12 + echo.length).putInt(8 + echo.length).put((byte) 3).put((byte) 0).putShort((short) 1792)
                .putInt(0).put(echo);
        var answer = new byte[65_536];
        return number -> {
            request.putInt(8, number + 1);
            out.write(request.array());
            in.readFully(answer, 0, in.readInt());
        };
    }

    private static SSLSocket socket(Connect where) throws Exception {
        var trusted = KeyStore.getInstance(KeyStore.getDefaultType());
        trusted.load(null, null);
        try (var file = new FileInputStream(where.getCa())) {
            trusted.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(file));
        }
        var managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(trusted);
        var context = SSLContext.getInstance("TLSv1.3");
        context.init(null, managers.getTrustManagers(), null);
        var socket = (SSLSocket) context.getSocketFactory().createSocket(where.getHost(), where.getPort());
        socket.setTcpNoDelay(true);
        var parameters = socket.getSSLParameters();
        parameters.setApplicationProtocols(new String[] {"saga/1"});
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        socket.setSSLParameters(parameters);
        return socket;
    }

    /** All of it, the median and the 99th percentile, in microseconds. */
    static List<String> measured(SagaClient client, Connect where, Action action) throws Exception {
        if (action.getText().equals("raw")) {
            try (var socket = socket(where)) {
                return timed(action, raw(socket, action));
            }
        }
        var echo = action.getEcho().toByteArray();
        if (action.getText().equals("health")) return timed(action, number -> client.workflows().health(echo, CallOptions.DEFAULT));
        var input = Payload.newBuilder().setEncoding(action.getInput().getEncoding())
                .setData(ByteString.copyFrom(action.getInput().getData().toByteArray())).build();
        return timed(action, number -> {
            var start = StartOptions.id(action.getWorkflowId() + "-" + number, action.getTaskQueue());
            client.workflows().result(client.workflows().start(action.getWorkflowType(), input, start), Payload.class);
        });
    }

    private static List<String> timed(Action action, One one) throws Exception {
        var times = new long[(int) action.getNumber()];
        var next = new AtomicInteger();
        var failed = new AtomicReference<Exception>();
        Runnable lane = () -> {
            for (int number = next.getAndIncrement(); number < times.length; number = next.getAndIncrement()) {
                long began = System.nanoTime();
                try {
                    one.run(number);
                } catch (Exception error) {
                    failed.set(error);
                    return;
                }
                times[number] = System.nanoTime() - began;
            }
        };
        var lanes = new ArrayList<Thread>();
        long began = System.nanoTime();
        for (int i = 0; i < Math.max(1, action.getConcurrency()); i++) lanes.add(new Thread(lane));
        lanes.forEach(Thread::start);
        for (var thread : lanes) thread.join();
        long total = System.nanoTime() - began;
        if (failed.get() != null) throw failed.get();
        Arrays.sort(times);
        var lines = new ArrayList<String>();
        for (long found : new long[] {total, times[times.length / 2], times[times.length * 99 / 100]}) {
            lines.add(String.format(Locale.ROOT, "%.1f", found / 1_000.0));
        }
        return lines;
    }
}
