// The limit to hold the server against: Admin.Health over the frame protocol, in C, with one thread, epoll, OpenSSL
// over sockets and protobuf-c. It checks frames and decodes and encodes every message, and does nothing else.
//
// usage: echo PORT CERTIFICATE KEY
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "frame.h"
#include "saga/v1/admin_messages.pb-c.h"
#include "saga/v1/connection_messages.pb-c.h"

typedef struct {
    int fd;
    SSL *ssl;
    int handshaken, welcomed;
    uint32_t events, last_stream;
    uint8_t *in; // a frame that is not complete yet
    size_t in_count;
    uint8_t *out; // answers that the socket did not take
    size_t out_count, out_sent;
} connection;

static int poller;
static uint8_t scratch[4 * 65536];
static uint8_t answers[1 << 20];
static size_t answers_count;

static void close_connection(connection *c) {
    epoll_ctl(poller, EPOLL_CTL_DEL, c->fd, NULL);
    SSL_free(c->ssl);
    close(c->fd);
    free(c->in);
    free(c->out);
    free(c);
}

static void wait_for(connection *c, uint32_t events) {
    if (events == c->events) return;
    struct epoll_event event = {.events = events, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
    c->events = events;
}

static int64_t wall_clock_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * 1000000ll + t.tv_nsec / 1000;
}

static int answer_health(uint32_t stream, const uint8_t *body, size_t count) {
    Saga__V1__HealthRequest *request = saga__v1__health_request__unpack(NULL, count, body);
    if (request == NULL) return -1;
    Saga__V1__HealthResponse response = SAGA__V1__HEALTH_RESPONSE__INIT;
    response.server_time_us = wall_clock_us();
    response.echo = request->echo;
    size_t size = saga__v1__health_response__get_packed_size(&response);
    int result = -1;
    if (size <= FRAME_MAX - 8 && answers_count + FRAME_HEADER + size <= sizeof answers) {
        put_header(answers + answers_count, KIND_RESPONSE, 0, stream, size);
        saga__v1__health_response__pack(&response, answers + answers_count + FRAME_HEADER);
        answers_count += FRAME_HEADER + size;
        result = 0;
    }
    saga__v1__health_request__free_unpacked(request, NULL);
    return result;
}

static int answer_hello(const uint8_t *body, size_t count) {
    Saga__V1__Hello *hello = saga__v1__hello__unpack(NULL, count, body);
    if (hello == NULL) return -1;
    saga__v1__hello__free_unpacked(hello, NULL);
    Saga__V1__Welcome welcome = SAGA__V1__WELCOME__INIT;
    welcome.max_frame = FRAME_MAX;
    welcome.max_message = 4 << 20;
    welcome.max_streams = 256;
    welcome.server_version = "c-echo";
    size_t size = saga__v1__welcome__get_packed_size(&welcome);
    put_header(answers + answers_count, KIND_WELCOME, 0, 0, size);
    saga__v1__welcome__pack(&welcome, answers + answers_count + FRAME_HEADER);
    answers_count += FRAME_HEADER + size;
    return 0;
}

static int answer_frame(connection *c, const uint8_t *frame, size_t length) {
    uint8_t kind = frame[4];
    uint16_t method = (uint16_t)(frame[6] << 8 | frame[7]);
    uint32_t stream = get32(frame + 8);
    const uint8_t *body = frame + FRAME_HEADER;
    size_t count = length - 8;
    if (frame[5] != 0) return -1;
    if (!c->welcomed) {
        if (kind != KIND_HELLO || count > 4096) return -1;
        c->welcomed = 1;
        return answer_hello(body, count);
    }
    if (kind == KIND_REQUEST && method == METHOD_HEALTH && stream > c->last_stream) {
        c->last_stream = stream;
        return answer_health(stream, body, count);
    }
    if (kind == KIND_PING && count == 8) {
        put_header(answers + answers_count, KIND_PONG, 0, 0, 8);
        memcpy(answers + answers_count + FRAME_HEADER, body, 8);
        answers_count += FRAME_HEADER + 8;
        return 0;
    }
    return kind == KIND_PONG ? 0 : -1;
}

// Returns what was used up, or -1.
static ssize_t parse(connection *c, const uint8_t *bytes, size_t count) {
    size_t used = 0;
    while (count - used >= FRAME_HEADER) {
        uint32_t length = get32(bytes + used);
        if (length < 8 || length > FRAME_MAX) return -1;
        if (count - used < 4 + (size_t)length) break;
        if (answers_count > sizeof answers / 2) break;
        if (answer_frame(c, bytes + used, length) != 0) return -1;
        used += 4 + (size_t)length;
    }
    return (ssize_t)used;
}

