package engine.saga;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Frames: twelve bytes of header and a body, big endian: length (of all after itself), kind, flags, method, stream id.
 */
final class Frames {
    static final int OVERHEAD = 8;
    static final int HEADER = 12;
    static final int MAX_FRAME = 65_536;
    static final int MAX_MESSAGE = 4 << 20;
    static final int WINDOW_ITEMS = 64;
    static final int WINDOW_BYTES = 256 << 10;
    private static final int MORE = 2;

    private Frames() {}

    enum Kind {
        NONE, HELLO, WELCOME, REQUEST, RESPONSE, ERROR, ITEM, END, CANCEL, CREDIT, PING, PONG, GOAWAY
    }

    record Frame(Kind kind, boolean more, int method, int stream, byte[] body) {}

    static byte[] encode(Kind kind, int stream, byte[] body, int from, int size, int method, boolean more) {
        return ByteBuffer.allocate(HEADER + size).putInt(size + OVERHEAD).put((byte) kind.ordinal()).put((byte) (more ? MORE : 0))
                .putShort((short) method).putInt(stream).put(body, from, size).array();
    }

    static byte[] encode(Kind kind, int stream, byte[] body) {
        return encode(kind, stream, body, 0, body.length, 0, false);
    }

    /** Reads one frame, and refuses a bad one before anything is allocated for it. */
    static Frame read(DataInputStream input, int maxFrame) throws IOException {
        long length = Integer.toUnsignedLong(input.readInt());
        int kind = input.readUnsignedByte();
        int flags = input.readUnsignedByte();
        int method = input.readUnsignedShort();
        int stream = input.readInt();
        if (length < OVERHEAD || length > maxFrame) throw new IOException("a frame of length " + length);
        if (kind == 0 || kind >= Kind.values().length) throw new IOException("unknown frame kind " + kind);
        if ((flags & ~MORE) != 0) throw new IOException("unknown frame flags " + flags);
        byte[] body = new byte[(int) length - OVERHEAD];
        input.readFully(body);
        return new Frame(Kind.values()[kind], (flags & MORE) != 0, method, stream, body);
    }

    /** Joins the frames of the messages of one stream, within a limit. */
    static final class Assembler {
        private Kind kind;
        private ByteArrayOutputStream parts = new ByteArrayOutputStream();

        /** The whole message, or null while it is incomplete. */
        byte[] add(Frame frame, int maxMessage) throws IOException {
            if (kind == null && !frame.more()) return frame.body();
            if (kind != null && frame.kind() != kind) {
                // Only an ERROR may cut off a message that was under way.
                if (frame.kind() != Kind.ERROR) throw new IOException(frame.kind() + " within another message");
                parts = new ByteArrayOutputStream();
            }
            kind = frame.kind();
            if (parts.size() + frame.body().length > maxMessage) throw new IOException("a message over the limit");
            parts.write(frame.body());
            if (frame.more()) return null;
            byte[] whole = parts.toByteArray();
            kind = null;
            parts = new ByteArrayOutputStream();
            return whole;
        }
    }
}
