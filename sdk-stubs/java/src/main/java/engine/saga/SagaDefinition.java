package engine.saga;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.time.Duration;
import java.util.Map;
import java.util.function.UnaryOperator;
import saga.v1.CommonMessages.ActivityTimeouts;
import saga.v1.CommonMessages.RetryPolicy;
import saga.v1.CommonMessages.UndoFailedStep;
import saga.v1.CommonMessages.UndoSpec;
import saga.v1.DefinitionsMessages.ActivityStep;
import saga.v1.DefinitionsMessages.ChildStep;
import saga.v1.DefinitionsMessages.Condition;
import saga.v1.DefinitionsMessages.ConditionOp;
import saga.v1.DefinitionsMessages.InputTemplate;
import saga.v1.DefinitionsMessages.SignalStep;
import saga.v1.DefinitionsMessages.StepDefinition;
import saga.v1.DefinitionsMessages.TimerStep;

/**
 * A saga as data: built here, run by the server with no workflow worker.
 *
 * <pre>{@code
 * var trip = new SagaDefinition("trip").taskQueue("travel");
 * var flight = trip.activity("flight", "bookFlight", step -> step.undo("cancelFlight"));
 * trip.parallel(() -> {
 *     trip.activity("hotel", "bookHotel", step -> step.input(Map.of("nights", "${input.nights}")).undo("cancelHotel"));
 *     trip.activity("car", "bookCar", step -> step.input(Map.of("flight", flight.output("number"))).undo("cancelCar"));
 * });
 * trip.returns(Map.of("flight", flight.output("number")));
 * client.workflows().register(trip, CallOptions.DEFAULT);
 * }</pre>
 *
 * Texts in inputs refer to values: {@code ${input.path}}, {@code ${steps.ID.output.path}}, {@code ${path ?? default}}.
 */
public final class SagaDefinition {
    private static final Gson GSON = new GsonBuilder().serializeNulls().disableHtmlEscaping().create();
    private static final Map<String, ConditionOp> COMPARISONS = Map.of(
            "==", ConditionOp.CONDITION_OP_EQUAL, "!=", ConditionOp.CONDITION_OP_NOT_EQUAL,
            "<", ConditionOp.CONDITION_OP_LESS, "<=", ConditionOp.CONDITION_OP_LESS_OR_EQUAL,
            ">", ConditionOp.CONDITION_OP_GREATER, ">=", ConditionOp.CONDITION_OP_GREATER_OR_EQUAL);

    private final saga.v1.DefinitionsMessages.SagaDefinition.Builder message = saga.v1.DefinitionsMessages.SagaDefinition.newBuilder();
    private String group = "";
    private int groups;

    /** Begins a definition; its name is the workflow type. */
    public SagaDefinition(String name) {
        message.setName(name);
    }

    /** Queue of steps that name none. Default: `default`. */
    public SagaDefinition taskQueue(String queue) {
        message.setTaskQueue(queue);
        return this;
    }

    /** After this time a run is undone. Default: never. */
    public SagaDefinition timeout(Duration timeout) {
        message.setExecutionTimeoutUs(micros(timeout));
        return this;
    }

    /** For people. */
    public SagaDefinition description(String text) {
        message.setDescription(text);
        return this;
    }

    /** A step of a definition. */
    public record StepRef(String id) {
        /** Refers to what the step returned. */
        public String output() {
            return "${steps." + id + ".output}";
        }

        /** Refers to a part of what the step returned. */
        public String output(String path) {
            return "${steps." + id + ".output." + path + "}";
        }
    }

    /** How a step is undone, where an activity's name is not enough. */
    public static final class Undoing {
        private final UndoSpec.Builder spec = UndoSpec.newBuilder().setUndoFailedStep(UndoFailedStep.UNDO_FAILED_STEP_IF_UNKNOWN);
        private Object input;

        /** Undone by this activity. */
        public Undoing(String activity) {
            spec.setActivityType(activity);
        }

        /** Comes to the undo as its data; may also refer to {@code ${output...}}, {@code ${outcome}} and {@code ${key}} of the step. */
        public Undoing input(Object value) {
            input = value;
            return this;
        }

        /** Default: the step's own queue. */
        public Undoing taskQueue(String queue) {
            spec.setTaskQueue(queue);
            return this;
        }

        /** Whether a step that failed is undone. Default: if its outcome is unknown. */
        public Undoing failedStep(UndoFailedStep when) {
            spec.setUndoFailedStep(when);
            return this;
        }

        /** Activity that finds out whether a step of unknown outcome happened. */
        public Undoing probe(String activity) {
            spec.setProbeActivityType(activity);
            return this;
        }
    }

    /** What can be said about a step; what does not fit its kind is refused with an IllegalArgumentException. */
    public static final class Step {
        private final StepDefinition.Builder made;

        private Step(StepDefinition.Builder made) {
            this.made = made;
        }

        private ActivityStep.Builder activity(String what) {
            if (!made.hasActivity()) throw new IllegalArgumentException("step " + made.getId() + " is no activity and has no " + what);
            return made.getActivityBuilder();
        }

