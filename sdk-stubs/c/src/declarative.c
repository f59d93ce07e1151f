/* Sagas as data. A definition is the message itself, made piece by piece; everything in it is malloc'ed. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "saga/saga.h"

struct saga_definition {
    Saga__V1__SagaDefinition *message;
    char group[32];
    unsigned groups;
    saga_error error; /* The first thing that went wrong. */
};

static void out_of_memory(saga_definition *d)
{
    if (d->error.result == SAGA_OK) fail(&d->error, SAGA_INVALID, "no memory for the definition");
}

/* A copy of a text; the empty one needs none. */
static char *copy(saga_definition *d, const char *text)
{
    char *made = text && *text ? strdup(text) : (char *)protobuf_c_empty_string;
    if (made) return made;
    out_of_memory(d);
    return (char *)protobuf_c_empty_string;
}

static void *make(saga_definition *d, const ProtobufCMessageDescriptor *type)
{
    void *made = malloc(type->sizeof_message);
    if (made)
        protobuf_c_message_init(type, made);
    else
        out_of_memory(d);
    return made;
}

static Saga__V1__InputTemplate *template_of(saga_definition *d, const char *json)
{
    Saga__V1__InputTemplate *made = make(d, &saga__v1__input_template__descriptor);
    if (!made) return NULL;
    if (strcmp(json, "\"${input}\"") == 0) {
        made->source_case = SAGA__V1__INPUT_TEMPLATE__SOURCE_START_INPUT;
        made->start_input = true;
    } else {
        made->source_case = SAGA__V1__INPUT_TEMPLATE__SOURCE_TEMPLATE;
        made->template_ = copy(d, json);
    }
    return made;
}

saga_definition *saga_definition_new(const char *name, const saga_definition_options *options)
{
    saga_definition *d = calloc(1, sizeof *d);
    if (!d) return NULL;
    d->message = make(d, &saga__v1__saga_definition__descriptor);
    if (!d->message) {
        free(d);
        return NULL;
    }
    d->message->name = copy(d, name);
    if (options) {
        d->message->task_queue = copy(d, options->task_queue);
        d->message->description = copy(d, options->description);
        d->message->execution_timeout_us = (int64_t)(options->timeout_ms * 1000);
    }
    return d;
}

void saga_definition_free(saga_definition *d)
{
    if (!d) return;
    saga__v1__saga_definition__free_unpacked(d->message, NULL);
    saga_error_clear(&d->error);
    free(d);
}

void saga_definition_parallel(saga_definition *d, bool begins)
{
    d->group[0] = 0;
    if (begins) snprintf(d->group, sizeof d->group, "parallel %u", ++d->groups);
}

/* A scalar as JSON: as it is, or in quotes. */
static char *scalar(saga_definition *d, const char *text)
{
    bool plain = *text == '"' || *text == '-' || isdigit((unsigned char)*text) || !strcmp(text, "true") || !strcmp(text, "false") ||
        !strcmp(text, "null");
    if (plain) return copy(d, text);
    char *quoted = malloc(2 * strlen(text) + 3), *to = quoted;
    if (!quoted) {
        out_of_memory(d);
        return (char *)protobuf_c_empty_string;
    }
    *to++ = '"';
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') *to++ = '\\';
        *to++ = *text;
    }
    *to++ = '"';
    *to = 0;
    return quoted;
}

static const char *skip(const char *text)
{
    while (isspace((unsigned char)*text)) text++;
    return text;
}

static const char *word_end(const char *text)
{
    while (*text && !isspace((unsigned char)*text)) text++;
    return text;
}

static Saga__V1__Condition *condition(saga_definition *d, const char *text)
{
    static const struct {
        const char *word;
        Saga__V1__ConditionOp op;
    } words[] = {
        {"==", SAGA__V1__CONDITION_OP__CONDITION_OP_EQUAL}, {"!=", SAGA__V1__CONDITION_OP__CONDITION_OP_NOT_EQUAL},
        {"<", SAGA__V1__CONDITION_OP__CONDITION_OP_LESS}, {"<=", SAGA__V1__CONDITION_OP__CONDITION_OP_LESS_OR_EQUAL},
        {">", SAGA__V1__CONDITION_OP__CONDITION_OP_GREATER}, {">=", SAGA__V1__CONDITION_OP__CONDITION_OP_GREATER_OR_EQUAL},
        {"exists", SAGA__V1__CONDITION_OP__CONDITION_OP_EXISTS},
    };
    const char *path = skip(text), *path_end = word_end(path), *word = skip(path_end), *end = word_end(word), *value = skip(end);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        bool wants_value = words[i].op != SAGA__V1__CONDITION_OP__CONDITION_OP_EXISTS;
        if (strlen(words[i].word) != (size_t)(end - word) || strncmp(words[i].word, word, (size_t)(end - word)) != 0) continue;
        if (wants_value != (*value != 0)) break;
        Saga__V1__Condition *made = make(d, &saga__v1__condition__descriptor);
        if (!made) return NULL;
        made->op = words[i].op;
        made->path = strndup(path, (size_t)(path_end - path));
        if (!made->path) {
            out_of_memory(d);
            made->path = (char *)protobuf_c_empty_string;
        }
        if (wants_value) made->value = scalar(d, value);
        return made;
    }
    if (d->error.result == SAGA_OK)
        fail(&d->error, SAGA_INVALID, "a condition is PATH == VALUE (or !=, <, <=, >, >=) or PATH exists, not `%s`", text);
    return NULL;
}

