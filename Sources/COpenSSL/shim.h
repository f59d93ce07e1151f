// The door to OpenSSL 3: its headers, and as functions what Swift cannot import (macros, casts, callbacks).
// SagaTransport is the only target that imports this module.
#pragma once
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

// TLS 1.3 and nothing else, without early data, tickets, renegotiation or compression.
static inline int saga_ssl_ctx_harden(SSL_CTX *ctx) {
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE
                                 | SSL_OP_PRIORITIZE_CHACHA | SSL_OP_NO_TICKET);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE
                              | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify_depth(ctx, 3);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1
        && SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1
        && SSL_CTX_set_ciphersuites(
               ctx, "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256") == 1
        && SSL_CTX_set1_groups_list(ctx, "X25519:P-256") == 1
        && SSL_CTX_set_num_tickets(ctx, 0) == 1
        && SSL_CTX_set_max_early_data(ctx, 0) == 1;
}

// The one protocol we speak, as ALPN writes it: length, then name.
static const unsigned char saga_alpn[] = {6, 's', 'a', 'g', 'a', '/', '1'};

static inline int saga_ssl_select_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen,
                                       const unsigned char *in, unsigned int inlen, void *arg) {
    (void)ssl;
    (void)arg;
    unsigned char *selected = NULL;
    if (SSL_select_next_proto(&selected, outlen, saga_alpn, sizeof saga_alpn, in, inlen) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = selected;
    return SSL_TLSEXT_ERR_OK;
}

// A ClientHello without ALPN would never reach the callback above.
static inline int saga_ssl_require_alpn(SSL *ssl, int *alert, void *arg) {
    (void)arg;
    const unsigned char *extension = NULL;
    size_t length = 0;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &extension, &length) != 1) {
        *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
        ERR_raise(ERR_LIB_SSL, SSL_R_NO_APPLICATION_PROTOCOL);
        return SSL_CLIENT_HELLO_ERROR;
    }
    return SSL_CLIENT_HELLO_SUCCESS;
}

static inline void saga_ssl_ctx_serve_alpn(SSL_CTX *ctx) {
    SSL_CTX_set_alpn_select_cb(ctx, saga_ssl_select_alpn, NULL);
    SSL_CTX_set_client_hello_cb(ctx, saga_ssl_require_alpn, NULL);
}

static inline int saga_ssl_ctx_offer_alpn(SSL_CTX *ctx) {
    return SSL_CTX_set_alpn_protos(ctx, saga_alpn, sizeof saga_alpn) == 0;
}

static inline int saga_ssl_has_alpn(const SSL *ssl) {
    const unsigned char *name = NULL;
    unsigned int length = 0;
    SSL_get0_alpn_selected(ssl, &name, &length);
    return length == sizeof saga_alpn - 1 && CRYPTO_memcmp(name, saga_alpn + 1, length) == 0;
}

static inline long saga_ssl_set_server_name(SSL *ssl, const char *name) {
    return SSL_set_tlsext_host_name(ssl, name);
}

// Counts the peer's KeyUpdate messages into a caller's counter: each costs us key derivations.
static inline void saga_ssl_count_key_updates(
    int write_p, int version, int content_type, const void *buf, size_t len, SSL *ssl, void *arg) {
    (void)version;
    (void)ssl;
    if (!write_p && content_type == SSL3_RT_HANDSHAKE && len > 0
        && ((const unsigned char *)buf)[0] == SSL3_MT_KEY_UPDATE) {
        *(unsigned int *)arg += 1;
    }
}

static inline void saga_ssl_watch_key_updates(SSL *ssl, unsigned int *counter) {
    SSL_set_msg_callback(ssl, saga_ssl_count_key_updates);
    SSL_set_msg_callback_arg(ssl, counter);
}

// The subject in RFC 2253 form; the return value is the length, at most size.
static inline int saga_x509_subject_text(const X509 *certificate, char *buffer, int size) {
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL) {
        return 0;
    }
    int length = 0;
    if (X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) >= 0) {
        length = BIO_read(bio, buffer, size);
    }
    BIO_free(bio);
    return length > 0 ? length : 0;
}

static inline X509_NAME *saga_x509_subject(const X509 *certificate) {
    return X509_get_subject_name(certificate);
}

static inline EVP_PKEY *saga_generate_p256(void) {
    return EVP_EC_gen("P-256");
}

static inline unsigned long saga_err_reason(unsigned long code) {
    return (unsigned long)ERR_GET_REASON(code);
}

static inline int saga_err_is_system(unsigned long code) {
    return ERR_SYSTEM_ERROR(code) ? 1 : 0;
}

static inline void saga_x509v3_set_context(X509V3_CTX *ctx, X509 *issuer, X509 *subject) {
    X509V3_set_ctx_nodb(ctx);
    X509V3_set_ctx(ctx, issuer, subject, NULL, NULL, 0);
}
