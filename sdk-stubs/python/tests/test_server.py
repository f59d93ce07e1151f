"""Against a real server: sagas with activities and undos served from here, over verified TLS.

Runs if SAGA_ADDRESS (`host:port`) and SAGA_CA (PEM file) are set; `sdk-stubs/python/test` starts a server and sets them.
SAGA_TOKEN, SAGA_NAMESPACE and SAGA_SERVER_HOSTNAME are used if they are set.
"""

import asyncio
import os
import uuid
from typing import Any, List, Tuple

import pytest

import scripted
from saga_engine import blocking
from saga_engine import (
    ActivityContext,
    Client,
    ConnectionLost,
    DomainError,
    DomainEvent,
    SagaDefinition,
    Status,
    StatusCode,
    StatusError,
    Undo,
    UndoInput,
    Worker,
    WorkflowCanceled,
    WorkflowFailed,
    WorkflowTerminated,
    activity,
)
from saga_engine.v1 import workflows_messages_pb2 as workflows

ADDRESS = os.environ.get("SAGA_ADDRESS", "")
pytestmark = pytest.mark.skipif(not ADDRESS, reason="SAGA_ADDRESS is not set")


def connect(**options: Any) -> Any:
    host, _, port = ADDRESS.rpartition(":")
    options.setdefault("ca", os.environ.get("SAGA_CA"))
    options.setdefault("token", os.environ.get("SAGA_TOKEN", ""))
    options.setdefault("namespace", os.environ.get("SAGA_NAMESPACE", ""))
    options.setdefault("server_hostname", os.environ.get("SAGA_SERVER_HOSTNAME"))
    return Client.connect(host, int(port), **options)


def unique(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:12]}"


async def test_health_and_echo() -> None:
    async with connect() as client:
        answer = await client.health(b"\x00\xff" * 100)
        assert answer.echo == b"\x00\xff" * 100
        assert answer.server_time_us > 1_600_000_000_000_000
        assert client.server_version


async def test_the_certificate_is_checked() -> None:
    with pytest.raises(ConnectionLost, match="not trusted"):
        await connect(ca=None)
    with pytest.raises(ConnectionLost, match="not trusted"):
        await connect(server_hostname="not-this-server.example")


async def test_start_is_repeatable_and_readable() -> None:
    async with connect() as client:
        workflow_id, request_id, queue = unique("start"), uuid.uuid4().hex, unique("nobody")
        first = await client.start("Waits", {"n": 1}, workflow_id=workflow_id, task_queue=queue, request_id=request_id)
        again = await client.start("Waits", {"n": 1}, workflow_id=workflow_id, task_queue=queue, request_id=request_id)
        other = await client.start("Waits", {"n": 2}, workflow_id=workflow_id, task_queue=queue)
        assert len(first.saga_id) == 16 and not first.already_started
        assert again.saga_id == first.saga_id and not again.already_started
        assert other.saga_id == first.saga_id and other.already_started

        described = await first.describe()
        assert described.info.workflow_id == workflow_id and described.info.status == Status.RUNNING
        assert described.info.workflow_type == "Waits"
        assert len(described.waiting_for) >= 1

        events = [event async for event in first.history()]
        assert events[0].event_id == 0 and events[0].workflow_execution_started.workflow_type == "Waits"
        assert events[0].workflow_execution_started.input.data == b'{"n":1}'

        listed = [info.workflow_id async for info in client.list(workflow_id_prefix=workflow_id)]
        assert listed == [workflow_id]

        with pytest.raises(StatusError) as caught:
            await client.start("Other", workflow_id=workflow_id, request_id=request_id)
        assert caught.value.code == StatusCode.ALREADY_EXISTS
        await first.terminate(compensate=False, reason="test is over")
        with pytest.raises(WorkflowTerminated):
            await first.result(timeout=10)


