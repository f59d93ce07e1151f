"""The worker: serves activities and undos over one stream that it keeps alive."""

import asyncio
import concurrent.futures
import functools
import inspect
import logging
import os
import socket
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, Optional, Sequence, Set, TypeVar, Union

from saga_engine._backoff import Backoff
from saga_engine._connection import Stream
from saga_engine.client import Client
from saga_engine.errors import ConnectionLost, ErrorKind, NoEffect, SagaError, StatusCode, StatusError
from saga_engine.v1 import methods
from saga_engine.v1 import workers_messages_pb2 as wire

log = logging.getLogger("saga_engine.worker")

_OUTCOMES = {1: "completed", 2: "no_effect", 3: "unknown"}
_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class UndoInput:
    """What an undo activity receives.

    It may be called for a step that never happened (`outcome == "unknown"`): it must accept "nothing there".
    """

    input: Any
    """What the step received."""
    output: Any
    """What the step returned; None unless `outcome` is `completed`."""
    outcome: str
    """`completed`, `no_effect` or `unknown`."""
    idempotency_key: str
    """Key of the step (the undo's own is in the context)."""
    data: Any
    """What the step's activity prepared by `set_undo_data`, or what an operator gave instead; None = nothing."""


@dataclass(frozen=True)
class Activity:
    """A function under a name."""

    name: str
    function: Callable[..., Any]
    is_async: bool


def activity(name: Optional[str] = None) -> Callable[[_Function], _Function]:
    """Marks a function as an activity (or as the undo of one): `async def f(ctx, value)`, or plain `def` for a thread.

    The name is what workflows call it by; without one it is the function's own.
    """

    def mark(function: _Function) -> _Function:
        function.__saga_activity__ = name or function.__name__  # type: ignore[attr-defined]
        return function

    return mark


class ActivityContext:
    """What an activity knows about its attempt. Usable from the activity's own thread too."""

    def __init__(self, task: "wire.ActivityTask", run: "_Run") -> None:
        self._run = run
        self.namespace: str = task.namespace
        self.workflow_id: str = task.workflow_id
        self.workflow_type: str = task.workflow_type
        self.saga_id: bytes = task.saga_id
        self.activity_type: str = task.activity_type
        self.step_id: str = task.step_id
        self.task_queue: str = task.task_queue
        self.attempt: int = task.attempt
        """From 1."""
        self.idempotency_key: str = task.idempotency_key
        """The same over all attempts: give it to the systems you call."""
        self.is_undo: bool = task.is_undo
        self.is_probe: bool = task.is_probe
        """True if the task asks whether a step of unknown outcome happened: return True or False."""
        self.traceparent: str = task.traceparent
        self.heartbeat_details: Any = (
            run.values.decode(task.heartbeat_details) if task.HasField("heartbeat_details") else None
        )
        """What the last heartbeat of an earlier attempt said; None = nothing."""
        self.task_token: bytes = bytes(task.task_token)
        """Names this attempt to whoever completes it from outside; see `CompletesLater`."""
        self._undo_data: Any = None

    @property
    def cancel_requested(self) -> bool:
        """True once somebody wants the attempt to stop. A coroutine is cancelled besides; a thread must look here."""
        return self._run.cancel_requested

    def heartbeat(self, details: Any = None) -> None:
        """Says that the attempt is alive and how far it is; the next attempt gets the last details.

        Cheap to call often: it is sent at most a few times per heartbeat time-out.
        """
        self._run.heartbeat(details)

    def set_undo_data(self, value: Any) -> None:
        """What the undo of this step will need, beside input and output."""
        self._undo_data = value