/* Adds a step; NULL if there is no memory. */
static Saga__V1__StepDefinition *add(saga_definition *d, const char *id, const saga_step_options *options)
{
    Saga__V1__StepDefinition **steps = realloc(d->message->steps, (d->message->n_steps + 1) * sizeof *steps);
    if (!steps) {
        out_of_memory(d);
        return NULL;
    }
    d->message->steps = steps;
    Saga__V1__StepDefinition *step = make(d, &saga__v1__step_definition__descriptor);
    if (!step) return NULL;
    steps[d->message->n_steps++] = step;
    step->id = copy(d, id);
    step->group = copy(d, d->group);
    for (const char *const *when = options ? options->when : NULL; when && *when; when++) {
        Saga__V1__Condition **all = realloc(step->conditions, (step->n_conditions + 1) * sizeof *all);
        if (!all) {
            out_of_memory(d);
            break;
        }
        step->conditions = all;
        Saga__V1__Condition *made = condition(d, *when);
        if (!made) break;
        all[step->n_conditions++] = made;
    }
    return step;
}

static Saga__V1__UndoSpec *undo_of(saga_definition *d, const saga_step_options *options)
{
    Saga__V1__UndoSpec *undo = make(d, &saga__v1__undo_spec__descriptor);
    if (!undo) return NULL;
    undo->activity_type = copy(d, options->undo);
    undo->task_queue = copy(d, options->undo_queue);
    undo->probe_activity_type = copy(d, options->undo_probe);
    undo->undo_failed_step = options->undo_failed_step ? options->undo_failed_step
                                                       : SAGA__V1__UNDO_FAILED_STEP__UNDO_FAILED_STEP_IF_UNKNOWN;
    return undo;
}

void saga_definition_activity(saga_definition *d, const char *id, const char *activity_type, const saga_step_options *options)
{
    static const saga_step_options none = {0};
    if (!options) options = &none;
    Saga__V1__StepDefinition *step = add(d, id, options);
    Saga__V1__ActivityStep *made = step ? make(d, &saga__v1__activity_step__descriptor) : NULL;
    if (!made) return;
    step->kind_case = SAGA__V1__STEP_DEFINITION__KIND_ACTIVITY;
    step->activity = made;
    made->activity_type = copy(d, activity_type);
    made->task_queue = copy(d, options->task_queue);
    made->pivot = options->pivot;
    if (options->input) made->input = template_of(d, options->input);
    if (options->undo) {
        made->undo = undo_of(d, options);
        made->undo_input = copy(d, options->undo_input);
    }
    if (options->attempts && (made->retry = make(d, &saga__v1__retry_policy__descriptor))) {
        made->retry->maximum_attempts = options->attempts;
        made->retry->initial_interval_us = 1000000;
        made->retry->backoff_coefficient = 2;
        made->retry->maximum_interval_us = 60000000;
        made->retry->jitter = 0.1;
    }
    if (options->timeout_ms && (made->timeouts = make(d, &saga__v1__activity_timeouts__descriptor)))
        made->timeouts->start_to_close_us = (int64_t)(options->timeout_ms * 1000);
}

void saga_definition_signal(saga_definition *d, const char *id, const char *name, uint64_t within_ms, const saga_step_options *options)
{
    Saga__V1__StepDefinition *step = add(d, id, options);
    Saga__V1__SignalStep *made = step ? make(d, &saga__v1__signal_step__descriptor) : NULL;
    if (!made) return;
    step->kind_case = SAGA__V1__STEP_DEFINITION__KIND_SIGNAL;
    step->signal = made;
    made->name = copy(d, name);
    made->timeout_us = (int64_t)(within_ms * 1000);
}

void saga_definition_timer(saga_definition *d, const char *id, uint64_t delay_ms, const saga_step_options *options)
{
    Saga__V1__StepDefinition *step = add(d, id, options);
    Saga__V1__TimerStep *made = step ? make(d, &saga__v1__timer_step__descriptor) : NULL;
    if (!made) return;
    step->kind_case = SAGA__V1__STEP_DEFINITION__KIND_TIMER;
    step->timer = made;
    made->delay_us = (int64_t)(delay_ms * 1000);
}

void saga_definition_child(saga_definition *d, const char *id, const char *workflow_type, const saga_step_options *options)
{
    Saga__V1__StepDefinition *step = add(d, id, options);
    Saga__V1__ChildStep *made = step ? make(d, &saga__v1__child_step__descriptor) : NULL;
    if (!made) return;
    step->kind_case = SAGA__V1__STEP_DEFINITION__KIND_CHILD;
    step->child = made;
    made->workflow_type = copy(d, workflow_type);
    if (!options) return;
    made->task_queue = copy(d, options->task_queue);
    if (options->input) made->input = template_of(d, options->input);
}

void saga_definition_returns(saga_definition *d, const char *json)
{
    if (d->message->output) saga__v1__input_template__free_unpacked(d->message->output, NULL);
    d->message->output = template_of(d, json);
}

const Saga__V1__SagaDefinition *saga_definition_message(const saga_definition *d) { return d->message; }

saga_result saga_register_definition(saga_client *client, const saga_definition *d, const saga_call_options *options,
    uint32_t *version, bool *unchanged, saga_error *error)
{
    if (d->error.result != SAGA_OK) {
        if (error) error_copy(&d->error, error);
        return d->error.result;
    }
    Saga__V1__RegisterDefinitionRequest request = SAGA__V1__REGISTER_DEFINITION_REQUEST__INIT;
    Saga__V1__RegisterDefinitionResponse *answer = NULL;
    request.definition = d->message;
    saga_result result = saga_definitions_register(client, &request, options, &answer, error);
    if (!answer) return result;
    if (version) *version = answer->version;
    if (unchanged) *unchanged = answer->unchanged;
    saga__v1__register_definition_response__free_unpacked(answer, NULL);
    return result;
}
