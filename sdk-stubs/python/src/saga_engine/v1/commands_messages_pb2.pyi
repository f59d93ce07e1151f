from saga_engine.v1 import common_messages_pb2 as _common_messages_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
LOCAL_ACTIVITY_END_CANCELED: LocalActivityEnd
LOCAL_ACTIVITY_END_COMPLETED: LocalActivityEnd
LOCAL_ACTIVITY_END_FAILED: LocalActivityEnd
LOCAL_ACTIVITY_END_TIMED_OUT: LocalActivityEnd
LOCAL_ACTIVITY_END_UNSPECIFIED: LocalActivityEnd

class CancelTimerCommand(_message.Message):
    __slots__ = ["target_command_number"]
    TARGET_COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    target_command_number: int
    def __init__(self, target_command_number: _Optional[int] = ...) -> None: ...

class CancelWorkflowCommand(_message.Message):
    __slots__ = ["reason"]
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class CarriedSignal(_message.Message):
    __slots__ = ["name", "payload", "signal_id"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_ID_FIELD_NUMBER: _ClassVar[int]
    name: str
    payload: _common_messages_pb2.Payload
    signal_id: str
    def __init__(self, name: _Optional[str] = ..., payload: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., signal_id: _Optional[str] = ...) -> None: ...

class Command(_message.Message):
    __slots__ = ["cancel_timer", "cancel_workflow", "command_number", "compensate", "complete_update", "complete_workflow", "continue_as_new", "fail_workflow", "record_local_activity", "record_marker", "request_cancel_activity", "request_cancel_child", "schedule_activity", "schedule_local_activity", "side_effect", "signal_external", "start_child", "start_timer", "upsert_search_attributes", "version_marker"]
    CANCEL_TIMER_FIELD_NUMBER: _ClassVar[int]
    CANCEL_WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    COMPENSATE_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_UPDATE_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    CONTINUE_AS_NEW_FIELD_NUMBER: _ClassVar[int]
    FAIL_WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    RECORD_LOCAL_ACTIVITY_FIELD_NUMBER: _ClassVar[int]
    RECORD_MARKER_FIELD_NUMBER: _ClassVar[int]
    REQUEST_CANCEL_ACTIVITY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_CANCEL_CHILD_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_ACTIVITY_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_LOCAL_ACTIVITY_FIELD_NUMBER: _ClassVar[int]
    SIDE_EFFECT_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_EXTERNAL_FIELD_NUMBER: _ClassVar[int]
    START_CHILD_FIELD_NUMBER: _ClassVar[int]
    START_TIMER_FIELD_NUMBER: _ClassVar[int]
    UPSERT_SEARCH_ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    VERSION_MARKER_FIELD_NUMBER: _ClassVar[int]
    cancel_timer: CancelTimerCommand
    cancel_workflow: CancelWorkflowCommand
    command_number: int
    compensate: CompensateCommand
    complete_update: CompleteUpdateCommand
    complete_workflow: CompleteWorkflowCommand
    continue_as_new: ContinueAsNewCommand
    fail_workflow: FailWorkflowCommand
    record_local_activity: RecordLocalActivityCommand
    record_marker: RecordMarkerCommand
    request_cancel_activity: RequestCancelActivityCommand
    request_cancel_child: RequestCancelChildCommand
    schedule_activity: ScheduleActivityCommand
    schedule_local_activity: ScheduleLocalActivityCommand
    side_effect: SideEffectCommand
    signal_external: SignalExternalCommand
    start_child: StartChildCommand
    start_timer: StartTimerCommand
    upsert_search_attributes: UpsertSearchAttributesCommand
    version_marker: VersionMarkerCommand
    def __init__(self, command_number: _Optional[int] = ..., schedule_activity: _Optional[_Union[ScheduleActivityCommand, _Mapping]] = ..., request_cancel_activity: _Optional[_Union[RequestCancelActivityCommand, _Mapping]] = ..., start_timer: _Optional[_Union[StartTimerCommand, _Mapping]] = ..., cancel_timer: _Optional[_Union[CancelTimerCommand, _Mapping]] = ..., complete_workflow: _Optional[_Union[CompleteWorkflowCommand, _Mapping]] = ..., fail_workflow: _Optional[_Union[FailWorkflowCommand, _Mapping]] = ..., cancel_workflow: _Optional[_Union[CancelWorkflowCommand, _Mapping]] = ..., continue_as_new: _Optional[_Union[ContinueAsNewCommand, _Mapping]] = ..., record_marker: _Optional[_Union[RecordMarkerCommand, _Mapping]] = ..., side_effect: _Optional[_Union[SideEffectCommand, _Mapping]] = ..., version_marker: _Optional[_Union[VersionMarkerCommand, _Mapping]] = ..., upsert_search_attributes: _Optional[_Union[UpsertSearchAttributesCommand, _Mapping]] = ..., compensate: _Optional[_Union[CompensateCommand, _Mapping]] = ..., start_child: _Optional[_Union[StartChildCommand, _Mapping]] = ..., request_cancel_child: _Optional[_Union[RequestCancelChildCommand, _Mapping]] = ..., signal_external: _Optional[_Union[SignalExternalCommand, _Mapping]] = ..., schedule_local_activity: _Optional[_Union[ScheduleLocalActivityCommand, _Mapping]] = ..., record_local_activity: _Optional[_Union[RecordLocalActivityCommand, _Mapping]] = ..., complete_update: _Optional[_Union[CompleteUpdateCommand, _Mapping]] = ...) -> None: ...

class CompensateCommand(_message.Message):
    __slots__ = ["scope"]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    scope: int
    def __init__(self, scope: _Optional[int] = ...) -> None: ...

class CompleteUpdateCommand(_message.Message):
    __slots__ = ["accepted_event_id", "error", "output"]
    ACCEPTED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    accepted_event_id: int
    error: _common_messages_pb2.SagaError
    output: _common_messages_pb2.Payload
    def __init__(self, accepted_event_id: _Optional[int] = ..., output: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., error: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ...) -> None: ...

class CompleteWorkflowCommand(_message.Message):
    __slots__ = ["output"]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    output: _common_messages_pb2.Payload
    def __init__(self, output: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ...) -> None: ...

class ContinueAsNewCommand(_message.Message):
    __slots__ = ["commit_undo", "input", "signals"]
    COMMIT_UNDO_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    commit_undo: bool
    input: _common_messages_pb2.Payload
    signals: _containers.RepeatedCompositeFieldContainer[CarriedSignal]
    def __init__(self, input: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., commit_undo: bool = ..., signals: _Optional[_Iterable[_Union[CarriedSignal, _Mapping]]] = ...) -> None: ...

class FailWorkflowCommand(_message.Message):
    __slots__ = ["error"]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    error: _common_messages_pb2.SagaError
    def __init__(self, error: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ...) -> None: ...

class RecordLocalActivityCommand(_message.Message):
    __slots__ = ["activity_type", "end", "error", "outcome", "output", "scheduled_event_id"]
    ACTIVITY_TYPE_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    activity_type: str
    end: LocalActivityEnd
    error: _common_messages_pb2.SagaError
    outcome: _common_messages_pb2.StepOutcome
    output: _common_messages_pb2.Payload
    scheduled_event_id: int
    def __init__(self, scheduled_event_id: _Optional[int] = ..., activity_type: _Optional[str] = ..., end: _Optional[_Union[LocalActivityEnd, str]] = ..., output: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., error: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ..., outcome: _Optional[_Union[_common_messages_pb2.StepOutcome, str]] = ...) -> None: ...

class RecordMarkerCommand(_message.Message):
    __slots__ = ["details", "kind", "name", "output", "scope", "undo"]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    UNDO_FIELD_NUMBER: _ClassVar[int]
    details: _common_messages_pb2.Payload
    kind: _common_messages_pb2.MarkerKind
    name: str
    output: _common_messages_pb2.Payload
    scope: int
    undo: _common_messages_pb2.UndoSpec
    def __init__(self, kind: _Optional[_Union[_common_messages_pb2.MarkerKind, str]] = ..., name: _Optional[str] = ..., details: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., undo: _Optional[_Union[_common_messages_pb2.UndoSpec, _Mapping]] = ..., scope: _Optional[int] = ..., output: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ...) -> None: ...

class RequestCancelActivityCommand(_message.Message):
    __slots__ = ["target_command_number"]
    TARGET_COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    target_command_number: int
    def __init__(self, target_command_number: _Optional[int] = ...) -> None: ...

class RequestCancelChildCommand(_message.Message):
    __slots__ = ["target_command_number"]
    TARGET_COMMAND_NUMBER_FIELD_NUMBER: _ClassVar[int]
    target_command_number: int
    def __init__(self, target_command_number: _Optional[int] = ...) -> None: ...

class ScheduleActivityCommand(_message.Message):
    __slots__ = ["activity_type", "input", "pivot", "priority", "retry", "scope", "step_id", "task_queue", "timeouts", "undo", "undo_group"]
    ACTIVITY_TYPE_FIELD_NUMBER: _ClassVar[int]
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
    def __init__(self, step_id: _Optional[str] = ..., activity_type: _Optional[str] = ..., task_queue: _Optional[str] = ..., input: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., retry: _Optional[_Union[_common_messages_pb2.RetryPolicy, _Mapping]] = ..., timeouts: _Optional[_Union[_common_messages_pb2.ActivityTimeouts, _Mapping]] = ..., undo: _Optional[_Union[_common_messages_pb2.UndoSpec, _Mapping]] = ..., pivot: bool = ..., priority: _Optional[int] = ..., scope: _Optional[int] = ..., undo_group: _Optional[int] = ...) -> None: ...

class ScheduleLocalActivityCommand(_message.Message):
    __slots__ = ["activity_type", "input", "scope", "step_id", "undo"]
    ACTIVITY_TYPE_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    UNDO_FIELD_NUMBER: _ClassVar[int]
    activity_type: str
    input: _common_messages_pb2.Payload
    scope: int
    step_id: str
    undo: _common_messages_pb2.UndoSpec
    def __init__(self, step_id: _Optional[str] = ..., activity_type: _Optional[str] = ..., input: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., undo: _Optional[_Union[_common_messages_pb2.UndoSpec, _Mapping]] = ..., scope: _Optional[int] = ...) -> None: ...

class SideEffectCommand(_message.Message):
    __slots__ = ["value"]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    value: _common_messages_pb2.Payload
    def __init__(self, value: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ...) -> None: ...

class SignalExternalCommand(_message.Message):
    __slots__ = ["name", "payload", "target_namespace", "target_saga_id", "target_workflow_id"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    TARGET_NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    TARGET_SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    TARGET_WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    name: str
    payload: _common_messages_pb2.Payload
    target_namespace: str
    target_saga_id: bytes
    target_workflow_id: str
    def __init__(self, target_namespace: _Optional[str] = ..., target_workflow_id: _Optional[str] = ..., target_saga_id: _Optional[bytes] = ..., name: _Optional[str] = ..., payload: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ...) -> None: ...

class StartChildCommand(_message.Message):
    __slots__ = ["execution_timeout_us", "input", "parent_close_policy", "scope", "task_queue", "workflow_id", "workflow_type"]
    EXECUTION_TIMEOUT_US_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    PARENT_CLOSE_POLICY_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_TYPE_FIELD_NUMBER: _ClassVar[int]
    execution_timeout_us: int
    input: _common_messages_pb2.Payload
    parent_close_policy: _common_messages_pb2.ParentClosePolicy
    scope: int
    task_queue: str
    workflow_id: str
    workflow_type: str
    def __init__(self, workflow_id: _Optional[str] = ..., workflow_type: _Optional[str] = ..., task_queue: _Optional[str] = ..., input: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., parent_close_policy: _Optional[_Union[_common_messages_pb2.ParentClosePolicy, str]] = ..., scope: _Optional[int] = ..., execution_timeout_us: _Optional[int] = ...) -> None: ...

class StartTimerCommand(_message.Message):
    __slots__ = ["callback", "duration_us", "timer_id"]
    CALLBACK_FIELD_NUMBER: _ClassVar[int]
    DURATION_US_FIELD_NUMBER: _ClassVar[int]
    TIMER_ID_FIELD_NUMBER: _ClassVar[int]
    callback: str
    duration_us: int
    timer_id: str
    def __init__(self, timer_id: _Optional[str] = ..., duration_us: _Optional[int] = ..., callback: _Optional[str] = ...) -> None: ...

class UpsertSearchAttributesCommand(_message.Message):
    __slots__ = ["attributes"]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    attributes: _containers.RepeatedCompositeFieldContainer[_common_messages_pb2.NamedPayload]
    def __init__(self, attributes: _Optional[_Iterable[_Union[_common_messages_pb2.NamedPayload, _Mapping]]] = ...) -> None: ...

class VersionMarkerCommand(_message.Message):
    __slots__ = ["change_id", "version"]
    CHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    change_id: str
    version: int
    def __init__(self, change_id: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class LocalActivityEnd(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