        /** What it receives. Default: the start input. */
        public Step input(Object value) {
            if (made.hasChild()) {
                made.getChildBuilder().setInput(template(value));
            } else {
                activity("input").setInput(template(value));
            }
            return this;
        }

        /** Undone by this activity. */
        public Step undo(String activity) {
            return undo(new Undoing(activity));
        }

        /** How it is undone. */
        public Step undo(Undoing undo) {
            var step = activity("undo").setUndo(undo.spec);
            if (undo.input != null) step.setUndoInput(GSON.toJson(undo.input));
            return this;
        }

        /** Queue whose workers run it. Default: the definition's. */
        public Step taskQueue(String queue) {
            if (made.hasChild()) {
                made.getChildBuilder().setTaskQueue(queue);
            } else {
                activity("queue").setTaskQueue(queue);
            }
            return this;
        }

        /** Attempts in all. Default 3. */
        public Step attempts(int attempts) {
            activity("attempts").setRetry(RetryPolicy.newBuilder().setMaximumAttempts(attempts).setInitialIntervalUs(1_000_000)
                    .setBackoffCoefficient(2).setMaximumIntervalUs(60_000_000).setJitter(0.1));
            return this;
        }

        /** How long an attempt may take. Default 300 s. */
        public Step timeout(Duration timeout) {
            activity("timeout").setTimeouts(ActivityTimeouts.newBuilder().setStartToCloseUs(micros(timeout)));
            return this;
        }

        /** When it completes, earlier steps are not undone any more. */
        public Step pivot() {
            activity("pivot").setPivot(true);
            return this;
        }

        /** Leaves the step out unless all hold, such as {@code input.n > 3} or {@code steps.pay.output.state exists}. */
        public Step when(String... conditions) {
            for (var text : conditions) made.addConditions(condition(text));
            return this;
        }
    }

    /** Steps made in the body run at the same time. */
    public void parallel(Runnable body) {
        group = "parallel " + ++groups;
        try {
            body.run();
        } finally {
            group = "";
        }
    }

    /** Runs an activity on the start input. */
    public StepRef activity(String id, String activityType) {
        return activity(id, activityType, step -> step);
    }

    /** Runs an activity. */
    public StepRef activity(String id, String activityType, UnaryOperator<Step> says) {
        return add(id, StepDefinition.newBuilder().setActivity(ActivityStep.newBuilder().setActivityType(activityType)), says);
    }

    /** Waits for a signal; its data is the step's output. When the time passes (zero = never), the saga fails. */
    public StepRef signal(String id, String name, Duration within, UnaryOperator<Step> says) {
        return add(id, StepDefinition.newBuilder().setSignal(SignalStep.newBuilder().setName(name).setTimeoutUs(micros(within))), says);
    }

    /** Waits. */
    public StepRef timer(String id, Duration delay, UnaryOperator<Step> says) {
        return add(id, StepDefinition.newBuilder().setTimer(TimerStep.newBuilder().setDelayUs(micros(delay))), says);
    }

    /** Runs another workflow or definition as a part of this saga. */
    public StepRef child(String id, String workflowType, UnaryOperator<Step> says) {
        return add(id, StepDefinition.newBuilder().setChild(ChildStep.newBuilder().setWorkflowType(workflowType)), says);
    }

    /** What the saga returns; without this, the outputs of its steps by their ids. */
    public void returns(Object value) {
        message.setOutput(template(value));
    }

    /** What goes over the wire. */
    public saga.v1.DefinitionsMessages.SagaDefinition message() {
        return message.build();
    }

    private StepRef add(String id, StepDefinition.Builder made, UnaryOperator<Step> says) {
        says.apply(new Step(made.setId(id).setGroup(group)));
        message.addSteps(made);
        return new StepRef(id);
    }

    private static long micros(Duration time) {
        return time.toNanos() / 1_000;
    }

    private static InputTemplate template(Object value) {
        var made = InputTemplate.newBuilder();
        return ("${input}".equals(value) ? made.setStartInput(true) : made.setTemplate(GSON.toJson(value))).build();
    }

    private static Condition condition(String text) {
        var words = text.strip().split("\\s+", 3);
        if (words.length == 2 && words[1].equals("exists")) {
            return Condition.newBuilder().setPath(words[0]).setOp(ConditionOp.CONDITION_OP_EXISTS).build();
        }
        var op = words.length == 3 ? COMPARISONS.get(words[1]) : null;
        if (op == null) {
            throw new IllegalArgumentException("a condition is PATH == VALUE (or !=, <, <=, >, >=) or PATH exists, not " + text);
        }
        return Condition.newBuilder().setPath(words[0]).setOp(op).setValue(isJson(words[2]) ? words[2] : GSON.toJson(words[2])).build();
    }

    private static boolean isJson(String text) {
        // Gson reads bare words as texts; JSON has only these three.
        if (!text.matches("(?s)true|false|null|[-0-9\"\\[{].*")) return false;
        try {
            JsonParser.parseString(text);
            return true;
        } catch (JsonParseException error) {
            return false;
        }
    }
}
