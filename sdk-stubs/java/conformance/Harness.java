import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import engine.saga.ActivityCanceledException;
import engine.saga.ActivityContext;
import engine.saga.ActivityFailure;
import engine.saga.CallCanceledException;
import engine.saga.CallOptions;
import engine.saga.ConnectOptions;
import engine.saga.ConnectionLostException;
import engine.saga.NoEffectException;
import engine.saga.PayloadCodec;
import engine.saga.Run;
import engine.saga.SagaClient;
import engine.saga.SagaDefinition;
import engine.saga.StartOptions;
import engine.saga.StatusException;
import engine.saga.SubscribeOptions;
import engine.saga.Undo;
import engine.saga.Worker;
import engine.saga.WorkflowEndedException;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import saga.conformance.Conformance.Action;
import saga.conformance.Conformance.ActivityProgram;
import saga.conformance.Conformance.Event;
import saga.conformance.Conformance.Outcome;
import saga.conformance.Conformance.Step;
import saga.conformance.Conformance.Value;
import saga.v1.CommonMessages.ErrorKind;
import saga.v1.CommonMessages.Payload;
import saga.v1.CommonMessages.UndoFailedStep;
import saga.v1.WorkflowsMessages.HistoryChunk;
import saga.v1.WorkflowsMessages.ResetUndo;
import saga.v1.WorkflowsMessages.WorkflowFilter;

/** The harness of the conformance suite: reads actions from standard input and carries them out; see conformance.proto. */
public final class Harness {
    private static final class Xor implements PayloadCodec {
        private static Payload flip(Payload payload, String encoding) {
            byte[] data = payload.getData().toByteArray();
            for (int i = 0; i < data.length; i++) data[i] ^= 0x5a;
            return payload.toBuilder().setEncoding(encoding).setData(ByteString.copyFrom(data)).build();
        }

        @Override
        public Payload encode(Payload payload) {
            return flip(payload, "xor/" + payload.getEncoding());
        }

        @Override
        public Payload decode(Payload payload) {
            return flip(payload, payload.getEncoding().replaceFirst("^xor/", ""));
        }
    }

    private final List<String> lines = new CopyOnWriteArrayList<>();
    private SagaClient client;
    /** What EXPORT kept. */
    private final List<HistoryChunk> exported = new ArrayList<>();
    private saga.conformance.Conformance.Connect where;
    private Worker worker;
    private Thread serving;

    private static Object fromValue(Value value) {
        return switch (value.getEncoding()) {
            case "" -> null;
            case "json" -> JsonParser.parseString(value.getData().toStringUtf8());
            case "bytes" -> value.getData().toByteArray();
            default -> Payload.newBuilder().setEncoding(value.getEncoding()).setData(value.getData()).build();
        };
    }

    private static Value toValue(Payload payload) {
        return Value.newBuilder().setEncoding(payload.getEncoding()).setData(payload.getData()).build();
    }

    private static String text(Object json) {
        var value = json instanceof JsonElement element ? element : JsonNull.INSTANCE;
        return new GsonBuilder().serializeNulls().disableHtmlEscaping().create().toJson(value);
    }

    private Object program(ActivityContext context, ActivityProgram program) throws Exception {
        lines.add("do " + program.getName() + " " + context.attempt());
        return carryOut(context, program.getName(), program.getStepsList());
    }

    private Object undo(ActivityContext context, Undo<ActivityProgram, JsonElement> undo) throws Exception {
        var program = undo.input();
        boolean good = context.task().getIsUndo() && context.idempotencyKey().startsWith(undo.idempotencyKey() + "/undo");
        lines.add(String.join(" ", "undo", program.getName(), undo.outcome(), text(undo.output()),
                text(context.decode(undo.data(), JsonElement.class)), good ? "key" : "bad-key"));
        return carryOut(context, program.getName(), program.getUndoStepsList());
    }

