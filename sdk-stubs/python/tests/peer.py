"""A scripted server for what a real one does not do on command: lose connections, drain, withhold acknowledgements."""

import asyncio
import pathlib
import ssl
import subprocess
from typing import Any, Awaitable, Callable, Dict, List, Optional

from saga_engine import _frames as frames
from saga_engine._frames import Frame, Kind
from saga_engine.v1 import common_messages_pb2 as common
from saga_engine.v1 import connection_messages_pb2 as wire
from saga_engine.v1 import methods


def make_certificates(folder: pathlib.Path) -> None:
    """A CA `ca.pem`, a server certificate for localhost, and a client certificate, by the openssl command."""

    def run(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    # Python 3.13 checks strictly: a CA must say what its key is for, and a certificate must name its CA's key.
    usage = ["-addext", "keyUsage=critical,keyCertSign,cRLSign", "-days", "2"]
    run("req", "-x509", *curve, *usage, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test CA")
    run("req", "-x509", *curve, *usage, "-keyout", "other.key", "-out", "other.pem", "-subj", "/CN=other CA")
    for name in ("server", "client"):
        run("req", *curve, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (folder / "ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nauthorityKeyIdentifier=keyid\n")
        run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "ext", "-out", f"{name}.pem")  # fmt: skip


class PeerStream:
    """One stream of a connection, seen from the server."""

    def __init__(self, peer: "PeerConnection", stream_id: int, method: int, first: Any) -> None:
        self.peer = peer
        self.id = stream_id
        self.method = methods.ALL[method]
        self.first = first
        self.items: "asyncio.Queue[Any]" = asyncio.Queue()
        self.window = [frames.WINDOW_ITEMS, frames.WINDOW_BYTES]
        self.granted = asyncio.Event()
        self.assembler = frames.Assembler()
        self.received = 0
        self.manual_credit = False
        self.cancelled = asyncio.Event()

    async def respond(self, message: Any) -> None:
        for part in frames.fragments(Kind.RESPONSE, self.id, message.SerializeToString()):
            await self.peer.write(part)

    async def fail(self, code: int, message: str, retry_after_ms: int = 0) -> None:
        status = common.Status(code=code, message=message, retry_after_ms=retry_after_ms)
        await self.peer.write(frames.encode(Kind.ERROR, self.id, status.SerializeToString()))

    async def send(self, item: Any) -> None:
        body = item.SerializeToString()
        while self.window[0] <= 0 or self.window[1] <= 0:
            self.granted.clear()
            await asyncio.wait_for(self.granted.wait(), 5)
        self.window[0] -= 1
        self.window[1] -= len(body)
        for part in frames.fragments(Kind.ITEM, self.id, body):
            await self.peer.write(part)

    async def end(self) -> None:
        await self.peer.write(frames.encode(Kind.END, self.id))

    async def grant(self, items: int, size: int) -> None:
        await self.peer.write(frames.encode(Kind.CREDIT, self.id, frames.CREDIT.pack(items, size)))


class PeerConnection:
    """One connection, seen from the server."""

    def __init__(self, server: "Peer", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.reader = reader
        self.writer = writer
        self.streams: Dict[int, PeerStream] = {}
        self.requests: Dict[int, frames.Assembler] = {}
        self.hello: Optional[wire.Hello] = None
        self.tasks: List["asyncio.Task[None]"] = []
        self.pings = 0

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def run(self) -> None:
        parser = frames.Parser()
        try:
            while True:
                data = await self.reader.read(65_536)
                if not data:
                    return
                for frame in parser.feed(data):
                    await self.handle(frame)
        except (OSError, ssl.SSLError, asyncio.CancelledError):
            pass
        finally:
            for task in self.tasks:
                task.cancel()
            self.writer.close()

    async def handle(self, frame: Frame) -> None:
        if self.hello is None:
            assert frame.kind == Kind.HELLO
            self.hello = wire.Hello.FromString(frame.body)
            answer = self.server.welcome(self.hello)
            if isinstance(answer, common.Status):
                await self.write(frames.encode(Kind.ERROR, 0, answer.SerializeToString()))
                self.writer.close()
            else:
                await self.write(frames.encode(Kind.WELCOME, 0, answer.SerializeToString()))
            return
        if frame.kind == Kind.PING:
            self.pings += 1
            await self.write(frames.encode(Kind.PONG, 0, frame.body))
        elif frame.kind == Kind.REQUEST:
            assembler = self.requests.setdefault(frame.stream, frames.Assembler())
            body = assembler.add(frame)
            if body is None:
                return
            message = methods.ALL[frame.method].request.FromString(body)
            stream = PeerStream(self, frame.stream, frame.method, message)
            self.streams[frame.stream] = stream
            self.server.seen.append((stream.method.full_name, message))
            self.tasks.append(asyncio.ensure_future(self.server.serve(stream)))
        elif frame.kind == Kind.ITEM:
            stream = self.streams[frame.stream]
            body = stream.assembler.add(frame)
            if body is None:
                return
            stream.received += 1
            stream.items.put_nowait(stream.method.request.FromString(body))
            if not stream.manual_credit:
                await stream.grant(1, len(body))
        elif frame.kind == Kind.CREDIT:
            stream = self.streams[frame.stream]
            items, size = frames.CREDIT.unpack(frame.body)
            stream.window[0] += items
            stream.window[1] += size
            stream.granted.set()
        elif frame.kind == Kind.END:
            self.streams[frame.stream].items.put_nowait(None)
        elif frame.kind == Kind.CANCEL:
            self.streams[frame.stream].cancelled.set()


class Peer:
    """A TLS server on loopback whose answers a test writes."""

    def __init__(self, folder: pathlib.Path, serve: Callable[[PeerStream], Awaitable[None]]) -> None:
        self.folder = folder
        self.serve = serve
        self.connections: List[PeerConnection] = []
        self.seen: List[Any] = []
        self.alpn = ["saga/1"]
        self.requires_client = False
        self.port = 0
        self._server: Optional[asyncio.AbstractServer] = None
        self._tasks: List["asyncio.Task[None]"] = []

    def welcome(self, hello: wire.Hello) -> Any:
        return wire.Welcome(server_version="peer/1", max_frame=frames.MAX_FRAME, max_message=frames.MAX_MESSAGE)

    async def __aenter__(self) -> "Peer":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(self.folder / "server.pem", self.folder / "server.key")
        if self.alpn:
            context.set_alpn_protocols(self.alpn)
        if self.requires_client:
            context.load_verify_locations(self.folder / "ca.pem")
            context.verify_mode = ssl.CERT_REQUIRED

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = PeerConnection(self, reader, writer)
            self.connections.append(connection)
            await connection.run()

        self._server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for connection in self.connections:
            connection.writer.close()
        await asyncio.sleep(0.01)
