from saga_engine.v1 import common_messages_pb2 as _common_messages_pb2
from saga_engine.v1 import history_messages_pb2 as _history_messages_pb2
from saga_engine.v1 import commands_messages_pb2 as _commands_messages_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

ACK_RESULT_ALREADY_RECORDED: AckResult
ACK_RESULT_LATE_EFFECT: AckResult
ACK_RESULT_RECORDED: AckResult
ACK_RESULT_REFUSED: AckResult
ACK_RESULT_UNSPECIFIED: AckResult
DESCRIPTOR: _descriptor.FileDescriptor
EFFECT_NONE: Effect
EFFECT_UNKNOWN: Effect
EFFECT_UNSPECIFIED: Effect

class Ack(_message.Message):
    __slots__ = ["error", "result", "task_token"]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    error: _common_messages_pb2.SagaError
    result: AckResult
    task_token: bytes
    def __init__(self, task_token: _Optional[bytes] = ..., result: _Optional[_Union[AckResult, str]] = ..., error: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ...) -> None: ...

class ActivityCanceled(_message.Message):
    __slots__ = ["details", "effect", "task_token"]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    details: _common_messages_pb2.Payload
    effect: Effect
    task_token: bytes
    def __init__(self, task_token: _Optional[bytes] = ..., details: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., effect: _Optional[_Union[Effect, str]] = ...) -> None: ...

class ActivityCompleted(_message.Message):
    __slots__ = ["advance", "output", "task_token", "undo_data"]
    ADVANCE_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    UNDO_DATA_FIELD_NUMBER: _ClassVar[int]
    advance: StepAdvance
    output: _common_messages_pb2.Payload
    task_token: bytes
    undo_data: _common_messages_pb2.Payload
    def __init__(self, task_token: _Optional[bytes] = ..., output: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., undo_data: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., advance: _Optional[_Union[StepAdvance, _Mapping]] = ...) -> None: ...

class ActivityCompletesLater(_message.Message):
    __slots__ = ["task_token"]
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    task_token: bytes
    def __init__(self, task_token: _Optional[bytes] = ...) -> None: ...

class ActivityFailed(_message.Message):
    __slots__ = ["effect", "error", "task_token"]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    effect: Effect
    error: _common_messages_pb2.SagaError
    task_token: bytes
    def __init__(self, task_token: _Optional[bytes] = ..., error: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ..., effect: _Optional[_Union[Effect, str]] = ...) -> None: ...

class ActivityReportResponse(_message.Message):
    __slots__ = ["result"]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    result: AckResult
    def __init__(self, result: _Optional[_Union[AckResult, str]] = ...) -> None: ...

class ActivityTask(_message.Message):
    __slots__ = ["activity_type", "attempt", "deadline_us", "heartbeat_details", "idempotency_key", "input", "is_probe", "is_undo", "namespace", "saga_id", "scheduled_event_id", "scheduled_us", "step_id", "task_queue", "task_token", "timeouts", "traceparent", "undo", "workflow_id", "workflow_type"]
    ACTIVITY_TYPE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_US_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_DETAILS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    IS_PROBE_FIELD_NUMBER: _ClassVar[int]
    IS_UNDO_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_US_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TIMEOUTS_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    UNDO_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_TYPE_FIELD_NUMBER: _ClassVar[int]
    activity_type: str
    attempt: int
    deadline_us: int
    heartbeat_details: _common_messages_pb2.Payload
    idempotency_key: str
    input: _common_messages_pb2.Payload
    is_probe: bool
    is_undo: bool
    namespace: str
    saga_id: bytes
    scheduled_event_id: int
    scheduled_us: int
    step_id: str
    task_queue: str
    task_token: bytes
    timeouts: _common_messages_pb2.ActivityTimeouts
    traceparent: str
    undo: _common_messages_pb2.UndoInput
    workflow_id: str
    workflow_type: str
    def __init__(self, task_token: _Optional[bytes] = ..., saga_id: _Optional[bytes] = ..., workflow_id: _Optional[str] = ..., activity_type: _Optional[str] = ..., input: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., attempt: _Optional[int] = ..., idempotency_key: _Optional[str] = ..., is_undo: bool = ..., undo: _Optional[_Union[_common_messages_pb2.UndoInput, _Mapping]] = ..., heartbeat_details: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., timeouts: _Optional[_Union[_common_messages_pb2.ActivityTimeouts, _Mapping]] = ..., namespace: _Optional[str] = ..., task_queue: _Optional[str] = ..., traceparent: _Optional[str] = ..., scheduled_event_id: _Optional[int] = ..., step_id: _Optional[str] = ..., workflow_type: _Optional[str] = ..., scheduled_us: _Optional[int] = ..., deadline_us: _Optional[int] = ..., is_probe: bool = ...) -> None: ...

