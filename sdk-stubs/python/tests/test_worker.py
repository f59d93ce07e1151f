"""The worker against a scripted peer: what must hold when streams are lost and servers drain."""

import asyncio
import json
import pathlib
import threading
import time
from typing import Any, Dict, List

import pytest

from peer import Peer, PeerStream
from saga_engine import (
    ActivityCancelled,
    ActivityContext,
    Client,
    CompletesLater,
    DomainError,
    ErrorKind,
    NoEffect,
    SagaError,
    StatusError,
    UndoInput,
    Worker,
    activity,
)
from saga_engine.v1 import workers_messages_pb2 as wire


class Script:
    """A server's half of Work streams."""

    def __init__(self) -> None:
        self.streams: List[PeerStream] = []
        self.opened: "asyncio.Queue[PeerStream]" = asyncio.Queue()

    async def serve(self, stream: PeerStream) -> None:
        self.streams.append(stream)
        self.opened.put_nowait(stream)
        await asyncio.Event().wait()


def task(name: str, token: bytes = b"t1", value: Any = None, **rest: Any) -> wire.ServerItem:
    item = wire.ServerItem()
    item.activity_task.task_token = token
    item.activity_task.activity_type = name
    item.activity_task.attempt = 1
    item.activity_task.idempotency_key = "key"
    item.activity_task.input.encoding = "json"
    item.activity_task.input.data = json.dumps(value).encode()
    for key, entry in rest.items():
        setattr(item.activity_task, key, entry)
    return item


def ack(token: bytes, result: int = wire.ACK_RESULT_RECORDED) -> wire.ServerItem:
    return wire.ServerItem(ack=wire.Ack(task_token=token, result=result))  # type: ignore[arg-type]


class Running:
    """A worker, its client and its peer."""

    def __init__(self, certificates: pathlib.Path, *activities: Any, **options: Any) -> None:
        self.script = Script()
        self.peer = Peer(certificates, self.script.serve)
        self.activities = activities
        self.options = options

    async def __aenter__(self) -> "Running":
        await self.peer.__aenter__()
        self.client = await Client.connect("localhost", self.peer.port, ca=str(self.peer.folder / "ca.pem"))
        self.worker = Worker(self.client, task_queues=["q"], activities=self.activities, **self.options)
        self.running = asyncio.ensure_future(self.worker.run())
        self.stream = await self.next_stream()
        return self

    async def next_stream(self) -> PeerStream:
        return await asyncio.wait_for(self.script.opened.get(), 10)

    async def report(self, stream: "PeerStream | None" = None) -> wire.WorkerItem:
        return await asyncio.wait_for((stream or self.stream).items.get(), 10)

    async def __aexit__(self, *_: object) -> None:
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)
        await self.client.close()
        await self.peer.__aexit__()


@activity("double")
async def double(ctx: ActivityContext, value: int) -> int:
    return value * 2


async def test_open_says_what_is_served(certificates: pathlib.Path) -> None:
    async with Running(certificates, double, max_concurrent=5) as run:
        opened = run.stream.first.open
        assert list(opened.task_queues) == ["q"] and list(opened.activity_types) == ["double"]
        assert [(s.task_queue, s.add_activities) for s in opened.slots] == [("q", 5)]
        assert opened.identity


async def test_a_task_is_done_and_reported_once(certificates: pathlib.Path) -> None:
    async with Running(certificates, double) as run:
        await run.stream.send(task("double", value=21))
        report = await run.report()
        assert report.activity_completed.task_token == b"t1"
        assert report.activity_completed.output.data == b"42"
        # The same task again (a server that took over) is not run again: the report is on its way.
        await run.stream.send(task("double", value=21))
        await run.stream.send(ack(b"t1"))
        await run.stream.send(task("double", token=b"t2", value=1))
        assert (await run.report()).activity_completed.task_token == b"t2"


