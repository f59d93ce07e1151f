/* The worker: one stream that is kept alive, a thread for each running activity. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker.h"

static void say(saga_worker *w, const char *what, const char *detail)
{
    char line[1200];
    snprintf(line, sizeof line, "saga worker: %s%s", what, detail);
    if (w->log) w->log(w->log_context, line);
    else fprintf(stderr, "%s\n", line);
}

saga_result saga_worker_new(saga_client *client, const saga_worker_options *options, saga_worker **worker, saga_error *error)
{
    size_t count = 0;
    saga_error_clear(error);
    while (options->task_queues && options->task_queues[count]) count++;
    uint32_t places = options->max_concurrent ? options->max_concurrent : 20;
    if (!count || places < count || places > 1024) {
        return fail(error, SAGA_INVALID, "give at least one task queue, and max_concurrent from their number to 1024");
    }
    saga_worker *w = calloc(1, sizeof *w);
    if (!w) return fail(error, SAGA_INVALID, "no memory");
    pthread_mutex_init(&w->lock, NULL);
    condition_init(&w->changed);
    w->client = client;
    w->places = places;
    w->drain_timeout = options->drain_timeout_ms ? options->drain_timeout_ms : 30000;
    w->log = options->log;
    w->log_context = options->log_context;
    w->queues = calloc(count, sizeof *w->queues);
    bool fine = w->queues != NULL;
    for (size_t i = 0; fine && i < count; i++, w->n_queues++) fine = (w->queues[i] = strdup(options->task_queues[i])) != NULL;
    char host[64] = "", own[128];
    gethostname(host, sizeof host - 1);
    const char *user = getenv("USER");
    snprintf(own, sizeof own, "%.32s@%s/%d", user ? user : "c", host, (int)getpid());
    w->identity = strdup(options->identity ? options->identity : own);
    if (!fine || !w->identity) {
        saga_worker_free(w);
        return fail(error, SAGA_INVALID, "no memory");
    }
    *worker = w;
    return SAGA_OK;
}

saga_result saga_worker_register(saga_worker *w, const char *name, saga_activity_function function, void *context)
{
    registered *made = malloc(sizeof *made);
    if (!made) return SAGA_INVALID;
    *made = (registered){w->activities, name, function, context};
    w->activities = made;
    return SAGA_OK;
}

static void free_item(outgoing *old)
{
    saga__v1__worker_item__free_unpacked(old->item, NULL);
    free(old);
}

void saga_worker_free(saga_worker *w)
{
    if (!w) return;
    pthread_mutex_lock(&w->lock);
    while (w->threads) wait_until(&w->changed, &w->lock, 0);
    pthread_mutex_unlock(&w->lock);
    for (registered *r = w->activities, *next; r; r = next) {
        next = r->next;
        free(r);
    }
    for (outgoing *o = w->items, *next; o; o = next) {
        next = o->next;
        free_item(o);
    }
    for (size_t i = 0; i < w->n_queues; i++) free(w->queues[i]);
    free(w->queues);
    free(w->identity);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

void saga_worker_stop(saga_worker *w)
{
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

bool saga_worker_serving(saga_worker *w)
{
    pthread_mutex_lock(&w->lock);
    bool serving = w->serving;
    pthread_mutex_unlock(&w->lock);
    return serving;
}

/* A copy of an item that lives on the heap. */
Saga__V1__WorkerItem *copy_item(const Saga__V1__WorkerItem *from)
{
    size_t size = saga__v1__worker_item__get_packed_size(from);
    uint8_t *packed = malloc(size + 1);
    if (!packed) return NULL;
    saga__v1__worker_item__pack(from, packed);
    Saga__V1__WorkerItem *made = saga__v1__worker_item__unpack(NULL, size, packed);
    free(packed);
    return made;
}

/* Takes the item over; the lock is held. */
void put(saga_worker *w, Saga__V1__WorkerItem *item, bool is_report, const ProtobufCBinaryData *token)
{
    outgoing *made = item ? calloc(1, sizeof *made) : NULL;
    if (!made) {
        if (item) saga__v1__worker_item__free_unpacked(item, NULL);
        return;
    }
    made->item = item;
    made->is_report = is_report;
    made->queued = true;
    if (token) made->token = *token;
    outgoing **end = &w->items;
    while (*end) end = &(*end)->next;
    *end = made;
    pthread_cond_broadcast(&w->changed);
}

