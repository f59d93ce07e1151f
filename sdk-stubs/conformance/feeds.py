"""Scenarios of the feed of committed events, and of runs that are exported and imported."""

import asyncio
from typing import List

import conformance_pb2 as program
from faults import Scripted
from peer import PeerStream
from saga_engine.v1 import admin_messages_pb2 as admin
from saga_engine.v1 import events_messages_pb2 as feed
from saga_engine.v1 import workflows_messages_pb2 as messages
from scenarios import COMPLETED, DONE, FAILED, INVALID_ARGUMENT, NOT_FOUND, SIGNALED, STARTED, UNAVAILABLE
from scenarios import ran, refuses, returns, scenario
from workflows import Signal, act, script
from world import Proxy, Verb, World

TWO_STEPS = [STARTED, *ran(), *ran(), COMPLETED]


def lines(workflow_id: str, workflow_type: str, codes: List[int]) -> List[str]:
    """A whole history as SUBSCRIBE writes it down."""
    return [f"{workflow_id} {workflow_type} {number} {code}" for number, code in enumerate(codes)]


# Against a server


@scenario
async def the_feed_from_the_beginning_is_every_history(w: World) -> None:
    """Of the types and the event codes that are asked for: each event once, in the order of its history."""
    wanted, other = w.unique("Wanted"), w.unique("Other")
    steps = script(act("flight"), act("hotel", returns(1)))
    ids = [f"{w.id}-{number}" for number in range(5)]
    async with w.serving({wanted: steps, other: steps}):
        for name in ids:
            await w.start(wanted, workflow_id=name)
            await w.start(other, workflow_id=f"{name}-other")
        for name in ids:
            await w.ok(Verb.VERB_RESULT, workflow_id=name)
            await w.ok(Verb.VERB_RESULT, workflow_id=f"{name}-other")
        found = await w.ok(Verb.VERB_SUBSCRIBE, workflow_type=wanted, flag=True, number=len(ids) * len(TWO_STEPS))
        assert sorted(found.lines) == sorted(line for name in ids for line in lines(name, wanted, TWO_STEPS)), found.lines
        for name in ids:
            assert [line for line in found.lines if line.startswith(name + " ")] == lines(name, wanted, TWO_STEPS)
        ends = await w.ok(
            Verb.VERB_SUBSCRIBE, workflow_type=other, flag=True, number=2 * len(ids), event_types=[STARTED, COMPLETED]
        )
        assert sorted(ends.lines) == sorted(
            line for name in ids for line in (lines(f"{name}-other", other, TWO_STEPS)[number] for number in (0, -1))
        ), ends.lines


@scenario
async def a_feed_goes_on_after_a_position(w: World) -> None:
    """The position outlives its connection and the server: what comes after it comes once, and what came before does not."""
    wanted = w.unique("Wanted")
    async with w.serving({wanted: script(act("flight"), act("hotel", returns(1)))}):
        await w.start(wanted)
        await w.ok(Verb.VERB_RESULT)
        before = await w.ok(Verb.VERB_SUBSCRIBE, workflow_type=wanted, flag=True, number=len(TWO_STEPS))
        assert list(before.lines) == lines(w.id, wanted, TWO_STEPS) and before.position
    w.server.kill()
    w.server.start()
    await w.server.ready()
    async with w.serving({wanted: script(act("flight"), act("hotel", returns(1)))}):
        later = w.id + "-later"
        await w.start(wanted, workflow_id=later)
        await w.ok(Verb.VERB_RESULT, workflow_id=later)
        after = await w.ok(Verb.VERB_SUBSCRIBE, workflow_type=wanted, position=before.position, number=len(TWO_STEPS))
        assert list(after.lines) == lines(later, wanted, TWO_STEPS), after.lines
        again = await w.ok(Verb.VERB_SUBSCRIBE, workflow_type=wanted, position=before.position, number=len(TWO_STEPS))
        assert list(again.lines) == list(after.lines), "the same position gives something else"


@scenario
async def a_subscription_survives_cuts_and_restarts(w: World) -> None:
    """While it waits, its connection is cut and the server killed: nothing is lost, nothing comes twice."""
    wanted = w.unique("Wanted")
    codes = [STARTED, *ran(), SIGNALED, *ran(), COMPLETED]
    async with Proxy(w.server.port) as proxy:
        async with w.serving({wanted: script(act("flight"), Signal("go"), act("hotel", returns(1)))}, port=proxy.port) as client:
            await w.start(wanted)
            await w.until(client, DONE)
            connections, passed = proxy.connections, proxy.passed
            waiting = asyncio.ensure_future(w.do(Verb.VERB_SUBSCRIBE, workflow_type=wanted, flag=True, number=len(codes)))
            while proxy.passed < passed + 200:  # the first items are with the harness
                await asyncio.sleep(0.01)
            proxy.cut()
            while proxy.connections == connections:
                await asyncio.sleep(0.01)
            w.server.kill()
            w.server.start()
            await w.server.ready()
            await client.signal(w.id, "go")
            found = await waiting
            assert found.result == "ok", found
            assert list(found.lines) == lines(w.id, wanted, codes), found.lines


@scenario
async def a_position_that_is_none_is_refused(w: World) -> None:
    await w.connected()
    await w.status(INVALID_ARGUMENT, Verb.VERB_SUBSCRIBE, position=b"nowhere", number=1)


