/* What the parts of the library share. */
#ifndef SAGA_INTERNAL_H
#define SAGA_INTERNAL_H

#include <openssl/ssl.h>
#include <pthread.h>

#include "saga/rpc.h"
#include "saga/saga.h"
#include "saga/services.h"

#define SAGA_SDK_VERSION "0.1.0"

enum {
    FRAME_OVERHEAD = 8,
    FRAME_HEADER = 12,
    DEFAULT_MAX_FRAME = 65536,
    DEFAULT_MAX_MESSAGE = 4 << 20,
    WINDOW_ITEMS = 64,
    WINDOW_BYTES = 256 << 10,
    OUTBOX_LIMIT = 256 << 10,
    DEFAULT_TIMEOUT_MS = 30000,
    DEFAULT_CONNECT_TIMEOUT_MS = 10000,
};

typedef enum frame_kind {
    KIND_HELLO = 1, KIND_WELCOME, KIND_REQUEST, KIND_RESPONSE, KIND_ERROR, KIND_ITEM, KIND_END, KIND_CANCEL, KIND_CREDIT,
    KIND_PING, KIND_PONG, KIND_GOAWAY,
} frame_kind;

/* A growing run of bytes. */
typedef struct buffer {
    uint8_t *data;
    size_t size;
    size_t room;
} buffer;

bool buffer_add(buffer *to, const void *data, size_t size);
void buffer_drop(buffer *from, size_t size);
void buffer_free(buffer *old);

/* A frame that stands in a buffer. */
typedef struct frame {
    frame_kind kind;
    bool more;
    uint16_t method;
    uint32_t stream;
    const uint8_t *body;
    size_t size;
} frame;

bool frame_add(buffer *to, frame_kind kind, uint32_t stream, const void *body, size_t size, uint16_t method, bool more);

/* The first frame in some bytes: 1 = `found` is it and `whole` its length, 0 = incomplete, -1 = no frame (`why`). */
int frame_parse(const uint8_t *data, size_t size, uint32_t max_frame, frame *found, size_t *whole, const char **why);

/* Errors. Each sets and returns `result`; NULL errors are fine. */
saga_result fail(saga_error *error, saga_result result, const char *format, ...) __attribute__((format(printf, 3, 4)));
saga_result fail_status(saga_error *error, Saga__V1__StatusCode code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
saga_result fail_message(saga_error *error, Saga__V1__Status *status);
void error_copy(const saga_error *from, saga_error *to);
Saga__V1__SagaError *saga_error_message_copy(const Saga__V1__SagaError *from);

/* Time of a clock that nobody sets, in milliseconds. */
int64_t now_ms(void);
void sleep_ms(int64_t ms);
/* Until then (0 = for ever) or a signal of the condition, which uses that clock. */
void wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t deadline);
void condition_init(pthread_cond_t *condition);
/* 32 hex digits at random. */
void new_id(char id[33]);

/* A message that has arrived. */
typedef struct arrival {
    struct arrival *next;
    ProtobufCMessage *message;
    size_t size;
} arrival;

typedef struct connection connection;

/* A call or stream; everything is guarded by its connection. */
struct saga_stream {
    connection *connection;
    saga_stream *next; /* Among those of the connection that are open. */
    uint32_t id;
    const saga_method *method;
    frame_kind assembling; /* 0 = nothing under way. */
    buffer parts;
    arrival *first;
    arrival *last;
    saga_error over; /* SAGA_OK while it is open. */
    bool listed;     /* Among the connection's open ones. */
    bool sending;    /* A message is under way: no CANCEL may come in between. */
    bool ended_by_peer;
    bool ended_by_us;
    int64_t send_items;
    int64_t send_bytes;
    uint32_t consumed_items;
    uint32_t consumed_bytes;
};

/* One connection. Its thread owns socket and TLS; the others fill the outbox. */
struct connection {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* Something that somebody may wait for. */
    int references;
    pthread_t thread;
    int socket;
    int wake[2]; /* A byte here wakes the thread. */
    SSL *ssl;
    buffer outbox;
    saga_stream *streams;
    size_t open_streams;
    uint32_t last_stream;
    bool ready; /* WELCOME has come, or the attempt has failed. */
    bool closing;
    bool going_away;
    saga_error lost; /* SAGA_OK while it lives. */
    uint32_t max_frame;
    uint32_t max_message;
    uint32_t max_streams;
    int64_t window_items;
    int64_t window_bytes;
    int64_t ping_after;
    int64_t close_after;
    int64_t last_sent;
    int64_t last_received;
    int64_t connect_deadline;
    struct saga_client *client;
    SSL_CTX *tls;
    char *host;
    char *server_name;
    char port[8];
    char *token;
    char *name_space;
};

saga_result connection_open(struct saga_client *client, connection **made, saga_error *error);
connection *connection_retain(connection *c);
void connection_release(connection *c);
/* Ends a connection and waits for its thread. */
void connection_close(connection *c);
void connection_wake(connection *c);
/* With the lock held: */
void connection_lose(connection *c, const saga_error *why);
void connection_forget(saga_stream *stream);
bool connection_dispatch(connection *c, const frame *found, const char **why);
void *connection_run(void *argument);

saga_result stream_open_on(connection *c, const saga_method *method, const ProtobufCMessage *first, saga_stream **made,
    saga_error *error);
/* `deadline` 0 = never; `cancel` may be NULL. */
saga_result stream_receive_until(saga_stream *stream, int64_t deadline, saga_cancel *cancel, ProtobufCMessage **message,
    saga_error *error);
saga_result stream_send_until(saga_stream *stream, int64_t deadline, saga_cancel *cancel, const ProtobufCMessage *message,
    saga_error *error);
/* Sleeps; false as soon as the call is cancelled. */
bool sleep_unless(saga_cancel *cancel, int64_t ms);

struct saga_client {
    pthread_mutex_t lock;     /* Guards `current`. */
    pthread_mutex_t dialing;  /* One attempt at a time. */
    connection *current;
    connection *draining[16]; /* Whose calls finish there. */
    SSL_CTX *tls;             /* NULL = plain text. */
    char *host;
    char *server_name;
    char port[8];
    char *token;
    char *name_space;
    uint32_t connect_timeout_ms;
    saga_codec codec;
};

saga_result client_connection(saga_client *client, connection **found, saga_error *error);

struct saga_cancel {
    pthread_mutex_t lock;
    bool signalled;
    connection *waiting;
};

/* Payloads to and from the wire, through the client's codec. `to` is malloc'ed. */
saga_result payload_out(const saga_client *client, const saga_payload *from, Saga__V1__Payload **to, saga_error *error);
saga_result payload_in(const saga_client *client, const Saga__V1__Payload *from, saga_payload *to, saga_error *error);
void payload_free(Saga__V1__Payload *payload);

/* The pause after an attempt: doubles from `first` to `most`, each shortened at random by up to half. */
typedef struct backoff {
    int64_t next;
    int64_t most;
} backoff;

int64_t backoff_take(backoff *b);

/* A subscription while it goes on. */
typedef struct feed {
    Saga__V1__SubscribeRequest request;
    uint8_t *position; /* Of the last item that was taken; NULL = the caller's. */
    const saga_call_options *options;
    saga_each_item each;
    void (*on_position)(void *, const uint8_t *, size_t);
    void *context;
} feed;

/* Hands an item on, and remembers where it was. SAGA_STREAM_END: the caller has enough. */
saga_result feed_take(feed *f, const Saga__V1__SubscriptionItem *item, saga_error *error);

#endif
