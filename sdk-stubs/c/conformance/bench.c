/* Carries out BENCH. */
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

typedef struct bench {
    saga_client *client;
    const Saga__Conformance__Action *action;
    SSL *ssl;
    double *times;
    atomic_ulong next;
    atomic_int failed;
} bench;

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* Writes bytes and reads a frame, by OpenSSL's own means. */
static bool trip(SSL *ssl, const uint8_t *data, size_t size)
{
    static uint8_t answer[65536];
    if (SSL_write(ssl, data, (int)size) != (int)size) return false;
    size_t got = 0, want = 4;
    while (got < want) {
        int count = SSL_read(ssl, answer + got, (int)(want - got));
        if (count <= 0) return false;
        got += (size_t)count;
        if (want == 4 && got == 4) want += (size_t)answer[0] << 24 | (size_t)answer[1] << 16 | (size_t)answer[2] << 8 | answer[3];
        if (want > sizeof answer) return false;
    }
    return true;
}

static bool one(bench *b, unsigned long number)
{
    const Saga__Conformance__Action *a = b->action;
    if (b->ssl) {
        uint8_t frame[12 + 256] = {0};
        size_t size = 8 + a->echo.len, stream = number + 1;
        for (int i = 0; i < 4; i++) {
            frame[i] = (uint8_t)(size >> (24 - 8 * i));
            frame[8 + i] = (uint8_t)(stream >> (24 - 8 * i));
        }
        frame[4] = 3;
        frame[6] = 1792 >> 8;
        memcpy(frame + 12, a->echo.data, a->echo.len);
        return trip(b->ssl, frame, 4 + size);
    }
    if (strcmp(a->text, "health") == 0) {
        Saga__V1__HealthResponse *answer = NULL;
        saga_result result = saga_health(b->client, a->echo.data, a->echo.len, NULL, &answer, NULL);
        if (answer) saga__v1__health_response__free_unpacked(answer, NULL);
        return result == SAGA_OK;
    }
    char id[320];
    snprintf(id, sizeof id, "%s-%lu", a->workflow_id, number);
    saga_start_options start = {.workflow_id = id, .task_queue = a->task_queue};
    saga_payload input = saga_raw(a->input->encoding, a->input->data.data, a->input->data.len), output = SAGA_PAYLOAD_INIT;
    if (saga_start(b->client, a->workflow_type, &input, &start, NULL, NULL, NULL) != SAGA_OK) return false;
    saga_result result = saga_wait(b->client, id, NULL, &output, NULL);
    saga_payload_clear(&output);
    return result == SAGA_OK;
}

static void *lane(void *argument)
{
    bench *b = argument;
    for (;;) {
        unsigned long number = atomic_fetch_add(&b->next, 1);
        if (number >= b->action->number || b->failed) return NULL;
        double began = now_us();
        if (!one(b, number)) {
            b->failed = 1;
            return NULL;
        }
        b->times[number] = now_us() - began;
    }
}

static int by_size(const void *left, const void *right)
{
    double l = *(const double *)left, r = *(const double *)right;
    return (l > r) - (l < r);
}

/* A TLS connection that has said hello; NULL if there is none. */
static SSL *dial(const char *where, const ProtobufCBinaryData *hello, SSL_CTX **context)
{
    char copy[4096];
    snprintf(copy, sizeof copy, "%s", where);
    char *ca = strchr(copy, '\n'), *port = ca ? (*ca++ = 0, strrchr(copy, ':')) : NULL;
    if (!port) return NULL;
    *port++ = 0;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    if (getaddrinfo(copy, port, &hints, &found)) return NULL;
    int s = -1, yes = 1;
    for (struct addrinfo *each = found; each && s < 0; each = each->ai_next) {
        s = socket(each->ai_family, each->ai_socktype, 0);
        if (s >= 0 && connect(s, each->ai_addr, each->ai_addrlen)) {
            close(s);
            s = -1;
        }
    }
    freeaddrinfo(found);
    if (s < 0) return NULL;
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_load_verify_locations(*context, ca, NULL);
    SSL_CTX_set_verify(*context, SSL_VERIFY_PEER, NULL);
    SSL *ssl = SSL_new(*context);
    SSL_set_alpn_protos(ssl, (const unsigned char *)"\6saga/1", 7);
    SSL_set1_host(ssl, copy);
    SSL_set_fd(ssl, s);
    if (SSL_connect(ssl) == 1 && trip(ssl, hello->data, hello->len)) return ssl;
    SSL_free(ssl);
    close(s);
    return NULL;
}

saga_result measure(saga_client *client, const char *where, const Saga__Conformance__Action *a, double found[3], saga_error *error)
{
    bench b = {.client = client, .action = a, .times = calloc(a->number + 1, sizeof(double))};
    SSL_CTX *context = NULL;
    (void)error;
    if (strcmp(a->text, "raw") == 0) {
        b.ssl = a->echo.len <= 256 ? dial(where, &a->input->data, &context) : NULL;
        if (!b.ssl) b.failed = 1;
    }
    unsigned lanes = a->concurrency ? a->concurrency : 1;
    pthread_t *threads = calloc(lanes, sizeof *threads);
    double began = now_us();
    for (unsigned i = 0; i < lanes; i++) pthread_create(&threads[i], NULL, lane, &b);
    for (unsigned i = 0; i < lanes; i++) pthread_join(threads[i], NULL);
    found[0] = now_us() - began;
    qsort(b.times, a->number, sizeof(double), by_size);
    found[1] = b.times[a->number / 2];
    found[2] = b.times[a->number * 99 / 100];
    if (b.ssl) {
        close(SSL_get_fd(b.ssl));
        SSL_free(b.ssl);
    }
    SSL_CTX_free(context);
    free(threads);
    free(b.times);
    return b.failed ? SAGA_INVALID : SAGA_OK;
}
