from saga_engine.v1 import common_messages_pb2 as _common_messages_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
EVENT_CATEGORY_ACTIVITY: EventCategory
EVENT_CATEGORY_CHILD_WORKFLOW: EventCategory
EVENT_CATEGORY_COMMAND: EventCategory
EVENT_CATEGORY_COMPENSATION: EventCategory
EVENT_CATEGORY_DOMAIN: EventCategory
EVENT_CATEGORY_LOCAL_ACTIVITY: EventCategory
EVENT_CATEGORY_MARKER: EventCategory
EVENT_CATEGORY_SEARCH_ATTRIBUTE: EventCategory
EVENT_CATEGORY_SIDE_EFFECT: EventCategory
EVENT_CATEGORY_SIGNAL: EventCategory
EVENT_CATEGORY_SNAPSHOT: EventCategory
EVENT_CATEGORY_TIMER: EventCategory
EVENT_CATEGORY_UPDATE: EventCategory
EVENT_CATEGORY_WORKFLOW: EventCategory

class ActivityTaskCancelRequested(_message.Message):
    __slots__ = ["command_number", "scheduled_event_id"]
    COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    command_number: int
    scheduled_event_id: int
    def __init__(self, command_number: _Optional[int] = ..., scheduled_event_id: _Optional[int] = ...) -> None: ...

class ActivityTaskCanceled(_message.Message):
    __slots__ = ["details", "outcome", "scheduled_event_id"]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    details: _common_messages_pb2.Payload
    outcome: _common_messages_pb2.StepOutcome
    scheduled_event_id: int
    def __init__(self, scheduled_event_id: _Optional[int] = ..., outcome: _Optional[_Union[_common_messages_pb2.StepOutcome, str]] = ..., details: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ...) -> None: ...

class ActivityTaskCompleted(_message.Message):
    __slots__ = ["attempt", "output", "scheduled_event_id", "undo_data"]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    UNDO_DATA_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    output: _common_messages_pb2.Payload
    scheduled_event_id: int
    undo_data: _common_messages_pb2.Payload
    def __init__(self, scheduled_event_id: _Optional[int] = ..., attempt: _Optional[int] = ..., output: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., undo_data: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ...) -> None: ...

class ActivityTaskFailed(_message.Message):
    __slots__ = ["attempt", "error", "outcome", "scheduled_event_id"]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    error: _common_messages_pb2.SagaError
    outcome: _common_messages_pb2.StepOutcome
    scheduled_event_id: int
    def __init__(self, scheduled_event_id: _Optional[int] = ..., attempt: _Optional[int] = ..., error: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ..., outcome: _Optional[_Union[_common_messages_pb2.StepOutcome, str]] = ...) -> None: ...

class ActivityTaskRetryScheduled(_message.Message):
    __slots__ = ["attempt", "due_at_us", "error", "outcome", "scheduled_event_id"]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    DUE_AT_US_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    due_at_us: int
    error: _common_messages_pb2.SagaError
    outcome: _common_messages_pb2.StepOutcome
    scheduled_event_id: int
    def __init__(self, scheduled_event_id: _Optional[int] = ..., attempt: _Optional[int] = ..., error: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ..., outcome: _Optional[_Union[_common_messages_pb2.StepOutcome, str]] = ..., due_at_us: _Optional[int] = ...) -> None: ...

