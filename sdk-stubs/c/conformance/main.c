/* The harness of the conformance suite: reads actions from standard input and carries them out; see conformance.proto. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

typedef Saga__Conformance__Action Action;
typedef Saga__Conformance__Outcome Outcome;

static saga_client *client;
static saga_worker *worker;
static pthread_t serving;

/* Outcomes own what they point to. */

static void add_line(Outcome *out, const char *line)
{
    out->lines = realloc(out->lines, (out->n_lines + 1) * sizeof *out->lines);
    out->lines[out->n_lines++] = strdup(line);
}

static void set_text(char **to, const char *text)
{
    *to = strdup(text);
}

static void set_id(Outcome *out, const saga_run *run)
{
    out->saga_id.data = malloc(16);
    out->saga_id.len = 16;
    memcpy(out->saga_id.data, run->saga_id, 16);
    out->already_started = run->already_started;
}

static void set_value(Outcome *out, saga_payload *payload)
{
    Saga__Conformance__Value *value = malloc(sizeof *value);
    saga__conformance__value__init(value);
    value->encoding = payload->encoding ? payload->encoding : strdup("json");
    value->data.data = payload->encoding ? payload->data : (uint8_t *)strdup("null");
    value->data.len = payload->encoding ? payload->size : 4;
    out->value = value;
}

static bool xor_bytes(const saga_payload *from, saga_payload *to, const char *encoding)
{
    saga_payload raw = saga_raw(encoding, from->data, from->size);
    if (!saga_payload_copy(&raw, to)) return false;
    for (size_t i = 0; i < to->size; i++) to->data[i] ^= 0x5a;
    return true;
}

static bool xor_encode(void *context, const saga_payload *from, saga_payload *to)
{
    char encoding[300];
    (void)context;
    snprintf(encoding, sizeof encoding, "xor/%s", from->encoding);
    return xor_bytes(from, to, encoding);
}

static bool xor_decode(void *context, const saga_payload *from, saga_payload *to)
{
    (void)context;
    return xor_bytes(from, to, strncmp(from->encoding, "xor/", 4) == 0 ? from->encoding + 4 : from->encoding);
}

static const char *given(const char *text)
{
    return text[0] ? text : NULL;
}

static saga_result do_connect(const Saga__Conformance__Connect *how, saga_error *error)
{
    saga_client_free(client);
    client = NULL;
    saga_connect_options options = {
        .host = how->host, .port = (uint16_t)how->port, .ca_file = given(how->ca), .cert_file = given(how->cert),
        .key_file = given(how->key), .server_name = given(how->server_name), .token = given(how->token),
        .name_space = given(how->namespace_), .insecure = !how->ca[0], .connect_timeout_ms = (uint32_t)how->timeout_ms,
    };
    if (how->codec) options.codec = (saga_codec){xor_encode, xor_decode, NULL};
    return saga_connect(&options, &client, error);
}

static bool each_workflow(void *context, const Saga__V1__WorkflowInfo *info)
{
    add_line(context, info->workflow_id);
    return true;
}

static bool each_blocked(void *context, const Saga__V1__BlockedWorkflow *blocked)
{
    add_line(context, blocked->info ? blocked->info->workflow_id : "");
    return true;
}

static bool each_late(void *context, const Saga__V1__LateEffect *late)
{
    (void)late;
    ((Outcome *)context)->number++;
    return true;
}

static bool each_event(void *context, const Saga__V1__HistoryEvent *event)
{
    Outcome *out = context;
    Saga__Conformance__Event *made = malloc(sizeof *made);
    saga__conformance__event__init(made);
    made->id = event->event_id;
    made->code = event->event_type;
    out->events = realloc(out->events, (out->n_events + 1) * sizeof *out->events);
    out->events[out->n_events++] = made;
    return true;
}

/* The feed, as far as it is wanted. */
typedef struct feed {
    Outcome *out;
    uint64_t wanted;
} feed;

static bool each_item(void *context, const Saga__V1__SubscriptionItem *item)
{
    feed *f = context;
    for (size_t i = 0; i < item->n_events; i++) {
        char line[1024];
        const Saga__V1__HistoryEvent *event = item->events[i];
        snprintf(line, sizeof line, "%s %s %llu %u", item->workflow_id, item->workflow_type, (unsigned long long)event->event_id,
            event->event_type);
        add_line(f->out, line);
    }
    free(f->out->position.data);
    f->out->position.data = malloc(item->position.len);
    f->out->position.len = item->position.len;
    memcpy(f->out->position.data, item->position.data, item->position.len);
    return f->out->n_lines < f->wanted;
}

