from saga_engine.v1 import common_messages_pb2 as _common_messages_pb2
from saga_engine.v1 import history_messages_pb2 as _history_messages_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

COMPARE_OP_EQUAL: CompareOp
COMPARE_OP_GREATER: CompareOp
COMPARE_OP_GREATER_OR_EQUAL: CompareOp
COMPARE_OP_LESS: CompareOp
COMPARE_OP_LESS_OR_EQUAL: CompareOp
COMPARE_OP_NOT_EQUAL: CompareOp
COMPARE_OP_PREFIX: CompareOp
COMPARE_OP_UNSPECIFIED: CompareOp
DESCRIPTOR: _descriptor.FileDescriptor
ID_REUSE_POLICY_ALLOW: IdReusePolicy
ID_REUSE_POLICY_ALLOW_IF_FAILED: IdReusePolicy
ID_REUSE_POLICY_REJECT: IdReusePolicy
ID_REUSE_POLICY_UNSPECIFIED: IdReusePolicy
RESET_UNDO_DROP: ResetUndo
RESET_UNDO_KEEP: ResetUndo
RESET_UNDO_UNDO: ResetUndo
RESET_UNDO_UNSPECIFIED: ResetUndo
UNDO_ENTRY_STATE_BLOCKED: UndoEntryState
UNDO_ENTRY_STATE_COMMITTED: UndoEntryState
UNDO_ENTRY_STATE_DORMANT: UndoEntryState
UNDO_ENTRY_STATE_FAILED: UndoEntryState
UNDO_ENTRY_STATE_GIVEN_UP: UndoEntryState
UNDO_ENTRY_STATE_OPEN: UndoEntryState
UNDO_ENTRY_STATE_RESOLVED: UndoEntryState
UNDO_ENTRY_STATE_RUNNING: UndoEntryState
UNDO_ENTRY_STATE_SKIPPED: UndoEntryState
UNDO_ENTRY_STATE_UNDONE: UndoEntryState
UNDO_ENTRY_STATE_UNSPECIFIED: UndoEntryState
WAIT_KIND_ACTIVITY: WaitKind
WAIT_KIND_BLOCKED: WaitKind
WAIT_KIND_CHILD: WaitKind
WAIT_KIND_EXTERNAL_SIGNAL: WaitKind
WAIT_KIND_NO_WORKER: WaitKind
WAIT_KIND_PAUSED: WaitKind
WAIT_KIND_RETRY: WaitKind
WAIT_KIND_SIGNAL: WaitKind
WAIT_KIND_TIMER: WaitKind
WAIT_KIND_UNSPECIFIED: WaitKind
WAIT_KIND_WORKFLOW_TASK: WaitKind

