"""Values as payloads: JSON by default, raw bytes as they are."""

import dataclasses
import json
from typing import Any

from saga_engine.v1 import common_messages_pb2 as common

Payload = common.Payload


class RawPayload:
    """A payload in an encoding of your own: passed on as it is, both ways."""

    def __init__(self, message: "common.Payload") -> None:
        self.message = message

    def __repr__(self) -> str:
        return f"RawPayload({self.message.encoding!r}, {len(self.message.data)} bytes)"


def encode(value: Any) -> "common.Payload":
    """A value as a payload.

    `bytes` become encoding `bytes`, dataclasses become JSON objects, a `RawPayload` or a payload message passes through.
    Raises TypeError or ValueError for what JSON cannot hold.
    """
    if isinstance(value, RawPayload):
        return value.message
    if isinstance(value, common.Payload):
        return value
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