static saga_result do_subscribe(const Action *a, const saga_call_options *o, Outcome *out, saga_error *error)
{
    const char *const types[] = {a->workflow_type, NULL};
    feed f = {out, a->number};
    saga_subscribe_options wanted = {
        .position = a->position.data, .position_size = a->position.len, .from_beginning = a->flag, .event_types = a->event_types,
        .event_types_count = a->n_event_types, .workflow_types = a->workflow_type[0] ? types : NULL,
    };
    return saga_subscribe(client, &wanted, o, each_item, &f, error);
}

/* What EXPORT kept. */
static Saga__V1__HistoryChunk **exported;
static size_t exported_count;

static void drop_exported(void)
{
    for (size_t i = 0; i < exported_count; i++) saga__v1__history_chunk__free_unpacked(exported[i], NULL);
    free(exported);
    exported = NULL;
    exported_count = 0;
}

static bool each_chunk(void *context, const Saga__V1__HistoryChunk *chunk)
{
    size_t size = saga__v1__history_chunk__get_packed_size(chunk);
    uint8_t *packed = malloc(size + 1);
    saga__v1__history_chunk__pack(chunk, packed);
    exported = realloc(exported, (exported_count + 1) * sizeof *exported);
    exported[exported_count++] = saga__v1__history_chunk__unpack(NULL, size, packed);
    free(packed);
    for (size_t i = 0; i < chunk->n_events; i++) each_event(context, chunk->events[i]);
    return true;
}

static const Saga__V1__HistoryChunk *next_chunk(void *context)
{
    size_t *next = context;
    return *next < exported_count ? exported[(*next)++] : NULL;
}

static void quiet(void *context, const char *message)
{
    (void)context;
    (void)message;
}

static void *serve(void *context)
{
    (void)context;
    saga_worker_run(worker, NULL);
    return NULL;
}

static saga_result do_serve(const Action *a, saga_error *error)
{
    const char *queues[] = {a->task_queue, NULL};
    saga_worker_options options = {.task_queues = queues, .max_concurrent = (uint32_t)a->number, .log = quiet};
    saga_result result = saga_worker_new(client, &options, &worker, error);
    if (result != SAGA_OK) return result;
    saga_worker_register(worker, "program", run_program, NULL);
    saga_worker_register(worker, "undo", run_undo, NULL);
    saga_worker_register(worker, "echo", run_echo, NULL);
    pthread_create(&serving, NULL, serve, NULL);
    for (int i = 0; i < 2000 && !saga_worker_serving(worker); i++) usleep(5000);
    return SAGA_OK;
}

static void do_drain(void)
{
    if (!worker) return;
    saga_worker_stop(worker);
    pthread_join(serving, NULL);
    saga_worker_free(worker);
    worker = NULL;
}

static saga_result do_describe(const Action *a, const saga_call_options *o, Outcome *out, saga_error *error)
{
    Saga__V1__DescribeWorkflowResponse *answer = NULL;
    saga_result result = saga_describe(client, a->workflow_id, o, &answer, error);
    if (!answer) return result;
    out->number = answer->info->status;
    for (size_t i = 0; i < answer->n_waiting_for; i++) {
        char kind[16];
        snprintf(kind, sizeof kind, "%d", (int)answer->waiting_for[i]->kind);
        add_line(out, kind);
    }
    saga__v1__describe_workflow_response__free_unpacked(answer, NULL);
    return result;
}

/* HOST:PORT, a line feed, and the file of the authorities, of the last CONNECT. */
static char where[4096];