class CancelActivity(_message.Message):
    __slots__ = ["reason", "task_token"]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    reason: str
    task_token: bytes
    def __init__(self, task_token: _Optional[bytes] = ..., reason: _Optional[str] = ...) -> None: ...

class CompleteActivityRequest(_message.Message):
    __slots__ = ["header", "report"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    report: ActivityCompleted
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., report: _Optional[_Union[ActivityCompleted, _Mapping]] = ...) -> None: ...

class Drain(_message.Message):
    __slots__ = ["drain_ms"]
    DRAIN_MS_FIELD_NUMBER: _ClassVar[int]
    drain_ms: int
    def __init__(self, drain_ms: _Optional[int] = ...) -> None: ...

class Drained(_message.Message):
    __slots__ = ["running"]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    running: int
    def __init__(self, running: _Optional[int] = ...) -> None: ...

class Evict(_message.Message):
    __slots__ = ["reason", "saga_id"]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    reason: str
    saga_id: bytes
    def __init__(self, saga_id: _Optional[bytes] = ..., reason: _Optional[str] = ...) -> None: ...

class FailActivityRequest(_message.Message):
    __slots__ = ["header", "report"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    report: ActivityFailed
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., report: _Optional[_Union[ActivityFailed, _Mapping]] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ["details", "task_token"]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    details: _common_messages_pb2.Payload
    task_token: bytes
    def __init__(self, task_token: _Optional[bytes] = ..., details: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ...) -> None: ...

class HeartbeatActivityRequest(_message.Message):
    __slots__ = ["header", "heartbeat"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    heartbeat: Heartbeat
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ...) -> None: ...

class HeartbeatActivityResponse(_message.Message):
    __slots__ = ["cancel_requested", "current"]
    CANCEL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    CURRENT_FIELD_NUMBER: _ClassVar[int]
    cancel_requested: bool
    current: bool
    def __init__(self, cancel_requested: bool = ..., current: bool = ...) -> None: ...

class HeartbeatAnswer(_message.Message):
    __slots__ = ["cancel_requested", "current", "task_token"]
    CANCEL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    CURRENT_FIELD_NUMBER: _ClassVar[int]
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    cancel_requested: bool
    current: bool
    task_token: bytes
    def __init__(self, task_token: _Optional[bytes] = ..., cancel_requested: bool = ..., current: bool = ...) -> None: ...

class NeedHistory(_message.Message):
    __slots__ = ["from_event_id", "task_token"]
    FROM_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    from_event_id: int
    task_token: bytes
    def __init__(self, task_token: _Optional[bytes] = ..., from_event_id: _Optional[int] = ...) -> None: ...

class QueryAnswered(_message.Message):
    __slots__ = ["error", "need_history", "output", "task_token", "upto_event_id"]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    NEED_HISTORY_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    UPTO_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    error: _common_messages_pb2.SagaError
    need_history: bool
    output: _common_messages_pb2.Payload
    task_token: bytes
    upto_event_id: int
    def __init__(self, task_token: _Optional[bytes] = ..., output: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., upto_event_id: _Optional[int] = ..., error: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ..., need_history: bool = ...) -> None: ...

class QueryTask(_message.Message):
    __slots__ = ["input", "live", "name", "run", "task_token"]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    LIVE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    input: _common_messages_pb2.Payload
    live: bool
    name: str
    run: WorkflowTask
    task_token: bytes
    def __init__(self, task_token: _Optional[bytes] = ..., run: _Optional[_Union[WorkflowTask, _Mapping]] = ..., name: _Optional[str] = ..., input: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., live: bool = ...) -> None: ...

class ServerItem(_message.Message):
    __slots__ = ["ack", "activity_task", "cancel_activity", "drain", "evict", "heartbeat_answer", "query_task", "workflow_task"]
    ACK_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_TASK_FIELD_NUMBER: _ClassVar[int]
    CANCEL_ACTIVITY_FIELD_NUMBER: _ClassVar[int]
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    EVICT_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_ANSWER_FIELD_NUMBER: _ClassVar[int]
    QUERY_TASK_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_TASK_FIELD_NUMBER: _ClassVar[int]
    ack: Ack
    activity_task: ActivityTask
    cancel_activity: CancelActivity
    drain: Drain
    evict: Evict
    heartbeat_answer: HeartbeatAnswer
    query_task: QueryTask
    workflow_task: WorkflowTask
    def __init__(self, workflow_task: _Optional[_Union[WorkflowTask, _Mapping]] = ..., activity_task: _Optional[_Union[ActivityTask, _Mapping]] = ..., cancel_activity: _Optional[_Union[CancelActivity, _Mapping]] = ..., evict: _Optional[_Union[Evict, _Mapping]] = ..., ack: _Optional[_Union[Ack, _Mapping]] = ..., heartbeat_answer: _Optional[_Union[HeartbeatAnswer, _Mapping]] = ..., drain: _Optional[_Union[Drain, _Mapping]] = ..., query_task: _Optional[_Union[QueryTask, _Mapping]] = ...) -> None: ...

class Slots(_message.Message):
    __slots__ = ["add_activities", "add_workflows", "task_queue"]
    ADD_ACTIVITIES_FIELD_NUMBER: _ClassVar[int]
    ADD_WORKFLOWS_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    add_activities: int
    add_workflows: int
    task_queue: str
    def __init__(self, task_queue: _Optional[str] = ..., add_activities: _Optional[int] = ..., add_workflows: _Optional[int] = ...) -> None: ...

class StepAdvance(_message.Message):
    __slots__ = ["command", "commands", "unconsumed_signals"]
    COMMANDS_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    UNCONSUMED_SIGNALS_FIELD_NUMBER: _ClassVar[int]
    command: int
    commands: _containers.RepeatedCompositeFieldContainer[_commands_messages_pb2.Command]
    unconsumed_signals: int
    def __init__(self, command: _Optional[int] = ..., commands: _Optional[_Iterable[_Union[_commands_messages_pb2.Command, _Mapping]]] = ..., unconsumed_signals: _Optional[int] = ...) -> None: ...

class StopActivityRequest(_message.Message):
    __slots__ = ["header", "report"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    report: ActivityCanceled
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., report: _Optional[_Union[ActivityCanceled, _Mapping]] = ...) -> None: ...

class UpdateTask(_message.Message):
    __slots__ = ["input", "name", "update_id"]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_ID_FIELD_NUMBER: _ClassVar[int]
    input: _common_messages_pb2.Payload
    name: str
    update_id: str
    def __init__(self, update_id: _Optional[str] = ..., name: _Optional[str] = ..., input: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ...) -> None: ...

class UpdateVerdict(_message.Message):
    __slots__ = ["error", "update_id"]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    UPDATE_ID_FIELD_NUMBER: _ClassVar[int]
    error: _common_messages_pb2.SagaError
    update_id: str
    def __init__(self, update_id: _Optional[str] = ..., error: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ...) -> None: ...

class WorkOpen(_message.Message):
    __slots__ = ["activity_types", "identity", "running_task_tokens", "slots", "task_queues", "workflow_types"]
    ACTIVITY_TYPES_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    RUNNING_TASK_TOKENS_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUES_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_TYPES_FIELD_NUMBER: _ClassVar[int]
    activity_types: _containers.RepeatedScalarFieldContainer[str]
    identity: str
    running_task_tokens: _containers.RepeatedScalarFieldContainer[bytes]
    slots: _containers.RepeatedCompositeFieldContainer[Slots]
    task_queues: _containers.RepeatedScalarFieldContainer[str]
    workflow_types: _containers.RepeatedCompositeFieldContainer[WorkflowTypeOffer]
    def __init__(self, identity: _Optional[str] = ..., task_queues: _Optional[_Iterable[str]] = ..., activity_types: _Optional[_Iterable[str]] = ..., workflow_types: _Optional[_Iterable[_Union[WorkflowTypeOffer, _Mapping]]] = ..., slots: _Optional[_Iterable[_Union[Slots, _Mapping]]] = ..., running_task_tokens: _Optional[_Iterable[bytes]] = ...) -> None: ...

class WorkerItem(_message.Message):
    __slots__ = ["activity_canceled", "activity_completed", "activity_completes_later", "activity_failed", "drained", "header", "heartbeat", "need_history", "open", "query_answered", "slots", "workflow_task_completed", "workflow_task_failed"]
    ACTIVITY_CANCELED_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_COMPLETED_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_COMPLETES_LATER_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_FAILED_FIELD_NUMBER: _ClassVar[int]
    DRAINED_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    NEED_HISTORY_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    QUERY_ANSWERED_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_TASK_COMPLETED_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_TASK_FAILED_FIELD_NUMBER: _ClassVar[int]
    activity_canceled: ActivityCanceled
    activity_completed: ActivityCompleted
    activity_completes_later: ActivityCompletesLater
    activity_failed: ActivityFailed
    drained: Drained
    header: _common_messages_pb2.RequestHeader
    heartbeat: Heartbeat
    need_history: NeedHistory
    open: WorkOpen
    query_answered: QueryAnswered
    slots: Slots
    workflow_task_completed: WorkflowTaskCompleted
    workflow_task_failed: WorkflowTaskFailed
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., open: _Optional[_Union[WorkOpen, _Mapping]] = ..., slots: _Optional[_Union[Slots, _Mapping]] = ..., workflow_task_completed: _Optional[_Union[WorkflowTaskCompleted, _Mapping]] = ..., need_history: _Optional[_Union[NeedHistory, _Mapping]] = ..., workflow_task_failed: _Optional[_Union[WorkflowTaskFailed, _Mapping]] = ..., activity_completed: _Optional[_Union[ActivityCompleted, _Mapping]] = ..., activity_failed: _Optional[_Union[ActivityFailed, _Mapping]] = ..., activity_canceled: _Optional[_Union[ActivityCanceled, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., drained: _Optional[_Union[Drained, _Mapping]] = ..., query_answered: _Optional[_Union[QueryAnswered, _Mapping]] = ..., activity_completes_later: _Optional[_Union[ActivityCompletesLater, _Mapping]] = ...) -> None: ...

class WorkflowTask(_message.Message):
    __slots__ = ["events", "first_event_id", "first_saga_id", "may_advance", "more", "namespace", "saga_id", "sticky", "task_queue", "task_token", "updates", "workflow_id", "workflow_type", "workflow_version"]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    FIRST_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    MAY_ADVANCE_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    STICKY_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    UPDATES_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_TYPE_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_VERSION_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_history_messages_pb2.HistoryEvent]
    first_event_id: int
    first_saga_id: bytes
    may_advance: bool
    more: bool
    namespace: str
    saga_id: bytes
    sticky: bool
    task_queue: str
    task_token: bytes
    updates: _containers.RepeatedCompositeFieldContainer[UpdateTask]
    workflow_id: str
    workflow_type: str
    workflow_version: int
    def __init__(self, task_token: _Optional[bytes] = ..., saga_id: _Optional[bytes] = ..., workflow_id: _Optional[str] = ..., workflow_type: _Optional[str] = ..., workflow_version: _Optional[int] = ..., first_event_id: _Optional[int] = ..., events: _Optional[_Iterable[_Union[_history_messages_pb2.HistoryEvent, _Mapping]]] = ..., more: bool = ..., sticky: bool = ..., namespace: _Optional[str] = ..., task_queue: _Optional[str] = ..., updates: _Optional[_Iterable[_Union[UpdateTask, _Mapping]]] = ..., may_advance: bool = ..., first_saga_id: _Optional[bytes] = ...) -> None: ...

class WorkflowTaskCompleted(_message.Message):
    __slots__ = ["commands", "seen_event_id", "sticky", "task_token", "unconsumed_signals", "update_verdicts", "workflow_version"]
    COMMANDS_FIELD_NUMBER: _ClassVar[int]
    SEEN_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    STICKY_FIELD_NUMBER: _ClassVar[int]
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    UNCONSUMED_SIGNALS_FIELD_NUMBER: _ClassVar[int]
    UPDATE_VERDICTS_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_VERSION_FIELD_NUMBER: _ClassVar[int]
    commands: _containers.RepeatedCompositeFieldContainer[_commands_messages_pb2.Command]
    seen_event_id: int
    sticky: bool
    task_token: bytes
    unconsumed_signals: int
    update_verdicts: _containers.RepeatedCompositeFieldContainer[UpdateVerdict]
    workflow_version: int
    def __init__(self, task_token: _Optional[bytes] = ..., seen_event_id: _Optional[int] = ..., commands: _Optional[_Iterable[_Union[_commands_messages_pb2.Command, _Mapping]]] = ..., sticky: bool = ..., workflow_version: _Optional[int] = ..., unconsumed_signals: _Optional[int] = ..., update_verdicts: _Optional[_Iterable[_Union[UpdateVerdict, _Mapping]]] = ...) -> None: ...

class WorkflowTaskFailed(_message.Message):
    __slots__ = ["cause", "error", "task_token"]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    cause: _common_messages_pb2.BlockCause
    error: _common_messages_pb2.SagaError
    task_token: bytes
    def __init__(self, task_token: _Optional[bytes] = ..., cause: _Optional[_Union[_common_messages_pb2.BlockCause, str]] = ..., error: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ...) -> None: ...

class WorkflowTypeOffer(_message.Message):
    __slots__ = ["minimum_version", "version", "workflow_type"]
    MINIMUM_VERSION_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_TYPE_FIELD_NUMBER: _ClassVar[int]
    minimum_version: int
    version: int
    workflow_type: str
    def __init__(self, workflow_type: _Optional[str] = ..., minimum_version: _Optional[int] = ..., version: _Optional[int] = ...) -> None: ...

class Effect(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class AckResult(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
