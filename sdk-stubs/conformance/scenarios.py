"""What every SDK must do against a real server. One function is one scenario; its first line says what it shows."""

import asyncio
import json
import time
from typing import Any, Awaitable, Callable, Dict, List

import conformance_pb2 as program
from saga_engine.v1 import methods
from workflows import Signal, act, script
from world import Died, Verb, World, json_value, names

Scenario = Callable[[World], Awaitable[None]]
ALL: Dict[str, Scenario] = {}

INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, ALREADY_EXISTS = 3, 4, 5, 6
FAILED_PRECONDITION, UNAVAILABLE = 9, 14
KIND_CODEC, KIND_ACTIVITY, KIND_VALIDATION, KIND_TIMEOUT, KIND_DOMAIN = 2, 5, 12, 13, 17

# Histories are named by event code; see the catalogue in docs/semantics.md.
STARTED, COMPLETED, FAILED, CANCELED, TERMINATED, CANCEL_REQUESTED = 0, 1, 2, 4, 6, 7
SCHEDULED, BEGUN, DONE, ACTIVITY_FAILED, ACTIVITY_TIMED_OUT, ACTIVITY_CANCELED = 20, 21, 22, 23, 24, 25
ASKED_TO_STOP, RETRY, SIGNALED = 26, 27, 50
UNWINDING, UNDO_BEGUN, UNDONE, UNDO_FAILED, UNDO_RETRY, UNDO_SKIPPED = 150, 151, 152, 153, 154, 155
UNDO_BLOCKED, UNDO_RESOLVED, UNWOUND, OPERATOR = 157, 158, 159, 160


def scenario(function: Scenario) -> Scenario:
    ALL[function.__name__] = function
    return function


def step(op: str, value: Any = None, **fields: Any) -> program.Step:
    if value is not None:
        fields["value"] = json_value(json.dumps(value, separators=(",", ":")).encode())
    return program.Step(op=getattr(program, f"OP_{op}"), **fields)


def returns(value: Any) -> program.Step:
    return step("RETURN", value)


def refuses(**fields: Any) -> program.Step:
    fields.setdefault("error_kind", KIND_DOMAIN)
    fields.setdefault("error_code", "CardDeclined")
    fields.setdefault("text", "card declined")
    return step("FAIL", **fields)


async def expect_history(w: World, client: Any, *expected: int) -> None:
    """The events by code, read by the harness in both ways, and by the suite."""
    events = await w.history(client)
    codes = [event.event_type for event in events]
    assert codes == list(expected), f"{names(events)}\n    {codes} is not\n    {list(expected)}"
    assert [event.event_id for event in events] == list(range(len(events)))
    for verb in (Verb.VERB_HISTORY, Verb.VERB_FOLLOW):
        found = await w.ok(verb)
        assert [(e.id, e.code) for e in found.events] == list(enumerate(expected)), Verb.Name(verb)


def ran(attempts: int = 1) -> List[int]:
    """A step that ended well, after so many attempts."""
    return [SCHEDULED] + [BEGUN, RETRY] * (attempts - 1) + [BEGUN, DONE]


# Calls


@scenario
async def every_call_of_the_services_is_there(w: World) -> None:
    found = sorted((await w.ok(Verb.VERB_METHODS)).lines)
    wanted = sorted(method.full_name for method in methods.ALL.values())
    lacking, extra = set(wanted) - set(found), set(found) - set(wanted)
    assert found == wanted, f"lacks {sorted(lacking)}, has {sorted(extra)} that no service has"


@scenario
async def echo_of_all_bytes(w: World) -> None:
    await w.connected()
    for echo in (b"", bytes(range(256)) * 255):
        assert (await w.ok(Verb.VERB_HEALTH, echo=echo)).value.data == echo