async def test_an_attempt_may_complete_later(certificates: pathlib.Path) -> None:
    kept: List[bytes] = []

    @activity("ask-a-person")
    async def ask(ctx: ActivityContext, value: int) -> int:
        kept.append(ctx.task_token)
        raise CompletesLater()

    async with Running(certificates, ask) as run:
        await run.stream.send(task("ask-a-person", value=1))
        report = await run.report()
        assert report.WhichOneof("item") == "activity_completes_later"
        assert report.activity_completes_later.task_token == b"t1" and kept == [b"t1"]
        # An undo cannot: its outcome must be known before the one before it is undone.
        await run.stream.send(task("ask-a-person", token=b"t2", value=1, is_undo=True))
        failed = (await run.report()).activity_failed
        assert failed.error.kind == ErrorKind.CONFIGURATION and failed.error.non_retryable


async def test_errors_say_whether_there_was_an_effect(certificates: pathlib.Path) -> None:
    @activity("raise")
    async def raising(ctx: ActivityContext, value: str) -> None:
        if value == "domain":
            raise DomainError("no funds", code="CardDeclined", context={"card": "x"}, details={"limit": 5})
        if value == "timeout":
            raise SagaError("slow", kind=ErrorKind.TIMEOUT, non_retryable=True)
        if value == "nothing":
            raise NoEffect() from ConnectionError("refused")
        raise KeyError("bug\0")

    async with Running(certificates, raising) as run:
        expected = {
            "domain": ("CardDeclined", ErrorKind.DOMAIN, wire.EFFECT_UNSPECIFIED, False),
            "timeout": ("", ErrorKind.TIMEOUT, wire.EFFECT_UNKNOWN, True),
            "nothing": ("ConnectionError", ErrorKind.ACTIVITY_EXECUTION, wire.EFFECT_NONE, False),
            "bug": ("KeyError", ErrorKind.ACTIVITY_EXECUTION, wire.EFFECT_UNKNOWN, False),
        }
        for name, (code, kind, effect, final) in expected.items():
            await run.stream.send(task("raise", token=name.encode(), value=name))
            failed = (await run.report()).activity_failed
            assert (failed.task_token, failed.error.code, failed.error.kind) == (name.encode(), code, kind)
            assert (failed.effect, failed.error.non_retryable) == (effect, final)
            assert failed.error.timestamp_us > 0 and "\0" not in failed.error.message
            if name == "domain":
                assert failed.error.details.data == b'{"limit":5}'
                assert failed.error.context[0].key == "card"


async def test_what_cannot_run_has_no_effect(certificates: pathlib.Path) -> None:
    async with Running(certificates, double) as run:
        await run.stream.send(task("other"))
        failed = (await run.report()).activity_failed
        assert failed.effect == wire.EFFECT_NONE and failed.error.kind == ErrorKind.CONFIGURATION
        broken = task("double", token=b"t2")
        broken.activity_task.input.data = b"{"
        await run.stream.send(broken)
        failed = (await run.report()).activity_failed
        assert failed.effect == wire.EFFECT_NONE and failed.error.kind == ErrorKind.CODEC


async def test_an_output_that_is_no_json_is_reported(certificates: pathlib.Path) -> None:
    @activity()
    async def strange(ctx: ActivityContext, value: Any) -> Any:
        return object()

    async with Running(certificates, strange) as run:
        await run.stream.send(task("strange"))
        failed = (await run.report()).activity_failed
        assert failed.effect == wire.EFFECT_UNKNOWN and "object" in failed.error.message