static bool same(const ProtobufCBinaryData *a, const ProtobufCBinaryData *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static saga_activity *find_run(saga_worker *w, const ProtobufCBinaryData *token)
{
    saga_activity *a = w->runs;
    while (a && !same(&a->task->task_token, token)) a = a->next;
    return a;
}

static bool is_idle(const saga_worker *w)
{
    if (w->running) return false;
    for (outgoing *o = w->items; o; o = o->next) {
        if (o->is_report && !o->done) return false;
    }
    return true;
}

static bool start_thread(void *(*function)(void *), void *argument, pthread_t *thread)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool fine = pthread_create(thread, NULL, function, argument) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return fine;
}

/* Takes the item over; the lock is held. */
static void begin(saga_worker *w, Saga__V1__ServerItem *item)
{
    Saga__V1__ActivityTask *task = item->activity_task;
    bool known = find_run(w, &task->task_token) != NULL;
    for (outgoing *o = w->items; o && !known; o = o->next) known = o->is_report && !o->done && same(&o->token, &task->task_token);
    saga_activity *a = known ? NULL : calloc(1, sizeof *a);
    if (!a) {
        /* It runs here, or has run: the report is on its way. */
        saga__v1__server_item__free_unpacked(item, NULL);
        return;
    }
    a->worker = w;
    a->held = item;
    a->task = task;
    a->gap = 1000;
    if (task->timeouts && task->timeouts->heartbeat_us > 0 && task->timeouts->heartbeat_us / 4000 < a->gap) {
        a->gap = task->timeouts->heartbeat_us / 4000;
    }
    /* The server's own clock decides; this one ends what would hold a place for ever. */
    if (task->timeouts && task->timeouts->start_to_close_us > 0) a->deadline = now_ms() + task->timeouts->start_to_close_us / 1000 + 1000;
    a->next = w->runs;
    w->runs = a;
    w->running++;
    w->threads++;
    pthread_t thread;
    if (start_thread(run_activity, a, &thread)) {
        pthread_detach(thread);
        return;
    }
    saga_failure failure = {.message = "no thread for the activity", .no_effect = true};
    saga_activity_fail(a, &failure);
    w->runs = a->next;
    w->running--;
    w->threads--;
    if (a->report) put(w, a->report, true, &a->report->activity_failed->task_token);
    free_activity(a);
}

/* Takes the item over. */
static void handle(saga_worker *w, Saga__V1__ServerItem *item)
{
    pthread_mutex_lock(&w->lock);
    saga_activity *run = NULL;
    switch (item->item_case) {
    case SAGA__V1__SERVER_ITEM__ITEM_ACTIVITY_TASK:
        begin(w, item);
        item = NULL;
        break;
    case SAGA__V1__SERVER_ITEM__ITEM_CANCEL_ACTIVITY:
        run = find_run(w, &item->cancel_activity->task_token);
        break;
    case SAGA__V1__SERVER_ITEM__ITEM_HEARTBEAT_ANSWER:
        if (item->heartbeat_answer->cancel_requested || !item->heartbeat_answer->current) {
            run = find_run(w, &item->heartbeat_answer->task_token);
        }
        break;
    case SAGA__V1__SERVER_ITEM__ITEM_ACK:
        for (outgoing **at = &w->items; *at; at = &(*at)->next) {
            outgoing *o = *at;
            if (!o->is_report || !same(&o->token, &item->ack->task_token)) continue;
            o->done = true;
            if (!o->sending) {
                *at = o->next;
                free_item(o);
            }
            break;
        }
        if (item->ack->result == SAGA__V1__ACK_RESULT__ACK_RESULT_REFUSED) {
            say(w, "a report was refused: ", item->ack->error ? item->ack->error->message : "");
        } else if (item->ack->result == SAGA__V1__ACK_RESULT__ACK_RESULT_LATE_EFFECT) {
            say(w, "a report came after the undo of its step; the server deals with it", "");
        }
        break;
    case SAGA__V1__SERVER_ITEM__ITEM_DRAIN:
        w->server_drains = true;
        break;
    default:
        break;
    }
    if (run) run->cancel_requested = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    if (item) saga__v1__server_item__free_unpacked(item, NULL);
}

/* The sender: what is queued, heartbeats that are due, and the end of the stream. */

typedef struct sender {
    saga_worker *worker;
    saga_stream *stream;
} sender;