@scenario
async def values_come_back_as_they_were(w: World) -> None:
    """JSON of every shape, bytes and protobuf, through start, activity and result."""
    values = [
        json_value('{"n":1,"list":[1.5,true,null,""],"héllo ✓":"世界 🚀","nested":{"deep":[[]]}}'.encode()),
        json_value(b"null"), json_value(b"[]"), json_value(b'"text"'), json_value(b"-9007199254740991"),
        program.Value(encoding="bytes", data=bytes(range(256))),
        program.Value(encoding="protobuf", data=program.ActivityProgram(name="x").SerializeToString()),
    ]  # fmt: skip
    async with w.serving({"Echo": script(echo_input=True)}):
        for number, value in enumerate(values):
            name = f"{w.id}-{number}"
            await w.start("Echo", value, workflow_id=name)
            got = (await w.ok(Verb.VERB_RESULT, workflow_id=name)).value
            assert got.encoding == value.encoding
            same = json.loads(got.data) == json.loads(value.data) if value.encoding == "json" else got.data == value.data
            assert same, (got, value)


@scenario
async def messages_larger_than_a_frame(w: World) -> None:
    """1.5 MB there and back: many frames, both ways, on three streams."""
    value = json_value(b'"' + b"0123456789abcde\xc3\xa9" * 90_000 + b'"')
    async with w.serving({"Echo": script(echo_input=True)}):
        await w.start("Echo", value)
        assert json.loads((await w.ok(Verb.VERB_RESULT)).value.data) == json.loads(value.data)


@scenario
async def a_message_over_the_limit_is_refused_here(w: World) -> None:
    """5 MB never leave, and the connection goes on."""
    await w.connected()
    value = json_value(b'"' + b"x" * 5_000_000 + b'"')
    began = time.monotonic()
    outcome = await w.do(Verb.VERB_START, workflow_type="Echo", input=value)
    assert outcome.result in ("status", "invalid") and outcome.status_code in (0, INVALID_ARGUMENT), outcome
    assert time.monotonic() - began < 5, "it was tried again and again"
    await w.ok(Verb.VERB_HEALTH, echo=b"x")


@scenario
async def a_start_is_repeatable(w: World) -> None:
    """The same request id gives the same answer; another meaning is refused; an open run is found."""
    await w.connected()
    first = await w.start("Nobody", json_value(b"1"), request_id=w.id)
    again = await w.start("Nobody", json_value(b"1"), request_id=w.id)
    other = await w.start("Nobody", json_value(b"2"))
    assert len(first.saga_id) == 16 and not first.already_started
    assert (again.saga_id, again.already_started) == (first.saga_id, False)
    assert (other.saga_id, other.already_started) == (first.saga_id, True)
    await w.status(ALREADY_EXISTS, Verb.VERB_START, workflow_type="Other", request_id=w.id)
    await w.ok(Verb.VERB_TERMINATE, text="over")


@scenario
async def bad_names_are_refused(w: World) -> None:
    await w.connected()
    for name in ("", "x" * 256, "a\x07b", "\u202eabc"):
        await w.status(INVALID_ARGUMENT, Verb.VERB_START, workflow_type="T", workflow_id=name)
    await w.ok(Verb.VERB_HEALTH)


@scenario
async def what_is_not_there_is_not_found(w: World) -> None:
    await w.connected()
    for verb in ("SIGNAL", "CANCEL", "TERMINATE", "RESULT", "DESCRIBE", "HISTORY", "FOLLOW", "SKIP_UNDO", "RESOLVE_UNDO",
                 "RETRY_UNDO", "RETRY_UNDO_WITH_INPUT", "GIVE_UP"):  # fmt: skip
        await w.status(NOT_FOUND, getattr(Verb, f"VERB_{verb}"), name="n", text="why", input=json_value(b"1"), timeout_ms=3_000)


@scenario
async def an_open_run_is_paused_looked_into_and_deleted(w: World) -> None:
    """Calls that need no workflow code, on a run that no worker serves."""
    await w.connected()
    first = await w.start("Nobody")
    waits = (await w.ok(Verb.VERB_DESCRIBE)).lines
    await w.ok(Verb.VERB_PAUSE, text="lunch")
    paused = (await w.ok(Verb.VERB_DESCRIBE)).lines
    assert len(paused) == 1 and paused != waits, (waits, paused)
    await w.ok(Verb.VERB_RESUME, text="lunch is over")
    assert (await w.ok(Verb.VERB_DESCRIBE)).lines == waits
    await w.status(UNAVAILABLE, Verb.VERB_QUERY, name="n", timeout_ms=3_000)
    await w.status(DEADLINE_EXCEEDED, Verb.VERB_UPDATE, name="n", text="u", timeout_ms=500)
    await w.status(FAILED_PRECONDITION, Verb.VERB_DELETE)
    found = await w.ok(Verb.VERB_STATE_AT, number=0)
    assert found.number == 1, found
    second = await w.ok(Verb.VERB_RESET, number=0, text="once more")
    assert len(second.saga_id) == 16 and second.saga_id != first.saga_id, second
    await w.ok(Verb.VERB_TERMINATE, text="over")
    # The run, then the one before it; then there is none.
    await w.ok(Verb.VERB_DELETE)
    assert (await w.ok(Verb.VERB_DESCRIBE)).number == 6
    await w.ok(Verb.VERB_DELETE)
    await w.status(NOT_FOUND, Verb.VERB_DESCRIBE)


