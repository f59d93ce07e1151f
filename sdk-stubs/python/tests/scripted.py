"""A workflow worker of a few lines, so that the tests against a real server need no other language.

`decide` gets all events of a run and returns all commands that the code would have issued by then, in order; what was
sent before is not sent again. That is all a deterministic workflow is.
"""

import asyncio
from typing import Callable, Dict, List, Optional, Sequence

from saga_engine import Client, payloads
from saga_engine.v1 import commands_messages_pb2 as commands
from saga_engine.v1 import history_messages_pb2 as history
from saga_engine.v1 import methods
from saga_engine.v1 import workers_messages_pb2 as wire

Events = Sequence[history.HistoryEvent]
Decide = Callable[[Events], List[commands.Command]]


def step(
    name: str, value: object = None, undo: str = "", start_to_close: float = 10.0, attempts: int = 1
) -> commands.Command:
    command = commands.Command()
    activity = command.schedule_activity
    activity.step_id = activity.activity_type = name
    activity.input.CopyFrom(payloads.encode(value))
    activity.timeouts.start_to_close_us = int(start_to_close * 1_000_000)
    activity.retry.maximum_attempts = attempts
    activity.retry.initial_interval_us = 10_000
    activity.retry.backoff_coefficient = 1.0
    activity.retry.maximum_interval_us = 10_000
    if undo:
        activity.undo.activity_type = undo
        activity.undo.retry.maximum_attempts = 3
        activity.undo.retry.initial_interval_us = 10_000
        activity.undo.retry.backoff_coefficient = 1.0
        activity.undo.retry.maximum_interval_us = 10_000
    return command


def complete(value: object = None) -> commands.Command:
    command = commands.Command()
    command.complete_workflow.output.CopyFrom(payloads.encode(value))
    return command


def fail(error: object) -> commands.Command:
    command = commands.Command()
    command.fail_workflow.error.CopyFrom(error)  # type: ignore[arg-type]
    return command


def canceled(reason: str) -> commands.Command:
    command = commands.Command()
    command.cancel_workflow.reason = reason
    return command


def in_order(*steps: commands.Command) -> Decide:
    """One step after the other; the error of a step fails the workflow, a cancel request ends it."""

    def decide(events: Events) -> List[commands.Command]:
        issued: List[commands.Command] = []
        scheduled = [e.event_id for e in events if e.HasField("activity_task_scheduled")]
        for event in events:
            if event.HasField("workflow_execution_cancel_requested"):
                known = list(steps[: max(1, len(scheduled))])
                return known + [canceled(event.workflow_execution_cancel_requested.reason)]
        for number, command in enumerate(steps):
            issued.append(command)
            if number >= len(scheduled):
                return issued
            end = next((e for e in events if _closes(e, scheduled[number])), None)
            if end is None:
                return issued
            if end.HasField("activity_task_failed"):
                return issued + [fail(end.activity_task_failed.error)]
            if end.HasField("activity_task_timed_out"):
                from saga_engine import ErrorKind, SagaError

                return issued + [fail(SagaError("a step timed out", kind=ErrorKind.TIMEOUT).to_message())]
        return issued + [complete({"steps": len(steps)})]

    return decide


def _closes(event: history.HistoryEvent, scheduled: int) -> bool:
    for name in ("activity_task_completed", "activity_task_failed", "activity_task_timed_out"):
        if event.HasField(name):
            return bool(getattr(event, name).scheduled_event_id == scheduled)
    return False


def wait_for_signal(name: str) -> Decide:
    """Completes with the data of a signal."""

    def decide(events: Events) -> List[commands.Command]:
        for event in events:
            if event.HasField("signal_received") and event.signal_received.name == name:
                return [complete(payloads.decode(event.signal_received.payload))]
            if event.HasField("workflow_execution_cancel_requested"):
                return [canceled(event.workflow_execution_cancel_requested.reason)]
        return []

    return decide


class ScriptedWorkflows:
    """Serves workflow types by `decide` functions until it is closed."""

    def __init__(self, client: Client, task_queue: str, types: Dict[str, Decide]) -> None:
        self._client = client
        self._queue = task_queue
        self._types = types
        self._events: Dict[bytes, List[history.HistoryEvent]] = {}
        self._task: Optional["asyncio.Task[None]"] = None

    async def __aenter__(self) -> "ScriptedWorkflows":
        self._task = asyncio.ensure_future(self._serve())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        results = await asyncio.gather(self._task, return_exceptions=True)
        if isinstance(results[0], Exception):
            raise results[0]

    async def _serve(self) -> None:
        first = wire.WorkerItem()
        first.open.identity = "scripted"
        first.open.task_queues.append(self._queue)
        for name in sorted(self._types):
            first.open.workflow_types.add(workflow_type=name, minimum_version=0, version=1)
        first.open.slots.add(task_queue=self._queue, add_workflows=100)
        connection = await self._client._usable_connection()
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
            stream.cancel("test is over")

    def _advance(self, task: wire.WorkflowTask) -> wire.WorkerItem:
        answer = wire.WorkerItem()
        known = self._events.setdefault(task.saga_id, [])
        if task.first_event_id > len(known):
            answer.need_history.task_token = task.task_token
            answer.need_history.from_event_id = 0
            return answer
        del known[task.first_event_id :]
        known.extend(task.events)
        wanted = self._types[task.workflow_type](known)
        recorded = sum(1 for e in known if _has_command(e))
        completed = answer.workflow_task_completed
        completed.task_token = task.task_token
        completed.seen_event_id = len(known) - 1
        completed.sticky = True
        completed.workflow_version = 1
        for number, command in enumerate(wanted):
            if number >= recorded:
                command = commands.Command.FromString(command.SerializeToString())
                command.command_number = number
                completed.commands.append(command)
        return answer


def _has_command(event: history.HistoryEvent) -> bool:
    return event.HasField("activity_task_scheduled")
