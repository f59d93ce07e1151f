/* Saga Engine for C: start sagas, and serve their activities.
 *
 * A step that was done and has an undo is undone when its saga ends badly, whatever crashes. The functions here take values as
 * encoded payloads (saga_json and so on); the generated stubs of every call are in saga/services.h. Every function that returns
 * a saga_result fills `error` (may be NULL) unless it returns SAGA_OK. Nothing here changes signal handlers or process-wide
 * settings. */
#ifndef SAGA_H
#define SAGA_H

#include "saga/rpc.h"
#include "saga/services.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What defines a new run. Begin with {0}. */
typedef struct saga_start_options {
    const char *workflow_id;       /* The caller's own name of the saga, unique among open ones. 1-255 bytes. */
    const char *task_queue;        /* Queue whose workers run the workflow code; NULL = `default`. */
    uint32_t version;              /* Of the code; 0 = the newest that a worker serves. */
    uint64_t execution_timeout_ms; /* After which the run is undone and closes as timed out; 0 = never. */
    Saga__V1__IdReusePolicy id_reuse;
    bool no_auto_compensate;       /* A bad end does not undo by itself. */
    bool continue_on_undo_error;   /* Earlier undos go on when one has failed for good. */
} saga_start_options;

/* A run. */
typedef struct saga_run {
    uint8_t saga_id[16];
    bool already_started; /* It was open before. */
} saga_run;

/* Starts a saga, or finds the open one of that workflow id. Durable when it returns. NULL input = JSON null. */
saga_result saga_start(saga_client *client, const char *workflow_type, const saga_payload *input,
    const saga_start_options *start, const saga_call_options *options, saga_run *run, saga_error *error);

/* Signals a saga and starts it first if it is not open, in one step. `signal_id` NULL = one of its own. */
saga_result saga_signal_with_start(saga_client *client, const char *workflow_type, const saga_payload *input,
    const saga_start_options *start, const char *signal, const saga_payload *value, const char *signal_id,
    const saga_call_options *options, saga_run *run, saga_error *error);

/* Sends a signal; durable when it returns. The same `signal_id` twice is one signal; NULL = one of its own. */
saga_result saga_signal(saga_client *client, const char *workflow_id, const char *name, const saga_payload *value,
    const char *signal_id, const saga_call_options *options, saga_error *error);

/* Reads state through the saga's own handler. Clear `output` when done. */
saga_result saga_query(saga_client *client, const char *workflow_id, const char *name, const saga_payload *value,
    const saga_call_options *options, saga_payload *output, saga_error *error);

/* Asks the code to do something and waits for its answer. Refused or rolled back: SAGA_INVALID with `error->error`. */
saga_result saga_update(saga_client *client, const char *workflow_id, const char *name, const saga_payload *value,
    const char *update_id, const saga_call_options *options, saga_payload *output, saga_error *error);

/* Asks a saga to end: its code sees it, and its steps are undone. */
saga_result saga_cancel_workflow(saga_client *client, const char *workflow_id, const char *reason,
    const saga_call_options *options, saga_error *error);

/* Stops a saga from outside; with `compensate` its steps are undone first. */
saga_result saga_terminate(saga_client *client, const char *workflow_id, bool compensate, const char *reason,
    const saga_call_options *options, saga_error *error);

/* Goes on from an earlier event in a new run. */
saga_result saga_reset(saga_client *client, const char *workflow_id, uint64_t event_id, Saga__V1__ResetUndo undo,
    const char *reason, const saga_call_options *options, saga_run *run, saga_error *error);

/* Waits for the end of a saga. SAGA_OK: `output` is what it returned (clear it when done). SAGA_WORKFLOW_…: it ended badly, see
 * `error`. A time-out of 0 waits for ever. */
saga_result saga_wait(saga_client *client, const char *workflow_id, const saga_call_options *options, saga_payload *output,
    saga_error *error);

/* Everything about a saga. Free the answer by saga__v1__describe_workflow_response__free_unpacked(answer, NULL). */
saga_result saga_describe(saga_client *client, const char *workflow_id, const saga_call_options *options,
    Saga__V1__DescribeWorkflowResponse **answer, saga_error *error);

/* The state of a run after an event; free it in the same way by its own type. */
saga_result saga_state_at(saga_client *client, const char *workflow_id, uint64_t event_id, const saga_call_options *options,
    Saga__V1__StateAtResponse **answer, saga_error *error);

