"""One connection: TLS, HELLO and WELCOME, calls and streams side by side."""

import asyncio
import ipaddress
import os
import socket
import ssl
from collections import deque
from typing import Any, Deque, Dict, Optional, Set, Tuple, Union

from google.protobuf.message import DecodeError

from saga_engine import _frames as frames
from saga_engine._frames import Frame, Kind
from saga_engine.errors import ConnectionLost, StatusCode, StatusError
from saga_engine.v1 import common_messages_pb2 as common
from saga_engine.v1 import connection_messages_pb2 as wire
from saga_engine.v1.methods import Method

ALPN = "saga/1"
SDK_NAME = "python"
SDK_VERSION = "0.1.0"
PING_AFTER = 20.0
CLOSE_AFTER = 60.0


class NotProcessed(ConnectionLost):
    """The server has not begun this call: it is safe to repeat."""


class TLSOptions:
    """How to trust the server and what to show it."""

    def __init__(
        self,
        ca: Optional[str] = None,
        cert: Optional[str] = None,
        key: Optional[str] = None,
        server_hostname: Optional[str] = None,
        insecure: bool = False,
    ) -> None:
        self.ca = ca
        self.cert = cert
        self.key = key
        self.server_hostname = server_hostname
        self.insecure = insecure

    def context(self, host: str) -> Optional[ssl.SSLContext]:
        """TLS 1.3, `saga/1`, the name checked. None only for plain text on loopback, asked for by name."""
        if self.insecure:
            if not _is_loopback(host):
                raise ValueError("insecure=True is for loopback only; give ca= instead")
            return None
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=self.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.set_alpn_protocols([ALPN])
        if self.cert is not None:
            context.load_cert_chain(self.cert, self.key)
        return context


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Stream:
    """A call or stream. Items are messages of the method's types."""

    def __init__(self, connection: "Connection", stream_id: int, method: Method) -> None:
        self.id = stream_id
        self.method = method
        self._connection = connection
        self._assembler = frames.Assembler(connection.max_message)
        self._inbox: Deque[Tuple[Any, int]] = deque()
        self._arrived = asyncio.Event()
        self._over: Optional[BaseException] = None
        self._ended_by_peer = False
        self._ended_by_us = not method.client_streaming
        self._send_lock = asyncio.Lock()
        self._credit = asyncio.Event()
        self._send_items, self._send_bytes = connection.window
        self._consumed_items = 0
        self._consumed_bytes = 0

    async def send(self, item: Any) -> None:
        """Sends an item; waits for room in the peer's window."""
        body = item.SerializeToString()
        async with self._send_lock:
            while self._send_items <= 0 or self._send_bytes <= 0:
                self._raise_if_over()
                self._credit.clear()
                await self._credit.wait()
            self._raise_if_over()
            if self._ended_by_us:
                raise RuntimeError("the stream is half-closed")
            self._send_items -= 1
            self._send_bytes -= len(body)
            await self._connection._send_message(Kind.ITEM, self.id, body)

    async def receive(self) -> Any:
        """The next message; None after the last. Raises StatusError or ConnectionLost."""
        while not self._inbox:
            if self._over is not None:
                raise self._over
            if self._ended_by_peer:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        message, size = self._inbox.popleft()
        self._consume(size)
        return message

    async def end(self) -> None:
        """Half-close: no further item from this side."""
        async with self._send_lock:
            if self._ended_by_us or self._over is not None:
                return
            self._ended_by_us = True
            await self._connection._send(frames.encode(Kind.END, self.id))
        self._forget_if_over()

    def cancel(self, reason: str = "") -> None:
        """Ends both directions. Never undoes what the call has changed."""
        if self._connection._forget(self):
            body = wire.StreamCancel(reason=reason).SerializeToString()
            self._connection._write(frames.encode(Kind.CANCEL, self.id, body))
        self._close(StatusError(StatusCode.CANCELLED, reason or "cancelled here"))

    # Called by the connection.

    def _receive(self, frame: Frame) -> None:
        if frame.kind == Kind.CREDIT:
            if len(frame.body) != frames.CREDIT.size:
                raise frames.FrameError("CREDIT has 8 bytes")
            items, size = frames.CREDIT.unpack(frame.body)
            self._send_items += items
            self._send_bytes += size
            self._credit.set()
            return
        if frame.kind == Kind.END:
            self._ended_by_peer = True
            self._arrived.set()
            self._forget_if_over()
            return
        if frame.kind == Kind.CANCEL:
            reason = wire.StreamCancel.FromString(frame.body).reason
            self._connection._forget(self)
            self._close(StatusError(StatusCode.CANCELLED, reason))
            return
        message = self._assembler.add(frame)
        if message is None:
            return
        if frame.kind == Kind.ERROR:
            self._connection._forget(self)
            self._close(StatusError.from_message(common.Status.FromString(message)))
            return
        # After items a RESPONSE says nothing but that there are no more.
        if frame.kind != Kind.RESPONSE or not self.method.server_streaming:
            self._inbox.append((self.method.response.FromString(message), len(message)))
        if frame.kind == Kind.RESPONSE:
            self._ended_by_peer = True
            self._connection._forget(self)
            # A response may come while a sender waits for room.
            self._ended_by_us = True
        self._arrived.set()

    def _close(self, error: BaseException) -> None:
        if self._over is None:
            self._over = error
        self._arrived.set()
        self._credit.set()

    def _raise_if_over(self) -> None:
        if self._over is not None:
            raise self._over

    def _forget_if_over(self) -> None:
        if self._ended_by_us and self._ended_by_peer:
            self._connection._forget(self)

    def _consume(self, size: int) -> None:
        """Grants the window again in halves."""
        if not self.method.server_streaming or self._ended_by_peer or self._over is not None:
            return
        self._consumed_items += 1
        self._consumed_bytes += size
        if self._consumed_items >= frames.WINDOW_ITEMS // 2 or self._consumed_bytes >= frames.WINDOW_BYTES // 2:
            body = frames.CREDIT.pack(self._consumed_items, self._consumed_bytes)
            self._consumed_items = self._consumed_bytes = 0
            self._connection._write(frames.encode(Kind.CREDIT, self.id, body))


