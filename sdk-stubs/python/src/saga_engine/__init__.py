"""Saga Engine for Python: start sagas, and serve their activities."""

from saga_engine.aggregates import Aggregate, CommittedEvents, DomainEvent
from saga_engine.client import Client, IdReuse, Status, WorkflowHandle
from saga_engine.declarative import SagaDefinition, Step, Undo
from saga_engine.errors import (
    CompensationSummary,
    ConnectionLost,
    DomainError,
    ErrorKind,
    NoEffect,
    SagaEngineError,
    SagaError,
    StatusCode,
    StatusError,
    ValidationError,
    WorkflowCanceled,
    WorkflowEnded,
    WorkflowFailed,
    WorkflowTerminated,
    WorkflowTimedOut,
)
from saga_engine.payloads import PayloadCodec, RawPayload
from saga_engine.worker import (
    Activity,
    ActivityCancelled,
    ActivityContext,
    CompletesLater,
    UndoInput,
    Worker,
    activity,
)

__version__ = "0.1.0"

__all__ = [
    "Activity",
    "ActivityCancelled",
    "ActivityContext",
    "Aggregate",
    "Client",
    "CompensationSummary",
    "CompletesLater",
    "ConnectionLost",
    "DomainError",
    "CommittedEvents",
    "DomainEvent",
    "ErrorKind",
    "IdReuse",
    "NoEffect",
    "PayloadCodec",
    "RawPayload",
    "SagaDefinition",
    "SagaEngineError",
    "SagaError",
    "Status",
    "StatusCode",
    "StatusError",
    "Step",
    "Undo",
    "UndoInput",
    "ValidationError",
    "Worker",
    "WorkflowCanceled",
    "WorkflowEnded",
    "WorkflowFailed",
    "WorkflowHandle",
    "WorkflowTerminated",
    "WorkflowTimedOut",
    "activity",
]
