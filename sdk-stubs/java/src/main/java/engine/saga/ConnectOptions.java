package engine.saga;

import com.google.gson.Gson;
import java.nio.file.Path;
import java.time.Duration;

/**
 * Where and how to connect. Begin with {@link #to} and change what differs.
 *
 * @param host host name or address
 * @param port its port
 * @param ca PEM file of the certificates to trust; null = those of the JDK
 * @param certificate PEM file of the client's certificate; null = none
 * @param key PEM file of its key, PKCS#8
 * @param serverName name that the server's certificate must carry; null = the host
 * @param token `<key id>.<secret>`; empty = none
 * @param namespace what workflow ids are unique in; empty = the server's default
 * @param insecure plain text; the server must allow it, and the host must be loopback
 * @param connectTimeout until the server's welcome
 * @param codec applied to every payload; null = none
 * @param gson how values become JSON; null = a default one
 */
public record ConnectOptions(
        String host, int port, Path ca, Path certificate, Path key, String serverName, String token, String namespace,
        boolean insecure, Duration connectTimeout, PayloadCodec codec, Gson gson) {
    /** Defaults for an address. */
    public static ConnectOptions to(String host, int port) {
        return new ConnectOptions(host, port, null, null, null, null, "", "", false, Duration.ofSeconds(10), null, null);
    }

    /** Trusts the certificates in a PEM file. */
    public ConnectOptions withCa(Path ca) {
        return new ConnectOptions(host, port, ca, certificate, key, serverName, token, namespace, insecure, connectTimeout, codec, gson);
    }

    /** Shows a client certificate. */
    public ConnectOptions withCertificate(Path certificate, Path key) {
        return new ConnectOptions(host, port, ca, certificate, key, serverName, token, namespace, insecure, connectTimeout, codec, gson);
    }

    /** Expects another name in the server's certificate. */
    public ConnectOptions withServerName(String serverName) {
        return new ConnectOptions(host, port, ca, certificate, key, serverName, token, namespace, insecure, connectTimeout, codec, gson);
    }

    /** Shows a token. */
    public ConnectOptions withToken(String token) {
        return new ConnectOptions(host, port, ca, certificate, key, serverName, token, namespace, insecure, connectTimeout, codec, gson);
    }

    /** Chooses a namespace. */
    public ConnectOptions withNamespace(String namespace) {
        return new ConnectOptions(host, port, ca, certificate, key, serverName, token, namespace, insecure, connectTimeout, codec, gson);
    }

    /** Speaks plain text. */
    public ConnectOptions withInsecure() {
        return new ConnectOptions(host, port, ca, certificate, key, serverName, token, namespace, true, connectTimeout, codec, gson);
    }

    /** Limits the time until the welcome. */
    public ConnectOptions withConnectTimeout(Duration connectTimeout) {
        return new ConnectOptions(host, port, ca, certificate, key, serverName, token, namespace, insecure, connectTimeout, codec, gson);
    }

    /** Applies a codec to every payload; the place for encryption. */
    public ConnectOptions withCodec(PayloadCodec codec) {
        return new ConnectOptions(host, port, ca, certificate, key, serverName, token, namespace, insecure, connectTimeout, codec, gson);
    }

    /** Writes JSON in another way. */
    public ConnectOptions withGson(Gson gson) {
        return new ConnectOptions(host, port, ca, certificate, key, serverName, token, namespace, insecure, connectTimeout, codec, gson);
    }
}