/* Callbacks get each entry while the call goes on; false ends it with SAGA_OK. */
typedef bool (*saga_each_workflow)(void *context, const Saga__V1__WorkflowInfo *info);
typedef bool (*saga_each_event)(void *context, const Saga__V1__HistoryEvent *event);
typedef bool (*saga_each_blocked)(void *context, const Saga__V1__BlockedWorkflow *blocked);
typedef bool (*saga_each_late_effect)(void *context, const Saga__V1__LateEffect *late);

/* Runs that match, newest start first. NULL filter = all; page_size 0 = 100. */
saga_result saga_list(saga_client *client, const Saga__V1__WorkflowFilter *filter, uint32_t page_size,
    const saga_call_options *options, saga_each_workflow each, void *context, saga_error *error);

/* How many runs match. */
saga_result saga_count(saga_client *client, const Saga__V1__WorkflowFilter *filter, const saga_call_options *options,
    uint64_t *count, saga_error *error);

/* Events of a run from one on, oldest first. With `follow` it goes on as the saga does, until it closes, over lost
 * connections. */
saga_result saga_history(saga_client *client, const char *workflow_id, uint64_t from, bool follow,
    const saga_call_options *options, saga_each_event each, void *context, saga_error *error);

/* What of the feed, and from where. Begin with {0}: everything from now on. */
typedef struct saga_subscribe_options {
    const uint8_t *position;           /* Of an earlier item: goes on after it; NULL = from now, or from the beginning. */
    size_t position_size;
    bool from_beginning;               /* Without a position: from the oldest event there is. */
    const uint32_t *event_types;       /* Codes of the events that are wanted; NULL = all. At most 64. */
    size_t event_types_count;
    const char *const *workflow_types; /* Types of the sagas that are wanted, NULL at the end; NULL = all. At most 32. */
    /* Called with the callback's context and with where the feed is while nothing comes that is wanted: at its beginning, and now and
     * then. As good a place to go on from as an item's position; whoever keeps it does not read again what was not wanted, and loses
     * nothing that comes before the first item. The bytes are good until it returns. NULL = nobody wants to know. */
    void (*on_position)(void *context, const uint8_t *position, size_t size);
} saga_subscribe_options;

typedef bool (*saga_each_item)(void *context, const Saga__V1__SubscriptionItem *item);

/* The feed of committed events: each item has some events of one saga or aggregate, each event comes at least once, in the order of
 * the commits for each saga. It goes on until
 * the callback says false (SAGA_OK) or the call is cancelled, over lost connections, after the last item for which the callback has
 * said true; `timeout_ms` is how long it tries to connect again, 0 = 30,000. An item's position, kept with what was done about it, is
 * where another subscription goes on. NULL = everything from now on. */
saga_result saga_subscribe(saga_client *client, const saga_subscribe_options *wanted, const saga_call_options *options,
    saga_each_item each, void *context, saga_error *error);

typedef bool (*saga_each_chunk)(void *context, const Saga__V1__HistoryChunk *chunk);
/* The next part; it must live until the next call. NULL = there is none. */
typedef const Saga__V1__HistoryChunk *(*saga_next_chunk)(void *context);

/* Everything of a run, in parts, for saga_import_history of another server. A lost connection ends it: begin again. */
saga_result saga_export_history(saga_client *client, const char *workflow_id, const saga_call_options *options,
    saga_each_chunk each, void *context, saga_error *error);

/* Stores an exported run, or nothing of it. Durable when it returns. After SAGA_CONNECTION_LOST do it again: a run that is there
 * with the same events is a success. ALREADY_EXISTS means that it is there with other or fewer events. `run` and `events`
 * (how many were stored) may be NULL. */
saga_result saga_import_history(saga_client *client, saga_next_chunk next, void *context, const saga_call_options *options,
    saga_run *run, uint64_t *events, saga_error *error);

/* Removes a closed run and its history; stops handing out tasks of a run; hands them out again. */
saga_result saga_delete(saga_client *client, const char *workflow_id, const saga_call_options *options, saga_error *error);
saga_result saga_pause(saga_client *client, const char *workflow_id, const char *reason, const saga_call_options *options,
    saga_error *error);
saga_result saga_resume(saga_client *client, const char *workflow_id, const char *reason, const saga_call_options *options,
    saga_error *error);

/* Undos that need a person. `step_event_id` is the event that scheduled the step. */

/* Runs that need a person, longest blocked first. */
saga_result saga_list_blocked(saga_client *client, const saga_call_options *options, saga_each_blocked each, void *context,
    saga_error *error);
