package engine.saga;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** PEM files as JSSE wants them. */
final class Tls {
    private Tls() {}

    static SSLContext context(Path ca, Path certificate, Path key) throws IOException, GeneralSecurityException {
        TrustManagerFactory trust = null;
        if (ca != null) {
            var store = KeyStore.getInstance(KeyStore.getDefaultType());
            store.load(null, null);
            var all = certificates(ca);
            for (int i = 0; i < all.length; i++) store.setCertificateEntry("ca" + i, all[i]);
            trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            trust.init(store);
        }
        KeyManagerFactory keys = null;
        if (certificate != null) {
            var store = KeyStore.getInstance(KeyStore.getDefaultType());
            store.load(null, null);
            store.setKeyEntry("client", privateKey(key == null ? certificate : key), new char[0], certificates(certificate));
            keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            keys.init(store, new char[0]);
        }
        var context = SSLContext.getInstance("TLSv1.3");
        context.init(keys == null ? null : keys.getKeyManagers(), trust == null ? null : trust.getTrustManagers(), null);
        return context;
    }

    private static Certificate[] certificates(Path file) throws IOException, GeneralSecurityException {
        var pem = new ByteArrayInputStream(section(file, "CERTIFICATE", true).getBytes(StandardCharsets.US_ASCII));
        return CertificateFactory.getInstance("X.509").generateCertificates(pem).toArray(Certificate[]::new);
    }

    private static PrivateKey privateKey(Path file) throws IOException, GeneralSecurityException {
        var text = section(file, "PRIVATE KEY", false).replaceAll("-----[^-]*-----|\\s", "");
        var spec = new PKCS8EncodedKeySpec(Base64.getDecoder().decode(text));
        GeneralSecurityException last = null;
        for (var algorithm : new String[] {"EC", "RSA", "EdDSA"}) {
            try {
                return KeyFactory.getInstance(algorithm).generatePrivate(spec);
            } catch (GeneralSecurityException other) {
                last = other;
            }
        }
        throw last;
    }

    /** The PEM blocks of one kind. */
    private static String section(Path file, String kind, boolean all) throws IOException, GeneralSecurityException {
        var text = Files.readString(file, StandardCharsets.US_ASCII);
        var found = new StringBuilder();
        var begin = "-----BEGIN " + kind + "-----";
        var end = "-----END " + kind + "-----";
        for (int at = text.indexOf(begin); at >= 0; at = text.indexOf(begin, at + 1)) {
            int to = text.indexOf(end, at);
            if (to < 0) break;
            found.append(text, at, to + end.length()).append('\n');
            if (!all) break;
        }
        if (found.isEmpty()) throw new GeneralSecurityException("no " + kind + " in " + file + " (keys must be PKCS#8)");
        return found.toString();
    }
}
