package engine.saga;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import java.nio.charset.StandardCharsets;
import saga.v1.CommonMessages.MetadataEntry;
import saga.v1.CommonMessages.Payload;

/**
 * Values to payloads and back: JSON by Gson for everything but `byte[]` (encoding `bytes`), protobuf messages (`protobuf`)
 * and Payload (as it is); then the codec, if there is one.
 */
public final class Values {
    private final Gson gson;
    private final PayloadCodec codec;

    Values(Gson gson, PayloadCodec codec) {
        this.gson = gson == null ? new GsonBuilder().serializeNulls().disableHtmlEscaping().create() : gson;
        this.codec = codec;
    }

    /** A value as it goes to the server. */
    public Payload encode(Object value) {
        Payload made;
        if (value instanceof Payload payload) {
            made = payload;
        } else if (value instanceof byte[] bytes) {
            made = Payload.newBuilder().setEncoding("bytes").setData(ByteString.copyFrom(bytes)).build();
        } else if (value instanceof Message message) {
            var type = MetadataEntry.newBuilder().setKey("type").setValue(message.getDescriptorForType().getFullName());
            made = Payload.newBuilder().setEncoding("protobuf").setData(message.toByteString()).addMetadata(type).build();
        } else {
            made = Payload.newBuilder().setEncoding("json").setData(ByteString.copyFromUtf8(gson.toJson(value))).build();
        }
        return codec == null ? made : codec.encode(made);
    }

    /** A value as it came from the server; null for none. Throws IllegalArgumentException if it is not of that type. */
    public <T> T decode(Payload payload, Class<T> type) {
        if (payload.getEncoding().isEmpty() && payload.getData().isEmpty()) {
            return type == Payload.class ? type.cast(payload) : null;
        }
        var plain = codec == null ? payload : codec.decode(payload);
        if (type == Payload.class) return type.cast(plain);
        try {
            if (Message.class.isAssignableFrom(type)) {
                if (!plain.getEncoding().equals("protobuf")) throw new IllegalArgumentException("not protobuf");
                var builder = (Message.Builder) type.getMethod("newBuilder").invoke(null);
                return type.cast(builder.mergeFrom(plain.getData()).build());
            }
            if (type == byte[].class) {
                if (!plain.getEncoding().equals("bytes")) throw new IllegalArgumentException("not bytes");
                return type.cast(plain.getData().toByteArray());
            }
            if (!plain.getEncoding().equals("json")) throw new IllegalArgumentException("not json");
            return gson.fromJson(plain.getData().toString(StandardCharsets.UTF_8), type);
        } catch (ReflectiveOperationException | com.google.protobuf.InvalidProtocolBufferException | RuntimeException error) {
            throw new IllegalArgumentException(
                    "a payload of encoding " + plain.getEncoding() + " is no " + type.getSimpleName() + ": " + error.getMessage(), error);
        }
    }
}
