/* Buffers, frames, errors, payloads, time: what needs no connection. */
#include <errno.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "internal.h"

bool buffer_add(buffer *to, const void *data, size_t size)
{
    if (size == 0) return true;
    if (to->room - to->size < size) {
        size_t room = to->room ? to->room : 256;
        while (room - to->size < size) {
            if (room > SIZE_MAX / 2) return false;
            room *= 2;
        }
        uint8_t *grown = realloc(to->data, room);
        if (!grown) return false;
        to->data = grown;
        to->room = room;
    }
    memcpy(to->data + to->size, data, size);
    to->size += size;
    return true;
}

void buffer_drop(buffer *from, size_t size)
{
    if (size == 0) return;
    from->size -= size;
    memmove(from->data, from->data + size, from->size);
}

void buffer_free(buffer *old)
{
    free(old->data);
    *old = (buffer){0};
}

static void put32(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)(value >> 24);
    to[1] = (uint8_t)(value >> 16);
    to[2] = (uint8_t)(value >> 8);
    to[3] = (uint8_t)value;
}

static uint32_t get32(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

bool frame_add(buffer *to, frame_kind kind, uint32_t stream, const void *body, size_t size, uint16_t method, bool more)
{
    uint8_t head[FRAME_HEADER];
    put32(head, (uint32_t)size + FRAME_OVERHEAD);
    head[4] = (uint8_t)kind;
    head[5] = more ? 2 : 0;
    head[6] = (uint8_t)(method >> 8);
    head[7] = (uint8_t)method;
    put32(head + 8, stream);
    size_t before = to->size;
    if (buffer_add(to, head, sizeof head) && buffer_add(to, body, size)) return true;
    to->size = before;
    return false;
}

int frame_parse(const uint8_t *data, size_t size, uint32_t max_frame, frame *found, size_t *whole, const char **why)
{
    if (size < FRAME_HEADER) return 0;
    uint32_t length = get32(data);
    if (length < FRAME_OVERHEAD || length > max_frame) {
        *why = "a frame of a length that is not allowed";
        return -1;
    }
    if (data[4] < KIND_HELLO || data[4] > KIND_GOAWAY) {
        *why = "an unknown frame kind";
        return -1;
    }
    if (data[5] & ~2) {
        *why = "unknown frame flags";
        return -1;
    }
    if (size - 4 < length) return 0;
    *found = (frame){(frame_kind)data[4], (data[5] & 2) != 0, (uint16_t)(data[6] << 8 | data[7]), get32(data + 8),
        data + FRAME_HEADER, length - FRAME_OVERHEAD};
    *whole = (size_t)length + 4;
    return 1;
}

void saga_error_clear(saga_error *error)
{
    if (!error) return;
    if (error->error) saga__v1__saga_error__free_unpacked(error->error, NULL);
    *error = (saga_error)SAGA_ERROR_INIT;
}

const char *saga_result_name(saga_result result)
{
    static const char *const names[] = {"ok", "status", "connection lost", "cancelled", "invalid", "end of stream",
        "workflow failed", "workflow canceled", "workflow timed out", "workflow terminated"};
    return (size_t)result < sizeof names / sizeof *names ? names[result] : "unknown";
}

static saga_result fail_v(saga_error *error, saga_result result, const char *format, va_list arguments)
{
    if (error) {
        char message[sizeof error->message];
        /* The arguments may point into the error. */
        vsnprintf(message, sizeof message, format, arguments);
        saga_error_clear(error);
        memcpy(error->message, message, sizeof message);
        error->result = result;
    }
    return result;
}

saga_result fail(saga_error *error, saga_result result, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fail_v(error, result, format, arguments);
    va_end(arguments);
    return result;
}

saga_result fail_status(saga_error *error, Saga__V1__StatusCode code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fail_v(error, SAGA_STATUS, format, arguments);
    va_end(arguments);
    if (error) error->status = code;
    return SAGA_STATUS;
}

Saga__V1__SagaError *saga_error_message_copy(const Saga__V1__SagaError *from)
{
    size_t size = saga__v1__saga_error__get_packed_size(from);
    uint8_t *packed = malloc(size ? size : 1);
    if (!packed) return NULL;
    saga__v1__saga_error__pack(from, packed);
    Saga__V1__SagaError *made = saga__v1__saga_error__unpack(NULL, size, packed);
    free(packed);
    return made;
}

/* Takes the error out of a status. */
saga_result fail_message(saga_error *error, Saga__V1__Status *status)
{
    fail_status(error, status->code, "%s", status->message);
    if (error) {
        error->retry_after_ms = status->retry_after_ms;
        error->error = status->error;
        status->error = NULL;
    }
    return SAGA_STATUS;
}

void error_copy(const saga_error *from, saga_error *to)
{
    if (!to) return;
    Saga__V1__SagaError *inner = from->error ? saga_error_message_copy(from->error) : NULL;
    saga_error copy = *from;
    saga_error_clear(to);
    *to = copy;
    to->error = inner;
}

int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void sleep_ms(int64_t ms)
{
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&left, &left) == -1 && errno == EINTR) {
    }
}

void condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t how;
    pthread_condattr_init(&how);
    pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &how);
    pthread_condattr_destroy(&how);
}

void wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t deadline)
{
    if (deadline == 0) {
        pthread_cond_wait(condition, mutex);
        return;
    }
    struct timespec when = {deadline / 1000, deadline % 1000 * 1000000};
    pthread_cond_timedwait(condition, mutex, &when);
}

void new_id(char id[33])
{
    uint8_t bytes[16];
    if (RAND_bytes(bytes, sizeof bytes) != 1) abort(); /* Without randomness no TLS works either. */
    for (size_t i = 0; i < sizeof bytes; i++) snprintf(id + 2 * i, 3, "%02x", bytes[i]);
}

int64_t backoff_take(backoff *b)
{
    uint32_t random = 0;
    RAND_bytes((uint8_t *)&random, sizeof random);
    int64_t pause = b->next - (int64_t)(random % (uint32_t)(b->next / 2 + 1));
    b->next = b->next * 2 < b->most ? b->next * 2 : b->most;
    return pause;
}

/* Payloads */

saga_payload saga_json(const char *text)
{
    return saga_raw("json", text, strlen(text));
}

saga_payload saga_raw(const char *encoding, const void *data, size_t size)
{
    return (saga_payload){(char *)(uintptr_t)encoding, (uint8_t *)(uintptr_t)data, size};
}

bool saga_payload_copy(const saga_payload *from, saga_payload *to)
{
    *to = (saga_payload)SAGA_PAYLOAD_INIT;
    if (!from->encoding) return true;
    to->encoding = strdup(from->encoding);
    /* One byte more, so that text can be read as a string. */
    to->data = malloc(from->size + 1);
    if (!to->encoding || !to->data) {
        saga_payload_clear(to);
        return false;
    }
    if (from->size) memcpy(to->data, from->data, from->size);
    to->data[from->size] = 0;
    to->size = from->size;
    return true;
}

bool saga_protobuf(const ProtobufCMessage *message, saga_payload *made)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    *made = (saga_payload){strdup("protobuf"), malloc(size + 1), size};
    if (!made->encoding || !made->data) {
        saga_payload_clear(made);
        return false;
    }
    protobuf_c_message_pack(message, made->data);
    made->data[size] = 0;
    return true;
}

void saga_payload_clear(saga_payload *payload)
{
    free(payload->encoding);
    free(payload->data);
    *payload = (saga_payload)SAGA_PAYLOAD_INIT;
}

saga_result payload_out(const saga_client *client, const saga_payload *from, Saga__V1__Payload **to, saga_error *error)
{
    saga_payload changed = SAGA_PAYLOAD_INIT;
    saga_payload null = saga_json("null");
    if (!from || !from->encoding) from = &null;
    bool fine = client->codec.encode ? client->codec.encode(client->codec.context, from, &changed)
                                     : saga_payload_copy(from, &changed);
    Saga__V1__Payload *made = fine ? malloc(sizeof *made) : NULL;
    if (!made) {
        saga_payload_clear(&changed);
        return fail(error, SAGA_INVALID, "a value cannot be encoded");
    }
    saga__v1__payload__init(made);
    made->encoding = changed.encoding;
    made->data.data = changed.data;
    made->data.len = changed.size;
    *to = made;
    return SAGA_OK;
}

saga_result payload_in(const saga_client *client, const Saga__V1__Payload *from, saga_payload *to, saga_error *error)
{
    *to = (saga_payload)SAGA_PAYLOAD_INIT;
    if (!from || (!from->encoding[0] && !from->data.len)) return SAGA_OK;
    saga_payload raw = saga_raw(from->encoding, from->data.data, from->data.len);
    bool fine = client->codec.decode ? client->codec.decode(client->codec.context, &raw, to) : saga_payload_copy(&raw, to);
    return fine ? SAGA_OK : fail(error, SAGA_INVALID, "a value of encoding %s cannot be decoded", from->encoding);
}

void payload_free(Saga__V1__Payload *payload)
{
    if (!payload) return;
    free(payload->encoding);
    free(payload->data.data);
    free(payload);
}
