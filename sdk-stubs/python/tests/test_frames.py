import random

import pytest

from saga_engine import _frames as frames
from saga_engine._frames import Assembler, FrameError, Kind, Parser


def test_layout_is_twelve_bytes_big_endian() -> None:
    data = frames.encode(Kind.REQUEST, 0x01020304, b"xyz", method=0x0506, more=True)
    assert data == bytes([0, 0, 0, 11, 3, 2, 5, 6, 1, 2, 3, 4]) + b"xyz"
    (frame,) = Parser().feed(data)
    assert (frame.kind, frame.more, frame.method, frame.stream, frame.body) == (
        Kind.REQUEST,
        True,
        0x0506,
        0x01020304,
        b"xyz",
    )


def test_empty_frame_has_length_eight() -> None:
    assert frames.encode(Kind.END, 7) == bytes([0, 0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 7])


def test_any_cutting_gives_the_same_frames() -> None:
    chance = random.Random(1)
    sent = [frames.encode(Kind.ITEM, n, bytes([n]) * chance.randrange(300)) for n in range(1, 60)]
    data = b"".join(sent)
    for _ in range(50):
        parser, got, at = Parser(), [], 0
        while at < len(data):
            size = chance.randrange(1, 200)
            got += parser.feed(data[at : at + size])
            at += size
        assert [frames.encode(f.kind, f.stream, f.body) for f in got] == sent


@pytest.mark.parametrize("length", [0, 7, frames.MAX_FRAME + 1, 2**31, 2**32 - 1])
def test_bad_length_is_refused_from_the_header_alone(length: int) -> None:
    header = length.to_bytes(4, "big") + bytes([6, 0, 0, 0, 0, 0, 0, 1])
    with pytest.raises(FrameError, match="length"):
        Parser().feed(header)


def test_unknown_kind_and_flags_are_refused() -> None:
    with pytest.raises(FrameError, match="kind"):
        Parser().feed(bytes([0, 0, 0, 8, 13, 0, 0, 0, 0, 0, 0, 1]))
    with pytest.raises(FrameError, match="flags"):
        Parser().feed(bytes([0, 0, 0, 8, 6, 1, 0, 0, 0, 0, 0, 1]))


@pytest.mark.parametrize("size", [0, 1, frames.MAX_FRAME - 8, frames.MAX_FRAME - 7, 300_000])
def test_long_messages_are_cut_and_joined(size: int) -> None:
    body = random.Random(size).randbytes(size) if hasattr(random.Random, "randbytes") else bytes(size)
    assembler, parser, joined = Assembler(), Parser(), []
    parts = list(frames.fragments(Kind.ITEM, 3, body))
    assert len(parts) == max(1, -(-size // (frames.MAX_FRAME - 8)))
    for part in parts:
        for frame in parser.feed(part):
            whole = assembler.add(frame)
            if whole is not None:
                joined.append(whole)
    assert joined == [body]


def test_assembling_is_limited() -> None:
    assembler = Assembler(max_message=100)
    first, second = Parser().feed(
        frames.encode(Kind.ITEM, 1, b"a" * 60, more=True) + frames.encode(Kind.ITEM, 1, b"b" * 60)
    )
    assert assembler.add(first) is None
    with pytest.raises(FrameError, match="more than 100 bytes"):
        assembler.add(second)


def test_only_an_error_may_cut_off_a_message() -> None:
    part, item, error = Parser().feed(
        frames.encode(Kind.ITEM, 1, b"a", more=True)
        + frames.encode(Kind.RESPONSE, 1, b"b")
        + frames.encode(Kind.ERROR, 1, b"c")
    )
    assembler = Assembler()
    assert assembler.add(part) is None
    with pytest.raises(FrameError, match="within another message"):
        assembler.add(item)
    assert assembler.add(error) == b"c"