async def test_an_undo_gets_all_that_is_known(certificates: pathlib.Path) -> None:
    got: List[UndoInput] = []

    @activity("cancelFlight")
    async def cancel_flight(ctx: ActivityContext, undo: UndoInput) -> None:
        assert ctx.is_undo and ctx.idempotency_key == "key/undo"
        got.append(undo)

    async with Running(certificates, cancel_flight) as run:
        item = task("cancelFlight", value={"seat": 1}, is_undo=True)
        item.activity_task.idempotency_key = "key/undo"
        item.activity_task.undo.outcome = 1
        item.activity_task.undo.step_key = "key"
        item.activity_task.undo.output.encoding = "json"
        item.activity_task.undo.output.data = b'{"pnr":"X"}'
        await run.stream.send(item)
        assert (await run.report()).activity_completed.task_token == b"t1"
        item.activity_task.task_token = b"t2"
        item.activity_task.undo.outcome = 3
        item.activity_task.undo.ClearField("output")
        await run.stream.send(item)
        await run.report()
    assert got[0] == UndoInput({"seat": 1}, {"pnr": "X"}, "completed", "key", None)
    assert got[1] == UndoInput({"seat": 1}, None, "unknown", "key", None)


async def test_heartbeats_carry_details_both_ways(certificates: pathlib.Path) -> None:
    @activity()
    async def beat(ctx: ActivityContext, value: Any) -> Any:
        for n in range(100):
            ctx.heartbeat({"n": n})
            await asyncio.sleep(0.002)
        return ctx.heartbeat_details

    async with Running(certificates, beat) as run:
        item = task("beat")
        item.activity_task.timeouts.heartbeat_us = 400_000
        item.activity_task.heartbeat_details.encoding = "json"
        item.activity_task.heartbeat_details.data = b"7"
        await run.stream.send(item)
        beats = 0
        while True:
            report = await run.report()
            if report.WhichOneof("item") != "heartbeat":
                break
            beats += 1
        assert report.activity_completed.output.data == b"7"
        assert 1 <= beats <= 10, "throttled: a quarter of the time-out lies between two"


async def test_a_cancel_request_reaches_a_coroutine(certificates: pathlib.Path) -> None:
    @activity()
    async def wait(ctx: ActivityContext, value: Any) -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if value == "ignores":
                return "done all the same"
            raise

    async with Running(certificates, wait) as run:
        for token, value in ((b"a", "obeys"), (b"b", "ignores")):
            await run.stream.send(task("wait", token=token, value=value))
            await asyncio.sleep(0.05)
            await run.stream.send(wire.ServerItem(cancel_activity=wire.CancelActivity(task_token=token)))
            report = await run.report()
            if value == "obeys":
                assert report.activity_canceled.effect == wire.EFFECT_UNKNOWN
            else:
                assert report.activity_completed.output.data == b'"done all the same"'


async def test_a_heartbeat_answer_stops_a_thread(certificates: pathlib.Path) -> None:
    threads: List[str] = []

    @activity()
    def work(ctx: ActivityContext, value: Any) -> None:
        threads.append(threading.current_thread().name)
        while not ctx.cancel_requested:
            ctx.heartbeat()
            time.sleep(0.005)
        raise ActivityCancelled(no_effect=True)

    async with Running(certificates, work) as run:
        await run.stream.send(task("work"))
        assert (await run.report()).heartbeat.task_token == b"t1"
        await run.stream.send(
            wire.ServerItem(heartbeat_answer=wire.HeartbeatAnswer(task_token=b"t1", current=False))
        )
        while True:
            report = await run.report()
            if report.WhichOneof("item") != "heartbeat":
                break
        assert report.activity_canceled.effect == wire.EFFECT_NONE
        assert threads[0].startswith("saga-activity")


async def test_an_attempt_that_hangs_frees_its_place(certificates: pathlib.Path) -> None:
    @activity()
    async def hang(ctx: ActivityContext, value: Any) -> None:
        await asyncio.Event().wait()

    async with Running(certificates, hang) as run:
        item = task("hang")
        item.activity_task.timeouts.start_to_close_us = 50_000
        await run.stream.send(item)
        failed = (await run.report()).activity_failed
        assert failed.error.kind == ErrorKind.TIMEOUT and failed.effect == wire.EFFECT_UNKNOWN


