// The door to OpenSSL 3: its headers, and as functions what Swift cannot import (macros, casts, callbacks).
// SagaTransport is the only target that imports this module.
#pragma once
// SHA256_Init and its companions are marked so since 3.0; what replaces them fetches an implementation at each use.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

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

// HMAC-SHA256 under one key, whose two halves are hashed once. `HMAC` of libcrypto looks the algorithm up and hashes the key
// for each message, which takes fifteen times as long.
typedef struct saga_hmac {
    SHA256_CTX inner, outer;
} saga_hmac;

static inline void saga_hmac_init(saga_hmac *hmac, const void *key, size_t count) {
    unsigned char block[64] = {0};
    // RFC 2104: a key that is longer than a block is hashed first.
    if (count > sizeof block) {
        SHA256((const unsigned char *)key, count, block);
    } else if (count > 0) {
        memcpy(block, key, count);
    }
    for (size_t i = 0; i < sizeof block; i++) block[i] ^= 0x36;
    SHA256_Init(&hmac->inner);
    SHA256_Update(&hmac->inner, block, sizeof block);
    for (size_t i = 0; i < sizeof block; i++) block[i] ^= 0x36 ^ 0x5c;
    SHA256_Init(&hmac->outer);
    SHA256_Update(&hmac->outer, block, sizeof block);
    OPENSSL_cleanse(block, sizeof block);
}

// The tag of two pieces that follow each other; `tag` has 32 bytes.
static inline void saga_hmac_tag(
    const saga_hmac *hmac, const void *first, size_t first_count, const void *second, size_t second_count,
    unsigned char *tag) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256_CTX context = hmac->inner;
    SHA256_Update(&context, first, first_count);
    SHA256_Update(&context, second, second_count);
    SHA256_Final(digest, &context);
    context = hmac->outer;
    SHA256_Update(&context, digest, sizeof digest);
    // Clears the context, too.
    SHA256_Final(tag, &context);
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

// What stands between OpenSSL and the network: input is read where the network left it, output is gathered for one write.
// OpenSSL's own memory BIO copies the input once more and clears its buffer each time, which costs a small request more
// than its decryption.
typedef struct saga_pipe {
    const unsigned char *given;  // the network's bytes, borrowed for the length of one call
    size_t given_count;
    unsigned char *kept;  // what OpenSSL left unread when that call ended; read before `given`
    size_t kept_at, kept_end, kept_room;
    unsigned char *out;
    size_t out_count, out_room;
} saga_pipe;

static inline size_t saga_pipe_unread(const saga_pipe *pipe) {
    return pipe->given_count + (pipe->kept_end - pipe->kept_at);
}

// Room for `more` bytes behind `used`; 0 if there is no memory.
static inline int saga_pipe_reserve(unsigned char **bytes, size_t *room, size_t used, size_t more) {
    if (more <= *room - used) return 1;
    if (more > SIZE_MAX / 4 - used) return 0;
    size_t wanted = (used + more) * 2;
    if (wanted < 512) wanted = 512;
    unsigned char *larger = (unsigned char *)realloc(*bytes, wanted);
    if (larger == NULL) return 0;
    *bytes = larger;
    *room = wanted;
    return 1;
}

static inline void saga_pipe_give(saga_pipe *pipe, const void *bytes, size_t count) {
    pipe->given = (const unsigned char *)bytes;
    pipe->given_count = count;
}

// Ends the loan of saga_pipe_give; 0 if there is no memory for what is unread.
static inline int saga_pipe_keep(saga_pipe *pipe) {
    size_t count = pipe->given_count;
    const unsigned char *given = pipe->given;
    pipe->given = NULL;
    pipe->given_count = 0;
    if (count == 0) return 1;
    if (pipe->kept_at > 0) {
        memmove(pipe->kept, pipe->kept + pipe->kept_at, pipe->kept_end - pipe->kept_at);
        pipe->kept_end -= pipe->kept_at;
        pipe->kept_at = 0;
    }
    if (!saga_pipe_reserve(&pipe->kept, &pipe->kept_room, pipe->kept_end, count)) return 0;
    memcpy(pipe->kept + pipe->kept_end, given, count);
    pipe->kept_end += count;
    return 1;
}

