from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

BLOCK_CAUSE_CODE_FAILURE: BlockCause
BLOCK_CAUSE_NONDETERMINISM: BlockCause
BLOCK_CAUSE_UNDO_FAILED: BlockCause
BLOCK_CAUSE_UNSPECIFIED: BlockCause
COMPENSATION_STATE_BLOCKED: CompensationState
COMPENSATION_STATE_COMPENSATING: CompensationState
COMPENSATION_STATE_COMPLETE: CompensationState
COMPENSATION_STATE_GIVEN_UP: CompensationState
COMPENSATION_STATE_NONE: CompensationState
COMPENSATION_STATE_PARTIAL: CompensationState
DESCRIPTOR: _descriptor.FileDescriptor
ERROR_CATEGORY_DOMAIN: ErrorCategory
ERROR_CATEGORY_FATAL: ErrorCategory
ERROR_CATEGORY_INFRASTRUCTURE: ErrorCategory
ERROR_CATEGORY_TRANSIENT: ErrorCategory
ERROR_CATEGORY_UNSPECIFIED: ErrorCategory
ERROR_CATEGORY_VALIDATION: ErrorCategory
ERROR_KIND_ACTIVITY_EXECUTION: ErrorKind
ERROR_KIND_CANCELLED: ErrorKind
ERROR_KIND_CODEC: ErrorKind
ERROR_KIND_COMPENSATION: ErrorKind
ERROR_KIND_CONCURRENCY: ErrorKind
ERROR_KIND_CONFIGURATION: ErrorKind
ERROR_KIND_DOMAIN: ErrorKind
ERROR_KIND_EVENT_STORE: ErrorKind
ERROR_KIND_REPLAY: ErrorKind
ERROR_KIND_SIGNAL_DISPATCHER: ErrorKind
ERROR_KIND_SNAPSHOT: ErrorKind
ERROR_KIND_STEP_EXECUTION: ErrorKind
ERROR_KIND_TASK_QUEUE: ErrorKind
ERROR_KIND_TIMEOUT: ErrorKind
ERROR_KIND_TIMER_STORE: ErrorKind
ERROR_KIND_UNKNOWN: ErrorKind
ERROR_KIND_VALIDATION: ErrorKind
ERROR_KIND_WORKFLOW_EXECUTION: ErrorKind
MARKER_KIND_CHECKPOINT: MarkerKind
MARKER_KIND_NOTE: MarkerKind
MARKER_KIND_SCOPE_OPENED: MarkerKind
MARKER_KIND_STEP_OUTPUT: MarkerKind
MARKER_KIND_UNDO_COMMITTED: MarkerKind
MARKER_KIND_UNDO_TRACKED: MarkerKind
MARKER_KIND_UNSPECIFIED: MarkerKind
MESSAGE_KIND_REQUEST: MessageKind
MESSAGE_KIND_SIGNAL: MessageKind
MESSAGE_KIND_UNSPECIFIED: MessageKind
MESSAGE_KIND_UPDATE: MessageKind
OPERATOR_VERB_GIVE_UP: OperatorVerb
OPERATOR_VERB_RESOLVE: OperatorVerb
OPERATOR_VERB_RETRY: OperatorVerb
OPERATOR_VERB_RETRY_WITH_INPUT: OperatorVerb
OPERATOR_VERB_SKIP: OperatorVerb
OPERATOR_VERB_UNSPECIFIED: OperatorVerb
PARENT_CLOSE_POLICY_ABANDON: ParentClosePolicy
PARENT_CLOSE_POLICY_CANCEL: ParentClosePolicy
PARENT_CLOSE_POLICY_TERMINATE: ParentClosePolicy
PARENT_CLOSE_POLICY_UNSPECIFIED: ParentClosePolicy
STATUS_CODE_ABORTED: StatusCode
STATUS_CODE_ALREADY_EXISTS: StatusCode
STATUS_CODE_CANCELLED: StatusCode
STATUS_CODE_DATA_LOSS: StatusCode
STATUS_CODE_DEADLINE_EXCEEDED: StatusCode
STATUS_CODE_FAILED_PRECONDITION: StatusCode
STATUS_CODE_INTERNAL: StatusCode
STATUS_CODE_INVALID_ARGUMENT: StatusCode
STATUS_CODE_NOT_FOUND: StatusCode
STATUS_CODE_OK: StatusCode
STATUS_CODE_OUT_OF_RANGE: StatusCode
STATUS_CODE_PERMISSION_DENIED: StatusCode
STATUS_CODE_RESOURCE_EXHAUSTED: StatusCode
STATUS_CODE_UNAUTHENTICATED: StatusCode
STATUS_CODE_UNAVAILABLE: StatusCode
STATUS_CODE_UNIMPLEMENTED: StatusCode
STATUS_CODE_UNKNOWN: StatusCode
STEP_OUTCOME_COMPLETED: StepOutcome
STEP_OUTCOME_NO_EFFECT: StepOutcome
STEP_OUTCOME_UNKNOWN: StepOutcome
STEP_OUTCOME_UNSPECIFIED: StepOutcome
TIMEOUT_KIND_HEARTBEAT: TimeoutKind
TIMEOUT_KIND_SCHEDULE_TO_CLOSE: TimeoutKind
TIMEOUT_KIND_SCHEDULE_TO_START: TimeoutKind
TIMEOUT_KIND_START_TO_CLOSE: TimeoutKind
TIMEOUT_KIND_UNSPECIFIED: TimeoutKind
UNDO_FAILED_STEP_ALWAYS: UndoFailedStep
UNDO_FAILED_STEP_IF_UNKNOWN: UndoFailedStep
UNDO_FAILED_STEP_NEVER: UndoFailedStep
UNDO_FAILED_STEP_UNSPECIFIED: UndoFailedStep
UNWIND_CAUSE_CANCELED: UnwindCause
UNWIND_CAUSE_FAILED: UnwindCause
UNWIND_CAUSE_REQUESTED: UnwindCause
UNWIND_CAUSE_TERMINATED: UnwindCause
UNWIND_CAUSE_TIMED_OUT: UnwindCause
UNWIND_CAUSE_UNSPECIFIED: UnwindCause
WORKFLOW_STATUS_CANCELED: WorkflowStatus
WORKFLOW_STATUS_COMPLETED: WorkflowStatus
WORKFLOW_STATUS_CONTINUED_AS_NEW: WorkflowStatus
WORKFLOW_STATUS_FAILED: WorkflowStatus
WORKFLOW_STATUS_RUNNING: WorkflowStatus
WORKFLOW_STATUS_TERMINATED: WorkflowStatus
WORKFLOW_STATUS_TIMED_OUT: WorkflowStatus
WORKFLOW_STATUS_UNSPECIFIED: WorkflowStatus

