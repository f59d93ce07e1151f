/* Frames of streams, and the calls that the caller's threads make on them. All state is guarded by the connection's lock. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static uint32_t get32(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static void add_message(connection *c, frame_kind kind, uint32_t stream, const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *body = malloc(size + 1);
    if (!body) return;
    protobuf_c_message_pack(message, body);
    frame_add(&c->outbox, kind, stream, body, size, 0, false);
    free(body);
    connection_wake(c);
}

static void close_if_drained(connection *c)
{
    if (!c->going_away || c->streams || c->lost.result != SAGA_OK) return;
    saga_error why = SAGA_ERROR_INIT;
    fail(&why, SAGA_CONNECTION_LOST, "drained");
    connection_lose(c, &why);
}

void connection_forget(saga_stream *stream)
{
    if (!stream->listed) return;
    stream->listed = false;
    connection *c = stream->connection;
    for (saga_stream **at = &c->streams; *at; at = &(*at)->next) {
        if (*at != stream) continue;
        *at = stream->next;
        c->open_streams--;
        break;
    }
    close_if_drained(c);
}

static void finish(saga_stream *s, const saga_error *why)
{
    if (s->over.result == SAGA_OK) error_copy(why, &s->over);
    pthread_cond_broadcast(&s->connection->changed);
}

/* Joins the frames of a message; 1 = whole (`body`, `size`), 0 = incomplete, -1 = no message. */
static int assemble(saga_stream *s, const frame *f, const uint8_t **body, size_t *size, const char **why)
{
    if (!s->assembling && !f->more) {
        *body = f->body;
        *size = f->size;
        return 1;
    }
    if (s->assembling && f->kind != s->assembling) {
        /* Only an ERROR may cut off a message that was under way. */
        if (f->kind != KIND_ERROR) {
            *why = "another message within a message";
            return -1;
        }
        s->parts.size = 0;
    }
    s->assembling = f->kind;
    if (s->parts.size + f->size > s->connection->max_message) {
        *why = "a message over the limit";
        return -1;
    }
    if (!buffer_add(&s->parts, f->body, f->size)) {
        *why = "more than there is memory for";
        return -1;
    }
    if (f->more) return 0;
    *body = s->parts.data;
    *size = s->parts.size;
    s->assembling = (frame_kind)0;
    return 1;
}

static bool take_message(saga_stream *s, const frame *f, const char **why)
{
    const uint8_t *body = NULL;
    size_t size = 0;
    int whole = assemble(s, f, &body, &size, why);
    if (whole <= 0) return whole == 0;
    if (f->kind == KIND_ERROR) {
        Saga__V1__Status *status = saga__v1__status__unpack(NULL, size, body);
        if (!status) {
            *why = "an ERROR that is no status";
            return false;
        }
        saga_error answer = SAGA_ERROR_INIT;
        fail_message(&answer, status);
        saga__v1__status__free_unpacked(status, NULL);
        connection_forget(s);
        finish(s, &answer);
        saga_error_clear(&answer);
        return true;
    }
    /* After items a RESPONSE says nothing but that there are no more. */
    bool carries = f->kind != KIND_RESPONSE || !s->method->server_streaming;
    arrival *came = carries ? calloc(1, sizeof *came) : NULL;
    if (came) came->message = protobuf_c_message_unpack(s->method->response, NULL, size, body);
    if (carries && (!came || !came->message)) {
        free(came);
        *why = "a body that is not the method's message";
        return false;
    }
    s->parts.size = 0;
    if (came) {
        came->size = size;
        *(s->last ? &s->last->next : &s->first) = came;
        s->last = came;
    }
    if (f->kind == KIND_RESPONSE) {
        s->ended_by_peer = s->ended_by_us = true;
        connection_forget(s);
    }
    pthread_cond_broadcast(&s->connection->changed);
    return true;
}

static bool take(saga_stream *s, const frame *f, const char **why)
{
    saga_error answer = SAGA_ERROR_INIT;
    switch (f->kind) {
    case KIND_CREDIT:
        if (f->size != 8) {
            *why = "a CREDIT that has not 8 bytes";
            return false;
        }
        s->send_items += get32(f->body);
        s->send_bytes += get32(f->body + 4);
        pthread_cond_broadcast(&s->connection->changed);
        return true;
    case KIND_END:
        s->ended_by_peer = true;
        if (s->ended_by_us) connection_forget(s);
        pthread_cond_broadcast(&s->connection->changed);
        return true;
    case KIND_CANCEL:
        fail_status(&answer, SAGA__V1__STATUS_CODE__STATUS_CODE_CANCELLED, "the server ended the stream");
        connection_forget(s);
        finish(s, &answer);
        return true;
    default:
        return take_message(s, f, why);
    }
}