@scenario
async def lists_are_paged(w: World) -> None:
    await w.connected()
    made = [f"{w.id}-{number}" for number in range(5)]
    for name in made:
        await w.start("Nobody", workflow_id=name)
    found = await w.ok(Verb.VERB_LIST, text=w.id, number=2)
    assert sorted(found.lines) == made
    assert (await w.ok(Verb.VERB_COUNT, text=w.id)).number == 5
    for name in made:
        await w.ok(Verb.VERB_TERMINATE, workflow_id=name, text="over")


@scenario
async def describe_says_what_is_waited_for(w: World) -> None:
    await w.connected()
    await w.start("Nobody")
    found = await w.ok(Verb.VERB_DESCRIBE)
    assert found.number == 1 and len(found.lines) == 1, found  # running; waits for a worker
    await w.ok(Verb.VERB_TERMINATE, text="over")
    assert (await w.ok(Verb.VERB_DESCRIBE)).number == 6


@scenario
async def a_deadline_passes(w: World) -> None:
    """The result of what does not end: DEADLINE_EXCEEDED after the caller's time, and the connection goes on."""
    await w.connected()
    await w.start("Nobody")
    began = time.monotonic()
    await w.status(DEADLINE_EXCEEDED, Verb.VERB_RESULT, timeout_ms=400)
    assert 0.3 < time.monotonic() - began < 5
    await w.ok(Verb.VERB_HEALTH)
    await w.ok(Verb.VERB_TERMINATE, text="over")


@scenario
async def a_call_is_cancelled(w: World) -> None:
    await w.connected()
    await w.start("Nobody")
    for verb in (Verb.VERB_RESULT, Verb.VERB_FOLLOW):
        began = time.monotonic()
        outcome = await w.do(verb, cancel_after_ms=300)
        assert outcome.result == "cancelled", outcome
        assert time.monotonic() - began < 5
    await w.ok(Verb.VERB_HEALTH)
    await w.ok(Verb.VERB_TERMINATE, text="over")


@scenario
async def signals_come_once_and_in_order(w: World) -> None:
    async with w.serving({"Waits": script(Signal("go"))}) as client:
        await w.start("Waits")
        await w.ok(Verb.VERB_SIGNAL, name="other", input=json_value(b"1"), text="one")
        await w.ok(Verb.VERB_SIGNAL, name="other", input=json_value(b"1"), text="one")
        await w.ok(Verb.VERB_SIGNAL, name="other", input=json_value(b"2"))
        await w.ok(Verb.VERB_SIGNAL, name="go", input=json_value(b'{"n":7}'))
        assert json.loads((await w.ok(Verb.VERB_RESULT)).value.data) == {"n": 7}
        await expect_history(w, client, STARTED, SIGNALED, SIGNALED, SIGNALED, COMPLETED)
        await w.status(FAILED_PRECONDITION, Verb.VERB_SIGNAL, name="go")


@scenario
async def signal_with_start(w: World) -> None:
    async with w.serving({"Waits": script(Signal("go"))}) as client:
        first = await w.ok(Verb.VERB_SIGNAL_WITH_START, workflow_type="Waits", name="other", input=json_value(b"1"))
        second = await w.ok(Verb.VERB_SIGNAL_WITH_START, workflow_type="Waits", name="go", input=json_value(b"2"))
        assert not first.already_started and first.saga_id == second.saga_id
        assert (await w.ok(Verb.VERB_RESULT)).value.data == b"2"
        await expect_history(w, client, STARTED, SIGNALED, SIGNALED, COMPLETED)


# Sagas


