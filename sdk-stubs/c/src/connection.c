/* A connection's own thread: connects, speaks TLS, writes the outbox and reads frames. Nobody else touches the socket, so that
 * SIGPIPE can be blocked here without asking the host program, and one TLS session needs no lock. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "internal.h"

enum { GOODBYE_MS = 1000, READ_SIZE = 65536 };

static void lose(connection *c, const char *format, const char *detail)
{
    saga_error why = SAGA_ERROR_INIT;
    fail(&why, SAGA_CONNECTION_LOST, format, detail);
    pthread_mutex_lock(&c->lock);
    connection_lose(c, &why);
    pthread_mutex_unlock(&c->lock);
}

void connection_lose(connection *c, const saga_error *why)
{
    if (c->lost.result != SAGA_OK) return;
    error_copy(why, &c->lost);
    for (saga_stream *s = c->streams; s; s = s->next) {
        if (s->over.result == SAGA_OK) error_copy(why, &s->over);
        s->listed = false;
    }
    c->streams = NULL;
    c->open_streams = 0;
    pthread_cond_broadcast(&c->changed);
    connection_wake(c);
}

void connection_wake(connection *c)
{
    /* A full pipe wakes as well. */
    ssize_t ignored = write(c->wake[1], "", 1);
    (void)ignored;
}

/* Waits for the socket until a time; false when that has passed or the connection is being closed. */
static bool wait_socket(connection *c, short events, int64_t deadline)
{
    struct pollfd watched[2] = {{c->socket, events, 0}, {c->wake[0], POLLIN, 0}};
    for (;;) {
        pthread_mutex_lock(&c->lock);
        bool closing = c->closing;
        pthread_mutex_unlock(&c->lock);
        int64_t left = deadline - now_ms();
        if (closing || left <= 0) return false;
        int ready = poll(watched, 2, (int)(left < 60000 ? left : 60000));
        if (ready < 0 && errno != EINTR) return false;
        if (ready > 0 && watched[1].revents) {
            char dropped[64];
            ssize_t ignored = read(c->wake[0], dropped, sizeof dropped);
            (void)ignored;
        }
        if (ready > 0 && watched[0].revents) return true;
    }
}

static bool connect_socket(connection *c)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    int problem = getaddrinfo(c->host, c->port, &hints, &found);
    if (problem) {
        lose(c, "the host cannot be found: %s", gai_strerror(problem));
        return false;
    }
    int error = 0;
    bool connected = false;
    for (struct addrinfo *a = found; a && !connected; a = a->ai_next) {
        c->socket = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
        if (c->socket < 0) {
            error = errno;
            continue;
        }
        connected = connect(c->socket, a->ai_addr, a->ai_addrlen) == 0;
        if (!connected && errno == EINPROGRESS) {
            if (wait_socket(c, POLLOUT, c->connect_deadline)) {
                socklen_t size = sizeof error;
                getsockopt(c->socket, SOL_SOCKET, SO_ERROR, &error, &size);
                connected = error == 0;
            } else {
                error = ETIMEDOUT;
            }
        } else if (!connected) {
            error = errno;
        }
        if (!connected) {
            close(c->socket);
            c->socket = -1;
        }
    }
    freeaddrinfo(found);
    if (!connected) {
        lose(c, "%s", strerror(error));
        return false;
    }
    int on = 1;
    setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return true;
}

static const char *tls_problem(SSL *ssl)
{
    long verified = SSL_get_verify_result(ssl);
    if (verified != X509_V_OK) return X509_verify_cert_error_string(verified);
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    return reason ? reason : "the peer closed the connection";
}

static bool start_tls(connection *c)
{
    struct in6_addr address;
    ERR_clear_error();
    c->ssl = SSL_new(c->tls);
    if (!c->ssl || SSL_set_fd(c->ssl, c->socket) != 1) {
        lose(c, "%s", "TLS cannot be set up");
        return false;
    }
    bool is_address = inet_pton(AF_INET, c->server_name, &address) == 1 || inet_pton(AF_INET6, c->server_name, &address) == 1;
    int named = is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(c->ssl), c->server_name)
                           : SSL_set_tlsext_host_name(c->ssl, c->server_name) && SSL_set1_host(c->ssl, c->server_name);
    if (named != 1) {
        lose(c, "%s is no name of a server", c->server_name);
        return false;
    }
    for (;;) {
        ERR_clear_error();
        int done = SSL_connect(c->ssl);
        if (done == 1) break;
        int want = SSL_get_error(c->ssl, done);
        if (want != SSL_ERROR_WANT_READ && want != SSL_ERROR_WANT_WRITE) {
            lose(c, "TLS: %s", tls_problem(c->ssl));
            return false;
        }
        if (!wait_socket(c, want == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, c->connect_deadline)) {
            lose(c, "%s", "no TLS handshake in time");
            return false;
        }
    }
    const uint8_t *alpn = NULL;
    unsigned size = 0;
    SSL_get0_alpn_selected(c->ssl, &alpn, &size);
    if (size != 6 || memcmp(alpn, "saga/1", 6) != 0) {
        lose(c, "%s", "the server does not speak saga/1");
        return false;
    }
    return true;
}

