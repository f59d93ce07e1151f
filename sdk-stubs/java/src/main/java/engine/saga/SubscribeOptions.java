package engine.saga;

import com.google.protobuf.ByteString;
import java.util.List;

/**
 * What of the feed, and from where.
 *
 * @param position of an earlier item: goes on after it; empty = from now, or from the beginning
 * @param fromBeginning without a position: from the oldest event there is
 * @param eventTypes codes of the events that are wanted; empty = all; at most 64
 * @param workflowTypes types of the sagas that are wanted; empty = all; at most 32
 */
public record SubscribeOptions(ByteString position, boolean fromBeginning, List<Integer> eventTypes, List<String> workflowTypes) {
    /** Everything from now on. */
    public static final SubscribeOptions FROM_NOW = new SubscribeOptions(ByteString.EMPTY, false, List.of(), List.of());

    /** Everything there is. */
    public static final SubscribeOptions FROM_BEGINNING = new SubscribeOptions(ByteString.EMPTY, true, List.of(), List.of());

    /** Everything after an item with that position. */
    public static SubscribeOptions after(ByteString position) {
        return new SubscribeOptions(position, false, List.of(), List.of());
    }

    /** The same, only events of these codes. */
    public SubscribeOptions withEventTypes(List<Integer> codes) {
        return new SubscribeOptions(position, fromBeginning, codes, workflowTypes);
    }

    /** The same, only events of sagas of these types. */
    public SubscribeOptions withWorkflowTypes(List<String> types) {
        return new SubscribeOptions(position, fromBeginning, eventTypes, types);
    }
}
