from saga_engine.v1 import common_messages_pb2 as _common_messages_pb2
from saga_engine.v1 import workflows_messages_pb2 as _workflows_messages_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
OVERLAP_POLICY_ALLOW: OverlapPolicy
OVERLAP_POLICY_BUFFER_ONE: OverlapPolicy
OVERLAP_POLICY_CANCEL_OTHER: OverlapPolicy
OVERLAP_POLICY_SKIP: OverlapPolicy
OVERLAP_POLICY_UNSPECIFIED: OverlapPolicy

class CreateScheduleRequest(_message.Message):
    __slots__ = ["header", "schedule"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    schedule: ScheduleSpec
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., schedule: _Optional[_Union[ScheduleSpec, _Mapping]] = ...) -> None: ...

class CreateScheduleResponse(_message.Message):
    __slots__ = ["next_due_us"]
    NEXT_DUE_US_FIELD_NUMBER: _ClassVar[int]
    next_due_us: int
    def __init__(self, next_due_us: _Optional[int] = ...) -> None: ...

class DeleteScheduleRequest(_message.Message):
    __slots__ = ["header", "schedule_id"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_ID_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    schedule_id: str
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., schedule_id: _Optional[str] = ...) -> None: ...

class DeleteScheduleResponse(_message.Message):
    __slots__ = ["deleted"]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    deleted: bool
    def __init__(self, deleted: bool = ...) -> None: ...

class DescribeScheduleRequest(_message.Message):
    __slots__ = ["header", "schedule_id"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_ID_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    schedule_id: str
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., schedule_id: _Optional[str] = ...) -> None: ...

class DescribeScheduleResponse(_message.Message):
    __slots__ = ["schedule", "upcoming_us"]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    UPCOMING_US_FIELD_NUMBER: _ClassVar[int]
    schedule: ScheduleInfo
    upcoming_us: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, schedule: _Optional[_Union[ScheduleInfo, _Mapping]] = ..., upcoming_us: _Optional[_Iterable[int]] = ...) -> None: ...

class ListSchedulesRequest(_message.Message):
    __slots__ = ["header", "page_size", "page_token"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    page_size: int
    page_token: bytes
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[bytes] = ...) -> None: ...

class ListSchedulesResponse(_message.Message):
    __slots__ = ["next_page_token", "schedules"]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SCHEDULES_FIELD_NUMBER: _ClassVar[int]
    next_page_token: bytes
    schedules: _containers.RepeatedCompositeFieldContainer[ScheduleInfo]
    def __init__(self, schedules: _Optional[_Iterable[_Union[ScheduleInfo, _Mapping]]] = ..., next_page_token: _Optional[bytes] = ...) -> None: ...

class PauseScheduleRequest(_message.Message):
    __slots__ = ["header", "paused", "schedule_id"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_ID_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    paused: bool
    schedule_id: str
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., schedule_id: _Optional[str] = ..., paused: bool = ...) -> None: ...

class PauseScheduleResponse(_message.Message):
    __slots__ = ["next_due_us"]
    NEXT_DUE_US_FIELD_NUMBER: _ClassVar[int]
    next_due_us: int
    def __init__(self, next_due_us: _Optional[int] = ...) -> None: ...

class ScheduleInfo(_message.Message):
    __slots__ = ["buffered", "last_error", "last_saga_id", "last_start_us", "next_due_us", "schedule", "skipped", "started"]
    BUFFERED_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_FIELD_NUMBER: _ClassVar[int]
    LAST_SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    LAST_START_US_FIELD_NUMBER: _ClassVar[int]
    NEXT_DUE_US_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    buffered: bool
    last_error: str
    last_saga_id: bytes
    last_start_us: int
    next_due_us: int
    schedule: ScheduleSpec
    skipped: int
    started: int
    def __init__(self, schedule: _Optional[_Union[ScheduleSpec, _Mapping]] = ..., next_due_us: _Optional[int] = ..., last_start_us: _Optional[int] = ..., last_saga_id: _Optional[bytes] = ..., skipped: _Optional[int] = ..., started: _Optional[int] = ..., buffered: bool = ..., last_error: _Optional[str] = ...) -> None: ...

class ScheduleSpec(_message.Message):
    __slots__ = ["catchup_window_us", "cron", "overlap", "paused", "schedule_id", "start", "time_zone"]
    CATCHUP_WINDOW_US_FIELD_NUMBER: _ClassVar[int]
    CRON_FIELD_NUMBER: _ClassVar[int]
    OVERLAP_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_ID_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    catchup_window_us: int
    cron: str
    overlap: OverlapPolicy
    paused: bool
    schedule_id: str
    start: _workflows_messages_pb2.StartOptions
    time_zone: str
    def __init__(self, schedule_id: _Optional[str] = ..., cron: _Optional[str] = ..., time_zone: _Optional[str] = ..., start: _Optional[_Union[_workflows_messages_pb2.StartOptions, _Mapping]] = ..., overlap: _Optional[_Union[OverlapPolicy, str]] = ..., catchup_window_us: _Optional[int] = ..., paused: bool = ...) -> None: ...

class TriggerScheduleRequest(_message.Message):
    __slots__ = ["header", "schedule_id"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_ID_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    schedule_id: str
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., schedule_id: _Optional[str] = ...) -> None: ...

class TriggerScheduleResponse(_message.Message):
    __slots__ = ["saga_id", "workflow_id"]
    SAGA_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    saga_id: bytes
    workflow_id: str
    def __init__(self, saga_id: _Optional[bytes] = ..., workflow_id: _Optional[str] = ...) -> None: ...

class UpdateScheduleRequest(_message.Message):
    __slots__ = ["header", "schedule"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    schedule: ScheduleSpec
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., schedule: _Optional[_Union[ScheduleSpec, _Mapping]] = ...) -> None: ...

class UpdateScheduleResponse(_message.Message):
    __slots__ = ["next_due_us"]
    NEXT_DUE_US_FIELD_NUMBER: _ClassVar[int]
    next_due_us: int
    def __init__(self, next_due_us: _Optional[int] = ...) -> None: ...

class OverlapPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