/* The definitions of VERB_REGISTER. */
static saga_definition *declared(const Action *a)
{
    const char *const none[] = {NULL};
    saga_definition_options options = {.task_queue = a->task_queue};
    if (strcmp(a->text, "everything") == 0) {
        const char *const when[] = {"input.n >= 2", "input.who != nobody", "input.mail exists", NULL};
        const char *const small[] = {"input.n < 9", NULL};
        options.timeout_ms = 600000;
        options.description = "all of it";
        saga_definition *d = saga_definition_new(a->workflow_type, &options);
        saga_step_options pay = {
            .input = "[\"${input.n}\",true]", .task_queue = "bank", .attempts = 5, .timeout_ms = 2500, .pivot = true,
            .undo = "refund", .undo_input = "{\"who\":\"${input.who}\"}", .undo_queue = "desk",
            .undo_failed_step = SAGA__V1__UNDO_FAILED_STEP__UNDO_FAILED_STEP_ALWAYS, .undo_probe = "paid", .when = when,
        };
        saga_step_options rest = {.when = small}, sub = {.input = "\"${input}\"", .task_queue = "else", .when = none};
        saga_definition_activity(d, "pay", "charge", &pay);
        saga_definition_signal(d, "ok", "go", 1500, NULL);
        saga_definition_timer(d, "rest", 20, &rest);
        saga_definition_child(d, "sub", "other", &sub);
        saga_definition_activity(d, "end", "tidy", NULL);
        saga_definition_returns(d, "\"${steps.end.output}\"");
        return d;
    }
    saga_definition *d = saga_definition_new(a->workflow_type, &options);
    if (strcmp(a->text, "wrong") == 0) {
        saga_step_options wrong = {.input = "\"${steps.nobody.output}\""};
        saga_definition_activity(d, "a", "echo", &wrong);
        return d;
    }
    const char *const large[] = {"input.n > 3", NULL};
    saga_step_options first = {.input = "{\"n\":\"${input.n}\"}"}, second = {.input = "{\"got\":\"${steps.a.output.n}\"}"};
    saga_step_options third = {.when = large};
    saga_definition_activity(d, "a", "echo", &first);
    saga_definition_parallel(d, true);
    saga_definition_activity(d, "b", "echo", &second);
    saga_definition_activity(d, "c", "echo", &third);
    saga_definition_parallel(d, false);
    saga_definition_returns(d, "{\"a\":\"${steps.a.output.n}\",\"b\":\"${steps.b.output.got}\",\"c\":\"${steps.c.output.n ?? 0}\"}");
    return d;
}