class Worker:
    """Serves activities until it is stopped.

        worker = Worker(client, task_queues=["travel"], activities=[book_flight, cancel_flight])
        await worker.run()

    Every task gets one report, which is kept until the server has acknowledged it and sent again over a new stream if
    need be. A lost stream is opened again with backoff; activities go on meanwhile.
    """

    def __init__(
        self,
        client: Client,
        *,
        task_queues: Sequence[str],
        activities: Iterable[Union[Activity, Callable[..., Any]]],
        max_concurrent: int = 20,
        identity: Optional[str] = None,
        drain_timeout: float = 30.0,
    ) -> None:
        if not task_queues or not len(task_queues) <= max_concurrent <= 4_096:
            raise ValueError("give at least one task queue, and max_concurrent from their number to 4096")
        self._client = client
        self._task_queues = list(task_queues)
        self._activities: Dict[str, Activity] = {}
        for entry in activities:
            made = entry if isinstance(entry, Activity) else _activity(entry)
            self._activities[made.name] = made
        self._max_concurrent = max_concurrent
        self._identity = identity or f"{os.environ.get('USER', 'python')}@{socket.gethostname()}/{os.getpid()}"
        self._drain_timeout = drain_timeout
        self._runs: Dict[bytes, _Run] = {}
        self._reports: Dict[bytes, wire.WorkerItem] = {}
        self._outgoing: "asyncio.Queue[wire.WorkerItem]" = asyncio.Queue()
        self._stream: Optional[Stream] = None
        self._stopping = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._tasks: Set["asyncio.Task[None]"] = set()
        self._threads = concurrent.futures.ThreadPoolExecutor(max_concurrent, "saga-activity")
        self.serving = asyncio.Event()
        """Set while a stream is open."""

    def stop(self) -> None:
        """Begins to drain: no new task, running ones finish and are acknowledged, then `run` returns."""
        self._stopping.set()

    async def run(self) -> None:
        """Serves until `stop`. Raises StatusError if the server refuses the worker for good (credentials, names)."""
        backoff = Backoff(0.2, 10.0)
        try:
            while not self._is_finished():
                try:
                    await self._serve(backoff)
                except ConnectionLost as error:
                    log.warning("stream lost: %s", error)
                except StatusError as error:
                    if error.code in _FINAL:
                        raise
                    log.warning("stream ended: %s", error)
                if self._is_finished():
                    return
                await self._pause(backoff.next())
        finally:
            for run in list(self._runs.values()):
                run.task.cancel()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, *(r.task for r in self._runs.values()), return_exceptions=True)
            self._threads.shutdown(wait=False)

    def _is_finished(self) -> bool:
        return self._stopping.is_set() and not self._runs and not self._reports

    async def _pause(self, seconds: float) -> None:
        """Waits, but not once it is time to stop and nothing is left to report."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end and not self._is_finished():
            await asyncio.sleep(min(0.05, max(0.0, end - loop.time())))

    # One stream

    async def _serve(self, backoff: Backoff) -> None:
        connection = await self._client._usable_connection()
        # Reports that are not acknowledged go out again; fresh ones still in the queue are among them.
        while not self._outgoing.empty():
            self._outgoing.get_nowait()
        stream = await connection.open_stream(methods.WORKERS_WORK, self._open())
        for report in list(self._reports.values()):
            self._outgoing.put_nowait(report)
        self._stream = stream
        self.serving.set()
        sender = asyncio.ensure_future(self._send(stream))
        drainer = asyncio.ensure_future(self._drain(stream))
        try:
            while True:
                item = await stream.receive()
                if item is None:
                    return
                backoff.reset()
                self._handle(item)
        finally:
            self.serving.clear()
            self._stream = None
            for task in (sender, drainer):
                task.cancel()
            await asyncio.gather(sender, drainer, return_exceptions=True)
            stream.cancel("worker stream closed")

    def _open(self) -> "wire.WorkerItem":
        known = set(self._runs) | set(self._reports)
        free = 0 if self._stopping.is_set() else max(0, self._max_concurrent - len(known))
        item = wire.WorkerItem()
        item.open.identity = self._identity
        item.open.task_queues.extend(self._task_queues)
        item.open.activity_types.extend(sorted(self._activities))
        item.open.running_task_tokens.extend(sorted(known)[:4_096])
        # One pool of places for all queues, split so that each has at least one if there are enough.
        share, rest = divmod(free, len(self._task_queues))
        for index, queue in enumerate(self._task_queues):
            places = share + (1 if index < rest else 0)
            if places:
                item.open.slots.add(task_queue=queue, add_activities=places)
        return item

    async def _send(self, stream: Stream) -> None:
        try:
            while True:
                await stream.send(await self._outgoing.get())
        except (ConnectionLost, StatusError, RuntimeError):
            # The receiving side sees the same end and says so.
            return

    async def _drain(self, stream: Stream) -> None:
        await self._stopping.wait()
        self._outgoing.put_nowait(wire.WorkerItem(drained=wire.Drained(running=len(self._runs))))
        try:
            await asyncio.wait_for(self._idle.wait(), self._drain_timeout)
        except asyncio.TimeoutError:
            log.warning("%d activities still run after %s s; they are cancelled", len(self._runs), self._drain_timeout)
            for run in list(self._runs.values()):
                run.request_cancel()
            await self._idle.wait()
        await self._end(stream)

    async def _end(self, stream: Stream) -> None:
        try:
            await stream.send(wire.WorkerItem(drained=wire.Drained(running=0)))
            await stream.end()
        except (ConnectionLost, StatusError, RuntimeError):
            return

    def _handle(self, item: "wire.ServerItem") -> None:
        kind = item.WhichOneof("item")
        if kind == "activity_task":
            self._begin(item.activity_task)
        elif kind == "cancel_activity":
            run = self._runs.get(item.cancel_activity.task_token)
            if run is not None:
                run.request_cancel()
        elif kind == "heartbeat_answer":
            answer = item.heartbeat_answer
            run = self._runs.get(answer.task_token)
            if run is not None and (answer.cancel_requested or not answer.current):
                run.request_cancel()
        elif kind == "ack":
            self._acknowledged(item.ack)
        elif kind == "drain":
            log.info("the server drains")
            if self._stream is not None:
                self._spawn(self._end_when_idle(self._stream))
        elif kind == "workflow_task":
            log.error("got a workflow task, which this worker does not serve")

    async def _end_when_idle(self, stream: Stream) -> None:
        await self._idle.wait()
        await self._end(stream)

    def _acknowledged(self, ack: "wire.Ack") -> None:
        self._reports.pop(ack.task_token, None)
        if ack.result == wire.ACK_RESULT_REFUSED:
            log.error("a report was refused: %s", ack.error.message)
        elif ack.result == wire.ACK_RESULT_LATE_EFFECT:
            log.warning("a report came after the undo of its step: the server deals with the late effect")
        self._check_idle()

    def _check_idle(self) -> None:
        if self._runs or self._reports:
            self._idle.clear()
        else:
            self._idle.set()

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # One task

    def _begin(self, task: "wire.ActivityTask") -> None:
        token = bytes(task.task_token)
        if token in self._runs or token in self._reports:
            return  # It runs here, or has run: the report is on its way.
        self._runs[token] = _Run(self, token, task)
        self._check_idle()

    def _finished(self, token: bytes, report: "wire.WorkerItem") -> None:
        self._runs.pop(token, None)
        self._reports[token] = report
        self._outgoing.put_nowait(report)
        self._check_idle()

    def _say(self, item: "wire.WorkerItem") -> None:
        """Sends something that is not worth repeating; nothing happens without a stream."""
        if self._stream is not None:
            self._outgoing.put_nowait(item)


_FINAL = (
    StatusCode.UNAUTHENTICATED,
    StatusCode.PERMISSION_DENIED,
    StatusCode.INVALID_ARGUMENT,
    StatusCode.UNIMPLEMENTED,
)


class _Run:
    """One attempt that runs here."""

    def __init__(self, worker: Worker, token: bytes, task: "wire.ActivityTask") -> None:
        self._worker = worker
        self.values = worker._client.values
        self._token = token
        self._message = task
        self._loop = asyncio.get_running_loop()
        self.cancel_requested = False
        self._heartbeat_gap = min(1.0, task.timeouts.heartbeat_us / 1_000_000 / 4) if task.timeouts.heartbeat_us else 1.0
        self._last_heartbeat = -1e9
        self._next_heartbeat: Optional[asyncio.TimerHandle] = None
        self._details: Any = None
        self._in_thread = False
        self._timed_out = False
        try:
            self.context = ActivityContext(task, self)
        except ValueError as error:
            # Details that cannot be read are worth no attempt: the activity begins anew.
            log.warning("heartbeat details of %s are left out: %s", task.activity_type, error)
            task.ClearField("heartbeat_details")
            self.context = ActivityContext(task, self)
        self._code: "asyncio.Task[Any]" = self._loop.create_task(self._execute())
        self.task: "asyncio.Task[None]" = self._loop.create_task(self._run())

    def request_cancel(self) -> None:
        """Tells the activity to stop."""
        if self.cancel_requested:
            return
        self.cancel_requested = True
        if not self._in_thread:
            self._code.cancel()

    def _time_out(self) -> None:
        self._timed_out = True
        self._code.cancel()

    def heartbeat(self, details: Any) -> None:
        """From any thread."""
        self._loop.call_soon_threadsafe(self._heartbeat_soon, details)

    def _heartbeat_soon(self, details: Any) -> None:
        self._details = details
        if self._next_heartbeat is not None or self.task.done():
            return
        wait = self._last_heartbeat + self._heartbeat_gap - self._loop.time()
        if wait <= 0:
            self._send_heartbeat()
        else:
            self._next_heartbeat = self._loop.call_later(wait, self._send_heartbeat)

    def _send_heartbeat(self) -> None:
        self._next_heartbeat = None
        if self.task.done():
            return
        self._last_heartbeat = self._loop.time()
        item = wire.WorkerItem()
        item.heartbeat.task_token = self._token
        try:
            if self._details is not None:
                item.heartbeat.details.CopyFrom(self.values.encode(self._details))
        except (TypeError, ValueError) as error:
            log.warning("heartbeat details of %s are left out: %s", self._message.activity_type, error)
        self._worker._say(item)

    async def _run(self) -> None:
        report = wire.WorkerItem()
        limit = self._message.timeouts.start_to_close_us / 1_000_000
        # The server's own clock decides; this one ends what would hold a place for ever.
        alarm = self._loop.call_later(limit + 1.0, self._time_out) if limit else None
        try:
            output = await self._code
            report.activity_completed.output.CopyFrom(self.values.encode(output))
            if self.context._undo_data is not None:
                report.activity_completed.undo_data.CopyFrom(self.values.encode(self.context._undo_data))
        except asyncio.CancelledError:
            if self._timed_out:
                error = SagaError(f"the attempt ran longer than {limit} s", kind=ErrorKind.TIMEOUT)
                report = self._failure(error, wire.EFFECT_UNKNOWN)
            elif self.cancel_requested:
                report = wire.WorkerItem()
                report.activity_canceled.effect = wire.EFFECT_UNKNOWN
            else:
                # The worker itself is going down: the server learns by the time-out.
                self._worker._runs.pop(self._token, None)
                raise
        except BaseException as error:  # noqa: BLE001 - whatever an activity raises is its report
            report = self._report(error)
        finally:
            if alarm is not None:
                alarm.cancel()
            if self._next_heartbeat is not None:
                self._next_heartbeat.cancel()
        getattr(report, report.WhichOneof("item")).task_token = self._token
        self._worker._finished(self._token, report)

    async def _execute(self) -> Any:
        task = self._message
        found = self._worker._activities.get(task.activity_type)
        if found is None:
            raise NoEffect() from SagaError(
                f"this worker does not serve {task.activity_type}", kind=ErrorKind.CONFIGURATION, non_retryable=True
            )
        try:
            value = self._value()
        except ValueError as error:
            raise NoEffect() from SagaError(f"the input cannot be read: {error}", kind=ErrorKind.CODEC)
        if found.is_async:
            return await found.function(self.context, value)
        self._in_thread = True
        call = functools.partial(found.function, self.context, value)
        return await self._loop.run_in_executor(self._worker._threads, call)

    def _value(self) -> Any:
        task = self._message
        value = self.values.decode(task.input)
        if not task.HasField("undo"):
            return value
        undo = task.undo
        return UndoInput(
            input=value,
            output=self.values.decode(undo.output) if undo.HasField("output") else None,
            outcome=_OUTCOMES.get(undo.outcome, "unknown"),
            idempotency_key=undo.step_key,
            data=self.values.decode(undo.data) if undo.HasField("data") else None,
        )

    def _report(self, error: BaseException) -> "wire.WorkerItem":
        if self.cancel_requested and isinstance(error, ActivityCancelled):
            item = wire.WorkerItem()
            item.activity_canceled.effect = wire.EFFECT_NONE if error.no_effect else wire.EFFECT_UNKNOWN
            return item
        effect = wire.EFFECT_UNSPECIFIED
        if isinstance(error, CompletesLater):
            if not self._message.is_undo:
                return wire.WorkerItem(activity_completes_later=wire.ActivityCompletesLater())
            problem = SagaError("an undo cannot complete later", kind=ErrorKind.CONFIGURATION, non_retryable=True)
            return self._failure(problem, wire.EFFECT_UNKNOWN)
        if isinstance(error, NoEffect):
            effect = wire.EFFECT_NONE
            error = error.__cause__ or error.__context__ or error
        if isinstance(error, SagaError):
            if error.kind not in (ErrorKind.VALIDATION, ErrorKind.DOMAIN) and effect == wire.EFFECT_UNSPECIFIED:
                effect = wire.EFFECT_UNKNOWN
            return self._failure(error, effect)
        log.info("activity %s raised", self._message.activity_type, exc_info=error)
        unclassified = SagaError(str(error) or type(error).__name__, code=type(error).__name__)
        return self._failure(unclassified, effect or wire.EFFECT_UNKNOWN)

    def _failure(self, error: SagaError, effect: Any) -> "wire.WorkerItem":
        item = wire.WorkerItem()
        try:
            item.activity_failed.error.CopyFrom(error.to_message(self.values))
        except (TypeError, ValueError) as problem:
            plain = SagaError(f"{error.message} (its details are left out: {problem})", kind=error.kind, code=error.code)
            item.activity_failed.error.CopyFrom(plain.to_message(self.values))
        item.activity_failed.effect = effect
        return item


class ActivityCancelled(Exception):
    """Raise it in a thread activity after `cancel_requested`, to report that it stopped.

    `no_effect=True` says that nothing happened, so that its step needs no undo.
    """

    def __init__(self, no_effect: bool = False) -> None:
        super().__init__("cancelled on request")
        self.no_effect = no_effect


class CompletesLater(Exception):
    """Raise it in an activity whose work goes on elsewhere, after keeping `ctx.task_token`.

    The place at the worker is free again; the step stays open until somebody completes, fails or stops the attempt by its
    token (`Client.complete_activity` and its like), or one of its time-outs ends it. Undos and probes cannot complete later.
    """


def _activity(function: Callable[..., Any]) -> Activity:
    name = getattr(function, "__saga_activity__", None)
    if name is None:
        raise ValueError(f"{function!r} is no activity; decorate it with @activity()")
    return Activity(name, function, inspect.iscoroutinefunction(function))


__all__ = ["Activity", "ActivityCancelled", "ActivityContext", "CompletesLater", "UndoInput", "Worker", "activity"]