static bool greet(connection *c, const frame *f, const char **why)
{
    if (f->kind == KIND_ERROR) {
        Saga__V1__Status *status = saga__v1__status__unpack(NULL, f->size, f->body);
        if (!status) {
            *why = "an ERROR that is no status";
            return false;
        }
        saga_error answer = SAGA_ERROR_INIT;
        fail_message(&answer, status);
        saga__v1__status__free_unpacked(status, NULL);
        connection_lose(c, &answer);
        saga_error_clear(&answer);
        return true;
    }
    Saga__V1__Welcome *welcome = f->kind == KIND_WELCOME ? saga__v1__welcome__unpack(NULL, f->size, f->body) : NULL;
    if (!welcome) {
        *why = "something else than WELCOME";
        return false;
    }
    if (welcome->max_frame > FRAME_OVERHEAD) c->max_frame = welcome->max_frame;
    if (welcome->max_message) c->max_message = welcome->max_message;
    c->max_streams = welcome->max_streams;
    if (welcome->initial_items && welcome->initial_bytes) {
        c->window_items = welcome->initial_items;
        c->window_bytes = welcome->initial_bytes;
    }
    if (welcome->close_after_ms) c->close_after = welcome->close_after_ms;
    if (welcome->ping_after_ms && welcome->ping_after_ms < c->ping_after) c->ping_after = welcome->ping_after_ms;
    saga__v1__welcome__free_unpacked(welcome, NULL);
    c->ready = true;
    pthread_cond_broadcast(&c->changed);
    return true;
}

static bool go_away(connection *c, const frame *f, const char **why)
{
    Saga__V1__GoAway *message = saga__v1__go_away__unpack(NULL, f->size, f->body);
    if (!message) {
        *why = "a GOAWAY that is none";
        return false;
    }
    c->going_away = true;
    saga_error gone = SAGA_ERROR_INIT;
    fail(&gone, SAGA_CONNECTION_LOST, "the server drains: %s", message->reason);
    gone.not_processed = true;
    for (saga_stream *s = c->streams, *next; s; s = next) {
        next = s->next;
        if (s->id <= message->last_stream_id) continue;
        connection_forget(s);
        finish(s, &gone);
    }
    saga__v1__go_away__free_unpacked(message, NULL);
    close_if_drained(c);
    return true;
}

bool connection_dispatch(connection *c, const frame *f, const char **why)
{
    if (!c->ready) return greet(c, f, why);
    if (f->stream) {
        for (saga_stream *s = c->streams; s; s = s->next) {
            if (s->id == f->stream) return take(s, f, why);
        }
        if (f->stream <= c->last_stream) return true;
        *why = "a frame for a stream that was never opened";
        return false;
    }
    if (f->kind == KIND_PING) {
        frame_add(&c->outbox, KIND_PONG, 0, f->body, f->size, 0, false);
    } else if (f->kind == KIND_GOAWAY) {
        return go_away(c, f, why);
    } else if (f->kind == KIND_ERROR) {
        *why = "an ERROR for the whole connection";
        return false;
    }
    return true;
}

/* Frame by frame, so that others get their turn between the parts of a large message. Waits for room until a time; after it
 * the rest leaves all the same, because half a message would be the end of the connection. */
static void put_message(connection *c, frame_kind kind, uint32_t id, const uint8_t *body, size_t size, uint16_t method,
    int64_t deadline)
{
    size_t most = c->max_frame - FRAME_OVERHEAD;
    for (bool first = true;; first = false) {
        while (!first && c->outbox.size > OUTBOX_LIMIT && c->lost.result == SAGA_OK && (!deadline || now_ms() < deadline)) {
            wait_until(&c->changed, &c->lock, deadline);
        }
        if (c->lost.result != SAGA_OK) return;
        bool more = size > most;
        if (!frame_add(&c->outbox, kind, id, body, more ? most : size, method, more)) {
            saga_error why = SAGA_ERROR_INIT;
            fail(&why, SAGA_CONNECTION_LOST, "no memory");
            connection_lose(c, &why);
            return;
        }
        connection_wake(c);
        if (!more) return;
        body += most;
        size -= most;
    }
}