async def test_a_run_comes_out_whole_and_is_taken_once() -> None:
    async with connect() as client:
        workflow_id = unique("moves")
        handle = await client.start("Waits", "x" * 100_000, workflow_id=workflow_id, task_queue=unique("nobody"))
        for number in range(5):
            await handle.signal("s", {"n": number})
        events = [event async for event in client.export_history(workflow_id)]
        assert [event.event_id for event in events] == list(range(6))
        assert events == [event async for event in handle.history()]
        # Sent once more, as after a lost answer: the same answer. Another run under its id is refused.
        known = await client.import_history(client.export_history(workflow_id))
        assert (known.saga_id, known.events) == (events[0].saga_id, len(events))
        changed = [event async for event in client.export_history(workflow_id)]
        changed[3].signal_received.identity = "another"
        with pytest.raises(StatusError) as caught:
            await client.import_history(changed)
        assert caught.value.code == StatusCode.ALREADY_EXISTS

        # The same under another name is another run; it goes on. Longer than one part, of events of two kinds of size.
        for end in ("a", "b"):
            other, run = unique("imported"), uuid.uuid4().bytes
            moved = []
            for event in events[:1] + events[1:2] * 2_500 + events[2:]:
                copy = type(event).FromString(event.SerializeToString())
                copy.saga_id, copy.event_id = run, len(moved)
                if not moved:
                    copy.workflow_execution_started.workflow_id = other
                else:
                    copy.signal_received.signal_id = copy.signal_received.request_id = str(len(moved))
                moved.append(copy)
            if end == "a":
                with pytest.raises(StatusError) as caught:
                    await client.import_history(moved[:9] + moved[10:])
                assert caught.value.code == StatusCode.INVALID_ARGUMENT and "where event 9 is due" in str(caught.value)
                with pytest.raises(StatusError):
                    await client.describe(other)
            stored = await client.import_history(moved)
            assert (stored.saga_id, stored.events) == (run, len(moved))
            assert (await client.describe(other)).info.status == Status.RUNNING
            assert moved == [event async for event in client.export_history(other)]
            await client.terminate(other, compensate=False)
        with pytest.raises(StatusError) as caught:
            async for _ in client.export_history(unique("none")):
                pass
        assert caught.value.code == StatusCode.NOT_FOUND
        with pytest.raises(StatusError):
            await client.import_history([])
        await handle.terminate(compensate=False)


async def test_what_is_not_there_is_not_found() -> None:
    async with connect() as client:
        for call in (
            client.describe(unique("none")),
            client.signal(unique("none"), "s"),
            client.cancel(unique("none")),
            client.result(unique("none"), timeout=5),
        ):
            with pytest.raises(StatusError) as caught:
                await call
            assert caught.value.code == StatusCode.NOT_FOUND


async def test_bad_names_are_refused() -> None:
    async with connect() as client:
        for workflow_id in ("", "x" * 256, "a\x07b", "\u202eabc"):
            with pytest.raises(StatusError) as caught:
                await client.start("Waits", workflow_id=workflow_id)
            assert caught.value.code == StatusCode.INVALID_ARGUMENT


async def test_a_signal_wakes_a_workflow() -> None:
    queue = unique("signal")
    async with connect() as client:
        async with scripted.ScriptedWorkflows(client, queue, {"Waits": scripted.wait_for_signal("go")}):
            handle = await client.start("Waits", workflow_id=unique("signal"), task_queue=queue)
            signal_id = uuid.uuid4().hex
            await handle.signal("other", 1, signal_id=signal_id)
            await handle.signal("other", 1, signal_id=signal_id)
            await handle.signal("other", 2)
            await handle.signal("go", {"n": 7})
            assert await handle.result(timeout=20) == {"n": 7}
            signals = [e.signal_received async for e in handle.history() if e.HasField("signal_received")]
            assert [(s.name, s.payload.data) for s in signals] == [("other", b"1"), ("other", b"2"), ("go", b'{"n":7}')]
            with pytest.raises(StatusError) as caught:
                await handle.signal("go")
            assert caught.value.code == StatusCode.FAILED_PRECONDITION


