"""Sagas as data: built here, run by the server with no workflow worker.

    trip = SagaDefinition("travel")
    flight = trip.activity("flight", "bookFlight", undo="cancelFlight")
    with trip.parallel():
        trip.activity("hotel", "bookHotel", {"nights": "${input.nights}"}, undo="cancelHotel")
        trip.activity("car", "bookCar", {"flight": flight.output("number")}, undo="cancelCar")
    trip.returns({"flight": flight.output("number")})
    await client.register_definition(trip)

Texts in inputs refer to values: `${input.path}`, `${steps.ID.output.path}`, `${path ?? default}`.
"""

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Iterator, Optional, Sequence, Union

from saga_engine.v1 import common_messages_pb2 as common
from saga_engine.v1 import definitions_messages_pb2 as messages

_COMPARISONS = {
    "==": messages.CONDITION_OP_EQUAL,
    "!=": messages.CONDITION_OP_NOT_EQUAL,
    "<": messages.CONDITION_OP_LESS,
    "<=": messages.CONDITION_OP_LESS_OR_EQUAL,
    ">": messages.CONDITION_OP_GREATER,
    ">=": messages.CONDITION_OP_GREATER_OR_EQUAL,
}
_FAILED_STEP = {
    "never": common.UNDO_FAILED_STEP_NEVER,
    "if_unknown": common.UNDO_FAILED_STEP_IF_UNKNOWN,
    "always": common.UNDO_FAILED_STEP_ALWAYS,
}


@dataclass(frozen=True)
class Step:
    """A step of a definition."""

    id: str

    def output(self, path: str = "") -> str:
        """A reference to what the step returned, or to a part of it."""
        return "${steps." + self.id + ".output" + ("." + path if path else "") + "}"


@dataclass(frozen=True)
class Undo:
    """How a step is undone, where an activity's name is not enough.

    `input` comes to a Python undo as `UndoInput.data`; it may also refer to `${output...}`, `${outcome}` and `${key}` of the step.
    `failed_step` is "never", "if_unknown" or "always".
    """

    activity: str
    input: Any = None
    task_queue: str = ""
    failed_step: str = "if_unknown"
    probe: str = ""


class SagaDefinition:
    """A saga as data. `message` is what goes over the wire."""

    def __init__(self, name: str, *, task_queue: str = "", timeout: float = 0, description: str = "") -> None:
        self.message = messages.SagaDefinition(
            name=name, task_queue=task_queue, execution_timeout_us=round(timeout * 1e6), description=description
        )
        self._group = ""
        self._groups = 0

    @contextmanager
    def parallel(self) -> Iterator[None]:
        """Steps made inside run at the same time."""
        self._groups += 1
        self._group = f"parallel {self._groups}"
        try:
            yield
        finally:
            self._group = ""

    def activity(
        self,
        id: str,
        activity_type: str,
        input: Any = None,
        *,
        undo: Union[str, Undo, None] = None,
        task_queue: str = "",
        attempts: Optional[int] = None,
        timeout: float = 0,
        pivot: bool = False,
        when: Sequence[str] = (),
    ) -> Step:
        """Runs an activity. Without `input` it gets the start input; `when` are conditions such as `input.n > 3`."""
        step = self._step(id, when)
        step.activity.activity_type = activity_type
        step.activity.task_queue = task_queue
        step.activity.pivot = pivot
        if input is not None:
            _template(step.activity.input, input)
        if attempts is not None:
            step.activity.retry.CopyFrom(_retry(attempts))
        if timeout:
            step.activity.timeouts.start_to_close_us = round(timeout * 1e6)
        if isinstance(undo, str):
            undo = Undo(undo)
        if undo is not None:
            step.activity.undo.activity_type = undo.activity
            step.activity.undo.task_queue = undo.task_queue
            step.activity.undo.undo_failed_step = _FAILED_STEP[undo.failed_step]
            step.activity.undo.probe_activity_type = undo.probe
            if undo.input is not None:
                step.activity.undo_input = json.dumps(undo.input)
        return Step(id)

    def signal(self, id: str, name: str, *, within: float = 0, when: Sequence[str] = ()) -> Step:
        """Waits for a signal; its data is the step's output. When `within` seconds pass, the saga fails."""
        step = self._step(id, when)
        step.signal.name = name
        step.signal.timeout_us = round(within * 1e6)
        return Step(id)

    def timer(self, id: str, seconds: float, *, when: Sequence[str] = ()) -> Step:
        """Waits."""
        self._step(id, when).timer.delay_us = round(seconds * 1e6)
        return Step(id)

    def child(
        self, id: str, workflow_type: str, input: Any = None, *, task_queue: str = "", when: Sequence[str] = ()
    ) -> Step:
        """Runs another workflow or definition as a part of this saga."""
        step = self._step(id, when)
        step.child.workflow_type = workflow_type
        step.child.task_queue = task_queue
        if input is not None:
            _template(step.child.input, input)
        return Step(id)

    def returns(self, value: Any) -> None:
        """What the saga returns; without this, the outputs of its steps by their ids."""
        _template(self.message.output, value)

    def _step(self, id: str, when: Sequence[str]) -> "messages.StepDefinition":
        step: messages.StepDefinition = self.message.steps.add(id=id, group=self._group)
        for text in [when] if isinstance(when, str) else when:
            step.conditions.append(_condition(text))
        return step


def _template(template: "messages.InputTemplate", value: Any) -> None:
    if value == "${input}":
        template.start_input = True
    else:
        template.template = json.dumps(value)


def _retry(attempts: int) -> "common.RetryPolicy":
    return common.RetryPolicy(
        maximum_attempts=attempts,
        initial_interval_us=1_000_000,
        backoff_coefficient=2,
        maximum_interval_us=60_000_000,
        jitter=0.1,
    )


def _condition(text: str) -> "messages.Condition":
    words = text.split(None, 2)
    if len(words) == 2 and words[1] == "exists":
        return messages.Condition(path=words[0], op=messages.CONDITION_OP_EXISTS)
    if len(words) != 3 or words[1] not in _COMPARISONS:
        raise ValueError(f"a condition is PATH == VALUE (or !=, <, <=, >, >=) or PATH exists, not {text!r}")
    value = words[2].strip()
    try:
        json.loads(value)
    except ValueError:
        value = json.dumps(value)
    return messages.Condition(path=words[0], op=_COMPARISONS[words[1]], value=value)
