/* The feed of committed events, and runs on their way from one server to another. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "saga/saga.h"

saga_result feed_take(feed *f, const Saga__V1__SubscriptionItem *item, saga_error *error)
{
    /* Without events it only says how far the feed is. */
    if (item->n_events && !f->each(f->context, item)) return SAGA_STREAM_END;
    uint8_t *copy = malloc(item->position.len + 1);
    if (!copy) return fail(error, SAGA_INVALID, "no memory");
    if (item->position.len) memcpy(copy, item->position.data, item->position.len);
    free(f->position);
    f->position = copy;
    f->request.position = (ProtobufCBinaryData){item->position.len, copy};
    if (!item->n_events && f->on_position) f->on_position(f->context, copy, item->position.len);
    return SAGA_OK;
}

/* One stream; `came` says whether anything came. SAGA_STREAM_END: the caller has enough. */
static saga_result subscribe_once(saga_client *client, feed *f, bool *came, saga_error *error)
{
    saga_stream *stream = NULL;
    saga_result result = saga_events_subscribe(client, &f->request, f->options, &stream, error);
    while (result == SAGA_OK) {
        ProtobufCMessage *message = NULL;
        result = saga_stream_receive(stream, 0, f->options ? f->options->cancel : NULL, &message, error);
        if (result == SAGA_STREAM_END) {
            result = fail(error, SAGA_CONNECTION_LOST, "the server ended the subscription");
            break;
        }
        if (result != SAGA_OK) break;
        *came = true;
        result = feed_take(f, (Saga__V1__SubscriptionItem *)message, error);
        protobuf_c_message_free_unpacked(message, NULL);
    }
    saga_stream_free(stream);
    return result;
}

static bool is_passing(saga_result result, const saga_error *error)
{
    if (result == SAGA_CONNECTION_LOST) return true;
    return result == SAGA_STATUS && (error->status == SAGA__V1__STATUS_CODE__STATUS_CODE_UNAVAILABLE ||
        error->status == SAGA__V1__STATUS_CODE__STATUS_CODE_RESOURCE_EXHAUSTED);
}

saga_result saga_subscribe(saga_client *client, const saga_subscribe_options *wanted, const saga_call_options *options,
    saga_each_item each, void *context, saga_error *error)
{
    static const saga_subscribe_options everything = {0};
    saga_error own = SAGA_ERROR_INIT;
    feed f = {SAGA__V1__SUBSCRIBE_REQUEST__INIT, NULL, options, each, NULL, context};
    backoff pause = {100, 5000};
    int64_t limit = options && options->timeout_ms ? options->timeout_ms : DEFAULT_TIMEOUT_MS, failing = 0;
    if (!wanted) wanted = &everything;
    f.on_position = wanted->on_position;
    if (!error) error = &own;
    f.request.position = (ProtobufCBinaryData){wanted->position_size, (uint8_t *)(uintptr_t)wanted->position};
    f.request.from_beginning = wanted->from_beginning;
    f.request.event_types = (uint32_t *)(uintptr_t)wanted->event_types;
    f.request.n_event_types = wanted->event_types_count;
    f.request.workflow_types = (char **)(uintptr_t)wanted->workflow_types;
    while (wanted->workflow_types && wanted->workflow_types[f.request.n_workflow_types]) f.request.n_workflow_types++;
    saga_result result;
    for (;;) {
        bool came = false;
        result = subscribe_once(client, &f, &came, error);
        if (came) {
            pause.next = 100;
            failing = 0;
        }
        if (!failing) failing = now_ms();
        if (!is_passing(result, error) || now_ms() - failing > limit) break;
        int64_t wait = backoff_take(&pause);
        if (result == SAGA_STATUS && (int64_t)error->retry_after_ms > wait) wait = (int64_t)error->retry_after_ms;
        if (!sleep_unless(options ? options->cancel : NULL, wait)) {
            result = fail(error, SAGA_CANCELLED, "Events.Subscribe was cancelled");
            break;
        }
    }
    free(f.position);
    if (result == SAGA_STREAM_END) {
        saga_error_clear(error);
        result = SAGA_OK;
    }
    saga_error_clear(&own);
    return result;
}

saga_result saga_export_history(saga_client *client, const char *workflow_id, const saga_call_options *options,
    saga_each_chunk each, void *context, saga_error *error)
{
    Saga__V1__WorkflowRef ref = SAGA__V1__WORKFLOW_REF__INIT;
    Saga__V1__ExportHistoryRequest request = SAGA__V1__EXPORT_HISTORY_REQUEST__INIT;
    saga_stream *stream = NULL;
    ref.workflow_id = (char *)(uintptr_t)workflow_id;
    if (options && options->saga_id) ref.saga_id = (ProtobufCBinaryData){16, (uint8_t *)(uintptr_t)options->saga_id};
    request.workflow = &ref;
    saga_result result = saga_workflows_export_history(client, &request, options, &stream, error);
    while (result == SAGA_OK) {
        ProtobufCMessage *message = NULL;
        result = saga_stream_receive(stream, 0, options ? options->cancel : NULL, &message, error);
        if (result != SAGA_OK) break;
        if (!each(context, (Saga__V1__HistoryChunk *)message)) result = SAGA_STREAM_END;
        protobuf_c_message_free_unpacked(message, NULL);
    }
    saga_stream_free(stream);
    if (result != SAGA_STREAM_END) return result;
    saga_error_clear(error);
    return SAGA_OK;
}

saga_result saga_import_history(saga_client *client, saga_next_chunk next, void *context, const saga_call_options *options,
    saga_run *run, uint64_t *events, saga_error *error)
{
    Saga__V1__ImportHistoryRequest request = SAGA__V1__IMPORT_HISTORY_REQUEST__INIT;
    saga_stream *stream = NULL;
    ProtobufCMessage *message = NULL;
    saga_cancel *cancel = options ? options->cancel : NULL;
    int64_t deadline = options && options->timeout_ms ? now_ms() + options->timeout_ms : 0;
    const Saga__V1__HistoryChunk *chunk = next(context);
    if (!chunk) return fail(error, SAGA_INVALID, "there is no chunk to import");
    request.chunk = (Saga__V1__HistoryChunk *)(uintptr_t)chunk;
    /* The first travels with the call itself. */
    saga_result result = saga_workflows_import_history(client, &request, options, &stream, error);
    while (result == SAGA_OK && (chunk = next(context))) {
        request.chunk = (Saga__V1__HistoryChunk *)(uintptr_t)chunk;
        result = stream_send_until(stream, deadline, cancel, &request.base, error);
    }
    if (result == SAGA_OK) result = saga_stream_end(stream, error);
    if (result == SAGA_OK) {
        result = stream_receive_until(stream, deadline, cancel, &message, error);
        if (result == SAGA_STREAM_END) result = fail(error, SAGA_CONNECTION_LOST, "the server ended the call without an answer");
    }
    if (result == SAGA_OK) {
        const Saga__V1__ImportHistoryResponse *answer = (const Saga__V1__ImportHistoryResponse *)message;
        if (run) {
            *run = (saga_run){{0}, false};
            if (answer->saga_id.len == sizeof run->saga_id) memcpy(run->saga_id, answer->saga_id.data, answer->saga_id.len);
        }
        if (events) *events = answer->events;
        protobuf_c_message_free_unpacked(message, NULL);
    }
    saga_stream_free(stream);
    return result;
}
