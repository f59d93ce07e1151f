"""Values as payloads: JSON by default, raw bytes and protobuf messages as they are; and a hook for encryption."""

import dataclasses
import json
from typing import Any, Optional, Protocol, Type, TypeVar

from google.protobuf.message import DecodeError, Message

from saga_engine.v1 import common_messages_pb2 as common

Payload = common.Payload
_Message = TypeVar("_Message", bound=Message)


class RawPayload:
    """A payload in an encoding of your own: passed on as it is, both ways."""

    def __init__(self, message: "common.Payload") -> None:
        self.message = message

    def __repr__(self) -> str:
        return f"RawPayload({self.message.encoding!r}, {len(self.message.data)} bytes)"

    def parse(self, message_class: "Type[_Message]") -> "_Message":
        """The message in a payload of encoding `protobuf`. Raises ValueError if it is none."""
        if self.message.encoding != "protobuf":
            raise ValueError(f"a payload of encoding {self.message.encoding}, not protobuf")
        message: _Message = message_class()
        try:
            message.ParseFromString(self.message.data)
        except DecodeError as error:
            raise ValueError(str(error)) from error
        return message


class PayloadCodec(Protocol):
    """Changes payloads on their way out and back in, as an encryption does: the server sees only what `encode` made.

    `encoding` may be changed; what else is needed to get back goes into `metadata`.
    """

    def encode(self, payload: "common.Payload") -> "common.Payload":
        """On the way to the server."""

    def decode(self, payload: "common.Payload") -> "common.Payload":
        """On the way back. Raises ValueError for what it cannot read."""


class Values:
    """Values to payloads and back, through a codec if there is one."""

    def __init__(self, codec: Optional[PayloadCodec] = None) -> None:
        self._codec = codec

    def encode(self, value: Any) -> "common.Payload":
        """A value as it goes to the server; see `payloads.encode`."""
        payload = encode(value)
        return payload if self._codec is None else self._codec.encode(payload)

    def decode(self, payload: "common.Payload") -> Any:
        """A value as it came from the server; see `payloads.decode`."""
        if self._codec is None or (not payload.encoding and not payload.data):
            return decode(payload)
        return decode(self._codec.decode(payload))


def encode(value: Any) -> "common.Payload":
    """A value as a payload.

    `bytes` become encoding `bytes`, dataclasses JSON objects, protobuf messages encoding `protobuf`; a `RawPayload` or a
    payload message passes through.
    Raises TypeError or ValueError for what JSON cannot hold.
    """
    if isinstance(value, RawPayload):
        return value.message
    if isinstance(value, common.Payload):
        return value
    if isinstance(value, Message):
        made = common.Payload(encoding="protobuf", data=value.SerializeToString())
        made.metadata.add(key="type", value=value.DESCRIPTOR.full_name)
        return made
    if isinstance(value, (bytes, bytearray, memoryview)):
        return common.Payload(encoding="bytes", data=bytes(value))
    text = json.dumps(value, default=_fallback, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return common.Payload(encoding="json", data=text.encode("utf-8"))


def decode(payload: "common.Payload") -> Any:
    """The value of a payload: None for no data, a `RawPayload` for an encoding that this package does not know."""
    if not payload.encoding and not payload.data:
        return None
    if payload.encoding == "json":
        return json.loads(payload.data)
    if payload.encoding == "bytes":
        return payload.data
    return RawPayload(payload)


def _fallback(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON; give a payload of your own")
