/* Sagas as callers see them: the calls of saga/saga.h over the generated stubs. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "saga/saga.h"

static char *text(const char *given)
{
    return (char *)(uintptr_t)(given ? given : "");
}

static Saga__V1__WorkflowRef reference(const char *workflow_id, const saga_call_options *options)
{
    Saga__V1__WorkflowRef made = SAGA__V1__WORKFLOW_REF__INIT;
    made.workflow_id = text(workflow_id);
    if (options && options->saga_id) made.saga_id = (ProtobufCBinaryData){16, (uint8_t *)(uintptr_t)options->saga_id};
    return made;
}

static void take_id(saga_run *run, const ProtobufCBinaryData *id, bool already_started)
{
    if (!run) return;
    memset(run->saga_id, 0, sizeof run->saga_id);
    if (id->len == sizeof run->saga_id) memcpy(run->saga_id, id->data, id->len);
    run->already_started = already_started;
}

/* Drops an answer that says nothing. */
#define DROP(type, answer) \
    do { \
        if (answer) saga__v1__##type##__free_unpacked(answer, NULL); \
    } while (0)

static void fill_start(Saga__V1__StartOptions *made, const char *workflow_type, const saga_start_options *start)
{
    made->workflow_id = text(start->workflow_id);
    made->workflow_type = text(workflow_type);
    made->workflow_version = start->version;
    made->task_queue = text(start->task_queue);
    made->execution_timeout_us = (int64_t)start->execution_timeout_ms * 1000;
    made->id_reuse_policy = start->id_reuse;
    made->continue_on_undo_error = start->continue_on_undo_error;
    if (start->no_auto_compensate) {
        made->_auto_compensate_case = SAGA__V1__START_OPTIONS___AUTO_COMPENSATE_AUTO_COMPENSATE;
        made->auto_compensate = false;
    }
}

saga_result saga_start(saga_client *client, const char *workflow_type, const saga_payload *input,
    const saga_start_options *start, const saga_call_options *options, saga_run *run, saga_error *error)
{
    Saga__V1__StartOptions made = SAGA__V1__START_OPTIONS__INIT;
    Saga__V1__StartWorkflowRequest request = SAGA__V1__START_WORKFLOW_REQUEST__INIT;
    Saga__V1__StartWorkflowResponse *answer = NULL;
    fill_start(&made, workflow_type, start);
    request.options = &made;
    saga_result result = payload_out(client, input, &made.input, error);
    if (result == SAGA_OK) result = saga_workflows_start(client, &request, options, &answer, error);
    if (answer) take_id(run, &answer->saga_id, answer->already_started);
    payload_free(made.input);
    DROP(start_workflow_response, answer);
    return result;
}

saga_result saga_signal_with_start(saga_client *client, const char *workflow_type, const saga_payload *input,
    const saga_start_options *start, const char *signal, const saga_payload *value, const char *signal_id,
    const saga_call_options *options, saga_run *run, saga_error *error)
{
    Saga__V1__StartOptions made = SAGA__V1__START_OPTIONS__INIT;
    Saga__V1__SignalWithStartWorkflowRequest request = SAGA__V1__SIGNAL_WITH_START_WORKFLOW_REQUEST__INIT;
    Saga__V1__SignalWithStartWorkflowResponse *answer = NULL;
    fill_start(&made, workflow_type, start);
    request.options = &made;
    request.signal_name = text(signal);
    request.signal_id = text(signal_id);
    saga_result result = payload_out(client, input, &made.input, error);
    if (result == SAGA_OK) result = payload_out(client, value, &request.signal_input, error);
    if (result == SAGA_OK) result = saga_workflows_signal_with_start(client, &request, options, &answer, error);
    if (answer) take_id(run, &answer->saga_id, answer->already_started);
    payload_free(made.input);
    payload_free(request.signal_input);
    DROP(signal_with_start_workflow_response, answer);
    return result;
}

