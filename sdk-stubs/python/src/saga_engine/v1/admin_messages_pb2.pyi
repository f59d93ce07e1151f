from saga_engine.v1 import common_messages_pb2 as _common_messages_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

CLOCK_MODE_AUTOMATIC: ClockMode
CLOCK_MODE_HELD: ClockMode
CLOCK_MODE_UNSPECIFIED: ClockMode
DESCRIPTOR: _descriptor.FileDescriptor

class ComponentStatus(_message.Message):
    __slots__ = ["message", "name", "ready"]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    message: str
    name: str
    ready: bool
    def __init__(self, name: _Optional[str] = ..., ready: bool = ..., message: _Optional[str] = ...) -> None: ...

class DrainServerRequest(_message.Message):
    __slots__ = ["drain_ms", "header"]
    DRAIN_MS_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    drain_ms: int
    header: _common_messages_pb2.RequestHeader
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., drain_ms: _Optional[int] = ...) -> None: ...

class DrainServerResponse(_message.Message):
    __slots__ = ["calls_in_flight"]
    CALLS_IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    calls_in_flight: int
    def __init__(self, calls_in_flight: _Optional[int] = ...) -> None: ...

class HealthRequest(_message.Message):
    __slots__ = ["echo", "header"]
    ECHO_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    echo: bytes
    header: _common_messages_pb2.RequestHeader
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., echo: _Optional[bytes] = ...) -> None: ...

class HealthResponse(_message.Message):
    __slots__ = ["echo", "server_time_us"]
    ECHO_FIELD_NUMBER: _ClassVar[int]
    SERVER_TIME_US_FIELD_NUMBER: _ClassVar[int]
    echo: bytes
    server_time_us: int
    def __init__(self, server_time_us: _Optional[int] = ..., echo: _Optional[bytes] = ...) -> None: ...

class ListNamespacesRequest(_message.Message):
    __slots__ = ["header"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ...) -> None: ...

class ListNamespacesResponse(_message.Message):
    __slots__ = ["namespaces"]
    NAMESPACES_FIELD_NUMBER: _ClassVar[int]
    namespaces: _containers.RepeatedCompositeFieldContainer[NamespaceInfo]
    def __init__(self, namespaces: _Optional[_Iterable[_Union[NamespaceInfo, _Mapping]]] = ...) -> None: ...

class NamespaceInfo(_message.Message):
    __slots__ = ["clock_held", "max_open_sagas", "max_payload_bytes", "name", "open_sagas", "retention_us", "starts_per_1000_seconds", "time_us", "virtual_clock"]
    CLOCK_HELD_FIELD_NUMBER: _ClassVar[int]
    MAX_OPEN_SAGAS_FIELD_NUMBER: _ClassVar[int]
    MAX_PAYLOAD_BYTES_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    OPEN_SAGAS_FIELD_NUMBER: _ClassVar[int]
    RETENTION_US_FIELD_NUMBER: _ClassVar[int]
    STARTS_PER_1000_SECONDS_FIELD_NUMBER: _ClassVar[int]
    TIME_US_FIELD_NUMBER: _ClassVar[int]
    VIRTUAL_CLOCK_FIELD_NUMBER: _ClassVar[int]
    clock_held: bool
    max_open_sagas: int
    max_payload_bytes: int
    name: str
    open_sagas: int
    retention_us: int
    starts_per_1000_seconds: int
    time_us: int
    virtual_clock: bool
    def __init__(self, name: _Optional[str] = ..., open_sagas: _Optional[int] = ..., virtual_clock: bool = ..., time_us: _Optional[int] = ..., retention_us: _Optional[int] = ..., max_open_sagas: _Optional[int] = ..., clock_held: bool = ..., starts_per_1000_seconds: _Optional[int] = ..., max_payload_bytes: _Optional[int] = ...) -> None: ...

class ReadinessRequest(_message.Message):
    __slots__ = ["header"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ...) -> None: ...

class ReadinessResponse(_message.Message):
    __slots__ = ["components", "ready"]
    COMPONENTS_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    components: _containers.RepeatedCompositeFieldContainer[ComponentStatus]
    ready: bool
    def __init__(self, ready: bool = ..., components: _Optional[_Iterable[_Union[ComponentStatus, _Mapping]]] = ...) -> None: ...

class ServerInfoRequest(_message.Message):
    __slots__ = ["header"]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    header: _common_messages_pb2.RequestHeader
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ...) -> None: ...

class ServerInfoResponse(_message.Message):
    __slots__ = ["alerts_delivered", "alerts_failed", "alerts_waiting", "blocked_sagas", "blocks", "connections", "draining", "features", "late_effects", "loaded_sagas", "open_sagas", "owned_partitions", "partitions", "server_id", "started_us", "store", "version", "workers"]
    ALERTS_DELIVERED_FIELD_NUMBER: _ClassVar[int]
    ALERTS_FAILED_FIELD_NUMBER: _ClassVar[int]
    ALERTS_WAITING_FIELD_NUMBER: _ClassVar[int]
    BLOCKED_SAGAS_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    DRAINING_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    LATE_EFFECTS_FIELD_NUMBER: _ClassVar[int]
    LOADED_SAGAS_FIELD_NUMBER: _ClassVar[int]
    OPEN_SAGAS_FIELD_NUMBER: _ClassVar[int]
    OWNED_PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    SERVER_ID_FIELD_NUMBER: _ClassVar[int]
    STARTED_US_FIELD_NUMBER: _ClassVar[int]
    STORE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    alerts_delivered: int
    alerts_failed: int
    alerts_waiting: int
    blocked_sagas: int
    blocks: int
    connections: int
    draining: bool
    features: _containers.RepeatedScalarFieldContainer[str]
    late_effects: int
    loaded_sagas: int
    open_sagas: int
    owned_partitions: int
    partitions: int
    server_id: str
    started_us: int
    store: str
    version: str
    workers: int
    def __init__(self, version: _Optional[str] = ..., server_id: _Optional[str] = ..., started_us: _Optional[int] = ..., store: _Optional[str] = ..., partitions: _Optional[int] = ..., owned_partitions: _Optional[int] = ..., loaded_sagas: _Optional[int] = ..., open_sagas: _Optional[int] = ..., connections: _Optional[int] = ..., workers: _Optional[int] = ..., draining: bool = ..., features: _Optional[_Iterable[str]] = ..., blocked_sagas: _Optional[int] = ..., blocks: _Optional[int] = ..., late_effects: _Optional[int] = ..., alerts_delivered: _Optional[int] = ..., alerts_failed: _Optional[int] = ..., alerts_waiting: _Optional[int] = ...) -> None: ...

class SetVirtualClockRequest(_message.Message):
    __slots__ = ["advance_to_us", "header", "mode"]
    ADVANCE_TO_US_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    advance_to_us: int
    header: _common_messages_pb2.RequestHeader
    mode: ClockMode
    def __init__(self, header: _Optional[_Union[_common_messages_pb2.RequestHeader, _Mapping]] = ..., advance_to_us: _Optional[int] = ..., mode: _Optional[_Union[ClockMode, str]] = ...) -> None: ...

class SetVirtualClockResponse(_message.Message):
    __slots__ = ["held", "time_us"]
    HELD_FIELD_NUMBER: _ClassVar[int]
    TIME_US_FIELD_NUMBER: _ClassVar[int]
    held: bool
    time_us: int
    def __init__(self, time_us: _Optional[int] = ..., held: bool = ...) -> None: ...

class ClockMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
