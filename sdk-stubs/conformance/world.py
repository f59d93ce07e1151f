"""What the scenarios act in: a server, a harness, a proxy that does what networks do."""

import asyncio
import contextlib
import os
import pathlib
import signal
import socket
import struct
import subprocess
import uuid
from typing import Any, AsyncIterator, Dict, List, Optional, Sequence, Tuple

import conformance_pb2 as program
import workflows
from saga_engine import Client
from saga_engine.v1 import history_messages_pb2 as history

Verb = program.Verb


class Died(Exception):
    """The harness ended instead of answering."""


class Harness:
    """The SDK's program, one action at a time."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process: Optional[asyncio.subprocess.Process] = None

    async def start(self) -> None:
        await self.stop()
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**26
        )

    async def stop(self) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        self._process = None

    async def finish(self, limit: float) -> int:
        """Closes its input and waits for it to end by itself."""
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.close()
        code = await asyncio.wait_for(self._process.wait(), limit)
        self._process = None
        return code

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def wait_dead(self) -> None:
        assert self._process is not None
        await asyncio.wait_for(self._process.wait(), 20)

    async def act(self, action: program.Action, limit: float = 60.0) -> program.Outcome:
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        body = action.SerializeToString()
        try:
            process.stdin.write(struct.pack(">I", len(body)) + body)
            await process.stdin.drain()
            head = await asyncio.wait_for(process.stdout.readexactly(4), limit)
            data = await asyncio.wait_for(process.stdout.readexactly(struct.unpack(">I", head)[0]), limit)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise Died(f"the harness died in {Verb.Name(action.verb)}") from error
        except asyncio.TimeoutError:
            raise Died(f"the harness did not answer {Verb.Name(action.verb)} within {limit} s") from None
        return program.Outcome.FromString(data)


class Server:
    """`saga dev` with a folder and a port of its own."""

    def __init__(self, saga: str, folder: pathlib.Path, *options: str) -> None:
        self.saga = saga
        self.folder = folder
        self.options = options
        self.port = free_port()
        self._process: Optional[subprocess.Popen[bytes]] = None

    @property
    def ca(self) -> str:
        return str(self.folder / "ca.pem")

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        log = open(self.folder / "log", "ab")
        command = [self.saga, "dev", "--port", str(self.port), "--data", str(self.folder), *self.options]
        self._process = subprocess.Popen(command, stdout=log, stderr=log)

    async def ready(self) -> None:
        for _ in range(200):
            assert self._process is not None and self._process.poll() is None, (self.folder / "log").read_text()
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 0.5).close()
                if pathlib.Path(self.ca).exists():
                    return
            await asyncio.sleep(0.05)
        raise AssertionError("the server did not start")

    def kill(self, how: int = signal.SIGKILL) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def freeze(self, frozen: bool) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Proxy:
    """Bytes to and from a server, until it is told to cut, stall or drop them."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.port = 0
        self.connections = 0
        self.stalled = asyncio.Event()
        self.stalled.set()  # set = flowing
        self.cut_after: Optional[int] = None  # bytes from the server until the connection is cut
        self.passed = 0
        self._writers: List[asyncio.StreamWriter] = []
        self._server: Optional[asyncio.AbstractServer] = None
        self._tasks: List["asyncio.Task[None]"] = []

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Resets every connection."""
        for writer in self._writers:
            found = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        self._writers.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.close()
            return
        self._writers += [writer, up_writer]
        self._tasks += [
            asyncio.ensure_future(self._pump(reader, up_writer, False)),
            asyncio.ensure_future(self._pump(up_reader, writer, True)),
        ]

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, down: bool) -> None:
        try:
            while True:
                data = await reader.read(16_384)
                await self.stalled.wait()
                if not data:
                    break
                if down and self.cut_after is not None:
                    data, self.cut_after = data[: self.cut_after], self.cut_after - len(data)
                    writer.write(data)
                    await writer.drain()
                    if self.cut_after <= 0:
                        self.cut_after = None
                        self.cut()
                        return
                    continue
                if down:
                    self.passed += len(data)
                writer.write(data)
                await writer.drain()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            with contextlib.suppress(Exception):
                writer.close()


class World:
    """One scenario's view: shared server and harness, names of its own."""

    def __init__(self, server: Server, harness: Harness, certificates: pathlib.Path, folder: pathlib.Path) -> None:
        self.server = server
        self.harness = harness
        self.certificates = certificates
        self.folder = folder
        self.queue = self.unique("queue")
        self.id = self.unique("saga")
        self.logged = 0

    @staticmethod
    def unique(name: str) -> str:
        return f"{name}-{uuid.uuid4().hex[:10]}"

    async def do(self, verb: Any, limit: float = 60.0, **fields: Any) -> program.Outcome:
        """One action; a bug of the harness fails the scenario."""
        target = verb not in (Verb.VERB_LIST, Verb.VERB_COUNT, Verb.VERB_LIST_BLOCKED)
        fields.setdefault("workflow_id", self.id if target else "")
        fields.setdefault("task_queue", self.queue)
        outcome = await self.harness.act(program.Action(verb=verb, **fields), limit)
        assert outcome.result != "bug", outcome.message
        return outcome

    async def ok(self, verb: Any, limit: float = 60.0, **fields: Any) -> program.Outcome:
        outcome = await self.do(verb, limit, **fields)
        assert outcome.result == "ok", f"{Verb.Name(verb)}: {outcome.result} {outcome.message}"
        return outcome

    async def status(self, code: int, verb: Any, **fields: Any) -> program.Outcome:
        outcome = await self.do(verb, **fields)
        got = (outcome.result, outcome.status_code)
        assert got == ("status", code), f"{Verb.Name(verb)}: {got} {outcome.message}, not status {code}"
        return outcome

    async def connect(self, **how: Any) -> program.Outcome:
        how.setdefault("host", "localhost")
        how.setdefault("port", self.server.port)
        how.setdefault("ca", self.server.ca)
        return await self.do(Verb.VERB_CONNECT, connect=program.Connect(**how))

    async def connected(self, **how: Any) -> None:
        outcome = await self.connect(**how)
        assert outcome.result == "ok", outcome.message

    @contextlib.asynccontextmanager
    async def serving(self, types: Dict[str, workflows.Decide], places: int = 10, **how: Any) -> AsyncIterator[Client]:
        """Connected, the harness serving activities and the suite workflow code; drained at the end."""
        await self.connected(**how)
        self.logged = len((await self.ok(Verb.VERB_LOG)).lines)
        async with Client.connect("localhost", self.server.port, ca=self.server.ca) as client:
            async with workflows.Workflows(client, self.queue, types):
                await self.ok(Verb.VERB_SERVE, number=places)
                yield client
                if self.harness.alive:
                    await self.ok(Verb.VERB_DRAIN)

    async def log(self) -> List[str]:
        """What activities of this scenario wrote down."""
        return list((await self.ok(Verb.VERB_LOG)).lines)[self.logged :]

    async def start(self, workflow_type: str, value: Optional[program.Value] = None, **fields: Any) -> program.Outcome:
        return await self.ok(Verb.VERB_START, workflow_type=workflow_type, input=value or json_value(b"null"), **fields)

    async def history(self, client: Client, workflow_id: str = "") -> List[history.HistoryEvent]:
        return [event async for event in client.history(workflow_id or self.id)]

    async def until(self, client: Client, code: int, count: int = 1) -> None:
        """Waits until the history has so many events of a code."""
        for _ in range(400):
            if sum(e.event_type == code for e in await self.history(client)) >= count:
                return
            await asyncio.sleep(0.025)
        raise AssertionError(f"no event {code} in {names(await self.history(client))}")


def json_value(data: bytes) -> program.Value:
    return program.Value(encoding="json", data=data)


def names(events: Sequence[history.HistoryEvent]) -> List[str]:
    """The event types, without what timing may change."""
    return [str(event.WhichOneof("attributes")) for event in events]
