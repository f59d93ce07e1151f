from saga_engine.v1 import common_messages_pb2 as _common_messages_pb2
from saga_engine.v1 import workflows_messages_pb2 as _workflows_messages_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BlockedWorkflow(_message.Message):
    __slots__ = ["cause", "error", "info", "message", "open_undo", "since_us"]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    OPEN_UNDO_FIELD_NUMBER: _ClassVar[int]
    SINCE_US_FIELD_NUMBER: _ClassVar[int]
    cause: _common_messages_pb2.BlockCause
    error: _common_messages_pb2.SagaError
    info: _workflows_messages_pb2.WorkflowInfo
    message: str
    open_undo: _containers.RepeatedCompositeFieldContainer[_workflows_messages_pb2.UndoEntryInfo]
    since_us: int
    def __init__(self, info: _Optional[_Union[_workflows_messages_pb2.WorkflowInfo, _Mapping]] = ..., cause: _Optional[_Union[_common_messages_pb2.BlockCause, str]] = ..., since_us: _Optional[int] = ..., message: _Optional[str] = ..., error: _Optional[_Union[_common_messages_pb2.SagaError, _Mapping]] = ..., open_undo: _Optional[_Iterable[_Union[_workflows_messages_pb2.UndoEntryInfo, _Mapping]]] = ...) -> None: ...

class GiveUpRequest(_message.Message):
    __slots__ = ["header", "reason", "workflow"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    reason: str
    workflow: _common_messages_pb2.WorkflowRef
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., workflow: _Optional[_Union[_common_messages_pb2.WorkflowRef, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class LateEffect(_message.Message):
    __slots__ = ["activity_type", "attempt", "idempotency_key", "output", "reported_us", "saga_id", "scheduled_event_id", "step_id", "undo_activity_type", "undone_again", "workflow_id"]
    ACTIVITY_TYPE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    REPORTED_US_FIELD_NUMBER: _ClassVar[int]
    SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    UNDONE_AGAIN_FIELD_NUMBER: _ClassVar[int]
    UNDO_ACTIVITY_TYPE_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    activity_type: str
    attempt: int
    idempotency_key: str
    output: _common_messages_pb2.Payload
    reported_us: int
    saga_id: bytes
    scheduled_event_id: int
    step_id: str
    undo_activity_type: str
    undone_again: bool
    workflow_id: str
    def __init__(self, saga_id: _Optional[bytes] = ..., workflow_id: _Optional[str] = ..., scheduled_event_id: _Optional[int] = ..., attempt: _Optional[int] = ..., reported_us: _Optional[int] = ..., output: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., undone_again: bool = ..., activity_type: _Optional[str] = ..., step_id: _Optional[str] = ..., undo_activity_type: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class ListBlockedRequest(_message.Message):
    __slots__ = ["causes", "header", "page_size", "page_token", "workflow_types"]
    CAUSES_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_TYPES_FIELD_NUMBER: _ClassVar[int]
    causes: _containers.RepeatedScalarFieldContainer[_common_messages_pb2.BlockCause]
    header: _common_messages_pb2.RequestHeader
    page_size: int
    page_token: bytes
    workflow_types: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., causes: _Optional[_Iterable[_Union[_common_messages_pb2.BlockCause, str]]] = ..., workflow_types: _Optional[_Iterable[str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[bytes] = ...) -> None: ...

class ListBlockedResponse(_message.Message):
    __slots__ = ["next_page_token", "workflows"]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    WORKFLOWS_FIELD_NUMBER: _ClassVar[int]
    next_page_token: bytes
    workflows: _containers.RepeatedCompositeFieldContainer[BlockedWorkflow]
    def __init__(self, workflows: _Optional[_Iterable[_Union[BlockedWorkflow, _Mapping]]] = ..., next_page_token: _Optional[bytes] = ...) -> None: ...

class ListLateEffectsRequest(_message.Message):
    __slots__ = ["header", "page_size", "page_token", "workflow"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    page_size: int
    page_token: bytes
    workflow: _common_messages_pb2.WorkflowRef
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., workflow: _Optional[_Union[_common_messages_pb2.WorkflowRef, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[bytes] = ...) -> None: ...

class ListLateEffectsResponse(_message.Message):
    __slots__ = ["late_effects", "next_page_token"]
    LATE_EFFECTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    late_effects: _containers.RepeatedCompositeFieldContainer[LateEffect]
    next_page_token: bytes
    def __init__(self, late_effects: _Optional[_Iterable[_Union[LateEffect, _Mapping]]] = ..., next_page_token: _Optional[bytes] = ...) -> None: ...

class OperatorResponse(_message.Message):
    __slots__ = ["saga_id"]
    SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    saga_id: bytes
    def __init__(self, saga_id: _Optional[bytes] = ...) -> None: ...

class ResolveUndoRequest(_message.Message):
    __slots__ = ["header", "note", "undo"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    UNDO_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    note: str
    undo: UndoRef
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., undo: _Optional[_Union[UndoRef, _Mapping]] = ..., note: _Optional[str] = ...) -> None: ...

class RetryUndoRequest(_message.Message):
    __slots__ = ["header", "reason", "undo"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    UNDO_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    reason: str
    undo: UndoRef
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., undo: _Optional[_Union[UndoRef, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class RetryUndoWithInputRequest(_message.Message):
    __slots__ = ["header", "input", "reason", "undo"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    UNDO_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    input: _common_messages_pb2.Payload
    reason: str
    undo: UndoRef
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., undo: _Optional[_Union[UndoRef, _Mapping]] = ..., input: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class SkipUndoRequest(_message.Message):
    __slots__ = ["header", "reason", "undo"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    UNDO_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    reason: str
    undo: UndoRef
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., undo: _Optional[_Union[UndoRef, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class UndoRef(_message.Message):
    __slots__ = ["step_event_id", "workflow"]
    STEP_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    step_event_id: int
    workflow: _common_messages_pb2.WorkflowRef
    def __init__(self, workflow: _Optional[_Union[_common_messages_pb2.WorkflowRef, _Mapping]] = ..., step_event_id: _Optional[int] = ...) -> None: ...