/* Runs an undo once more, with another input (its undo data) if that is not NULL. */
saga_result saga_retry_undo(saga_client *client, const char *workflow_id, uint64_t step_event_id, const saga_payload *input,
    const char *reason, const saga_call_options *options, saga_error *error);
/* Leaves an undo out. */
saga_result saga_skip_undo(saga_client *client, const char *workflow_id, uint64_t step_event_id, const char *reason,
    const saga_call_options *options, saga_error *error);
/* Marks an undo as done by hand. */
saga_result saga_resolve_undo(saga_client *client, const char *workflow_id, uint64_t step_event_id, const char *note,
    const saga_call_options *options, saga_error *error);
/* Gives the whole unwinding of a run up. */
saga_result saga_give_up(saga_client *client, const char *workflow_id, const char *reason, const saga_call_options *options,
    saga_error *error);
/* Effects that were reported after their step's undo; NULL id = of all sagas. */
saga_result saga_late_effects(saga_client *client, const char *workflow_id, const saga_call_options *options,
    saga_each_late_effect each, void *context, saga_error *error);

/* Whether the server is alive; `echo` comes back. Free the answer by saga__v1__health_response__free_unpacked. */
saga_result saga_health(saga_client *client, const void *echo, size_t size, const saga_call_options *options,
    Saga__V1__HealthResponse **answer, saga_error *error);

/* Sagas as data: built here, run by the server with no workflow worker. JSON texts refer to values: `${input.path}`,
 * `${steps.ID.output.path}`, `${path ?? default}`. What goes wrong while a definition is built (no memory, a condition that does
 * not read) is kept, and returned by saga_register_definition. */
typedef struct saga_definition saga_definition;

/* What a definition says of all its steps. */
typedef struct saga_definition_options {
    const char *task_queue;  /* Of steps that name none; NULL = `default`. */
    uint64_t timeout_ms;     /* After which a run is undone; 0 = never. */
    const char *description; /* For people; NULL = none. */
} saga_definition_options;

/* What is said of a step. Begin with {0}; children take `input`, `task_queue` and `when` only. */
typedef struct saga_step_options {
    const char *input;      /* JSON that it receives; NULL = the start input. */
    const char *undo;       /* Activity that undoes it; NULL = it has no undo. */
    const char *undo_input; /* JSON that the undo gets as its data; it may also refer to `${output...}`, `${outcome}`, `${key}`. */
    const char *undo_queue;
    Saga__V1__UndoFailedStep undo_failed_step; /* 0 = if its outcome is unknown. */
    const char *undo_probe;  /* Activity that finds out whether a step of unknown outcome happened. */
    const char *task_queue;  /* NULL = the definition's. */
    uint32_t attempts;       /* In all; 0 = 3. */
    uint64_t timeout_ms;     /* That an attempt may take; 0 = 300,000. */
    bool pivot;              /* When it completes, earlier steps are not undone any more. */
    const char *const *when; /* Conditions that must all hold, such as `input.n > 3` or `steps.a.output.b exists`; ends with NULL. */
} saga_step_options;

/* Begins a definition; its name is the workflow type. NULL options = the defaults; NULL = no memory. */
saga_definition *saga_definition_new(const char *name, const saga_definition_options *options);
void saga_definition_free(saga_definition *definition);
/* Steps that are added between true and false run at the same time. */
void saga_definition_parallel(saga_definition *definition, bool begins);
/* Runs an activity. */
void saga_definition_activity(saga_definition *definition, const char *id, const char *activity_type, const saga_step_options *options);
/* Waits for a signal; its data is the step's output. When the time passes (0 = never), the saga fails. */
void saga_definition_signal(saga_definition *definition, const char *id, const char *name, uint64_t within_ms,
    const saga_step_options *options);
/* Waits. */
void saga_definition_timer(saga_definition *definition, const char *id, uint64_t delay_ms, const saga_step_options *options);
/* Runs another workflow or definition as a part of this saga. */
void saga_definition_child(saga_definition *definition, const char *id, const char *workflow_type, const saga_step_options *options);
/* JSON that the saga returns; without this, the outputs of its steps by their ids. */
void saga_definition_returns(saga_definition *definition, const char *json);
/* What goes over the wire; lives as long as the definition. */
const Saga__V1__SagaDefinition *saga_definition_message(const saga_definition *definition);
/* Stores a definition. A changed one becomes the next version. `version` and `unchanged` may be NULL. */
saga_result saga_register_definition(saga_client *client, const saga_definition *definition, const saga_call_options *options,
    uint32_t *version, bool *unchanged, saga_error *error);