static void put_drained(saga_worker *w, uint32_t running)
{
    Saga__V1__WorkerItem item = SAGA__V1__WORKER_ITEM__INIT;
    Saga__V1__Drained drained = SAGA__V1__DRAINED__INIT;
    drained.running = running;
    item.item_case = SAGA__V1__WORKER_ITEM__ITEM_DRAINED;
    item.drained = &drained;
    put(w, copy_item(&item), false, NULL);
}

/* Queues the heartbeats that are due; gives the time of the next one, 0 = none. */
static int64_t beat(saga_worker *w)
{
    int64_t next = 0, now = now_ms();
    for (saga_activity *a = w->runs; a; a = a->next) {
        if (!a->beat_due) continue;
        if (now < a->last_beat + a->gap) {
            if (!next || a->last_beat + a->gap < next) next = a->last_beat + a->gap;
            continue;
        }
        Saga__V1__WorkerItem item = SAGA__V1__WORKER_ITEM__INIT;
        Saga__V1__Heartbeat heartbeat = SAGA__V1__HEARTBEAT__INIT;
        heartbeat.task_token = a->task->task_token;
        heartbeat.details = a->beat_details;
        item.item_case = SAGA__V1__WORKER_ITEM__ITEM_HEARTBEAT;
        item.heartbeat = &heartbeat;
        a->last_beat = now;
        a->beat_due = false;
        put(w, copy_item(&item), false, NULL);
    }
    return next;
}

static bool send_first(saga_worker *w, saga_stream *stream)
{
    outgoing *o = w->items;
    while (o && !o->queued) o = o->next;
    if (!o) return false;
    o->queued = false;
    o->sending = true;
    pthread_mutex_unlock(&w->lock);
    saga_stream_send(stream, &o->item->base, NULL); /* The receiving side sees how the stream ends. */
    pthread_mutex_lock(&w->lock);
    o->sending = false;
    if (o->is_report && !o->done) return true;
    for (outgoing **at = &w->items; *at; at = &(*at)->next) {
        if (*at != o) continue;
        *at = o->next;
        break;
    }
    free_item(o);
    return true;
}

