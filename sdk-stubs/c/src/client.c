/* The client: one connection that is made again when it is lost, and calls that survive that. */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static bool is_loopback(const char *host)
{
    struct in_addr four;
    struct in6_addr six;
    if (strcmp(host, "localhost") == 0) return true;
    if (inet_pton(AF_INET, host, &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
    return inet_pton(AF_INET6, host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

static saga_result tls_context(const saga_connect_options *o, SSL_CTX **made, saga_error *error)
{
    static const unsigned char alpn[] = "\6saga/1";
    ERR_clear_error();
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    const char *what = "TLS cannot be set up";
    bool fine = tls && SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) == 1
        && SSL_CTX_set_alpn_protos(tls, alpn, sizeof alpn - 1) == 0;
    if (fine) {
        SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        what = "the authorities cannot be read";
        fine = o->ca_file ? SSL_CTX_load_verify_locations(tls, o->ca_file, NULL) == 1 : SSL_CTX_set_default_verify_paths(tls) == 1;
    }
    if (fine && o->cert_file) {
        what = "the client's certificate or key cannot be read";
        fine = SSL_CTX_use_certificate_chain_file(tls, o->cert_file) == 1
            && SSL_CTX_use_PrivateKey_file(tls, o->key_file ? o->key_file : o->cert_file, SSL_FILETYPE_PEM) == 1
            && SSL_CTX_check_private_key(tls) == 1;
    }
    if (fine) {
        *made = tls;
        return SAGA_OK;
    }
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    SSL_CTX_free(tls);
    return fail(error, SAGA_INVALID, "%s: %s", what, reason ? reason : "no reason given");
}

saga_result saga_connect(const saga_connect_options *options, saga_client **client, saga_error *error)
{
    static const saga_connect_options defaults;
    const saga_connect_options *o = options ? options : &defaults;
    saga_error_clear(error);
    *client = NULL;
    const char *host = o->host ? o->host : "localhost";
    if (o->insecure && !is_loopback(host)) return fail(error, SAGA_INVALID, "plain text is for loopback only; give a CA instead");
    saga_client *c = calloc(1, sizeof *c);
    if (!c) return fail(error, SAGA_INVALID, "no memory");
    pthread_mutex_init(&c->lock, NULL);
    pthread_mutex_init(&c->dialing, NULL);
    c->host = strdup(host);
    c->server_name = strdup(o->server_name ? o->server_name : host);
    c->token = strdup(o->token ? o->token : "");
    c->name_space = strdup(o->name_space ? o->name_space : "");
    snprintf(c->port, sizeof c->port, "%u", o->port ? o->port : 7233u);
    c->connect_timeout_ms = o->connect_timeout_ms ? o->connect_timeout_ms : DEFAULT_CONNECT_TIMEOUT_MS;
    c->codec = o->codec;
    saga_result result = SAGA_OK;
    if (!c->host || !c->server_name || !c->token || !c->name_space) result = fail(error, SAGA_INVALID, "no memory");
    if (result == SAGA_OK && !o->insecure) result = tls_context(o, &c->tls, error);
    connection *made = NULL;
    if (result == SAGA_OK) result = client_connection(c, &made, error);
    if (result != SAGA_OK) {
        saga_client_free(c);
        return result;
    }
    connection_release(made);
    *client = c;
    return SAGA_OK;
}

static void drop(connection *c)
{
    connection_close(c);
    connection_release(c);
}

void saga_client_free(saga_client *client)
{
    if (!client) return;
    if (client->current) drop(client->current);
    for (size_t i = 0; i < sizeof client->draining / sizeof *client->draining; i++) {
        if (client->draining[i]) drop(client->draining[i]);
    }
    SSL_CTX_free(client->tls);
    free(client->host);
    free(client->server_name);
    free(client->token);
    free(client->name_space);
    pthread_mutex_destroy(&client->lock);
    pthread_mutex_destroy(&client->dialing);
    free(client);
}

/* The connection in use, retained; NULL = there is none. One that goes away is moved out of the way; `dead` ones are for the
 * caller to drop. */
static connection *usable(saga_client *client, connection *dead[17], saga_result *result, saga_error *error)
{
    size_t count = 0;
    *result = SAGA_OK;
    pthread_mutex_lock(&client->lock);
    connection *c = client->current, *found = NULL;
    bool lost = false, leaves = false, full = false;
    if (c) {
        pthread_mutex_lock(&c->lock);
        lost = c->lost.result != SAGA_OK;
        leaves = c->going_away;
        full = c->max_streams && c->open_streams >= c->max_streams;
        pthread_mutex_unlock(&c->lock);
    }
    if (c && !lost && !leaves) {
        if (full) {
            *result = fail_status(error, SAGA__V1__STATUS_CODE__STATUS_CODE_RESOURCE_EXHAUSTED,
                "too many calls in flight on this connection");
        } else {
            found = connection_retain(c);
        }
    } else if (c) {
        client->current = NULL;
        if (lost) dead[count++] = c;
        for (size_t i = 0; i < sizeof client->draining / sizeof *client->draining; i++) {
            connection *old = client->draining[i];
            if (old) {
                pthread_mutex_lock(&old->lock);
                bool ended = old->lost.result != SAGA_OK;
                pthread_mutex_unlock(&old->lock);
                if (!ended) continue;
                dead[count++] = old;
                client->draining[i] = NULL;
            }
            if (!lost && c) {
                /* Its running calls finish there. */
                client->draining[i] = c;
                c = NULL;
            }
        }
        if (!lost && c) dead[count++] = c;
    }
    dead[count] = NULL;
    pthread_mutex_unlock(&client->lock);
    return found;
}

saga_result client_connection(saga_client *client, connection **found, saga_error *error)
{
    connection *dead[18];
    saga_result result;
    for (int attempt = 0; attempt < 2; attempt++) {
        *found = usable(client, dead, &result, error);
        for (size_t i = 0; dead[i]; i++) drop(dead[i]);
        if (*found || result != SAGA_OK) {
            if (attempt) pthread_mutex_unlock(&client->dialing);
            return result;
        }
        if (!attempt) pthread_mutex_lock(&client->dialing);
    }
    connection *made = NULL;
    result = connection_open(client, &made, error);
    if (result == SAGA_OK) {
        *found = connection_retain(made);
        pthread_mutex_lock(&client->lock);
        client->current = made;
        pthread_mutex_unlock(&client->lock);
    }
    pthread_mutex_unlock(&client->dialing);
    return result;
}

/* A copy of a request whose header is `header`; field 1 of every request is one. */
static ProtobufCMessage *with_header(const ProtobufCMessage *request, Saga__V1__RequestHeader *header)
{
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(request->descriptor, 1);
    uint8_t *copy = malloc(request->descriptor->sizeof_message);
    if (!copy) return NULL;
    memcpy(copy, request, request->descriptor->sizeof_message);
    memcpy(copy + field->offset, &header, sizeof header);
    return (ProtobufCMessage *)(void *)copy;
}

static Saga__V1__RequestHeader header_of(const ProtobufCMessage *request, const saga_method *method,
    const saga_call_options *options, char id[33])
{
    Saga__V1__RequestHeader header = SAGA__V1__REQUEST_HEADER__INIT, *given = NULL;
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(request->descriptor, 1);
    memcpy(&given, (const uint8_t *)request + field->offset, sizeof given);
    if (given) header = *given;
    if (!method->mutates) return header;
    if (options && options->request_id && options->request_id[0]) {
        header.request_id = (char *)(uintptr_t)options->request_id;
    } else if (!header.request_id[0]) {
        new_id(id);
        header.request_id = id;
    }
    return header;
}

static saga_result attempt(saga_client *client, const saga_method *method, const ProtobufCMessage *request,
    Saga__V1__RequestHeader *header, int64_t deadline, saga_cancel *cancel, ProtobufCMessage **response, saga_error *error)
{
    connection *c = NULL;
    saga_stream *stream = NULL;
    saga_result result = client_connection(client, &c, error);
    if (result != SAGA_OK) return result;
    int64_t left = deadline - now_ms();
    header->deadline_ms = left > 0 ? (uint64_t)left : 1;
    ProtobufCMessage *whole = with_header(request, header);
    result = whole ? stream_open_on(c, method, whole, &stream, error) : fail(error, SAGA_INVALID, "no memory");
    free(whole);
    /* A little longer than the server is told, so that its own answer wins. */
    if (result == SAGA_OK) result = stream_receive_until(stream, deadline + 1000, cancel, response, error);
    if (result == SAGA_STREAM_END) result = fail(error, SAGA_CONNECTION_LOST, "%s has no answer", method->name);
    saga_stream_free(stream);
    connection_release(c);
    return result;
}

saga_result saga_invoke(saga_client *client, const saga_method *method, const ProtobufCMessage *request,
    const saga_call_options *options, ProtobufCMessage **response, saga_error *error)
{
    saga_error own = SAGA_ERROR_INIT;
    if (!error) error = &own;
    int64_t deadline = now_ms() + (options && options->timeout_ms ? options->timeout_ms : DEFAULT_TIMEOUT_MS);
    char id[33];
    Saga__V1__RequestHeader header = header_of(request, method, options, id);
    backoff pause = {100, 5000};
    saga_result result;
    *response = NULL;
    for (;;) {
        saga_error_clear(error);
        result = attempt(client, method, request, &header, deadline, options ? options->cancel : NULL, response, error);
        bool busy = result == SAGA_STATUS && (error->status == SAGA__V1__STATUS_CODE__STATUS_CODE_UNAVAILABLE
            || error->status == SAGA__V1__STATUS_CODE__STATUS_CODE_RESOURCE_EXHAUSTED);
        if (!busy && result != SAGA_CONNECTION_LOST) break;
        int64_t wait = backoff_take(&pause);
        if (busy && wait < (int64_t)error->retry_after_ms) wait = (int64_t)error->retry_after_ms;
        if (now_ms() + wait >= deadline) break;
        if (!sleep_unless(options ? options->cancel : NULL, wait)) {
            result = fail(error, SAGA_CANCELLED, "%s was cancelled", method->name);
            break;
        }
    }
    if (error == &own) saga_error_clear(&own);
    return result;
}

saga_result saga_stream_open(saga_client *client, const saga_method *method, const ProtobufCMessage *first,
    const saga_call_options *options, saga_stream **stream, saga_error *error)
{
    connection *c = NULL;
    char id[33];
    *stream = NULL;
    saga_error_clear(error);
    saga_result result = client_connection(client, &c, error);
    if (result != SAGA_OK) return result;
    Saga__V1__RequestHeader header = header_of(first, method, options, id);
    ProtobufCMessage *whole = with_header(first, &header);
    result = whole ? stream_open_on(c, method, whole, stream, error) : fail(error, SAGA_INVALID, "no memory");
    free(whole);
    connection_release(c);
    return result;
}