class ActivityTimeouts(_message.Message):
    __slots__ = ["heartbeat_us", "schedule_to_close_us", "schedule_to_start_us", "start_to_close_us"]
    HEARTBEAT_US_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_TO_CLOSE_US_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_TO_START_US_FIELD_NUMBER: _ClassVar[int]
    START_TO_CLOSE_US_FIELD_NUMBER: _ClassVar[int]
    heartbeat_us: int
    schedule_to_close_us: int
    schedule_to_start_us: int
    start_to_close_us: int
    def __init__(self, schedule_to_start_us: _Optional[int] = ..., start_to_close_us: _Optional[int] = ..., schedule_to_close_us: _Optional[int] = ..., heartbeat_us: _Optional[int] = ...) -> None: ...

class CarriedMessage(_message.Message):
    __slots__ = ["id", "kind", "saga_id"]
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    kind: MessageKind
    saga_id: bytes
    def __init__(self, kind: _Optional[_Union[MessageKind, str]] = ..., id: _Optional[str] = ..., saga_id: _Optional[bytes] = ...) -> None: ...

class CarriedUndo(_message.Message):
    __slots__ = ["child", "data", "idempotency_key", "input", "outcome", "output", "source_event_id", "source_saga_id", "step_id", "undo", "undo_group"]
    CHILD_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    UNDO_FIELD_NUMBER: _ClassVar[int]
    UNDO_GROUP_FIELD_NUMBER: _ClassVar[int]
    child: ChildUndo
    data: Payload
    idempotency_key: str
    input: Payload
    outcome: StepOutcome
    output: Payload
    source_event_id: int
    source_saga_id: bytes
    step_id: str
    undo: UndoSpec
    undo_group: int
    def __init__(self, source_saga_id: _Optional[bytes] = ..., source_event_id: _Optional[int] = ..., step_id: _Optional[str] = ..., undo: _Optional[_Union[UndoSpec, _Mapping]] = ..., input: _Optional[_Union[Payload, _Mapping]] = ..., output: _Optional[_Union[Payload, _Mapping]] = ..., outcome: _Optional[_Union[StepOutcome, str]] = ..., idempotency_key: _Optional[str] = ..., data: _Optional[_Union[Payload, _Mapping]] = ..., undo_group: _Optional[int] = ..., child: _Optional[_Union[ChildUndo, _Mapping]] = ...) -> None: ...