class Travel:
    """Activities that write down what really happened."""

    def __init__(self) -> None:
        self.done: List[Tuple[str, str]] = []
        self.undone: List[Tuple[str, UndoInput]] = []
        self.keys: List[str] = []
        self.attempts = 0

    def activities(self) -> List[Any]:
        @activity("bookFlight")
        async def book_flight(ctx: ActivityContext, value: Any) -> Any:
            self.keys.append(ctx.idempotency_key)
            self.done.append(("flight", ctx.workflow_id))
            return {"flight": value["flight"]}

        @activity("bookHotel")
        def book_hotel(ctx: ActivityContext, value: Any) -> Any:
            self.done.append(("hotel", ctx.workflow_id))
            return {"hotel": 1}

        @activity("pay")
        async def pay(ctx: ActivityContext, value: Any) -> Any:
            if value == "refused":
                raise DomainError("card declined", code="CardDeclined")
            if value == "hangs":
                self.done.append(("payment", ctx.workflow_id))
                await asyncio.Event().wait()
            self.attempts += 1
            if value == "flaky" and self.attempts < 3:
                raise ConnectionError("try again")
            return "paid"

        @activity("cancelFlight")
        async def cancel_flight(ctx: ActivityContext, undo: UndoInput) -> None:
            self.keys.append(ctx.idempotency_key)
            self.undone.append(("flight", undo))

        @activity("cancelHotel")
        async def cancel_hotel(ctx: ActivityContext, undo: UndoInput) -> None:
            self.undone.append(("hotel", undo))

        @activity("refund")
        async def refund(ctx: ActivityContext, undo: UndoInput) -> None:
            self.undone.append(("payment", undo))

        return [book_flight, book_hotel, pay, cancel_flight, cancel_hotel, refund]


def travel(payment: str, start_to_close: float = 10.0) -> scripted.Decide:
    return scripted.in_order(
        scripted.step("bookFlight", {"flight": "LH1"}, undo="cancelFlight"),
        scripted.step("bookHotel", None, undo="cancelHotel"),
        scripted.step("pay", payment, undo="refund", start_to_close=start_to_close, attempts=3 if payment == "flaky" else 1),
    )


TYPES = {
    "Good": travel("ok"),
    "Refused": travel("refused"),
    "Hangs": travel("hangs", 0.5),
    "Flaky": travel("flaky"),
}


async def run_travel(name: str) -> Tuple[Travel, Any, Any]:
    """Runs one saga; returns what happened, its result or error, and its events."""
    queue, done = unique("travel"), Travel()
    async with connect() as client, connect() as other:
        worker = Worker(other, task_queues=[queue], activities=done.activities())
        serving = asyncio.ensure_future(worker.run())
        async with scripted.ScriptedWorkflows(client, queue, TYPES):
            handle = await client.start(name, workflow_id=unique("travel"), task_queue=queue)
            try:
                ended: Any = await handle.result(timeout=30)
            except WorkflowFailed as error:
                ended = error
            events = [event async for event in handle.history()]
            followed = [event.event_id async for event in handle.history(follow=True)]
            assert followed == [event.event_id for event in events] == list(range(len(events)))
        worker.stop()
        await asyncio.wait_for(serving, 20)
    return done, ended, events


async def test_all_goes_well() -> None:
    done, ended, events = await run_travel("Good")
    assert ended == {"steps": 3}
    assert [what for what, _ in done.done] == ["flight", "hotel"] and not done.undone
    assert events[-1].HasField("workflow_execution_completed")


async def test_a_refusal_undoes_the_rest_last_first() -> None:
    done, ended, events = await run_travel("Refused")
    assert isinstance(ended, WorkflowFailed)
    assert ended.error.code == "CardDeclined" and ended.compensation.state == "complete"
    assert [what for what, _ in done.undone] == ["hotel", "flight"], "payment said that nothing happened"
    flight = done.undone[1][1]
    assert flight.input == {"flight": "LH1"} and flight.output == {"flight": "LH1"} and flight.outcome == "completed"
    assert flight.idempotency_key == done.keys[0] and done.keys[1] == done.keys[0] + "/undo"


async def test_an_unknown_outcome_is_undone_too() -> None:
    done, ended, events = await run_travel("Hangs")
    assert isinstance(ended, WorkflowFailed)
    assert [what for what, _ in done.undone] == ["payment", "hotel", "flight"]
    assert done.undone[0][1].outcome == "unknown" and done.undone[0][1].output is None


async def test_the_server_retries() -> None:
    done, ended, events = await run_travel("Flaky")
    assert ended == {"steps": 3} and done.attempts == 3
    assert sum(event.HasField("activity_task_retry_scheduled") for event in events) == 2


