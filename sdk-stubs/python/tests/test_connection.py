"""Calls and streams against a scripted peer over real TLS."""

import asyncio
import pathlib

import pytest

from peer import Peer, PeerStream
from saga_engine import Client, ConnectionLost, StatusCode, StatusError
from saga_engine.v1 import admin_messages_pb2 as admin
from saga_engine.v1 import common_messages_pb2 as common
from saga_engine.v1 import connection_messages_pb2 as wire
from saga_engine.v1 import events_messages_pb2 as events
from saga_engine.v1 import history_messages_pb2 as history
from saga_engine.v1 import workflows_messages_pb2 as workflows
from saga_engine._frames import Kind, encode


async def echo(stream: PeerStream) -> None:
    await stream.respond(admin.HealthResponse(echo=stream.first.echo))


def connect(peer: Peer, **options: object) -> "object":
    options.setdefault("ca", str(peer.folder / "ca.pem"))
    return Client.connect("localhost", peer.port, timeout=5, **options)  # type: ignore[arg-type]


async def test_hello_says_who_we_are(certificates: pathlib.Path) -> None:
    async with Peer(certificates, echo) as peer:
        async with connect(peer, token="k.s", namespace="n") as client:
            assert client.server_version == "peer/1"
            assert (await client.health(b"ping")).echo == b"ping"
        hello = peer.connections[0].hello
        assert (hello.sdk_name, hello.token, hello.namespace) == ("python", "k.s", "n")


async def test_calls_share_a_connection(certificates: pathlib.Path) -> None:
    async def backwards(stream: PeerStream) -> None:
        await asyncio.sleep(0.05 if stream.id % 2 else 0.0)
        await echo(stream)

    async with Peer(certificates, backwards) as peer, connect(peer) as client:
        answers = await asyncio.gather(*(client.health(str(n).encode()) for n in range(50)))
        assert [a.echo for a in answers] == [str(n).encode() for n in range(50)]
        assert len(peer.connections) == 1


async def test_large_messages_cross_both_ways(certificates: pathlib.Path) -> None:
    body = bytes(range(256)) * 8_000  # 2 MB: 32 frames
    async with Peer(certificates, echo) as peer, connect(peer) as client:
        big, small = await asyncio.gather(client.health(body), client.health(b"x"))
        assert big.echo == body and small.echo == b"x"


async def test_an_untrusted_or_misnamed_server_is_refused(certificates: pathlib.Path) -> None:
    async with Peer(certificates, echo) as peer:
        with pytest.raises(ConnectionLost, match="not trusted"):
            await connect(peer, ca=str(certificates / "other.pem"))
        with pytest.raises(ConnectionLost, match="not trusted"):
            await connect(peer, server_hostname="elsewhere.example")
        with pytest.raises(ConnectionLost, match="not trusted"):
            await connect(peer, ca=None)
        with pytest.raises(ValueError, match="loopback"):
            await Client.connect("saga.example", 1, insecure=True)
        assert all(connection.hello is None for connection in peer.connections)


async def test_a_server_of_another_protocol_is_refused(certificates: pathlib.Path) -> None:
    peer = Peer(certificates, echo)
    peer.alpn = ["h2"]
    async with peer:
        with pytest.raises(ConnectionLost):
            await connect(peer)


async def test_a_client_certificate_is_shown(certificates: pathlib.Path) -> None:
    peer = Peer(certificates, echo)
    peer.requires_client = True
    async with peer:
        with pytest.raises(ConnectionLost):
            await connect(peer)
        pair = (str(certificates / "client.pem"), str(certificates / "client.key"))
        async with connect(peer, cert=pair) as client:
            await client.health()


async def test_a_refused_hello_is_a_status(certificates: pathlib.Path) -> None:
    peer = Peer(certificates, echo)
    peer.welcome = lambda hello: common.Status(code=16, message="who are you")  # type: ignore[assignment]
    async with peer:
        with pytest.raises(StatusError, match="UNAUTHENTICATED: who are you"):
            await connect(peer)


async def test_nobody_there() -> None:
    with pytest.raises(ConnectionLost):
        await Client.connect("localhost", 1, insecure=True, timeout=5)


async def test_an_error_answer_is_a_status_error(certificates: pathlib.Path) -> None:
    async def refuse(stream: PeerStream) -> None:
        await stream.fail(5, "no such workflow")

    async with Peer(certificates, refuse) as peer, connect(peer) as client:
        with pytest.raises(StatusError) as caught:
            await client.describe("x")
        assert caught.value.code == StatusCode.NOT_FOUND


async def test_a_lost_connection_repeats_the_call_with_the_same_request_id(certificates: pathlib.Path) -> None:
    async def lose_twice(stream: PeerStream) -> None:
        if len(peer.connections) < 3:
            stream.peer.writer.transport.abort()
        else:
            await stream.respond(workflows.StartWorkflowResponse(saga_id=b"0" * 16))

    async with Peer(certificates, lose_twice) as peer, connect(peer) as client:
        handle = await client.start("T", {"a": 1}, workflow_id="w")
        assert handle.saga_id == b"0" * 16
        ids = [message.header.request_id for _, message in peer.seen]
        assert len(ids) == 3 and len(set(ids)) == 1 and ids[0]
        assert all(0 < message.header.deadline_ms <= 30_000 for _, message in peer.seen)


