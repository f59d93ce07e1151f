"""Frames: twelve bytes of header and a body, no I/O.

    0        4      5      6        8            12
    | length | kind | flags| method | stream id  | body ...            big endian
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Iterator, List, Optional

HEADER = struct.Struct(">IBBHI")
CREDIT = struct.Struct(">II")
OVERHEAD = 8
"""Bytes that `length` counts beside the body."""
MAX_FRAME = 65_536
"""Largest `length` until WELCOME says otherwise."""
MAX_MESSAGE = 4 * 1024 * 1024
WINDOW_ITEMS = 64
WINDOW_BYTES = 256 * 1024
MORE = 2
"""Flag: the message continues in the next frame of the same stream."""


class Kind(IntEnum):
    """What a frame is."""

    HELLO = 1
    WELCOME = 2
    REQUEST = 3
    RESPONSE = 4
    ERROR = 5
    ITEM = 6
    END = 7
    CANCEL = 8
    CREDIT = 9
    PING = 10
    PONG = 11
    GOAWAY = 12


class FrameError(Exception):
    """The peer's bytes are not frames; the connection must be closed."""


@dataclass(frozen=True)
class Frame:
    """One frame as it came."""

    kind: Kind
    more: bool
    method: int
    stream: int
    body: bytes


def encode(kind: Kind, stream: int, body: bytes = b"", method: int = 0, more: bool = False) -> bytes:
    """One frame as bytes."""
    return HEADER.pack(len(body) + OVERHEAD, kind, MORE if more else 0, method, stream) + body


def fragments(kind: Kind, stream: int, body: bytes, method: int = 0, max_frame: int = MAX_FRAME) -> Iterator[bytes]:
    """A message as one or more frames; all but the last have MORE."""
    size = max_frame - OVERHEAD
    if len(body) <= size:
        yield encode(kind, stream, body, method)
        return
    for start in range(0, len(body), size):
        yield encode(kind, stream, body[start : start + size], method, start + size < len(body))


class Parser:
    """Cuts a byte stream into frames. Holds at most one partial frame."""

    def __init__(self, max_frame: int = MAX_FRAME) -> None:
        self.max_frame = max_frame
        self._buffer = bytearray()

    def feed(self, data: bytes) -> List[Frame]:
        """Frames that are complete now.

        Raises FrameError for a length below 8 or over the limit, an unknown kind or an unknown flag.
        """
        self._buffer += data
        frames = []
        at = 0
        while len(self._buffer) - at >= HEADER.size:
            length, kind, flags, method, stream = HEADER.unpack_from(self._buffer, at)
            if length < OVERHEAD or length > self.max_frame:
                raise FrameError(f"a frame of length {length} (8 to {self.max_frame} are allowed)")
            end = at + 4 + length
            if len(self._buffer) < end:
                break
            if flags & ~MORE:
                raise FrameError(f"unknown frame flags {flags:#x}")
            try:
                known = Kind(kind)
            except ValueError:
                raise FrameError(f"unknown frame kind {kind}") from None
            body = bytes(self._buffer[at + HEADER.size : end])
            frames.append(Frame(known, bool(flags & MORE), method, stream, body))
            at = end
        del self._buffer[:at]
        return frames


class Assembler:
    """Joins the frames of messages of one stream, within a limit."""

    def __init__(self, max_message: int = MAX_MESSAGE) -> None:
        self.max_message = max_message
        self._kind: Optional[Kind] = None
        self._parts = bytearray()

    def add(self, frame: Frame) -> Optional[bytes]:
        """The whole message, or None while it is incomplete."""
        if self._kind is None and not frame.more:
            return frame.body
        if self._kind is not None and frame.kind != self._kind:
            # Only an ERROR may cut off a message that was under way.
            if frame.kind != Kind.ERROR:
                raise FrameError(f"{frame.kind.name} within another message of the stream")
            self._parts.clear()
        self._kind = frame.kind
        if len(self._parts) + len(frame.body) > self.max_message:
            raise FrameError(f"a message of more than {self.max_message} bytes")
        self._parts += frame.body
        if frame.more:
            return None
        message = bytes(self._parts)
        self._kind = None
        self._parts = bytearray()
        return message