async def test_a_cancel_undoes_what_was_done() -> None:
    queue, done = unique("cancel"), Travel()
    holds = scripted.in_order(
        scripted.step("bookFlight", {"flight": "LH1"}, undo="cancelFlight"), scripted.step("nobodyServesThis")
    )
    async with connect() as client:
        worker = Worker(client, task_queues=[queue], activities=done.activities())
        serving = asyncio.ensure_future(worker.run())
        async with scripted.ScriptedWorkflows(client, queue, {"Holds": holds}):
            handle = await client.start("Holds", workflow_id=unique("cancel"), task_queue=queue)
            async for event in handle.history(follow=True):
                if event.HasField("activity_task_scheduled") and event.event_id > 1 and done.done:
                    break
            await handle.cancel("changed my mind")
            with pytest.raises(WorkflowCanceled, match="changed my mind"):
                await handle.result(timeout=30)
        assert [what for what, _ in done.undone] == ["flight"]
        worker.stop()
        await asyncio.wait_for(serving, 20)


async def test_many_sagas_at_once() -> None:
    queue, done = unique("many"), Travel()
    async with connect() as client:
        worker = Worker(client, task_queues=[queue], activities=done.activities(), max_concurrent=50)
        serving = asyncio.ensure_future(worker.run())
        async with scripted.ScriptedWorkflows(client, queue, TYPES):
            handles = await asyncio.gather(
                *(client.start("Good", workflow_id=unique("many"), task_queue=queue) for _ in range(100))
            )
            results = await asyncio.gather(*(handle.result(timeout=60) for handle in handles))
        assert results == [{"steps": 3}] * 100
        assert len(done.done) == 200
        completed = {i.workflow_id async for i in client.list(workflow_types=["Good"], statuses=[Status.COMPLETED])}
        assert {handle.workflow_id for handle in handles} <= completed
        worker.stop()
        await asyncio.wait_for(serving, 20)


async def test_requests_that_the_server_must_refuse() -> None:
    async with connect() as client:
        request = workflows.StartWorkflowRequest()
        request.header.namespace = "somebody-elses"
        request.options.workflow_id = unique("ns")
        request.options.workflow_type = "Waits"
        from saga_engine.v1 import methods

        with pytest.raises(StatusError) as caught:
            await client.call(methods.WORKFLOWS_START, request)
        assert caught.value.code == StatusCode.PERMISSION_DENIED


async def test_a_saga_as_data_needs_no_workflow_worker() -> None:
    undone: List[Any] = []

    @activity("declared.book")
    async def book(ctx: ActivityContext, order: Any) -> Any:
        if order["what"] == order["refused"]:
            raise DomainError("no")
        return {"number": f"{order['what']}-1"}

    @activity("declared.cancel")
    async def cancel(ctx: ActivityContext, undo: UndoInput) -> None:
        undone.append(undo.data)

    queue = unique("declared")
    saga = SagaDefinition(unique("saga"), task_queue=queue)
    undo = Undo("declared.cancel", {"number": "${output.number ?? none}", "why": "${outcome}"})

    def order(what: str) -> Any:
        return {"what": what, "refused": "${input.refused ?? nothing}"}

    flight = saga.activity("flight", "declared.book", order("flight"), undo=undo)
    with saga.parallel():
        saga.activity("hotel", "declared.book", order("hotel"), undo=undo)
        saga.activity("extra", "declared.book", order("extra"), undo=undo, when=["input.extra == true"])
    go = saga.signal("go", "go", within=60)
    saga.activity("payment", "declared.book", order("payment"))
    saga.returns([flight.output("number"), go.output()])
    async with connect() as client:
        assert await client.validate_definition(saga) == []
        assert await client.register_definition(saga) == (1, False)
        assert await client.register_definition(saga) == (1, True)
        name = saga.message.name
        assert name in [entry.name async for entry in client.list_definitions()]
        assert len((await client.get_definition(name)).definition.steps) == 5
        worker = Worker(client, task_queues=[queue], activities=[book, cancel])
        serving = asyncio.ensure_future(worker.run())
        handle = await client.start(name, {}, workflow_id=unique("data"))
        await handle.signal("go", 7)
        assert await handle.result(timeout=30) == ["flight-1", 7]
        state = await client.query(handle.workflow_id, "state")
        assert [step["status"] for step in state["steps"]] == ["done", "done", "left_out", "done", "done"]
        handle = await client.start(name, {"refused": "payment"}, workflow_id=unique("data"))
        await handle.signal("go", 7)
        with pytest.raises(WorkflowFailed):
            await handle.result(timeout=30)
        assert undone == [{"number": f"{what}-1", "why": "completed"} for what in ("hotel", "flight")]
        worker.stop()
        await asyncio.wait_for(serving, 20)
        saga.activity("wrong", "declared.book", {"x": "${steps.nowhere.output}"})
        problems = await client.validate_definition(saga)
        assert [problem.step_id for problem in problems] == ["wrong"]
        with pytest.raises(StatusError, match="no step nowhere"):
            await client.register_definition(saga)


