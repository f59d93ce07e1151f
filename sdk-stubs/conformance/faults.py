"""Scenarios in which something breaks: servers, connections, certificates, and peers that do not keep the protocol."""

import asyncio
import contextlib
import ssl
import struct
import time
from typing import Any, AsyncIterator, List

import conformance_pb2 as program
from peer import Peer, PeerStream
from saga_engine import _frames as frames
from saga_engine._frames import Kind
from saga_engine.v1 import admin_messages_pb2 as admin
from saga_engine.v1 import common_messages_pb2 as common
from saga_engine.v1 import connection_messages_pb2 as wire
from saga_engine.v1 import workflows_messages_pb2 as messages
from scenarios import BEGUN, COMPLETED, DEADLINE_EXCEEDED, DONE, expect_history, ran, returns, scenario, SCHEDULED, STARTED
from scenarios import step, until_logged
from workflows import Signal, act, script
from world import Proxy, Server, Verb, World, json_value

UNAUTHENTICATED, RESOURCE_EXHAUSTED, UNAVAILABLE = 16, 8, 14


@scenario
async def the_server_is_killed_and_comes_back(w: World) -> None:
    """While the harness waits for a result and an activity runs: both go on, nothing is done twice."""
    types = {"Trip": script(act("flight", step("SLEEP", ms=1_500), returns("a"), heartbeat=10), act("hotel", returns("b")))}
    async with w.serving(types) as client:
        await w.start("Trip")
        await until_logged(w, "do flight 1")
        waiting = asyncio.ensure_future(w.do(Verb.VERB_RESULT, timeout_ms=50_000))
        await asyncio.sleep(0.2)
        w.server.kill()
        await asyncio.sleep(0.5)
        w.server.start()
        await w.server.ready()
        ended = await waiting
        assert (ended.result, ended.value.data) == ("ok", b'"b"'), ended
        assert await w.log() == ["do flight 1", "do hotel 1"]
        # The hand-out is not durable when the server is killed. It is recorded if the worker claims the attempt as one that still
        # runs, and never if the attempt has ended meanwhile and its report comes first: without it the step "may have started".
        codes = [event.event_type for event in await w.history(client)]
        begun = [BEGUN] if codes[2:3] == [BEGUN] else []
        await expect_history(w, client, STARTED, SCHEDULED, *begun, DONE, *ran(), COMPLETED)


@scenario
async def the_connection_is_cut_within_a_frame(w: World) -> None:
    """The answer to a start is cut off: the SDK asks again with the same request id, and one saga is started."""
    async with Proxy(w.server.port) as proxy:
        await w.connected(port=proxy.port)
        await w.ok(Verb.VERB_HEALTH, echo=b"x" * 1_000)
        proxy.cut_after = 20
        first = await w.start("Nobody", json_value(b"1"))
        assert not first.already_started and proxy.connections >= 2
        proxy.cut_after = 30_000
        echo = b"y" * 60_000
        assert (await w.ok(Verb.VERB_HEALTH, echo=echo)).value.data == echo
        await w.ok(Verb.VERB_TERMINATE, text="over")


@scenario
async def a_worker_keeps_its_report_over_a_lost_connection(w: World) -> None:
    """Cut while an activity runs: its report goes over the next connection, and it ran once."""
    async with Proxy(w.server.port) as proxy:
        async with w.serving({"Trip": script(act("flight", step("SLEEP", ms=600), returns("a")))}, port=proxy.port) as client:
            await w.start("Trip")
            await until_logged(w, "do flight 1")
            proxy.cut()
            assert (await w.ok(Verb.VERB_RESULT)).value.data == b'"a"'
            assert await w.log() == ["do flight 1"]
            await expect_history(w, client, STARTED, *ran(), COMPLETED)