def _abort(writer: asyncio.StreamWriter) -> None:
    """Ends a connection at once, also one that has ended already."""
    try:
        writer.transport.abort()
    except AttributeError:
        # CPython up to 3.11.3: the TLS transport of a lost connection has let go of what it would abort.
        pass


class Connection:
    """A connection that has said HELLO and was welcomed."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._parser = frames.Parser()
        self._streams: Dict[int, Stream] = {}
        self._last_stream = 0
        self._tasks: Set["asyncio.Task[None]"] = set()
        self._lost: Optional[ConnectionLost] = None
        self._last_sent = self._last_received = asyncio.get_running_loop().time()
        self._drain_lock = asyncio.Lock()
        self.max_frame = frames.MAX_FRAME
        self.max_message = frames.MAX_MESSAGE
        self.max_streams = 256
        self.window = (frames.WINDOW_ITEMS, frames.WINDOW_BYTES)
        self.going_away: Optional[wire.GoAway] = None
        self.welcome: wire.Welcome = wire.Welcome()
        self.closed = asyncio.Event()

    @classmethod
    async def open(
        cls, host: str, port: int, tls: TLSOptions, *, token: str = "", namespace: str = "", timeout: float = 10.0
    ) -> "Connection":
        """Connects, checks the server's certificate and name, says HELLO and waits for WELCOME."""
        context = tls.context(host)
        name = tls.server_hostname or host

        async def attempt() -> "Connection":
            options: Dict[str, Any] = {"ssl": context, "server_hostname": name} if context else {}
            reader, writer = await asyncio.open_connection(host, port, **options)
            try:
                tls_object = writer.get_extra_info("ssl_object")
                if context is not None and (tls_object is None or tls_object.selected_alpn_protocol() != ALPN):
                    raise ConnectionLost(f"{host}:{port} does not speak {ALPN}")
                connection = cls(reader, writer)
                await connection._hello(token, namespace)
                return connection
            except BaseException:
                _abort(writer)
                raise

        try:
            return await asyncio.wait_for(attempt(), timeout)
        except asyncio.TimeoutError:
            raise ConnectionLost(f"{host}:{port}: no welcome within {timeout} s") from None
        except ssl.SSLCertVerificationError as error:
            raise ConnectionLost(f"{host}:{port}: the certificate is not trusted: {error.verify_message}") from error
        except (OSError, EOFError, ssl.SSLError) as error:
            # In TLS 1.3 a refused client certificate shows only here, on the first read.
            raise ConnectionLost(f"{host}:{port}: {error or type(error).__name__}") from error

    async def _hello(self, token: str, namespace: str) -> None:
        identity = f"{os.environ.get('USER', 'python')}@{socket.gethostname()}/{os.getpid()}"
        hello = wire.Hello(
            sdk_name=SDK_NAME, sdk_version=SDK_VERSION, namespace=namespace, token=token, identity=identity[:255]
        )
        self._write(frames.encode(Kind.HELLO, 0, hello.SerializeToString()))
        first: Optional[Frame] = None
        rest = []
        while first is None:
            data = await self._reader.read(65_536)
            if not data:
                raise ConnectionLost("the server closed the connection during the hello")
            got = self._parse(data)
            if got:
                first, rest = got[0], got[1:]
        if first.kind == Kind.ERROR:
            raise StatusError.from_message(common.Status.FromString(first.body))
        if first.kind != Kind.WELCOME:
            raise ConnectionLost(f"{first.kind.name} instead of WELCOME")
        welcome = wire.Welcome.FromString(first.body)
        self.welcome = welcome
        if welcome.max_frame:
            self.max_frame = max(frames.OVERHEAD + 1, welcome.max_frame)
            self._parser.max_frame = max(frames.MAX_FRAME, welcome.max_frame)
        if welcome.max_message:
            self.max_message = welcome.max_message
        if welcome.max_streams:
            self.max_streams = welcome.max_streams
        if welcome.initial_items and welcome.initial_bytes:
            self.window = (welcome.initial_items, welcome.initial_bytes)
        for frame in rest:
            self._dispatch(frame)
        self._spawn(self._read())
        self._spawn(self._keep_alive())

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def usable(self) -> bool:
        """True while new calls may be opened."""
        return self._lost is None and self.going_away is None and len(self._streams) < self.max_streams

    async def open_stream(self, method: Method, first: Any) -> Stream:
        """Opens a call or stream; `first` is the request, or the first item."""
        if self._lost is not None:
            raise NotProcessed(str(self._lost))
        if self.going_away is not None:
            raise NotProcessed(f"the server drains: {self.going_away.reason}")
        body = first.SerializeToString()
        if len(body) > self.max_message:
            raise StatusError(StatusCode.INVALID_ARGUMENT, f"a message is at most {self.max_message} bytes")
        self._last_stream += 1
        stream = Stream(self, self._last_stream, method)
        self._streams[stream.id] = stream
        # The first frame leaves before any later stream's: ids must increase on the wire.
        await self._send_message(Kind.REQUEST, stream.id, body, method.number)
        return stream

    async def close(self) -> None:
        """Closes the connection; what is under way is lost."""
        self._lose(ConnectionLost("closed here"))
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await asyncio.wait_for(self._writer.wait_closed(), 2.0)
        except (asyncio.TimeoutError, OSError, ssl.SSLError):
            _abort(self._writer)

    # Sending

    def _write(self, data: bytes) -> None:
        if self._lost is None:
            self._writer.write(data)
            self._last_sent = asyncio.get_running_loop().time()

    async def _send(self, data: bytes) -> None:
        if self._lost is not None:
            raise self._lost
        self._write(data)
        # One waiter at a time: older Pythons allow no more.
        async with self._drain_lock:
            try:
                await self._writer.drain()
            except (OSError, ssl.SSLError) as error:
                self._lose(ConnectionLost(str(error) or type(error).__name__))
                raise ConnectionLost(str(error) or type(error).__name__) from error

    async def _send_message(self, kind: Kind, stream: int, body: bytes, method: int = 0) -> None:
        """Frame by frame, so that others get their turn between the parts of a large message."""
        parts = frames.fragments(kind, stream, body, method, self.max_frame)
        try:
            for frame in parts:
                await self._send(frame)
        except asyncio.CancelledError:
            # Half a message would be the end of the connection: the rest leaves without waiting for room.
            for frame in parts:
                self._write(frame)
            raise

    # Receiving

    def _parse(self, data: bytes) -> "list[Frame]":
        self._last_received = asyncio.get_running_loop().time()
        try:
            return self._parser.feed(data)
        except frames.FrameError as error:
            raise ConnectionLost(f"the server sent {error}") from error

    async def _read(self) -> None:
        try:
            while True:
                data = await self._reader.read(262_144)
                if not data:
                    self._lose(ConnectionLost("the server closed the connection"))
                    return
                for frame in self._parse(data):
                    self._dispatch(frame)
        except asyncio.CancelledError:
            raise
        except ConnectionLost as error:
            self._lose(error)
        except (frames.FrameError, DecodeError) as error:
            self._lose(ConnectionLost(f"the server sent {error}"))
        except (OSError, ssl.SSLError) as error:
            self._lose(ConnectionLost(str(error) or type(error).__name__))

    def _dispatch(self, frame: Frame) -> None:
        if frame.stream != 0:
            stream = self._streams.get(frame.stream)
            if stream is not None:
                stream._receive(frame)
            elif frame.stream > self._last_stream:
                raise ConnectionLost(f"the server sent {frame.kind.name} for stream {frame.stream}, never opened")
        elif frame.kind == Kind.PING:
            self._write(frames.encode(Kind.PONG, 0, frame.body))
        elif frame.kind == Kind.GOAWAY:
            self._go_away(wire.GoAway.FromString(frame.body))
        elif frame.kind == Kind.ERROR:
            status = StatusError.from_message(common.Status.FromString(frame.body))
            raise ConnectionLost(f"the server closed the connection: {status}")

    def _go_away(self, message: wire.GoAway) -> None:
        self.going_away = message
        for stream in [s for s in self._streams.values() if s.id > message.last_stream_id]:
            self._forget(stream)
            stream._close(NotProcessed(f"the server drains: {message.reason}"))
        self._close_if_drained()

    def _forget(self, stream: Stream) -> bool:
        known = self._streams.pop(stream.id, None) is not None
        if known:
            self._close_if_drained()
        return known

    def _close_if_drained(self) -> None:
        if self.going_away is not None and not self._streams and self._lost is None:
            self._lose(ConnectionLost("drained"))

    def _lose(self, error: ConnectionLost) -> None:
        if self._lost is not None:
            return
        self._lost = error
        for stream in list(self._streams.values()):
            stream._close(error)
        self._streams.clear()
        self._writer.close()
        self.closed.set()

    async def _keep_alive(self) -> None:
        loop = asyncio.get_running_loop()
        while self._lost is None:
            await asyncio.sleep(1.0)
            if loop.time() - self._last_received >= CLOSE_AFTER:
                self._lose(ConnectionLost("the server was silent for too long"))
                _abort(self._writer)
            elif loop.time() - self._last_sent >= PING_AFTER:
                self._write(frames.encode(Kind.PING, 0, b"saga-py1"))


CertOption = Union[None, str, Tuple[str, str]]


def tls_options(ca: Optional[str], cert: CertOption, server_hostname: Optional[str], insecure: bool) -> TLSOptions:
    """From the arguments of `connect`: `cert` is one PEM file with the key in it, or a pair of files."""
    if isinstance(cert, tuple):
        return TLSOptions(ca, cert[0], cert[1], server_hostname, insecure)
    return TLSOptions(ca, cert, None, server_hostname, insecure)