async def test_an_aggregate_is_appended_to_and_read() -> None:
    async with connect() as client:
        name, request_id = unique("account"), uuid.uuid4().hex
        opened = [DomainEvent("opened", {"deposit": 10}), DomainEvent("moved", {"amount": 5}, version=2)]
        first = await client.append_events(name, "account", opened, expected_version=0, request_id=request_id)
        again = await client.append_events(name, "account", opened, expected_version=0, request_id=request_id)
        assert first == again == 2
        assert await client.append_events(name, "account", [DomainEvent("closed")]) == 3
        with pytest.raises(StatusError) as late:
            await client.append_events(name, "account", [DomainEvent("moved", {"amount": 1})], expected_version=2)
        assert late.value.code == StatusCode.FAILED_PRECONDITION

        page = await client.read_events(name, limit=2)
        assert page.events == opened and page.more and page.version == 3
        account = await client.read_aggregate(name)
        assert account.state is None and account.events[:2] == opened and account.events[2].event_id == 2
        with pytest.raises(StatusError) as unknown:
            await client.read_aggregate(unique("nobody"))
        assert unknown.value.code == StatusCode.NOT_FOUND


async def test_what_is_committed_comes_and_goes_on_where_it_was() -> None:
    name, kind = unique("ledger"), unique("kind")
    async with connect() as client:
        await client.append_events(name, kind, [DomainEvent("moved", 1), DomainEvent("moved", 2)], expected_version=0)
        found: List[Any] = []
        async for item in client.committed_events(from_beginning=True, workflow_types=[kind]):
            assert (item.workflow_id, item.workflow_type) == (name, kind)
            found.append(item)
            if sum(len(item.events) for item in found) >= 2:
                break
        assert [event.domain_event.payload.data for item in found for event in item.events] == [b"1", b"2"]

        async def follow(count: int, **options: Any) -> List[Any]:
            seen: List[Any] = []
            async for item in client.committed_events(workflow_types=[kind], **options):
                seen += item.events
                if len(seen) >= count:
                    break
            return seen

        following = asyncio.ensure_future(follow(3, after=found[-1].position))
        await client.append_events(name, kind, [DomainEvent("moved", 3)])
        # The connection is cut: the events go on where they were, each once.
        while client._connection is None or not client._connection.usable:
            await asyncio.sleep(0.01)
        client._connection._writer.transport.abort()
        await client.append_events(name, kind, [DomainEvent("moved", 4), DomainEvent("moved", 5)])
        events = await asyncio.wait_for(following, 20)
        assert [event.domain_event.payload.data for event in events] == [b"3", b"4", b"5"]
        assert [event.event_id for event in events] == [2, 3, 4]
        assert not await asyncio.wait_for(_first(client.committed_events(after=b"no position")), 20)


async def _first(items: Any) -> Any:
    """The first item; None if the server refuses."""
    try:
        async for item in items:
            return item
    except StatusError as error:
        assert error.code == StatusCode.INVALID_ARGUMENT and "position" in str(error)
    return None


def test_what_is_committed_for_programs_without_a_loop() -> None:
    host, _, port = ADDRESS.rpartition(":")
    name, kind = unique("ledger"), unique("kind")
    options: Any = {"ca": os.environ.get("SAGA_CA"), "token": os.environ.get("SAGA_TOKEN", "")}
    with blocking.Client.connect(host, int(port), **options) as client:
        client.append_events(name, kind, [DomainEvent("moved", n) for n in range(3)])
        seen: List[Any] = []
        for item in client.committed_events(from_beginning=True, workflow_types=[kind]):
            seen += item.events
            if len(seen) >= 3:
                break
        assert [event.event_id for event in seen] == [0, 1, 2]