@scenario
async def all_goes_well(w: World) -> None:
    types = {"Trip": script(act("flight", returns({"seat": "1A"})), act("hotel", returns(7)))}
    async with w.serving(types) as client:
        await w.start("Trip")
        assert (await w.ok(Verb.VERB_RESULT)).value.data == b"7"
        assert await w.log() == ["do flight 1", "do hotel 1"]
        await expect_history(w, client, STARTED, *ran(), *ran(), COMPLETED)


@scenario
async def a_refusal_undoes_the_rest_last_first(w: World) -> None:
    """A domain error: not retried, its own step not undone, the error intact in the caller's hands."""
    types = {"Trip": script(
        act("flight", returns({"seat": "1A"})), act("hotel", returns([1, 2])), act("pay", refuses(), attempts=3),
    )}  # fmt: skip
    async with w.serving(types) as client:
        await w.start("Trip")
        ended = await w.do(Verb.VERB_RESULT)
        assert (ended.result, ended.compensation) == ("workflow_failed", "complete"), ended
        assert (ended.error_kind, ended.error_code, ended.error_message) == (KIND_DOMAIN, "CardDeclined", "card declined")
        assert list(ended.error_context) == ["who=conformance"]
        assert await w.log() == [
            "do flight 1", "do hotel 1", "do pay 1",
            "undo hotel completed [1,2] null key", 'undo flight completed {"seat":"1A"} null key',
        ]  # fmt: skip
        await expect_history(
            w, client, STARTED, *ran(), *ran(), SCHEDULED, BEGUN, ACTIVITY_FAILED,
            UNWINDING, UNDO_BEGUN, UNDONE, UNDO_BEGUN, UNDONE, UNWOUND, FAILED,
        )  # fmt: skip


@scenario
async def a_wrong_input_is_not_retried(w: World) -> None:
    types = {"Trip": script(act("flight"), act("pay", refuses(error_kind=KIND_VALIDATION, error_code="Bad"), attempts=3))}
    async with w.serving(types):
        await w.start("Trip")
        ended = await w.do(Verb.VERB_RESULT)
        assert (ended.result, ended.error_kind, ended.error_code) == ("workflow_failed", KIND_VALIDATION, "Bad")
        assert await w.log() == ["do flight 1", "do pay 1", "undo flight completed null null key"]


@scenario
async def a_thrown_error_is_retried_and_its_effect_unknown(w: World) -> None:
    """What the language throws by itself: three attempts, then the step's own undo runs, too, without an output."""
    types = {"Trip": script(act("flight"), act("pay", step("THROW", text="out of order"), attempts=3))}
    async with w.serving(types) as client:
        await w.start("Trip")
        ended = await w.do(Verb.VERB_RESULT)
        assert ended.result == "workflow_failed" and "out of order" in ended.error_message, ended
        assert ended.error_code, "the error has no name"
        assert await w.log() == [
            "do flight 1", "do pay 1", "do pay 2", "do pay 3",
            "undo pay unknown null null key", "undo flight completed null null key",
        ]  # fmt: skip
        await expect_history(
            w, client, STARTED, *ran(), SCHEDULED, BEGUN, RETRY, BEGUN, RETRY, BEGUN, ACTIVITY_FAILED,
            UNWINDING, UNDO_BEGUN, UNDONE, UNDO_BEGUN, UNDONE, UNWOUND, FAILED,
        )  # fmt: skip


@scenario
async def no_effect_needs_no_undo(w: World) -> None:
    """An error that is retried and known to have had no effect; then one that must not be retried."""
    failing = step("FAIL", error_kind=KIND_ACTIVITY, error_code="Down", text="connection refused", no_effect=True)
    final = step("FAIL", error_kind=KIND_ACTIVITY, error_code="Gone", text="gone", no_effect=True, non_retryable=True, only_attempt=2)
    failing.only_attempt = 1
    async with w.serving({"Trip": script(act("flight"), act("pay", failing, final, attempts=5))}):
        await w.start("Trip")
        ended = await w.do(Verb.VERB_RESULT)
        assert (ended.result, ended.error_code) == ("workflow_failed", "Gone"), ended
        assert await w.log() == ["do flight 1", "do pay 1", "do pay 2", "undo flight completed null null key"]