    private Object carryOut(ActivityContext context, String name, List<Step> steps) throws Exception {
        for (var step : steps) {
            if (step.getOnlyAttempt() != 0 && step.getOnlyAttempt() != context.attempt()) continue;
            switch (step.getOp()) {
                case OP_RETURN -> {
                    return fromValue(step.getValue());
                }
                case OP_FAIL -> {
                    var failure = new ActivityFailure(ErrorKind.forNumber(step.getErrorKind()), step.getErrorCode(), step.getText(),
                            Map.of("who", "conformance"), step.getNonRetryable());
                    throw step.getNoEffect() ? new NoEffectException(failure) : failure;
                }
                case OP_THROW -> throw new IllegalStateException(step.getText());
                case OP_HEARTBEAT -> context.heartbeat(fromValue(step.getValue()));
                case OP_SLEEP -> {
                    long end = System.nanoTime() + step.getMs() * 1_000_000;
                    boolean interrupted = false;
                    while (System.nanoTime() < end) {
                        try {
                            Thread.sleep((end - System.nanoTime()) / 1_000_000 + 1);
                        } catch (InterruptedException later) {
                            interrupted = true;
                        }
                    }
                    if (interrupted) Thread.currentThread().interrupt();
                }
                case OP_AWAIT_CANCEL -> {
                    long end = System.nanoTime() + step.getMs() * 1_000_000;
                    while (!context.isCancelRequested() && System.nanoTime() < end) {
                        context.heartbeat(null);
                        try {
                            Thread.sleep(100);
                        } catch (InterruptedException asked) {
                            break;
                        }
                    }
                    if (!context.isCancelRequested()) {
                        throw new ActivityFailure(ErrorKind.ERROR_KIND_TIMEOUT, "", "nobody cancelled it", Map.of(), false);
                    }
                    lines.add("cancelled " + name);
                    throw new ActivityCanceledException(step.getNoEffect());
                }
                case OP_UNDO_DATA -> context.setUndoData(fromValue(step.getValue()));
                case OP_CRASH -> Runtime.getRuntime().halt(137);
                case OP_LOG_DETAILS -> lines.add("details " + name + " " + text(context.heartbeatDetails(JsonElement.class)));
                default -> throw new IllegalArgumentException("unknown op");
            }
        }
        return null;
    }

    private void connect(saga.conformance.Conformance.Connect how) {
        if (client != null) client.close();
        client = null;
        where = how;
        var options = ConnectOptions.to(how.getHost(), how.getPort()).withToken(how.getToken()).withNamespace(how.getNamespace());
        options = how.getCa().isEmpty() ? options.withInsecure() : options.withCa(Path.of(how.getCa()));
        if (!how.getCert().isEmpty()) options = options.withCertificate(Path.of(how.getCert()), Path.of(how.getKey()));
        if (!how.getServerName().isEmpty()) options = options.withServerName(how.getServerName());
        if (how.getCodec()) options = options.withCodec(new Xor());
        if (how.getTimeoutMs() > 0) options = options.withConnectTimeout(Duration.ofMillis(how.getTimeoutMs()));
        client = SagaClient.connect(options);
    }

    /** The calls of the stubs, found in the stubs themselves. */
    private static void methods(Outcome.Builder out) {
        for (var field : SagaClient.class.getFields()) {
            var type = field.getType().getSimpleName();
            if (!type.endsWith("Service")) continue;
            for (var method : field.getType().getDeclaredMethods()) {
                if (!java.lang.reflect.Modifier.isPublic(method.getModifiers()) || method.getName().endsWith("Async")) continue;
                var name = method.getName();
                out.addLines(type.replace("Service", "") + "." + Character.toUpperCase(name.charAt(0)) + name.substring(1));
            }
        }
    }

    private void act(Action a, Outcome.Builder out) throws Exception {
        switch (a.getVerb()) {
            case VERB_CONNECT -> connect(a.getConnect());
            case VERB_LOG -> out.addAllLines(lines);
            case VERB_METHODS -> methods(out);
            default -> call(a, out);
        }
    }