/* Workers */

/* One attempt of an activity, while its function runs. */
typedef struct saga_activity saga_activity;

/* Does a step, or undoes one. It says what came of it by saga_activity_return, _fail or _canceled; without a word it has
 * returned JSON null. Runs in a thread of its own. */
typedef void (*saga_activity_function)(saga_activity *activity, void *context);

/* What an undo knows of its step beside the step's input (which is saga_activity_input). It may be called for a step that
 * never happened (`outcome` is `unknown`): it must accept "nothing there". */
typedef struct saga_undo {
    const char *outcome;         /* `completed`, `no_effect` or `unknown`. */
    saga_payload output;         /* What the step returned; encoding NULL unless it completed. */
    saga_payload data;           /* What the activity prepared, or what an operator gave instead; encoding NULL = nothing. */
    const char *idempotency_key; /* Of the step (the undo's own is in the task). */
} saga_undo;

/* Everything about the attempt; payloads in it are as they came, before the codec. */
const Saga__V1__ActivityTask *saga_activity_task(const saga_activity *activity);
/* What the step received. */
const saga_payload *saga_activity_input(const saga_activity *activity);
/* NULL if this is no undo. */
const saga_undo *saga_activity_undo(const saga_activity *activity);
/* What the last heartbeat of an earlier attempt said; encoding NULL = nothing. */
const saga_payload *saga_activity_heartbeat_details(const saga_activity *activity);
/* Whether somebody wants the attempt to stop; waits for that so long. */
bool saga_activity_wait_cancel(saga_activity *activity, uint32_t timeout_ms);
/* Says that the attempt is alive and how far it is (NULL = no details). Cheap to call often. */
void saga_activity_heartbeat(saga_activity *activity, const saga_payload *details);
/* What the undo of this step will need, beside input and output. */
void saga_activity_set_undo_data(saga_activity *activity, const saga_payload *data);
/* The step is done; NULL = JSON null. */
void saga_activity_return(saga_activity *activity, const saga_payload *output);

/* Why an attempt failed. Begin with {0}. */
typedef struct saga_failure {
    Saga__V1__ErrorKind kind; /* DOMAIN and VALIDATION: not retried, nothing happened. 0 = ACTIVITY_EXECUTION. */
    const char *code;         /* Your own name for it, such as `CardDeclined`; NULL = none. */
    const char *message;      /* For people. */
    bool non_retryable;       /* Do not repeat this, whatever the kind says. */
    bool no_effect;           /* Nothing happened: the step needs no undo. */
    const char *const *context; /* Facts for programs: name, value, name, value … NULL; or NULL. */
} saga_failure;

void saga_activity_fail(saga_activity *activity, const saga_failure *failure);
/* The attempt stopped because it was asked to. */
void saga_activity_canceled(saga_activity *activity, bool no_effect);

/* Serves activities until it is stopped. Every task gets one report, which is kept until the server has acknowledged it and
 * sent again over a new stream if need be. A lost stream is opened again with backoff; activities go on meanwhile. */
typedef struct saga_worker saga_worker;

typedef struct saga_worker_options {
    const char *const *task_queues; /* NULL at the end; at least one. */
    uint32_t max_concurrent;        /* Activities at the same time; 0 = 20, at most 1,024. */
    uint32_t drain_timeout_ms;      /* That running activities get after a stop before they are asked to stop; 0 = 30,000. */
    const char *identity;           /* For people; NULL = `user@host/pid`. */
    void (*log)(void *context, const char *message); /* Warnings; NULL = standard error. */
    void *log_context;
} saga_worker_options;

saga_result saga_worker_new(saga_client *client, const saga_worker_options *options, saga_worker **worker, saga_error *error);
/* Before saga_worker_run. The name must live as long as the worker. */
saga_result saga_worker_register(saga_worker *worker, const char *name, saga_activity_function function, void *context);
/* Serves until saga_worker_stop; returns earlier only if the server refuses the worker for good. */
saga_result saga_worker_run(saga_worker *worker, saga_error *error);
/* Begins to drain: no new task, running ones finish and are acknowledged, then saga_worker_run returns. From any thread. */
void saga_worker_stop(saga_worker *worker);
/* Whether a stream is open. */
bool saga_worker_serving(saga_worker *worker);
/* After saga_worker_run has returned. */
void saga_worker_free(saga_worker *worker);

#ifdef __cplusplus
}
#endif
#endif