static saga_result act(const Action *a, const saga_call_options *o, Outcome *out, saga_error *error)
{
    const char *id = a->workflow_id, *why = a->text;
    saga_payload input = from_value(a->input), output = SAGA_PAYLOAD_INIT;
    saga_start_options start = {.workflow_id = id, .task_queue = a->task_queue};
    saga_run run = {{0}, false};
    saga_result result = SAGA_OK;
    Saga__V1__WorkflowFilter filter = SAGA__V1__WORKFLOW_FILTER__INIT;
    filter.workflow_id_prefix = a->text;
    switch (a->verb) {
    case SAGA__CONFORMANCE__VERB__VERB_CONNECT:
        snprintf(where, sizeof where, "%s:%u\n%s", a->connect->host, a->connect->port, a->connect->ca);
        return do_connect(a->connect, error);
    case SAGA__CONFORMANCE__VERB__VERB_CLOSE:
        saga_client_free(client);
        client = NULL;
        return SAGA_OK;
    case SAGA__CONFORMANCE__VERB__VERB_METHODS:
        for (size_t i = 0; i < SAGA_METHODS_COUNT; i++) add_line(out, saga_methods[i].name);
        return SAGA_OK;
    case SAGA__CONFORMANCE__VERB__VERB_LOG:
        for (size_t i = 0, n = note_count(); i < n; i++) {
            char *line = note_copy(i);
            add_line(out, line);
            free(line);
        }
        return SAGA_OK;
    case SAGA__CONFORMANCE__VERB__VERB_HEALTH: {
        Saga__V1__HealthResponse *answer = NULL;
        result = saga_health(client, a->echo.data, a->echo.len, o, &answer, error);
        if (!answer) return result;
        saga_payload echo = saga_raw("bytes", answer->echo.data, answer->echo.len), copy;
        saga_payload_copy(&echo, &copy);
        set_value(out, &copy);
        saga__v1__health_response__free_unpacked(answer, NULL);
        return result;
    }
    case SAGA__CONFORMANCE__VERB__VERB_START:
        result = saga_start(client, a->workflow_type, &input, &start, o, &run, error);
        if (result == SAGA_OK) set_id(out, &run);
        return result;
    case SAGA__CONFORMANCE__VERB__VERB_SIGNAL_WITH_START:
        result = saga_signal_with_start(client, a->workflow_type, NULL, &start, a->name, &input, why, o, &run, error);
        if (result == SAGA_OK) set_id(out, &run);
        return result;
    case SAGA__CONFORMANCE__VERB__VERB_SIGNAL:
        return saga_signal(client, id, a->name, &input, why, o, error);
    case SAGA__CONFORMANCE__VERB__VERB_CANCEL:
        return saga_cancel_workflow(client, id, why, o, error);
    case SAGA__CONFORMANCE__VERB__VERB_TERMINATE:
        return saga_terminate(client, id, a->flag, why, o, error);
    case SAGA__CONFORMANCE__VERB__VERB_RESULT:
        result = saga_wait(client, id, o, &output, error);
        if (result == SAGA_OK) set_value(out, &output);
        return result;
    case SAGA__CONFORMANCE__VERB__VERB_QUERY:
        result = saga_query(client, id, a->name, &input, o, &output, error);
        if (result == SAGA_OK) set_value(out, &output);
        return result;
    case SAGA__CONFORMANCE__VERB__VERB_UPDATE:
        result = saga_update(client, id, a->name, &input, why, o, &output, error);
        if (result == SAGA_OK) set_value(out, &output);
        return result;
    case SAGA__CONFORMANCE__VERB__VERB_DESCRIBE:
        return do_describe(a, o, out, error);
    case SAGA__CONFORMANCE__VERB__VERB_LIST:
        return saga_list(client, &filter, (uint32_t)a->number, o, each_workflow, out, error);
    case SAGA__CONFORMANCE__VERB__VERB_COUNT:
        return saga_count(client, &filter, o, &out->number, error);
    case SAGA__CONFORMANCE__VERB__VERB_HISTORY:
        return saga_history(client, id, 0, false, o, each_event, out, error);
    case SAGA__CONFORMANCE__VERB__VERB_FOLLOW:
        return saga_history(client, id, 0, true, o, each_event, out, error);
    case SAGA__CONFORMANCE__VERB__VERB_PAUSE:
        return saga_pause(client, id, why, o, error);
    case SAGA__CONFORMANCE__VERB__VERB_RESUME:
        return saga_resume(client, id, why, o, error);
    case SAGA__CONFORMANCE__VERB__VERB_RESET:
        result = saga_reset(client, id, a->number, (Saga__V1__ResetUndo)0, why, o, &run, error);
        if (result == SAGA_OK) set_id(out, &run);
        return result;
    case SAGA__CONFORMANCE__VERB__VERB_STATE_AT: {
        Saga__V1__StateAtResponse *answer = NULL;
        result = saga_state_at(client, id, a->number, o, &answer, error);
        if (answer && answer->state && answer->state->info) out->number = answer->state->info->status;
        if (answer) saga__v1__state_at_response__free_unpacked(answer, NULL);
        return result;
    }
    case SAGA__CONFORMANCE__VERB__VERB_DELETE:
        return saga_delete(client, id, o, error);
    case SAGA__CONFORMANCE__VERB__VERB_LIST_BLOCKED:
        return saga_list_blocked(client, o, each_blocked, out, error);
    case SAGA__CONFORMANCE__VERB__VERB_RETRY_UNDO:
        return saga_retry_undo(client, id, a->number, NULL, why, o, error);
    case SAGA__CONFORMANCE__VERB__VERB_RETRY_UNDO_WITH_INPUT:
        return saga_retry_undo(client, id, a->number, &input, why, o, error);
    case SAGA__CONFORMANCE__VERB__VERB_SKIP_UNDO:
        return saga_skip_undo(client, id, a->number, why, o, error);
    case SAGA__CONFORMANCE__VERB__VERB_RESOLVE_UNDO:
        return saga_resolve_undo(client, id, a->number, why, o, error);
    case SAGA__CONFORMANCE__VERB__VERB_GIVE_UP:
        return saga_give_up(client, id, why, o, error);
    case SAGA__CONFORMANCE__VERB__VERB_LATE_EFFECTS:
        return saga_late_effects(client, id, o, each_late, out, error);
    case SAGA__CONFORMANCE__VERB__VERB_SUBSCRIBE:
        return do_subscribe(a, o, out, error);
    case SAGA__CONFORMANCE__VERB__VERB_EXPORT:
        drop_exported();
        result = saga_export_history(client, id, o, each_chunk, out, error);
        out->number = exported_count;
        return result;
    case SAGA__CONFORMANCE__VERB__VERB_IMPORT: {
        size_t next = 0;
        result = saga_import_history(client, next_chunk, &next, o, &run, &out->number, error);
        if (result == SAGA_OK) set_id(out, &run);
        return result;
    }
    case SAGA__CONFORMANCE__VERB__VERB_BENCH: {
        double found[3];
        result = measure(client, where, a, found, error);
        for (int i = 0; i < 3 && result == SAGA_OK; i++) {
            char line[32];
            snprintf(line, sizeof line, "%.1f", found[i]);
            add_line(out, line);
        }
        return result;
    }
    case SAGA__CONFORMANCE__VERB__VERB_REGISTER: {
        saga_definition *definition = declared(a);
        uint32_t version = 0;
        result = saga_register_definition(client, definition, o, &version, NULL, error);
        saga_definition_free(definition);
        out->number = version;
        return result;
    }
    case SAGA__CONFORMANCE__VERB__VERB_SERVE:
        return do_serve(a, error);
    case SAGA__CONFORMANCE__VERB__VERB_DRAIN:
        do_drain();
        return SAGA_OK;
    default:
        return SAGA_INVALID;
    }
}