    private void call(Action a, Outcome.Builder out) throws Exception {
        var it = client.workflows();
        var options = CallOptions.DEFAULT;
        if (a.getTimeoutMs() > 0) options = options.withTimeout(Duration.ofMillis(a.getTimeoutMs()));
        if (!a.getRequestId().isEmpty()) options = options.withRequestId(a.getRequestId());
        if (!a.getSagaId().isEmpty()) options = options.withRun(a.getSagaId().toByteArray());
        var id = a.getWorkflowId();
        var why = a.getText();
        var input = fromValue(a.getInput());
        var start = StartOptions.id(id, a.getTaskQueue());
        var filter = WorkflowFilter.newBuilder().setWorkflowIdPrefix(why).build();
        switch (a.getVerb()) {
            case VERB_CLOSE -> client.close();
            case VERB_HEALTH -> out.setValue(Value.newBuilder().setData(it.health(a.getEcho().toByteArray(), options).getEcho()));
            case VERB_START -> started(out, it.start(a.getWorkflowType(), input, start, options));
            case VERB_SIGNAL_WITH_START ->
                started(out, it.signalWithStart(a.getWorkflowType(), null, start, a.getName(), input, why, options));
            case VERB_SIGNAL -> it.signal(id, a.getName(), input, why, options);
            case VERB_CANCEL -> it.cancel(id, why, options);
            case VERB_TERMINATE -> it.terminate(id, a.getFlag(), why, options);
            case VERB_RESULT -> out.setValue(toValue(it.result(id, Payload.class, options)));
            case VERB_DESCRIBE -> {
                var found = it.describe(id, options);
                out.setNumber(found.getInfo().getStatusValue());
                found.getWaitingForList().forEach(waiting -> out.addLines(String.valueOf(waiting.getKindValue())));
            }
            case VERB_LIST -> it.list(filter, (int) a.getNumber(), info -> out.addLines(info.getWorkflowId()), options);
            case VERB_COUNT -> out.setNumber(it.count(filter, options));
            case VERB_HISTORY -> it.history(id, 0, event ->
                    out.addEvents(Event.newBuilder().setId(event.getEventId()).setCode(event.getEventType())), options);
            case VERB_FOLLOW -> it.followHistory(id, 0, event ->
                    out.addEvents(Event.newBuilder().setId(event.getEventId()).setCode(event.getEventType())), options);
            case VERB_PAUSE -> it.pause(id, why, options);
            case VERB_RESUME -> it.resume(id, why, options);
            case VERB_QUERY -> out.setValue(toValue(it.query(id, a.getName(), input, Payload.class, options)));
            case VERB_UPDATE -> out.setValue(toValue(it.update(id, a.getName(), input, why, Payload.class, options)));
            case VERB_RESET -> started(out, it.reset(id, a.getNumber(), ResetUndo.RESET_UNDO_UNSPECIFIED, why, options));
            case VERB_STATE_AT -> out.setNumber(it.stateAt(id, a.getNumber(), options).getInfo().getStatusValue());
            case VERB_DELETE -> it.delete(id, options);
            case VERB_LIST_BLOCKED -> it.listBlocked(blocked -> out.addLines(blocked.getInfo().getWorkflowId()), options);
            case VERB_RETRY_UNDO -> it.retryUndo(id, a.getNumber(), why, options);
            case VERB_RETRY_UNDO_WITH_INPUT -> it.retryUndoWithInput(id, a.getNumber(), input, why, options);
            case VERB_SKIP_UNDO -> it.skipUndo(id, a.getNumber(), why, options);
            case VERB_RESOLVE_UNDO -> it.resolveUndo(id, a.getNumber(), why, options);
            case VERB_GIVE_UP -> it.giveUp(id, why, options);
            case VERB_LATE_EFFECTS -> it.lateEffects(id, late -> out.setNumber(out.getNumber() + 1), options);
            case VERB_SUBSCRIBE -> subscribe(a, out);
            case VERB_EXPORT -> {
                exported.clear();
                it.exportHistory(id, exported::add, options);
                out.setNumber(exported.size());
                for (var chunk : exported) {
                    for (var event : chunk.getEventsList()) out.addEvents(Event.newBuilder().setId(event.getEventId()).setCode(event.getEventType()));
                }
            }
            case VERB_IMPORT -> {
                var made = it.importHistory(exported.iterator(), options);
                out.setSagaId(made.getSagaId()).setNumber(made.getEvents());
            }
            case VERB_BENCH -> out.addAllLines(Bench.measured(client, where, a));
            case VERB_REGISTER -> out.setNumber(it.register(declared(why, a.getWorkflowType(), a.getTaskQueue()), options));
            case VERB_SERVE -> serve(a);
            case VERB_DRAIN -> {
                worker.stop();
                serving.join();
            }
            default -> throw new IllegalArgumentException("unknown verb");
        }
    }

    private void subscribe(Action a, Outcome.Builder out) {
        var wanted = new SubscribeOptions(a.getPosition(), a.getFlag(), a.getEventTypesList(), List.of());
        if (!a.getWorkflowType().isEmpty()) wanted = wanted.withWorkflowTypes(List.of(a.getWorkflowType()));
        try (var feed = client.subscribe(wanted)) {
            while (out.getLinesCount() < a.getNumber()) {
                var item = feed.next();
                for (var event : item.getEventsList()) {
                    out.addLines(item.getWorkflowId() + " " + item.getWorkflowType() + " " + event.getEventId() + " " + event.getEventType());
                }
            }
            out.setPosition(feed.position());
        }
    }