@scenario
async def the_server_retries_until_it_works(w: World) -> None:
    first, second = step("THROW", text="no", only_attempt=1), refuses(error_kind=KIND_ACTIVITY, only_attempt=2)
    async with w.serving({"Trip": script(act("pay", first, second, returns("paid"), attempts=5))}) as client:
        await w.start("Trip")
        assert (await w.ok(Verb.VERB_RESULT)).value.data == b'"paid"'
        await expect_history(w, client, STARTED, *ran(3), COMPLETED)


@scenario
async def undo_data_reaches_the_undo(w: World) -> None:
    types = {"Trip": script(act("flight", step("UNDO_DATA", {"ticket": 7}), returns("ok")), act("pay", refuses()))}
    async with w.serving(types):
        await w.start("Trip")
        await w.do(Verb.VERB_RESULT)
        assert (await w.log())[-1] == 'undo flight completed "ok" {"ticket":7} key'


@scenario
async def an_undo_is_retried(w: World) -> None:
    undo = [step("THROW", text="airline is closed", only_attempt=1)]
    async with w.serving({"Trip": script(act("flight", undo_steps=undo, undo_attempts=3), act("pay", refuses()))}) as client:
        await w.start("Trip")
        ended = await w.do(Verb.VERB_RESULT)
        assert (ended.result, ended.compensation) == ("workflow_failed", "complete")
        events = [event.event_type for event in await w.history(client)]
        assert events.count(UNDO_RETRY) == 1 and events.count(UNDONE) == 1, events


def blocked() -> Any:
    """Its undo works at the third attempt only, and has two."""
    undo = [refuses(error_kind=KIND_ACTIVITY, only_attempt=attempt) for attempt in (1, 2)]
    return {"Trip": script(act("flight", undo_steps=undo), act("pay", refuses()))}


async def until_blocked(w: World, client: Any) -> int:
    """Starts the saga; the event that scheduled the step whose undo is blocked."""
    await w.start("Trip")
    await w.until(client, UNDO_BLOCKED)
    found = await w.ok(Verb.VERB_LIST_BLOCKED)
    assert w.id in found.lines
    return next(e.event_id for e in await w.history(client) if e.event_type == SCHEDULED)


@scenario
async def a_blocked_undo_is_skipped(w: World) -> None:
    async with w.serving(blocked()) as client:
        event = await until_blocked(w, client)
        await w.ok(Verb.VERB_SKIP_UNDO, number=event, text="refunded by phone")
        ended = await w.do(Verb.VERB_RESULT)
        assert (ended.result, ended.compensation) == ("workflow_failed", "partial"), ended
        assert w.id not in (await w.ok(Verb.VERB_LIST_BLOCKED)).lines


@scenario
async def a_blocked_undo_is_resolved(w: World) -> None:
    async with w.serving(blocked()) as client:
        event = await until_blocked(w, client)
        await w.ok(Verb.VERB_RESOLVE_UNDO, number=event, text="cancelled at the desk")
        ended = await w.do(Verb.VERB_RESULT)
        assert (ended.result, ended.compensation) == ("workflow_failed", "complete"), ended


@scenario
async def a_blocked_undo_is_tried_again(w: World) -> None:
    async with w.serving(blocked()) as client:
        event = await until_blocked(w, client)
        await w.ok(Verb.VERB_RETRY_UNDO, number=event, text="the airline is open again")
        await end_or_block(w, client, event)


@scenario
async def a_blocked_undo_is_tried_again_with_another_input(w: World) -> None:
    async with w.serving(blocked()) as client:
        event = await until_blocked(w, client)
        await w.ok(Verb.VERB_RETRY_UNDO_WITH_INPUT, number=event, input=json_value(b'{"desk":4}'), text="desk 4")
        await end_or_block(w, client, event)
        assert any('{"desk":4}' in line for line in await w.log()), await w.log()


async def end_or_block(w: World, client: Any, event: int) -> None:
    """The operator's attempt counts on or anew; either way one more is made, and the saga comes to an end."""
    before = 2
    for _ in range(200):
        codes = [e.event_type for e in await w.history(client)]
        if FAILED in codes:
            break
        if codes.count(UNDO_BLOCKED) > 1:
            await w.ok(Verb.VERB_SKIP_UNDO, number=event, text="enough")
        await asyncio.sleep(0.025)
    assert len([line for line in await w.log() if line.startswith("undo flight")]) > before
    assert (await w.do(Verb.VERB_RESULT)).result == "workflow_failed"