typedef struct timer {
    saga_cancel *cancel;
    uint64_t ms;
} timer;

static void *cancel_later(void *argument)
{
    timer *t = argument;
    usleep((useconds_t)t->ms * 1000);
    saga_cancel_signal(t->cancel);
    return NULL;
}

static void describe(Outcome *out, saga_result result, const saga_error *error)
{
    static const char *const names[] = {"ok", "status", "connection_lost", "cancelled", "invalid", "bug", "workflow_failed",
        "workflow_canceled", "workflow_timed_out", "workflow_terminated"};
    set_text(&out->result, names[result]);
    set_text(&out->message, error->message);
    set_text(&out->compensation, error->compensation ? error->compensation : "");
    if (result == SAGA_STATUS) out->status_code = error->status;
    const Saga__V1__SagaError *inner = result == SAGA_WORKFLOW_FAILED ? error->error : NULL;
    set_text(&out->error_code, inner ? inner->code : "");
    set_text(&out->error_message, inner ? inner->message : "");
    if (!inner) return;
    out->error_kind = inner->kind;
    for (size_t i = 0; i < inner->n_context; i++) {
        char entry[512];
        snprintf(entry, sizeof entry, "%s=%s", inner->context[i]->key, inner->context[i]->value);
        out->error_context = realloc(out->error_context, (out->n_error_context + 1) * sizeof *out->error_context);
        out->error_context[out->n_error_context++] = strdup(entry);
    }
}

static void carry_out(const Action *action)
{
    Outcome *out = malloc(sizeof *out);
    saga__conformance__outcome__init(out);
    saga_error error = SAGA_ERROR_INIT;
    timer t = {action->cancel_after_ms ? saga_cancel_new() : NULL, action->cancel_after_ms};
    pthread_t thread;
    if (t.cancel) pthread_create(&thread, NULL, cancel_later, &t);
    saga_call_options options = {(uint32_t)action->timeout_ms, action->request_id,
        action->saga_id.len == 16 ? action->saga_id.data : NULL, t.cancel};
    saga_result result = act(action, &options, out, &error);
    if (t.cancel) {
        pthread_join(thread, NULL);
        saga_cancel_free(t.cancel);
    }
    describe(out, result, &error);
    saga_error_clear(&error);
    size_t size = saga__conformance__outcome__get_packed_size(out);
    uint8_t *body = malloc(size + 4);
    for (int i = 0; i < 4; i++) body[i] = (uint8_t)(size >> (24 - 8 * i));
    saga__conformance__outcome__pack(out, body + 4);
    fwrite(body, 1, size + 4, stdout);
    fflush(stdout);
    free(body);
    saga__conformance__outcome__free_unpacked(out, NULL);
}

int main(void)
{
    uint8_t head[4];
    while (fread(head, 1, 4, stdin) == 4) {
        size_t size = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
        uint8_t *body = malloc(size + 1);
        if (fread(body, 1, size, stdin) != size) return 1;
        Action *action = saga__conformance__action__unpack(NULL, size, body);
        if (!action) return 1;
        carry_out(action);
        saga__conformance__action__free_unpacked(action, NULL);
        free(body);
    }
    drop_exported();
    if (worker) _exit(0); /* What still runs ends with the process. */
    saga_client_free(client);
    return 0;
}
