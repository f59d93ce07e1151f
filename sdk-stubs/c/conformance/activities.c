/* The activities of the harness: they carry out ActivityProgram; see conformance.proto. */
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char **notes;
static size_t count;

void note(const char *format, ...)
{
    char *line = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&line, format, arguments) < 0) abort();
    va_end(arguments);
    pthread_mutex_lock(&lock);
    notes = realloc(notes, (count + 1) * sizeof *notes);
    notes[count++] = line;
    pthread_mutex_unlock(&lock);
}

size_t note_count(void)
{
    pthread_mutex_lock(&lock);
    size_t found = count;
    pthread_mutex_unlock(&lock);
    return found;
}

char *note_copy(size_t index)
{
    pthread_mutex_lock(&lock);
    char *copy = strdup(notes[index]);
    pthread_mutex_unlock(&lock);
    return copy;
}

saga_payload from_value(const Saga__Conformance__Value *value)
{
    if (!value || !value->encoding[0]) return (saga_payload)SAGA_PAYLOAD_INIT;
    return saga_raw(value->encoding, value->data.data, value->data.len);
}

static const char *shown(const saga_payload *payload)
{
    return payload->encoding && strcmp(payload->encoding, "json") == 0 ? (const char *)payload->data : "null";
}

static Saga__Conformance__ActivityProgram *read_program(saga_activity *activity)
{
    const saga_payload *input = saga_activity_input(activity);
    Saga__Conformance__ActivityProgram *program = NULL;
    if (input->encoding && strcmp(input->encoding, "protobuf") == 0) {
        program = saga__conformance__activity_program__unpack(NULL, input->size, input->data);
    }
    if (program) return program;
    saga_failure failure = {.kind = SAGA__V1__ERROR_KIND__ERROR_KIND_CODEC, .message = "the input cannot be read", .no_effect = true};
    saga_activity_fail(activity, &failure);
    return NULL;
}

static void await_cancel(saga_activity *activity, const char *name, const Saga__Conformance__Step *step)
{
    for (uint64_t waited = 0; waited < step->ms; waited += 100) {
        saga_activity_heartbeat(activity, NULL);
        if (!saga_activity_wait_cancel(activity, 100)) continue;
        note("cancelled %s", name);
        saga_activity_canceled(activity, step->no_effect);
        return;
    }
    saga_failure failure = {.kind = SAGA__V1__ERROR_KIND__ERROR_KIND_TIMEOUT, .message = "nobody cancelled it"};
    saga_activity_fail(activity, &failure);
}

static void carry_out(saga_activity *activity, const char *name, size_t n, Saga__Conformance__Step **steps)
{
    static const char *const context[] = {"who", "conformance", NULL};
    for (size_t i = 0; i < n; i++) {
        const Saga__Conformance__Step *step = steps[i];
        if (step->only_attempt && step->only_attempt != saga_activity_task(activity)->attempt) continue;
        saga_payload value = from_value(step->value);
        saga_failure failure = {(Saga__V1__ErrorKind)step->error_kind, step->error_code, step->text, step->non_retryable,
            step->no_effect, context};
        switch (step->op) {
        case SAGA__CONFORMANCE__OP__OP_RETURN:
            saga_activity_return(activity, &value);
            return;
        case SAGA__CONFORMANCE__OP__OP_FAIL:
            saga_activity_fail(activity, &failure);
            return;
        case SAGA__CONFORMANCE__OP__OP_THROW:
            /* C has no exceptions: the plainest failure that there is. */
            failure = (saga_failure){.code = "Error", .message = step->text};
            saga_activity_fail(activity, &failure);
            return;
        case SAGA__CONFORMANCE__OP__OP_HEARTBEAT:
            saga_activity_heartbeat(activity, &value);
            break;
        case SAGA__CONFORMANCE__OP__OP_SLEEP:
            usleep((useconds_t)step->ms * 1000);
            break;
        case SAGA__CONFORMANCE__OP__OP_AWAIT_CANCEL:
            await_cancel(activity, name, step);
            return;
        case SAGA__CONFORMANCE__OP__OP_UNDO_DATA:
            saga_activity_set_undo_data(activity, &value);
            break;
        case SAGA__CONFORMANCE__OP__OP_CRASH:
            kill(getpid(), SIGKILL);
            break;
        case SAGA__CONFORMANCE__OP__OP_LOG_DETAILS:
            note("details %s %s", name, shown(saga_activity_heartbeat_details(activity)));
            break;
        default:
            break;
        }
    }
}

void run_program(saga_activity *activity, void *context)
{
    (void)context;
    Saga__Conformance__ActivityProgram *program = read_program(activity);
    if (!program) return;
    note("do %s %u", program->name, saga_activity_task(activity)->attempt);
    carry_out(activity, program->name, program->n_steps, program->steps);
    saga__conformance__activity_program__free_unpacked(program, NULL);
}

void run_undo(saga_activity *activity, void *context)
{
    (void)context;
    const saga_undo *undo = saga_activity_undo(activity);
    Saga__Conformance__ActivityProgram *program = read_program(activity);
    if (!program) return;
    const Saga__V1__ActivityTask *task = saga_activity_task(activity);
    size_t size = strlen(undo->idempotency_key);
    bool good = task->is_undo && strncmp(task->idempotency_key, undo->idempotency_key, size) == 0
        && strncmp(task->idempotency_key + size, "/undo", 5) == 0;
    note("undo %s %s %s %s %s", program->name, undo->outcome, shown(&undo->output), shown(&undo->data), good ? "key" : "bad-key");
    carry_out(activity, program->name, program->n_undo_steps, program->undo_steps);
    saga__conformance__activity_program__free_unpacked(program, NULL);
}

void run_echo(saga_activity *activity, void *context)
{
    (void)context;
    saga_activity_return(activity, saga_activity_input(activity));
}