saga_result stream_open_on(connection *c, const saga_method *method, const ProtobufCMessage *first, saga_stream **made,
    saga_error *error)
{
    size_t size = protobuf_c_message_get_packed_size(first);
    if (size > c->max_message) {
        return fail_status(error, SAGA__V1__STATUS_CODE__STATUS_CODE_INVALID_ARGUMENT, "a message is at most %u bytes",
            (unsigned)c->max_message);
    }
    uint8_t *body = malloc(size + 1);
    saga_stream *s = calloc(1, sizeof *s);
    if (!body || !s) {
        free(body);
        free(s);
        return fail(error, SAGA_INVALID, "no memory");
    }
    protobuf_c_message_pack(first, body);
    pthread_mutex_lock(&c->lock);
    if (c->lost.result != SAGA_OK || c->going_away) {
        if (c->lost.result != SAGA_OK) error_copy(&c->lost, error);
        else fail(error, SAGA_CONNECTION_LOST, "the server drains");
        if (error) {
            error->result = SAGA_CONNECTION_LOST;
            error->not_processed = true;
        }
        pthread_mutex_unlock(&c->lock);
        free(body);
        free(s);
        return SAGA_CONNECTION_LOST;
    }
    c->references++;
    s->connection = c;
    s->id = ++c->last_stream;
    s->method = method;
    s->ended_by_us = !method->client_streaming;
    s->send_items = c->window_items;
    s->send_bytes = c->window_bytes;
    s->next = c->streams;
    s->listed = true;
    c->streams = s;
    c->open_streams++;
    /* The first frame leaves before any later stream's: ids must increase on the wire. */
    put_message(c, KIND_REQUEST, s->id, body, size, method->number, now_ms() + DEFAULT_TIMEOUT_MS);
    pthread_mutex_unlock(&c->lock);
    free(body);
    *made = s;
    return SAGA_OK;
}

/* Grants the window again in halves. */
static void consume(saga_stream *s, size_t size)
{
    if (!s->method->server_streaming || s->ended_by_peer || s->over.result != SAGA_OK) return;
    s->consumed_items++;
    s->consumed_bytes += (uint32_t)size;
    if (s->consumed_items < WINDOW_ITEMS / 2 && s->consumed_bytes < WINDOW_BYTES / 2) return;
    uint8_t body[8];
    for (int i = 0; i < 4; i++) {
        body[i] = (uint8_t)(s->consumed_items >> (24 - 8 * i));
        body[4 + i] = (uint8_t)(s->consumed_bytes >> (24 - 8 * i));
    }
    frame_add(&s->connection->outbox, KIND_CREDIT, s->id, body, sizeof body, 0, false);
    connection_wake(s->connection);
    s->consumed_items = s->consumed_bytes = 0;
}

static bool cancel_enter(saga_cancel *cancel, connection *c)
{
    if (!cancel) return false;
    pthread_mutex_lock(&cancel->lock);
    cancel->waiting = c;
    bool signalled = cancel->signalled;
    pthread_mutex_unlock(&cancel->lock);
    return signalled;
}

static bool cancel_leave(saga_cancel *cancel)
{
    if (!cancel) return false;
    pthread_mutex_lock(&cancel->lock);
    cancel->waiting = NULL;
    bool signalled = cancel->signalled;
    pthread_mutex_unlock(&cancel->lock);
    return signalled;
}

static bool is_signalled(saga_cancel *cancel)
{
    /* Set before the connection's condition is signalled under its lock, which a caller that waits for it holds. */
    return cancel && __atomic_load_n(&cancel->signalled, __ATOMIC_ACQUIRE);
}

saga_result stream_receive_until(saga_stream *s, int64_t deadline, saga_cancel *cancel, ProtobufCMessage **message,
    saga_error *error)
{
    connection *c = s->connection;
    saga_error_clear(error);
    *message = NULL;
    cancel_enter(cancel, c);
    pthread_mutex_lock(&c->lock);
    saga_result result = SAGA_OK;
    for (;;) {
        if (s->first) {
            arrival *next = s->first;
            s->first = next->next;
            if (!s->first) s->last = NULL;
            *message = next->message;
            consume(s, next->size);
            free(next);
            break;
        }
        if (s->over.result != SAGA_OK) {
            error_copy(&s->over, error);
            result = s->over.result;
            break;
        }
        if (s->ended_by_peer) {
            result = SAGA_STREAM_END;
            break;
        }
        if (is_signalled(cancel)) {
            result = fail(error, SAGA_CANCELLED, "%s was cancelled", s->method->name);
            break;
        }
        if (deadline && now_ms() >= deadline) {
            result = fail_status(error, SAGA__V1__STATUS_CODE__STATUS_CODE_DEADLINE_EXCEEDED, "%s was not answered in time",
                s->method->name);
            break;
        }
        wait_until(&c->changed, &c->lock, deadline);
    }
    pthread_mutex_unlock(&c->lock);
    cancel_leave(cancel);
    return result;
}

saga_result saga_stream_receive(saga_stream *stream, uint32_t timeout_ms, saga_cancel *cancel, ProtobufCMessage **message,
    saga_error *error)
{
    return stream_receive_until(stream, timeout_ms ? now_ms() + timeout_ms : 0, cancel, message, error);
}