class ChildUndo(_message.Message):
    __slots__ = ["saga_id", "workflow_id"]
    SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    saga_id: bytes
    workflow_id: str
    def __init__(self, workflow_id: _Optional[str] = ..., saga_id: _Optional[bytes] = ...) -> None: ...

class CompensationSummary(_message.Message):
    __slots__ = ["open_entries", "state"]
    OPEN_ENTRIES_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    open_entries: _containers.RepeatedScalarFieldContainer[int]
    state: CompensationState
    def __init__(self, state: _Optional[_Union[CompensationState, str]] = ..., open_entries: _Optional[_Iterable[int]] = ...) -> None: ...

class ErrorCause(_message.Message):
    __slots__ = ["kind", "message"]
    KIND_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    kind: ErrorKind
    message: str
    def __init__(self, kind: _Optional[_Union[ErrorKind, str]] = ..., message: _Optional[str] = ...) -> None: ...

class MetadataEntry(_message.Message):
    __slots__ = ["key", "value"]
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: str
    value: str
    def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class NamedPayload(_message.Message):
    __slots__ = ["name", "payload"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    name: str
    payload: Payload
    def __init__(self, name: _Optional[str] = ..., payload: _Optional[_Union[Payload, _Mapping]] = ...) -> None: ...

class Payload(_message.Message):
    __slots__ = ["data", "encoding", "metadata"]
    DATA_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    encoding: str
    metadata: _containers.RepeatedCompositeFieldContainer[MetadataEntry]
    def __init__(self, encoding: _Optional[str] = ..., data: _Optional[bytes] = ..., metadata: _Optional[_Iterable[_Union[MetadataEntry, _Mapping]]] = ...) -> None: ...

class RequestHeader(_message.Message):
    __slots__ = ["deadline_ms", "namespace", "request_id", "traceparent"]
    DEADLINE_MS_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    deadline_ms: int
    namespace: str
    request_id: str
    traceparent: str
    def __init__(self, deadline_ms: _Optional[int] = ..., request_id: _Optional[str] = ..., traceparent: _Optional[str] = ..., namespace: _Optional[str] = ...) -> None: ...

class RetryPolicy(_message.Message):
    __slots__ = ["backoff_coefficient", "initial_interval_us", "jitter", "maximum_attempts", "maximum_interval_us", "non_retryable_kinds"]
    BACKOFF_COEFFICIENT_FIELD_NUMBER: _ClassVar[int]
    INITIAL_INTERVAL_US_FIELD_NUMBER: _ClassVar[int]
    JITTER_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_INTERVAL_US_FIELD_NUMBER: _ClassVar[int]
    NON_RETRYABLE_KINDS_FIELD_NUMBER: _ClassVar[int]
    backoff_coefficient: float
    initial_interval_us: int
    jitter: float
    maximum_attempts: int
    maximum_interval_us: int
    non_retryable_kinds: _containers.RepeatedScalarFieldContainer[ErrorKind]
    def __init__(self, maximum_attempts: _Optional[int] = ..., initial_interval_us: _Optional[int] = ..., backoff_coefficient: _Optional[float] = ..., maximum_interval_us: _Optional[int] = ..., jitter: _Optional[float] = ..., non_retryable_kinds: _Optional[_Iterable[_Union[ErrorKind, str]]] = ...) -> None: ...

class RunOrigin(_message.Message):
    __slots__ = ["saga_id", "up_to_event_id"]
    SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    UP_TO_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    saga_id: bytes
    up_to_event_id: int
    def __init__(self, saga_id: _Optional[bytes] = ..., up_to_event_id: _Optional[int] = ...) -> None: ...

class SagaError(_message.Message):
    __slots__ = ["category", "causes", "code", "context", "details", "kind", "message", "non_retryable", "timestamp_us"]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    CAUSES_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    NON_RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_US_FIELD_NUMBER: _ClassVar[int]
    category: ErrorCategory
    causes: _containers.RepeatedCompositeFieldContainer[ErrorCause]
    code: str
    context: _containers.RepeatedCompositeFieldContainer[MetadataEntry]
    details: Payload
    kind: ErrorKind
    message: str
    non_retryable: bool
    timestamp_us: int
    def __init__(self, kind: _Optional[_Union[ErrorKind, str]] = ..., category: _Optional[_Union[ErrorCategory, str]] = ..., message: _Optional[str] = ..., code: _Optional[str] = ..., context: _Optional[_Iterable[_Union[MetadataEntry, _Mapping]]] = ..., causes: _Optional[_Iterable[_Union[ErrorCause, _Mapping]]] = ..., timestamp_us: _Optional[int] = ..., non_retryable: bool = ..., details: _Optional[_Union[Payload, _Mapping]] = ...) -> None: ...

class Status(_message.Message):
    __slots__ = ["code", "error", "message", "retry_after_ms"]
    CODE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    code: StatusCode
    error: SagaError
    message: str
    retry_after_ms: int
    def __init__(self, code: _Optional[_Union[StatusCode, str]] = ..., message: _Optional[str] = ..., error: _Optional[_Union[SagaError, _Mapping]] = ..., retry_after_ms: _Optional[int] = ...) -> None: ...

class UndoInput(_message.Message):
    __slots__ = ["data", "outcome", "output", "step_key"]
    DATA_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    STEP_KEY_FIELD_NUMBER: _ClassVar[int]
    data: Payload
    outcome: StepOutcome
    output: Payload
    step_key: str
    def __init__(self, output: _Optional[_Union[Payload, _Mapping]] = ..., data: _Optional[_Union[Payload, _Mapping]] = ..., outcome: _Optional[_Union[StepOutcome, str]] = ..., step_key: _Optional[str] = ...) -> None: ...

class UndoSpec(_message.Message):
    __slots__ = ["activity_type", "probe_activity_type", "retry", "task_queue", "timeouts", "undo_failed_step"]
    ACTIVITY_TYPE_FIELD_NUMBER: _ClassVar[int]
    PROBE_ACTIVITY_TYPE_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    TIMEOUTS_FIELD_NUMBER: _ClassVar[int]
    UNDO_FAILED_STEP_FIELD_NUMBER: _ClassVar[int]
    activity_type: str
    probe_activity_type: str
    retry: RetryPolicy
    task_queue: str
    timeouts: ActivityTimeouts
    undo_failed_step: UndoFailedStep
    def __init__(self, activity_type: _Optional[str] = ..., task_queue: _Optional[str] = ..., undo_failed_step: _Optional[_Union[UndoFailedStep, str]] = ..., retry: _Optional[_Union[RetryPolicy, _Mapping]] = ..., timeouts: _Optional[_Union[ActivityTimeouts, _Mapping]] = ..., probe_activity_type: _Optional[str] = ...) -> None: ...

class WorkflowRef(_message.Message):
    __slots__ = ["saga_id", "workflow_id"]
    SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    saga_id: bytes
    workflow_id: str
    def __init__(self, workflow_id: _Optional[str] = ..., saga_id: _Optional[bytes] = ...) -> None: ...

class ErrorKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class ErrorCategory(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class StatusCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class TimeoutKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class UndoFailedStep(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class StepOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class WorkflowStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class CompensationState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class UnwindCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class BlockCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class OperatorVerb(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class MarkerKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class ParentClosePolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class MessageKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
