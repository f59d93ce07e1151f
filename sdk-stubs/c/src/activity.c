/* One attempt of an activity: what its function can ask and say. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "worker.h"

const Saga__V1__ActivityTask *saga_activity_task(const saga_activity *a) { return a->task; }
const saga_payload *saga_activity_input(const saga_activity *a) { return &a->input; }
const saga_undo *saga_activity_undo(const saga_activity *a) { return a->has_undo ? &a->undo : NULL; }
const saga_payload *saga_activity_heartbeat_details(const saga_activity *a) { return &a->details; }

bool saga_activity_wait_cancel(saga_activity *a, uint32_t timeout_ms)
{
    saga_worker *w = a->worker;
    int64_t end = now_ms() + timeout_ms;
    pthread_mutex_lock(&w->lock);
    while (!a->cancel_requested && now_ms() < end && (!a->deadline || now_ms() < a->deadline)) {
        wait_until(&w->changed, &w->lock, a->deadline && a->deadline < end ? a->deadline : end);
    }
    bool wanted = a->cancel_requested || (a->deadline && now_ms() >= a->deadline);
    pthread_mutex_unlock(&w->lock);
    return wanted;
}

void saga_activity_heartbeat(saga_activity *a, const saga_payload *details)
{
    Saga__V1__Payload *made = NULL;
    if (details) payload_out(a->worker->client, details, &made, NULL);
    pthread_mutex_lock(&a->worker->lock);
    payload_free(a->beat_details);
    a->beat_details = made;
    a->beat_due = true;
    pthread_cond_broadcast(&a->worker->changed);
    pthread_mutex_unlock(&a->worker->lock);
}

void saga_activity_set_undo_data(saga_activity *a, const saga_payload *data)
{
    payload_free(a->undo_data);
    a->undo_data = NULL;
    payload_out(a->worker->client, data, &a->undo_data, NULL);
}

/* Keeps the report; the first one counts. */
static void keep_report(saga_activity *a, const Saga__V1__WorkerItem *report)
{
    if (!a->report) a->report = copy_item(report);
}

void saga_activity_return(saga_activity *a, const saga_payload *output)
{
    Saga__V1__WorkerItem item = SAGA__V1__WORKER_ITEM__INIT;
    Saga__V1__ActivityCompleted completed = SAGA__V1__ACTIVITY_COMPLETED__INIT;
    saga_error error = SAGA_ERROR_INIT;
    if (payload_out(a->worker->client, output, &completed.output, &error) != SAGA_OK) {
        saga_failure failure = {.message = error.message};
        saga_activity_fail(a, &failure);
        saga_error_clear(&error);
        return;
    }
    completed.task_token = a->task->task_token;
    completed.undo_data = a->undo_data;
    item.item_case = SAGA__V1__WORKER_ITEM__ITEM_ACTIVITY_COMPLETED;
    item.activity_completed = &completed;
    keep_report(a, &item);
    payload_free(completed.output);
}