// Forgets up to `count` bytes of output; returns how many.
static inline size_t saga_pipe_drop(saga_pipe *pipe, size_t count) {
    if (count > pipe->out_count) count = pipe->out_count;
    pipe->out_count -= count;
    if (count > 0 && pipe->out_count > 0) memmove(pipe->out, pipe->out + count, pipe->out_count);
    return count;
}

// Moves up to `count` bytes of output to `bytes`.
static inline size_t saga_pipe_take(saga_pipe *pipe, void *bytes, size_t count) {
    if (count > pipe->out_count) count = pipe->out_count;
    if (count == 0) return 0;
    memcpy(bytes, pipe->out, count);
    return saga_pipe_drop(pipe, count);
}

// Gives back buffers that hold nothing.
static inline void saga_pipe_trim(saga_pipe *pipe) {
    if (pipe->kept_at == pipe->kept_end) {
        free(pipe->kept);
        pipe->kept = NULL;
        pipe->kept_at = pipe->kept_end = pipe->kept_room = 0;
    }
    if (pipe->out_count == 0) {
        free(pipe->out);
        pipe->out = NULL;
        pipe->out_room = 0;
    }
}

static inline int saga_pipe_read(BIO *bio, char *bytes, size_t count, size_t *read) {
    saga_pipe *pipe = (saga_pipe *)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    size_t done = pipe->kept_end - pipe->kept_at;
    if (done > 0) {
        if (done > count) done = count;
        memcpy(bytes, pipe->kept + pipe->kept_at, done);
        pipe->kept_at += done;
        if (pipe->kept_at == pipe->kept_end) pipe->kept_at = pipe->kept_end = 0;
    }
    size_t fresh = count - done;
    if (fresh > pipe->given_count) fresh = pipe->given_count;
    if (fresh > 0) {
        memcpy(bytes + done, pipe->given, fresh);
        pipe->given += fresh;
        pipe->given_count -= fresh;
        done += fresh;
    }
    *read = done;
    if (done > 0) return 1;
    BIO_set_retry_read(bio);
    return -1;
}

static inline int saga_pipe_write(BIO *bio, const char *bytes, size_t count, size_t *written) {
    saga_pipe *pipe = (saga_pipe *)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *written = 0;
    if (!saga_pipe_reserve(&pipe->out, &pipe->out_room, pipe->out_count, count)) {
        ERR_raise(ERR_LIB_BIO, ERR_R_MALLOC_FAILURE);
        return 0;
    }
    memcpy(pipe->out + pipe->out_count, bytes, count);
    pipe->out_count += count;
    *written = count;
    return 1;
}

static inline long saga_pipe_control(BIO *bio, int command, long number, void *pointer) {
    (void)number;
    (void)pointer;
    const saga_pipe *pipe = (const saga_pipe *)BIO_get_data(bio);
    switch (command) {
        case BIO_CTRL_PENDING: return (long)saga_pipe_unread(pipe);
        case BIO_CTRL_WPENDING: return (long)pipe->out_count;
        case BIO_CTRL_FLUSH: return 1;
        default: return 0;
    }
}

static inline int saga_pipe_destroy(BIO *bio) {
    saga_pipe *pipe = (saga_pipe *)BIO_get_data(bio);
    if (pipe != NULL) {
        free(pipe->kept);
        free(pipe->out);
        free(pipe);
    }
    BIO_set_data(bio, NULL);
    return 1;
}

// How OpenSSL reaches a pipe; made once a process.
static inline BIO_METHOD *saga_pipe_method(void) {
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "saga pipe");
    if (method == NULL) return NULL;
    if (BIO_meth_set_read_ex(method, saga_pipe_read) != 1 || BIO_meth_set_write_ex(method, saga_pipe_write) != 1
        || BIO_meth_set_ctrl(method, saga_pipe_control) != 1 || BIO_meth_set_destroy(method, saga_pipe_destroy) != 1) {
        BIO_meth_free(method);
        return NULL;
    }
    return method;
}

// Gives `ssl` a pipe for both directions, which lives as long as it does; NULL if there is no memory.
static inline saga_pipe *saga_ssl_set_pipe(SSL *ssl, const BIO_METHOD *method) {
    saga_pipe *pipe = (saga_pipe *)calloc(1, sizeof *pipe);
    if (pipe == NULL) return NULL;
    BIO *bio = BIO_new(method);
    if (bio == NULL) {
        free(pipe);
        return NULL;
    }
    BIO_set_data(bio, pipe);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    return pipe;
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