async def test_reports_are_kept_until_acknowledged(certificates: pathlib.Path) -> None:
    release = asyncio.Event()
    ran: Dict[str, int] = {}

    @activity()
    async def step(ctx: ActivityContext, value: str) -> str:
        ran[value] = ran.get(value, 0) + 1
        if value == "slow":
            await release.wait()
        return value

    async with Running(certificates, step, max_concurrent=4) as run:
        await run.stream.send(task("step", token=b"quick", value="quick"))
        await run.stream.send(task("step", token=b"slow", value="slow"))
        assert (await run.report()).activity_completed.task_token == b"quick"
        # The connection goes before the acknowledgement.
        run.stream.peer.writer.transport.abort()
        second = await run.next_stream()
        opened = second.first.open
        assert sorted(opened.running_task_tokens) == [b"quick", b"slow"]
        assert sum(s.add_activities for s in opened.slots) == 2
        assert (await run.report(second)).activity_completed.task_token == b"quick"
        await second.send(ack(b"quick"))
        release.set()
        assert (await run.report(second)).activity_completed.task_token == b"slow"
        await second.send(ack(b"slow", wire.ACK_RESULT_ALREADY_RECORDED))
        await asyncio.sleep(0.05)
        # Nothing is left to send again.
        second.peer.writer.transport.abort()
        third = await run.next_stream()
        assert not third.first.open.running_task_tokens
        assert sum(s.add_activities for s in third.first.open.slots) == 4
        assert ran == {"quick": 1, "slow": 1}


async def test_an_expired_token_does_not_end_the_worker(certificates: pathlib.Path) -> None:
    async with Running(certificates, double) as run:
        await run.stream.send(task("double", token=b"old", value=1))
        await run.report()
        run.stream.peer.writer.transport.abort()
        second = await run.next_stream()
        assert list(second.first.open.running_task_tokens) == [b"old"]
        # The server refuses the one token, and goes on with the stream.
        await second.send(ack(b"old", wire.ACK_RESULT_REFUSED))
        assert (await run.report(second)).activity_completed.task_token == b"old"
        await second.send(task("double", token=b"new", value=2))
        assert (await run.report(second)).activity_completed.task_token == b"new"


async def test_draining_finishes_what_runs(certificates: pathlib.Path) -> None:
    release = asyncio.Event()

    @activity()
    async def step(ctx: ActivityContext, value: Any) -> None:
        await release.wait()

    async with Running(certificates, step) as run:
        await run.stream.send(task("step"))
        await asyncio.sleep(0.05)
        run.worker.stop()
        assert (await run.report()).drained.running == 1
        release.set()
        assert (await run.report()).activity_completed.task_token == b"t1"
        assert not run.running.done()
        await run.stream.send(ack(b"t1"))
        assert (await run.report()).drained.running == 0
        assert await run.report() is None
        await run.stream.end()
        await asyncio.wait_for(run.running, 10)


async def test_a_draining_server_is_left_for_the_next(certificates: pathlib.Path) -> None:
    async with Running(certificates, double) as run:
        await run.stream.send(wire.ServerItem(drain=wire.Drain(drain_ms=1_000)))
        assert (await run.report()).drained.running == 0
        assert await run.report() is None
        await run.stream.end()
        second = await run.next_stream()
        await second.send(task("double", value=4))
        assert (await run.report(second)).activity_completed.output.data == b"8"


async def test_a_refused_worker_says_why(certificates: pathlib.Path) -> None:
    async with Running(certificates, double) as run:
        await run.stream.fail(7, "not your queue")
        with pytest.raises(StatusError, match="PERMISSION_DENIED: not your queue"):
            await asyncio.wait_for(run.running, 10)


async def test_more_tasks_than_a_window(certificates: pathlib.Path) -> None:
    """500 reports pass a window of 64 items in each direction."""
    async with Running(certificates, double, max_concurrent=500) as run:
        for n in range(500):
            await run.stream.send(task("double", token=str(n).encode(), value=n))
        got = {}
        for _ in range(500):
            done = (await run.report()).activity_completed
            got[int(done.task_token)] = int(done.output.data)
        assert got == {n: 2 * n for n in range(500)}