static bool say_hello(connection *c)
{
    char host[64] = "", identity[128];
    gethostname(host, sizeof host - 1);
    const char *user = getenv("USER");
    snprintf(identity, sizeof identity, "%.32s@%s/%d", user ? user : "c", host, (int)getpid());
    Saga__V1__Hello hello = SAGA__V1__HELLO__INIT;
    hello.sdk_name = "c";
    hello.sdk_version = SAGA_SDK_VERSION;
    hello.token = c->token;
    hello.namespace_ = c->name_space;
    hello.identity = identity;
    size_t size = saga__v1__hello__get_packed_size(&hello);
    uint8_t *body = malloc(size ? size : 1);
    if (!body) return false;
    saga__v1__hello__pack(&hello, body);
    pthread_mutex_lock(&c->lock);
    bool added = frame_add(&c->outbox, KIND_HELLO, 0, body, size, 0, false);
    pthread_mutex_unlock(&c->lock);
    free(body);
    return added;
}

/* Bytes written or read; 0 = not now, -1 = the connection has ended (said so). */
static ssize_t transfer(connection *c, bool writing, void *data, size_t size)
{
    ssize_t moved;
    if (c->ssl) {
        ERR_clear_error();
        size_t done = 0;
        int fine = writing ? SSL_write_ex(c->ssl, data, size, &done) : SSL_read_ex(c->ssl, data, size, &done);
        if (fine == 1) return (ssize_t)done;
        int want = SSL_get_error(c->ssl, 0);
        if (want == SSL_ERROR_WANT_READ || want == SSL_ERROR_WANT_WRITE) return 0;
        if (want == SSL_ERROR_SYSCALL && errno) lose(c, "%s", strerror(errno));
        else lose(c, "%s", want == SSL_ERROR_ZERO_RETURN ? "the server closed the connection" : tls_problem(c->ssl));
        return -1;
    }
    moved = writing ? write(c->socket, data, size) : read(c->socket, data, size);
    if (moved > 0) return moved;
    if (moved < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    lose(c, "%s", moved == 0 ? "the server closed the connection" : strerror(errno));
    return -1;
}

/* Every frame in the input; false when the connection has ended. */
static bool take_frames(connection *c, buffer *input)
{
    size_t at = 0;
    const char *why = NULL;
    bool going = true;
    while (going && !why) {
        frame found;
        size_t whole = 0;
        pthread_mutex_lock(&c->lock);
        uint32_t limit = c->max_frame > DEFAULT_MAX_FRAME ? c->max_frame : DEFAULT_MAX_FRAME;
        int state = frame_parse(input->data + at, input->size - at, limit, &found, &whole, &why);
        if (state > 0) {
            going = connection_dispatch(c, &found, &why) && c->lost.result == SAGA_OK;
            at += whole;
        }
        pthread_mutex_unlock(&c->lock);
        if (state <= 0) break;
    }
    if (why) lose(c, "the server sent %s", why);
    if (why || !going) return false;
    buffer_drop(input, at);
    return true;
}

static void keep_alive(connection *c)
{
    pthread_mutex_lock(&c->lock);
    int64_t now = now_ms();
    if (!c->ready && now >= c->connect_deadline) {
        saga_error why = SAGA_ERROR_INIT;
        fail(&why, SAGA_CONNECTION_LOST, "no welcome in time");
        connection_lose(c, &why);
    } else if (now - c->last_received >= c->close_after) {
        saga_error why = SAGA_ERROR_INIT;
        fail(&why, SAGA_CONNECTION_LOST, "the server was silent for too long");
        connection_lose(c, &why);
    } else if (c->ready && now - c->last_sent >= c->ping_after) {
        c->last_sent = now;
        frame_add(&c->outbox, KIND_PING, 0, "saga-c-1", 8, 0, false);
    }
    pthread_mutex_unlock(&c->lock);
}

/* Moves bytes until the connection is lost. */
static void serve(connection *c)
{
    buffer writing = {0}, input = {0};
    uint8_t *chunk = malloc(READ_SIZE);
    if (!chunk) lose(c, "%s", "no memory");
    for (;;) {
        pthread_mutex_lock(&c->lock);
        bool over = c->lost.result != SAGA_OK;
        if (!over && writing.size == 0 && c->outbox.size) {
            buffer empty = writing;
            /* Who waits for room; nobody else is to wake up for this. */
            bool was_full = c->outbox.size > OUTBOX_LIMIT;
            writing = c->outbox;
            c->outbox = empty;
            c->last_sent = now_ms();
            if (was_full) pthread_cond_broadcast(&c->changed);
        }
        pthread_mutex_unlock(&c->lock);
        if (over) break;
        bool full = false;
        if (writing.size) {
            ssize_t moved = transfer(c, true, writing.data, writing.size);
            if (moved < 0) continue;
            full = moved == 0;
            buffer_drop(&writing, (size_t)moved);
            if (writing.size == 0 && !full) continue; /* There may be more in the outbox. */
        }
        ssize_t came = transfer(c, false, chunk, READ_SIZE);
        if (came < 0) continue;
        if (came > 0) {
            pthread_mutex_lock(&c->lock);
            c->last_received = now_ms();
            pthread_mutex_unlock(&c->lock);
            if (!buffer_add(&input, chunk, (size_t)came)) lose(c, "%s", "no memory");
            else take_frames(c, &input);
            continue;
        }
        if (writing.size && !full) continue;
        int wait = 1000;
        pthread_mutex_lock(&c->lock);
        if (!c->ready && c->connect_deadline - now_ms() < wait) wait = (int)(c->connect_deadline - now_ms());
        bool more = c->outbox.size && !writing.size;
        pthread_mutex_unlock(&c->lock);
        if (!more) {
            struct pollfd watched[2] = {{c->socket, (short)(POLLIN | (full ? POLLOUT : 0)), 0}, {c->wake[0], POLLIN, 0}};
            poll(watched, 2, wait < 0 ? 0 : wait);
            if (watched[1].revents) came = read(c->wake[0], chunk, READ_SIZE);
        }
        keep_alive(c);
    }
    /* What was said last (a CANCEL, say) still leaves, if the peer takes it at once. */
    pthread_mutex_lock(&c->lock);
    buffer_add(&writing, c->outbox.data, c->outbox.size);
    buffer_free(&c->outbox);
    bool said = c->closing;
    pthread_mutex_unlock(&c->lock);
    int64_t end = now_ms() + GOODBYE_MS;
    while (said && writing.size && now_ms() < end) {
        ssize_t moved = transfer(c, true, writing.data, writing.size);
        if (moved <= 0) break;
        buffer_drop(&writing, (size_t)moved);
    }
    buffer_free(&writing);
    buffer_free(&input);
    free(chunk);
}

void *connection_run(void *argument)
{
    connection *c = argument;
    if (connect_socket(c) && (!c->tls || start_tls(c))) {
        if (!say_hello(c)) lose(c, "%s", "no memory");
        serve(c);
    }
    if (c->ssl) {
        ERR_clear_error();
        SSL_shutdown(c->ssl);
        SSL_free(c->ssl);
        c->ssl = NULL;
    }
    OPENSSL_thread_stop();
    if (c->socket >= 0) close(c->socket);
    c->socket = -1;
    pthread_mutex_lock(&c->lock);
    c->ready = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

saga_result connection_open(saga_client *client, connection **made, saga_error *error)
{
    connection *c = calloc(1, sizeof *c);
    if (!c) return fail(error, SAGA_CONNECTION_LOST, "no memory");
    if (pipe2(c->wake, O_CLOEXEC | O_NONBLOCK) != 0) {
        free(c);
        return fail(error, SAGA_CONNECTION_LOST, "%s", strerror(errno));
    }
    pthread_mutex_init(&c->lock, NULL);
    condition_init(&c->changed);
    c->references = 1;
    c->socket = -1;
    c->max_frame = DEFAULT_MAX_FRAME;
    c->max_message = DEFAULT_MAX_MESSAGE;
    c->window_items = WINDOW_ITEMS;
    c->window_bytes = WINDOW_BYTES;
    c->ping_after = 20000;
    c->close_after = 60000;
    c->last_sent = c->last_received = now_ms();
    c->connect_deadline = now_ms() + client->connect_timeout_ms;
    c->client = client;
    c->tls = client->tls;
    c->host = client->host;
    c->server_name = client->server_name;
    memcpy(c->port, client->port, sizeof c->port);
    c->token = client->token;
    c->name_space = client->name_space;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int problem = pthread_create(&c->thread, NULL, connection_run, c);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (problem) {
        connection_release(c);
        return fail(error, SAGA_CONNECTION_LOST, "%s", strerror(problem));
    }
    pthread_mutex_lock(&c->lock);
    while (!c->ready && c->lost.result == SAGA_OK) wait_until(&c->changed, &c->lock, 0);
    saga_result result = c->lost.result;
    if (result != SAGA_OK) error_copy(&c->lost, error);
    pthread_mutex_unlock(&c->lock);
    if (result != SAGA_OK) {
        connection_close(c);
        connection_release(c);
        return result;
    }
    *made = c;
    return SAGA_OK;
}

connection *connection_retain(connection *c)
{
    pthread_mutex_lock(&c->lock);
    c->references++;
    pthread_mutex_unlock(&c->lock);
    return c;
}

void connection_release(connection *c)
{
    pthread_mutex_lock(&c->lock);
    int left = --c->references;
    pthread_mutex_unlock(&c->lock);
    if (left) return;
    saga_error_clear(&c->lost);
    buffer_free(&c->outbox);
    close(c->wake[0]);
    close(c->wake[1]);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

void connection_close(connection *c)
{
    saga_error why = SAGA_ERROR_INIT;
    fail(&why, SAGA_CONNECTION_LOST, "closed here");
    pthread_mutex_lock(&c->lock);
    c->closing = true;
    connection_lose(c, &why);
    connection_wake(c);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
}
