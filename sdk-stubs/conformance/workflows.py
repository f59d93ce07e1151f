"""Workflow code of the scenarios, as functions from a history to commands.

The SDKs serve activities; until they serve workflow code too, the suite itself does. `decide` gets all events of a run
and returns all commands that the code would have issued by then, in order; what was recorded is not sent again.
"""

import asyncio
from typing import Callable, Dict, List, Optional, Sequence, Union

import conformance_pb2 as program
from saga_engine import Client, ConnectionLost, StatusError
from saga_engine.v1 import commands_messages_pb2 as commands
from saga_engine.v1 import common_messages_pb2 as common
from saga_engine.v1 import history_messages_pb2 as history
from saga_engine.v1 import methods
from saga_engine.v1 import workers_messages_pb2 as wire

Decide = Callable[[Sequence[history.HistoryEvent]], List[commands.Command]]


class Signal:
    """Wait for a signal; its data is the result so far."""

    def __init__(self, name: str) -> None:
        self.name = name


def xor(data: bytes) -> bytes:
    return bytes(b ^ 0x5A for b in data)


def act(
    name: str,
    *steps: program.Step,
    undo_steps: Sequence[program.Step] = (),
    undo: bool = True,
    attempts: int = 1,
    start_to_close: float = 20.0,
    heartbeat: float = 0.0,
    undo_attempts: int = 2,
    coded: bool = False,
    queue: str = "",
) -> commands.Command:
    """A step that runs the activity `program`, undone by `undo`."""
    body = program.ActivityProgram(name=name, steps=steps, undo_steps=undo_steps).SerializeToString()
    payload = common.Payload(encoding="xor/protobuf" if coded else "protobuf", data=xor(body) if coded else body)
    command = commands.Command()
    activity = command.schedule_activity
    activity.step_id, activity.activity_type, activity.task_queue = name, "program", queue
    activity.input.CopyFrom(payload)
    activity.timeouts.start_to_close_us = int(start_to_close * 1_000_000)
    activity.timeouts.heartbeat_us = int(heartbeat * 1_000_000)
    _retry(activity.retry, attempts)
    if undo:
        activity.undo.activity_type, activity.undo.task_queue = "undo", queue
        _retry(activity.undo.retry, undo_attempts)
    return command


def echo(payload: common.Payload) -> commands.Command:
    """A step that returns what it gets."""
    command = commands.Command()
    command.schedule_activity.step_id = command.schedule_activity.activity_type = "echo"
    command.schedule_activity.input.CopyFrom(payload)
    _retry(command.schedule_activity.retry, 1)
    return command


def _retry(policy: common.RetryPolicy, attempts: int) -> None:
    policy.maximum_attempts = attempts
    policy.initial_interval_us = policy.maximum_interval_us = 10_000
    policy.backoff_coefficient = 1.0


def script(*parts: Union[commands.Command, Signal], echo_input: bool = False) -> Decide:
    """One part after the other. The error of a step fails the workflow, a cancel request ends it, and the output of
    the last part is the result (that of `echo_input` and of no parts: the input)."""

    def decide(events: Sequence[history.HistoryEvent]) -> List[commands.Command]:
        scheduled = [e.event_id for e in events if e.HasField("activity_task_scheduled")]
        issued: List[commands.Command] = []
        result: common.Payload = events[0].workflow_execution_started.input
        for event in events:
            if event.HasField("workflow_execution_cancel_requested"):
                known = [p for p in parts if isinstance(p, commands.Command)][: len(scheduled)]
                end = commands.Command()
                end.cancel_workflow.reason = event.workflow_execution_cancel_requested.reason
                return known + [end]
        for part in [echo(result)] if echo_input else parts:
            if isinstance(part, Signal):
                found = [e for e in events if e.HasField("signal_received") and e.signal_received.name == part.name]
                if not found:
                    return issued
                result = found[0].signal_received.payload
                continue
            issued.append(part)
            if len(issued) > len(scheduled):
                return issued
            end = next((e for e in events if _closes(e, scheduled[len(issued) - 1])), None)
            if end is None:
                return issued
            if not end.HasField("activity_task_completed"):
                failed = commands.Command()
                if end.HasField("activity_task_failed"):
                    failed.fail_workflow.error.CopyFrom(end.activity_task_failed.error)
                else:
                    failed.fail_workflow.error.kind = common.ERROR_KIND_TIMEOUT
                    failed.fail_workflow.error.message = "a step did not end well"
                return issued + [failed]
            result = end.activity_task_completed.output
        done = commands.Command()
        done.complete_workflow.output.CopyFrom(result)
        return issued + [done]

    return decide