async def test_unavailable_is_repeated_and_other_codes_are_not(certificates: pathlib.Path) -> None:
    async def busy_once(stream: PeerStream) -> None:
        if len(peer.seen) == 1:
            await stream.fail(14, "not now", retry_after_ms=10)
        elif len(peer.seen) == 2:
            await echo(stream)
        else:
            await stream.fail(9, "closed")

    async with Peer(certificates, busy_once) as peer, connect(peer) as client:
        assert (await client.health(b"a")).echo == b"a"
        with pytest.raises(StatusError, match="FAILED_PRECONDITION"):
            await client.health()
        assert len(peer.seen) == 3


async def test_the_deadline_holds_and_the_server_is_told(certificates: pathlib.Path) -> None:
    async def never(stream: PeerStream) -> None:
        streams.append(stream)

    streams: "list[PeerStream]" = []
    async with Peer(certificates, never) as peer, connect(peer) as client:
        with pytest.raises(StatusError) as caught:
            await client.health(timeout=0.1)
        assert caught.value.code == StatusCode.DEADLINE_EXCEEDED
        await asyncio.wait_for(streams[0].cancelled.wait(), 5)
        assert streams[0].first.header.deadline_ms <= 100


async def test_goaway_moves_new_calls_and_lets_running_ones_finish(certificates: pathlib.Path) -> None:
    async def serve(stream: PeerStream) -> None:
        if stream.first.echo == b"slow":
            await release.wait()
        elif stream.first.echo == b"unprocessed" and stream.peer is peer.connections[0]:
            goaway = wire.GoAway(last_stream_id=stream.id - 1, reason="deploy")
            await stream.peer.write(encode(Kind.GOAWAY, 0, goaway.SerializeToString()))
            return
        await echo(stream)

    release = asyncio.Event()
    async with Peer(certificates, serve) as peer, connect(peer) as client:
        slow = asyncio.ensure_future(client.health(b"slow"))
        await asyncio.sleep(0.05)
        assert (await client.health(b"unprocessed")).echo == b"unprocessed"
        assert len(peer.connections) == 2
        release.set()
        assert (await slow).echo == b"slow"
        assert (await client.health(b"after")).echo == b"after"
        assert len(peer.connections) == 2


async def test_a_followed_history_goes_on_after_a_lost_connection(certificates: pathlib.Path) -> None:
    """300 events are more than a window: credit is granted again."""

    async def serve(stream: PeerStream) -> None:
        for n in range(stream.first.from_event_id, 300):
            await stream.send(workflows.HistoryItem(events=[history.HistoryEvent(event_id=n)]))
            if n == 150 and len(peer.connections) == 1:
                await asyncio.sleep(0.05)
                stream.peer.writer.transport.abort()
                return
        await stream.end()

    async with Peer(certificates, serve) as peer, connect(peer) as client:
        events = [event.event_id async for event in client.history("w", follow=True)]
        assert events == list(range(300))
        assert len(peer.connections) == 2
        assert peer.seen[1][1].from_event_id == 151


async def test_pages_are_followed(certificates: pathlib.Path) -> None:
    async def serve(stream: PeerStream) -> None:
        if stream.method.name == "GetHistory":
            start = stream.first.from_event_id
            page = workflows.GetHistoryResponse(saga_id=b"1" * 16, next_event_id=start + 2, more=start < 4)
            page.events.add(event_id=start)
            page.events.add(event_id=start + 1)
            await stream.respond(page)
        else:
            last = stream.first.page_token == b"2"
            answer = workflows.ListWorkflowsResponse(next_page_token=b"" if last else b"2")
            answer.workflows.add(workflow_id="b" if last else "a")
            await stream.respond(answer)

    async with Peer(certificates, serve) as peer, connect(peer) as client:
        assert [e.event_id async for e in client.history("w")] == [0, 1, 2, 3, 4, 5]
        assert peer.seen[1][1].workflow.saga_id == b"1" * 16
        assert [w.workflow_id async for w in client.list()] == ["a", "b"]


async def test_garbage_from_the_server_ends_the_connection(certificates: pathlib.Path) -> None:
    async def serve(stream: PeerStream) -> None:
        await stream.peer.write(b"\x00\x00\x00\x01" + b"\xff" * 20)

    async with Peer(certificates, serve) as peer, connect(peer) as client:
        with pytest.raises(ConnectionLost):
            await client.health(timeout=0.5)


async def test_messages_that_do_not_parse_end_the_connection(certificates: pathlib.Path) -> None:
    async def serve(stream: PeerStream) -> None:
        await stream.peer.write(encode(Kind.RESPONSE, stream.id, b"\xff\xff\xff"))

    async with Peer(certificates, serve) as peer, connect(peer) as client:
        with pytest.raises(ConnectionLost):
            await client.health(timeout=0.5)


async def test_where_a_feed_is_without_events_is_told_in_its_turn(certificates: pathlib.Path) -> None:
    async def feed(stream: PeerStream) -> None:
        for number in range(1, 5):
            item = events.SubscriptionItem(position=b"%d" % number)
            if number % 2 == 0:
                item.workflow_id, item.workflow_type = "w", "T"
                item.events.add(event_id=number)
            await stream.send(item)

    seen = []
    async with Peer(certificates, feed) as peer, connect(peer) as client:
        async for item in client.committed_events(on_position=lambda place: seen.append("at " + place.decode())):
            seen.append("item " + item.position.decode())
            if len(seen) == 4:
                break
    assert seen == ["at 1", "item 2", "at 3", "item 4"]