    /** The definitions of VERB_REGISTER. */
    private static SagaDefinition declared(String which, String name, String queue) {
        var made = new SagaDefinition(name).taskQueue(queue);
        if (which.equals("everything")) {
            made.timeout(Duration.ofMinutes(10)).description("all of it");
            var undo = new SagaDefinition.Undoing("refund").input(Map.of("who", "${input.who}")).taskQueue("desk")
                    .failedStep(UndoFailedStep.UNDO_FAILED_STEP_ALWAYS).probe("paid");
            made.activity("pay", "charge", step -> step.input(List.of("${input.n}", true)).taskQueue("bank").attempts(5)
                    .timeout(Duration.ofMillis(2_500)).pivot().undo(undo)
                    .when("input.n >= 2", "input.who != nobody", "input.mail exists"));
            made.signal("ok", "go", Duration.ofMillis(1_500), step -> step);
            made.timer("rest", Duration.ofMillis(20), step -> step.when("input.n < 9"));
            made.child("sub", "other", step -> step.input("${input}").taskQueue("else"));
            var end = made.activity("end", "tidy");
            made.returns(end.output());
            return made;
        }
        if (which.equals("wrong")) {
            made.activity("a", "echo", step -> step.input("${steps.nobody.output}"));
            return made;
        }
        var a = made.activity("a", "echo", step -> step.input(Map.of("n", "${input.n}")));
        made.parallel(() -> {
            made.activity("b", "echo", step -> step.input(Map.of("got", a.output("n"))));
            made.activity("c", "echo", step -> step.when("input.n > 3"));
        });
        var b = new SagaDefinition.StepRef("b");
        made.returns(Map.of("a", a.output("n"), "b", b.output("got"), "c", "${steps.c.output.n ?? 0}"));
        return made;
    }

    private static void started(Outcome.Builder out, Run run) {
        out.setSagaId(ByteString.copyFrom(run.sagaId())).setAlreadyStarted(run.alreadyStarted());
    }

    private void serve(Action a) throws InterruptedException {
        worker = new Worker(client, List.of(a.getTaskQueue()), (int) a.getNumber(), Duration.ofSeconds(30), message -> { })
                .activity("program", ActivityProgram.class, this::program)
                .undo("undo", ActivityProgram.class, JsonElement.class, this::undo)
                .activity("echo", Payload.class, (context, payload) -> payload);
        serving = new Thread(worker::run);
        serving.setDaemon(true);
        serving.start();
        for (int i = 0; i < 2_000 && !worker.isServing(); i++) Thread.sleep(5);
    }

    private Outcome carryOut(Action action) {
        var out = Outcome.newBuilder();
        Thread timer = null;
        if (action.getCancelAfterMs() > 0) {
            var waiting = Thread.currentThread();
            timer = new Thread(() -> {
                try {
                    Thread.sleep(action.getCancelAfterMs());
                    waiting.interrupt();
                } catch (InterruptedException over) {
                    // The call was faster.
                }
            });
            timer.start();
        }
        try {
            act(action, out);
            out.setResult("ok");
        } catch (Throwable error) {
            describe(out, error);
        }
        if (timer != null) timer.interrupt();
        Thread.interrupted();
        return out.build();
    }

    private static void describe(Outcome.Builder out, Throwable error) {
        out.setResult("bug").setMessage(String.valueOf(error));
        if (error instanceof StatusException status) out.setResult("status").setStatusCode(status.code().getNumber());
        else if (error instanceof ConnectionLostException) out.setResult("connection_lost");
        else if (error instanceof CallCanceledException) out.setResult("cancelled");
        else if (error instanceof WorkflowEndedException ended) {
            out.setResult("workflow_" + ended.status().name().replace("WORKFLOW_STATUS_", "").toLowerCase());
            out.setCompensation(ended.compensation());
            var failure = ended.failure();
            if (failure == null) return;
            out.setErrorKind(failure.kind().getNumber()).setErrorCode(failure.code()).setErrorMessage(failure.getMessage());
            failure.context().forEach((key, value) -> out.addErrorContext(key + "=" + value));
        } else if (error instanceof IllegalArgumentException) out.setResult("invalid");
    }

    /** Ends with the end of its input. */
    public static void main(String[] arguments) throws Exception {
        var in = new DataInputStream(System.in);
        var out = new DataOutputStream(System.out);
        var harness = new Harness();
        while (true) {
            byte[] body;
            try {
                body = in.readNBytes(in.readInt());
            } catch (EOFException end) {
                break;
            }
            body = harness.carryOut(Action.parseFrom(body)).toByteArray();
            out.writeInt(body.length);
            out.write(body);
            out.flush();
        }
        System.exit(0);
    }
}