class AttributeFilter(_message.Message):
    __slots__ = ["name", "op", "value"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    OP_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    op: CompareOp
    value: _common_messages_pb2.Payload
    def __init__(self, name: _Optional[str] = ..., op: _Optional[_Union[CompareOp, str]] = ..., value: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ...) -> None: ...

class CancelWorkflowRequest(_message.Message):
    __slots__ = ["header", "reason", "workflow"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    reason: str
    workflow: _common_messages_pb2.WorkflowRef
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., workflow: _Optional[_Union[_common_messages_pb2.WorkflowRef, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class CancelWorkflowResponse(_message.Message):
    __slots__ = ["saga_id"]
    SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    saga_id: bytes
    def __init__(self, saga_id: _Optional[bytes] = ...) -> None: ...

class CountWorkflowsRequest(_message.Message):
    __slots__ = ["filter", "header"]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    filter: WorkflowFilter
    header: _common_messages_pb2.RequestHeader
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., filter: _Optional[_Union[WorkflowFilter, _Mapping]] = ...) -> None: ...

class CountWorkflowsResponse(_message.Message):
    __slots__ = ["count", "estimated"]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_FIELD_NUMBER: _ClassVar[int]
    count: int
    estimated: bool
    def __init__(self, count: _Optional[int] = ..., estimated: bool = ...) -> None: ...

class DeleteWorkflowRequest(_message.Message):
    __slots__ = ["header", "workflow"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    workflow: _common_messages_pb2.WorkflowRef
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., workflow: _Optional[_Union[_common_messages_pb2.WorkflowRef, _Mapping]] = ...) -> None: ...

class DeleteWorkflowResponse(_message.Message):
    __slots__ = ["saga_id"]
    SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    saga_id: bytes
    def __init__(self, saga_id: _Optional[bytes] = ...) -> None: ...

class DescribeWorkflowRequest(_message.Message):
    __slots__ = ["header", "workflow"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    workflow: _common_messages_pb2.WorkflowRef
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., workflow: _Optional[_Union[_common_messages_pb2.WorkflowRef, _Mapping]] = ...) -> None: ...

class DescribeWorkflowResponse(_message.Message):
    __slots__ = ["error", "execution_deadline_us", "info", "late_effects", "memo", "output", "pending_steps", "step_outputs", "successor_saga_id", "unconsumed_signals", "undo_log", "virtual_time_us", "waiting_for"]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_DEADLINE_US_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    LATE_EFFECTS_FIELD_NUMBER: _ClassVar[int]
    MEMO_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    PENDING_STEPS_FIELD_NUMBER: _ClassVar[int]
    STEP_OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    SUCCESSOR_SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    UNCONSUMED_SIGNALS_FIELD_NUMBER: _ClassVar[int]
    UNDO_LOG_FIELD_NUMBER: _ClassVar[int]
    VIRTUAL_TIME_US_FIELD_NUMBER: _ClassVar[int]
    WAITING_FOR_FIELD_NUMBER: _ClassVar[int]
    error: _common_messages_pb2.SagaError
    execution_deadline_us: int
    info: WorkflowInfo
    late_effects: int
    memo: _containers.RepeatedCompositeFieldContainer[_common_messages_pb2.NamedPayload]
    output: _common_messages_pb2.Payload
    pending_steps: _containers.RepeatedCompositeFieldContainer[PendingStep]
    step_outputs: _containers.RepeatedCompositeFieldContainer[_common_messages_pb2.NamedPayload]
    successor_saga_id: bytes
    unconsumed_signals: int
    undo_log: _containers.RepeatedCompositeFieldContainer[UndoEntryInfo]
    virtual_time_us: int
    waiting_for: _containers.RepeatedCompositeFieldContainer[WaitingFor]
    def __init__(self, info: _Optional[_Union[WorkflowInfo, _Mapping]] = ..., waiting_for: _Optional[_Iterable[_Union[WaitingFor, _Mapping]]] = ..., pending_steps: _Optional[_Iterable[_Union[PendingStep, _Mapping]]] = ..., undo_log: _Optional[_Iterable[_Union[UndoEntryInfo, _Mapping]]] = ..., late_effects: _Optional[int] = ..., memo: _Optional[_Iterable[_Union[_common_messages_pb2.NamedPayload, _Mapping]]] = ..., step_outputs: _Optional[_Iterable[_Union[_common_messages_pb2.NamedPayload, _Mapping]]] = ..., unconsumed_signals: _Optional[int] = ..., error: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ..., output: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., execution_deadline_us: _Optional[int] = ..., successor_saga_id: _Optional[bytes] = ..., virtual_time_us: _Optional[int] = ...) -> None: ...

class ExportHistoryRequest(_message.Message):
    __slots__ = ["header", "workflow"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    workflow: _common_messages_pb2.WorkflowRef
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., workflow: _Optional[_Union[_common_messages_pb2.WorkflowRef, _Mapping]] = ...) -> None: ...

class FollowHistoryRequest(_message.Message):
    __slots__ = ["follow_runs", "from_event_id", "header", "workflow"]
    FOLLOW_RUNS_FIELD_NUMBER: _ClassVar[int]
    FROM_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    follow_runs: bool
    from_event_id: int
    header: _common_messages_pb2.RequestHeader
    workflow: _common_messages_pb2.WorkflowRef
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., workflow: _Optional[_Union[_common_messages_pb2.WorkflowRef, _Mapping]] = ..., from_event_id: _Optional[int] = ..., follow_runs: bool = ...) -> None: ...

class GetHistoryRequest(_message.Message):
    __slots__ = ["backwards", "from_event_id", "header", "page_size", "workflow"]
    BACKWARDS_FIELD_NUMBER: _ClassVar[int]
    FROM_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    backwards: bool
    from_event_id: int
    header: _common_messages_pb2.RequestHeader
    page_size: int
    workflow: _common_messages_pb2.WorkflowRef
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., workflow: _Optional[_Union[_common_messages_pb2.WorkflowRef, _Mapping]] = ..., from_event_id: _Optional[int] = ..., page_size: _Optional[int] = ..., backwards: bool = ...) -> None: ...

class GetHistoryResponse(_message.Message):
    __slots__ = ["events", "more", "next_event_id", "saga_id", "status"]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    NEXT_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_history_messages_pb2.HistoryEvent]
    more: bool
    next_event_id: int
    saga_id: bytes
    status: _common_messages_pb2.WorkflowStatus
    def __init__(self, saga_id: _Optional[bytes] = ..., events: _Optional[_Iterable[_Union[_history_messages_pb2.HistoryEvent, _Mapping]]] = ..., next_event_id: _Optional[int] = ..., more: bool = ..., status: _Optional[_Union[_common_messages_pb2.WorkflowStatus, str]] = ...) -> None: ...