void saga_activity_fail(saga_activity *a, const saga_failure *failure)
{
    enum { MOST = 64 };
    Saga__V1__WorkerItem item = SAGA__V1__WORKER_ITEM__INIT;
    Saga__V1__ActivityFailed failed = SAGA__V1__ACTIVITY_FAILED__INIT;
    Saga__V1__SagaError why = SAGA__V1__SAGA_ERROR__INIT;
    Saga__V1__MetadataEntry entries[MOST], *list[MOST];
    for (size_t i = 0; failure->context && why.n_context < MOST && failure->context[2 * i] && failure->context[2 * i + 1]; i++) {
        saga__v1__metadata_entry__init(&entries[i]);
        entries[i].key = (char *)(uintptr_t)failure->context[2 * i];
        entries[i].value = (char *)(uintptr_t)failure->context[2 * i + 1];
        list[why.n_context++] = &entries[i];
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    why.context = list;
    why.kind = failure->kind ? failure->kind : SAGA__V1__ERROR_KIND__ERROR_KIND_ACTIVITY_EXECUTION;
    why.code = (char *)(uintptr_t)(failure->code ? failure->code : "");
    why.message = (char *)(uintptr_t)(failure->message ? failure->message : "");
    why.non_retryable = failure->non_retryable;
    why.timestamp_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    bool follows = why.kind == SAGA__V1__ERROR_KIND__ERROR_KIND_VALIDATION || why.kind == SAGA__V1__ERROR_KIND__ERROR_KIND_DOMAIN;
    failed.task_token = a->task->task_token;
    failed.error = &why;
    failed.effect = failure->no_effect ? SAGA__V1__EFFECT__EFFECT_NONE
        : follows                      ? SAGA__V1__EFFECT__EFFECT_UNSPECIFIED
                                       : SAGA__V1__EFFECT__EFFECT_UNKNOWN;
    item.item_case = SAGA__V1__WORKER_ITEM__ITEM_ACTIVITY_FAILED;
    item.activity_failed = &failed;
    keep_report(a, &item);
}

void saga_activity_canceled(saga_activity *a, bool no_effect)
{
    Saga__V1__WorkerItem item = SAGA__V1__WORKER_ITEM__INIT;
    Saga__V1__ActivityCanceled canceled = SAGA__V1__ACTIVITY_CANCELED__INIT;
    canceled.task_token = a->task->task_token;
    canceled.effect = no_effect ? SAGA__V1__EFFECT__EFFECT_NONE : SAGA__V1__EFFECT__EFFECT_UNKNOWN;
    item.item_case = SAGA__V1__WORKER_ITEM__ITEM_ACTIVITY_CANCELED;
    item.activity_canceled = &canceled;
    keep_report(a, &item);
}

void free_activity(saga_activity *a)
{
    saga_payload_clear(&a->input);
    saga_payload_clear(&a->details);
    saga_payload_clear(&a->undo.output);
    saga_payload_clear(&a->undo.data);
    payload_free(a->beat_details);
    payload_free(a->undo_data);
    saga__v1__server_item__free_unpacked(a->held, NULL);
    free(a);
}

/* Decodes what the activity gets; false with a report if that cannot be read. */
static bool read_task(saga_activity *a)
{
    static const char *const outcomes[] = {"unknown", "completed", "no_effect", "unknown"};
    const saga_client *client = a->worker->client;
    saga_error error = SAGA_ERROR_INIT;
    saga_result result = payload_in(client, a->task->input, &a->input, &error);
    if (result == SAGA_OK) result = payload_in(client, a->task->heartbeat_details, &a->details, &error);
    Saga__V1__UndoInput *told = a->task->undo;
    if (told && result == SAGA_OK) {
        a->has_undo = true;
        a->undo.outcome = outcomes[(unsigned)told->outcome < 4 ? told->outcome : 0];
        a->undo.idempotency_key = told->step_key;
        result = payload_in(client, told->output, &a->undo.output, &error);
        if (result == SAGA_OK) result = payload_in(client, told->data, &a->undo.data, &error);
    }
    if (result == SAGA_OK) return true;
    saga_failure failure = {SAGA__V1__ERROR_KIND__ERROR_KIND_CODEC, NULL, error.message, false, true, NULL};
    saga_activity_fail(a, &failure);
    saga_error_clear(&error);
    return false;
}

void *run_activity(void *argument)
{
    saga_activity *a = argument;
    saga_worker *w = a->worker;
    registered *r = w->activities;
    while (r && strcmp(r->name, a->task->activity_type) != 0) r = r->next;
    if (!r) {
        saga_failure failure = {SAGA__V1__ERROR_KIND__ERROR_KIND_CONFIGURATION, NULL, "this worker does not serve it", true, true, NULL};
        saga_activity_fail(a, &failure);
    } else if (read_task(a)) {
        r->function(a, r->context);
        saga_activity_return(a, NULL); /* Does nothing if the function has said something. */
    }
    pthread_mutex_lock(&w->lock);
    for (saga_activity **at = &w->runs; *at; at = &(*at)->next) {
        if (*at != a) continue;
        *at = a->next;
        break;
    }
    w->running--;
    Saga__V1__WorkerItem *report = a->report;
    if (report) {
        ProtobufCBinaryData *token = report->item_case == SAGA__V1__WORKER_ITEM__ITEM_ACTIVITY_COMPLETED
            ? &report->activity_completed->task_token
            : report->item_case == SAGA__V1__WORKER_ITEM__ITEM_ACTIVITY_FAILED ? &report->activity_failed->task_token
                                                                               : &report->activity_canceled->task_token;
        put(w, report, true, token);
    }
    free_activity(a);
    OPENSSL_thread_stop();
    w->threads--;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}