@scenario
async def an_unwinding_is_given_up(w: World) -> None:
    async with w.serving(blocked()) as client:
        await until_blocked(w, client)
        await w.ok(Verb.VERB_GIVE_UP, text="the airline is gone")
        ended = await w.do(Verb.VERB_RESULT)
        assert (ended.result, ended.compensation) == ("workflow_failed", "given_up"), ended
        assert (await w.ok(Verb.VERB_LATE_EFFECTS)).number == 0


@scenario
async def a_cancel_reaches_the_running_activity(w: World) -> None:
    """The activity stops when it is asked to; what was done before is undone."""
    types = {"Trip": script(act("flight"), act("pay", step("AWAIT_CANCEL", ms=15_000, no_effect=True), heartbeat=5))}
    async with w.serving(types) as client:
        await w.start("Trip")
        await w.until(client, SCHEDULED, 2)
        await until_logged(w, "do pay 1")
        await w.ok(Verb.VERB_CANCEL, text="changed my mind")
        ended = await w.do(Verb.VERB_RESULT)
        assert (ended.result, ended.compensation) == ("workflow_canceled", "complete"), ended
        assert "changed my mind" in ended.message
        assert await w.log() == ["do flight 1", "do pay 1", "cancelled pay", "undo flight completed null null key"]


async def until_logged(w: World, line: str) -> None:
    for _ in range(400):
        if line in await w.log():
            return
        await asyncio.sleep(0.025)
    raise AssertionError(f"no `{line}` in {await w.log()}")


@scenario
async def terminate_stops_and_leaves_undos_out(w: World) -> None:
    async with w.serving({"Trip": script(act("flight"), Signal("never"))}) as client:
        await w.start("Trip")
        await w.until(client, DONE)
        await w.ok(Verb.VERB_TERMINATE, text="fire")
        ended = await w.do(Verb.VERB_RESULT)
        assert (ended.result, ended.compensation) == ("workflow_terminated", "partial"), ended
        assert await w.log() == ["do flight 1"]


@scenario
async def terminate_with_compensation_unwinds(w: World) -> None:
    async with w.serving({"Trip": script(act("flight"), Signal("never"))}) as client:
        await w.start("Trip")
        await w.until(client, DONE)
        await w.ok(Verb.VERB_TERMINATE, text="fire", flag=True)
        ended = await w.do(Verb.VERB_RESULT)
        assert (ended.result, ended.compensation) == ("workflow_terminated", "complete"), ended
        assert await w.log() == ["do flight 1", "undo flight completed null null key"]


@scenario
async def heartbeat_details_reach_the_next_attempt(w: World) -> None:
    first = [step("HEARTBEAT", {"page": 3}, only_attempt=1), step("SLEEP", ms=400, only_attempt=1), step("THROW", text="no", only_attempt=1)]
    types = {"Copy": script(act("copy", step("LOG_DETAILS"), *first, returns(1), attempts=3, heartbeat=5))}
    async with w.serving(types):
        await w.start("Copy")
        await w.ok(Verb.VERB_RESULT)
        assert await w.log() == ["do copy 1", "details copy null", "do copy 2", 'details copy {"page":3}']


@scenario
async def silence_is_noticed(w: World) -> None:
    """No heartbeat within its time-out: the next attempt begins, and the late report changes nothing."""
    types = {"Copy": script(act("copy", step("SLEEP", ms=1_500, only_attempt=1), returns("b"), attempts=2, heartbeat=0.4))}
    async with w.serving(types) as client:
        await w.start("Copy")
        assert (await w.ok(Verb.VERB_RESULT)).value.data == b'"b"'
        await w.until(client, COMPLETED)


@scenario
async def an_attempt_that_takes_too_long_is_unknown(w: World) -> None:
    types = {"Trip": script(act("flight"), act("pay", step("SLEEP", ms=1_200), start_to_close=0.4))}
    async with w.serving(types):
        await w.start("Trip")
        assert (await w.do(Verb.VERB_RESULT)).result == "workflow_failed"
        log = await w.log()
        assert log == ["do flight 1", "do pay 1", "undo pay unknown null null key", "undo flight completed null null key"], log