class GetWorkflowResultRequest(_message.Message):
    __slots__ = ["follow_runs", "header", "workflow"]
    FOLLOW_RUNS_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    follow_runs: bool
    header: _common_messages_pb2.RequestHeader
    workflow: _common_messages_pb2.WorkflowRef
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., workflow: _Optional[_Union[_common_messages_pb2.WorkflowRef, _Mapping]] = ..., follow_runs: bool = ...) -> None: ...

class GetWorkflowResultResponse(_message.Message):
    __slots__ = ["compensation", "error", "new_saga_id", "output", "reason", "saga_id", "status"]
    COMPENSATION_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    NEW_SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    compensation: _common_messages_pb2.CompensationSummary
    error: _common_messages_pb2.SagaError
    new_saga_id: bytes
    output: _common_messages_pb2.Payload
    reason: str
    saga_id: bytes
    status: _common_messages_pb2.WorkflowStatus
    def __init__(self, saga_id: _Optional[bytes] = ..., status: _Optional[_Union[_common_messages_pb2.WorkflowStatus, str]] = ..., output: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., error: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ..., compensation: _Optional[_Union[_common_messages_pb2.CompensationSummary, _Mapping]] = ..., new_saga_id: _Optional[bytes] = ..., reason: _Optional[str] = ...) -> None: ...

class HistoryChunk(_message.Message):
    __slots__ = ["events", "last", "saga_id"]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_history_messages_pb2.HistoryEvent]
    last: bool
    saga_id: bytes
    def __init__(self, saga_id: _Optional[bytes] = ..., events: _Optional[_Iterable[_Union[_history_messages_pb2.HistoryEvent, _Mapping]]] = ..., last: bool = ...) -> None: ...

class HistoryItem(_message.Message):
    __slots__ = ["events", "saga_id", "status"]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_history_messages_pb2.HistoryEvent]
    saga_id: bytes
    status: _common_messages_pb2.WorkflowStatus
    def __init__(self, saga_id: _Optional[bytes] = ..., events: _Optional[_Iterable[_Union[_history_messages_pb2.HistoryEvent, _Mapping]]] = ..., status: _Optional[_Union[_common_messages_pb2.WorkflowStatus, str]] = ...) -> None: ...

class ImportHistoryRequest(_message.Message):
    __slots__ = ["chunk", "header"]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    chunk: HistoryChunk
    header: _common_messages_pb2.RequestHeader
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., chunk: _Optional[_Union[HistoryChunk, _Mapping]] = ...) -> None: ...

class ImportHistoryResponse(_message.Message):
    __slots__ = ["events", "saga_id"]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    events: int
    saga_id: bytes
    def __init__(self, saga_id: _Optional[bytes] = ..., events: _Optional[int] = ...) -> None: ...