saga_result saga_signal(saga_client *client, const char *workflow_id, const char *name, const saga_payload *value,
    const char *signal_id, const saga_call_options *options, saga_error *error)
{
    Saga__V1__WorkflowRef ref = reference(workflow_id, options);
    Saga__V1__SignalWorkflowRequest request = SAGA__V1__SIGNAL_WORKFLOW_REQUEST__INIT;
    Saga__V1__SignalWorkflowResponse *answer = NULL;
    request.workflow = &ref;
    request.name = text(name);
    request.signal_id = text(signal_id);
    saga_result result = payload_out(client, value, &request.input, error);
    if (result == SAGA_OK) result = saga_workflows_signal(client, &request, options, &answer, error);
    payload_free(request.input);
    DROP(signal_workflow_response, answer);
    return result;
}

saga_result saga_query(saga_client *client, const char *workflow_id, const char *name, const saga_payload *value,
    const saga_call_options *options, saga_payload *output, saga_error *error)
{
    Saga__V1__WorkflowRef ref = reference(workflow_id, options);
    Saga__V1__QueryWorkflowRequest request = SAGA__V1__QUERY_WORKFLOW_REQUEST__INIT;
    Saga__V1__QueryWorkflowResponse *answer = NULL;
    request.workflow = &ref;
    request.name = text(name);
    *output = (saga_payload)SAGA_PAYLOAD_INIT;
    saga_result result = payload_out(client, value, &request.input, error);
    if (result == SAGA_OK) result = saga_workflows_query(client, &request, options, &answer, error);
    if (result == SAGA_OK) result = payload_in(client, answer->output, output, error);
    payload_free(request.input);
    DROP(query_workflow_response, answer);
    return result;
}

saga_result saga_update(saga_client *client, const char *workflow_id, const char *name, const saga_payload *value,
    const char *update_id, const saga_call_options *options, saga_payload *output, saga_error *error)
{
    Saga__V1__WorkflowRef ref = reference(workflow_id, options);
    Saga__V1__UpdateWorkflowRequest request = SAGA__V1__UPDATE_WORKFLOW_REQUEST__INIT;
    Saga__V1__UpdateWorkflowResponse *answer = NULL;
    request.workflow = &ref;
    request.name = text(name);
    request.update_id = text(update_id);
    *output = (saga_payload)SAGA_PAYLOAD_INIT;
    saga_result result = payload_out(client, value, &request.input, error);
    if (result == SAGA_OK) result = saga_workflows_update(client, &request, options, &answer, error);
    if (result == SAGA_OK && answer->error) {
        result = fail(error, SAGA_INVALID, "the update was refused or rolled back: %s", answer->error->message);
        if (error) {
            error->error = answer->error;
            answer->error = NULL;
        }
    } else if (result == SAGA_OK) {
        result = payload_in(client, answer->output, output, error);
    }
    payload_free(request.input);
    DROP(update_workflow_response, answer);
    return result;
}

saga_result saga_cancel_workflow(saga_client *client, const char *workflow_id, const char *reason,
    const saga_call_options *options, saga_error *error)
{
    Saga__V1__WorkflowRef ref = reference(workflow_id, options);
    Saga__V1__CancelWorkflowRequest request = SAGA__V1__CANCEL_WORKFLOW_REQUEST__INIT;
    Saga__V1__CancelWorkflowResponse *answer = NULL;
    request.workflow = &ref;
    request.reason = text(reason);
    saga_result result = saga_workflows_cancel(client, &request, options, &answer, error);
    DROP(cancel_workflow_response, answer);
    return result;
}

saga_result saga_terminate(saga_client *client, const char *workflow_id, bool compensate, const char *reason,
    const saga_call_options *options, saga_error *error)
{
    Saga__V1__WorkflowRef ref = reference(workflow_id, options);
    Saga__V1__TerminateWorkflowRequest request = SAGA__V1__TERMINATE_WORKFLOW_REQUEST__INIT;
    Saga__V1__TerminateWorkflowResponse *answer = NULL;
    request.workflow = &ref;
    request.reason = text(reason);
    request.compensate = compensate;
    saga_result result = saga_workflows_terminate(client, &request, options, &answer, error);
    DROP(terminate_workflow_response, answer);
    return result;
}