saga_result stream_send_until(saga_stream *s, int64_t deadline, saga_cancel *cancel, const ProtobufCMessage *message,
    saga_error *error)
{
    connection *c = s->connection;
    saga_error_clear(error);
    size_t size = protobuf_c_message_get_packed_size(message);
    if (size > c->max_message) return fail(error, SAGA_INVALID, "a message is at most %u bytes", (unsigned)c->max_message);
    uint8_t *body = malloc(size + 1);
    if (!body) return fail(error, SAGA_INVALID, "no memory");
    protobuf_c_message_pack(message, body);
    cancel_enter(cancel, c);
    pthread_mutex_lock(&c->lock);
    saga_result result = SAGA_OK;
    for (;;) {
        if (s->over.result != SAGA_OK) {
            error_copy(&s->over, error);
            result = s->over.result;
            break;
        }
        if (s->ended_by_us) {
            result = fail(error, SAGA_INVALID, "the stream is half-closed");
            break;
        }
        if (is_signalled(cancel)) {
            result = fail(error, SAGA_CANCELLED, "%s was cancelled", s->method->name);
            break;
        }
        if (deadline && now_ms() >= deadline) {
            result = fail_status(error, SAGA__V1__STATUS_CODE__STATUS_CODE_DEADLINE_EXCEEDED, "%s was not taken in time",
                s->method->name);
            break;
        }
        if (!s->sending && s->send_items > 0 && s->send_bytes > 0) break;
        wait_until(&c->changed, &c->lock, deadline);
    }
    if (result == SAGA_OK) {
        s->send_items--;
        s->send_bytes -= (int64_t)size;
        s->sending = true;
        put_message(c, KIND_ITEM, s->id, body, size, 0, deadline);
        s->sending = false;
        pthread_cond_broadcast(&c->changed);
    }
    pthread_mutex_unlock(&c->lock);
    cancel_leave(cancel);
    free(body);
    return result;
}

saga_result saga_stream_send(saga_stream *stream, const ProtobufCMessage *message, saga_error *error)
{
    return stream_send_until(stream, 0, NULL, message, error);
}

saga_result saga_stream_end(saga_stream *s, saga_error *error)
{
    connection *c = s->connection;
    saga_error_clear(error);
    pthread_mutex_lock(&c->lock);
    while (s->sending && s->over.result == SAGA_OK) wait_until(&c->changed, &c->lock, 0);
    if (!s->ended_by_us && s->over.result == SAGA_OK) {
        s->ended_by_us = true;
        frame_add(&c->outbox, KIND_END, s->id, NULL, 0, 0, false);
        connection_wake(c);
        if (s->ended_by_peer) connection_forget(s);
    }
    pthread_mutex_unlock(&c->lock);
    return SAGA_OK;
}

void saga_stream_free(saga_stream *s)
{
    if (!s) return;
    connection *c = s->connection;
    pthread_mutex_lock(&c->lock);
    while (s->sending) wait_until(&c->changed, &c->lock, 0);
    if (s->listed) {
        Saga__V1__StreamCancel body = SAGA__V1__STREAM_CANCEL__INIT;
        body.reason = "no longer wanted";
        add_message(c, KIND_CANCEL, s->id, &body.base);
        connection_forget(s);
    }
    pthread_mutex_unlock(&c->lock);
    for (arrival *a = s->first, *next; a; a = next) {
        next = a->next;
        protobuf_c_message_free_unpacked(a->message, NULL);
        free(a);
    }
    buffer_free(&s->parts);
    saga_error_clear(&s->over);
    free(s);
    connection_release(c);
}

bool sleep_unless(saga_cancel *cancel, int64_t ms)
{
    int64_t end = now_ms() + ms, left = ms;
    while (!is_signalled(cancel) && left > 0) {
        sleep_ms(left < 50 ? left : 50);
        left = end - now_ms();
    }
    return !is_signalled(cancel);
}

saga_cancel *saga_cancel_new(void)
{
    saga_cancel *made = calloc(1, sizeof *made);
    if (made) pthread_mutex_init(&made->lock, NULL);
    return made;
}

void saga_cancel_signal(saga_cancel *cancel)
{
    pthread_mutex_lock(&cancel->lock);
    __atomic_store_n(&cancel->signalled, true, __ATOMIC_RELEASE);
    if (cancel->waiting) {
        pthread_mutex_lock(&cancel->waiting->lock);
        pthread_cond_broadcast(&cancel->waiting->changed);
        pthread_mutex_unlock(&cancel->waiting->lock);
    }
    pthread_mutex_unlock(&cancel->lock);
}

void saga_cancel_free(saga_cancel *cancel)
{
    if (!cancel) return;
    pthread_mutex_destroy(&cancel->lock);
    free(cancel);
}
