/* Units: frames, buffers, payloads, errors, cancels. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "saga/saga.h"

static int bad; /* Checks of the test that runs. */

#define CHECK(condition) \
    do { \
        if (!(condition)) bad++, printf("%s:%d: %s\n", __FILE__, __LINE__, #condition); \
    } while (0)

static void frames_come_back(void)
{
    buffer bytes = {0};
    frame found;
    size_t whole = 0;
    const char *why = NULL;
    CHECK(frame_add(&bytes, KIND_REQUEST, 7, "body", 4, 256, true));
    for (size_t size = 0; size < bytes.size; size++) CHECK(frame_parse(bytes.data, size, 65536, &found, &whole, &why) == 0);
    CHECK(frame_parse(bytes.data, bytes.size, 65536, &found, &whole, &why) == 1);
    CHECK(found.kind == KIND_REQUEST && found.stream == 7 && found.method == 256 && found.more && found.size == 4);
    CHECK(whole == bytes.size && memcmp(found.body, "body", 4) == 0);
    static const struct { size_t at; uint8_t value; } changes[] = {{4, 0}, {4, 13}, {5, 1}, {5, 128}, {3, 7}, {0, 1}};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        uint8_t before = bytes.data[changes[i].at];
        bytes.data[changes[i].at] = changes[i].value;
        CHECK(frame_parse(bytes.data, bytes.size, 65536, &found, &whole, &why) == -1 && why);
        bytes.data[changes[i].at] = before;
    }
    buffer_drop(&bytes, 3);
    CHECK(bytes.size == 13);
    buffer_free(&bytes);
}

static bool each_of_the_feed(void *context, const Saga__V1__SubscriptionItem *item)
{
    strncat(context, "item ", 31 - strlen(context));
    strncat(context, (const char *)item->position.data, 1);
    return true;
}

static void place_of_the_feed(void *context, const uint8_t *position, size_t size)
{
    CHECK(size == 1);
    strncat(context, "at ", 31 - strlen(context));
    strncat(context, (const char *)position, 1);
}

/* Where a feed is without events is told in its turn. */
static void a_feed_tells_where_it_is(void)
{
    char seen[32] = "";
    saga_error error = SAGA_ERROR_INIT;
    feed f = {SAGA__V1__SUBSCRIBE_REQUEST__INIT, NULL, NULL, each_of_the_feed, place_of_the_feed, seen};
    Saga__V1__HistoryEvent event = SAGA__V1__HISTORY_EVENT__INIT, *events[] = {&event};
    uint8_t place[] = {'1', 0};
    for (int i = 0; i < 4; i++, place[0]++) {
        Saga__V1__SubscriptionItem item = SAGA__V1__SUBSCRIPTION_ITEM__INIT;
        item.position = (ProtobufCBinaryData){1, place};
        item.n_events = i % 2;
        item.events = events;
        CHECK(feed_take(&f, &item, &error) == SAGA_OK);
        CHECK(f.request.position.len == 1 && f.request.position.data[0] == place[0]);
    }
    CHECK(strcmp(seen, "at 1item 2at 3item 4") == 0);
    /* Nobody need want to know. */
    f.on_position = NULL;
    Saga__V1__SubscriptionItem empty = SAGA__V1__SUBSCRIPTION_ITEM__INIT;
    CHECK(feed_take(&f, &empty, &error) == SAGA_OK);
    free(f.position);
    saga_error_clear(&error);
}

static void payloads_are_copied(void)
{
    saga_payload json = saga_json("{\"a\":1}"), copy, none = SAGA_PAYLOAD_INIT;
    CHECK(saga_payload_copy(&json, &copy) && copy.data != json.data && strcmp((char *)copy.data, "{\"a\":1}") == 0);
    saga_payload_clear(&copy);
    CHECK(!copy.encoding && !copy.data);
    CHECK(saga_payload_copy(&none, &copy) && !copy.encoding);
    Saga__V1__WorkflowRef ref = SAGA__V1__WORKFLOW_REF__INIT;
    ref.workflow_id = (char *)"x";
    CHECK(saga_protobuf(&ref.base, &copy) && strcmp(copy.encoding, "protobuf") == 0 && copy.size == 3);
    saga_payload_clear(&copy);
}

static void errors_hold_and_let_go(void)
{
    saga_error error = SAGA_ERROR_INIT, copy = SAGA_ERROR_INIT;
    CHECK(fail(&error, SAGA_INVALID, "%d", 5) == SAGA_INVALID && strcmp(error.message, "5") == 0);
    Saga__V1__Status *status = malloc(sizeof *status);
    Saga__V1__SagaError inner = SAGA__V1__SAGA_ERROR__INIT;
    inner.code = (char *)"C";
    saga__v1__status__init(status);
    status->code = SAGA__V1__STATUS_CODE__STATUS_CODE_ABORTED;
    status->error = saga_error_message_copy(&inner);
    CHECK(fail_message(&error, status) == SAGA_STATUS && error.status == status->code && strcmp(error.error->code, "C") == 0);
    free(status);
    error_copy(&error, &copy);
    CHECK(copy.error != error.error && strcmp(copy.error->code, "C") == 0);
    saga_error_clear(&error);
    saga_error_clear(&copy);
    CHECK(!error.error && error.result == SAGA_OK);
    CHECK(strcmp(saga_result_name(SAGA_CONNECTION_LOST), "connection lost") == 0);
}