@scenario
async def a_followed_history_survives_cuts(w: World) -> None:
    async with Proxy(w.server.port) as proxy:
        async with w.serving({"Trip": script(act("flight"), Signal("go"), act("hotel", returns(1)))}, port=proxy.port) as client:
            await w.start("Trip")
            await w.until(client, DONE)
            following = asyncio.ensure_future(w.do(Verb.VERB_FOLLOW))
            await asyncio.sleep(0.3)
            proxy.cut()
            await asyncio.sleep(0.3)
            await client.signal(w.id, "go")
            found = await following
            assert found.result == "ok", found
            assert [event.id for event in found.events] == list(range(len(found.events)))
            assert found.events[-1].code == COMPLETED


@scenario
async def a_slow_server_costs_the_deadline_only(w: World) -> None:
    async with Proxy(w.server.port) as proxy:
        await w.connected(port=proxy.port)
        proxy.stalled.clear()
        began = time.monotonic()
        await w.status(DEADLINE_EXCEEDED, Verb.VERB_START, workflow_type="Nobody", timeout_ms=500)
        assert time.monotonic() - began < 10
        outcome = await w.connect(port=proxy.port, timeout_ms=500)
        assert outcome.result == "connection_lost", outcome
        proxy.stalled.set()
        await w.connected(port=proxy.port)
        await w.ok(Verb.VERB_HEALTH)
        await w.do(Verb.VERB_TERMINATE, text="over")


@scenario
async def nobody_listens(w: World) -> None:
    from world import free_port

    outcome = await w.connect(port=free_port(), timeout_ms=3_000)
    assert outcome.result == "connection_lost", outcome


@scenario
async def only_the_right_certificate_is_trusted(w: World) -> None:
    """Another authority, and a certificate for another name."""
    other = await w.connect(ca=str(w.certificates / "other.pem"))
    assert other.result == "connection_lost", other
    wrong = await w.connect(server_name="not-this-server.example")
    assert wrong.result == "connection_lost", wrong
    await w.connected(server_name="localhost")
    await w.ok(Verb.VERB_HEALTH)


@contextlib.asynccontextmanager
async def server(w: World, name: str, *options: str) -> AsyncIterator[Server]:
    made = Server(w.server.saga, w.folder / name, *options)
    made.start()
    try:
        await made.ready()
        yield made
    finally:
        made.kill()


@scenario
async def a_client_certificate_is_shown(w: World) -> None:
    """A server that asks for one: refused without, as one kind of error; served with."""
    async with server(w, "mutual", "--client-ca", str(w.certificates / "ca.pem")) as mutual:
        where: Any = dict(port=mutual.port, ca=mutual.ca)
        without = await w.connect(**where)
        assert without.result == "connection_lost", without
        foreign = w.certificates
        await w.connected(**where, cert=str(foreign / "client.pem"), key=str(foreign / "client.key"))
        await w.ok(Verb.VERB_HEALTH)