def _closes(event: history.HistoryEvent, scheduled: int) -> bool:
    for name in ("activity_task_completed", "activity_task_failed", "activity_task_timed_out", "activity_task_canceled"):
        if event.HasField(name):
            return bool(getattr(event, name).scheduled_event_id == scheduled)
    return False


def travel_booking(events: Sequence[history.HistoryEvent]) -> List[commands.Command]:
    """The saga of the READMEs: book the flight, then pay; each step gets the saga's input."""
    steps = []
    for name, undo in (("bookFlight", "cancelFlight"), ("pay", "refund")):
        command = commands.Command()
        command.schedule_activity.step_id = command.schedule_activity.activity_type = name
        command.schedule_activity.input.CopyFrom(events[0].workflow_execution_started.input)
        command.schedule_activity.undo.activity_type = undo
        steps.append(command)
    return script(*steps)(events)


class Workflows:
    """Serves workflow types on one queue, over lost streams, until it is closed."""

    def __init__(self, client: Client, task_queue: str, types: Dict[str, Decide]) -> None:
        self.types = types
        self._client = client
        self._queue = task_queue
        self._events: Dict[bytes, List[history.HistoryEvent]] = {}
        self._task: Optional["asyncio.Task[None]"] = None

    async def __aenter__(self) -> "Workflows":
        self._task = asyncio.ensure_future(self._serve())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _serve(self) -> None:
        while True:
            try:
                await self._stream()
            except (ConnectionLost, StatusError):
                pass
            await asyncio.sleep(0.1)

    async def _stream(self) -> None:
        first = wire.WorkerItem()
        first.open.identity = "conformance"
        first.open.task_queues.append(self._queue)
        for name in sorted(self.types):
            first.open.workflow_types.add(workflow_type=name, minimum_version=0, version=1)
        first.open.slots.add(task_queue=self._queue, add_workflows=100)
        connection = await self._client._usable_connection()
        self._events.clear()
        stream = await connection.open_stream(methods.WORKERS_WORK, first)
        try:
            while True:
                item = await stream.receive()
                if item is None:
                    return
                if item.HasField("workflow_task"):
                    await stream.send(self._advance(item.workflow_task))
                elif item.HasField("evict"):
                    self._events.pop(item.evict.saga_id, None)
        finally:
            stream.cancel("over")

    def _advance(self, task: wire.WorkflowTask) -> wire.WorkerItem:
        answer = wire.WorkerItem()
        known = self._events.setdefault(task.saga_id, [])
        if task.first_event_id > len(known):
            answer.need_history.task_token = task.task_token
            answer.need_history.from_event_id = 0
            return answer
        del known[task.first_event_id :]
        known.extend(task.events)
        wanted = self.types[task.workflow_type](known)
        recorded = sum(1 for e in known if e.HasField("activity_task_scheduled"))
        completed = answer.workflow_task_completed
        completed.task_token = task.task_token
        completed.seen_event_id = len(known) - 1
        completed.sticky = True
        completed.workflow_version = 1
        for number, command in enumerate(wanted):
            if number >= recorded:
                copy = completed.commands.add()
                copy.CopyFrom(command)
                copy.command_number = number
        return answer