static void methods_are_unique(void)
{
    for (size_t i = 0; i < SAGA_METHODS_COUNT; i++) {
        for (size_t j = 0; j < i; j++) CHECK(saga_methods[i].number != saga_methods[j].number);
        CHECK(saga_methods[i].request->n_fields > 0 && saga_methods[i].request->fields[0].id == 1);
    }
}

static void what_cannot_work_is_refused(void)
{
    saga_client *client = NULL;
    saga_error error = SAGA_ERROR_INIT;
    saga_connect_options far = {.host = "192.0.2.1", .insecure = true};
    CHECK(saga_connect(&far, &client, &error) == SAGA_INVALID && !client);
    saga_connect_options no_ca = {.ca_file = "/nowhere"};
    CHECK(saga_connect(&no_ca, &client, &error) == SAGA_INVALID && error.message[0]);
    saga_connect_options nobody = {.port = 1, .connect_timeout_ms = 2000};
    CHECK(saga_connect(&nobody, &client, &error) == SAGA_CONNECTION_LOST);
    CHECK(saga_connect(&nobody, &client, NULL) == SAGA_CONNECTION_LOST);
    saga_error_clear(&error);
    saga_client_free(NULL);
    saga_stream_free(NULL);
    saga_cancel_free(saga_cancel_new());
}

static void *cancel_soon(void *cancel)
{
    sleep_ms(150);
    saga_cancel_signal(cancel);
    return NULL;
}

static bool any_item(void *context, const Saga__V1__SubscriptionItem *item)
{
    (void)context;
    return item->n_events > 0;
}

static bool any_event(void *context, const Saga__V1__HistoryEvent *event)
{
    (void)context;
    return event->event_id > 0;
}

/* Nobody listens: what tries to connect again is cancelled within its pause. */
static void a_cancel_ends_what_waits_for_the_server(void)
{
    saga_client nobody = {.lock = PTHREAD_MUTEX_INITIALIZER, .dialing = PTHREAD_MUTEX_INITIALIZER, .host = (char *)"127.0.0.1",
        .port = "1", .connect_timeout_ms = 2000};
    for (int call = 0; call < 4; call++) {
        saga_error error = SAGA_ERROR_INIT;
        saga_call_options options = {.timeout_ms = 20000, .cancel = saga_cancel_new()};
        Saga__V1__HealthRequest request = SAGA__V1__HEALTH_REQUEST__INIT;
        Saga__V1__HealthResponse *answer = NULL;
        saga_result result = SAGA_CANCELLED;
        pthread_t thread;
        CHECK(sleep_unless(NULL, 1) && sleep_unless(options.cancel, 1));
        int64_t began = now_ms();
        pthread_create(&thread, NULL, cancel_soon, options.cancel);
        if (call == 0) CHECK(!sleep_unless(options.cancel, 20000));
        else if (call == 1) result = saga_subscribe(&nobody, NULL, &options, any_item, NULL, &error);
        else if (call == 2) result = saga_history(&nobody, "w", 0, true, &options, any_event, NULL, &error);
        else result = saga_admin_health(&nobody, &request, &options, &answer, &error);
        CHECK(result == SAGA_CANCELLED && now_ms() - began < 2000 && !sleep_unless(options.cancel, 20000));
        pthread_join(thread, NULL);
        saga_cancel_free(options.cancel);
        saga_error_clear(&error);
    }
}

static void definitions_that_say_something_impossible_are_refused(void)
{
    const char *const wrong[] = {"input.n is large", "input.n ==", "exists", ""};
    saga_error error = SAGA_ERROR_INIT;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *const when[] = {wrong[i], NULL};
        saga_step_options options = {.when = when};
        saga_definition *d = saga_definition_new("d", NULL);
        saga_definition_activity(d, "a", "echo", &options);
        CHECK(saga_register_definition(NULL, d, NULL, NULL, NULL, &error) == SAGA_INVALID && error.message[0]);
        saga_definition_free(d);
    }
    const char *const when[] = {"input.n == a \"b", "input.n != 1e3", NULL};
    saga_step_options options = {.when = when, .undo = "u"};
    saga_definition *d = saga_definition_new("d", NULL);
    saga_definition_activity(d, "a", "echo", &options);
    saga_definition_returns(d, "1");
    saga_definition_returns(d, "2");
    const Saga__V1__SagaDefinition *made = saga_definition_message(d);
    CHECK(strcmp(made->steps[0]->conditions[0]->value, "\"a \\\"b\"") == 0 && strcmp(made->steps[0]->conditions[1]->value, "1e3") == 0);
    CHECK(strcmp(made->output->template_, "2") == 0);
    saga_definition_free(d);
    saga_definition_free(NULL);
    saga_error_clear(&error);
}

int main(void)
{
    static void (*const tests[])(void) = {
        frames_come_back, a_feed_tells_where_it_is, payloads_are_copied, errors_hold_and_let_go, methods_are_unique,
        what_cannot_work_is_refused,
        a_cancel_ends_what_waits_for_the_server, definitions_that_say_something_impossible_are_refused,
    };
    int passed = 0, failed = 0;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        bad = 0;
        tests[i]();
        *(bad ? &failed : &passed) += 1;
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