@scenario
async def a_token_is_shown(w: World) -> None:
    made = await asyncio.create_subprocess_exec(
        w.server.saga, "token", "new", "--file", str(w.folder / "tokens"), "--principal", "conformance", "--role", "admin",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await made.communicate()
    assert made.returncode == 0, err.decode()
    token = next(word for word in out.decode().split() if "." in word and len(word) > 30)
    async with server(w, "tokens-server", "--tokens", str(w.folder / "tokens")) as guarded:
        where: Any = dict(port=guarded.port, ca=guarded.ca)
        await w.connected(**where, token=token)
        await w.ok(Verb.VERB_HEALTH)
        for wrong in ("", token[:-2] + "zz"):
            outcome = await w.connect(**where, token=wrong)
            assert (outcome.result, outcome.status_code) == ("status", UNAUTHENTICATED), outcome


# Peers that do not keep the protocol. Each must end in an error of the SDK's own, and in a harness that goes on.


class Scripted(Peer):
    """A peer whose calls are answered by a test; what it receives stands in `seen`."""

    def __init__(self, w: World, serve: Any) -> None:
        super().__init__(w.certificates, serve)
        self.ca = str(w.certificates / "ca.pem")


async def healthy(stream: PeerStream) -> None:
    await stream.respond(admin.HealthResponse(echo=stream.first.echo))


async def broken_by(w: World, *raw: bytes) -> program.Outcome:
    """A health call whose answer is these bytes."""

    async def serve(stream: PeerStream) -> None:
        for data in raw:
            await stream.peer.write(data)

    async with Scripted(w, serve) as peer:
        await w.connected(port=peer.port, ca=peer.ca)
        outcome = await w.do(Verb.VERB_HEALTH, timeout_ms=700)
    assert outcome.result in ("connection_lost", "status"), outcome
    assert outcome.result == "connection_lost" or outcome.status_code == DEADLINE_EXCEEDED, outcome
    await w.connected()
    await w.ok(Verb.VERB_HEALTH)
    return outcome


def head(length: int, kind: int, flags: int = 0, method: int = 0, stream: int = 1) -> bytes:
    return struct.pack(">IBBHI", length, kind, flags, method, stream)


@scenario
async def an_oversized_frame_ends_the_connection(w: World) -> None:
    await broken_by(w, head(2**31, Kind.RESPONSE))
    await broken_by(w, head(65_537, Kind.RESPONSE) + bytes(65_529))


@scenario
async def a_message_without_end_ends_the_connection(w: World) -> None:
    part = head(65_536, Kind.RESPONSE, 2) + bytes(65_528)
    await broken_by(w, *([part] * 70))


@scenario
async def what_is_no_frame_ends_the_connection(w: World) -> None:
    """A length below 8, an unknown kind, an unknown flag, a stream never opened, another message within a message."""
    await broken_by(w, head(7, Kind.RESPONSE))
    await broken_by(w, head(8, 99))
    await broken_by(w, head(8, Kind.RESPONSE, 0x80))
    await broken_by(w, head(8, Kind.RESPONSE, stream=77))
    await broken_by(w, head(8, Kind.RESPONSE, 2), head(8, Kind.ITEM))


@scenario
async def what_is_no_message_ends_the_connection(w: World) -> None:
    """Truncated fields, bad UTF-8 in a status, a varint without end."""
    await broken_by(w, head(8 + 2, Kind.RESPONSE) + b"\x12\x7f")
    await broken_by(w, head(8 + 11, Kind.RESPONSE) + b"\x08" + b"\xff" * 10)
    await broken_by(w, head(8 + 2, Kind.ERROR) + b"\x12\x7f")


@scenario
async def another_protocol_is_noticed(w: World) -> None:
    """A peer without ALPN, one that closes at once, one that says nothing, one that answers HELLO with a RESPONSE."""
    async with Scripted(w, healthy) as peer:
        peer.alpn = []
    peer = Scripted(w, healthy)
    peer.alpn = []
    async with peer:
        assert (await w.connect(port=peer.port, ca=peer.ca)).result == "connection_lost"

    async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(100_000):
            pass
        writer.close()

    for handler in (closes, silent):
        plain = await asyncio.start_server(handler, "127.0.0.1", 0)
        port = plain.sockets[0].getsockname()[1]
        assert (await w.connect(port=port, timeout_ms=600)).result == "connection_lost"
        plain.close()


@scenario
async def tls_1_2_is_refused(w: World) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(w.certificates / "server.pem", w.certificates / "server.key")
    context.set_alpn_protocols(["saga/1"])
    old = await asyncio.start_server(lambda r, t: t.close(), "127.0.0.1", 0, ssl=context)
    outcome = await w.connect(port=old.sockets[0].getsockname()[1], ca=str(w.certificates / "ca.pem"), timeout_ms=3_000)
    old.close()
    assert outcome.result == "connection_lost", outcome


@scenario
async def a_refused_hello_is_a_status(w: World) -> None:
    peer = Scripted(w, healthy)
    peer.welcome = lambda hello: common.Status(code=UNAUTHENTICATED, message="who are you?")  # type: ignore[method-assign]
    async with peer:
        outcome = await w.connect(port=peer.port, ca=peer.ca)
        assert (outcome.result, outcome.status_code) == ("status", UNAUTHENTICATED), outcome
        assert "who are you?" in outcome.message


@scenario
async def a_busy_server_is_asked_again(w: World) -> None:
    """UNAVAILABLE and RESOURCE_EXHAUSTED: repeated under one request id, not before the time the server asked for."""
    ids: List[str] = []
    times: List[float] = []

    async def serve(stream: PeerStream) -> None:
        ids.append(stream.first.header.request_id)
        times.append(time.monotonic())
        assert 0 < stream.first.header.deadline_ms <= 30_000
        if len(ids) == 1:
            await stream.fail(UNAVAILABLE, "not now")
        elif len(ids) == 2:
            await stream.fail(RESOURCE_EXHAUSTED, "busy", retry_after_ms=600)
        else:
            await stream.respond(messages.StartWorkflowResponse(saga_id=bytes(16)))

    async with Scripted(w, serve) as peer:
        await w.connected(port=peer.port, ca=peer.ca)
        await w.start("T")
        assert len(ids) == 3 and len(set(ids)) == 1 and ids[0], ids
        assert times[2] - times[1] >= 0.55, times


@scenario
async def calls_move_on_when_a_server_goes_away(w: World) -> None:
    """GOAWAY below the call's stream: it was not processed, and goes over a new connection."""
    gone: List[int] = []

    async def serve(stream: PeerStream) -> None:
        if not gone:
            gone.append(stream.id)
            away = wire.GoAway(last_stream_id=stream.id - 1, reason="drains")
            await stream.peer.write(frames.encode(Kind.GOAWAY, 0, away.SerializeToString()))
            return
        await healthy(stream)

    async with Scripted(w, serve) as peer:
        await w.connected(port=peer.port, ca=peer.ca)
        assert (await w.ok(Verb.VERB_HEALTH, echo=b"hello")).value.data == b"hello"
        assert len(peer.connections) == 2


@scenario
async def a_ping_is_answered(w: World) -> None:
    pongs: List[bytes] = []

    async def serve(stream: PeerStream) -> None:
        handle = stream.peer.handle

        async def watch(frame: frames.Frame) -> None:
            if frame.kind == Kind.PONG:
                pongs.append(bytes(frame.body))
                await healthy(stream)
            else:
                await handle(frame)

        stream.peer.handle = watch  # type: ignore[method-assign]
        await stream.peer.write(frames.encode(Kind.PING, 0, b"12345678"))

    async with Scripted(w, serve) as peer:
        await w.connected(port=peer.port, ca=peer.ca)
        await w.ok(Verb.VERB_HEALTH)
        assert pongs == [b"12345678"]


@scenario
async def windows_are_given_back(w: World) -> None:
    """A followed history of 400 items, more than any window: credit comes as they are read."""

    async def serve(stream: PeerStream) -> None:
        for number in range(400):
            item = messages.HistoryItem(saga_id=bytes(16), status=1)
            item.events.add(event_id=number, event_type=50, saga_id=bytes(16)).signal_received.name = "n"
            await stream.send(item)
        await stream.end()

    async with Scripted(w, serve) as peer:
        await w.connected(port=peer.port, ca=peer.ca)
        found = await w.ok(Verb.VERB_FOLLOW)
        assert [event.id for event in found.events] == list(range(400))


@scenario
async def a_cancelled_call_is_told(w: World) -> None:
    """CANCEL reaches the peer, and nothing is repeated."""
    told = asyncio.Event()
    calls: List[int] = []

    async def serve(stream: PeerStream) -> None:
        calls.append(stream.id)
        await asyncio.wait_for(stream.cancelled.wait(), 10)
        told.set()

    async with Scripted(w, serve) as peer:
        await w.connected(port=peer.port, ca=peer.ca)
        outcome = await w.do(Verb.VERB_START, workflow_type="T", cancel_after_ms=200)
        assert outcome.result == "cancelled", outcome
        await asyncio.wait_for(told.wait(), 5)
        assert len(calls) == 1


@scenario
async def closing_ends_the_process(w: World) -> None:
    """After CLOSE and the end of its input the harness ends by itself, with status 0."""
    await w.connected()
    await w.ok(Verb.VERB_CLOSE)
    assert await w.harness.finish(10) == 0
    await w.harness.start()