static int wants_io(connection *c, int result) {
    int error = SSL_get_error(c->ssl, result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static int send_answers(connection *c) {
    size_t sent = 0;
    while (sent < answers_count) {
        int count = SSL_write(c->ssl, answers + sent, (int)(answers_count - sent));
        if (count <= 0) {
            if (!wants_io(c, count)) return -1;
            c->out_count = answers_count - sent;
            c->out_sent = 0;
            c->out = malloc(c->out_count);
            if (c->out == NULL) return -1;
            memcpy(c->out, answers + sent, c->out_count);
            break;
        }
        sent += (size_t)count;
    }
    answers_count = 0;
    return 0;
}

static int send_rest(connection *c) {
    while (c->out_sent < c->out_count) {
        int count = SSL_write(c->ssl, c->out + c->out_sent, (int)(c->out_count - c->out_sent));
        if (count <= 0) return wants_io(c, count) ? 0 : -1;
        c->out_sent += (size_t)count;
    }
    free(c->out);
    c->out = NULL;
    c->out_count = c->out_sent = 0;
    return 0;
}

static int keep_rest(connection *c, const uint8_t *bytes, size_t count) {
    free(c->in);
    c->in = NULL;
    c->in_count = count;
    if (count == 0) return 0;
    c->in = malloc(count);
    if (c->in == NULL) return -1;
    memcpy(c->in, bytes, count);
    return 0;
}

static int serve(connection *c) {
    ERR_clear_error();
    if (!c->handshaken) {
        int result = SSL_do_handshake(c->ssl);
        if (result != 1) {
            if (!wants_io(c, result)) return -1;
            wait_for(c, SSL_want_write(c->ssl) ? EPOLLIN | EPOLLOUT : EPOLLIN);
            return 0;
        }
        c->handshaken = 1;
    }
    if (c->out_count > 0 && send_rest(c) != 0) return -1;
    while (c->out_count == 0) {
        if (c->in_count > 0) memcpy(scratch, c->in, c->in_count);
        int count = SSL_read(c->ssl, scratch + c->in_count, (int)(sizeof scratch - c->in_count));
        if (count <= 0) {
            if (!wants_io(c, count)) return -1;
            break;
        }
        size_t have = c->in_count + (size_t)count;
        ssize_t used = parse(c, scratch, have);
        if (used < 0 || keep_rest(c, scratch + used, have - (size_t)used) != 0) return -1;
        if (answers_count > 0 && send_answers(c) != 0) return -1;
        if (!SSL_has_pending(c->ssl)) break; // level-triggered: the poller says when there is more
    }
    wait_for(c, c->out_count > 0 ? EPOLLOUT : EPOLLIN);
    return 0;
}

static void accept_all(int listener, SSL_CTX *context) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        connection *c = calloc(1, sizeof *c);
        if (c == NULL) exit(1);
        c->fd = fd;
        c->ssl = SSL_new(context);
        SSL_set_fd(c->ssl, fd);
        SSL_set_accept_state(c->ssl);
        c->events = EPOLLIN;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
    }
}

static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_length, const unsigned char *in,
                       unsigned int in_length, void *arg) {
    (void)ssl;
    (void)arg;
    static const unsigned char ours[] = "\x06saga/1";
    return SSL_select_next_proto((unsigned char **)out, out_length, ours, 7, in, in_length) == OPENSSL_NPN_NEGOTIATED
        ? SSL_TLSEXT_ERR_OK
        : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// The same settings as the server's own.
static SSL_CTX *make_context(const char *certificate, const char *key) {
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256");
    SSL_CTX_set1_groups_list(context, "X25519:P-256");
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                                  | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_alpn_select_cb(context, select_alpn, NULL);
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1
        || SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
        ERR_print_errors_fp(stderr);
        exit(1);
    }
    return context;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: echo PORT CERTIFICATE KEY\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    SSL_CTX *context = make_context(argv[2], argv[3]);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 4096) != 0) {
        perror("listen");
        return 1;
    }
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    struct epoll_event events[256];
    for (;;) {
        int count = epoll_wait(poller, events, 256, -1);
        for (int i = 0; i < count; i++) {
            connection *c = events[i].data.ptr;
            if (c == NULL) {
                accept_all(listener, context);
            } else if (serve(c) != 0) {
                answers_count = 0;
                close_connection(c);
            }
        }
    }
}
