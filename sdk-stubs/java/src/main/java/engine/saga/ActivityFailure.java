package engine.saga;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import saga.v1.CommonMessages.ErrorKind;
import saga.v1.CommonMessages.MetadataEntry;
import saga.v1.CommonMessages.SagaError;

/** The one error structure of the engine: throw it in an activity, find it as the cause of a failed workflow. */
public class ActivityFailure extends SagaException {
    private static final long serialVersionUID = 1;
    private final ErrorKind kind;
    private final String code;
    private final LinkedHashMap<String, String> context;
    private final boolean nonRetryable;

    /**
     * @param kind decides what the engine does: DOMAIN and VALIDATION are not retried and mean that nothing happened
     * @param code your own name for it, such as `CardDeclined`
     * @param message for people
     * @param context facts for programs
     * @param nonRetryable do not repeat this, whatever the kind says
     */
    public ActivityFailure(ErrorKind kind, String code, String message, Map<String, String> context, boolean nonRetryable) {
        super(message);
        this.kind = kind;
        this.code = code;
        this.context = new LinkedHashMap<>(context);
        this.nonRetryable = nonRetryable;
    }

    /** The business said no ("card declined"): not retried, and nothing happened. */
    public static ActivityFailure domain(String code, String message) {
        return new ActivityFailure(ErrorKind.ERROR_KIND_DOMAIN, code, message, Map.of(), false);
    }

    /** The input is wrong: not retried, and nothing happened. */
    public static ActivityFailure validation(String code, String message) {
        return new ActivityFailure(ErrorKind.ERROR_KIND_VALIDATION, code, message, Map.of(), false);
    }

    /** What failed, by area. */
    public ErrorKind kind() {
        return kind;
    }

    /** The thrower's own name of it. */
    public String code() {
        return code;
    }

    /** Facts for programs, in the order they were added. */
    public Map<String, String> context() {
        return Map.copyOf(context);
    }

    /** Whether it must not be repeated. */
    public boolean nonRetryable() {
        return nonRetryable;
    }

    static ActivityFailure of(SagaError error) {
        var context = new LinkedHashMap<String, String>();
        for (var entry : error.getContextList()) context.put(entry.getKey(), entry.getValue());
        return new ActivityFailure(error.getKind(), error.getCode(), error.getMessage(), context, error.getNonRetryable());
    }

    SagaError toMessage() {
        var made = SagaError.newBuilder().setKind(kind).setCode(cut(code, 255)).setMessage(cut(getMessage(), 4_096))
                .setNonRetryable(nonRetryable).setTimestampUs(System.currentTimeMillis() * 1_000);
        context.forEach((key, value) ->
                made.addContext(MetadataEntry.newBuilder().setKey(cut(key, 255)).setValue(cut(value, 65_536))));
        return made.build();
    }

    /** Text that the server takes: no NUL, no lone surrogate, at most so many bytes. */
    static String cut(String text, int limit) {
        var clean = (text == null ? "" : text).replace('\0', '\ufffd');
        try {
            var encoder = StandardCharsets.UTF_8.newEncoder().onMalformedInput(CodingErrorAction.REPLACE);
            var bytes = encoder.encode(CharBuffer.wrap(clean));
            if (bytes.remaining() > limit) bytes.limit(limit);
            // A character that was cut through is left out.
            var decoder = StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.IGNORE);
            return decoder.decode(ByteBuffer.wrap(bytes.array(), 0, bytes.limit())).toString();
        } catch (CharacterCodingException impossible) {
            return "";
        }
    }
}