class ActivityTaskScheduled(_message.Message):
    __slots__ = ["activity_type", "command_number", "idempotency_key", "input", "pivot", "priority", "retry", "scope", "step_id", "task_queue", "timeouts", "undo", "undo_group"]
    ACTIVITY_TYPE_FIELD_NUMBER: _ClassVar[int]
    COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    PIVOT_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    TIMEOUTS_FIELD_NUMBER: _ClassVar[int]
    UNDO_FIELD_NUMBER: _ClassVar[int]
    UNDO_GROUP_FIELD_NUMBER: _ClassVar[int]
    activity_type: str
    command_number: int
    idempotency_key: str
    input: _common_messages_pb2.Payload
    pivot: bool
    priority: int
    retry: _common_messages_pb2.RetryPolicy
    scope: int
    step_id: str
    task_queue: str
    timeouts: _common_messages_pb2.ActivityTimeouts
    undo: _common_messages_pb2.UndoSpec
    undo_group: int
    def __init__(self, command_number: _Optional[int] = ..., step_id: _Optional[str] = ..., activity_type: _Optional[str] = ..., task_queue: _Optional[str] = ..., input: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., retry: _Optional[_Union[_common_messages_pb2.RetryPolicy, _Mapping]] = ..., timeouts: _Optional[_Union[_common_messages_pb2.ActivityTimeouts, _Mapping]] = ..., undo: _Optional[_Union[_common_messages_pb2.UndoSpec, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., priority: _Optional[int] = ..., pivot: bool = ..., scope: _Optional[int] = ..., undo_group: _Optional[int] = ...) -> None: ...

class ActivityTaskStarted(_message.Message):
    __slots__ = ["attempt", "completes_later", "identity", "scheduled_event_id", "started_at_us"]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    COMPLETES_LATER_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_US_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    completes_later: bool
    identity: str
    scheduled_event_id: int
    started_at_us: int
    def __init__(self, scheduled_event_id: _Optional[int] = ..., attempt: _Optional[int] = ..., identity: _Optional[str] = ..., started_at_us: _Optional[int] = ..., completes_later: bool = ...) -> None: ...

class ActivityTaskTimedOut(_message.Message):
    __slots__ = ["attempt", "outcome", "scheduled_event_id", "timeout"]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    outcome: _common_messages_pb2.StepOutcome
    scheduled_event_id: int
    timeout: _common_messages_pb2.TimeoutKind
    def __init__(self, scheduled_event_id: _Optional[int] = ..., attempt: _Optional[int] = ..., timeout: _Optional[_Union[_common_messages_pb2.TimeoutKind, str]] = ..., outcome: _Optional[_Union[_common_messages_pb2.StepOutcome, str]] = ...) -> None: ...

class ChildWorkflowExecutionCancelRequested(_message.Message):
    __slots__ = ["command_number", "initiated_event_id"]
    COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    INITIATED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    command_number: int
    initiated_event_id: int
    def __init__(self, command_number: _Optional[int] = ..., initiated_event_id: _Optional[int] = ...) -> None: ...

class ChildWorkflowExecutionCanceled(_message.Message):
    __slots__ = ["initiated_event_id"]
    INITIATED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    initiated_event_id: int
    def __init__(self, initiated_event_id: _Optional[int] = ...) -> None: ...

class ChildWorkflowExecutionCompleted(_message.Message):
    __slots__ = ["has_undo", "initiated_event_id", "output"]
    HAS_UNDO_FIELD_NUMBER: _ClassVar[int]
    INITIATED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    has_undo: bool
    initiated_event_id: int
    output: _common_messages_pb2.Payload
    def __init__(self, initiated_event_id: _Optional[int] = ..., output: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., has_undo: bool = ...) -> None: ...

class ChildWorkflowExecutionContinuedAsNew(_message.Message):
    __slots__ = ["initiated_event_id", "new_saga_id"]
    INITIATED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    NEW_SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    initiated_event_id: int
    new_saga_id: bytes
    def __init__(self, initiated_event_id: _Optional[int] = ..., new_saga_id: _Optional[bytes] = ...) -> None: ...

class ChildWorkflowExecutionFailed(_message.Message):
    __slots__ = ["error", "initiated_event_id"]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    INITIATED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    error: _common_messages_pb2.SagaError
    initiated_event_id: int
    def __init__(self, initiated_event_id: _Optional[int] = ..., error: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ...) -> None: ...

class ChildWorkflowExecutionStarted(_message.Message):
    __slots__ = ["child_saga_id", "initiated_event_id"]
    CHILD_SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    INITIATED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    child_saga_id: bytes
    initiated_event_id: int
    def __init__(self, initiated_event_id: _Optional[int] = ..., child_saga_id: _Optional[bytes] = ...) -> None: ...

class ChildWorkflowExecutionTerminated(_message.Message):
    __slots__ = ["initiated_event_id"]
    INITIATED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    initiated_event_id: int
    def __init__(self, initiated_event_id: _Optional[int] = ...) -> None: ...

class ChildWorkflowExecutionTimedOut(_message.Message):
    __slots__ = ["initiated_event_id"]
    INITIATED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    initiated_event_id: int
    def __init__(self, initiated_event_id: _Optional[int] = ...) -> None: ...

class CommandCompleted(_message.Message):
    __slots__ = ["issued_event_id", "output"]
    ISSUED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    issued_event_id: int
    output: _common_messages_pb2.Payload
    def __init__(self, issued_event_id: _Optional[int] = ..., output: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ...) -> None: ...

class CommandFailed(_message.Message):
    __slots__ = ["error", "issued_event_id"]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ISSUED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    error: _common_messages_pb2.SagaError
    issued_event_id: int
    def __init__(self, issued_event_id: _Optional[int] = ..., error: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ...) -> None: ...

class CommandIssued(_message.Message):
    __slots__ = ["command_number", "input", "kind"]
    COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    command_number: int
    input: _common_messages_pb2.Payload
    kind: str
    def __init__(self, command_number: _Optional[int] = ..., kind: _Optional[str] = ..., input: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ...) -> None: ...

class CompensationBlocked(_message.Message):
    __slots__ = ["error", "step_event_id"]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    STEP_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    error: _common_messages_pb2.SagaError
    step_event_id: int
    def __init__(self, step_event_id: _Optional[int] = ..., error: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ...) -> None: ...

class CompensationCompleted(_message.Message):
    __slots__ = ["scope", "summary"]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    scope: int
    summary: _common_messages_pb2.CompensationSummary
    def __init__(self, summary: _Optional[_Union[_common_messages_pb2.CompensationSummary, _Mapping]] = ..., scope: _Optional[int] = ...) -> None: ...

class CompensationOperatorAction(_message.Message):
    __slots__ = ["identity", "input", "reason", "request_id", "step_event_id", "verb"]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    VERB_FIELD_NUMBER: _ClassVar[int]
    identity: str
    input: _common_messages_pb2.Payload
    reason: str
    request_id: str
    step_event_id: int
    verb: _common_messages_pb2.OperatorVerb
    def __init__(self, verb: _Optional[_Union[_common_messages_pb2.OperatorVerb, str]] = ..., step_event_id: _Optional[int] = ..., reason: _Optional[str] = ..., identity: _Optional[str] = ..., request_id: _Optional[str] = ..., input: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ...) -> None: ...

class CompensationResolved(_message.Message):
    __slots__ = ["identity", "note", "step_event_id"]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    STEP_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    identity: str
    note: str
    step_event_id: int
    def __init__(self, step_event_id: _Optional[int] = ..., note: _Optional[str] = ..., identity: _Optional[str] = ...) -> None: ...

class CompensationStarted(_message.Message):
    __slots__ = ["cause", "command_number", "error", "identity", "reason", "request_id", "reset_to_event_id", "scope"]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RESET_TO_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    cause: _common_messages_pb2.UnwindCause
    command_number: int
    error: _common_messages_pb2.SagaError
    identity: str
    reason: str
    request_id: str
    reset_to_event_id: int
    scope: int
    def __init__(self, cause: _Optional[_Union[_common_messages_pb2.UnwindCause, str]] = ..., error: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ..., scope: _Optional[int] = ..., command_number: _Optional[int] = ..., reason: _Optional[str] = ..., identity: _Optional[str] = ..., request_id: _Optional[str] = ..., reset_to_event_id: _Optional[int] = ...) -> None: ...

class CompensationStepCompleted(_message.Message):
    __slots__ = ["attempt", "output", "step_event_id"]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    STEP_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    output: _common_messages_pb2.Payload
    step_event_id: int
    def __init__(self, step_event_id: _Optional[int] = ..., attempt: _Optional[int] = ..., output: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ...) -> None: ...

class CompensationStepFailed(_message.Message):
    __slots__ = ["attempt", "error", "step_event_id"]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    STEP_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    error: _common_messages_pb2.SagaError
    step_event_id: int
    def __init__(self, step_event_id: _Optional[int] = ..., attempt: _Optional[int] = ..., error: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ...) -> None: ...

class CompensationStepProbed(_message.Message):
    __slots__ = ["happened", "output", "step_event_id", "undo_data"]
    HAPPENED_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    STEP_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    UNDO_DATA_FIELD_NUMBER: _ClassVar[int]
    happened: bool
    output: _common_messages_pb2.Payload
    step_event_id: int
    undo_data: _common_messages_pb2.Payload
    def __init__(self, step_event_id: _Optional[int] = ..., happened: bool = ..., output: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., undo_data: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ...) -> None: ...

class CompensationStepRetryScheduled(_message.Message):
    __slots__ = ["attempt", "due_at_us", "error", "step_event_id"]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    DUE_AT_US_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    STEP_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    due_at_us: int
    error: _common_messages_pb2.SagaError
    step_event_id: int
    def __init__(self, step_event_id: _Optional[int] = ..., attempt: _Optional[int] = ..., error: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ..., due_at_us: _Optional[int] = ...) -> None: ...

class CompensationStepSkipped(_message.Message):
    __slots__ = ["identity", "reason", "step_event_id"]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    STEP_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    identity: str
    reason: str
    step_event_id: int
    def __init__(self, step_event_id: _Optional[int] = ..., reason: _Optional[str] = ..., identity: _Optional[str] = ...) -> None: ...

class CompensationStepStarted(_message.Message):
    __slots__ = ["activity_type", "edited_input", "idempotency_key", "outcome", "step_event_id", "task_queue"]
    ACTIVITY_TYPE_FIELD_NUMBER: _ClassVar[int]
    EDITED_INPUT_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    STEP_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    activity_type: str
    edited_input: _common_messages_pb2.Payload
    idempotency_key: str
    outcome: _common_messages_pb2.StepOutcome
    step_event_id: int
    task_queue: str
    def __init__(self, step_event_id: _Optional[int] = ..., activity_type: _Optional[str] = ..., task_queue: _Optional[str] = ..., outcome: _Optional[_Union[_common_messages_pb2.StepOutcome, str]] = ..., idempotency_key: _Optional[str] = ..., edited_input: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ...) -> None: ...

class DomainEvent(_message.Message):
    __slots__ = ["payload", "type_name", "type_version"]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    TYPE_NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_VERSION_FIELD_NUMBER: _ClassVar[int]
    payload: _common_messages_pb2.Payload
    type_name: str
    type_version: int
    def __init__(self, type_name: _Optional[str] = ..., type_version: _Optional[int] = ..., payload: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ...) -> None: ...

class ExternalSignalDelivered(_message.Message):
    __slots__ = ["requested_event_id"]
    REQUESTED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    requested_event_id: int
    def __init__(self, requested_event_id: _Optional[int] = ...) -> None: ...

class ExternalSignalFailed(_message.Message):
    __slots__ = ["error", "requested_event_id"]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    error: _common_messages_pb2.SagaError
    requested_event_id: int
    def __init__(self, requested_event_id: _Optional[int] = ..., error: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ...) -> None: ...

class ExternalSignalRequested(_message.Message):
    __slots__ = ["command_number", "name", "payload", "target_namespace", "target_saga_id", "target_workflow_id"]
    COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    TARGET_NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    TARGET_SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    TARGET_WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    command_number: int
    name: str
    payload: _common_messages_pb2.Payload
    target_namespace: str
    target_saga_id: bytes
    target_workflow_id: str
    def __init__(self, command_number: _Optional[int] = ..., target_namespace: _Optional[str] = ..., target_workflow_id: _Optional[str] = ..., target_saga_id: _Optional[bytes] = ..., name: _Optional[str] = ..., payload: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ...) -> None: ...

class HistoryEvent(_message.Message):
    __slots__ = ["activity_task_cancel_requested", "activity_task_canceled", "activity_task_completed", "activity_task_failed", "activity_task_retry_scheduled", "activity_task_scheduled", "activity_task_started", "activity_task_timed_out", "category", "child_workflow_execution_cancel_requested", "child_workflow_execution_canceled", "child_workflow_execution_completed", "child_workflow_execution_continued_as_new", "child_workflow_execution_failed", "child_workflow_execution_started", "child_workflow_execution_terminated", "child_workflow_execution_timed_out", "command_completed", "command_failed", "command_issued", "compensation_blocked", "compensation_completed", "compensation_operator_action", "compensation_resolved", "compensation_started", "compensation_step_completed", "compensation_step_failed", "compensation_step_probed", "compensation_step_retry_scheduled", "compensation_step_skipped", "compensation_step_started", "domain_event", "event_id", "event_type", "event_version", "external_signal_delivered", "external_signal_failed", "external_signal_requested", "is_reset_point", "is_retry", "local_activity_canceled", "local_activity_completed", "local_activity_failed", "local_activity_scheduled", "local_activity_timed_out", "marker_recorded", "parent_event_id", "saga_id", "side_effect_recorded", "signal_received", "snapshot_created", "start_child_workflow_execution_failed", "start_child_workflow_execution_initiated", "task_queue", "timer_canceled", "timer_created", "timer_fired", "timestamp_us", "trace_id", "upsert_search_attributes", "version_marker_recorded", "workflow_execution_blocked", "workflow_execution_cancel_requested", "workflow_execution_canceled", "workflow_execution_completed", "workflow_execution_continued_as_new", "workflow_execution_failed", "workflow_execution_paused", "workflow_execution_reset", "workflow_execution_resumed", "workflow_execution_started", "workflow_execution_terminated", "workflow_execution_timed_out", "workflow_execution_unblocked", "workflow_update_accepted", "workflow_update_completed", "workflow_update_rejected", "workflow_update_rolled_back"]
    ACTIVITY_TASK_CANCELED_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_TASK_CANCEL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_TASK_COMPLETED_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_TASK_FAILED_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_TASK_RETRY_SCHEDULED_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_TASK_SCHEDULED_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_TASK_STARTED_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_TASK_TIMED_OUT_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    CHILD_WORKFLOW_EXECUTION_CANCELED_FIELD_NUMBER: _ClassVar[int]
    CHILD_WORKFLOW_EXECUTION_CANCEL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    CHILD_WORKFLOW_EXECUTION_COMPLETED_FIELD_NUMBER: _ClassVar[int]
    CHILD_WORKFLOW_EXECUTION_CONTINUED_AS_NEW_FIELD_NUMBER: _ClassVar[int]
    CHILD_WORKFLOW_EXECUTION_FAILED_FIELD_NUMBER: _ClassVar[int]
    CHILD_WORKFLOW_EXECUTION_STARTED_FIELD_NUMBER: _ClassVar[int]
    CHILD_WORKFLOW_EXECUTION_TERMINATED_FIELD_NUMBER: _ClassVar[int]
    CHILD_WORKFLOW_EXECUTION_TIMED_OUT_FIELD_NUMBER: _ClassVar[int]
    COMMAND_COMPLETED_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FAILED_FIELD_NUMBER: _ClassVar[int]
    COMMAND_ISSUED_FIELD_NUMBER: _ClassVar[int]
    COMPENSATION_BLOCKED_FIELD_NUMBER: _ClassVar[int]
    COMPENSATION_COMPLETED_FIELD_NUMBER: _ClassVar[int]
    COMPENSATION_OPERATOR_ACTION_FIELD_NUMBER: _ClassVar[int]
    COMPENSATION_RESOLVED_FIELD_NUMBER: _ClassVar[int]
    COMPENSATION_STARTED_FIELD_NUMBER: _ClassVar[int]
    COMPENSATION_STEP_COMPLETED_FIELD_NUMBER: _ClassVar[int]
    COMPENSATION_STEP_FAILED_FIELD_NUMBER: _ClassVar[int]
    COMPENSATION_STEP_PROBED_FIELD_NUMBER: _ClassVar[int]
    COMPENSATION_STEP_RETRY_SCHEDULED_FIELD_NUMBER: _ClassVar[int]
    COMPENSATION_STEP_SKIPPED_FIELD_NUMBER: _ClassVar[int]
    COMPENSATION_STEP_STARTED_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_EVENT_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    EVENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_SIGNAL_DELIVERED_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_SIGNAL_FAILED_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_SIGNAL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    IS_RESET_POINT_FIELD_NUMBER: _ClassVar[int]
    IS_RETRY_FIELD_NUMBER: _ClassVar[int]
    LOCAL_ACTIVITY_CANCELED_FIELD_NUMBER: _ClassVar[int]
    LOCAL_ACTIVITY_COMPLETED_FIELD_NUMBER: _ClassVar[int]
    LOCAL_ACTIVITY_FAILED_FIELD_NUMBER: _ClassVar[int]
    LOCAL_ACTIVITY_SCHEDULED_FIELD_NUMBER: _ClassVar[int]
    LOCAL_ACTIVITY_TIMED_OUT_FIELD_NUMBER: _ClassVar[int]
    MARKER_RECORDED_FIELD_NUMBER: _ClassVar[int]
    PARENT_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    SIDE_EFFECT_RECORDED_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_CREATED_FIELD_NUMBER: _ClassVar[int]
    START_CHILD_WORKFLOW_EXECUTION_FAILED_FIELD_NUMBER: _ClassVar[int]
    START_CHILD_WORKFLOW_EXECUTION_INITIATED_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    TIMER_CANCELED_FIELD_NUMBER: _ClassVar[int]
    TIMER_CREATED_FIELD_NUMBER: _ClassVar[int]
    TIMER_FIRED_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_US_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    UPSERT_SEARCH_ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    VERSION_MARKER_RECORDED_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_EXECUTION_BLOCKED_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_EXECUTION_CANCELED_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_EXECUTION_CANCEL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_EXECUTION_COMPLETED_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_EXECUTION_CONTINUED_AS_NEW_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_EXECUTION_FAILED_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_EXECUTION_PAUSED_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_EXECUTION_RESET_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_EXECUTION_RESUMED_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_EXECUTION_STARTED_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_EXECUTION_TERMINATED_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_EXECUTION_TIMED_OUT_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_EXECUTION_UNBLOCKED_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_UPDATE_ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_UPDATE_COMPLETED_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_UPDATE_REJECTED_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_UPDATE_ROLLED_BACK_FIELD_NUMBER: _ClassVar[int]
    activity_task_cancel_requested: ActivityTaskCancelRequested
    activity_task_canceled: ActivityTaskCanceled
    activity_task_completed: ActivityTaskCompleted
    activity_task_failed: ActivityTaskFailed
    activity_task_retry_scheduled: ActivityTaskRetryScheduled
    activity_task_scheduled: ActivityTaskScheduled
    activity_task_started: ActivityTaskStarted
    activity_task_timed_out: ActivityTaskTimedOut
    category: EventCategory
    child_workflow_execution_cancel_requested: ChildWorkflowExecutionCancelRequested
    child_workflow_execution_canceled: ChildWorkflowExecutionCanceled
    child_workflow_execution_completed: ChildWorkflowExecutionCompleted
    child_workflow_execution_continued_as_new: ChildWorkflowExecutionContinuedAsNew
    child_workflow_execution_failed: ChildWorkflowExecutionFailed
    child_workflow_execution_started: ChildWorkflowExecutionStarted
    child_workflow_execution_terminated: ChildWorkflowExecutionTerminated
    child_workflow_execution_timed_out: ChildWorkflowExecutionTimedOut
    command_completed: CommandCompleted
    command_failed: CommandFailed
    command_issued: CommandIssued
    compensation_blocked: CompensationBlocked
    compensation_completed: CompensationCompleted
    compensation_operator_action: CompensationOperatorAction
    compensation_resolved: CompensationResolved
    compensation_started: CompensationStarted
    compensation_step_completed: CompensationStepCompleted
    compensation_step_failed: CompensationStepFailed
    compensation_step_probed: CompensationStepProbed
    compensation_step_retry_scheduled: CompensationStepRetryScheduled
    compensation_step_skipped: CompensationStepSkipped
    compensation_step_started: CompensationStepStarted
    domain_event: DomainEvent
    event_id: int
    event_type: int
    event_version: int
    external_signal_delivered: ExternalSignalDelivered
    external_signal_failed: ExternalSignalFailed
    external_signal_requested: ExternalSignalRequested
    is_reset_point: bool
    is_retry: bool
    local_activity_canceled: LocalActivityCanceled
    local_activity_completed: LocalActivityCompleted
    local_activity_failed: LocalActivityFailed
    local_activity_scheduled: LocalActivityScheduled
    local_activity_timed_out: LocalActivityTimedOut
    marker_recorded: MarkerRecorded
    parent_event_id: int
    saga_id: bytes
    side_effect_recorded: SideEffectRecorded
    signal_received: SignalReceived
    snapshot_created: SnapshotCreated
    start_child_workflow_execution_failed: StartChildWorkflowExecutionFailed
    start_child_workflow_execution_initiated: StartChildWorkflowExecutionInitiated
    task_queue: str
    timer_canceled: TimerCanceled
    timer_created: TimerCreated
    timer_fired: TimerFired
    timestamp_us: int
    trace_id: str
    upsert_search_attributes: UpsertSearchAttributes
    version_marker_recorded: VersionMarkerRecorded
    workflow_execution_blocked: WorkflowExecutionBlocked
    workflow_execution_cancel_requested: WorkflowExecutionCancelRequested
    workflow_execution_canceled: WorkflowExecutionCanceled
    workflow_execution_completed: WorkflowExecutionCompleted
    workflow_execution_continued_as_new: WorkflowExecutionContinuedAsNew
    workflow_execution_failed: WorkflowExecutionFailed
    workflow_execution_paused: WorkflowExecutionPaused
    workflow_execution_reset: WorkflowExecutionReset
    workflow_execution_resumed: WorkflowExecutionResumed
    workflow_execution_started: WorkflowExecutionStarted
    workflow_execution_terminated: WorkflowExecutionTerminated
    workflow_execution_timed_out: WorkflowExecutionTimedOut
    workflow_execution_unblocked: WorkflowExecutionUnblocked
    workflow_update_accepted: WorkflowUpdateAccepted
    workflow_update_completed: WorkflowUpdateCompleted
    workflow_update_rejected: WorkflowUpdateRejected
    workflow_update_rolled_back: WorkflowUpdateRolledBack
    def __init__(self, event_id: _Optional[int] = ..., saga_id: _Optional[bytes] = ..., event_type: _Optional[int] = ..., category: _Optional[_Union[EventCategory, str]] = ..., timestamp_us: _Optional[int] = ..., event_version: _Optional[int] = ..., is_reset_point: bool = ..., is_retry: bool = ..., parent_event_id: _Optional[int] = ..., task_queue: _Optional[str] = ..., trace_id: _Optional[str] = ..., workflow_execution_started: _Optional[_Union[WorkflowExecutionStarted, _Mapping]] = ..., workflow_execution_completed: _Optional[_Union[WorkflowExecutionCompleted, _Mapping]] = ..., workflow_execution_failed: _Optional[_Union[WorkflowExecutionFailed, _Mapping]] = ..., workflow_execution_timed_out: _Optional[_Union[WorkflowExecutionTimedOut, _Mapping]] = ..., workflow_execution_canceled: _Optional[_Union[WorkflowExecutionCanceled, _Mapping]] = ..., workflow_execution_continued_as_new: _Optional[_Union[WorkflowExecutionContinuedAsNew, _Mapping]] = ..., workflow_execution_terminated: _Optional[_Union[WorkflowExecutionTerminated, _Mapping]] = ..., workflow_execution_cancel_requested: _Optional[_Union[WorkflowExecutionCancelRequested, _Mapping]] = ..., workflow_execution_reset: _Optional[_Union[WorkflowExecutionReset, _Mapping]] = ..., workflow_execution_blocked: _Optional[_Union[WorkflowExecutionBlocked, _Mapping]] = ..., workflow_execution_unblocked: _Optional[_Union[WorkflowExecutionUnblocked, _Mapping]] = ..., workflow_execution_paused: _Optional[_Union[WorkflowExecutionPaused, _Mapping]] = ..., workflow_execution_resumed: _Optional[_Union[WorkflowExecutionResumed, _Mapping]] = ..., activity_task_scheduled: _Optional[_Union[ActivityTaskScheduled, _Mapping]] = ..., activity_task_started: _Optional[_Union[ActivityTaskStarted, _Mapping]] = ..., activity_task_completed: _Optional[_Union[ActivityTaskCompleted, _Mapping]] = ..., activity_task_failed: _Optional[_Union[ActivityTaskFailed, _Mapping]] = ..., activity_task_timed_out: _Optional[_Union[ActivityTaskTimedOut, _Mapping]] = ..., activity_task_canceled: _Optional[_Union[ActivityTaskCanceled, _Mapping]] = ..., activity_task_cancel_requested: _Optional[_Union[ActivityTaskCancelRequested, _Mapping]] = ..., activity_task_retry_scheduled: _Optional[_Union[ActivityTaskRetryScheduled, _Mapping]] = ..., timer_created: _Optional[_Union[TimerCreated, _Mapping]] = ..., timer_fired: _Optional[_Union[TimerFired, _Mapping]] = ..., timer_canceled: _Optional[_Union[TimerCanceled, _Mapping]] = ..., signal_received: _Optional[_Union[SignalReceived, _Mapping]] = ..., external_signal_requested: _Optional[_Union[ExternalSignalRequested, _Mapping]] = ..., external_signal_delivered: _Optional[_Union[ExternalSignalDelivered, _Mapping]] = ..., external_signal_failed: _Optional[_Union[ExternalSignalFailed, _Mapping]] = ..., marker_recorded: _Optional[_Union[MarkerRecorded, _Mapping]] = ..., version_marker_recorded: _Optional[_Union[VersionMarkerRecorded, _Mapping]] = ..., snapshot_created: _Optional[_Union[SnapshotCreated, _Mapping]] = ..., command_issued: _Optional[_Union[CommandIssued, _Mapping]] = ..., command_completed: _Optional[_Union[CommandCompleted, _Mapping]] = ..., command_failed: _Optional[_Union[CommandFailed, _Mapping]] = ..., start_child_workflow_execution_initiated: _Optional[_Union[StartChildWorkflowExecutionInitiated, _Mapping]] = ..., child_workflow_execution_started: _Optional[_Union[ChildWorkflowExecutionStarted, _Mapping]] = ..., child_workflow_execution_completed: _Optional[_Union[ChildWorkflowExecutionCompleted, _Mapping]] = ..., child_workflow_execution_failed: _Optional[_Union[ChildWorkflowExecutionFailed, _Mapping]] = ..., child_workflow_execution_canceled: _Optional[_Union[ChildWorkflowExecutionCanceled, _Mapping]] = ..., child_workflow_execution_timed_out: _Optional[_Union[ChildWorkflowExecutionTimedOut, _Mapping]] = ..., child_workflow_execution_terminated: _Optional[_Union[ChildWorkflowExecutionTerminated, _Mapping]] = ..., child_workflow_execution_continued_as_new: _Optional[_Union[ChildWorkflowExecutionContinuedAsNew, _Mapping]] = ..., child_workflow_execution_cancel_requested: _Optional[_Union[ChildWorkflowExecutionCancelRequested, _Mapping]] = ..., start_child_workflow_execution_failed: _Optional[_Union[StartChildWorkflowExecutionFailed, _Mapping]] = ..., local_activity_scheduled: _Optional[_Union[LocalActivityScheduled, _Mapping]] = ..., local_activity_completed: _Optional[_Union[LocalActivityCompleted, _Mapping]] = ..., local_activity_failed: _Optional[_Union[LocalActivityFailed, _Mapping]] = ..., local_activity_timed_out: _Optional[_Union[LocalActivityTimedOut, _Mapping]] = ..., local_activity_canceled: _Optional[_Union[LocalActivityCanceled, _Mapping]] = ..., side_effect_recorded: _Optional[_Union[SideEffectRecorded, _Mapping]] = ..., workflow_update_accepted: _Optional[_Union[WorkflowUpdateAccepted, _Mapping]] = ..., workflow_update_rejected: _Optional[_Union[WorkflowUpdateRejected, _Mapping]] = ..., workflow_update_completed: _Optional[_Union[WorkflowUpdateCompleted, _Mapping]] = ..., workflow_update_rolled_back: _Optional[_Union[WorkflowUpdateRolledBack, _Mapping]] = ..., upsert_search_attributes: _Optional[_Union[UpsertSearchAttributes, _Mapping]] = ..., compensation_started: _Optional[_Union[CompensationStarted, _Mapping]] = ..., compensation_step_started: _Optional[_Union[CompensationStepStarted, _Mapping]] = ..., compensation_step_completed: _Optional[_Union[CompensationStepCompleted, _Mapping]] = ..., compensation_step_failed: _Optional[_Union[CompensationStepFailed, _Mapping]] = ..., compensation_step_retry_scheduled: _Optional[_Union[CompensationStepRetryScheduled, _Mapping]] = ..., compensation_step_skipped: _Optional[_Union[CompensationStepSkipped, _Mapping]] = ..., compensation_step_probed: _Optional[_Union[CompensationStepProbed, _Mapping]] = ..., compensation_blocked: _Optional[_Union[CompensationBlocked, _Mapping]] = ..., compensation_resolved: _Optional[_Union[CompensationResolved, _Mapping]] = ..., compensation_completed: _Optional[_Union[CompensationCompleted, _Mapping]] = ..., compensation_operator_action: _Optional[_Union[CompensationOperatorAction, _Mapping]] = ..., domain_event: _Optional[_Union[DomainEvent, _Mapping]] = ...) -> None: ...

class LocalActivityCanceled(_message.Message):
    __slots__ = ["activity_type", "command_number", "outcome", "scheduled_event_id"]
    ACTIVITY_TYPE_FIELD_NUMBER: _ClassVar[int]
    COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    activity_type: str
    command_number: int
    outcome: _common_messages_pb2.StepOutcome
    scheduled_event_id: int
    def __init__(self, command_number: _Optional[int] = ..., scheduled_event_id: _Optional[int] = ..., activity_type: _Optional[str] = ..., outcome: _Optional[_Union[_common_messages_pb2.StepOutcome, str]] = ...) -> None: ...

class LocalActivityCompleted(_message.Message):
    __slots__ = ["activity_type", "command_number", "output", "scheduled_event_id"]
    ACTIVITY_TYPE_FIELD_NUMBER: _ClassVar[int]
    COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    activity_type: str
    command_number: int
    output: _common_messages_pb2.Payload
    scheduled_event_id: int
    def __init__(self, command_number: _Optional[int] = ..., scheduled_event_id: _Optional[int] = ..., activity_type: _Optional[str] = ..., output: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ...) -> None: ...

class LocalActivityFailed(_message.Message):
    __slots__ = ["activity_type", "command_number", "error", "outcome", "scheduled_event_id"]
    ACTIVITY_TYPE_FIELD_NUMBER: _ClassVar[int]
    COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    activity_type: str
    command_number: int
    error: _common_messages_pb2.SagaError
    outcome: _common_messages_pb2.StepOutcome
    scheduled_event_id: int
    def __init__(self, command_number: _Optional[int] = ..., scheduled_event_id: _Optional[int] = ..., activity_type: _Optional[str] = ..., error: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ..., outcome: _Optional[_Union[_common_messages_pb2.StepOutcome, str]] = ...) -> None: ...

class LocalActivityScheduled(_message.Message):
    __slots__ = ["activity_type", "command_number", "idempotency_key", "input", "scope", "step_id", "undo"]
    ACTIVITY_TYPE_FIELD_NUMBER: _ClassVar[int]
    COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    UNDO_FIELD_NUMBER: _ClassVar[int]
    activity_type: str
    command_number: int
    idempotency_key: str
    input: _common_messages_pb2.Payload
    scope: int
    step_id: str
    undo: _common_messages_pb2.UndoSpec
    def __init__(self, command_number: _Optional[int] = ..., step_id: _Optional[str] = ..., activity_type: _Optional[str] = ..., input: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., undo: _Optional[_Union[_common_messages_pb2.UndoSpec, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., scope: _Optional[int] = ...) -> None: ...

class LocalActivityTimedOut(_message.Message):
    __slots__ = ["activity_type", "command_number", "outcome", "scheduled_event_id"]
    ACTIVITY_TYPE_FIELD_NUMBER: _ClassVar[int]
    COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    activity_type: str
    command_number: int
    outcome: _common_messages_pb2.StepOutcome
    scheduled_event_id: int
    def __init__(self, command_number: _Optional[int] = ..., scheduled_event_id: _Optional[int] = ..., activity_type: _Optional[str] = ..., outcome: _Optional[_Union[_common_messages_pb2.StepOutcome, str]] = ...) -> None: ...

class MarkerRecorded(_message.Message):
    __slots__ = ["command_number", "details", "kind", "name", "output", "scope", "undo"]
    COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    UNDO_FIELD_NUMBER: _ClassVar[int]
    command_number: int
    details: _common_messages_pb2.Payload
    kind: _common_messages_pb2.MarkerKind
    name: str
    output: _common_messages_pb2.Payload
    scope: int
    undo: _common_messages_pb2.UndoSpec
    def __init__(self, command_number: _Optional[int] = ..., kind: _Optional[_Union[_common_messages_pb2.MarkerKind, str]] = ..., name: _Optional[str] = ..., details: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., output: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., undo: _Optional[_Union[_common_messages_pb2.UndoSpec, _Mapping]] = ..., scope: _Optional[int] = ...) -> None: ...

class SideEffectRecorded(_message.Message):
    __slots__ = ["command_number", "value"]
    COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    command_number: int
    value: _common_messages_pb2.Payload
    def __init__(self, command_number: _Optional[int] = ..., value: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ...) -> None: ...

class SignalReceived(_message.Message):
    __slots__ = ["code_gone", "identity", "name", "payload", "request_id", "signal_id"]
    CODE_GONE_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    code_gone: bool
    identity: str
    name: str
    payload: _common_messages_pb2.Payload
    request_id: str
    signal_id: str
    def __init__(self, name: _Optional[str] = ..., payload: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., signal_id: _Optional[str] = ..., request_id: _Optional[str] = ..., identity: _Optional[str] = ..., code_gone: bool = ...) -> None: ...

class SnapshotCreated(_message.Message):
    __slots__ = ["checksum", "size_bytes", "upto_event_id"]
    CHECKSUM_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    UPTO_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    checksum: int
    size_bytes: int
    upto_event_id: int
    def __init__(self, upto_event_id: _Optional[int] = ..., size_bytes: _Optional[int] = ..., checksum: _Optional[int] = ...) -> None: ...

class StartChildWorkflowExecutionFailed(_message.Message):
    __slots__ = ["error", "initiated_event_id"]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    INITIATED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    error: _common_messages_pb2.SagaError
    initiated_event_id: int
    def __init__(self, initiated_event_id: _Optional[int] = ..., error: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ...) -> None: ...

class StartChildWorkflowExecutionInitiated(_message.Message):
    __slots__ = ["command_number", "execution_timeout_us", "input", "parent_close_policy", "scope", "task_queue", "workflow_id", "workflow_type"]
    COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_TIMEOUT_US_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    PARENT_CLOSE_POLICY_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_TYPE_FIELD_NUMBER: _ClassVar[int]
    command_number: int
    execution_timeout_us: int
    input: _common_messages_pb2.Payload
    parent_close_policy: _common_messages_pb2.ParentClosePolicy
    scope: int
    task_queue: str
    workflow_id: str
    workflow_type: str
    def __init__(self, command_number: _Optional[int] = ..., workflow_id: _Optional[str] = ..., workflow_type: _Optional[str] = ..., task_queue: _Optional[str] = ..., input: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., parent_close_policy: _Optional[_Union[_common_messages_pb2.ParentClosePolicy, str]] = ..., scope: _Optional[int] = ..., execution_timeout_us: _Optional[int] = ...) -> None: ...

class TimerCanceled(_message.Message):
    __slots__ = ["command_number", "created_event_id"]
    COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    CREATED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    command_number: int
    created_event_id: int
    def __init__(self, command_number: _Optional[int] = ..., created_event_id: _Optional[int] = ...) -> None: ...

class TimerCreated(_message.Message):
    __slots__ = ["callback", "command_number", "due_at_us", "timer_id"]
    CALLBACK_FIELD_NUMBER: _ClassVar[int]
    COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    DUE_AT_US_FIELD_NUMBER: _ClassVar[int]
    TIMER_ID_FIELD_NUMBER: _ClassVar[int]
    callback: str
    command_number: int
    due_at_us: int
    timer_id: str
    def __init__(self, command_number: _Optional[int] = ..., timer_id: _Optional[str] = ..., due_at_us: _Optional[int] = ..., callback: _Optional[str] = ...) -> None: ...

class TimerFired(_message.Message):
    __slots__ = ["created_event_id"]
    CREATED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    created_event_id: int
    def __init__(self, created_event_id: _Optional[int] = ...) -> None: ...

class UpsertSearchAttributes(_message.Message):
    __slots__ = ["attributes", "command_number"]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    attributes: _containers.RepeatedCompositeFieldContainer[_common_messages_pb2.NamedPayload]
    command_number: int
    def __init__(self, command_number: _Optional[int] = ..., attributes: _Optional[_Iterable[_Union[_common_messages_pb2.NamedPayload, _Mapping]]] = ...) -> None: ...

class VersionMarkerRecorded(_message.Message):
    __slots__ = ["change_id", "command_number", "version"]
    CHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    change_id: str
    command_number: int
    version: int
    def __init__(self, command_number: _Optional[int] = ..., change_id: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class WorkflowExecutionBlocked(_message.Message):
    __slots__ = ["cause", "error", "message"]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    cause: _common_messages_pb2.BlockCause
    error: _common_messages_pb2.SagaError
    message: str
    def __init__(self, cause: _Optional[_Union[_common_messages_pb2.BlockCause, str]] = ..., message: _Optional[str] = ..., error: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ...) -> None: ...

class WorkflowExecutionCancelRequested(_message.Message):
    __slots__ = ["identity", "reason", "request_id"]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    identity: str
    reason: str
    request_id: str
    def __init__(self, reason: _Optional[str] = ..., identity: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class WorkflowExecutionCanceled(_message.Message):
    __slots__ = ["command_number", "compensation", "reason", "unconsumed_signals"]
    COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    COMPENSATION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    UNCONSUMED_SIGNALS_FIELD_NUMBER: _ClassVar[int]
    command_number: int
    compensation: _common_messages_pb2.CompensationSummary
    reason: str
    unconsumed_signals: int
    def __init__(self, command_number: _Optional[int] = ..., reason: _Optional[str] = ..., compensation: _Optional[_Union[_common_messages_pb2.CompensationSummary, _Mapping]] = ..., unconsumed_signals: _Optional[int] = ...) -> None: ...

class WorkflowExecutionCompleted(_message.Message):
    __slots__ = ["command_number", "compensation", "output", "unconsumed_signals"]
    COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    COMPENSATION_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    UNCONSUMED_SIGNALS_FIELD_NUMBER: _ClassVar[int]
    command_number: int
    compensation: _common_messages_pb2.CompensationSummary
    output: _common_messages_pb2.Payload
    unconsumed_signals: int
    def __init__(self, command_number: _Optional[int] = ..., output: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., compensation: _Optional[_Union[_common_messages_pb2.CompensationSummary, _Mapping]] = ..., unconsumed_signals: _Optional[int] = ...) -> None: ...

class WorkflowExecutionContinuedAsNew(_message.Message):
    __slots__ = ["command_number", "input", "new_saga_id", "undo_carried"]
    COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    NEW_SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    UNDO_CARRIED_FIELD_NUMBER: _ClassVar[int]
    command_number: int
    input: _common_messages_pb2.Payload
    new_saga_id: bytes
    undo_carried: bool
    def __init__(self, command_number: _Optional[int] = ..., new_saga_id: _Optional[bytes] = ..., input: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., undo_carried: bool = ...) -> None: ...

class WorkflowExecutionFailed(_message.Message):
    __slots__ = ["command_number", "compensation", "error", "unconsumed_signals"]
    COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    COMPENSATION_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    UNCONSUMED_SIGNALS_FIELD_NUMBER: _ClassVar[int]
    command_number: int
    compensation: _common_messages_pb2.CompensationSummary
    error: _common_messages_pb2.SagaError
    unconsumed_signals: int
    def __init__(self, command_number: _Optional[int] = ..., error: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ..., compensation: _Optional[_Union[_common_messages_pb2.CompensationSummary, _Mapping]] = ..., unconsumed_signals: _Optional[int] = ...) -> None: ...

class WorkflowExecutionPaused(_message.Message):
    __slots__ = ["identity", "reason", "request_id"]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    identity: str
    reason: str
    request_id: str
    def __init__(self, reason: _Optional[str] = ..., identity: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class WorkflowExecutionReset(_message.Message):
    __slots__ = ["base_event_id", "base_saga_id", "carried_messages", "carried_undo", "identity", "origins", "reason", "request_id"]
    BASE_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    BASE_SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    CARRIED_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    CARRIED_UNDO_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    ORIGINS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    base_event_id: int
    base_saga_id: bytes
    carried_messages: _containers.RepeatedCompositeFieldContainer[_common_messages_pb2.CarriedMessage]
    carried_undo: _containers.RepeatedCompositeFieldContainer[_common_messages_pb2.CarriedUndo]
    identity: str
    origins: _containers.RepeatedCompositeFieldContainer[_common_messages_pb2.RunOrigin]
    reason: str
    request_id: str
    def __init__(self, base_saga_id: _Optional[bytes] = ..., base_event_id: _Optional[int] = ..., reason: _Optional[str] = ..., identity: _Optional[str] = ..., request_id: _Optional[str] = ..., carried_undo: _Optional[_Iterable[_Union[_common_messages_pb2.CarriedUndo, _Mapping]]] = ..., carried_messages: _Optional[_Iterable[_Union[_common_messages_pb2.CarriedMessage, _Mapping]]] = ..., origins: _Optional[_Iterable[_Union[_common_messages_pb2.RunOrigin, _Mapping]]] = ...) -> None: ...

class WorkflowExecutionResumed(_message.Message):
    __slots__ = ["identity", "reason", "request_id"]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    identity: str
    reason: str
    request_id: str
    def __init__(self, reason: _Optional[str] = ..., identity: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class WorkflowExecutionStarted(_message.Message):
    __slots__ = ["auto_compensate", "cancel_grace_us", "carried_messages", "carried_undo", "continue_on_undo_error", "continued_from_saga_id", "execution_timeout_us", "identity", "input", "memo", "namespace", "parent_initiated_event_id", "parent_saga_id", "request_id", "search_attributes", "task_queue", "workflow_id", "workflow_type", "workflow_version"]
    AUTO_COMPENSATE_FIELD_NUMBER: _ClassVar[int]
    CANCEL_GRACE_US_FIELD_NUMBER: _ClassVar[int]
    CARRIED_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    CARRIED_UNDO_FIELD_NUMBER: _ClassVar[int]
    CONTINUED_FROM_SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    CONTINUE_ON_UNDO_ERROR_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_TIMEOUT_US_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    MEMO_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    PARENT_INITIATED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SEARCH_ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_TYPE_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_VERSION_FIELD_NUMBER: _ClassVar[int]
    auto_compensate: bool
    cancel_grace_us: int
    carried_messages: _containers.RepeatedCompositeFieldContainer[_common_messages_pb2.CarriedMessage]
    carried_undo: _containers.RepeatedCompositeFieldContainer[_common_messages_pb2.CarriedUndo]
    continue_on_undo_error: bool
    continued_from_saga_id: bytes
    execution_timeout_us: int
    identity: str
    input: _common_messages_pb2.Payload
    memo: _containers.RepeatedCompositeFieldContainer[_common_messages_pb2.NamedPayload]
    namespace: str
    parent_initiated_event_id: int
    parent_saga_id: bytes
    request_id: str
    search_attributes: _containers.RepeatedCompositeFieldContainer[_common_messages_pb2.NamedPayload]
    task_queue: str
    workflow_id: str
    workflow_type: str
    workflow_version: int
    def __init__(self, namespace: _Optional[str] = ..., workflow_id: _Optional[str] = ..., workflow_type: _Optional[str] = ..., workflow_version: _Optional[int] = ..., task_queue: _Optional[str] = ..., input: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., request_id: _Optional[str] = ..., execution_timeout_us: _Optional[int] = ..., cancel_grace_us: _Optional[int] = ..., auto_compensate: bool = ..., continue_on_undo_error: bool = ..., identity: _Optional[str] = ..., continued_from_saga_id: _Optional[bytes] = ..., parent_saga_id: _Optional[bytes] = ..., parent_initiated_event_id: _Optional[int] = ..., carried_undo: _Optional[_Iterable[_Union[_common_messages_pb2.CarriedUndo, _Mapping]]] = ..., memo: _Optional[_Iterable[_Union[_common_messages_pb2.NamedPayload, _Mapping]]] = ..., search_attributes: _Optional[_Iterable[_Union[_common_messages_pb2.NamedPayload, _Mapping]]] = ..., carried_messages: _Optional[_Iterable[_Union[_common_messages_pb2.CarriedMessage, _Mapping]]] = ...) -> None: ...

class WorkflowExecutionTerminated(_message.Message):
    __slots__ = ["compensation", "identity", "reason", "request_id", "reset_event_id"]
    COMPENSATION_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RESET_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    compensation: _common_messages_pb2.CompensationSummary
    identity: str
    reason: str
    request_id: str
    reset_event_id: int
    def __init__(self, reason: _Optional[str] = ..., identity: _Optional[str] = ..., request_id: _Optional[str] = ..., compensation: _Optional[_Union[_common_messages_pb2.CompensationSummary, _Mapping]] = ..., reset_event_id: _Optional[int] = ...) -> None: ...

class WorkflowExecutionTimedOut(_message.Message):
    __slots__ = ["compensation", "unconsumed_signals"]
    COMPENSATION_FIELD_NUMBER: _ClassVar[int]
    UNCONSUMED_SIGNALS_FIELD_NUMBER: _ClassVar[int]
    compensation: _common_messages_pb2.CompensationSummary
    unconsumed_signals: int
    def __init__(self, compensation: _Optional[_Union[_common_messages_pb2.CompensationSummary, _Mapping]] = ..., unconsumed_signals: _Optional[int] = ...) -> None: ...

class WorkflowExecutionUnblocked(_message.Message):
    __slots__ = ["cause", "identity"]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    cause: _common_messages_pb2.BlockCause
    identity: str
    def __init__(self, cause: _Optional[_Union[_common_messages_pb2.BlockCause, str]] = ..., identity: _Optional[str] = ...) -> None: ...

class WorkflowUpdateAccepted(_message.Message):
    __slots__ = ["identity", "input", "name", "request_id", "update_id"]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    UPDATE_ID_FIELD_NUMBER: _ClassVar[int]
    identity: str
    input: _common_messages_pb2.Payload
    name: str
    request_id: str
    update_id: str
    def __init__(self, update_id: _Optional[str] = ..., name: _Optional[str] = ..., input: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., request_id: _Optional[str] = ..., identity: _Optional[str] = ...) -> None: ...

class WorkflowUpdateCompleted(_message.Message):
    __slots__ = ["accepted_event_id", "command_number", "output"]
    ACCEPTED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    accepted_event_id: int
    command_number: int
    output: _common_messages_pb2.Payload
    def __init__(self, accepted_event_id: _Optional[int] = ..., output: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., command_number: _Optional[int] = ...) -> None: ...

class WorkflowUpdateRejected(_message.Message):
    __slots__ = ["error", "name", "update_id"]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_ID_FIELD_NUMBER: _ClassVar[int]
    error: _common_messages_pb2.SagaError
    name: str
    update_id: str
    def __init__(self, update_id: _Optional[str] = ..., name: _Optional[str] = ..., error: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ...) -> None: ...

class WorkflowUpdateRolledBack(_message.Message):
    __slots__ = ["accepted_event_id", "command_number", "error"]
    ACCEPTED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    accepted_event_id: int
    command_number: int
    error: _common_messages_pb2.SagaError
    def __init__(self, accepted_event_id: _Optional[int] = ..., error: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ..., command_number: _Optional[int] = ...) -> None: ...

class EventCategory(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
