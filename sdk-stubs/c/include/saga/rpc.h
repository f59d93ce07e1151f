/* Connections, calls and streams: what the generated stubs in saga/services.h stand on. */
#ifndef SAGA_RPC_H
#define SAGA_RPC_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "saga/v1/common_messages.pb-c.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What came of a call. */
typedef enum saga_result {
    SAGA_OK = 0,
    SAGA_STATUS,              /* The server said no: see `status`. */
    SAGA_CONNECTION_LOST,     /* Could not be made, or ended: what was under way may or may not have happened. */
    SAGA_CANCELLED,           /* By the caller's saga_cancel. */
    SAGA_INVALID,             /* Refused by this library; nothing was sent. */
    SAGA_STREAM_END,          /* No further message on the stream. */
    SAGA_WORKFLOW_FAILED,     /* The saga failed: see `error` and `compensation`. */
    SAGA_WORKFLOW_CANCELED,   /* It was cancelled on request. */
    SAGA_WORKFLOW_TIMED_OUT,  /* Its execution time-out passed. */
    SAGA_WORKFLOW_TERMINATED, /* It was stopped from outside. */
} saga_result;

/* More about what came of a call. Begin with SAGA_ERROR_INIT, clear it when done; every call clears it first. Each function
 * takes NULL if the caller does not want to know. */
typedef struct saga_error {
    saga_result result;
    Saga__V1__StatusCode status;  /* For SAGA_STATUS. */
    uint64_t retry_after_ms;      /* To wait before a retry; 0 = no advice. */
    char message[1024];           /* For people. */
    Saga__V1__SagaError *error;   /* For programs; NULL = nothing to add. Its details are as they came, before any codec. */
    const char *compensation;     /* `none`, `complete`, `partial` or `given_up`, of a saga that ended badly. */
    bool not_processed;           /* The server has not begun the call: it is safe to repeat. */
} saga_error;

#define SAGA_ERROR_INIT {SAGA_OK, (Saga__V1__StatusCode)0, 0, {0}, NULL, NULL, false}

/* Frees what an error holds and makes it SAGA_OK. */
void saga_error_clear(saga_error *error);

/* The name of a result, such as `connection lost`. */
const char *saga_result_name(saga_result result);

/* An encoded value. As a result its members are malloc'ed: saga_payload_clear frees them. */
typedef struct saga_payload {
    char *encoding; /* `json`, `bytes`, `protobuf` or your own; NULL = no value. */
    uint8_t *data;
    size_t size;
} saga_payload;

#define SAGA_PAYLOAD_INIT {NULL, NULL, 0}

/* A payload of encoding `json` around a text, which must live as long; nothing is copied. */
saga_payload saga_json(const char *text);

/* A payload around bytes of any encoding, which must live as long; nothing is copied. */
saga_payload saga_raw(const char *encoding, const void *data, size_t size);

/* Packs a message into a payload of encoding `protobuf`; clear it when done. False if there is no memory. */
bool saga_protobuf(const ProtobufCMessage *message, saga_payload *made);

/* Copies a payload. False if there is no memory. */
bool saga_payload_copy(const saga_payload *from, saga_payload *to);

/* Frees what a payload holds (not of saga_json and saga_raw). */
void saga_payload_clear(saga_payload *payload);

/* Changes every payload on its way out and back in, as an encryption does. Each function fills `to` with malloc'ed members
 * and returns false if it cannot. Called from any thread. */
typedef struct saga_codec {
    bool (*encode)(void *context, const saga_payload *from, saga_payload *to);
    bool (*decode)(void *context, const saga_payload *from, saga_payload *to);
    void *context;
} saga_codec;

/* Where and how to connect. Strings must live until saga_connect returns. */
typedef struct saga_connect_options {
    const char *host;            /* NULL = `localhost`. */
    uint16_t port;               /* 0 = 7233. */
    const char *ca_file;         /* PEM file of the certificates to trust; NULL = those of the system. */
    const char *cert_file;       /* PEM file of the client's certificate chain; NULL = none. */
    const char *key_file;        /* PEM file of its key. */
    const char *server_name;     /* Name that the server's certificate must carry; NULL = the host. */
    const char *token;           /* `<key id>.<secret>`; NULL = none. */
    const char *name_space;      /* What workflow ids are unique in; NULL = the server's default. */
    bool insecure;               /* Plain text; the server must allow it, and the host must be loopback. */
    uint32_t connect_timeout_ms; /* Until the server's welcome; 0 = 10,000. */
    saga_codec codec;            /* Functions NULL = none. */
} saga_connect_options;

/* Calls of one namespace over one connection, which is made again when it is lost. A call that the connection took with it
 * is repeated until its deadline, with the same request id: the server does nothing twice. Safe for any number of threads. */
typedef struct saga_client saga_client;

/* Connects over TLS 1.3, checks the server's certificate and name, says hello and waits for the welcome. */
saga_result saga_connect(const saga_connect_options *options, saga_client **client, saga_error *error);

/* Closes the connection and frees the client. No other thread may use it, no worker of it may be left. NULL is fine. */
void saga_client_free(saga_client *client);

/* Ends calls early, from any thread. One token may serve any number of calls, one after the other. */
typedef struct saga_cancel saga_cancel;
saga_cancel *saga_cancel_new(void);
void saga_cancel_signal(saga_cancel *cancel);
void saga_cancel_free(saga_cancel *cancel);

/* What holds for one call; NULL = defaults throughout. */
typedef struct saga_call_options {
    uint32_t timeout_ms;     /* Until SAGA_STATUS with DEADLINE_EXCEEDED; 0 = 30,000 (results and streams: for ever). */
    const char *request_id;  /* The caller's own id of a change: a repeat does nothing twice. NULL = a new one. */
    const uint8_t *saga_id;  /* One run, 16 bytes; NULL = the open one, else the latest. */
    saga_cancel *cancel;     /* NULL = cannot be ended early. */
} saga_call_options;

/* One method of a service. */
typedef struct saga_method {
    uint16_t number;
    const char *name; /* `Service.Name`. */
    const ProtobufCMessageDescriptor *request;
    const ProtobufCMessageDescriptor *response;
    bool client_streaming;
    bool server_streaming;
    bool mutates; /* The request id counts. */
} saga_method;

/* One call until its deadline. `response` is freed by protobuf_c_message_free_unpacked(response, NULL). The request's header
 * is filled in here. */
saga_result saga_invoke(saga_client *client, const saga_method *method, const ProtobufCMessage *request,
    const saga_call_options *options, ProtobufCMessage **response, saga_error *error);

/* A stream of messages. One thread may send while another receives. */
typedef struct saga_stream saga_stream;

/* Opens a stream with its first message. */
saga_result saga_stream_open(saga_client *client, const saga_method *method, const ProtobufCMessage *first,
    const saga_call_options *options, saga_stream **stream, saga_error *error);

/* The next message; SAGA_STREAM_END after the last. `timeout_ms` 0 = for ever; `cancel` may be NULL. */
saga_result saga_stream_receive(saga_stream *stream, uint32_t timeout_ms, saga_cancel *cancel, ProtobufCMessage **message,
    saga_error *error);

/* Sends a message; waits while the server's window is full. */
saga_result saga_stream_send(saga_stream *stream, const ProtobufCMessage *message, saga_error *error);

/* Says that no more messages come from here. */
saga_result saga_stream_end(saga_stream *stream, saga_error *error);

/* Ends both directions and frees the stream. Nothing that was recorded is undone. NULL is fine. */
void saga_stream_free(saga_stream *stream);

#ifdef __cplusplus
}
#endif
#endif