static void *send_items(void *argument)
{
    sender *s = argument;
    saga_worker *w = s->worker;
    bool said = false, asked = false;
    int64_t limit = 0;
    pthread_mutex_lock(&w->lock);
    while (!w->stream_over) {
        int64_t next = beat(w);
        if (send_first(w, s->stream)) continue;
        if (w->stopping && !said) {
            said = true;
            limit = now_ms() + w->drain_timeout;
            put_drained(w, (uint32_t)w->running);
            continue;
        }
        if ((w->stopping || w->server_drains) && is_idle(w)) {
            put_drained(w, 0);
            while (!w->stream_over && send_first(w, s->stream)) {
            }
            pthread_mutex_unlock(&w->lock);
            saga_stream_end(s->stream, NULL);
            pthread_mutex_lock(&w->lock);
            break;
        }
        if (said && !asked && now_ms() >= limit) {
            asked = true;
            say(w, "activities still run; they are asked to stop", "");
            for (saga_activity *a = w->runs; a; a = a->next) a->cancel_requested = true;
            pthread_cond_broadcast(&w->changed);
            continue;
        }
        if (said && !asked && (!next || limit < next)) next = limit;
        wait_until(&w->changed, &w->lock, next);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static saga_result open_work(saga_worker *w, saga_stream **stream, saga_error *error)
{
    Saga__V1__WorkerItem item = SAGA__V1__WORKER_ITEM__INIT;
    Saga__V1__WorkOpen opening = SAGA__V1__WORK_OPEN__INIT;
    Saga__V1__Slots slots[64], *slot_list[64];
    pthread_mutex_lock(&w->lock);
    size_t names = 0, tokens = 0;
    for (registered *r = w->activities; r; r = r->next) names++;
    for (outgoing *o = w->items; o; o = o->next) tokens += o->is_report && !o->done;
    tokens += w->running;
    char **types = calloc(names + 1, sizeof *types);
    ProtobufCBinaryData *known = calloc(tokens + 1, sizeof *known);
    saga_result result = SAGA_OK;
    if (!types || !known || w->n_queues > 64) {
        result = fail(error, SAGA_INVALID, "no memory");
        pthread_mutex_unlock(&w->lock);
        free(types);
        free(known);
        return result;
    }
    for (registered *r = w->activities; r; r = r->next) types[opening.n_activity_types++] = (char *)(uintptr_t)r->name;
    size_t places = w->stopping || tokens >= w->places ? 0 : w->places - tokens;
    for (saga_activity *a = w->runs; a; a = a->next) known[opening.n_running_task_tokens++] = a->task->task_token;
    for (outgoing *o = w->items; o; o = o->next) {
        if (o->is_report && !o->done) known[opening.n_running_task_tokens++] = o->token;
        /* Reports that are not acknowledged go out again. */
        if (o->is_report) o->queued = !o->done;
    }
    if (w->tokens_refused) opening.n_running_task_tokens = 0;
    /* One pool of places for all queues, split so that each has at least one if there are enough. */
    for (size_t i = 0; i < w->n_queues; i++) {
        size_t share = places / w->n_queues + (i < places % w->n_queues ? 1 : 0);
        if (!share) continue;
        saga__v1__slots__init(&slots[i]);
        slots[i].task_queue = w->queues[i];
        slots[i].add_activities = (uint32_t)share;
        slot_list[opening.n_slots++] = &slots[i];
    }
    opening.identity = w->identity;
    opening.n_task_queues = w->n_queues;
    opening.task_queues = w->queues;
    opening.activity_types = types;
    opening.running_task_tokens = known;
    opening.slots = slot_list;
    item.item_case = SAGA__V1__WORKER_ITEM__ITEM_OPEN;
    item.open = &opening;
    /* Packed under the lock: the tokens belong to runs. */
    Saga__V1__WorkerItem *first = copy_item(&item);
    w->stream_over = w->server_drains = false;
    pthread_mutex_unlock(&w->lock);
    free(types);
    free(known);
    if (!first) return fail(error, SAGA_INVALID, "no memory");
    result = saga_workers_work(w->client, first, NULL, stream, error);
    saga__v1__worker_item__free_unpacked(first, NULL);
    return result;
}

/* One stream to its end; `brought` says whether anything came. */
static saga_result serve(saga_worker *w, bool *brought, saga_error *error)
{
    saga_stream *stream = NULL;
    saga_result result = open_work(w, &stream, error);
    if (result != SAGA_OK) return result;
    sender s = {w, stream};
    pthread_t thread;
    if (!start_thread(send_items, &s, &thread)) {
        saga_stream_free(stream);
        return fail(error, SAGA_INVALID, "no thread");
    }
    pthread_mutex_lock(&w->lock);
    w->serving = true;
    pthread_mutex_unlock(&w->lock);
    for (;;) {
        ProtobufCMessage *message = NULL;
        result = saga_stream_receive(stream, 0, NULL, &message, error);
        if (result != SAGA_OK) break;
        *brought = true;
        w->tokens_refused = false;
        handle(w, (Saga__V1__ServerItem *)message);
    }
    pthread_mutex_lock(&w->lock);
    w->serving = false;
    w->stream_over = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    pthread_join(thread, NULL);
    saga_stream_free(stream);
    return result == SAGA_STREAM_END ? SAGA_OK : result;
}

saga_result saga_worker_run(saga_worker *w, saga_error *error)
{
    saga_error own = SAGA_ERROR_INIT;
    if (!error) error = &own;
    backoff pause = {200, 10000};
    saga_result result;
    for (;;) {
        bool brought = false;
        result = serve(w, &brought, error);
        if (brought) pause.next = 200;
        if (result == SAGA_STATUS) {
            if (strstr(error->message, "running_task_tokens") && !w->tokens_refused) {
                /* One has expired: its report will be refused by itself, the rest goes on. */
                w->tokens_refused = true;
                continue;
            }
            Saga__V1__StatusCode code = error->status;
            if (code == SAGA__V1__STATUS_CODE__STATUS_CODE_UNAUTHENTICATED
                || code == SAGA__V1__STATUS_CODE__STATUS_CODE_PERMISSION_DENIED
                || code == SAGA__V1__STATUS_CODE__STATUS_CODE_INVALID_ARGUMENT
                || code == SAGA__V1__STATUS_CODE__STATUS_CODE_UNIMPLEMENTED) {
                break;
            }
        }
        if (result == SAGA_INVALID) break;
        if (result != SAGA_OK) say(w, "stream lost: ", error->message);
        int64_t end = now_ms() + backoff_take(&pause);
        pthread_mutex_lock(&w->lock);
        while (!(w->stopping && is_idle(w)) && now_ms() < end) wait_until(&w->changed, &w->lock, end);
        bool finished = w->stopping && is_idle(w);
        pthread_mutex_unlock(&w->lock);
        if (finished) {
            saga_error_clear(error);
            result = SAGA_OK;
            break;
        }
    }
    saga_error_clear(&own);
    return result;
}