class ListWorkflowsRequest(_message.Message):
    __slots__ = ["filter", "header", "page_size", "page_token"]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    filter: WorkflowFilter
    header: _common_messages_pb2.RequestHeader
    page_size: int
    page_token: bytes
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., filter: _Optional[_Union[WorkflowFilter, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[bytes] = ...) -> None: ...

class ListWorkflowsResponse(_message.Message):
    __slots__ = ["next_page_token", "workflows"]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    WORKFLOWS_FIELD_NUMBER: _ClassVar[int]
    next_page_token: bytes
    workflows: _containers.RepeatedCompositeFieldContainer[WorkflowInfo]
    def __init__(self, workflows: _Optional[_Iterable[_Union[WorkflowInfo, _Mapping]]] = ..., next_page_token: _Optional[bytes] = ...) -> None: ...

class PauseWorkflowRequest(_message.Message):
    __slots__ = ["header", "reason", "workflow"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    reason: str
    workflow: _common_messages_pb2.WorkflowRef
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., workflow: _Optional[_Union[_common_messages_pb2.WorkflowRef, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class PauseWorkflowResponse(_message.Message):
    __slots__ = ["saga_id"]
    SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    saga_id: bytes
    def __init__(self, saga_id: _Optional[bytes] = ...) -> None: ...

class PendingStep(_message.Message):
    __slots__ = ["activity_type", "attempt", "cancel_requested", "is_undo", "last_failure", "last_heartbeat_us", "max_attempts", "next_attempt_us", "running", "scheduled_event_id", "scheduled_us", "started_us", "step_id", "task_queue", "worker"]
    ACTIVITY_TYPE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    CANCEL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    IS_UNDO_FIELD_NUMBER: _ClassVar[int]
    LAST_FAILURE_FIELD_NUMBER: _ClassVar[int]
    LAST_HEARTBEAT_US_FIELD_NUMBER: _ClassVar[int]
    MAX_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_ATTEMPT_US_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_US_FIELD_NUMBER: _ClassVar[int]
    STARTED_US_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    activity_type: str
    attempt: int
    cancel_requested: bool
    is_undo: bool
    last_failure: _common_messages_pb2.SagaError
    last_heartbeat_us: int
    max_attempts: int
    next_attempt_us: int
    running: bool
    scheduled_event_id: int
    scheduled_us: int
    started_us: int
    step_id: str
    task_queue: str
    worker: str
    def __init__(self, scheduled_event_id: _Optional[int] = ..., step_id: _Optional[str] = ..., activity_type: _Optional[str] = ..., task_queue: _Optional[str] = ..., attempt: _Optional[int] = ..., max_attempts: _Optional[int] = ..., running: bool = ..., is_undo: bool = ..., scheduled_us: _Optional[int] = ..., started_us: _Optional[int] = ..., next_attempt_us: _Optional[int] = ..., last_heartbeat_us: _Optional[int] = ..., last_failure: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ..., worker: _Optional[str] = ..., cancel_requested: bool = ...) -> None: ...

class QueryWorkflowRequest(_message.Message):
    __slots__ = ["header", "input", "name", "workflow"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    input: _common_messages_pb2.Payload
    name: str
    workflow: _common_messages_pb2.WorkflowRef
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., workflow: _Optional[_Union[_common_messages_pb2.WorkflowRef, _Mapping]] = ..., name: _Optional[str] = ..., input: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ...) -> None: ...

class QueryWorkflowResponse(_message.Message):
    __slots__ = ["output", "upto_event_id"]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    UPTO_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    output: _common_messages_pb2.Payload
    upto_event_id: int
    def __init__(self, output: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., upto_event_id: _Optional[int] = ...) -> None: ...

class ResetWorkflowRequest(_message.Message):
    __slots__ = ["event_id", "header", "reason", "undo", "workflow"]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    UNDO_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    event_id: int
    header: _common_messages_pb2.RequestHeader
    reason: str
    undo: ResetUndo
    workflow: _common_messages_pb2.WorkflowRef
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., workflow: _Optional[_Union[_common_messages_pb2.WorkflowRef, _Mapping]] = ..., event_id: _Optional[int] = ..., undo: _Optional[_Union[ResetUndo, str]] = ..., reason: _Optional[str] = ...) -> None: ...

class ResetWorkflowResponse(_message.Message):
    __slots__ = ["saga_id"]
    SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    saga_id: bytes
    def __init__(self, saga_id: _Optional[bytes] = ...) -> None: ...

class ResumeWorkflowRequest(_message.Message):
    __slots__ = ["header", "reason", "workflow"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    reason: str
    workflow: _common_messages_pb2.WorkflowRef
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., workflow: _Optional[_Union[_common_messages_pb2.WorkflowRef, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class ResumeWorkflowResponse(_message.Message):
    __slots__ = ["saga_id"]
    SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    saga_id: bytes
    def __init__(self, saga_id: _Optional[bytes] = ...) -> None: ...

class SignalWithStartWorkflowRequest(_message.Message):
    __slots__ = ["header", "options", "signal_id", "signal_input", "signal_name"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_INPUT_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_NAME_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    options: StartOptions
    signal_id: str
    signal_input: _common_messages_pb2.Payload
    signal_name: str
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., options: _Optional[_Union[StartOptions, _Mapping]] = ..., signal_name: _Optional[str] = ..., signal_input: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., signal_id: _Optional[str] = ...) -> None: ...

class SignalWithStartWorkflowResponse(_message.Message):
    __slots__ = ["already_started", "saga_id"]
    ALREADY_STARTED_FIELD_NUMBER: _ClassVar[int]
    SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    already_started: bool
    saga_id: bytes
    def __init__(self, saga_id: _Optional[bytes] = ..., already_started: bool = ...) -> None: ...

class SignalWorkflowRequest(_message.Message):
    __slots__ = ["header", "input", "name", "signal_id", "workflow"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    input: _common_messages_pb2.Payload
    name: str
    signal_id: str
    workflow: _common_messages_pb2.WorkflowRef
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., workflow: _Optional[_Union[_common_messages_pb2.WorkflowRef, _Mapping]] = ..., name: _Optional[str] = ..., input: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., signal_id: _Optional[str] = ...) -> None: ...

class SignalWorkflowResponse(_message.Message):
    __slots__ = ["saga_id"]
    SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    saga_id: bytes
    def __init__(self, saga_id: _Optional[bytes] = ...) -> None: ...

class StartOptions(_message.Message):
    __slots__ = ["auto_compensate", "cancel_grace_us", "continue_on_undo_error", "execution_timeout_us", "id_reuse_policy", "input", "memo", "search_attributes", "task_queue", "workflow_id", "workflow_type", "workflow_version"]
    AUTO_COMPENSATE_FIELD_NUMBER: _ClassVar[int]
    CANCEL_GRACE_US_FIELD_NUMBER: _ClassVar[int]
    CONTINUE_ON_UNDO_ERROR_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_TIMEOUT_US_FIELD_NUMBER: _ClassVar[int]
    ID_REUSE_POLICY_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    MEMO_FIELD_NUMBER: _ClassVar[int]
    SEARCH_ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_TYPE_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_VERSION_FIELD_NUMBER: _ClassVar[int]
    auto_compensate: bool
    cancel_grace_us: int
    continue_on_undo_error: bool
    execution_timeout_us: int
    id_reuse_policy: IdReusePolicy
    input: _common_messages_pb2.Payload
    memo: _containers.RepeatedCompositeFieldContainer[_common_messages_pb2.NamedPayload]
    search_attributes: _containers.RepeatedCompositeFieldContainer[_common_messages_pb2.NamedPayload]
    task_queue: str
    workflow_id: str
    workflow_type: str
    workflow_version: int
    def __init__(self, workflow_id: _Optional[str] = ..., workflow_type: _Optional[str] = ..., workflow_version: _Optional[int] = ..., task_queue: _Optional[str] = ..., input: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., execution_timeout_us: _Optional[int] = ..., cancel_grace_us: _Optional[int] = ..., auto_compensate: bool = ..., continue_on_undo_error: bool = ..., id_reuse_policy: _Optional[_Union[IdReusePolicy, str]] = ..., memo: _Optional[_Iterable[_Union[_common_messages_pb2.NamedPayload, _Mapping]]] = ..., search_attributes: _Optional[_Iterable[_Union[_common_messages_pb2.NamedPayload, _Mapping]]] = ...) -> None: ...

class StartWorkflowRequest(_message.Message):
    __slots__ = ["header", "options"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    options: StartOptions
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., options: _Optional[_Union[StartOptions, _Mapping]] = ...) -> None: ...

class StartWorkflowResponse(_message.Message):
    __slots__ = ["already_started", "saga_id"]
    ALREADY_STARTED_FIELD_NUMBER: _ClassVar[int]
    SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    already_started: bool
    saga_id: bytes
    def __init__(self, saga_id: _Optional[bytes] = ..., already_started: bool = ...) -> None: ...

class StateAtRequest(_message.Message):
    __slots__ = ["event_id", "header", "time_us", "workflow"]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    TIME_US_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    event_id: int
    header: _common_messages_pb2.RequestHeader
    time_us: int
    workflow: _common_messages_pb2.WorkflowRef
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., workflow: _Optional[_Union[_common_messages_pb2.WorkflowRef, _Mapping]] = ..., event_id: _Optional[int] = ..., time_us: _Optional[int] = ...) -> None: ...

class StateAtResponse(_message.Message):
    __slots__ = ["event_id", "state"]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    event_id: int
    state: DescribeWorkflowResponse
    def __init__(self, event_id: _Optional[int] = ..., state: _Optional[_Union[DescribeWorkflowResponse, _Mapping]] = ...) -> None: ...

class TerminateWorkflowRequest(_message.Message):
    __slots__ = ["compensate", "header", "reason", "workflow"]
    COMPENSATE_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    compensate: bool
    header: _common_messages_pb2.RequestHeader
    reason: str
    workflow: _common_messages_pb2.WorkflowRef
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., workflow: _Optional[_Union[_common_messages_pb2.WorkflowRef, _Mapping]] = ..., reason: _Optional[str] = ..., compensate: bool = ...) -> None: ...

class TerminateWorkflowResponse(_message.Message):
    __slots__ = ["saga_id", "status"]
    SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    saga_id: bytes
    status: _common_messages_pb2.WorkflowStatus
    def __init__(self, saga_id: _Optional[bytes] = ..., status: _Optional[_Union[_common_messages_pb2.WorkflowStatus, str]] = ...) -> None: ...

class UndoEntryInfo(_message.Message):
    __slots__ = ["attempt", "idempotency_key", "last_failure", "outcome", "state", "step_event_id", "step_id", "undo_activity_type"]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    LAST_FAILURE_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STEP_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    UNDO_ACTIVITY_TYPE_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    idempotency_key: str
    last_failure: _common_messages_pb2.SagaError
    outcome: _common_messages_pb2.StepOutcome
    state: UndoEntryState
    step_event_id: int
    step_id: str
    undo_activity_type: str
    def __init__(self, step_event_id: _Optional[int] = ..., step_id: _Optional[str] = ..., undo_activity_type: _Optional[str] = ..., outcome: _Optional[_Union[_common_messages_pb2.StepOutcome, str]] = ..., state: _Optional[_Union[UndoEntryState, str]] = ..., attempt: _Optional[int] = ..., last_failure: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class UpdateWorkflowRequest(_message.Message):
    __slots__ = ["header", "input", "name", "return_when_accepted", "update_id", "workflow"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    RETURN_WHEN_ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    UPDATE_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    input: _common_messages_pb2.Payload
    name: str
    return_when_accepted: bool
    update_id: str
    workflow: _common_messages_pb2.WorkflowRef
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., workflow: _Optional[_Union[_common_messages_pb2.WorkflowRef, _Mapping]] = ..., name: _Optional[str] = ..., input: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., update_id: _Optional[str] = ..., return_when_accepted: bool = ...) -> None: ...

class UpdateWorkflowResponse(_message.Message):
    __slots__ = ["accepted", "accepted_event_id", "error", "finished", "output"]
    ACCEPTED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    accepted: bool
    accepted_event_id: int
    error: _common_messages_pb2.SagaError
    finished: bool
    output: _common_messages_pb2.Payload
    def __init__(self, accepted_event_id: _Optional[int] = ..., accepted: bool = ..., finished: bool = ..., output: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., error: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ...) -> None: ...

class WaitingFor(_message.Message):
    __slots__ = ["event_id", "kind", "name", "since_us", "text", "until_us"]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SINCE_US_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    UNTIL_US_FIELD_NUMBER: _ClassVar[int]
    event_id: int
    kind: WaitKind
    name: str
    since_us: int
    text: str
    until_us: int
    def __init__(self, kind: _Optional[_Union[WaitKind, str]] = ..., name: _Optional[str] = ..., since_us: _Optional[int] = ..., until_us: _Optional[int] = ..., event_id: _Optional[int] = ..., text: _Optional[str] = ...) -> None: ...

class WorkflowFilter(_message.Message):
    __slots__ = ["attributes", "closed_from_us", "closed_to_us", "only_blocked", "started_from_us", "started_to_us", "statuses", "workflow_id_prefix", "workflow_types"]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FROM_US_FIELD_NUMBER: _ClassVar[int]
    CLOSED_TO_US_FIELD_NUMBER: _ClassVar[int]
    ONLY_BLOCKED_FIELD_NUMBER: _ClassVar[int]
    STARTED_FROM_US_FIELD_NUMBER: _ClassVar[int]
    STARTED_TO_US_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_PREFIX_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_TYPES_FIELD_NUMBER: _ClassVar[int]
    attributes: _containers.RepeatedCompositeFieldContainer[AttributeFilter]
    closed_from_us: int
    closed_to_us: int
    only_blocked: bool
    started_from_us: int
    started_to_us: int
    statuses: _containers.RepeatedScalarFieldContainer[_common_messages_pb2.WorkflowStatus]
    workflow_id_prefix: str
    workflow_types: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, workflow_types: _Optional[_Iterable[str]] = ..., statuses: _Optional[_Iterable[_Union[_common_messages_pb2.WorkflowStatus, str]]] = ..., started_from_us: _Optional[int] = ..., started_to_us: _Optional[int] = ..., closed_from_us: _Optional[int] = ..., closed_to_us: _Optional[int] = ..., attributes: _Optional[_Iterable[_Union[AttributeFilter, _Mapping]]] = ..., workflow_id_prefix: _Optional[str] = ..., only_blocked: bool = ...) -> None: ...

class WorkflowInfo(_message.Message):
    __slots__ = ["blocked", "cancel_requested", "closed_us", "compensation", "history_length", "parent_saga_id", "paused", "saga_id", "search_attributes", "started_us", "status", "task_queue", "workflow_id", "workflow_type", "workflow_version"]
    BLOCKED_FIELD_NUMBER: _ClassVar[int]
    CANCEL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    CLOSED_US_FIELD_NUMBER: _ClassVar[int]
    COMPENSATION_FIELD_NUMBER: _ClassVar[int]
    HISTORY_LENGTH_FIELD_NUMBER: _ClassVar[int]
    PARENT_SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    SEARCH_ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    STARTED_US_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_TYPE_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_VERSION_FIELD_NUMBER: _ClassVar[int]
    blocked: bool
    cancel_requested: bool
    closed_us: int
    compensation: _common_messages_pb2.CompensationState
    history_length: int
    parent_saga_id: bytes
    paused: bool
    saga_id: bytes
    search_attributes: _containers.RepeatedCompositeFieldContainer[_common_messages_pb2.NamedPayload]
    started_us: int
    status: _common_messages_pb2.WorkflowStatus
    task_queue: str
    workflow_id: str
    workflow_type: str
    workflow_version: int
    def __init__(self, workflow_id: _Optional[str] = ..., saga_id: _Optional[bytes] = ..., workflow_type: _Optional[str] = ..., workflow_version: _Optional[int] = ..., task_queue: _Optional[str] = ..., status: _Optional[_Union[_common_messages_pb2.WorkflowStatus, str]] = ..., compensation: _Optional[_Union[_common_messages_pb2.CompensationState, str]] = ..., started_us: _Optional[int] = ..., closed_us: _Optional[int] = ..., history_length: _Optional[int] = ..., search_attributes: _Optional[_Iterable[_Union[_common_messages_pb2.NamedPayload, _Mapping]]] = ..., parent_saga_id: _Optional[bytes] = ..., blocked: bool = ..., paused: bool = ..., cancel_requested: bool = ...) -> None: ...

class IdReusePolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class ResetUndo(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class WaitKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class UndoEntryState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class CompareOp(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