@scenario
async def an_exported_run_comes_back(w: World) -> None:
    """A run that was undone: exported, deleted, imported. Its history, its result and its compensation are what they were."""
    types = {"Trip": script(act("flight"), act("hotel"), act("pay", refuses()))}
    async with w.serving(types) as client:
        started = await w.start("Trip")
        ended = await w.do(Verb.VERB_RESULT)
        assert ended.result == "workflow_failed", ended
        history = await w.history(client)
        exported = await w.ok(Verb.VERB_EXPORT)
        codes = [(event.event_id, event.event_type) for event in history]
        assert exported.number >= 1 and [(e.id, e.code) for e in exported.events] == codes
        await w.ok(Verb.VERB_DELETE)
        await w.status(NOT_FOUND, Verb.VERB_DESCRIBE)
        imported = await w.ok(Verb.VERB_IMPORT)
        assert (imported.saga_id, imported.number) == (started.saga_id, len(codes)), imported
        # Once more, as after a lost answer.
        assert await w.ok(Verb.VERB_IMPORT) == imported
        again = await w.do(Verb.VERB_RESULT)
        assert again == ended, (again, ended)
        assert codes[-1][1] == FAILED and await w.history(client) == history
        assert [(e.id, e.code) for e in (await w.ok(Verb.VERB_FOLLOW)).events] == codes


@scenario
async def what_is_not_there_is_not_exported(w: World) -> None:
    await w.connected()
    await w.status(NOT_FOUND, Verb.VERB_EXPORT)


# Against a peer that says when what happens


@scenario
async def a_feed_is_asked_for_where_it_was(w: World) -> None:
    """The connection ends after three items and one without events, then the server is busy: each time it goes on where it was.
    Windows are given back."""
    asked: List[feed.SubscribeRequest] = []

    async def serve(stream: PeerStream) -> None:
        asked.append(stream.first)
        if len(asked) == 2:
            await stream.fail(UNAVAILABLE, "not now", retry_after_ms=20)
            return
        await stream.send(feed.SubscriptionItem(position=b"begins"))
        for number in range(3) if len(asked) == 1 else range(3, 203):
            item = feed.SubscriptionItem(position=b"after %d" % number, workflow_id="w", workflow_type="T")
            item.events.add(event_id=number, event_type=50, saga_id=bytes(16)).signal_received.name = "n"
            await stream.send(item)
        if len(asked) == 1:
            await stream.send(feed.SubscriptionItem(position=b"idle"))
            stream.peer.writer.close()

    async with Scripted(w, serve) as peer:
        await w.connected(port=peer.port, ca=peer.ca)
        found = await w.ok(Verb.VERB_SUBSCRIBE, workflow_type="T", flag=True, event_types=[50, 20], number=203)
        assert list(found.lines) == [f"w T {number} 50" for number in range(203)], found.lines
        assert found.position == b"after 202"
        wanted = [(request.position, request.from_beginning or bool(request.position)) for request in asked]
        assert wanted == [(b"", True), (b"idle", True), (b"idle", True)], wanted
        for request in asked:
            assert list(request.workflow_types) == ["T"] and list(request.event_types) == [50, 20]


def chunk(number: int, last: bool) -> messages.HistoryChunk:
    made = messages.HistoryChunk(saga_id=bytes(range(16)), last=last)
    made.events.add(event_id=number, event_type=50, saga_id=bytes(range(16))).signal_received.name = "n" * 100
    return made


@scenario
async def an_import_sends_every_part_once(w: World) -> None:
    """200 parts each way, more than any window; the header is in the first alone. An SDK that deals in events packs them anew."""
    count = 200
    parts: List[messages.ImportHistoryRequest] = []

    async def serve(stream: PeerStream) -> None:
        if stream.method.name == "ExportHistory":
            for number in range(count):
                await stream.send(chunk(number, number == count - 1))
            await stream.end()
            return
        parts.append(stream.first)
        while (item := await asyncio.wait_for(stream.items.get(), 10)) is not None:
            parts.append(item)
        await stream.respond(messages.ImportHistoryResponse(saga_id=bytes(range(16)), events=sum(len(part.chunk.events) for part in parts)))

    async with Scripted(w, serve) as peer:
        await w.connected(port=peer.port, ca=peer.ca)
        found = await w.ok(Verb.VERB_EXPORT)
        assert [event.id for event in found.events] == list(range(count)) and found.number == count
        made = await w.ok(Verb.VERB_IMPORT)
        assert (made.saga_id, made.number) == (bytes(range(16)), count)
        # Event by event: an SDK that reads them may write a default that was not there.
        assert [event.event_id for part in parts for event in part.chunk.events] == list(range(count))
        assert all(part.chunk.saga_id == bytes(range(16)) for part in parts)
        assert [part.chunk.last for part in parts] == [False] * (len(parts) - 1) + [True]
        names = {event.signal_received.name for part in parts for event in part.chunk.events}
        assert names == {"n" * 100}, names
        assert not any(part.HasField("header") for part in parts[1:])


@scenario
async def a_refused_import_is_a_status(w: World) -> None:
    """Refused in the middle: the rest is not sent, and the connection goes on."""

    async def serve(stream: PeerStream) -> None:
        if stream.method.name == "ExportHistory":
            for number in range(100):
                await stream.send(chunk(number, number == 99))
            await stream.end()
        elif stream.method.name == "ImportHistory":
            stream.manual_credit = True
            await stream.fail(INVALID_ARGUMENT, "event 1 does not follow event 0")
        else:
            await stream.respond(admin.HealthResponse(echo=stream.first.echo))

    async with Scripted(w, serve) as peer:
        await w.connected(port=peer.port, ca=peer.ca)
        await w.ok(Verb.VERB_EXPORT)
        refused: program.Outcome = await w.status(INVALID_ARGUMENT, Verb.VERB_IMPORT)
        assert "does not follow" in refused.message, refused
        assert (await w.ok(Verb.VERB_HEALTH, echo=b"x")).value.data == b"x"
        assert len(peer.connections) == 1
