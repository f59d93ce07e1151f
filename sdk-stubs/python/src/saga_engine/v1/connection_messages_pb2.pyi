from saga_engine.v1 import common_messages_pb2 as _common_messages_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GoAway(_message.Message):
    __slots__ = ["code", "drain_ms", "last_stream_id", "reason", "retry_after_ms"]
    CODE_FIELD_NUMBER: _ClassVar[int]
    DRAIN_MS_FIELD_NUMBER: _ClassVar[int]
    LAST_STREAM_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    code: _common_messages_pb2.StatusCode
    drain_ms: int
    last_stream_id: int
    reason: str
    retry_after_ms: int
    def __init__(self, last_stream_id: _Optional[int] = ..., reason: _Optional[str] = ..., drain_ms: _Optional[int] = ..., retry_after_ms: _Optional[int] = ..., code: _Optional[_Union[_common_messages_pb2.StatusCode, str]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ["features", "identity", "max_minor", "min_minor", "namespace", "sdk_name", "sdk_version", "token"]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    MAX_MINOR_FIELD_NUMBER: _ClassVar[int]
    MIN_MINOR_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    SDK_NAME_FIELD_NUMBER: _ClassVar[int]
    SDK_VERSION_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    features: _containers.RepeatedScalarFieldContainer[str]
    identity: str
    max_minor: int
    min_minor: int
    namespace: str
    sdk_name: str
    sdk_version: str
    token: str
    def __init__(self, min_minor: _Optional[int] = ..., max_minor: _Optional[int] = ..., sdk_name: _Optional[str] = ..., sdk_version: _Optional[str] = ..., namespace: _Optional[str] = ..., token: _Optional[str] = ..., features: _Optional[_Iterable[str]] = ..., identity: _Optional[str] = ...) -> None: ...

class StreamCancel(_message.Message):
    __slots__ = ["reason"]
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ["close_after_ms", "features", "initial_bytes", "initial_items", "max_frame", "max_message", "max_streams", "minor", "namespace", "ping_after_ms", "server_id", "server_time_us", "server_version"]
    CLOSE_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    INITIAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    INITIAL_ITEMS_FIELD_NUMBER: _ClassVar[int]
    MAX_FRAME_FIELD_NUMBER: _ClassVar[int]
    MAX_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    MAX_STREAMS_FIELD_NUMBER: _ClassVar[int]
    MINOR_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    PING_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    SERVER_ID_FIELD_NUMBER: _ClassVar[int]
    SERVER_TIME_US_FIELD_NUMBER: _ClassVar[int]
    SERVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    close_after_ms: int
    features: _containers.RepeatedScalarFieldContainer[str]
    initial_bytes: int
    initial_items: int
    max_frame: int
    max_message: int
    max_streams: int
    minor: int
    namespace: str
    ping_after_ms: int
    server_id: str
    server_time_us: int
    server_version: str
    def __init__(self, minor: _Optional[int] = ..., server_version: _Optional[str] = ..., features: _Optional[_Iterable[str]] = ..., max_frame: _Optional[int] = ..., max_message: _Optional[int] = ..., max_streams: _Optional[int] = ..., initial_items: _Optional[int] = ..., initial_bytes: _Optional[int] = ..., ping_after_ms: _Optional[int] = ..., close_after_ms: _Optional[int] = ..., server_time_us: _Optional[int] = ..., server_id: _Optional[str] = ..., namespace: _Optional[str] = ...) -> None: ...
