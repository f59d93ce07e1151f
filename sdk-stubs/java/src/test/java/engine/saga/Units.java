package engine.saga;

import engine.saga.Frames.Frame;
import engine.saga.Frames.Kind;
import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import saga.v1.CommonMessages.ErrorKind;
import saga.v1.CommonMessages.Payload;
import saga.v1.CommonMessages.WorkflowRef;

/** Units, without a test framework: what they need is the JDK. Ends with `N passed, N failed`. */
final class Units {
    private interface Test {
        void run() throws Exception;
    }

    private record Trip(String flight, int amount) {}

    private static void check(boolean condition, String what) {
        if (!condition) throw new AssertionError(what);
    }

    private static void refuses(Class<? extends Exception> type, Test test) throws Exception {
        try {
            test.run();
        } catch (Exception thrown) {
            if (type.isInstance(thrown)) return;
            throw thrown;
        }
        throw new AssertionError("nothing was thrown, not " + type);
    }

    private static Frame read(byte[] data) throws IOException {
        return Frames.read(new DataInputStream(new ByteArrayInputStream(data)), Frames.MAX_FRAME);
    }

    private static void framesComeBack() throws Exception {
        var body = "body".getBytes(StandardCharsets.US_ASCII);
        var frame = read(Frames.encode(Kind.REQUEST, 7, body, 0, 4, 256, true));
        check(frame.kind() == Kind.REQUEST && frame.stream() == 7 && frame.method() == 256 && frame.more(), frame.toString());
        check(Arrays.equals(frame.body(), body), "body");
        for (int[] change : new int[][] {{4, 0}, {4, 13}, {4, 99}, {5, 1}, {5, 128}, {3, 7}, {0, 1}}) {
            var broken = Frames.encode(Kind.ITEM, 1, new byte[0]);
            broken[change[0]] = (byte) change[1];
            refuses(IOException.class, () -> read(broken));
        }
    }

    private static void messagesAreJoinedWithinTheirLimit() throws Exception {
        var assembler = new Frames.Assembler();
        check(assembler.add(new Frame(Kind.ITEM, true, 0, 1, new byte[6]), 10) == null, "incomplete");
        refuses(IOException.class, () -> assembler.add(new Frame(Kind.ITEM, true, 0, 1, new byte[6]), 10));
        var other = new Frames.Assembler();
        other.add(new Frame(Kind.ITEM, true, 0, 1, new byte[1]), 10);
        refuses(IOException.class, () -> other.add(new Frame(Kind.RESPONSE, false, 0, 1, new byte[1]), 10));
        var third = new Frames.Assembler();
        third.add(new Frame(Kind.ITEM, true, 0, 1, new byte[1]), 10);
        check(third.add(new Frame(Kind.ERROR, false, 0, 1, new byte[2]), 10).length == 2, "an ERROR cuts off");
    }

    private static void valuesComeBack() throws Exception {
        var values = new Values(null, null);
        var trip = new Trip("LH1 ü <&>", 7);
        check(values.decode(values.encode(trip), Trip.class).equals(trip), "record");
        check(values.encode(trip).getData().toStringUtf8().equals("{\"flight\":\"LH1 ü <&>\",\"amount\":7}"), "plain JSON");
        check(values.encode(null).getData().toStringUtf8().equals("null"), "null");
        check(Arrays.equals(values.decode(values.encode(new byte[] {0, -1}), byte[].class), new byte[] {0, -1}), "bytes");
        var ref = WorkflowRef.newBuilder().setWorkflowId("x").build();
        check(values.decode(values.encode(ref), WorkflowRef.class).equals(ref), "protobuf");
        check(values.decode(Payload.getDefaultInstance(), Trip.class) == null, "none");
        refuses(IllegalArgumentException.class, () -> values.decode(values.encode(ref), Trip.class));
        refuses(IllegalArgumentException.class, () -> values.decode(values.encode(trip), WorkflowRef.class));
        refuses(IllegalArgumentException.class, () -> values.decode(values.encode("x"), Trip.class));
    }

    private static void errorsCrossTheWire() {
        var failure = new ActivityFailure(ErrorKind.ERROR_KIND_TIMEOUT, "C", "no\0 \ud800" + "ü".repeat(5_000), Map.of("k", "v"), true);
        var message = failure.toMessage();
        check(message.getMessageBytes().size() <= 4_096 && message.getMessageBytes().isValidUtf8(), "message");
        check(!message.getMessage().contains("\0"), "NUL");
        var back = ActivityFailure.of(message);
        check(back.kind() == failure.kind() && back.code().equals("C") && back.nonRetryable() && back.context().equals(Map.of("k", "v")), "back");
    }

    private static void methodNumbersAreUnique() {
        var numbers = new HashSet<Integer>();
        for (var method : Methods.ALL) check(numbers.add(method.number()), method.name());
    }

    private static void whatCannotWorkIsRefused() throws Exception {
        refuses(IllegalArgumentException.class, () -> SagaClient.connect(ConnectOptions.to("192.0.2.1", 7233).withInsecure()));
        refuses(IllegalArgumentException.class, () -> SagaClient.connect(ConnectOptions.to("localhost", 1).withCa(Path.of("/nowhere"))));
        refuses(ConnectionLostException.class, () -> SagaClient.connect(ConnectOptions.to("localhost", 1)));
        refuses(IllegalArgumentException.class, () -> new Worker(null));
    }

    private static void definitionsThatSaySomethingImpossibleAreRefused() throws Exception {
        var made = new SagaDefinition("d");
        for (var when : List.of("input.n is large", "input.n ==", "exists", "")) {
            refuses(IllegalArgumentException.class, () -> made.activity("a", "echo", step -> step.when(when)));
        }
        refuses(IllegalArgumentException.class, () -> made.timer("t", Duration.ofSeconds(1), step -> step.pivot()));
        made.activity("a", "echo", step -> step.when("input.n == a b", "input.n != 1e3"));
        var found = made.message().getSteps(made.message().getStepsCount() - 1).getConditionsList();
        check(found.get(0).getValue().equals("\"a b\"") && found.get(1).getValue().equals("1e3"), "conditions");
    }

    /** Runs all. */
    public static void main(String[] arguments) {
        var tests = List.<Test>of(Units::framesComeBack, Units::messagesAreJoinedWithinTheirLimit, Units::valuesComeBack,
                Units::errorsCrossTheWire, Units::methodNumbersAreUnique, Units::whatCannotWorkIsRefused,
                Units::definitionsThatSaySomethingImpossibleAreRefused);
        int failed = 0;
        for (var test : tests) {
            try {
                test.run();
            } catch (Throwable thrown) {
                failed += 1;
                thrown.printStackTrace();
            }
        }
        System.out.println(tests.size() - failed + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }
}
