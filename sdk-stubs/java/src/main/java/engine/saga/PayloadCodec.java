package engine.saga;

import saga.v1.CommonMessages.Payload;

/**
 * Changes every payload on its way out and back in, as an encryption does: the server sees only what encode made. The
 * encoding may be changed; what else is needed to get back goes into the metadata. Called from any thread.
 */
public interface PayloadCodec {
    /** On the way to the server. */
    Payload encode(Payload payload);

    /** On the way back. */
    Payload decode(Payload payload);
}
