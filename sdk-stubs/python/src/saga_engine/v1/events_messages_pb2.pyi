from saga_engine.v1 import common_messages_pb2 as _common_messages_pb2
from saga_engine.v1 import history_messages_pb2 as _history_messages_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AppendEventsRequest(_message.Message):
    __slots__ = ["aggregate_id", "aggregate_type", "events", "expected_version", "header"]
    AGGREGATE_ID_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_TYPE_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    aggregate_id: str
    aggregate_type: str
    events: _containers.RepeatedCompositeFieldContainer[NewDomainEvent]
    expected_version: int
    header: _common_messages_pb2.RequestHeader
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., aggregate_id: _Optional[str] = ..., aggregate_type: _Optional[str] = ..., expected_version: _Optional[int] = ..., events: _Optional[_Iterable[_Union[NewDomainEvent, _Mapping]]] = ...) -> None: ...

class AppendEventsResponse(_message.Message):
    __slots__ = ["first_event_id", "version"]
    FIRST_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    first_event_id: int
    version: int
    def __init__(self, version: _Optional[int] = ..., first_event_id: _Optional[int] = ...) -> None: ...

class NewDomainEvent(_message.Message):
    __slots__ = ["payload", "type_name", "type_version"]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    TYPE_NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_VERSION_FIELD_NUMBER: _ClassVar[int]
    payload: _common_messages_pb2.Payload
    type_name: str
    type_version: int
    def __init__(self, type_name: _Optional[str] = ..., type_version: _Optional[int] = ..., payload: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ...) -> None: ...

class ReadEventsRequest(_message.Message):
    __slots__ = ["aggregate_id", "from_event_id", "header", "page_size"]
    AGGREGATE_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    aggregate_id: str
    from_event_id: int
    header: _common_messages_pb2.RequestHeader
    page_size: int
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., aggregate_id: _Optional[str] = ..., from_event_id: _Optional[int] = ..., page_size: _Optional[int] = ...) -> None: ...

class ReadEventsResponse(_message.Message):
    __slots__ = ["events", "more", "version"]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_history_messages_pb2.HistoryEvent]
    more: bool
    version: int
    def __init__(self, events: _Optional[_Iterable[_Union[_history_messages_pb2.HistoryEvent, _Mapping]]] = ..., version: _Optional[int] = ..., more: bool = ...) -> None: ...

class ReadFromSnapshotRequest(_message.Message):
    __slots__ = ["aggregate_id", "header"]
    AGGREGATE_ID_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    aggregate_id: str
    header: _common_messages_pb2.RequestHeader
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., aggregate_id: _Optional[str] = ...) -> None: ...

class ReadFromSnapshotResponse(_message.Message):
    __slots__ = ["events", "more", "snapshot", "snapshot_event_id", "version"]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_history_messages_pb2.HistoryEvent]
    more: bool
    snapshot: _common_messages_pb2.Payload
    snapshot_event_id: int
    version: int
    def __init__(self, snapshot: _Optional[_Union[_common_messages_pb2.Payload, _Mapping]] = ..., snapshot_event_id: _Optional[int] = ..., events: _Optional[_Iterable[_Union[_history_messages_pb2.HistoryEvent, _Mapping]]] = ..., version: _Optional[int] = ..., more: bool = ...) -> None: ...

class SubscribeRequest(_message.Message):
    __slots__ = ["event_types", "from_beginning", "header", "position", "workflow_types"]
    EVENT_TYPES_FIELD_NUMBER: _ClassVar[int]
    FROM_BEGINNING_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_TYPES_FIELD_NUMBER: _ClassVar[int]
    event_types: _containers.RepeatedScalarFieldContainer[int]
    from_beginning: bool
    header: _common_messages_pb2.RequestHeader
    position: bytes
    workflow_types: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., position: _Optional[bytes] = ..., event_types: _Optional[_Iterable[int]] = ..., workflow_types: _Optional[_Iterable[str]] = ..., from_beginning: bool = ...) -> None: ...

class SubscriptionItem(_message.Message):
    __slots__ = ["events", "position", "workflow_id", "workflow_type"]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_TYPE_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_history_messages_pb2.HistoryEvent]
    position: bytes
    workflow_id: str
    workflow_type: str
    def __init__(self, position: _Optional[bytes] = ..., workflow_id: _Optional[str] = ..., workflow_type: _Optional[str] = ..., events: _Optional[_Iterable[_Union[_history_messages_pb2.HistoryEvent, _Mapping]]] = ...) -> None: ...