saga_result saga_reset(saga_client *client, const char *workflow_id, uint64_t event_id, Saga__V1__ResetUndo undo,
    const char *reason, const saga_call_options *options, saga_run *run, saga_error *error)
{
    Saga__V1__WorkflowRef ref = reference(workflow_id, options);
    Saga__V1__ResetWorkflowRequest request = SAGA__V1__RESET_WORKFLOW_REQUEST__INIT;
    Saga__V1__ResetWorkflowResponse *answer = NULL;
    request.workflow = &ref;
    request.event_id = event_id;
    request.undo = undo;
    request.reason = text(reason);
    saga_result result = saga_workflows_reset(client, &request, options, &answer, error);
    if (answer) take_id(run, &answer->saga_id, false);
    DROP(reset_workflow_response, answer);
    return result;
}

static const char *state_name(Saga__V1__CompensationState state)
{
    static const char *const names[] = {"none", "complete", "partial", "given_up"};
    return (unsigned)state < 4 ? names[state] : "unknown";
}

static saga_result ended(saga_client *client, const char *workflow_id, Saga__V1__GetWorkflowResultResponse *answer,
    saga_payload *output, saga_error *error)
{
    saga_result result = SAGA_WORKFLOW_TERMINATED;
    switch (answer->status) {
    case SAGA__V1__WORKFLOW_STATUS__WORKFLOW_STATUS_COMPLETED:
        return payload_in(client, answer->output, output, error);
    case SAGA__V1__WORKFLOW_STATUS__WORKFLOW_STATUS_FAILED:
        result = SAGA_WORKFLOW_FAILED;
        break;
    case SAGA__V1__WORKFLOW_STATUS__WORKFLOW_STATUS_CANCELED:
        result = SAGA_WORKFLOW_CANCELED;
        break;
    case SAGA__V1__WORKFLOW_STATUS__WORKFLOW_STATUS_TIMED_OUT:
        result = SAGA_WORKFLOW_TIMED_OUT;
        break;
    default:
        break;
    }
    const char *why = answer->error ? answer->error->message : answer->reason;
    fail(error, result, "%s of %s: %s", saga_result_name(result), workflow_id, why);
    if (error) {
        error->error = answer->error;
        answer->error = NULL;
        error->compensation = state_name(answer->compensation ? answer->compensation->state : (Saga__V1__CompensationState)0);
    }
    return result;
}

saga_result saga_wait(saga_client *client, const char *workflow_id, const saga_call_options *options, saga_payload *output,
    saga_error *error)
{
    saga_error own = SAGA_ERROR_INIT;
    if (!error) error = &own;
    *output = (saga_payload)SAGA_PAYLOAD_INIT;
    int64_t deadline = options && options->timeout_ms ? now_ms() + options->timeout_ms : 0;
    saga_call_options each = options ? *options : (saga_call_options){0};
    saga_result result;
    for (;;) {
        int64_t left = deadline ? deadline - now_ms() : 60000;
        each.timeout_ms = left < 1 ? 1 : left < 60000 ? (uint32_t)left : 60000;
        Saga__V1__WorkflowRef ref = reference(workflow_id, options);
        Saga__V1__GetWorkflowResultRequest request = SAGA__V1__GET_WORKFLOW_RESULT_REQUEST__INIT;
        Saga__V1__GetWorkflowResultResponse *answer = NULL;
        request.workflow = &ref;
        request.follow_runs = true;
        result = saga_workflows_get_result(client, &request, &each, &answer, error);
        if (result == SAGA_OK) {
            result = ended(client, workflow_id, answer, output, error);
            DROP(get_workflow_result_response, answer);
            break;
        }
        bool passed = result == SAGA_STATUS && error->status == SAGA__V1__STATUS_CODE__STATUS_CODE_DEADLINE_EXCEEDED;
        if (!passed && result != SAGA_CONNECTION_LOST) break;
        if (deadline && now_ms() >= deadline - 1) break;
    }
    saga_error_clear(&own);
    return result;
}

saga_result saga_describe(saga_client *client, const char *workflow_id, const saga_call_options *options,
    Saga__V1__DescribeWorkflowResponse **answer, saga_error *error)
{
    Saga__V1__WorkflowRef ref = reference(workflow_id, options);
    Saga__V1__DescribeWorkflowRequest request = SAGA__V1__DESCRIBE_WORKFLOW_REQUEST__INIT;
    request.workflow = &ref;
    return saga_workflows_describe(client, &request, options, answer, error);
}