@scenario
async def many_sagas_with_few_places(w: World) -> None:
    types = {"Trip": script(act("flight", step("SLEEP", ms=20)), act("hotel", returns(1)))}
    async with w.serving(types, places=4):
        made = [f"{w.id}-{number}" for number in range(30)]
        for name in made:
            await w.start("Trip", workflow_id=name)
        for name in made:
            assert (await w.ok(Verb.VERB_RESULT, workflow_id=name)).value.data == b"1"
        log = await w.log()
        assert log.count("do flight 1") == 30 and log.count("do hotel 1") == 30


@scenario
async def draining_finishes_what_runs(w: World) -> None:
    async with w.serving({"Trip": script(act("flight", step("SLEEP", ms=700), returns("late")))}) as client:
        await w.start("Trip")
        await until_logged(w, "do flight 1")
        began = time.monotonic()
        await w.ok(Verb.VERB_DRAIN)
        assert time.monotonic() - began > 0.3, "it did not wait"
        await w.until(client, DONE)
        assert (await w.ok(Verb.VERB_RESULT)).value.data == b'"late"'
        await w.ok(Verb.VERB_SERVE, number=1)


@scenario
async def a_codec_keeps_plain_text_from_the_server(w: World) -> None:
    secret = json_value(b'"attack at dawn"')
    types = {
        "Echo": script(echo_input=True),
        "Trip": script(act("flight", returns("attack at dawn"), coded=True), act("pay", refuses(), coded=True)),
    }
    async with w.serving(types, codec=True) as client:
        await w.start("Echo", secret)
        assert (await w.ok(Verb.VERB_RESULT)).value.data == secret.data
        await w.start("Trip", secret, workflow_id=w.id + "-2")
        assert (await w.do(Verb.VERB_RESULT, workflow_id=w.id + "-2")).result == "workflow_failed"
        assert (await w.log())[-1] == 'undo flight completed "attack at dawn" null key'
        for name in (w.id, w.id + "-2"):
            stored = b"".join(event.SerializeToString() for event in await w.history(client, name))
            assert b"dawn" not in stored, "the server has seen the plain text"


@scenario
async def an_input_that_cannot_be_read_has_no_effect(w: World) -> None:
    """The activity is given JSON where it wants protobuf: it fails, and what was done before is undone."""
    broken = act("pay")
    broken.schedule_activity.input.encoding, broken.schedule_activity.input.data = "json", b"{not json"
    async with w.serving({"Trip": script(act("flight"), broken)}):
        await w.start("Trip")
        ended = await w.do(Verb.VERB_RESULT)
        assert (ended.result, ended.error_kind) == ("workflow_failed", KIND_CODEC), ended
        assert await w.log() == ["do flight 1", "undo flight completed null null key"]


@scenario
async def an_activity_that_nobody_knows_waits(w: World) -> None:
    """The server keeps a step for a worker that serves it; this one gets none of it."""
    unknown = act("x")
    unknown.schedule_activity.activity_type = "somebody-elses"
    async with w.serving({"Trip": script(act("flight"), unknown)}) as client:
        await w.start("Trip")
        await w.until(client, SCHEDULED, 2)
        await w.ok(Verb.VERB_CANCEL, text="enough")
        ended = await w.do(Verb.VERB_RESULT)
        assert ended.result == "workflow_canceled", ended
        assert await w.log() == ["do flight 1", "undo flight completed null null key"]


@scenario
async def the_harness_dies_in_a_step(w: World) -> None:
    """kill -9 within an activity: another process gets the next attempt, and the saga completes."""
    types = {"Trip": script(
        act("flight", returns("a")), act("pay", step("CRASH", only_attempt=1), returns("b"), attempts=2, start_to_close=1.0),
    )}  # fmt: skip
    async with w.serving(types) as client:
        await w.start("Trip")
        await w.harness.wait_dead()
        await w.harness.start()
        await w.connected()
        w.logged = 0
        await w.ok(Verb.VERB_SERVE, number=10)
        assert (await w.ok(Verb.VERB_RESULT)).value.data == b'"b"'
        assert await w.log() == ["do pay 2"]
        codes = [event.event_type for event in await w.history(client)]
        assert codes.count(DONE) == 2 and codes[-1] == COMPLETED, codes


__all__ = ["ALL", "Died", "scenario"]
