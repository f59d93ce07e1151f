"""What can go wrong, as exceptions."""

import time
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Dict, List, Optional, Tuple

from saga_engine import payloads
from saga_engine.v1 import common_messages_pb2 as common


class StatusCode(IntEnum):
    """gRPC's numbers and names."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16

    @classmethod
    def _missing_(cls, value: object) -> "StatusCode":
        return cls.UNKNOWN


class ErrorKind(IntEnum):
    """What failed, by area."""

    UNKNOWN = 0
    EVENT_STORE = 1
    CODEC = 2
    WORKFLOW_EXECUTION = 3
    STEP_EXECUTION = 4
    ACTIVITY_EXECUTION = 5
    TIMER_STORE = 6
    SIGNAL_DISPATCHER = 7
    TASK_QUEUE = 8
    SNAPSHOT = 9
    REPLAY = 10
    CONFIGURATION = 11
    VALIDATION = 12
    TIMEOUT = 13
    CANCELLED = 14
    CONCURRENCY = 15
    COMPENSATION = 16
    DOMAIN = 17

    @classmethod
    def _missing_(cls, value: object) -> "ErrorKind":
        return cls.UNKNOWN


class SagaEngineError(Exception):
    """Base of everything that this package raises on purpose."""


class ConnectionLost(SagaEngineError):
    """The connection could not be made, or ended. What was under way may or may not have happened."""


class SagaError(SagaEngineError):
    """The one error structure of the engine: raise it in an activity, find it in a failed workflow.

    kind            decides what the engine does: VALIDATION and DOMAIN are not retried and mean that nothing happened,
                    most others are retried
    code            your own name for it, such as `CardDeclined`
    context         facts for programs, texts by name
    non_retryable   True: do not repeat this, whatever the kind says
    details         any value that can be written as JSON (in an error that was received: the payload, see `value()`)
    """

    def __init__(
        self,
        message: str,
        *,
        kind: ErrorKind = ErrorKind.ACTIVITY_EXECUTION,
        code: str = "",
        context: Optional[Dict[str, str]] = None,
        causes: Optional[List[Tuple[ErrorKind, str]]] = None,
        non_retryable: bool = False,
        details: Any = None,
        timestamp_us: int = 0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.code = code
        self.context = dict(context or {})
        self.causes = list(causes or [])
        self.non_retryable = non_retryable
        self.details = details
        self.timestamp_us = timestamp_us or time.time_ns() // 1_000

    def __str__(self) -> str:
        name = self.code or self.kind.name
        return f"{name}: {self.message}"

    def to_message(self, values: Optional[payloads.Values] = None) -> "common.SagaError":
        """The error as it goes over the wire."""
        message = common.SagaError(
            kind=int(self.kind),  # type: ignore[arg-type]
            message=_text(self.message),
            code=_text(self.code)[:255],
            timestamp_us=self.timestamp_us,
            non_retryable=self.non_retryable,
        )
        for key, value in self.context.items():
            message.context.add(key=_text(str(key)), value=_text(str(value)))
        for kind, text in self.causes[:32]:
            message.causes.add(kind=int(kind), message=_text(text))
        if self.details is not None:
            message.details.CopyFrom((values or payloads.Values()).encode(self.details))
        return message

    @classmethod
    def from_message(cls, message: "common.SagaError", values: Optional[payloads.Values] = None) -> "SagaError":
        """The error that came over the wire."""
        return cls(
            message.message,
            kind=ErrorKind(message.kind),
            code=message.code,
            context={entry.key: entry.value for entry in message.context},
            causes=[(ErrorKind(cause.kind), cause.message) for cause in message.causes],
            non_retryable=message.non_retryable,
            details=(values or payloads.Values()).decode(message.details) if message.HasField("details") else None,
            timestamp_us=message.timestamp_us,
        )


class DomainError(SagaError):
    """The business said no ("card declined"): not retried, and nothing happened."""

    def __init__(self, message: str, **rest: Any) -> None:
        super().__init__(message, kind=ErrorKind.DOMAIN, **rest)


class ValidationError(SagaError):
    """The input is wrong: not retried, and nothing happened."""

    def __init__(self, message: str, **rest: Any) -> None:
        super().__init__(message, kind=ErrorKind.VALIDATION, **rest)


class NoEffect(SagaEngineError):
    """Raise it from an activity, around another error, to say that nothing happened: its step needs no undo.

        raise NoEffect() from error
    """


class StatusError(SagaEngineError):
    """The server answered a call with an error."""

    def __init__(
        self, code: StatusCode, message: str, error: Optional[SagaError] = None, retry_after: float = 0.0
    ) -> None:
        super().__init__(f"{code.name}: {message}")
        self.code = code
        self.message = message
        self.error = error
        self.retry_after = retry_after
        """Seconds to wait before a retry; 0 = no advice."""

    @classmethod
    def from_message(cls, status: "common.Status") -> "StatusError":
        """The status that came over the wire."""
        error = SagaError.from_message(status.error) if status.HasField("error") else None
        return cls(StatusCode(status.code), status.message, error, status.retry_after_ms / 1_000)


@dataclass(frozen=True)
class CompensationSummary:
    """What the unwinding of a saga reached."""

    state: str
    """`none`, `complete`, `partial` or `given_up`."""
    open_entries: Tuple[int, ...]
    """Undo entries left open, by the event that scheduled their step."""


class WorkflowEnded(SagaEngineError):
    """A saga ended otherwise than by completing; see the subclasses."""

    def __init__(self, workflow_id: str, message: str, compensation: CompensationSummary) -> None:
        super().__init__(f"workflow {workflow_id} {message}")
        self.workflow_id = workflow_id
        self.compensation = compensation


class WorkflowFailed(WorkflowEnded):
    """It failed; what had to be undone is undone (see `compensation`)."""

    def __init__(self, workflow_id: str, error: SagaError, compensation: CompensationSummary) -> None:
        super().__init__(workflow_id, f"failed: {error}", compensation)
        self.error = error


class WorkflowCanceled(WorkflowEnded):
    """It was cancelled on request."""


class WorkflowTimedOut(WorkflowEnded):
    """Its execution time-out passed."""


class WorkflowTerminated(WorkflowEnded):
    """It was stopped from outside."""


def _text(text: str) -> str:
    """Text that the server takes: no NUL, no lone surrogate, at most 4,096 bytes."""
    data = text.replace("\0", "\ufffd").encode("utf-8", "replace")
    return data[:4_096].decode("utf-8", "ignore")