saga_result saga_state_at(saga_client *client, const char *workflow_id, uint64_t event_id, const saga_call_options *options,
    Saga__V1__StateAtResponse **answer, saga_error *error)
{
    Saga__V1__WorkflowRef ref = reference(workflow_id, options);
    Saga__V1__StateAtRequest request = SAGA__V1__STATE_AT_REQUEST__INIT;
    request.workflow = &ref;
    request.at_case = SAGA__V1__STATE_AT_REQUEST__AT_EVENT_ID;
    request.event_id = event_id;
    return saga_workflows_state_at(client, &request, options, answer, error);
}

/* The pages of a list. A page's token stays with its answer, which is dropped after the next one has come. */
#define PAGES(type, call, response, entries) \
    saga_result result = SAGA_OK; \
    type *page = NULL; \
    bool going = true; \
    do { \
        type *next = NULL; \
        if (page) request.page_token = page->next_page_token; \
        result = call(client, &request, options, &next, error); \
        DROP(response, page); \
        page = next; \
        for (size_t i = 0; result == SAGA_OK && going && i < page->n_##entries; i++) going = each(context, page->entries[i]); \
    } while (result == SAGA_OK && going && page->next_page_token.len); \
    DROP(response, page); \
    return result

saga_result saga_list(saga_client *client, const Saga__V1__WorkflowFilter *filter, uint32_t page_size,
    const saga_call_options *options, saga_each_workflow each, void *context, saga_error *error)
{
    Saga__V1__ListWorkflowsRequest request = SAGA__V1__LIST_WORKFLOWS_REQUEST__INIT;
    request.filter = (Saga__V1__WorkflowFilter *)(uintptr_t)filter;
    request.page_size = page_size;
    PAGES(Saga__V1__ListWorkflowsResponse, saga_workflows_list, list_workflows_response, workflows);
}

saga_result saga_count(saga_client *client, const Saga__V1__WorkflowFilter *filter, const saga_call_options *options,
    uint64_t *count, saga_error *error)
{
    Saga__V1__CountWorkflowsRequest request = SAGA__V1__COUNT_WORKFLOWS_REQUEST__INIT;
    Saga__V1__CountWorkflowsResponse *answer = NULL;
    request.filter = (Saga__V1__WorkflowFilter *)(uintptr_t)filter;
    saga_result result = saga_workflows_count(client, &request, options, &answer, error);
    *count = answer ? answer->count : 0;
    DROP(count_workflows_response, answer);
    return result;
}

static saga_result read_history(saga_client *client, const char *workflow_id, uint64_t from, const saga_call_options *options,
    saga_each_event each, void *context, saga_error *error)
{
    bool more = true;
    saga_result result = SAGA_OK;
    while (more && result == SAGA_OK) {
        Saga__V1__WorkflowRef ref = reference(workflow_id, options);
        Saga__V1__GetHistoryRequest request = SAGA__V1__GET_HISTORY_REQUEST__INIT;
        Saga__V1__GetHistoryResponse *page = NULL;
        request.workflow = &ref;
        request.from_event_id = from;
        result = saga_workflows_get_history(client, &request, options, &page, error);
        if (result != SAGA_OK) break;
        more = page->more;
        from = page->next_event_id;
        for (size_t i = 0; i < page->n_events; i++) {
            if (each(context, page->events[i])) continue;
            more = false;
            break;
        }
        DROP(get_history_response, page);
    }
    return result;
}

/* One stream; `from` moves on, `came` says whether anything came. */
static saga_result follow_once(saga_client *client, const char *workflow_id, uint64_t *from, const saga_call_options *options,
    saga_each_event each, void *context, bool *came, saga_error *error)
{
    Saga__V1__WorkflowRef ref = reference(workflow_id, options);
    Saga__V1__FollowHistoryRequest request = SAGA__V1__FOLLOW_HISTORY_REQUEST__INIT;
    saga_stream *stream = NULL;
    request.workflow = &ref;
    request.from_event_id = *from;
    saga_result result = saga_workflows_follow_history(client, &request, options, &stream, error);
    while (result == SAGA_OK) {
        ProtobufCMessage *message = NULL;
        result = saga_stream_receive(stream, 0, options ? options->cancel : NULL, &message, error);
        if (result != SAGA_OK) break;
        *came = true;
        Saga__V1__HistoryItem *item = (Saga__V1__HistoryItem *)message;
        for (size_t i = 0; i < item->n_events && result == SAGA_OK; i++) {
            *from = item->events[i]->event_id + 1;
            if (!each(context, item->events[i])) result = SAGA_STREAM_END;
        }
        protobuf_c_message_free_unpacked(message, NULL);
    }
    saga_stream_free(stream);
    return result;
}

saga_result saga_history(saga_client *client, const char *workflow_id, uint64_t from, bool follow,
    const saga_call_options *options, saga_each_event each, void *context, saga_error *error)
{
    if (!follow) return read_history(client, workflow_id, from, options, each, context, error);
    backoff pause = {100, 5000};
    int64_t limit = options && options->timeout_ms ? options->timeout_ms : DEFAULT_TIMEOUT_MS, failing = 0;
    for (;;) {
        bool came = false;
        saga_result result = follow_once(client, workflow_id, &from, options, each, context, &came, error);
        if (result == SAGA_STREAM_END) return SAGA_OK;
        if (came) {
            pause.next = 100;
            failing = 0;
        }
        if (!failing) failing = now_ms();
        if (result != SAGA_CONNECTION_LOST || now_ms() - failing > limit) return result;
        if (!sleep_unless(options ? options->cancel : NULL, backoff_take(&pause))) {
            return fail(error, SAGA_CANCELLED, "Workflows.FollowHistory was cancelled");
        }
    }
}

saga_result saga_delete(saga_client *client, const char *workflow_id, const saga_call_options *options, saga_error *error)
{
    Saga__V1__WorkflowRef ref = reference(workflow_id, options);
    Saga__V1__DeleteWorkflowRequest request = SAGA__V1__DELETE_WORKFLOW_REQUEST__INIT;
    Saga__V1__DeleteWorkflowResponse *answer = NULL;
    request.workflow = &ref;
    saga_result result = saga_workflows_delete(client, &request, options, &answer, error);
    DROP(delete_workflow_response, answer);
    return result;
}

saga_result saga_pause(saga_client *client, const char *workflow_id, const char *reason, const saga_call_options *options,
    saga_error *error)
{
    Saga__V1__WorkflowRef ref = reference(workflow_id, options);
    Saga__V1__PauseWorkflowRequest request = SAGA__V1__PAUSE_WORKFLOW_REQUEST__INIT;
    Saga__V1__PauseWorkflowResponse *answer = NULL;
    request.workflow = &ref;
    request.reason = text(reason);
    saga_result result = saga_workflows_pause(client, &request, options, &answer, error);
    DROP(pause_workflow_response, answer);
    return result;
}

saga_result saga_resume(saga_client *client, const char *workflow_id, const char *reason, const saga_call_options *options,
    saga_error *error)
{
    Saga__V1__WorkflowRef ref = reference(workflow_id, options);
    Saga__V1__ResumeWorkflowRequest request = SAGA__V1__RESUME_WORKFLOW_REQUEST__INIT;
    Saga__V1__ResumeWorkflowResponse *answer = NULL;
    request.workflow = &ref;
    request.reason = text(reason);
    saga_result result = saga_workflows_resume(client, &request, options, &answer, error);
    DROP(resume_workflow_response, answer);
    return result;
}

/* Undos that need a person */

saga_result saga_list_blocked(saga_client *client, const saga_call_options *options, saga_each_blocked each, void *context,
    saga_error *error)
{
    Saga__V1__ListBlockedRequest request = SAGA__V1__LIST_BLOCKED_REQUEST__INIT;
    PAGES(Saga__V1__ListBlockedResponse, saga_compensation_list_blocked, list_blocked_response, workflows);
}

saga_result saga_late_effects(saga_client *client, const char *workflow_id, const saga_call_options *options,
    saga_each_late_effect each, void *context, saga_error *error)
{
    Saga__V1__WorkflowRef ref = reference(workflow_id, options);
    Saga__V1__ListLateEffectsRequest request = SAGA__V1__LIST_LATE_EFFECTS_REQUEST__INIT;
    if (workflow_id) request.workflow = &ref;
    PAGES(Saga__V1__ListLateEffectsResponse, saga_compensation_list_late_effects, list_late_effects_response, late_effects);
}

saga_result saga_retry_undo(saga_client *client, const char *workflow_id, uint64_t step_event_id, const saga_payload *input,
    const char *reason, const saga_call_options *options, saga_error *error)
{
    Saga__V1__WorkflowRef ref = reference(workflow_id, options);
    Saga__V1__UndoRef undo = SAGA__V1__UNDO_REF__INIT;
    Saga__V1__OperatorResponse *answer = NULL;
    saga_result result;
    undo.workflow = &ref;
    undo.step_event_id = step_event_id;
    if (input) {
        Saga__V1__RetryUndoWithInputRequest request = SAGA__V1__RETRY_UNDO_WITH_INPUT_REQUEST__INIT;
        request.undo = &undo;
        request.reason = text(reason);
        result = payload_out(client, input, &request.input, error);
        if (result == SAGA_OK) result = saga_compensation_retry_with_input(client, &request, options, &answer, error);
        payload_free(request.input);
    } else {
        Saga__V1__RetryUndoRequest request = SAGA__V1__RETRY_UNDO_REQUEST__INIT;
        request.undo = &undo;
        request.reason = text(reason);
        result = saga_compensation_retry(client, &request, options, &answer, error);
    }
    DROP(operator_response, answer);
    return result;
}

saga_result saga_skip_undo(saga_client *client, const char *workflow_id, uint64_t step_event_id, const char *reason,
    const saga_call_options *options, saga_error *error)
{
    Saga__V1__WorkflowRef ref = reference(workflow_id, options);
    Saga__V1__UndoRef undo = SAGA__V1__UNDO_REF__INIT;
    Saga__V1__SkipUndoRequest request = SAGA__V1__SKIP_UNDO_REQUEST__INIT;
    Saga__V1__OperatorResponse *answer = NULL;
    undo.workflow = &ref;
    undo.step_event_id = step_event_id;
    request.undo = &undo;
    request.reason = text(reason);
    saga_result result = saga_compensation_skip(client, &request, options, &answer, error);
    DROP(operator_response, answer);
    return result;
}

saga_result saga_resolve_undo(saga_client *client, const char *workflow_id, uint64_t step_event_id, const char *note,
    const saga_call_options *options, saga_error *error)
{
    Saga__V1__WorkflowRef ref = reference(workflow_id, options);
    Saga__V1__UndoRef undo = SAGA__V1__UNDO_REF__INIT;
    Saga__V1__ResolveUndoRequest request = SAGA__V1__RESOLVE_UNDO_REQUEST__INIT;
    Saga__V1__OperatorResponse *answer = NULL;
    undo.workflow = &ref;
    undo.step_event_id = step_event_id;
    request.undo = &undo;
    request.note = text(note);
    saga_result result = saga_compensation_resolve(client, &request, options, &answer, error);
    DROP(operator_response, answer);
    return result;
}

saga_result saga_give_up(saga_client *client, const char *workflow_id, const char *reason, const saga_call_options *options,
    saga_error *error)
{
    Saga__V1__WorkflowRef ref = reference(workflow_id, options);
    Saga__V1__GiveUpRequest request = SAGA__V1__GIVE_UP_REQUEST__INIT;
    Saga__V1__OperatorResponse *answer = NULL;
    request.workflow = &ref;
    request.reason = text(reason);
    saga_result result = saga_compensation_give_up(client, &request, options, &answer, error);
    DROP(operator_response, answer);
    return result;
}

saga_result saga_health(saga_client *client, const void *echo, size_t size, const saga_call_options *options,
    Saga__V1__HealthResponse **answer, saga_error *error)
{
    Saga__V1__HealthRequest request = SAGA__V1__HEALTH_REQUEST__INIT;
    request.echo = (ProtobufCBinaryData){size, (uint8_t *)(uintptr_t)echo};
    return saga_admin_health(client, &request, options, answer, error);
}
